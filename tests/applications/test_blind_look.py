"""A reviewer in the first look walks every page of the staff side: nothing that names the applicant is in any byte."""

import re
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from applications import redactions, review
from applications.models import (
    Application,
    Assignment,
    Attachment,
    Review,
    ReviewState,
    ScreeningCheck,
)
from applications.review import Look
from portal import clock
from programs.models import Criterion, RuleKind
from tests.factories import applications as make
from tests.factories.hidden import CANARIES, Hidden, hidden
from tests.factories.staff import QUEUE, page_of, signed_in

pytestmark = pytest.mark.django_db

MOST = 500
"""Pages after which the walk follows no further links; it ends on its own below that."""

FIRST_LOOK = {"score-impact": "4", "score-feasibility": "3", "note": "Fine."}


@pytest.fixture(autouse=True)
def _days_of_review(settings: Any, tmp_path: Any) -> Any:
    settings.MEDIA_ROOT = tmp_path / "files"
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> Hidden:
    return hidden()


def found_in(response: Any) -> list[str]:
    """The canaries in body, headers and cookies of an answer."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    text = body.decode("utf-8", "replace") + str(response.headers) + str(response.cookies)
    return [name for name, canary in CANARIES.items() if canary.lower() in text.lower()]


def admin_addresses() -> Iterator[str]:
    """Every address of the staff side, with the keys of records that exist for each place that takes one."""
    keys = sorted(
        {
            *Application.objects.values_list("pk", flat=True),
            *Assignment.objects.values_list("pk", flat=True)[:1],
            *ScreeningCheck.objects.values_list("pk", flat=True)[:1],
        }
    )

    def walk(patterns: list[Any], before: str) -> Iterator[str]:
        for pattern in patterns:
            route = before + str(pattern.pattern).lstrip("^").removesuffix("$")
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                yield route

    for route in walk(get_resolver().url_patterns, "/"):
        if not route.startswith("/admin/") or "logout" in route or "(?" in route:
            continue
        if "<" not in route:
            yield route
            continue
        for key in keys:
            yield re.sub(r"<slug:[^>]*>", "abstract", re.sub(r"<(?!slug)[^>]*>", str(key), route))


def _followed(base: str, link: str, orders: set[str]) -> str | None:
    """The address behind a link; None where another door shows the same rows.

    One filter at a time: their combinations show no other rows. Nor does an order, so each list is ordered once, or the
    filter that an opened record leads back to.
    """
    whole = base + link if link.startswith("?") else link
    path, _, query = whole.partition("?")
    if "logout" in path or query.count("=") > 1 or query.startswith("_changelist_filters"):
        return None
    if query.startswith("o="):
        if path in orders:
            return None
        orders.add(path)
    return whole


def walk_all(client: Client, *, until: Collection[str] = ()) -> dict[str, list[str]]:
    """Address -> canaries, over all routes and what their pages link to; no further once all of `until` are met."""
    todo, seen, leaks, orders = list(admin_addresses()), set(), {}, set()
    todo += [f"/applications/files/{row.public_id}/" for row in Attachment.objects.all()]
    todo += [f"/admin/jsi18n/?{field}=x" for field in ("q",)]
    while todo:
        address = todo.pop()
        if address in seen:
            continue
        seen.add(address)
        response = client.get(address)
        assert response.status_code < 500, address
        if found := found_in(response):
            leaks[address] = found
            if until and {name for names in leaks.values() for name in names} >= set(until):
                return leaks
        if not response.streaming and response.status_code == 200 and len(seen) < MOST:
            links = re.findall(
                r'(?:href|action|src|value)="(/(?:admin|applications)/[^"#]*|\?[^"#]*)"', response.text
            )
            for link in links:
                if (
                    whole := _followed(address.partition("?")[0], link.replace("&amp;", "&"), orders)
                ) is not None:
                    todo.append(whole)
    assert len(seen) > 100
    return leaks


def test_a_blind_reviewer_meets_no_canary_on_any_page(world: Hidden) -> None:
    client = signed_in(world.reviewer)

    assert client.get(page_of(world.application)).status_code == 200
    assert walk_all(client) == {}


def test_the_walk_finds_what_is_there(world: Hidden) -> None:
    """The same walk by somebody who sees names finds each canary: it is able to fail."""
    leaks = walk_all(signed_in(world.manager), until=CANARIES)

    assert {name for names in leaks.values() for name in names} == set(CANARIES)


def test_refused_posts_tell_nothing_either(world: Hidden) -> None:
    client = signed_in(world.reviewer)
    posts = [
        (page_of(world.application), {"note": "Half"}),
        (page_of(world.application, "autosave"), {"score-impact": "9"}),
        (page_of(world.application, "autosave"), {"score-merit": "4"}),
        (page_of(world.application, "recuse"), {"kind": "bored"}),
        (page_of(world.application, "gate"), {"gate": "biosecurity", "outcome": "passed"}),
        (page_of(world.application, "thread"), {"text": "Hello"}),
        (page_of(world.application, "decide"), {"do": "award"}),
        (f"{QUEUE}bulk/", {"do": "award", "all": "1"}),
        (QUEUE, {"action": "propose_awards", "_selected_action": [world.application.pk]}),
        (f"{QUEUE}{world.application.pk}/delete/", {"post": "yes"}),
        (f"{QUEUE}{world.application.pk}/copy/abstract/", {"text": "x", "reason": "y"}),
    ]

    assert {url: found for url, data in posts if (found := found_in(client.post(url, data)))} == {}


def test_a_search_for_a_name_finds_nothing(world: Hidden) -> None:
    client = signed_in(world.reviewer)
    for word in ("Quorvash", "Zebuline", "Vexborough", "vexb", "Tsvetkonn", CANARIES["mail"]):
        rows = client.get(QUEUE, {"q": word}).context["cl"].result_list
        everywhere = client.get("/admin/search/", {"q": word})

        assert list(rows) == [], word
        assert everywhere.context["found"].number == 0, word


def test_a_search_for_other_words_finds_it(world: Hidden) -> None:
    rows = signed_in(world.reviewer).get(QUEUE, {"q": "soil of"}).context["cl"].result_list

    assert [row.pk for row in rows] == [world.application.pk]
    for query in ("soil of", world.application.reference[:8]):
        page = signed_in(world.reviewer).get("/admin/search/", {"q": query}, follow=True)
        assert world.application.reference in page.text
        assert found_in(page) == []


def test_columns_in_the_address_are_no_questions(world: Hidden) -> None:
    lookups = ("institution__startswith", "country", "email_domain", "email_key__contains", "answers__name")
    client = signed_in(world.reviewer)

    assert {client.get(QUEUE, {lookup: "Vex"}).status_code for lookup in lookups} <= {302, 400}


def test_flags_about_the_person_are_not_filtered_counted_or_listed(world: Hidden) -> None:
    kinds = (RuleKind.DUPLICATE_PERSON, RuleKind.SHARED_ORGANIZATION)
    for row in (world.application, world.twin):
        for kind in kinds:
            ScreeningCheck.objects.update_or_create(
                application=row,
                kind=kind,
                defaults={"outcome": "flag", "sentence": "Both.", "checked_at": make.AFTER, "details": {}},
            )
    blind, knows = signed_in(world.reviewer), signed_in(world.manager)
    records = "/admin/applications/screeningcheck/"

    for kind in kinds:
        assert list(blind.get(QUEUE, {"flag": kind}).context["cl"].result_list) == []
        assert len(knows.get(QUEUE, {"flag": kind}).context["cl"].result_list) == 2
    mine, theirs = (client.get(QUEUE).context["cl"].facets.flags for client in (blind, knows))
    assert [(mine.get(kind), theirs[kind]) for kind in kinds] == [(None, 2), (None, 2)]
    assert not {row.kind for row in blind.get(records).context["cl"].result_list} & set(kinds)
    assert {row.kind for row in knows.get(records).context["cl"].result_list} >= set(kinds)


# --- The two looks ------------------------------------------------------------------------------------------------------


def test_names_open_when_the_first_look_is_in(world: Hidden) -> None:
    client, url = signed_in(world.reviewer), page_of(world.application)
    before = client.get(url)
    answer = client.post(url, FIRST_LOOK)
    after = client.get(url)

    assert "look 1 of 2, names hidden" in before.text
    assert answer.url == url
    assert "look 2 of 2, with names" in after.text
    assert CANARIES["name"] in after.text
    row = Review.objects.get(application=world.application, reviewer=world.reviewer)
    assert (row.state, row.blind_submitted_at, str(row.blind_total)) == (
        ReviewState.DRAFT,
        make.AFTER,
        "3.50",
    )
    client.post(url, {"score-merit": "5"})
    row.refresh_from_db()
    assert (row.state, str(row.total), str(row.blind_total)) == (ReviewState.IN, "4.10", "3.50")


def test_the_other_application_stays_blind(world: Hidden) -> None:
    """One that reads alike is not named from it: its names are known now."""
    client = signed_in(world.reviewer)
    client.post(page_of(world.application), FIRST_LOOK)

    page = client.get(page_of(world.twin)).text

    assert CANARIES["name"] not in page
    assert world.application.reference not in page


def test_each_look_takes_its_own_criteria(world: Hidden) -> None:
    pk, by = world.application.pk, world.reviewer
    with pytest.raises(review.BadReview, match="“Merit” belongs to the other look"):
        review.save(application_id=pk, look=Look(scores={"merit": 4}), by=by, at=make.AFTER)
    with pytest.raises(review.BadReview, match="Score “Feasibility”"):
        review.send_in(application_id=pk, look=Look(scores={"impact": 4}), by=by, at=make.AFTER)

    review.send_in(application_id=pk, look=Look(scores={"impact": 4, "feasibility": 3}), by=by, at=make.AFTER)

    with pytest.raises(review.BadReview, match="“Impact” belongs to the other look and stays"):
        review.save(application_id=pk, look=Look(scores={"impact": 1}), by=by, at=make.AFTER)


def test_a_clear_decline_needs_no_names(world: Hidden) -> None:
    done = review.send_in(
        application_id=world.application.pk,
        look=Look(scores={}, clear_decline=True, decline_code="no_question"),
        by=world.reviewer,
        at=make.AFTER,
    )

    assert (done.state, done.blind_submitted_at, done.decline_code) == (
        ReviewState.IN,
        make.AFTER,
        "no_question",
    )


def test_where_everything_is_scored_blind_one_look_is_enough(world: Hidden) -> None:
    program = make.make_program(blind_first_look=True)
    reviewer = make.make_member(program)
    make.make_batch(program)
    application = Application.objects.get(program=program)

    done = review.send_in(
        application_id=application.pk,
        look=Look(scores={"merit": 4, "impact": 4, "feasibility": 4}),
        by=reviewer,
        at=make.AFTER,
    )

    assert (done.state, done.blind_submitted_at) == (ReviewState.IN, make.AFTER)


def test_a_screener_who_reviews_sees_names_and_scores_all_at_once(world: Hidden) -> None:
    Assignment.objects.filter(reviewer=world.other, application=world.application).update(
        reviewer=world.screener
    )
    make.make_member(world.program, user=world.screener)
    url = page_of(world.application)
    client = signed_in(world.screener)

    assert CANARIES["name"] in client.get(url).text
    client.post(url, FIRST_LOOK | {"score-merit": "2"})

    row = Review.objects.get(reviewer=world.screener)
    assert (row.state, row.blind_submitted_at) == (ReviewState.IN, None)


# --- Copies by screeners ------------------------------------------------------------------------------------------------


def test_a_copy_takes_the_place_of_an_answer_for_reviewers(world: Hidden) -> None:
    screener, reviewer = signed_in(world.screener), signed_in(world.reviewer)
    where = f"{QUEUE}{world.application.pk}/copy/abstract/"
    original = world.application.answers["abstract"]
    assert screener.get(where).status_code == 200

    screener.post(where, {"question": "abstract", "text": "Only the question.", "reason": "Hints at a lab"})

    shown = reviewer.get(page_of(world.application)).text
    assert "Only the question." in shown
    assert "shortened by a screener" in shown
    assert "the same words about soil" not in shown
    assert "Hints at a lab" not in shown
    whole = screener.get(page_of(world.application)).text
    assert "the same words about soil" in whole
    assert "Hints at a lab" in whole
    world.application.refresh_from_db()
    assert world.application.answers["abstract"] == original
    screener.post(where, {"question": "abstract", "lift": "1", "text": "", "reason": "No need"})
    assert "the same words about soil" in reviewer.get(page_of(world.application)).text


def test_a_copy_of_a_title_reaches_lists_and_search(world: Hidden) -> None:
    redactions.redact(
        application_id=world.application.pk,
        question_key="title",
        text="Frogs of a valley",
        reason="Names the lake",
        by=world.screener,
        at=make.AFTER,
    )
    client = signed_in(world.reviewer)

    assert "Frogs of a valley" in client.get(QUEUE).text
    assert list(client.get(QUEUE, {"q": "soil of"}).context["cl"].result_list) == []


def test_a_copy_stands_for_the_answer_it_was_made_from(world: Hidden) -> None:
    redactions.redact(
        application_id=world.application.pk,
        question_key="abstract",
        text="Short.",
        reason="Why",
        by=world.screener,
        at=make.AFTER,
    )
    world.application.answers["abstract"] = "A new abstract."
    world.application.save(update_fields=["answers"])

    assert redactions.of(world.application) == {}


def test_what_gets_no_copy(world: Hidden) -> None:
    for key, text, who, said in (
        ("abstract", "Short.", world.reviewer, "Only a screener"),
        ("hazards", "Short.", world.screener, "Only texts that reviewers read"),
        ("field", "Short.", world.screener, "Only texts that reviewers read"),
        ("nothing", "Short.", world.screener, "Only texts that reviewers read"),
        ("abstract", " ", world.screener, "is empty"),
    ):
        with pytest.raises(redactions.CannotRedact, match=said):
            redactions.redact(
                application_id=world.application.pk,
                question_key=key,
                text=text,
                reason="Why",
                by=who,
                at=make.AFTER,
            )


def test_a_rubric_may_change_its_phases_later(world: Hidden) -> None:
    """The cycle keeps its own rules: moving a criterion to the other look changes nothing under way."""
    Criterion.objects.filter(program=world.program, key="impact").update(phase="named")

    with pytest.raises(review.BadReview, match="“Merit” belongs"):
        review.save(
            application_id=world.application.pk,
            look=Look(scores={"merit": 4}),
            by=world.reviewer,
            at=make.AFTER,
        )
