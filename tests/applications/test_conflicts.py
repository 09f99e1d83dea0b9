"""Conflicts: computed, declared, taken back; and the database rule."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from applications import (
    assignment,
    boards,
    conflicts,
    declarations,
    release_checks,
    review,
    reviewers,
)
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Conflict,
    ConflictKind,
    ConflictWithdrawal,
    Recusal,
    RecusalKind,
    Review,
    ReviewState,
)
from applications.review import Look
from applications.tick import tick
from portal.models import AuditEvent
from portal.roles import Role
from programs.staff import Desk
from tests.factories import applications as make
from tests.factories.sharing import share
from tests.factories.staff import cast, review_all

pytestmark = pytest.mark.django_db

SECTIONS = [
    *make.SECTIONS,
    {
        "key": "more",
        "title": "More",
        "lead": "The rest.",
        "questions": [
            {"key": "orcid", "type": "orcid", "label": "ORCID iD", "maps_to": "orcid"},
            {"key": "works", "type": "doi_list", "label": "Earlier work", "max": 10},
            {"key": "team", "type": "people", "label": "Team", "max": 10},
            {"key": "phone", "type": "short_text", "label": "Telephone"},
            {
                "key": "knows",
                "type": "people",
                "label": "Whom do you know here?",
                "max": 10,
                "audience": "manager",
            },
        ],
    },
]
ORCID, OTHER_ORCID = "0000-0002-1825-0097", "0000-0001-5109-3700"


def program_with_everything(**fields: Any) -> Any:
    """A program whose form also asks for ORCID iD, works, team, telephone and whom people know."""
    from programs import form_versions

    program = make.make_program(**fields)
    version = form_versions.draft(program=program, sections=SECTIONS, by=None, at=make.BEFORE)
    form_versions.publish(form_version_id=version.pk, by=None, at=make.BEFORE)
    return program


def profile(user: Any, **entered: Any) -> None:
    reviewers.save_profile(user=user, entered=reviewers.Entered(**entered), by=user, at=make.BEFORE)


def kinds_of(user: Any) -> dict[int, str]:
    return dict(Conflict.objects.filter(user=user).values_list("application_id", "kind"))


# --- Computed


def test_each_source_of_a_conflict_is_found_and_kept_with_its_kind_and_evidence() -> None:
    program = program_with_everything()
    people = {
        name: make.make_member(program, name=f"{name.capitalize()} Lovelace-{name}", **extra)
        for name, extra in {
            "domain": {"email": "x@lab.unia.example.org"},
            "institution": {},
            "named": {},
            "coauthor": {},
            "doi": {},
            "avoids": {},
            "together": {},
            "free": {},
        }.items()
    }
    profile(people["institution"], institution="University of the Lakes", ror_id="")
    profile(people["coauthor"], coauthor_orcids=[ORCID])
    profile(people["doi"], works=["10.1234/lakes.7"])
    profile(people["avoids"], avoided_emails=["Ada.B+credits@gmail.com"])
    applicant = make.make_user("adab@gmail.com")
    earlier = make.make_submitted(make.make_program(), applicant=applicant)
    share(earlier, people["together"])
    sent = make.make_submitted(
        program,
        applicant=applicant,
        institution="Lakes, University",
        orcid=ORCID,
        works=["https://doi.org/10.1234/LAKES.7"],
        knows=[{"name": "Dr. Named LOVELACE-named", "role": "a friend"}],
    )
    by_domain = make.make_submitted(program, applicant=make.make_user("eve@mail.unia.example.org"))

    make.make_batch(program, submitted=[sent])

    assert {name: kinds_of(person) for name, person in people.items()} == {
        "domain": {by_domain.pk: ConflictKind.MAIL_DOMAIN},
        "institution": {sent.pk: ConflictKind.INSTITUTION},
        "named": {sent.pk: ConflictKind.NAMED},
        "coauthor": {sent.pk: ConflictKind.COAUTHOR},
        "doi": {sent.pk: ConflictKind.COAUTHOR},
        "avoids": {sent.pk: ConflictKind.AVOIDED},
        "together": {sent.pk: ConflictKind.WORKED_TOGETHER},
        "free": {},
    }
    found = Conflict.objects.get(user=people["doi"])
    assert found.evidence == [{"kind": "coauthor", "text": "10.1234/lakes.7"}]
    assert found.reason == "They published together."
    assert found.declared_by is None
    tied = set(Conflict.objects.values_list("application_id", "user_id"))
    assert not tied & set(Assignment.objects.values_list("application_id", "reviewer_id"))
    assert Assignment.objects.filter(application=sent).count() == 2


def test_public_mail_providers_and_other_names_are_no_conflict() -> None:
    program = program_with_everything()
    member = make.make_member(program, email="reader@gmail.com", name="Ada Byron")
    profile(member, institution="Institute of Rivers")
    make.make_submitted(
        program,
        applicant=make.make_user("ada@gmail.com", name="Ada Byron King"),
        institution="Institute of Lakes",
        knows=[{"name": "Byron Ada-Maria Smith", "role": ""}],
    )

    make.make_batch(program, submitted=[Application.objects.get()])

    assert not Conflict.objects.exists()


def test_one_statement_finds_the_conflicts_of_any_number_of_applications() -> None:
    program = make.make_program()
    member = make.make_member(program)
    profile(member, institution="Institute of Lakes")
    counts = []
    for number in (5, 200):
        make.make_many(program, number)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            conflicts.compute(cycle_id=make.next_cycle(program).pk, at=make.AFTER)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 9


def test_a_new_profile_is_a_conflict_with_the_next_tick_and_the_work_goes_on() -> None:
    program = make.make_program(reviews_wanted=1)
    first, second = make.make_member(program), make.make_member(program)
    sent = make.make_submitted(program, institution="Institute of Lakes")
    make.make_batch(program, submitted=[sent])
    had = Assignment.objects.get().reviewer
    other = second if had == first else first
    later = make.AFTER + timedelta(hours=1)
    reviewers.save_profile(
        user=had, entered=reviewers.Entered(avoided_institutions=["Lakes Institute"]), by=had, at=later
    )

    tick(at=later + timedelta(minutes=1))

    assert kinds_of(had) == {sent.pk: ConflictKind.AVOIDED}
    rows = dict(Assignment.objects.values_list("reviewer_id", "state"))
    assert rows == {had.pk: AssignmentState.RECUSED, other.pk: AssignmentState.TO_DO}
    assert conflicts.due_again().count() == 0


# --- Declared and taken back


def test_a_person_declares_their_own_and_their_work_goes_to_somebody_else() -> None:
    world = cast(applications=1, reviewers=3)
    one = world["rows"][0]
    mine = Assignment.objects.filter(application=one).order_by("pk").first()
    assert mine is not None

    made = declarations.declare(
        application_id=one.pk,
        user_id=mine.reviewer_id,
        reason="  My  sister ",
        by=mine.reviewer,
        at=make.AFTER,
    )
    again = declarations.declare(
        application_id=one.pk, user_id=mine.reviewer_id, reason="Again", by=mine.reviewer, at=make.AFTER
    )

    mine.refresh_from_db()
    assert (made.kind, made.reason, again.pk) == ("declared", "My sister", made.pk)
    assert mine.state == AssignmentState.RECUSED
    assert Assignment.objects.filter(application=one, state=AssignmentState.TO_DO).count() == 2
    assert AuditEvent.objects.filter(action="conflict.declare").count() == 1
    with pytest.raises(review.CannotReview):
        review.save(application_id=one.pk, look=Look(scores={}), by=mine.reviewer, at=make.AFTER)


def test_only_managers_without_a_conflict_speak_for_others() -> None:
    world = cast(applications=1, reviewers=2)
    one, (first, second), manager = world["rows"][0], world["reviewers"], world["manager"]

    def declare(by: Any, about: Any, reason: str = "Sponsor") -> None:
        declarations.declare(application_id=one.pk, user_id=about.pk, reason=reason, by=by, at=make.AFTER)

    with pytest.raises(declarations.CannotDeclare, match="Only a manager"):
        declare(first, second)
    with pytest.raises(declarations.CannotDeclare, match="Say what"):
        declare(manager, second, " ")
    with pytest.raises(declarations.CannotDeclare, match="does not work"):
        declare(manager, make.make_user())
    declare(manager, second)
    declare(manager, manager, "My own student")
    with pytest.raises(declarations.CannotDeclare, match="Only a manager"):
        declare(manager, first)


def test_another_manager_takes_a_conflict_back_with_a_reason_and_it_stays_back() -> None:
    program = make.make_program()
    member = make.make_member(program)
    manager, other = (make.make_member(program, Role.MANAGER) for _ in range(2))
    profile(member, institution="Institute of Lakes")
    sent = make.make_submitted(program, institution="Institute of Lakes")
    make.make_batch(program, submitted=[sent])
    conflict = Conflict.objects.get(user=member)

    for by, reason, said in ((member, "no", "Another manager"), (manager, " ", "Say why")):
        with pytest.raises(declarations.CannotWithdraw, match=said):
            declarations.withdraw(conflict_id=conflict.pk, reason=reason, by=by, at=make.AFTER)
    declarations.withdraw(
        conflict_id=conflict.pk, reason="Two institutes of one name.", by=manager, at=make.AFTER
    )

    assert not Conflict.objects.filter(user=member).exists()
    assert ConflictWithdrawal.objects.get().was == "The applicant is at the same institution."
    assert conflicts.compute(cycle_id=sent.cycle_id, at=make.AFTER) == 0
    with pytest.raises(declarations.CannotWithdraw, match="already"):
        declarations.withdraw(conflict_id=conflict.pk, reason="Again", by=other, at=make.AFTER)


def test_what_follows_from_who_people_are_cannot_be_taken_back() -> None:
    program = make.make_program()
    make.make_member(program, email="x@unia.example.org")
    manager = make.make_member(program, Role.MANAGER)
    make.make_batch(
        program, submitted=[make.make_submitted(program, applicant=make.make_user("y@unia.example.org"))]
    )
    conflict = Conflict.objects.get()

    with pytest.raises(declarations.CannotWithdraw, match="stands"):
        declarations.withdraw(conflict_id=conflict.pk, reason="Large place", by=manager, at=make.AFTER)


# --- The rule in the database

AGAINST = r"stepped back|has a conflict"


@pytest.mark.parametrize("what", ["recusal", "conflict"])
def test_the_database_refuses_an_assignment_against_a_recusal_or_a_conflict(what: str) -> None:
    world = cast(applications=1, reviewers=1)
    one, stranger = world["rows"][0], make.make_member(world["program"])
    if what == "recusal":
        Recusal.objects.create(application=one, reviewer=stranger, kind="personal", at=make.AFTER)
    else:
        Conflict.objects.create(application=one, user=stranger, reason="Sponsor", declared_at=make.AFTER)
    row = {"application": one, "reviewer": stranger, "assigned_at": make.AFTER, "due_at": make.AFTER}

    with pytest.raises(IntegrityError, match=AGAINST), transaction.atomic():
        Assignment.objects.create(**row)
    with pytest.raises(IntegrityError, match=AGAINST), transaction.atomic():
        Assignment.objects.bulk_create([Assignment(**row)])
    kept = Assignment.objects.create(**row, state=AssignmentState.RECUSED)
    with pytest.raises(IntegrityError, match=AGAINST), transaction.atomic():
        Assignment.objects.filter(pk=kept.pk).update(state=AssignmentState.TO_DO)


# --- A review that is in already


def _coverage_of(application: Application) -> tuple[int, Any]:
    """Looks and mean, as the ranking of the cycle gives them."""
    row = boards.ranking(application.cycle, Desk(make.make_superuser())).get(pk=application.pk)
    return row.looks, row.mean


def _states_of(application: Application, person: Any) -> tuple[str, str]:
    given = Review.objects.get(application=application, reviewer=person).state
    return given, Assignment.objects.get(application=application, reviewer=person).state


@pytest.mark.parametrize("how", ["declared", "computed", "recused"])
def test_a_review_of_somebody_with_a_later_conflict_counts_no_longer(how: str) -> None:
    world = cast(applications=1, reviewers=2)
    spare = make.make_member(world["program"])
    review_all(world)
    one, person = world["rows"][0], world["reviewers"][0]
    assert _coverage_of(one)[0] == 2

    if how == "declared":
        declarations.declare(
            application_id=one.pk, user_id=person.pk, reason="A friend", by=person, at=make.AFTER
        )
    elif how == "recused":
        review.recuse(application_id=one.pk, kind=RecusalKind.PERSONAL, reason="", by=person, at=make.AFTER)
    else:
        profile(person, avoided_emails=[one.applicant.email])
        conflicts.compute(cycle_id=one.cycle_id, at=make.AFTER)
        assignment.fill_up(cycle_id=one.cycle_id, at=make.AFTER)

    assert _states_of(one, person) == (ReviewState.ASIDE, AssignmentState.RECUSED)
    other = Review.objects.get(application=one, reviewer=world["reviewers"][1])
    assert _coverage_of(one) == (1, other.total)
    asked = Assignment.objects.get(application=one, reviewer=spare)
    assert asked.state == AssignmentState.TO_DO


def test_without_its_only_look_an_application_is_not_covered() -> None:
    world = cast(applications=1, reviewers=1)
    review_all(world)
    one, person = world["rows"][0], world["reviewers"][0]
    assert release_checks.unseen(one.cycle, make.make_superuser())[0] == 0

    declarations.declare(
        application_id=one.pk, user_id=person.pk, reason="A friend", by=person, at=make.AFTER
    )

    assert release_checks.unseen(one.cycle, make.make_superuser())[0] == 1


def test_a_conflict_that_is_taken_back_lets_the_review_count_again() -> None:
    world = cast(applications=1, reviewers=2)
    review_all(world)
    one, person = world["rows"][0], world["reviewers"][0]
    manager = make.make_member(world["program"], Role.MANAGER)
    said = declarations.declare(
        application_id=one.pk, user_id=person.pk, reason="A friend", by=person, at=make.AFTER
    )

    declarations.withdraw(conflict_id=said.pk, reason="Another person", by=manager, at=make.AFTER)

    assert _states_of(one, person) == (ReviewState.IN, AssignmentState.DONE)
    assert _coverage_of(one)[0] == 2


def test_what_was_decided_keeps_the_reviews_it_was_decided_on() -> None:
    world = cast(applications=1, reviewers=2)
    review_all(world)
    one, person = world["rows"][0], world["reviewers"][0]
    Application.objects.filter(pk=one.pk).update(state="declined")

    declarations.declare(
        application_id=one.pk, user_id=person.pk, reason="A friend", by=person, at=make.AFTER
    )

    assert _states_of(one, person) == (ReviewState.IN, AssignmentState.DONE)
