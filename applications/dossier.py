"""One application as one member of staff may read it: answers, checks, similar and earlier ones, reviews.

What somebody may not read is absent here, so no template can show it by mistake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from applications import (
    awards,
    gates,
    looks,
    organization_desk,
    queue,
    reading,
    review,
    scoring,
    threads,
)
from applications.blinding import TELLING_CHECKS, Identity
from applications.desk import visible
from applications.earlier import Earlier
from applications.earlier import before as sent_before
from applications.gates import Gate
from applications.models import (
    STANDING,
    STANDS,
    Application,
    Assignment,
    AssignmentState,
    CheckOutcome,
    Decision,
    Redaction,
    Review,
    ReviewState,
    Score,
    ScreeningCheck,
    ThreadMessage,
)
from applications.reading import Access, Part
from applications.states import State
from credits.models import FREEZES
from credits.money import with_code
from portal import texts
from portal.roles import Role
from programs import fields, rulebook
from programs.models import Criterion, RuleKind
from programs.rulebook import Rulebook
from programs.staff import Desk


@dataclass(frozen=True)
class Check:
    """One line of the screening tab; tone is "success", "warning" or "danger"."""

    name: str
    tone: str
    note: str


@dataclass(frozen=True)
class Alike:
    """Another application that reads alike or shares something, which this person may see."""

    application: Application
    title: str
    why: str
    share: int | None


@dataclass(frozen=True)
class Line:
    """One criterion of the rubric with its scale and what was given, if anything.

    is_open: it is scored in the part that is open now. sealed: it was scored before names were seen.
    """

    criterion: Criterion
    value: int | None
    scale: list[tuple[int, str]]
    not_applicable: bool = False
    is_open: bool = True
    sealed: bool = False

    @property
    def low(self) -> str:
        return self.scale[0][1]

    @property
    def high(self) -> str:
        return self.scale[-1][1]


@dataclass(frozen=True)
class Peer:
    """A review that is in, with its scores in the order of the rubric. rubric: its version where that is another one."""

    review: Review
    scores: list[tuple[str, str]]
    rubric: int | None = None


@dataclass(frozen=True)
class Dossier:
    """Everything a staff page shows of an application."""

    application: Application
    title: str
    access: Access
    facts: list[tuple[str, str]]
    parts: list[Part]
    withheld: list[str]
    restricted: int
    checks: list[Check]
    alike: list[Alike]
    alike_hidden: int
    earlier: list[Earlier]
    policies: list[str]
    gates: list[Gate]
    answers_digest: str
    peers: list[Peer]
    peers_waiting: int
    summary: dict[str, Any] | None
    assignment: Assignment | None
    mine: Review | None
    part: review.Part = review.Part.WHOLE
    rubric: list[Line] = field(default_factory=list)
    thread: list[ThreadMessage] | None = None
    thread_closed: str = ""

    @property
    def warnings(self) -> int:
        return sum(check.tone != "success" for check in self.checks)


def access(
    desk: Desk, application: Application, *, mine: Review | None, assignment: Assignment | None
) -> Access:
    """What this person may read: audience by role; no identity in a blind first look; peers after one's own review.

    A first look is over when its part of the own review was handed in. Managers and screeners of the program are not
    blind, but one who has to review this application waits for the peers' reviews like everybody else.
    """
    program_id = application.program_id
    audiences = {"everyone"}
    screens = desk.holds(Role.SCREENER, program_id=program_id)
    if screens:
        audiences.add("screener")
    manages = desk.everything or desk.holds(Role.MANAGER, program_id=program_id)
    if manages:
        audiences.add("manager")
    is_in = mine is not None and mine.state == ReviewState.IN
    assigned = assignment is not None and assignment.state == AssignmentState.TO_DO
    return Access(
        audiences=frozenset(audiences),
        blind=looks.is_blind(desk, application, mine),
        peers=is_in or (manages and not assigned),
        identity=manages,
        whole=manages or screens,
        screens=screens,
    )


def of(desk: Desk, application: Application) -> Dossier:
    """Read an application for a member of staff. About a dozen queries, none per row.

    The application comes from desk.visible, with program, cycle, rules and form version loaded.
    """
    assignments = [Assignment(**task) for task in _tasks(application)]
    assignment = next((row for row in assignments if row.reviewer_id == desk.user.pk), None)
    reviews = _reviews(application)
    mine = next((row for row in reviews if row.reviewer_id == desk.user.pk), None)
    others = [row for row in reviews if row is not mine and row.state == ReviewState.IN]
    may = access(desk, application, mine=mine, assignment=assignment)
    identity = looks.identity_of(application) if may.blind else None
    answers = reading.read(application, may, identity)
    found = list(ScreeningCheck.objects.filter(application=application))
    if may.blind:
        found = [check for check in found if check.kind not in TELLING_CHECKS]
    alike, hidden = _alike(desk, application, found, may)
    rules = rulebook.for_application(application)
    part = review.part_of(rules=rules, mine=mine, knows_names=not may.blind)
    talk, closed = _thread(
        desk,
        application,
        may,
        mine=mine,
        assignments=assignments,
        others=len(others),
        wanted=rules.reviews_wanted,
    )
    standing = gates.standing(application, review.gates_for(application), may.audiences)
    return Dossier(
        application=application,
        title=_title(application, may, identity, answers.copies),
        access=may,
        facts=[
            (name, identity.hide(words) if identity else words) for name, words in _facts(application, may)
        ],
        parts=answers.parts,
        withheld=answers.withheld,
        restricted=answers.restricted,
        checks=[*_checks(application, found, may), *_enforcement(desk, application)],
        alike=alike,
        alike_hidden=hidden,
        earlier=sent_before(desk, application, may, identity),
        policies=_policies(application),
        gates=standing,
        answers_digest=getattr(application, "answers_digest", "") if standing and may.screens else "",
        peers=[_peer(row, rules) for row in others] if may.peers else [],
        peers_waiting=0 if may.peers or assignment is None else len(others),
        summary=_summary(others, mine) if may.peers else None,
        assignment=assignment,
        mine=mine,
        part=part,
        rubric=_rubric(rules, mine, part),
        thread=talk,
        thread_closed=closed,
    )


def loaded(rows: QuerySet[Application]) -> QuerySet[Application]:
    """Applications with what `of` reads beside them, in the same query."""
    tasks = Assignment.objects.filter(application=OuterRef("pk")).exclude(state=AssignmentState.RECUSED)
    return rows.select_related("program", "cycle__rules_version", "form_version", "applicant").annotate(
        tasks=ArraySubquery(tasks.values(row=JSONObject(id="pk", reviewer_id="reviewer_id", state="state"))),
        has_copies=Exists(Redaction.objects.filter(application=OuterRef("pk"))),
        answers_digest=gates.AnswersDigest(F("answers")),
    )


def _tasks(application: Application) -> Iterable[dict[str, Any]]:
    """Who is asked to look and has not given it back: id, reviewer_id and state."""
    found: list[dict[str, Any]] | None = getattr(application, "tasks", None)
    if found is not None:
        return found
    rows = Assignment.objects.filter(application=application).exclude(state=AssignmentState.RECUSED)
    return [dict(row) for row in rows.values("id", "reviewer_id", "state")]


def as_reviewer(application: Application, *, first_look: bool) -> tuple[list[Part], list[str], int]:
    """The answers as a reviewer without any other role reads them: parts, labels withheld in a blind look, and how
    many answers only others read. Applicants see the same before they send.
    """
    may = Access(audiences=frozenset({"everyone"}), blind=first_look, peers=False, identity=False)
    found = reading.read(application, may, looks.identity_of(application) if first_look else None)
    return found.parts, found.withheld, found.restricted


def _title(
    application: Application, may: Access, identity: Identity | None, copies: Mapping[str, Redaction]
) -> str:
    """The title as this person reads it: a screener's copy for reviewers, without names in a blind look."""
    title = application.title
    for question in fields.questions(application.form_version.sections) if copies and not may.whole else ():
        if question.get("maps_to") == "title" and question["key"] in copies:
            title = copies[question["key"]].text
    return (identity.hide(title) if identity is not None else title) or str(application.reference or "")


def _reviews(application: Application) -> list[Review]:
    """All reviews with `given`, their scores (value None: does not apply), in the order they came in. One query."""
    given = Score.objects.filter(review=OuterRef("pk"))
    return list(
        Review.objects.filter(application=application)
        .select_related("reviewer", "rules_version")
        .defer("rules_version__content")
        .annotate(given=ArraySubquery(given.values(row=JSONObject(id="criterion_id", value="value"))))
        .order_by("submitted_at", "pk")
    )


def _summary(others: Iterable[Review], mine: Review | None) -> dict[str, Any] | None:
    rows = [*others, *([mine] if mine is not None and mine.state == ReviewState.IN else [])]
    return scoring.summary(row.total for row in rows if row.total is not None)


def _thread(
    desk: Desk,
    application: Application,
    may: Access,
    *,
    mine: Review | None,
    assignments: Sequence[Assignment],
    others: int,
    wanted: int,
) -> tuple[list[ThreadMessage] | None, str]:
    """The thread, None for those who never read it, and why it is closed. The rule is threads.why_closed, asked here of
    rows that are loaded already.
    """
    looks_in = others + (mine is not None and mine.state == ReviewState.IN)
    is_reviewer = any(row.reviewer_id == desk.user.pk for row in assignments)
    if not (is_reviewer or desk.holds(Role.MANAGER, program_id=application.program_id)):
        return None, ""
    if not may.peers:
        return None, "Reviewers of this application talk here once their reviews are in."
    waits = any(row.state == AssignmentState.TO_DO for row in assignments)
    if looks_in < wanted and (waits or not looks_in):
        return None, "Reviewers talk here once all reviews are in."
    return list(threads.messages(application)), ""


def _facts(application: Application, may: Access) -> list[tuple[str, str]]:
    currency = application.program.currency
    rows = []
    if may.identity:
        rows.append(("Applicant", application.applicant.email))
    if application.field:
        rows.append(("Field", queue.word(application.field)))
    if application.amends_id is not None:
        rows += [("Granted before", words) for words in awards.granted_before(application)]
        if not application.requested_cents:
            rows.append(("Asked", "no more credit"))
    if application.requested_cents:
        asked = with_code(application.requested_cents, currency)
        asked = f"{asked} more" if application.amends_id is not None else asked
        months = application.requested_months
        rows.append(("Asked", f"{asked} over {months} months" if months else asked))
    if application.requested_models:
        rows.append(("Models", ", ".join(str(name) for name in application.requested_models)))
    if application.submitted_at:
        rows.append(("Sent", texts.moment(application.submitted_at, application.program.time_zone)))
    if may.identity and application.organization_id_text:
        rows.append(("Organization ID", application.organization_id_text))
    return rows


def _checks(application: Application, found: Iterable[ScreeningCheck], may: Access) -> list[Check]:
    by_kind = {check.kind: check for check in found}
    rows = []
    for rule in rulebook.for_application(application).rules:
        if may.blind and rule.kind in TELLING_CHECKS:
            continue
        check = by_kind.get(rule.kind)
        if check is None:
            rows.append(Check(rule.get_kind_display(), "success", "nothing found"))
        else:
            tone = "danger" if check.outcome == CheckOutcome.BLOCK else "warning"
            rows.append(Check(rule.get_kind_display(), tone, check.sentence))
    if marked := by_kind.get(RuleKind.OPTION):  # said by the form and not by a rule of the program
        rows.append(Check(marked.get_kind_display(), "warning", marked.sentence))
    return rows


def _enforcement(desk: Desk, application: Application) -> list[Check]:
    """What was imposed on organizations of this application: managers read what and why, everybody else that there is
    something."""
    notes = organization_desk.notes_about(application)
    if not notes:
        return []
    if not (desk.everything or desk.holds(Role.MANAGER, program_id=application.program_id)):
        return [Check("Enforcement", "warning", "An enforcement note exists for this organization.")]
    return [
        Check(
            f"{note.get_kind_display()} of {note.organization}",
            "danger" if note.stands and note.kind in FREEZES else "warning",
            f"{note.reason} Since {texts.day(note.happened_at)}"
            + (
                "."
                if note.lifted_at is None
                else f", lifted {texts.day(note.lifted_at)}: {note.lifted_reason}"
            ),
        )
        for note in notes
    ]


_WHY = {
    RuleKind.NEAR_DUPLICATE: "reads alike",
    RuleKind.SHARED_ORGANIZATION: "same organization ID",
    RuleKind.DUPLICATE_PERSON: "same mailbox",
}


def _alike(
    desk: Desk, application: Application, found: Iterable[ScreeningCheck], may: Access
) -> tuple[list[Alike], int]:
    """The applications that checks name, as far as this person may see them, and how many others there are.

    In a blind look those whose names this person knows are among the others: one text tells of the next.
    """
    named: dict[int, tuple[str, int | None]] = {}
    for check in found:
        for entry in check.details.get("applications", ()):
            if isinstance(entry, Mapping):
                pk, share = int(entry["application"]), round(100 * float(entry["share"]))
            else:
                pk, share = int(entry), None
            named.setdefault(pk, (_WHY[RuleKind(check.kind)], share))
    if not named:
        return [], 0
    rows = looks.told(desk, visible(desk).filter(pk__in=named).exclude(pk=application.pk))
    if may.blind:
        rows = rows.filter(looks.blind_to(desk))
    shown = list(rows)
    titles = looks.titles(desk, shown)
    alike = [Alike(row, titles[row.pk], *named[row.pk]) for row in shown]
    return sorted(alike, key=lambda row: -(row.share or 0)), len(named) - len(alike)


def _policies(application: Application) -> list[str]:
    """Which policies the applicant accepted, with their versions."""
    found = []
    for question in fields.questions(application.form_version.sections):
        answer = application.answers.get(question["key"])
        if question["type"] == "acknowledgement" and isinstance(answer, Mapping) and answer.get("accepted"):
            found.append(f"{question['label']} (version {answer.get('version', '?')})")
    return found


def _rubric(rules: Rulebook, mine: Review | None, part: review.Part) -> list[Line]:
    given = _given(mine) if mine else {}
    now = {criterion.pk for criterion in review.open_criteria(rules, part)}
    return [
        Line(
            criterion,
            given.get(criterion.pk),
            [
                (value, str(criterion.anchors.get(str(value), "")))
                for value in range(1, criterion.scale_max + 1)
            ],
            not_applicable=criterion.pk in given and given[criterion.pk] is None,
            is_open=criterion.pk in now,
            sealed=part == review.Part.NAMED and criterion.pk not in now,
        )
        for criterion in rules.scores
    ]


def _peer(row: Review, rules: Rulebook) -> Peer:
    given = _given(row)
    other = row.rules_version is not None and row.rules_version.number != rules.version
    return Peer(
        row,
        [(criterion.name, _word(given, criterion.pk)) for criterion in rules.scores],
        row.rules_version.number if other and row.rules_version else None,
    )


def _given(row: Review) -> dict[int, int | None]:
    """Criterion id -> value, None where it does not apply."""
    return {score["id"]: score["value"] for score in row.given}  # type: ignore[attr-defined]


def _word(given: Mapping[int, int | None], pk: int) -> str:
    if pk not in given:
        return "–"
    return "n/a" if given[pk] is None else str(given[pk])


def standing_decision(application: Application) -> Decision | None:
    """The decision of an application that was not undone."""
    return (
        Decision.objects.filter(STANDS, application=application)
        .select_related("proposed_by", "approved_by", "released_by", "grant")
        .first()
    )


def past_decisions(application: Application) -> list[Decision]:
    """The decisions that were undone or led into this evaluation, newest first, ten at most."""
    return list(
        Decision.objects.filter(application=application)
        .exclude(state__in=STANDING)
        .select_related("proposed_by")
        .order_by("-proposed_at")[:10]
    )


def is_open(application: Application) -> bool:
    """Whether reviews and decisions are taken."""
    return application.state == State.IN_REVIEW
