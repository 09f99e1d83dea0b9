"""Pure: how much an award is when many are proposed at once, by a rule instead of one by one."""

from dataclasses import dataclass
from enum import StrEnum

from programs.rulebook import Rulebook


class AmountRule(StrEnum):
    """How a bulk award finds its amount."""

    DEFAULT = "default"
    ASKED = "asked"
    SHARE = "share"


@dataclass(frozen=True)
class ByRule:
    """A rule with what it needs. percent: of what was asked, 1 to 100, for SHARE alone."""

    rule: AmountRule = AmountRule.DEFAULT
    percent: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.percent <= 100:
            raise ValueError("a share is 1 to 100 percent")

    @property
    def in_words(self) -> str:
        return {
            AmountRule.DEFAULT: "the program's default: the fixed amount, or what was asked up to the cap",
            AmountRule.ASKED: "what was asked, up to the cap",
            AmountRule.SHARE: f"{self.percent} percent of what was asked, in whole units, up to the cap",
        }[self.rule]

    def cents(self, *, requested_cents: int | None, is_update: bool, rules: Rulebook) -> int:
        """The amount of one award. An update of an award gets what it asks on top, whose share may be nothing.

        Where nothing was asked the program's default stands in. A share is cut to whole units of the currency.
        """
        if is_update:
            return self._share(requested_cents or 0)
        if rules.is_fixed and self.rule == AmountRule.DEFAULT:
            return rules.award_default_cents or 0
        if requested_cents is None:
            asked = rules.award_default_cents or 0
        else:
            asked = self._share(requested_cents)
        return min(asked, rules.award_cap_cents) if rules.award_cap_cents else asked

    def _share(self, cents: int) -> int:
        if self.rule != AmountRule.SHARE or self.percent == 100:
            return cents
        return cents * self.percent // 10_000 * 100
