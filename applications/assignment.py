"""Give every application of a batch to reviewers: least loaded first, conflicts never."""

import heapq
import io
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from applications import conflicts, notices
from applications.emails import institution_domain
from applications.models import Application, Assignment, AssignmentState, Batch, Conflict, Recusal
from portal import audit
from portal.crash_points import crash_here
from portal.database import allow_long_statements
from portal.models import User
from portal.roles import Role
from programs import memberships, rulebook
from programs.models import Cycle


@dataclass(frozen=True)
class Assigned:
    """What one call did: rows written, and applications for which too few reviewers were free of conflicts."""

    assignments: int = 0
    short: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reviewer:
    """What the balancing needs to know of a person."""

    pk: int
    domain: str


@dataclass(frozen=True)
class Subject:
    """What the balancing needs to know of an application."""

    pk: int
    applicant_pk: int
    domain: str


def assign(*, batch_id: int, at: datetime) -> Assigned:
    """Assign a batch once and queue one letter for each reviewer. A second call changes nothing.

    Demand is `reviews_wanted` of the rules the cycle was frozen under; only people who hold the reviewer role now are
    taken. An application with too few reviewers gets those there are and is named in the answer; the batch board shows it.
    """
    with transaction.atomic():
        allow_long_statements()
        batch = (
            Batch.objects.select_for_update(of=("self",))
            .select_related("cycle__program", "cycle__rules_version")
            .get(pk=batch_id)
        )
        if batch.assigned_at is not None:
            return Assigned()
        program = batch.cycle.program
        people = {user.pk: user for user in memberships.people_in(program, Role.REVIEWER)}
        subjects = list(_subjects(batch))
        pairs, short = balance(
            subjects,
            [Reviewer(user.pk, institution_domain(user.email_domain)) for user in people.values()],
            wanted=rulebook.for_cycle(batch.cycle).reviews_wanted,
            barred=_barred(batch, people.values()),
            load=_open_load(people),
            seed=batch.pk,
        )
        _write(pairs, at=at, due_at=batch.cycle.review_due_at)
        _queue_letters(pairs, people, batch, at)
        batch.assigned_at = at
        batch.save(update_fields=["assigned_at"])
        audit.record(
            action="batch.assign", subject=batch, by=None, at=at, assignments=len(pairs), short=len(short)
        )
        crash_here("assign.before_commit")
    return Assigned(assignments=len(pairs), short=tuple(short))


@transaction.atomic
def replace(*, application_id: int, at: datetime) -> Assignment | None:
    """Find another reviewer after a recusal; None when nobody is free of conflicts. Least loaded first."""
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("cycle__program")
        .get(pk=application_id)
    )
    people = list(memberships.people_in(application.program, Role.REVIEWER))
    cycle = Cycle.objects.get(applications=application)
    had = set(application.assignments.values_list("reviewer_id", flat=True))
    barred = {(application.pk, pk) for pk in had} | {
        (application.pk, pk) for pk in application.conflicts.values_list("user_id", flat=True)
    }
    barred |= conflicts.barred_by_collaborators(
        applications=Application.objects.filter(pk=application.pk), people=people
    )
    pairs, _ = balance(
        [Subject(application.pk, application.applicant_id, institution_domain(application.email_domain))],
        [Reviewer(user.pk, institution_domain(user.email_domain)) for user in people],
        wanted=1,
        barred=barred,
        load=_open_load(user.pk for user in people),
        seed=application.pk,
    )
    if not pairs:
        return None
    return Assignment.objects.create(
        application=application,
        reviewer_id=pairs[0][1],
        assigned_at=at,
        due_at=cycle.review_due_at,
    )


def balance(
    subjects: Iterable[Subject],
    reviewers: Iterable[Reviewer],
    *,
    wanted: int,
    barred: set[tuple[int, int]],
    load: dict[int, int],
    seed: int,
) -> tuple[list[tuple[int, int]], list[int]]:
    """Pure: pairs of (application, reviewer) and the applications that got fewer than wanted.

    A heap keeps the least loaded reviewer on top; ties fall by a random order drawn from the seed, so that neighbours
    in the list do not always meet the same pair of reviewers, and a repeat gives the same answer.
    """
    dice = random.Random(seed)
    domain = {reviewer.pk: reviewer.domain for reviewer in reviewers}

    def may_look(subject: Subject, pk: int) -> bool:
        own = subject.domain and subject.domain == domain[pk]
        return not own and pk != subject.applicant_pk and (subject.pk, pk) not in barred

    heap = [(load.get(pk, 0), dice.random(), pk) for pk in sorted(domain)]
    heapq.heapify(heap)
    looks: list[tuple[Subject, int]] = []
    short: list[int] = []
    for subject in subjects:
        found, passed_over = 0, []
        while heap and found < wanted:
            count, tie, pk = heapq.heappop(heap)
            if not may_look(subject, pk):
                passed_over.append((count, tie, pk))
                continue
            looks.append((subject, pk))
            passed_over.append((count + 1, dice.random(), pk))
            found += 1
        for item in passed_over:
            heapq.heappush(heap, item)
        if found < wanted:
            short.append(subject.pk)
    _level(looks, {pk: count for count, _, pk in heap}, may_look)
    return [(subject.pk, pk) for subject, pk in looks], short


def _level(
    looks: list[tuple[Subject, int]], load: dict[int, int], may_look: Callable[[Subject, int], bool]
) -> None:
    """Hand looks on to the least loaded person while somebody has two more: conflicts late in the list leave such gaps.

    In place. Ends where conflicts, or work from other batches, allow no better.
    """
    taken = {(subject.pk, pk) for subject, pk in looks}
    places: dict[int, list[int]] = defaultdict(list)
    for place, (_, pk) in enumerate(looks):
        places[pk].append(place)

    def hand_on(giver: int, taker: int) -> bool:
        for number, place in enumerate(places[giver]):
            subject = looks[place][0]
            if (subject.pk, taker) not in taken and may_look(subject, taker):
                looks[place] = (subject, taker)
                taken.add((subject.pk, taker))
                places[taker].append(places[giver].pop(number))
                return True
        return False

    takers = set(load)
    while takers:
        taker = min(takers, key=lambda pk: (load[pk], pk))
        givers = sorted((pk for pk in load if load[pk] > load[taker] + 1), key=lambda pk: (-load[pk], pk))
        giver = next((pk for pk in givers if hand_on(pk, taker)), None)
        if giver is None:
            takers.discard(taker)
            continue
        load[giver] -= 1
        load[taker] += 1


def _subjects(batch: Batch) -> Iterable[Subject]:
    rows = batch.entries.order_by("position").values_list(
        "application_id", "application__applicant_id", "application__email_domain"
    )
    known: dict[str, str] = {}
    for pk, applicant, domain in rows.iterator(chunk_size=10_000):
        if domain not in known:
            known[domain] = institution_domain(domain)
        yield Subject(pk, applicant, known[domain])


def _barred(batch: Batch, people: Iterable[User]) -> set[tuple[int, int]]:
    in_batch = {"application__batch_entries__batch": batch}
    members = Application.objects.filter(batch_entries__batch=batch)
    return {
        *conflicts.barred_by_collaborators(applications=members, people=people),
        *Conflict.objects.filter(**in_batch).values_list("application_id", "user_id"),
        *Recusal.objects.filter(**in_batch).values_list("application_id", "reviewer_id"),
    }


def _open_load(reviewers: Iterable[int]) -> dict[int, int]:
    """How many assignments each person has to do now, over all programs."""
    load: dict[int, int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reviewer_id, count(*) FROM applications_assignment"
            " WHERE state = %s AND reviewer_id = ANY(%s) GROUP BY reviewer_id",
            [AssignmentState.TO_DO, list(reviewers)],
        )
        load.update(cursor.fetchall())
    return load


def _write(pairs: list[tuple[int, int]], *, at: datetime, due_at: datetime) -> None:
    """COPY is several times faster than INSERT for the tens of thousands of rows of a busy month."""
    moment, due = at.isoformat(), due_at.isoformat()
    lines = io.StringIO(
        "".join(
            f"{application}\t{reviewer}\t{AssignmentState.TO_DO.value}\t{moment}\t{due}\n"
            for application, reviewer in pairs
        )
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY applications_assignment (application_id, reviewer_id, state, assigned_at, due_at) FROM STDIN",
            lines,
        )


def _queue_letters(pairs: list[tuple[int, int]], people: dict[int, User], batch: Batch, at: datetime) -> None:
    counts: dict[int, int] = defaultdict(int)
    for _, reviewer in pairs:
        counts[reviewer] += 1
    cycle = batch.cycle
    notices.queue_many(
        notices.assignment_letter(
            program=cycle.program,
            cycle_id=cycle.pk,
            reviewer=people[pk],
            count=count,
            at=at,
            due=cycle.review_due_at,
        )
        for pk, count in counts.items()
    )
