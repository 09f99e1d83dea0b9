"""Who is at the desk: the roles a member of staff holds now, read once for each request."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.http import HttpRequest

from portal.models import User
from portal.roles import Role
from programs.models import Membership, Program

DECIDES = (Role.MANAGER,)
SEES_PROGRAM = (Role.MANAGER, Role.AUDITOR)
SEES_MONEY = (Role.MANAGER, Role.FINANCE, Role.AUDITOR, Role.OPERATOR)


@dataclass(frozen=True)
class Desk:
    """The programs a person works on, by role. A superuser sees everything and still holds no role by that alone."""

    user: User
    programs: dict[int, Program] = field(default_factory=dict)
    roles: dict[Role, frozenset[int]] = field(default_factory=dict)

    @property
    def everything(self) -> bool:
        return self.user.is_superuser

    def program_ids(self, *roles: Role) -> list[int]:
        """Ids of the programs in which one of these roles is held; of any role when none is named."""
        wanted: Iterable[Role] = roles or self.roles.keys()
        return sorted({pk for role in wanted for pk in self.roles.get(role, frozenset())})

    def holds(self, *roles: Role, program_id: int | None = None) -> bool:
        """Whether one of the roles is held, in one program or in any."""
        return any(
            program_id in self.roles.get(role, frozenset())
            if program_id is not None
            else bool(self.roles.get(role))
            for role in roles
        )

    def sees(self, *roles: Role) -> bool:
        """Whether pages of these roles are for this person; a superuser may look at all of them."""
        return self.everything or self.holds(*roles)


def desk_of(user: User) -> Desk:
    """The roles of a person now, in one query."""
    programs: dict[int, Program] = {}
    roles: dict[Role, set[int]] = {}
    for membership in Membership.objects.filter(user=user, ended_at=None).select_related("program"):
        programs[membership.program_id] = membership.program
        roles.setdefault(Role(membership.role), set()).add(membership.program_id)
    if user.is_superuser:
        programs = {program.pk: program for program in Program.objects.order_by("position", "name")}
    return Desk(user, programs, {role: frozenset(ids) for role, ids in roles.items()})


def desk(request: HttpRequest) -> Desk:
    """The desk of whoever asks, kept with the request so that navigation, lists and pages share one query."""
    found = getattr(request, "_desk", None)
    if found is None:
        found = desk_of(request.user)  # type: ignore[arg-type]
        request._desk = found  # type: ignore[attr-defined]
    return found


def forget(request: HttpRequest) -> None:
    """Read the roles again at the next question: this request gave one."""
    request.__dict__.pop("_desk", None)
