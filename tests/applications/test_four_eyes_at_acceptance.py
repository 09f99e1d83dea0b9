"""Four eyes where the organization is named only at acceptance: two small grants to one do not pass."""

from collections.abc import Callable
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from applications import acceptance, later_credit, notices, release
from applications.models import (
    Application,
    AwardEnding,
    AwardLetter,
    Decision,
    Ending,
    HeldAcceptance,
    Notice,
)
from credits import checks, delivery, queries
from credits.models import Grant, Stage
from portal import clock
from portal.roles import Role
from programs.models import Program
from tests.applications.test_release import World
from tests.factories.applications import (
    AFTER,
    ORGANIZATION_ID,
    make_member,
)
from tests.factories.staff import signed_in

pytestmark = pytest.mark.django_db

LIMIT = 10_000_00
OTHER_ID = "1c1d0b75-8b67-4b4a-8f6f-2e3d4c5b6a79"


# --- An organization named only at acceptance


class Late(World):
    """Two small awards of two people, released; the first is accepted for an organization."""

    def __init__(self, *, accepted: bool = True) -> None:
        super().__init__(applications=2, terms="Use it well.")
        self.first, self.other = self.applications
        for application in self.applications:
            self.award(application)
        self.release()
        if accepted:
            self.accept(self.first)
        self.large = Decision.objects.get(application=self.other)

    def accept(self, application: Application, organization_id: str = ORGANIZATION_ID) -> Decision:
        return acceptance.accept(
            application_id=application.pk,
            organization_id=organization_id,
            terms_accepted=True,
            by=application.applicant,
            at=AFTER,
        )

    def posted(self) -> int:
        delivery.dispatch(at=AFTER)
        return Grant.objects.filter(stage=Stage.SENT).count()


def _accepts(world: Late) -> None:
    world.accept(world.other)


def _accepts_and_another(world: Late) -> None:
    world.accept(world.other)
    world.accept(world.other, OTHER_ID)


def _written_into_the_grant(world: Late) -> None:
    bound = Grant.objects.get(decision__application=world.first).organization
    Grant.objects.filter(decision=world.large).update(organization=bound)


def _approved_by_the_proposer(world: Late) -> None:
    world.accept(world.other)
    acceptance.approve(held_id=world.large.held.pk, by=world.manager, at=AFTER)


def _approved_by_the_holder_in_the_table(world: Late) -> None:
    make_member(world.program, Role.MANAGER, user=world.other.applicant)
    world.accept(world.other)
    HeldAcceptance.objects.update(approved_by=world.other.applicant, approved_at=AFTER)


def _approved_by_a_reviewer_of_it(world: Late) -> None:
    world.accept(world.other)
    acceptance.approve(held_id=world.large.held.pk, by=world.reviewers[0], at=AFTER)


def _program_limit_raised_for_the_acceptance(world: Late) -> None:
    Program.objects.filter(pk=world.program.pk).update(four_eyes_above_cents=LIMIT * 10)
    world.accept(world.other)


def _another_grant_in_its_place(world: Late) -> None:
    bound = Grant.objects.get(decision__application=world.first).organization
    grant = Grant.objects.get(decision=world.large)
    grant.pk, grant.uuid, grant.reference, grant.organization = None, uuid4(), "other", bound
    grant.save()
    Decision.objects.filter(pk=world.large.pk).update(grant=grant)


LATE_TRIES: list[Callable[[Late], None]] = [
    _accepts,
    _accepts_and_another,
    _written_into_the_grant,
    _approved_by_the_proposer,
    _approved_by_the_holder_in_the_table,
    _approved_by_a_reviewer_of_it,
    _program_limit_raised_for_the_acceptance,
    _another_grant_in_its_place,
]


@pytest.mark.parametrize("attempt", LATE_TRIES, ids=lambda attempt: attempt.__name__.strip("_"))
def test_naming_the_organization_late_does_not_pass(attempt: Callable[[Late], None]) -> None:
    world = Late()

    try:
        with transaction.atomic():
            attempt(world)
    except (acceptance.CannotAccept, DatabaseError):
        pass

    assert Decision.objects.get(pk=world.large.pk).grant.organization is None


def test_an_accepted_award_above_the_limit_waits_for_a_second_person() -> None:
    world = Late()

    accepted = world.accept(world.other)

    held = accepted.held
    assert (held.counted_cents, held.limit_cents, accepted.accepted_at) == (12_000_00, LIMIT, AFTER)
    assert world.posted() == 1
    acceptance.approve(held_id=held.pk, by=world.second, at=AFTER)
    assert world.posted() == 2
    with pytest.raises(acceptance.CannotAccept, match="waits for nobody"):
        acceptance.approve(held_id=held.pk, by=world.second, at=AFTER)


def test_for_another_organization_nobody_else_is_asked() -> None:
    world = Late()

    world.accept(world.other, OTHER_ID)

    assert world.posted() == 2


def test_the_holder_reads_neutral_words_and_a_second_person_approves_on_the_board() -> None:
    world = Late()
    world.accept(world.other)
    holder = Client()
    holder.force_login(world.other.applicant)
    board = reverse("admin:grants_board")

    with clock.set_to(AFTER):
        page = holder.get(reverse("applications:award", args=[world.other.public_id]))
        own, seen = signed_in(world.manager).get(board), signed_in(world.second).get(board)
        approve = reverse("admin:acceptance_approve", args=[world.large.held.pk])
        refused = signed_in(world.manager).post(approve, follow=True)
        waiting = world.posted()
        signed_in(world.second).post(approve)

    assert "A second person looks at this award first" in page.text
    assert "10,000" not in page.text
    assert approve in seen.text
    assert approve not in own.text
    assert "a second person has to approve it" in refused.text
    assert (waiting, world.posted()) == (1, 2)


def test_a_second_person_refuses_in_words_and_the_credit_goes_back() -> None:
    world = Late()
    world.accept(world.other)
    held, before = world.large.held, queries.pool_balance(release.pool_code(world.cycle))
    with pytest.raises(acceptance.CannotAccept, match="You proposed this award"):
        acceptance.refuse(held_id=held.pk, words="No.", by=world.manager, at=AFTER)
    with pytest.raises(acceptance.CannotAccept, match="Say why"):
        acceptance.refuse(held_id=held.pk, words=" \n", by=world.second, at=AFTER)
    refuse, staff = reverse("admin:acceptance_refuse", args=[held.pk]), signed_in(world.second)
    holder = Client()
    holder.force_login(world.other.applicant)

    with clock.set_to(AFTER):
        offered = refuse in staff.get(reverse("admin:grants_board")).text
        done = staff.post(refuse, {"words": "Two awards\nfor one lab."}, follow=True)
        page = holder.get(reverse("applications:award", args=[world.other.public_id])).text
        listed = holder.get(reverse("applications:mine")).text
        again = staff.post(refuse, {"words": "Again."}, follow=True)

    world.large.refresh_from_db()
    assert offered
    assert "You refused the award" in done.text
    assert "waits for nobody any more" in again.text
    assert (world.large.ending.kind, world.large.ending.words) == (Ending.REFUSED, "Two awards for one lab.")
    assert world.large.grant.stage == Stage.VOID
    assert queries.pool_balance(release.pool_code(world.cycle)) == before + world.large.amount_cents
    assert "This award was not confirmed" in page
    assert "if it were confirmed today" not in page
    assert "Two awards for one lab." in page
    assert ">Not given after all<" in listed
    letter = Notice.objects.get(kind=AwardLetter.AWARD_REFUSED)
    assert letter.recipient == world.other.applicant
    assert "Two awards for one lab." in notices.render(letter)[1]
    with pytest.raises(acceptance.CannotAccept, match="waits for nobody"):
        acceptance.approve(held_id=held.pk, by=world.second, at=AFTER)
    with pytest.raises(acceptance.CannotAccept, match="was not confirmed"):
        world.accept(world.other)
    with pytest.raises(DatabaseError), transaction.atomic():
        AwardEnding.objects.create(
            decision=Decision.objects.get(application=world.first),
            kind=Ending.REFUSED,
            by=world.second,
            at=AFTER,
        )
    assert later_credit.why_not_again(world.large) == ""  # for another organization, by two people
    assert checks.ledger_problems() == []


@pytest.mark.django_db(transaction=True)
def test_two_acceptances_at_once_do_not_miss_each_other() -> None:
    world = Late(accepted=False)
    barrier = Barrier(2)

    def click(application: Application) -> None:
        barrier.wait()
        world.accept(application)
        connection.close()

    threads = [Thread(target=click, args=[application]) for application in world.applications]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert HeldAcceptance.objects.count() == 1
    assert Grant.objects.filter(organization__isnull=False).count() == 1
