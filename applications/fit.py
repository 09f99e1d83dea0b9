"""The short step before the form: the few questions of a form that the program's rules judge at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from applications import again, eligibility, emails, intake
from applications import answers as answering
from applications.models import Application
from portal.models import User
from programs import form_versions
from programs.models import FormVersion, Program

ASKED_FIRST = ("country", "institution_kind", "red_team")
"""What the step asks, as far as the form has a question mapped to it."""


def section(version: FormVersion) -> dict[str, Any]:
    """The questions of the step, in the form's order and without conditions, as a section of its own."""
    questions = [
        {name: value for name, value in question.items() if name != "show_if"}
        for part in version.sections
        for question in part["questions"]
        if question.get("maps_to") in ASKED_FIRST
    ]
    return {"key": "fit", "title": _("Check that you fit"), "lead": "", "questions": questions}


def blocks(
    program: Program, version: FormVersion, answers: Mapping[str, Any], user: Any, *, at: datetime
) -> list[eligibility.Finding]:
    """The rules that would stop somebody with these answers; nothing is written. `user` may be anonymous."""
    columns = answering.mapped([section(version)], answers)
    facts: dict[str, object] = {name: columns[name] for name in ("country", "institution_kind")}
    if isinstance(user, User):
        facts["email_domain"] = user.email_domain
        facts["email_key"] = emails.canonical(user.email)
        wait_until = again.before(program=program, person=user, at=at).wait_until
        facts["wait_until"] = wait_until.isoformat() if wait_until else None
    return intake.blocking(program, facts)


def is_red_team(version: FormVersion, answers: Mapping[str, Any]) -> bool:
    """Whether the answers say that the work would need an exemption from the usage policy."""
    return answering.mapped([section(version)], answers)["red_team"] is True


def reusable(application: Application) -> dict[str, Any]:
    """Earlier answers as the start of a new draft: those whose question the program's current form still has.

    Acknowledgements are left out, they are given afresh for each application; so are files, which belong to one.
    """
    version = form_versions.current(application.program)
    if version is None:
        return {}
    kinds = {question["key"]: question["type"] for part in version.sections for question in part["questions"]}
    return {
        key: value
        for key, value in application.answers.items()
        if (key in kinds or key.removesuffix("_other") in kinds)
        and kinds.get(key) not in ("acknowledgement", "text", "file")
    }
