"""No public page holds a text that cannot be translated: every page is opened in a made-up language of marks."""

import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation
from django_countries import countries

from applications import forms, links, public_figures, requests
from applications.models import Collaborator, Obligation, Right
from portal import clock
from portal.roles import Role
from programs import translations
from tests.factories.applications import AFTER, BEFORE, make_draft, make_member, make_program
from tests.factories.evaluation import Evaluation
from tests.factories.requests import make_award, make_request, make_request_form
from tests.factories.sharing import invite, share, verified
from tests.portal.test_languages import visit

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"

OPEN, SHUT = "⟦", "⟧"
WITHOUT = re.compile(
    r"UTC|USD|PDF|CSV|JSON|iCalendar|ROR|ORCID|DOI|https?://\S+|\S+@\S+|[A-Z]\d*-\d{4}-\d{2}-\d+|[0-9a-f-]{32,36}"
)
NOT_TEXT = ("script", "style", "template", "svg", "code", "pre", "textarea")
READ_ALOUD = ("aria-label", "placeholder", "title", "alt", "data-busy", "data-label")


class Seen(HTMLParser):
    """Collects letters that stand outside of the marks, in texts and in attributes that people read."""

    def __init__(self, data: list[str]) -> None:
        super().__init__()
        self.data, self.depth, self.skip, self.own, self.bare = data, 0, 0, 0, []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag in NOT_TEXT:
            self.skip += 1
        if tag == "button" and has.get("name") == "language":
            self.own += 1
        for name in READ_ALOUD:
            if name in has:
                self._look(has[name], 0)

    def handle_endtag(self, tag: str) -> None:
        if tag in NOT_TEXT:
            self.skip -= 1
        if tag == "button":
            self.own = 0

    def handle_data(self, text: str) -> None:
        if not self.skip and not self.own:
            self.depth = self._look(text, self.depth)

    def _look(self, text: str, depth: int) -> int:
        outside = ""
        for sign in text:
            depth += (sign == OPEN) - (sign == SHUT)
            outside += sign if depth == 0 and sign not in OPEN + SHUT else " "
        for known in self.data:
            outside = outside.replace(known, " ")
        if re.search(r"[A-Za-z]{2}", WITHOUT.sub(" ", outside)):
            self.bare.append(" ".join(outside.split()))
        return depth


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever goes through gettext, or is a text of a program, comes out between marks."""
    forms._drawn.cache_clear()
    forms._country_options.cache_clear()
    engine = translation._trans
    translation.gettext("wake")
    translation.ngettext("wake", "up", 1)
    translation.pgettext("wake", "up")
    mark = lambda text: f"{OPEN}{text}{SHUT}" if text.strip() else text  # noqa: E731
    monkeypatch.setattr(engine, "gettext", lambda text: mark(str(text)))
    monkeypatch.setattr(engine, "ngettext", lambda one, many, number: mark(one if number == 1 else many))
    monkeypatch.setattr(engine, "pgettext", lambda context, text: mark(str(text)), raising=False)
    monkeypatch.setattr(translations, "is_foreign", lambda: True)
    monkeypatch.setattr(translations, "_sayer", lambda words: mark)
    yield
    forms._drawn.cache_clear()
    forms._country_options.cache_clear()


def bare(client: Client, address: str, data: list[str]) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return bare_of(answer, data, address)


def bare_of(answer: Any, data: list[str], name: str) -> list[str]:
    """What stands without marks on a page of any status."""
    assert answer["Content-Type"].startswith("text/html"), name
    return bare_text(answer.content.decode(), data, name)


def bare_text(page: str, data: list[str], name: str) -> list[str]:
    seen = Seen(data)
    seen.feed(page)
    return [f"{name}: {text}" for text in seen.bare]


def known(*people: Any, made: tuple[Any, ...] = ()) -> list[str]:
    """What stands on pages as it was typed: names, addresses, answers."""
    typed = (str(value) for one in made for value in one.answers.values() if isinstance(value, str))
    names = (text for person in people for text in (person.name, person.email) if text)
    places = (str(name) for _code, name in countries)
    return sorted([*names, *typed, *places, "Research Credits", "gmail"], key=len, reverse=True)


def test_no_open_page_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    program = make_program(slug="here", award_mode="fixed", notices=["Bring paper."])
    program.faq.create(key="when", question="When?", answer="Soon.", position=0)
    program.doors.create(
        key="shop", kind="outside", title="Buy", text="At once.", url="https://example.org/", position=0
    )
    names = ("directory", "questions", "data_use", "accessibility", "router")
    accounts = ("login", "signup", "request_login_code", "reset_password")
    addresses = [
        *(reverse(f"programs:{name}") for name in names),
        *(reverse("programs:router") + query for query in ("?use=retired", "?use=science&country=no")),
        reverse("programs:program", args=["here"]),
        reverse("applications:start", args=["here"]),
        reverse("applications:contact"),
        reverse("applications:contact") + "?q=when",
        *(reverse(f"account_{name}") for name in accounts),
    ]
    with clock.set_to(BEFORE):
        assert [text for address in addresses for text in bare(visit(), address, known())] == []


def test_no_page_of_a_draft_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    person = verified()
    draft = make_draft(make_program(), applicant=person, title="", amount=None)
    addresses = [
        *(
            reverse("applications:section", args=[draft.public_id, part["key"]]) + "?fix=1"
            for part in draft.form_version.sections
        ),
        *(
            reverse(f"applications:{name}", args=[draft.public_id])
            for name in ("review_and_send", "people", "preview", "withdraw")
        ),
        *(reverse(name) for name in ("applications:mine", "credits:mine", "api_tokens")),
        *(
            reverse(name)
            for name in ("account_email", "account_change_password", "account_logout", "mfa_index")
        ),
    ]
    client, data = visit(person), known(person, made=(draft,))
    with clock.set_to(BEFORE):
        assert [text for address in addresses for text in bare(client, address, data)] == []
        assert bare(visit(verified()), reverse("applications:mine"), data) == []


def test_no_page_of_a_sent_application_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    world = Evaluation(applicant=verified())
    owner, editor, id_ = world.application.applicant, verified(), world.application.public_id
    share(world.application, editor, Right.EDIT)
    mine, data = visit(owner), known(owner, editor, made=(world.application,))
    found: list[str] = []
    with clock.set_to(BEFORE):
        for name in ("status", "preview", "printed", "people", "withdraw"):
            found += bare(mine, reverse(f"applications:{name}", args=[id_]), data)
        for name in ("status", "people"):
            found += bare(visit(editor), reverse(f"applications:{name}", args=[id_]), data)
        found += bare(mine, reverse("applications:mine"), data)
    for step in (world.to_review, world.fund, world.award, world.release):
        step()
    Obligation.objects.create(
        application=world.application, days_before=14, due_on=AFTER.date(), created_at=AFTER
    )
    with clock.set_to(AFTER):
        for name in ("status", "award", "obligations", "paper_new"):
            found += bare(mine, reverse(f"applications:{name}", args=[id_]), data)
        grant = world.application.decisions.get(state="released").grant
        found += bare(mine, reverse("credits:grant", args=[grant.uuid]), data)
    assert found == [], "\n".join(found)


def test_the_walk_notices_a_text_without_marks() -> None:
    seen = Seen(["Data"])
    seen.feed(f'<p title="Not marked">{OPEN}Marked <b>too</b>{SHUT} Data 7 UTC</p><p>Plain words</p>')
    assert seen.bare == ["Not marked", "Plain words"]


def all_bare(client: Client, addresses: list[str], data: list[str]) -> list[str]:
    return [text for address in addresses for text in bare(client, address, data)]


def test_no_page_of_a_separate_form_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    program = make_program(slug="here")
    award = make_award(program, applicant=verified())
    other = verified()
    data = [*known(award.applicant, other), "Study 0"]
    anybody = make_request_form(program, faq_first=True)
    holders = make_request_form(program, senders="holders")
    program.faq.create(key="when", question="A retired model?", answer="Soon.", position=0)
    address = reverse("applications:request_form", args=["here", anybody.key])
    only = reverse("applications:request_form", args=["here", holders.key])
    owner = visit(award.applicant)
    found = []
    with clock.set_to(BEFORE):
        found += all_bare(visit(), [address, only], data)
        found += all_bare(visit(other), [only], data)
        found += all_bare(owner, [address, address + "?q=retired+model", address + "?q=xyzzy", only], data)
        found += bare_of(owner.post(address, {}), data, address)
    assert found == [], "\n".join(found)


def test_no_page_of_a_request_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    program = make_program()
    manager, person = make_member(program, Role.MANAGER), verified()
    form = make_request_form(program)
    sent = [make_request(form, by=person) for _number in range(3)]
    data = [*known(person), *(str(one.title) for one in sent), form.policy]
    page = [reverse("applications:request", args=[one.public_id]) for one in sent]
    client = visit(person)
    with clock.set_to(BEFORE):
        found = all_bare(client, [page[0], reverse("applications:mine")], data)
        found += bare(client, reverse("applications:withdraw_request", args=[sent[0].public_id]), data)
    with clock.set_to(AFTER):
        found += all_bare(client, page[:1], data)
    requests.take(request_id=sent[0].pk, by=manager, at=BEFORE)
    with clock.set_to(BEFORE):
        found += all_bare(client, page[:1], data)
    for one, outcome in zip(sent, ("approved", "declined", "answered"), strict=True):
        requests.answer(
            request_id=one.pk,
            outcome=outcome,
            text="77.",
            conditions="88." if outcome == "approved" else "",
            by=manager,
            at=BEFORE,
        )
    gone = make_request(form, by=person)
    requests.withdraw(request_id=gone.pk, by=person, at=BEFORE)
    with clock.set_to(BEFORE):
        shown = [*page, reverse("applications:request", args=[gone.public_id]), reverse("applications:mine")]
        found += all_bare(client, shown, [*data, gone.title])
    assert found == [], "\n".join(found)


def test_no_page_of_an_invitation_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    draft, guest, stranger = make_draft(make_program()), verified(), verified()
    place = invite(draft, guest, Right.EDIT)
    address = reverse("applications:invitation", args=[links.invitation_token(place.public_id)])
    data = known(guest, stranger, draft.applicant, made=(draft,))
    with clock.set_to(BEFORE):
        found = bare(visit(guest), address, data)
        found += bare_of(visit(stranger).get(address), data, "of another address")
        found += bare_of(visit().get(address, follow=True), data, "signed out")
        Collaborator.objects.filter(pk=place.pk).update(right=Right.VIEW)
        found += bare(visit(guest), address, data)
    with clock.set_to(AFTER.replace(year=AFTER.year + 1)):
        found += bare_of(visit(guest).get(address), data, "too late")
    assert found == [], "\n".join(found)


def test_no_page_of_figures_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    program = make_program(slug="here")
    manager = make_member(program, Role.MANAGER)
    names = {
        "field": [("physics", 60, 20), ("biology", 40, 10), ("", 20, 9), ("gone", 2, 1)],
        "country": [("DE", 60, 20), ("ES", 62, 20)],
    }
    public_figures.keep(
        program=program,
        year=2025,
        at=BEFORE,
        counts=names,
        applications=122,
        awards=40,
        awarded_cents=100_00,
        median_days=9,
    )
    public_figures.keep(
        program=program,
        year=2024,
        at=BEFORE,
        counts={},
        applications=2,
        awards=1,
        awarded_cents=100_00,
        median_days=9,
    )
    address = reverse("applications:figures", args=["here"])
    with clock.set_to(AFTER):
        public_figures.switch(program_id=program.pk, on=True, by=manager, at=AFTER)
        found = all_bare(visit(), [address, reverse("programs:program", args=["here"])], known())
    assert found == [], "\n".join(found)


def test_no_page_of_an_account_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    person = verified()
    EmailAddress.objects.create(user=person, email="second@example.org", verified=False, primary=False)
    client, data = visit(), known(person)
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    entrance = [
        reverse("account_reset_password_done"),
        reverse("account_reset_password_from_key", args=["0", "no-such"]),
        reverse("account_reset_password_from_key_done"),
        reverse("account_email_verification_sent"),
        reverse("account_inactive"),
    ]
    inside = [
        "account_email",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
    ]
    found = []
    for address in entrance:
        found += bare_of(visit().get(address, follow=True), data, address)
    for name in inside:
        found += bare_of(client.get(reverse(name), follow=True), data, name)
    found += bare_of(visit().get(f"/accounts/password/reset/key/{key}/", follow=True), data, "new password")
    assert found == [], "\n".join(found)


def test_no_step_of_a_code_or_a_second_factor_holds_a_text_that_cannot_be_translated(marked: None) -> None:
    person = verified()
    data, found = known(person), []
    for name, given in (
        ("account_signup", {"email": "new@example.org", "password1": "short"}),
        ("account_signup", {"email": "new@example.org", "password1": PASSWORD}),
        ("account_request_login_code", {"email": person.email}),
        ("account_login", {"login": person.email, "password": "wrong"}),
        ("account_reset_password", {"email": person.email}),
    ):
        client = visit()
        found += bare_of(client.post(reverse(name), given, follow=True), [*data, "new@example.org"], name)
    TOTP.activate(person, "A" * 16)
    RecoveryCodes.activate(person)
    answer = visit().post(
        reverse("account_login"), {"login": person.email, "password": PASSWORD}, follow=True
    )
    assert answer.redirect_chain[-1][0].startswith(reverse("mfa_authenticate"))
    found += bare_of(answer, data, "second factor")
    client = visit(person)
    for name in (
        "mfa_index",
        "mfa_generate_recovery_codes",
        "mfa_view_recovery_codes",
        "mfa_deactivate_totp",
    ):
        found += bare_of(client.get(reverse(name), follow=True), data, name)
    assert found == [], "\n".join(found)


def test_no_page_of_an_error_holds_a_text_that_cannot_be_translated(marked: None, settings: Any) -> None:
    settings.DEBUG = False
    person = verified()
    request = RequestFactory().get("/somewhere/")
    found = []
    for user in (None, person):
        found += bare_of(visit(user).get(f"/applications/{uuid.uuid4()}/"), known(person), "404")
        strict = Client(enforce_csrf_checks=True)
        if user:
            strict.force_login(user)
        refused = strict.post(reverse("account_login"), {})
        assert refused.status_code == 403
        found += bare_of(refused, known(person), "403 csrf")
        request.user = user or AnonymousUser()
        for name in ("400.html", "403.html", "429.html", "500.html"):
            found += bare_text(render_to_string(name, {}, request=request), known(person), name)
    assert found == [], "\n".join(found)
