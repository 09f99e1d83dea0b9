"""Find requests: one's own, and those that a member of staff may see, with what waits and what is late."""

from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from applications import desk as desk_queries
from applications.models import Application, Request
from applications.request_states import OPEN
from portal.models import User
from portal.roles import Role
from programs.staff import Desk

READS = (Role.MANAGER, Role.SCREENER, Role.AUDITOR)
READS_SENSITIVE = (Role.MANAGER, Role.SCREENER)


def mine(person: User) -> list[Request]:
    """Everything this person asked, the newest first. One query."""
    rows = Request.objects.filter(applicant=person).select_related("form__program")
    return list(rows.defer("answers", "sections").order_by("-sent_at", "-pk"))


def visible(desk: Desk) -> QuerySet[Request]:
    """Every request this person may see: the one rule behind list, page, counts and export.

    Managers, screeners and auditors see those of their programs; what the sender marked as sensitive is for managers
    and screeners. A superuser sees those of all programs. Nobody, a superuser included, sees their own, or one about an
    award that they have a conflict with.
    """
    rows = Request.objects.exclude(applicant=desk.user)
    if not desk.everything:
        rows = rows.filter(form__program_id__in=desk.program_ids(*READS))
        rows = rows.filter(Q(sensitive=False) | Q(form__program_id__in=desk.program_ids(*READS_SENSITIVE)))
    free = desk_queries.without_conflict(desk, Application.objects.filter(pk=OuterRef("application_id")))
    return rows.filter(Q(application__isnull=True) | Exists(free))


def waiting(desk: Desk, *, at: datetime) -> dict[str, int]:
    """How many open requests this person could answer, and how many of them are late. One query."""
    return answerable(desk).aggregate(open=Count("pk"), late=Count("pk", filter=Q(due_at__lt=at)))


def answerable(desk: Desk) -> QuerySet[Request]:
    """The open requests that this person could answer."""
    rows = visible(desk).filter(state__in=OPEN)
    return rows if desk.everything else rows.filter(form__program_id__in=desk.program_ids(Role.MANAGER))


def audiences(desk: Desk, program_id: int) -> frozenset[str]:
    """Which answers of a request this person reads, by the audience of the question."""
    if desk.everything or desk.holds(Role.MANAGER, program_id=program_id):
        return frozenset({"everyone", "screener", "manager"})
    if desk.holds(Role.SCREENER, program_id=program_id):
        return frozenset({"everyone", "screener"})
    return frozenset({"everyone"})


def readable(sections: list[dict[str, object]], seen: frozenset[str]) -> list[dict[str, object]]:
    """The sections without the questions that somebody does not read."""
    return [
        {
            **section,
            "questions": [
                question
                for question in section["questions"]  # type: ignore[attr-defined]
                if question.get("audience", "everyone") in seen
            ],
        }
        for section in sections
    ]
