"""Who reads the page of a grant: its holder, and those with whom somebody above shares it.

credits knows no application and no members, so applications adds its own condition at start, as with the checks of the
ledger. The queryset is the permission.
"""

from collections.abc import Callable

from django.db.models import Q, QuerySet

from credits.models import Grant
from portal.models import User

SHARED: list[Callable[[User], Q]] = []
"""Conditions on grants, one for each way of sharing them; each is given the person who asks."""


def readable_by(user: User) -> QuerySet[Grant]:
    """The grants that this person holds or shares. One query, whatever the number of conditions."""
    wanted = Q(holder=user)
    for shared in SHARED:
        wanted |= shared(user)
    return Grant.objects.filter(wanted)
