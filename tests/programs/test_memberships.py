import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.urls import reverse

from portal.models import AuditEvent
from portal.rehearsal.visitors import forms_of
from portal.roles import PERMISSIONS, Role
from programs import memberships
from programs.models import Membership, Program
from tests.factories.applications import AFTER, BEFORE, make_member, make_program, make_user
from tests.factories.staff import signed_in

pytestmark = pytest.mark.django_db


def test_a_role_is_given_once_and_opens_the_staff_side() -> None:
    program, user = make_program(), make_user()

    for _ in range(2):
        memberships.give(program=program, user=user, role=Role.REVIEWER, by=None, at=BEFORE)

    user.refresh_from_db()
    assert user.is_staff is True
    assert Membership.objects.count() == 1
    assert [group.name for group in user.groups.all()] == ["Reviewer"]
    assert AuditEvent.objects.filter(action="membership.give").count() == 1
    assert list(memberships.programs_of(user, Role.REVIEWER)) == [program]


def test_the_last_role_takes_the_staff_side_with_it() -> None:
    one, two, user = make_program(), make_program(), make_user()
    for program in (one, two):
        memberships.give(program=program, user=user, role=Role.REVIEWER, by=None, at=BEFORE)

    memberships.end(program=one, user=user, role=Role.REVIEWER, by=None, at=AFTER)
    user.refresh_from_db()
    assert user.is_staff is True
    assert user.groups.count() == 1
    memberships.end(program=two, user=user, role=Role.REVIEWER, by=None, at=AFTER)
    user.refresh_from_db()

    assert user.is_staff is False
    assert user.groups.count() == 0
    assert memberships.holds(user, two, Role.REVIEWER) is False


def test_a_role_can_be_given_again() -> None:
    program, user = make_program(), make_user()
    memberships.give(program=program, user=user, role=Role.MANAGER, by=None, at=BEFORE)
    memberships.end(program=program, user=user, role=Role.MANAGER, by=None, at=BEFORE)

    memberships.give(program=program, user=user, role=Role.MANAGER, by=None, at=AFTER)

    assert Membership.objects.filter(ended_at=None).count() == 1
    assert Membership.objects.count() == 2


@pytest.mark.parametrize("role", list(Role))
def test_every_permission_of_a_role_exists(role: Role) -> None:
    group = memberships.group_of(role)

    assert group.permissions.count() == len(set(PERMISSIONS[role]))
    assert Permission.objects.count() > 0


def test_loading_programs_brings_the_permissions_of_roles_up_to_date() -> None:
    group = memberships.group_of(Role.MANAGER)
    group.permissions.clear()

    call_command("load_presets", "ai-for-science")

    assert group.permissions.count() == len(set(PERMISSIONS[Role.MANAGER]))


@pytest.mark.parametrize("slug", ["ai-for-science", "external-researcher-access", "openai-researcher-access"])
def test_a_shipped_program_fits_the_limit_of_one_request_twice(slug: str) -> None:
    call_command("load_presets", slug)
    program = Program.objects.get(slug=slug)
    manager = make_member(program, Role.MANAGER)

    page = signed_in(manager).get(reverse("admin:programs_program_change", args=[program.pk])).text

    sent = max(len(form.filled({})) for form in forms_of(page))  # boxes without a tick are not sent
    assert 100 < sent * 2 < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
