"""Queries before work is dealt: who is there with how much room, what waits, who may not, and what looks are wanted.

Demand by stage: a clear decline needs one look, what may be awarded the number that the rules want, and an application
with a gate one screener. A program that deals fewer looks at first (`first_looks`) gets the others as first looks come in.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from applications import boards, conflicts
from applications.dealing import NO_LIMIT, Reviewer, Subject
from applications.emails import institution_domain
from applications.models import (
    Absence,
    Application,
    Assignment,
    AssignmentState,
    Conflict,
    GateDuty,
    Recusal,
    ReviewerLimit,
)
from applications.states import State
from portal.models import User
from portal.roles import Role
from programs import fields, memberships, rulebook
from programs.models import Cycle, FormVersion


@dataclass(frozen=True)
class Workforce:
    """The people of one role for one cycle. absent: those who are away, with the last day."""

    people: dict[int, User]
    reviewers: list[Reviewer]
    load: Mapping[int, int]
    absent: dict[int, date] = field(default_factory=dict)
    limits: dict[int, int] = field(default_factory=dict)
    held: Mapping[int, int] = field(default_factory=dict)

    @property
    def has_tags(self) -> bool:
        return any(reviewer.tags for reviewer in self.reviewers)


def of(cycle: Cycle, role: Role, *, at: datetime) -> Workforce:
    """Who holds a role in the program of a cycle now, with the room that limits and absences leave. Five queries.

    Somebody who is away today, or for more than half of the days until the due date, gets nothing new.
    """
    people = {
        user.pk: user
        for user in memberships.people_in(cycle.program, role).select_related("reviewer_profile")
    }
    limits = _limits(cycle, people)
    held = _held(cycle, role, people)
    absent = away(cycle, people, at=at)
    reviewers = []
    for pk, user in people.items():
        profile = getattr(user, "reviewer_profile", None)
        room = max(0, limits[pk] - held.get(pk, 0)) if pk in limits else NO_LIMIT
        reviewers.append(
            Reviewer(
                pk,
                institution_domain(user.email_domain),
                0 if pk in absent else room,
                frozenset(profile.tags) if profile is not None else frozenset(),
            )
        )
    return Workforce(people, reviewers, _open_load(people, role), absent, limits, held)


def away(cycle: Cycle, people: Collection[int], *, at: datetime) -> dict[int, date]:
    """Who takes nothing new of a cycle because they are away; the last day of it."""
    zone = ZoneInfo(cycle.program.time_zone)
    today, due = at.astimezone(zone).date(), cycle.review_due_at.astimezone(zone).date()
    last = max(due, today)
    days: dict[int, set[date]] = defaultdict(set)
    until: dict[int, date] = {}
    rows = Absence.objects.filter(user__in=people, from_on__lte=last, until_on__gte=today)
    for absence in rows.order_by("until_on"):
        begin, end = max(absence.from_on, today), min(absence.until_on, last)
        days[absence.user_id].update(begin + timedelta(days=step) for step in range((end - begin).days + 1))
        until[absence.user_id] = absence.until_on
    whole = (last - today).days + 1
    return {pk: until[pk] for pk, gone in days.items() if today in gone or 2 * len(gone) > whole}


def barred(
    cycle: Cycle, people: Iterable[User], *, application_id: int | None = None
) -> set[tuple[int, int]]:
    """Pairs of (application, person) that conflicts and recusals rule out. Four queries."""
    applications = Application.objects.filter(cycle=cycle)
    if application_id is not None:
        applications = applications.filter(pk=application_id)
    inside = {"application__in": applications.order_by().values("pk")}
    return {
        *conflicts.barred_by_collaborators(applications=applications, people=people),
        *Conflict.objects.filter(**inside).values_list("application_id", "user_id"),
        *Recusal.objects.filter(**inside).values_list("application_id", "reviewer_id"),
    }


def batch_subjects(cycle: Cycle, *, with_topics: bool) -> Iterator[Subject]:
    """Every application of a cycle that is in review, in order; none of them was dealt yet."""
    rows = Application.objects.filter(cycle=cycle, state=State.IN_REVIEW).order_by("pk")
    return subjects(rows, cycle, with_topics=with_topics)


def subjects(
    rows: Any, cycle: Cycle, *, with_topics: bool, wanted: Mapping[int, int] | None = None
) -> Iterator[Subject]:
    """Applications as the dealing needs them. with_topics reads the choices of each, for tags to be matched."""
    keys = _topic_keys(cycle) if with_topics else []
    columns = [
        "pk",
        "applicant_id",
        "email_domain",
        *(["field", *(f"answers__{key}" for key in keys)] if with_topics else []),
    ]
    known: dict[str, str] = {}
    for pk, applicant, domain, *topics in rows.values_list(*columns).iterator(chunk_size=10_000):
        if domain not in known:
            known[domain] = institution_domain(domain)
        yield Subject(pk, applicant, known[domain], _flat(topics), None if wanted is None else wanted[pk])


def missing_looks(cycle: Cycle, *, application_ids: Collection[int] | None = None) -> dict[int, int]:
    """Application in review -> looks that are wanted by now and asked of nobody, by what the reviews so far say."""
    rules = rulebook.for_cycle(cycle)
    first = min(cycle.program.first_looks or rules.reviews_wanted, rules.reviews_wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT mine.id, wanted.number - coalesce(asked.number, 0)
              FROM applications_application mine
              LEFT JOIN (SELECT application_id, count(*) AS number FROM applications_assignment
                          WHERE state <> 'recused' GROUP BY application_id) asked ON asked.application_id = mine.id
              LEFT JOIN (SELECT application_id, bool_and(clear_decline) AS clear FROM applications_review
                          WHERE state = 'in' GROUP BY application_id) seen ON seen.application_id = mine.id
             CROSS JOIN LATERAL (SELECT CASE WHEN seen.clear IS NULL THEN %(first)s WHEN seen.clear THEN 1
                                             ELSE %(all)s END AS number) wanted
             WHERE mine.cycle_id = %(cycle)s AND mine.state = 'in_review'
               AND (%(ids)s::bigint[] IS NULL OR mine.id = ANY(%(ids)s))
               AND wanted.number > coalesce(asked.number, 0)
            """,
            {
                "first": first,
                "all": rules.reviews_wanted,
                "cycle": cycle.pk,
                "ids": None if application_ids is None else list(application_ids),
            },
        )
        return dict(cursor.fetchall())


def gated(cycle: Cycle, *, application_ids: Collection[int] | None = None) -> Iterator[Subject]:
    """Applications in review that wait at a gate and are no screener's duty yet; all, or some of them."""
    gates = boards.gates_of([cycle])
    if not gates:
        return iter(())
    duty = GateDuty.objects.filter(application__cycle=cycle).values("application_id")
    rows = Application.objects.filter(boards.gate_open(gates), cycle=cycle, state=State.IN_REVIEW)
    if application_ids is not None:
        rows = rows.filter(pk__in=application_ids)
    return subjects(rows.exclude(pk__in=duty).order_by("pk"), cycle, with_topics=False)


def first_looks(cycle: Cycle) -> int:
    """How many looks a batch is dealt at once."""
    wanted = rulebook.for_cycle(cycle).reviews_wanted
    return min(cycle.program.first_looks or wanted, wanted)


def _limits(cycle: Cycle, people: Collection[int]) -> dict[int, int]:
    """The limit of a cycle stands before the one for every cycle of the program."""
    rows = ReviewerLimit.objects.filter(
        Q(cycle=cycle) | Q(cycle=None), user__in=people, program=cycle.program_id
    )
    listed = rows.values_list("user_id", "cycle_id", "most")
    return {user: most for user, _cycle, most in sorted(listed, key=lambda row: row[1] is not None)}


def _held(cycle: Cycle, role: Role, people: Collection[int]) -> Mapping[int, int]:
    if role == Role.SCREENER:
        return Counter(
            GateDuty.objects.filter(application__cycle=cycle, screener__in=people).values_list(
                "screener_id", flat=True
            )
        )
    rows = Assignment.objects.filter(application__cycle=cycle, reviewer__in=people)
    return Counter(rows.exclude(state=AssignmentState.RECUSED).values_list("reviewer_id", flat=True))


def _open_load(people: Iterable[int], role: Role) -> Mapping[int, int]:
    """How much each person has to do now, over all programs."""
    if role == Role.SCREENER:
        open_ = GateDuty.objects.filter(screener__in=list(people), application__state=State.IN_REVIEW)
        return Counter(open_.values_list("screener_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reviewer_id, count(*) FROM applications_assignment"
            " WHERE state = %s AND reviewer_id = ANY(%s) GROUP BY reviewer_id",
            [AssignmentState.TO_DO, list(people)],
        )
        return dict(cursor.fetchall())


def _topic_keys(cycle: Cycle) -> list[str]:
    """The questions whose choices are topics: those of several choices that stand for nothing else."""
    forms = Application.objects.filter(cycle=cycle).order_by().values("form_version").distinct()
    return sorted(
        {
            question["key"]
            for form in FormVersion.objects.filter(pk__in=forms)
            for question in fields.questions(form.sections)
            if question["type"] == "multiple_choice" and question.get("maps_to") in (None, "field")
        }
    )


def _flat(topics: Iterable[Any]) -> frozenset[str]:
    found: set[str] = set()
    for entry in topics:
        found.update(map(str, entry) if isinstance(entry, list) else [str(entry)] if entry else [])
    return frozenset(found)
