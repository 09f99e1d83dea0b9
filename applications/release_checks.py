"""What stands in the way of a release: asked for the page, and asked again under lock by the release itself.

One statement brings every pending decision with what the rules look at; a handful more answer what needs its own
search. The number of statements does not depend on the number of decisions.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, Window
from django.db.models.expressions import RawSQL

from applications import awards, deferrals, eligibility, four_eyes, obligations, overrides
from applications import desk as desk_queries
from applications.models import (
    AGREED,
    Application,
    CutLine,
    Decision,
    DecisionKind,
    Override,
    Review,
    ReviewState,
)
from applications.states import State
from credits import organizations
from credits.money import format_money
from portal.models import User
from programs import rulebook
from programs.models import Cycle, OrganizationIdWhen, RuleOutcome
from programs.rulebook import Rulebook
from programs.staff import Desk


class Row(NamedTuple):
    """A pending decision as the checks read it. Money in cents; looks counts the reviews that are in."""

    decision_id: int
    application_id: int
    kind: str
    amount_cents: int
    months: int | None
    granted_models: str  # JSON, as it is stored
    reason: str
    limit_cents: int
    overrides: str
    proposed_by_id: int
    approved_by_id: int | None
    state: str
    reference: str
    title: str
    applicant_id: int
    country: str
    institution_kind: str
    organization_id_text: str
    amends_id: int | None
    looks: int
    mean: Decimal | None
    is_flagged: bool
    is_mixed: bool  # somebody who asks for it took part in the decision
    has_conflict: bool  # somebody who took part has a conflict by now


@dataclass(frozen=True)
class Refusal:
    """Why one decision cannot be released, and for which application."""

    decision_id: int
    reference: str
    reason: str
    application_id: int = 0
    title: str = ""
    kind: str = ""
    amount_cents: int = 0


@dataclass(frozen=True)
class Checked:
    """Pending decisions with what was found. hidden: how many others this person may not see, for a conflict.

    counted: application id -> cents of its person or organization in twelve months, for the awards. gated, alone: how
    many wait at a gate and for a second person, whatever else is in their way.
    """

    rows: list[Row]
    refusals: list[Refusal]
    hidden: int = 0
    counted: dict[int, int] = field(default_factory=dict)
    gated: int = 0
    alone: int = 0

    @property
    def free(self) -> list[Row]:
        refused = {refusal.decision_id for refusal in self.refusals}
        return [row for row in self.rows if row.decision_id not in refused]


def check(*, cycle: Cycle, by: User, at: datetime, decision_ids: Collection[int] | None = None) -> Checked:
    """Every pending decision of a cycle, or the named ones, and each with the first reason against its release.

    The cycle comes with program, rules_version and cut_line where it has one. The waiting list is left out: it is never
    released. Six to ten statements at any size.
    """
    rows = _rows(cycle, decision_ids)
    hidden = _hidden([row.application_id for row in rows], by)
    shown = [row for row in rows if row.application_id not in hidden]
    checks = _Checks(cycle, shown, at)
    found = checks.run() if shown else {}
    refusals = [
        Refusal(
            row.decision_id,
            row.reference,
            found[row.decision_id],
            row.application_id,
            row.title,
            row.kind,
            row.amount_cents,
        )
        for row in sorted(shown, key=lambda row: row.reference)
        if row.decision_id in found
    ]
    hidden_rows = len(rows) - len(shown)
    return Checked(shown, refusals, hidden_rows, checks.counted, checks.gated, len(checks.alone))


def unseen(cycle: Cycle, by: User, *, most: int = 200) -> tuple[int, list[Refusal]]:
    """How many applications of a batch nobody has looked at, and the first of those this person may see."""
    looked = Review.objects.filter(application=OuterRef("pk"), state=ReviewState.IN)
    rows = Application.objects.filter(~Exists(looked), cycle=cycle, state=State.IN_REVIEW)
    listed = desk_queries.without_conflict(Desk(by), rows).annotate(number=Window(Count("pk")))
    found = list(listed.order_by("reference").values_list("pk", "reference", "title", "number")[:most])
    sentence = "Nobody has looked at it yet, and it is undecided."
    refusals = [Refusal(0, reference or "", sentence, pk, title) for pk, reference, title, _ in found]
    return (found[0][3] if found else 0), refusals


def _always(row: Row) -> bool:
    return True


class _Checks:
    """The rules of one release, the first that refuses a decision is the one that is told.

    Those that no second person can mend come first.
    """

    def __init__(self, cycle: Cycle, rows: Sequence[Row], at: datetime) -> None:
        self.cycle, self.rows, self.at = cycle, rows, at
        self.rules: Rulebook = rulebook.for_cycle(cycle)
        self.awards = [row for row in rows if row.kind == DecisionKind.AWARD]
        self.agreed = [row for row in rows if row.kind in AGREED]
        self.found: dict[int, str] = {}
        self.counted: dict[int, int] = {}
        self.gated = 0
        self.alone: set[int] = set()

    def run(self) -> dict[int, str]:
        self._refuse(self.rows, lambda row: row.state != State.IN_REVIEW, "It is not in review any more.")
        self._refuse(self.rows, lambda row: row.is_mixed, "A co-investigator took part in the decision.")
        self._refuse(
            self.rows,
            lambda row: row.has_conflict,
            "Somebody who decided it has a conflict of interest by now. Another manager has to decide it.",
        )
        self._looks()
        if self.awards:
            self._overrides()
            if self.rules.award_cap_cents:
                cap = self.rules.award_cap_cents
                self._refuse(
                    self.awards, lambda row: row.amount_cents > cap, "It is above the program's cap."
                )
            self._waiting_time()
            self._overdue()
            self._organizations()
        if self.agreed:
            self._ineligible()
            self._gates()
            self._amendments()
        self._deferrals()
        if self.awards:
            self._second_person()  # last: nobody is asked to approve what could not be released all the same
        return self.found

    def _refuse(self, rows: Sequence[Row], wrong: Callable[[Row], bool], reason: str) -> None:
        for row in rows:
            if row.decision_id not in self.found and wrong(row):
                self.found[row.decision_id] = reason

    def _looks(self) -> None:
        wanted = self.rules.reviews_wanted
        self._refuse(
            self.agreed, lambda row: row.looks < wanted, f"An award needs {wanted} reviews; some are missing."
        )
        self._refuse(self.rows, lambda row: row.looks < 1, "Nobody has looked at it yet.")

    def _second_person(self) -> None:
        limit = four_eyes.limit_cents(self.rules, self.cycle.program)
        self.counted = four_eyes.totals(
            application_ids=[row.application_id for row in self.awards],
            at=self.at,
            pending_ids=[row.decision_id for row in self.awards],
        )
        alone = [row for row in self.awards if row.approved_by_id is None]
        words = format_money(limit, self.rules.currency)
        large = [row for row in alone if row.amount_cents > min(limit, row.limit_cents)]
        often = [
            row for row in alone if self.counted.get(row.application_id, 0) > min(limit, row.limit_cents)
        ]
        overridden = [row for row in alone if row.overrides]
        self.alone = {row.decision_id for row in (*large, *often, *overridden)}
        self._refuse(large, _always, f"Above {words} a second person approves.")
        self._refuse(
            often,
            _always,
            f"With the other awards of this person or organization in twelve months it is above {words}, so a second "
            "person approves.",
        )
        self._refuse(overridden, _always, "It is an override, so a second person approves.")

    def _overrides(self) -> None:
        line: CutLine | None = getattr(self.cycle, "cut_line", None)
        if line is not None:
            self._refuse(
                self.awards,
                lambda row: overrides.is_below(row.mean, line) and Override.BELOW_LINE not in row.overrides,
                "It is below the line. Propose it again with a reason, for a second person to approve.",
            )
        self._refuse(
            self.awards,
            lambda row: row.is_flagged and Override.FLAGGED not in row.overrides,
            "It was flagged. Propose it again with a reason, for a second person to approve.",
        )

    def _ineligible(self) -> None:
        """The lists may have changed since the application was sent; they are asked again now."""
        for rule in self.cycle.program.rules.filter(outcome=RuleOutcome.BLOCK).order_by("position", "pk"):
            kind = eligibility.COLUMN_RULES.get(rule.kind)
            if kind not in eligibility.JUDGED_AGAIN:
                continue
            judge, column = kind(rule), kind.column
            values = {getattr(row, column) for row in self.agreed} - {""}
            failing = {value for value in values if judge.fails(value)}
            if failing:
                failed = [row for row in self.agreed if getattr(row, column) in failing]
                self._refuse(failed, _always, rule.sentence)

    def _waiting_time(self) -> None:
        """An earlier application to the program whose waiting time covered this evaluation."""
        days = self.rules.reapply_wait_days
        if not days:
            return
        same = Application.objects.filter(
            Q(applicant=OuterRef("applicant")) | Q(email_key=OuterRef("email_key")) & ~Q(email_key=""),
            program_id=self.cycle.program_id,
            state__in=[State.DECLINED, State.IN_REVIEW],
            cycle__evaluation_on__lt=self.cycle.evaluation_on,
            cycle__evaluation_on__gt=self.cycle.evaluation_on - timedelta(days=days),
        ).exclude(pk=OuterRef("pk"))
        early = set(
            _these(row.application_id for row in self.awards if row.amends_id is None)
            .filter(Exists(same))
            .values_list("pk", flat=True)
        )
        self._refuse(
            self.awards,
            lambda row: row.application_id in early and not row.overrides,
            "The waiting time after an earlier application has not passed.",
        )

    def _overdue(self) -> None:
        """No new credit while a summary of an earlier award is overdue; the award it is owed for stays."""
        owing = obligations.overdue_applicants([row.application_id for row in self.awards], at=self.at)
        self._refuse(
            self.awards,
            lambda row: row.application_id in owing,
            "The summary of an earlier award is overdue. It can be released once that is handed in or waived.",
        )

    def _gates(self) -> None:
        """The database's own question (migration 0015): gates that apply and have no live "no concern"."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT application_id, min(name) FROM open_gates(%s::bigint[]) GROUP BY application_id",
                [[row.application_id for row in self.agreed]],
            )
            waiting = dict(cursor.fetchall())
        self.gated = len(waiting)
        for name in sorted(set(waiting.values())):
            stopped = [row for row in self.agreed if waiting.get(row.application_id) == name]
            self._refuse(stopped, _always, f"The gate “{name}” is not passed.")

    def _organizations(self) -> None:
        if self.rules.organization_id_when != OrganizationIdWhen.APPLY:
            return
        self._refuse(
            self.awards,
            lambda row: (
                bool(row.organization_id_text)
                and not _is_form(self.rules.organization_id_format, row.organization_id_text)
            ),
            "The organization ID does not have the provider's form.",
        )

    def _amendments(self) -> None:
        updates = [row.decision_id for row in self.agreed if row.amends_id is not None]
        if not updates:
            return
        for wrong, reason in awards.stand_in_the_way(Decision.objects.filter(pk__in=updates), self.rules):
            ids = set(wrong.values_list("pk", flat=True))
            self._refuse([row for row in self.agreed if row.decision_id in ids], _always, reason)

    def _deferrals(self) -> None:
        rows = [row for row in self.rows if row.kind == DecisionKind.DEFER]
        if not rows:
            return
        try:
            deferrals.target(self.cycle, at=self.at)
        except deferrals.NowhereToDefer as error:
            self._refuse(rows, lambda row: True, str(error))


def _is_form(provider_format: str, text: str) -> bool:
    try:
        organizations.clean_external_id(provider_format, text)
    except organizations.WrongOrganizationId:
        return False
    return True


def _these(application_ids):  # type: ignore[no-untyped-def]
    """One array instead of a placeholder for each of ten thousand ids."""
    return Application.objects.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [list(application_ids)]))


def _hidden(application_ids: Sequence[int], by: User) -> set[int]:
    """The applications among these that this person may not see."""
    if not application_ids:
        return set()
    seen = desk_queries.without_conflict(Desk(by), _these(application_ids))
    return set(application_ids) - set(seen.values_list("pk", flat=True))


def _rows(cycle: Cycle, decision_ids: Collection[int] | None) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            _ROWS,
            {
                "cycle": cycle.pk,
                "named": None if decision_ids is None else list(decision_ids),
                "serious": [str(kind) for kind in overrides.SERIOUS],
            },
        )
        return [Row(*values) for values in cursor.fetchall()]


_ROWS = """
    WITH scope AS MATERIALIZED (
        SELECT d.id, d.application_id FROM applications_decision d
          JOIN applications_application a ON a.id = d.application_id
         WHERE a.cycle_id = %(cycle)s AND d.state = 'pending' AND d.kind <> 'waitlist'
           AND (%(named)s::bigint[] IS NULL OR d.id = ANY (%(named)s::bigint[]))
    ), looks AS (
        SELECT r.application_id, count(*) AS looks, avg(r.total) AS mean FROM applications_review r
         WHERE r.state = 'in' AND r.application_id IN (SELECT application_id FROM scope) GROUP BY r.application_id
    ), flagged AS (
        SELECT DISTINCT c.application_id FROM applications_screeningcheck c
         WHERE (c.outcome = 'block' OR c.kind = ANY (%(serious)s))
           AND c.application_id IN (SELECT application_id FROM scope)
    ), mixed AS (
        SELECT DISTINCT s.id FROM scope s JOIN applications_decision d ON d.id = s.id
          JOIN applications_application a ON a.id = s.application_id
          LEFT JOIN applications_collaborator c ON c.application_id = s.application_id
         WHERE c.user_id IN (d.proposed_by_id, d.approved_by_id)
            OR a.applicant_id IN (d.proposed_by_id, d.approved_by_id)
    ), conflicted AS (
        SELECT s.id FROM scope s JOIN applications_decision d ON d.id = s.id
          JOIN applications_conflict c ON c.application_id = s.application_id
         WHERE c.user_id IN (d.proposed_by_id, d.approved_by_id)
        UNION
        SELECT s.id FROM scope s JOIN applications_decision d ON d.id = s.id
          JOIN applications_recusal c ON c.application_id = s.application_id
         WHERE c.reviewer_id IN (d.proposed_by_id, d.approved_by_id)
    )
    SELECT d.id, d.application_id, d.kind, coalesce(d.amount_cents, 0), d.months, d.granted_models, d.reason,
           d.four_eyes_above_cents, d.overrides, d.proposed_by_id, d.approved_by_id,
           a.state, a.reference, a.title, a.applicant_id, a.country, a.institution_kind, a.organization_id_text, a.amends_id,
           coalesce(looks.looks, 0), looks.mean, flagged.application_id IS NOT NULL,
           mixed.id IS NOT NULL, conflicted.id IS NOT NULL
      FROM scope
      JOIN applications_decision d ON d.id = scope.id
      JOIN applications_application a ON a.id = scope.application_id
      LEFT JOIN looks ON looks.application_id = scope.application_id
      LEFT JOIN flagged ON flagged.application_id = scope.application_id
      LEFT JOIN mixed ON mixed.id = scope.id
      LEFT JOIN conflicted ON conflicted.id = scope.id
     ORDER BY d.id
"""
