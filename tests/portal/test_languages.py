"""Which language a page and a letter have, the switch, and that no page holds a text that cannot be translated."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import translation

from applications import notices
from applications.models import Collaborator, Notice, Right
from portal import clock, languages
from portal.roles import Role
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
from tests.factories.sharing import verified

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
