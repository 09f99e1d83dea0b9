"""The visitors of a rehearsal read forms as a browser does, and take no refusal for an answer."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress

from portal.rehearsal.visitors import Page, Traffic, UnexpectedPage, Visitor, forms_of
from tests.factories.applications import make_user

PASSWORD = "correct horse battery staple"

PAGE = """
<form id="rubric" method="post" action="/there/" data-rubric>
  <input type="hidden" name="csrfmiddlewaretoken" value="abc">
  <input type="radio" name="score" value="1"><input type="radio" name="score" value="2" checked>
  <input type="checkbox" name="agree"><input type="checkbox" name="kept" value="yes" checked>
  <input name="gone" value="1" disabled>
  <fieldset disabled><input name="closed" value="1"></fieldset>
  <select name="kind"><option value="a">A</option><option value="b" selected>B</option></select>
  <textarea name="note">as it &amp; was</textarea>
  <button name="do" value="send">Send</button>
</form>
<input form="rubric" name="outside" value="also">
<div class="errornote"><p>Not <b>yet</b>.</p></div>
"""


def read(text: str) -> Page:
    return Page("/here/", text, forms_of(text))


def test_a_form_is_sent_as_it_stands_with_what_was_entered() -> None:
    form = read(PAGE).form(mark="data-rubric")

    assert form is not None
    assert form.controls["score"].values == ["1", "2"]
    assert form.filled({"score": "1", "note": "new", "kept": None, "agree": "on"}) == [
        ("csrfmiddlewaretoken", "abc"),
        ("score", "1"),
        ("agree", "on"),
        ("kind", "b"),
        ("note", "new"),
        ("outside", "also"),
    ]
    assert ("note", "as it & was") in form.filled({})
    assert ("do", "send") in form.filled({"do": "send"})


def test_a_page_says_why_it_refused() -> None:
    page = read(PAGE)

    assert page.said == "Not yet ."
    assert page.form(action="/there/") is page.forms[0]
    assert page.form(action="/elsewhere/") is None


@pytest.mark.django_db(transaction=True)
def test_a_visitor_signs_in_and_meets_closed_doors(live_server: Any) -> None:
    user = make_user()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    traffic = Traffic()
    visitor = Visitor(int(live_server.url.rpartition(":")[2]), traffic)

    with pytest.raises(UnexpectedPage, match="cannot sign in"):
        visitor.sign_in(email=user.email, password="something else")
    visitor.sign_in(email=user.email, password=PASSWORD)

    assert visitor.get("/applications/").path == "/applications/"
    with pytest.raises(UnexpectedPage, match="404"):
        visitor.get("/applications/00000000-0000-4000-8000-000000000000/")
    assert traffic.facts()["requests"] > 5
