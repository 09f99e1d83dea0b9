"""Pure: the clock of posting, as a grantee sees it: reserved, sent, confirmed, and when silence stops being normal."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.utils.translation import gettext as _

from credits.models import Grant, Stage
from portal import day_strip, texts

USUAL_DAYS = (7, 14)  # how long providers usually take, from sent to confirmed
OVERDUE_DAYS = 21  # from here on a person looks into it without being asked


@dataclass(frozen=True)
class Step:
    title: str
    lines: tuple[str, ...]
    mark: str  # "done", "done now" or ""


@dataclass(frozen=True)
class Posting:
    """The way of a grant to its organization. Days are days in UTC."""

    steps: list[Step]
    word: str
    tone: str
    day: int | None = None  # since it was sent, while it waits
    marks: list[str] = field(default_factory=list)
    sent_on: date | None = None
    usual_from: date | None = None
    usual_to: date | None = None
    overdue_on: date | None = None
    is_overdue: bool = False


def of(grant: Grant, *, at: datetime, held: bool = False) -> Posting:
    """Where a grant is at this moment; held: it was accepted, and a second person looks at it first. No query."""
    reserved = Step(_("Reserved"), (texts.moment(grant.created_at), _("Set aside for you")), "done")
    if grant.stage in (Stage.VOID, Stage.FAILED):
        ended = texts.moment(grant.ended_at) if grant.ended_at else ""
        if grant.stage == Stage.VOID:
            return Posting(
                [reserved, Step(_("Cancelled"), (ended, _("Nothing was posted")), "done now")],
                _("Cancelled"),
                "",
            )
        sent = Step(_("Sent"), (texts.moment(grant.sent_at) if grant.sent_at else "",), "done")
        failed = Step(_("Refused"), (ended, _("A person here looks into it and writes to you")), "done now")
        return Posting([reserved, sent, failed], _("The provider refused the posting"), "bad")
    if grant.stage == Stage.RESERVED:
        waiting = (
            _("With the next run, minutes from now")
            if grant.organization_id
            else _("Once a second person has looked at it")
            if held
            else _("Minutes after you confirm")
        )
        return Posting(
            [
                Step(_("Reserved"), reserved.lines, "done now"),
                Step(_("Sent"), (waiting, _("The provider gets the order")), ""),
                Step(
                    _("Confirmed"), (_("Usually 7 to 14 days later"), _("You get a mail; credits work")), ""
                ),
            ],
            _("Set aside"),
            "",
        )
    assert grant.sent_at is not None
    if grant.stage == Stage.CONFIRMED and grant.confirmed_at:
        return Posting(
            [
                reserved,
                Step(_("Sent"), (texts.moment(grant.sent_at), _("The provider had the order")), "done"),
                Step(_("Confirmed"), (texts.moment(grant.confirmed_at), _("The credits work")), "done"),
            ],
            _("Posted"),
            "good",
        )
    return _waiting(grant, reserved, grant.sent_at, at)


def _waiting(grant: Grant, reserved: Step, sent_at: datetime, at: datetime) -> Posting:
    sent_on, today = sent_at.astimezone(UTC).date(), at.astimezone(UTC).date()
    usual_from, usual_to = (sent_on + timedelta(days=days) for days in USUAL_DAYS)
    overdue_on = sent_on + timedelta(days=OVERDUE_DAYS)
    return Posting(
        steps=[
            reserved,
            Step(_("Sent"), (texts.moment(sent_at), _("The provider has the order")), "done now"),
            Step(
                _("Confirmed"),
                (
                    _("Usually %(usual_from)s to %(usual_to)s")
                    % {"usual_from": texts.day_short(usual_from), "usual_to": texts.day_short(usual_to)},
                    _("You get a mail; credits work"),
                ),
                "",
            ),
        ],
        word=_("Sent to the provider, waiting for its confirmation"),
        tone="warn" if today >= overdue_on else "",
        day=(today - sent_on).days,
        marks=day_strip.marks(
            first=sent_on,
            last=max(overdue_on, today),
            today=today,
            tall=(sent_on, usual_to, overdue_on),
            slow_after=usual_to,
        ),
        sent_on=sent_on,
        usual_from=usual_from,
        usual_to=usual_to,
        overdue_on=overdue_on,
        is_overdue=today >= overdue_on,
    )
