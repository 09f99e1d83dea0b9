"""More credit on an award, as its holder asks for it. Deciding it is staff's: applications.later_credit.

Between the asking and the answer the holder sees one thing, whatever was proposed meanwhile, and hears both answers.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from applications import awards, obligations
from applications.awards import Award
from applications.models import Application, LaterCredit, LaterKind, LaterState
from applications.models.later import LIVE
from applications.states import State
from credits.models import Grant, Stage
from credits.money import with_code
from portal import audit, texts
from portal.models import User
from portal.refusals import Refused
from programs import rulebook
from programs.models import ProgramState
from programs.texts import UnstorableText, clean_text

LONGEST = 3_000  # characters of a use case
CLOSED = (ProgramState.ARCHIVED, ProgramState.DRAFT)


class CannotAsk(Refused):
    """No top-up can be asked for now. The sentence says why and is safe to show."""


class CannotWithdraw(Refused):
    """The wish is answered already, or not this person's."""


def lot(award: Award, *, at: datetime) -> Grant | None:
    """The posted credit whose organization gets more: the newest whose term is not over, or where its rest went."""
    posted = [grant for grant in award.lots if grant.stage == Stage.CONFIRMED and grant.organization_id]
    running = [grant for grant in posted if grant.expires_on is None or grant.expires_on >= at.date()]
    return running[-1].where_now() if running else None


def live(award: Award, kind: LaterKind = LaterKind.TOP_UP) -> LaterCredit | None:
    """The wish of an award that is not answered yet."""
    return LaterCredit.objects.filter(application=award.application, kind=kind, state__in=LIVE).first()


def why_not(award: Award, *, at: datetime, wishes: Sequence[LaterCredit] | None = None) -> str:
    """Why no top-up can be asked for on an award now; "" when nothing is in the way.

    wishes: those of the award, for callers that have them; otherwise a query finds the live one.
    """
    root = award.application
    if root.state != State.AWARDED or root.amends_id is not None:
        return _("There is no award to add to.")
    if not root.program.top_ups_allowed or root.program.state in CLOSED:
        return _(
            "This program adds no credit to an award. When your needs change, send an updated application."
        )
    if lot(award, at=at) is None:
        if any(grant.stage == Stage.CONFIRMED for grant in award.lots):
            return _("The credits of this award have ended. Apply again instead: the answers are filled in.")
        return _("More can be asked for once the first credits are posted.")
    if owed := obligations.overdue(holder_id=root.applicant_id, program_id=root.program_id, at=at):
        return owed
    wish = live(award) if wishes is None else next((row for row in wishes if _is_live(row)), None)
    if wish is not None:
        return _("You asked for more on %(day)s. We answer that first.") % {
            "day": texts.day(wish.asked_at.date())
        }
    return ""


def _is_live(wish: LaterCredit) -> bool:
    return wish.is_live and wish.kind == LaterKind.TOP_UP


def ask(
    *,
    application_id: int,
    use_case: str,
    amount_cents: int,
    by: User,
    at: datetime,
    months: int | None = None,
    runs_out_on: date | None = None,
) -> LaterCredit:
    """Keep the wish for more credit on an award. While one is live, asking again returns it. Raises CannotAsk.

    amount_cents: on top of what was granted. months: None takes the term of the award.
    """
    try:
        with transaction.atomic():
            return _ask(
                application_id=application_id,
                use_case=use_case,
                amount_cents=amount_cents,
                by=by,
                at=at,
                months=months,
                runs_out_on=runs_out_on,
            )
    except IntegrityError as error:
        raise CannotAsk(_("You asked for more already. We answer that first.")) from error


def _ask(
    *,
    application_id: int,
    use_case: str,
    amount_cents: int,
    by: User,
    at: datetime,
    months: int | None,
    runs_out_on: date | None,
) -> LaterCredit:
    root = (
        Application.objects.select_for_update(of=("self",), no_key=True)
        .select_related("program", "cycle__rules_version")
        .get(pk=application_id)
    )
    if root.applicant_id != by.pk:
        raise CannotAsk(_("Only the holder of the award asks for more."))
    award = awards.of(root)
    said = _clean(use_case)
    before = live(award)
    if before is not None and (before.use_case, before.asked_cents) == (said, amount_cents):
        return before
    if reason := why_not(award, at=at):
        raise CannotAsk(reason)
    rules = rulebook.for_application(root)
    if not said:
        raise CannotAsk(_("Say what the credits are for."))
    if amount_cents <= 0:
        raise CannotAsk(_("Ask for an amount above zero."))
    left = None if not rules.award_cap_cents else rules.award_cap_cents - award.granted_cents
    if left is not None and amount_cents > left:
        raise CannotAsk(
            _("The program gives at most %(left)s more on this award.")
            % {"left": with_code(max(0, left), rules.currency)}
            if left > 0
            else _("This award has reached the most that the program gives.")
        )
    if months is not None and not 1 <= months <= (rules.term_months or 60):
        raise CannotAsk(_("Ask for 1 to %(most)s months.") % {"most": rules.term_months or 60})
    wish = LaterCredit.objects.create(
        kind=LaterKind.TOP_UP,
        application=root,
        asked_by=by,
        asked_at=at,
        use_case=said,
        asked_cents=amount_cents,
        asked_months=months,
        runs_out_on=runs_out_on,
    )
    audit.record(
        action="later.ask", subject=wish, by=by, at=at, application=root.pk, amount_cents=amount_cents
    )
    return wish


@transaction.atomic
def withdraw(*, later_id: int, by: User, at: datetime) -> LaterCredit:
    """Take one's own wish back before it is answered. A second call changes nothing. Raises CannotWithdraw."""
    wish = LaterCredit.objects.select_for_update(of=("self",)).get(pk=later_id)
    if wish.asked_by_id != by.pk or wish.kind == LaterKind.AGAIN:
        raise CannotWithdraw(_("Only the person who asked takes it back."))
    if wish.state == LaterState.WITHDRAWN:
        return wish
    if not wish.is_live:
        raise CannotWithdraw(_("It is answered already."))
    wish.state, wish.decided_by, wish.decided_at = LaterState.WITHDRAWN, by, at
    wish.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(action="later.withdraw", subject=wish, by=by, at=at, application=wish.application_id)
    return wish


def _clean(text: str) -> str:
    try:
        return clean_text(text, one_line=False).strip()[:LONGEST]
    except UnstorableText as error:
        raise CannotAsk(str(error)) from None
