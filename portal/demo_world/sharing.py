"""Co-investigators in the demo: an editor, a reader and an open invitation."""

from datetime import datetime, timedelta

from applications import collaborators
from applications.models import Application, Right
from applications.states import State
from portal.models import User


def share_some(persons: dict[str, User], at: datetime) -> None:
    """Share the half-written draft with somebody who edits, and a sent application with somebody who reads.

    A third person has an invitation waiting in the mail of the demo.
    """
    draft = Application.objects.filter(applicant=persons["drafting"], state=State.DRAFT).first()
    if draft is not None:
        _let_in(draft, persons["grantee"], Right.EDIT, at - timedelta(hours=6))
        _invite(draft, persons["newcomer"], Right.VIEW, at - timedelta(hours=2))
    sent = Application.objects.filter(applicant=persons["applicant"], state=State.SUBMITTED).first()
    if sent is not None:
        _let_in(sent, persons["drafting"], Right.VIEW, at - timedelta(hours=5))


def _invite(application: Application, person: User, right: Right, at: datetime) -> int:
    return collaborators.invite(
        application_id=application.pk, email=person.email, right=right, by=application.applicant, at=at
    ).pk


def _let_in(application: Application, person: User, right: Right, at: datetime) -> None:
    place = _invite(application, person, right, at)
    collaborators.accept(collaborator_id=place, by=person, at=at + timedelta(minutes=20))
