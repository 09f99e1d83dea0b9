"""Co-investigators: invitations, access that ends at once, letters nobody can abuse, and conflicts that follow."""

import html
import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from applications import assignment, collaborators, conflicts, decisions, intake, links, notices, release
from applications.collaborators import CannotInvite, CannotJoin, OtherAddress
from applications.models import Application, Collaborator, DecisionState, Notice, Right
from applications.states import State
from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from tests.factories.applications import (
    AFTER,
    BEFORE,
    make_batch,
    make_draft,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.sharing import invite, share, verified

pytestmark = pytest.mark.django_db


def url(name: str, application: Application, *more: str) -> str:
    return reverse(f"applications:{name}", args=[application.public_id, *more])


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(user, address: str, at=BEFORE):
    with clock.set_to(at):
        return client_of(user).get(address)


def post(user, address: str, data=None, at=BEFORE):
    with clock.set_to(at):
        return client_of(user).post(address, data or {})


# --- Inviting -----------------------------------------------------------------------------------------------------------


def test_an_invitation_is_a_letter_with_a_link_for_that_address() -> None:
    draft, guest = make_draft(make_program()), verified()

    place = invite(draft, guest, Right.EDIT)
    notices.send_due(limit=10, at=BEFORE)

    letter = mail.outbox[0]
    assert letter.to == [guest.email]
    assert f"/invitations/{links.invitation_token(place.public_id)}/" in letter.body
    assert "read and edit" in letter.body
    assert draft.applicant.email in letter.body
    assert Notice.objects.get().values == {"collaborator": place.pk}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b",
        "two@example.org, three@example.org",
        "a@example.org\nBcc: b@example.org",
        "x" * 260,
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    draft = make_draft(make_program())

    with pytest.raises(CannotInvite):
        collaborators.invite(
            application_id=draft.pk, email=address, right=Right.VIEW, by=draft.applicant, at=BEFORE
        )

    assert not Notice.objects.filter(kind="invitation").exists()


def test_own_address_twice_and_unknown_rights_are_refused() -> None:
    draft, guest = make_draft(make_program()), make_user()
    invite(draft, guest)
    cases = [(guest.email.upper(), Right.VIEW), (draft.applicant.email, Right.VIEW), ("a@example.org", "all")]

    for email, right in cases:
        with pytest.raises(CannotInvite):
            collaborators.invite(
                application_id=draft.pk, email=email, right=right, by=draft.applicant, at=BEFORE
            )


def test_ten_people_for_an_application_and_twenty_letters_a_day() -> None:
    owner = make_user()
    for number in range(2):
        draft = make_draft(make_program(), applicant=owner)
        for other in range(10):
            invite(draft, make_user(f"p{number}-{other}@many.example.org"))
        with pytest.raises(CannotInvite, match="at most 10 people"):
            invite(draft, make_user())

    third = make_draft(make_program(), applicant=owner)
    with pytest.raises(CannotInvite, match="tomorrow"):
        invite(third, make_user())

    assert invite(third, make_user(), at=BEFORE + timedelta(days=1, minutes=1))


def test_nothing_in_the_letter_of_a_stranger_looks_like_a_link() -> None:
    owner = make_user(name="Win at https://evil.example.net/x or www.evil.net evil.com/go me@evil.com")
    draft = make_draft(make_program(), applicant=owner, title="See evil.org {link}\nBcc: x@evil.org")
    draft.program.message_templates.create(
        kind="invitation", subject="{inviter}: {title}", body="{inviter} {title} {link}"
    )
    invite(draft, make_user())

    notices.send_due(limit=10, at=BEFORE)

    letter = mail.outbox[0]
    text = (letter.subject + letter.body).replace(owner.email, "")
    assert "evil" not in text
    assert "\n" not in letter.subject
    assert len(letter.recipients()) == 1


def test_an_invitation_taken_back_before_it_is_sent_is_never_sent() -> None:
    draft = make_draft(make_program())
    place = invite(draft, make_user())

    collaborators.end(collaborator_id=place.pk, by=draft.applicant, at=BEFORE)
    notices.send_due(limit=10, at=BEFORE)

    assert mail.outbox == []


def test_whether_an_address_has_an_account_makes_no_difference() -> None:
    draft = make_draft(make_program())
    owner = draft.applicant

    known = post(owner, url("people", draft), {"invite": "1", "email": make_user().email, "right": "view"})
    unknown = post(owner, url("people", draft), {"invite": "1", "email": "no@example.org", "right": "view"})

    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


# --- Joining ------------------------------------------------------------------------------------------------------------


def test_accepting_needs_the_verified_invited_address() -> None:
    draft = make_draft(make_program())
    guest, stranger, unverified = verified(), verified(), make_user()
    EmailAddress.objects.create(user=unverified, email=unverified.email, verified=False)
    place, other = invite(draft, guest), invite(draft, unverified)

    for person, row in ((stranger, place), (unverified, other)):
        with pytest.raises(OtherAddress):
            collaborators.accept(collaborator_id=row.pk, by=person, at=BEFORE)

    assert collaborators.accept(collaborator_id=place.pk, by=guest, at=BEFORE).user == guest
    assert collaborators.accept(collaborator_id=place.pk, by=guest, at=BEFORE).user == guest


def test_a_second_verified_address_works_in_any_spelling() -> None:
    draft, guest = make_draft(make_program()), verified()
    EmailAddress.objects.create(user=guest, email="Second@Lake.example.org", verified=True)
    place = collaborators.invite(
        application_id=draft.pk,
        email="second@lake.example.org",
        right=Right.VIEW,
        by=draft.applicant,
        at=BEFORE,
    )

    collaborators.accept(collaborator_id=place.pk, by=guest, at=BEFORE)

    place.refresh_from_db()
    assert place.domains == sorted(["lake.example.org", guest.email_domain])


def test_an_invitation_ends_after_two_weeks_and_when_it_is_taken_back() -> None:
    draft, guest = make_draft(make_program()), verified()
    place = invite(draft, guest)

    with pytest.raises(CannotJoin, match="is over"):
        collaborators.accept(collaborator_id=place.pk, by=guest, at=BEFORE + timedelta(days=15))
    collaborators.end(collaborator_id=place.pk, by=draft.applicant, at=BEFORE)
    with pytest.raises(CannotJoin, match="is over"):
        collaborators.accept(collaborator_id=place.pk, by=guest, at=BEFORE)


def test_the_page_of_an_invitation_tells_a_stranger_nothing() -> None:
    draft = make_draft(make_program(), title="Canary title")
    place = invite(draft, make_user())
    address = reverse("applications:invitation", args=[links.invitation_token(place.public_id)])

    wrong = get(verified(), address)
    forged = get(verified(), reverse("applications:invitation", args=[f"{place.public_id.hex}.forged"]))
    with clock.set_to(BEFORE):
        away = Client().get(address)

    assert wrong.status_code == 403
    assert "Another address was invited" in wrong.content.decode()
    for secret in ("Canary title", place.email, draft.program.name, draft.applicant.email):
        assert secret not in wrong.content.decode()
    assert forged.status_code == 404
    assert address in away.url


def test_accepting_in_the_page_opens_the_application() -> None:
    draft, guest = make_draft(make_program()), verified()
    place = invite(draft, guest, Right.EDIT)
    address = reverse("applications:invitation", args=[links.invitation_token(place.public_id)])

    asked = get(guest, address).content.decode()
    before = get(guest, url("status", draft)).status_code
    accepted = post(guest, address)

    assert "You are invited" in asked
    assert before == 404
    assert accepted.url == url("status", draft)
    assert get(guest, url("section", draft, "you")).status_code == 200
    assert "shared by" in get(guest, reverse("applications:mine")).content.decode()


def test_somebody_new_signs_up_on_the_way_and_comes_back_to_the_invitation() -> None:
    draft = make_draft(make_program())
    place = collaborators.invite(
        application_id=draft.pk, email="new@lake.example.org", right=Right.VIEW, by=draft.applicant, at=BEFORE
    )
    address = reverse("applications:invitation", args=[links.invitation_token(place.public_id)])
    client = Client()

    with clock.set_to(BEFORE):
        sign_in = client.get(client.get(address).url).content.decode()
        sign_up = re.search(r'href="([^"]*signup[^"]*)"', sign_in)
        assert sign_up is not None
        form = {"email": "new@lake.example.org", "password1": "correct horse battery staple"}
        to_code = client.post(html.unescape(sign_up[1]), form)
        code = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", mail.outbox[-1].body, re.MULTILINE)
        assert code is not None
        back = client.post(to_code.url, {"code": code[1]})
        accepted = client.post(address)

    assert back.url == address
    assert accepted.url == url("status", draft)


# --- Access -------------------------------------------------------------------------------------------------------------

READ = ("status", "preview", "printed", "pdf", "people")
WRITE = ("section", "autosave", "review_and_send")
OWN = ("withdraw", "again", "award")


def test_an_ended_access_is_gone_at_once() -> None:
    sent, guest = make_submitted(make_program()), verified()
    place = share(sent, guest, Right.EDIT)
    client = client_of(guest)

    with clock.set_to(BEFORE):
        had = [client.get(url(name, sent)).status_code for name in READ]
        collaborators.end(collaborator_id=place.pk, by=sent.applicant, at=BEFORE)
        has = [client.get(url(name, sent)).status_code for name in READ]
        saved = client.post(url("section", sent, "you"), {"institution": "Mine", "country": "DE"})

    assert had == [200] * len(READ)
    assert has == [404] * len(READ)
    assert saved.status_code == 404
    assert "shared by" not in get(guest, reverse("applications:mine")).content.decode()


def test_who_may_read_does_not_write_and_only_the_applicant_decides() -> None:
    draft = make_draft(make_program())
    viewer, editor = verified(), verified()
    share(draft, viewer), share(draft, editor, Right.EDIT)

    for person in (viewer, editor):
        for name in OWN:
            assert post(person, url(name, draft)).status_code == 404, name
        assert post(person, url("review_and_send", draft)).status_code == 404
        assert (
            post(person, url("people", draft), {"invite": "1", "email": "a@example.org"}).status_code == 404
        )
    assert get(viewer, url("section", draft, "you")).status_code == 404
    assert post(viewer, url("autosave", draft, "you")).status_code == 404
    assert get(viewer, url("status", draft)).url == url("preview", draft)
    assert "Only" in get(editor, url("review_and_send", draft)).content.decode()


def test_a_right_changes_for_the_next_request() -> None:
    draft, guest = make_draft(make_program()), verified()
    place = share(draft, guest, Right.EDIT)

    changed = post(
        draft.applicant, url("people", draft), {"change": str(place.public_id), "right": Right.VIEW}
    )

    assert changed.status_code == 302
    assert get(guest, url("section", draft, "you")).status_code == 404
    assert get(guest, url("preview", draft)).status_code == 200


def test_somebody_may_leave_but_end_nobody_else() -> None:
    draft = make_draft(make_program())
    one, other = share(draft), share(draft)

    forbidden = post(one.user, url("people", draft), {"end": str(other.public_id)})
    left = post(one.user, url("people", draft), {"end": str(one.public_id)})

    other.refresh_from_db()
    assert forbidden.status_code == 404
    assert other.ended_at is None
    assert left.url == reverse("applications:mine")
    assert get(one.user, url("people", draft)).status_code == 404


def test_an_editor_changes_a_sent_application_as_a_revision_of_their_own() -> None:
    sent, guest = make_submitted(make_program()), verified()
    share(sent, guest, Right.EDIT)

    intake.save_answers(
        application_id=sent.pk, changes={"title": "Better"}, version=None, by=guest, at=BEFORE
    )

    sent.refresh_from_db()
    assert sent.revisions.order_by("-number")[0].made_by == guest
    assert sent.email_key == sent.applicant.email


def test_everything_leaves_a_trace() -> None:
    draft, guest = make_draft(make_program()), verified()
    place = share(draft, guest)
    collaborators.change_right(collaborator_id=place.pk, right=Right.EDIT, by=draft.applicant, at=BEFORE)
    collaborators.end(collaborator_id=place.pk, by=draft.applicant, at=BEFORE)
    collaborators.end(collaborator_id=place.pk, by=draft.applicant, at=BEFORE)

    trace = AuditEvent.objects.filter(
        subject_type="applications.application", subject_id=str(draft.pk)
    ).order_by("pk")

    assert list(trace.values_list("action", flat=True)) == [
        "application.start",
        "application.invite",
        "application.join",
        "application.change_right",
        "application.unshare",
    ]
    assert guest.email not in str(list(trace.values_list("details", flat=True)))


def test_a_withdrawn_application_takes_nobody_in() -> None:
    sent, guest = make_submitted(make_program()), verified()
    place = invite(sent, guest)
    intake.withdraw(application_id=sent.pk, by=sent.applicant, at=BEFORE)

    with pytest.raises(CannotInvite):
        invite(sent, make_user())
    with pytest.raises(CannotJoin):
        collaborators.accept(collaborator_id=place.pk, by=guest, at=BEFORE)


# --- Conflicts ----------------------------------------------------------------------------------------------------------


def conflicted(kind: str, program):
    """A reviewer, and an application of which they must see nothing."""
    reviewer = make_member(program, user=verified(make_user("rae@lake.example.org")))
    sent = make_submitted(program)
    if kind == "is one":
        share(sent, reviewer)
    elif kind == "was one":
        place = share(sent, reviewer)
        collaborators.end(collaborator_id=place.pk, by=sent.applicant, at=BEFORE)
    elif kind == "is invited":
        invite(sent, reviewer)
    else:
        share(sent, verified(make_user("colleague@mail.lake.example.org")))
    return reviewer, sent


@pytest.mark.parametrize("kind", ["is one", "was one", "is invited", "has a colleague"])
def test_a_reviewer_near_a_co_investigator_is_kept_away(kind: str) -> None:
    program = make_program()
    reviewer, sent = conflicted(kind, program)
    others = [make_member(program) for _ in range(2)]

    make_batch(program, submitted=[sent])

    assert {row.reviewer for row in sent.assignments.all()} == set(others)
    assert conflicts.reason_against(user=reviewer, application=sent) is not None
    assert not Application.objects.filter(pk=sent.pk).without_conflict(reviewer).exists()


def test_an_invitation_taken_back_in_time_keeps_nobody_away() -> None:
    program = make_program()
    reviewer, sent = make_member(program, user=verified()), make_submitted(program)
    place = invite(sent, reviewer)
    collaborators.end(collaborator_id=place.pk, by=sent.applicant, at=BEFORE)

    assert conflicts.reason_against(user=reviewer, application=sent) is None


def test_a_replacement_is_no_co_investigator_either() -> None:
    program = make_program(reviews_wanted=1)
    first = make_member(program)
    sent = make_submitted(program)
    share(sent, make_member(program, user=verified()))
    make_batch(program, submitted=[sent])
    assert sent.assignments.get().reviewer == first

    assert assignment.replace(application_id=sent.pk, at=AFTER) is None


def test_a_manager_who_is_a_co_investigator_neither_proposes_nor_releases() -> None:
    program = make_program()
    manager = make_member(program, Role.MANAGER, user=verified())
    other = make_member(program, Role.MANAGER)
    sent = make_submitted(program)
    make_batch(program, submitted=[sent])
    decisions.propose_decline(application_id=sent.pk, by=other, at=AFTER)
    share(sent, manager, at=AFTER)

    with pytest.raises(decisions.CannotDecide):
        decisions.propose_decline(application_id=sent.pk, by=manager, at=AFTER)
    released = release.release(cycle_id=sent.cycle_id, by=manager, at=AFTER)

    assert (released.awards, released.declines, released.hidden) == (0, 0, 1)
    assert sent.decisions.get().state == DecisionState.PENDING


def test_who_proposed_and_then_joined_stops_the_release() -> None:
    program = make_program()
    manager = make_member(program, Role.MANAGER, user=verified())
    other = make_member(program, Role.MANAGER)
    sent = make_submitted(program)
    make_batch(program, submitted=[sent])
    decisions.propose_decline(application_id=sent.pk, by=manager, at=AFTER)
    share(sent, manager, at=AFTER)

    refusals = release.check(cycle_id=sent.cycle_id, by=other)

    assert refusals[0].reason == "A co-investigator took part in the decision."


def test_the_pages_cost_few_queries(django_assert_max_num_queries) -> None:
    sent = make_submitted(make_program())
    for _ in range(5):
        share(sent)
    guest = sent.collaborators.first().user

    for person in (sent.applicant, guest):
        for name in ("people", "preview", "printed", "status"):
            client = client_of(person)
            with clock.set_to(BEFORE), django_assert_max_num_queries(12):
                assert client.get(url(name, sent)).status_code == 200


def test_states_of_the_rows_are_held_by_the_database() -> None:
    place = share(make_draft(make_program()))

    assert Collaborator.objects.filter(pk=place.pk, accepted_at__isnull=False).exists()
    assert place.application.state == State.DRAFT
