"""Applying once more: one application of a person and program at a time, and the waiting time after one.

Only the calendar and what was told count here, never the state of an evaluation, so the answer gives nothing away
(applications.standing).
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from applications import standing
from applications.models import Application
from applications.standing import Phase
from applications.states import State
from portal.models import User
from programs.models import Program


@dataclass(frozen=True)
class Before:
    """What a person did in a program so far, as far as it bears on a new application.

    live: the application that is being evaluated, or waits to be. wait_until: the first day on which the person may
    apply again, while that day lies ahead; a day in the program's zone.
    """

    live: Application | None = None
    wait_until: date | None = None


def before(*, program: Program, person: User, at: datetime) -> Before:
    """Look at what this person sent to the program. One query.

    Withdrawn and awarded applications stand in no way, and neither do updates of an award (applications.awards).
    """
    sent = (
        Application.objects.owned_by(person)
        .filter(program=program, submitted_at__isnull=False, amends__isnull=True)
        .exclude(state__in=[State.DRAFT, State.WITHDRAWN, State.AWARDED])
        .select_related("cycle__program", "cycle__rules_version")
        .defer("answers")
        .order_by("-submitted_at")
    )
    live, days = None, []
    today = at.astimezone(ZoneInfo(program.time_zone)).date()
    for application in sent:
        application.program = program
        if standing.phase_of(application, at=at) == Phase.CLOSED:
            days.append(standing.apply_again_on(application, today=today))
        elif live is None:
            live = application
    latest = max(days, default=today)
    return Before(live=live, wait_until=latest if latest > today else None)


def earlier_of(application: Application) -> Application | None:
    """The application to compare this one with: the one it started from, else the last the person sent before it.

    With its form version loaded. One that was withdrawn is read by nobody any more, here too.
    """
    own = (
        Application.objects.filter(
            applicant_id=application.applicant_id,
            program_id=application.program_id,
            submitted_at__isnull=False,
        )
        .exclude(state__in=[State.DRAFT, State.WITHDRAWN])
        .exclude(pk=application.pk)
        .select_related("form_version", "cycle", "program")
    )
    if application.earlier_id is not None:
        return own.filter(pk=application.earlier_id).first()
    if application.submitted_at is not None:
        own = own.filter(submitted_at__lt=application.submitted_at)
    return own.order_by("-submitted_at").first()
