"""An applicant's part of the API: whose it is, what it tells, and that the rules are those of the pages."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from applications import decisions, release, review
from applications.models import Application, ApplicationRevision, Notice
from applications.review import Look
from applications.states import State
from credits import ledger
from portal import clock
from portal.models import Scope
from portal.roles import Role
from programs import form_versions
from programs.models import DeclineMode
from tests.factories.api import Caller
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    answers,
    make_batch,
    make_draft,
    make_member,
    make_program,
    make_submitted,
    make_user,
)

pytestmark = pytest.mark.django_db

END = datetime(2026, 12, 22, 8, tzinfo=UTC)  # the decided-by date is over in Los Angeles
LATER = BEFORE + timedelta(minutes=5)


def path(application: Application, rest: str = "") -> str:
    return f"/applications/{application.public_id}{rest}"


# --- From nothing to a receipt ------------------------------------------------------------------------------------------


def test_start_answer_send_and_read() -> None:
    program, caller = make_program(), Caller(make_user())
    given = answers()

    started = caller.post("/applications", {"program": program.slug, "answers": {"country": "US"}})
    draft = started.json()
    changed = caller.patch(
        f"/applications/{draft['id']}/answers", {"version": draft["version"], "answers": given}
    )
    sent = caller.post(f"/applications/{draft['id']}/submit")
    listed = caller.get("/applications").json()

    assert started.status_code == 201
    assert draft["phase"] == "draft"
    assert set(draft["problems"]) == {"institution", "title", "abstract", "field", "amount", "months"}
    assert changed.json()["problems"] == {}
    assert changed.json()["version"] == draft["version"] + 1
    assert sent.json()["phase"] == "open"
    assert sent.json()["reference"].startswith(program.short_code)
    assert sent.json()["cycle"]["cut_off_at"] == "2026-12-07T08:00:00Z"
    assert listed["count"] == 1
    assert listed["applications"][0]["id"] == draft["id"]
    assert "answers" not in listed["applications"][0]
    application = Application.objects.get()
    assert application.requested_cents == 6_000_00
    assert application.answers["title"] == given["title"]


def test_a_second_start_gives_the_draft_back_as_it_is() -> None:
    program, caller = make_program(), Caller(make_user())
    first = caller.post("/applications", {"program": program.slug, "answers": {"title": "Mine"}})

    second = caller.post("/applications", {"program": program.slug, "answers": {"title": "Other"}}, at=LATER)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()


def test_a_rule_blocks_before_the_long_form() -> None:
    program, caller = make_program(), Caller(make_user())

    answer = caller.post("/applications", {"program": program.slug, "answers": {"country": "KP"}})

    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "The service is not offered in this country."
    assert not Application.objects.exists()


def test_a_closed_or_hidden_program_takes_nothing() -> None:
    caller = Caller(make_user())
    closed, hidden = make_program(), make_program(open_it=False)
    closed.state = "paused"
    closed.save()

    assert caller.post("/applications", {"program": closed.slug}).status_code == 409
    assert caller.post("/applications", {"program": hidden.slug}).status_code == 404
    assert caller.post("/applications", {"program": "nothing"}).status_code == 404


def test_wrong_answers_are_all_named_and_nothing_is_kept() -> None:
    draft = make_draft(make_program())
    before = draft.answers
    wrong = {
        "title": "Fine",
        "amount": -5,
        "months": "many",
        "country": "Atlantis",
        "abstract": "a\x00b",
        "field": ["x"],
        "nothing": 1,
    }

    answer = Caller(draft.applicant).patch(path(draft, "/answers"), {"version": 0, "answers": wrong})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "wrong_answers")
    assert set(error["fields"]) == set(wrong) - {"title"}
    draft.refresh_from_db()
    assert draft.answers == before


def test_null_clears_an_answer_and_the_others_stay() -> None:
    draft = make_draft(make_program())

    answer = Caller(draft.applicant).patch(
        path(draft, "/answers"), {"version": 0, "answers": {"title": None}}
    )

    assert answer.json()["problems"] == {"title": "Fill this in."}
    assert "title" not in answer.json()["answers"]
    assert answer.json()["answers"]["abstract"] == draft.answers["abstract"]


def test_an_incomplete_application_is_not_sent() -> None:
    draft = make_draft(make_program(), title=None)

    answer = Caller(draft.applicant).post(path(draft, "/submit"))

    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": "incomplete",
        "message": "One thing to fix before you send.",
        "fields": {"title": "Fill this in."},
    }


def test_a_version_that_is_not_the_last_one_changes_nothing() -> None:
    draft = make_draft(make_program())
    caller = Caller(draft.applicant)
    caller.patch(path(draft, "/answers"), {"version": 0, "answers": {"title": "First"}})

    stale = caller.patch(path(draft, "/answers"), {"version": 0, "answers": {"title": "Second"}})

    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale")
    draft.refresh_from_db()
    assert draft.answers["title"] == "First"


def test_a_sent_application_changes_until_the_cut_off_and_stays_complete() -> None:
    sent = make_submitted(make_program())
    caller = Caller(sent.applicant)
    change = {"version": sent.answers_version, "answers": {"title": "A better title"}}

    gap = caller.patch(path(sent, "/answers"), change | {"answers": {"title": None}})
    good = caller.patch(path(sent, "/answers"), change)
    late = caller.patch(path(sent, "/answers"), change | {"version": sent.answers_version + 1}, at=CUT_OFF)

    assert (gap.status_code, gap.json()["error"]["code"]) == (409, "incomplete")
    assert good.status_code == 200
    assert (late.status_code, late.json()["error"]["code"]) == (409, "closed")
    assert list(sent.revisions.order_by("number").values_list("number", flat=True)) == [1, 2]


def test_a_newer_form_is_said_once_and_then_asked() -> None:
    program = make_program()
    draft = make_draft(program)
    sections = [dict(part) for part in program.form_versions.get().sections]
    asked = {"key": "season", "type": "short_text", "label": "Season", "required": True}
    sections[1]["questions"] = [*sections[1]["questions"], asked]
    newer = form_versions.draft(program=program, sections=sections, by=None, at=BEFORE)
    form_versions.publish(form_version_id=newer.pk, by=None, at=BEFORE)
    caller = Caller(draft.applicant)
    change = {"version": 0, "answers": {"season": "Summer"}}

    said = caller.patch(path(draft, "/answers"), change)
    version = caller.get(path(draft)).json()["version"]
    done = caller.patch(path(draft, "/answers"), change | {"version": version})

    assert (said.status_code, said.json()["error"]["code"]) == (409, "form_changed")
    assert done.json()["answers"]["season"] == "Summer"
    assert done.json()["answers"]["title"] == draft.answers["title"]
    assert done.json()["problems"] == {}


def test_withdrawing_twice_answers_the_same() -> None:
    sent = make_submitted(make_program())
    caller = Caller(sent.applicant)

    first = caller.post(path(sent, "/withdraw"))
    second = caller.post(path(sent, "/withdraw"), at=LATER)
    again = caller.post(path(sent, "/submit"), at=LATER)

    assert first.json()["phase"] == "withdrawn"
    assert second.content == first.content
    assert again.status_code == 409


def test_the_list_comes_in_pages() -> None:
    person = make_user()
    made = [make_draft(make_program(), applicant=person, at=BEFORE + timedelta(days=i)) for i in range(3)]
    caller = Caller(person)

    first = caller.get("/applications?limit=2", at=LATER + timedelta(days=4)).json()
    rest = caller.get("/applications?limit=2&offset=2", at=LATER + timedelta(days=4)).json()

    assert first["count"] == rest["count"] == 3
    shown = [row["id"] for row in first["applications"] + rest["applications"]]
    assert shown == [str(application.public_id) for application in reversed(made)]


def test_reading_needs_few_queries(django_assert_max_num_queries) -> None:
    person = make_user()
    for _ in range(4):
        sent = make_submitted(make_program(), applicant=person)
    caller = Caller(person)

    for address in ("/applications", path(sent)):
        with django_assert_max_num_queries(6):
            assert caller.get(address).status_code == 200


# --- Who ------------------------------------------------------------------------------------------------------------------


DOORS = [
    ("GET", "", None),
    ("PATCH", "/answers", {"version": 0, "answers": {"title": "Theirs"}}),
    ("POST", "/submit", None),
    ("POST", "/withdraw", None),
]


@pytest.mark.parametrize(("method", "rest", "body"), DOORS)
def test_only_the_owner_gets_in(method: str, rest: str, body: Any) -> None:
    program = make_program()
    draft = make_draft(program)
    before = Application.objects.values().get()
    strangers = [make_user(), make_member(program), make_member(program, Role.MANAGER)]

    anonymous = Caller().ask(method, path(draft, rest), body)
    missing = Caller(make_user()).ask(method, f"/applications/{uuid.uuid4()}{rest}", body)

    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"] == "Bearer"
    for stranger in strangers:
        theirs = Caller(stranger).ask(method, path(draft, rest), body)
        assert theirs.status_code == 404
        assert theirs.content == missing.content
    assert Application.objects.values().get() == before


@pytest.mark.parametrize(("method", "rest", "body"), [*DOORS[1:], ("POST", None, {"program": "any"})])
def test_a_token_that_reads_does_not_write(method: str, rest: str | None, body: Any) -> None:
    draft = make_draft(make_program())
    reader = Caller(draft.applicant, scope=Scope.READ)

    answer = reader.ask(method, "/applications" if rest is None else path(draft, rest), body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "read_only")
    assert reader.get(path(draft)).status_code == 200
    draft.refresh_from_db()
    assert draft.state == State.DRAFT
    assert draft.answers_version == 0


def test_the_list_holds_nobody_elses() -> None:
    make_submitted(make_program())

    assert Caller(make_user()).get("/applications").json() == {"count": 0, "applications": []}


# --- Mass assignment --------------------------------------------------------------------------------------------------------

FIELDS = [field.name for field in Application._meta.get_fields() if not field.auto_created]


@pytest.mark.parametrize("name", [*FIELDS, "applicant_id", "cycle_id", "is_staff", "__class__", "pk"])
def test_no_field_of_the_record_can_be_set(name: str) -> None:
    draft = make_draft(make_program())
    caller = Caller(draft.applicant)
    before = Application.objects.values().get()

    beside = {"version": 0, "answers": {"title": "x"}, name: 1}
    if name != "answers":
        assert caller.patch(path(draft, "/answers"), beside).status_code == 422
        assert caller.post("/applications", {"program": "x", name: 1}).status_code in (404, 422)
    asked = {"title", "institution", "country", "field"}  # of the same name as a question of the form
    inside = caller.patch(path(draft, "/answers"), {"version": 0, "answers": {name: 1}})
    assert name in asked or inside.status_code == 409

    if name not in asked:
        assert Application.objects.values().get() == before


def test_a_body_cannot_choose_whose_draft_it_is() -> None:
    program, other = make_program(), make_user()

    answer = Caller(make_user()).post(
        "/applications", {"program": program.slug, "applicant": other.pk, "state": "awarded"}
    )

    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"]) == {"applicant", "state"}
    assert not Application.objects.exists()


# --- Honest silence -----------------------------------------------------------------------------------------------------------


class World:
    """One application that goes through every silent state, seen through the API."""

    def __init__(self) -> None:
        self.program = make_program()
        self.manager = make_member(self.program, Role.MANAGER)
        self.reviewers = [make_member(self.program) for _ in range(2)]
        make_member(self.program, Role.SCREENER)
        self.application = make_submitted(self.program)
        self.caller = Caller(self.application.applicant)
        self.version = self.application.answers_version

    def see(self, at: datetime) -> list[tuple[int, dict[str, str], bytes]]:
        """Every door that changes nothing, as bytes and headers."""
        change = {"version": self.version, "answers": {"title": "Too late"}}
        seen = [
            self.caller.get("/applications", at=at),
            self.caller.get(path(self.application), at=at),
            self.caller.patch(path(self.application, "/answers"), change, at=at),
            self.caller.patch(path(self.application, "/answers"), change | {"version": 0}, at=at),
            self.caller.post(path(self.application, "/submit"), at=at),
            self.caller.post("/applications", {"program": self.program.slug, "answers": {"x": 1}}, at=at),
        ]
        return [(one.status_code, dict(one.headers), one.content) for one in seen]

    def to_review(self) -> None:
        make_batch(self.program, submitted=[self.application])
        for reviewer in self.reviewers:
            look = Look(scores={"merit": 4, "impact": 4, "feasibility": 4})
            review.send_in(application_id=self.application.pk, look=look, by=reviewer, at=AFTER)

    def award(self) -> None:
        ledger.fund(
            program=self.program.slug,
            period="2026",
            amount_cents=100_000_00,
            made_by=self.manager,
            approved_by=make_member(self.program, Role.MANAGER),
            key="fund",
            at=AFTER,
        )
        decisions.propose_award(application_id=self.application.pk, by=self.manager, at=AFTER)

    def decline(self) -> None:
        decisions.propose_decline(application_id=self.application.pk, by=self.manager, at=AFTER)

    def release(self) -> None:
        release.release(cycle_id=self.application.cycle_id, by=self.manager, at=AFTER)


def test_no_state_before_a_released_award_can_be_told_apart() -> None:
    world = World()
    received = world.see(AFTER)
    make_batch(world.program, submitted=[world.application], screen=False, assign=False)
    formed = world.see(AFTER)
    world = World()
    before = world.see(AFTER)
    world.to_review()
    in_review = world.see(AFTER)
    world.award()
    approved = world.see(AFTER)
    world.decline()
    pending = world.see(AFTER)
    world.release()
    declined = world.see(AFTER)

    assert received == formed
    assert before == in_review == approved == pending == declined
    assert world.caller.get(path(world.application), at=AFTER).json()["phase"] == "frozen"


@pytest.mark.parametrize("declined", [True, False])
def test_withdrawing_tells_nothing(declined: bool) -> None:
    world = World()
    world.to_review()
    if declined:
        world.decline()
        world.release()

    answer = world.caller.post(path(world.application, "/withdraw"), at=AFTER)

    assert answer.status_code == 200
    assert answer.json()["phase"] == "withdrawn"


def test_after_the_date_it_says_closed_and_after_a_release_awarded() -> None:
    quiet, told, awarded = World(), World(), World()
    told.program.decline_mode = DeclineMode.TOLD
    told.program.save()
    for world in (quiet, told, awarded):
        world.to_review()
    quiet.decline()
    told.decline()
    awarded.award()
    for world in (quiet, told, awarded):
        world.release()

    def phase(world: World, at: datetime) -> str:
        return world.caller.get(path(world.application), at=at).json()["phase"]

    assert (phase(quiet, AFTER), phase(quiet, END)) == ("frozen", "closed")
    assert phase(told, AFTER) == "closed"
    assert phase(awarded, AFTER) == "awarded"


# --- Twice and at once --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_ten_submits_at_once_send_once() -> None:
    draft = make_draft(make_program())
    callers = [Caller(draft.applicant) for _ in range(10)]

    def send(caller: Caller) -> bytes:
        try:
            answer = caller.post(path(draft, "/submit"))
            assert answer.status_code == 200, answer.content
            return answer.content
        finally:
            connection.close()

    with clock.set_to(BEFORE), ThreadPoolExecutor(10) as pool:  # held once: the threads leave it in any order
        contents = set(pool.map(send, callers))

    assert len(contents) == 1
    assert ApplicationRevision.objects.count() == 1
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_changes_at_once_on_one_version_keep_one() -> None:
    draft = make_draft(make_program())
    callers = [Caller(draft.applicant) for _ in range(10)]

    def change(number: int) -> int:
        try:
            body = {"version": 0, "answers": {"title": f"Title {number}"}}
            return callers[number].patch(path(draft, "/answers"), body).status_code
        finally:
            connection.close()

    with clock.set_to(BEFORE), ThreadPoolExecutor(10) as pool:  # held once: the threads leave it in any order
        codes = sorted(pool.map(change, range(10)))

    assert codes == [200, *[409] * 9]
    draft.refresh_from_db()
    assert draft.answers_version == 1
