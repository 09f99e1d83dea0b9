"""Queries of the assignment page: people with their room, the proposals that wait, and what a plan says in words."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from applications import workforce
from applications.desk import visible
from applications.models import Application, AssignmentPlan, PlanState
from portal.models import User
from portal.roles import Role
from programs.models import Cycle
from programs.staff import Desk


@dataclass(frozen=True)
class Row:
    """One person: what they have of this cycle, what they have to do everywhere, what the plan gives and takes."""

    person: User
    tags: list[str]
    held: int
    load: int
    limit: int | None
    away_until: date | None
    given: int | None = None
    after: int | None = None
    screens: int = 0


@dataclass(frozen=True)
class Shown:
    """A plan as a manager reads it. short: (application, missing looks, reason) of those the reader may see."""

    plan: AssignmentPlan
    rows: list[Row]
    short: list[tuple[Application, int, str]]
    short_hidden: int
    moves: int
    spread: int | None


def people(cycle: Cycle, plan: AssignmentPlan | None, *, at: datetime) -> list[Row]:
    """The reviewers of a cycle, with what a proposal would give them. About six queries."""
    force = workforce.of(cycle, Role.REVIEWER, at=at)
    summary: dict[str, Any] = plan.summary if plan is not None and plan.state == PlanState.PROPOSED else {}
    given, after = summary.get("reviewers", {}), summary.get("after", {})
    found = []
    for pk, person in force.people.items():
        profile = getattr(person, "reviewer_profile", None)
        mine = given.get(str(pk), 0) if summary else None
        load = force.load.get(pk, 0)
        found.append(
            Row(
                person=person,
                tags=list(profile.tags) if profile is not None else [],
                held=force.held.get(pk, 0),
                load=load,
                limit=force.limits.get(pk),
                away_until=force.absent.get(pk),
                given=mine,
                after=after.get(str(pk), load + mine) if mine is not None else None,
            )
        )
    return sorted(found, key=lambda row: (str(row.person).lower(), row.person.pk))


def of_cycle(cycle: Cycle, *, number: int = 12) -> tuple[list[AssignmentPlan], list[AssignmentPlan]]:
    """The proposals that wait for a yes, and what took effect, newest first each. One query."""
    rows = AssignmentPlan.objects.filter(batch__cycle=cycle).exclude(state=PlanState.VOID)
    listed = list(
        rows.select_related("made_by", "applied_by")
        .defer("looks", "gates")
        .order_by("-state", "-pk")[:number]
    )
    waiting = [plan for plan in listed if plan.state == PlanState.PROPOSED]
    return waiting, [plan for plan in listed if plan.state == PlanState.APPLIED]


def shown(desk: Desk, plan: AssignmentPlan, rows: list[Row]) -> Shown:
    """A proposal in full. Applications that this person may not see are counted and not named. One query."""
    listed = plan.summary.get("short", [])
    seen = (
        visible(desk).filter(pk__in=[row[0] for row in listed]).defer("answers").in_bulk() if listed else {}
    )
    named = [(seen[pk], missing, reason) for pk, missing, reason in listed if pk in seen]
    loads = [row.after for row in rows if row.after is not None and row.away_until is None]
    return Shown(
        plan=plan,
        rows=rows,
        short=named[:50],
        short_hidden=int(plan.summary.get("short_count", 0)) - min(50, len(named)),
        moves=int(plan.summary.get("moves", 0)),
        spread=max(loads) - min(loads) if loads else None,
    )
