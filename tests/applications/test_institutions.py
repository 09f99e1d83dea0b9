"""Institutions: lists are taken in whatever their rows hold, and what people type finds them."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications import institution_files, institutions, intake
from applications.institution_words import distance, fold, in_latin, initials, lookup_keys, typo_keys, words
from applications.management.commands import import_organizations
from applications.models import Institution, InstitutionWord
from portal import limits
from tests.factories.applications import BEFORE, make_draft, make_program, make_user
from tests.factories.files import PLACE, ask

ETH = {"name": "ETH Zurich", "ror_id": "05a28rw58", "country": "CH"}


# --- Words --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Université d’Orléans", "universite dorleans"),
        ("UNIVERSITÄT  Zürich", "universitat zurich"),
        ("Straße 12 – Łódź", "strasse 12 lodz"),
        ("Københavns Universitet", "kobenhavns universitet"),
        ("St. Mary's (UK) & Co.", "st marys uk co"),
        ("東京大学", "東京大学"),
        ("جامعة القاهرة", "جامعة القاهرة"),
        ("\ufb01nance ﾃｽﾄ", "finance テスト"),
        ("'; DROP TABLE x; --", "drop table x"),
        ("", ""),
    ],
)
def test_texts_are_compared_without_case_accents_and_signs(text, folded):
    assert fold(text) == folded


def test_words_stand_once_in_order():
    assert words("De La Salle, de la Laguna") == ["de", "la", "salle", "laguna"]


@pytest.mark.parametrize(
    ("word", "latin"),
    [("университет", "universitet"), ("αθηνα", "athina"), ("oslo", "oslo"), ("шанхай", "shankhai")],
)
def test_other_alphabets_are_written_in_latin_letters(word, latin):
    assert in_latin(fold(word).replace(" ", "")) == latin


def test_acronyms_are_made_of_capitals():
    assert initials("Massachusetts Institute of Technology") == "mit"
    assert initials("University of Oslo") == ""


@pytest.mark.parametrize(
    ("typed", "word", "errors"),
    [
        ("oslo", "oslo", 0),
        ("osl", "oslo", 0),
        ("olso", "oslo", 1),
        ("oslp", "oslo", 1),
        ("osslo", "oslo", 1),
        ("univeristy", "university", 1),
        ("massachusest", "massachusetts", 1),
        ("bergen", "oslo", 6),
        ("a", "", 1),
    ],
)
def test_typing_errors_are_counted_against_the_beginning(typed, word, errors):
    assert distance(typed, word) == errors


@pytest.mark.parametrize(
    ("typed", "word"),
    [("harvrad", "harvard"), ("oxfrod", "oxford"), ("tokio", "tokyo"), ("stnaford", "stanford"), ("univversity", "university"),
     ("niversity", "university"), ("universitx", "university"), ("havrard", "harvard"), ("tokyoo", "tokyo"), ("havr", "harvard")],
)  # fmt: skip
def test_one_error_leaves_a_common_key(typed, word):
    assert set(lookup_keys(typed)) & set(typo_keys(word))


# --- Lists --------------------------------------------------------------------------------------------------------------------


def take_in(text: str | bytes, **options) -> institutions.Imported:
    data = text.encode() if isinstance(text, str) else text
    return institutions.take_in(institution_files.rows(institution_files.read(data, name="list")), **options)


CSV = """\
name,country_iso2,domains,ror_id,types,aliases
ETH Zurich,CH,ethz.ch;eth.edu,05a28rw58,education;funder,ETH;Eidgenössische Technische Hochschule Zürich
The University of Tokyo,JP,u-tokyo.ac.jp,057zh3y96,education,東京大学;UTokyo
University of Oslo,NO,uio.no,01xtthb56,education;funder,Universitetet i Oslo
Oslo Cancer Cluster,NO,oslocancercluster.no,,other,
Томский государственный университет,RU,tsu.ru,,education,
Massachusetts Institute of Technology,US,mit.edu;web.mit.edu,042nb2s44,education;funder,
University of Cape Town,ZA,uct.ac.za,03p74gp79,education;funder,
"""


@pytest.fixture
def listed(db) -> None:
    take_in(CSV)


def test_a_list_is_taken_in_once(db):
    first = take_in(CSV)
    again = take_in(CSV)
    changed = take_in(CSV.replace("uio.no", "uio.no;oslo.example.org").replace(",other,", ",nonprofit,"))

    assert (first.added, first.changed, first.unchanged, first.problems) == (7, 0, 0, [])
    assert (again.added, again.changed, again.unchanged) == (0, 0, 7)
    assert (changed.added, changed.changed, changed.unchanged) == (0, 2, 5)
    assert Institution.objects.get(ror_id="01xtthb56").domains == ["uio.no", "oslo.example.org"]
    assert Institution.objects.count() == 7


def test_only_new_rows_leave_the_others_alone(db):
    take_in(CSV)
    report = take_in(CSV.replace("ETH Zurich", "Another name"), only_new=True)

    assert (report.added, report.changed) == (0, 0)
    assert Institution.objects.filter(name="ETH Zurich").exists()


BAD_ROWS = [
    (",NO,,,,", "no name"),
    ("!!!,NO,,,,", "no name"),
    (f"{'x' * 301},NO,,,,", "more than 300 characters"),
    ("Place,QQ,,,,", "“QQ” is no country code"),
    ("Place,Norway,,,,", "is no country code"),
    ("Place,NO,,01xtthb57,,", "last two digits"),
    ("Place,NO,,ror,,", "Write a ROR id"),
    ("Place,NO,not a domain,,,", "is no domain"),
    ("Place,NO", "more or fewer cells"),
    ("Place,NO,,,,,,,", "more or fewer cells"),
    ("nul\x00,NO,,,,", "cannot be stored"),
]


@pytest.mark.parametrize(("row", "words"), BAD_ROWS)
def test_a_bad_row_is_named_and_the_others_go_on(db, row, words):
    report = take_in(f"name,country_iso2,domains,ror_id,types,aliases\n{row}\nUniversity of Oslo,NO,,,,\n")

    assert report.added == 1
    [(number, problem)] = report.problems
    assert number == 1
    assert words in problem


@pytest.mark.parametrize(
    "name",
    [
        '"',
        "back\\slash",
        "tab\there",
        "{curly,brace}",
        "\\N",
        "a\\.b",
        'quo"te',
        "NULL",
        "it's; DROP TABLE x",
    ],
)
def test_any_name_comes_back_as_it_was(db, name):
    row = institution_files.Row(1, name=name, aliases=(name, "plain"), domains=("a.example.org",))
    institutions.take_in([row])

    stored = Institution.objects.get()
    assert (stored.name, stored.aliases) == (name, [name, "plain"])


def ror_1(**changed) -> dict:
    return {
        "id": "https://ror.org/05a28rw58",
        "name": "ETH Zurich",
        "acronyms": ["ETH"],
        "aliases": ["Swiss Federal Institute of Technology"],
        "labels": [{"label": "École polytechnique fédérale de Zurich", "iso639": "fr"}],
        "country": {"country_code": "CH"},
        "types": ["Education"],
        "status": "active",
        **changed,
    }


def ror_2(**changed) -> dict:
    return {
        "id": "https://ror.org/05a28rw58",
        "names": [
            {"value": "ETH", "types": ["acronym"], "lang": None},
            {"value": "ETH Zurich", "types": ["ror_display", "label"], "lang": "en"},
            {"value": "École polytechnique fédérale de Zurich", "types": ["label"], "lang": "fr"},
            {"value": "Swiss Federal Institute of Technology", "types": ["alias"], "lang": None},
        ],
        "locations": [{"geonames_details": {"country_code": "CH"}}],
        "domains": ["ethz.ch"],
        "types": ["education", "funder"],
        "status": "active",
        **changed,
    }


@pytest.mark.parametrize("record", [ror_1(), ror_2()], ids=["schema 1", "schema 2"])
def test_both_schemas_of_ror_are_read(db, record):
    assert take_in(json.dumps([record])).problems == []

    stored = Institution.objects.get()
    assert (stored.ror_id, stored.name, stored.country, stored.kind) == (
        "05a28rw58",
        "ETH Zurich",
        "CH",
        "education",
    )
    assert set(stored.aliases) == {
        "ETH",
        "École polytechnique fédérale de Zurich",
        "Swiss Federal Institute of Technology",
    }


def test_a_withdrawn_record_is_removed(db):
    take_in(json.dumps([ror_2()]))
    report = take_in(json.dumps([ror_2(status="withdrawn")]))

    assert (report.removed, Institution.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    "record",
    [7, None, [], "text", {"names": 5}, {"names": []}, ror_2(names=[{}]), ror_2(locations=[5]), ror_2(domains=[5]),
     ror_1(name=None), ror_1(labels=[5]), ror_1(country="CH"), ror_2(id=None, names=[{"value": 5}]), {"id": "x"}],
)  # fmt: skip
def test_a_record_that_is_none_is_named(db, record):
    report = take_in(json.dumps([record, ror_2()]))

    assert [number for number, _ in report.problems] == [1]
    assert report.added == 1


def test_the_zip_of_a_dump_is_opened(db):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("v1-ror-data.json", json.dumps([ror_1(name="Old")]))
        archive.writestr("v2-ror-data_schema_v2.json", json.dumps([ror_2()]))
        archive.writestr("v2-ror-data.csv", "id\n")
    take_in(made.getvalue())

    assert Institution.objects.get().name == "ETH Zurich"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no column name"),
        (b"title,country\n", "no column name and no column country_iso2"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"[{", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"PK\x03\x04nothing", "cannot be opened"),
    ],
)
def test_a_file_that_is_no_list_is_refused(data, words):
    with pytest.raises(institution_files.BadList, match=words):
        institution_files.read(data, name="list")


def test_the_command_reports_and_names_bad_rows(db, tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text(CSV + "Nowhere,QQ,,,,\n")

    call_command("import_organizations", str(path))

    shown = capsys.readouterr()
    assert "7 added, 0 changed, 0 unchanged, 0 removed, 1 refused" in shown.out
    assert "row 8: “QQ” is no country code." in shown.err


def test_the_short_list_ships_and_fits(db):
    call_command("import_organizations", "--shipped")
    call_command("import_organizations", "--shipped")

    raw = institution_files.read(import_organizations.SHIPPED.read_bytes(), name="shipped")
    assert Institution.objects.count() == len(raw) >= 12
    assert all(row.problem == "" and row.ror_id for row in institution_files.rows(raw))


@pytest.mark.parametrize("arguments", [[], ["nothing-there.csv"], ["x.csv", "--shipped"]])
def test_the_command_wants_one_list(db, arguments):
    with pytest.raises(CommandError):
        call_command("import_organizations", *arguments)


# --- Finding ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("et", "ETH Zurich"),
        ("zur", "ETH Zurich"),
        ("Zürich", "ETH Zurich"),
        ("ZURICH eth", "ETH Zurich"),
        ("eidgenossische tech", "ETH Zurich"),
        ("ethz", "ETH Zurich"),
        ("東京", "The University of Tokyo"),
        ("大学", "The University of Tokyo"),
        ("u-tokyo", "The University of Tokyo"),
        ("oslo", "University of Oslo"),
        ("university of o", "University of Oslo"),
        ("universitetet oslo", "University of Oslo"),
        ("univeristy of olso", "University of Oslo"),
        ("Томск", "Томский государственный университет"),
        ("tomsk", "Томский государственный университет"),
        ("mit", "Massachusetts Institute of Technology"),
        ("massachusets inst", "Massachusetts Institute of Technology"),
        ("masachusetts institut of tecnology", "Massachusetts Institute of Technology"),
        ("cape twon", "University of Cape Town"),
    ],
)
def test_what_people_type_finds_the_institution(listed, typed, first):
    assert institutions.search(typed)[0].name == first


@pytest.mark.parametrize(
    "typed", ["", " ", "a", "...", "qqqqqq", "'", "\\", "\x00\x00", "' | 'oslo", "oslo:*", "%", "(" * 500]
)
def test_what_means_nothing_finds_nothing_or_no_error(listed, typed):
    institutions.search(typed)


def test_a_long_text_is_cut(listed):
    assert institutions.search("oslo " * 100_000)[0].name == "University of Oslo"


def test_a_find_says_where_and_by_which_name(listed):
    found = institutions.search("東京")[0]
    assert (found.country, found.country_name, found.also) == ("JP", "Japan", "東京大学")
    assert institutions.search("tokyo")[0].also == ""


def test_a_find_takes_three_queries_and_an_index_at_most(listed, django_assert_max_num_queries):
    with django_assert_max_num_queries(1):
        institutions.search("university")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        institutions.search("univeristy of olso")
    assert len(seen) <= 3


@pytest.mark.slow
def test_at_full_size_the_indexes_are_used(db):
    """27,000 institutions of three words each: no lookup reads the table, which a plan tells and a stopwatch does not."""
    rows = (
        institution_files.Row(n, name=f"University of Place{n % 900} {chr(97 + n % 26)}{n:05}", country="NO")
        for n in range(27_000)
    )
    assert institutions.take_in(rows).added == 27_000
    institutions.refresh_statistics()

    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT id FROM applications_institution WHERE array_to_tsvector(words) @@ '''place12'':*'::tsquery"
        )
        by_word = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute(
            "EXPLAIN SELECT word FROM applications_institutionword WHERE keys && ARRAY['plce1', 'placx']::varchar[]"
        )
        by_key = "\n".join(row[0] for row in cursor.fetchall())
    assert "institution_by_words" in by_word
    assert "institution_word_by_key" in by_key
    assert len(institutions.search("univeristy plcae12")) == institutions.SHOWN
    assert InstitutionWord.objects.count() == 27_000 + 900 + 1


# --- Settling what was typed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        ({"name": "ETH Zurich", "ror_id": None, "country": None}, ETH),
        ({"name": "eth zürich", "ror_id": None, "country": None}, ETH | {"name": "eth zürich"}),
        (ETH, ETH),
        (
            {"name": "UTokyo", "ror_id": "057zh3y96", "country": None},
            {"name": "UTokyo", "ror_id": "057zh3y96", "country": "JP"},
        ),
        (
            {"name": "My garage", "ror_id": "042nb2s44", "country": "US"},
            {"name": "My garage", "ror_id": None, "country": None},
        ),
        (
            {"name": "My garage", "ror_id": None, "country": None},
            {"name": "My garage", "ror_id": None, "country": None},
        ),
    ],
)
def test_an_id_stays_only_with_a_name_of_its_institution(listed, given, settled):
    program = make_program()
    ask(program, PLACE)
    draft = make_draft(program)

    intake.save_answers(
        application_id=draft.pk, changes={"place": given}, version=None, by=draft.applicant, at=BEFORE
    )

    draft.refresh_from_db()
    assert draft.answers["place"] == settled


def test_answers_without_an_institution_cost_no_query(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert institutions.settled([], {"title": "x", "place": None}) == {"title": "x", "place": None}


# --- The address of the list ------------------------------------------------------------------------------------------------------


def test_the_list_is_for_those_who_fill_in_a_form(listed, client):
    assert client.get("/institutions/?q=oslo").status_code == 401
    client.force_login(make_user())

    response = client.get("/institutions/?q=oslo")

    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.json()["results"][0] == {
        "name": "University of Oslo",
        "ror_id": "01xtthb56",
        "country": "NO",
        "country_name": "Norway",
        "also": "",
    }
    assert client.get("/institutions/").json() == {"results": []}
    assert client.post("/institutions/").status_code == 405


def test_too_many_lookups_are_refused(listed, client, monkeypatch):
    from applications.views import files

    monkeypatch.setattr(files, "LOOKUPS_PER_MINUTE", 2)
    client.force_login(make_user())
    assert [client.get("/institutions/?q=oslo").status_code for _ in range(3)] == [200, 200, 429]


def test_a_limit_is_counted_for_each_person(settings):
    for _ in range(2):
        limits.count("things", 1, most=2, seconds=60)
    limits.count("things", 2, most=2, seconds=60)
    with pytest.raises(limits.TooOften):
        limits.count("things", 1, most=2, seconds=60)


def test_a_lost_cache_refuses_nothing(settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    for _ in range(3):
        limits.count("things", 1, most=1, seconds=60)


def test_the_shipped_list_stands_where_the_package_is():
    assert Path(import_organizations.SHIPPED).is_file()
