"""“Where are my credits?”: one click of a grantee, a case for staff, and their answer back.

The clock is the one that staff see: from the day on which the order went out, or the award was accepted. From
CLAIM_DAYS on a grantee may ask; staff see it amber then, and red from ALARM_DAYS on.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from applications import award_letters, awards
from applications.models import Application, AwardLetter, Decision, Notice
from credits import cases
from credits.models import Case, Grant, Stage
from credits.posting import OVERDUE_DAYS
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs.texts import UnstorableText, clean_text

CLAIM_DAYS = 14
ALARM_DAYS = OVERDUE_DAYS
LONGEST = 300  # characters of what a grantee adds


class CannotClaim(Refused):
    """There is nothing to ask about, or not yet. The sentence is safe to show."""


@dataclass(frozen=True)
class Claims:
    """What was asked about one grant, and whether it may be asked now.

    days: since the clock began, None before it; tone: "", "warn" or "bad" by the same days that staff see.
    """

    asked: list[Case]
    days: int | None
    tone: str
    may_ask: bool

    @property
    def open(self) -> Case | None:
        return next((case for case in self.asked if case.is_open), None)


def began_at(decision: Decision) -> datetime | None:
    """When the clock of posting began; None before the award was accepted, and once the credit is there or ended."""
    grant = decision.grant
    if grant is None or grant.stage not in (Stage.RESERVED, Stage.SENT):
        return None
    if grant.stage == Stage.SENT:
        return grant.sent_at
    return decision.accepted_at if grant.organization_id is None else decision.accepted_at or grant.created_at


def of(decision: Decision, *, at: datetime) -> Claims:
    """What the page of an award shows. One query."""
    asked = list(Case.objects.filter(kind="claim", grant=decision.grant).order_by("-pk"))
    began = began_at(decision)
    days = (at - began).days if began else None
    late = days is not None and days >= CLAIM_DAYS
    tone = "" if days is None or not late else "bad" if days >= ALARM_DAYS else "warn"
    return Claims(asked, days, tone, late and not any(case.is_open for case in asked))


@transaction.atomic
def claim(*, application_id: int, by: User, at: datetime, words: str = "") -> Case:
    """Ask where the credit of an award is. While a question is open, asking again returns it. Raises CannotClaim."""
    application = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=application_id)
    decision = awards.current(application)
    if decision is None or decision.grant is None:
        raise CannotClaim(_("There is no award to ask about."))
    found = of(decision, at=at)
    if found.open is not None:
        return found.open
    if found.days is None:
        raise CannotClaim(_("There is nothing on its way."))
    if not found.may_ask:
        raise CannotClaim(
            _("Posting usually takes up to two weeks. You can ask from day %(days)s on.")
            % {"days": CLAIM_DAYS}
        )
    said = _clean(words)
    grant: Grant = decision.grant
    case = cases.open_case(
        kind="claim",
        key=f"claim:{grant.uuid}:{len(found.asked) + 1}",
        words=f"Asked on day {found.days}, where the credit is: {said or 'no words added.'}",
        grant_id=grant.pk,
        at=at,
    )
    audit.record(
        action="award.claim", subject=decision, by=by, at=at, application=application.pk, case=case.pk
    )
    return case


def queue_answers(*, at: datetime) -> int:
    """Put the answer to each settled claim into the outbox, once; how many. Found by absence: credits knows no letters."""
    settled = (
        Case.objects.filter(kind="claim", settled_at__isnull=False)
        .exclude(pk__in=_told())
        .select_related("grant")
        .order_by("pk")
    )
    letters = []
    for case in settled[:500]:
        decision = (
            Decision.objects.filter(grant=case.grant_id).select_related("application__applicant").first()
        )
        if decision is None:
            continue
        letters.append(
            award_letters.letter(
                kind=AwardLetter.CLAIM_ANSWER,
                application=decision.application,
                key=str(case.pk),
                at=at,
                to=decision.application.applicant,
                case=case.pk,
            )
        )
    award_letters.put(*letters)
    return len(letters)


def _told() -> list[int]:
    rows = Notice.objects.filter(kind=AwardLetter.CLAIM_ANSWER).values_list("values__case", flat=True)
    return [int(pk) for pk in rows]


def _clean(words: str) -> str:
    try:
        return " ".join(clean_text(words, one_line=False).split())[:LONGEST]
    except UnstorableText as error:
        raise CannotClaim(str(error)) from None
