"""An award whose credit is not posted: declined by its holder, reminded of, returned to the pool when its time is over.

Each way ends in grants.cancel, so the credit is back in the pool that it came from. There is no way back: a declined
award can only be applied for anew; one that lapsed, or that a second person refused (applications.acceptance), can be
posted again by staff (applications.later_credit).
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from applications import award_letters, awards, conflicts
from applications.models import (
    GIVES,
    Application,
    AwardEnding,
    AwardLetter,
    Decision,
    DecisionState,
    Ending,
    Notice,
)
from applications.states import State
from credits import grants, ledger
from credits.models import Grant, Stage
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, rulebook
from programs.texts import UnstorableText, clean_text

REMIND_DAYS = (7, 21)
"""Days after its release on which somebody is reminded of an award that waits; each is sent once."""

LONGEST = 500  # characters of what a holder writes, or the second person who refuses


class CannotDecline(Refused):
    """There is no award that waits to be accepted."""


def accept_by(decision: Decision, application: Application) -> date | None:
    """The last day, in the program's zone, on which an award can be accepted; None where there is none. No query with
    program, cycle and its rules_version loaded."""
    days = rulebook.for_application(application).acceptance_days
    if not days or decision.released_at is None:
        return None
    zone = ZoneInfo(application.program.time_zone)
    return decision.released_at.astimezone(zone).date() + timedelta(days=days)


@transaction.atomic
def decline(*, application_id: int, by: User, at: datetime, words: str = "") -> AwardEnding:
    """Give an award back before it is accepted; its managers hear of it. A second call changes nothing.

    words: what the holder wants to say, may be empty. Raises CannotDecline.
    """
    application, decision = _locked(application_id)
    if decision is None:
        raise CannotDecline(_("There is no award to decline."))
    if awards.ending_of(decision) == Ending.DECLINED:
        return decision.ending
    if not awards.waits(decision):
        raise CannotDecline(
            _("This award is accepted already, or it has ended. Write to us if you do not need it.")
        )
    said = clean(words, CannotDecline)
    try:
        ending = end(application, decision, kind=Ending.DECLINED, words=said, by=by, at=at)
    except ledger.PostingStopped as error:
        raise CannotDecline(
            _("No credits can be moved at the moment. Nothing has changed; please try again in a few hours.")
        ) from error
    grant = decision.grant
    assert grant is not None
    audit.record(
        action="award.decline",
        subject=decision,
        by=by,
        at=at,
        application=application.pk,
        amount_cents=grant.amount_cents,
    )
    award_letters.put(
        *(
            award_letters.letter(
                kind=AwardLetter.AWARD_DECLINED,
                application=application,
                key=f"{decision.pk}:{manager.pk}",
                at=at,
                to=manager,
                amount_cents=grant.amount_cents,
                currency=grant.currency,
                words=said,
            )
            for manager in memberships.people_in(application.program, Role.MANAGER)
            if conflicts.reason_against(user=manager, application=application) is None
        )
    )
    return ending


def lapse_due(*, at: datetime) -> int:
    """Return the credit of awards whose time to accept is over, each in a transaction of its own; how many.

    Safe to run twice and by many at once: who comes second finds it ended.
    """
    lapsed = 0
    for decision, last_day in _waiting(at):
        if last_day is not None and _local_day(decision, at) > last_day:
            lapsed += _lapse(decision.application_id, at)
    return lapsed


def remind_due(*, at: datetime) -> int:
    """Put the reminder that is due for each waiting award into the outbox; how many. One for each stage, ever."""
    letters = []
    for decision, last_day in _waiting(at):
        assert decision.released_at is not None
        age = (_local_day(decision, at) - _local_day(decision, decision.released_at)).days
        stage = max((days for days in REMIND_DAYS if age >= days), default=None)
        if stage is None or last_day is None or _local_day(decision, at) > last_day:
            continue
        grant = decision.grant
        assert grant is not None
        letters.append(
            award_letters.letter(
                kind=AwardLetter.ACCEPT_REMINDER,
                application=decision.application,
                key=f"{decision.pk}:{stage}",
                at=at,
                to=decision.application.applicant,
                amount_cents=grant.amount_cents,
                currency=grant.currency,
                accept_by=last_day.isoformat(),
                decision=decision.pk,
            )
        )
    before = set(
        Notice.objects.filter(key__in=[letter.key for letter in letters]).values_list("key", flat=True)
    )
    fresh = [letter for letter in letters if letter.key not in before]
    award_letters.put(*fresh)
    return len(fresh)


def _waiting(at: datetime) -> Iterator[tuple[Decision, date | None]]:
    """Awards that wait for their holders long enough to be reminded of, with the last day of each. One query."""
    rows: QuerySet[Decision] = (
        Decision.objects.filter(
            held__isnull=True,
            kind__in=GIVES,
            state=DecisionState.RELEASED,
            accepted_at__isnull=True,
            grant__stage=Stage.RESERVED,
            grant__organization__isnull=True,
            released_at__lte=at - timedelta(days=REMIND_DAYS[0] - 1),
        )
        .select_related(
            "grant", "application__program", "application__cycle__rules_version", "application__applicant"
        )
        .defer("application__answers")
        .order_by("released_at", "pk")
    )
    for decision in rows.iterator(chunk_size=500):
        yield decision, accept_by(decision, decision.application)


@transaction.atomic
def _lapse(application_id: int, at: datetime) -> int:
    application, decision = _locked(application_id)
    if decision is None or not awards.waits(decision):
        return 0
    last_day = accept_by(decision, application)
    if last_day is None or _local_day(decision, at) <= last_day:
        return 0
    end(application, decision, kind=Ending.LAPSED, words="", by=None, at=at)
    grant = decision.grant
    assert grant is not None
    audit.record(
        action="award.lapse",
        subject=decision,
        by=None,
        at=at,
        application=application.pk,
        amount_cents=grant.amount_cents,
    )
    award_letters.put(
        award_letters.letter(
            kind=AwardLetter.AWARD_LAPSED,
            application=application,
            key=str(decision.pk),
            at=at,
            to=application.applicant,
            amount_cents=grant.amount_cents,
            currency=grant.currency,
            accept_by=last_day.isoformat(),
        )
    )
    return 1


def end(
    application: Application,
    decision: Decision,
    *,
    kind: Ending,
    words: str,
    by: User | None,
    at: datetime,
) -> AwardEnding:
    """Return the credit, a second half that waits included, and write down how it ended, in the caller's transaction.

    The trail is the caller's. The application and its decision are locked. Raises ledger.PostingStopped.
    """
    grant = decision.grant
    assert grant is not None
    halves = list(Grant.objects.filter(half_of=grant, stage=Stage.RESERVED))
    for row in (grant, *halves):
        grants.cancel(grant_id=row.pk, by=by, at=at, reason=kind.label)
    ending = AwardEnding.objects.create(decision=decision, kind=kind, words=words, by=by, at=at)
    for days in REMIND_DAYS:
        award_letters.drop(kind=AwardLetter.ACCEPT_REMINDER, key=f"{decision.pk}:{days}")
    return ending


def _locked(application_id: int) -> tuple[Application, Decision | None]:
    """The application, then its decision, as acceptance locks them (docs/architecture.md, "Locks")."""
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "cycle__rules_version", "applicant")
        .get(pk=application_id)
    )
    found = awards.current(application) if application.state == State.AWARDED else None
    if found is None:
        return application, None
    Decision.objects.select_for_update(of=("self",)).get(pk=found.pk)
    return application, awards.current(application)


def _local_day(decision: Decision, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(decision.application.program.time_zone)).date()


def clean(words: str, refusal: type[Refused]) -> str:
    """What somebody says about the end of an award, in one line of at most LONGEST characters."""
    try:
        return " ".join(clean_text(words, one_line=False).split())[:LONGEST]
    except UnstorableText as error:
        raise refusal(str(error)) from None
