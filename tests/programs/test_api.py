"""The public part of the API."""

import pytest

from programs import presets
from programs.models import AwardMode, Program
from tests.factories.api import Caller
from tests.factories.applications import BEFORE, CUT_OFF, FOR_SCREENERS, make_program, make_submitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_the_list_names_public_programs_with_their_next_evaluation(caller: Caller) -> None:
    program = make_program()
    make_program(open_it=False)

    listed = caller.get("/programs").json()["programs"]

    assert [one["slug"] for one in listed] == [program.slug]
    assert listed[0]["takes_applications"] is True
    assert listed[0]["award_most_cents"] == 20_000_00
    assert listed[0]["next_cycle"] == {
        "evaluation_on": "2026-12-07",
        "shifted_from_on": None,
        "opens_at": "2026-11-20T12:00:00Z",
        "cut_off_at": "2026-12-07T08:00:00Z",
        "decided_by_on": "2026-12-21",
    }


def test_an_amount_that_is_not_announced_is_not_told(caller: Caller) -> None:
    program = make_program(award_mode=AwardMode.UNDISCLOSED, award_default_cents=12_345_00)

    answer = caller.get(f"/programs/{program.slug}")

    assert answer.json()["award_most_cents"] is None
    assert b"12345" not in answer.content
    assert b"12,345" not in answer.content


def test_cycles_say_dates_and_not_how_far_the_people_are(caller: Caller) -> None:
    program = make_program()

    found = caller.get(f"/programs/{program.slug}/cycles").json()

    assert found["time_zone"] == "America/Los_Angeles"
    assert found["cycles"][0]["cut_off_at"] == f"{CUT_OFF:%Y-%m-%dT%H:%M:%SZ}"
    assert "state" not in found["cycles"][0]


def test_the_form_tells_what_an_applicant_sees_and_nothing_else(caller: Caller) -> None:
    program = make_program()

    answer = caller.get(f"/programs/{program.slug}/form")

    sections = answer.json()["sections"]
    questions = {question["key"]: question for part in sections for question in part["questions"]}
    assert questions["field"]["choices"][0] == {"value": "biology", "label": "Biology and life sciences"}
    assert questions["amount"] == {
        "key": "amount",
        "type": "money",
        "label": "Amount",
        "required": True,
        "min": 100_00,
        "max": 20_000_00,
    }
    for inside in (b"audience", b"blind", b"personal", b"maps_to"):
        assert inside not in answer.content


def test_a_form_of_every_kind_of_question_is_told(caller: Caller) -> None:
    for file in presets.shipped():
        presets.load(text=file.read_text(), name=file.name, at=BEFORE, by=None)

    for program in Program.objects.all():
        answer = caller.get(f"/programs/{program.slug}/form")
        assert answer.status_code == 200, answer.content
        assert caller.get(f"/programs/{program.slug}").status_code == 200


@pytest.mark.parametrize("path", ["", "/cycles", "/form"])
def test_a_program_that_is_not_public_is_not_there(caller: Caller, path: str) -> None:
    hidden = make_program(open_it=False)

    theirs = caller.get(f"/programs/{hidden.slug}{path}")
    none = caller.get(f"/programs/nothing{path}")

    assert theirs.status_code == none.status_code == 404
    assert theirs.content == none.content
    assert theirs.json()["error"]["code"] == "not_found"


def test_nothing_of_an_application_is_public(caller: Caller) -> None:
    program = make_program()
    application = make_submitted(program)

    for path in ("/programs", f"/programs/{program.slug}", f"/programs/{program.slug}/cycles"):
        content = caller.get(path).content.decode()
        assert application.reference not in content
        assert FOR_SCREENERS not in content


def test_the_public_part_needs_few_queries(caller: Caller, django_assert_max_num_queries) -> None:
    for _ in range(5):
        program = make_program()

    for path in ("/programs", f"/programs/{program.slug}/cycles", f"/programs/{program.slug}/form"):
        with django_assert_max_num_queries(4):
            assert caller.get(path).status_code == 200
