"""Grants: reserve credit for awards, tie a grant to its organization, cancel it before it is sent."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from credits import ledger
from credits.models import Grant, Organization, Stage, TermStarts, Transfer, WaitsFor
from credits.models.grant import MAY_BECOME
from credits.movements import AccountKind, Kind
from portal import audit
from portal.database import array_of_plain, array_of_texts, constraint_of
from portal.models import User
from portal.refusals import Refused


class CannotChangeGrant(Refused):
    """The grant has been sent or ended, so this change is not possible any more."""


class EndsTooEarly(Refused):
    """The credit would end before anybody could use it."""


class OtherOrganization(CannotChangeGrant):
    """The grant has an organization already. One award goes to one organization ID."""


@dataclass(frozen=True, slots=True)
class AwardToReserve:
    """What a program decided. reference: unique text that names the award; term_months: None for no end.

    held_back_cents: the part of the amount that is a grant of its own and waits for the summary of the award.
    term_starts, latest_end_on, late_usage_days: as in programs.models.Program.
    """

    reference: str
    program: str
    provider: str
    holder_id: int
    organization_id: int | None
    amount_cents: int
    currency: str
    models: Sequence[str]
    term_months: int | None
    held_back_cents: int = 0
    term_starts: str = TermStarts.POSTING
    latest_end_on: date | None = None
    late_usage_days: int = 3


SECOND = "-2"
"""Ends the reference of the second half of a grant."""


def dates_of(grant: Grant, *, confirmed_at: datetime) -> tuple[date | None, date | None]:
    """The first and the last day of a grant that its provider confirms now. Both None while its first use is awaited.

    The last day is the earlier of the term and the day that the program set for all its credit.
    """
    if grant.term_starts == TermStarts.FIRST_USE:
        return None, grant.latest_end_on
    moment = grant.created_at if grant.term_starts == TermStarts.DECISION else confirmed_at
    starts_on = moment.astimezone(UTC).date()
    last = last_day(starts_on=starts_on, term_months=grant.term_months, latest_end_on=grant.latest_end_on)
    return starts_on, last


def last_day(*, starts_on: date, term_months: int | None, latest_end_on: date | None) -> date | None:
    """The last day of credit whose clock starts on a day; None when nothing ends it."""
    ends = [day for day in (expiry(starts_on, term_months), latest_end_on) if day is not None]
    return min(ends, default=None)


def key_of(grant: Grant, step: str) -> str:
    """The key of one movement in the life of a grant. It never depends on the attempt."""
    return f"grant:{grant.uuid}:{step}"


def expiry(starts_on: date, term_months: int | None) -> date | None:
    """The last day on which the credit can be used: the same day `term_months` later, or None without a term.

    A day that the later month does not have becomes its last day: 31 August plus 6 months is 28 or 29 February.
    The credit lasts to the end of that day in UTC.
    """
    if term_months is None:
        return None
    months = starts_on.year * 12 + starts_on.month - 1 + term_months
    year, month = divmod(months, 12)
    return date(year, month + 1, min(starts_on.day, monthrange(year, month + 1)[1]))


@transaction.atomic
def reserve(*, award: AwardToReserve, pool_code: str, by: User, at: datetime) -> Grant:
    """Reserve the credit of one award. Same rules and errors as reserve_many; returns the grant."""
    return Grant.objects.get(pk=reserve_many(awards=[award], pool_code=pool_code, by=by, at=at)[0])


@transaction.atomic
def reserve_many(*, awards: Sequence[AwardToReserve], pool_code: str, by: User, at: datetime) -> list[int]:
    """Make a grant for each award and hold its credit in the pool: all of them, or none. Returns ids in their order.

    Set-based: the number of statements does not depend on the number of awards, and no grant passes through Python.
    Repeating an award (same reference, same content) returns its grant and holds nothing again. What an award holds back
    is reserved too, as its second half; the grant that is returned is the first.
    Raises ledger.NotEnoughCredit when the pool does not cover the new ones, ledger.KeyReused when a reference stands
    with other content, ledger.NoSuchAccount without a pool, ledger.NotAllowed when the pool is another program's.
    Source: docs/ledger.md, "Movements".
    """
    if not awards:
        return []
    for award in awards:
        if award.latest_end_on is not None and award.latest_end_on <= at.astimezone(UTC).date():
            raise EndsTooEarly(
                f"{award.reference} would end on {award.latest_end_on:%Y-%m-%d}, which is not ahead. "
                "Set a later last day for the program first."
            )
    pool = ledger.account(pool_code)
    firsts, later = [_first(award) for award in awards], [_second(a) for a in awards if a.held_back_cents]
    new = _insert(firsts, pool.code, at)
    if later:
        new |= _insert(later, pool.code, at, statement=_INSERT_SECOND)
    halves = [*firsts, *later]
    ids = new if len(new) == len(halves) else _same(halves)
    if new:
        ledger.hold_many(pool=pool, grant_ids=list(new.values()), by=by, at=at)
        audit.record(
            action="grant.reserve",
            subject=Grant(pk=next(iter(new.values()))) if len(new) == 1 else pool,
            by=by,
            at=at,
            pool=pool.code,
            grants=len(new),
            amount_cents=sum({a.reference: a.amount_cents for a in halves if a.reference in new}.values()),
        )
    return [ids[award.reference] for award in awards]


def _first(award: AwardToReserve) -> AwardToReserve:
    """What an award gives at once: all of it, but for what it holds back."""
    if not award.held_back_cents:
        return award
    return replace(award, amount_cents=award.amount_cents - award.held_back_cents, held_back_cents=0)


def _second(award: AwardToReserve) -> AwardToReserve:
    """What an award holds back. It goes to the organization that its first half has then."""
    return replace(
        award,
        reference=award.reference + SECOND,
        organization_id=None,
        amount_cents=award.held_back_cents,
        held_back_cents=0,
    )


@transaction.atomic
def let_go(*, grant_id: int, by: User, at: datetime) -> Grant:
    """End the waiting of a second half: the next sweep sends it to the organization of its first half.

    Letting go again changes nothing. Raises CannotChangeGrant when it was cancelled, or when the first half is not
    confirmed: what the provider has not taken once is not offered twice.
    """
    first_id = Grant.objects.values_list("half_of_id", flat=True).get(pk=grant_id)
    if first_id is None:
        raise CannotChangeGrant("This grant is no second half.")
    first, grant = locked(first_id), locked(grant_id)
    if grant.stage != Stage.RESERVED:
        raise CannotChangeGrant(f"{grant} is {grant.get_stage_display().lower()}, so it cannot be sent.")
    if not grant.waits_for:
        return grant
    if first.stage != Stage.CONFIRMED:
        raise CannotChangeGrant("The first half is not posted.")
    grant.organization_id, grant.waits_for = _where_it_is(first).organization_id, ""
    grant.save(update_fields=["organization", "waits_for"])
    audit.record(action="grant.let_go", subject=grant, by=by, at=at, organization=grant.organization_id)
    return grant


def _where_it_is(grant: Grant) -> Grant:
    """The lot that has the credit of a grant now: its organization may have been changed."""
    while (moved := Grant.objects.filter(moved_from=grant).first()) is not None:
        grant = moved
    return grant


@transaction.atomic
def bind_organization(*, grant_id: int, organization_id: int, by: User, at: datetime) -> Grant:
    """Tie a reserved grant to the organization that gets the credit, once. The next sweep sends it.

    Raises OtherOrganization when it has another one, CannotChangeGrant when it is not reserved any more or the
    organization belongs to another provider. Binding the same organization again changes nothing.
    """
    grant = locked(grant_id)
    organization = Organization.objects.get(pk=organization_id)
    if grant.organization_id == organization.pk:
        return grant
    if grant.organization_id is not None:
        raise OtherOrganization(
            _("This award has its organization already. A change is a separate, controlled step.")
        )
    if grant.stage != Stage.RESERVED:
        raise CannotChangeGrant(
            f"{grant} is {grant.get_stage_display().lower()}, so it takes no organization."
        )
    if organization.provider != grant.provider:
        raise CannotChangeGrant(_("This organization belongs to another provider."))
    grant.organization = organization
    grant.save(update_fields=["organization"])
    audit.record(action="grant.bind", subject=grant, by=by, at=at, organization=organization.pk)
    return grant


@transaction.atomic
def cancel(*, grant_id: int, by: User | None, at: datetime, reason: str = "") -> Grant:
    """Return the credit of a grant that has not been sent to its pool. Cancelling again changes nothing.

    Raises CannotChangeGrant once it was sent: from then on the provider's answer decides.
    """
    grant = locked(grant_id)
    if grant.stage == Stage.VOID:
        return grant
    if Stage.VOID not in MAY_BECOME[grant.stage]:
        raise CannotChangeGrant(f"{grant} is {grant.get_stage_display().lower()}, so it cannot be cancelled.")
    return_to_pool(grant=grant, kind=AccountKind.RESERVED, by=by, at=at)
    grant.stage, grant.ended_at, grant.failure = Stage.VOID, at, reason[:300]
    grant.save(update_fields=["stage", "ended_at", "failure"])
    audit.record(action="grant.cancel", subject=grant, by=by, at=at, amount_cents=grant.amount_cents)
    return grant


def locked(grant_id: int) -> Grant:
    """The grant, locked until the end of the transaction. Grants are locked before ledger accounts and deliveries."""
    return Grant.objects.select_for_update(of=("self",), no_key=True).get(pk=grant_id)


def return_to_pool(*, grant: Grant, kind: AccountKind, by: User | None, at: datetime) -> Transfer:
    """End the hold of a locked grant by a void from its reserved or in-transit account. The caller sets the stage."""
    hold = Transfer.objects.select_related("source").get(key=key_of(grant, "hold"))
    return ledger.post(
        kind=Kind.VOID,
        source=ledger.account(ledger.code_of(kind, grant.pk)),
        destination=hold.source,
        amount_cents=grant.amount_cents,
        key=key_of(grant, "void"),
        resolves_id=hold.pk,
        by=by,
        at=at,
    )


Terms = tuple[str, str, str, str, int | None, str, date | None, int]


def _insert(
    awards: Sequence[AwardToReserve], pool: str, at: datetime, *, statement: str | None = None
) -> dict[str, int]:
    """Insert the grants that do not exist yet, in one statement; returns their ids by reference.

    First as if all were new, which spares PostgreSQL to write each row in the two steps of ON CONFLICT.
    """
    insert, values = _AWARDS + (statement or _INSERT), [*_columns(awards), pool, at]
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(insert + _RETURNING, values)
        except IntegrityError as error:
            if constraint_of(error) not in ("one_grant_per_reference", "one_second_half_per_grant"):
                raise
            cursor.execute(insert + "ON CONFLICT (reference) DO NOTHING" + _RETURNING, values)
        return dict(cursor.fetchall())


def _same(awards: Sequence[AwardToReserve]) -> dict[str, int]:
    """The ids of the grants of these awards by reference; refuses a reference that stands with other content."""
    with connection.cursor() as cursor:
        cursor.execute(_AWARDS + _COMPARE, _columns(awards))
        ids = {}
        for reference, grant_id, same in cursor.fetchall():
            if not same:
                raise ledger.KeyReused(f"{reference} was awarded before with other terms.")
            ids[reference] = grant_id
    return ids


def _columns(awards: Sequence[AwardToReserve]) -> list[Any]:
    """The awards as arrays. What many share (program, provider, currency, models, months) is sent once and numbered."""
    numbers: dict[Terms, int] = {}
    of_award = []
    for award in awards:
        # The unit separator joins the models, because unnest cannot take a list of lists of unequal length.
        models = "\x1f".join(award.models)
        terms = (
            *(award.program, award.provider, award.currency, models, award.term_months),
            *(str(award.term_starts), award.latest_end_on, award.late_usage_days),
        )
        of_award.append(numbers.setdefault(terms, len(numbers) + 1))
    return [
        array_of_texts([award.reference for award in awards]),
        array_of_plain([award.holder_id for award in awards]),
        array_of_plain([award.organization_id for award in awards]),
        array_of_plain([award.amount_cents for award in awards]),
        array_of_plain(of_award),
        *map(list, zip(*numbers, strict=True)),
    ]


_AWARDS = """
    WITH award AS (
        SELECT a.reference, a.holder_id, a.organization_id, a.amount_cents, t.program, t.provider, t.currency, t.models,
            t.term_months, t.term_starts, t.latest_end_on, t.late_usage_days
        FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[])
            AS a (reference, holder_id, organization_id, amount_cents, terms)
        JOIN (
            SELECT program, provider, currency, term_months, term_starts, latest_end_on, late_usage_days, number,
                CASE WHEN models = '' THEN '{}' ELSE string_to_array(models, chr(31)) END AS models
            FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::date[], %s::smallint[])
                WITH ORDINALITY AS t (program, provider, currency, models, term_months, term_starts, latest_end_on,
                    late_usage_days, number)
            OFFSET 0
        ) t ON t.number = a.terms
    )
"""
_INSERT = """
    INSERT INTO credits_grant (reference, uuid, program, provider, holder_id, organization_id, amount_cents, currency,
        models, term_months, term_starts, latest_end_on, late_usage_days, pool, stage, failure, created_at)
    SELECT reference, gen_random_uuid(), program, provider, holder_id, organization_id, amount_cents, currency,
        models, term_months, term_starts, latest_end_on, late_usage_days, %s, 'reserved', '', %s
    FROM award
"""
_INSERT_SECOND = f"""
    INSERT INTO credits_grant (reference, uuid, program, provider, holder_id, organization_id, amount_cents, currency,
        models, term_months, term_starts, latest_end_on, late_usage_days, pool, stage, failure, created_at, half_of_id,
        waits_for)
    SELECT award.reference, gen_random_uuid(), award.program, award.provider, award.holder_id, NULL, award.amount_cents,
        award.currency, award.models, award.term_months, award.term_starts, award.latest_end_on, award.late_usage_days, %s,
        'reserved', '', %s, first.id, '{WaitsFor.SUMMARY.value}'
    FROM award JOIN credits_grant first ON first.reference = left(award.reference, -{len(SECOND)})
"""  # noqa: S608 - put together from two constants
_RETURNING = " RETURNING reference, id"
# The organization may have been named after the award, so only another one counts as other content.
_COMPARE = """
    SELECT reference, g.id,
        (g.program, g.provider, g.holder_id, g.amount_cents, g.currency, g.models, g.term_months)
            IS NOT DISTINCT FROM (award.program, award.provider, award.holder_id, award.amount_cents, award.currency,
            award.models::varchar[], award.term_months)
        AND (award.organization_id IS NULL OR award.organization_id IS NOT DISTINCT FROM g.organization_id)
    FROM award JOIN credits_grant g USING (reference)
"""
