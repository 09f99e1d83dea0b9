"""Pure: deal work to people. Conflicts and limits are never broken; then as even as they allow; then by what people know.

The heart is one move: a chain of people each of whom hands one look to the next. Such chains fill a gap that limits
left, and even out the load until no chain does it better, which is the best that conflicts and limits allow.
"""

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

NO_LIMIT = 10**9
MOST_CHAINS = 20_000
LOOKED_THROUGH = 40  # looks of one person that are tried for an exchange, so that matching stays quick


@dataclass(frozen=True)
class Reviewer:
    """A person. domain: of their institution, "" for none; room: how many more they take; tags: what they know."""

    pk: int
    domain: str
    room: int = NO_LIMIT
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """An application. topics: its field and topics, in the words of tags; wanted: looks, None for the usual number."""

    pk: int
    applicant_pk: int
    domain: str
    topics: frozenset[str] = frozenset()
    wanted: int | None = None


@dataclass
class Dealt:
    """pairs of (application, reviewer); short: application -> how many looks are missing and why, in words."""

    pairs: list[tuple[int, int]] = field(default_factory=list)
    short: dict[int, tuple[int, str]] = field(default_factory=dict)


NOBODY = "nobody holds the role or is here"
CONFLICTS = "everybody who is free of conflicts has it already, or there is nobody"
LIMITS = "those without a conflict have reached their limits"


def deal(
    subjects: Iterable[Subject],
    reviewers: Iterable[Reviewer],
    *,
    wanted: int,
    barred: Collection[tuple[int, int]],
    load: Mapping[int, int],
    seed: int,
    placed: Mapping[int, Collection[int]] | None = None,
) -> Dealt:
    """Deal every subject to the least loaded people who may look at it; ties fall by a seeded random order.

    load: what people have to do now. placed: subject -> people who have it already and can give it up; it stays with
    them as far as room and an even load allow, and is part of the pairs. load does not count it. A repeat with the same
    arguments gives the same answer.
    """
    table = _Table(list(reviewers), barred, dict(load), seed)
    listed = list(subjects)
    for subject in listed if placed else ():
        for pk in sorted((placed or {}).get(subject.pk, ())):
            table.keep(subject, pk)
    table.open()
    gaps: list[tuple[Subject, int]] = []
    for subject in listed:
        need = wanted if subject.wanted is None else subject.wanted
        need -= table.had[subject.pk] if placed else 0
        found = table.serve(subject, need)
        if found < need:
            gaps.append((subject, need - found))
    dealt = Dealt()
    for subject, missing in gaps:
        left = missing
        while left and table.squeeze_in(subject):
            left -= 1
        if left:
            dealt.short[subject.pk] = (left, table.why_short(subject))
    table.level()
    if not placed and any(reviewer.tags for reviewer in table.people.values()):
        table.match(listed)
    dealt.pairs = [(subject.pk, pk) for subject, pk in table.looks]
    return dealt


class _Table:
    """The state of one deal: looks in order, who has which, and how loaded everybody is."""

    def __init__(
        self, reviewers: list[Reviewer], barred: Collection[tuple[int, int]], load: dict[int, int], seed: int
    ) -> None:
        self.people = {reviewer.pk: reviewer for reviewer in reviewers}
        self.barred = barred
        self.room = {pk: reviewer.room for pk, reviewer in self.people.items()}
        self.load = {pk: load.get(pk, 0) for pk in self.people}
        self.dice = random.Random(seed)
        self.looks: list[tuple[Subject, int]] = []
        self.places: dict[int, list[int]] = defaultdict(list)
        self.taken: set[tuple[int, int]] = set()
        self.had: dict[int, int] = defaultdict(int)
        self.heap: list[tuple[int, float, int]] = []

    def keep(self, subject: Subject, pk: int) -> None:
        """Let somebody who has a subject already keep it, if they are there and have room for it."""
        if self.room.get(pk, 0) > 0 and self.may_look(subject, pk):
            self._add(subject, pk)
            self.had[subject.pk] += 1

    def open(self) -> None:
        """Set out whoever has room, the least loaded on top."""
        self.heap = [
            (self.load[pk], self.dice.random(), pk) for pk in sorted(self.people) if self.room[pk] > 0
        ]
        heapq.heapify(self.heap)

    def may_look(self, subject: Subject, pk: int) -> bool:
        own = subject.domain and subject.domain == self.people[pk].domain
        return not own and pk != subject.applicant_pk and (subject.pk, pk) not in self.barred

    def serve(self, subject: Subject, need: int) -> int:
        """Give a subject to the least loaded; returns how many looks were found."""
        found, aside = 0, []
        while self.heap and found < need:
            count, tie, pk = heapq.heappop(self.heap)
            if not self._free_for(subject, pk):
                aside.append((count, tie, pk))
                continue
            self._add(subject, pk)
            found += 1
            if self.room[pk] > 0:
                aside.append((count + 1, self.dice.random(), pk))
        for item in aside:
            heapq.heappush(self.heap, item)
        return found

    def squeeze_in(self, subject: Subject) -> bool:
        """Make room with somebody who has reached their limit, by a chain that ends at somebody who has not."""
        full = [
            pk
            for pk in sorted(self.people)
            if self.people[pk].room and (subject.pk, pk) not in self.taken and self.may_look(subject, pk)
        ]
        if not self._pass_on(full, lambda pk: self.room[pk] > 0):
            return False
        taker = next(pk for pk in full if self.room[pk] > 0)
        self._add(subject, taker)
        return True

    def level(self) -> None:
        """Hand looks on until nobody has two more than somebody a chain could reach."""
        settled: set[int] = set()
        for _ in range(MOST_CHAINS):
            givers = sorted(
                (pk for pk in self.people if pk not in settled and self.places[pk]),
                key=lambda pk: (-self.load[pk], pk),
            )
            if not givers or self.load[givers[0]] <= min(self.load.values()) + 1:
                return
            giver = givers[0]
            if self._pass_on([giver], partial(self._much_lower, self.load[giver])):
                settled.clear()
            else:
                settled.add(giver)

    def _much_lower(self, height: int, pk: int) -> bool:
        return self.load[pk] < height - 1 and self.room[pk] > 0

    def match(self, subjects: Iterable[Subject]) -> None:
        """Exchange looks between two people where one of them then reads what they know. Nobody's load changes."""
        knows: dict[str, list[int]] = defaultdict(list)
        for pk, reviewer in sorted(self.people.items()):
            for tag in reviewer.tags:
                knows[tag].append(pk)
        for place in range(len(self.looks)):
            subject, holder = self.looks[place]
            if self._fits(subject, holder):
                continue
            for pk in dict.fromkeys(pk for topic in sorted(subject.topics) for pk in knows.get(topic, ())):
                if self._exchange(place, holder, pk):
                    break

    def why_short(self, subject: Subject) -> str:
        if not any(reviewer.room for reviewer in self.people.values()):
            return NOBODY if not self.people else LIMITS
        free = [pk for pk in self.people if self.may_look(subject, pk) and (subject.pk, pk) not in self.taken]
        return LIMITS if free else CONFLICTS

    # --- moves

    def _add(self, subject: Subject, pk: int) -> None:
        self.places[pk].append(len(self.looks))
        self.looks.append((subject, pk))
        self.taken.add((subject.pk, pk))
        self.load[pk] += 1
        self.room[pk] -= 1

    def _fits(self, subject: Subject, pk: int) -> bool:
        return not subject.topics.isdisjoint(self.people[pk].tags)

    def _free_for(self, subject: Subject, pk: int) -> bool:
        return (subject.pk, pk) not in self.taken and self.may_look(subject, pk)

    def _pass_on(self, starts: list[int], ends: Callable[[int], bool]) -> bool:
        """Find the shortest chain of hand-overs from one of the starts to an end, and make it. The start loses one."""
        came_from: dict[int, tuple[int, int] | None] = dict.fromkeys(starts)
        waiting = deque(starts)
        while waiting:
            giver = waiting.popleft()
            for taker in sorted(
                (pk for pk in self.people if pk not in came_from), key=lambda pk: (self.load[pk], pk)
            ):
                place = next(
                    (at for at in self.places[giver] if self._free_for(self.looks[at][0], taker)), None
                )
                if place is None:
                    continue
                came_from[taker] = (giver, place)
                if ends(taker):
                    self._walk_back(taker, came_from)
                    return True
                waiting.append(taker)
        return False

    def _walk_back(self, taker: int, came_from: Mapping[int, tuple[int, int] | None]) -> None:
        step = came_from[taker]
        while step is not None:
            giver, place = step
            self._hand(place, giver, taker)
            taker, step = giver, came_from[giver]

    def _hand(self, place: int, giver: int, taker: int) -> None:
        subject = self.looks[place][0]
        self.looks[place] = (subject, taker)
        self.taken.discard((subject.pk, giver))
        self.taken.add((subject.pk, taker))
        self.places[giver].remove(place)
        self.places[taker].append(place)
        self.load[giver] -= 1
        self.load[taker] += 1
        self.room[giver] += 1
        self.room[taker] -= 1

    def _exchange(self, place: int, holder: int, wanted: int) -> bool:
        subject = self.looks[place][0]
        if wanted == holder or not self._free_for(subject, wanted):
            return False
        mine = self.places[wanted]
        begin = self.dice.randrange(len(mine)) if mine else 0
        for step in range(min(LOOKED_THROUGH, len(mine))):
            back = mine[(begin + step) % len(mine)]
            other = self.looks[back][0]
            gains = self._fits(other, holder) or not self._fits(other, wanted)
            if gains and self._free_for(other, holder):
                self._hand(place, holder, wanted)
                self._hand(back, wanted, holder)
                return True
        return False
