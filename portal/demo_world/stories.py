"""What becomes of each application of the demo world."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from portal.demo_world.projects import BY_PROGRAM, Project


class Fate(StrEnum):
    """How an application stands when the demo begins."""

    # In an evaluation that is over
    DECLINED = "declined"
    USED = "awarded, posted and in use"
    POSTED = "awarded and posted"
    REFUSED = "awarded, refused by the provider"
    ON_ITS_WAY = "awarded, sent, not confirmed"
    NOT_ACCEPTED = "awarded, terms not accepted"
    WITHDRAWN = "withdrawn before the cut-off"
    # In the evaluation under review
    TO_AWARD = "two reviews, award proposed"
    TO_APPROVE = "two reviews, award above the limit waits for a second person"
    TO_DECLINE = "two reviews, decline proposed"
    DISPUTED = "two reviews far apart"
    HALF = "one review, one draft"
    ONE = "one review"
    STEPPED_BACK = "one review, one reviewer stepped back"
    BEGUN = "a draft review"
    UNREAD = "nobody looked yet"
    # In the evaluation that is open
    SENT = "sent"
    DRAFT = "a draft"


AWARDED = (Fate.USED, Fate.POSTED, Fate.REFUSED, Fate.ON_ITS_WAY, Fate.NOT_ACCEPTED)

OLDER = [Fate.USED, Fate.POSTED, Fate.USED, Fate.REFUSED, *[Fate.DECLINED] * 4, Fate.WITHDRAWN]
NEWER = [Fate.USED, Fate.ON_ITS_WAY, Fate.NOT_ACCEPTED, Fate.POSTED, *[Fate.DECLINED] * 4]
UNDER_WAY = [
    Fate.TO_AWARD, Fate.TO_APPROVE, Fate.TO_DECLINE, Fate.HALF, Fate.ONE, Fate.UNREAD, Fate.STEPPED_BACK, Fate.BEGUN,
    Fate.UNREAD, Fate.DISPUTED,
]  # fmt: skip
OPEN = [Fate.SENT, Fate.SENT, Fate.DRAFT, Fate.DRAFT]


@dataclass(frozen=True)
class Story:
    """One application. person: a key of PEOPLE, or "" for somebody else; like: the place of the story whose text it
    repeats almost word for word; again: the place of the declined story that the same person sends anew.
    """

    place: int
    cycle: str
    fate: Fate
    project: Project
    person: str = ""
    like: int | None = None
    again: int | None = None


# Program and place -> who of PEOPLE that is.
_PERSONS = {
    ("ai-for-science", 0): "grantee",
    ("ai-for-science", 2): "overdue",
    ("ai-for-science", 9): "ending",
    ("ai-for-science", 11): "lapsed",
    ("external-researcher-access", 2): "held",
    ("external-researcher-access", 9): "moved",
    ("openai-researcher-access", 0): "topped",
    ("openai-researcher-access", 11): "awarded",
    ("ai-for-science", 20): "applicant",
    ("ai-for-science", 30): "drafting",
}
_LIKE = {22: 21}  # in the evaluation under way: two accounts, nearly one text
_AGAIN = {23: 4, 27: 5}  # declined before, sent again in another form
_WITH_A_WAIT = ("external-researcher-access",)  # programs whose waiting time is longer than the demo's past
SAME_ORGANIZATION = {26: 24}  # two accounts name one organization ID


def of(slug: str) -> Iterator[Story]:
    """The stories of one program in the order in which they are told."""
    projects = BY_PROGRAM[slug]
    again = {} if slug in _WITH_A_WAIT else _AGAIN
    fates = [("older", fate) for fate in OLDER] + [("newer", fate) for fate in NEWER]
    fates += [("under_way", fate) for fate in UNDER_WAY] + [("open", fate) for fate in OPEN]
    fresh = 0
    told: list[Story] = []
    for place, (cycle, fate) in enumerate(fates):
        earlier = _LIKE.get(place, again.get(place))
        if earlier is not None:
            project = told[earlier].project
        else:
            project = projects[fresh % len(projects)]
            fresh += 1
        story = Story(
            place=place,
            cycle=cycle,
            fate=fate,
            project=project,
            person=_PERSONS.get((slug, place), ""),
            like=_LIKE.get(place),
            again=again.get(place),
        )
        told.append(story)
        yield story
