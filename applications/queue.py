"""Queries of the reviewer queue: which rows, what stands beside them, and counts that stay cheap at any size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)

from applications import boards, looks
from applications.blinding import TELLING_CHECKS
from applications.models import (
    STANDING,
    Application,
    Assignment,
    AssignmentState,
    CheckOutcome,
    Conflict,
    Decision,
    Recusal,
    Review,
    ReviewState,
    ScreeningCheck,
)
from applications.models.intake import ApplicationQuerySet
from portal.admin_base import COUNTED_UP_TO
from portal.roles import Role
from programs import rulebook
from programs.models import Cycle, CycleState, Program, RuleKind
from programs.staff import Desk

CAP = COUNTED_UP_TO

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
    RuleKind.WAITING_TIME: "waiting time",
    RuleKind.OPTION: "condition",
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
    decision: str = ""  # a DecisionKind
    title: str = ""  # as this person may read it
    field: str = ""
    blind: bool = False


MINE = {"todo": "To do", "draft": "Draft saved", "done": "Scored"}


def word(value: str) -> str:
    """A stored choice as people read it in a list: "life-sciences" -> "Life sciences"."""
    return value.replace("-", " ").replace("_", " ").capitalize()


def facts(desk: Desk, page: Sequence[Application], known: Iterable[Cycle] = ()) -> dict[int, RowFacts]:
    """Flags, looks, my state and the decision of the rows of one page, in seven queries at most.

    known: cycles that are loaded already, with program and rules.
    """
    ids = [row.pk for row in page]
    here = {row.cycle_id for row in page if row.cycle_id is not None}
    cycles = [cycle for cycle in known if cycle.pk in here]
    if missing := here - {cycle.pk for cycle in cycles}:
        cycles += Cycle.objects.filter(pk__in=missing).select_related("program", "rules_version")
    wanted = {cycle.pk: rulebook.for_cycle(cycle).reviews_wanted for cycle in cycles}
    found = {
        row.pk: RowFacts(
            program=desk.programs[row.program_id],
            wanted=range(1, wanted.get(row.cycle_id or 0, desk.programs[row.program_id].reviews_wanted) + 1),
        )
        if row.program_id in desk.programs
        else RowFacts()
        for row in page
    }
    for pk, name in looks.named(desk, page).items():
        found[pk].title, found[pk].field, found[pk].blind = name.title, word(name.field), name.blind
    for check in ScreeningCheck.objects.filter(application_id__in=ids).order_by("kind"):
        facts_of = found[check.application_id]
        if facts_of.blind and check.kind in TELLING_CHECKS:
            continue
        tone = "danger" if check.outcome == CheckOutcome.BLOCK else ""
        if not tone and check.kind not in INFORMS_ONLY:
            tone = "warning"
        facts_of.flags.append(Flag(SHORT[RuleKind(check.kind)], tone))
        if check.kind == RuleKind.NEAR_DUPLICATE:
            facts_of.similar = len(check.details.get("applications", ()))
    gates = boards.gates_of(cycles)
    if gates:
        waiting = Application.objects.filter(boards.gate_open(gates), pk__in=ids, state="in_review")
        for pk in waiting.values_list("pk", flat=True):
            found[pk].flags.append(Flag("gate", "danger"))
    for application_id, source, state, own in _work_on(desk, ids):
        beside = found[application_id]
        if source == "decision":
            beside.decision = state
        elif source == "review":
            beside.looks += state == ReviewState.IN
            if own and state == ReviewState.DRAFT:
                beside.mine = "draft"
        elif state == AssignmentState.DONE:
            beside.mine = "done"
        elif state == AssignmentState.TO_DO and not beside.mine:
            beside.mine = "todo"
    return found


def _work_on(desk: Desk, ids: Sequence[int]) -> QuerySet[Any, tuple[int, str, str, bool]]:
    """Reviews of all, my assignments, and decisions of some applications, in one query; reviews come first."""
    columns = ("application_id", "source", "word", "own")
    reviews = Review.objects.filter(application_id__in=ids).annotate(
        source=Value("review"),
        word=F("state"),
        own=ExpressionWrapper(Q(reviewer=desk.user), output_field=BooleanField()),
    )
    assigned = Assignment.objects.filter(application_id__in=ids, reviewer=desk.user).annotate(
        source=Value("task"), word=F("state"), own=Value(True)
    )
    parts: list[QuerySet[Any, Any]] = [assigned.values_list(*columns)]
    if desk.sees(Role.MANAGER):
        decided = Decision.objects.filter(application_id__in=ids, state__in=STANDING)
        if not desk.everything:  # somebody may manage one program and review for another
            decided = decided.filter(application__program_id__in=desk.program_ids(Role.MANAGER))
        parts.append(
            decided.annotate(source=Value("decision"), word=F("kind"), own=Value(False)).values_list(*columns)
        )
    return reviews.values_list(*columns).union(*parts, all=True).order_by("source")


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
    looked = Review.objects.filter(application=OuterRef("pk"), state=ReviewState.IN)
    return Q(state="in_review") & ~Q(Exists(looked))


def search(desk: Desk, rows: ApplicationQuerySet, words: str) -> ApplicationQuerySet:
    """Find by the start of a reference, by words of the title, and for managers by mail address or organization ID.

    The last two find only in programs that this person manages: what one finds by an address, one knows it of.
    Every way follows an index or a list that is narrow already; nothing here reads a whole big table.
    """
    text = words.strip()[:200]
    if not text:
        return rows
    if _looks_like_reference(desk, text):
        return rows.filter(reference__startswith=text.upper())
    if desk.sees(Role.MANAGER):
        managed = rows if desk.everything else rows.filter(program_id__in=desk.program_ids(Role.MANAGER))
        if "@" in text:
            return managed.filter(applicant__email=text.lower())
        if any(letter.isdigit() for letter in text) and "-" in text and " " not in text:
            return managed.filter(organization_id_text=text)
    starts = " & ".join(f"{part}:*" for part in _words(text))
    if not starts:
        return rows.none()
    matching = rows.annotate(title_words=SearchVector("title", config="simple")).filter(
        title_words=SearchQuery(starts, config="simple", search_type="raw")
    )
    return without_names(desk, matching, text)


def without_names(desk: Desk, matching: ApplicationQuerySet, text: str) -> ApplicationQuerySet:
    """Leave out what a search for words of the title finds only by words that this person must not see now."""
    hidden = _found_by_a_name(desk, matching, _words(text))
    return matching.exclude(pk__in=hidden) if hidden else matching


def _found_by_a_name(desk: Desk, matching: ApplicationQuerySet, wanted: Sequence[str]) -> list[int]:
    """Those that match only by words this person must not see now: finding one would tell that the word is there."""
    if desk.everything or not set(desk.program_ids()) - set(desk.program_ids(*looks.NOT_BLIND)):
        return []
    rows = list(
        matching.filter(looks.blind_to(desk)).only("pk", "title", "field", "reference", "program")[:CAP]
    )
    shown = looks.titles(desk, rows)
    hidden = []
    for pk, title in shown.items():
        words = [part.lower() for part in _words(title, most=100)]
        if not all(any(part.startswith(start.lower()) for part in words) for start in wanted):
            hidden.append(pk)
    return hidden


def _looks_like_reference(desk: Desk, text: str) -> bool:
    head = text.upper().partition("-")[0]
    return any(program.short_code == head for program in desk.programs.values())


def _words(text: str, *, most: int = 8) -> list[str]:
    cleaned = "".join(letter if letter.isalnum() else " " for letter in text)
    return cleaned.split()[:most]


@dataclass(frozen=True)
class Facets:
    """Counts beside the filters; not exact where there are more rows than we count."""

    fields: dict[str, int]
    flags: dict[str, int]
    exact: bool = True


def facets(desk: Desk, base: QuerySet[Application]) -> Facets:
    """Fields and flags among the first CAP rows of a list, in one query; not exact when the list is longer. Flags that
    tell who applies are counted where this person is not blind.

    The rows are drawn once (MATERIALIZED): as a subquery they would be joined back to the whole table.
    """
    try:
        rows = base.order_by().annotate(is_blind=looks.blindness(desk)).values("pk", "field", "is_blind")
        drawn, parameters = rows[: CAP + 1].query.sql_with_params()
    except EmptyResultSet:  # a filter that nothing can meet
        return Facets({}, {})
    counts: dict[str, dict[str, int]] = {"field": {}, "flag": {}}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH drawn (id, field, is_blind) AS MATERIALIZED ({drawn})
            SELECT 'field', field, count(*) FROM drawn GROUP BY field
             UNION ALL
            SELECT 'flag', found.kind, count(*)
              FROM drawn JOIN applications_screeningcheck found ON found.application_id = drawn.id
             WHERE NOT (drawn.is_blind AND found.kind = ANY (%s))
             GROUP BY found.kind
            """,  # noqa: S608 - the ORM wrote the inner statement
            [*parameters, sorted(TELLING_CHECKS)],
        )
        for source, name, number in cursor:
            counts[source][name] = number
    exact = sum(counts["field"].values()) <= CAP
    counts["field"].pop("", None)
    return Facets(counts["field"], counts["flag"], exact)


def past_cycles(desk: Desk, *, number: int = 10) -> list[Cycle]:
    """The cycles a list can be narrowed to: open, in review and closed ones of my programs, newest first."""
    rows = Cycle.objects.filter(state__in=(CycleState.OPEN, CycleState.IN_REVIEW, CycleState.CLOSED))
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids())
    rows = rows.select_related("program", "rules_version")
    return list(rows.order_by("-evaluation_on", "program_id")[:number])


def not_mine_why(desk: Desk, application_id: int) -> str:
    """Why somebody who had this application does not see it any more; empty when they never did."""
    if Recusal.objects.filter(application_id=application_id, reviewer=desk.user).exists():
        return "You stepped back from this application."
    if Conflict.objects.filter(application_id=application_id, user=desk.user).exists():
        return "A conflict of interest is recorded."
    began = Review.objects.filter(application_id=application_id, reviewer=desk.user).select_related(
        "application"
    )
    had = Assignment.objects.filter(application_id=application_id, reviewer=desk.user).select_related(
        "application"
    )
    own = began.first() or had.first()
    if own is None:
        return ""
    if not desk.holds(Role.REVIEWER, program_id=own.application.program_id):
        return "You are not a reviewer of this program any more."
    return "This application was handed to somebody else."


def next_freeze(desk: Desk, *, at: datetime) -> Cycle | None:
    """The next cut-off of my programs: when a queue fills again."""
    rows = Cycle.objects.filter(cut_off_at__gt=at).select_related("program")
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids())
    return rows.order_by("cut_off_at").first()
