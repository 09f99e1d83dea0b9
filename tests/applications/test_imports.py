"""Files of applications: what is read, what is refused and why, and that a second run changes nothing."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from applications import batches, import_files, imports
from applications.models import Application, ApplicationRevision, Notice, TextSketch
from applications.states import State
from portal.models import AuditEvent, User
from programs import catalogue
from programs.models import Program, ProgramState
from tests.factories.applications import (
    BEFORE,
    CUT_OFF,
    SECTIONS,
    make_program,
    make_submitted,
    make_user,
    next_cycle,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return make_program(slug="soil")


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A good row with the columns that a form service would write."""
    text = " ".join(f"word{number}x{place}" for place in range(40))
    return {
        "Response ID": f"r{number}",
        "Email": f"person{number}@lake{number}.example.org",
        "Name": f"Person {number}",
        "Institution": f"Lake Institute {number}",
        "Country": "Norway",
        "Title": f"Mosses of lake {number}",
        "Abstract": text,
        "Field": "Physics",
        "Amount": "6,000",
        "Months": "6",
        **changes,
    }


def as_csv(rows: list[dict[str, Any]], *, encoding: str = "utf-8", **options: Any) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), **options)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def take(program: Program, data: bytes, *, format: str = "csv", **options: Any) -> imports.Report:
    table = import_files.read(data, format=format)
    columns = imports.columns_for(program_id=program.pk, table=table, given=options.pop("given", None))
    return imports.take_in(program_id=program.pk, table=table, columns=columns, **{"at": BEFORE, **options})


def messages(report: imports.Report) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.message) for problem in report.problems]


# --- What goes in -------------------------------------------------------------------------------------------------------


def test_a_good_row_is_stored_as_if_it_had_been_sent(program: Program) -> None:
    report = take(program, as_csv([row(1), row(2)]))

    assert (report.taken, report.there, report.refused) == (2, 0, 0)
    assert report.evaluations == {"2026-12-07": 2}
    application = Application.objects.select_related("applicant", "cycle").get(source_id="r1")
    assert application.state == State.SUBMITTED
    assert application.submitted_at == BEFORE
    assert application.cycle == next_cycle(program)
    assert application.reference.startswith(f"{program.short_code}-2026-12-")
    assert (application.title, application.country, application.field) == (
        "Mosses of lake 1",
        "NO",
        "physics",
    )
    assert application.requested_cents == 6_000_00
    assert application.answers["amount"] == {"amount_cents": 6_000_00, "currency": "USD"}
    assert application.applicant.email == "person1@lake1.example.org"
    assert application.applicant.name == "Person 1"
    assert not application.applicant.has_usable_password()
    assert application.email_domain == "lake1.example.org"
    revision = ApplicationRevision.objects.get(application=application)
    assert revision.answers == application.answers
    assert TextSketch.objects.filter(application=application).exists()
    assert AuditEvent.objects.filter(action="application.import").count() == 2
    assert not Notice.objects.exists()


def test_receipts_are_queued_on_demand(program: Program) -> None:
    take(program, as_csv([row(1)]), receipts=True)

    assert Notice.objects.get().recipient.email == "person1@lake1.example.org"


def test_an_account_that_is_there_is_used_whatever_the_case_of_its_address(program: Program) -> None:
    person = make_user("person1@lake1.example.org")

    report = take(program, as_csv([row(1, Email="Person1@LAKE1.example.org")]))

    assert report.new_accounts == 0
    assert Application.objects.get().applicant == person


def test_a_second_run_takes_in_only_what_is_missing(program: Program) -> None:
    take(program, as_csv([row(1), row(2)]))

    report = take(program, as_csv([row(1), row(2), row(3)]))

    assert (report.taken, report.there, report.refused) == (1, 2, 0)
    assert Application.objects.count() == 3


def test_rows_without_an_id_are_known_by_their_content(program: Program) -> None:
    rows = [{key: value for key, value in row(n).items() if key != "Response ID"} for n in (1, 2)]
    take(program, as_csv(rows))

    assert take(program, as_csv(rows)).there == 2


def test_a_dry_run_reports_and_stores_nothing(program: Program) -> None:
    report = take(program, as_csv([row(1), row(2, Country="Atlantis")]), dry_run=True)

    assert (report.taken, report.refused) == (1, 1)
    assert not Application.objects.exists()
    assert not User.objects.exists()


def test_many_rows_cross_chunks_and_meet_repeats(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 3)
    done: list[int] = []
    rows = [row(n) for n in range(7)] + [row(0), row(8, Email="person1@lake1.example.org")]

    report = take(program, as_csv(rows), progress=done.append)

    assert report.taken == 7
    assert sum(done) == 9
    assert messages(report) == [
        (9, "Response ID", "Row 2 has the same id."),
        (10, "Email", "Row 3 is by the same person. Each person has one application in an evaluation."),
    ]


@pytest.mark.parametrize(
    "data",
    [
        as_csv([row(1)], encoding="utf-8-sig"),
        as_csv([row(1)], encoding="utf-16"),
        as_csv([row(1)], delimiter=";"),
        as_csv([row(1)], delimiter="\t"),
        as_csv([row(1)], lineterminator="\n", quoting=csv.QUOTE_ALL),
    ],
    ids=["mark", "utf-16", "semicolons", "tabs", "quoted"],
)
def test_the_dialects_of_form_services(program: Program, data: bytes) -> None:
    assert take(program, data).taken == 1


def test_a_quoted_cell_keeps_its_lines(program: Program) -> None:
    abstract = row()["Abstract"] + "\r\n\r\nSecond paragraph, “quoted”."

    take(program, as_csv([row(1, Abstract=abstract)]))

    assert Application.objects.get().answers["abstract"].endswith("\n\nSecond paragraph, “quoted”.")


def test_json_lines_end_at_a_line_feed_only(program: Program) -> None:
    title = "Frost\u2028and thaw"
    data = (json.dumps(row(1, Title=title), ensure_ascii=False) + "\r\n\n").encode() + as_jsonl([row(2)])

    assert take(program, data, format="jsonl").taken == 2
    assert Application.objects.get(source_id="r1").title == "Frost and thaw"


def test_the_map_wins_over_names(program: Program) -> None:
    renamed = {("Where" if key == "Country" else key): value for key, value in row(1).items()}
    renamed["Country"] = "not this one"

    report = take(program, as_csv([renamed]), given={"Where": "country", "Country": None})

    assert report.taken == 1


def test_columns_match_by_key_label_or_usual_name() -> None:
    columns = import_files.match(
        SECTIONS, ["TITLE *", "Project abstract", "field", "Requested amount", "Shoe size", "E-mail address:"]
    )

    assert columns.questions == {
        "title": "TITLE *",
        "abstract": "Project abstract",
        "field": "field",
        "amount": "Requested amount",
    }
    assert columns.account == {"email": "E-mail address:"}
    assert columns.unknown == ["Shoe size"]
    assert import_files.unanswered(SECTIONS, columns) == ["Institution", "Country", "Months"]


def test_options_joined_with_commas_are_told_apart() -> None:
    from applications.import_rows import _chosen

    question = {
        "type": "multiple_choice",
        "choices": [{"value": "a", "label": "Cells, tissues"}, {"value": "b", "label": "Cells"}],
    }

    assert sorted(_chosen(question, "Cells, Cells, tissues")) == ["Cells", "Cells, tissues"]
    assert _chosen(question, "Cells, stones") == "Cells, stones"


# --- What stays out -----------------------------------------------------------------------------------------------------

# Column and beginning of the message; the wording of amounts is the form's own matter.
BAD_ROWS: list[tuple[dict[str, Any], str, str]] = [
    ({"Title": ""}, "Title", "Fill this in."),
    ({"Country": "Atlantis"}, "Country", "Choose a country or region from the list."),
    ({"Country": "KP"}, "Country", "The service is not offered in this country."),
    ({"Amount": "20,001"}, "Amount", ""),
    ({"Amount": "12 or 13"}, "Amount", ""),
    ({"Amount": "-5"}, "Amount", ""),
    ({"Amount": "500 €"}, "Amount", ""),
    ({"Months": "13"}, "Months", "Write a number of months from 1 to 12."),
    ({"Field": "Alchemy"}, "Field", "Choose one of the options."),
    ({"Title": "x" * 201}, "Title", "Shorten this by 1 character. The limit is 200 and you have 201."),
    ({"Abstract": "word " * 251}, "Abstract", "Shorten this by 1 word. The limit is 250 and you have 251."),
    ({"Email": ""}, "Email", "The row has no e-mail address."),
    ({"Email": "nobody"}, "Email", "This is not an e-mail address, such as name@example.org."),
    ({"Email": "a@b.example.org\nBcc: c@d.example.org"}, "Email", "This is not an e-mail address"),
    ({"Response ID": "x" * 129}, "Response ID", "An id has at most 128 characters."),
    ({"Organization ID": "org-123"}, "Organization ID", "Enter the organization ID from the Console"),
    ({"Title": "Soil\x00"}, "Title", "A character after “Soil” cannot be stored."),
    ({"Name": "\x00"}, "Name", "A character at the beginning cannot be stored."),
]


@pytest.mark.parametrize(("changes", "column", "message"), BAD_ROWS)
def test_a_bad_row_is_named_and_the_others_go_in(
    program: Program, changes: dict[str, Any], column: str, message: str
) -> None:
    report = take(program, as_jsonl([row(1), row(2, **changes), row(3)]), format="jsonl")

    assert (report.taken, report.refused) == (2, 1)
    assert [(problem.row, problem.column) for problem in report.problems] == [(2, column)]
    assert report.problems[0].message
    assert report.problems[0].message.startswith(message)
    assert sorted(Application.objects.values_list("source_id", flat=True)) == ["r1", "r3"]
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    "value", [{"a": 1}, [[1]], True, 10**40, float("nan"), "\ud800", "\x00", "x" * 1_100_000, {"raw": {}}]
)
@pytest.mark.parametrize("column", list(row()))
def test_no_value_of_any_shape_breaks_an_import(program: Program, column: str, value: Any) -> None:
    report = take(program, as_jsonl([row(1, **{column: value}), row(2)]), format="jsonl")

    assert report.taken >= 1
    assert report.taken + report.refused == 2
    json.dumps([message.encode().decode() for _, _, message in messages(report)])


def test_broken_rows_are_named_by_their_number(program: Program) -> None:
    good = as_csv([row(1)], lineterminator="\n").decode()
    data = f"{good}too,few\n\n" + 'a"b,"c"d\n' + good.split("\n", 1)[1].replace("r1,person1@", "r2,person2@")

    report = take(program, data.encode())

    assert report.taken == 2
    assert messages(report) == [
        (3, "", "The row has 2 cells; the header has 10."),
        (5, "", "A quote stands inside a cell. Write it twice, and put quotes around the cell."),
    ]


def test_broken_lines_are_named_by_their_number(program: Program) -> None:
    data = b"\n".join([b"{", b"[1]", as_jsonl([row(1)]), b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"])

    report = take(program, data, format="jsonl")

    assert report.taken == 1
    assert [(number, message) for number, _, message in messages(report)][:2] == [
        (1, "The line is not JSON."),
        (2, "The line is not an object with names and values."),
    ]
    assert {4, 5} == {number for number, _, _ in messages(report)} - {1, 2}


def test_a_person_has_one_application_of_a_program_at_a_time(program: Program) -> None:
    make_submitted(program, applicant=make_user("person1@lake1.example.org"))

    report = take(program, as_csv([row(1), row(2)]))

    assert report.taken == 1
    [(number, column, message)] = messages(report)
    assert (number, column) == (2, "Email")
    assert message.startswith("You have an application in the evaluation of")


def test_the_waiting_time_holds_for_files_too() -> None:
    program = make_program(slug="slow", reapply_wait_days=90)
    make_submitted(program, applicant=make_user("person1@lake1.example.org"))
    batches.form(cycle_id=next_cycle(program).pk, at=CUT_OFF)
    Application.objects.update(state=State.DECLINED)

    early = take(program, as_csv([row(1)]), at=CUT_OFF + timedelta(days=40))
    late = take(program, as_csv([row(1)]), at=CUT_OFF + timedelta(days=140))

    assert early.taken == 0
    assert "You may apply again from" in messages(early)[0][2]
    assert late.taken == 1


def test_a_switched_off_account_is_refused(program: Program) -> None:
    make_user("person1@lake1.example.org", is_active=False)

    assert messages(take(program, as_csv([row(1)])))[0][2] == "This account is switched off."


def test_after_the_cut_off_rows_are_for_the_next_evaluation(program: Program) -> None:
    report = take(program, as_csv([row(1)]), at=CUT_OFF + timedelta(seconds=1))

    assert report.evaluations == {"2027-01-04": 1}


def test_a_closed_program_takes_nothing(program: Program) -> None:
    catalogue.close_program(program_id=program.pk, state=ProgramState.CLOSED, by=None, at=BEFORE)

    with pytest.raises(imports.CannotImport, match="does not take applications"):
        take(program, as_csv([row(1)]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Title\nMüsli".encode("latin-1"), "not UTF-8: line 2 holds the byte 0xfc.*--encoding latin-1"),
        ("Title\nSoil".encode("utf-16-le"), "looks like UTF-16 without its mark"),
        (b"", "no header row"),
        (b"\n\n", "no header row"),
        (b"Title\n", "no rows"),
    ],
)
def test_a_file_that_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(import_files.BadFile, match=message):
        import_files.read(data, format="csv")


def test_an_encoding_that_is_named_is_used() -> None:
    table = import_files.read("Title\nMüsli".encode("latin-1"), format="csv", encoding="latin-1")

    assert table.records[0].values == {"Title": "Müsli"}
    with pytest.raises(import_files.BadFile, match="no encoding called"):
        import_files.read(b"Title\nSoil", format="csv", encoding="klingon")


def test_a_bad_map_lists_every_problem() -> None:
    with pytest.raises(import_files.BadMap) as refusal:
        import_files.match(SECTIONS, ["A", "B"], {"A": "title", "B": "title", "C": "abstract", "D": "weight"})

    assert refusal.value.problems == [
        "“title” is given by two columns.",
        "The file has no column “C”.",
        "The file has no column “D”.",
        "“weight” is neither a question of the form nor an account field.",
    ]


# --- The command --------------------------------------------------------------------------------------------------------


def test_the_command_reports_and_exits_with_one_when_a_row_was_refused(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "form.csv"
    file.write_bytes(as_csv([row(1, Extra="x"), row(2, Country="KP", Extra="")]))
    arguments = ("import_applications", str(file), "--program=soil", f"--at={BEFORE.isoformat()}")

    call_command(*arguments, "--dry-run")
    assert "1 would be taken in, 0 already there, 1 refused." in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        call_command(*arguments)

    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 taken in, 0 already there, 1 refused.",
        "  evaluation of 2026-12-07: 1",
        "Columns left out: Extra",
        "Row 3, “Country”: The service is not offered in this country.",
    ]
    with pytest.raises(SystemExit):
        call_command(*arguments, "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["taken"], found["there"], found["refused"]) == (0, 1, 1)
    assert found["problems"] == [
        {"row": 3, "column": "Country", "message": "The service is not offered in this country."}
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["form.csv", "--program=moon"], "There is no program 'moon'. Programs: soil."),
        (["absent.csv", "--program=soil"], "cannot be read: No such file"),
        (["form.pdf", "--program=soil"], "say what it is with --format"),
        (["form.csv", "--program=soil", "--at=tomorrow"], "--at needs an ISO date"),
        (["form.csv", "--program=soil", "--at=2026-11-20"], "--at needs a zone"),
        (["form.csv", "--program=soil", "--map=form.csv"], "must map file columns|neither YAML nor JSON"),
        (["form.csv", "--program=soil", "--map=map.json"], "no column “Nowhere”"),
    ],
)
def test_the_command_says_what_is_wrong(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("form.csv", "form.pdf"):
        Path(name).write_bytes(as_csv([row(1)]))
    Path("map.json").write_text('{"Nowhere": "title"}')

    with pytest.raises(CommandError, match=message):
        call_command("import_applications", *arguments)
    assert not Application.objects.exists()
