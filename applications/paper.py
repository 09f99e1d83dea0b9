"""An application on paper: what its print view and its PDF hold. For those whose application it is, never for staff."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from applications import attachments, collaborators, presentation
from applications.models import Application
from applications.presentation import ShownSection
from credits.money import with_code
from portal import texts


@dataclass(frozen=True)
class Paper:
    """Plain text, in the order of the page. `dated` is when the answers were last saved; it dates the file too.

    Nothing here knows how an evaluation stands, so the file is the same in every silent state.
    """

    program: str
    title: str
    reference: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[ShownSection]
    dated: datetime
    problems: dict[str, str] = field(default_factory=dict)


def of(application: Application) -> Paper:
    """Lay out an application with its program, cycle, form version and applicant loaded. Two queries."""
    program, cycle = application.program, application.cycle
    sections = application.form_version.sections
    people = [
        str(person.user) if person.user else person.email
        for person in collaborators.people(application)
        if person.accepted_at
    ]
    facts = [
        (
            _("Applicant"),
            ", ".join(part for part in (application.applicant.name, application.applicant.email) if part),
        )
    ]
    if people:
        facts.append((_("Co-investigators"), ", ".join(people)))
    if application.submitted_at:
        facts.append((_("Sent"), texts.moment(application.submitted_at)))
    else:
        facts.append(
            (_("Draft"), _("not sent; saved %(saved_at)s") % {"saved_at": texts.moment(application.saved_at)})
        )
    if cycle is not None:
        facts.append((_("Evaluation day"), texts.day(cycle.evaluation_on)))
        facts.append((_("Decided by"), texts.day(cycle.decided_by_on)))
    if application.submitted_at and application.requested_cents:
        facts.append((_("Asked for"), with_code(application.requested_cents, program.currency)))
    return Paper(
        program=program.name,
        title=application.title
        or presentation.title(sections, application.answers)
        or _("Untitled application"),
        reference=application.reference or "",
        facts=facts,
        sections=[
            section
            for section in presentation.shown(
                sections, application.answers, with_empty=False, files=attachments.by_question(application)
            )
            if section.items
        ],
        dated=application.saved_at,
    )
