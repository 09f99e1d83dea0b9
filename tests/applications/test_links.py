"""What applications have in common: texts that read alike, shared facts, groups, and verdicts that stay."""

import random
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import groups, near, screening, similarity
from applications.models import (
    Application,
    Attachment,
    Link,
    LinkFinding,
    LinkKind,
    LinkVerdict,
    TextSketch,
)
from applications.states import State
from portal import clock
from portal.roles import Role
from programs import staff
from tests.applications.test_conflicts import program_with_everything
from tests.factories import applications as make
from tests.factories.sharing import share
from tests.factories.staff import signed_in

pytestmark = pytest.mark.django_db

TEXT = " ".join(f"word{number} of the study" for number in range(60))


class Author:
    """Texts of a made-up language: common words in every text of a field, rare ones in one; and clones of them."""

    def __init__(self, seed: int = 1) -> None:
        self.dice = random.Random(seed)
        syllables = [one + two for one in "bdfgklmnprstv" for two in ("a", "e", "i", "o", "u", "an", "el")]
        self.words = ["".join(self.dice.choices(syllables, k=self.dice.randint(1, 4))) for _ in range(6_000)]
        self.weights = [1 / (place + 20) for place in range(len(self.words))]
        self.headings = ["Question", "Method", "Why a model", "Milestones"]

    def text(self) -> str:
        parts = []
        for heading in self.headings:
            sentences = [
                " ".join(self.dice.choices(self.words, weights=self.weights, k=self.dice.randint(8, 18)))
                + f" {self.dice.randint(2, 400)}."
                for _ in range(6)
            ]
            parts.append(f"{heading}\n" + " ".join(sentences))
        return "\n\n".join(parts)

    def reworded(self, text: str) -> str:
        """One word in five is another, as synonyms would have it."""
        words = text.split(" ")
        chosen = set(self.dice.sample(range(len(words)), len(words) // 5))
        return " ".join(self.dice.choice(self.words) if n in chosen else word for n, word in enumerate(words))

    def shuffled(self, text: str) -> str:
        paragraphs = text.split("\n\n")
        self.dice.shuffle(paragraphs)
        return "\n\n".join(paragraphs)

    def translated(self, text: str) -> str:
        for heading, other in zip(self.headings, TRANSLATED, strict=True):
            text = text.replace(f"{heading}\n", f"{other}\n")
        return text

    def recounted(self, text: str) -> str:
        return re.sub(r"\d+", lambda _: str(self.dice.randint(2, 400)), text)

    def everything(self, text: str) -> str:
        """All of it in one clone."""
        return self.translated(self.shuffled(self.recounted(self.reworded(text))))


TRANSLATED = ("Frage", "Vorgehen", "Warum ein Modell", "Schritte")
CHANGES = (Author.reworded, Author.shuffled, Author.translated, Author.recounted, Author.everything)


def test_planted_clones_are_grouped_and_honest_texts_are_not() -> None:
    """Two hundred clones, forty of each kind."""
    author = Author()
    honest = [author.text() for _ in range(500)]
    planted = [(place, CHANGES[place % len(CHANGES)](author, honest[place])) for place in range(200)]
    program = make.make_program()
    rows = make.make_many(program, 700, state=State.SUBMITTED)
    texts = honest + [clone for _, clone in planted]
    TextSketch.objects.bulk_create(
        TextSketch(application=row, signature=bins, bands=similarity.bands(bins))
        for row, bins in zip(rows, (similarity.signature([text]) for text in texts), strict=True)
    )

    make.make_batch(program, submitted=rows[:1], assign=False)

    pairs = set(Link.objects.filter(kind=LinkKind.TEXT).values_list("one_id", "other_id"))
    wanted = {(rows[place].pk, rows[500 + number].pk): place for number, (place, _) in enumerate(planted)}
    met = Counter(CHANGES[wanted[pair] % len(CHANGES)].__name__ for pair in wanted.keys() & pairs)
    assert all(met[change.__name__] >= 36 for change in CHANGES), met
    assert len(pairs - wanted.keys()) <= 5  # of 125 thousand honest pairs


def test_texts_are_compared_across_cycles_and_programs_but_never_with_ones_own() -> None:
    first, second = make.make_program(), make.make_program()
    person = make.make_user()
    one = make.make_submitted(first, applicant=person, abstract=TEXT)
    make.make_batch(first, submitted=[one])
    again = make.make_submitted(second, applicant=person, abstract=TEXT)
    other = make.make_submitted(second, abstract=TEXT.replace("word7 ", "changed "))

    make.make_batch(second, submitted=[again, other])

    found = set(Link.objects.filter(kind=LinkKind.TEXT).values_list("one_id", "other_id"))
    assert found == {(one.pk, other.pk), (again.pk, other.pk)}


def test_shared_facts_link_and_each_only_with_its_kind() -> None:
    program = program_with_everything()
    shared = {"organization_id": make.ORGANIZATION_ID}
    one = make.make_submitted(program, **shared, phone="+49 30 1234567")
    two = make.make_submitted(program, organization_id=make.ORGANIZATION_ID.upper())
    three = make.make_submitted(program, phone="0049 (30) 123 45 67")
    box = make.make_submitted(
        program, applicant=make.make_user("ada.l@gmail.com"), institution="Institute of Lakes"
    )
    same_box = make.make_submitted(program, applicant=make.make_user("adal+2@gmail.com"))
    lab = make.make_submitted(
        program,
        institution="The Institute of the Lakes",
        team=[{"name": "Prof. Mary Somerville", "role": ""}],
    )
    same_lab = make.make_submitted(
        program, institution="Lakes Institute", team=[{"name": "SOMERVILLE Mary", "role": ""}]
    )
    for row in (two, lab):
        Attachment.objects.create(
            application=row,
            question_key="files",
            name="plan.pdf",
            content_type="application/pdf",
            size_bytes=1,
            sha256="a" * 64,
            state="clean",
            uploaded_by=row.applicant,
            uploaded_at=make.BEFORE,
        )

    make.make_batch(program, submitted=[one])

    found = {(link.one_id, link.other_id, link.kind) for link in Link.objects.exclude(kind=LinkKind.TEXT)}
    assert found == {
        (one.pk, two.pk, LinkKind.ORGANIZATION_ID),
        (one.pk, three.pk, LinkKind.PHONE),
        (box.pk, same_box.pk, LinkKind.MAILBOX),
        (lab.pk, same_lab.pk, LinkKind.LAB),
        (two.pk, lab.pk, LinkKind.FILE),
    }


def test_boilerplate_in_many_texts_is_named_and_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "MOST_IN_A_BUCKET", 5)
    author = Author(3)
    passage = author.text()
    program = make.make_program()
    sent = [make.make_submitted(program, abstract=passage[:1400]) for _ in range(8)]

    make.make_batch(program, submitted=sent)

    assert not Link.objects.filter(kind=LinkKind.TEXT).exists()
    found = LinkFinding.objects.order_by("-number")[0]
    assert found.number >= 6
    assert found.example in sent


def test_a_shared_id_of_many_links_each_once_and_not_each_with_each() -> None:
    program = make.make_program()
    rows = make.make_many(program, 300)
    Application.objects.filter(pk__in=[row.pk for row in rows]).update(
        organization_id_text=make.ORGANIZATION_ID
    )

    make.make_batch(program, submitted=rows[:1], assign=False)

    assert Link.objects.filter(kind=LinkKind.ORGANIZATION_ID).count() == 299


def test_screening_again_finds_the_same_and_a_late_entry_is_compared_by_itself() -> None:
    program = make.make_program()
    one = make.make_submitted(program, abstract=TEXT)
    batch = make.make_batch(program, submitted=[one])
    before = Link.objects.count()

    late = make.make_many(program, 1, state=State.IN_REVIEW)[0]
    bins = similarity.signature([TEXT])
    TextSketch.objects.create(application=late, signature=bins, bands=similarity.bands(bins))
    from applications.models import BatchEntry, LateEntry

    code = LateEntry.objects.create(
        cycle=batch.cycle,
        code_hash="x" * 64,
        reason="Mail was down",
        expires_at=make.AFTER + timedelta(days=1),
        made_by=one.applicant,
        made_at=make.AFTER,
    )
    BatchEntry.objects.create(batch=batch, application=late, position=99, late=True, late_entry=code)
    near.in_batch(batch, at=make.AFTER, application_id=late.pk)
    near.in_batch(batch, at=make.AFTER, application_id=late.pk)

    assert before == 0
    assert [(link.one_id, link.other_id) for link in Link.objects.all()] == [(one.pk, late.pk)]
    assert screening.screen(batch_id=batch.pk, at=make.AFTER) == {}


# --- Groups


def _linked(number: int = 3) -> dict[str, Any]:
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    author = Author(number)
    sent = [
        make.make_submitted(program, organization_id=make.ORGANIZATION_ID, abstract=author.text()[:1400])
        for _ in range(number)
    ]
    batch = make.make_batch(program, submitted=sent)
    return {"program": program, "manager": manager, "rows": sent, "cycle": batch.cycle}


def test_a_group_is_shown_once_and_only_with_what_its_reader_may_see() -> None:
    world, strangers = _linked(), make.make_program()
    elsewhere = make.make_submitted(
        strangers, organization_id=make.ORGANIZATION_ID, abstract=Author(9).text()[:1400]
    )
    make.make_batch(strangers, submitted=[elsewhere])
    desk = staff.desk_of(world["manager"])

    (group,) = groups.of_cycle(desk, world["cycle"])

    assert [member.application.pk for member in group.members] == [row.pk for row in world["rows"]]
    assert group.hidden == 1
    assert group.kinds == ["Same organization ID"]
    assert "Applicant" in group.differing
    assert "Organization ID" not in group.differing


def test_not_the_same_stays_takes_out_one_and_rejects_nobody() -> None:
    world = _linked()
    one, two, three = world["rows"]
    desk = staff.desk_of(world["manager"])

    with pytest.raises(groups.CannotSay, match="Say in a few words"):
        groups.not_the_same(
            application_id=two.pk, others=[one.pk], reason=" ", by=world["manager"], at=make.AFTER
        )
    new = groups.not_the_same(
        application_id=two.pk,
        others=[one.pk, three.pk],
        reason="Another team",
        by=world["manager"],
        at=make.AFTER,
    )
    again = groups.not_the_same(
        application_id=two.pk,
        others=[one.pk, three.pk],
        reason="Another team",
        by=world["manager"],
        at=make.AFTER,
    )
    Link.objects.all().delete()
    near.link_shared(world["cycle"].batch, at=make.AFTER)

    (group,) = groups.of_cycle(desk, world["cycle"])
    assert (new, again) == (2, 0)
    assert [member.application.pk for member in group.members] == [one.pk, three.pk]
    assert set(Application.objects.values_list("state", flat=True)) == {State.IN_REVIEW}
    assert LinkVerdict.objects.count() == 2


def test_components_are_what_hangs_together() -> None:
    assert groups.components([(1, 2), (3, 4), (2, 5), (6, 3)]) == [{1, 2, 5}, {3, 4, 6}]
    assert groups.components([]) == []


def test_the_pages_show_the_group_compare_two_and_take_a_verdict() -> None:
    world = _linked()
    one, two, three = world["rows"]
    client = signed_in(world["manager"])
    cycle = world["cycle"].pk
    with clock.set_to(make.AFTER):
        listed = client.get(reverse("admin:groups_of", args=[cycle]))
        shown = client.get(reverse("admin:group", args=[cycle, one.pk]), {"with": three.pk})
        said = client.post(
            reverse("admin:group_not_the_same", args=[cycle, one.pk]),
            {"member": two.pk, "reason": "Another team"},
            follow=True,
        )
        outsider = client.post(
            reverse("admin:group_not_the_same", args=[cycle, one.pk]), {"member": "1", "reason": "x"}
        )

    assert len(listed.context["page"].object_list) == 1
    assert f"{one.reference} and {three.reference}" in shown.text
    assert "<ins>" in shown.text
    assert "Another team" in said.text
    assert outsider.status_code == 302
    assert LinkVerdict.objects.count() == 2


def test_strangers_reviewers_and_conflicted_managers_get_no_group() -> None:
    world = _linked()
    reviewer = make.make_member(world["program"])
    other = make.make_member(make.make_program(), Role.MANAGER)
    tied = make.make_member(world["program"], Role.MANAGER)
    one = world["rows"][0]
    share(one, tied)
    page = reverse("admin:group", args=[world["cycle"].pk, one.pk])
    board = reverse("admin:groups_of", args=[world["cycle"].pk])

    with clock.set_to(make.AFTER):
        answers = {
            name: (signed_in(user).get(page).status_code, signed_in(user).get(board).status_code)
            for name, user in {"reviewer": reviewer, "other": other, "tied": tied}.items()
        }
        rest = signed_in(tied).get(board)

    assert answers == {"reviewer": (403, 403), "other": (404, 404), "tied": (404, 200)}
    assert one.title not in rest.text
    assert str(one.reference) not in rest.text


def test_the_pages_cost_the_same_at_any_size() -> None:
    counts = []
    for number in (2, 40):
        world = _linked(number)
        client = signed_in(world["manager"])
        for name, more in (("groups_of", []), ("group", [world["rows"][0].pk])):
            page = reverse(f"admin:{name}", args=[world["cycle"].pk, *more])
            with clock.set_to(make.AFTER):
                client.get(page)
                with CaptureQueriesContext(connection) as queries:
                    assert client.get(page).status_code == 200
            counts.append((name, len(queries)))

    assert counts[0] == counts[2]
    assert counts[1] == counts[3]
    assert max(number for _, number in counts) <= 15
