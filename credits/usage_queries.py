"""Days of usage and their corrections, for pages. Read only."""

from django.db.models import F, QuerySet

from credits.models import CorrectionState, Grant, Organization, Usage, UsageCorrection


def organization_of(external_id: str, grants: QuerySet[Grant]) -> Organization | None:
    """The organization with this ID among those that hold these grants; None when there is none or more than one."""
    wanted = external_id.strip()
    found = list(
        Organization.objects.filter(
            external_id__in=[wanted, wanted.lower()], pk__in=grants.order_by().values("organization")
        )[:2]
    )
    return found[0] if len(found) == 1 else None


def days(grants: QuerySet[Grant]) -> QuerySet[Usage]:
    """The days of the organizations that hold these grants, the latest first."""
    return (
        Usage.objects.filter(organization__in=grants.order_by().values("organization"))
        .select_related("organization")
        .order_by("-day", "-pk")
    )


def uncovered(grants: QuerySet[Grant]) -> QuerySet[Usage]:
    """Those of them that credit did not cover."""
    return days(grants).filter(told_cents__gt=F("posted_cents"))


def waiting(grants: QuerySet[Grant]) -> QuerySet[UsageCorrection]:
    """The corrections that wait for a second person, oldest first."""
    return (
        UsageCorrection.objects.filter(
            state=CorrectionState.ASKED, usage__organization__in=grants.order_by().values("organization")
        )
        .select_related("usage__organization", "asked_by")
        .order_by("pk")
    )
