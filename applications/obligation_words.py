"""Where a summary and a second half of credit stand, in words for their holder."""

from datetime import datetime

from django.utils.translation import gettext as _

from applications import obligations
from applications.models import OWED, Obligation, ObligationState
from credits.models import Grant, Stage


def box(obligation: Obligation | None, *, at: datetime) -> dict[str, object] | None:
    """What the box on the award page says of a summary: word, tone and the day that counts."""
    if obligation is None:
        return None
    days = (obligation.due_on - obligations.today(at)).days if obligation.due_on else None
    late = days is not None and days < 0 and obligation.state in OWED
    words = {
        ObligationState.OPEN: _("Overdue") if late else _("Not handed in yet"),
        ObligationState.HANDED_IN: _("Handed in; we read it"),
        ObligationState.RETURNED: _("Overdue: returned to you") if late else _("Returned to you"),
        ObligationState.ACCEPTED: _("Accepted"),
        ObligationState.WAIVED: _("Nothing is owed any more"),
    }
    tones = {ObligationState.ACCEPTED: "good", ObligationState.RETURNED: "warn"}
    return {
        "word": words[ObligationState(obligation.state)],
        "tone": "bad" if late else tones.get(ObligationState(obligation.state), ""),
        "due_on": obligation.due_on,
        "days": days,
        "is_late": late,
        "is_owed": obligation.state in OWED,
    }


def about_half(grant: Grant) -> str:
    """In words for its holder: where the second half stands."""
    if grant.stage == Stage.VOID:
        return _("It went back to the pool, because the summary did not come in time.")
    if grant.stage == Stage.CONFIRMED:
        return _("It is posted.")
    if grant.waits_for:
        return _("It is set aside for you and posted when your summary is accepted.")
    return _("Your summary is accepted; it is on its way.")
