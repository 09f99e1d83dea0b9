"""A year of all shipped programs: every month intake, batch, review, release, delivery, use, holds and ends of credit.

The clock is moved ahead for every process. At the end of each month every promise about the year is looked up again.
"""

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TextIO

from django.core.management import call_command
from django.db import transaction
from django.db.models import Min

from applications import acceptance, decisions, declining, imports, release, summaries, tick
from applications.import_files import Record, Table
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Decision,
    DecisionState,
    Obligation,
)
from applications.models.obligation import OWED
from applications.states import State
from credits import delivery, enforcement, ledger, lots, usage
from credits import queries as money
from credits.models import Delivery, Enforcement, EnforcementKind, Grant, UsageSource
from credits.models import Stage as GrantStage
from credits.models.grant import UNSETTLED
from portal.models import User
from portal.rehearsal import deciding, processes, rows, year_promises
from portal.rehearsal.world import Clock, Options, World, between
from portal.roles import Role
from portal.samples import answers as samples
from programs import catalogue, memberships, presets
from programs.models import Program

SLICES = 4  # moments of a month at which rows arrive
SHARE_ACCEPTED = 0.85  # of the awards; the others are given back, or nobody answers
SHARE_GIVEN_BACK = 0.05
SHARE_USED_A_DAY = 0.03  # of a lot, at most
SHARE_HELD = 0.02  # organizations that get a hold in a week; lifted in the next one
SHARE_HANDED_IN = 0.8  # summaries that arrive
SHARE_FUNDED = 0.2
WEEK = timedelta(days=7)
A_MINUTE = timedelta(minutes=1)


@dataclass
class Month:
    """One line of the report. Money in cents over all programs, as it stood at the end of the month."""

    name: str
    applications: int = 0
    awards: int = 0
    posted_cents: int = 0
    used_cents: int = 0
    expired_cents: int = 0
    lapsed: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


@dataclass
class Year:
    """The year while it runs. told: (organization, day, currency) -> cents that were told."""

    worlds: list[World]
    clock: Clock
    dice: random.Random
    months: list[Month] = field(default_factory=list)
    told: dict[tuple[int, date, str], int] = field(default_factory=dict)
    expected: int = 0  # applications that were taken in


def rehearse(*, options: Options, programs: list[str], months: int, as_json: bool, out: TextIO) -> int:
    """Play a year and print its months; 0 when every promise held at the end of each month, else 1.

    options.size: applications for each program and month; options.program is not used.
    """
    call_command("migrate", verbosity=0, interactive=False)
    clock = Clock(options.folder)
    worlds = [_begin(options, slug, clock) for slug in programs]
    year = Year(worlds, clock, random.Random(options.seed))
    with processes.running(worlds[0], clock):
        for number in range(months):
            year.months.append(_month(year, number))
            if options.bars:
                print(_line(year.months[-1]), file=sys.stderr)
    if as_json:
        json.dump({"months": [asdict(month) for month in year.months]}, out, indent=2)
        out.write("\n")
    else:
        out.write("\n".join([HEAD, *map(_line, year.months), _verdict(year)]) + "\n")
    return 1 if any(month.broken for month in year.months) else 0


def _begin(options: Options, slug: str, clock: Clock) -> World:
    """One program, open from now on, with its people."""
    world = World(Options(**{**vars(options), "program": slug, "bars": False}))
    at = clock.now()
    path = presets.SHIPPED / f"{slug}.yaml"
    presets.load(text=path.read_text(encoding="utf-8"), name=path.name, by=None, at=at)
    world.program = catalogue.open_program(program_id=Program.objects.get(slug=slug).pk, by=None, at=at)
    world.managers = [_staff(world, Role.MANAGER, number, at) for number in range(options.managers)]
    world.screeners = [_staff(world, Role.SCREENER, number, at) for number in range(options.screeners)]
    for number in range(options.reviewers):
        _staff(world, Role.REVIEWER, number, at)
    tick.tick(at=at)
    return world


def _staff(world: World, role: Role, number: int, at: datetime) -> User:
    name = f"{role}-{number + 1}-{world.options.program}"
    user = User.objects.create_user(f"{name}@example.org", None, name=samples.person(world.dice_for(name)))
    memberships.give(program=world.program, user=user, role=role, by=None, at=at)
    return user


def _month(year: Year, number: int) -> Month:
    started = time.monotonic()
    clock = year.clock
    for world in year.worlds:
        world.cycle = world.program.cycles.filter(cut_off_at__gt=clock.now()).earliest("cut_off_at")
        year.expected += _take_in(world, number, clock.now())
    _go_to(clock, max(world.cycle.cut_off_at for world in year.worlds) + A_MINUTE)
    tick.tick(at=clock.now())
    _go_to(clock, clock.now() + timedelta(days=1, hours=1))
    for world in year.worlds:
        deciding.answer_gates(world)
        deciding.review_all(world)
    _look_again(year)
    for world in year.worlds:
        _fund(world, clock)
        deciding.decide_all(world, clock)
        deciding.approve(world, clock)
        deciding.release_all(world, clock)
        _accept(world, clock)
    _deliver(clock)
    _live_on(year)
    deciding.send_letters(year.worlds[0], clock)
    month = Month(f"{year.worlds[0].cycle.evaluation_on:%B %Y}")
    vars(month).update(year_promises.sums())
    month.broken = [f"{name}: {detail}" for name, kept, detail in year_promises.check(year) if not kept]
    month.seconds = round(time.monotonic() - started, 1)
    return month


def _take_in(world: World, month: int, now: datetime) -> int:
    """This month's applications, in a few files up to the cut-off; returns how many were taken."""
    world.options = replace(
        world.options, seed=world.options.seed + 1_000
    )  # other organizations, other scores
    table = rows.prepare(world)
    records = _of_month(table.records, month)
    taken = 0
    for part in range(SLICES):
        some = Table(table.columns, records[part::SLICES])
        done = imports.take_in(
            program_id=world.program.pk,
            table=some,
            columns=imports.columns_for(program_id=world.program.pk, table=some),
            at=between(now, world.cycle.cut_off_at - A_MINUTE, (part + 1) / SLICES),
            receipts=True,
            progress=lambda rows: None,
        )
        taken += done.taken
    return taken


def _of_month(records: Sequence[Record], month: int) -> list[Record]:
    """The rows as other people send them this month: each text takes its sentences from many rows of the file."""
    good = [record for record in records if not record.problem]
    parts = {
        key: [str(record.values.get(key, "")).split(". ") for record in good]
        for key in {key for record in good for key, value in record.values.items() if _is_long(value)}
    }
    made = [record for record in records if record.problem]
    for place, record in enumerate(good):
        values = dict(record.values)
        for key in ("account.email", "account.source_id"):
            values[key] = f"{month + 1}-{values[key]}"
        for key, texts in parts.items():
            if month and _is_long(values.get(key)):
                step = 3 * month + 1
                own = range(len(texts[place]))
                taken = [texts[(place + number * step) % len(texts)] for number in own]
                values[key] = ". ".join(
                    text[number % len(text)] for number, text in zip(own, taken, strict=True)
                )
        made.append(Record(record.row, values))
    return made


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > rows.LONG_TEXT_CHARS


def _look_again(year: Year) -> None:
    """Second looks that a first one called for, and what recusals left, until nothing is to do."""
    for _ in range(20):
        tick.tick(at=year.clock.now())
        to_do = Assignment.objects.filter(state=AssignmentState.TO_DO, application__state=State.IN_REVIEW)
        if not to_do.exists():
            return
        for world in year.worlds:
            deciding.review_all(world)
    raise AssertionError("reviews do not come to an end")


def _fund(world: World, clock: Clock) -> None:
    asked = sum(
        decisions.default_amount_cents(application)
        for application in Application.objects.filter(cycle=world.cycle, state=State.IN_REVIEW)
    )
    amount = max(1_000_00, int(asked * SHARE_FUNDED) // 1_000_00 * 1_000_00)
    period = str(world.cycle.evaluation_on.year)
    with transaction.atomic():
        ledger.fund(
            program=world.program.slug,
            period=period,
            amount_cents=amount,
            made_by=world.managers[0],
            approved_by=world.managers[1],
            key=f"fund:{world.program.slug}:{world.cycle.evaluation_on}",
            at=clock.now(),
            currency=world.program.currency,
        )
    world.facts["funded_cents"] = money.pool_balance(release.pool_code(world.cycle))


def _accept(world: World, clock: Clock) -> None:
    """Most holders accept, a few give the award back, the others never answer."""
    awarded = Decision.objects.filter(
        application__cycle=world.cycle, state=DecisionState.RELEASED, grant__isnull=False, accepted_at=None
    )
    for decision in awarded.select_related("application__applicant").order_by("pk"):
        application = decision.application
        dice = world.dice_for("accept", application.source_id)
        share = dice.random()
        if share < SHARE_ACCEPTED:
            named = application.organization_id_text
            acceptance.accept(
                application_id=application.pk,
                organization_id=named or samples.organization_id(world.program.organization_id_format, dice),
                terms_accepted=True,
                by=application.applicant,
                at=clock.now(),
            )
        elif share < SHARE_ACCEPTED + SHARE_GIVEN_BACK:
            declining.decline(application_id=application.pk, by=application.applicant, at=clock.now())


def _deliver(clock: Clock) -> None:
    """The worker tells the provider of every grant that nothing keeps back, through its faults."""
    unsettled = Delivery.objects.filter(state__in=UNSETTLED).exclude(enforcement.held("grant__organization"))

    def left() -> int:
        return delivery.ready_to_send().count() + unsettled.count()

    def next_due() -> datetime | None:
        if delivery.ready_to_send().exists():
            return clock.now()
        return unsettled.aggregate(first=Min("next_attempt_at"))["first"]

    processes.sweep(clock, "credits.deliver_due", left=left, next_due=next_due, progress=lambda grants: None)


def _live_on(year: Year) -> None:
    """Week after week until shortly before the next cut-off: usage, holds and their end, and what is due."""
    clock = year.clock
    following = min(
        world.program.cycles.filter(cut_off_at__gt=clock.now()).earliest("cut_off_at").cut_off_at
        for world in year.worlds
    )
    while clock.now() + WEEK < following:
        _go_to(clock, clock.now() + WEEK)
        _hold_and_lift(year)
        _use(year)
        _hand_in(year)
        enforcement.sweep(at=clock.now())
        tick.tick(at=clock.now())


def _use(year: Year) -> None:
    """A day or two of usage of every organization that has something, some of it told twice, some of it corrected up."""
    now = year.clock.now()
    ids = set(
        Grant.objects.filter(stage=GrantStage.CONFIRMED).order_by().values_list("organization_id", flat=True)
    )
    figures = []
    for organization_id, held in lots.of_organizations(sorted(pk for pk in ids if pk)).items():
        left = sum(lot.left_cents for lot in held)
        if not left:
            continue
        for ago in year.dice.sample(range(1, 7), 2):
            day = (now - timedelta(days=ago)).astimezone(UTC).date()
            if not any(lot.is_alive(day) and lot.left_cents for lot in held):
                continue
            key = (organization_id, day, held[0].currency)
            more = 1 + int(year.dice.random() * SHARE_USED_A_DAY * left)
            figures.append(usage.Figure(*key[:2], year.told.get(key, 0) + more, key[2], "event"))
    for start in range(0, len(figures), 2_000):
        part = figures[start : start + 2_000]
        for counted in usage.record_many(figures=part, source=UsageSource.EVENT, by=None, at=now):
            told = counted.figure
            if counted.refusal is None:  # of credit that is closed nothing is counted; a case says so
                year.told[told.organization_id, told.day, told.currency] = told.amount_cents
        usage.record_many(figures=part[::3], source=UsageSource.EVENT, by=None, at=now)  # told twice


def _hold_and_lift(year: Year) -> None:
    now = year.clock.now()
    for standing in Enforcement.objects.filter(lifted_at=None).order_by("pk"):
        enforcement.lift(
            enforcement_id=standing.pk, reason="Looked into.", by=None, at=now, event_id=f"lift-{standing.pk}"
        )
    grants = Grant.objects.filter(stage=GrantStage.CONFIRMED).order_by("organization_id")
    for organization_id in grants.values_list("organization_id", flat=True).distinct():
        if year.dice.random() < SHARE_HELD:
            enforcement.impose(
                organization_id=organization_id,
                kind=EnforcementKind.HOLD,
                reason="Seen in the rehearsal.",
                by=None,
                at=now,
                event_id=f"hold-{organization_id}-{now:%Y%m%d}",
            )


def _hand_in(year: Year) -> None:
    """Summaries that are due within a month are handed in and accepted, most of them."""
    managers = {world.program.pk: world.managers[0] for world in year.worlds}
    now = year.clock.now()
    owed = Obligation.objects.filter(state__in=OWED, due_on__lte=(now + timedelta(days=30)).date())
    for obligation in owed.select_related("application__applicant").order_by("pk"):
        if random.Random(f"summary-{obligation.pk}").random() >= SHARE_HANDED_IN:
            continue
        application = obligation.application
        summary = summaries.hand_in(
            obligation_id=obligation.pk,
            text="What we found, in a few words.",
            version=None,
            by=application.applicant,
            at=now,
        )
        summaries.accept(
            obligation_id=obligation.pk,
            number=summary.number,
            words="",
            by=managers[application.program_id],
            at=now,
        )


def _go_to(clock: Clock, moment: datetime) -> None:
    if moment > clock.now():
        clock.move(moment - clock.now())


HEAD = f"{'month':<16}{'applications':>13}{'awards':>8}{'posted':>16}{'used':>16}{'expired':>14}{'lapsed':>8}{'seconds':>9}"


def _line(month: Month) -> str:
    figures = (month.posted_cents, month.used_cents, month.expired_cents)
    posted, used, expired = (f"{cents / 100:,.2f}" for cents in figures)
    line = (
        f"{month.name:<16}{month.applications:>13,}{month.awards:>8,}{posted:>16}{used:>16}{expired:>14}"
        f"{month.lapsed:>8,}{month.seconds:>9,.0f}"
    )
    return "\n".join([line, *(f"  BROKEN {words}" for words in month.broken)])


def _verdict(year: Year) -> str:
    broken = sum(len(month.broken) for month in year.months)
    checked = len(year_promises.PROMISES) * len(year.months)
    return (
        f"{broken} promises BROKEN."
        if broken
        else f"{checked} looks at {len(year_promises.PROMISES)} promises: all kept."
    )


def main(arguments: dict[str, object]) -> int:
    """What the scratch process runs."""
    options = Options(
        program="",
        applications=Path(str(arguments["applications"])),
        folder=Path(str(arguments["folder"])),
        limit=int(str(arguments["size"])),
        size=int(str(arguments["size"])),
        reviewers=int(str(arguments["reviewers"])),
        seed=int(str(arguments["seed"])),
        fault_rate=float(str(arguments["fault_rate"])),
    )
    return rehearse(
        options=options,
        programs=[path.stem for path in presets.shipped()],
        months=int(str(arguments["months"])),
        as_json=bool(arguments["json"]),
        out=sys.stdout,
    )
