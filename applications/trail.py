"""The trail of one application: what happened to it and to what follows from it, by the audit trail."""

from django.db.models import CharField, Model, Q, QuerySet, Value

from applications.models import (
    Application,
    AssignmentState,
    AwardMember,
    Conflict,
    Decision,
    HeldAcceptance,
    LaterCredit,
    Obligation,
)
from credits.models import Grant, OrganizationChange
from portal.models import AuditEvent
from programs.staff import Desk

MOST = 200  # events on a page, the newest first


def of(desk: Desk, application: Application) -> list[AuditEvent]:
    """The newest events of an application, its decisions, awards and summaries, one more than MOST if there are more.

    The application comes from dossier.loaded. Who still has to review it does not read yet who else did. Two queries.
    """
    wanted = Q(subject_type=Application._meta.label_lower, subject_id=str(application.pk))
    for kind, pks in _subjects(application).items():
        wanted |= Q(subject_type=kind, subject_id__in=pks)
    rows = AuditEvent.objects.filter(wanted)
    tasks = getattr(application, "tasks", ())
    if any(task["reviewer_id"] == desk.user.pk and task["state"] == AssignmentState.TO_DO for task in tasks):
        rows = rows.exclude(~Q(actor=desk.user), action__startswith="review.")
    return list(rows.select_related("actor").order_by("-at", "-pk")[: MOST + 1])


def _subjects(application: Application) -> dict[str, list[str]]:
    """The records of an application that events may be about, by the name of their kind. One query."""
    decisions = Decision.objects.filter(application=application)
    grants = Grant.objects.filter(pk__in=decisions.values("grant_id"))
    asked: list[QuerySet[Model]] = [
        decisions,
        grants,
        OrganizationChange.objects.filter(grant__in=grants),
        HeldAcceptance.objects.filter(decision__in=decisions),
        *(
            model._default_manager.filter(application=application)
            for model in (Obligation, LaterCredit, AwardMember, Conflict)
        ),
    ]
    named = [
        rows.order_by().values_list(Value(rows.model._meta.label_lower, CharField()), "pk") for rows in asked
    ]
    found: dict[str, list[str]] = {}
    for kind, pk in named[0].union(*named[1:], all=True):
        found.setdefault(kind, []).append(str(pk))
    return found
