"""Find credit that waits to be decided between the evaluations, and what was given there. Read only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from applications import desk as desk_queries
from applications import four_eyes
from applications.models import (
    GIVES,
    Application,
    AwardMember,
    Decision,
    DecisionKind,
    DecisionState,
    LaterCredit,
    LaterKind,
    LaterState,
)
from applications.models.later import LIVE
from credits import ledger
from credits.models import Stage
from credits.money import format_money
from portal.roles import Role
from programs import rulebook, staff
from programs.models import Cycle
from programs.staff import Desk

AMBER, RED = timedelta(days=7), timedelta(days=14)
"""When a wish has waited long. An urgent one has its own day."""


def visible(desk: Desk) -> QuerySet[LaterCredit]:
    """What this person may see: of the programs whose money they see, without conflicts, own ones, and shared ones."""
    rows = LaterCredit.objects.all()
    if not desk.everything:
        rows = rows.filter(application__program_id__in=desk.program_ids(*staff.SEES_MONEY))
    free = desk_queries.without_conflict(desk, Application.objects.filter(pk=OuterRef("application_id")))
    shares = AwardMember.objects.filter(application=OuterRef("application_id"), user=desk.user)
    return rows.filter(Exists(free)).exclude(Exists(shares))


def waiting(desk: Desk) -> QuerySet[LaterCredit]:
    """What this person could decide now: wishes for its manager, proposals of others for a second person."""
    rows = visible(desk).filter(state__in=LIVE)
    if desk.everything:
        return rows
    manages = Q(application__program_id__in=desk.program_ids(Role.MANAGER))
    second = Q(
        state=LaterState.PROPOSED,
        application__program_id__in=desk.program_ids(Role.MANAGER, Role.FINANCE),
    ) & ~Q(proposed_by=desk.user)
    return rows.filter((manages & Q(state=LaterState.ASKED)) | second)


def tone(wish: LaterCredit, *, at: datetime) -> str:
    """How long it waits, in colours: "" , "warning" or "danger". The day an urgent one names counts before its age."""
    if not wish.is_live:
        return ""
    if wish.needed_by is not None:
        left = (wish.needed_by - at.date()).days
        return "danger" if left <= 0 else "warning" if left <= 2 else ""
    age = at - wish.asked_at
    return "danger" if age >= RED else "warning" if age >= AMBER else ""


def to_post_again(desk: Desk) -> QuerySet[Decision]:
    """Awards whose grant was refused or lapsed and stands nowhere else: what a manager may post again."""
    rows = Decision.objects.filter(
        kind__in=GIVES,
        state=DecisionState.RELEASED,
        grant__stage__in=(Stage.FAILED, Stage.VOID),
        replaced_by__isnull=True,
    ).exclude(ending__kind="declined")
    if not desk.everything:
        rows = rows.filter(application__program_id__in=desk.program_ids(Role.MANAGER))
    free = desk_queries.without_conflict(desk, Application.objects.filter(pk=OuterRef("application_id")))
    return (
        rows.filter(Exists(free)).select_related("application__program", "grant").order_by("-grant__ended_at")
    )


@dataclass(frozen=True)
class Between:
    """What was given between two evaluations of a program, in cents, by kind, and how often."""

    urgent: int
    urgent_cents: int
    top_ups: int
    top_ups_cents: int
    asked: int
    asked_cents: int

    @property
    def cents(self) -> int:
        return self.urgent_cents + self.top_ups_cents


def between(cycle: Cycle) -> Between:
    """For the money board of a cycle: what left the pool since the evaluation before it, and what is asked. Two queries."""
    before = (
        Cycle.objects.filter(program_id=cycle.program_id, evaluation_on__lt=cycle.evaluation_on)
        .order_by("-evaluation_on")
        .values_list("cut_off_at", flat=True)
        .first()
    )
    of_program = {"application__program_id": cycle.program_id}
    given = Decision.objects.filter(kind=DecisionKind.LATER, **of_program).exclude(
        grant__stage__in=(Stage.FAILED, Stage.VOID)
    )
    if before is not None:
        given = given.filter(released_at__gte=before)
    urgent, top_up = Q(later__kind=LaterKind.URGENT), Q(later__kind=LaterKind.TOP_UP)
    found = given.aggregate(
        urgent=Count("pk", filter=urgent),
        urgent_cents=Sum("amount_cents", filter=urgent, default=0),
        top_ups=Count("pk", filter=top_up),
        top_ups_cents=Sum("amount_cents", filter=top_up, default=0),
    )
    asked = LaterCredit.objects.filter(state__in=LIVE, **of_program).exclude(kind=LaterKind.AGAIN)
    found |= asked.aggregate(asked=Count("pk"), asked_cents=Sum("asked_cents", default=0))
    return Between(**found)


def pool_left_cents(application: Application, *, at: datetime) -> tuple[str, int | None]:
    """The pool that would pay for more credit on an award now, and what it holds; None where it was never funded."""
    year = at.astimezone(ZoneInfo(application.program.time_zone)).year
    code = ledger.pool_code(application.program.slug, str(year))
    try:
        return code, ledger.account(code).balance_cents
    except ledger.NoSuchAccount:
        return code, None


def limit_words(application: Application) -> str:
    """The limit above which a second person approves, in words."""
    rules = rulebook.for_application(application)
    return format_money(four_eyes.limit_cents(rules, application.program), rules.currency)
