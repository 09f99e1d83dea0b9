import json
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from applications.models import Application
from applications.states import State
from credits.models import Grant
from portal import clock
from portal.models import User
from programs.models import Door
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    ORGANIZATION_ID,
    make_draft,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.evaluation import Evaluation

pytestmark = pytest.mark.django_db

END = datetime(2026, 12, 22, 8, tzinfo=UTC)


NAMED = {"organization_id": ORGANIZATION_ID, "organization_id_again": ORGANIZATION_ID}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(name: str, application: Application, *args: object) -> str:
    return reverse(f"applications:{name}", args=[application.public_id, *args])


def get(client: Client, address: str, at: datetime = BEFORE):
    with clock.set_to(at):
        return client.get(address)


def post(
    client: Client, address: str, data: dict[str, object] | None = None, at: datetime = BEFORE, **options
):
    with clock.set_to(at):
        return client.post(address, data or {}, **options)


def autosave(client: Client, application: Application, key: str, body: object, at: datetime = BEFORE):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return post(client, url("autosave", application, key), text, at, content_type="application/json")


# --- The step before the form ---------------------------------------------------------------------------------------------


def test_fit_makes_a_draft_with_the_answers() -> None:
    program, user = make_program(), make_user()

    response = post(signed_in(user), reverse("applications:start", args=[program.slug]), {"country": "DE"})

    draft = Application.objects.get(applicant=user)
    assert draft.answers == {"country": "DE"}
    assert response.url == url("section", draft, "you")


def test_a_block_explains_itself_and_offers_other_doors() -> None:
    program = make_program()
    Door.objects.create(program=program, key="buy", kind="outside", title="Buy credits", text="At once.")

    response = post(
        signed_in(make_user()), reverse("applications:start", args=[program.slug]), {"country": "KP"}
    )

    page = response.content.decode()
    assert "The service is not offered in this country." in page
    assert "Buy credits" in page
    assert '<option value="KP" selected>' in page
    assert not Application.objects.exists()


def test_somebody_without_an_account_is_checked_first_and_keeps_the_answers() -> None:
    program, client = make_program(), Client()
    start = reverse("applications:start", args=[program.slug])

    blocked = post(client, start, {"country": "KP"})
    fits = post(client, start, {"country": "DE"})
    client.force_login(make_user())
    again = get(client, start)

    assert "not offered in this country" in blocked.content.decode()
    assert fits.status_code == 302
    assert start in fits.url
    assert '<option value="DE" selected>' in again.content.decode()


def test_nothing_chosen_is_said_at_the_field() -> None:
    response = post(signed_in(make_user()), reverse("applications:start", args=[make_program().slug]), {})

    assert 'aria-invalid="true"' in response.content.decode()


# --- Sections -----------------------------------------------------------------------------------------------------------


def test_a_section_saves_and_goes_on() -> None:
    application = make_draft(make_program())

    response = post(
        signed_in(application.applicant),
        url("section", application, "you"),
        {"institution": "Tidewater Institute", "country": "DE", "version": application.answers_version},
    )

    application.refresh_from_db()
    assert response.url == url("section", application, "research")
    assert application.answers["institution"] == "Tidewater Institute"


def test_a_bad_answer_is_kept_and_linked() -> None:
    application = make_draft(make_program())

    response = post(
        signed_in(application.applicant),
        url("section", application, "research"),
        {"title": "", "abstract": "word " * 260, "amount": "many", "version": application.answers_version},
    )

    page = response.content.decode()
    assert response.status_code == 200
    assert '<a href="#id_abstract">' in page
    assert "word word" in page
    assert 'value="many"' in page
    application.refresh_from_db()
    assert application.answers["amount"] == {"raw": "many"}


def test_a_stale_tab_is_told_and_loses_nothing() -> None:
    application = make_draft(make_program())
    client, version = signed_in(application.applicant), application.answers_version
    post(
        client,
        url("section", application, "you"),
        {"institution": "First", "country": "DE", "version": version},
    )

    stale = post(
        client,
        url("section", application, "you"),
        {"institution": "Second", "country": "FR", "version": version},
    )

    application.refresh_from_db()
    assert stale.status_code == 409
    assert 'value="Second"' in stale.content.decode()
    assert application.answers["institution"] == "First"


def test_save_and_leave_keeps_an_unfinished_section() -> None:
    application = make_draft(make_program())

    response = post(
        signed_in(application.applicant),
        url("section", application, "you"),
        {"institution": "", "country": "DE", "version": application.answers_version, "leave": "1"},
    )

    assert response.url == reverse("applications:mine")


def test_autosave_keeps_what_is_typed_and_counts_versions() -> None:
    application = make_draft(make_program())
    client = signed_in(application.applicant)

    first = autosave(
        client, application, "research", {"version": 0, "data": {"title": ["A"], "amount": ["12x"]}}
    )
    stale = autosave(client, application, "research", {"version": 0, "data": {"title": ["B"]}})

    application.refresh_from_db()
    assert first.json() == {"version": 1, "saved": "Saved 12:00 UTC"}
    assert stale.status_code == 409
    assert stale.json()["version"] == 1
    assert application.answers["title"] == "A"
    assert application.answers["amount"] == {"raw": "12x"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        b"\xff\xfe",
        '{"version": 0}',
        '{"version": 0, "data": {"title": "text"}}',
        '{"version": 0, "data": {"title": [1]}}',
        "[" * 100_000,
    ],
)
def test_autosave_refuses_what_it_cannot_read(body: str | bytes) -> None:
    application = make_draft(make_program())

    response = autosave(signed_in(application.applicant), application, "you", body)

    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\u202egnp", "x" * 60_000, "\u0301" * 50, "🐟"])
def test_autosave_survives_any_text(text: str) -> None:
    application = make_draft(make_program())

    response = autosave(
        signed_in(application.applicant), application, "research", {"version": 0, "data": {"title": [text]}}
    )

    assert response.status_code == 200
    assert get(signed_in(application.applicant), url("section", application, "research")).status_code == 200


def test_autosave_of_far_too_much_says_so() -> None:
    application = make_draft(make_program())

    response = autosave(
        signed_in(application.applicant),
        application,
        "research",
        {"version": 0, "data": {"title": ["x" * 2_000_000]}},
    )

    assert response.status_code == 413


def test_a_version_that_is_no_number_counts_as_stale() -> None:
    application = make_draft(make_program())

    response = autosave(signed_in(application.applicant), application, "you", {"version": "½", "data": {}})

    assert response.status_code == 409


def test_signed_out_autosave_says_so() -> None:
    application = make_draft(make_program())

    assert autosave(Client(), application, "you", {"version": 0, "data": {}}).status_code == 401


# --- Sending --------------------------------------------------------------------------------------------------------------


def test_sending_twice_is_sending_once() -> None:
    application = make_draft(make_program())
    client = signed_in(application.applicant)

    first = post(client, url("review_and_send", application))
    second = post(client, url("review_and_send", application))

    application.refresh_from_db()
    assert first.url == second.url == url("status", application)
    assert application.state == State.SUBMITTED
    assert application.revisions.count() == 1


def test_the_last_step_lists_every_problem_with_a_link() -> None:
    application = make_draft(make_program(), title=None, months=None)

    page = get(signed_in(application.applicant), url("review_and_send", application)).content.decode()
    refused = post(signed_in(application.applicant), url("review_and_send", application))

    assert "2 things to do" in page
    assert f"{url('section', application, 'research')}?fix=1#div_id_title" in page
    assert refused.status_code == 200
    application.refresh_from_db()
    assert application.state == State.DRAFT


def test_a_sent_application_changes_until_the_cut_off_and_only_whole() -> None:
    application = make_submitted(make_program())
    client, edit = signed_in(application.applicant), url("section", application, "you")

    good = post(
        client, edit, {"institution": "Better", "country": "DE", "version": application.answers_version}
    )
    application.refresh_from_db()
    bad = post(client, edit, {"institution": "", "country": "DE", "version": application.answers_version})
    late = post(
        client,
        edit,
        {"institution": "Late", "country": "DE", "version": application.answers_version},
        CUT_OFF,
    )

    application.refresh_from_db()
    assert good.status_code == 302
    assert "Not saved" in bad.content.decode()
    assert late.url == url("status", application)
    assert application.answers["institution"] == "Better"


def test_withdraw_asks_first() -> None:
    application = make_submitted(make_program())
    client = signed_in(application.applicant)

    question = get(client, url("withdraw", application)).content.decode()
    application.refresh_from_db()
    before = application.state
    post(client, url("withdraw", application))

    application.refresh_from_db()
    assert "Withdraw it" in question
    assert before == State.SUBMITTED
    assert application.state == State.WITHDRAWN


# --- After the decision (silence: test_silence.py) ---------------------------------------------------------------------------------------------------------


class Cycle(Evaluation):
    """One application on its way through the states, and a browser of its applicant."""

    def __init__(self, **fields) -> None:
        super().__init__(**fields)
        self.client = signed_in(self.application.applicant)


def test_after_the_date_it_says_not_selected_and_offers_a_new_start() -> None:
    cycle = Cycle()
    cycle.to_review()
    cycle.decline()
    cycle.release()

    page = get(cycle.client, url("status", cycle.application), END).content.decode()
    again = post(cycle.client, url("again", cycle.application), at=END)

    assert "not selected in this cycle" in page
    assert "Apply again with these answers" in page
    draft = Application.objects.get(applicant=cycle.application.applicant, state=State.DRAFT)
    assert draft.answers["title"] == cycle.application.answers["title"]
    assert str(draft.public_id) in again.url


def test_an_award_is_not_there_before_its_release() -> None:
    cycle = Cycle()
    cycle.to_review()
    cycle.award()

    assert get(cycle.client, url("award", cycle.application), AFTER).status_code == 404


# --- Award and credits --------------------------------------------------------------------------------------------------------


def awarded(**fields) -> Cycle:
    cycle = Cycle(terms="The **terms**.", **fields)
    cycle.to_review()
    cycle.fund()
    cycle.award()
    cycle.release()
    return cycle


def test_the_award_page_takes_terms_and_organization() -> None:
    cycle = awarded()
    address = url("award", cycle.application)

    page = get(cycle.client, address, AFTER).content.decode()
    wrong = post(
        cycle.client,
        address,
        {"terms": "on", "organization_id": "org_1", "organization_id_again": "org_1", "owner": "on"},
        AFTER,
    )
    unticked = post(cycle.client, address, {**NAMED, "owner": "on"}, AFTER)
    done = post(cycle.client, address, {"terms": "on", **NAMED, "owner": "on"}, AFTER)

    assert "You have been awarded $6,000 USD" in page
    assert "<strong>terms</strong>" in page
    assert 'value="org_1"' in wrong.content.decode()
    assert "Read the terms and tick the box." in unticked.content.decode()
    assert done.status_code == 302
    grant = Grant.objects.get(holder=cycle.application.applicant)
    assert grant.organization.external_id == ORGANIZATION_ID
    assert "Terms accepted" in get(cycle.client, address, AFTER).content.decode()


def test_a_grant_that_is_not_posted_shows_its_way() -> None:
    cycle = awarded()
    grant = Grant.objects.get()

    page = get(cycle.client, reverse("credits:grant", args=[grant.uuid]), AFTER).content.decode()

    assert "Set aside" in page
    assert "No movements yet" in page


def test_pages_need_few_queries(django_assert_max_num_queries) -> None:
    cycle = awarded()
    draft = make_draft(make_program(), applicant=cycle.application.applicant)
    addresses = [
        reverse("applications:mine"),
        url("status", cycle.application),
        url("award", cycle.application),
        url("section", draft, "research"),
        url("review_and_send", draft),
        reverse("applications:start", args=[cycle.program.slug]),
        reverse("credits:grant", args=[Grant.objects.get().uuid]),
    ]

    for address in addresses:
        with django_assert_max_num_queries(15):
            assert get(cycle.client, address, AFTER).status_code == 200
