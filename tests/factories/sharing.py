"""Co-investigators, made through the operations that make them in life."""

from datetime import datetime

from allauth.account.models import EmailAddress

from applications import collaborators
from applications.models import Application, Collaborator, Right
from portal.models import User
from tests.factories.applications import BEFORE, make_user


def verified(user: User | None = None, *, address: str = "") -> User:
    """A person with a verified address, as everybody has who signed up."""
    user = user or make_user()
    EmailAddress.objects.get_or_create(
        user=user, email=address or user.email, defaults={"verified": True, "primary": not address}
    )
    return user


def invite(
    application: Application, user: User, right: str = Right.VIEW, *, at: datetime = BEFORE
) -> Collaborator:
    return collaborators.invite(
        application_id=application.pk, email=user.email, right=right, by=application.applicant, at=at
    )


def share(
    application: Application, user: User | None = None, right: str = Right.VIEW, *, at: datetime = BEFORE
) -> Collaborator:
    """Somebody with access to an application."""
    user = verified(user)
    place = invite(application, user, right, at=at)
    return collaborators.accept(collaborator_id=place.pk, by=user, at=at)
