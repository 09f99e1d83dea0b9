"""An award in every stage and its amendments, made through the operations that make them in life."""

from datetime import UTC, datetime

from applications import (
    acceptance,
    amendments,
    assignment,
    batches,
    decisions,
    intake,
    release,
    review,
    screening,
)
from applications.models import Application, Decision
from applications.review import Look
from credits import delivery, ledger
from credits.models import Delivery, Grant
from portal.models import User
from tests.factories.applications import AFTER, ORGANIZATION_ID
from tests.factories.evaluation import SCORES, Evaluation

POSTED = datetime(2026, 12, 20, 12, tzinfo=UTC)
BEGUN = datetime(2026, 12, 27, 12, tzinfo=UTC)  # the next cut-off is Monday 4 January 2027
NEXT_CUT_OFF = datetime(2027, 1, 4, 8, tzinfo=UTC)
NEXT_REVIEW = datetime(2027, 1, 6, 12, tzinfo=UTC)
NEXT_END = datetime(2027, 1, 19, 9, tzinfo=UTC)  # the decided-by date of the second evaluation is over
TERMS = {"terms": "Use it for the research alone.", "terms_version": "2026-11"}


class Awarded(Evaluation):
    """An application that was awarded, accepted and posted; then an amendment, step by step."""

    def __init__(self, *, posted: bool = True, **fields: object) -> None:
        super().__init__(**{**TERMS, **fields})
        self.to_review()
        self.fund()
        self.award()
        self.release()
        self.application.refresh_from_db()
        self.holder: User = self.application.applicant
        if posted:
            self.accept()
            self.post()

    @property
    def decision(self) -> Decision:
        return Decision.objects.select_related("grant__organization").get(
            application=self.application, kind="award"
        )

    @property
    def grant(self) -> Grant:
        grant = self.decision.grant
        assert grant is not None
        return grant

    def accept(self, application: Application | None = None, *, at: datetime = AFTER) -> None:
        acceptance.accept(
            application_id=(application or self.application).pk,
            organization_id=ORGANIZATION_ID,
            terms_accepted=True,
            by=self.holder,
            at=at,
        )

    def post(self, *, at: datetime = POSTED) -> None:
        """Send what waits and let the provider confirm it."""
        delivery.dispatch(at=at)
        delivery.hand_over(by=self.manager, at=at)
        for row in Delivery.objects.filter(settled_at=None):
            delivery.confirm(delivery_id=row.pk, at=at)

    def begin(self, *, at: datetime = BEGUN) -> Application:
        return amendments.start(application_id=self.application.pk, by=self.holder, at=at)[0]

    def send(self, *, at: datetime = BEGUN, **changes: object) -> Application:
        """An amendment that was sent; keyword arguments replace answers."""
        draft = self.begin(at=at)
        if changes:
            intake.save_answers(application_id=draft.pk, changes=changes, version=None, by=self.holder, at=at)
        return intake.submit(application_id=draft.pk, by=self.holder, at=at)

    def evaluate(self, amendment: Application, *, at: datetime = NEXT_REVIEW) -> None:
        """Form the batch of an amendment, and let everybody who has to look at it hand in a review."""
        formed = batches.form(cycle_id=amendment.cycle_id, at=NEXT_CUT_OFF)
        screening.screen(batch_id=formed.batch_id, at=NEXT_CUT_OFF)
        assignment.assign(batch_id=formed.batch_id, at=NEXT_CUT_OFF)
        for reviewer in self.reviewers:
            review.send_in(application_id=amendment.pk, look=Look(scores=SCORES), by=reviewer, at=at)
        amendment.refresh_from_db()

    def fund_next(self) -> None:
        ledger.fund(
            program=self.program.slug,
            period="2027",
            amount_cents=50_000_00,
            made_by=self.manager,
            approved_by=self.second,
            key=f"fund:{self.program.slug}:2027",
            at=NEXT_REVIEW,
        )

    def release_next(self, amendment: Application) -> release.Released:
        return release.release(cycle_id=amendment.cycle_id, by=self.manager, at=NEXT_REVIEW)

    def agree(self, amendment: Application, amount_cents: int | None = None, **more: object) -> Decision:
        """Evaluate, award (0: agree without more credit) and release an amendment."""
        self.evaluate(amendment)
        self.fund_next()
        decision = decisions.propose_award(
            application_id=amendment.pk, amount_cents=amount_cents, by=self.manager, at=NEXT_REVIEW, **more
        )
        self.release_next(amendment)
        amendment.refresh_from_db()
        return Decision.objects.select_related("grant__organization").get(pk=decision.pk)
