"""What staff and grantees did in the demo world: reviews, gates, decisions, release, acceptance, posting, use."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import F

from applications import acceptance, decisions, notices, release, review, tick
from applications.models import Application, AssignmentState, GateOutcome, Notice, NoticeState, RecusalKind
from credits import delivery, grants, providers, usage
from credits.models import Delivery, DeliveryState, Grant, UsageSource
from portal.demo_world import stories
from portal.demo_world.calendar import share
from portal.demo_world.stories import AWARDED, Fate, Story
from portal.models import User
from portal.samples import answers as samples
from programs import cycles
from programs.models import AwardMode, CriterionKind, Cycle, Program

if TYPE_CHECKING:
    from portal.demo_world.build import Telling

NOTES = (
    "The question is clear and the plan for checking errors is better than most.",
    "I like the material; the budget could be half of it.",
    "The baseline is missing, and without it the result says little.",
    "Sound, but two groups have nearly the same data already.",
    "Strong team. The third month looks too full.",
    "I am not sure that a model is needed for the first step.",
    "This would be used by others from the first day.",
    "Good idea, thin on what happens when the model is wrong.",
)
PARTS_USED = {
    0: 0.68,
    2: 0.55,
    9: 0.93,
}  # of the credit, by the place of the story; the last is about to run out
SAFETY, SCIENCE, SOCIETY = "external-researcher-access", "ai-for-science", "openai-researcher-access"
OWN_PARTS = {(SAFETY, 9): 0.4}
QUIET_DAYS = {(SAFETY, 2): 3, (SAFETY, 9): 5}  # a hold, a change of organization: no use since then
TERMS = {(SCIENCE, 2): 1, (SOCIETY, 0): 12}  # the first is over by now; the second holds a top-up
SENT_BEFORE = timedelta(hours=18)  # after a day without an answer there would be a case for each
ENDS_SOON = (SCIENCE, 9)  # its summary is due within some weeks
LEVELS = {True: (3, 5), False: (1, 3)}  # scores of those who are awarded, and of those who are not


def finish(telling: "Telling", cycle_name: str, persons: dict[str, User], now: datetime) -> None:
    """One evaluation from its reviews to the posted credits, and its end."""
    cycle: Cycle = getattr(telling.calendar, cycle_name)
    told = [
        (story, telling.applications[story.place])
        for story in stories.of(telling.program.slug)
        if story.cycle == cycle_name and story.fate != Fate.WITHDRAWN
    ]
    for story, application in told:
        good = story.fate in AWARDED
        _gates(application, persons["screener"], cycle.cut_off_at + timedelta(days=1))
        for number, assignment in enumerate(_queue(application)):
            _review(application, assignment.reviewer, good, cycle.cut_off_at + timedelta(days=2 + number))
    decided_at = cycle.cut_off_at + timedelta(days=8)
    for story, application in told:
        months = _months(telling.program, story, decided_at, now)
        _decide(application, persons, story.fate in AWARDED, decided_at, months=months)
    release.release(cycle_id=cycle.pk, by=persons["manager"], at=decided_at + timedelta(hours=4))
    _post(
        telling,
        [pair for pair in told if pair[0].fate in AWARDED],
        persons,
        decided_at + timedelta(days=1),
        now,
    )
    tick.tick(at=cycles.end_of_decided_by(cycle) + timedelta(minutes=1))
    notices.queue_posted(at=cycles.end_of_decided_by(cycle))
    # These letters were read long ago; as mails of today they would bury the ones that the demo's visitors cause.
    old = Notice.objects.filter(state=NoticeState.WAITING, created_at__lte=cycles.end_of_decided_by(cycle))
    old.update(state=NoticeState.SENT, sent_at=F("created_at"), attempts=1)


def _months(program: Program, story: Story, decided_at: datetime, now: datetime) -> int | None:
    """The term that the manager gives, None for the usual one."""
    place = (program.slug, story.place)
    if place != ENDS_SOON:
        return TERMS.get(place)
    posted_on = (decided_at + timedelta(days=5)).date()
    soonest = now.date() + timedelta(days=program.summary_due_days + 1)
    ends = {months: grants.expiry(posted_on, months) for months in range(1, 7)}
    return next(months for months, end in ends.items() if end is not None and end > soonest)


def review_under_way(telling: "Telling", persons: dict[str, User], now: datetime) -> None:
    """The evaluation under review: some looks are in, some begun, some gates open, a few decisions proposed."""
    cycle = telling.calendar.under_way

    def at(part: float) -> datetime:
        return share(cycle.cut_off_at + timedelta(minutes=3), now, part)

    for story in stories.of(telling.program.slug):
        if story.cycle != "under_way":
            continue
        application = telling.applications[story.place]
        fate = story.fate
        queue = [assignment.reviewer for assignment in _queue(application)]
        complete = fate in (Fate.TO_AWARD, Fate.TO_APPROVE, Fate.TO_DECLINE, Fate.DISPUTED)
        if complete or fate == Fate.HALF:
            _gates(application, persons["screener"], at(0.3))
        if complete:
            good = fate in (Fate.TO_AWARD, Fate.TO_APPROVE)
            for number, reviewer in enumerate(queue):
                _review(
                    application,
                    reviewer,
                    (number == 0) if fate == Fate.DISPUTED else good,
                    at(0.4 + number / 10),
                )
        elif fate in (Fate.HALF, Fate.ONE, Fate.STEPPED_BACK) and queue:
            _review(application, queue[0], True, at(0.5))
            if fate == Fate.HALF and len(queue) > 1:
                _begin(application, queue[1], at(0.7))
            elif fate == Fate.STEPPED_BACK and len(queue) > 1:
                review.recuse(
                    application_id=application.pk,
                    kind=RecusalKind.COLLABORATOR,
                    reason="We share a doctoral student.",
                    by=queue[1],
                    at=at(0.55),
                )
        elif fate == Fate.BEGUN and queue:
            _begin(application, queue[0], at(0.8))
        if fate in (Fate.TO_AWARD, Fate.TO_APPROVE, Fate.TO_DECLINE):
            _decide(application, persons, fate != Fate.TO_DECLINE, at(0.9), approve=False)


def _queue(application: Application):  # type: ignore[no-untyped-def]
    return list(
        application.assignments.filter(state=AssignmentState.TO_DO).select_related("reviewer").order_by("pk")
    )


def _gates(application: Application, screener: User, at: datetime) -> None:
    for gate in review.gates_for(application):
        review.answer_gate(
            application_id=application.pk,
            criterion_key=gate.key,
            outcome=GateOutcome.PASSED,
            note="No concern in what is described.",
            by=screener,
            at=at,
        )


def _review(application: Application, reviewer: User, good: bool, at: datetime) -> None:
    review.send_in(application_id=application.pk, look=_look(application, reviewer, good), by=reviewer, at=at)


def _begin(application: Application, reviewer: User, at: datetime) -> None:
    """A draft: the first score and a note."""
    whole = _look(application, reviewer, good=True)
    first = dict(list(whole.scores.items())[:1])
    review.save(
        application_id=application.pk, look=review.Look(scores=first, note=whole.note), by=reviewer, at=at
    )


def _look(application: Application, reviewer: User, good: bool) -> review.Look:
    dice = random.Random(f"{application.title}:{reviewer.email}")
    low, high = LEVELS[good]
    criteria = application.program.criteria.filter(kind=CriterionKind.SCORE).order_by("position", "pk")
    return review.Look(
        scores={criterion.key: min(criterion.scale_max, dice.randint(low, high)) for criterion in criteria},
        confidence=dice.choice(("fair", "high", "low", "fair")),
        note=dice.choice(NOTES),
    )


def _decide(
    application: Application,
    persons: dict[str, User],
    good: bool,
    at: datetime,
    *,
    approve: bool = True,
    months: int | None = None,
) -> None:
    application.refresh_from_db()
    if not good:
        decisions.propose_decline(application_id=application.pk, by=persons["manager"], at=at)
        return
    program: Program = application.program
    amount = decisions.default_amount_cents(application)
    reason = ""
    if program.award_mode == AwardMode.FIXED and application.requested_cents:
        amount, reason = (
            application.requested_cents,
            "The comparison cannot be cut into pieces; both reviewers agree.",
        )
    elif program.award_mode != AwardMode.FIXED and application.pk % 3 == 0:
        amount = max(500_00, amount * 3 // 4 // 100_00 * 100_00)  # granted less than asked
    decided = decisions.propose_award(
        application_id=application.pk,
        by=persons["manager"],
        at=at,
        amount_cents=amount,
        months=months,
        reason=reason,
    )
    if approve and amount > decided.four_eyes_above_cents:
        decisions.approve(decision_id=decided.pk, by=persons["finance"], at=at + timedelta(hours=2))


def _post(
    telling: "Telling",
    awarded: list[tuple[Story, Application]],
    persons: dict[str, User],
    at: datetime,
    now: datetime,
) -> None:
    """Acceptance and posting, in an order in which each grant comes to stand where its story says."""
    groups = {
        Fate.POSTED: (4, lambda moment: confirm(persons, moment)),
        Fate.REFUSED: (3, lambda moment: _refuse(persons, moment)),
        Fate.ON_ITS_WAY: (2, lambda moment: _leave_on_its_way(persons, moment, now)),
    }
    for fate, (days, settle) in groups.items():
        for story, application in awarded:
            if story.fate == fate or (fate == Fate.POSTED and story.fate == Fate.USED):
                _accept(telling.program, story, application, at + timedelta(days=1))
        settled_at = at + timedelta(days=days)
        delivery.dispatch(at=settled_at - SENT_BEFORE)
        settle(settled_at)
    for story, application in awarded:
        if story.fate == Fate.USED:
            place = (telling.program.slug, story.place)
            part = OWN_PARTS.get(place, PARTS_USED.get(story.place, 0.6))
            until = now - timedelta(days=QUIET_DAYS.get(place, 0))
            _use(Grant.objects.get(reference=application.reference), part, until)


def _accept(program: Program, story: Story, application: Application, at: datetime) -> None:
    dice = random.Random(f"accept:{program.slug}:{story.place}")
    text = application.organization_id_text or samples.organization_id(program.organization_id_format, dice)
    acceptance.accept(
        application_id=application.pk,
        organization_id=text,
        terms_accepted=True,
        by=application.applicant,
        at=at,
    )


def confirm(persons: dict[str, User], at: datetime) -> None:
    """Whatever was dispatched is confirmed. Through the provider where one listens, so that its books agree with ours; else by hand."""
    provider = providers.get()
    if provider.automatic:
        delivery.send_due(limit=100, at=at, provider=provider)
    else:
        delivery.hand_over(by=persons["operator"], at=at)
    for waiting in Delivery.objects.exclude(state__in=(DeliveryState.CONFIRMED, DeliveryState.REFUSED)):
        if waiting.alerted_at is None and not provider.automatic:
            delivery.confirm(delivery_id=waiting.pk, at=at, by=persons["operator"])


def _refuse(persons: dict[str, User], at: datetime) -> None:
    delivery.hand_over(by=persons["operator"], at=at)
    for waiting in Delivery.objects.filter(state=DeliveryState.SENT, alerted_at=None):
        delivery.refuse(
            delivery_id=waiting.pk,
            reason="422 organization_refused: this organization cannot receive credit.",
            at=at,
            by=persons["operator"],
        )


def _leave_on_its_way(persons: dict[str, User], at: datetime, now: datetime) -> None:
    """The provider answered that it would take its time: next try in some weeks, and staff were told."""
    delivery.hand_over(by=persons["operator"], at=at)
    Delivery.objects.filter(state=DeliveryState.SENT, alerted_at=None).update(
        state=DeliveryState.UNKNOWN,
        next_attempt_at=now + timedelta(days=30),
        alerted_at=now - timedelta(hours=3),
        last_error="503 Come back later.",
        attempts=4,
    )


def _use(grant: Grant, part: float, now: datetime) -> None:
    """A figure for each day since the credits were posted, less at weekends; `part` of the amount in all."""
    if grant.confirmed_at is None:
        return
    dice = random.Random(f"use:{grant.reference[:3]}:{grant.amount_cents}")
    last = min(now.date() - timedelta(days=1), grant.expires_on or date.max)
    first = grant.confirmed_at.date() + timedelta(days=2)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    weights = [dice.uniform(0.3, 1.7) * (0.2 if day.weekday() > 4 else 1) for day in days]
    figures = [
        usage.Figure(
            organization_id=grant.organization_id or 0,
            day=day,
            amount_cents=max(1, int(grant.amount_cents * part * weight / sum(weights))),
            currency=grant.currency,
        )
        for day, weight in zip(days, weights, strict=True)
    ]
    told_at = datetime.combine(last + timedelta(days=1), time(6), UTC)
    usage.record_many(figures=figures, source=UsageSource.EVENT, by=None, at=min(told_at, now))
