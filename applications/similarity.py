"""Pure: find texts that say nearly the same, without comparing each with each.

One-permutation MinHash (Li, Owen and Zhang, 2012): every feature of a text is hashed once, the hash picks one of BINS
bins and each bin keeps its smallest value. Two texts share about as many bins as they share features. ROWS bins together
make a band; texts that share no band are never compared. Features are pairs of neighbouring words that carry meaning, in
either order, and the long words themselves, each of these several times over: a synonym takes two pairs away and one long
word, so long words must weigh more. A text stays itself when paragraphs change places, headings are translated, numbers
change and one word in five, or nearly every third that carries meaning, becomes another.
"""

import re
import zlib
from collections.abc import Iterable
from itertools import pairwise

BINS = 96
"""Sketches of different length never meet: whoever changes this or the features draws the kept ones anew (migration)."""
ROWS = 3
WORDS_AT_LEAST = 12
ALIKE = 0.6
"""Share of equal bins from which the checks flag two texts of a program, unless its rule says another."""
KIN = 0.3
"""Share from which two texts stand in one group for people to compare. Honest texts share about 0.03."""

_EMPTY = -1
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|\w+"
)  # Chinese and Japanese have no spaces: each sign counts
_FIRST_SIGN = "\u3040"
_LONG = 6
_WEIGHT = ("", "#", "##")  # a long word counts once for each


def signature(texts: Iterable[str]) -> list[int]:
    """BINS numbers for the texts of one application; an empty list when they are too short to compare."""
    words = _WORD.findall(" ".join(texts).lower())
    if len(words) < WORDS_AT_LEAST:
        return []
    telling = [word for word in words if len(word) > 3 or word.isdigit() or word[0] >= _FIRST_SIGN]
    features = {f"{one} {other}" if one < other else f"{other} {one}" for one, other in pairwise(telling)}
    features |= {word + mark for word in set(telling) if len(word) > _LONG for mark in _WEIGHT}
    bins = [_EMPTY] * BINS
    crc = zlib.crc32
    for feature in features:
        rest, place = divmod(crc(feature.encode()), BINS)
        if bins[place] == _EMPTY or rest < bins[place]:
            bins[place] = rest
    if all(value == _EMPTY for value in bins):
        return []
    return _filled(bins)


def bands(bins: list[int]) -> list[int]:
    """The keys under which near-duplicates meet: one for each ROWS bins, different for each place."""
    keys = []
    for start in range(0, len(bins), ROWS):
        text = f"{start}:" + ",".join(map(str, bins[start : start + ROWS]))
        keys.append(zlib.crc32(text.encode()) + (start << 32))
    return keys


def alike(one: list[int], other: list[int]) -> float:
    """Estimated share of common features, 0 to 1."""
    if not one or len(one) != len(other):
        return 0.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def _filled(bins: list[int]) -> list[int]:
    """Give an empty bin the value of the next full one, so that short texts still meet (rotation densification)."""
    last = next(value for value in reversed(bins) if value != _EMPTY)
    filled = list(bins)
    for place in range(len(bins) - 1, -1, -1):
        if bins[place] == _EMPTY:
            filled[place] = last + 1
        else:
            last = bins[place]
            filled[place] = last
    return filled
