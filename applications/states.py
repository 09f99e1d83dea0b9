"""The states of an application and the only table of what may follow what.

The database repeats this table in a trigger (applications.models.intake), so no query can step outside it.
"""

from django.db.models import TextChoices


class State(TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    IN_REVIEW = "in_review", "In review"
    AWARDED = "awarded", "Awarded"
    DECLINED = "declined", "Declined"
    DEFERRED = "deferred", "Deferred"
    WITHDRAWN = "withdrawn", "Withdrawn"


MAY_BECOME: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SUBMITTED, State.WITHDRAWN}),
    State.SUBMITTED: frozenset({State.IN_REVIEW, State.WITHDRAWN}),
    State.IN_REVIEW: frozenset({State.AWARDED, State.DECLINED, State.DEFERRED, State.WITHDRAWN}),
    State.DEFERRED: frozenset({State.IN_REVIEW, State.WITHDRAWN}),
    State.AWARDED: frozenset(),
    # Silence: a quiet decline must look like any other undecided application, withdrawing included.
    State.DECLINED: frozenset({State.WITHDRAWN}),
    State.WITHDRAWN: frozenset(),
}

TRANSITIONS = [
    (before.value, after.value) for before, afters in MAY_BECOME.items() for after in sorted(afters)
]

SENT = (State.SUBMITTED, State.IN_REVIEW, State.AWARDED, State.DECLINED, State.DEFERRED)
"""States of an application that was sent and not taken back."""

UNDECIDED = (State.SUBMITTED, State.IN_REVIEW, State.DEFERRED)
"""States in which no decision was released."""


# --- The smaller machines: (from, to) by stored value; the database holds the same tables in triggers. ---------------

REVIEW_MAY_BECOME: dict[str, frozenset[str]] = {
    "draft": frozenset({"in"}),
    "in": frozenset({"aside"}),
    "aside": frozenset({"in"}),
}
"""A review is begun as a draft and handed in; handed in it may be changed, and never goes back to a draft. A conflict
found later sets it aside; taken back, the review counts again.
"""

REVIEW_STEPS = [(before, after) for before, afters in REVIEW_MAY_BECOME.items() for after in sorted(afters)]

ASSIGNMENT_MAY_BECOME: dict[str, frozenset[str]] = {
    "to_do": frozenset({"done", "recused"}),
    "done": frozenset({"recused"}),
    "recused": frozenset({"to_do"}),
}
"""Done work stays done, but for a conflict found later; what was given back may be asked again once its reason is gone."""

DECISION_MAY_BECOME: dict[str, frozenset[str]] = {
    "pending": frozenset({"released", "void"}),
    "released": frozenset({"carried"}),
    "void": frozenset(),
    "carried": frozenset(),
}
"""What was released stands; only a deferral is carried into the evaluation it was deferred to."""
