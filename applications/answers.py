"""Pure: the answers of an application, from the form to the draft, the check at submit and the columns rules need.

Answers are a dict of question key -> JSON value. A draft may also hold {"raw": <as typed>} where the value cannot be an
answer yet: it is shown again as typed, and `check` reports it until it is mended. None means cleared.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from programs import fields, values
from programs.fields import Answers, Section, Sections
from programs.texts import as_typed, clean_text, plain, word_count

__all__ = [
    "accept",
    "as_typed",
    "check",
    "check_by_section",
    "clean_text",
    "initial",
    "mapped",
    "problem",
    "raw",
    "store",
    "without_hidden",
    "word_count",
]


NOT_TYPED = ("text", "file")
"""Questions that a posted form never answers: texts are only shown, and files come and go by applications.attachments."""


def store(section: Section, cleaned_data: Mapping[str, Any]) -> dict[str, Any]:
    """Take what a section form leaves in cleaned_data as answers to merge over the draft's: {**draft, **stored}.

    Holds each question that the form asked, None where it was cleared; questions it did not ask stay out, so that
    the draft keeps what it has. Unknown keys are dropped.
    """
    return {
        question["key"]: cleaned_data[question["key"]]
        for question in fields.expanded(section)
        if question["type"] not in NOT_TYPED and question["key"] in cleaned_data
    }


def accept(sections: Sections, given: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read answers that come without a form: the clean ones, and question key -> why not for all others.

    Nothing is kept as typed: a program that sends a wrong answer gets it back with the reason.
    """
    asked = {question["key"]: question for question in fields.questions(sections)}
    taken: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for key, value in given.items():
        question = asked.get(key)
        if question is None or question["type"] == "text":
            refused[as_typed(key)[:100]] = _("The form has no question of this name.")
        elif question["type"] == "file":
            refused[key] = _(
                "Files are attached on the page of the form, or at their own address of the API."
            )
        else:
            try:
                taken[key] = values.cleaned(question, value)
            except values.BadAnswer as error:
                refused[key] = str(error)
    return taken, refused


def raw(value: object) -> dict[str, Any] | None:
    """Keep something typed that is not an answer, so that nothing is lost; None for nothing typed."""
    kept = plain(value)
    return {"raw": kept} if kept not in ("", [], None) else None


def initial(section: Section, answers: Answers) -> dict[str, Any]:
    """The values with which a section form starts, as people typed them."""
    return {
        question["key"]: values.typed(question, answers[question["key"]])
        for question in fields.expanded(section)
        if answers.get(question["key"]) is not None
    }


def check(sections: Sections, answers: Answers) -> dict[str, str]:
    """Everything that still stops a submit: question key -> what to do about it, in the order of the form."""
    return {
        question["key"]: found
        for question in fields.visible_questions(sections, answers)
        if (found := problem(question, answers.get(question["key"]))) is not None
    }


def check_by_section(sections: Sections, answers: Answers) -> dict[str, dict[str, str]]:
    """The same, grouped by section key; sections without a problem are left out."""
    found = check(sections, answers)
    grouped = {
        section["key"]: {
            question["key"]: found[question["key"]]
            for question in fields.expanded(section)
            if question["key"] in found
        }
        for section in sections
    }
    return {key: problems for key, problems in grouped.items() if problems}


def problem(question: fields.Question, value: object) -> str | None:
    """What is wrong with the answer to one question that is asked; None when nothing is."""
    try:
        answer = values.cleaned(question, value)
    except values.BadAnswer as error:
        return str(error)
    if answer is None and question.get("required"):
        return values.missing(question)
    return None


def without_hidden(sections: Sections, answers: Answers) -> dict[str, Any]:
    """The answers that are kept at submit: of the questions that were asked, in order, cleaned, without empty ones.

    An answer that `check` would report is left out, never stored half-read.
    """
    kept = {}
    for question in fields.visible_questions(sections, answers):
        try:
            answer = values.cleaned(question, answers.get(question["key"]))
        except values.BadAnswer:
            continue
        if answer is not None:
            kept[question["key"]] = answer
    return kept


def mapped(sections: Sections, answers: Answers) -> dict[str, Any]:
    """The columns of an application that its answers fill; a question without a valid answer gives the empty value.

    title, abstract, country, institution, institution_kind, field, career_stage, organization_id, orcid: text;
    amount_cents, months: whole numbers or None; currency: text, empty without an amount; red_team: True, False or
    None; models: list of slugs.
    """
    columns: dict[str, Any] = dict.fromkeys(fields.MAPS_TO, "")
    columns |= {"amount_cents": None, "currency": "", "months": None, "red_team": None, "models": []}
    kept = without_hidden(sections, answers)
    for question in fields.questions(sections):
        name, answer = question.get("maps_to"), kept.get(question["key"])
        if name is None or answer is None:
            continue
        if name == "amount_cents":
            columns |= answer
        elif name == "red_team":
            columns[name] = answer == "yes"
        elif name == "institution" and isinstance(answer, Mapping):
            columns[name] = answer["name"]
        elif name == "field" and isinstance(answer, list):
            columns[name] = answer[0]
        else:
            columns[name] = answer
    return columns
