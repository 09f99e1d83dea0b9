"""What would stop the release of an award of one application, told on its page before anybody decides.

The release itself asks again, for all of its decisions and for more than is known here (release_checks).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from applications import obligation_desk, obligations
from applications.dossier import Dossier
from applications.models import Application, Decision, DecisionKind, Obligation, ReviewState
from portal import texts
from programs import rulebook
from programs.staff import Desk

YES = (DecisionKind.AWARD, DecisionKind.CHANGE)
MOST_OWED = 3


@dataclass(frozen=True)
class Stopper:
    """One thing in the way, a sentence for staff. obligation_id: of the summary that is owed, if the reader may open it."""

    words: str
    obligation_id: int | None = None


def stoppers(
    desk: Desk, application: Application, found: Dossier, decision: Decision | None, *, at: datetime
) -> list[Stopper]:
    """What an award would wait for now, nothing once something else than an award is proposed. One query."""
    if decision is not None and decision.kind not in YES:
        return []
    with_credit = decision is None or decision.kind == DecisionKind.AWARD
    owed = _owed(desk, application, at) if with_credit else []
    gates = [
        Stopper(f"The gate “{gate.criterion.name}” is not passed.") for gate in found.gates if not gate.passed
    ]
    return [*owed, *_looks(application, found), *gates]


def _looks(application: Application, found: Dossier) -> list[Stopper]:
    wanted = rulebook.for_application(application).reviews_wanted
    there = len(found.peers) or found.peers_waiting
    there += found.mine is not None and found.mine.state == ReviewState.IN
    if there >= wanted:
        return []
    return [Stopper(f"An award needs {wanted} review{'' if wanted == 1 else 's'}; {there or 'none'} so far.")]


def _owed(desk: Desk, application: Application, at: datetime) -> list[Stopper]:
    """The overdue summaries of the same person in the same program, as obligations.overdue_applicants finds them."""
    seen = obligation_desk.visible(desk).filter(pk=OuterRef("pk"))
    rows = (
        Obligation.objects.filter(
            obligations.late(at),
            application__applicant=application.applicant_id,
            application__program=application.program_id,
        )
        .annotate(is_seen=Exists(seen))
        .order_by("due_on", "pk")
        .values_list("pk", "due_on", "application__reference", "is_seen")[:MOST_OWED]
    )
    return [
        Stopper(
            f"The summary of {reference if is_seen else 'an earlier award'} was due on {texts.day_long(due_on)}. "
            "Nothing more is released before it is handed in or waived.",
            pk if is_seen else None,
        )
        for pk, due_on, reference, is_seen in rows
        if due_on is not None
    ]
