"""The pages of what follows an award: the grantee's, with papers and how to cite, and those of staff."""

import json
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from applications import obligation_figures, obligations, papers, requests, summaries
from applications.models import Attachment, Obligation, ObligationState, Paper
from applications.reports import Period
from credits.models import Grant
from portal import clock
from portal.models import User
from portal.roles import Role
from programs.request_models import RequestKind, RequestSenders
from programs.staff import desk_of
from tests.factories.amending import BEGUN, POSTED, Awarded
from tests.factories.applications import make_member, make_program, make_user
from tests.factories.files import pdf, picture
from tests.factories.requests import make_request, make_request_form

pytestmark = pytest.mark.django_db

HALVES = {"summary_required": True, "second_half_after_summary": True}


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def post(client: Client, world: Awarded, *, at: object = BEGUN, **data: object) -> object:
    with clock.set_to(at):
        return client.post(reverse("applications:obligations", args=[world.application.public_id]), data)


def get(client: Client, page: str, *, at: object = BEGUN, **query: object) -> object:
    with clock.set_to(at):
        return client.get(page, query)


def owing(**fields: object) -> tuple[Awarded, Obligation]:
    world = Awarded(summary_required=True, **fields)
    obligations.follow(at=POSTED)
    return world, Obligation.objects.get()


def test_a_grantee_writes_attaches_hands_in_and_reads_the_answer() -> None:
    world, owes = owing(second_half_after_summary=True)
    client, here = (
        client_of(world.holder),
        reverse("applications:obligations", args=[world.application.public_id]),
    )

    award = get(client, reverse("applications:award", args=[world.application.public_id])).content.decode()
    assert "A one-page summary of what you found is due on" in award
    assert "$6,000" in award
    assert "Half at once, half when your summary is accepted." in award
    page = get(client, here).content.decode()
    assert f"API credits of {world.program.name} (award {world.application.reference})." in page
    assert "None yet. Add a paper" in page
    assert "$3,000" in page
    _write(world, owes, client)
    _attach(world, client, here)
    _judge(world, owes, client, here)


def _write(world: Awarded, owes: Obligation, client: Client) -> None:
    """What is typed is kept, with errors too; another window is not overwritten."""
    autosave = reverse("applications:summary_autosave", args=[world.application.public_id])
    with clock.set_to(BEGUN):
        kept = client.post(
            autosave, json.dumps({"version": 0, "data": {"text": ["Soil"]}}), "application/json"
        )
        stale = client.post(
            autosave, json.dumps({"version": 0, "data": {"text": ["No"]}}), "application/json"
        )
        bad = client.post(autosave, "[]", "application/json")
    assert (kept.status_code, kept.json()["version"]) == (200, 1)
    assert (stale.status_code, bad.status_code) == (409, 400)

    # Errors keep what was typed; another window is not overwritten.
    too_long = post(client, world, do="hand_in", text="soil " * 601, version=1)
    assert too_long.status_code == 422
    assert "601 words" in too_long.content.decode()
    assert "soil soil" in too_long.content.decode()
    behind = post(client, world, do="hand_in", text="Mine", version=1)
    assert behind.status_code == 422
    assert "Changed in another window" in behind.content.decode()
    owes.refresh_from_db()
    assert owes.draft_text.startswith("soil soil")


def _attach(world: Awarded, client: Client, here: str) -> None:
    """A PDF alone, a long one with a warning, one in place of another; then it is handed in."""
    wrong = post(client, world, do="attach", text="Soil.", version=2, file=upload("a.png", picture()))
    assert wrong.status_code == 422
    assert "Save it as a PDF" in wrong.content.decode()
    post(client, world, do="attach", text="Soil.", version=3, file=upload("short.pdf", pdf(1)))
    post(client, world, do="attach", text="Soil.", version=3, file=upload("long.pdf", pdf(3)))
    page = get(client, here).content.decode()
    assert "long.pdf" in page
    assert "The PDF has 3 pages" in page
    assert "short.pdf" not in page
    assert Attachment.objects.count() == 1
    assert post(client, world, do="attach", text="Soil.", version=3).status_code == 422

    assert post(client, world, do="hand_in", text="Soil.", version=3).status_code == 302
    assert "We read it and write to you" in get(client, here).content.decode()


def _judge(world: Awarded, owes: Obligation, client: Client, here: str) -> None:
    """Staff read it, return it, and accept what comes next; the second half goes out."""
    world_manager = client_of(world.manager)
    listed = get(world_manager, reverse("admin:applications_obligation_changelist"))
    assert list(listed.context["cl"].result_list) == [owes]
    staff_page = get(world_manager, reverse("admin:applications_obligation_change", args=[owes.pk]))
    assert "Soil." in staff_page.content.decode()
    assert "long.pdf" in staff_page.content.decode()
    file = Attachment.objects.get()
    for person, code in (
        (world.manager, 200),
        (world.holder, 200),
        (make_member(make_program(), Role.MANAGER), 404),
    ):
        assert get(client_of(person), reverse("applications:file", args=[file.public_id])).status_code == code
    judge = reverse("admin:applications_obligation_judge", args=[owes.pk])
    with clock.set_to(BEGUN):
        old = world_manager.post(judge, {"do": "return", "number": 7, "words": "Why?"})
        assert old.status_code == 422
        assert "newer version" in old.content.decode()
        assert "Why?" in old.content.decode()
        world_manager.post(judge, {"do": "return", "number": 1, "words": "Which <b>soil</b>?"})
    page = get(client, here).content.decode()
    assert "Which &lt;b&gt;soil&lt;/b&gt;?" in page
    assert "Hand in again" in page
    assert "1 version handed in" in page
    post(client, world, do="detach", text="Clay.", version="")
    post(client, world, do="hand_in", text="Clay.", version="")
    with clock.set_to(BEGUN):
        done = world_manager.post(judge, {"do": "accept", "number": 2, "words": ""}, follow=True)
    assert "The second half of the credit goes out" in done.content.decode()
    assert "2 versions handed in" in get(client, here).content.decode()
    second = Grant.objects.get(half_of__isnull=False)
    assert get(client, reverse("applications:award_of", args=[second.uuid])).status_code == 302


def test_staff_waive_filter_and_see_only_what_is_theirs() -> None:
    world, owes = owing()
    auditor, reviewer = make_member(world.program, Role.AUDITOR), world.reviewers[0]
    page = reverse("admin:applications_obligation_change", args=[owes.pk])
    judge = reverse("admin:applications_obligation_judge", args=[owes.pk])
    listing, late = reverse("admin:applications_obligation_changelist"), BEGUN.replace(year=2028)

    assert "Not handed in yet" in get(client_of(auditor), page).content.decode()
    assert get(client_of(reviewer), page).status_code in (403, 404)
    assert get(client_of(make_member(make_program(), Role.MANAGER)), page).status_code == 404
    with clock.set_to(BEGUN):
        assert client_of(auditor).post(judge, {"do": "waive", "words": "x"}).status_code == 404
        assert client_of(world.manager).get(judge).status_code == 404
    found = get(
        client_of(world.manager), listing, at=late, **{"is": "late", "q": world.application.reference}
    )
    assert list(found.context["cl"].result_list) == [owes]
    assert "overdue" in found.content.decode()
    with clock.set_to(BEGUN):
        empty = client_of(world.manager).post(judge, {"do": "waive", "words": ""})
        client_of(world.manager).post(judge, {"do": "waive", "words": "Ended early."})
    owes.refresh_from_db()
    assert (empty.status_code, owes.state) == (422, ObligationState.WAIVED)
    here = reverse("applications:obligations", args=[world.application.public_id])
    told = get(client_of(world.holder), here).content.decode()
    assert "Nothing is owed for this award any more" in told
    assert "Ended early" not in told


def test_papers_are_listed_once_changed_and_removed_and_sensitive_ones_are_for_few() -> None:
    world = Awarded()
    client, new = (
        client_of(world.holder),
        reverse("applications:paper_new", args=[world.application.public_id]),
    )
    award = str(world.application.public_id)

    def send(page: str, **data: object) -> object:
        with clock.set_to(BEGUN):
            return client.post(page, data)

    assert send(new, links="", title="").status_code == 422
    bad = send(new, links="not an address", title="Kept <title>", awards=[award])
    assert bad.status_code == 422
    assert "Kept &lt;title&gt;" in bad.content.decode()
    links = "https://doi.org/10.5281/ZENODO.77\nhttps://example.org/preprint"
    sent = send(new, links=links, title="Soil at night", awards=[award], may_highlight="on")
    paper = Paper.objects.get()
    assert sent.status_code == 302
    assert [row.link for row in paper.links.all()] == ["10.5281/zenodo.77", "https://example.org/preprint"]
    twice = send(new, links="doi:10.5281/zenodo.77", title="Again")
    assert twice.status_code == 422
    assert "on your list already: “Soil at night”" in twice.content.decode()
    page = reverse("applications:paper", args=[paper.public_id])
    assert "10.5281/zenodo.77" in get(client, page).content.decode()
    send(page, links="10.5281/zenodo.77", title="Soil by night", awards=[award], sensitive="on")
    paper.refresh_from_db()
    assert (paper.title, paper.sensitive, paper.may_highlight) == ("Soil by night", True, False)
    listed = get(client, reverse("applications:obligations", args=[award])).content.decode()
    assert "Soil by night" in listed
    assert "Sensitive" in listed

    listing, export = (reverse(f"admin:applications_paper_{name}") for name in ("changelist", "export"))
    people = {role: make_member(world.program, role) for role in (Role.SCREENER, Role.AUDITOR)}
    people[Role.MANAGER] = world.manager
    reads = {
        role: "Soil by night" in get(client_of(who), listing).content.decode() for role, who in people.items()
    }
    assert reads == {Role.SCREENER: True, Role.AUDITOR: False, Role.MANAGER: True}
    audit = client_of(people[Role.AUDITOR])
    assert "A sensitive paper" in get(audit, listing).content.decode()
    for query in ({"q": "Soil"}, {"q": "10.5281/zenodo.77"}, {"highlight": "no"}):
        assert list(get(audit, listing, **query).context["cl"].result_list) == []
    for column in ({"title__startswith": "Soil"}, {"holder": world.holder.pk}):
        assert get(audit, listing, **column).status_code in (302, 400)  # the number of rows would tell
    closed = get(audit, export).content.decode()
    assert "zenodo" not in closed
    assert "night" not in closed
    assert world.holder.email not in closed
    assert "https://doi.org/10.5281/zenodo.77" in get(client_of(world.manager), export).content.decode()
    assert get(audit, f"/admin/applications/paper/{paper.pk}/change/").status_code == 404

    assert client_of(world.manager).post(page, {"do": "remove"}).status_code == 404
    send(page, do="remove")
    assert not Paper.objects.exists()


def test_a_form_for_papers_fills_the_list_and_a_dataset_is_asked_for_there() -> None:
    world, _owes = owing()
    form = make_request_form(world.program, kind=RequestKind.PAPER)
    asks = {"application": world.application, "by": world.holder, "at": BEGUN}
    make_request(form, title="One", links=["10.5281/zenodo.1"], sensitive="yes", care="x", **asks)
    make_request(form, title="Two", links=["10.5281/zenodo.1", "10.5281/zenodo.2"], **asks)
    paper = Paper.objects.get()
    assert (paper.title, paper.sensitive, list(paper.awards.all())) == ("One", True, [world.application])

    data = make_request_form(
        world.program,
        kind=RequestKind.DATASET,
        senders=RequestSenders.HOLDERS,
        outcomes=["approved", "declined"],
    )
    here = reverse("applications:obligations", args=[world.application.public_id])
    assert "Ask to publish a dataset" in get(client_of(world.holder), here).content.decode()
    asked = make_request(data, title="Soil set", **asks)
    requests.take(request_id=asked.pk, by=world.manager, at=BEGUN)
    requests.answer(
        request_id=asked.pk,
        outcome="approved",
        text="Yes.",
        conditions="Without names.",
        until_on=date(2027, 3, 1),
        by=world.manager,
        at=BEGUN,
    )
    page = get(client_of(world.holder), here).content.decode()
    assert "Approved with conditions" in page
    assert "Without names." in page
    assert "until Mon 1 Mar 2027" in page


def test_what_is_overdue_is_said_at_the_first_step() -> None:
    world, owes = owing()
    Obligation.objects.update(due_on=BEGUN.date() - timedelta(days=1))
    client = client_of(world.holder)
    with clock.set_to(BEGUN):
        page = client.post(reverse("applications:start", args=[world.program.slug]), {"country": "US"})

    assert "was due on" in page.content.decode()
    assert (
        "Overdue"
        in get(
            client, reverse("applications:obligations", args=[world.application.public_id])
        ).content.decode()
    )
    summaries.hand_in(obligation_id=owes.pk, text="Here.", version=None, by=world.holder, at=BEGUN)
    assert (
        "was due on"
        not in get(client, reverse("applications:award", args=[world.application.public_id])).content.decode()
    )


def test_reports_count_summaries_and_each_paper_once_and_hide_what_stands_for_few() -> None:
    world, owes = owing()
    other = make_user()
    for person, link in ((world.holder, "10.5281/one"), (other, "10.5281/one"), (other, "10.5281/two")):
        papers.add(
            typed=papers.Typed(links=link, title="T", awards=[world.application.pk]),
            program=world.program,
            by=person,
            at=BEGUN,
        )
    Paper.objects.filter(holder=other).first().awards.add(world.application)
    period = Period(world.program, year=2026)
    Obligation.objects.update(due_on=BEGUN.date() - timedelta(days=1))

    found = obligation_figures.of(desk_of(world.manager), period, at=BEGUN)

    assert (found.owed, found.overdue, found.papers, found.to_highlight) == (1, 1, 1, 0)
    page = reverse("admin:report_of_year", args=[world.program.pk, 2026])
    assert "After the awards" in get(client_of(world.manager), page).content.decode()
    assert obligation_figures.papers_of_year(world.program, 2026, least=2) == 2
    assert obligation_figures.papers_of_year(world.program, 2026, least=3) is None
    assert obligation_figures.papers_of_year(world.program, 2025, least=1) is None
    assert owes.state == ObligationState.OPEN


def test_a_summary_that_was_sent_signed_out_waits_and_goes_over_nothing_newer() -> None:
    world, owes = owing()
    client = Client()
    summaries.save(obligation_id=owes.pk, text="First", version=None, by=world.holder, at=BEGUN)
    away = post(client, world, text="Half a page", version="1", do="save")
    client.force_login(world.holder)

    shown = get(client, reverse("applications:obligations", args=[world.application.public_id]))
    summaries.save(obligation_id=owes.pk, text="Newer", version=1, by=world.holder, at=BEGUN)
    stale = post(client, world, text="Half a page", version=str(shown.context["version"]), do="save")

    owes.refresh_from_db()
    assert away.status_code == 302
    assert "Half a page" in shown.content.decode()
    assert stale.status_code == 422
    assert owes.draft_text == "Newer"
