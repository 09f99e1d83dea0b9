"""Which language a page and a letter have, the switch, and that no page holds a text that cannot be translated."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django_countries import countries

from applications import forms, notices
from applications.models import Collaborator, Notice, Right
from portal import clock, languages
from portal.roles import Role
from programs import translations
from programs.models import MessageKind
from tests.applications.test_silence import FEW, Watched
from tests.factories.applications import (
    AFTER,
    BEFORE,
    make_draft,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.evaluation import Evaluation
from tests.factories.sharing import share, verified

pytestmark = pytest.mark.django_db

DIRECTORY = "programs:directory"


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    translation.activate("en")


def visit(user: Any = None, language: str = "") -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    if language:
        client.cookies["django_language"] = language
    return client


def lang(page: Any) -> str:
    found = re.search(r'<html lang="(\w+)"', page.content.decode())
    assert found
    return found[1]


# --- Which language -----------------------------------------------------------------------------------------------------


def test_a_page_has_the_language_of_the_browser_unless_one_was_chosen() -> None:
    client = Client(headers={"accept-language": "es-MX,es;q=0.9,en;q=0.5"})

    asked = client.get(reverse(DIRECTORY))
    client.cookies["django_language"] = "en"
    chosen = client.get(reverse(DIRECTORY))

    assert (lang(asked), asked["Content-Language"]) == ("es", "es")
    assert (lang(chosen), chosen["Content-Language"]) == ("en", "en")
    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in asked["Vary"].split(",")}


def test_an_unknown_language_reads_english() -> None:
    assert lang(Client(headers={"accept-language": "ja"}).get(reverse(DIRECTORY))) == "en"
    assert lang(visit(language="xx").get(reverse(DIRECTORY))) == "en"


def test_the_switch_works_without_a_script_and_leads_back_to_the_page() -> None:
    make_program(slug="here")
    client = Client()
    page = client.get("/programs/here/?q=pen")
    assert 'name="next" value="/programs/here/?q=pen"' in page.content.decode()
    assert (
        '<button type="submit" name="language" value="es" lang="es" aria-pressed="false">Español</button>'
        in (page.content.decode())
    )

    answer = client.post(reverse("set_language"), {"language": "es", "next": "/programs/here/?q=pen"})

    assert (answer.status_code, answer["Location"]) == (302, "/programs/here/?q=pen")
    assert lang(client.get("/programs/here/")) == "es"
    cookie = client.cookies["django_language"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_the_switch_never_leads_away_and_takes_no_other_language() -> None:
    client = Client()
    answer = client.post(reverse("set_language"), {"language": "es", "next": "https://evil.example.com/"})
    client.post(reverse("set_language"), {"language": "zz"})

    assert answer["Location"] == "/"
    assert client.cookies["django_language"].value == "es"


def test_a_form_from_elsewhere_changes_nothing() -> None:
    user = make_user()
    client = visit(user)

    answer = client.post(
        reverse("set_language"), {"language": "es"}, headers={"sec-fetch-site": "cross-site"}
    )

    user.refresh_from_db()
    assert (answer.status_code, user.language) == (403, "")
    assert "django_language" not in client.cookies


def test_an_account_remembers_the_choice_on_other_devices() -> None:
    user = make_user()
    visit(user).post(reverse("set_language"), {"language": "es"})

    user.refresh_from_db()
    assert user.language == "es"
    assert lang(visit(user).get(reverse("applications:mine"))) == "es"
    assert lang(visit(user, "en").get(reverse("applications:mine"))) == "en"


def test_the_language_of_signing_up_is_kept() -> None:
    client = visit(language="es")
    client.post(
        reverse("account_signup"), {"email": "ana@example.org", "password1": "correct horse battery staple"}
    )

    from portal.models import User

    assert User.objects.get(email="ana@example.org").language == "es"
    assert mail.outbox[-1].subject == "Confirme su dirección"
    assert "escriba este código" in mail.outbox[-1].body


def test_the_staff_side_and_the_api_stay_english() -> None:
    program = make_program()
    manager = make_member(program, Role.MANAGER)
    client = visit(manager, "es")

    assert lang(client.get(reverse("admin:programs_program_changelist"))) == "en"
    assert client.get(reverse("api:programs"))["Content-Language"] == "en"


# --- Letters ------------------------------------------------------------------------------------------------------------


def letter(kind: MessageKind, application: Any) -> tuple[str, str]:
    return notices.render(Notice.objects.get(kind=kind, application=application))


def test_a_letter_comes_in_the_language_of_its_reader_with_its_dates() -> None:
    program = make_program(name="Crédits")
    program.message_templates.create(
        kind=MessageKind.RECEIPT,
        language="es",
        subject="La tenemos",
        body="Se evalúa el {evaluation_date}. {program}",
    )
    program.message_templates.filter(kind=MessageKind.RECEIPT, language="en").update(
        body="On {evaluation_date}."
    )
    spanish, english = make_user(), make_user()
    languages.keep(user=spanish, language="es")

    assert letter(MessageKind.RECEIPT, make_submitted(program, applicant=spanish)) == (
        "La tenemos",
        "Se evalúa el lunes 7 de diciembre de 2026. Crédits\n",
    )
    assert (
        "Monday 7 December 2026" in letter(MessageKind.RECEIPT, make_submitted(program, applicant=english))[1]
    )


def test_a_letter_that_is_not_translated_is_english_throughout() -> None:
    person = make_user()
    languages.keep(user=person, language="es")
    program = make_program()
    program.message_templates.filter(kind=MessageKind.RECEIPT).update(body="On {evaluation_date}.")
    subject, body = letter(MessageKind.RECEIPT, make_submitted(program, applicant=person))

    assert "Monday 7 December 2026" in body
    assert "diciembre" not in subject + body


def test_an_invitation_speaks_the_language_of_who_invites() -> None:
    program = make_program()
    program.message_templates.filter(kind=MessageKind.INVITATION).delete()
    owner = verified()
    languages.keep(user=owner, language="es")
    draft = make_draft(program, applicant=owner)
    place = Collaborator.objects.create(
        application=draft, email="new@example.org", right=Right.EDIT, invited_by=owner, invited_at=BEFORE
    )
    notice = Notice(
        kind=MessageKind.INVITATION,
        program=program,
        application=draft,
        values={"collaborator": place.pk},
        address="new@example.org",
    )

    subject, body = notices.render(notice)

    assert subject.startswith("Una invitación a una solicitud")
    assert "leer y modificar" in body


def test_the_zone_and_the_day_are_said_in_spanish() -> None:
    from datetime import UTC, date, datetime

    from portal import texts

    with translation.override("es"):
        assert texts.day_long(date(2026, 12, 7)) == "lunes 7 de diciembre de 2026"
        assert texts.moment(datetime(2026, 12, 7, 8, tzinfo=UTC), "America/Los_Angeles") == (
            "lun 7 dic 2026, 00:00 hora del Pacífico (08:00 UTC)"
        )
    assert texts.day_long(date(2026, 12, 7)) == "Monday 7 December 2026"


# --- The main flow in Spanish -------------------------------------------------------------------------------------------


def test_from_the_front_door_to_the_receipt_in_spanish() -> None:
    program = make_program(slug="here")
    person = verified()
    client = visit(person, "es")
    with clock.set_to(BEFORE):
        assert "Créditos para investigar" in client.get(reverse(DIRECTORY)).content.decode()
        assert "¿Para qué se usarán los créditos?" in client.get(reverse("programs:router")).content.decode()
        assert "Cómo decidimos" in client.get("/programs/here/").content.decode()
        start = client.get(reverse("applications:start", args=["here"]))
        assert "Compruebe si encaja" in start.content.decode()
        draft = make_draft(program, applicant=person, title="")
        part = next(part["key"] for part in draft.form_version.sections if "title" in str(part["questions"]))
        wrong = client.get(reverse("applications:section", args=[draft.public_id, part]) + "?fix=1")
        assert "Rellene este campo." in wrong.content.decode()
        refused = client.post(reverse("applications:review_and_send", args=[draft.public_id]))
        assert "Queda una cosa por hacer" in refused.content.decode()
        draft.answers["title"] = "Suelos"
        draft.save()
        client.post(reverse("applications:review_and_send", args=[draft.public_id]))
        status = client.get(reverse("applications:status", args=[draft.public_id])).content.decode()
    assert "La tenemos. Se evaluará el lunes 7 de diciembre de 2026." in " ".join(status.split())
    assert "hora del Pacífico" in status


class Spanish(Watched):
    """Everybody who may look at an application, with Spanish chosen."""

    @contextmanager
    def visit(self, user: Any, at: Any) -> Iterator[Client]:
        with super().visit(user, at) as client:
            client.cookies["django_language"] = "es"
            yield client


@pytest.mark.slow
def test_silence_is_honest_in_spanish_too() -> None:
    watched = Spanish()
    received = watched.see(AFTER, *FEW)
    for step in (Watched.to_review, Watched.award, Watched.decline, Watched.release):
        step(watched)
        assert watched.see(AFTER, *FEW) == received


# --- Every page, in a language that marks what was translated -----------------------------------------------------------

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
    seen = Seen(data)
    seen.feed(answer.content.decode())
    return [f"{address}: {text}" for text in seen.bare]


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
    with clock.set_to(AFTER):
        for name in ("status", "award"):
            found += bare(mine, reverse(f"applications:{name}", args=[id_]), data)
        grant = world.application.decisions.get(state="released").grant
        found += bare(mine, reverse("credits:grant", args=[grant.uuid]), data)
    assert found == []


def test_the_walk_notices_a_text_without_marks() -> None:
    seen = Seen(["Data"])
    seen.feed(f'<p title="Not marked">{OPEN}Marked <b>too</b>{SHUT} Data 7 UTC</p><p>Plain words</p>')
    assert seen.bare == ["Not marked", "Plain words"]
