"""What staff read of the trail: in words everywhere, with the names of the actions for auditors."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import decisions, declarations
from applications.models import Assignment, DecisionState
from portal import audit, clock
from portal.models import AuditEvent
from portal.roles import Role
from tests.factories import applications as make
from tests.factories.staff import cast, page_of, review_all, signed_in

pytestmark = pytest.mark.django_db

TRAIL = "/admin/portal/auditevent/"


def proposed(**program: object) -> dict:
    """A world with a reviewed application whose award of $12,000 was undone and proposed again, and approved."""
    world = cast(applications=1, **program)
    review_all(world)
    row = world["rows"][0]
    world["second"] = make.make_member(world["program"], Role.MANAGER)
    for cents in (11_000_00, 12_000_00):
        made = decisions.propose_award(
            application_id=row.pk, amount_cents=cents, by=world["manager"], at=make.AFTER
        )
    decisions.approve(decision_id=made.pk, by=world["second"], at=make.AFTER)
    return world


def test_the_history_of_an_application_reads_in_words() -> None:
    world = proposed()
    row, client = world["rows"][0], signed_in(world["manager"])
    client.get(page_of(row, "history"))

    with CaptureQueriesContext(connection) as queries:
        page = client.get(page_of(row, "history"))

    assert len(queries) <= 15
    said = [
        "Sent the application",
        "Handed in a review",
        "Proposed an award of $11,000",
        "Proposed an award of $12,000",
        "Approved the award as second person",
    ]
    places = [page.text.find(f"<p>{words}</p>") for words in said]
    assert min(places) > 0
    assert places == sorted(places, reverse=True)  # the newest first
    assert str(world["second"]) in page.text
    assert "decision.approve" not in page.text
    assert signed_in(world["reviewers"][0]).get(page_of(row, "history")).status_code == 302
    assert (
        signed_in(make.make_member(make.make_program(), Role.MANAGER))
        .get(page_of(row, "history"))
        .status_code
        == 404
    )


def test_who_still_has_to_review_does_not_read_who_did() -> None:
    world = proposed()
    row, manager = world["rows"][0], world["manager"]
    Assignment.objects.create(application=row, reviewer=manager, assigned_at=make.AFTER, due_at=make.AFTER)

    page = signed_in(manager).get(page_of(row, "history"))

    assert "Proposed an award of $12,000" in page.text
    assert "Handed in a review" not in page.text


def test_what_follows_from_an_application_is_in_its_history_and_nothing_of_others() -> None:
    world = cast(applications=2)
    row, other = world["rows"]
    for each, reason in ((row, "We wrote a paper."), (other, "We share a lab.")):
        declarations.declare(
            application_id=each.pk,
            user_id=world["reviewers"][0].pk,
            reason=reason,
            by=world["manager"],
            at=make.AFTER,
        )

    page = signed_in(world["manager"]).get(page_of(row, "history"))

    assert page.text.count("Declared a conflict of interest") == 1


def test_auditors_read_words_with_the_name_below_and_search_by_both() -> None:
    world = proposed()
    auditor = make.make_member(world["program"], Role.AUDITOR)
    decision = world["rows"][0].decisions.get(state=DecisionState.PENDING)
    audit.record(action="award.think_over", subject=decision, by=None, at=make.AFTER)
    client = signed_in(auditor)

    def found(text: str) -> set[str]:
        page = client.get(TRAIL, {"q": text})
        return {event.action for event in page.context["cl"].result_list}

    assert found("approved the AWARD as second") == {"decision.approve"}
    assert found("decision.approve") == {"decision.approve"}
    assert found(f"decision {decision.pk}") == {
        "decision.propose_award",
        "decision.approve",
        "award.think_over",
    }
    assert found("handed") == {"review.send_in"}
    assert found("nothing of this kind") == set()
    listed = client.get(TRAIL).text
    assert 'Approved the award as second person<span class="under mono">decision.approve</span>' in listed
    assert "Award: think over" in listed
    event = AuditEvent.objects.get(action="decision.approve")
    page = client.get(f"{TRAIL}{event.pk}/change/")
    assert page.status_code == 200
    assert "<h1>Approved the award as second person</h1>" in page.text
    assert "decision.approve" in page.text


def test_the_page_of_a_person_reads_in_words() -> None:
    world = proposed()
    row = world["rows"][0]

    with clock.set_to(make.AFTER):
        page = signed_in(world["manager"]).get(reverse("admin:person", args=[row.applicant_id]))

    assert "<p>Proposed an award of $12,000</p>" in page.text
    assert "Sent the application" in page.text
    assert "decision.propose_award" not in page.text
