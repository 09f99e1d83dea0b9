"""What a grantee does with an award: accept the terms and name the organization that gets the credit."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from applications import conflicts, eligibility, four_eyes
from applications.models import Application, Decision, DecisionKind, DecisionState, HeldAcceptance
from applications.states import State
from credits import grants, organizations
from credits.models import Stage
from portal import audit
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
    nothing. Raises CannotAccept.
    """
    with transaction.atomic():
        application = (
            Application.objects.select_for_update(of=("self",))
            .select_related("program", "cycle__rules_version")
            .get(pk=application_id)
        )
        decision = (
            Decision.objects.select_for_update(of=("self",))
            .filter(application=application, kind=DecisionKind.AWARD, state=DecisionState.RELEASED)
            .select_related("grant__organization")
            .first()
        )
        if decision is None or decision.grant is None or application.state != State.AWARDED:
            raise CannotAccept(_("There is no award to accept."))
        rules = rulebook.for_application(application)
        if rules.terms and not terms_accepted:
            raise CannotAccept(_("Read the terms and accept them first."))
        grant = decision.grant
        if decision.accepted_at is None or grant.organization is None:
            _refuse_ineligible(application)
        try:
            text = organizations.clean_external_id(rules.organization_id_format, organization_id)
            if grant.organization is not None and grant.organization.external_id != text:
                raise CannotAccept(_("This award has its organization already. Ask us to change it."))
            if grant.organization is None and grant.stage == Stage.RESERVED:
                known = organizations.register_many(provider=grant.provider, external_ids={text}, at=at)
                _bind_or_hold(decision, known[text], by, at)
        except organizations.WrongOrganizationId as error:
            raise CannotAccept(str(error)) from error
        if decision.accepted_at is None:
            decision.accepted_at = at
            decision.accepted_terms_version = rules.terms_version
            decision.save(update_fields=["accepted_at", "accepted_terms_version"])
            audit.record(action="award.accept", subject=decision, by=by, at=at, application=application.pk)
        return decision


def _bind_or_hold(decision: Decision, organization_id: int, by: User, at: datetime) -> None:
    assert decision.grant_id is not None
    held = HeldAcceptance.objects.filter(decision=decision).first()
    if held is not None:
        if held.organization_id != organization_id:
            raise CannotAccept(_("This award has its organization already. Ask us to change it."))
        return
    counted, limit = four_eyes.with_organization(decision_id=decision.pk, organization_id=organization_id)
    if counted <= limit or decision.approved_by_id is not None:
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


def approve(*, held_id: int, by: User, at: datetime) -> HeldAcceptance:
    """The second person's yes to an accepted award; its organization is bound and the next sweep posts it.

    Raises CannotAccept unless it waits, and is approved by a manager or finance approver who neither proposed it nor has
    a conflict with it.
    """
    with transaction.atomic():
        application_id = HeldAcceptance.objects.values_list("decision__application_id", flat=True).get(
            pk=held_id
        )
        application = (
            Application.objects.select_for_update(of=("self",))
            .select_related("program")
            .get(pk=application_id)
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
        held.approved_by, held.approved_at = by, at
        held.save(update_fields=["approved_by", "approved_at"])
        grants.bind_organization(grant_id=grant.pk, organization_id=held.organization_id, by=by, at=at)
        audit.record(action="award.approve", subject=held, by=by, at=at, application=application_id)
        return held


def _refuse_ineligible(application: Application) -> None:
    """Country lists change between release and acceptance; nothing is posted to where the service is not offered."""
    facts = {"country": application.country, "institution_kind": application.institution_kind}
    blocks = eligibility.blocks_now(application.program.rules.all(), facts)
    if blocks:
        sentences = " ".join(finding.sentence for finding in blocks)
        raise CannotAccept(f"{sentences} " + _("The award stays yours; write to us and we look for a way."))
