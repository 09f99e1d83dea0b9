"""A reviewer's work: score, save, send in, step back; and a screener's answer at a gate."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from applications import assignment, conflicts, gates, looks, scoring
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Confidence,
    DeclineCode,
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
from programs.models import Criterion, ProgramVersion
from programs.rulebook import Rulebook


class CannotReview(Refused):
    """This person may not review this application now."""


class BadReview(Refused):
    """The review is not complete or a score is off its scale. `problems` maps criterion keys to what to do."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems.values()))


class ChangedElsewhere(Refused):
    """The review was saved in another window since this one read it. `saved_at` is when."""

    def __init__(self, saved_at: datetime) -> None:
        self.saved_at = saved_at
        super().__init__(
            f"Your review was saved in another window at {saved_at:%H:%M} UTC. What you entered here is still on this "
            "page: compare, then save again to let this one stand."
        )


@dataclass(frozen=True)
class Look:
    """What a reviewer entered. scores: criterion key -> value; a key that is absent is not scored yet.

    not_applicable: keys of criteria that do not apply here. saw: `saved_at` of the review as the page showed it, to find
    out whether another window saved since; None does not ask.
    """

    scores: Mapping[str, int]
    confidence: str = ""
    note: str = ""
    clear_decline: bool = False
    not_applicable: Collection[str] = frozenset()
    decline_code: str = ""
    saw: datetime | None = None


class Part(StrEnum):
    """Which part of a review is open now."""

    WHOLE = "whole"  # names are not hidden
    BLIND = "blind"  # look 1 of 2
    NAMED = "named"  # look 2 of 2


def part_of(*, rules: Rulebook, mine: Review | None, knows_names: bool) -> Part:
    """The part that a person works on. knows_names: they see names anyway, as a manager or screener of the program."""
    if mine is not None and mine.blind_submitted_at is not None:
        return Part.NAMED
    is_in = mine is not None and mine.state == ReviewState.IN
    return Part.WHOLE if is_in or knows_names or not rules.blind_first_look else Part.BLIND


def open_criteria(rules: Rulebook, part: Part) -> list[Criterion]:
    """The criteria that are scored in this part."""
    if part == Part.WHOLE:
        return rules.scores
    return [criterion for criterion in rules.scores if criterion.phase == part.value]


def save(*, application_id: int, look: Look, by: User, at: datetime) -> Review:
    """Keep a review as it stands; it may be incomplete.

    Raises CannotReview, ChangedElsewhere, or BadReview for a score off the scale or in a part that is not open.
    """
    with transaction.atomic():
        application = _open_application(application_id, by)
        return _keep(application, look, by=by, at=at)[0]


def send_in(*, application_id: int, look: Look, by: User, at: datetime) -> Review:
    """Save a review and hand in the part that is open; handing in again replaces it until the application is decided.

    The first of two looks is sealed by it, and names open: the review stays a draft until the second is handed in too,
    unless nothing is left to score or it is a clear decline. Every required criterion of the part needs a score or, where
    it may, "does not apply", unless this is a clear decline. Raises CannotReview, ChangedElsewhere or BadReview.
    """
    with transaction.atomic():
        application = _open_application(application_id, by)
        review, part = _keep(application, look, by=by, at=at)
        rules = rulebook.for_application(application)
        missing = {
            criterion.key: f"Score “{criterion.name}”."
            for criterion in open_criteria(rules, part)
            if criterion.required
            and criterion.key not in look.scores
            and criterion.key not in look.not_applicable
        }
        if missing and not look.clear_decline:
            raise BadReview(missing)
        changed = ["state", "submitted_at", "rules_version"]
        if part == Part.BLIND:
            review.blind_submitted_at, review.blind_total = at, review.total
            changed = ["blind_submitted_at", "blind_total", *changed]
            if not look.clear_decline and open_criteria(rules, Part.NAMED):
                review.save(update_fields=["blind_submitted_at", "blind_total"])
                audit.record(action="review.first_look", subject=application, by=by, at=at)
                return review
        review.state = ReviewState.IN
        review.submitted_at = at
        review.rules_version = _rules_version(application, at)
        review.save(update_fields=changed)
        Assignment.objects.filter(application=application, reviewer=by).update(state=AssignmentState.DONE)
        audit.record(
            action="review.send_in", subject=application, by=by, at=at, clear_decline=look.clear_decline
        )
        return review


def recuse(
    *, application_id: int, kind: RecusalKind, reason: str, by: User, at: datetime
) -> Assignment | None:
    """Step back from an application for good; returns the assignment of the next reviewer, or None if nobody is free.

    A review that was begun or handed in stays as a record and no longer counts. Raises CannotReview.
    """
    with transaction.atomic():
        application = _open_application(application_id, by)
        Recusal.objects.get_or_create(
            application=application,
            reviewer=by,
            defaults={"kind": kind, "reason": reason.strip()[:500], "at": at},
        )
        conflicts.end_work(application=application, user=by, at=at)
        audit.record(action="review.recuse", subject=application, by=by, at=at, kind=kind)
        return assignment.replace(application_id=application.pk, at=at)


def answer_gate(
    *,
    application_id: int,
    criterion_key: str,
    outcome: GateOutcome,
    note: str,
    by: User,
    at: datetime,
    saw: str = "",
) -> GateResult:
    """Record whether an application passes a gate. Only screeners of the program answer. Raises CannotReview.

    The answer holds for the application's answers as they are now; the database lets it expire when they change.
    saw: the digest of the answers on the page (gates.digest_of), refused when they changed since; "" does not ask.
    """
    with transaction.atomic():
        application = _locked(application_id)
        if not memberships.holds(by, application.program, Role.SCREENER):
            raise CannotReview("Only a screener of this program answers a gate.")
        reason = conflicts.reason_against(user=by, application=application)
        if reason:
            raise CannotReview(reason)
        if application.state != State.IN_REVIEW:
            raise CannotReview(f"{application} is {application.get_state_display().lower()}, not in review.")
        criterion = next((gate for gate in gates_for(application) if gate.key == criterion_key), None)
        if criterion is None:
            raise CannotReview("This application has no such gate.")
        digest = gates.digest_of(application.pk)
        if saw and saw != digest:
            raise CannotReview(
                "The answers changed while you read them. Read them again, then answer the gate."
            )
        result, _ = GateResult.objects.update_or_create(
            application=application,
            criterion=criterion,
            defaults={
                "outcome": outcome,
                "note": note.strip()[:500],
                "decided_by": by,
                "decided_at": at,
                "judged_sha256": digest,
                "expired_at": None,
            },
        )
        audit.record(
            action="gate.answer", subject=application, by=by, at=at, gate=criterion_key, outcome=outcome
        )
        return result


def gates_for(application: Application) -> list[Criterion]:
    """The gates that an application has to pass: those of its rules whose condition its answers meet."""
    gates = rulebook.for_application(application).gates
    return [gate for gate in gates if fields.visible({"show_if": gate.show_if}, application.answers)]


def _keep(application: Application, look: Look, *, by: User, at: datetime) -> tuple[Review, Part]:
    rules = rulebook.for_application(application)
    mine = Review.objects.select_for_update().filter(application=application, reviewer=by).first()
    if look.saw is not None and mine is not None and mine.saved_at != look.saw:
        raise ChangedElsewhere(mine.saved_at)
    part = part_of(rules=rules, mine=mine, knows_names=_knows_names(application, rules, by))
    criteria = {criterion.key: criterion for criterion in open_criteria(rules, part)}
    _refuse_bad(look, criteria, rules)
    kept = Score.objects.filter(review=mine).exclude(criterion_id__in=[c.pk for c in criteria.values()])
    values: dict[int, int | None] = {criteria[key].pk: value for key, value in look.scores.items()}
    values |= {criteria[key].pk: None for key in look.not_applicable}
    counted: dict[int, int] = {
        row.criterion_id: row.value for row in kept.filter(not_applicable=False) if row.value is not None
    }
    counted |= {pk: value for pk, value in values.items() if value is not None}
    entered = {
        "confidence": look.confidence,
        "note": look.note,
        "clear_decline": look.clear_decline,
        "decline_code": look.decline_code if look.clear_decline else "",
        "total": scoring.weighted_total(counted, scoring.weights(rules.scores)),
        "saved_at": at,
    }
    review, _ = Review.objects.update_or_create(
        application=application,
        reviewer=by,
        defaults=entered,
        create_defaults={**entered, "started_at": at},
    )
    Score.objects.filter(review=review, criterion__in=criteria.values()).exclude(
        criterion_id__in=values
    ).delete()
    Score.objects.bulk_create(
        [
            Score(review=review, criterion_id=pk, value=value, not_applicable=value is None)
            for pk, value in values.items()
        ],
        update_conflicts=True,
        unique_fields=["review", "criterion"],
        update_fields=["value", "not_applicable"],
    )
    return review, part


def _knows_names(application: Application, rules: Rulebook, by: User) -> bool:
    return rules.blind_first_look and (
        by.is_superuser or any(memberships.holds(by, application.program, role) for role in looks.NOT_BLIND)
    )


def _rules_version(application: Application, at: datetime) -> ProgramVersion:
    """The rubric of the cycle; the program's as it stands where a cycle has kept none."""
    version = application.cycle.rules_version if application.cycle else None
    return version or rulebook.keep(program_id=application.program_id, by=None, at=at)


def _refuse_bad(look: Look, criteria: Mapping[str, Criterion], rules: Rulebook) -> None:
    """Refuse what is off a scale, not in the open part, or answered twice."""
    everywhere = {criterion.key: criterion for criterion in rules.scores}
    problems = {}
    for key in (*look.scores, *look.not_applicable):
        criterion = criteria.get(key)
        if criterion is None:
            problems[key] = (
                f"“{everywhere[key].name}” belongs to the other look and stays as it is."
                if key in everywhere
                else f"“{key}” is not a criterion of this program."
            )
        elif key in look.not_applicable and (not criterion.not_applicable or key in look.scores):
            problems[key] = f"Score “{criterion.name}”: it always applies."
            if criterion.not_applicable:
                problems[key] = f"“{criterion.name}” has a score or does not apply, not both."
        elif key in look.scores and not 1 <= look.scores[key] <= criterion.scale_max:
            problems[key] = (
                f"Score “{criterion.name}” from 1 to {criterion.scale_max}, not {look.scores[key]}."
            )
    if look.confidence and look.confidence not in Confidence.values:
        problems["confidence"] = "Choose low, fair or high."
    if look.decline_code and look.decline_code not in DeclineCode.values:
        problems["decline_code"] = "Choose a reason from the list."
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
