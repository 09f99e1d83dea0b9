"""Credit decided between the evaluations: top-ups, urgent credit, and grants that are posted again.

One way for all three: a wish (LaterCredit), a proposal with a reason, a second person where the limits want one, and then
at once a Decision with its grant. Triggers count the year and keep the people apart, as for every award (migration
0024); urgent credit within the program's authority needs no second person, and counts in every later sum.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from applications import award_letters, awards, conflicts, eligibility, four_eyes, obligations, top_ups
from applications.awards import NOTHING, Award
from applications.models import (
    GIVES,
    Application,
    AwardLetter,
    AwardMember,
    Decision,
    DecisionKind,
    DecisionState,
    Ending,
    LaterCredit,
    LaterKind,
    LaterState,
    Request,
)
from applications.models.later import LIVE
from applications.request_states import RequestState
from credits import grants, ledger
from credits.models import Grant
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, rulebook
from programs.models import TermMode
from programs.request_models import RequestKind
from programs.rulebook import Rulebook
from programs.texts import UnstorableText, clean_text

YEAR = timedelta(days=365)
LONGEST = 2_000  # characters of a reason or an answer


class CannotGive(Refused):
    """This credit cannot be given so, or not by this person."""


# --- Beginnings that are not the holder's -------------------------------------------------------------------------------


@transaction.atomic
def urgent(
    *, request_id: int, amount_cents: int, reason: str, by: User, at: datetime, months: int | None = None
) -> LaterCredit:
    """Give credit on an urgent request, or put it before a second person where it is above the authority.

    by: a manager or finance approver of the program, not the holder. Pressed twice it is one. Raises CannotGive.
    """
    request = (
        Request.objects.select_for_update(of=("self",), no_key=True)
        .select_related("form", "application")
        .get(pk=request_id)
    )
    if request.form.kind != RequestKind.URGENT or request.application is None:
        raise CannotGive("Only an urgent request about an award leads to credit.")
    if request.state == RequestState.WITHDRAWN:
        raise CannotGive("This request was taken back by whoever sent it.")
    root = _locked(request.application.amends_id or request.application.pk)
    _refuse_person(by, root, Role.MANAGER, Role.FINANCE)
    wish = LaterCredit.objects.filter(request=request).first()
    if wish is None:
        if authority_cents(root) == 0:
            raise CannotGive(f"The urgent lane of {root.program} gives no credit.")
        if LaterCredit.objects.filter(application=root, kind=LaterKind.URGENT, state__in=LIVE).exists():
            raise CannotGive("Another urgent request of this award waits for its second person.")
        wish = LaterCredit.objects.create(
            kind=LaterKind.URGENT,
            application=root,
            request=request,
            asked_by=request.applicant,
            asked_at=request.sent_at,
            use_case=request.title,
            asked_cents=max(1, amount_cents),
            asked_months=months,
            needed_by=needed_by(request),
        )
    return propose(later_id=wish.pk, amount_cents=amount_cents, months=months, reason=reason, by=by, at=at)


@transaction.atomic
def post_again(*, decision_id: int, reason: str, by: User, at: datetime) -> LaterCredit:
    """Set the credit of a grant that was refused or lapsed aside again, for the same award and amount.

    The holder names the organization anew; a top-up goes to the organization that holds the award. Above the limit a
    second person approves first, as the award's own approval was for what came to nothing. Raises CannotGive.
    """
    replaced = Decision.objects.select_related("application", "grant", "later", "ending").get(pk=decision_id)
    application = _locked(replaced.application_id)
    _refuse_person(by, application, Role.MANAGER)
    if before := LaterCredit.objects.filter(replaces=replaced).first():
        return before
    if why := why_not_again(replaced):
        raise CannotGive(why)
    assert replaced.amount_cents is not None
    wish = LaterCredit.objects.create(
        kind=LaterKind.AGAIN,
        application=application,
        replaces=replaced,
        state=LaterState.PROPOSED,
        asked_by=by,
        asked_at=at,
        use_case="Posted again.",
        asked_cents=replaced.amount_cents,
        asked_months=replaced.months,
        amount_cents=replaced.amount_cents,
        months=replaced.months,
        reason=_reason(reason),
        proposed_by=by,
        proposed_at=at,
    )
    _record(wish, "later.propose", by, at)
    return _finish(wish, application, by=by, at=at)


def why_not_again(decision: Decision) -> str:
    """Why the grant of a decision is not posted again; "" when it can be."""
    grant = decision.grant
    if grant is None or decision.state != DecisionState.RELEASED or decision.kind not in GIVES:
        return "There is no grant to post again."
    if grant.stage not in NOTHING:
        return f"{grant} is {grant.get_stage_display().lower()}; only what was refused or lapsed is posted again."
    if awards.ending_of(decision) == Ending.DECLINED:
        return "Its holder declined this award. They can apply again."
    if Grant.objects.filter(half_of=grant).exclude(stage__in=NOTHING).exists():
        return "Its second half is still set aside. It goes back with the next tick."
    return ""


# --- Deciding -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def propose(
    *, later_id: int, amount_cents: int, reason: str, by: User, at: datetime, months: int | None = None
) -> LaterCredit:
    """Say how much and for how long; given at once where nobody else has to look. Raises CannotGive.

    months: None takes the program's term.
    """
    wish = _wish(later_id)
    application = _locked(wish.application_id)
    roles = (Role.MANAGER, Role.FINANCE) if wish.kind == LaterKind.URGENT else (Role.MANAGER,)
    _refuse_person(by, application, *roles)
    if wish.state == LaterState.GIVEN and (wish.amount_cents, wish.proposed_by_id) == (amount_cents, by.pk):
        return wish
    if wish.state != LaterState.ASKED:
        raise CannotGive(f"It is {wish.get_state_display().lower()} already.")
    rules = rulebook.for_application(application)
    wish.amount_cents = _amount(amount_cents, rules, awards.of(application))
    wish.months = _months(rules, months if months is not None else wish.asked_months)
    wish.reason = _reason(reason)
    wish.state, wish.proposed_by, wish.proposed_at = LaterState.PROPOSED, by, at
    wish.authority_cents = authority_cents(application) if wish.kind == LaterKind.URGENT else None
    wish.save()
    _record(wish, "later.propose", by, at)
    return _finish(wish, application, by=by, at=at)


@transaction.atomic
def approve(*, later_id: int, by: User, at: datetime) -> LaterCredit:
    """The second person's yes: the credit is given now. Raises CannotGive."""
    wish = _wish(later_id)
    application = _locked(wish.application_id)
    _refuse_person(by, application, Role.MANAGER, Role.FINANCE)
    if wish.state != LaterState.PROPOSED:
        raise CannotGive(f"It is {wish.get_state_display().lower()}; nobody has to approve it.")
    if wish.proposed_by_id == by.pk:
        raise CannotGive("You proposed it; a second person has to approve it.")
    return _give(wish, application, approved_by=by, by=by, at=at)


@transaction.atomic
def take_back(*, later_id: int, by: User, at: datetime) -> LaterCredit:
    """Take a proposal back, so that it can be made anew; who asked sees no difference. Raises CannotGive."""
    wish = _wish(later_id)
    application = _locked(wish.application_id)
    _refuse_person(by, application, Role.MANAGER)
    if wish.state != LaterState.PROPOSED or wish.kind == LaterKind.AGAIN:
        raise CannotGive("There is no proposal to take back.")
    wish.state, wish.amount_cents, wish.months, wish.reason = LaterState.ASKED, None, None, ""
    wish.proposed_by, wish.proposed_at, wish.authority_cents = None, None, None
    wish.save()
    _record(wish, "later.take_back", by, at)
    return wish


@transaction.atomic
def decline(*, later_id: int, answer: str, by: User, at: datetime) -> LaterCredit:
    """Say no, with words that the person who asked reads. A grant that is not posted again stays as it ended.

    Raises CannotGive.
    """
    wish = _wish(later_id)
    application = _locked(wish.application_id)
    _refuse_person(by, application, Role.MANAGER, Role.FINANCE)
    if wish.state not in LIVE:
        raise CannotGive(f"It is {wish.get_state_display().lower()} already.")
    said = _cleaned(answer)
    if not said:
        raise CannotGive("Write what the person who asked reads.")
    wish.state, wish.answer, wish.decided_by, wish.decided_at = LaterState.DECLINED, said, by, at
    wish.save(update_fields=["state", "answer", "decided_by", "decided_at"])
    if wish.kind != LaterKind.AGAIN:
        _tell(AwardLetter.LATER_DECLINED, wish, application, at)
    _record(wish, "later.decline", by, at)
    return wish


def second_person_wanted(wish: LaterCredit, application: Application, *, at: datetime) -> bool:
    """Whether somebody else has to approve a proposal; the database counts again when it is given."""
    assert wish.amount_cents is not None
    if counted_cents(wish, application, at=at) <= four_eyes.limit_cents(
        rulebook.for_application(application), application.program
    ):
        return False
    if wish.kind != LaterKind.URGENT:
        return True
    return urgent_cents(application, at=at) + wish.amount_cents > authority_cents(application)


def counted_cents(wish: LaterCredit, application: Application, *, at: datetime) -> int:
    """What the person or the organization has got in twelve months, with this proposal. One query."""
    released = four_eyes.totals(application_ids=[application.pk], at=at, pending_ids=[])
    return released.get(application.pk, 0) + (wish.amount_cents or 0)


def authority_cents(application: Application) -> int:
    """What one person may give through the urgent lane: the lower of the program's now and that of the award's rules."""
    now = application.program.urgent_authority_cents or 0
    rules = rulebook.for_application(application)
    if rules.frozen is None or "urgent_authority_cents" not in rules.frozen:
        return now
    return min(now, rules.urgent_authority_cents or 0)


def urgent_cents(application: Application, *, at: datetime) -> int:
    """Urgent credit of the same person, mailbox or organization in twelve months. One query."""
    same = Q(application__applicant=application.applicant_id)
    if application.email_key:
        same |= Q(application__email_key=application.email_key)
    holds = Grant.objects.filter(decision__application=application).exclude(organization=None)
    same |= Q(grant__organization__in=holds.values("organization"))
    given = Decision.objects.filter(
        same,
        later__kind=LaterKind.URGENT,
        state=DecisionState.RELEASED,
        released_at__gte=at - YEAR,
        grant__provider=application.program.provider,
    ).exclude(grant__stage__in=NOTHING)
    return int(given.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def needed_by(asked: Request) -> date | None:
    """The day that an urgent request names, from its first answer that is a date; None without one."""
    for section in asked.sections:
        for question in section["questions"]:
            value = asked.answers.get(question["key"])
            if question["type"] == "date" and isinstance(value, str):
                return date.fromisoformat(value)
    return None


# --- Giving -------------------------------------------------------------------------------------------------------------


def _finish(wish: LaterCredit, application: Application, *, by: User, at: datetime) -> LaterCredit:
    if second_person_wanted(wish, application, at=at):
        return wish
    return _give(wish, application, approved_by=None, by=by, at=at)


def _give(
    wish: LaterCredit, application: Application, *, approved_by: User | None, by: User, at: datetime
) -> LaterCredit:
    """The hold in the pool, the decision and the letter, in the caller's transaction."""
    assert wish.amount_cents is not None
    assert wish.proposed_by is not None
    assert wish.proposed_at is not None
    _refuse_now(wish, application, at)
    award = awards.of(application)
    # Asked again: other credit may have been given on this award since the proposal.
    _amount(wish.amount_cents, rulebook.for_application(application), award)
    organization_id = _organization(wish, award, at)
    counted = counted_cents(wish, application, at=at)
    grant = _reserve(wish, application, organization_id, by, at)
    first = awards.current(application)
    bound = organization_id is not None and first is not None
    try:
        with transaction.atomic():
            Decision.objects.create(
                application=application,
                kind=DecisionKind.LATER,
                state=DecisionState.RELEASED,
                later=wish,
                grant=grant,
                amount_cents=wish.amount_cents,
                months=wish.months,
                granted_models=list(grant.models),
                reason=wish.reason,
                four_eyes_above_cents=four_eyes.limit_cents(
                    rulebook.for_application(application), application.program
                ),
                counted_cents=counted,
                proposed_by=wish.proposed_by,
                proposed_at=wish.proposed_at,
                approved_by=approved_by,
                approved_at=at if approved_by else None,
                released_by=by,
                released_at=at,
                accepted_at=first.accepted_at if bound and first else None,
                accepted_terms_version=first.accepted_terms_version if bound and first else "",
            )
    except IntegrityError as error:
        raise CannotGive(_said(error)) from error
    wish.state, wish.decided_by, wish.decided_at = LaterState.GIVEN, by, at
    wish.save(update_fields=["state", "decided_by", "decided_at"])
    if wish.kind == LaterKind.AGAIN:
        _tell(AwardLetter.POST_AGAIN, wish, application, at, bound=organization_id is not None)
    else:
        _tell(AwardLetter.LATER_GIVEN, wish, application, at)
    _record(wish, "later.give", by, at)
    return wish


def _refuse_now(wish: LaterCredit, application: Application, at: datetime) -> None:
    """What may have changed since it was asked: the list of countries, and what the holder owes."""
    facts = {"country": application.country, "institution_kind": application.institution_kind}
    if blocks := eligibility.blocks_now(application.program.rules.all(), facts):
        raise CannotGive(" ".join(finding.sentence for finding in blocks))
    if wish.kind == LaterKind.AGAIN:
        return
    owed = obligations.overdue(holder_id=application.applicant_id, program_id=application.program_id, at=at)
    if owed:
        raise CannotGive("The holder owes a summary that is overdue. It comes first.")


def _organization(wish: LaterCredit, award: Award, at: datetime) -> int | None:
    """Where the credit goes; None where the holder names it anew."""
    replaced = wish.replaces
    if replaced is not None and (replaced.later is None or replaced.later.kind == LaterKind.AGAIN):
        return None
    found = top_ups.lot(award, at=at)
    if found is None:
        raise CannotGive("No credit of this award is posted and running, so there is nothing to add to.")
    return found.organization_id


def _reserve(
    wish: LaterCredit, application: Application, organization_id: int | None, by: User, at: datetime
) -> Grant:
    assert wish.amount_cents is not None
    rules = rulebook.for_application(application)
    replaced = wish.replaces.grant if wish.replaces is not None else None
    number = Decision.objects.filter(application=application, kind=DecisionKind.LATER).count() + 1
    first = awards.current(application)
    year = at.astimezone(ZoneInfo(application.program.time_zone)).year
    halves = replaced is not None and Grant.objects.filter(half_of=replaced).exists()
    award = grants.AwardToReserve(
        reference=f"{application.reference}-{'R' if replaced else 'T'}{number}",
        program=application.program.slug,
        provider=replaced.provider if replaced else rules.provider,
        holder_id=application.applicant_id,
        organization_id=organization_id,
        amount_cents=wish.amount_cents,
        currency=rules.currency,
        models=first.granted_models if first else rules.standard_models,
        term_months=wish.months,
        held_back_cents=wish.amount_cents // 2 if halves else 0,
        term_starts=replaced.term_starts if replaced else rules.term_starts,
        latest_end_on=replaced.latest_end_on if replaced else rules.term_ends_on,
        late_usage_days=replaced.late_usage_days if replaced else rules.late_usage_days,
    )
    pool = replaced.pool if replaced else ledger.pool_code(application.program.slug, str(year))
    try:
        return grants.reserve(award=award, pool_code=pool, by=by, at=at)
    except (
        ledger.NotEnoughCredit,
        ledger.NoSuchAccount,
        ledger.PostingStopped,
        grants.EndsTooEarly,
    ) as error:
        raise CannotGive(str(error)) from error


def _tell(
    kind: AwardLetter, wish: LaterCredit, application: Application, at: datetime, *, bound: bool = True
) -> None:
    award_letters.put(
        award_letters.letter(
            kind=kind,
            application=application,
            key=str(wish.pk),
            at=at,
            to=application.applicant,
            amount_cents=wish.amount_cents or wish.asked_cents,
            currency=rulebook.for_application(application).currency,
            later=wish.pk,
            bound=bound,
        )
    )


# --- Checks -------------------------------------------------------------------------------------------------------------


def _wish(later_id: int) -> LaterCredit:
    """The wish; its award is locked before it (docs/architecture.md, "Locks"), so it is read again behind that lock."""
    application_id = LaterCredit.objects.values_list("application_id", flat=True).get(pk=later_id)
    _locked(application_id)
    return (
        LaterCredit.objects.select_for_update(of=("self",))
        .select_related("replaces__grant", "replaces__later", "proposed_by", "request")
        .get(pk=later_id)
    )


def _locked(application_id: int) -> Application:
    return (
        Application.objects.select_for_update(of=("self",), no_key=True)
        .select_related("program", "cycle__rules_version", "applicant")
        .get(pk=application_id)
    )


def _refuse_person(by: User, application: Application, *roles: Role) -> None:
    if not memberships.holds(by, application.program, *roles):
        names = " or a ".join("finance approver" if role == Role.FINANCE else str(role) for role in roles)
        raise CannotGive(f"Only a {names} of this program decides this.")
    if reason := conflicts.reason_against(user=by, application=application):
        raise CannotGive(reason)
    root = application.amends_id or application.pk
    if AwardMember.objects.filter(application_id=root, user=by).exists():
        raise CannotGive("You share the credits of this award, or did.")


def _amount(amount_cents: int, rules: Rulebook, award: Award) -> int:
    if amount_cents <= 0:
        raise CannotGive("Give an amount above zero.")
    if reason := awards.above_cap(rules, award.granted_cents, amount_cents):
        raise CannotGive(reason)
    return amount_cents


def _months(rules: Rulebook, months: int | None) -> int | None:
    if rules.term_mode == TermMode.NONE:
        return months
    longest = rules.term_months or 0
    if months is None:
        return longest
    if not 1 <= months <= longest:
        raise CannotGive(f"The term is from 1 to {longest} months.")
    return months


def _reason(text: str) -> str:
    said = _cleaned(text)
    if not said:
        raise CannotGive("Give the reason. It is kept for staff.")
    return said


def _cleaned(text: str) -> str:
    try:
        return clean_text(text, one_line=False).strip()[:LONGEST]
    except UnstorableText as error:
        raise CannotGive(str(error)) from None


def _said(error: IntegrityError) -> str:
    """The sentence of a trigger that refused."""
    return str(error).partition("\n")[0]


def _record(wish: LaterCredit, action: str, by: User, at: datetime) -> None:
    audit.record(
        action=action,
        subject=wish,
        by=by,
        at=at,
        application=wish.application_id,
        kind=wish.kind,
        amount_cents=wish.amount_cents,
    )
