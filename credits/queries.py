"""Read credit: balances, pools, one grant's page, and the facts that staff watch. Nothing here writes."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Q, Sum

from credits import checks, ledger
from credits.models import Delivery, Entry, Grant, LedgerAccount, Stage
from credits.models.grant import UNSETTLED
from credits.movements import AccountKind, Kind
from portal.models import User


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """One pool. All figures in whole cents: what came in, where it is, and what can still be given.

    funded = available + reserved + in_transit + granted. granted counts confirmed grants in full, used or not.
    """

    code: str
    currency: str
    funded_cents: int
    reserved_cents: int
    in_transit_cents: int
    granted_cents: int
    available_cents: int
    grants: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the life of a grant. at is None while it has not happened."""

    name: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class GrantPage:
    """One grant as its holder sees it. Figures in whole cents; used counts reported use."""

    grant: Grant
    granted_cents: int
    used_cents: int
    left_cents: int
    stage: Stage
    starts_on: date | None
    expires_on: date | None
    timeline: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Transit:
    """Deliveries without an outcome: how many, their sum in cents, and how many a person should look at."""

    count: int
    sum_cents: int
    alerted: int


def pool_balance(pool_code: str) -> int:
    """What a pool can still give, in cents; 0 for a pool that nobody has funded."""
    return LedgerAccount.objects.filter(code=pool_code).values_list("balance_cents", flat=True).first() or 0


def pool_summary(program: str, period: str) -> PoolSummary:
    """The pool of a program and period. Zeros when nobody has funded it. Three queries, whatever its size."""
    code = ledger.pool_code(program, period)
    pool = LedgerAccount.objects.filter(code=code).first()
    by_stage = {
        row["stage"]: (row["cents"], row["grants"])
        for row in Grant.objects.filter(pool=code, moved_from=None)
        .values("stage")
        .annotate(cents=Sum("amount_cents"), grants=Count("pk"))
    }
    funded = (
        Entry.objects.filter(account=pool, transfer__kind__in=[Kind.FUND, Kind.REVERSE])
        .filter(Q(transfer__reverses__isnull=True) | Q(transfer__reverses__kind=Kind.FUND))
        .aggregate(cents=Sum("amount_cents"))["cents"]
        if pool
        else 0
    )

    def cents(stage: Stage) -> int:
        return by_stage.get(stage.value, (0, 0))[0]

    return PoolSummary(
        code=code,
        currency=pool.currency if pool else "USD",
        funded_cents=funded or 0,
        reserved_cents=cents(Stage.RESERVED),
        in_transit_cents=cents(Stage.SENT),
        granted_cents=cents(Stage.CONFIRMED),
        available_cents=pool.balance_cents if pool else 0,
        grants=sum(
            by_stage.get(stage.value, (0, 0))[1] for stage in (Stage.RESERVED, Stage.SENT, Stage.CONFIRMED)
        ),
    )


def pools(program: str) -> list[PoolSummary]:
    """All pools of a program by their code, funded ones only. Three queries, however many periods."""
    rows = list(LedgerAccount.objects.filter(program=program, kind=AccountKind.POOL).order_by("code"))
    stages: dict[str, dict[str, tuple[int, int]]] = {}
    for row in (
        Grant.objects.filter(pool__in=[pool.code for pool in rows], moved_from=None)
        .values("pool", "stage")
        .annotate(cents=Sum("amount_cents"), grants=Count("pk"))
    ):
        stages.setdefault(row["pool"], {})[row["stage"]] = (row["cents"], row["grants"])
    funded = dict(
        Entry.objects.filter(account__in=rows, transfer__kind__in=[Kind.FUND, Kind.REVERSE])
        .filter(Q(transfer__reverses__isnull=True) | Q(transfer__reverses__kind=Kind.FUND))
        .order_by()
        .values_list("account_id")
        .annotate(cents=Sum("amount_cents"))
    )
    given = (Stage.RESERVED, Stage.SENT, Stage.CONFIRMED)

    def cents(pool: LedgerAccount, stage: Stage) -> int:
        return stages.get(pool.code, {}).get(stage.value, (0, 0))[0]

    return [
        PoolSummary(
            code=pool.code,
            currency=pool.currency,
            funded_cents=funded.get(pool.pk, 0),
            reserved_cents=cents(pool, Stage.RESERVED),
            in_transit_cents=cents(pool, Stage.SENT),
            granted_cents=cents(pool, Stage.CONFIRMED),
            available_cents=pool.balance_cents,
            grants=sum(stages.get(pool.code, {}).get(stage.value, (0, 0))[1] for stage in given),
        )
        for pool in rows
    ]


def grant_balance(grant: Grant) -> int:
    """What the organization can still use of a grant, in cents; 0 until it is confirmed."""
    code = ledger.code_of(AccountKind.GRANTED, grant.pk)
    return LedgerAccount.objects.filter(code=code).values_list("balance_cents", flat=True).first() or 0


def grant_page(uuid: UUID, holder: User) -> GrantPage | None:
    """One grant for its holder, or None for anybody else."""
    grant = Grant.objects.filter(uuid=uuid, holder=holder).select_related("organization").first()
    if grant is None:
        return None
    is_granted = grant.stage == Stage.CONFIRMED
    left = grant_balance(grant)
    used = (
        Entry.objects.filter(account__code=ledger.code_of(AccountKind.GRANTED, grant.pk))
        .filter(Q(transfer__kind=Kind.USE) | Q(transfer__reverses__kind=Kind.USE))
        .aggregate(cents=Sum("amount_cents"))["cents"]
        or 0
    )
    steps = [Step("reserved", grant.created_at), Step("sent", grant.sent_at)]
    if grant.stage in (Stage.FAILED, Stage.VOID):
        steps.append(Step(grant.stage, grant.ended_at))
    else:
        steps.append(Step("confirmed", grant.confirmed_at))
    return GrantPage(
        grant=grant,
        granted_cents=grant.amount_cents if is_granted else 0,
        used_cents=-used,
        left_cents=left,
        stage=Stage(grant.stage),
        starts_on=grant.starts_on,
        expires_on=grant.expires_on,
        timeline=tuple(steps),
    )


def in_transit() -> Transit:
    """Everything that the provider may or may not have: deliveries without an outcome."""
    figures = Delivery.objects.filter(state__in=UNSETTLED).aggregate(
        count=Count("pk"),
        cents=Sum("grant__amount_cents"),
        alerted=Count("pk", filter=Q(alerted_at__isnull=False)),
    )
    return Transit(figures["count"], figures["cents"] or 0, figures["alerted"])


def account_entries(account: LedgerAccount, limit: int = 50) -> list[Entry]:
    """The latest entries of an account with their transfers, newest first. Reads only these rows, whatever the history."""
    return list(
        Entry.objects.filter(account=account)
        .select_related("transfer__source", "transfer__destination")
        .order_by("-account_id", "-version")[:limit]
    )


def ledger_problems() -> list[str]:
    """A sentence for each difference that the ledger's checks find, as ledger_verify prints them; empty when all is well."""
    return checks.ledger_problems()
