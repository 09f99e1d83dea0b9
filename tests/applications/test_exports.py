"""Exports: cells that are no formula, files that read back the same, rights, progress, a killed worker, a limit."""

import csv
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import example, given
from hypothesis import strategies as st

from applications import cells, decisions, exports, review
from applications.models import Conflict, Export, ExportFormat, ExportKind, ExportState, Recusal
from portal import clock
from portal.models import AuditEvent, User
from portal.roles import Role
from programs import memberships
from tests.factories import applications as make
from tests.factories.staff import cast, fund, review_all, signed_in

FORMULA_FIRST = set("=+-@＝＋－＠\t\r\n\x00")
HOSTILE = [
    "=1+1",
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\x00=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    " =1+1",
    "\u200b=1",
    "\ufeff=1",
    "\u00a0=1",
    "'=1",
    "''=1",
    '=HYPERLINK("http://example.org","x")',
    "=cmd|' /C calc'!A0",
    "|x",
    "%x",
    "−1",
]


# --- Cells


@given(st.text())
@example("'=1")
@example("''＝1")
@example(" '\t=1")
def test_no_cell_begins_a_formula_and_every_text_comes_back(text):
    guarded = cells.guard(text)

    assert guarded[:1] not in FORMULA_FIRST
    assert guarded.lstrip("' \u00a0\u200b\ufeff")[:1] not in FORMULA_FIRST or guarded.startswith("'")
    assert cells.bare(guarded) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_gets_an_apostrophe(text):
    assert cells.guard(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "'90s", "1=1", "a-b", "Ærø", "日本"])
def test_a_harmless_text_stays_as_it_is(text):
    assert cells.guard(text) == text


@given(
    st.lists(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2))
)
@example([["a,b", 'say "x"', "two\r\nlines", "", "=1"]])
@example([["", "'\r"]])
def test_csv_reads_back_the_same(rows):
    written = cells.lines(rows)

    back = list(csv.reader(io.StringIO(written.decode(), newline="")))

    assert [[cells.bare(cell) for cell in row] for row in back] == rows
    assert all(cell[:1] not in FORMULA_FIRST for row in back for cell in row)


def test_lines_end_as_rfc_4180_says():
    assert cells.lines([["a", 'b "c"'], ["d,e", 1]]) == b'a,"b ""c"""\r\n"d,e",1\r\n'


def test_xlsx_types_everything_but_our_numbers_as_text(tmp_path: Path):
    source, target = tmp_path / "rows", tmp_path / "rows.xlsx"
    source.write_bytes(cells.lines([["Text", "Number"], *([text, 5] for text in HOSTILE), ["http://x", 7]]))

    cells.workbook(source, target, sheet="Rows: [1]", numbers=[1])

    with zipfile.ZipFile(target) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert not any("externalLink" in name or "hyperlink" in name.lower() for name in book.namelist())
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    assert sheet.count('t="inlineStr"') == len(HOSTILE) + 3
    assert sheet.count("<v>") == len(HOSTILE) + 1


def test_a_text_that_no_cell_holds_is_cut_and_says_so():
    cell = cells.cell("=" + "x" * 40_000)

    assert len(cell) == cells.LONGEST_CELL
    assert cell.endswith(cells.CUT)
    assert len(cells.cell("😀" * 20_000).encode("utf-16-le")) // 2 <= cells.LONGEST_CELL


# --- Exports


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


def start(
    world: dict[str, Any], by: User, kind: ExportKind = ExportKind.APPLICATIONS, **options: Any
) -> Export:
    options = {"file_format": ExportFormat.CSV, **options}
    return exports.start(kind=kind, program_id=world["program"].pk, by=by, at=make.AFTER, **options)


def content(export: Export, by: User) -> list[list[str]]:
    exports.run_due(at=make.AFTER)
    _, path = exports.fetch(public_id=export.public_id, by=by, at=make.AFTER)
    return list(cells.read(path))


@pytest.mark.django_db
def test_applications_of_a_cycle_with_chosen_columns():
    world = cast(applications=3)
    asked = ["reference", "title", "asked", "answer:abstract"]

    rows = content(
        start(world, world["manager"], columns=asked, cycle_id=world["cycle"].pk), world["manager"]
    )

    assert rows[0] == ["Reference", "Title", "Asked (USD)", "Abstract"]
    assert [row[0] for row in rows[1:]] == [row.reference for row in world["rows"]]
    assert rows[1][1] == world["rows"][0].title
    assert rows[1][2] == "6000.00"
    assert rows[1][3] == world["rows"][0].answers["abstract"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["manager", "both"])
def test_restricted_answers_are_in_no_export(role):
    world = cast()
    if role == "both":
        make.make_member(world["program"], Role.SCREENER, user=world["manager"])

    export = start(world, world["manager"])

    text = str(content(export, world["manager"]))
    assert make.FOR_SCREENERS not in text
    assert make.IDENTITY in text
    with pytest.raises(exports.CannotExport, match="no column"):
        start(world, world["manager"], columns=["answer:hazards"])


@pytest.mark.django_db
@pytest.mark.parametrize("tie", ["conflict", "recusal"])
def test_a_conflict_leaves_an_application_out_of_every_kind(tie):
    world = cast(applications=3)
    manager, hidden = world["manager"], world["rows"][1]
    fund(world["program"])
    review_all(world)
    for row in world["rows"]:
        decisions.propose_award(
            application_id=row.pk, by=make.make_member(world["program"], Role.MANAGER), at=make.AFTER
        )
    if tie == "conflict":
        Conflict.objects.create(application=hidden, user=manager, reason="x", declared_at=make.BEFORE)
    else:
        Recusal.objects.create(application=hidden, reviewer=manager, kind="other", at=make.BEFORE)

    for kind, rows_of_each in (
        (ExportKind.APPLICATIONS, 1),
        (ExportKind.REVIEWS, 2),
        (ExportKind.DECISIONS, 1),
        (ExportKind.PEOPLE, 1),
    ):
        export = start(world, manager, kind)
        rows = content(export, manager)
        export.refresh_from_db()
        assert len(rows) - 1 == 2 * rows_of_each == export.total == export.done, kind
        assert not any(
            secret in str(rows) for secret in (hidden.reference, hidden.title, hidden.applicant.email)
        )


@pytest.mark.django_db
def test_a_reviewer_exports_their_queue_and_nothing_else():
    world = cast(applications=3, reviewers=2)
    reviewer = world["reviewers"][0]

    rows = content(start(world, reviewer, ExportKind.QUEUE), reviewer)

    assert rows[0][:3] == ["Reference", "Cycle", "Title"]
    assert {row[0] for row in rows[1:]} == {
        row.application.reference for row in reviewer.assignments.select_related("application")
    }
    for kind in set(ExportKind) - {ExportKind.QUEUE}:
        with pytest.raises(exports.CannotExport, match="not among yours"):
            start(world, reviewer, kind)


@pytest.mark.django_db
def test_a_queue_without_names_tells_no_identity():
    world = cast(blind_first_look=True)
    reviewer, applicant = world["reviewers"][0], world["rows"][0].applicant

    rows = content(start(world, reviewer, ExportKind.QUEUE), reviewer)

    assert len(rows) == 3
    assert not any(canary in str(rows) for canary in (make.IDENTITY, applicant.email, applicant.name))


@pytest.mark.django_db
def test_reviews_of_others_wait_until_ones_own_is_in():
    world = cast(applications=1, reviewers=2)
    first, second = world["reviewers"]
    make.make_member(world["program"], Role.MANAGER, user=second)
    look = review.Look(scores={"merit": 4, "impact": 4, "feasibility": 4}, note="=SUM(A1)")
    review.send_in(application_id=world["rows"][0].pk, look=look, by=first, at=make.AFTER)

    assert len(content(start(world, second, ExportKind.REVIEWS), second)) == 1
    rows = content(start(world, world["manager"], ExportKind.REVIEWS), world["manager"])
    assert rows[1][rows[0].index("Note")] == "'=SUM(A1)"
    assert rows[1][rows[0].index("Merit")] == "4"


@pytest.mark.django_db
def test_money_exports_follow_the_ledger():
    world = cast()
    finance = make.make_member(world["program"], Role.FINANCE)
    fund(world["program"], 50_000_00)
    pool = exports.pools_of(world["program"]).get().code

    rows = content(start(world, finance, ExportKind.LEDGER, pool=pool), finance)

    assert rows[0] == ["Line", "When (UTC)", "Movement", "Transfer", "In (USD)", "Out (USD)", "Left (USD)"]
    assert [(row[2], row[4], row[5], row[6]) for row in rows[1:]] == [("Fund", "50000.00", "", "50000.00")]
    assert content(start(world, finance, ExportKind.GRANTS), finance)[0][0] == "Grant"
    with pytest.raises(exports.CannotExport, match="Choose a pool"):
        start(world, finance, ExportKind.LEDGER, pool="pool:another")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stop_after", [1, 3])
def test_another_worker_goes_on_where_one_was_killed(monkeypatch, stop_after):
    world = cast(applications=7)
    export = start(world, world["manager"], columns=["reference"])
    wrote = 0
    append = exports._append

    def die(*arguments: Any) -> None:
        nonlocal wrote
        append(*arguments)  # in the file, but the row does not know it
        wrote += 1
        if wrote > stop_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(exports, "_append", die)
    with pytest.raises(KeyboardInterrupt):
        exports.run_due(at=make.AFTER, chunk=2)
    monkeypatch.setattr(exports, "_append", append)

    assert exports.run_due(at=make.AFTER, chunk=2).finished == 0  # the dead one's lease still runs
    export.refresh_from_db()
    assert export.state == ExportState.RUNNING
    later = make.AFTER + exports.LEASE + timedelta(seconds=5)
    assert exports.run_due(at=later, chunk=2).finished == 1

    _, path = exports.fetch(public_id=export.public_id, by=world["manager"], at=later)
    assert [row[0] for row in cells.read(path)] == ["Reference", *(row.reference for row in world["rows"])]
    assert len(list(path.parent.iterdir())) == 1  # the dead one's file is gone


@pytest.mark.django_db
def test_a_slice_of_time_shows_progress_and_is_gone_on_with():
    world = cast(applications=5)
    export = start(world, world["manager"])

    exports.run_due(at=make.AFTER, seconds=0, chunk=2)
    export.refresh_from_db()

    assert (export.state, export.done, export.total) == (ExportState.RUNNING, 2, 5)
    assert export.share == 40.0
    assert exports.run_due(at=make.AFTER + timedelta(seconds=30)).finished == 1


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_export_leaves_no_file_and_no_worker_brings_it_back(monkeypatch):
    world = cast(applications=4)
    manager = world["manager"]
    export = start(world, manager)
    keep = exports._keep

    def cancel_first(row: Export, **options: Any) -> bool:
        exports.cancel(public_id=export.public_id, by=manager, at=make.AFTER)
        return keep(row, **options)

    monkeypatch.setattr(exports, "_keep", cancel_first)
    exports.run_due(at=make.AFTER, chunk=2)
    export.refresh_from_db()

    assert export.state == ExportState.CANCELLED
    assert list((exports.path_of("0" * 32).parent).iterdir()) == []
    assert exports.cancel(public_id=export.public_id, by=manager, at=make.AFTER) is False
    with pytest.raises(exports.NotReady):
        exports.fetch(public_id=export.public_id, by=manager, at=make.AFTER)


@pytest.mark.django_db
def test_nobody_fetches_or_cancels_anothers():
    world = cast()
    export = start(world, world["manager"])
    other = make.make_member(world["program"], Role.MANAGER)
    exports.run_due(at=make.AFTER)

    with pytest.raises(exports.NotReady):
        exports.fetch(public_id=export.public_id, by=other, at=make.AFTER)
    assert (
        exports.cancel(public_id=start(world, world["manager"]).public_id, by=other, at=make.AFTER) is False
    )


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["role", "conflict", "time"])
def test_a_file_is_removed_when_it_is_not_theirs_any_more(change):
    world = cast()
    manager, at = world["manager"], make.AFTER
    export = start(world, manager)
    exports.run_due(at=at)
    export.refresh_from_db()
    path = exports.path_of(export.stored_name)
    if change == "role":
        memberships.end(program=world["program"], user=manager, role=Role.MANAGER, by=None, at=at)
    elif change == "conflict":
        Conflict.objects.create(application=world["rows"][0], user=manager, reason="x", declared_at=at)
    else:
        at += exports.KEPT + timedelta(minutes=1)

    with pytest.raises(exports.NotReady, match="Make the export again"):
        exports.fetch(public_id=export.public_id, by=manager, at=at)

    export.refresh_from_db()
    assert export.state == ExportState.GONE
    assert not path.exists()


@pytest.mark.django_db
def test_a_role_that_ends_while_rows_are_written_ends_the_export():
    world = cast()
    export = start(world, world["manager"])
    memberships.end(
        program=world["program"], user=world["manager"], role=Role.MANAGER, by=None, at=make.AFTER
    )

    assert exports.run_due(at=make.AFTER).failed == 1
    export.refresh_from_db()
    assert (export.state, export.problem) == (ExportState.FAILED, "Your role in this program has ended.")


@pytest.mark.django_db
def test_old_files_go_with_a_tick_and_their_rows_stay():
    world = cast()
    export = start(world, world["manager"])
    exports.run_due(at=make.AFTER)

    assert exports.remove_old(at=make.AFTER + timedelta(days=6)) == 0
    assert exports.remove_old(at=make.AFTER + timedelta(days=8)) == 1
    export.refresh_from_db()
    assert export.state == ExportState.GONE


@pytest.mark.django_db
def test_ten_an_hour_and_each_in_the_trail():
    world = cast()
    for _ in range(exports.PER_HOUR):
        start(world, world["manager"], columns=["reference"])

    with pytest.raises(exports.TooManyExports):
        start(world, world["manager"])

    exports.run_due(at=make.AFTER, limit=1)
    export = Export.objects.get(state=ExportState.READY)
    exports.fetch(public_id=export.public_id, by=world["manager"], at=make.AFTER)
    trail = AuditEvent.objects.filter(subject_type="applications.export", subject_id=str(export.pk))
    assert list(trail.order_by("pk").values_list("action", "actor")) == [
        ("export.start", world["manager"].pk),
        ("export.finish", None),
        ("export.download", world["manager"].pk),
    ]
    assert trail.get(action="export.start").details["columns"] == ["reference"]
    assert trail.get(action="export.finish").details == {"rows": 2}


@pytest.mark.django_db
def test_a_fault_ends_with_a_sentence_after_many_tries(monkeypatch):
    world = cast()
    export = start(world, world["manager"])

    def fault(*arguments: Any, **options: Any) -> Any:
        raise OSError("no space left")

    monkeypatch.setattr(exports.export_rows, "page", fault)
    at = make.AFTER
    for _ in range(exports.MOST_CLAIMS + 1):
        exports.run_due(at=at)
        at += exports.LEASE + timedelta(seconds=1)

    export.refresh_from_db()
    assert (export.state, export.problem) == (
        ExportState.FAILED,
        "It could not be made. Please tell an operator.",
    )


@pytest.mark.django_db
def test_a_sheet_that_is_too_small_is_said_before_work(monkeypatch):
    monkeypatch.setattr(cells, "MOST_ROWS", 1)
    world = cast(applications=2)
    export = start(world, world["manager"], file_format=ExportFormat.XLSX)

    assert exports.run_due(at=make.AFTER).failed == 1
    export.refresh_from_db()
    assert "Choose CSV" in export.problem


# --- Pages


@pytest.mark.django_db
def test_from_asking_to_the_file_through_the_pages():
    world = cast(applications=2)
    client = signed_in(world["manager"])
    with clock.set_to(make.AFTER):
        listed = client.get(reverse("admin:exports"))
        assert "None yet" in listed.text
        new = f"{reverse('admin:export_new')}?kind=applications&program={world['program'].pk}"
        assert "Abstract" in client.get(new).text
        nothing = client.post(new, {"file_format": "xlsx"})
        assert (nothing.status_code, "Tick at least one column" in nothing.text) == (422, True)
        sent = {"file_format": "xlsx", "columns": ["reference", "title"], "cycle": world["cycle"].pk}
        assert client.post(new, sent).status_code == 302
        export = Export.objects.get()
        assert client.get(reverse("admin:exports_progress")).json()["exports"][0]["state"] == "waiting"
        exports.run_due(at=make.AFTER)
        got = client.post(reverse("admin:export_file", args=[export.public_id]))

    assert got["Content-Disposition"] == (
        f'attachment; filename="{world["program"].short_code}-applications-2026-12-08.xlsx"'
    )
    assert zipfile.ZipFile(io.BytesIO(got.getvalue())).testzip() is None
    assert client.get(reverse("admin:export_file", args=[export.public_id])).status_code == 405


@pytest.mark.django_db
def test_a_stranger_to_an_export_is_told_nothing():
    world, other = cast(), cast()
    export = start(world, world["manager"])
    client = signed_in(other["manager"])
    with clock.set_to(make.AFTER):
        exports.run_due(at=make.AFTER)
        assert client.post(reverse("admin:export_file", args=[export.public_id])).status_code == 302
        assert client.get(reverse("admin:exports_progress")).json() == {"exports": []}
        new = f"{reverse('admin:export_new')}?kind=applications&program={world['program'].pk}"
        assert client.get(new).status_code == 404
        assert client.post(new, {"file_format": "csv", "columns": ["reference"]}).status_code == 404


@pytest.mark.django_db
def test_a_superusers_conflict_leaves_a_decision_out_and_takes_a_file_back():
    world, root = cast(applications=2), make.make_superuser()
    for row in world["rows"]:
        decisions.propose_decline(application_id=row.pk, by=world["manager"], at=make.AFTER)
    before = start(world, root, ExportKind.DECISIONS)
    assert len(content(before, root)) == 3
    tie = Conflict.objects.create(application=world["rows"][0], user=root, reason="x", declared_at=make.AFTER)

    with pytest.raises(exports.NotReady):
        exports.fetch(public_id=before.public_id, by=root, at=make.AFTER)
    Conflict.objects.filter(pk=tie.pk).update(declared_at=make.BEFORE)
    found = content(start(world, root, ExportKind.DECISIONS), root)
    assert [row[0] for row in found[1:]] == [world["rows"][1].reference]
