"""The state of an award in the words of its page: what is, what comes next, and by when. Pure but for what is passed in."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from applications import acceptance, awards
from applications.models import Decision, DecisionKind, Ending
from applications.posting import is_held
from credits.models import Stage
from credits.money import with_code
from portal import texts
from portal.models import User


@dataclass(frozen=True)
class AwardState:
    """What the head of the page says.

    key: one of to_accept, held, on_way, posted, refused, cancelled, declined, lapsed, unconfirmed.
    """

    key: str
    title: str
    words: str
    accept_by: date | None = None
    days_left: int | None = None
    not_now: str = ""  # why nothing can be accepted at this moment

    @property
    def may_accept(self) -> bool:
        return self.key == "to_accept" and not self.not_now

    @property
    def is_over(self) -> bool:
        return self.key in ("declined", "lapsed", "unconfirmed", "cancelled")


def of(decision: Decision, *, last_day: date | None, reader: User, at: datetime) -> AwardState:
    """The state of an award for its holder. last_day: the last one to accept on. No query with grant, held and ending loaded."""
    grant = decision.grant
    assert grant is not None
    if ended := _ended(decision):
        return ended
    if grant.stage == Stage.CONFIRMED:
        return AwardState("posted", _("Your credits are there"), _("The organization can use them."))
    if is_held(grant):
        return AwardState(
            "held",
            _("Your credits are on their way"),
            _(
                "A second person looks at this award first, as with some awards. Nothing is left for you to do."
            ),
        )
    if grant.stage == Stage.RESERVED and (decision.accepted_at is None or grant.organization_id is None):
        return _to_accept(decision, last_day, reader, at)
    return AwardState("on_way", _("Your credits are on their way"), _("Nothing is left for you to do."))


def _to_accept(decision: Decision, last_day: date | None, reader: User, at: datetime) -> AwardState:
    grant = decision.grant
    assert grant is not None
    amount = with_code(decision.amount_cents or grant.amount_cents, grant.currency)
    if decision.kind == DecisionKind.LATER:
        title = _("%(amount)s are set aside for you again") % {"amount": amount}
        words = _("They could not be posted before. Name the organization anew, then we post them.")
    else:
        title = _("You have been awarded %(amount)s in API credits") % {"amount": amount}
        words = _("A little to do, then we post the credits.")
    left = (last_day - at.date()).days if last_day is not None else None
    return AwardState(
        "to_accept",
        title,
        words,
        accept_by=last_day,
        days_left=max(0, left) if left is not None else None,
        not_now=acceptance.why_not_now(reader, at=at) if grant.organization_id is None else "",
    )


def _ended(decision: Decision) -> AwardState | None:
    grant = decision.grant
    assert grant is not None
    ending = awards.ending_of(decision)
    if ending == Ending.DECLINED:
        return AwardState(
            "declined",
            _("You declined this award"),
            _(
                "On %(day)s its credits went back to the program. That cannot be taken back; you can apply again."
            )
            % {"day": texts.day_long(decision.ending.at.date())},
        )
    if ending == Ending.LAPSED:
        return AwardState(
            "lapsed",
            _("This award was not accepted in time"),
            _(
                "On %(day)s its credits went back to the program. Write to us if something kept you from it; you can "
                "also apply again."
            )
            % {"day": texts.day_long(decision.ending.at.date())},
        )
    if ending == Ending.REFUSED:
        return AwardState(
            "unconfirmed",
            _("This award was not confirmed"),
            _("With the other awards of its organization it needed a second person’s yes: “%(words)s”")
            % {"words": decision.ending.words}
            + " "
            + _("On %(day)s its credits went back to the program. Write to us if this is a mistake.")
            % {"day": texts.day_long(decision.ending.at.date())},
        )
    if grant.stage == Stage.FAILED:
        return AwardState(
            "refused",
            _("The posting was refused"),
            _(
                "The provider did not take the order. The money is safe; a person here is on it and writes to you."
            ),
        )
    if grant.stage == Stage.VOID:
        return AwardState(
            "cancelled",
            _("This award was cancelled"),
            _("Its credits went back to the program. You can apply again."),
        )
    return None
