"""Queries of the desk: what a member of staff may see, and what waits for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import MD5, Cast, Coalesce, Concat, ExtractYear

from applications.emails import institution_domain
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Decision,
    Notice,
    NoticeState,
    Review,
    ReviewState,
    decision,
)
from applications.models.intake import ApplicationQuerySet
from credits.models import Grant, LedgerAccount
from credits.models.grant import Stage
from portal.roles import Role
from programs.models import Cycle, CycleState, Program
from programs.staff import Desk

SEES_ALL_OF_PROGRAM = (Role.MANAGER, Role.SCREENER)


def visible(desk: Desk, base: ApplicationQuerySet | None = None) -> ApplicationQuerySet:
    """Every sent application this person may see: the one rule behind lists, pages, search, history and bulk actions.

    Managers and screeners see their programs, reviewers what is assigned to them and not given back. A superuser sees
    all programs. Nobody, a superuser included, sees an application they have a conflict with.
    """
    rows = (Application.objects.all() if base is None else base).filter(submitted_at__isnull=False)
    if desk.everything:
        return without_conflict(desk, rows)
    mine = Assignment.objects.filter(reviewer=desk.user).exclude(state=AssignmentState.RECUSED)
    review_ids = desk.program_ids(Role.REVIEWER)
    whole = desk.program_ids(*SEES_ALL_OF_PROGRAM)
    assigned = Q(pk__in=mine.values("application_id"), program_id__in=review_ids)
    rows = rows.filter(assigned | Q(program_id__in=whole) if whole else assigned)
    return without_conflict(desk, rows)


def without_conflict(desk: Desk, rows: ApplicationQuerySet) -> ApplicationQuerySet:
    """Leave out own applications, recorded conflicts, recusals, and the person's own institution."""
    rows = rows.without_conflict(desk.user)
    domain = institution_domain(desk.user.email_domain)
    if domain:
        rows = rows.exclude(Q(email_domain=domain) | Q(email_domain__endswith=f".{domain}"))
    return rows


def hidden_records(desk: Desk) -> tuple[list[int], list[int]]:
    """Ids of the applications of others with which this person has a recorded conflict or from which they stepped back,
    and of their applicants: for records that know applications by number only. One query.
    """
    tied = Q(conflicts__user=desk.user) | Q(recusals__reviewer=desk.user)
    rows = Application.objects.filter(tied).exclude(applicant=desk.user).order_by().distinct()
    found = list(rows.values_list("pk", "applicant_id"))
    return sorted(pk for pk, _ in found), sorted({person for _, person in found})


def decidable(desk: Desk) -> ApplicationQuerySet:
    """The applications this person sees as a manager or a superuser: those whose decision page is theirs."""
    rows = visible(desk)
    return rows if desk.everything else rows.filter(program_id__in=desk.program_ids(Role.MANAGER))


@dataclass(frozen=True)
class Load:
    """One reviewer's assignments in one cycle. `drafts` counts reviews begun and not handed in."""

    cycle: Cycle
    program: Program
    to_do: int
    done: int
    recused: int
    drafts: int

    @property
    def total(self) -> int:
        return self.to_do + self.done

    @property
    def share(self) -> float:
        return 100 * self.done / self.total if self.total else 0


def load_rows(desk: Desk) -> list[dict[str, int]]:
    """My assignments counted by cycle, of cycles in review. One query; ask once for each request."""
    return list(_loads(desk))


def load_in(rows: Iterable[Mapping[str, int]], application: Application) -> Load | None:
    """My assignments in the cycle of one application, loaded with program and cycle. rows: load_rows."""
    assert application.cycle is not None
    for row in rows:
        if row["application__cycle_id"] == application.cycle_id:
            counts = {name: number for name, number in row.items() if name != "application__cycle_id"}
            return Load(cycle=application.cycle, program=application.program, **counts)
    return None


def loads(desk: Desk, rows: Iterable[Mapping[str, int]], cycles: Iterable[Cycle]) -> list[Load]:
    """My queues by cycle, the most urgent first. rows: load_rows; cycles: those in review. No query."""
    by_id = {cycle.pk: cycle for cycle in cycles}
    found = []
    for row in rows:
        counts = {name: number for name, number in row.items() if name != "application__cycle_id"}
        # Somebody who stepped back from all they had has no queue there.
        if (cycle := by_id.get(row["application__cycle_id"])) and counts["to_do"] + counts["done"]:
            found.append(Load(cycle=cycle, program=desk.programs[cycle.program_id], **counts))
    return sorted(found, key=lambda load: (load.to_do == 0, load.cycle.review_due_at, load.cycle.pk))


def _loads(desk: Desk) -> QuerySet[Any, Any]:
    draft = Review.objects.filter(
        application=OuterRef("application"), reviewer=desk.user, state=ReviewState.DRAFT
    )
    return (
        Assignment.objects.filter(
            reviewer=desk.user,
            application__program_id__in=desk.program_ids(Role.REVIEWER),
            application__cycle__state=CycleState.IN_REVIEW,
        )
        .values("application__cycle_id")
        .annotate(
            to_do=Count("pk", filter=Q(state=AssignmentState.TO_DO)),
            done=Count("pk", filter=Q(state=AssignmentState.DONE)),
            recused=Count("pk", filter=Q(state=AssignmentState.RECUSED)),
            drafts=Count("pk", filter=Q(state=AssignmentState.TO_DO) & Q(Exists(draft))),
        )
        .order_by("application__cycle_id")
    )


def to_do(desk: Desk) -> QuerySet[Assignment]:
    """What waits for this person's review, in cycles in review."""
    return Assignment.objects.filter(
        reviewer=desk.user,
        state=AssignmentState.TO_DO,
        application__program_id__in=desk.program_ids(Role.REVIEWER),
        application__cycle__state=CycleState.IN_REVIEW,
    )


def to_do_count(desk: Desk) -> int:
    """How many assignments wait for this person; an index-only count."""
    if not desk.holds(Role.REVIEWER):
        return 0
    return Assignment.objects.filter(reviewer=desk.user, state=AssignmentState.TO_DO).count()


def next_to_review(
    desk: Desk, *, after: int | None = None, cycle_id: int | None = None
) -> Application | None:
    """The next application of my queue; `after` goes on behind one of them, reviewed or skipped.

    The earliest due first, then those that fewest others have reviewed, and among equals an order drawn for each person,
    so that colleagues do not all read the same ones first. Starts again at the first when nothing lies behind.
    Applications that are no longer in review are passed over.
    """
    place: dict[str, Any] = {
        "due": F("assignments__due_at"),
        "others": _reviews_by_others(desk),
        "dice": MD5(Concat(Cast("pk", CharField()), Value(f"-{desk.user.pk}"))),
    }
    waiting: QuerySet[Application] = visible(
        desk,
        # One filter: a second one would join the assignments of others.
        Application.objects.filter(
            assignments__reviewer=desk.user,
            assignments__state=AssignmentState.TO_DO,
            state="in_review",
            program_id__in=desk.program_ids(Role.REVIEWER),
        ).annotate(**place),
    )
    waiting = waiting.order_by("due", "others", "dice")  # type: ignore[misc]
    if after is not None:
        mine = Application.objects.filter(pk=after, assignments__reviewer=desk.user).annotate(**place)
        here: Any = mine.values_list("due", "others", "dice").first()  # type: ignore[misc]
        if here is not None:
            due, others, dice = here
            behind = Q(due__gt=due) | Q(due=due, others__gt=others) | Q(due=due, others=others, dice__gt=dice)
            later = waiting.filter(behind).first()
            if later is not None:
                return later
        waiting = waiting.exclude(pk=after)
    return waiting.first()


def _reviews_by_others(desk: Desk) -> Coalesce:
    """How many others have reviewed an application. The own review does not count: it would move what was just read."""
    others = Review.objects.filter(application=OuterRef("pk"), state=ReviewState.IN).exclude(
        reviewer=desk.user
    )
    counted = others.order_by().values("application").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


def cycles_at_work(desk: Desk) -> list[Cycle]:
    """The cycles in review, and those open, of the programs this person works on, the nearest decided-by date first.

    Each with its program, its rules and `pool_cents`. One query.
    """
    cycles = Cycle.objects.filter(state__in=(CycleState.IN_REVIEW, CycleState.OPEN))
    if not desk.everything:
        cycles = cycles.filter(program_id__in=desk.program_ids())
    rows = cycles.select_related("program", "rules_version").annotate(pool_cents=pool_balance())
    return list(rows.order_by("decided_by_on", "pk"))


def pool_balance() -> Subquery:
    """For a query of cycles: what the pool of each holds, in cents; None without one."""
    year = Cast(ExtractYear(OuterRef("evaluation_on")), TextField())
    code = Concat(Value("pool:"), OuterRef("program__slug"), Value(":"), year, output_field=TextField())
    return Subquery(LedgerAccount.objects.filter(code=code).values("balance_cents"))


def second_person_wanted(desk: Desk) -> QuerySet[Decision]:
    """Pending awards that need a second person and may have this one: proposed by somebody else, free of conflicts."""
    waiting = Decision.objects.filter(decision.second_person_wanted()).exclude(proposed_by=desk.user)
    allowed = Application.objects.filter(pk=OuterRef("application"))
    if not desk.everything:
        allowed = allowed.filter(program_id__in=desk.program_ids(Role.MANAGER, Role.FINANCE))
    waiting = waiting.filter(Exists(without_conflict(desk, allowed)))
    return waiting.select_related("application__program", "proposed_by").order_by("proposed_at", "pk")


def parked_letters(desk: Desk) -> QuerySet[Notice]:
    """Letters that were given up after too many tries."""
    parked = Notice.objects.filter(state=NoticeState.PARKED)
    if desk.holds(Role.OPERATOR):
        return parked
    return letters(desk).filter(state=NoticeState.PARKED)


def failed_grants(desk: Desk) -> QuerySet[Grant]:
    """Grants that the provider refused, in the programs whose money this person watches."""
    grants = grants_without_conflict(desk, Grant.objects.filter(stage=Stage.FAILED))
    if desk.everything:
        return grants
    slugs = [desk.programs[pk].slug for pk in desk.program_ids(Role.MANAGER, Role.FINANCE, Role.OPERATOR)]
    return grants.filter(program__in=slugs)


def grants_without_conflict(desk: Desk, rows: QuerySet[Grant]) -> QuerySet[Grant]:
    """Leave out the grants of applications that this person has a conflict with, and their own; superusers included.

    A second half follows the decision of its first, a lot that changed its organization that of the grant it came from.
    """
    own = Coalesce(
        OuterRef("decision__application_id"),
        OuterRef("half_of__decision__application_id"),
        OuterRef("first__decision__application_id"),
        OuterRef("first__half_of__decision__application_id"),
    )
    allowed = without_conflict(desk, Application.objects.filter(pk=own))
    untied = Q(decision__isnull=True, half_of__isnull=True, first__isnull=True)
    return rows.exclude(holder=desk.user).filter(untied | Exists(allowed))


def hidden_grants(desk: Desk) -> QuerySet[Grant]:
    """What grants_without_conflict leaves out: for the ledger, whose accounts and transfers follow their grants."""
    seen = grants_without_conflict(desk, Grant.objects.filter(pk=OuterRef("pk")))
    return Grant.objects.filter(~Exists(seen.order_by()))


def letters(desk: Desk) -> QuerySet[Notice]:
    """The letters of the programs this person runs, without those about an application they have a conflict with."""
    rows = Notice.objects.all()
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids(Role.MANAGER, Role.OPERATOR))
    allowed = without_conflict(desk, Application.objects.filter(pk=OuterRef("application")))
    return rows.filter(Q(application=None) | Exists(allowed))
