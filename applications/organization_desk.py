"""Queries of the pages about organizations at a provider: who sees one, who may hold it, what happened to it."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from applications.desk import grants_without_conflict
from applications.models import Application
from credits.models import Enforcement, Grant, InboundEvent, Organization, OrganizationChange
from portal.roles import Role
from programs import staff
from programs.models import Program
from programs.staff import Desk

ENFORCES = (Role.MANAGER, Role.FINANCE, Role.OPERATOR)
ASKS = (Role.MANAGER, Role.FINANCE)
SEES_UNTIED = (Role.FINANCE, Role.OPERATOR, Role.AUDITOR)
"""Who sees events that name no organization we know: those whose work is not one program's."""
SHOWN = 30


@dataclass(frozen=True)
class LotRow:
    """A grant of the organization with what is left and frozen of it, in cents."""

    grant: Grant
    left_cents: int
    frozen_cents: int
    moved_to: Grant | None


def grants(desk: Desk) -> QuerySet[Grant]:
    """The grants of the programs whose money this person sees, without those of a conflict."""
    rows = Grant.objects.all()
    if not desk.everything:
        rows = rows.filter(program__in=[desk.programs[pk].slug for pk in desk.program_ids(*staff.SEES_MONEY)])
    return grants_without_conflict(desk, rows)


def organizations(desk: Desk) -> QuerySet[Organization]:
    """The organizations of these grants; a superuser also sees those without a grant, which tell of nobody."""
    mine = Exists(grants(desk).filter(organization=OuterRef("pk")))
    return Organization.objects.filter(Q(grants=None) | mine if desk.everything else mine).distinct()


def events(desk: Desk) -> QuerySet[InboundEvent]:
    """The events about these organizations, and for some roles those that name none."""
    seen = Q(organization__in=organizations(desk).order_by().values("pk"))
    if desk.everything or desk.holds(*SEES_UNTIED):
        seen |= Q(organization=None)
    of_a_grant = Q(grant=None) | Q(grant__in=grants(desk).order_by().values("pk"))
    return InboundEvent.objects.filter(seen & of_a_grant).select_related("organization", "grant")


def changes(desk: Desk) -> QuerySet[OrganizationChange]:
    """The changes of organization of these grants."""
    return OrganizationChange.objects.filter(grant__in=grants(desk).order_by().values("pk"))


def lots(desk: Desk, organization: Organization) -> list[LotRow]:
    """The grants of an organization that this person sees, the newest first. Three queries."""
    rows = list(
        grants(desk).filter(organization=organization).select_related("holder").order_by("-pk")[:SHOWN]
    )
    ids = [row.pk for row in rows]
    held: dict[tuple[int, str], int] = {
        (pk, kind): cents
        for pk, kind, cents in Grant.objects.filter(
            pk__in=ids, accounts__kind__in=("granted", "frozen")
        ).values_list("pk", "accounts__kind", "accounts__balance_cents")
    }
    moved = {row.moved_from_id: row for row in Grant.objects.filter(moved_from__in=ids)}
    return [
        LotRow(row, held.get((row.pk, "granted"), 0), held.get((row.pk, "frozen"), 0), moved.get(row.pk))
        for row in rows
    ]


def may_enforce(desk: Desk, organization: Organization) -> bool:
    """Whether this person's roles let them hold it: in a program whose credit it has."""
    if desk.everything:
        return True
    slugs = set(grants(desk).filter(organization=organization).values_list("program", flat=True))
    return any(
        desk.holds(*ENFORCES, program_id=pk) for pk, program in desk.programs.items() if program.slug in slugs
    )


def may_ask(desk: Desk, grant: Grant) -> bool:
    """Whether this person may ask for, or decide about, another organization for this grant."""
    program = program_of(grant)
    return program is not None and (desk.everything or desk.holds(*ASKS, program_id=program.pk))


def program_of(grant: Grant) -> Program | None:
    """The program that gave a grant; None for one that is not kept here."""
    return Program.objects.filter(slug=grant.program).first()


def also_named_by(organization: Organization, *, than: Grant) -> list[str]:
    """References of applications of other people that name this organization: a warning, never a refusal."""
    rows = Application.objects.filter(
        organization_id_text=organization.external_id,
        program__provider=organization.provider,
        submitted_at__isnull=False,
    ).exclude(applicant=than.holder_id)
    return [reference or "" for reference in rows.order_by("-pk").values_list("reference", flat=True)[:10]]


def notes_about(application: Application) -> list[Enforcement]:
    """What was imposed on organizations of an application: the one it names, and those of the applicant's grants.

    The newest first, at most SHOWN. One query.
    """
    held = Q(organization__in=Grant.objects.filter(holder=application.applicant_id).values("organization"))
    if application.organization_id_text:
        held |= Q(
            organization__external_id=application.organization_id_text,
            organization__provider=application.program.provider,
        )
    return list(Enforcement.objects.filter(held).select_related("organization").order_by("-pk")[:SHOWN])


def frozen(desk: Desk, organization: Organization) -> dict[str, int]:
    """What is frozen of the grants that this person sees, in cents by currency."""
    rows = grants(desk).filter(
        organization=organization, accounts__kind="frozen", accounts__balance_cents__gt=0
    )
    sums = rows.order_by().values_list("currency").annotate(cents=Sum("accounts__balance_cents"))
    return dict(sums.order_by("currency"))
