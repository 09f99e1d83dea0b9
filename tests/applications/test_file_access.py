"""Who may have an attached file, and how it is handed over."""

import pytest

from applications import attachments, file_access, intake
from applications.models import Application, Attachment, Collaborator
from portal.models import User
from portal.roles import Role
from tests.factories.applications import (
    BEFORE,
    make_batch,
    make_draft,
    make_member,
    make_program,
    make_superuser,
    make_user,
)
from tests.factories.files import FILES, ask, make_attachment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def draft() -> Application:
    program = make_program()
    ask(program)
    return make_draft(program)


@pytest.fixture
def sent() -> Application:
    """An application with a file, under review by one of two reviewers."""
    return under_review()


def under_review(**rules: object) -> Application:
    program = make_program(reviews_wanted=1, **rules)
    ask(program)
    make_member(program, email="first@desk.example.org")
    make_member(program, Role.SCREENER, email="screener@desk2.example.org")
    make_member(program, Role.MANAGER, email="manager@desk3.example.org")
    draft = make_draft(program)
    make_attachment(draft, name="canary-name.png")
    application = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    make_batch(program, submitted=[application])
    application.refresh_from_db()
    return application


def reader(sent, name):
    people = {
        "owner": lambda: sent.applicant,
        "stranger": make_user,
        "superuser": make_superuser,
        "unassigned": lambda: make_member(sent.program),
        "elsewhere": lambda: make_member(make_program(), Role.MANAGER),
        "finance": lambda: make_member(sent.program, Role.FINANCE),
        "colleague": lambda: make_member(
            sent.program, Role.MANAGER, email=f"colleague@{sent.applicant.email_domain}"
        ),
    }
    return people[name]() if name in people else User.objects.get(email__startswith=f"{name}@")


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("owner", True),
        ("first", True),
        ("screener", True),
        ("manager", True),
        ("superuser", True),
        ("stranger", False),
        ("unassigned", False),
        ("elsewhere", False),
        ("finance", False),
        ("colleague", False),
    ],
)
def test_a_file_is_read_by_those_who_may_see_its_application(sent, client, name, may):
    attachment = Attachment.objects.get()
    user = reader(sent, name)
    client.force_login(user)

    response = client.get(f"/applications/files/{attachment.public_id}/")

    assert file_access.may_read(user, attachment) is may
    assert response.status_code == (200 if may else 404)
    if not may:
        missing = client.get("/applications/files/00000000-0000-4000-8000-000000000000/")
        assert response.content == missing.content


def test_nobody_reads_without_signing_in(sent, client):
    response = client.get(f"/applications/files/{Attachment.objects.get().public_id}/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_file_is_saved_and_never_opened_here(sent, client):
    client.force_login(sent.applicant)
    response = client.get(f"/applications/files/{Attachment.objects.get().public_id}/")

    assert response["Content-Disposition"] == 'attachment; filename="canary-name.png"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"] == "no-store, private"
    assert b"".join(response.streaming_content)[:8] == b"\x89PNG\r\n\x1a\n"


def test_no_name_breaks_the_header(draft, client):
    attachment = make_attachment(draft, name='a";\r\nX-Evil: 1; “地図”.png')
    client.force_login(draft.applicant)

    response = client.get(f"/applications/files/{attachment.public_id}/")

    assert "X-Evil" not in response.headers
    assert response["Content-Disposition"].startswith("attachment; filename")


def test_a_blind_look_hides_the_name(client):
    sent = under_review(blind_first_look=True)
    attachment = Attachment.objects.get()
    client.force_login(reader(sent, "first"))

    response = client.get(f"/applications/files/{attachment.public_id}/")
    page = client.get(f"/admin/applications/application/{sent.pk}/change/", follow=True).content.decode()

    assert response["Content-Disposition"] == 'attachment; filename="attachment-1.png"'
    assert "canary-name" not in page
    assert "attachment-1.png" in page
    assert "Not scanned" in page


def test_a_file_in_an_identifying_answer_waits_for_the_second_look(client):
    program = make_program(reviews_wanted=1, blind_first_look=True)
    ask(program, FILES | {"blind": True})
    reviewer, manager = make_member(program), make_member(program, Role.MANAGER)
    draft = make_draft(program)
    attachment = make_attachment(draft)
    make_batch(program, submitted=[intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)])

    assert not file_access.may_read(reviewer, attachment)
    assert file_access.may_read(manager, attachment)


def test_a_file_for_screeners_is_for_screeners(client):
    program = make_program(reviews_wanted=1)
    ask(program, FILES | {"audience": "screener"})
    reviewer, screener = make_member(program), make_member(program, Role.SCREENER)
    draft = make_draft(program)
    attachment = make_attachment(draft)
    make_batch(program, submitted=[intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)])

    assert not file_access.may_read(reviewer, attachment)
    assert file_access.may_read(screener, attachment)


def test_staff_read_no_draft_and_nothing_that_was_taken_out(draft):
    manager = make_member(draft.program, Role.MANAGER)
    attachment = make_attachment(draft)
    assert not file_access.may_read(manager, attachment)

    intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    assert file_access.may_read(manager, attachment)
    attachments.remove(attachment_id=attachment.pk, by=draft.applicant, at=BEFORE)
    assert not file_access.may_read(manager, attachment)
    assert file_access.may_read(draft.applicant, attachment)


def test_the_review_page_lists_files_with_their_state(sent, client):
    client.force_login(reader(sent, "manager"))
    page = client.get(f"/admin/applications/application/{sent.pk}/change/", follow=True).content.decode()

    assert "canary-name.png" in page
    assert f"/applications/files/{Attachment.objects.get().public_id}/" in page
    assert "PNG, 1 kB. Not scanned" in page


@pytest.mark.parametrize(("right", "may_attach"), [("view", False), ("edit", True)])
def test_files_are_shared_with_the_application(draft, client, right, may_attach):
    attachment, friend = make_attachment(draft), make_user()
    place = Collaborator.objects.create(
        application=draft, email=friend.email, right=right, user=friend, invited_by=draft.applicant,
        invited_at=BEFORE, accepted_at=BEFORE,
    )  # fmt: skip
    client.force_login(friend)

    assert file_access.may_read(friend, attachment)
    removed = client.post(f"/applications/files/{attachment.public_id}/remove/")
    assert removed.status_code == (200 if may_attach else 404)
    place.ended_at, place.ended_by = BEFORE, draft.applicant
    place.save()
    assert not file_access.may_read(friend, attachment)
