"""Who works on which program. The only writer of Membership, and of the groups that carry admin permissions."""

from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from portal import audit
from portal.models import User
from portal.roles import PERMISSIONS, Role
from programs.models import Membership, Program


@transaction.atomic
def give(*, program: Program, user: User, role: Role, by: User | None, at: datetime) -> Membership:
    """Give a person a role in a program, once, and let them sign in to the staff side. Repeating it changes nothing."""
    membership, created = Membership.objects.get_or_create(
        program=program, user=user, role=role, ended_at=None, defaults={"since_at": at}
    )
    if created:
        user.groups.add(group_of(role))
        if not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        audit.record(action="membership.give", subject=membership, by=by, at=at, role=role, user=user.pk)
    return membership


@transaction.atomic
def end(*, program: Program, user: User, role: Role, by: User | None, at: datetime) -> None:
    """End a role. The group and the staff sign-in go with the last program that gave them."""
    ended = Membership.objects.filter(program=program, user=user, role=role, ended_at=None)
    for membership in ended:
        membership.ended_at = at
        membership.save(update_fields=["ended_at"])
        audit.record(action="membership.end", subject=membership, by=by, at=at, role=role, user=user.pk)
    live = Membership.objects.filter(user=user, ended_at=None)
    if not live.filter(role=role).exists():
        user.groups.remove(group_of(role))
    if not live.exists() and user.is_staff and not user.is_superuser:
        user.is_staff = False
        user.save(update_fields=["is_staff"])


def group_of(role: Role) -> Group:
    """The Django group of a role, with exactly the permissions that portal.roles lists."""
    group, _ = Group.objects.get_or_create(name=Role(role).label)
    wanted = Q(pk__in=[])
    for name in PERMISSIONS[Role(role)]:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    group.permissions.set(Permission.objects.filter(wanted))
    return group


def sync_groups() -> None:
    """Bring every role's group up to date with portal.roles; run after an upgrade."""
    for role in Role:
        group_of(role)


def programs_of(user: User, *roles: Role) -> QuerySet[Program]:
    """The programs in which a person holds one of these roles now (any role when none is named)."""
    live = Membership.objects.filter(program=OuterRef("pk"), user=user, ended_at=None)
    if roles:
        live = live.filter(role__in=roles)
    return Program.objects.filter(Exists(live))


def holds(user: User, program: Program, *roles: Role) -> bool:
    """Whether a person holds one of these roles in a program now."""
    return Membership.objects.filter(program=program, user=user, ended_at=None, role__in=roles).exists()


def people_in(program: Program, role: Role) -> QuerySet[User]:
    """The active people who hold a role in a program now, in a fixed order."""
    return User.objects.filter(
        Exists(Membership.objects.filter(user=OuterRef("pk"), program=program, role=role, ended_at=None)),
        is_active=True,
    ).order_by("pk")
