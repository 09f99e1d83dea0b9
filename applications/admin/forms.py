"""The small forms of the staff pages: read what was entered, nothing else."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from applications import review
from applications.models import Confidence, GateOutcome, RecusalKind
from credits import money
from programs.models import Criterion
from programs.rulebook import Rulebook
from programs.texts import UnstorableText, clean_text


class CleanText(forms.CharField):
    """Text that the database can keep."""

    def clean(self, value: Any) -> str:
        try:
            return clean_text(super().clean(str(value or "").replace("\x00", "�")))
        except UnstorableText as error:
            raise ValidationError(str(error)) from None


class ReviewForm(forms.Form):
    """A rubric as it was filled in; complete or not is the operation's matter."""

    confidence = forms.ChoiceField(choices=[("", ""), *Confidence.choices], required=False)
    note = CleanText(required=False, max_length=10_000)
    clear_decline = forms.BooleanField(required=False)

    def __init__(self, *args: Any, criteria: Sequence[Criterion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.criteria = criteria
        for criterion in criteria:
            self.fields[f"score-{criterion.key}"] = forms.IntegerField(
                required=False,
                min_value=1,
                max_value=criterion.scale_max,
                error_messages={
                    "invalid": f"Score “{criterion.name}” from 1 to {criterion.scale_max}.",
                    "min_value": f"Score “{criterion.name}” from 1 to {criterion.scale_max}.",
                    "max_value": f"Score “{criterion.name}” from 1 to {criterion.scale_max}.",
                },
            )

    @property
    def look(self) -> review.Look:
        data = self.cleaned_data
        scores = {criterion.key: data.get(f"score-{criterion.key}") for criterion in self.criteria}
        return review.Look(
            scores={key: value for key, value in scores.items() if value is not None},
            confidence=data["confidence"],
            note=data["note"],
            clear_decline=data["clear_decline"],
        )


class RecuseForm(forms.Form):
    kind = forms.ChoiceField(choices=RecusalKind.choices, error_messages={"required": "Choose a reason."})
    reason = CleanText(required=False, max_length=500)


class GateForm(forms.Form):
    gate = forms.SlugField()
    outcome = forms.ChoiceField(choices=GateOutcome.choices, error_messages={"required": "Choose an answer."})
    note = CleanText(required=False, max_length=500)


class AwardForm(forms.Form):
    """An award as a manager types it; amount in units of the program's currency."""

    amount = forms.CharField(max_length=32, error_messages={"required": "Enter an amount."})
    months = forms.IntegerField(required=False, min_value=1, max_value=120)
    granted_models = forms.MultipleChoiceField(required=False, label="Models")
    reason = CleanText(required=False, max_length=1_000)

    def __init__(self, *args: Any, rules: Rulebook, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rules = rules
        self.fields["granted_models"].choices = [  # type: ignore[attr-defined]
            (str(model["slug"]), str(model["name"])) for model in rules.models_offered
        ]

    def clean_amount(self) -> int:
        try:
            return money.parse_money(self.cleaned_data["amount"], self.rules.currency)
        except money.NotAnAmount as error:
            raise ValidationError(str(error)) from None


class ReasonForm(forms.Form):
    reason = CleanText(required=False, max_length=1_000)
