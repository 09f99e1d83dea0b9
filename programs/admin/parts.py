"""The lists of a program in its editor: rubric, eligibility, doors, questions, shifted dates. A form an entry."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.forms import BoundField
from django.http import HttpRequest
from django.utils.text import slugify

from programs import rulebook, standing
from programs.admin import reading
from programs.admin.concurrent import SeenForm
from programs.admin.rows import AnchorsField
from programs.models import Criterion, CriterionKind, Door, DoorKind, FaqEntry, Program
from programs.values import choices as choices_of

SEPARATOR = "="


class PartForm(SeenForm):
    """One entry of a list. `layout` says which fields stand in one line."""

    layout: tuple[tuple[str, ...], ...] = ()

    @property
    def lines(self) -> Iterator[list[BoundField]]:
        for names in self.layout:
            found = [self[name] for name in names if name in self.fields]
            if found:
                yield found

    @property
    def facts(self) -> Iterator[tuple[str, list[str]]]:
        """Label and value of each field as lines of text, for those who may only read."""
        for names in self.layout:
            for name in names:
                if (field := self.fields.get(name)) is not None:
                    value = self.get_initial_for_field(field, name)
                    yield str(field.label), reading.lines(field, value)

    @property
    def heading(self) -> str:
        return str(self.instance) if self.instance.pk else ""


class Part(admin.StackedInline):
    """A list of the program, drawn by our own template: every entry folds, new ones come without a script too."""

    template = "admin/programs/program/part.html"
    extra = 0
    show_change_link = False
    one = "entry"
    lead = ""

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """?add=<list> gives an empty entry to those without a script."""
        wanted = request.GET.get("add") == self.model._meta.get_field("program").remote_field.related_name
        return 1 if wanted and obj is not None else 0

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"programs.delete_{self.opts.model_name}")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.get_internal_type() == "TextField":
            field.widget = forms.Textarea(attrs={"rows": 3})
        if field is not None and db_field.name == "position":
            field.label, field.help_text = "Place", "Lowest first."
        return field


def keyed(data: dict[str, Any], name: str, longest: int) -> None:
    """An entry without a key gets one from its title."""
    if not data.get("key") and data.get(name):
        data["key"] = slugify(str(data[name]))[:longest].strip("-")


# --- Rubric ----------------------------------------------------------------------------------------------------------


class ShowIfField(forms.MultipleChoiceField):
    """{question, any_of}: the answers of one question, ticked in a list of all that can decide."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        super().__init__(widget=ChecklistWidget(), **kwargs)

    def offer(self, sections: list[dict[str, Any]], chosen: Any) -> None:
        """Questions with fixed answers of a form, and what is chosen now even where the form has lost it."""
        groups: list[Any] = []
        known = set()
        for section in sections:
            for question in section.get("questions", ()):
                answers = _answers(question)
                if answers:
                    pairs = [(f"{question['key']}{SEPARATOR}{value}", label) for value, label in answers]
                    known |= {pair[0] for pair in pairs}
                    groups.append((str(question.get("label", question["key"]))[:100], pairs))
        lost = [value for value in self.prepare_value(chosen) or () if value not in known]
        if lost:
            groups.append(("Not in the form any more", [(value, value) for value in lost]))
        self.choices = groups

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return [f"{value['question']}{SEPARATOR}{answer}" for answer in value.get("any_of", ())]
        return value

    def clean(self, value: Any) -> Any:
        ticked = super().clean(value)
        if not ticked:
            return {}
        pairs = [entry.split(SEPARATOR, 1) for entry in ticked]
        questions = {question for question, _ in pairs}
        if len(questions) > 1:
            raise forms.ValidationError("Tick answers of one question only; a gate hangs on one.")
        return {"question": questions.pop(), "any_of": [answer for _, answer in pairs]}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return set(self.prepare_value(initial) or ()) != set(data or ())


class ChecklistWidget(forms.CheckboxSelectMultiple):
    """A box of ticks that scrolls; a script adds a line to search in it and counts."""

    template_name = "admin/programs/widgets/checklist.html"


def _answers(question: dict[str, Any]) -> list[tuple[str, str]]:
    if question.get("type") == "yes_no":
        return [("yes", "Yes"), ("no", "No")]
    if question.get("type") in ("single_choice", "multiple_choice"):
        return [(choice["value"], choice["label"]) for choice in choices_of(question)]
    return []


class CriterionForm(PartForm):
    anchors = AnchorsField(
        label="What the scores mean", help_text="Reviewers read it beside the scale. A few are enough."
    )
    show_if = ShowIfField(
        label="Only for some applications",
        help_text="For gates: nothing ticked means everybody passes through it.",
    )
    key = forms.SlugField(
        max_length=32,
        required=False,
        label="Key",
        help_text="Names it in exports. Made of the name when empty.",
    )
    layout = (
        ("name", "kind", "key"),
        ("description",),
        ("weight_percent", "scale_max", "position"),
        ("phase", "required", "not_applicable", "independent"),
        ("anchors",),
        ("show_if",),
    )

    class Meta:
        labels = {
            "kind": "Kind",
            "weight_percent": "Weight, %",
            "scale_max": "Highest score",
            "description": "What reviewers look for",
        }
        help_texts = {
            "weight_percent": "The weights of all scores add up to 100. A gate has none.",
            "scale_max": "Scores run from 1 to this, at most 10.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["show_if"].offer(  # type: ignore[attr-defined]
            getattr(self, "sections", []), self.initial.get("show_if")
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        keyed(data, "name", 32)
        if data.get("show_if") and data.get("kind") != CriterionKind.GATE:
            self.add_error("show_if", "Only a gate can be for some; everybody gets every score.")
        top = data.get("scale_max") or 0
        if over := [value for value in data.get("anchors") or {} if int(value) > top]:
            self.add_error("anchors", f"The scale ends at {top}; {', '.join(over)} lies above it.")
        return data


class CriterionRows(forms.BaseInlineFormSet):
    """Who leaves the rubric stays for the scores and the frozen rules that name it."""

    def delete_existing(self, obj: Any, commit: bool = True) -> None:
        if commit:
            rulebook.retire(obj)


class CriterionInline(Part):
    model = Criterion
    fk_name = "program"
    form = CriterionForm
    formset = CriterionRows
    verbose_name_plural = "Rubric"
    one = verbose_name = "criterion"
    lead = "What reviewers score, and the gates that screeners answer. Evaluations under way keep the rubric they began with."
    ordering = ("position", "pk")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        # Django refuses to take out what scores point at; ours leaves the rubric and stays for them (rulebook.retire).
        formset.form.hand_clean_DELETE = lambda _form: None
        formset.form.sections = _sections(obj)
        return formset


def _sections(program: Program | None) -> list[dict[str, Any]]:
    return standing.of(program).sections if program is not None else []


# --- Doors and questions ------------------------------------------------------------------------------------------


class DoorForm(PartForm):
    key = forms.SlugField(
        max_length=64,
        required=False,
        label="Key",
        help_text="Names it in exports. Made of the title when empty.",
    )
    layout = (("title", "kind"), ("url", "key", "position"), ("text",))

    class Meta:
        labels = {"kind": "Leads to", "url": "Address", "text": "Who should take it"}
        help_texts = {"url": "A page of this site (/programs/…) or a whole https:// address."}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        keyed(data, "title", 64)
        url = data.get("url") or ""
        if url and not url.startswith(("/", "https://", "http://", "mailto:")):
            self.add_error("url", "An address starts with https:// or, on this site, with a stroke.")
        if data.get("kind") == DoorKind.OUTSIDE and not url and not self.errors.get("url"):
            self.add_error("url", "Say where this door leads.")
        return data


class DoorInline(Part):
    model = Door
    form = DoorForm
    verbose_name_plural = "Other doors"
    one = verbose_name = "door"
    lead = (
        "Where people go whom this program does not serve: another program, a separate form, somewhere else."
    )
    ordering = ("position", "pk")


class FaqForm(PartForm):
    key = forms.SlugField(
        max_length=64,
        required=False,
        label="Key",
        help_text="Names it in links and exports. Made of the question when empty.",
    )
    layout = (("question",), ("answer",), ("key", "position"))

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        keyed(data, "question", 64)
        return data


class FaqInline(Part):
    model = FaqEntry
    form = FaqForm
    verbose_name_plural = "Questions and answers"
    one = verbose_name = "question"
    lead = "People find these on the program page and before a question reaches you."
    ordering = ("position", "pk")
