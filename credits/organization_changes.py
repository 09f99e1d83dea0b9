"""The rest of a grant goes to another organization: asked by one member of staff, approved by another, moved once.

The new lot is a grant of its own with the same holder, program and last day; the old one shows where its rest went. The
provider is not told by machine: a case says what has to be done there. Source: docs/ledger.md, "Another organization".
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils.translation import gettext as _

from credits import cases, enforcement, grants, ledger, lots, organizations
from credits.models import ChangeState, Grant, Organization, OrganizationChange, Stage
from credits.models.organization_change import WAITING
from credits.money import with_code
from credits.movements import AccountKind, Kind
from portal import audit, recovery
from portal.models import User
from portal.refusals import Refused

CASE = "hand-over"  # what a person tells the provider


class CannotChangeOrganization(Refused):
    """The rest of this grant cannot go there, or not by this person. The message says why."""


def ask(
    *, grant_id: int, organization_id: str, format: str, reason: str, by: User, at: datetime
) -> OrganizationChange:
    """Ask, as staff, that the rest of a grant goes to another organization. Nothing moves before a second person's yes.

    organization_id: the ID at the provider; format: its form, as organizations.clean_external_id knows it. The same
    again by the same person is one wish. Raises CannotChangeOrganization, organizations.WrongOrganizationId.
    """
    return _open(grant_id, organization_id, format, reason=reason, by=by, at=at, is_wish=False)


def wish(
    *, grant_id: int, organization_id: str, format: str, reason: str, by: User, at: datetime
) -> OrganizationChange:
    """Ask for it as the holder of the grant. Two members of staff have to say yes. Raises as ask() does, and for three
    days after the account was recovered by mail.
    """
    if recovery.hold_until(by, at=at) is not None:
        raise CannotChangeOrganization(
            _(
                "Your account was recovered by mail. For three days after that no organization is changed on its word."
            )
        )
    return _open(grant_id, organization_id, format, reason=reason, by=by, at=at, is_wish=True)


@transaction.atomic
def take_up(*, change_id: int, by: User, at: datetime) -> OrganizationChange:
    """The first yes to what a grantee wished; a second person decides. Doing it again changes nothing."""
    change = _locked(change_id)
    if change.state == ChangeState.ASKED and change.asked_by_id == by.pk:
        return change
    if change.state != ChangeState.WISHED:
        raise CannotChangeOrganization("This waits for nobody's first yes any more.")
    _refuse_holder(change.grant, by)
    change.state, change.asked_by, change.asked_at = ChangeState.ASKED, by, at
    change.save(update_fields=["state", "asked_by", "asked_at"])
    audit.record(action="organization_change.take_up", subject=change, by=by, at=at, grant=change.grant_id)
    return change


@transaction.atomic
def approve(*, change_id: int, by: User, at: datetime) -> OrganizationChange:
    """The second yes: the rest moves to a new lot for the other organization. Approving again changes nothing.

    Raises CannotChangeOrganization when it is decided, `by` is the holder or asked, or nothing can move now, and what
    the ledger refuses (a hold, a country, a gate).
    """
    change = _locked(change_id)
    if change.state == ChangeState.DONE and change.decided_by_id == by.pk:
        return change
    if change.state != ChangeState.ASKED:
        raise CannotChangeOrganization(f"It does not wait for a second person: {_state(change)}.")
    if change.asked_by_id == by.pk:
        raise CannotChangeOrganization("You said yes to this already. Another person decides it.")
    _refuse_holder(change.grant, by)
    assert change.asked_by is not None
    # As every use and every end of credit does, so that the balance stands still (credits.lots).
    lots.lock_organizations([pk for pk in (change.grant.organization_id, change.to_organization_id) if pk])
    old = grants.locked(change.grant_id)
    left_cents = _check(old, change.to_organization)
    new = _follow(old, change.to_organization, left_cents, at)
    change.transfer = ledger.post(
        kind=Kind.MOVE,
        source=ledger.account(ledger.code_of(AccountKind.GRANTED, old.pk)),
        destination=ledger.open_account(
            code=ledger.code_of(AccountKind.GRANTED, new.pk),
            kind=AccountKind.GRANTED,
            program=new.program,
            grant_id=new.pk,
            currency=new.currency,
        ),
        amount_cents=left_cents,
        key=grants.key_of(new, "move"),
        by=change.asked_by,
        approved_by=by,
        at=at,
    )
    change.new_grant = new
    done = _decide(change, ChangeState.DONE, by=by, at=at)
    _hand_over(old, new, left_cents, at)
    return done


@transaction.atomic
def refuse(*, change_id: int, answer: str, by: User, at: datetime) -> OrganizationChange:
    """Say no, with a reason. Refusing again changes nothing."""
    change = _locked(change_id)
    if change.state == ChangeState.REFUSED and change.decided_by_id == by.pk:
        return change
    if change.state not in WAITING:
        raise CannotChangeOrganization(f"This is decided: {_state(change)}.")
    _refuse_holder(change.grant, by)
    change.answer = _line(answer)
    if not change.answer:
        raise CannotChangeOrganization("Give a reason. Whoever asked reads it.")
    return _decide(change, ChangeState.REFUSED, by=by, at=at)


@transaction.atomic
def take_back(*, change_id: int, by: User, at: datetime) -> OrganizationChange:
    """Withdraw what one asked or wished oneself, while it waits. Doing it again changes nothing."""
    change = _locked(change_id)
    if change.state == ChangeState.TAKEN_BACK and change.decided_by_id == by.pk:
        return change
    if by.pk not in (change.wished_by_id, change.asked_by_id):
        raise CannotChangeOrganization("Only the person who asked takes it back.")
    if change.state not in WAITING:
        raise CannotChangeOrganization(f"This is decided: {_state(change)}.")
    return _decide(change, ChangeState.TAKEN_BACK, by=by, at=at)


# --- Queries --------------------------------------------------------------------------------------------------------------


def of_grant(grant: Grant) -> list[OrganizationChange]:
    """Every change that was asked for a grant, waiting ones first, then the newest."""
    waits = Case(When(state__in=WAITING, then=Value(0)), default=Value(1), output_field=IntegerField())
    return list(changes().filter(grant=grant).order_by(waits, "-pk"))


def changes() -> QuerySet[OrganizationChange]:
    """Changes with what a row shows."""
    return OrganizationChange.objects.select_related(
        "grant__organization",
        "grant__holder",
        "to_organization",
        "wished_by",
        "asked_by",
        "decided_by",
        "new_grant",
    )


def left_cents(grant: Grant) -> int:
    """What could move now, in cents."""
    code = ledger.code_of(AccountKind.GRANTED, grant.pk)
    found = grant.accounts.filter(code=code).values_list("balance_cents", flat=True).first()
    return found or 0


def why_not(grant: Grant) -> str:
    """Why the rest of a grant cannot go anywhere now; "" when it can."""
    if grant.stage != Stage.CONFIRMED:
        return _("Its credit has not been posted. Until then its organization is the one that was named.")
    if enforcement.is_held(grant.organization_id):
        return _("Its organization is on hold. What is frozen stays where it is until the hold is lifted.")
    if not left_cents(grant):
        return _("Nothing is left of it.")
    if grant.moved_to.exists():
        return _(
            "Its rest went to another organization before. What came back since then can only be used here."
        )
    return ""


def others_with(organization: Organization, *, than: Grant) -> list[str]:
    """References of grants of other holders that go to this organization: a warning, never a refusal."""
    rows = Grant.objects.filter(organization=organization).exclude(holder=than.holder_id).order_by("-pk")
    return list(rows.values_list("reference", flat=True)[:10])


# --- Steps ------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def _open(
    grant_id: int, external_id: str, format: str, *, reason: str, by: User, at: datetime, is_wish: bool
) -> OrganizationChange:
    grant = grants.locked(grant_id)
    if is_wish and grant.holder_id != by.pk:
        raise CannotChangeOrganization(_("Only the holder of the credit asks for this."))
    if not is_wish:
        _refuse_holder(grant, by)
    words = _line(reason)
    if not words:
        raise CannotChangeOrganization(_("Say why it changes. The person who decides reads it."))
    cleaned = organizations.clean_external_id(format, external_id)
    organization = organizations.get_or_register(
        provider=grant.provider, external_id=cleaned, format=format, at=at
    )
    standing = OrganizationChange.objects.filter(grant=grant, state__in=WAITING).first()
    if standing is not None:
        if (standing.to_organization_id, standing.reason) == (organization.pk, words) and by.pk in (
            standing.wished_by_id,
            standing.asked_by_id,
        ):
            return standing
        raise CannotChangeOrganization(_("A change of this grant waits already. It is decided first."))
    _check(grant, organization)
    change = OrganizationChange.objects.create(
        grant=grant,
        to_organization=organization,
        reason=words,
        state=ChangeState.WISHED if is_wish else ChangeState.ASKED,
        wished_by=by if is_wish else None,
        asked_by=None if is_wish else by,
        asked_at=None if is_wish else at,
        opened_at=at,
    )
    step = "wish" if is_wish else "ask"
    audit.record(action=f"organization_change.{step}", subject=change, by=by, at=at, grant=grant.pk)
    return change


def _check(grant: Grant, organization: Organization) -> int:
    """What is left in cents. Raises CannotChangeOrganization when it cannot go to this organization."""
    if reason := why_not(grant):
        raise CannotChangeOrganization(reason)
    if organization.pk == grant.organization_id:
        raise CannotChangeOrganization(_("This is the organization that has it."))
    if organization.provider != grant.provider:
        raise CannotChangeOrganization(_("This organization belongs to another provider."))
    if enforcement.is_held(organization.pk):
        raise CannotChangeOrganization(_("Nothing can go to this organization at the moment."))
    return left_cents(grant)


def _follow(old: Grant, organization: Organization, cents: int, at: datetime) -> Grant:
    """The lot that takes the rest over: everything that was decided stays, but the organization and the amount."""
    first = old.first or old.half_of or old
    number = first.later_lots.count() + 1
    return Grant.objects.create(
        reference=f"{first.reference[:58]}-M{number}",
        program=old.program,
        provider=old.provider,
        pool=old.pool,
        holder_id=old.holder_id,
        organization=organization,
        amount_cents=cents,
        currency=old.currency,
        models=old.models,
        term_months=old.term_months,
        term_starts=old.term_starts,
        latest_end_on=old.latest_end_on,
        late_usage_days=old.late_usage_days,
        starts_on=old.starts_on,
        expires_on=old.expires_on,
        stage=Stage.CONFIRMED,
        moved_from=old,
        first=first,
        created_at=at,
        sent_at=at,
        confirmed_at=at,
    )


def _hand_over(old: Grant, new: Grant, cents: int, at: datetime) -> None:
    """What the provider has to be told, for the person who settles the case."""
    assert old.organization is not None
    assert new.organization is not None
    amount = with_code(cents, new.currency)
    last = f", usable to {new.expires_on:%Y-%m-%d}" if new.expires_on else ""
    cases.open_case(
        kind=CASE,
        key=f"move:{new.uuid}",
        words=(
            f"The provider has to take {amount} back from organization {old.organization.external_id} "
            f"(grant {old.reference}) and give it to organization {new.organization.external_id} "
            f"(grant {new.reference}{last}). Settle this with the provider's confirmation."
        ),
        at=at,
        grant_id=new.pk,
        organization_id=new.organization_id,
    )


def _locked(change_id: int) -> OrganizationChange:
    rows = OrganizationChange.objects.select_for_update(of=("self",), no_key=True)
    wanted = ("grant__organization", "to_organization", "asked_by")
    return rows.select_related(*wanted).get(pk=change_id)


def _refuse_holder(grant: Grant, by: User) -> None:
    if grant.holder_id == by.pk:
        raise CannotChangeOrganization("This is your own grant. Other people decide about it.")


def _decide(change: OrganizationChange, state: ChangeState, *, by: User, at: datetime) -> OrganizationChange:
    change.state, change.decided_by, change.decided_at = state, by, at
    change.save(update_fields=["state", "decided_by", "decided_at", "answer", "new_grant", "transfer"])
    audit.record(
        action=f"organization_change.{state.value}",
        subject=change,
        by=by,
        at=at,
        grant=change.grant_id,
        new_grant=change.new_grant_id,
        transfer=change.transfer_id,
    )
    return change


def _state(change: OrganizationChange) -> str:
    return change.get_state_display().lower()


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:300]
