"""Attaching and taking out files: by the form of a section without scripts, and by the scripts' own addresses."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from applications import intake
from applications.models import Application, Attachment
from applications.views import files as views
from portal import clock, uploads
from tests.factories.applications import AFTER, BEFORE, make_draft, make_program, make_user
from tests.factories.files import ask, make_attachment, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture(autouse=True)
def _at_a_time():
    with clock.set_to(BEFORE):
        yield


@pytest.fixture
def draft() -> Application:
    program = make_program()
    ask(program)
    return make_draft(program)


@pytest.fixture
def owner(client: Client, draft: Application) -> Client:
    client.force_login(draft.applicant)
    return client


def upload(name: str = "map.png", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture() if content is None else content)


def section(draft: Application) -> str:
    return reverse("applications:section", args=[draft.public_id, "you"])


def typed(draft: Application, **more: object) -> dict[str, object]:
    return {"institution": "Typed just now", "country": "US", "version": draft.answers_version, **more}


# --- The form, without scripts --------------------------------------------------------------------------------------------------


def test_the_form_sends_files_and_says_what_it_takes(owner, draft):
    page = owner.get(section(draft)).content.decode()

    assert 'enctype="multipart/form-data"' in page
    assert "PDF, PNG or JPEG; up to 3 files of 2 MB." in page
    assert '<button class="btn btn-quiet btn-sm" type="submit" name="attach" value="files">' in page
    assert "js/attachments.js" in page
    other = owner.get(reverse("applications:section", args=[draft.public_id, "research"])).content.decode()
    assert "multipart" not in other
    assert "js/attachments.js" not in other
    assert "js/institution.js" not in other


def test_attaching_keeps_what_is_typed_and_comes_back(owner, draft):
    files = [upload(), upload("two.png")]
    response = owner.post(section(draft), typed(draft, attach="files", files=files))

    assert response.status_code == 302
    assert response["Location"] == f"{section(draft)}#div_id_files"
    draft.refresh_from_db()
    assert draft.answers["institution"] == "Typed just now"
    assert len(draft.answers["files"]) == 2
    page = owner.get(section(draft)).content.decode()
    assert "map.png" in page
    assert "PNG, 1 kB. Checked and attached" in page


def test_a_required_question_does_not_stop_an_attachment(owner, draft):
    response = owner.post(section(draft), typed(draft, institution="", attach="files", files=[upload()]))

    assert response.status_code == 302


def test_a_file_that_was_chosen_goes_along_with_save(owner, draft):
    response = owner.post(section(draft), typed(draft, files=[upload()]))

    assert response["Location"].endswith("/research/")
    assert Attachment.objects.count() == 1


def test_a_refused_file_is_named_and_the_others_are_attached(owner, draft):
    files = [upload(), upload("notes.docx", b"PK\x03\x04"), upload("<b>evil.png", b"<svg>")]
    response = owner.post(section(draft), typed(draft, files=files))

    page = response.content.decode()
    assert response.status_code == 200
    assert "notes.docx" in page
    assert "Not attached: Documents of this kind are not accepted. Save it as a PDF and add that." in page
    assert "&lt;b&gt;evil.png" in page
    assert "<b>evil" not in page
    draft.refresh_from_db()
    assert len(draft.answers["files"]) == 1
    assert draft.answers["institution"] == "Typed just now"


def test_attaching_nothing_is_explained(owner, draft):
    page = owner.post(section(draft), typed(draft, attach="files")).content.decode()
    assert "Choose a file first, then attach it." in page


def test_taking_out_keeps_what_is_typed(owner, draft):
    attachment = make_attachment(draft)

    response = owner.post(section(draft), typed(draft, detach=str(attachment.public_id)))

    assert response.status_code == 302
    draft.refresh_from_db()
    assert (draft.answers["files"], draft.answers["institution"]) == (None, "Typed just now")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("junk", ["", "x", "00000000-0000-4000-8000-000000000000", "\x00", "' or 1=1"])
def test_taking_out_what_is_not_there_does_nothing(owner, draft, junk):
    make_attachment(draft)
    assert owner.post(section(draft), typed(draft, detach=junk)).status_code in (200, 302)
    assert Attachment.objects.count() == 1


def test_nobody_takes_out_the_file_of_another_application(owner, draft):
    other = make_draft(draft.program)
    attachment = make_attachment(other)

    owner.post(section(draft), typed(draft, detach=str(attachment.public_id)))

    assert Attachment.objects.count() == 1


def test_a_sent_application_takes_files_and_text_at_once(owner, draft):
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    response = owner.post(section(sent), typed(sent, files=[upload()]))

    assert response.status_code == 302
    sent.refresh_from_db()
    assert (len(sent.answers["files"]), sent.answers["institution"]) == (1, "Typed just now")


def test_a_request_that_is_too_large_is_explained(owner, draft, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST_BODY", 50_000)
    large = upload(content=b"\x89PNG\r\n\x1a\n" + b"0" * 100_000)

    page = owner.post(section(draft), typed(draft, attach="files", files=[large])).content.decode()

    assert "too large to be sent" in page
    draft.refresh_from_db()
    assert draft.answers["institution"] == "Typed just now"
    assert not Attachment.objects.exists()


def test_files_appear_where_the_application_is_read_through(owner, draft):
    make_attachment(draft, name="canary.png")
    page = owner.get(reverse("applications:review_and_send", args=[draft.public_id])).content.decode()
    assert "canary.png" in page
    intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    page = owner.get(reverse("applications:status", args=[draft.public_id])).content.decode()
    assert "canary.png" in page


# --- The addresses of the scripts -------------------------------------------------------------------------------------------------


def attach_address(draft: Application, key: str = "files") -> str:
    return reverse("applications:attach", args=[draft.public_id, key])


def test_a_script_attaches_and_takes_out(owner, draft):
    made = owner.post(attach_address(draft), {"file": upload()})

    assert made.status_code == 201
    body = made.json()
    attachment = Attachment.objects.get()
    assert body == {
        "id": str(attachment.public_id),
        "name": "map.png",
        "what": "PNG, 1 kB. Checked and attached",
        "readable": True,
        "from": draft.answers_version,
        "version": draft.answers_version,
    }
    gone = owner.post(reverse("applications:detach", args=[attachment.public_id]))
    assert (gone.status_code, Attachment.objects.count()) == (200, 0)


def test_a_draft_with_text_saved_elsewhere_keeps_its_number(owner, draft):
    """An upload must not hand a stale page the number that its text is missing."""
    intake.save_answers(
        application_id=draft.pk,
        changes={"institution": "Elsewhere"},
        version=None,
        by=draft.applicant,
        at=BEFORE,
    )
    body = owner.post(attach_address(draft), {"file": upload()}).json()
    assert body["from"] == body["version"] == draft.answers_version + 1


def test_each_file_of_a_sent_application_is_a_change(owner, draft):
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    body = owner.post(attach_address(sent), {"file": upload()}).json()

    assert body["version"] == body["from"] + 1


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (None, "No file arrived"),
        (upload("a.png", b""), "is empty"),
        (upload("a.svg", b"<svg/>"), "Save it as PNG or JPEG"),
    ],
)
def test_a_script_is_told_why_not(owner, draft, file, words):
    response = owner.post(attach_address(draft), {"file": file} if file else {})
    assert response.status_code == 422
    assert words in response.json()["error"]


def test_uploads_have_a_limit_of_their_own(owner, draft, monkeypatch):
    monkeypatch.setattr(views, "UPLOADS_PER_HOUR", 1)
    assert owner.post(attach_address(draft), {"file": upload()}).status_code == 201
    assert owner.post(attach_address(draft), {"file": upload()}).status_code == 429


def test_other_questions_take_no_file(owner, draft):
    assert owner.post(attach_address(draft, "title"), {"file": upload()}).status_code == 404


def test_strangers_and_visitors_attach_nothing(client, draft):
    attachment = make_attachment(draft)
    addresses = (attach_address(draft), reverse("applications:detach", args=[attachment.public_id]))
    assert [client.post(address, {"file": upload()}).status_code for address in addresses] == [401, 401]
    client.force_login(make_user())
    assert [client.post(address, {"file": upload()}).status_code for address in addresses] == [404, 404]
    assert Attachment.objects.count() == 1


def test_after_the_cut_off_every_state_answers_alike(owner, draft):
    attachment = make_attachment(draft)
    intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    with clock.set_to(AFTER):
        answers = [
            owner.post(attach_address(draft), {"file": upload()}),
            owner.post(reverse("applications:detach", args=[attachment.public_id])),
        ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(409, {"error": views.CLOSED})] * 2


def test_the_token_is_needed(draft):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(draft.applicant)
    assert strict.post(attach_address(draft), {"file": upload()}).status_code == 403


# --- The institution, without scripts ------------------------------------------------------------------------------------------------


def test_an_institution_is_a_line_that_takes_any_text(owner, draft):
    owner.post(section(draft), typed(draft, place="  My own   garage "))

    draft.refresh_from_db()
    assert draft.answers["place"] == {"name": "My own garage", "ror_id": None, "country": None}
    page = owner.get(section(draft)).content.decode()
    assert 'name="place" id="id_place" autocomplete="organization"' in page
    assert 'value="My own garage"' in page


@pytest.mark.parametrize(
    "chosen", ["", "{", "[]", "5", '{"name": 5}', '{"name": "Other", "ror_id": "042nb2s44"}', "x" * 5_000]
)
def test_what_was_chosen_counts_only_with_its_name(owner, draft, chosen):
    owner.post(section(draft), typed(draft, place="My garage", place_chosen=chosen))

    draft.refresh_from_db()
    assert draft.answers["place"] == {"name": "My garage", "ror_id": None, "country": None}
