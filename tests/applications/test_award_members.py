"""People who share the credits of an award: invited, with a role, until their place is ended."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from applications import assignment, award_members, batches, decisions, desk, links, notices
from applications.models import AwardLetter, AwardMember, MemberRole, Notice
from portal import clock
from portal.models import AuditEvent
from programs.staff import desk_of
from tests.factories.amending import NEXT_CUT_OFF, NEXT_REVIEW, POSTED, Awarded
from tests.factories.applications import make_user
from tests.factories.sharing import verified

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = POSTED + DAY


def invite(w: Awarded, person, role: str = "view", **more: object) -> AwardMember:
    return award_members.invite(
        application_id=w.application.pk,
        email=getattr(person, "email", person),
        role=role,
        by=more.pop("by", w.holder),
        at=more.pop("at", NOW),
    )


def join(w: Awarded, role: str = "view"):
    """Somebody who accepted their place: the person and the place."""
    person = verified()
    place = invite(w, person, role)
    return person, award_members.join(member_id=place.pk, conduct=True, by=person, at=NOW)


def client_of(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def get(person, name: str, *args: object) -> int:
    with clock.set_to(NOW):
        return client_of(person).get(reverse(name, args=args)).status_code


def test_a_member_sees_the_credits_and_nothing_of_the_application() -> None:
    w = Awarded()
    person, place = join(w)
    application, grant = w.application.public_id, w.grant.uuid
    client = client_of(person)

    with clock.set_to(NOW):
        page = client.get(reverse("credits:grant", args=[grant])).content.decode()
        listed = client.get(reverse("credits:mine"), follow=True).content.decode()
        members = client.get(reverse("applications:members", args=[application])).content.decode()
    closed = [
        get(person, f"applications:{name}", application)
        for name in ("status", "award", "preview", "pdf", "people", "top_up", "decline_award")
    ] + [get(person, "applications:award_of", grant)]

    assert "6,000" in page
    assert w.grant.reference in listed
    assert "applications:award_of" not in page
    assert reverse("applications:award_of", args=[grant]) not in page
    assert w.application.title not in members
    assert w.holder.email in members
    assert get(person, "credits:statement", grant) == 200
    assert closed == [404] * 8
    assert place.conduct_version == award_members.CONDUCT_VERSION

    award_members.end(member_id=place.pk, by=w.holder, at=NOW)

    assert [
        get(person, "credits:grant", grant),
        get(person, "credits:statement", grant),
        get(person, "applications:members", application),
        get(person, "applications:members_of", grant),
    ] == [404] * 4


def test_the_link_lets_in_who_was_invited_after_the_rules_of_conduct() -> None:
    w = Awarded()
    person, other = verified(), verified()
    place = invite(w, person)
    notice = Notice.objects.get(kind=AwardLetter.MEMBER_INVITATION)
    address = reverse("applications:member_invitation", args=[links.member_token(place.public_id)])
    client = client_of(person)

    subject, body = notices.render(notice)
    with clock.set_to(NOW):
        stranger = client_of(other).get(address)
        read = client.get(address).content.decode()
        without = client.post(address)
        joined = client.post(address, {"conduct": "on"})
        again = client.get(address)
    late = invite(w, other)
    with clock.set_to(NOW + 15 * DAY):
        over = client_of(other).get(
            reverse("applications:member_invitation", args=[links.member_token(late.public_id)])
        )

    assert notice.to == person.email
    assert address in body
    assert w.application.title not in subject + body
    assert (stranger.status_code, over.status_code) == (403, 403)
    assert w.application.title not in stranger.content.decode()
    assert "I share no keys, passwords or sessions" in read
    assert (without.status_code, joined.status_code, again.status_code) == (422, 302, 302)
    assert "Accept the rules of conduct first." in without.content.decode()
    assert AwardMember.objects.get(pk=place.pk).user == person
    assert get(person, "applications:member_invitation", "x.y") == 404
    assert links.invitation_id(links.member_token(place.public_id)) is None  # no link fits the other door


def test_who_may_do_what() -> None:
    w = Awarded()
    viewer, viewing = join(w)
    manager, managing = join(w, "manage")
    _other, other = join(w, "manage")
    guest = invite(w, "guest@place.example.org", by=manager)

    refused = [
        lambda: invite(w, "a@place.example.org", by=viewer),
        lambda: invite(w, "a@place.example.org", "manage", by=manager),
        lambda: invite(w, "a@place.example.org", "owner"),
        lambda: invite(w, "no address"),
        lambda: invite(w, w.holder),
        lambda: invite(w, "guest@place.example.org"),
        lambda: invite(w, "a@place.example.org", by=make_user()),
    ]
    for act in refused:
        with pytest.raises(award_members.CannotInvite):
            act()
    for act in (
        lambda: award_members.end(member_id=other.pk, by=manager, at=NOW),
        lambda: award_members.end(member_id=guest.pk, by=viewer, at=NOW),
        lambda: award_members.change_role(member_id=viewing.pk, role="manage", by=manager, at=NOW),
        lambda: award_members.change_role(member_id=viewing.pk, role="owner", by=w.holder, at=NOW),
    ):
        with pytest.raises(award_members.CannotChange):
            act()

    award_members.change_role(member_id=viewing.pk, role="manage", by=w.holder, at=NOW)
    award_members.end(member_id=guest.pk, by=manager, at=NOW)
    award_members.end(member_id=managing.pk, by=manager, at=NOW)  # leaves

    assert not Notice.objects.filter(key=f"{AwardLetter.MEMBER_INVITATION}:{guest.pk}").exists()
    assert award_members.may_manage(viewer, w.application)
    assert not award_members.may_manage(manager, w.application)
    assert list(award_members.awards_shared_with(viewer)) == [w.application]
    actions = set(AuditEvent.objects.filter(action__startswith="award.").values_list("action", flat=True))
    assert actions >= {"award.invite", "award.join", "award.change_role", "award.unshare", "award.leave"}


def test_invitations_of_a_day_are_bounded_and_rows_keep_their_rules(monkeypatch) -> None:
    w = Awarded()
    monkeypatch.setattr(award_members.invitations, "MOST_A_DAY", 2)
    invite(w, "a@place.example.org")
    invite(w, "b@place.example.org")

    with pytest.raises(award_members.CannotInvite, match="invitations today"):
        invite(w, "c@place.example.org")
    invite(w, "c@place.example.org", at=NOW + 2 * DAY)
    place = AwardMember.objects.first()
    for change in ({"user": make_user(), "accepted_at": NOW}, {"role": "owner"}, {"ended_at": NOW}):
        with pytest.raises(DatabaseError), transaction.atomic():
            AwardMember.objects.filter(pk=place.pk).update(**change)


def test_the_page_of_members_invites_changes_and_ends() -> None:
    w = Awarded()
    person, place = join(w)
    address = reverse("applications:members", args=[w.application.public_id])
    holder, member = client_of(w.holder), client_of(person)
    with clock.set_to(NOW):
        wrong = holder.post(address, {"invite": "1", "email": "x", "role": "view"})
        sent = holder.post(address, {"invite": "1", "email": "n@place.example.org", "role": "view"})
        foreign = member.post(address, {"invite": "1", "email": "m@place.example.org", "role": "view"})
        changed = holder.post(address, {"change": str(place.public_id), "role": "manage"})
        left = member.post(address, {"end": str(place.public_id)})
        gone = member.get(address)

    assert (wrong.status_code, sent.status_code, foreign.status_code) == (422, 302, 404)
    assert "such as name@example.org" in wrong.content.decode()
    assert (changed.status_code, left.status_code, gone.status_code) == (302, 302, 404)
    assert AwardMember.objects.get(pk=place.pk).role == MemberRole.MANAGE
    assert AwardMember.objects.filter(email="n@place.example.org").exists()


def test_who_shares_the_credits_judges_no_update_of_the_award() -> None:
    """More credit on the award would be their own; a place that has ended counts too, as for top-ups."""
    w = Awarded()
    for person, ended in ((w.manager, None), (w.reviewers[0], NOW)):
        AwardMember.objects.create(
            application=w.application,
            email=person.email,
            role="view",
            user=person,
            invited_by=w.holder,
            invited_at=NOW,
            accepted_at=NOW,
            conduct_version=award_members.CONDUCT_VERSION,
            ended_at=ended,
            ended_by=person if ended else None,
        )
    amendment = w.send()
    formed = batches.form(cycle_id=amendment.cycle_id, at=NEXT_CUT_OFF)
    assignment.assign(batch_id=formed.batch_id, at=NEXT_CUT_OFF)

    assert [row.reviewer for row in amendment.assignments.all()] == [w.reviewers[1]]
    with pytest.raises(decisions.CannotDecide, match="share the credits"):
        decisions.propose_award(application_id=amendment.pk, by=w.manager, at=NEXT_REVIEW)
    assert desk.visible(desk_of(w.second)).filter(pk=amendment.pk).exists()
    assert not desk.visible(desk_of(w.manager)).filter(pk=amendment.pk).exists()
