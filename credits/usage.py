"""Usage: what organizations used of their credit, one figure for each organization and UTC day.

A figure told again changes nothing. A higher one moves the difference. A lower one moves nothing: it opens a case, and
two people put the day right (credits.usage_corrections). Source: docs/ledger.md, "Usage".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from django.db import transaction

from credits import cases, ledger, lots
from credits.models import Case, Grant, Organization, Usage, UsageReport, UsageSource
from credits.money import MOST_CENTS, format_money
from credits.movements import AccountKind, Kind
from portal import audit
from portal.models import User
from portal.refusals import Refused

CASE = "usage"
TRIES = 3


class UsageRefused(Refused):
    """A figure that is not counted. `case` is where a person finds it, when one was opened."""

    case: Case | None = None


class NotAFigure(UsageRefused):
    """The organization, the day, the amount or the currency cannot be."""


class LowerThanBefore(UsageRefused):
    """A higher figure was counted for the day. Two people correct it."""


class TooLate(UsageRefused):
    """The credit that was alive on the day is closed."""


class NoCredit(UsageRefused):
    """The organization had no credit on the day."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a provider says of one organization and UTC day. amount_cents: whole cents of the currency, above zero; nothing
    is taken for a figure only where the day was counted before.

    key names where it was told: the event, or the file and its line.
    """

    organization_id: int
    day: date
    amount_cents: int
    currency: str
    key: str = ""

    @property
    def name(self) -> str:
        """The day as keys name it."""
        return f"usage:{self.organization_id}:{self.day}:{self.currency}"


@dataclass(slots=True)
class Counted:
    """What became of one figure. moved_cents: what this report took; uncovered_cents: what no credit covers, in all.

    refusal: why nothing happened. case: what a person has to look at.
    """

    figure: Figure
    usage_id: int | None = None
    moved_cents: int = 0
    uncovered_cents: int = 0
    is_new: bool = False
    refusal: UsageRefused | None = None
    told: cases.Told | None = None
    draws: list[lots.Draw] = field(default_factory=list)


def record(
    *,
    organization_id: int,
    day: date,
    amount_cents: int,
    currency: str,
    source: str,
    key: str,
    by: User | None,
    at: datetime,
) -> Counted:
    """Count what an organization used on one UTC day. Safe to repeat and to call from several workers at once.

    The same figure again changes nothing, a higher one moves the difference. What no lot covers is kept on the row and
    opens a case. by: None for a machine; then whatever is refused opens a case too.
    Raises NotAFigure, LowerThanBefore, TooLate, NoCredit (each with its case, if one was opened), and
    ledger.PostingStopped. A case that comes with a refusal is part of the caller's transaction: do not roll it back.
    """
    figure = Figure(organization_id, day, amount_cents, currency, key)
    counted = record_many(figures=[figure], source=source, by=by, at=at)[0]
    if counted.refusal is not None:
        if counted.told is not None:
            counted.refusal.case = Case.objects.get(key=counted.told.key)
        raise counted.refusal
    return counted


def record_many(
    *, figures: Sequence[Figure], source: str, by: User | None, at: datetime, dry_run: bool = False
) -> list[Counted]:
    """Count many figures in one transaction, with a fixed number of statements for each day; returns their outcomes.

    Rules as in record(); a figure that is refused leaves the others going. dry_run: say what would happen.
    """
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return _record(figures, source=source, by=by, at=at, dry_run=dry_run)
        except ledger.NotEnoughCredit:
            # A freeze or a correction took credit between our look and the movement; look again.
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _record(
    figures: Sequence[Figure], *, source: str, by: User | None, at: datetime, dry_run: bool
) -> list[Counted]:
    ids = {figure.organization_id for figure in figures if type(figure.organization_id) is int}
    known = lots.lock_organizations(ids)
    held = lots.of_organizations(known)
    rows = _rows(figures, known)
    today, found = at.astimezone(UTC).date(), [Counted(figure) for figure in figures]
    # Day by day, because the first use of a lot may start its clock.
    for counted in sorted(found, key=lambda one: str(one.figure.day)):
        figure = counted.figure
        try:
            _check_form(figure, known, today, least=0 if figure.name in rows else 1)
            _count(counted, rows, held[figure.organization_id], today)
        except UsageRefused as refusal:
            counted.refusal = refusal
            if by is None or isinstance(refusal, LowerThanBefore | TooLate):
                what = type(refusal).__name__.lower()
                if isinstance(refusal, LowerThanBefore):  # again after a correction: a case of its own
                    what += f":{rows[figure.name].reports}"
                counted.told = _case(figure, str(refusal), what, held.get(figure.organization_id, []))
    if not dry_run:
        _write(found, rows, source=source, by=by, at=at)
        cases.open_many(told=[one.told for one in found if one.told is not None], at=at)
    return found


def _rows(figures: Iterable[Figure], known: set[int]) -> dict[str, Usage]:
    """The days that were counted before, by their name."""
    days = {figure.day for figure in figures if type(figure.day) is date}
    rows = Usage.objects.filter(organization_id__in=known, day__in=days) if known and days else ()
    return {row.name: row for row in rows}


def _check_form(figure: Figure, known: set[int], today: date, *, least: int) -> None:
    """Raise NotAFigure. least: 0 where the day was counted before, because nothing may be the figure that holds."""
    if figure.organization_id not in known:
        raise NotAFigure("No organization with this ID has credit here.")
    if type(figure.amount_cents) is not int:
        raise NotAFigure("The amount is not a whole number of cents.")
    if figure.amount_cents < least:
        raise NotAFigure(
            "Usage is more than nothing. A lower figure for a day is a correction by two people."
        )
    if figure.amount_cents > MOST_CENTS:
        raise NotAFigure("This amount is too large.")
    if type(figure.day) is not date:
        raise NotAFigure("The day is not a date.")
    if figure.day > today:
        raise NotAFigure(f"{figure.day:%Y-%m-%d} lies ahead. Usage is counted for days that have begun.")


def _count(counted: Counted, rows: dict[str, Usage], held: list[lots.Lot], today: date) -> None:
    """Decide what one figure does, and take it from the lots in memory. Raises a refusal."""
    figure = counted.figure
    row = rows.get(figure.name)
    if row is not None and figure.amount_cents < row.told_cents:
        raise LowerThanBefore(
            f"{format_money(row.told_cents, figure.currency)} was counted for {figure.day:%Y-%m-%d}, and now "
            f"{format_money(figure.amount_cents, figure.currency)} is told. Two people correct it."
        )
    if row is not None and figure.amount_cents == row.told_cents:
        counted.usage_id, counted.uncovered_cents = row.pk, row.uncovered_cents
        return
    usable = _usable(figure, held, today)
    if row is None:
        row = Usage(
            organization_id=figure.organization_id,
            day=figure.day,
            currency=figure.currency,
            told_cents=0,
            posted_cents=0,
            reports=0,
        )
        rows[figure.name] = row
    row.told_cents = figure.amount_cents
    counted.draws = lots.draw(usable, day=figure.day, currency=figure.currency, cents=row.uncovered_cents)
    counted.is_new = True
    counted.moved_cents = sum(one.cents for one in counted.draws)
    row.posted_cents += counted.moved_cents
    row.reports += 1
    counted.uncovered_cents = row.uncovered_cents
    if row.uncovered_cents:
        counted.told = _case(
            figure,
            f"{format_money(row.told_cents, figure.currency)} was used on {figure.day:%Y-%m-%d}; the credit of the "
            f"organization covers {format_money(row.posted_cents, figure.currency)} of it.",
            f"uncovered:{row.reports}",
            held,
        )


def _usable(figure: Figure, held: list[lots.Lot], today: date) -> list[lots.Lot]:
    """The lots that were alive on the day and are not closed. Raises NotAFigure, NoCredit and TooLate."""
    if not held:
        raise NoCredit("This organization has no credit that its provider confirmed.")
    if not any(lot.currency == figure.currency for lot in held):
        raise NotAFigure(
            f"Its credit is in {held[0].currency}, and this figure is in {figure.currency or 'no currency'}."
        )
    alive = [lot for lot in held if lot.currency == figure.currency and lot.is_alive(figure.day)]
    if not alive:
        raise NoCredit(f"This organization had no credit on {figure.day:%Y-%m-%d}.")
    usable = [lot for lot in alive if not lot.is_closed(today)]
    if not usable:
        last = max(lot.closes_on(lot.expires_on) for lot in alive if lot.expires_on is not None)
        raise TooLate(
            f"Usage of {figure.day:%Y-%m-%d} ({format_money(figure.amount_cents, figure.currency)}) could be reported "
            f"until {last:%Y-%m-%d}."
        )
    return usable


def _write(
    found: Sequence[Counted], rows: dict[str, Usage], *, source: str, by: User | None, at: datetime
) -> None:
    """Store the days and their reports, and post what they took: one statement for the movements of each day."""
    fresh = [one for one in found if one.is_new]
    if not fresh:
        return
    changed = {one.figure.name: rows[one.figure.name] for one in fresh}
    Usage.objects.bulk_create([row for row in changed.values() if row.pk is None], batch_size=5_000)
    Usage.objects.bulk_update(changed.values(), ["told_cents", "posted_cents", "reports"], batch_size=2_000)
    numbers = _numbers(fresh, rows)
    UsageReport.objects.bulk_create(
        [
            UsageReport(
                usage=rows[one.figure.name],
                number=number,
                told_cents=one.figure.amount_cents,
                moved_cents=one.moved_cents,
                source=source,
                key=one.figure.key[:200],
                by=by,
                at=at,
            )
            for one, number in zip(fresh, numbers, strict=True)
        ],
        batch_size=5_000,
    )
    for one in fresh:
        one.usage_id = rows[one.figure.name].pk
    start_terms(draw for one in fresh for draw in one.draws)
    post_draws(
        [(rows[one.figure.name], number, one.draws) for one, number in zip(fresh, numbers, strict=True)],
        by=by,
        at=at,
    )
    if by is not None:
        audit.record(
            action="usage.record",
            subject=rows[fresh[0].figure.name],
            by=by,
            at=at,
            days=len(fresh),
            moved_cents=sum(one.moved_cents for one in fresh),
        )


def _numbers(fresh: Sequence[Counted], rows: dict[str, Usage]) -> list[int]:
    """The number of each report. A file may tell a day more than once; the row knows the last number."""
    last: dict[str, int] = {}
    for one in fresh:
        last[one.figure.name] = last.get(one.figure.name, 0) + 1
    seen: dict[str, int] = {}
    numbers = []
    for one in fresh:
        name = one.figure.name
        seen[name] = seen.get(name, 0) + 1
        numbers.append(rows[name].reports - last[name] + seen[name])
    return numbers


def post_draws(
    days: Sequence[tuple[Usage, int, Sequence[lots.Draw]]], *, by: User | None, at: datetime
) -> None:
    """Move what lots give to days of usage: (day, number of the report, draws). The organizations are locked."""
    consumed = {
        draw.lot.program: (draw.lot.program, draw.lot.currency) for _, _, draws in days for draw in draws
    }
    accounts = {
        program: ledger.open_account(
            code=f"{AccountKind.CONSUMED.value}:{program}",
            kind=AccountKind.CONSUMED,
            program=program,
            currency=currency,
        ).pk
        for program, currency in sorted(consumed.values())
    }
    movements: dict[datetime, list[ledger.Movement]] = {}
    for row, number, draws in days:
        for draw in draws:
            movement = ledger.Movement(
                kind=Kind.USE,
                source_id=draw.lot.account_id,
                destination_id=accounts[draw.lot.program],
                amount_cents=draw.cents,
                key=f"{row.name}:{number}:{draw.lot.grant_id}",
                currency=row.currency,
            )
            movements.setdefault(moment_of(row.day, draw.lot, at=at), []).append(movement)
    for moment in sorted(movements):
        ledger.post_many(movements=movements[moment], by=by, at=moment)


def moment_of(day: date, lot: lots.Lot, *, at: datetime) -> datetime:
    """When a day's usage happened: the end of the day, or now while it lasts.

    Not before the lot was posted, although its provider may have had it for days: no statement begins below zero.
    """
    end = datetime.combine(day, time.max, UTC).replace(microsecond=0)
    return min(at, max(end, lot.posted_at))


def start_terms(draws: Iterable[lots.Draw]) -> None:
    """Keep the dates of lots whose clock started with these draws: with the earliest day that was told first."""
    started = {draw.lot.grant_id: draw.lot for draw in draws if draw.lot.has_just_started}
    for grant in Grant.objects.select_for_update(no_key=True).filter(pk__in=started).order_by("pk"):
        grant.starts_on, grant.expires_on = started[grant.pk].starts_on, started[grant.pk].expires_on
        grant.save(update_fields=["starts_on", "expires_on"])


@transaction.atomic
def cover(*, usage_id: int, by: User, at: datetime) -> Counted:
    """Take what a day left uncovered from credit that is there by now, such as credit that came back from a hold.

    Only from lots that were alive on the day and are not closed. Covering again moves what is still missing.
    """
    row = _locked(usage_id)
    held = lots.of_organizations([row.organization_id])[row.organization_id]
    today = at.astimezone(UTC).date()
    usable = [lot for lot in held if not lot.is_closed(today)]
    draws = lots.draw(usable, day=row.day, currency=row.currency, cents=row.uncovered_cents)
    figure = Figure(row.organization_id, row.day, row.told_cents, row.currency)
    counted = Counted(figure, usage_id=row.pk, moved_cents=sum(one.cents for one in draws), draws=draws)
    if counted.moved_cents:
        row.posted_cents += counted.moved_cents
        row.reports += 1
        store(row, moved_cents=counted.moved_cents, source=UsageSource.COVER, by=by, at=at)
        start_terms(draws)
        post_draws([(row, row.reports, draws)], by=by, at=at)
        audit.record(
            action="usage.cover", subject=row, by=by, at=at, day=str(row.day), moved_cents=counted.moved_cents
        )
    counted.uncovered_cents = row.uncovered_cents
    return counted


def store(row: Usage, *, moved_cents: int, source: str, by: User | None, at: datetime, key: str = "") -> None:
    """Save a day that changed, with the report that changed it."""
    row.save(update_fields=["told_cents", "posted_cents", "reports"])
    UsageReport.objects.create(
        usage=row,
        number=row.reports,
        told_cents=row.told_cents,
        moved_cents=moved_cents,
        source=source,
        key=key,
        by=by,
        at=at,
    )


def _locked(usage_id: int) -> Usage:
    """One day with its organization locked."""
    organization_id = Usage.objects.values_list("organization_id", flat=True).get(pk=usage_id)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    return Usage.objects.get(pk=usage_id)


def _case(figure: Figure, words: str, what: str, held: list[lots.Lot]) -> cases.Told:
    """The fact for a person. held: the lots of the organization, of which the first one says the program."""
    return cases.Told(
        CASE,
        f"{figure.name}:{what}:{figure.amount_cents}"[:200],
        words,
        organization_id=held[0].organization_id if held else None,
        program=held[0].program if held else "",
    )
