from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from portal import clock
from programs.models import Door, FaqEntry, ProgramState
from tests.factories.applications import BEFORE, make_program

pytestmark = pytest.mark.django_db


def get(client: Client, name: str, *args: object, query: str = "", at: datetime = BEFORE):
    with clock.set_to(at):
        return client.get(reverse(name, args=args) + query)


def test_the_directory_says_award_dates_and_days_left(client: Client) -> None:
    make_program(slug="ai-for-science", name="AI for Science")

    page = get(client, "programs:directory").content.decode()

    assert "Up to $20,000 USD" in page
    assert "Mon 7 Dec 2026" in page
    assert "<b>17</b> days left to apply" in page
    assert "Cut-off Mon 7 Dec 2026, 00:00 Pacific (08:00 UTC)" in page


def test_a_program_that_is_not_open_yet_says_when(client: Client) -> None:
    program = make_program(opens_on=date(2026, 12, 1))

    for name, args in (("programs:directory", []), ("programs:program", [program.slug])):
        page = get(client, name, *args).content.decode()
        assert "<b>11</b> days until it opens" in page
        assert "Check that I fit" not in page


@pytest.mark.parametrize("state", [ProgramState.PAUSED, ProgramState.CLOSED])
def test_a_closed_program_with_an_opening_day_says_it_and_so_does_a_directory_with_none_open(
    client: Client, state: ProgramState
) -> None:
    program = make_program(opens_on=date(2027, 1, 11))
    program.state = state
    program.save(update_fields=["state"])

    directory = get(client, "programs:directory").content.decode()
    start = get(client, "applications:start", program.slug).content.decode()

    assert "No program takes applications now" in directory
    assert "The next opens on Monday 11 January 2027." in directory
    assert "<b>52</b> days until it opens" in directory
    assert "Opens on Monday 11 January 2027" in start


@pytest.mark.parametrize("state", [ProgramState.PAUSED, ProgramState.CLOSED])
def test_a_closed_program_can_be_read_and_says_so(client: Client, state: ProgramState) -> None:
    program = make_program()
    program.state = state
    program.save()

    page = get(client, "programs:program", program.slug).content.decode()

    assert state.label in page
    assert "Check that I fit" not in page


@pytest.mark.parametrize("state", [ProgramState.DRAFT, ProgramState.ARCHIVED])
def test_hidden_programs_are_nowhere(client: Client, state: ProgramState) -> None:
    program = make_program(name="Hidden One")
    program.state = state
    program.save()
    FaqEntry.objects.create(program=program, key="a", question="Hidden question?", answer="No.")

    assert get(client, "programs:program", program.slug).status_code == 404
    assert get(client, "programs:calendar", program.slug).status_code == 404
    assert "Hidden" not in get(client, "programs:directory").content.decode()
    assert "Hidden" not in get(client, "programs:questions").content.decode()


def test_a_directory_without_programs_is_not_an_error(client: Client) -> None:
    response = get(client, "programs:directory")

    assert response.status_code == 200
    assert "No program is set up yet" in response.content.decode()


def test_the_program_page_lists_dates_in_both_zones_and_the_criteria(client: Client) -> None:
    program = make_program()

    page = get(client, "programs:program", program.slug).content.decode()

    assert "Mon 4 Jan 2027" in page
    assert "08:00 UTC" in page
    assert "07:00 UTC" in page  # summer time later in the year
    assert "Pass or fail, not a score" in page


def test_markdown_of_managers_cannot_bring_scripts(client: Client) -> None:
    program = make_program(
        purpose="**Bold** <script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    )

    page = get(client, "programs:program", program.slug).content.decode()

    assert "<strong>Bold</strong>" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


def test_the_calendar_feed_has_cut_offs_in_utc_and_decided_by_days(client: Client) -> None:
    program = make_program()

    response = get(client, "programs:calendar", program.slug)

    assert response["Content-Type"].startswith("text/calendar")
    events = Calendar.from_ical(response.content).walk("VEVENT")
    starts = [event["DTSTART"].dt for event in events]
    assert datetime(2026, 12, 7, 8, tzinfo=UTC) in starts
    assert date(2026, 12, 21) in starts
    assert len({str(event["UID"]) for event in events}) == len(events)


def test_search_finds_words_in_question_and_answer(client: Client) -> None:
    program = make_program()
    FaqEntry.objects.create(program=program, key="a", question="May I fine-tune?", answer="No, never.")
    FaqEntry.objects.create(
        program=program, key="b", question="How long?", answer="Six months, then credits expire."
    )

    page = get(client, "programs:program", program.slug, query="?q=credits+expire").content.decode()
    everywhere = get(client, "programs:questions", query="?q=tune").content.decode()

    assert "How long?" in page
    assert "May I fine-tune?" not in page
    assert "May I fine-tune?" in everywhere
    assert "How long?" not in everywhere


@pytest.mark.parametrize("q", ["%00", "%F0%9F%90%9F", "%25", "a" * 500, "%3Cscript%3E"])
def test_odd_searches_find_nothing_and_break_nothing(client: Client, q: str) -> None:
    program = make_program()
    FaqEntry.objects.create(program=program, key="a", question="May I?", answer="Yes.")

    assert get(client, "programs:questions", query=f"?q={q}").status_code == 200
    assert get(client, "programs:program", program.slug, query=f"?q={q}").status_code == 200


def test_the_front_door_asks_then_answers(client: Client) -> None:
    make_program(slug="ai-for-science", name="AI for Science")

    question = get(client, "programs:router", query="?use=science").content.decode()
    answer = get(
        client, "programs:router", query="?use=science&country=yes&affiliation=yes&models=standard&when=month"
    ).content.decode()

    assert "Question 2 of up to 6" in question
    assert 'name="use" value="science"' in question
    assert "Your door: AI for Science" in answer
    assert not client.cookies


def test_the_front_door_shows_doors_of_the_data(client: Client) -> None:
    program = make_program()
    Door.objects.create(
        program=program, key="red-team-bounty", kind="outside", title="Bug bounty", text="Pays."
    )
    Door.objects.create(program=program, key="retired-model", kind="form", title="Old model", text="Form.")

    page = get(client, "programs:router", query="?use=red-team").content.decode()

    assert "Bug bounty" in page
    assert "Old model" not in page


def test_the_front_door_survives_a_program_that_is_not_here(client: Client) -> None:
    response = get(
        client, "programs:router", query="?use=science&country=yes&affiliation=yes&models=standard&when=month"
    )

    assert response.status_code == 200
    assert "not offered here" in response.content.decode()


def test_public_pages_need_few_queries(client: Client, django_assert_max_num_queries) -> None:
    programs = [make_program() for _ in range(3)]
    for program in programs:
        FaqEntry.objects.create(program=program, key="a", question="May I?", answer="Yes.")

    for name, args in (
        ("programs:directory", []),
        ("programs:program", [programs[0].slug]),
        ("programs:questions", []),
        ("programs:calendar", [programs[0].slug]),
    ):
        with django_assert_max_num_queries(12):
            assert get(client, name, *args).status_code == 200


def test_the_router_complains_only_about_a_question_that_was_asked(client) -> None:
    asked_next = client.get(reverse("programs:router"), {"use": "science", "go": "use"})
    not_answered = client.get(reverse("programs:router"), {"use": "science", "go": "country"})

    assert "Please choose one" not in asked_next.content.decode()
    assert "Please choose one" in not_answered.content.decode()
