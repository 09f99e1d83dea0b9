"""What a grantee does with an award: accept the terms and name the organization that gets the credit."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from applications import award_letters, awards, conflicts, declining, eligibility, four_eyes, shared_ids
from applications.models import Application, AwardEnding, AwardLetter, Decision, Ending, HeldAcceptance
from applications.states import State
from credits import grants, ledger, organizations
from credits.models import Stage
from credits.providers.base import Found, Standing
from portal import audit, recovery, texts
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, rulebook


class CannotAccept(Refused):
    """There is no award to accept, the terms were not accepted, or the organization ID has the wrong form."""


def accept(
    *, application_id: int, organization_id: str, terms_accepted: bool, by: User, at: datetime
) -> Decision:
    """Record that the holder accepted the terms and bind the organization; posting starts with the next sweep.

    Where the organization was not named before and is, with its other awards of twelve months, above the limit, a second
    person looks first (approve) and nothing is posted until then. Accepting again with the same organization changes
    nothing. No organization is taken for three days after the account was recovered by mail. Raises CannotAccept.
    """
    looked_up = _look_up(application_id, organization_id)
    with transaction.atomic():
        application = (
            Application.objects.select_for_update(of=("self",))
            .select_related("program", "cycle__rules_version")
            .get(pk=application_id)
        )
        decision = _current(application)
        if decision is None or decision.grant is None or application.state != State.AWARDED:
            raise CannotAccept(_("There is no award to accept."))
        _refuse_ended(decision)
        rules = rulebook.for_application(application)
        if rules.terms and not terms_accepted:
            raise CannotAccept(_("Read the terms and accept them first."))
        grant = decision.grant
        if decision.accepted_at is None or grant.organization is None:
            _refuse_ineligible(application)
        if grant.organization is None:
            _refuse_recovered(by, at)
            _refuse_unfit(application, looked_up)
        try:
            text = organizations.clean_external_id(rules.organization_id_format, organization_id)
            if grant.organization is not None and grant.organization.external_id != text:
                raise CannotAccept(_("This award has its organization already. Ask us to change it."))
            if grant.organization is None and grant.stage == Stage.RESERVED:
                known = organizations.register_many(provider=grant.provider, external_ids={text}, at=at)
                _bind_or_hold(decision, known[text], by, at)
                shared_ids.tell(grant_id=grant.pk, organization_id=known[text], at=at)
        except organizations.WrongOrganizationId as error:
            raise CannotAccept(str(error)) from error
        if decision.accepted_at is None:
            decision.accepted_at = at
            decision.accepted_terms_version = rules.terms_version
            decision.save(update_fields=["accepted_at", "accepted_terms_version"])
            audit.record(action="award.accept", subject=decision, by=by, at=at, application=application.pk)
        return decision


def why_not_now(by: User, *, at: datetime) -> str:
    """Why no organization can be named from this account at the moment; "" when nothing is in the way. No query."""
    until = recovery.hold_until(by, at=at)
    if until is None:
        return ""
    return _(
        "The password or the address of your account was changed lately. As a protection, an organization can be named "
        "from %(moment)s on. If that change was not yours, write to us at once."
    ) % {"moment": texts.moment(until)}


def _look_up(application_id: int, organization_id: str) -> Found:
    """What the provider says of an ID, asked before anything is locked. Only for an award that waits for one."""
    if not organizations.can_be_asked():
        return Found(Standing.NOT_ASKED)
    application = Application.objects.select_related("program", "cycle__rules_version").get(pk=application_id)
    decision = awards.current(application)
    if decision is None or not awards.waits(decision):
        return Found(Standing.NOT_ASKED)
    rules = rulebook.for_application(application)
    try:
        text = organizations.clean_external_id(rules.organization_id_format, organization_id)
    except organizations.WrongOrganizationId as error:
        raise CannotAccept(str(error)) from error
    return organizations.ask_provider(text)


def _current(application: Application) -> Decision | None:
    """The award to accept, locked behind its application."""
    found = awards.current(application)
    if found is None:
        return None
    Decision.objects.select_for_update(of=("self",)).get(pk=found.pk)
    return awards.current(application)


def _refuse_ended(decision: Decision) -> None:
    ending = awards.ending_of(decision)
    if ending == Ending.DECLINED:
        raise CannotAccept(_("You declined this award. That cannot be taken back; you can apply again."))
    if ending == Ending.LAPSED:
        raise CannotAccept(
            _("This award was not accepted in time, and its credits went back to the program.")
        )
    if ending == Ending.REFUSED:
        raise CannotAccept(_("This award was not confirmed, and its credits went back to the program."))


def _refuse_recovered(by: User, at: datetime) -> None:
    if reason := why_not_now(by, at=at):
        raise CannotAccept(reason)


def _refuse_unfit(application: Application, found: Found) -> None:
    """What the provider said of the organization: it does not know it, has suspended it, or it is in another country."""
    if found.standing == Standing.UNKNOWN:
        raise CannotAccept(
            _("The provider knows no organization with this ID. Copy it again from the provider’s settings.")
        )
    if found.standing == Standing.SUSPENDED:
        raise CannotAccept(
            _(
                "The provider has suspended this organization, so no credits can go there. Settle it with the provider "
                "first, or name another organization."
            )
        )
    if found.country:
        facts = {"country": found.country, "institution_kind": application.institution_kind}
        if eligibility.blocks_now(application.program.rules.all(), facts):
            raise CannotAccept(
                _("This organization is registered in a country where the service is not offered.")
            )


def _bind_or_hold(decision: Decision, organization_id: int, by: User, at: datetime) -> None:
    assert decision.grant_id is not None
    held = HeldAcceptance.objects.filter(decision=decision).first()
    if held is not None:
        if held.organization_id != organization_id:
            raise CannotAccept(_("This award has its organization already. Ask us to change it."))
        return
    counted, limit = four_eyes.with_organization(decision_id=decision.pk, organization_id=organization_id)
    other = four_eyes.approved_for_another(decision_id=decision.pk, organization_id=organization_id)
    if not other and (counted <= limit or decision.approved_by_id is not None):
        grants.bind_organization(grant_id=decision.grant_id, organization_id=organization_id, by=by, at=at)
        return
    held = HeldAcceptance.objects.create(
        decision=decision,
        organization_id=organization_id,
        counted_cents=counted,
        limit_cents=limit,
        named_by=by,
        named_at=at,
    )
    audit.record(
        action="award.hold",
        subject=held,
        by=by,
        at=at,
        application=decision.application_id,
        counted_cents=counted,
    )


@transaction.atomic
def approve(*, held_id: int, by: User, at: datetime) -> HeldAcceptance:
    """The second person's yes to an accepted award; its organization is bound and the next sweep posts it.

    Raises CannotAccept unless it waits, and is approved by a manager or finance approver who neither proposed it nor has
    a conflict with it.
    """
    application, held = _for_second_person(held_id, by)
    assert held.decision.grant_id is not None
    held.approved_by, held.approved_at = by, at
    held.save(update_fields=["approved_by", "approved_at"])
    grants.bind_organization(
        grant_id=held.decision.grant_id, organization_id=held.organization_id, by=by, at=at
    )
    audit.record(action="award.approve", subject=held, by=by, at=at, application=application.pk)
    return held


@transaction.atomic
def refuse(*, held_id: int, words: str, by: User, at: datetime) -> AwardEnding:
    """The second person's no: the award ends, its credit goes back to the pool, and its holder is told in these words.

    The same people as for approve. Staff may post it again, for another organization (applications.later_credit).
    Raises CannotAccept, also without words and while posting is stopped.
    """
    application, held = _for_second_person(held_id, by)
    said = declining.clean(words, CannotAccept)
    if not said:
        raise CannotAccept("Say why. The holder reads it.")
    grant = held.decision.grant
    assert grant is not None
    try:
        ending = declining.end(application, held.decision, kind=Ending.REFUSED, words=said, by=by, at=at)
    except ledger.PostingStopped as error:
        raise CannotAccept(str(error)) from error
    audit.record(
        action="award.refuse",
        subject=held.decision,
        by=by,
        at=at,
        application=application.pk,
        amount_cents=grant.amount_cents,
    )
    award_letters.put(
        award_letters.letter(
            kind=AwardLetter.AWARD_REFUSED,
            application=application,
            key=str(held.decision_id),
            at=at,
            to=application.applicant,
            amount_cents=grant.amount_cents,
            currency=grant.currency,
            words=said,
        )
    )
    return ending


def _for_second_person(held_id: int, by: User) -> tuple[Application, HeldAcceptance]:
    """What waits for a second person, locked behind its application, once this person may say yes or no to it."""
    held = HeldAcceptance.objects.select_related("decision").get(pk=held_id)
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "applicant")
        .get(pk=held.decision.application_id)
    )
    held = (
        HeldAcceptance.objects.select_for_update(of=("self",))
        .select_related("decision__grant")
        .get(pk=held_id)
    )
    grant = held.decision.grant
    if held.approved_by_id is not None or grant is None or grant.stage != Stage.RESERVED:
        raise CannotAccept("This award waits for nobody any more.")
    if not memberships.holds(by, application.program, Role.MANAGER, Role.FINANCE):
        raise CannotAccept("Only a manager or a finance approver of this program approves.")
    if by.pk == held.decision.proposed_by_id:
        raise CannotAccept("You proposed this award; a second person has to approve it.")
    if reason := conflicts.reason_against(user=by, application=application):
        raise CannotAccept(reason)
    return application, held


def _refuse_ineligible(application: Application) -> None:
    """Country lists change between release and acceptance; nothing is posted to where the service is not offered."""
    facts = {"country": application.country, "institution_kind": application.institution_kind}
    blocks = eligibility.blocks_now(application.program.rules.all(), facts)
    if blocks:
        sentences = " ".join(finding.sentence for finding in blocks)
        raise CannotAccept(f"{sentences} " + _("The award stays yours; write to us and we look for a way."))
