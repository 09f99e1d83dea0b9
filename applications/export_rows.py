"""What each kind of export holds: who may have it, its columns, and its rows as this person may see them.

Every kind starts from the querysets behind the pages (applications.desk), so a conflict leaves a row out here as there.
Answers that only screeners read are in no export.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Avg, Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum

from applications import boards, export_money, presentation
from applications.cells import amount
from applications.desk import visible, without_conflict
from applications.export_shapes import Column, Kind, Wanted
from applications.models import (
    STANDS,
    Application,
    Assignment,
    AssignmentState,
    Decision,
    DecisionState,
    ExportKind,
    Redaction,
    Review,
    ReviewState,
)
from applications.models.intake import ApplicationQuerySet
from portal.models import User
from portal.roles import Role
from programs import fields
from programs.models import Criterion, CriterionKind, FormVersion
from programs.staff import SEES_MONEY, Desk

ANSWER = "answer:"
RESTRICTED = "screener"
NO_COLUMN = ("text", "file", "acknowledgement")


def may(desk: Desk, kind: str, program_id: int) -> bool:
    """Whether this person may have this kind of export of a program now. A superuser has no queue."""
    if desk.everything:
        return kind != ExportKind.QUEUE
    return desk.holds(*KINDS[ExportKind(kind)].roles, program_id=program_id)


def kinds_of(desk: Desk, program_id: int) -> list[ExportKind]:
    """The kinds that this person may have of a program."""
    return [kind for kind in KINDS if may(desk, kind, program_id)]


def any_of(desk: Desk) -> bool:
    """Whether any export is for this person. No query."""
    return desk.everything or desk.sees(*{role for kind in KINDS.values() for role in kind.roles})


def columns(desk: Desk, kind: str, wanted: Wanted) -> list[Column]:
    """The columns that were asked for, in their order; those that are not for this person are not among them."""
    there = KINDS[ExportKind(kind)].columns(desk, wanted)
    return [column for column in there if not wanted.columns or column.key in wanted.columns]


# --- Applications ---------------------------------------------------------------------------------------------------


def _applications(desk: Desk, wanted: Wanted) -> ApplicationQuerySet:
    rows = visible(desk).filter(program=wanted.program)
    return rows if wanted.cycle_id is None else rows.filter(cycle_id=wanted.cycle_id)


def _application_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    waiting = boards.waits_for(desk.user).filter(application=OuterRef("pk"))
    rows = _applications(desk, wanted).annotate(awaits_me=Exists(waiting))
    rows = rows.select_related("applicant", "cycle", "form_version")
    if wanted.columns and not any(key.startswith(ANSWER) for key in wanted.columns):
        rows = rows.defer("answers")
    # A form is read once for a page of rows, when the first row that uses it is asked for its questions.
    return rows.defer("set_aside", "form_version__sections")


def _application_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    return [
        Column("reference", "Reference", lambda row: row.reference),
        Column("cycle", "Cycle", lambda row: row.cycle.evaluation_on if row.cycle else ""),
        Column("state", "State", lambda row: row.get_state_display()),
        Column("submitted_at", "Sent (UTC)", lambda row: row.submitted_at),
        Column("title", "Title", lambda row: row.title),
        Column("field", "Field", lambda row: row.field),
        Column("applicant", "Applicant", lambda row: row.applicant.name),
        Column("email", "E-mail", lambda row: row.applicant.email),
        Column("institution", "Institution", lambda row: row.institution),
        Column("institution_kind", "Kind of institution", lambda row: row.institution_kind),
        Column("country", "Country", lambda row: row.country),
        Column("career_stage", "Career stage", lambda row: row.career_stage),
        Column("asked", f"Asked ({wanted.program.currency})", lambda row: amount(row.requested_cents), True),
        Column("months", "Months", lambda row: row.requested_months, True),
        Column("models", "Models", lambda row: row.requested_models),
        Column("organization_id", "Organization ID", lambda row: row.organization_id_text),
        Column("looks", "Looks", lambda row: row.looks, True),
        Column("mean", "Mean of the totals", lambda row: row.mean, True),
        Column("decision", "Decision", lambda row: row.decided.get_kind_display() if row.decided else ""),
        Column("released", "Released", lambda row: _yes(row.decided and row.decided.released_at)),
        Column(
            "awarded",
            f"Awarded ({wanted.program.currency})",
            lambda row: amount(row.decided.amount_cents) if row.decided else None,
            True,
        ),
        *_answer_columns(wanted),
    ]


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _answer_columns(wanted: Wanted) -> list[Column]:
    """One column for each question of the program's forms. A question that was restricted in any version has none."""
    labels: dict[str, str] = {}
    withheld: set[str] = set()
    versions = FormVersion.objects.filter(program=wanted.program, published_at__isnull=False)
    for version in versions.order_by("number"):
        for question in fields.questions(version.sections):
            if question.get("audience", "everyone") == RESTRICTED:
                withheld.add(question["key"])
            elif question["type"] not in NO_COLUMN:
                labels[question["key"]] = question["label"]
    return [
        Column(f"{ANSWER}{key}", label, _answer_of(key), group="Answers")
        for key, label in labels.items()
        if key not in withheld
    ]


def _answer_of(key: str) -> Callable[[Any], Any]:
    def read(row: Any) -> str:
        question = row.questions.get(key)
        if question is None or question.get("audience", "everyone") == RESTRICTED:
            return ""
        return "\n".join(str(line) for line in presentation.lines_of(question, row.answers.get(key)))

    return read


def _prepare_applications(rows: Sequence[Any]) -> None:
    """Looks, means and decisions of some applications, and the questions of their forms: two queries."""
    ids = [row.pk for row in rows]
    looks = {
        pk: (number, mean)
        for pk, number, mean in Review.objects.filter(application_id__in=ids, state=ReviewState.IN)
        .order_by()
        .values_list("application_id")
        .annotate(number=Count("pk"), mean=Avg("total"))
    }
    decided = {
        decision.application_id: decision
        for decision in Decision.objects.filter(STANDS, application_id__in=ids)
    }
    questions: dict[int, dict[str, Any]] = {}
    for row in rows:
        row.looks, mean = looks.get(row.pk, (0, None))
        row.mean = None if mean is None or row.awaits_me else round(mean, 2)
        row.decided = decided.get(row.pk)
        if "answers" in row.get_deferred_fields():
            continue
        if row.form_version_id not in questions:
            asked = fields.questions(row.form_version.sections)
            questions[row.form_version_id] = {question["key"]: question for question in asked}
        row.questions = questions[row.form_version_id]


# --- A reviewer's queue ---------------------------------------------------------------------------------------------


def _queue_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    """What is assigned to this person, whatever else they may see in the program."""
    mine = Assignment.objects.filter(reviewer=desk.user).exclude(state=AssignmentState.RECUSED)
    rows = _applications(desk, wanted).filter(pk__in=mine.values("application_id"))
    own = Assignment.objects.filter(application=OuterRef("pk"), reviewer=desk.user)
    return (
        rows.annotate(due_at=own.values("due_at")[:1], standing=own.values("state")[:1])
        .select_related("cycle")
        .defer("answers", "set_aside")
    )


def _queue_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    """No answers, and in a program that hides names nothing that is asked by a question marked as blind."""
    found = [
        Column("reference", "Reference", lambda row: row.reference),
        Column("cycle", "Cycle", lambda row: row.cycle.evaluation_on if row.cycle else ""),
        Column("title", "Title", lambda row: "" if row.is_redacted else row.title),
        Column("field", "Field", lambda row: row.field),
        Column("asked", f"Asked ({wanted.program.currency})", lambda row: amount(row.requested_cents), True),
        Column("months", "Months", lambda row: row.requested_months, True),
        Column("standing", "My review", lambda row: AssignmentState(row.standing).label),
        Column("due_at", "Due (UTC)", lambda row: row.due_at),
    ]
    if not wanted.program.blind_first_look:
        return found
    hidden = {
        question.get("maps_to")
        for version in FormVersion.objects.filter(program=wanted.program, published_at__isnull=False)
        for question in fields.questions(version.sections)
        if question.get("blind") or question.get("audience", "everyone") != "everyone"
    }
    maps = {"asked": "amount_cents"}
    return [column for column in found if maps.get(column.key, column.key) not in hidden]


def _prepare_queue(rows: Sequence[Any]) -> None:
    """A title out of which a screener took words is left out: the queue shows the copy, which is not a column."""
    redacted = set(
        Redaction.objects.filter(application__in=[row.pk for row in rows], lifted=False).values_list(
            "application_id", flat=True
        )
    )
    for row in rows:
        row.is_redacted = row.pk in redacted


# --- Reviews and decisions ------------------------------------------------------------------------------------------


def _review_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    """Reviews that are in. Whoever still has to look at an application does not read the others' before."""
    waiting = boards.waits_for(desk.user)
    return (
        Review.objects.filter(state=ReviewState.IN, application__in=_applications(desk, wanted))
        .exclude(application__in=waiting.values("application_id"))
        .select_related("application", "reviewer")
        .defer("application__answers", "application__set_aside")
    )


def _review_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    criteria = Criterion.objects.filter(
        Q(program=wanted.program) | Q(left=wanted.program), kind=CriterionKind.SCORE
    ).order_by("position", "pk")
    return [
        Column("reference", "Reference", lambda row: row.application.reference),
        Column("title", "Title", lambda row: row.application.title),
        Column("reviewer", "Reviewer", lambda row: str(row.reviewer)),
        Column("submitted_at", "In since (UTC)", lambda row: row.submitted_at),
        *(Column(f"score:{criterion.pk}", criterion.name, _score_of(criterion.pk)) for criterion in criteria),
        Column("blind_total", "Total before names", lambda row: row.blind_total, True),
        Column("total", "Total", lambda row: row.total, True),
        Column("confidence", "Confidence", lambda row: row.get_confidence_display()),
        Column("clear_decline", "Clear decline", lambda row: row.clear_decline),
        Column("decline_code", "Why", lambda row: row.get_decline_code_display()),
        Column("note", "Note", lambda row: row.note),
    ]


def _score_of(criterion_id: int) -> Callable[[Any], Any]:
    def read(row: Any) -> Any:
        for score in row.scores.all():
            if score.criterion_id == criterion_id:
                return "does not apply" if score.not_applicable else score.value
        return ""

    return read


def _decision_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    base = Application.objects.filter(program=wanted.program)
    if wanted.cycle_id is not None:
        base = base.filter(cycle_id=wanted.cycle_id)
    return Decision.objects.filter(application__in=without_conflict(desk, base)).select_related(
        "application", "proposed_by", "approved_by", "released_by", "grant"
    )


def _decision_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    currency = wanted.program.currency
    return [
        Column("reference", "Reference", lambda row: row.application.reference),
        Column("kind", "Decision", lambda row: row.get_kind_display()),
        Column("state", "State", lambda row: row.get_state_display()),
        Column("amount", f"Amount ({currency})", lambda row: amount(row.amount_cents), True),
        Column("months", "Months", lambda row: row.months, True),
        Column("models", "Models", lambda row: row.granted_models),
        Column("reason", "Reason", lambda row: row.reason),
        Column("proposed_by", "Proposed by", lambda row: str(row.proposed_by)),
        Column("proposed_at", "Proposed (UTC)", lambda row: row.proposed_at),
        Column("approved_by", "Second person", lambda row: row.approved_by and str(row.approved_by)),
        Column("approved_at", "Approved (UTC)", lambda row: row.approved_at),
        Column("released_by", "Released by", lambda row: row.released_by and str(row.released_by)),
        Column("released_at", "Released (UTC)", lambda row: row.released_at),
        Column("grant", "Grant", lambda row: row.grant and row.grant.reference),
    ]


# --- People ---------------------------------------------------------------------------------------------------------


def _people_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    """Everybody with an application that this person may see, with sums over these applications alone."""
    seen = _applications(desk, wanted)
    theirs = seen.filter(applicant=OuterRef("pk")).order_by()
    newest = seen.filter(applicant=OuterRef("pk")).order_by("-submitted_at", "-pk")
    awards = Decision.objects.filter(
        application__in=seen.values("pk"),
        application__applicant=OuterRef("pk"),
        state=DecisionState.RELEASED,
        kind="award",
    ).order_by()
    return User.objects.filter(Exists(theirs)).annotate(
        applications_n=theirs.values("applicant").annotate(n=Count("pk")).values("n"),
        first_at=theirs.values("applicant").annotate(n=Min("submitted_at")).values("n"),
        last_at=theirs.values("applicant").annotate(n=Max("submitted_at")).values("n"),
        institution_now=newest.values("institution")[:1],
        country_now=newest.values("country")[:1],
        awards_n=awards.values("application__applicant").annotate(n=Count("pk")).values("n"),
        awarded_cents=awards.values("application__applicant").annotate(n=Sum("amount_cents")).values("n"),
    )


def _people_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    return [
        Column("name", "Name", lambda row: row.name),
        Column("email", "E-mail", lambda row: row.email),
        Column("institution", "Institution", lambda row: row.institution_now),
        Column("country", "Country", lambda row: row.country_now),
        Column("applications", "Applications", lambda row: row.applications_n, True),
        Column("awards", "Awards", lambda row: row.awards_n or 0, True),
        Column(
            "awarded",
            f"Awarded ({wanted.program.currency})",
            lambda row: amount(row.awarded_cents or 0),
            True,
        ),
        Column("first_at", "First sent (UTC)", lambda row: row.first_at),
        Column("last_at", "Last sent (UTC)", lambda row: row.last_at),
    ]


KINDS: dict[ExportKind, Kind] = {
    ExportKind.APPLICATIONS: Kind(
        (Role.MANAGER,),
        _application_columns,
        _application_rows,
        _prepare_applications,
        note="Choose the columns. Answers that only screeners read are not in any export.",
    ),
    ExportKind.QUEUE: Kind(
        (Role.REVIEWER,),
        _queue_columns,
        _queue_rows,
        _prepare_queue,
        note="What is assigned to you, with the state of your review.",
    ),
    ExportKind.REVIEWS: Kind((Role.MANAGER,), _review_columns, _review_rows, note="Every review that is in."),
    ExportKind.DECISIONS: Kind(
        (Role.MANAGER, Role.FINANCE, Role.AUDITOR),
        _decision_columns,
        _decision_rows,
        note="Pending, released and undone.",
    ),
    ExportKind.GRANTS: Kind(
        SEES_MONEY,
        export_money.grant_columns,
        export_money.grant_rows,
        export_money.prepare_grants,
        note="With what is left of each.",
    ),
    ExportKind.LEDGER: Kind(
        SEES_MONEY,
        export_money.ledger_columns,
        export_money.ledger_rows,
        order="version",
        note="Every movement of one pool, with the balance after it.",
        by_cycle=False,
        by_pool=True,
    ),
    ExportKind.PEOPLE: Kind(
        (Role.MANAGER,), _people_columns, _people_rows, note="Applicants, with what they sent and got."
    ),
}


def page(desk: Desk, kind: str, wanted: Wanted, *, after: int, size: int) -> list[Any]:
    """The next rows behind a place, as this person may see them now, with what their columns read."""
    found = KINDS[ExportKind(kind)]
    rows = found.rows(desk, wanted).filter(**{f"{found.order}__gt": after}).order_by(found.order)
    if kind == ExportKind.REVIEWS:
        rows = rows.prefetch_related("scores")
    listed = list(rows[:size])
    found.prepare(listed)
    return listed


def place_of(kind: str, row: Any) -> int:
    """Where a row stands, for the next page."""
    return int(row.version if KINDS[ExportKind(kind)].order == "version" else row.pk)


def count(desk: Desk, kind: str, wanted: Wanted) -> int:
    """How many rows there are now."""
    return KINDS[ExportKind(kind)].rows(desk, wanted).order_by().count()


def numbers(found: Iterable[Column]) -> list[int]:
    """Places of the columns that hold numbers."""
    return [place for place, column in enumerate(found) if column.number]
