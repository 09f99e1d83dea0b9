"""A day of usage that was told too high: one person asks for the right figure, another one approves it.

The day's movements are taken back by their mirrors and the right figure is drawn anew, in one transaction.
"""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet

from credits import cases, enforcement, ledger, lots, usage
from credits.models import (
    Case,
    CorrectionState,
    Grant,
    Organization,
    Transfer,
    Usage,
    UsageCorrection,
    UsageSource,
)
from credits.money import format_money
from credits.movements import Kind
from portal import audit
from portal.models import User
from portal.refusals import Refused


class CannotCorrect(Refused):
    """The day cannot be put right like this, or not by this person."""


@transaction.atomic
def ask(
    *, usage_id: int, told_cents: int, reason: str, by: User, at: datetime, case_id: int | None = None
) -> UsageCorrection:
    """Ask that a day counts less, told_cents in all (zero or more). Nothing moves before a second person approves.

    The same wish by the same person, while it waits, is one wish. case_id: the case that it settles.
    Raises CannotCorrect without a reason, for a figure that is not lower, for whom the credit is, and while another
    wish for this day waits.
    """
    row = Usage.objects.select_for_update(of=("self",), no_key=True).get(pk=usage_id)
    reason = " ".join(reason.split())[:300]
    waiting = UsageCorrection.objects.filter(usage=row, state=CorrectionState.ASKED).first()
    if waiting is not None:
        if (waiting.asked_by_id, waiting.told_cents, waiting.reason) == (by.pk, told_cents, reason):
            return waiting
        raise CannotCorrect("A correction of this day waits already.")
    if not reason:
        raise CannotCorrect("Say why the figure was wrong. The person who approves reads it.")
    if not 0 <= told_cents < row.told_cents:
        raise CannotCorrect(
            f"{format_money(row.told_cents, row.currency)} is counted for {row.day:%Y-%m-%d}; the right figure is lower. "
            "A higher one is counted like any usage."
        )
    _refuse_holder(row, by)
    made = UsageCorrection.objects.create(
        usage=row, told_cents=told_cents, reason=reason, asked_by=by, asked_at=at, case_id=case_id
    )
    audit.record(action="usage.correct_ask", subject=row, by=by, at=at, told_cents=told_cents)
    return made


@transaction.atomic
def approve(*, correction_id: int, by: User, at: datetime) -> UsageCorrection:
    """Take the day's movements back and draw the right figure, once. Approving again changes nothing.

    What comes back to a lot whose end has passed expires with the next run; what comes back to an organization on hold
    is frozen here. Raises CannotCorrect when it is decided otherwise, for whoever asked and for whom the credit is, and
    what ledger.reverse raises.
    """
    wish, row = _waiting(correction_id)
    if wish.state == CorrectionState.DONE and wish.decided_by_id == by.pk:
        return wish
    _refuse_decided(wish, by)
    before = row.posted_cents
    for movement in live_movements(row).order_by("-pk"):
        ledger.reverse(transfer_id=movement.pk, made_by=wish.asked_by, approved_by=by, at=at)
    held = lots.of_organizations([row.organization_id])[row.organization_id]
    draws = lots.draw(held, day=row.day, currency=row.currency, cents=wish.told_cents)
    row.told_cents, row.posted_cents = wish.told_cents, sum(draw.cents for draw in draws)
    row.reports += 1
    moved_cents = row.posted_cents - before
    usage.store(
        row,
        moved_cents=moved_cents,
        source=UsageSource.CORRECTION,
        key=f"correction:{wish.pk}",
        by=by,
        at=at,
    )
    usage.start_terms(draws)
    usage.post_draws([(row, row.reports, draws)], by=by, at=at)
    enforcement.settle_organization(organization_id=row.organization_id, at=at)
    _decide(wish, CorrectionState.DONE, by=by, at=at)
    audit.record(action="usage.correct", subject=row, by=by, at=at, moved_cents=moved_cents, wish=wish.pk)
    if wish.case is not None and wish.case.is_open:
        cases.settle(case=wish.case, by=by, at=at, reason=f"Corrected: {wish.reason}")
    return wish


@transaction.atomic
def refuse(*, correction_id: int, by: User, at: datetime) -> UsageCorrection:
    """Leave the day as it is. Refusing again changes nothing. Raises CannotCorrect."""
    wish, row = _waiting(correction_id)
    if wish.state == CorrectionState.REFUSED and wish.decided_by_id == by.pk:
        return wish
    _refuse_decided(wish, by)
    audit.record(action="usage.correct_refuse", subject=row, by=by, at=at, wish=wish.pk)
    return _decide(wish, CorrectionState.REFUSED, by=by, at=at)


@transaction.atomic
def take_back(*, correction_id: int, by: User, at: datetime) -> UsageCorrection:
    """Whoever asked does not want it any more. Raises CannotCorrect."""
    wish, row = _waiting(correction_id)
    if wish.state == CorrectionState.TAKEN_BACK:
        return wish
    if wish.state != CorrectionState.ASKED or wish.asked_by_id != by.pk:
        raise CannotCorrect("Only the person who asked takes it back, while it waits.")
    audit.record(action="usage.correct_take_back", subject=row, by=by, at=at, wish=wish.pk)
    return _decide(wish, CorrectionState.TAKEN_BACK, by=by, at=at)


def live_movements(row: Usage) -> QuerySet[Transfer]:
    """The movements of a day that no correction took back."""
    held = Grant.objects.filter(organization_id=row.organization_id).values_list("pk", flat=True)
    keys = [f"{row.name}:{number}:{pk}" for number in range(1, row.reports + 1) for pk in held]
    return Transfer.objects.filter(key__in=keys, kind=Kind.USE, reversals=None)


def case_of(usage_row: Usage) -> Case | None:
    """The open case that told a lower figure for a day, the latest if there are several."""
    found = Case.objects.filter(
        kind=usage.CASE, key__startswith=f"{usage_row.name}:lowerthanbefore:", settled_at=None
    )
    return found.order_by("-pk").first()


def _waiting(correction_id: int) -> tuple[UsageCorrection, Usage]:
    """A wish and its day, both locked, after the organization."""
    organization_id = UsageCorrection.objects.values_list("usage__organization_id", flat=True).get(
        pk=correction_id
    )
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    wish = (
        UsageCorrection.objects.select_for_update(of=("self",))
        .select_related("asked_by", "case", "usage")
        .get(pk=correction_id)
    )
    return wish, wish.usage


def _refuse_decided(wish: UsageCorrection, by: User) -> None:
    if wish.state != CorrectionState.ASKED:
        raise CannotCorrect(f"This correction is {wish.get_state_display().lower()}.")
    if wish.asked_by_id == by.pk:
        raise CannotCorrect("You asked for it. Another person decides.")
    _refuse_holder(wish.usage, by)


def _refuse_holder(row: Usage, by: User) -> None:
    if Grant.objects.filter(organization_id=row.organization_id, holder=by).exists():
        raise CannotCorrect("This is your own credit. Somebody else puts it right.")


def _decide(wish: UsageCorrection, state: CorrectionState, *, by: User, at: datetime) -> UsageCorrection:
    wish.state, wish.decided_by, wish.decided_at = state, by, at.astimezone(UTC)
    wish.save(update_fields=["state", "decided_by", "decided_at"])
    return wish
