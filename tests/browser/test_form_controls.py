"""The two controls with scripts of their own in a real browser: the list of institutions, and attachments."""

from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from playwright.sync_api import expect

from applications import institution_files, institutions, intake
from applications.models import Application, Attachment
from portal import clock
from portal.models import User
from programs.models import Program
from tests.factories.applications import BEFORE, make_draft, make_program, make_user
from tests.factories.files import ask, make_attachment, pdf, picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PASSWORD = "correct horse battery staple"
LIST = b"""\
name,country_iso2,domains,ror_id,types,aliases
ETH Zurich,CH,ethz.ch,05a28rw58,education;funder,ETH
University of Oslo,NO,uio.no,01xtthb56,education;funder,Universitetet i Oslo
Oslo Metropolitan University,NO,oslomet.no,,education,
"""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Program:
    monkeypatch.setattr(clock, "_fixed", BEFORE)
    settings.MEDIA_ROOT = tmp_path / "files"
    found = make_program(slug="ai-for-science", name="AI for Science", accent="ai-for-science")
    ask(found)
    institutions.take_in(institution_files.rows(institution_files.read(LIST, name="list")))
    return found


@pytest.fixture
def person() -> User:
    user = make_user(name="Ansa Merrow")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def draft(program: Program, person: User) -> Application:
    return make_draft(program, applicant=person)


def opened(page: Any, draft: Application, *, key: str = "you") -> Any:
    page.goto("/accounts/login/")
    page.fill("[name=login]", draft.applicant.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/applications/")
    page.goto(reverse("applications:section", args=[draft.public_id, key]))
    return page


def saved_answers(draft: Application) -> dict[str, Any]:
    draft.refresh_from_db()
    return draft.answers


# --- Institutions -------------------------------------------------------------------------------------------------------------


def test_an_institution_is_chosen_with_the_keyboard_alone(page, draft) -> None:
    line = opened(page, draft).locator("#id_place")
    expect(line).to_have_attribute("role", "combobox")
    expect(line).to_have_attribute("aria-expanded", "false")

    line.focus()
    page.keyboard.type("univeristy of olso")
    expect(line).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".combo-list [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(line).to_have_attribute("aria-activedescendant", "id_place_list_0")
    assert page.locator("#id_place_list_0").get_attribute("aria-selected") == "true"
    with page.expect_response("**/autosave/"):
        page.keyboard.press("Enter")

    expect(line).to_have_value("University of Oslo")
    expect(line).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#div_id_place [data-known]")).to_contain_text("ROR 01xtthb56")
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert page.url.endswith("/you/")
    assert saved_answers(draft)["place"] == {
        "name": "University of Oslo",
        "ror_id": "01xtthb56",
        "country": "NO",
    }


def test_the_list_follows_the_keys_of_its_pattern(page, draft) -> None:
    line = opened(page, draft).locator("#id_place")
    line.focus()
    page.keyboard.type("oslo")
    expect(page.locator(".combo-list [role=option]")).to_have_count(2)

    def active() -> str | None:
        return line.get_attribute("aria-activedescendant")

    assert active() is None
    page.keyboard.press("ArrowUp")
    assert active() == "id_place_list_1"
    page.keyboard.press("ArrowDown")
    assert active() == "id_place_list_0"
    page.keyboard.press("Home")
    assert active() is None
    page.keyboard.press("Escape")
    expect(line).to_have_attribute("aria-expanded", "false")
    expect(line).to_have_value("oslo")
    page.keyboard.press("ArrowDown")
    expect(line).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(line).to_have_attribute("aria-expanded", "false")
    expect(line).to_have_value("oslo")


def test_an_institution_is_chosen_with_the_mouse_and_typed_over(page, draft) -> None:
    line = opened(page, draft).locator("#id_place")
    line.focus()
    page.keyboard.type("eth")
    page.locator(".combo-list [role=option]", has_text="ETH Zurich").click()
    expect(page.locator("#div_id_place [data-known]")).to_be_visible()

    with page.expect_response("**/autosave/"):
        page.keyboard.type(", my own lab")
        line.blur()

    expect(page.locator("#div_id_place [data-known]")).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("Saved 12:00")
    assert saved_answers(draft)["place"] == {
        "name": "ETH Zurich, my own lab",
        "ror_id": None,
        "country": None,
    }


def test_enter_in_a_line_goes_on_and_neither_leaves_nor_removes(page, draft) -> None:
    make_attachment(draft)
    line = opened(page, draft).locator("#id_place")
    line.focus()
    page.keyboard.type("Nowhere in the list")
    page.keyboard.press("Enter")

    page.wait_for_url("**/research/")
    assert Attachment.objects.count() == 1
    assert saved_answers(draft)["place"]["name"] == "Nowhere in the list"


# --- Attachments ----------------------------------------------------------------------------------------------------------------


def files_on(page: Any) -> Any:
    return page.locator("#div_id_files .files li")


def chosen(name: str, content: bytes, kind: str = "application/octet-stream") -> dict[str, Any]:
    return {"name": name, "mimeType": kind, "buffer": content}


def test_files_are_sent_at_once_and_taken_out_with_the_keyboard(page, draft) -> None:
    opened(page, draft)
    page.set_input_files("#id_files", [chosen("plan.pdf", pdf(8)), chosen("map.png", picture())])

    expect(files_on(page)).to_have_count(2)
    expect(files_on(page).nth(0)).to_contain_text("8 pages. Checked and attached")
    expect(files_on(page).nth(1)).to_contain_text("Checked and attached")
    expect(page.locator("#div_id_files .drop")).to_contain_text("1 of 3 left.")
    assert len(saved_answers(draft)["files"]) == 2

    page.get_by_role("button", name="Remove plan.pdf").focus()
    page.keyboard.press("Enter")
    expect(files_on(page)).to_have_count(1)
    expect(page.locator("#div_id_files [data-said]")).to_have_text("plan.pdf is removed.")
    assert page.evaluate("document.activeElement.textContent") == "Remove map.png"
    assert len(saved_answers(draft)["files"]) == 1

    page.fill("#id_institution", "Typed after it")
    page.click("main form .btn-primary")
    page.wait_for_url("**/research/")
    answers = saved_answers(draft)
    assert (answers["institution"], len(answers["files"])) == ("Typed after it", 1)


def test_a_refused_file_is_explained_and_dismissed(page, draft, browser_errors) -> None:
    opened(page, draft)
    page.set_input_files("#id_files", [chosen("notes.docx", b"PK\x03\x04 words"), chosen("empty.pdf", b"")])

    expect(files_on(page)).to_have_count(2)
    refused = page.locator("#div_id_files li[data-refused]")
    expect(refused.filter(has_text="notes.docx")).to_contain_text(
        "Not attached: Documents of this kind are not accepted."
    )
    expect(refused.filter(has_text="empty.pdf")).to_contain_text("Not attached: The file is empty.")
    page.get_by_role("button", name="Dismiss notes.docx").click()
    page.get_by_role("button", name="Dismiss empty.pdf").click()
    expect(files_on(page)).to_have_count(0)
    assert not Attachment.objects.exists()
    browser_errors[:] = [error for error in browser_errors if not error.startswith("422")]


def test_files_are_dropped_up_to_the_most(page, draft) -> None:
    opened(page, draft)
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            for (const name of ["a.png", "b.png", "c.png", "d.png"])
                data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
            const place = document.querySelector("#div_id_files .drop");
            place.dispatchEvent(new DragEvent("dragover", {dataTransfer: data, bubbles: true, cancelable: true}));
            place.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        list(picture()),
    )

    expect(page.locator("#div_id_files li[data-refused]")).to_contain_text("3 files are the most here.")
    expect(page.locator("#div_id_files button[name=detach]")).to_have_count(3)
    expect(page.locator("#div_id_files .drop")).to_be_hidden()
    assert len(saved_answers(draft)["files"]) == 3


def test_a_file_of_a_sent_application_is_changed_with_its_text(page, draft) -> None:
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    opened(page, sent)
    page.set_input_files("#id_files", [chosen("map.png", picture())])
    expect(files_on(page)).to_contain_text("Checked and attached")

    page.fill("#id_institution", "Changed as well")
    page.click("main form .btn-primary")

    page.wait_for_selector("text=Your change is saved and counts.")
    sent.refresh_from_db()
    assert (sent.answers["institution"], len(sent.answers["files"])) == ("Changed as well", 1)
    assert sent.revisions.count() == 3


def test_a_file_is_saved_to_disk(page, draft) -> None:
    make_attachment(draft, name="karte – ü.png")
    opened(page, draft)
    with page.expect_download() as download:
        page.click("text=karte – ü.png")

    assert download.value.suggested_filename == "karte – ü.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_both_controls_work_without_scripts(new_page, draft) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/accounts/login/")
    page.fill("[name=login]", draft.applicant.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.goto(reverse("applications:section", args=[draft.public_id, "you"]))
    page.fill("#id_place", "eth zürich")
    page.set_input_files("#id_files", [chosen("map.png", picture()), chosen("notes.docx", b"PK")])
    page.click("button[name=attach]")

    expect(files_on(page)).to_have_count(2)
    expect(page.locator("#div_id_files")).to_contain_text("Documents of this kind are not accepted.")
    answers = saved_answers(draft)
    assert answers["place"] == {"name": "eth zürich", "ror_id": "05a28rw58", "country": "CH"}
    assert len(answers["files"]) == 1
    page.click("text=Remove")
    expect(files_on(page)).to_have_count(0)
    page.click("main form .btn-primary")
    page.wait_for_url("**/research/")


# --- Both, seen by axe -------------------------------------------------------------------------------------------------------------


def test_neither_has_a_violation_wide_narrow_light_or_dark(
    new_page, accessible, draft, browser_errors
) -> None:
    make_attachment(draft, name="a-long-name-of-a-file-that-has-no-blank-" * 3 + ".png")
    for width, scheme in ((1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")):
        page = opened(new_page(viewport={"width": width, "height": 900}, color_scheme=scheme), draft)
        page.set_input_files("#id_files", [chosen("notes.docx", b"PK")])
        expect(page.locator("#div_id_files li[data-refused]")).to_be_visible()
        page.locator("#id_place").fill("oslo")
        expect(page.locator(".combo-list [role=option]")).to_have_count(2)
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        accessible(page)
    browser_errors[:] = [error for error in browser_errors if not error.startswith("422")]
