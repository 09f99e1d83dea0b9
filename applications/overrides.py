"""The cut line of a cycle, and which awards go against it or against a flag: those need a reason and a second person."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Avg, F, Q, QuerySet

from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    CheckOutcome,
    CutLine,
    Override,
    ReviewState,
    ScreeningCheck,
)
from applications.states import SENT
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships
from programs.models import Cycle, RuleKind

SERIOUS = (
    RuleKind.DUPLICATE_PERSON,
    RuleKind.SHARED_ORGANIZATION,
    RuleKind.WAITING_TIME,
    RuleKind.INSTITUTION_KIND,
    RuleKind.DISPOSABLE_EMAIL,
)
"""Flags that doubt whether the person may be awarded at all. The others inform: an amount above a cap is cut anyway."""


class CannotDraw(Refused):
    """No line can be drawn there, or not by this person."""


@transaction.atomic
def draw(*, cycle_id: int, place: int, by: User, at: datetime) -> CutLine:
    """Keep the line after a place of the ranking that this person sees; the one before is replaced.

    Raises CannotDraw when fewer applications have a score, or this person is no manager of the program.
    """
    cycle = _cycle(cycle_id, by)
    waiting = Assignment.objects.filter(reviewer=by, state=AssignmentState.TO_DO)
    means = list(
        ranked(Application.objects.filter(cycle=cycle).without_conflict(by))
        .filter(mean__isnull=False)
        .exclude(pk__in=waiting.values("application_id"))  # their board shows no figures of these
        .values_list("mean", flat=True)[: place if place > 0 else 0]
    )
    if place <= 0 or len(means) < place:
        raise CannotDraw("A line lies after a place in the ranking that has a score.")
    line, _ = CutLine.objects.update_or_create(
        cycle=cycle,
        defaults={
            "place": place,
            "lowest_mean": Decimal(means[-1]).quantize(Decimal("0.0001")),
            "set_by": by,
            "set_at": at,
        },
    )
    audit.record(action="cut_line.draw", subject=line, by=by, at=at, cycle=cycle.pk, place=place)
    return line


@transaction.atomic
def erase(*, cycle_id: int, by: User, at: datetime) -> None:
    """Take the line of a cycle away; nothing happens when there is none. Raises CannotDraw for a stranger."""
    cycle = _cycle(cycle_id, by)
    line = CutLine.objects.filter(cycle=cycle).first()
    if line is not None:
        audit.record(action="cut_line.erase", subject=line, by=by, at=at, cycle=cycle.pk, place=line.place)
        line.delete()


def ranked(rows: QuerySet[Application]) -> QuerySet[Any]:
    """Sent applications with `mean`, the mean of their reviews' totals; best first, without a score last, then by id."""
    mean = Avg("reviews__total", filter=Q(reviews__state=ReviewState.IN))
    return rows.filter(state__in=SENT).annotate(mean=mean).order_by(F("mean").desc(nulls_last=True), "pk")


def wanted(*, cycle_id: int, application_ids: Sequence[int]) -> dict[int, list[str]]:
    """Application id -> what an award of it overrides, for those that override anything. Three queries at any size."""
    found: dict[int, list[str]] = {}
    rows = Application.objects.filter(pk__in=application_ids)
    line = CutLine.objects.filter(cycle_id=cycle_id).first()
    if line is not None:
        means = ranked(rows).values_list("pk", "mean")
        for pk, mean in means:
            if is_below(mean, line):
                found[pk] = [Override.BELOW_LINE]
    serious = Q(outcome=CheckOutcome.BLOCK) | Q(kind__in=SERIOUS)
    flagged = ScreeningCheck.objects.filter(serious, application_id__in=application_ids)
    for pk in flagged.order_by().values_list("application_id", flat=True).distinct():
        found.setdefault(pk, []).append(Override.FLAGGED)
    return found


def is_below(mean: Decimal | float | None, line: CutLine) -> bool:
    """Whether an application with this mean lies below a line. Rounded as the line is: the one on it is not below."""
    return mean is None or Decimal(mean).quantize(Decimal("0.0001")) < line.lowest_mean


def _cycle(cycle_id: int, by: User) -> Cycle:
    cycle = (
        Cycle.objects.select_for_update(of=("self",), no_key=True).select_related("program").get(pk=cycle_id)
    )
    if not memberships.holds(by, cycle.program, Role.MANAGER):
        raise CannotDraw("Only a manager of this program draws its line.")
    return cycle
