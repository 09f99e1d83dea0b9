"""An award with all that was added to it: its lots of credit, its updated applications, and whether one may be sent.

Only the calendar and what was told count here, as on every page of an applicant (applications.standing): a live amendment
is one that its applicant has not been told about, whatever was decided on the staff side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from applications import standing
from applications.models import (
    AGREED,
    GIVES,
    Application,
    AwardEnding,
    Decision,
    DecisionKind,
    DecisionState,
    HeldAcceptance,
)
from applications.standing import Phase
from applications.states import State
from credits import enforcement
from credits.models import Grant, Stage
from credits.money import format_money, with_code
from portal import texts
from programs.rulebook import Rulebook

NOTHING = (Stage.VOID, Stage.FAILED)
"""Stages of a grant that gave nothing."""

LIVE = (Phase.DRAFT, Phase.OPEN, Phase.FROZEN)


@dataclass(frozen=True)
class Award:
    """An awarded application, what was agreed to it, oldest first, and its amendments, newest first.

    agreed: released decisions with their grants; the first is the award itself, those without a grant changed the plan
    alone.
    """

    application: Application
    agreed: list[Decision]
    amendments: list[Application]

    @property
    def lots(self) -> list[Grant]:
        """The credit of the award and of its amendments, oldest first; what was cancelled or refused is left out.

        The second half of a grant stands behind its first.
        """
        grants = [decision.grant for decision in self.agreed if decision.grant is not None]
        both = [lot for grant in grants for lot in (grant, *grant.halves.all())]
        return [grant for grant in both if grant.stage not in NOTHING]

    @property
    def granted_cents(self) -> int:
        return sum(grant.amount_cents for grant in self.lots)

    @property
    def latest(self) -> Application:
        """The application that was agreed to last: from its answers an amendment starts."""
        return self.agreed[-1].application if self.agreed else self.application

    def live(self, *, at: datetime) -> Application | None:
        """The amendment that its applicant has not been told about."""
        for amendment in self.amendments:
            if standing.phase_of(amendment, at=at) in LIVE:
                return amendment
        return None


@dataclass(frozen=True)
class TakenOver:
    """What an amendment keeps of its award, so that its holder has nothing to confirm again."""

    organization_id: int
    accepted_at: datetime | None
    terms_version: str


def of(application: Application) -> Award:
    """The award that an application is, or that it amends. Four queries; program and cycle are loaded."""
    root_id = application.amends_id or application.pk
    agreed = list(
        Decision.objects.filter(
            Q(application_id=root_id) | Q(application__amends_id=root_id),
            kind__in=(*AGREED, DecisionKind.LATER),
            state=DecisionState.RELEASED,
        )
        .select_related("application__program", "application__form_version", "grant__organization", "later")
        .prefetch_related(*_lots_of("grant"))
        .order_by("released_at", "pk")
    )
    rows = list(
        Application.objects.filter(Q(pk=root_id) | Q(amends_id=root_id))
        .select_related("program", "cycle__program", "applicant", "form_version")
        .order_by("-created_at", "-pk")
    )
    root = next(row for row in rows if row.pk == root_id)
    return Award(root, agreed, [row for row in rows if row.pk != root_id])


def _lots_of(path: str) -> tuple[Prefetch, Prefetch]:
    """The second halves of grants, and the lots to which their rest was moved, each with its organization."""
    rows = Grant.objects.select_related("organization")
    return Prefetch(f"{path}__halves", rows), Prefetch(f"{path}__later_lots", rows)


def held() -> Exists:
    """For a query of applications: whether an organization that got credit of the award is on hold."""
    return Exists(enforcement.freezing().filter(organization__grants__decision__application=OuterRef("pk")))


def current(application: Application) -> Decision | None:
    """The decision whose grant its holder accepts and watches: the award, or the last one that was posted in its place.

    None before a release, and for a change without credit. One query.
    """
    own = list(
        Decision.objects.filter(application=application, kind__in=GIVES, state=DecisionState.RELEASED)
        .select_related("grant__organization", "later", "ending")
        .order_by("released_at", "pk")
    )
    found = next((decision for decision in own if decision.kind == DecisionKind.AWARD), None)
    for decision in own:
        if found is not None and decision.later is not None and decision.later.replaces_id == found.pk:
            found = decision
    return found


def waits(decision: Decision) -> bool:
    """Whether an award waits for its holder: nobody accepted it, and its credit is still set aside."""
    grant = decision.grant
    return (
        grant is not None
        and grant.stage == Stage.RESERVED
        and decision.accepted_at is None
        and grant.organization_id is None
        and not HeldAcceptance.objects.filter(decision=decision).exists()
    )


def ending_of(decision: Decision) -> str:
    """How an award ended unaccepted, a value of Ending; "" for one that did not."""
    ending = getattr(decision, "ending", None)
    return str(ending.kind) if ending is not None else ""


def ending_in(rows: QuerySet[Application]) -> QuerySet[Application]:
    """The same rows with `award_ending`: how their award ended unaccepted, a value of Ending, or None."""
    endings = AwardEnding.objects.filter(decision__application=OuterRef("pk"))
    return rows.annotate(award_ending=Subquery(endings.values("kind")[:1]))


def why_not(award: Award, *, at: datetime, sending: Application | None = None) -> str:
    """Why no updated application of an award can begin, or why this one cannot be sent; "" when nothing is in its way.

    sending: the draft that is about to be sent; it is not in its own way.
    """
    if award.application.state != State.AWARDED or not award.agreed:
        return _("There is no award to update.")
    if lapsed := _lapsed(award, at):
        return lapsed
    live = award.live(at=at)
    if live is None or (sending is not None and live.pk == sending.pk):
        return ""
    if live.cycle is None:
        return _("You began an updated application already; go on with that one.")
    return _(
        "An updated application of this award is in the evaluation of %(evaluation)s. The next one can start when that "
        "one is closed, after %(decided_by)s at the latest."
    ) % {
        "evaluation": texts.day(live.cycle.evaluation_on),
        "decided_by": texts.day(live.cycle.decided_by_on),
    }


def _lapsed(award: Award, at: datetime) -> str:
    """Why the credit of an award is nothing to build on."""
    first = award.agreed[0].grant
    if not award.lots:
        if first is not None and first.stage == Stage.FAILED:
            return _(
                "The provider refused to post these credits, and a person here is on it. You can update the "
                "application when they are there."
            )
        return _("This award was cancelled. You can apply again with the same answers.")
    posted = [grant for grant in award.lots if grant.stage == Stage.CONFIRMED]
    if not posted:
        return _(
            "The credits of this award are not posted yet. You can update the application when they are."
        )
    ends = [grant.expires_on for grant in posted]
    last = max((day for day in ends if day is not None), default=None)
    if None not in ends and last is not None and last < at.date():
        return _(
            "The credits of this award ended on %(day)s. Apply again instead: the answers are filled in."
        ) % {"day": texts.day_long(last)}
    return ""


def granted_before(application: Application) -> list[str]:
    """What staff read beside an amendment: each lot of its award in words, oldest first. One query."""
    rows = (
        Decision.objects.filter(
            Q(application_id=application.amends_id) | Q(application__amends_id=application.amends_id),
            kind__in=(*AGREED, DecisionKind.LATER),
            state=DecisionState.RELEASED,
        )
        .exclude(application=application)
        .select_related("application", "grant__organization")
        .defer("application__answers")
        .order_by("released_at", "pk")
    )
    return [_in_words(decision) for decision in rows]


def _in_words(decision: Decision) -> str:
    grant, reference = decision.grant, decision.application.reference
    if grant is None:
        return f"{reference}: a change without more credit"
    parts = [f"{reference}: {with_code(grant.amount_cents, grant.currency)}"]
    if grant.term_months:
        parts.append(f"for {grant.term_months} month{'' if grant.term_months == 1 else 's'}")
    if grant.models:
        parts.append(f"({', '.join(grant.models)})")
    words = " ".join(parts) + f", {grant.get_stage_display().lower()}"
    return f"{words}, last day {texts.day(grant.expires_on)}" if grant.expires_on else words


# --- For decisions and their release ------------------------------------------------------------------------------------


def granted_cents(application: Application) -> int:
    """What the award of an amendment holds so far, in cents; 0 for an application that is no amendment."""
    if application.amends_id is None:
        return 0
    root = application.amends_id
    of_award = Q(decision__application_id=root) | Q(decision__application__amends_id=root)
    of_award |= Q(half_of__decision__application_id=root)
    held = Grant.objects.filter(of_award).exclude(stage__in=NOTHING)
    return int(held.aggregate(cents=Coalesce(Sum("amount_cents"), 0))["cents"])


def why_not_agreed(application: Application, rules: Rulebook, *, amount_cents: int = 0) -> str:
    """Why an amendment cannot be agreed to, with so many cents more; "" when nothing stands against it."""
    if application.amends_id is None:
        return ""
    if _newer().filter(amends_id=application.amends_id, submitted_at__gt=application.submitted_at).exists():
        return "A newer update of the same award was sent; decide that one."
    return above_cap(rules, granted_cents(application), amount_cents)


def stand_in_the_way(agreed: QuerySet[Decision], rules: Rulebook) -> Iterator[tuple[QuerySet[Decision], str]]:
    """What keeps pending decisions about amendments from being released: rows and a reason for each rule."""
    updates = agreed.filter(application__amends__isnull=False)
    newer = _newer().filter(
        amends_id=OuterRef("application__amends_id"), submitted_at__gt=OuterRef("application__submitted_at")
    )
    yield updates.filter(Exists(newer)), "A newer update of the same award was sent."
    if rules.award_cap_cents:
        above = [
            decision.pk
            for decision in updates.filter(kind=DecisionKind.AWARD).select_related("application")
            if above_cap(rules, granted_cents(decision.application), decision.amount_cents or 0)
        ]
        yield updates.filter(pk__in=above), "With what was granted before it is above the program's cap."


def taken_over(decisions: list[Decision], rules: Rulebook) -> dict[int, TakenOver]:
    """Application id -> what an amendment keeps of its award: the organization, and terms accepted in this version.

    Left out is an amendment that names another organization, and one whose holder accepted an older version of the
    terms: they accept as for any award. Two queries, none without amendments.
    """
    updates = {
        d.application.amends_id: d.application for d in decisions if d.application.amends_id is not None
    }
    if not updates:
        return {}
    earlier = (
        Decision.objects.filter(
            Q(application_id__in=updates) | Q(application__amends_id__in=updates),
            kind__in=GIVES,
            state=DecisionState.RELEASED,
            grant__organization__isnull=False,
        )
        .exclude(grant__stage__in=NOTHING)
        .select_related("grant__organization")
        .prefetch_related(_lots_of("grant")[1])
        .annotate(award_id=Coalesce(F("application__amends_id"), F("application_id")))
        .order_by("released_at", "pk")
    )
    found: dict[int, TakenOver] = {}
    for decision in earlier:
        application, grant = updates[decision.award_id], decision.grant
        assert grant is not None
        grant = grant.where_now()
        assert grant.organization is not None
        named = application.organization_id_text
        accepted = decision.accepted_at is not None and decision.accepted_terms_version == rules.terms_version
        if named in ("", grant.organization.external_id) and (accepted or not rules.terms):
            found[application.pk] = TakenOver(
                grant.organization.pk, decision.accepted_at, decision.accepted_terms_version
            )
    return found


def _newer() -> QuerySet[Application]:
    return Application.objects.exclude(state__in=[State.DRAFT, State.WITHDRAWN])


def above_cap(rules: Rulebook, before_cents: int, amount_cents: int) -> str:
    """Why so many cents more are above the program's cap for one award, updates and top-ups included; "" when not."""
    cap = rules.award_cap_cents
    if not cap or before_cents + amount_cents <= cap or not amount_cents:
        return ""
    left = format_money(max(0, cap - before_cents), rules.currency)
    return (
        f"The cap of {rules} is {format_money(cap, rules.currency)} for an award and its updates; "
        f"{format_money(before_cents, rules.currency)} was granted, so at most {left} more."
    )
