"""Portals of any size for the pages, by set SQL: the same people with the same work, amid few or many applications."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from bench import world

CYCLES = 10
LOOKED_AT = 1_000
"""Applications of each cycle that are assigned, in the small portal and in the large: forty to a reviewer."""


@contextmanager
def on(database: str) -> Iterator[None]:
    """Let the process's connection work on another database of the server."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@dataclass(frozen=True)
class Staff:
    """Sessions of people who work, and what they look at."""

    reviewer: str
    manager: str
    reviewer_email: str
    manager_email: str
    to_review: int


def fill(size: int) -> Staff:
    """`size` applications in ten cycles, nine closed and one in review. Returns what the pages need."""
    from portal.models import User
    from portal.roles import Role
    from programs import memberships

    program = world.program()
    reviewer_ids = world.reviewers(program)
    world.people(max(size // CYCLES, 1), prefix="applicant")
    manager = User.objects.create_user("manager@staff.example.org", None, name="Manager")
    memberships.give(program=program, user=manager, role=Role.MANAGER, by=None, at=world.EPOCH)
    values = {
        "program": program.pk,
        "size": size,
        "looked": LOOKED_AT,
        "reviewers": reviewer_ids,
        "code": "AIS",
    }
    for statement in SEED:
        world.sql(statement, values)
    world.sql("VACUUM (ANALYZE)")
    world.sql("CHECKPOINT")
    reviewer = User.objects.get(pk=reviewer_ids[7])
    to_review = world.number(
        "SELECT application_id FROM applications_assignment WHERE reviewer_id = %s AND state = 'to_do' ORDER BY id LIMIT 1",
        [reviewer.pk],
    )
    return Staff(session_of(reviewer), session_of(manager), reviewer.email, manager.email, to_review)


def session_of(user: Any) -> str:
    """A session cookie of somebody who is signed in."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


SEED = (
    "SET session_replication_role = replica",
    """
    INSERT INTO programs_cycle (program_id, evaluation_on, opens_at, cut_off_at, decided_by_on, review_due_at, state, closed_at)
    SELECT %(program)s, day, day - interval '1 month', day, (day + interval '14 days')::date, day + interval '7 days',
           CASE back WHEN 0 THEN 'in_review' ELSE 'closed' END, CASE back WHEN 0 THEN NULL ELSE day + interval '15 days' END
      FROM (SELECT back, (now() - interval '2 days' - back * interval '1 month')::date AS day
              FROM generate_series(0, 9) AS back) AS past ORDER BY day
    """,
    """
    INSERT INTO applications_application (public_id, program_id, form_version_id, applicant_id, cycle_id, reference, state,
        answers, answers_version, created_at, saved_at, submitted_at, title, field, institution, country, career_stage,
        requested_cents, requested_months, requested_models, organization_id_text, email_domain, email_key)
    WITH cycles AS (
        SELECT id, state, cut_off_at, evaluation_on, row_number() OVER (ORDER BY evaluation_on) - 1 AS place
          FROM programs_cycle WHERE program_id = %(program)s AND state IN ('closed', 'in_review')
    ), people AS (
        SELECT id, email, row_number() OVER (ORDER BY id) - 1 AS place FROM portal_user WHERE email LIKE 'applicant%%'
    ), form AS (
        SELECT max(id) AS id FROM programs_formversion WHERE program_id = %(program)s AND published_at IS NOT NULL
    ), texts AS (
        SELECT string_agg(md5(word::text), ' ') AS long FROM generate_series(1, 120) AS word
    )
    SELECT gen_random_uuid(), %(program)s, form.id, people.id, cycles.id,
           %(code)s || '-' || to_char(cycles.evaluation_on, 'YYYY-MM') || '-' || lpad(people.place::text, 6, '0'),
           CASE WHEN cycles.state = 'in_review' THEN 'in_review' WHEN people.place %% 10 = 0 THEN 'awarded' ELSE 'declined' END,
           jsonb_build_object('title', 'Study ' || people.place, 'abstract', substr(texts.long, 1 + people.place::int %% 2000, 900)),
           3, cycles.cut_off_at - interval '9 days', cycles.cut_off_at - interval '8 days', cycles.cut_off_at - interval '7 days',
           'Study ' || people.place || ' of ' || substr(texts.long, 1 + people.place::int %% 3000, 40),
           (ARRAY['life-sciences', 'medicine', 'chemistry', 'physics', 'mathematics', 'earth'])[1 + people.place %% 6],
           'Institute ' || people.place %% 200, (ARRAY['US', 'DE', 'IN', 'BR', 'KE', 'FR', 'JP'])[1 + people.place %% 7], 'postdoc',
           100000 * (1 + people.place %% 20), 6, '[]', '', split_part(people.email, '@', 2), people.email
      FROM form, texts, cycles CROSS JOIN people
     ORDER BY cycles.place, people.place
    """,
    """
    INSERT INTO applications_batch (cycle_id, formed_at, applications_count, manifest_sha256, rules, screened_at, assigned_at)
    SELECT c.id, c.cut_off_at, count(*), '', '{}', c.cut_off_at, c.cut_off_at FROM programs_cycle c
      JOIN applications_application a ON a.cycle_id = c.id GROUP BY c.id
    """,
    """
    INSERT INTO applications_batchentry (batch_id, application_id, position, deferred)
    SELECT b.id, a.id, row_number() OVER (PARTITION BY b.id ORDER BY a.id), false
      FROM applications_batch b JOIN applications_application a ON a.cycle_id = b.cycle_id
    """,
    """
    INSERT INTO applications_assignment (application_id, reviewer_id, state, assigned_at, due_at)
    SELECT e.application_id, (%(reviewers)s::bigint[])[1 + (e.position * 2 + look) %% cardinality(%(reviewers)s::bigint[])],
           CASE WHEN c.state = 'closed' OR e.position %% 4 = 0 THEN 'done' ELSE 'to_do' END, c.cut_off_at, c.review_due_at
      FROM applications_batchentry e JOIN applications_batch b ON b.id = e.batch_id JOIN programs_cycle c ON c.id = b.cycle_id
     CROSS JOIN generate_series(0, 1) AS look WHERE e.position <= %(looked)s
    """,
    """
    INSERT INTO applications_review (application_id, reviewer_id, state, clear_decline, confidence, note, total, started_at,
        saved_at, submitted_at)
    SELECT application_id, reviewer_id, 'in', false, 'fair', '', 3.5, assigned_at, assigned_at, assigned_at
      FROM applications_assignment WHERE state = 'done'
    """,
    """
    INSERT INTO applications_score (review_id, criterion_id, value)
    SELECT r.id, c.id, 1 + (r.id + c.id) %% 5 FROM applications_review r
     CROSS JOIN programs_criterion c WHERE c.program_id = %(program)s AND c.kind = 'score'
    """,
    """
    INSERT INTO applications_screeningcheck (application_id, kind, outcome, sentence, details, checked_at)
    SELECT a.id, 'academic_email', 'flag', 'The mail domain is not on the list of academic ones.',
           jsonb_build_object('email_domain', a.email_domain), a.saved_at
      FROM applications_application a WHERE a.id %% 3 = 0
    """,
    """
    INSERT INTO applications_screeningcheck (application_id, kind, outcome, sentence, details, checked_at)
    SELECT a.id, 'near_duplicate', 'flag', 'The text is very close to that of another application.',
           jsonb_build_object('applications', jsonb_build_array(jsonb_build_object('application', a.id - 1, 'share', 0.8))), a.saved_at
      FROM applications_application a WHERE a.id %% 50 = 2
    """,
    "RESET session_replication_role",
)


@dataclass(frozen=True)
class Applicant:
    """Somebody with a complete draft of the eighteen questions."""

    session: str
    public_id: str


def drafts(count: int) -> list[Applicant]:
    """A form version of eighteen questions on one page, and people with complete drafts of it, by the operations."""
    from django.http import QueryDict
    from django.utils import timezone

    from applications import answers, intake
    from applications.forms import section_form
    from bench.eighteen import SECTION, TYPED
    from portal.models import User
    from programs import form_versions

    program, now = world.program(), timezone.now()
    version = form_versions.draft(program=program, sections=[SECTION], by=None, at=now)
    form_versions.publish(form_version_id=version.pk, by=None, at=now)
    typed = QueryDict(mutable=True)
    for name, values in TYPED.items():
        typed.setlist(name, values)
    form = section_form(SECTION, answers={}, data=typed, strict=True)
    if not form.is_valid():
        raise ValueError(f"the eighteen answers are not complete: {form.errors}")
    given = answers.store(SECTION, form.cleaned_data)
    world.people(count, prefix="drafter")
    found = []
    for user in User.objects.filter(email__startswith="drafter").order_by("pk"):
        draft = intake.start(program_id=program.pk, answers=given, by=user, at=now)
        found.append(Applicant(session_of(user), str(draft.public_id)))
    return found


@dataclass(frozen=True)
class Silent:
    """An application in a state that its applicant may not learn, and the applicant's session."""

    state: str
    session: str
    public_id: str


def silent_states() -> list[Silent]:
    """Copies of one application of the cycle in review, in every state that looks the same until the decided-by date.

    Each belongs to another person, because nobody has two in one cycle; answers, dates and the length of the addresses are
    the same.
    """
    from portal.models import User

    world.people(100, prefix="silent")
    for statement in ("SET session_replication_role = replica", SILENT, "RESET session_replication_role"):
        world.sql(statement)
    rows = world.sql(
        "SELECT state, applicant_id, public_id FROM applications_application WHERE reference LIKE 'AIS-0000%%' ORDER BY id",
        [],
    )
    people = User.objects.in_bulk([row[1] for row in rows])
    return [Silent(state, session_of(people[person]), str(public_id)) for state, person, public_id in rows]


SILENT = """
    INSERT INTO applications_application (public_id, program_id, form_version_id, applicant_id, cycle_id, reference, state,
        answers, answers_version, created_at, saved_at, submitted_at, title, field, institution, country, career_stage,
        requested_cents, requested_months, requested_models, organization_id_text, email_domain, email_key)
    SELECT gen_random_uuid(), program_id, form_version_id, person.id, cycle_id, 'AIS-0000-00-00000' || person.place,
        (ARRAY['submitted', 'in_review', 'declined', 'deferred'])[person.place], answers, 3, created_at, saved_at, submitted_at,
        title, field, institution, country, career_stage, requested_cents, requested_months, requested_models, '', email_domain,
        'silent' || person.place
      FROM (SELECT * FROM applications_application WHERE state = 'in_review' ORDER BY id LIMIT 1) AS one,
           (SELECT id, row_number() OVER (ORDER BY id) AS place FROM portal_user WHERE email LIKE 'silent__@lab__.%%' LIMIT 4) AS person
"""
