"""The small forms of the staff pages: read what was entered, nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from applications import review, threads
from applications.models import Confidence, DeclineCode, GateOutcome, RecusalKind
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


NOT_APPLICABLE = "na"
NEW = "new"
NEVER = datetime.min.replace(tzinfo=UTC)
"""What a page posts as the moment of the last save when there was none."""


class ScoreField(forms.Field):
    """A value on a criterion's scale, "na" where it may not apply, or nothing yet."""

    def __init__(self, criterion: Criterion) -> None:
        super().__init__(required=False)
        self.criterion = criterion

    def to_python(self, value: Any) -> int | str | None:
        text = str(value or "").strip()
        if not text:
            return None
        if text == NOT_APPLICABLE and self.criterion.not_applicable:
            return NOT_APPLICABLE
        if text.isdecimal() and len(text) < 4 and 1 <= int(text) <= self.criterion.scale_max:
            return int(text)
        raise ValidationError(f"Score “{self.criterion.name}” from 1 to {self.criterion.scale_max}.")


class ReviewForm(forms.Form):
    """A rubric as it was filled in; complete or not is the operation's matter."""

    confidence = forms.ChoiceField(choices=[("", ""), *Confidence.choices], required=False)
    note = CleanText(required=False, max_length=10_000)
    clear_decline = forms.BooleanField(required=False)
    decline_code = forms.ChoiceField(choices=[("", ""), *DeclineCode.choices], required=False)
    saw = forms.CharField(required=False, max_length=40)

    def __init__(self, *args: Any, criteria: Sequence[Criterion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.criteria = criteria
        for criterion in criteria:
            self.fields[f"score-{criterion.key}"] = ScoreField(criterion)

    def clean_saw(self) -> datetime | None:
        """When the review was saved last as the page knew it; a page from before knows nothing."""
        text = self.cleaned_data["saw"]
        if text == NEW:
            return NEVER
        try:
            found = parse_datetime(text)
        except ValueError:
            return None
        return found if found is not None and found.tzinfo is not None else None

    @property
    def look(self) -> review.Look:
        data = self.cleaned_data
        given = {criterion.key: data.get(f"score-{criterion.key}") for criterion in self.criteria}
        return review.Look(
            scores={key: value for key, value in given.items() if isinstance(value, int)},
            not_applicable=frozenset(key for key, value in given.items() if value == NOT_APPLICABLE),
            confidence=data["confidence"],
            note=data["note"],
            clear_decline=data["clear_decline"],
            decline_code=data["decline_code"],
            saw=data["saw"],
        )


class RedactForm(forms.Form):
    """A copy of an answer, or the end of one."""

    question = forms.SlugField()
    text = CleanText(required=False, max_length=100_000)
    reason = CleanText(max_length=300, error_messages={"required": "Say why, in a few words."})
    lift = forms.BooleanField(required=False)


class ThreadForm(forms.Form):
    text = CleanText(max_length=threads.LONGEST, error_messages={"required": "Write something first."})


class RecuseForm(forms.Form):
    kind = forms.ChoiceField(choices=RecusalKind.choices, error_messages={"required": "Choose a reason."})
    reason = CleanText(required=False, max_length=500)


class GateForm(forms.Form):
    gate = forms.SlugField()
    saw = forms.RegexField("^[0-9a-f]{64}$", required=False)
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
