"""What a grantee does with an award: accept the terms and name the organization that gets the credit."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from applications import eligibility
from applications.models import Application, Decision, DecisionKind, DecisionState
from applications.states import State
from credits import grants, organizations
from credits.models import Stage
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import rulebook


class CannotAccept(Refused):
    """There is no award to accept, the terms were not accepted, or the organization ID has the wrong form."""


def accept(
    *, application_id: int, organization_id: str, terms_accepted: bool, by: User, at: datetime
) -> Decision:
    """Record that the holder accepted the terms and bind the organization; posting starts with the next sweep.

    Accepting again with the same organization changes nothing. Raises CannotAccept.
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
                grants.bind_organization(grant_id=grant.pk, organization_id=known[text], by=by, at=at)
        except organizations.WrongOrganizationId as error:
            raise CannotAccept(str(error)) from error
        if decision.accepted_at is None:
            decision.accepted_at = at
            decision.accepted_terms_version = rules.terms_version
            decision.save(update_fields=["accepted_at", "accepted_terms_version"])
            audit.record(action="award.accept", subject=decision, by=by, at=at, application=application.pk)
        return decision


def _refuse_ineligible(application: Application) -> None:
    """Country lists change between release and acceptance; nothing is posted to where the service is not offered."""
    facts = {"country": application.country, "institution_kind": application.institution_kind}
    blocks = eligibility.blocks_now(application.program.rules.all(), facts)
    if blocks:
        sentences = " ".join(finding.sentence for finding in blocks)
        raise CannotAccept(f"{sentences} " + _("The award stays yours; write to us and we look for a way."))
