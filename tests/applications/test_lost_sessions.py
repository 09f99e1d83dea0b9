"""A session that ends while somebody types: nothing typed is lost, and nothing is saved for anybody else."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from applications import merging
from applications.models import Application, Request
from portal import clock
from tests.factories.applications import BEFORE, SECTIONS, make_draft, make_program, make_user
from tests.factories.requests import make_request_form
from tests.factories.sharing import verified

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
WORDS = "Cores from three lakes, <b>once more</b>"


@pytest.fixture
def draft() -> Application:
    return make_draft(make_program(), applicant=verified())


def page_of(draft: Application) -> str:
    return reverse("applications:section", args=[draft.public_id, "research"])


def typed(draft: Application, **changes: str) -> dict[str, str]:
    """What the browser sends of the section, with something changed."""
    base = json.dumps(merging.marks(SECTIONS[1], draft.answers))
    return {"title": draft.answers["title"], "abstract": WORDS, "version": "0", "base": base, **changes}


def sign_in(client: Client, email: str, next_: str) -> object:
    """As people do, so that it is shown that what waits survives the sign-in itself."""
    return client.post("/accounts/login/", {"login": email, "password": PASSWORD, "next": next_}, follow=True)


def test_words_sent_after_the_session_ended_wait_for_the_sign_in(draft: Application) -> None:
    client, page = Client(), page_of(draft)
    with clock.set_to(BEFORE):
        away = client.post(page, typed(draft))
        back = sign_in(client, draft.applicant.email, page)

        draft.refresh_from_db()
        assert away.status_code == 302
        assert draft.answers["abstract"] != WORDS  # nothing is saved for somebody unknown
        assert back.redirect_chain[-1][0] == page
        assert "Cores from three lakes, &lt;b&gt;once more&lt;/b&gt;" in back.text
        assert "It is not saved yet" in back.text
        assert "Not saved yet" in back.text

        client.post(page, typed(draft))
        draft.refresh_from_db()
        assert draft.answers["abstract"] == WORDS
        assert "It is not saved yet" not in client.get(page).text


def test_saving_while_typing_lets_go_of_what_waited_and_so_does_time(draft: Application) -> None:
    client, page = Client(), page_of(draft)
    with clock.set_to(BEFORE):
        client.post(page, typed(draft))
        client.force_login(draft.applicant)
        assert "once more" in client.get(page).text
    with clock.set_to(BEFORE + timedelta(hours=3)):
        assert "once more" not in client.get(page).text
    with clock.set_to(BEFORE):
        body = json.dumps({"version": 0, "base": typed(draft)["base"], "data": {"title": ["A new title"]}})
        address = reverse("applications:autosave", args=[draft.public_id, "research"])
        assert client.post(address, body, "application/json").status_code == 200
        assert "once more" not in client.get(page).text


def test_only_who_may_open_the_page_sees_them(draft: Application) -> None:
    client, page = Client(), page_of(draft)
    with clock.set_to(BEFORE):
        client.post(page, typed(draft))
        client.force_login(make_user())

        assert client.get(page).status_code == 404
        assert "once more" not in client.get(reverse("applications:mine")).text


def test_what_others_changed_meanwhile_is_not_put_over(draft: Application) -> None:
    client, page = Client(), page_of(draft)
    with clock.set_to(BEFORE):
        client.post(page, typed(draft))
        Application.objects.filter(pk=draft.pk).update(
            answers=draft.answers | {"abstract": "Hers"}, answers_version=1
        )
        client.force_login(draft.applicant)
        shown = client.get(page)
        clash = client.post(page, {**typed(draft), "base": shown.context["base"]})

    draft.refresh_from_db()
    assert clash.status_code == 409
    assert draft.answers["abstract"] == "Hers"


def test_a_request_that_was_written_signed_out_waits_too() -> None:
    form = make_request_form(make_program())
    page = reverse("applications:request_form", args=[form.program.slug, form.key])
    client, person = Client(), verified()
    with clock.set_to(BEFORE):
        client.post(page, {"title": "Model seven", "text": WORDS})
        back = sign_in(client, person.email, page)

    assert not Request.objects.exists()
    assert 'value="Model seven"' in back.text
    assert "Cores from three lakes" in back.text
