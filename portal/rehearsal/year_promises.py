"""What must hold at the end of every month of a rehearsed year, looked up apart from what was meant to keep it."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Count, F, Q, Sum

from applications.models import (
    Application,
    Assignment,
    AwardEnding,
    Decision,
    DecisionKind,
    DecisionState,
    Notice,
)
from applications.models.award import Ending
from applications.states import State
from credits import checks, enforcement
from credits import queries as money
from credits.models import Delivery, Grant, LedgerAccount, Transfer, Usage
from credits.models import Stage as GrantStage
from credits.models.grant import UNSETTLED
from credits.movements import AccountKind, Kind
from portal.rehearsal import processes
from programs.models import MessageKind

if TYPE_CHECKING:
    from portal.rehearsal.year import Year

Look = Callable[["Year"], tuple[bool, str]]


def check(year: "Year") -> list[tuple[str, bool, str]]:
    """Name, whether it was kept, and figures, of each promise."""
    return [(name, *look(year)) for name, look in PROMISES.items()]


def sums() -> dict[str, int]:
    """The figures of the report's line for a month."""

    def moved(kind: Kind) -> int:
        rows = Transfer.objects.filter(kind=kind).aggregate(cents=Sum("amount_cents"))
        back = Transfer.objects.filter(reverses__kind=kind).aggregate(cents=Sum("amount_cents"))
        return (rows["cents"] or 0) - (back["cents"] or 0)

    return {
        "applications": Application.objects.exclude(submitted_at=None).count(),
        "awards": Decision.objects.filter(kind=DecisionKind.AWARD, state=DecisionState.RELEASED).count(),
        "posted_cents": moved(Kind.POST),
        "used_cents": moved(Kind.USE),
        "expired_cents": moved(Kind.EXPIRE),
        "lapsed": AwardEnding.objects.filter(kind=Ending.LAPSED).count(),
    }


def _ledger_is_clean(year: "Year") -> tuple[bool, str]:
    found = checks.ledger_problems()
    return not found, "; ".join(found[:3]) or f"{Transfer.objects.count():,} transfers"


def _one_batch(year: "Year") -> tuple[bool, str]:
    sent = Application.objects.exclude(submitted_at=None)
    once = sent.annotate(entries=Count("batch_entries")).filter(entries=1).count()
    right = sent.filter(
        batch_entries__batch__cycle=F("cycle"), submitted_at__lt=F("cycle__cut_off_at")
    ).count()
    return once == right == year.expected, f"{once} once and {right} rightly, of {year.expected}"


def _looked_at(year: "Year") -> tuple[bool, str]:
    decided = Application.objects.filter(state__in=[State.AWARDED, State.DECLINED])
    unseen = decided.exclude(reviews__state="in").count()
    awarded = Application.objects.filter(state=State.AWARDED)
    looks = Count("reviews", filter=Q(reviews__state="in"))
    shallow = awarded.annotate(looks=looks).filter(looks__lt=2).count()
    return (
        not unseen and not shallow,
        f"{unseen} unseen, {shallow} awarded with one look, of {decided.count()}",
    )


def _no_conflict(year: "Year") -> tuple[bool, str]:
    tied = Q(application__conflicts__user=F("reviewer")) | Q(application__applicant=F("reviewer"))
    wrong = Assignment.objects.filter(tied).exclude(state="recused").count()
    return not wrong, f"{wrong} of {Assignment.objects.count()} assignments"


def _provider_agrees(year: "Year") -> tuple[bool, str]:
    theirs = processes.provider_totals()
    ours = Transfer.objects.filter(kind=Kind.POST).aggregate(number=Count("pk"), cents=Sum("amount_cents"))
    same = (theirs["count"], theirs["sum_cents"]) == (ours["number"], ours["cents"] or 0)
    return same and not theirs[
        "duplicates"
    ], f"provider {theirs['count']} and {theirs['sum_cents']}, ledger {ours}"


def _quiet(year: "Year") -> tuple[bool, str]:
    told = Notice.objects.filter(application__state=State.DECLINED)
    wrong = told.filter(kind__in=[MessageKind.AWARD, MessageKind.TOLD_DECLINE]).count()
    return not wrong, f"{wrong} letters to declined applicants"


def _one_letter(year: "Year") -> tuple[bool, str]:
    awarded = Application.objects.filter(state=State.AWARDED)
    letters = Count("notices", filter=Q(notices__kind=MessageKind.AWARD))
    wrong = awarded.annotate(letters=letters).exclude(letters=1).count()
    return not wrong, f"{wrong} of {awarded.count()} awards without exactly one letter"


def _pools_add_up(year: "Year") -> tuple[bool, str]:
    pools = [pool for world in year.worlds for pool in money.pools(world.program.slug)]
    wrong = [
        pool.code
        for pool in pools
        if pool.funded_cents
        != pool.available_cents + pool.reserved_cents + pool.in_transit_cents + pool.granted_cents
        or pool.available_cents < 0
    ]
    return not wrong, f"{len(pools)} pools, wrong: {wrong or 'none'}"


def _usage_is_what_was_told(year: "Year") -> tuple[bool, str]:
    stored = {(row.organization_id, row.day, row.currency): row.told_cents for row in Usage.objects.all()}
    posted = Usage.objects.aggregate(cents=Sum("posted_cents"))["cents"] or 0
    same = stored == year.told and posted == sums()["used_cents"]
    return same, f"{len(stored)} days told, {len(year.told)} expected, {posted} cents posted"


def _ended_lots_are_empty(year: "Year") -> tuple[bool, str]:
    today = year.clock.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM credits_grant g JOIN ledger_account a ON a.code = 'granted:' || g.id"
            " WHERE g.expires_on + g.late_usage_days < %s AND a.balance_cents > 0",
            [today - timedelta(days=7)],
        )
        (late,) = cursor.fetchone()
    return not late, f"{late} lots hold credit a week after their end"


def _frozen_is_held(year: "Year") -> tuple[bool, str]:
    frozen = LedgerAccount.objects.filter(kind=AccountKind.FROZEN, balance_cents__gt=0)
    loose = frozen.exclude(enforcement.held("grant__organization")).count()
    granted = LedgerAccount.objects.filter(kind=AccountKind.GRANTED, balance_cents__gt=0)
    open_ = granted.filter(enforcement.held("grant__organization")).count()
    return not loose and not open_, f"{loose} frozen without a hold, {open_} usable under one"


def _nothing_is_stuck(year: "Year") -> tuple[bool, str]:
    late = Delivery.objects.filter(
        state__in=UNSETTLED, alerted_at=None, created_at__lt=year.clock.now() - timedelta(hours=25)
    ).count()
    waiting = Grant.objects.filter(
        stage=GrantStage.RESERVED,
        organization__isnull=False,
        waits_for="",
        created_at__lt=year.clock.now() - timedelta(days=7),
    )
    never_left = waiting.exclude(enforcement.held()).count()
    return (
        not late and not never_left,
        f"{late} deliveries without an alarm, {never_left} grants that never left",
    )


def _lapsed_awards_came_back(year: "Year") -> tuple[bool, str]:
    old = Decision.objects.filter(
        state=DecisionState.RELEASED,
        kind=DecisionKind.AWARD,
        accepted_at=None,
        grant__stage=GrantStage.RESERVED,
        released_at__lt=year.clock.now() - timedelta(days=62),
    ).count()
    return not old, f"{old} awards still wait after their last day"


PROMISES: dict[str, Look] = {
    "every check of the ledger passes": _ledger_is_clean,
    "every application is in exactly one batch, of its own month": _one_batch,
    "every decided application was looked at, every awarded one twice": _looked_at,
    "nobody reviews against a conflict": _no_conflict,
    "the provider has what the ledger has, once": _provider_agrees,
    "a quiet decline writes no letter": _quiet,
    "an award writes one letter": _one_letter,
    "what came into a pool is somewhere": _pools_add_up,
    "usage is what was told": _usage_is_what_was_told,
    "ended credit has expired": _ended_lots_are_empty,
    "credit is frozen where a hold stands, and nowhere else": _frozen_is_held,
    "nothing is stuck without an alarm": _nothing_is_stuck,
    "what nobody accepted came back": _lapsed_awards_came_back,
}
