"""The second half of the month: gates, reviews, decisions, release, acceptance, delivery and letters."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Avg, Max, Min, Q, QuerySet

from applications import acceptance, boards, decisions, release, release_checks, review, tick
from applications.conflicts import reason_against
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Conflict,
    Decision,
    DecisionKind,
    DecisionState,
    GateOutcome,
    GateResult,
    Notice,
    NoticeState,
    RecusalKind,
    Review,
    ReviewState,
)
from applications.states import State
from credits import ledger
from credits import queries as money
from credits.models import Delivery, Grant
from credits.models import Stage as GrantStage
from credits.models.grant import UNSETTLED
from portal.models import User
from portal.rehearsal import processes
from portal.rehearsal.world import Clock, Stage, World
from portal.samples import answers as samples
from programs import cycles
from programs.models import AwardMode, Criterion, CriterionKind

SHARE_AWARDED = 0.2  # how far the pool is meant to reach
SHARE_GATE_FAILED = 0.03
SHARE_RECUSED = 0.01
SHARE_CLEAR_DECLINE = 0.25  # of the weakest: one reviewer says no at a glance
SHARE_CUT = 0.1  # awards below what was asked
SHARE_WRONG_ID = 0.05  # grantees who mistype the organization ID first
WORTH_AN_AWARD = 3  # mean score


def fill_pool(world: World, clock: Clock) -> None:
    """Two managers put into the pool what about a fifth of the applications ask for."""
    with world.stage("pool", "transfers") as stage:
        asked = sum(decisions.default_amount_cents(application) for application in _in_review(world))
        amount = max(1_000_00, int(asked * SHARE_AWARDED) // 1_000_00 * 1_000_00)
        with transaction.atomic():
            ledger.fund(
                program=world.program.slug,
                period=str(world.cycle.evaluation_on.year),
                amount_cents=amount,
                made_by=world.managers[0],
                approved_by=world.managers[1],
                key=f"fund:{world.program.slug}:rehearsal",
                at=clock.now(),
                currency=world.program.currency,
            )
        world.facts["funded_cents"] = stage.sum_cents = amount
        stage.count = 1


def hold_one(world: World) -> None:
    """Choose the application that nobody looks at until a release was refused for it: one that every reviewer may read."""
    first = Assignment.objects.filter(application__cycle=world.cycle, state=AssignmentState.TO_DO)
    world.held = first.order_by("pk").values_list("application_id", flat=True).first() or 0


def answer_gates(world: World, stage: Stage | None = None) -> None:
    """The screeners answer every gate that applies and has no answer, a little after the cut-off."""
    if stage is not None:
        _answer_gates(world, stage)
    else:
        with world.stage("gates", "answers") as made:
            _answer_gates(world, made)


def _answer_gates(world: World, stage: Stage) -> None:
    at = world.cycle.cut_off_at + timedelta(hours=6)
    waiting = list(_in_review(world).exclude(gate_results__isnull=False).select_related("program"))
    with world.bar("gates", len(waiting), "application") as bar:
        for application in waiting:
            bar.update()
            screener = _free_screener(world, application)
            if screener is None:
                continue
            for gate in review.gates_for(application):
                dice = world.dice_for("gate", gate.key, application.source_id)
                failed = dice.random() < SHARE_GATE_FAILED
                review.answer_gate(
                    application_id=application.pk,
                    criterion_key=gate.key,
                    outcome=GateOutcome.FAILED if failed else GateOutcome.PASSED,
                    note="Seen in the rehearsal.",
                    by=screener,
                    at=at,
                )
                stage.count += 1


def _free_screener(world: World, application: Application) -> User | None:
    """One of the screeners in turn, who has no conflict with it; None where all have one."""
    first = application.pk % len(world.screeners)
    turn = world.screeners[first:] + world.screeners[:first]
    return next((one for one in turn if reason_against(user=one, application=application) is None), None)


def review_all(world: World) -> None:
    """Simulated reviewers work through their queues; a few step back, and somebody else takes over."""
    with world.stage("reviews", "reviews") as stage:
        review_rest(world, stage, _to_do(world).exclude(application_id=world.held))


def look_at_the_rest(world: World, clock: Clock) -> None:
    """The release is refused while one application has no look; it is looked at."""
    with world.stage("coverage", "reviews") as stage:
        seen: list[release_checks.Refusal] = []
        try:
            release.release(cycle_id=world.cycle.pk, by=world.managers[0], at=clock.now())
        except release.CannotRelease as error:
            seen = error.refusals
        listed = [refusal for refusal in seen if refusal.application_id == world.held]
        world.facts["coverage"] = {
            "refused": bool(seen),
            "listed": any("obody has looked at" in refusal.reason for refusal in listed),
            "undecided": _in_review(world).count(),
        }
        review_rest(world, stage, _to_do(world))


def review_rest(world: World, stage: Stage, to_do: "QuerySet[Assignment]") -> None:
    """Hand in what is to do by the operation; a few step back."""
    at = world.cycle.cut_off_at + timedelta(days=1)
    criteria = list(world.program.criteria.filter(kind=CriterionKind.SCORE).order_by("position", "pk"))
    with world.bar("reviews", to_do.count(), "review") as bar:
        recused = 0
        while queue := list(to_do.select_related("reviewer", "application").order_by("pk")):
            for assignment in queue:
                dice = world.dice_for("review", assignment.application.source_id, assignment.reviewer.email)
                if dice.random() < SHARE_RECUSED:
                    review.recuse(
                        application_id=assignment.application_id,
                        kind=RecusalKind.COLLABORATOR,
                        reason="We wrote a paper together.",
                        by=assignment.reviewer,
                        at=at,
                    )
                    recused += 1
                    continue
                review.send_in(
                    application_id=assignment.application_id,
                    look=_look(world, assignment, criteria),
                    by=assignment.reviewer,
                    at=at,
                )
                stage.count += 1
                bar.update()
        stage.facts["recused"] = stage.facts.get("recused", 0) + recused


def _look(world: World, assignment: Assignment, criteria: list[Criterion]) -> review.Look:
    """Scores around a quality that belongs to the application, each reviewer a little off."""
    quality = world.dice_for("quality", assignment.application.source_id).gauss(0.5, 0.2)
    dice = world.dice_for("scores", assignment.application.source_id, assignment.reviewer.email)
    scores = {
        criterion.key: min(
            criterion.scale_max, max(1, round(dice.gauss(quality, 0.12) * criterion.scale_max))
        )
        for criterion in criteria
    }
    hopeless = quality < 0.3 and dice.random() < SHARE_CLEAR_DECLINE
    return review.Look(
        scores={} if hopeless else scores,
        confidence=dice.choice(["low", "fair", "high"]),
        note="Written by the rehearsal.",
        clear_decline=hopeless,
    )


def decide_all(world: World, clock: Clock) -> None:
    """Rank by the mean of the reviews; award from the top while the pool lasts, decline the rest.

    A gate that no screener without a conflict could answer stays open: nobody awards past it.
    """
    at = clock.now()
    ranked = list(
        _in_review(world)
        .annotate(mean=Avg("reviews__total", filter=Q(reviews__state=ReviewState.IN)))
        .order_by("-mean", "pk")
        .select_related("program")
    )
    hopeless = set(Review.objects.filter(clear_decline=True).values_list("application_id", flat=True))
    failed = set(
        GateResult.objects.filter(outcome=GateOutcome.FAILED).values_list("application_id", flat=True)
    )
    tied = set(Conflict.objects.filter(user=world.managers[0]).values_list("application_id", flat=True))
    ungated = _in_review(world).filter(boards.gate_open(boards.gates_of([world.cycle])))
    not_good = hopeless | failed | set(ungated.values_list("pk", flat=True))
    left = world.facts["funded_cents"]
    with (
        world.stage("decisions", "decisions") as stage,
        world.bar("decisions", len(ranked), "decision") as bar,
    ):
        stage.sum_cents = 0
        for application in ranked:
            amount = _amount_cents(world, application)
            good = (application.mean or 0) >= WORTH_AN_AWARD and application.pk not in not_good
            if application.pk in tied:  # on no page of the first manager; the second one declines it
                decisions.propose_decline(application_id=application.pk, by=world.managers[1], at=at)
            elif good and amount <= left:
                reason = (
                    "A special case: see the budget."
                    if amount != decisions.default_amount_cents(application)
                    else ""
                )
                decisions.propose_award(
                    application_id=application.pk,
                    by=world.managers[0],
                    at=at,
                    amount_cents=amount,
                    reason=reason,
                )
                left -= amount
                stage.sum_cents += amount
            else:
                decisions.propose_decline(application_id=application.pk, by=world.managers[0], at=at)
            stage.count += 1
            bar.update()


def _amount_cents(world: World, application: Application) -> int:
    """What was asked or the fixed amount; now and then less, and a fixed program now and then grants more."""
    usual = decisions.default_amount_cents(application)
    dice = world.dice_for("amount", application.source_id)
    asked = application.requested_cents or 0
    if application.program.award_mode == AwardMode.FIXED:
        return min(asked, 4 * usual) if asked > usual and dice.random() < 0.5 else usual
    return max(100_00, usual // 2 // 100_00 * 100_00) if dice.random() < SHARE_CUT else usual


def note_refusals(world: World) -> list[Decision]:
    """What a release would refuse as long as nobody approved; the awards above the limit, which must be among it."""
    pending = Decision.objects.filter(application__cycle=world.cycle, state=DecisionState.PENDING)
    above = [
        decision
        for decision in pending.filter(kind=DecisionKind.AWARD).order_by("pk")
        if (decision.amount_cents or 0) > decision.four_eyes_above_cents
    ]
    refusals = release.check(cycle_id=world.cycle.pk, by=world.managers[0])
    world.facts["release_check"] = {
        "above_limit": len(above),
        "refused": len({refusal.decision_id for refusal in refusals} & {decision.pk for decision in above}),
        "other_refusals": [
            f"{refusal.reference}: {refusal.reason}"
            for refusal in refusals
            if refusal.decision_id not in {decision.pk for decision in above}
        ][:5],
    }
    return above


def approve_large(world: World, clock: Clock) -> None:
    """Without a second person the release must refuse; the second manager then approves what is above the limit."""
    above = note_refusals(world)
    with world.stage("approvals", "approvals") as stage:
        approve(world, clock)
        stage.count = len(above)
        stage.sum_cents = sum(decision.amount_cents or 0 for decision in above)


def approve(world: World, clock: Clock) -> None:
    """The second manager approves what needs one; what cannot be released all the same is declined instead."""
    first, second = world.managers[:2]
    for _ in range(3):  # only the first reason against a decision is told
        refusals = release.check(cycle_id=world.cycle.pk, by=first)
        for refusal in refusals:
            try:
                if "second person" not in refusal.reason:
                    raise decisions.CannotDecide(refusal.reason)
                decisions.approve(decision_id=refusal.decision_id, by=second, at=clock.now())
            except decisions.CannotDecide:  # such as a conflict of the second manager: there is no third
                decisions.undo(decision_id=refusal.decision_id, by=first, at=clock.now())
                decisions.propose_decline(application_id=refusal.application_id, by=first, at=clock.now())
        if not refusals:
            return


def release_all(world: World, clock: Clock) -> None:
    """Release the evaluation, and release it again, which must change nothing."""
    with world.stage("release", "decisions") as stage:
        done = release.release(cycle_id=world.cycle.pk, by=world.managers[0], at=clock.now())
        stage.count, stage.sum_cents = done.awards + done.declines, done.sum_cents
        stage.facts = {
            "awards": done.awards,
            "declines": done.declines,
            "no_organization": done.awaiting_acceptance,
        }
        # What the first manager has a conflict with is left to the second one.
        done = release.release(cycle_id=world.cycle.pk, by=world.managers[1], at=clock.now())
        stage.count += done.declines
    again = release.release(cycle_id=world.cycle.pk, by=world.managers[0], at=clock.now())
    world.facts["released_again"] = again.awards + again.declines


def accept_all(world: World, clock: Clock, some: Callable[[], dict[str, int]] = dict) -> None:
    """Every grantee accepts the terms and names an organization; some mistype its ID first and are told so.

    some: lets the first of them accept in another way, and tells what came of it.
    """
    with world.stage("acceptance", "awards") as stage:
        stage.facts = {"at_the_page": 0, "wrong_ids": 0, "refused": 0, **some()}
        stage.count = stage.facts["at_the_page"]
        _accept_rest(world, clock, stage)


def _accept_rest(world: World, clock: Clock, stage: Stage) -> None:
    awarded = list(
        _awarded(world)
        .filter(decisions__accepted_at=None, decisions__state=DecisionState.RELEASED)
        .select_related("applicant")
        .order_by("pk")
    )
    wrong = refused = 0
    with world.bar("acceptance", len(awarded), "award") as bar:
        for application in awarded:
            dice = world.dice_for("organization", application.source_id)
            named = application.organization_id_text
            text = named or samples.organization_id(world.program.organization_id_format, dice)
            if dice.random() < SHARE_WRONG_ID:
                wrong += 1
                try:
                    _accept(application, f"{text}?", clock)
                except acceptance.CannotAccept:
                    refused += 1
            _accept(application, text, clock)
            stage.count += 1
            bar.update()
    stage.facts["wrong_ids"] += wrong
    stage.facts["refused"] += refused


def _accept(application: Application, text: str, clock: Clock) -> None:
    acceptance.accept(
        application_id=application.pk,
        organization_id=text,
        terms_accepted=True,
        by=application.applicant,
        at=clock.now(),
    )


def deliver_all(world: World, clock: Clock) -> None:
    """The worker tells the provider about every grant, over HTTP, through its faults."""
    total = Grant.objects.filter(stage=GrantStage.RESERVED).count()
    unsettled = Delivery.objects.filter(state__in=UNSETTLED)
    with world.stage("delivery", "grants") as stage, world.bar("delivery", total, "grant") as bar:

        def left() -> int:
            return Grant.objects.filter(stage__in=(GrantStage.RESERVED, GrantStage.SENT)).count()

        def next_due() -> datetime | None:
            if Grant.objects.filter(stage=GrantStage.RESERVED, organization__isnull=False).exists():
                return clock.now()
            return unsettled.aggregate(first=Min("next_attempt_at"))["first"]

        world.facts["delivered_in_time"] = processes.sweep(
            clock, "credits.deliver_due", left=left, next_due=next_due, progress=bar.update
        )
        stage.count = Grant.objects.filter(stage=GrantStage.CONFIRMED).count()
        attempts = Delivery.objects.values_list("attempts", flat=True)
        stage.facts = {"calls": sum(attempts), "most_attempts": max(attempts, default=0)}
        stage.sum_cents = sum(
            Grant.objects.filter(stage=GrantStage.CONFIRMED).values_list("amount_cents", flat=True)
        )
    world.facts["provider"] = processes.provider_totals()
    world.facts["pool_left_cents"] = money.pool_balance(release.pool_code(world.cycle))


def send_letters(world: World, clock: Clock) -> None:
    """The worker sends every letter that waits: receipts, assignments, awards, and what was posted."""
    waiting = Notice.objects.filter(state=NoticeState.WAITING)
    with world.stage("letters", "letters") as stage, world.bar("letters", waiting.count(), "letter") as bar:
        before = Notice.objects.filter(state=NoticeState.SENT).count()
        world.facts["letters_in_time"] = processes.sweep(
            clock,
            "applications.send_due_notices",
            left=waiting.count,
            next_due=lambda: waiting.aggregate(first=Min("next_attempt_at"))["first"],
            progress=bar.update,
        )
        stage.count = Notice.objects.filter(state=NoticeState.SENT).count() - before
    world.facts["last_letter"] = Notice.objects.aggregate(last=Max("pk"))["last"] or 0


def close(world: World) -> None:
    """Time goes on: the decided-by date passes, and the next evaluation takes what came after the cut-off."""
    with world.stage("close", "cycles") as stage:
        done = tick.tick(at=cycles.end_of_decided_by(world.cycle))
        stage.count = done.closed
        following = tick.tick(at=world.next_cycle.cut_off_at + timedelta(minutes=1))
        stage.facts = {"next_batch": following.applications, "assignments": following.assignments}


def _in_review(world: World):  # type: ignore[no-untyped-def]
    return Application.objects.filter(cycle=world.cycle, state=State.IN_REVIEW).order_by("pk")


def _awarded(world: World):  # type: ignore[no-untyped-def]
    return Application.objects.filter(cycle=world.cycle, state=State.AWARDED)


def _to_do(world: World):  # type: ignore[no-untyped-def]
    return Assignment.objects.filter(application__cycle=world.cycle, state=AssignmentState.TO_DO)
