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
    """A gate of an application and the answer given at it. changed: labels of the answers that differ since; without_judge:
    the answers are those that were judged, and whoever judged them has a conflict of interest by now.
    """

    criterion: Criterion
    result: GateResult | None
    changed: list[str] = field(default_factory=list)
    without_judge: bool = False

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
    """Each gate with its answer. One query, one more when any expired, and one for each of these with changed answers.

    audiences: whose questions this reader may read; others are not named among the changes.
    """
    if not criteria:
        return []
    results = {
        result.criterion_id: result
        for result in GateResult.objects.filter(application=application).select_related("decided_by")
    }
    expired = {key: result for key, result in results.items() if result.expired_at is not None}
    now = digest_of(application.pk) if expired else ""
    return [
        Gate(
            criterion,
            results.get(criterion.pk),
            changed=_changed(application, result, audiences)
            if result and result.judged_sha256 != now
            else [],
            without_judge=result is not None and result.judged_sha256 == now,
        )
        for criterion in criteria
        for result in [expired.get(criterion.pk)]
    ]


def _changed(application: Application, result: GateResult, audiences: frozenset[str]) -> list[str]:
    """What differs from the answers that were judged, where a revision still holds them."""
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
