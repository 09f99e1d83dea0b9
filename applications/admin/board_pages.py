"""What the boards of a cycle share: who may open them, and the frame around them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse

from applications import boards
from portal import clock
from portal.roles import Role
from programs import rulebook, staff
from programs.models import Cycle


def manager(request: HttpRequest) -> staff.Desk:
    """The desk of a manager or a superuser. Raises PermissionDenied for anybody else."""
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    return desk


def cycle_of(request: HttpRequest, pk: int) -> Cycle:
    """A cycle of a program this person manages; any other is a 404."""
    found = boards.with_neighbours(manager(request), pk)
    if not found:
        raise Http404
    request._neighbours = found  # type: ignore[attr-defined]
    return found[0]


def context(request: HttpRequest, cycle: Cycle, here: str) -> dict[str, Any]:
    """The frame of a cycle's board: program, other cycles to switch to, and whether this person may act."""
    desk = staff.desk(request)
    others = getattr(request, "_neighbours", None) or [cycle]
    others = sorted(others, key=lambda other: (-other.evaluation_on.toordinal(), other.program_id))
    return {
        **admin.site.each_context(request),
        "accent": cycle.program.accent,
        "cycle": cycle,
        "program": cycle.program,
        "rules": rulebook.for_cycle(cycle),
        "zone": cycle.program.time_zone,
        "others": [
            (reverse(here, args=[other.pk]), f"{other.program.short_code}, {other}", other == cycle)
            for other in others
        ],
        "now": clock.now(),
        "holds_role": desk.holds(Role.MANAGER, program_id=cycle.program_id),
    }


def whole(text: str | None) -> int:
    """A whole number from an address or a form; 0 for anything else."""
    return int(text) if text and text.isdecimal() and text.isascii() and len(text) < 7 else 0


def ids(values: Iterable[str]) -> set[int]:
    """Primary keys from ticked boxes; what is no number is dropped."""
    return {int(value) for value in values if value.isdecimal() and value.isascii() and len(value) < 19}
