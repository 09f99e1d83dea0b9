"""Attached files and shared applications over the API: the same checks and the same people as on the pages."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from applications import collaborators, intake
from applications.models import Application, Attachment, AttachmentState, Right
from applications.views import files as file_pages
from portal import clock
from portal.models import Scope
from tests.factories.amending import BEGUN, Awarded
from tests.factories.api import Caller
from tests.factories.applications import (
    BEFORE,
    CUT_OFF,
    make_draft,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.files import EICAR, ask, make_attachment, pdf, picture
from tests.factories.sharing import share, verified

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def draft() -> Application:
    program = make_program()
    ask(program)
    return make_draft(program, applicant=verified())


def upload(
    caller: Caller,
    application: Application,
    *,
    name="map.png",
    content: bytes | None = None,
    key="files",
    at=BEFORE,
):
    file = SimpleUploadedFile(name, picture() if content is None else content)
    with clock.set_to(at):
        return caller.client.post(
            f"/api/v1/applications/{application.public_id}/attachments/{key}",
            {"file": file},
            headers=caller.headers,
        )


def listed(caller: Caller, application: Application) -> Any:
    return caller.get(f"/applications/{application.public_id}/attachments")


# --- Files --------------------------------------------------------------------------------------------------------------


def test_attach_list_download_and_take_out(draft) -> None:
    caller = Caller(draft.applicant)

    made = upload(caller, draft, name="plan.pdf", content=pdf(2))

    assert made.status_code == 201
    told = made.json()
    assert (told["question"], told["name"], told["content_type"], told["pages"]) == (
        "files",
        "plan.pdf",
        "application/pdf",
        2,
    )
    assert listed(caller, draft).json() == {"attachments": [told]}
    got = caller.get(f"/attachments/{told['id']}")
    content = b"".join(got.streaming_content)
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    assert got["Content-Type"] == "application/octet-stream"
    assert got["Content-Disposition"] == 'attachment; filename="plan.pdf"'
    assert "sandbox" in got["Content-Security-Policy"]
    assert caller.get(f"/applications/{draft.public_id}").json()["answers"]["files"] == [told["id"]]

    assert caller.ask("DELETE", f"/attachments/{told['id']}").status_code == 204
    assert caller.ask("DELETE", f"/attachments/{told['id']}").status_code == 404
    assert listed(caller, draft).json() == {"attachments": []}
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("plan.pdf", EICAR, "The name says PDF"),
        ("map.png", b"", "empty"),
        ("map.svg", b"<svg/>", "Save it as PNG or JPEG"),
        ("map.pdf", picture(), "ends in .pdf"),
    ],
)
def test_the_checks_are_those_of_the_pages(draft, name, content, words) -> None:
    answer = upload(Caller(draft.applicant), draft, name=name, content=content)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "refused")
    assert words in answer.json()["error"]["message"]
    assert not Attachment.objects.exists()


def test_so_many_an_hour_and_no_more(draft, monkeypatch) -> None:
    monkeypatch.setattr("applications.views.api_files.UPLOADS_PER_HOUR", 1)
    caller = Caller(draft.applicant)
    assert upload(caller, draft).status_code == 201

    answer = upload(caller, draft)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_often")
    assert int(answer["Retry-After"]) > 0
    assert file_pages.UPLOADS_PER_HOUR == 30


def test_a_question_without_files_is_not_there_and_a_body_without_a_file_is_invalid(draft) -> None:
    caller = Caller(draft.applicant)

    assert upload(caller, draft, key="title").status_code == 404
    assert upload(caller, draft, key="nothing").status_code == 404
    empty = caller.ask("POST", f"/applications/{draft.public_id}/attachments/files", {"file": "x"})
    assert (empty.status_code, set(empty.json()["error"]["fields"])) == (422, {"file"})


def test_after_the_cut_off_nothing_comes_and_nothing_goes() -> None:
    program = make_program()
    ask(program)
    draft = make_draft(program)
    row = make_attachment(draft)
    intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    caller = Caller(draft.applicant)
    before = CUT_OFF - timedelta(minutes=1)

    assert upload(caller, draft, at=before).status_code == 201
    for answer in (
        upload(caller, draft, at=CUT_OFF),
        caller.ask("DELETE", f"/attachments/{row.public_id}", at=CUT_OFF),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "closed")
    assert caller.get(f"/attachments/{row.public_id}", at=CUT_OFF).status_code == 200


def test_what_waits_for_the_scanner_is_listed_and_read_by_nobody(draft) -> None:
    row = make_attachment(draft)
    Attachment.objects.filter(pk=row.pk).update(state=AttachmentState.WAITING)
    caller = Caller(draft.applicant)

    assert listed(caller, draft).json()["attachments"][0]["state"] == "waiting"
    assert caller.get(f"/attachments/{row.public_id}").status_code == 404


@pytest.mark.parametrize("who", ["stranger", "reviewer", "manager", "former", "reader"])
def test_nobody_else_gets_in(draft, who) -> None:
    """Reviewers read files on their pages; a token opens nothing on the staff side."""
    row = make_attachment(draft)
    person = make_member(draft.program) if who in ("reviewer", "manager") else verified()
    if who == "former":
        place = share(draft, person, Right.EDIT)
        collaborators.end(collaborator_id=place.pk, by=draft.applicant, at=BEFORE)
    caller = Caller(person, scope=Scope.READ) if who == "reader" else Caller(person)

    assert listed(caller, draft).status_code == 404
    assert caller.get(f"/attachments/{row.public_id}").status_code == 404
    expected = 403 if who == "reader" else 404
    assert upload(caller, draft).status_code == expected
    assert caller.ask("DELETE", f"/attachments/{row.public_id}").status_code == expected
    assert Attachment.objects.count() == 1


# --- Shared applications ------------------------------------------------------------------------------------------------


def test_what_others_share_is_listed_with_the_right_and_the_name(draft) -> None:
    editor, viewer = verified(), verified()
    share(draft, editor, Right.EDIT), share(draft, viewer)

    rows = {
        who: Caller(user).get("/applications").json()["applications"]
        for who, user in {"own": draft.applicant, "edit": editor, "view": viewer}.items()
    }

    assert {who: found[0]["right"] for who, found in rows.items()} == {
        "own": "own",
        "edit": "edit",
        "view": "view",
    }
    assert {who: found[0]["shared_by"] for who, found in rows.items()} == {
        "own": None,
        "edit": draft.applicant.name,
        "view": draft.applicant.name,
    }
    assert {who: (found[0]["can_edit"], found[0]["can_withdraw"]) for who, found in rows.items()} == {
        "own": (True, True),
        "edit": (True, False),
        "view": (False, False),
    }


def test_an_editor_changes_answers_and_files_and_sends_nothing(draft) -> None:
    editor = verified()
    share(draft, editor, Right.EDIT)
    caller, path = Caller(editor), f"/applications/{draft.public_id}"

    version = caller.get(path).json()["version"]
    assert (
        caller.patch(f"{path}/answers", {"version": version, "answers": {"title": "Ours"}}).status_code == 200
    )
    made = upload(caller, draft)
    assert made.status_code == 201
    assert caller.ask("DELETE", f"/attachments/{made.json()['id']}").status_code == 204
    assert caller.post(f"{path}/submit").status_code == 404
    assert caller.post(f"{path}/withdraw").status_code == 404


def test_a_reader_reads_answers_and_files_and_changes_nothing(draft) -> None:
    viewer, row = verified(), make_attachment(draft)
    share(draft, viewer)
    caller, path = Caller(viewer), f"/applications/{draft.public_id}"

    assert caller.get(path).json()["answers"]["title"] == draft.answers["title"]
    assert caller.get(path).json()["problems"] == {}
    assert caller.get(f"/attachments/{row.public_id}").status_code == 200
    assert caller.patch(f"{path}/answers", {"version": 1, "answers": {"title": "Mine"}}).status_code == 404
    assert upload(caller, draft).status_code == 404
    assert caller.ask("DELETE", f"/attachments/{row.public_id}").status_code == 404


def test_the_list_stays_cheap(django_assert_max_num_queries) -> None:
    viewer = verified()
    for _ in range(6):
        share(make_submitted(make_program()), viewer)
    caller = Caller(viewer)

    with django_assert_max_num_queries(15):
        assert caller.get("/applications").json()["count"] == 6


# --- Updated applications -----------------------------------------------------------------------------------------------


def test_an_update_names_its_award_and_may_leave_the_amount_empty() -> None:
    world = Awarded()
    draft = world.begin()
    caller = Caller(world.holder)

    told = caller.get(f"/applications/{draft.public_id}", at=BEGUN).json()

    assert told["amends"] == world.application.reference
    assert told["problems"] == {}
    assert caller.get(f"/applications/{world.application.public_id}", at=BEGUN).json()["amends"] is None
    sent = caller.post(f"/applications/{draft.public_id}/submit", at=BEGUN)
    assert (sent.status_code, sent.json()["phase"]) == (200, "open")


def test_a_new_draft_is_not_the_draft_of_an_update() -> None:
    world = Awarded()
    world.begin()

    made = Caller(world.holder).post("/applications", {"program": world.program.slug}, at=BEGUN)

    assert (made.status_code, made.json()["amends"]) == (201, None)


def test_a_strangers_list_is_empty(draft) -> None:
    assert Caller(make_user()).get("/applications").json() == {"count": 0, "applications": []}
