"""One application on its way through an evaluation, step by step, with the people who take the steps."""

from applications import decisions, release, review
from applications.models import Application
from applications.review import Look
from credits import ledger
from portal.models import User
from portal.roles import Role
from tests.factories.applications import AFTER, make_batch, make_member, make_program, make_submitted

SCORES = {"merit": 4, "impact": 5, "feasibility": 3}


class Evaluation:
    """Take the steps in order; `application` is the one that was sent."""

    def __init__(self, *, applicant: User | None = None, **fields: object) -> None:
        self.program = make_program(**fields)
        self.reviewers = [make_member(self.program) for _ in range(2)]
        self.manager, self.second = (make_member(self.program, Role.MANAGER) for _ in range(2))
        self.screener = make_member(self.program, Role.SCREENER)
        self.application: Application = make_submitted(self.program, applicant=applicant)

    def to_review(self) -> None:
        make_batch(self.program, submitted=[self.application])
        for reviewer in self.reviewers:
            review.send_in(
                application_id=self.application.pk, look=Look(scores=SCORES), by=reviewer, at=AFTER
            )

    def fund(self) -> None:
        ledger.fund(
            program=self.program.slug,
            period="2026",
            amount_cents=100_000_00,
            made_by=self.manager,
            approved_by=self.second,
            key=f"fund:{self.program.slug}",
            at=AFTER,
        )

    def award(self) -> None:
        decisions.propose_award(application_id=self.application.pk, by=self.manager, at=AFTER)

    def decline(self) -> None:
        decisions.propose_decline(application_id=self.application.pk, by=self.manager, at=AFTER)

    def release(self) -> None:
        release.release(cycle_id=self.application.cycle_id, by=self.manager, at=AFTER)

    def defer(self) -> None:
        """Released, and not carried into the next evaluation before its decided-by date is over."""
        decisions.propose_deferral(
            application_id=self.application.pk, reason="Next month.", by=self.manager, at=AFTER
        )
        self.release()
