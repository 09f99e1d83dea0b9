"""Queries of the reviewer queue: which rows, what stands beside them, and counts that stay cheap at any size."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from applications import boards
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    CheckOutcome,
    Conflict,
    Decision,
    DecisionState,
    Recusal,
    Review,
    ReviewState,
    ScreeningCheck,
)
from applications.models.intake import ApplicationQuerySet
from portal.roles import Role
from programs.models import Cycle, CycleState, Program, RuleKind
from programs.staff import Desk

CAP = 10_000
"""Lists and filters count no further; beyond it they say "10,000+"."""

SHORT = {
    RuleKind.COUNTRY: "country",
    RuleKind.DISPOSABLE_EMAIL: "throw-away mail",
    RuleKind.ACADEMIC_EMAIL: "mail address",
    RuleKind.INSTITUTION_KIND: "affiliation",
    RuleKind.AMOUNT_CAP: "amount",
    RuleKind.MONTHS_CAP: "months",
    RuleKind.DUPLICATE_PERSON: "same person",
    RuleKind.NEAR_DUPLICATE: "similar",
    RuleKind.SHARED_ORGANIZATION: "shared org",
}
INFORMS_ONLY = (RuleKind.NEAR_DUPLICATE, RuleKind.ACADEMIC_EMAIL)


@dataclass(frozen=True)
class Flag:
    """A word in a list; tone is "warning", "danger" or "" where it only informs."""

    text: str
    tone: str


@dataclass
class RowFacts:
    """What stands beside an application in the queue."""

    program: Program | None = None
    flags: list[Flag] = field(default_factory=list)
    similar: int = 0
    looks: int = 0
    wanted: range = range(1, 3)
    mine: str = ""  # "todo", "draft", "done" or ""
    decision: Decision | None = None


MINE = {"todo": "To do", "draft": "Draft saved", "done": "Scored"}


def word(value: str) -> str:
    """A stored choice as people read it in a list: "life-sciences" -> "Life sciences"."""
    return value.replace("-", " ").replace("_", " ").capitalize()


def facts(desk: Desk, page: Sequence[Application]) -> dict[int, RowFacts]:
    """Flags, looks, my state and the decision of the rows of one page, in five queries."""
    ids = [row.pk for row in page]
    found = {
        row.pk: RowFacts(
            program=desk.programs[row.program_id],
            wanted=range(1, desk.programs[row.program_id].reviews_wanted + 1),
        )
        if row.program_id in desk.programs
        else RowFacts()
        for row in page
    }
    for check in ScreeningCheck.objects.filter(application_id__in=ids).order_by("kind"):
        facts_of = found[check.application_id]
        tone = "danger" if check.outcome == CheckOutcome.BLOCK else ""
        if not tone and check.kind not in INFORMS_ONLY:
            tone = "warning"
        facts_of.flags.append(Flag(SHORT[RuleKind(check.kind)], tone))
        if check.kind == RuleKind.NEAR_DUPLICATE:
            facts_of.similar = len(check.details.get("applications", ()))
    gates = boards.gates_of({row.program_id for row in page})
    if gates:
        waiting = Application.objects.filter(boards.gate_open(gates), pk__in=ids, state="in_review")
        for pk in waiting.values_list("pk", flat=True):
            found[pk].flags.append(Flag("gate", "danger"))
    for application_id, reviewer_id, state in Review.objects.filter(application_id__in=ids).values_list(
        "application_id", "reviewer_id", "state"
    ):
        found[application_id].looks += state == ReviewState.IN
        if reviewer_id == desk.user.pk and state == ReviewState.DRAFT:
            found[application_id].mine = "draft"
    for application_id, state in Assignment.objects.filter(
        application_id__in=ids, reviewer=desk.user
    ).values_list("application_id", "state"):
        if state == AssignmentState.DONE:
            found[application_id].mine = "done"
        elif state == AssignmentState.TO_DO and not found[application_id].mine:
            found[application_id].mine = "todo"
    if desk.sees(Role.MANAGER):
        for decision in Decision.objects.filter(application_id__in=ids).exclude(state=DecisionState.VOID):
            found[decision.application_id].decision = decision
    return found


def mine(desk: Desk, state: str) -> Q:
    """The applications on which my own work stands so: "todo", "draft" or "done"."""
    assignments = Assignment.objects.filter(reviewer=desk.user)
    draft = Review.objects.filter(reviewer=desk.user, state=ReviewState.DRAFT).values("application_id")
    if state == "done":
        return Q(pk__in=assignments.filter(state=AssignmentState.DONE).values("application_id"))
    to_do = assignments.filter(state=AssignmentState.TO_DO).values("application_id")
    if state == "draft":
        return Q(pk__in=to_do) & Q(pk__in=draft)
    return Q(pk__in=to_do)


def no_look() -> Q:
    """The applications that nobody has looked at."""
    return Q(state="in_review") & ~Exists(
        Review.objects.filter(application=OuterRef("pk"), state=ReviewState.IN)
    )


def search(desk: Desk, rows: ApplicationQuerySet, words: str) -> ApplicationQuerySet:
    """Find by the start of a reference, by words of the title, and for managers by mail address or organization ID.

    Every way follows an index or a list that is narrow already; nothing here reads a whole big table.
    """
    text = words.strip()[:200]
    if not text:
        return rows
    if _looks_like_reference(desk, text):
        return rows.filter(reference__startswith=text.upper())
    if desk.sees(Role.MANAGER):
        if "@" in text:
            return rows.filter(applicant__email=text.lower())
        if any(letter.isdigit() for letter in text) and "-" in text and " " not in text:
            return rows.filter(organization_id_text=text)
    starts = " & ".join(f"{part}:*" for part in _words(text))
    if not starts:
        return rows.none()
    return rows.annotate(title_words=SearchVector("title", config="simple")).filter(
        title_words=SearchQuery(starts, config="simple", search_type="raw")
    )


def _looks_like_reference(desk: Desk, text: str) -> bool:
    head = text.upper().partition("-")[0]
    return any(program.short_code == head for program in desk.programs.values())


def _words(text: str) -> list[str]:
    cleaned = "".join(letter if letter.isalnum() else " " for letter in text)
    return cleaned.split()[:8]


@dataclass(frozen=True)
class Facets:
    """Counts beside the filters; None where there are more rows than we count."""

    fields: dict[str, int] | None
    flags: dict[str, int] | None


def facets(base: QuerySet[Application]) -> Facets:
    """Fields and flags among the first CAP rows of a list, in two queries; no counts when the list is longer."""
    some = base.order_by().values("pk")[: CAP + 1]
    fields = dict(
        Application.objects.filter(pk__in=some).order_by().values_list("field").annotate(number=Count("pk"))
    )
    if sum(fields.values()) > CAP:
        return Facets(None, None)
    flags = dict(
        ScreeningCheck.objects.filter(application_id__in=some)
        .order_by()
        .values_list("kind")
        .annotate(number=Count("pk"))
    )
    return Facets({name: number for name, number in fields.items() if name}, flags)


def count(rows: QuerySet[Application]) -> int:
    """How many rows, at most CAP + 1."""
    return rows.order_by()[: CAP + 1].count()


def my_counts(desk: Desk) -> dict[str, int]:
    """My assignments that are open, begun and done, in cycles in review. One query."""
    draft = Review.objects.filter(
        application=OuterRef("application"), reviewer=desk.user, state=ReviewState.DRAFT
    )
    mine_now = Assignment.objects.filter(
        reviewer=desk.user, application__cycle__state=CycleState.IN_REVIEW
    ).exclude(state=AssignmentState.RECUSED)
    counts: dict[str, int] = defaultdict(int)
    counts.update(
        mine_now.aggregate(
            todo=Count("pk", filter=Q(state=AssignmentState.TO_DO)),
            done=Count("pk", filter=Q(state=AssignmentState.DONE)),
            draft=Count("pk", filter=Q(state=AssignmentState.TO_DO) & Exists(draft)),
        )
    )
    return counts


def past_cycles(desk: Desk, *, number: int = 10) -> list[Cycle]:
    """The cycles a list can be narrowed to: open, in review and closed ones of my programs, newest first."""
    rows = Cycle.objects.filter(state__in=(CycleState.OPEN, CycleState.IN_REVIEW, CycleState.CLOSED))
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids())
    return list(rows.order_by("-evaluation_on", "program_id")[:number])


def not_mine_why(desk: Desk, application_id: int) -> str:
    """Why somebody who had this application does not see it any more; empty when they never did."""
    if Recusal.objects.filter(application_id=application_id, reviewer=desk.user).exists():
        return "You stepped back from this application."
    if Conflict.objects.filter(application_id=application_id, user=desk.user).exists():
        return "A conflict of interest is recorded."
    return ""


def next_freeze(desk: Desk, *, at: datetime) -> Cycle | None:
    """The next cut-off of my programs: when a queue fills again."""
    rows = Cycle.objects.filter(cut_off_at__gt=at).select_related("program")
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids())
    return rows.order_by("cut_off_at").first()
