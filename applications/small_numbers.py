"""Pure: counts that may be shown to everybody. No number stands for a few people, and none can be computed back.

The rule, with k the smallest number that may be told (docs/security.md, "Figures for everybody"):

1. Groups with fewer than k applications are shown together as "All others". If these are fewer than k as well, the
   smallest shown group joins them, until they are k.
2. A number of awards is hidden where fewer than k got one or fewer than k got none: "nobody of these" tells about each.
3. If one number is hidden, the total would give it away. So further numbers are hidden, the smallest first, until at
   least two are, and together they stand for at least k awards and at least k applications without one.

From everything that is shown, each hidden number can then still be any of at least k + 1 values.
"""

from collections.abc import Iterable
from dataclasses import dataclass

OTHERS = "All others"


@dataclass(frozen=True)
class Row:
    """One group. awards None: hidden."""

    name: str
    applications: int
    awards: int | None


def told(applications: int, awards: int, *, k: int) -> int | None:
    """A number of awards, or None where it says too much about a few."""
    return awards if awards >= k and applications - awards >= k else None


def hide(groups: Iterable[tuple[str, int, int]], *, k: int) -> list[Row]:
    """Groups as (name, applications, awards), made safe: the largest first, "All others" last. Empty when all are few.

    Raises ValueError for a group with more awards than applications.
    """
    found = sorted((group for group in groups if group[1]), key=lambda group: (-group[1], group[0]))
    if any(not 0 <= awards <= applications for _, applications, awards in found):
        raise ValueError("a group has no more awards than applications")
    shown = [group for group in found if group[1] >= k]
    few = [group for group in found if group[1] < k]
    while few and sum(group[1] for group in few) < k and shown:
        few.append(shown.pop())
    if few:
        shown.append((OTHERS, sum(group[1] for group in few), sum(group[2] for group in few)))
    if sum(group[1] for group in shown) < k:
        return []
    hidden = _hidden(shown, k)
    return [
        Row(name, applications, None if place in hidden else awards)
        for place, (name, applications, awards) in enumerate(shown)
    ]


def _hidden(shown: list[tuple[str, int, int]], k: int) -> set[int]:
    hidden = {
        place
        for place, (_, applications, awards) in enumerate(shown)
        if told(applications, awards, k=k) is None
    }
    if not hidden:
        return hidden
    rest = sorted(set(range(len(shown))) - hidden, key=lambda place: (shown[place][2], place))

    def safe() -> bool:
        awards = sum(shown[place][2] for place in hidden)
        others = sum(shown[place][1] - shown[place][2] for place in hidden)
        return len(hidden) >= 2 and awards >= k and others >= k

    while rest and not safe():
        hidden.add(rest.pop(0))
    return hidden
