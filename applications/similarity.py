"""Pure: find texts that say nearly the same, without comparing each with each.

One-permutation MinHash (Li, Owen and Zhang, 2012): every word triple is hashed once, the hash picks one of BINS bins
and each bin keeps its smallest value. Two texts share about as many bins as they share triples. ROWS bins together
make a band; texts that share no band are never compared.
"""

import re
import zlib
from collections.abc import Iterable

BINS = 64
ROWS = 4
WORDS_AT_LEAST = 12
ALIKE = 0.6
"""Share of equal bins from which two texts are shown together. People decide; the figure only orders the list."""

_EMPTY = -1
_WORD = re.compile(r"\w+", re.UNICODE)


def signature(texts: Iterable[str]) -> list[int]:
    """BINS numbers for the texts of one application; an empty list when they are too short to compare."""
    words = _WORD.findall(" ".join(texts).lower())
    if len(words) < WORDS_AT_LEAST:
        return []
    bins = [_EMPTY] * BINS
    crc = zlib.crc32
    for triple in zip(words, words[1:], words[2:], strict=False):
        value = crc(" ".join(triple).encode())
        place, rest = value % BINS, value // BINS
        if bins[place] == _EMPTY or rest < bins[place]:
            bins[place] = rest
    return _filled(bins)


def bands(bins: list[int]) -> list[int]:
    """The keys under which near-duplicates meet: one for each ROWS bins, different for each place."""
    keys = []
    for start in range(0, len(bins), ROWS):
        text = f"{start}:" + ",".join(map(str, bins[start : start + ROWS]))
        keys.append(zlib.crc32(text.encode()) + (start << 32))
    return keys


def alike(one: list[int], other: list[int]) -> float:
    """Estimated share of common word triples, 0 to 1."""
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
