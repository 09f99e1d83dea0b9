"""The form in which one question is edited: every property its kind can have, in words, and back to the description."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory

from credits import organizations
from programs import descriptions, form_edits
from programs.admin.fields import CentsField
from programs.values import OTHER

TYPE_WORDS = {
    "short_text": "A line of text",
    "long_text": "A longer text",
    "email": "E-mail address",
    "url": "Web address",
    "integer": "Whole number",
    "money": "Amount of money",
    "months": "Number of months",
    "date": "Date",
    "yes_no": "Yes or no",
    "single_choice": "One choice",
    "multiple_choice": "Several choices",
    "country": "Country",
    "organization": "Institution, with a list to pick from",
    "orcid": "ORCID",
    "doi_list": "List of DOIs and web addresses",
    "organization_id": "Organization ID of the provider",
    "people": "People, with their roles",
    "file": "Files",
    "acknowledgement": "Policy to agree to",
    "text": "Text to read, no question",
}
AUDIENCE_WORDS = {
    "everyone": "Everyone who reads the application",
    "screener": "Screeners and managers only",
    "manager": "Managers only",
}
MAPS_TO_WORDS = {
    "amount_cents": "Amount asked for",
    "institution_kind": "Kind of institution",
    "career_stage": "Career stage",
    "organization_id": "Organization ID",
    "red_team": "Red-team work",
    "orcid": "ORCID",
}
LAYOUTS = (("", "As fits"), ("one", "One below the other"), ("two", "Two columns"), ("chips", "Side by side"))
ROWS_UP_TO = 30
"""More options than this are edited as lines of text: a request carries a limited number of fields."""

TICKS = ("required", "blind", "personal", "other")
TEXTS = ("placeholder", "autocomplete", "currency", "format", "layout")
NUMBERS = ("min", "max", "max_words", "max_chars", "rows", "max_files", "max_mb")
LABELS = {
    "min": "At least",
    "max": "At most",
    "max_words": "Words at most",
    "max_chars": "Characters at most",
    "rows": "Lines of the box",
    "max_files": "Files at most",
    "max_mb": "Megabytes of one file at most",
    "placeholder": "Example inside the empty field",
    "autocomplete": "What browsers may fill in",
    "format": "Format",
    "currency": "Currency",
    "layout": "How options stand",
}


def type_choices() -> list[tuple[str, str]]:
    """Every type of question with its name, for a list to choose from."""
    return [(kind, TYPE_WORDS.get(kind, kind.replace("_", " "))) for kind in form_edits.TYPES]


def maps_to_words(name: str) -> str:
    return MAPS_TO_WORDS.get(name, name.replace("_", " ").capitalize())


class SectionForm(forms.Form):
    """The name of a section and the sentence below it."""

    title = forms.CharField(label="Title", max_length=120)
    lead = forms.CharField(
        label="Lead", max_length=500, required=False, help_text="One sentence below the title."
    )
    new_key = forms.RegexField(
        r"\A[a-z][a-z0-9-]{0,39}\Z",
        label="Key",
        max_length=40,
        help_text="Part of the address of its page: small letters, digits and dashes.",
    )


class ChoiceForm(forms.Form):
    """One option. A row without a label is no option."""

    label = forms.CharField(max_length=200, required=False, label="Option")
    value = forms.CharField(max_length=60, required=False, label="Value")
    help = forms.CharField(max_length=500, required=False, label="Help")
    condition = forms.CharField(
        max_length=2000, required=False, label="Condition", widget=forms.Textarea(attrs={"rows": 2})
    )
    flag = forms.CharField(max_length=300, required=False, label="Flag")

    def has_changed(self) -> bool:
        return super().has_changed() or bool(self.data.get(self.add_prefix("label"), "").strip())


ChoiceRows = formset_factory(
    ChoiceForm, extra=3, can_order=True, max_num=ROWS_UP_TO + 3, absolute_max=ROWS_UP_TO + 3
)


class QuestionForm(forms.Form):
    """Built for one question as it stands: the fields that its type can have, and no other."""

    def __init__(
        self,
        question: Mapping[str, Any],
        *,
        earlier: Mapping[str, Mapping[str, Any]],
        taken: set[str],
        data: Mapping[str, Any] | None = None,
        maps_to: Mapping[str, tuple[str, ...]] = descriptions.MAPS_TO,
    ) -> None:
        """earlier: the questions before it, by key. taken: what other questions fill already. maps_to: what can be."""
        super().__init__(data, initial=_initial(question), prefix="q", label_suffix="", auto_id="q_%s")
        self.question, self.kind = question, str(question.get("type"))
        self.own = descriptions.properties(self.kind)
        self.fields.update(_common(self.kind))
        self.fields.update(_limits(self.kind, self.own))
        self._add_conditions(earlier)
        self._add_mapping(taken, maps_to)
        self.choices = self._choice_rows(data)

    def _add_conditions(self, earlier: Mapping[str, Mapping[str, Any]]) -> None:
        asked = [
            (key, str(other.get("label", key))[:80])
            for key, other in earlier.items()
            if other.get("type") in descriptions.CONDITION_TYPES
        ]
        self.fields["shown_for_question"] = _kept_choice(
            self.initial["shown_for_question"], [("", "Always"), *asked], "Ask it"
        )
        self.fields["shown_for_answers"] = forms.CharField(
            label="if the answer is",
            required=False,
            max_length=4000,
            help_text="Values of the options, with commas between them.",
        )
        self.answers_of = [(label, ", ".join(_answers(earlier[key]))) for key, label in asked]

    def _add_mapping(self, taken: set[str], maps_to: Mapping[str, tuple[str, ...]]) -> None:
        own = str(self.initial["maps_to"])
        names = [
            (name, maps_to_words(name))
            for name, kinds in maps_to.items()
            if self.kind in kinds and (name not in taken or name == own)
        ]
        self.fields["maps_to"] = _kept_choice(own, [("", "Nothing"), *names], "Fills")

    def _choice_rows(self, data: Mapping[str, Any] | None) -> BaseFormSet | None:
        if "choices" not in self.own:
            return None
        listed = [
            dict(choice) for choice in self.question.get("choices") or () if isinstance(choice, Mapping)
        ]
        if len(listed) > ROWS_UP_TO:
            self.fields["choice_lines"] = forms.CharField(
                label="Options",
                widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}),
                initial="\n".join(_line(choice) for choice in listed),
                help_text="One a line: value | option | help.",
            )
            return None
        return ChoiceRows(data, initial=listed, prefix="choice")

    def is_valid(self) -> bool:
        rows = self.choices is None or self.choices.is_valid()
        return super().is_valid() and rows

    # --- what the page shows, in groups

    @property
    def ticks(self) -> list[forms.BoundField]:
        return [self[name] for name in TICKS if name in self.fields]

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in (*NUMBERS, *TEXTS, "countries") if name in self.fields]

    @property
    def policy(self) -> list[forms.BoundField]:
        return [self[name] for name in ("policy_slug", "policy_version") if name in self.fields]

    # --- back to a question

    def to_question(self) -> dict[str, Any]:
        """The question as it was typed. It may still have problems, which `programs.fields.problems` names."""
        data = self.cleaned_data
        found: dict[str, Any] = {"key": data["key"], "type": self.kind, "label": data["label"]}
        for name in ("help", *TEXTS, "maps_to"):
            if data.get(name):
                found[name] = data[name]
        found |= {name: True for name in TICKS if data.get(name)}
        found |= {name: data[name] for name in NUMBERS if data.get(name) not in (None, "")}
        if data["audience"] != "everyone":
            found["audience"] = data["audience"]
        if data.get("countries"):
            found["countries"] = data["countries"]
        if data["shown_for_question"]:
            answers = [word.strip() for word in data["shown_for_answers"].split(",") if word.strip()]
            found["show_if"] = {"question": data["shown_for_question"], "any_of": answers}
        if "policy_text" in self.fields:
            found["policy"] = {
                "slug": data["policy_slug"],
                "version": data["policy_version"],
                "text": data["policy_text"],
            }
        if "choices" in self.own:
            found["choices"] = list(self._choices())
        for name in (
            "required",
            "blind",
            "personal",
            "other",
        ):  # written out where they were written out before
            if name in self.question and name not in found:
                found[name] = False
        return found

    def _choices(self) -> Iterator[dict[str, str]]:
        taken: set[str] = set()
        for typed in self._typed_choices():
            value = typed.get("value") or form_edits.value_of(typed["label"], taken | {OTHER})
            taken.add(value)
            yield {"value": value, **{name: text for name, text in typed.items() if name != "value" and text}}

    def _typed_choices(self) -> Iterator[dict[str, str]]:
        if self.choices is not None:
            rows = [form.cleaned_data for form in self.choices.forms if form.cleaned_data.get("label")]
            last = len(rows)
            rows.sort(key=lambda row: row.get("ORDER") or last + 1)
            for row in rows:
                yield {name: row[name] for name in ("value", "label", "help", "condition", "flag")}
            return
        before = {choice.get("value"): choice for choice in self.question.get("choices", ())}
        for line in self.cleaned_data["choice_lines"].splitlines():
            if not line.strip():
                continue
            value, _, rest = (part.strip() for part in line.partition("|"))
            label, _, help_text = (part.strip() for part in rest.partition("|"))
            old = before.get(value, {})
            kept = {name: old[name] for name in ("condition", "flag") if name in old}
            yield {"value": value if label else "", "label": label or value, "help": help_text, **kept}


class CountriesField(forms.CharField):
    """Two-letter codes with blanks or commas between them."""

    def clean(self, value: Any) -> list[str]:
        return [code.upper() for code in (super().clean(value) or "").replace(",", " ").split()]


class KeyField(forms.RegexField):
    """The name of a question in the stored answers."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found in descriptions.RESERVED:
            raise ValidationError("The pages use this word themselves. Take another.")
        return found


def _common(kind: str) -> dict[str, forms.Field]:
    found: dict[str, forms.Field] = {
        "label": forms.CharField(label="What is asked" if kind != "text" else "Heading", max_length=300),
        "help": forms.CharField(
            label="Help under it" if kind != "text" else "Text",
            max_length=1000,
            required=False,
            widget=forms.Textarea(attrs={"rows": 5 if kind == "text" else 2}),
        ),
        "key": KeyField(
            r"\A[a-z][a-z0-9_]{0,39}\Z",
            label="Key",
            max_length=40,
            help_text="Answers are kept under it: small letters, digits and underscores. A new key is a new question "
            "to drafts.",
        ),
        "audience": forms.ChoiceField(label="Who reads the answer", choices=list(AUDIENCE_WORDS.items())),
    }
    if kind != "text":
        found["required"] = forms.BooleanField(label="Has to be answered", required=False)
        found["blind"] = forms.BooleanField(label="Withheld in a blind first look", required=False)
        found["personal"] = forms.BooleanField(label="Personal data", required=False)
    if "other" in descriptions.properties(kind):
        found["other"] = forms.BooleanField(label="With “Other” and a free text", required=False)
    return found


def _limits(kind: str, own: set[str]) -> dict[str, forms.Field]:
    found: dict[str, forms.Field] = {}
    for name in NUMBERS:
        if name not in own:
            continue
        if kind == "money":
            found[name] = CentsField(label=LABELS[name], required=False)
        elif kind == "date":
            widget = forms.DateInput(attrs={"type": "date"})
            found[name] = forms.CharField(label=LABELS[name], required=False, max_length=10, widget=widget)
        else:
            found[name] = forms.IntegerField(label=LABELS[name], required=False)
    for name in TEXTS:
        if name in own and name not in ("format", "layout"):
            found[name] = forms.CharField(
                label=LABELS[name], required=False, max_length=3 if name == "currency" else 100
            )
    if "format" in own:
        formats = [("", "Any"), *((name, name) for name in organizations.FORMATS)]
        found["format"] = forms.ChoiceField(label=LABELS["format"], required=False, choices=formats)
    if "layout" in own:
        found["layout"] = forms.ChoiceField(label=LABELS["layout"], required=False, choices=LAYOUTS)
    if "countries" in own:
        found["countries"] = CountriesField(
            label="Only these countries",
            required=False,
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            help_text="Two-letter codes; empty means all.",
        )
    if "policy" in own:
        found["policy_slug"] = forms.CharField(label="Name of the policy", max_length=64)
        found["policy_version"] = forms.CharField(
            label="Version", max_length=32, help_text="A new version has to be accepted anew."
        )
        found["policy_text"] = forms.CharField(
            label="Text of the policy", max_length=20_000, widget=forms.Textarea(attrs={"rows": 8})
        )
    return found


def _initial(question: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in question.items() if name not in ("choices", "policy", "show_if")}
    found.setdefault("audience", "everyone")
    found.setdefault("maps_to", "")
    condition = question.get("show_if")
    condition = condition if isinstance(condition, Mapping) else {}
    found["shown_for_question"] = str(condition.get("question", ""))
    found["shown_for_answers"] = ", ".join(map(str, condition.get("any_of") or ()))
    if isinstance(question.get("countries"), list):
        found["countries"] = " ".join(map(str, question["countries"]))
    policy = question.get("policy")
    if isinstance(policy, Mapping):
        found |= {f"policy_{name}": policy.get(name, "") for name in ("slug", "version", "text")}
    return found


def _kept_choice(value: str, choices: list[tuple[str, str]], label: str) -> forms.ChoiceField:
    """A choice that also offers what is chosen now, so that saving never changes it silently."""
    if value and value not in dict(choices):
        choices = [*choices, (value, f"{value} (cannot be used here)")]
    return forms.ChoiceField(label=label, required=False, choices=choices)


def _answers(question: Mapping[str, Any]) -> list[str]:
    if question.get("type") == "yes_no":
        return ["yes", "no"]
    if question.get("type") == "country":
        return ["two-letter codes"]
    listed = [
        str(choice.get("value")) for choice in question.get("choices", ()) if isinstance(choice, Mapping)
    ]
    return [*listed, *([OTHER] if question.get("other") else [])]


def _line(choice: Mapping[str, Any]) -> str:
    parts = [str(choice.get("value", "")), str(choice.get("label", "")), str(choice.get("help", ""))]
    return " | ".join(parts if parts[2] else parts[:2])
