"""One organization ID named by different people: told to staff, never to applicants, and nobody is refused for it.

Colleagues may share an organization honestly, and one person may hide behind two accounts; a person looks at it.
"""

from datetime import datetime

from django.db.models import QuerySet

from applications.models import Application
from applications.states import State
from credits import cases
from credits.models import Grant, Organization, Stage


def tell(*, grant_id: int, organization_id: int, at: datetime) -> int:
    """Open a case when others named the organization that a grant goes to; returns how many others.

    Told once for each grant. The case names references, no people.
    """
    grant = Grant.objects.get(pk=grant_id)
    organization = Organization.objects.get(pk=organization_id)
    others = named_by_others(organization, holder_id=grant.holder_id)
    if others:
        cases.open_case(
            kind="shared-id",
            key=f"shared-id:{grant.uuid}:{organization.pk}",
            words=f"{grant.reference} names the organization ID of {_listed(others)}, which other people hold or sent.",
            grant_id=grant.pk,
            organization_id=organization.pk,
            at=at,
        )
    return len(others)


def named_by_others(organization: Organization, *, holder_id: int) -> list[str]:
    """References of grants and live applications of other people that name this organization. Two queries."""
    grants = (
        Grant.objects.filter(organization=organization)
        .exclude(holder_id=holder_id)
        .exclude(stage__in=(Stage.VOID, Stage.FAILED))
    )
    sent = (
        Application.objects.filter(
            organization_id_text=organization.external_id, program__provider=organization.provider
        )
        .exclude(applicant_id=holder_id)
        .exclude(state__in=(State.DRAFT, State.WITHDRAWN, State.DECLINED))
    )
    return sorted({*_references(grants), *_references(sent)})


def _references(rows: QuerySet[Grant] | QuerySet[Application]) -> list[str]:
    return [str(reference) for reference in rows.values_list("reference", flat=True)[:50]]


def _listed(references: list[str]) -> str:
    shown = ", ".join(references[:5])
    return f"{shown} and {len(references) - 5} more" if len(references) > 5 else shown
