"""Queries about gates: which answers at them still hold, and what changed under those that do not."""

from dataclasses import dataclass, field

from django.db.models import CharField, F, Func

from applications import differences
from applications.models import Application, ApplicationRevision, GateOutcome, GateResult
from programs.models import Criterion


class AnswersDigest(Func):
    """The database's SHA-256 over answers (migration 0015); a gate holds for one digest."""

    function = "answers_digest"
    output_field = CharField()


@dataclass(frozen=True)
class Gate:
    """A gate of an application and the answer given at it. changed: labels of the answers that differ since."""

    criterion: Criterion
    result: GateResult | None
    changed: list[str] = field(default_factory=list)

    @property
    def expired(self) -> bool:
        return self.result is not None and self.result.expired_at is not None

    @property
    def is_open(self) -> bool:
        return self.result is None or self.expired

    @property
    def passed(self) -> bool:
        return not self.is_open and self.result is not None and self.result.outcome == GateOutcome.PASSED


def digest_of(application_id: int) -> str:
    """The digest of an application's answers as they are stored now."""
    rows = Application.objects.filter(pk=application_id)
    return str(rows.values_list(AnswersDigest(F("answers")), flat=True).get())


def standing(application: Application, criteria: list[Criterion], audiences: frozenset[str]) -> list[Gate]:
    """Each gate with its answer. One query, and one more for those that expired.

    audiences: whose questions this reader may read; others are not named among the changes.
    """
    if not criteria:
        return []
    results = {
        result.criterion_id: result
        for result in GateResult.objects.filter(application=application).select_related("decided_by")
    }
    return [
        Gate(criterion, result, _changed(application, result, audiences))
        for criterion in criteria
        for result in [results.get(criterion.pk)]
    ]


def _changed(application: Application, result: GateResult | None, audiences: frozenset[str]) -> list[str]:
    """What differs from the answers that were judged, where a revision still holds them."""
    if result is None or result.expired_at is None:
        return []
    judged = (
        ApplicationRevision.objects.filter(application=application)
        .alias(digest=AnswersDigest(F("answers")))
        .filter(digest=result.judged_sha256)
        .select_related("form_version")
        .order_by("-number")
        .first()
    )
    if judged is None:
        return []
    found = differences.between(
        differences.Side(judged.form_version.sections, judged.answers),
        differences.Side(application.form_version.sections, application.answers),
        audiences=audiences,
    )
    return [change.label for change in found]
