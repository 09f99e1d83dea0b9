"""Credit that is decided between the evaluations: a top-up, urgent credit, and a grant that is posted again."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class LaterKind(models.TextChoices):
    TOP_UP = "top_up", "Top-up"
    URGENT = "urgent", "Urgent credit"
    AGAIN = "again", "Posted again"


class LaterState(models.TextChoices):
    ASKED = "asked", "Asked"
    PROPOSED = "proposed", "Waits for a second person"
    GIVEN = "given", "Given"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


LIVE = (LaterState.ASKED, LaterState.PROPOSED)
"""States in which somebody here still has to decide. The person who asked sees no difference between them."""

MAY_BECOME: dict[str, tuple[LaterState, ...]] = {
    LaterState.ASKED: (LaterState.PROPOSED, LaterState.DECLINED, LaterState.WITHDRAWN),
    LaterState.PROPOSED: (
        LaterState.ASKED,
        LaterState.GIVEN,
        LaterState.DECLINED,
        LaterState.WITHDRAWN,
    ),
    LaterState.GIVEN: (),
    LaterState.DECLINED: (),
    LaterState.WITHDRAWN: (),
}

TRANSITIONS = [(str(before), str(after)) for before, nexts in MAY_BECOME.items() for after in nexts]


class LaterCredit(models.Model):
    """One wish for credit on an award, from the asking to its answer. Only applications.later_credit writes it.

    What is given is a Decision of the kind "later" with a grant of its own; its triggers are those of every award, so
    the limits of four eyes hold here too. Triggers of migration later_credit keep the rest (docs/decisions/0019).
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=LaterKind)
    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="later_credit", help_text="The award."
    )
    replaces = models.OneToOneField(
        "applications.Decision",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_by",
        help_text="The decision whose grant came to nothing, where it is posted again.",
    )
    request = models.OneToOneField(
        "applications.Request",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="later_credit",
        help_text="The urgent request it answers.",
    )
    state = models.CharField(max_length=12, choices=LaterState, default=LaterState.ASKED)

    # What was asked
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    use_case = models.TextField()
    asked_cents = models.BigIntegerField()
    asked_months = models.PositiveSmallIntegerField(null=True, blank=True)
    runs_out_on = models.DateField(null=True, blank=True, help_text="When what is there runs out, as said.")
    needed_by = models.DateField(null=True, blank=True, help_text="By when an answer is needed.")

    # What staff propose
    amount_cents = models.BigIntegerField(null=True, blank=True)
    months = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Staff only.")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    authority_cents = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="What one person may give through the urgent lane, when it was proposed.",
    )

    # The answer
    answer = models.TextField(blank=True, help_text="What the person who asked reads.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "credit between evaluations"
        verbose_name_plural = "credit between evaluations"
        constraints = [
            models.UniqueConstraint(
                fields=["application", "kind"],
                condition=Q(state__in=LIVE) & ~Q(kind=LaterKind.AGAIN),
                name="one_live_wish_per_award",
                violation_error_message="This award has one that is not answered yet.",
            ),
            models.CheckConstraint(condition=Q(kind__in=LaterKind.values), name="later_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=LaterState.values), name="later_state_is_known"),
            models.CheckConstraint(condition=Q(asked_cents__gt=0), name="later_asks_for_something"),
            models.CheckConstraint(
                condition=Q(kind=LaterKind.AGAIN, replaces__isnull=False)
                | (~Q(kind=LaterKind.AGAIN) & Q(replaces__isnull=True)),
                name="posted_again_replaces_one",
            ),
            models.CheckConstraint(
                condition=Q(kind=LaterKind.URGENT, request__isnull=False)
                | (~Q(kind=LaterKind.URGENT) & Q(request__isnull=True)),
                name="urgent_credit_answers_a_request",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[LaterState.PROPOSED, LaterState.GIVEN])
                | (
                    Q(amount_cents__gt=0, proposed_by__isnull=False, proposed_at__isnull=False)
                    & ~Q(reason="")
                ),
                name="later_proposal_is_whole",
                violation_error_message="A proposal needs an amount, a person and a reason.",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[LaterState.GIVEN, LaterState.DECLINED, LaterState.WITHDRAWN],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                )
                | (Q(state__in=LIVE, decided_by__isnull=True, decided_at__isnull=True)),
                name="later_decided_has_who_and_when",
            ),
            models.CheckConstraint(
                condition=~Q(state=LaterState.DECLINED) | ~Q(answer=""), name="later_decline_has_words"
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(state__in=LIVE), name="later_credit_open"),
        ]
        triggers = [
            pgtrigger.FSM(name="later_follows_table", field="state", transitions=TRANSITIONS),
            pgtrigger.ReadOnly(
                name="later_wish_is_kept",
                fields=[
                    "public_id",
                    "kind",
                    "application",
                    "replaces",
                    "request",
                    "asked_by",
                    "asked_at",
                    "use_case",
                    "asked_cents",
                    "asked_months",
                    "runs_out_on",
                    "needed_by",
                ],
            ),
            pgtrigger.Protect(
                name="later_answer_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["given", "declined", "withdrawn"]),
            ),
            pgtrigger.Protect(name="later_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.asked_at:%-d %B %Y}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE
