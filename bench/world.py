"""A made-up world of any size, the same for the same size: people, programs, applications with texts and sketches."""

import argparse
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import django
from django.db import connection

SEED = 20261207
SLUG = "ai-for-science"
REVIEWERS = 50
LABS = 200
"""Institutions; applicants and reviewers are spread over them, so that one pair in 200 is barred."""
COUNTRIES = ("US", "DE", "IN", "BR", "KE", "FR", "JP", "CA", "GB", "NG", "CL", "KR", "IT", "ES", "PL", "ZA")
REFUSED = "CU"  # not in the preset's list
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def options(*, quick: tuple[int, ...], full: tuple[int, ...]) -> argparse.Namespace:
    """What every part is started with: --quick, or sizes, rounds and requests of one's own for a closer look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--asked", type=int, default=20, help="requests of each kind in one round")
    given = parser.parse_args()
    given.sizes = given.sizes or list(quick if given.quick else full)
    return given


def setup() -> None:
    django.setup()


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def timed(what: str, work: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    result = work()
    say(f"{what}: {time.perf_counter() - begin:.1f} s")
    return result


# --- Texts ------------------------------------------------------------------------------------------------------------


class Writer:
    """Texts of made-up words with a few common and many rare ones, as in a language."""

    def __init__(self, seed: int = SEED) -> None:
        self.dice = random.Random(seed)
        syllables = [
            first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "el")
        ]
        self.words = ["".join(self.dice.choices(syllables, k=self.dice.randint(1, 4))) for _ in range(4_000)]
        self.weights = [1 / (place + 10) for place in range(len(self.words))]
        self.cumulative = []
        total = 0.0
        for weight in self.weights:
            total += weight
            self.cumulative.append(total)

    def text(self, words: int) -> str:
        return (
            " ".join(self.dice.choices(self.words, cum_weights=self.cumulative, k=words)).capitalize() + "."
        )

    def nearly(self, text: str) -> str:
        """The same text with one word in thirty replaced."""
        words = text.split(" ")
        for place in self.dice.sample(range(len(words)), k=max(1, len(words) // 30)):
            words[place] = self.dice.choice(self.words)
        return " ".join(words)


def answers(
    sections: Sequence[Mapping[str, Any]], *, title: str, abstract: str, field: str = ""
) -> dict[str, Any]:
    """Complete answers to any form. Raises ValueError where the form has learned something that this has not."""
    from applications import answers as answering
    from programs import fields

    given: dict[str, Any] = {}
    for question in fields.questions(sections):
        given[question["key"]] = _answer(question, title, abstract, field)
    given = {key: value for key, value in given.items() if value is not None}
    problems = answering.check(sections, given)
    if problems:
        raise ValueError(f"no complete answers: {problems}")
    return given


def _answer(question: Mapping[str, Any], title: str, abstract: str, field: str) -> Any:
    kind, choices = question["type"], question.get("choices") or []
    if question.get("maps_to") == "title":
        return title
    if question.get("maps_to") == "abstract":
        return abstract
    if kind in ("single_choice", "multiple_choice"):
        wanted = field if question.get("maps_to") == "field" and field else choices[0]["value"]
        return wanted if kind == "single_choice" else [wanted]
    least, most = question.get("min") or 1, question.get("max") or 6
    return {
        "short_text": "A short answer",
        "long_text": " ".join(["enough words to stand for an answer"] * 4),
        "email": "person@lab.example.org",
        "url": "https://lab.example.org/",
        "integer": least,
        "months": min(most, 6),
        "money": {
            "amount_cents": min(most, max(least, 600_000)),
            "currency": question.get("currency", "USD"),
        },
        "date": "2027-01-01",
        "yes_no": "no",
        "country": "US",
        "organization": {"name": "Institute of Lakes"},
        "people": [{"name": "Some Body", "role": "Everything"}],
        "acknowledgement": {"version": (question.get("policy") or {}).get("version", ""), "accepted": True},
    }.get(kind)


# --- Rows -------------------------------------------------------------------------------------------------------------


def copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """COPY rows into a table."""
    with connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY {table} ({', '.join(columns)}) FROM STDIN", _Lines(_line(row) for row in rows)
        )


def _line(row: Sequence[object]) -> str:
    return "\t".join(map(_cell, row)) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\")
    if isinstance(value, (list, tuple)):
        return "{" + ",".join(map(str, value)) + "}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


class _Lines:
    """The file that COPY reads, fed by a generator, so that a hundred thousand rows never stand in memory at once."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.rest = b""

    def read(self, size: int = 65_536) -> bytes:
        parts, have = [self.rest], len(self.rest)
        for line in self.lines:
            parts.append(line.encode())
            have += len(parts[-1])
            if have >= size:
                break
        data = b"".join(parts)
        self.rest = data[size:]
        return data[:size]


def sql(
    statement: str, parameters: Mapping[str, object] | Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """Run one statement (or several without parameters); returns its rows, if any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def number(statement: str, parameters: Mapping[str, object] | Sequence[object] | None = None) -> Any:
    return sql(statement, parameters)[0][0]


def tidy(*tables: str) -> None:
    """Drop dead rows and write everything out, so that no variant pays for another one's."""
    for table in tables:
        sql(f"VACUUM (ANALYZE) {table}")
    sql("CHECKPOINT")


PERSON = ("password", "is_superuser", "email", "name", "subject_key", "is_staff", "is_active", "date_joined")


def lab(place: int) -> int:
    """The institution of the person at a place, without any rhythm that a deal of reviewers in turn could meet."""
    return (place * 2_654_435_761 >> 7) % LABS


def people(count: int, *, prefix: str, staff: bool = False) -> list[int]:
    """Accounts nobody can sign in to with a password; returns their ids in order. One institution in LABS each."""
    copy(
        "portal_user",
        PERSON,
        (
            (
                "!",
                False,
                f"{prefix}{place}@lab{lab(place)}.example.org",
                f"{prefix.capitalize()} {place}",
                uuid.UUID(int=random.Random(f"{prefix}{place}").getrandbits(128)).hex[:16],
                staff,
                True,
                EPOCH.isoformat(),
            )
            for place in range(count)
        ),
    )
    return [
        row[0]
        for row in sql("SELECT id FROM portal_user WHERE email LIKE %s ORDER BY id", [f"{prefix}%@lab%"])
    ]


def program(slug: str = SLUG) -> Any:
    from programs.models import Program

    return Program.objects.get(slug=slug)


def reviewers(offering: Any, count: int = REVIEWERS) -> list[int]:
    """People who review for the program, appointed by the operation."""
    from portal.models import User
    from portal.roles import Role
    from programs import memberships

    ids = people(count, prefix="reviewer")
    for user in User.objects.filter(pk__in=ids).order_by("pk"):
        memberships.give(program=offering, user=user, role=Role.REVIEWER, by=None, at=EPOCH)
    return ids


APPLICATION = (
    "id",
    "public_id",
    "program_id",
    "form_version_id",
    "applicant_id",
    "cycle_id",
    "reference",
    "state",
    "answers",
    "answers_version",
    "created_at",
    "saved_at",
    "submitted_at",
    "title",
    "field",
    "institution",
    "country",
    "career_stage",
    "requested_cents",
    "requested_months",
    "requested_models",
    "organization_id_text",
    "email_domain",
    "email_key",
)


@dataclass(frozen=True)
class Written:
    """One made-up application: what goes to its row and to its sketch."""

    row: tuple[object, ...]
    bins: list[int]


def applications(offering: Any, cycle: Any, applicants: Sequence[int], *, first_id: int = 1) -> None:
    """One sent application for each applicant, with texts and sketches, by COPY.

    Among them: one in 100 nearly repeats an earlier text, one in 200 comes from the mailbox of an earlier one, one in
    300 names an earlier one's organization, one in 200 comes from a country that is not served any more.
    """
    from applications import similarity
    from programs import form_versions

    version = form_versions.current(offering)  # while COPY runs, the connection takes no other statement
    sketches: list[tuple[int, list[int], list[int]]] = []

    def rows() -> Iterator[tuple[object, ...]]:
        for written in _written(offering, version, cycle, applicants, first_id):
            if written.bins:
                sketches.append((int(str(written.row[0])), written.bins, similarity.bands(written.bins)))
            yield written.row

    copy("applications_application", APPLICATION, rows())
    copy("applications_textsketch", ("application_id", "signature", "bands"), sketches)
    sql(
        "SELECT setval(pg_get_serial_sequence('applications_application', 'id'), max(id)) FROM applications_application"
    )
    tidy("portal_user", "applications_application", "applications_textsketch")


def _written(
    offering: Any, version: Any, cycle: Any, applicants: Sequence[int], first_id: int
) -> Iterator[Written]:
    from applications import similarity
    from programs import fields

    choices = next(
        [choice["value"] for choice in question["choices"]]
        for question in fields.questions(version.sections)
        if question.get("maps_to") == "field"
    )
    pattern = json.dumps(answers(version.sections, title="@title@", abstract="@abstract@"))
    writer, dice = Writer(), random.Random(SEED + first_id)
    earlier = ["", ""]
    for place, applicant in enumerate(applicants):
        text = writer.nearly(earlier[place % 2]) if place % 100 == 99 else writer.text(dice.randint(130, 300))
        earlier[place % 2] = text
        title = f"{text[: 40 + place % 30]} {place}"
        mailbox = place - 1 if place % 200 == 199 else place
        key = f"applicant{mailbox}@lab{lab(mailbox)}.example.org"
        organization = uuid.UUID(int=SEED + (place - 1 if place % 300 == 299 else place), version=4)
        row = (
            first_id + place,
            uuid.UUID(int=dice.getrandbits(128), version=4),
            offering.pk,
            version.pk,
            applicant,
            cycle.pk,
            f"{offering.short_code}-{cycle.evaluation_on:%Y-%m}-{place:06d}",
            "submitted",
            pattern.replace("@title@", title).replace("@abstract@", text),
            3,
            *[EPOCH.isoformat()] * 3,
            title,
            choices[place % len(choices)],
            f"Institute {lab(place)}",
            REFUSED if place % 200 == 77 else COUNTRIES[place % len(COUNTRIES)],
            "postdoc",
            dice.randint(1, 20) * 100_000,
            6,
            "[]",
            str(organization),
            f"lab{lab(place)}.example.org",
            key,
        )
        yield Written(row, similarity.signature([text]))


def conflicts(offering: Any, reviewer_ids: Sequence[int]) -> int:
    """Declared conflicts: one application in 50 with one reviewer. Returns how many."""
    return len(
        sql(
            """
            INSERT INTO applications_conflict (application_id, user_id, reason, declared_at)
            SELECT id, (%(people)s::bigint[])[1 + id / 50 %% cardinality(%(people)s::bigint[])], 'Worked together', %(at)s
              FROM applications_application WHERE program_id = %(program)s AND id %% 50 = 0
            RETURNING 1
            """,
            {"people": list(reviewer_ids), "at": EPOCH, "program": offering.pk},
        )
    )
