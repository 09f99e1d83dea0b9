"""A reviewer's work: score, save, send in, step back; and a screener's answer at a gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from applications import assignment, conflicts, scoring
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Confidence,
    GateOutcome,
    GateResult,
    Recusal,
    RecusalKind,
    Review,
    ReviewState,
    Score,
)
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import fields, memberships, rulebook
from programs.models import Criterion


class CannotReview(Refused):
    """This person may not review this application now."""


class BadReview(Refused):
    """The review is not complete or a score is off its scale. `problems` maps criterion keys to what to do."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems.values()))


@dataclass(frozen=True)
class Look:
    """What a reviewer entered. scores: criterion key -> value; a key that is absent is not scored yet."""

    scores: Mapping[str, int]
    confidence: str = ""
    note: str = ""
    clear_decline: bool = False


def save(*, application_id: int, look: Look, by: User, at: datetime) -> Review:
    """Keep a review as it stands; it may be incomplete. Raises CannotReview, or BadReview for a score off the scale."""
    with transaction.atomic():
        application = _open_application(application_id, by)
        return _keep(application, look, by=by, at=at)


def send_in(*, application_id: int, look: Look, by: User, at: datetime) -> Review:
    """Save a review and hand it in; handing in again replaces it until the application is decided.

    Every criterion needs a score, unless this is a clear decline. Raises CannotReview or BadReview.
    """
    with transaction.atomic():
        application = _open_application(application_id, by)
        criteria = rulebook.for_application(application).scores
        missing = {
            criterion.key: f"Score “{criterion.name}”."
            for criterion in criteria
            if criterion.key not in look.scores
        }
        if missing and not look.clear_decline:
            raise BadReview(missing)
        review = _keep(application, look, by=by, at=at)
        review.state = ReviewState.IN
        review.submitted_at = at
        review.save(update_fields=["state", "submitted_at"])
        Assignment.objects.filter(application=application, reviewer=by).update(state=AssignmentState.DONE)
        audit.record(
            action="review.send_in", subject=application, by=by, at=at, clear_decline=look.clear_decline
        )
        return review


def recuse(
    *, application_id: int, kind: RecusalKind, reason: str, by: User, at: datetime
) -> Assignment | None:
    """Step back from an application for good; returns the assignment of the next reviewer, or None if nobody is free.

    A review that was begun stays as a record and no longer counts. Raises CannotReview.
    """
    with transaction.atomic():
        application = _open_application(application_id, by)
        Recusal.objects.get_or_create(
            application=application,
            reviewer=by,
            defaults={"kind": kind, "reason": reason.strip()[:500], "at": at},
        )
        Assignment.objects.filter(application=application, reviewer=by).update(state=AssignmentState.RECUSED)
        audit.record(action="review.recuse", subject=application, by=by, at=at, kind=kind)
        return assignment.replace(application_id=application.pk, at=at)


def answer_gate(
    *, application_id: int, criterion_key: str, outcome: GateOutcome, note: str, by: User, at: datetime
) -> GateResult:
    """Record whether an application passes a gate. Only screeners of the program answer. Raises CannotReview."""
    with transaction.atomic():
        application = _locked(application_id)
        if not memberships.holds(by, application.program, Role.SCREENER):
            raise CannotReview("Only a screener of this program answers a gate.")
        reason = conflicts.reason_against(user=by, application=application)
        if reason:
            raise CannotReview(reason)
        if application.state != State.IN_REVIEW:
            raise CannotReview(f"{application} is {application.get_state_display().lower()}, not in review.")
        gates = rulebook.for_application(application).gates
        criterion = next((gate for gate in gates if gate.key == criterion_key), None)
        if criterion is None:
            raise CannotReview("This application has no such gate.")
        result, _ = GateResult.objects.update_or_create(
            application=application,
            criterion=criterion,
            defaults={"outcome": outcome, "note": note.strip()[:500], "decided_by": by, "decided_at": at},
        )
        audit.record(
            action="gate.answer", subject=application, by=by, at=at, gate=criterion_key, outcome=outcome
        )
        return result


def gates_for(application: Application) -> list[Criterion]:
    """The gates that an application has to pass: those of its rules whose condition its answers meet."""
    gates = rulebook.for_application(application).gates
    return [gate for gate in gates if fields.visible({"show_if": gate.show_if}, application.answers)]


def _keep(application: Application, look: Look, *, by: User, at: datetime) -> Review:
    criteria = {criterion.key: criterion for criterion in rulebook.for_application(application).scores}
    _refuse_off_scale(look.scores, criteria)
    if look.confidence and look.confidence not in Confidence.values:
        raise BadReview({"confidence": "Choose low, fair or high."})
    values = {criteria[key].pk: value for key, value in look.scores.items()}
    review, _ = Review.objects.update_or_create(
        application=application,
        reviewer=by,
        defaults={
            "confidence": look.confidence,
            "note": look.note,
            "clear_decline": look.clear_decline,
            "total": scoring.weighted_total(values, scoring.weights(criteria.values())),
            "saved_at": at,
        },
        create_defaults={
            "confidence": look.confidence,
            "note": look.note,
            "clear_decline": look.clear_decline,
            "total": scoring.weighted_total(values, scoring.weights(criteria.values())),
            "started_at": at,
            "saved_at": at,
        },
    )
    Score.objects.filter(review=review).exclude(criterion_id__in=values).delete()
    Score.objects.bulk_create(
        [Score(review=review, criterion_id=pk, value=value) for pk, value in values.items()],
        update_conflicts=True,
        unique_fields=["review", "criterion"],
        update_fields=["value"],
    )
    return review


def _refuse_off_scale(scores: Mapping[str, int], criteria: Mapping[str, Criterion]) -> None:
    problems = {}
    for key, value in scores.items():
        criterion = criteria.get(key)
        if criterion is None:
            problems[key] = f"“{key}” is not a criterion of this program."
        elif not 1 <= value <= criterion.scale_max:
            problems[key] = f"Score “{criterion.name}” from 1 to {criterion.scale_max}, not {value}."
    if problems:
        raise BadReview(problems)


def _open_application(application_id: int, by: User) -> Application:
    """The application, locked, if this person may review it now. Raises CannotReview."""
    application = _locked(application_id)
    if not memberships.holds(by, application.program, Role.REVIEWER):
        raise CannotReview("You are not a reviewer of this program any more.")
    reason = conflicts.reason_against(user=by, application=application)
    if reason:
        raise CannotReview(reason)
    if application.state != State.IN_REVIEW:
        raise CannotReview(f"{application} is {application.get_state_display().lower()}; reviews are closed.")
    if not application.assignments.filter(reviewer=by).exclude(state=AssignmentState.RECUSED).exists():
        raise CannotReview("This application is not assigned to you.")
    return application


def _locked(application_id: int) -> Application:
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "cycle__rules_version")
        .get(pk=application_id)
    )
