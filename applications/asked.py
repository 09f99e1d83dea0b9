"""Pure: the questions as they are put to one application.

They are those of its form, but an updated application may leave the amount empty: it then asks for no more credit.
"""

from typing import Any

from django.utils.translation import gettext as _

from applications.models import Application
from programs import fields


def sections(application: Application) -> list[dict[str, Any]]:
    """The form's sections, for an amendment with an amount that nobody has to give."""
    form: list[dict[str, Any]] = application.form_version.sections
    if application.amends_id is None:
        return form
    return [{**part, "questions": [_of_amendment(entry) for entry in part["questions"]]} for part in form]


def amount_keys(form: fields.Sections) -> frozenset[str]:
    """The questions of a form that ask for an amount of credit."""
    return frozenset(
        question["key"] for question in fields.questions(form) if question.get("maps_to") == "amount_cents"
    )


def for_credit(application: Application) -> bool:
    """Whether it asks for an amount of credit."""
    keys = amount_keys(application.form_version.sections)
    return any(application.answers.get(key) not in (None, "", {}) for key in keys)


def _of_amendment(question: dict[str, Any]) -> dict[str, Any]:
    if question.get("maps_to") != "amount_cents":
        return question
    return {
        **question,
        "required": False,
        "help": _(
            "What you ask for on top of what was granted. Leave it empty if you need no more credit: then only the plan "
            "is looked at."
        ),
    }
