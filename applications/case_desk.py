"""Queries of cases: what about money waits for a person to look at it, and whose it is to settle."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from applications.desk import grants_without_conflict
from credits.models import Case, Grant
from portal.roles import Role
from programs import staff
from programs.staff import Desk

SETTLES = (Role.MANAGER, Role.FINANCE, Role.OPERATOR)
SEES_UNTIED = (Role.FINANCE, Role.OPERATOR, Role.AUDITOR)
"""Who sees cases that name no program: those whose work is not one program's."""


def cases(desk: Desk) -> QuerySet[Case]:
    """The cases of the programs whose money this person sees.

    Without those about grants they have a conflict with, and about organizations that hold such a grant.
    """
    rows = Case.objects.all()
    if not desk.everything:
        slugs = [desk.programs[pk].slug for pk in desk.program_ids(*staff.SEES_MONEY)]
        allowed = Q(program__in=slugs)
        if desk.holds(*SEES_UNTIED):
            allowed |= Q(program="")
        rows = rows.filter(allowed)
    seen = grants_without_conflict(desk, Grant.objects.all())
    hidden = Grant.objects.filter(organization=OuterRef("organization_id")).exclude(
        pk__in=seen.order_by().values("pk")
    )
    of_a_grant = Q(Exists(seen.filter(pk=OuterRef("grant_id"))))
    return rows.filter(of_a_grant | Q(grant=None) & (Q(organization=None) | ~Exists(hidden)))


def waiting(desk: Desk) -> QuerySet[Case]:
    """The open ones, the oldest first."""
    return cases(desk).filter(settled_at=None).order_by("pk")


def may_settle(desk: Desk, case: Case) -> bool:
    """Whether this person's roles let them settle it: in its program, or for a case without one in any."""
    if not case.program:
        return desk.holds(Role.FINANCE, Role.OPERATOR)
    ids = [pk for pk, program in desk.programs.items() if program.slug == case.program]
    return any(desk.holds(*SETTLES, program_id=pk) for pk in ids)
