"""One application as one member of staff may read it: answers, checks, similar and earlier ones, reviews.

What somebody may not read is absent here, so no template can show it by mistake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from applications import again, attachments, awards, differences, presentation, queue, review, scoring
from applications import asked as asked_of
from applications.desk import visible, without_conflict
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    CheckOutcome,
    Decision,
    DecisionState,
    GateResult,
    Review,
    ReviewState,
    ScreeningCheck,
)
from applications.states import State
from credits.money import with_code
from portal import texts
from portal.roles import Role
from programs import fields, rulebook
from programs.models import Criterion, RuleKind
from programs.staff import Desk
from programs.texts import word_count


@dataclass(frozen=True)
class Answer:
    """One answer as read on the staff side. `note` says the length against the limit."""

    label: str
    lines: list[str]
    note: str = ""
    mono: bool = False
    files: Sequence[attachments.Listed] = ()


@dataclass(frozen=True)
class Part:
    key: str
    title: str
    answers: list[Answer]


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
    why: str
    share: int | None


@dataclass(frozen=True)
class Earlier:
    """An application that the same person sent before. `outcome` and the link are for those who see it anyway."""

    application: Application
    outcome: str
    changes: list[differences.Change]
    linked: bool = True


@dataclass(frozen=True)
class Line:
    """One criterion of the rubric with its scale and the value given, if any."""

    criterion: Criterion
    value: int | None
    scale: list[tuple[int, str]]

    @property
    def low(self) -> str:
        return self.scale[0][1]

    @property
    def high(self) -> str:
        return self.scale[-1][1]


@dataclass(frozen=True)
class Gate:
    criterion: Criterion
    result: GateResult | None


@dataclass(frozen=True)
class Peer:
    """A review that is in, with its scores in the order of the rubric."""

    review: Review
    scores: list[tuple[str, int | None]]


@dataclass(frozen=True)
class Access:
    """What one person may read of one application."""

    audiences: frozenset[str]
    blind: bool
    peers: bool
    identity: bool


@dataclass(frozen=True)
class Dossier:
    """Everything a staff page shows of an application."""

    application: Application
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
    peers: list[Peer]
    peers_waiting: int
    summary: dict[str, Any] | None
    assignment: Assignment | None
    mine: Review | None
    rubric: list[Line] = field(default_factory=list)

    @property
    def warnings(self) -> int:
        return sum(check.tone != "success" for check in self.checks)


def access(
    desk: Desk, application: Application, *, mine: Review | None, assignment: Assignment | None
) -> Access:
    """What this person may read: audience by role; no identity in a blind first look; peers after one's own review.

    A first look is over when the own review is in. Managers and screeners of the program are not blind, but one who
    has to review this application waits for the peers' reviews like everybody else.
    """
    program_id = application.program_id
    audiences = {"everyone"}
    if desk.holds(Role.SCREENER, program_id=program_id):
        audiences.add("screener")
    manages = desk.everything or desk.holds(Role.MANAGER, program_id=program_id)
    if manages:
        audiences.add("manager")
    is_in = mine is not None and mine.state == ReviewState.IN
    assigned = assignment is not None and assignment.state == AssignmentState.TO_DO
    whole = manages or desk.holds(Role.SCREENER, program_id=program_id)
    return Access(
        audiences=frozenset(audiences),
        blind=rulebook.for_application(application).blind_first_look and not whole and not is_in,
        peers=is_in or (manages and not assigned),
        identity=manages,
    )


def of(desk: Desk, application: Application) -> Dossier:
    """Read an application for a member of staff. About a dozen queries, none per row.

    The application comes from desk.visible, with program, cycle and form version loaded.
    """
    mine = Review.objects.filter(application=application, reviewer=desk.user).first()
    assignment = (
        Assignment.objects.filter(application=application, reviewer=desk.user)
        .exclude(state=AssignmentState.RECUSED)
        .first()
    )
    may = access(desk, application, mine=mine, assignment=assignment)
    parts, withheld, restricted = _parts(application, may)
    found = list(ScreeningCheck.objects.filter(application=application))
    alike, hidden = _alike(desk, application, found)
    rubric = rulebook.for_application(application).scores
    reviews = list(
        Review.objects.filter(application=application, state=ReviewState.IN)
        .exclude(reviewer=desk.user)
        .select_related("reviewer")
        .prefetch_related("scores")
        .order_by("submitted_at")
    )
    totals = [row.total for row in reviews if row.total is not None]
    if mine is not None and mine.state == ReviewState.IN and mine.total is not None:
        totals.append(mine.total)
    return Dossier(
        application=application,
        access=may,
        facts=_facts(application, may),
        parts=parts,
        withheld=withheld,
        restricted=restricted,
        checks=_checks(application, found),
        alike=alike,
        alike_hidden=hidden,
        earlier=_earlier(desk, application, may),
        policies=_policies(application),
        gates=_gates(application),
        peers=[_peer(row, rubric) for row in reviews] if may.peers else [],
        peers_waiting=0 if may.peers or assignment is None else len(reviews),
        summary=scoring.summary(totals) if may.peers else None,
        assignment=assignment,
        mine=mine,
        rubric=_rubric(rubric, mine),
    )


def as_reviewer(application: Application, *, first_look: bool) -> tuple[list[Part], list[str], int]:
    """The answers as a reviewer without any other role reads them: parts, labels withheld in a blind look, and how
    many answers only others read. Applicants see the same before they send.
    """
    may = Access(audiences=frozenset({"everyone"}), blind=first_look, peers=False, identity=False)
    return _parts(application, may)


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


def _parts(application: Application, may: Access) -> tuple[list[Part], list[str], int]:
    sections = application.form_version.sections
    questions = {question["key"]: question for question in fields.questions(sections)}
    parts: list[Part] = []
    withheld: list[str] = []
    restricted = 0
    files: dict[str, list[attachments.Listed]] = {}
    for listed in attachments.listed(application, audiences=may.audiences, blind=may.blind):
        files.setdefault(listed.key, []).append(listed)
    for section in presentation.shown(sections, application.answers, with_empty=False):
        answers = []
        for item in section.items:
            question = questions[item.key]
            if question.get("audience", "everyone") not in may.audiences:
                restricted += 1
            elif may.blind and question.get("blind"):
                withheld.append(item.label)
            elif item.lines:
                lines = [] if item.key in files else _paragraphs(item)
                note = _length(question, item.lines)
                answers.append(Answer(item.label, lines, note, item.mono, files.get(item.key, ())))
        if answers:
            parts.append(Part(section.key, section.title, answers))
    return parts, withheld, restricted


def _paragraphs(item: presentation.Shown) -> list[str]:
    return [line for text in item.lines for line in str(text).split("\n") if line.strip()]


def _length(question: Mapping[str, Any], lines: Sequence[str]) -> str:
    limit = question.get("max_words")
    return (
        f"{word_count(' '.join(lines)):,} of {limit:,} words"
        if limit and question["type"] == "long_text"
        else ""
    )


def _checks(application: Application, found: Iterable[ScreeningCheck]) -> list[Check]:
    by_kind = {check.kind: check for check in found}
    rows = []
    for rule in rulebook.for_application(application).rules:
        check = by_kind.get(rule.kind)
        if check is None:
            rows.append(Check(rule.get_kind_display(), "success", "nothing found"))
        else:
            tone = "danger" if check.outcome == CheckOutcome.BLOCK else "warning"
            rows.append(Check(rule.get_kind_display(), tone, check.sentence))
    if marked := by_kind.get(RuleKind.OPTION):  # said by the form and not by a rule of the program
        rows.append(Check(marked.get_kind_display(), "warning", marked.sentence))
    return rows


_WHY = {
    RuleKind.NEAR_DUPLICATE: "reads alike",
    RuleKind.SHARED_ORGANIZATION: "same organization ID",
    RuleKind.DUPLICATE_PERSON: "same mailbox",
}


def _alike(desk: Desk, application: Application, found: Iterable[ScreeningCheck]) -> tuple[list[Alike], int]:
    """The applications that checks name, as far as this person may see them, and how many others there are."""
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
    rows = visible(desk).filter(pk__in=named).exclude(pk=application.pk).defer("answers")
    alike = [Alike(row, *named[row.pk]) for row in rows]
    return sorted(alike, key=lambda row: -(row.share or 0)), len(named) - len(alike)


def _earlier(desk: Desk, application: Application, may: Access) -> list[Earlier]:
    """What the same person sent before, newest first, with what changed since; in a blind look only what an amendment
    changes, without the answers that tell who applies.

    The application that this one started from is compared for everybody who reads this one: applicants are told so.
    Others, and the outcome of any, are shown to those who see them in their own right.
    """
    if may.blind:
        compared = again.earlier_of(application) if application.amends_id is not None else None
        if compared is None or _stepped_back(desk, compared):
            return []
        return [Earlier(compared, "", changes(compared, application, may), linked=False)]
    rows = list(
        visible(desk)
        .filter(applicant_id=application.applicant_id, submitted_at__lt=application.submitted_at)
        .select_related("form_version", "cycle")
        .order_by("-submitted_at")[:5]
    )
    seen = {row.pk for row in rows}
    compared = again.earlier_of(application)
    if compared is not None and compared.pk not in seen:
        rows.insert(0, compared)
    return [
        Earlier(
            row,
            row.get_state_display() if row.pk in seen else "",
            changes(row, application, may) if compared is not None and row.pk == compared.pk else [],
            row.pk in seen,
        )
        for row in rows
        if row.pk in seen or not _stepped_back(desk, row)
    ]


def _stepped_back(desk: Desk, application: Application) -> bool:
    """Whether this person has a conflict with the application; it is then not even compared."""
    return not without_conflict(desk, Application.objects.filter(pk=application.pk)).exists()


def changes(before: Application, after: Application, may: Access) -> list[differences.Change]:
    """What differs between two applications of a person, as far as this person reads their answers.

    The amount of an amendment comes on top of what was granted, so it is not compared with what was asked before; an
    organization that was named with the award is no change either.
    """
    leave_out: set[str] = set()
    for form in (before.form_version.sections, after.form_version.sections):
        if after.amends_id is not None:
            leave_out |= asked_of.amount_keys(form) | _named_since(before, form)
        if may.blind:
            leave_out |= {question["key"] for question in fields.questions(form) if question.get("blind")}
    return differences.between(
        differences.Side(before.form_version.sections, before.answers),
        differences.Side(after.form_version.sections, after.answers),
        audiences=may.audiences,
        leave_out=leave_out,
    )


def _named_since(before: Application, form: fields.Sections) -> set[str]:
    """The question about the organization, where it was named with the award and not in the application."""
    asked_for = [
        question["key"] for question in fields.questions(form) if question["type"] == "organization_id"
    ]
    return {key for key in asked_for if not before.answers.get(key)}


def _policies(application: Application) -> list[str]:
    """Which policies the applicant accepted, with their versions."""
    found = []
    for question in fields.questions(application.form_version.sections):
        answer = application.answers.get(question["key"])
        if question["type"] == "acknowledgement" and isinstance(answer, Mapping) and answer.get("accepted"):
            found.append(f"{question['label']} (version {answer.get('version', '?')})")
    return found


def _gates(application: Application) -> list[Gate]:
    results = {
        result.criterion_id: result
        for result in GateResult.objects.filter(application=application).select_related("decided_by")
    }
    return [Gate(gate, results.get(gate.pk)) for gate in review.gates_for(application)]


def _rubric(criteria: Sequence[Criterion], mine: Review | None) -> list[Line]:
    values = dict(mine.scores.values_list("criterion_id", "value")) if mine else {}
    return [
        Line(
            criterion,
            values.get(criterion.pk),
            [
                (value, str(criterion.anchors.get(str(value), "")))
                for value in range(1, criterion.scale_max + 1)
            ],
        )
        for criterion in criteria
    ]


def _peer(row: Review, criteria: Sequence[Criterion]) -> Peer:
    values = {score.criterion_id: score.value for score in row.scores.all()}
    return Peer(row, [(criterion.name, values.get(criterion.pk)) for criterion in criteria])


def standing_decision(application: Application) -> Decision | None:
    """The decision of an application that was not undone."""
    return (
        Decision.objects.filter(application=application)
        .exclude(state=DecisionState.VOID)
        .select_related("proposed_by", "approved_by", "released_by", "grant")
        .first()
    )


def past_decisions(application: Application) -> list[Decision]:
    """The decisions that were undone, newest first, ten at most."""
    return list(
        Decision.objects.filter(application=application, state=DecisionState.VOID)
        .select_related("proposed_by")
        .order_by("-proposed_at")[:10]
    )


def is_open(application: Application) -> bool:
    """Whether reviews and decisions are taken."""
    return application.state == State.IN_REVIEW
