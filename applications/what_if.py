"""The movable line of the money board: what awarding everything above it would come to, before anything is decided."""

from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BigIntegerField, Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Least

from applications import boards
from applications.models import Application, Decision, DecisionKind, DecisionState
from applications.states import State
from programs import rulebook
from programs.models import Cycle
from programs.rulebook import Rulebook
from programs.staff import Desk

GROUPS = {"field": "Field", "country": "Country", "career_stage": "Career stage"}


@dataclass(frozen=True)
class Part:
    """One field, country or career stage above the line. Cents."""

    name: str
    number: int
    cents: int


@dataclass(frozen=True)
class WhatIf:
    """What the best `number` of a ranking come to. cents counts those in review; released awards are paid already.

    lowest: the mean of the last one above the line. parts: for each of GROUPS, the largest number first.
    """

    number: int
    cents: int
    released: int
    lowest: Decimal | None
    parts: dict[str, list[Part]]


def amount(rules: Rulebook) -> Case | Coalesce:
    """What an award of a row would be, in SQL: the pending award's amount, else the default (decisions.default_amount_cents)."""
    pending = Decision.objects.filter(
        application=OuterRef("pk"), state=DecisionState.PENDING, kind=DecisionKind.AWARD
    ).values("amount_cents")
    whole = BigIntegerField()
    if rules.is_fixed:
        usual = Value(rules.award_default_cents or 0, output_field=whole)
    else:
        usual = Coalesce(F("requested_cents"), Value(rules.award_default_cents or 0), output_field=whole)  # type: ignore[assignment]
        if rules.award_cap_cents:
            usual = Least(usual, Value(rules.award_cap_cents), output_field=whole)  # type: ignore[assignment]
    updates = When(amends__isnull=False, then=Coalesce(F("requested_cents"), Value(0), output_field=whole))
    return Coalesce(Subquery(pending), Case(updates, default=usual, output_field=whole), output_field=whole)


def best(cycle: Cycle, desk: Desk, place: int) -> QuerySet[Application]:
    """The rows above a line after `place`, in the order of the ranking that this person sees."""
    return boards.ranking(cycle, desk)[:place]


def draw(cycle: Cycle, desk: Desk, place: int) -> WhatIf:
    """Number, sum and the spread over fields, countries and career stages above a line. One query at any size."""
    empty = WhatIf(0, 0, 0, None, {key: [] for key in GROUPS})
    if place <= 0:
        return empty
    rows = boards.ranking(cycle, desk).annotate(amount=amount(rulebook.for_cycle(cycle)))
    try:
        ranked, parameters = rows.values("pk", "state", "mean", "amount", *GROUPS)[
            :place
        ].query.sql_with_params()
    except EmptyResultSet:
        return empty
    cost = "coalesce(sum(amount) FILTER (WHERE state = %s), 0)::bigint"
    grouped = " UNION ALL ".join(  # from GROUPS alone
        f"SELECT '{key}', {key}, count(*), {cost}, 0, NULL::numeric FROM best GROUP BY {key}"  # noqa: S608
        for key in GROUPS
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH best (id, state, mean, amount, {", ".join(GROUPS)}) AS MATERIALIZED ({ranked})
            SELECT '', '', count(*), {cost}, count(*) FILTER (WHERE state = %s), min(mean) FROM best
            UNION ALL {grouped}
            """,  # noqa: S608 - the ORM wrote the inner statement, the rest are constants
            [*parameters, State.IN_REVIEW, State.AWARDED, *[State.IN_REVIEW] * len(GROUPS)],
        )
        found = cursor.fetchall()
    parts: dict[str, list[Part]] = {key: [] for key in GROUPS}
    whole = (0, 0, 0, None)
    for group, name, number, cents, released, lowest in found:
        if group:
            parts[group].append(Part(name, number, cents))
        else:
            whole = (number, cents, released, lowest)
    for listed in parts.values():
        listed.sort(key=lambda part: (-part.number, part.name))
    return WhatIf(*whole, parts=parts)
