"""What programs promised and what of it is used month by month, and how long the rest lasts at that rate. Read only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from credits.pools import PoolLine

MONTHS = 6
RATE_MONTHS = 3
"""Finished months of which the mean is taken; the running one would pull it down."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One program in one currency, all periods of its pools. Amounts in cents.

    committed is everything that was promised and not returned (reserved, in transit, posted); months holds what was
    used in each of the last MONTHS, the running one last.
    """

    program: str
    currency: str
    funded_cents: int
    committed_cents: int
    used_cents: int
    usable_cents: int
    months: list[tuple[date, int]]

    @property
    def rate_cents(self) -> int:
        """What a finished month used, on average over RATE_MONTHS."""
        finished = [cents for _, cents in self.months[:-1]][-RATE_MONTHS:]
        return round(sum(finished) / len(finished)) if finished else 0

    @property
    def months_left(self) -> float | None:
        """How long what organizations still hold lasts at that rate; None while nothing is used."""
        return round(self.usable_cents / self.rate_cents, 1) if self.rate_cents > 0 else None

    @property
    def most_cents(self) -> int:
        return max(cents for _, cents in self.months)

    @property
    def committed_share(self) -> float:
        return 100 * self.committed_cents / self.funded_cents if self.funded_cents else 0


def since(today: date) -> date:
    """The first day of the first month that is shown: what to ask pools.lines for."""
    return _months(today)[0]


def of(lines: Sequence[PoolLine], *, today: date) -> list[Burn]:
    """Commitment and burn of the programs of these pools, read with burned_since=since(today). No query."""
    months = _months(today)
    found = []
    for program, currency in dict.fromkeys((line.program, line.currency) for line in lines):
        of_it = [line for line in lines if (line.program, line.currency) == (program, currency)]
        burned = of_it[0].burned
        found.append(
            Burn(
                program=program,
                currency=currency,
                funded_cents=sum(line.funded_cents for line in of_it),
                committed_cents=sum(
                    line.reserved_cents + line.in_transit_cents + line.posted_cents for line in of_it
                ),
                used_cents=sum(line.used_cents for line in of_it),
                usable_cents=sum(line.usable_cents for line in of_it),
                months=[(month, burned.get(month.isoformat(), 0)) for month in months],
            )
        )
    return found


def _months(today: date) -> list[date]:
    """The first days of the last MONTHS months, the running one last."""
    number = today.year * 12 + today.month - 1
    return [date(back // 12, back % 12 + 1, 1) for back in range(number - MONTHS + 1, number + 1)]
