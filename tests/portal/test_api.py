"""The doors of the API as a whole: tokens, sessions, bodies that mean harm, limits, one shape of every error."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal import api_tokens, clock
from portal.models import ApiToken, AuditEvent, Scope, User
from tests.factories.api import Caller, make_token
from tests.factories.applications import BEFORE, make_draft, make_program, make_user

pytestmark = pytest.mark.django_db


def error_of(response: Any) -> dict[str, Any]:
    """The error in its one shape, or a failed test."""
    assert response.headers["Content-Type"] == "application/json", response.content
    body = json.loads(response.content)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "fields"}
    assert all(isinstance(text, str) for text in body["error"]["fields"].values())
    return body["error"]


# --- Tokens -------------------------------------------------------------------------------------------------------------


def test_the_secret_is_not_kept() -> None:
    user = make_user()

    token, secret = make_token(user)

    assert secret.startswith("rcp_")
    assert len(secret) > 40
    row = ApiToken.objects.values().get()
    assert secret not in str(row)
    assert token.beginning == secret[:10]
    assert AuditEvent.objects.get(action="token.make").actor == user
    assert secret not in str(AuditEvent.objects.values())


@pytest.mark.parametrize("wrong", ["", "rcp_", "rcp_x", "x" * 10_000, "rcp_é", "rcp_ \x7f"])
def test_what_is_no_token_is_refused(wrong: str) -> None:
    answer = Caller(secret=wrong).get("/applications")

    assert answer.status_code == 401
    assert error_of(answer)["code"] == "sign_in"


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer,"])
def test_only_the_bearer_scheme_is_known(scheme: str) -> None:
    _, secret = make_token(make_user())
    caller = Caller()

    assert caller.ask("GET", "/applications", authorization=f"{scheme} {secret}").status_code == 401
    assert caller.ask("GET", "/applications", authorization=f"bearer {secret}").status_code == 200


def test_a_revoked_token_is_refused_at_once() -> None:
    user = make_user()
    token, secret = make_token(user)
    caller = Caller(secret=secret)
    assert caller.get("/applications").status_code == 200

    api_tokens.revoke(token_id=token.pk, by=user, at=BEFORE)
    api_tokens.revoke(token_id=token.pk, by=user, at=BEFORE)

    assert caller.get("/applications").status_code == 401
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1


def test_an_expired_token_and_one_of_a_closed_account_are_refused() -> None:
    user = make_user()
    token, secret = make_token(user)
    caller = Caller(secret=secret)

    assert caller.get("/applications", at=token.expires_at - timedelta(seconds=1)).status_code == 200
    assert caller.get("/applications", at=token.expires_at).status_code == 401
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert caller.get("/applications").status_code == 401


def test_the_last_use_is_noted_to_the_minute() -> None:
    token, secret = make_token(make_user())
    caller = Caller(secret=secret)

    for seconds in (0, 30, 90):
        caller.get("/applications", at=BEFORE + timedelta(seconds=seconds))

    token.refresh_from_db()
    assert token.last_used_at == BEFORE + timedelta(seconds=90)


def test_names_are_taken_once_and_tokens_are_few() -> None:
    user = make_user()

    def make(name: str) -> ApiToken:
        return api_tokens.make(name=name, scope=Scope.READ, days=30, by=user, at=BEFORE)[0]

    first = make("One")
    with pytest.raises(api_tokens.CannotMakeToken, match="of this name"):
        make("One")
    api_tokens.revoke(token_id=first.pk, by=user, at=BEFORE)
    make("One")
    for number in range(2, api_tokens.MOST_TOKENS + 1):
        make(f"Name {number}")
    with pytest.raises(api_tokens.CannotMakeToken, match="You have 10 tokens"):
        make("Eleven")
    with pytest.raises(api_tokens.CannotMakeToken, match="how long"):
        api_tokens.make(name="Ever", scope=Scope.READ, days=4000, by=user, at=BEFORE)


def test_the_name_of_an_expired_token_is_free() -> None:
    user = make_user()
    old, _ = api_tokens.make(name="One", scope=Scope.READ, days=30, by=user, at=BEFORE)

    api_tokens.make(name="One", scope=Scope.READ, days=30, by=user, at=old.expires_at)

    assert [token.pk for token in api_tokens.of(user, at=old.expires_at)] != [old.pk]


# --- The page of tokens ---------------------------------------------------------------------------------------------------


def test_the_page_shows_the_secret_once_and_revokes() -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    address = reverse("api_tokens")

    with clock.set_to(BEFORE):
        made = client.post(address, {"name": "Notebook", "scope": "write", "days": "30"})
        secret = made.context["secret"]
        listed = client.get(address)
        again = client.post(address, {"name": "Notebook", "scope": "write", "days": "30"})
        token = ApiToken.objects.get()
        revoked = client.post(reverse("api_token_revoke", args=[token.public_id]))

    assert secret in made.content.decode()
    assert made.headers["Cache-Control"] == "no-store, private"
    assert secret not in listed.content.decode()
    assert "Notebook" in listed.content.decode()
    assert "You have a token of this name" in again.content.decode()
    assert revoked.status_code == 302
    assert Caller(secret=secret).get("/applications").status_code == 401


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"name": "", "scope": "read", "days": "30"},
        {"name": "a\x00", "scope": "read", "days": "30"},
        {"name": "a" * 81, "scope": "read", "days": "30"},
        {"name": "a", "scope": "admin", "days": "30"},
        {"name": "a", "scope": "read", "days": "99999"},
        {"name": "a", "scope": "read", "days": "x"},
    ],
)
def test_a_wrong_form_makes_no_token(posted: dict[str, str]) -> None:
    client = Client()
    client.force_login(make_user())

    answer = client.post(reverse("api_tokens"), posted)

    assert answer.status_code == 200
    assert not ApiToken.objects.exists()


# --- Sessions -------------------------------------------------------------------------------------------------------------


def test_a_session_reads_and_writes_only_with_its_csrf_token() -> None:
    program, user = make_program(), make_user()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    body = json.dumps({"program": program.slug})

    with clock.set_to(BEFORE):
        listed = client.get("/api/v1/applications")
        bare = client.post("/api/v1/applications", body, content_type="application/json")
        client.get(reverse("api_tokens"))
        csrf = client.cookies["csrf"].value
        good = client.post(
            "/api/v1/applications", body, content_type="application/json", headers={"x-csrftoken": csrf}
        )

    assert listed.status_code == 200
    assert listed.headers["Cache-Control"] == "no-store, private"
    assert (bare.status_code, error_of(bare)["code"]) == (403, "csrf")
    assert good.status_code == 201


def test_a_wrong_token_is_not_rescued_by_a_session() -> None:
    client = Client()
    client.force_login(make_user())

    answer = client.get("/api/v1/applications", headers={"authorization": "Bearer rcp_wrong"})

    assert answer.status_code == 401


def test_an_answer_to_a_token_is_not_stored_by_caches() -> None:
    answer = Caller(make_user()).get("/applications")

    assert answer.headers["Cache-Control"] == "no-store, private"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


# --- Bodies that mean harm ------------------------------------------------------------------------------------------------

UNREADABLE = {
    "empty object missing": b"{",
    "nan": b'{"version": NaN, "answers": {}}',
    "infinity": b'{"version": 0, "answers": {"amount": Infinity}}',
    "1e999": b'{"version": 0, "answers": {"amount": 1e999}}',
    "-1e999": b'{"version": 0, "answers": {"amount": -1e999}}',
    "deep list": b'{"version": 0, "answers": {"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "huge number": b'{"version": ' + b"9" * 5_000 + b', "answers": {}}',
    "latin-1": '{"version": 0, "answers": {"title": "é"}}'.encode("latin-1"),
    "utf-16": '{"version": 0, "answers": {}}'.encode("utf-16"),
    "utf-32": '{"version": 0, "answers": {}}'.encode("utf-32"),
    "byte-order mark": b"\xef\xbb\xbf{}",
    "surrogate bytes": b'{"version": 0, "answers": {"title": "\xed\xa0\x80"}}',
    "NUL bytes": b"\x00" * 100,
    "raw control": b'{"version": 0, "answers": {"title": "a\x00b"}}',
    "not json": b"version=0",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_json_is_refused(name: str) -> None:
    draft = make_draft(make_program())
    caller = Caller(draft.applicant)

    for method, address in (
        ("PATCH", f"/applications/{draft.public_id}/answers"),
        ("POST", "/applications"),
    ):
        answer = caller.ask(method, address, raw=UNREADABLE[name])
        assert answer.status_code == 400, name
        assert error_of(answer)["code"] == "unreadable"


WRONG_SHAPES: list[Any] = [
    None,
    True,
    0,
    "text",
    [],
    {},
    [{"version": 0, "answers": {}}],
    {"version": "0", "answers": {}},
    {"version": 0.5, "answers": {}},
    {"version": True, "answers": {}},
    {"version": -1, "answers": {}},
    {"version": 2**31, "answers": {}},
    {"version": 10**400, "answers": {}},
    {"version": None, "answers": {}},
    {"version": 0, "answers": None},
    {"version": 0, "answers": []},
    {"version": 0, "answers": "x"},
    {"version": 0, "answers": {}, "extra": 1},
    {"version": 0, "answers": {}, "\ud800": 1},
    {"version": 0, "answers": {}, "a\x00": 1},
    {"version": 0, "answers": {f"k{n}": 1 for n in range(301)}},
]


@pytest.mark.parametrize("body", WRONG_SHAPES, ids=lambda body: str(body)[:40].encode("ascii", "replace"))
def test_what_has_another_shape_is_refused_with_reasons(body: Any) -> None:
    draft = make_draft(make_program())

    answer = Caller(draft.applicant).patch(f"/applications/{draft.public_id}/answers", body)

    assert answer.status_code == 422
    assert error_of(answer)["fields"]


HOSTILE: list[Any] = [
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "a\u202eb",
    "\ufeff\u200b",
    "=1+1",
    "<script>alert(1)</script>",
    "x" * 600_000,
    "e\u0301" * 50_000,
    10**30,
    -(10**30),
    1e308,
    -0.0,
    True,
    [],
    {},
    [[[[]]]],
    {"raw": {"raw": "x"}},
    {"raw": "\ud800"},
    {"name": {"name": []}},
    {"amount_cents": True},
    {"amount_cents": 10**25, "currency": ["USD"]},
    {"version": {}, "accepted": []},
    {"\ud800": "\x00"},
    [None, 1, "x", {}],
    ["x"] * 50_000,
    {str(number): number for number in range(20_000)},
    "0000-13-45",
    "9999-12-31",
    "../../etc/passwd",
    "org-" + "0" * 100_000,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:40].encode("ascii", "replace"))
def test_no_value_makes_any_question_fail(value: Any) -> None:
    program = make_program()
    draft = make_draft(program)
    caller = Caller(draft.applicant)
    version = 0

    for key in ("title", "abstract", "country", "field", "amount", "months", "organization_id", "none"):
        body = {"version": version, "answers": {key: value}}
        answer = caller.patch(f"/applications/{draft.public_id}/answers", body)
        assert answer.status_code in (200, 409), (key, answer.content[:300])
        if answer.status_code == 409:
            assert error_of(answer)["code"] == "wrong_answers"
        else:
            version = answer.json()["version"]
    assert caller.get(f"/applications/{draft.public_id}").status_code == 200


@pytest.mark.parametrize("key", ["\x00", "\ud800", "x" * 100_000, "__proto__", "", "title\x00"])
def test_hostile_names_of_questions_are_unknown(key: str) -> None:
    draft = make_draft(make_program())

    answer = Caller(draft.applicant).patch(
        f"/applications/{draft.public_id}/answers", {"version": 0, "answers": {key: 1}}
    )

    assert answer.status_code == 409
    assert all(len(name) <= 100 for name in error_of(answer)["fields"])


def test_a_body_beyond_a_megabyte_is_refused() -> None:
    draft = make_draft(make_program())
    body = {"version": 0, "answers": {"title": "x" * 1_100_000}}

    answer = Caller(draft.applicant).patch(f"/applications/{draft.public_id}/answers", body)

    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_big")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_only_json_is_taken(content_type: str) -> None:
    user = make_user()
    signed_in = Client()
    signed_in.force_login(user)

    answer = Caller(user).ask("POST", "/applications", {"program": "x"}, content_type=content_type)
    by_session = signed_in.generic("POST", "/api/v1/applications", b"{}", content_type=content_type)

    assert (answer.status_code, error_of(answer)["code"]) == (415, "not_json")
    assert by_session.status_code == 415


def test_a_form_sent_with_a_session_and_csrf_checks_is_refused_with_words() -> None:
    signed_in = Client(enforce_csrf_checks=True)
    signed_in.force_login(make_user())
    signed_in.get(reverse("api_tokens"))
    token = signed_in.cookies["csrf"].value

    answer = signed_in.post("/api/v1/applications", {"csrfmiddlewaretoken": token, "program": "x"})

    assert (answer.status_code, error_of(answer)["code"]) == (415, "not_json")


# --- Addresses, methods, failures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/nothing",
        "/programs/",
        "/programs/a%00b",
        "/programs/%ED%A0%80",
        "/programs/a/b/c",
        "/applications/1",
        "/applications/not-a-uuid",
        "/applications/00000000-0000-0000-0000-00000000000g",
        "/../admin/",
    ],
)
def test_what_is_not_there_says_so_in_json(address: str) -> None:
    answer = Caller(make_user()).get(address)

    assert answer.status_code == 404
    assert error_of(answer)["code"] == "not_found"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=9e9", "limit=%00"])
def test_a_wrong_query_is_named(query: str) -> None:
    answer = Caller(make_user()).get(f"/applications?{query}")

    assert answer.status_code == 422
    assert set(error_of(answer)["fields"]) == {query.partition("=")[0]}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_with_the_ones_that_work(method: str) -> None:
    answer = Caller(make_user()).ask(method, "/applications")

    assert (answer.status_code, error_of(answer)["code"]) == (405, "wrong_method")
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) == {"GET", "POST"}


def test_a_failure_has_the_same_shape_and_says_nothing_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("programs.queries.cards", fail)

    answer = Caller().get("/programs")

    assert (answer.status_code, error_of(answer)["code"]) == (500, "failure")
    assert b"secret" not in answer.content


# --- Limits -----------------------------------------------------------------------------------------------------------------


def test_a_token_is_limited_and_told_how_long_to_wait(settings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    first, second = Caller(make_user()), Caller(make_user())

    codes = [first.get("/applications").status_code for _ in range(4)]
    limited = first.get("/applications?limit=1")

    assert codes == [200, 200, 200, 429]
    assert error_of(limited)["code"] == "too_often"
    assert limited.headers["Retry-After"] == "60"
    assert second.get("/applications").status_code == 200


def test_an_address_is_limited_before_anybody_is_known(settings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    callers = [Caller(secret=f"rcp_{number}") for number in range(5)]

    codes = [caller.get("/applications").status_code for caller in callers]
    forged = callers[0].ask("GET", "/programs", **{"x-forwarded-for": "203.0.113.9"})

    assert codes == [401, 401, 401, 401, 429]
    assert forged.status_code == 429
    assert forged.headers["Retry-After"] == "60"


# --- The description and its page ---------------------------------------------------------------------------------------------


def test_every_door_is_described() -> None:
    schema = Caller().get("/openapi.json").json()
    assert {(method, path) for path, found in schema["paths"].items() for method in found} == {
        ("get", "/api/v1/programs"),
        ("get", "/api/v1/programs/{slug}"),
        ("get", "/api/v1/programs/{slug}/cycles"),
        ("get", "/api/v1/programs/{slug}/form"),
        ("get", "/api/v1/applications"),
        ("post", "/api/v1/applications"),
        ("get", "/api/v1/applications/{id}"),
        ("patch", "/api/v1/applications/{id}/answers"),
        ("post", "/api/v1/applications/{id}/submit"),
        ("post", "/api/v1/applications/{id}/withdraw"),
        ("get", "/api/v1/applications/{id}/attachments"),
        ("post", "/api/v1/applications/{id}/attachments/{key}"),
        ("get", "/api/v1/attachments/{id}"),
        ("delete", "/api/v1/attachments/{id}"),
    }
    for path, found in schema["paths"].items():
        for method, door in found.items():
            assert ("security" in door) == ("/v1/a" in path), (method, path)


def test_the_page_names_every_door() -> None:
    page = Client().get(reverse("api_docs")).content.decode()

    for found in Caller().get("/openapi.json").json()["paths"].values():
        for door in found.values():
            assert f'id="{door["operationId"]}"' in page
    assert "<script>" not in page
