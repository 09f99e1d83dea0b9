"""Pure: the description of a form. Checks it, walks through it, and makes Django fields of its questions.

A description is the JSON list `FormVersion.sections`; docs/forms.md shows its shape. Nothing here touches the database.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django_countries import countries

from programs import values
from programs.descriptions import AUDIENCES, CONDITION_TYPES, MAPS_TO, condition_key, problems
from programs.texts import plain
from programs.values import OTHER, BadAnswer, Question
from programs.widgets import InstitutionInput, Labelled, PeopleRows

Section = Mapping[str, Any]
Sections = Sequence[Section]
Answers = Mapping[str, Any]

__all__ = [
    "AUDIENCES",
    "CONDITION_TYPES",
    "MAPS_TO",
    "RADIOS_UP_TO",
    "AnswerField",
    "Answers",
    "Question",
    "Section",
    "Sections",
    "condition_key",
    "expanded",
    "form_field",
    "problems",
    "questions",
    "text_rows",
    "visible",
    "visible_questions",
]

RADIOS_UP_TO = 12  # more options than this become a select

# --- Walking ----------------------------------------------------------------------------------------------------------


def expanded(section: Section) -> Iterator[Question]:
    """The questions of a section in order.

    One with an "other" option is followed by the text that names it, one with options under conditions by the
    acknowledgement of each condition, asked of those who choose the option.
    """
    for question in section["questions"]:
        yield question
        if question.get("other"):
            yield {
                "key": f"{question['key']}_{OTHER}",
                "type": "short_text",
                "label": _("Please name it"),
                "required": True,
                "max_chars": 120,
                "show_if": {"question": question["key"], "any_of": [OTHER]},
                "audience": question.get("audience", "everyone"),
                "blind": question.get("blind", False),
                "other_of": question["key"],
            }
        yield from _option_conditions(question)


def _option_conditions(question: Question) -> Iterator[Question]:
    for choice in question.get("choices", ()):
        if text := choice.get("condition"):
            original = choice.get("condition_original", text)  # a translation is the same condition
            yield {
                "key": condition_key(question, choice["value"]),
                "type": "acknowledgement",
                "label": _("Condition of %(choice)s") % {"choice": choice["label"]},
                "required": True,
                # The text is its own version: another wording has to be accepted anew.
                "policy": {
                    "slug": choice["value"],
                    "version": blake2b(original.encode(), digest_size=4).hexdigest(),
                    "text": text,
                },
                "show_if": {"question": question["key"], "any_of": [choice["value"]]},
                "audience": question.get("audience", "everyone"),
                "blind": question.get("blind", False),
                "option_of": question["key"],
            }


def questions(sections: Sections) -> Iterator[Question]:
    """Every question of a form in order, texts that are only shown included."""
    for section in sections:
        yield from expanded(section)


def visible(question: Question, answers: Answers) -> bool:
    """Whether a question is asked, given the answers to the questions before it (`visible_questions` gives both)."""
    condition = question.get("show_if")
    if not condition:
        return True
    answer = answers.get(condition["question"])
    given = answer if isinstance(answer, list) else [answer]
    return any(value in condition["any_of"] for value in given)


def visible_questions(sections: Sections, answers: Answers) -> Iterator[Question]:
    """The questions that are asked, in order. One that depends on a hidden question is hidden too."""
    standing: dict[str, Any] = {}
    for question in questions(sections):
        if visible(question, standing):
            if question["key"] in answers:
                standing[question["key"]] = answers[question["key"]]
            yield question


# --- Django fields ------------------------------------------------------------------------------------------------------


class AnswerField(forms.Field):
    """Any question as a Django field: cleans to the JSON value of the answer, None when there is none."""

    def __init__(self, question: Question, widget: forms.Widget) -> None:
        self.question = question
        super().__init__(
            required=bool(question.get("required")),
            widget=widget,
            label=question["label"],
            help_text=question.get("help", ""),
        )
        if isinstance(self.widget, forms.widgets.ChoiceWidget):
            self.widget.choices = _options(question)

    def clean(self, value: object) -> Any:
        try:
            answer = values.cleaned(self.question, value)
        except BadAnswer as error:
            raise ValidationError(str(error), code="invalid") from None
        if answer is None and self.required:
            raise ValidationError(values.missing(self.question), code="required")
        return answer

    def prepare_value(self, value: Any) -> Any:
        return values.typed(self.question, value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return plain(data)


def form_field(question: Question) -> AnswerField | None:
    """Make the Django field of one question. None for a text that is only shown."""
    if question["type"] == "text":
        return None
    return AnswerField(question, _widget(question))


def _options(question: Question) -> list[tuple[str, str]]:
    if question["type"] == "yes_no":
        return [("yes", _("Yes")), ("no", _("No"))]
    if question["type"] == "country":
        listed = question.get("countries")
        wanted = None if listed is None else set(listed)
        return [
            ("", _("Choose")),
            *((code, name) for code, name in countries if wanted is None or code in wanted),
        ]
    options: list[tuple[str, str]] = [
        (choice["value"], Labelled(choice["label"], choice.get("help", "")))
        for choice in values.choices(question)
    ]
    return [("", _("Choose")), *options] if _is_select(question) else options


def _is_select(question: Question) -> bool:
    return question["type"] == "country" or (
        question["type"] == "single_choice" and len(values.choices(question)) > RADIOS_UP_TO
    )


def _widget(question: Question) -> forms.Widget:
    attrs: dict[str, Any] = {}
    if limit := question.get("max_words"):
        attrs["data-counter-words"] = limit
    elif question.get("max_chars"):
        attrs["data-counter-chars"] = question["max_chars"]
    for name in ("autocomplete", "placeholder"):
        if name in question:
            attrs[name] = question[name]
    return _WIDGETS[question["type"]](question, attrs)


def _choice_widget(question: Question, attrs: dict[str, Any]) -> forms.Widget:
    return forms.Select(attrs) if _is_select(question) else forms.RadioSelect(attrs)


def text_rows(question: Question) -> int:
    """How tall a text box starts: by its limit, unless the question says."""
    if rows := question.get("rows"):
        return int(rows)
    if question["type"] == "doi_list":
        return 5
    words = question.get("max_words") or question.get("max_chars", 2000) // 6
    return 4 if words <= 100 else 6 if words <= 250 else 9


def _text_area(question: Question, attrs: dict[str, Any]) -> forms.Widget:
    return forms.Textarea({"rows": text_rows(question)} | attrs)


def _line(mode: str = "text") -> Callable[[Question, dict[str, Any]], forms.Widget]:
    return lambda question, attrs: forms.TextInput(attrs if mode == "text" else {"inputmode": mode} | attrs)


_WIDGETS: dict[str, Callable[[Question, dict[str, Any]], forms.Widget]] = {
    "short_text": _line(),
    "long_text": _text_area,
    "email": lambda question, attrs: forms.EmailInput({"autocomplete": "email"} | attrs),
    "url": _line("url"),
    "integer": _line("numeric"),
    "money": _line("decimal"),
    "months": _line("numeric"),
    "date": lambda question, attrs: forms.DateInput({"type": "date"} | attrs),
    "yes_no": lambda question, attrs: forms.RadioSelect(attrs),
    "single_choice": _choice_widget,
    "multiple_choice": lambda question, attrs: forms.CheckboxSelectMultiple(attrs),
    "country": lambda question, attrs: forms.Select({"autocomplete": "country"} | attrs),
    "orcid": _line(),
    "doi_list": _text_area,
    "organization_id": lambda question, attrs: forms.TextInput(
        {"autocomplete": "off", "spellcheck": "false"} | attrs
    ),
    "organization": lambda question, attrs: InstitutionInput(attrs),
    "file": lambda question, attrs: forms.FileInput(attrs),
    "people": lambda question, attrs: PeopleRows(question.get("max", values.MOST_ENTRIES), attrs),
    "acknowledgement": lambda question, attrs: forms.CheckboxInput(attrs),
}
