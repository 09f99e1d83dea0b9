"""What reviewers and managers say to each other about an application, once the reviews are in. Never to applicants."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from applications import conflicts
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Review,
    ReviewState,
    ThreadMessage,
)
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, rulebook
from programs.texts import clean_text

LONGEST = 4_000


class CannotWrite(Refused):
    """No message from this person to this thread now. The message says why and is safe to show."""


@transaction.atomic
def write(*, application_id: int, text: str, by: User, at: datetime) -> ThreadMessage:
    """Add a message to the thread of an application. Raises CannotWrite."""
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "cycle__rules_version")
        .get(pk=application_id)
    )
    closed = why_closed(application, by)
    if closed:
        raise CannotWrite(closed)
    said = clean_text(text).strip()
    if not said:
        raise CannotWrite("Write something first.")
    if len(said) > LONGEST:
        raise CannotWrite(f"A message has {LONGEST:,} characters at most; this one has {len(said):,}.")
    message = ThreadMessage.objects.create(application=application, author=by, text=said, at=at)
    audit.record(action="thread.write", subject=application, by=by, at=at, message=message.pk)
    return message


def why_closed(application: Application, user: User) -> str:
    """Why this person neither reads nor writes the thread now; empty when they do.

    Assigned reviewers whose own review is in and managers, without a conflict, once as many reviews are in as the rules
    want or nobody has one to do.
    """
    reason = conflicts.reason_against(user=user, application=application)
    if reason:
        return reason
    if memberships.holds(user, application.program, Role.MANAGER):
        if Assignment.objects.filter(
            application=application, reviewer=user, state=AssignmentState.TO_DO
        ).exists():
            return "Your own review comes first."
    elif not _has_reviewed(application, user):
        return "Reviewers of this application talk here once their reviews are in."
    if not is_open(application):
        return "Reviewers talk here once all reviews are in."
    return ""


def is_open(application: Application) -> bool:
    """Whether the reviews that the rules want are in, or nobody has one to do."""
    looks = Review.objects.filter(application=application, state=ReviewState.IN).count()
    if looks >= rulebook.for_application(application).reviews_wanted:
        return True
    waits = Assignment.objects.filter(application=application, state=AssignmentState.TO_DO).exists()
    return looks > 0 and not waits


def messages(application: Application) -> QuerySet[ThreadMessage]:
    """The thread in its order, with authors. Ask why_closed first."""
    return ThreadMessage.objects.filter(application=application).select_related("author").order_by("pk")


def _has_reviewed(application: Application, user: User) -> bool:
    if not memberships.holds(user, application.program, Role.REVIEWER):
        return False
    return (
        Assignment.objects.filter(application=application, reviewer=user)
        .exclude(state=AssignmentState.RECUSED)
        .exists()
        and Review.objects.filter(application=application, reviewer=user, state=ReviewState.IN).exists()
    )
