"""The form of an eligibility rule: for each kind the parameters it has, as fields with words, and back to its data."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_countries import countries

from programs import standing
from programs.admin.fields import CentsField
from programs.admin.parts import ChecklistWidget, Part, PartForm
from programs.models import EligibilityRule, Program, RuleKind
from programs.values import choices as choices_of

DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
ALLOWED, REFUSED = "allowed", "refused"

EXPLAINED = {
    RuleKind.COUNTRY: "Looks at the country an applicant names.",
    RuleKind.DISPOSABLE_EMAIL: "Finds mailboxes made to be thrown away, from a public list.",
    RuleKind.ACADEMIC_EMAIL: "Says when a mail domain is on no list of universities. A hint; many institutes are missing.",
    RuleKind.INSTITUTION_KIND: "Looks at the kind of institution an applicant chooses.",
    RuleKind.AMOUNT_CAP: "Looks at the amount asked for.",
    RuleKind.MONTHS_CAP: "Looks at the number of months asked for.",
    RuleKind.DUPLICATE_PERSON: "Finds one mailbox behind two accounts.",
    RuleKind.NEAR_DUPLICATE: "Compares long answers with every application sent to the program.",
    RuleKind.SHARED_ORGANIZATION: "Finds one organization ID in applications of two people.",
    RuleKind.WAITING_TIME: "Days and date stand under “Applying again”. Without this rule the waiting time blocks.",
}
PARAMETERS: dict[str, tuple[str, ...]] = {
    RuleKind.COUNTRY: ("list_is", "countries", "as_of"),
    RuleKind.DISPOSABLE_EMAIL: ("domains_also", "domains_never"),
    RuleKind.ACADEMIC_EMAIL: ("domains_also",),
    RuleKind.INSTITUTION_KIND: ("institutions",),
    RuleKind.AMOUNT_CAP: ("most_cents",),
    RuleKind.MONTHS_CAP: ("most_months",),
    RuleKind.NEAR_DUPLICATE: ("alike_percent",),
}
"""The fields that each kind of rule has beside its outcome and its sentence. Kinds left out have none."""


class DomainsField(forms.CharField):
    """Mail domains, one a line, kept in small letters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "none"}),
            required=False,
            max_length=20_000,
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        found = [word.strip().lower().lstrip("@") for word in (super().clean(value) or "").split()]
        if wrong := [word for word in found if not DOMAIN.fullmatch(word)]:
            raise ValidationError(
                f"Not a mail domain: {wrong[0][:80]}. Write one a line, such as example.org."
            )
        return list(dict.fromkeys(found))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return str(self.prepare_value(initial) or "").split() != str(data or "").split()


class RuleForm(PartForm):
    """A rule as it stands shows its own kind's fields; a new one has those of all, named by kind."""

    list_is = forms.ChoiceField(
        label="The ticked countries",
        choices=[(ALLOWED, "may apply, and no other"), (REFUSED, "may not apply, all others may")],
        required=False,
        widget=forms.RadioSelect,
    )
    countries = forms.MultipleChoiceField(
        label="Countries and regions",
        choices=sorted(countries, key=lambda pair: str(pair[1])),
        required=False,
        widget=ChecklistWidget(attrs={"label": "Countries and regions"}),
    )
    domains_also = DomainsField(label="Also these domains", help_text="One a line. They count like the list.")
    domains_never = DomainsField(
        label="Never these domains", help_text="One a line, for mistakes of the list."
    )
    institutions = forms.MultipleChoiceField(
        label="Kinds that may apply", required=False, widget=ChecklistWidget(attrs={"label": "Kinds"})
    )
    most_cents = CentsField(
        label="At most", required=False, help_text="In units of the currency, such as 20,000."
    )
    most_months = forms.IntegerField(label="Months at most", required=False, min_value=1, max_value=120)
    alike_percent = forms.IntegerField(
        label="Alike from, %",
        required=False,
        min_value=30,
        max_value=100,
        help_text="The share of text two applications have in common. 60 finds reworded copies.",
    )
    layout = (
        ("kind", "outcome", "position"),
        ("sentence",),
        ("list_is", "as_of"),
        ("countries",),
        ("institutions",),
        ("domains_also", "domains_never"),
        ("most_cents",),
        ("most_months",),
        ("alike_percent",),
    )

    class Meta:
        labels = {"outcome": "What follows", "sentence": "Sentence", "as_of": "As of"}
        help_texts = {
            "outcome": "A block stops the application with the sentence. A flag tells staff and stops nobody.",
            "as_of": "The day of the list, shown on the program page.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        instance = kwargs.get("instance")
        if instance is not None and instance.pk:
            kwargs["initial"] = _typed(instance) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self._offer_institutions()
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            ("", "Choose what it looks at"),
            *((kind, label) for kind, label in RuleKind.choices if kind != RuleKind.OPTION),
        ]
        if self.instance.pk:
            self.fields["kind"].disabled = True
            for name in set(sum(PARAMETERS.values(), ())) - set(PARAMETERS.get(self.instance.kind, ())):
                del self.fields[name]
        else:
            for name in set(sum(PARAMETERS.values(), ())):
                kinds = [RuleKind(kind) for kind, names in PARAMETERS.items() if name in names]
                field = self.fields[name]
                field.of_kind = " ".join(kinds)  # type: ignore[attr-defined]
                field.of_kind_words = " or ".join(kind.label for kind in kinds)  # type: ignore[attr-defined]
        if "seen" in self.fields and self.instance.pk:
            self.fields["seen"].initial = self._marks()

    @property
    def explained(self) -> str:
        return EXPLAINED.get(RuleKind(self.instance.kind), "") if self.instance.kind else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        kind = self.instance.kind if self.instance.pk else data.get("kind")
        if kind and not (set(PARAMETERS.get(kind, ())) & set(self.errors)):
            self.instance.parameters = self._parameters(kind, data)
            if "as_of" not in PARAMETERS.get(kind, ()):
                data["as_of"] = None
        return data

    def _parameters(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        kept = dict(self.instance.parameters or {})
        if kind == RuleKind.COUNTRY:
            name = data.get("list_is") or ALLOWED
            if not data.get("countries"):
                self.add_error("countries", "Tick at least one country.")
            kept.pop(REFUSED if name == ALLOWED else ALLOWED, None)
            return kept | {name: data.get("countries", [])}
        if kind in (RuleKind.DISPOSABLE_EMAIL, RuleKind.ACADEMIC_EMAIL):
            lists = {"also": data.get("domains_also"), "never": data.get("domains_never")}
            return {name: domains for name, domains in lists.items() if domains}
        if kind == RuleKind.INSTITUTION_KIND:
            if not data.get("institutions"):
                self.add_error("institutions", "Tick at least one kind of institution.")
            return kept | {"allowed": data.get("institutions", [])}
        if kind == RuleKind.AMOUNT_CAP:
            if not data.get("most_cents"):
                self.add_error("most_cents", "Enter the highest amount that may be asked for.")
            return kept | {"cents": data.get("most_cents")}
        if kind == RuleKind.MONTHS_CAP:
            if not data.get("most_months"):
                self.add_error("most_months", "Enter the highest number of months.")
            return kept | {"months": data.get("most_months")}
        if kind == RuleKind.NEAR_DUPLICATE:
            share = data.get("alike_percent")
            return kept | ({"at_least": share / 100} if share else {})
        return kept

    def _offer_institutions(self) -> None:
        pairs = list(getattr(self, "institution_kinds", ()))
        known = {value for value, _ in pairs}
        pairs += [(value, value) for value in self.initial.get("institutions", ()) if value not in known]
        self.fields["institutions"].choices = pairs  # type: ignore[attr-defined]


def _typed(rule: EligibilityRule) -> dict[str, Any]:
    """A rule's parameters as its form shows them."""
    stored = rule.parameters or {}
    share = stored.get("at_least")
    return {
        "list_is": ALLOWED if ALLOWED in stored else REFUSED,
        "countries": stored.get(ALLOWED) or stored.get(REFUSED) or [],
        "domains_also": stored.get("also", []),
        "domains_never": stored.get("never", []),
        "institutions": stored.get("allowed", []) if rule.kind == RuleKind.INSTITUTION_KIND else [],
        "most_cents": stored.get("cents"),
        "most_months": stored.get("months"),
        "alike_percent": round(float(share) * 100) if share is not None else None,
    }


class RuleInline(Part):
    model = EligibilityRule
    form = RuleForm
    template = "admin/programs/program/part.html"
    verbose_name_plural = "Eligibility"
    one = verbose_name = "rule"
    lead = (
        "Automatic checks, one of each kind. Conditions of a single option, such as a limited model, "
        "are written at the option in the form."
    )
    ordering = ("position", "pk")
    exclude = ("parameters",)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.institution_kinds = _institution_kinds(obj)
        return formset


def _institution_kinds(program: Program | None) -> list[tuple[str, str]]:
    """The kinds of institution that the form in use lets people choose."""
    for section in standing.of(program).sections if program is not None else ():
        for question in section.get("questions", ()):
            if question.get("maps_to") == "institution_kind":
                return [(choice["value"], choice["label"]) for choice in choices_of(question)]
    return []
