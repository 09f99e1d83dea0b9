"""The staff pages that decide: one application, many at once, the release, letters and credits."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from applications import decisions
from applications.models import (
    Application,
    Decision,
    DecisionState,
    Notice,
    NoticeState,
)
from applications.states import State
from credits import delivery
from credits.models import Delivery
from portal import clock
from portal.roles import Role
from tests.factories import applications as make
from tests.factories.staff import QUEUE, cast, fund, page_of, review_all, signed_in

pytestmark = pytest.mark.django_db

OTHER_ID = "1c1d0b75-8b67-4b4a-8f6f-2e3d4c5b6a79"


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


# --- Deciding


def test_a_manager_proposes_undoes_and_declines():
    world = cast(applications=1)
    application = world["rows"][0]
    client = signed_in(world["manager"])
    award = {
        "do": "award",
        "amount": "4,500",
        "months": "3",
        "granted_models": ["standard"],
        "reason": "Good.",
    }

    client.post(page_of(application, "decide"), award)
    made = Decision.objects.get()
    assert (made.amount_cents, made.months, made.granted_models) == (4_500_00, 3, ["standard"])
    client.post(page_of(application, "decide"), {"do": "undo"})
    made.refresh_from_db()
    assert made.state == DecisionState.VOID
    client.post(page_of(application, "decide"), {"do": "decline", "reason": ""})

    assert Decision.objects.get(state=DecisionState.PENDING).kind == "decline"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "25,000"}, "The cap of"),
        ({"amount": "a lot"}, "Enter an amount in digits"),
        ({"amount": "0"}, "above zero"),
        ({"amount": ""}, "Enter an amount."),
        ({"months": "60"}, "from 1 to 6 months"),
        ({"granted_models": ["secret"]}, "Select a valid choice"),
    ],
)
def test_a_bad_award_is_said_in_words_and_keeps_what_was_typed(changes, said):
    world = cast(applications=1)
    data = {"do": "award", "amount": "4,500", "months": "3", "granted_models": ["standard"], "reason": "Mine"}

    answer = signed_in(world["manager"]).post(page_of(world["rows"][0], "decide"), data | changes)

    assert answer.status_code == 422
    assert said in answer.text
    assert "Mine" in answer.text
    assert not Decision.objects.exists()


def test_four_eyes_in_words_and_in_deed():
    world = cast(applications=1)
    application = world["rows"][0]
    second = make.make_member(world["program"], Role.FINANCE)
    client = signed_in(world["manager"])
    client.post(
        page_of(application, "decide"),
        {"do": "award", "amount": "15000", "months": "6", "granted_models": ["standard"]},
    )
    decision = Decision.objects.get()

    own = client.get(page_of(application, "change")).text
    refused = client.post(page_of(application, "decide"), {"do": "approve"})
    waiting = signed_in(second).get("/admin/applications/decision/?wants=second")
    signed_in(second).post(reverse("admin:applications_decision_approve", args=[decision.pk]))

    assert "waits for a second person" in own
    assert "Approve as second person" not in own
    assert refused.status_code == 422
    assert waiting.context["cl"].result_count == 1
    decision.refresh_from_db()
    assert decision.approved_by == second


def test_release_lists_refusals_and_lets_the_others_go():
    world = cast(applications=3)
    fund(world["program"])
    review_all(world)
    small, large, declined = world["rows"]
    for row, cents in ((small, 2_000_00), (large, 15_000_00)):
        decisions.propose_award(application_id=row.pk, amount_cents=cents, by=world["manager"], at=make.AFTER)
    decisions.propose_decline(application_id=declined.pk, by=world["manager"], at=make.AFTER)
    client = signed_in(world["manager"])
    url = reverse("admin:release", args=[world["cycle"].pk])

    page = client.get(url)
    unsure = client.post(url, {})
    all_of_it = client.post(url, {"sure": "yes"})
    free = client.post(url, {"sure": "yes", "reach": "free"})

    assert "a second person approves" in page.text
    assert large.reference in page.text
    assert unsure.status_code == 422
    assert all_of_it.status_code == 422
    assert "Nothing was released." in all_of_it.text
    assert free.status_code == 200
    states = dict(Application.objects.values_list("pk", "state"))
    assert states == {small.pk: State.AWARDED, large.pk: State.IN_REVIEW, declined.pk: State.DECLINED}
    assert Notice.objects.filter(kind="award").count() == 1
    assert not Notice.objects.filter(kind="told_decline").exists()


def test_release_says_when_the_pool_is_missing():
    world = cast(applications=1)
    review_all(world)
    decisions.propose_award(application_id=world["rows"][0].pk, by=world["manager"], at=make.AFTER)

    answer = signed_in(world["manager"]).post(
        reverse("admin:release", args=[world["cycle"].pk]), {"sure": "yes"}
    )

    assert answer.status_code == 422
    assert Decision.objects.get().state == DecisionState.PENDING


def test_bulk_reaches_all_filtered_rows_asks_and_reports():
    world = cast(applications=30)
    client = signed_in(world["manager"])
    page = client.get(QUEUE)
    on_page = [row.pk for row in page.context["cl"].result_list]
    assert len(on_page) == 25

    asked = client.post(
        QUEUE,
        {"action": "propose_declines", "select_across": "1", "_selected_action": on_page[:1], "index": "0"},
    )
    assert asked.context["number"] == 30
    assert not Decision.objects.exists()
    Application.objects.filter(pk=world["rows"][0].pk).update(state=State.WITHDRAWN, withdrawn_at=make.AFTER)
    done = client.post(
        reverse("admin:applications_application_bulk"),
        {
            "kind": "decline",
            "ids": asked.context["ids"],
            "reason": "Out of scope",
            "back": "https://evil.example.com/",
        },
    )

    assert done.context["report"].done == 29
    assert [row.reason for row in done.context["report"].refused] == [
        f"{world['rows'][0]} is withdrawn, not in review."
    ]
    assert done.context["back"] == "/admin/"
    assert Decision.objects.filter(kind="decline", reason="Out of scope").count() == 29


def test_bulk_takes_no_foreign_row_and_no_reviewer():
    world, other = cast(), cast()
    url = reverse("admin:applications_application_bulk")
    foreign = {"kind": "decline", "ids": str(other["rows"][0].pk)}

    signed_in(world["manager"]).post(url, foreign)
    refused = signed_in(world["reviewers"][0]).post(url, {"kind": "decline", "ids": str(world["rows"][0].pk)})

    assert refused.status_code == 403
    assert not Decision.objects.exists()


def test_the_cut_line_proposes_the_best():
    world = cast(applications=3)
    review_all(world)
    client = signed_in(world["manager"])
    board = reverse("admin:decide_of", args=[world["cycle"].pk])

    page = client.get(board, {"cut": "2"})
    asked = client.post(
        reverse("admin:decide_bulk", args=[world["cycle"].pk]), {"kind": "award", "reach": "best", "cut": "2"}
    )

    assert page.context["what_if"]["number"] == 2
    assert page.context["what_if"]["cents"] == 12_000_00
    assert asked.context["number"] == 2
    assert asked.context["preview"].cents == 12_000_00


# --- Letters


def test_a_parked_letter_is_read_and_sent_again():
    world = cast(applications=1)
    letter = Notice.objects.filter(kind="receipt").get()
    Notice.objects.filter(pk=letter.pk).update(state=NoticeState.PARKED, attempts=8, last_error="refused")
    client = signed_in(world["manager"])

    page = client.get(reverse("admin:applications_notice_change", args=[letter.pk]))
    client.post(reverse("admin:letters_retry"), {"notice": letter.pk})

    assert world["rows"][0].title in page.text
    letter.refresh_from_db()
    assert (letter.state, letter.attempts) == (NoticeState.WAITING, 0)


def test_letters_of_other_programs_are_not_found():
    world, other = cast(applications=1), cast(applications=1)
    letter = Notice.objects.filter(program=other["program"]).first()
    client = signed_in(world["manager"])

    assert client.get(reverse("admin:applications_notice_change", args=[letter.pk])).status_code == 302
    assert client.post(reverse("admin:letters_retry"), {"notice": letter.pk}).status_code == 404


# --- Credits


def test_credits_of_other_programs_are_not_seen_and_operators_carry_orders():
    world, other = cast(applications=1), cast(applications=1)
    for each, organization in ((world, make.ORGANIZATION_ID), (other, OTHER_ID)):
        fund(each["program"])
        review_all(each)
        Application.objects.filter(cycle=each["cycle"]).update(organization_id_text=organization)
        row = each["rows"][0]
        decisions.propose_award(application_id=row.pk, by=each["manager"], at=make.AFTER)
        signed_in(each["manager"]).post(reverse("admin:release", args=[each["cycle"].pk]), {"sure": "yes"})
    operator = make.make_member(world["program"], Role.OPERATOR)
    manager = signed_in(world["manager"])

    seen = {
        model: manager.get(reverse(f"admin:credits_{model}_changelist")).context["cl"].result_count
        for model in ("grant", "transfer", "organization")
    }
    foreign = other["rows"][0].decisions.get().grant
    orders = signed_in(operator).post(reverse("admin:hand_over"))
    lines = orders.text.splitlines()
    key = lines[1].split(",")[0]
    back = io.BytesIO(f"key,status\n{key},confirmed\nnonsense,confirmed\n".encode())
    back.name = "back.csv"
    taken = signed_in(operator).post(reverse("admin:confirmations"), {"file": back}, follow=True)

    assert seen == {"grant": 1, "transfer": 2, "organization": 1}
    assert manager.get(reverse("admin:credits_grant_change", args=[foreign.pk])).status_code == 302
    assert foreign.reference not in manager.get(reverse("admin:grants_board"), {"stage": "reserved"}).text
    assert manager.post(reverse("admin:hand_over")).status_code == 403
    assert len(lines) == 3
    assert "1 confirmed, 0 refused" in taken.text
    assert '<td class="num">3</td>' in taken.text  # the line that nobody knows


def test_a_stuck_delivery_is_tried_again_by_its_own_manager_only():
    world, other = cast(applications=1), cast(applications=1)
    fund(world["program"])
    review_all(world)
    Application.objects.filter(cycle=world["cycle"]).update(organization_id_text=make.ORGANIZATION_ID)
    decisions.propose_award(application_id=world["rows"][0].pk, by=world["manager"], at=make.AFTER)
    signed_in(world["manager"]).post(reverse("admin:release", args=[world["cycle"].pk]), {"sure": "yes"})
    grant = world["rows"][0].decisions.get().grant
    delivery.dispatch(at=make.AFTER)
    Delivery.objects.update(
        state="unknown", attempts=4, sent_at=make.AFTER, next_attempt_at=make.AFTER + timedelta(days=9)
    )
    url = reverse("admin:grant_try_now", args=[grant.pk])

    page = signed_in(world["manager"]).get(reverse("admin:grants_board"))
    foreign = signed_in(other["manager"]).post(url)
    done = signed_in(world["manager"]).post(url, follow=True)

    assert "Try again now" in page.text
    assert foreign.status_code == 404
    assert "goes to the provider with the next sweep" in done.text
    assert Delivery.objects.get().next_attempt_at < make.AFTER + timedelta(days=9)
