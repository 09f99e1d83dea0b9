"""The rest of a grant goes to another organization: two people of the staff, everything moved once, nothing lost."""

import pytest
from django.db import DatabaseError, transaction

from credits import checks, delivery, enforcement, ledger, organization_changes, pools, queries
from credits.models import Case, ChangeState, EnforcementKind, Grant, OrganizationChange
from credits.movements import AccountKind, Kind
from credits.organization_changes import CannotChangeOrganization
from credits.organizations import WrongOrganizationId
from portal import clock, recovery
from tests.credits.test_enforcement import confirmed, use
from tests.factories.credits import (
    NOON,
    PERIOD,
    PROGRAM,
    account_of,
    balances,
    funded_pool,
    organization,
    person,
)

pytestmark = pytest.mark.django_db

NEW_ID = "5d7b4f52-1c3e-4a6b-9d8f-0a1b2c3d4e5f"
FORM = "anthropic-console"


@pytest.fixture
def grant():
    funded_pool(100_000_00)
    made = confirmed(organization())
    use(made, 300_00)
    return made


def ask(grant, *, by=None, organization_id=NEW_ID, reason="The lab moved.", wish=False):
    act = organization_changes.wish if wish else organization_changes.ask
    return act(grant_id=grant.pk, organization_id=organization_id, format=FORM, reason=reason,
               by=by or (grant.holder if wish else person()), at=NOON)  # fmt: skip


def approve(change, *, by=None):
    return organization_changes.approve(change_id=change.pk, by=by or person(), at=NOON)


def test_two_people_move_the_rest_to_a_new_lot_of_the_same_term(grant):
    change = ask(grant)
    assert balances(grant) == {"granted": 700_00}  # nothing moves before the second yes

    second = person()
    done = approve(change, by=second)

    new = Grant.objects.get(moved_from=grant)
    assert (done.state, done.new_grant, done.transfer.kind) == (ChangeState.DONE, new, "move")
    assert (done.transfer.made_by, done.transfer.approved_by) == (
        change.asked_by.subject_key,
        second.subject_key,
    )
    assert (balances(grant), balances(new)) == ({}, {"granted": 700_00})
    assert (new.amount_cents, new.organization.external_id) == (700_00, NEW_ID)
    assert (new.holder_id, new.expires_on, new.starts_on) == (
        grant.holder_id,
        grant.expires_on,
        grant.starts_on,
    )
    assert new.reference == f"{grant.reference}-M1"
    assert approve(change, by=second).new_grant == new  # again is nothing
    assert Grant.objects.count() == 2
    assert checks.ledger_problems() == []


def test_the_case_says_plainly_what_the_provider_has_to_do(grant):
    approve(ask(grant))

    words = Case.objects.get(kind="hand-over").words
    for part in ("take $700 USD back", grant.organization.external_id, "give it to", NEW_ID, "-M1"):
        assert part in words


def test_sums_count_the_credit_once(grant):
    before = queries.pool_summary(PROGRAM, PERIOD)
    approve(ask(grant))

    assert queries.pool_summary(PROGRAM, PERIOD) == before
    line = pools.lines(programs=[PROGRAM], today=NOON.date())[0]
    assert (line.posted_cents, line.used_cents) == (1_000_00, 300_00)


def test_the_rest_may_move_on_and_names_its_first(grant):
    approve(ask(grant))
    second = Grant.objects.get(moved_from=grant)
    approve(ask(second, organization_id="6e8c5f63-2d4f-4b7c-8e9f-1b2c3d4e5f60"))

    third = Grant.objects.get(moved_from=second)
    assert (second.first, third.first) == (grant, grant)
    assert third.reference == f"{grant.reference}-M2"
    assert balances(third) == {"granted": 700_00}
    assert checks.ledger_problems() == []


def test_a_grantee_wishes_and_two_members_of_staff_say_yes(grant):
    change = ask(grant, wish=True)
    assert change.state == ChangeState.WISHED
    with pytest.raises(CannotChangeOrganization, match="second person"):
        approve(change)
    first = person()
    with pytest.raises(CannotChangeOrganization, match="your own"):
        organization_changes.take_up(change_id=change.pk, by=grant.holder, at=NOON)
    organization_changes.take_up(change_id=change.pk, by=first, at=NOON)
    for wrong in (first, grant.holder):
        with pytest.raises(CannotChangeOrganization):
            approve(change, by=wrong)

    assert approve(change).state == ChangeState.DONE


def test_what_cannot_be_asked(grant):
    with pytest.raises(CannotChangeOrganization, match="your own"):
        ask(grant, by=grant.holder)
    with pytest.raises(CannotChangeOrganization, match="holder"):
        ask(grant, by=person(), wish=True)
    with pytest.raises(CannotChangeOrganization, match="why"):
        ask(grant, reason=" \0 ")
    for bad in ("", "org-abcdefgh", "not an id", NEW_ID + "0"):
        with pytest.raises(WrongOrganizationId):
            ask(grant, organization_id=bad)
    with pytest.raises(CannotChangeOrganization, match="has it"):
        ask(grant, organization_id=grant.organization.external_id)
    who = person()
    assert ask(grant, by=who) == ask(grant, by=who)
    with pytest.raises(CannotChangeOrganization, match="waits already"):
        ask(grant)
    assert OrganizationChange.objects.count() == 1


def test_nothing_moves_from_or_to_an_organization_on_hold_and_nothing_that_is_not_there(grant):
    change = ask(grant)
    hold = {"kind": EnforcementKind.HOLD, "reason": "x", "at": NOON}
    there = enforcement.impose(organization_id=change.to_organization_id, by=person(), **hold)
    with pytest.raises(CannotChangeOrganization, match="at the moment"):
        approve(change)
    enforcement.lift(enforcement_id=there.pk, reason="x", by=person(), at=NOON)
    here = enforcement.impose(organization_id=grant.organization_id, by=person(), **hold)
    with pytest.raises(CannotChangeOrganization, match="on hold"):
        approve(change)
    enforcement.lift(enforcement_id=here.pk, reason="x", by=person(), at=NOON)
    use(grant, 700_00)
    with pytest.raises(CannotChangeOrganization, match="Nothing is left"):
        approve(change)

    assert Grant.objects.count() == 1
    assert OrganizationChange.objects.get().state == ChangeState.ASKED


def test_refused_or_taken_back_while_it_waits(grant):
    asker = person()
    first = ask(grant, by=asker)
    with pytest.raises(CannotChangeOrganization, match="asked"):
        organization_changes.take_back(change_id=first.pk, by=person(), at=NOON)
    organization_changes.take_back(change_id=first.pk, by=asker, at=NOON)
    second = ask(grant)
    with pytest.raises(CannotChangeOrganization, match="reason"):
        organization_changes.refuse(change_id=second.pk, answer="", by=person(), at=NOON)
    organization_changes.refuse(change_id=second.pk, answer="Another lab.", by=person(), at=NOON)

    for change in (first, second):
        with pytest.raises(CannotChangeOrganization):
            approve(change)
    assert balances(grant) == {"granted": 700_00}


def test_the_database_asks_for_two_people_and_for_the_right_lot(grant):
    """Movements by hand: alone, with the holder, to a lot that does not follow, of another amount."""
    one, other = person(), person()
    stranger = confirmed(organization())

    def move(to, cents, by, approved_by):
        with transaction.atomic():
            ledger.post(
                kind=Kind.MOVE,
                source=account_of(grant, AccountKind.GRANTED),
                destination=ledger.open_account(
                    code=f"granted:{to.pk}", kind=AccountKind.GRANTED, program=to.program, grant_id=to.pk
                ),
                amount_cents=cents,
                key=f"by-hand:{to.pk}:{cents}:{by.pk}",
                by=by,
                approved_by=approved_by,
                at=NOON,
            )

    follower = organization_changes._follow(grant, organization(NEW_ID), 700_00, NOON)
    for to, cents, by, approved_by in [
        (follower, 700_00, one, one),
        (follower, 700_00, one, None),
        (follower, 700_00, grant.holder, one),
        (follower, 700_00, one, grant.holder),
        (follower, 699_99, one, other),
        (stranger, 700_00, one, other),
    ]:
        with pytest.raises(ledger.Refused):
            move(to, cents, by, approved_by)
    assert balances(grant) == {"granted": 700_00}
    move(follower, 700_00, one, other)
    assert balances(follower) == {"granted": 700_00}


def test_the_database_keeps_what_was_asked(grant):
    change = ask(grant)
    for fields in ({"reason": "y"}, {"asked_by": person()}, {"to_organization": organization()}):
        with pytest.raises(DatabaseError), transaction.atomic():
            OrganizationChange.objects.filter(pk=change.pk).update(**fields)
    approve(change)
    for fields in ({"state": "asked"}, {"answer": "y"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            OrganizationChange.objects.filter(pk=change.pk).update(**fields)
    with pytest.raises(DatabaseError), transaction.atomic():
        Grant.objects.filter(moved_from=grant).update(first=None, moved_from=None)
    with pytest.raises(DatabaseError), transaction.atomic():
        OrganizationChange.objects.all().delete()


def test_the_new_lot_is_not_sent_again(grant):
    approve(ask(grant))

    assert delivery.dispatch(at=NOON) == 0
    assert organization_changes.why_not(grant) == "Nothing is left of it."


# --- The grantee's page ----------------------------------------------------------------------------------------------------


def test_the_holder_asks_on_a_page_and_reads_the_answer(grant, client):
    address = f"/credits/{grant.uuid}/organization/"
    client.force_login(grant.holder, backend="django.contrib.auth.backends.ModelBackend")
    wish = {"organization_id": NEW_ID, "again": NEW_ID, "reason": "The lab moved."}
    with clock.set_to(NOON):
        assert "Enter the organization ID." in client.post(address, {}).content.decode()
        assert "The two differ" in client.post(address, wish | {"again": "x"}).content.decode()
        wrong = client.post(address, wish | {"organization_id": "org-abcdefgh1", "again": "org-abcdefgh1"})
        assert wrong.status_code == 422  # the form of another provider
        client.post(address, wish)
        change = OrganizationChange.objects.get()
        assert (change.state, change.wished_by) == (ChangeState.WISHED, grant.holder)
        assert "People here are looking at it" in client.get(address).content.decode()
        organization_changes.refuse(change_id=change.pk, answer="Another lab.", by=person(), at=NOON)
        assert "Another lab." in client.get(address).content.decode()
        client.post(address, wish)
        second = OrganizationChange.objects.exclude(pk=change.pk).get()
        client.post(address, {"take_back": second.pk})
        assert client.post(address, {"take_back": "٣"}).status_code == 404
        second.refresh_from_db()
        assert second.state == ChangeState.TAKEN_BACK

        done = approve(ask(grant))
        page = client.get(f"/credits/{grant.uuid}/").content.decode()
        assert done.new_grant.reference in page
        assert grant.reference in client.get(f"/credits/{done.new_grant.uuid}/").content.decode()


def test_the_page_of_a_grant_on_hold_says_whom_to_ask_and_nothing_else(grant, client, settings):
    enforcement.impose(
        organization_id=grant.organization_id,
        kind=EnforcementKind.SUSPEND,
        reason="Canary reason.",
        by=person(),
        at=NOON,
    )
    client.force_login(grant.holder, backend="django.contrib.auth.backends.ModelBackend")

    with clock.set_to(NOON):
        page = client.get(f"/credits/{grant.uuid}/").content.decode()

    assert "is on hold" in page
    assert f"mailto:{settings.CONTACT_EMAIL}" in page
    assert "Canary" not in page
    assert "uspen" not in page


def test_an_account_that_was_just_recovered_asks_for_nothing(grant):
    recovery.note(user=grant.holder, how="password_reset", at=NOON)

    with pytest.raises(CannotChangeOrganization, match="three days"):
        ask(grant, wish=True, by=grant.holder)
