"""An updated application: what the holder of an award sends when the needs of the project change.

It is an application like any other, with the same form, cut-off, batch, review and silence, and it is linked to its award.
What is awarded to it is a lot of its own; the credit that was granted before stays as it is. One that asks for no more
credit is agreed to or declined without any (decisions.propose_change).
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from applications import answers as answering
from applications import asked, awards, fit, intake
from applications.awards import Award
from applications.models import Application
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import fields, form_versions
from programs.models import FormVersion


class CannotAmend(Refused):
    """This award takes no updated application now. The sentence says why and is safe to show."""


@transaction.atomic
def start(*, application_id: int, by: User, at: datetime) -> tuple[Application, bool]:
    """Open a draft that updates an award, or give back the one that is there; says whether it is new.

    application_id: the awarded application, or an amendment of it. The draft starts from the answers that were agreed
    to last, without the amount: that is asked on top of what was granted. Raises CannotAmend while another amendment
    is under way, when the credit was not posted, was cancelled or has ended, when the program takes no applications, or
    when a rule of it blocks. The waiting time between two applications does not count here.
    """
    award = awards.of(Application.objects.get(pk=application_id))
    # Two first clicks at once: the second one waits here and then finds the draft of the first.
    Application.objects.select_for_update(of=("self",), no_key=True).get(pk=award.application.pk)
    draft = Application.objects.filter(amends=award.application, state=State.DRAFT).first()
    if draft is not None:
        return draft, False
    if reason := why_not(award, at=at):
        raise CannotAmend(reason)
    program = award.application.program
    version = form_versions.current(program)
    if version is None:
        raise CannotAmend(_("%(program)s has no form now.") % {"program": program})
    answers = _prefilled(award, version)
    judged = intake.facts(answering.mapped(version.sections, answers), by)
    if blocks := intake.blocking(program, judged):
        raise CannotAmend(" ".join(finding.sentence for finding in blocks))
    draft = Application.objects.create(
        program=program,
        applicant=by,
        amends=award.application,
        earlier=award.latest,
        form_version=version,
        answers=answers,
        created_at=at,
        saved_at=at,
    )
    audit.record(action="amendment.start", subject=draft, by=by, at=at, award=award.application.pk)
    return draft, True


def why_not(award: Award, *, at: datetime) -> str:
    """Why an updated application of an award cannot begin now; "" when it can."""
    if reason := awards.why_not(award, at=at):
        return reason
    try:
        intake.refuse_closed(award.application.program, at, CannotAmend)
    except CannotAmend as error:
        return str(error)
    return ""


def _prefilled(award: Award, version: FormVersion) -> dict[str, Any]:
    """The answers agreed to last under today's form, with the organization that holds the credit and no amount."""
    answers = fit.reusable(award.latest)
    for key in asked.amount_keys(version.sections):
        answers.pop(key, None)
    holds = [grant.organization.external_id for grant in award.lots if grant.organization is not None]
    for question in fields.questions(version.sections):
        if question["type"] == "organization_id" and holds:
            answers[question["key"]] = holds[-1]
    return answers
