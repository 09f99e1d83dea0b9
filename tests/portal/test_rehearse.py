"""The rehearsal: a whole month with real processes, and that a broken promise is seen."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from applications import notices
from applications.models import Application
from portal.rehearsal import promises, run, scratch
from portal.rehearsal.visitors import Traffic
from portal.rehearsal.world import Options, World
from programs.models import MessageKind
from tests import processes

FIELDS = ("Life sciences", "Chemistry & materials", "Physics", "Earth & environment", "Something else")
SENTENCE = (
    "We ask how plot {a} differs from plot {b} once the {c} frost of season {d} has passed over site {a}{c}."
)


def texts(number: int) -> list[dict[str, Any]]:
    """Rows as in a public list of funded research: no form answers, some countries that are not served."""
    return [
        {
            "title": f"Mosses of plot {place} after the frost",
            "abstract": " ".join(
                SENTENCE.format(a=place * 7 + line, b=place * 11 + line, c=line, d=place * 13)
                for line in range(20)
            ),
            "institution": f"Lake Institute {place % 4}",
            "country_iso2": "CN" if place % 13 == 3 else ("DE", "US", "KE", "FR")[place % 4],
            "field": FIELDS[place % len(FIELDS)],
            "year": 2024,
            "source_id": f"text-{place}",
        }
        for place in range(number)
    ]


def write(folder: Path, number: int) -> Path:
    file = folder / "texts.jsonl"
    lines = [json.dumps(row) for row in texts(number)]
    lines[5] = lines[5][:-9]  # cut short
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A small rehearsal on the test database instead of scratch servers."""
    for name, value in scratch.provider_settings().items():
        monkeypatch.setenv(name, value)
    processes.empty_queue()
    return Options(
        program="openai-researcher-access",
        applications=write(tmp_path, 14),
        folder=tmp_path,
        reviewers=4,
        fault_rate=0.0,
        bars=False,
    )


@pytest.mark.slow
@pytest.mark.django_db
def test_a_rehearsal_keeps_its_promises_on_servers_of_its_own(tmp_path: Path) -> None:
    file = str(write(tmp_path, 24))

    done = processes.manage(
        "rehearse",
        "--program=ai-for-science",
        f"--applications={file}",
        "--reviewers=4",
        "--screeners=2",
        "--size=26",
        "--pages",
        "--each=3",
        "--json",
        timeout=400,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["kept"]
    assert [promise["promise"] for promise in found["promises"]] == list(promises.PROMISES)
    assert all(promise["kept"] for promise in found["promises"])
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert found["rows"] == 26
    assert stages["import"]["count"] + stages["import late"]["count"] + stages["import"]["refused"] == 26
    assert stages["reviews"]["count"] + stages["coverage"]["count"] == 2 * stages["batch"]["count"]
    assert stages["reviews"]["at_pages"] == 4 * 3
    assert 0 < stages["gates"]["at_pages"] < stages["gates"]["count"]
    assert stages["import"]["reasons"] == {
        "The line is not JSON.": 1,
        "The API is not available in this country or region, so credits could not be used there.": 2,
    }
    assert stages["acceptance"]["at_the_page"] > 0
    assert found["pages"]["GET /admin/boards/money/N/"]["most_queries"] <= promises.MOST_QUERIES
    assert stages["delivery"]["count"] == stages["acceptance"]["count"] > 0
    assert stages["delivery"]["sum_cents"] == stages["release"]["sum_cents"] > 0
    assert set(found["peak_memory_mb"]) == {"rehearsal", "worker", "web"}


# Promise -> how it is broken behind the product's back. The database's own guards are off in these transactions.
SABOTAGE: dict[str, str] = {
    "a refused row leaves nothing behind": "UPDATE portal_user SET email = 'x' || email WHERE false;"
    " INSERT INTO portal_user (email, name, subject_key, is_staff, is_active, is_superuser, password, date_joined)"
    " VALUES ('left@example.org', '', 'left', false, true, false, '', now())",
    "what is stored is what was sent": 'UPDATE applications_application SET answers = answers || \'{"title": "other"}\''
    " WHERE id = (SELECT min(id) FROM applications_application)",
    "every application is in exactly one batch": "DELETE FROM applications_batchentry WHERE position = 2",
    "what comes after the cut-off is in the next evaluation": "UPDATE applications_application SET submitted_at ="
    " submitted_at + interval '40 days' WHERE id = (SELECT min(id) FROM applications_application)",
    "nobody reviews with a conflict of interest": "INSERT INTO applications_conflict"
    " (application_id, user_id, reason, declared_at) SELECT application_id, reviewer_id, 'wrote together', now()"
    " FROM applications_review LIMIT 1",
    "reviewers get the same load, give or take one": "DELETE FROM applications_assignment"
    " WHERE reviewer_id = (SELECT min(reviewer_id) FROM applications_assignment)",
    "every application got all its looks": "UPDATE applications_review SET state = 'draft'"
    " WHERE id = (SELECT min(id) FROM applications_review)",
    "a large award has a second person": "ALTER TABLE applications_decision DROP CONSTRAINT"
    " large_award_has_second_person; UPDATE applications_decision SET approved_by_id = NULL, approved_at = NULL",
    "a repeated release changes nothing": "UPDATE applications_application SET state = 'in_review'"
    " WHERE id = (SELECT min(id) FROM applications_application WHERE state = 'declined')",
    "every grant has an organization": "ALTER TABLE credits_grant DROP CONSTRAINT grant_sent_has_organization;"
    " UPDATE credits_grant SET organization_id = NULL",
    "every award is delivered once": "UPDATE credits_grant SET stage = 'sent', confirmed_at = NULL, starts_on = NULL,"
    " expires_on = NULL WHERE id = (SELECT min(id) FROM credits_grant)",
    "the provider's total is the ledger's total": "UPDATE ledger_account SET balance_cents = balance_cents + 1"
    " WHERE kind = 'granted'",
    "the pool holds what was funded less what was awarded": "UPDATE applications_decision"
    " SET amount_cents = amount_cents - 1 WHERE kind = 'award'",
    "every award has one letter": "DELETE FROM applications_notice WHERE kind = 'award'",
    "every letter is sent once": "UPDATE applications_notice SET state = 'parked', sent_at = NULL WHERE kind = 'award'",
    "expiry dates are right": "UPDATE credits_grant SET expires_on = expires_on + 1",
    "the ledger verifies": "UPDATE ledger_entry SET amount_cents = amount_cents + 1",
}


def _unpassed_gate(world: World) -> None:
    _sql(
        "UPDATE applications_application SET answers = answers || '{\"areas\": [\"misuse\"]}' WHERE state = 'awarded';"
        " DELETE FROM applications_gateresult"
    )


def _tell_a_declined_person(world: World) -> None:
    declined = Application.objects.filter(cycle=world.cycle, state="declined").select_related("applicant")[0]
    notices.queue(
        kind=MessageKind.TOLD_DECLINE,
        application=declined,
        recipient=declined.applicant,
        at=world.cycle.cut_off_at,
    )


# Promises about what the world did, not about rows.
SABOTAGE_OF_FACTS: dict[str, Callable[[World], None]] = {
    "a repeated tick changes nothing": lambda world: world.facts["ticks"].update(repeats_changed=True),
    "a repeated release changes nothing": lambda world: world.facts.update(released_again=1),
    "every award is delivered once": lambda world: world.facts["provider"].update(duplicates=1),
    "the worker finishes its queues": lambda world: world.facts.update(letters_in_time=False),
    "a large award has a second person": lambda world: world.facts["release_check"].update(refused=99),
    "no award passes an open gate": _unpassed_gate,
    "a quiet decline sends nothing": _tell_a_declined_person,
    "nothing is released before everything was looked at": lambda world: world.facts["coverage"].update(
        refused=False
    ),
    "no page asks for more than fifteen things": lambda world: world.pages.add(1.0, "GET", "/admin/7/", 16),
}


def _sql(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers: this is the vandal
        for table in ("credits_grant", "ledger_account", "ledger_entry"):  # some stand guard even then
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statements.replace("%", "%%"))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_promise_is_seen_to_break(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    world = run.play(options)
    kept = {promise.name: promise for promise in promises.check(world)}

    assert [promise for promise in kept.values() if not promise.kept] == []
    assert set(SABOTAGE) | set(SABOTAGE_OF_FACTS) == set(promises.PROMISES)
    for name, statements in SABOTAGE.items():
        with transaction.atomic():
            _sql(statements)
            found = {promise.name: promise for promise in promises.check(world)}
            transaction.set_rollback(True)
        assert not found[name].kept, f"{name}: {found[name].detail}"
    facts = json.loads(json.dumps(world.facts))
    for name, spoil in SABOTAGE_OF_FACTS.items():
        with transaction.atomic():
            world.facts = json.loads(json.dumps(facts))
            spoil(world)
            found = {promise.name: promise for promise in promises.check(world)}
            world.pages = Traffic()
            transaction.set_rollback(True)
        assert not found[name].kept, name
    _a_letter_too_many(world, facts)
    _the_verdict_is_the_exit_code(world, facts, monkeypatch)


def _a_letter_too_many(world: World, facts: dict[str, Any]) -> None:
    """A letter that reached a declined person without any row in the outbox is seen as well."""
    world.facts = json.loads(json.dumps(facts))
    declined = Application.objects.filter(cycle=world.cycle, state="declined").select_related("applicant")[0]
    stray = world.options.folder / "mail" / "stray.log"
    stray.write_text(
        f"Subject: Sorry\nTo: {declined.applicant.email}\nMessage-ID: <stray@example.org>\n\nNo.\n"
    )
    found = {promise.name: promise.kept for promise in promises.check(world)}
    stray.unlink()

    assert not found["a quiet decline sends nothing"]
    assert not found["every letter is sent once"]


def _the_verdict_is_the_exit_code(
    world: World, facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "play", lambda options: world)
    world.facts = json.loads(json.dumps(facts))
    good, bad = io.StringIO(), io.StringIO()

    assert run.rehearse(world.options, as_json=False, out=good) == 0
    world.facts["provider"]["sum_cents"] += 1
    assert run.rehearse(world.options, as_json=False, out=bad) == 1
    assert f"{len(promises.PROMISES)} promises kept." in good.getvalue()
    assert "FAIL  the provider's total is the ledger's total" in bad.getvalue()
    assert "1 promises BROKEN." in bad.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--program=moon", "--applications=x.jsonl"], "There is no shipped program 'moon'"),
        (["--program=ai-for-science", "--applications=x.jsonl"], "is not a file"),
        (
            ["--program=ai-for-science", f"--applications={__file__}", "--reviewers=2"],
            "--reviewers is from 3",
        ),
        (
            ["--program=ai-for-science", f"--applications={__file__}", "--managers=1"],
            "--managers is from 2",
        ),
        (
            ["--program=ai-for-science", f"--applications={__file__}", "--fault-rate=1"],
            "--fault-rate is from 0",
        ),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("rehearse", *arguments)
