"""Forms of the applicant, built from a form version: one Django form per section."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from crispy_forms.utils import TEMPLATE_PACK
from django import forms
from django.template.context import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django_countries import countries

from applications import answers as answering
from programs import fields, values
from programs.fields import Answers, Question, Section
from programs.texts import word_count
from programs.widgets import CHOSEN, PeopleRows, institution_parts

ROWS_TEMPLATE = "applications/widgets/rows.html"

_CONTROLS = {
    "long_text": "textarea",
    "doi_list": "textarea",
    "yes_no": "choices",
    "multiple_choice": "choices",
    "country": "select",
    "organization": "institution",
    "file": "files",
    "people": "people",
    "acknowledgement": "tick",
    "text": "text",
}
_INPUT_TYPES = {"email": "email", "date": "date"}
_AUTOCOMPLETE = {
    "email": "email",
    "country": "country",
    "organization_id": "off",
    "organization": "organization",
}


class SectionForm(forms.Form):
    """One section of an application.

    Unlike other forms it keeps everything: cleaned_data has each question that was asked, as {"raw": ...} where the
    value is no answer yet, whether or not the form is valid. `strict` also reports what is missing; a question that
    its condition hides is never reported.
    """

    use_required_attribute = False

    def __init__(
        self,
        section: Section,
        *,
        answers: Answers,
        data: Mapping[str, Any] | None,
        strict: bool,
        report: bool,
        files: "Files | None" = None,
    ) -> None:
        self.section, self.answers, self.strict, self.report = section, answers, strict, report
        self.attached = files
        super().__init__(data=data, initial=answering.initial(section, answers), label_suffix="")
        self.asked = list(_asked(section, answers))
        for question in self.asked:
            if field := fields.form_field(question):
                self.fields[question["key"]] = field

    @property
    def helper(self) -> FormHelper:
        helper = _Helper()
        helper.layout = Layout(Rows())
        return helper

    def _clean_fields(self) -> None:
        problems: dict[str, str] = {}
        for name, bound in self._bound_items():
            # Files come and go by applications.attachments; no form posts the list of them.
            is_file = self.fields[name].question["type"] == "file"
            typed = self.answers.get(name) if is_file else bound.data
            try:
                self.cleaned_data[name] = values.cleaned(self.fields[name].question, typed)
            except values.BadAnswer as error:
                self.cleaned_data[name] = answering.raw(typed)
                problems[name] = str(error)
        kept = dict(self.cleaned_data)
        for question in self._visible(kept):
            name = question["key"]
            if name not in problems and self.strict and question.get("required") and kept.get(name) is None:
                problems[name] = values.missing(question)
            if name in problems:
                self.add_error(name, problems[name])
        self.cleaned_data = kept  # add_error takes what it complains about out

    def _visible(self, given: Answers) -> Iterator[Question]:
        """The questions of this section that the given answers ask, on top of the answers of other sections."""
        here = {question["key"] for question in self.asked}
        standing = {key: value for key, value in self.answers.items() if key not in here}
        for question in self.asked:
            if question["type"] != "text" and fields.visible(question, standing):
                standing[question["key"]] = given.get(question["key"])
                yield question

    def problems(self) -> list[dict[str, str]]:
        """What to fix, in order, for the summary on top: key, label, message, and anchor, the id to jump to."""
        found = self._messages()
        return [
            {
                "key": question["key"],
                "label": question["label"],
                "message": found[question["key"]],
                "anchor": _anchor(question),
            }
            for question in self.asked
            if question["key"] in found
        ]

    def _messages(self) -> dict[str, str]:
        if self.is_bound:
            return {name: " ".join(errors) for name, errors in self.errors.items()}
        unreadable = {
            key for key, value in self.answers.items() if isinstance(value, Mapping) and set(value) == {"raw"}
        }
        if not self.report and not unreadable:
            return {}
        found = {}
        for question in self._visible(self.answers):
            if (self.report or question["key"] in unreadable) and (
                message := answering.problem(question, self.answers.get(question["key"]))
            ):
                found[question["key"]] = message
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """What the template shows, one dict per question. Drawn by hand: a widget template each would cost double."""
        messages = self._messages()
        for question in self.asked:
            name = question["key"]
            if question["type"] == "text":
                yield {"control": "text", "id": f"id_{name}"} | _frame(question)
                continue
            value = self.answers.get(name) if question["type"] == "file" else self[name].value()
            row = _row(question, value, messages.get(name, ""))
            if row["control"] == "files":
                row |= _files(question, self.attached)
            elif row["control"] == "institution" and row["known"]:
                row["elsewhere"] = _elsewhere(row["known"].get("country"), self._country())
            yield row

    @property
    def takes_files(self) -> bool:
        """Whether the page's form has to send files."""
        return any(question["type"] == "file" for question in self.asked)

    @property
    def takes_institution(self) -> bool:
        """Whether the page needs the script that looks institutions up."""
        return any(question["type"] == "organization" for question in self.asked)

    def _country(self) -> Any:
        """What the application says about the institution's country, on this page or another."""
        for question in self.asked:
            if question.get("maps_to") == "country":
                return self[question["key"]].value()
        return self.answers.get("country")


@dataclass(frozen=True)
class Files:
    """What the controls for files show. listed: question key -> attachments; refused: question key -> why not."""

    application_id: Any
    listed: Mapping[str, Sequence[Any]]
    refused: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


class _Helper(FormHelper):
    """Draws the questions only: the page's own form tag carries address and token.

    form_action is a plain value here, because crispy's property asks the URL patterns for a name each time.
    """

    form_action = ""
    form_tag = False
    disable_csrf = True


class Rows:
    """The crispy layout object that draws all questions of a SectionForm with one template."""

    def render(
        self, form: SectionForm, context: Context, template_pack: str = TEMPLATE_PACK, **kwargs: Any
    ) -> SafeString:
        form.rendered_fields.update(form.fields)
        return get_template(ROWS_TEMPLATE).render({"rows": form.rows()})

    def get_field_names(self, index: list[int] | None = None) -> list[Any]:
        return []


def section_form(
    section: Section,
    *,
    answers: Answers,
    data: Mapping[str, Any] | None = None,
    strict: bool = False,
    report: bool = False,
    files: Files | None = None,
) -> SectionForm:
    """Build the form of one section over the saved answers.

    data: what was posted (a QueryDict, or a dict with lists for several values); None shows the saved answers.
    strict: missing required answers are problems too; leave it off for autosave and "save and leave".
    files: what the controls for files show; without it they show a count.
    report: an unbound form shows every problem of its saved answers; otherwise only of those kept as typed.
    Save with `answers.store(section, form.cleaned_data)` after `is_valid()`, whatever that said.
    """
    return SectionForm(section, answers=answers, data=data, strict=strict, report=report, files=files)


def _asked(section: Section, answers: Answers) -> Iterator[Question]:
    """The questions on the page. A condition on the same page is left to the page; any other is settled here."""
    here: set[str] = set()
    for question in fields.expanded(section):
        condition = question.get("show_if")
        if condition and condition["question"] not in here and not fields.visible(question, answers):
            continue
        here.add(question["key"])
        yield question


def _anchor(question: Question) -> str:
    """The id of the first control of a question."""
    name, control = question["key"], _control(question)
    return {"choices": f"id_{name}_0", "people": f"id_{name}_0_name"}.get(control, f"id_{name}")


def _control(question: Question) -> str:
    if question["type"] == "single_choice":
        return "select" if len(values.choices(question)) > fields.RADIOS_UP_TO else "choices"
    return _CONTROLS.get(question["type"], "input")


def _frame(question: Question) -> dict[str, Any]:
    condition = question.get("show_if")
    return {
        "question": question,
        "show_if_question": condition["question"] if condition else "",
        "show_if_any_of": json.dumps(condition["any_of"]) if condition else "",
    }


def _row(question: Question, value: Any, message: str) -> dict[str, Any]:
    name, control = question["key"], _control(question)
    id_ = f"id_{name}"
    grouped = control in ("choices", "people", "tick")
    row = {"control": control, "name": name, "id": id_, "message": message, "grouped": grouped} | _frame(
        question
    )
    row["head"] = _part(
        "head",
        id=id_,
        label=question["label"],
        help=question.get("help", ""),
        required=_required(question),
        grouped=grouped,
    )
    described = [f"{id_}_helptext"] if question.get("help") else []
    if message:
        described.append(f"{id_}_error")
    if control == "institution":
        row |= institution_parts(name, value)
        row["chosen_name"] = f"{name}{CHOSEN}"
        row["attributes"] = _attributes(question, "input")
    elif control in ("input", "textarea"):
        row["value"] = "" if value is None else value
        row["counter"] = counter = _counter(question, row["value"])
        if counter:
            described.append(f"{id_}_count")
        row["attributes"] = _attributes(question, control)
        row["currency"] = question.get("currency", "USD") if question["type"] == "money" else ""
        row["unit"] = _("months") if question["type"] == "months" else ""
    elif control == "choices":
        row["choices"] = _choices(question, value)
    elif control == "select":
        row["options"] = _select_options(question, "" if value is None else str(value))
        row["attributes"] = _attributes(question, control)
    elif control == "people":
        row["people"] = PeopleRows(question.get("max", values.MOST_ENTRIES)).rows(name, value)
    elif control == "tick":
        row["checked"] = value in (True, "on")
    row["described_by"] = " ".join(described)
    return row


@lru_cache(maxsize=4096)
def _drawn(template: str, language: str, **context: Any) -> SafeString:
    return get_template(f"applications/widgets/{template}.html").render(context)


def _part(template: str, **context: Any) -> SafeString:
    """Draw a part that depends on the form alone, not on what people type, once per process and language."""
    return _drawn(template, get_language() or "", **context)


def _files(question: Question, files: Files | None) -> dict[str, Any]:
    """The list of attached files with room for more; without `files` (a preview) only the room."""
    listed = files.listed.get(question["key"], ()) if files else ()
    most = values.file_limit(question)
    return {
        "files": listed,
        "refused": files.refused.get(question["key"], ()) if files else (),
        "left": max(0, most - len(listed)),
        "most": most,
        "megabytes": values.megabyte_limit(question),
        "address": reverse("applications:attach", args=[files.application_id, question["key"]])
        if files
        else "",
    }


def _elsewhere(known: Any, given: Any) -> str:
    """A hint, never an error, where the list of institutions has another country than the application names."""
    if not known or not given or known == given:
        return ""
    name = _("Kosovo") if known == "XK" else str(countries.name(known) or "")
    return (
        _("The list of institutions has it in %(country)s. Leave it as it is if you work elsewhere.")
        % {"country": name}
        if name
        else ""
    )


def _required(question: Question) -> bool:
    return bool(question.get("required"))


def _attributes(question: Question, control: str) -> SafeString:
    kind = question["type"]
    words = question.get("max_words", "")
    return _part(
        "attributes",
        control=control,
        name=question["key"],
        type=_INPUT_TYPES.get(kind, "text"),
        mode={"money": "decimal", "integer": "numeric", "months": "numeric", "url": "url"}.get(kind, ""),
        autocomplete=question.get("autocomplete", _AUTOCOMPLETE.get(kind, "")),
        placeholder=question.get("placeholder", ""),
        rows=fields.text_rows(question) if control == "textarea" else "",
        words=words,
        chars="" if words else question.get("max_chars", ""),
        required=_required(question),
    )


def _counter(question: Question, value: object) -> dict[str, Any] | None:
    """The counter below a text, already right without JavaScript."""
    text = value if isinstance(value, str) else ""
    if limit := question.get("max_words"):
        have, unit = word_count(text), _("words")
    elif limit := question.get("max_chars"):
        have, unit = len(text), _("characters")
    else:
        return None
    state = "over" if have > limit else "near" if have * 10 > limit * 9 else ""
    if not state and question["type"] == "short_text" and question.get("maps_to") != "title":
        return None  # under a name or an institution a counter is noise until it matters
    return {"limit": limit, "have": have, "unit": unit, "state": state}


def _choices(question: Question, value: object) -> SafeString:
    chosen = {str(entry) for entry in value} if isinstance(value, (list, tuple)) else {str(value)}
    if question["type"] == "yes_no":
        listed: list[dict[str, str]] = [
            {"value": "yes", "label": _("Yes")},
            {"value": "no", "label": _("No")},
        ]
    else:
        listed = values.choices(question)
    layout = question.get("layout") or ("two" if len(listed) > 1 else "one")
    many = question["type"] == "multiple_choice"
    return _part(
        "choices",
        id=f"id_{question['key']}",
        name=question["key"],
        type="checkbox" if many else "radio",
        required=_required(question) and not many,
        layout="" if layout == "one" else layout,
        options=tuple(
            (choice["value"], choice["label"], choice.get("help", ""), choice["value"] in chosen)
            for choice in listed
        ),
    )


def _select_options(question: Question, value: str) -> SafeString:
    if question["type"] == "country":
        listed = question.get("countries")
        return _country_options(None if listed is None else tuple(listed), value[:80], get_language() or "")
    return _options(tuple((choice["value"], choice["label"]) for choice in values.choices(question)), value)


@lru_cache(maxsize=256)
def _country_options(listed: tuple[str, ...] | None, value: str, language: str) -> SafeString:
    """Kept, because two hundred options cost more than the rest of a page; `language` is part of the key only."""
    wanted = None if listed is None else set(listed)
    return _options(
        tuple((code, name) for code, name in countries if wanted is None or code in wanted), value
    )


def _options(listed: tuple[tuple[str, str], ...], value: str) -> SafeString:
    """The options of a select; a value that is none of them stays as one more, so that it is not lost."""
    known = {code for code, _ in listed}
    extra = () if not value or value in known else ((value, value),)
    return format_html_join(
        "",
        "{}",
        (
            (
                format_html(
                    '<option value="{}" selected>{}</option>'
                    if code == value
                    else '<option value="{}">{}</option>',
                    code,
                    label,
                ),
            )
            for code, label in (("", _("Choose")), *listed, *extra)
        ),
    )
