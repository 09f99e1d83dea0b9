"""Pure: names of institutions as words that can be compared, whatever the script, accents and small typing errors.

PostgreSQL's unaccent and pg_trgm are not on every server, so the folding is done here, for the stored names and for
what somebody types alike.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MOST_WORDS = 60  # kept of one institution, names and aliases together
LONGEST_WORD = 40
SHORTEST_FUZZY = (
    4  # shorter words are found by their beginning only: nearly everything is one letter away from them
)
PREFIXES = (4, 6)  # letters; short words and those still being typed, and the others

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ħ": "h",
        "ŋ": "n",
        "ə": "e",
    }
)
# Cyrillic and Greek in Latin letters, so that a name is found by who types it either way.
_CYRILLIC = dict(
    zip(
        "абвгдежзиклмнопрстуфхцчшщъыьэюяієґљњћђџјқңғүұһөә",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "zh",
            "z",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "_",
            "y",
            "_",
            "e",
            "yu",
            "ya",
            "i",
            "e",
            "g",
            "lj",
            "nj",
            "c",
            "dj",
            "dz",
            "j",
            "q",
            "n",
            "g",
            "u",
            "u",
            "h",
            "o",
            "a",
        ],
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        [
            "a",
            "v",
            "g",
            "d",
            "e",
            "z",
            "i",
            "th",
            "i",
            "k",
            "l",
            "m",
            "n",
            "x",
            "o",
            "p",
            "r",
            "s",
            "s",
            "t",
            "y",
            "f",
            "ch",
            "ps",
            "o",
        ],
        strict=True,
    )
)
_TO_LATIN = str.maketrans({letter: latin.strip("_") for letter, latin in {**_CYRILLIC, **_GREEK}.items()})
# Scripts that are written without blanks: any part of such a run is where somebody may begin to type.
_RUN_TOGETHER = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]{3,}"
)
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile("['’ʼʻ`´‘]")


def fold(text: str) -> str:
    """Text without case, accents and punctuation: "Université d’Orléans" -> "universite dorleans"."""
    if text.isascii():
        return " ".join(_WORD.findall(text.replace("'", "").replace("`", "").lower()))
    apart = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text).casefold())
    plain = "".join(sign for sign in apart if not unicodedata.category(sign).startswith("M"))
    return " ".join(_WORD.findall(plain.translate(_LETTERS)))


def words(text: str) -> list[str]:
    """The words of a text as they are compared, in order, each once."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in fold(text).split()))


def in_latin(word: str) -> str:
    """A Cyrillic or Greek word in Latin letters; any other as it is."""
    return word.translate(_TO_LATIN)


def searchable(names: Iterable[str], domains: Iterable[str] = ()) -> list[str]:
    """Every word by which an institution is found: of its names and aliases, and its name on the internet."""
    found: dict[str, None] = {}
    for name in names:
        for word in words(name):
            found |= dict.fromkeys((word, in_latin(word)))
            found |= dict.fromkeys(_inner_beginnings(word))
        found[initials(name)] = None
    for domain in domains:
        found |= dict.fromkeys(_own_labels(domain))
    found.pop("", None)
    return list(found)[:MOST_WORDS]


def initials(name: str) -> str:
    """The acronym people make of a name, "" for a short one: "Massachusetts Institute of Technology" -> "mit"."""
    capitals = [part[0] for part in re.split(r"[\s-]+", name) if part[:1].isupper()]
    return fold("".join(capitals)).replace(" ", "") if len(capitals) >= 3 else ""


def _inner_beginnings(word: str) -> Iterator[str]:
    if _RUN_TOGETHER.fullmatch(word):
        for start in range(1, len(word) - 1):
            yield word[start:]


def _own_labels(domain: str) -> list[str]:
    """The labels of a domain that name somebody: "web.mit.edu" -> web, mit; country and kind say nothing."""
    labels = domain.lower().split(".")[:-1]
    kinds = ("ac", "co", "edu", "org", "com", "gov", "www")
    return [word for label in labels if label not in kinds for word in words(label) if len(word) > 1]


# --- Typing errors ----------------------------------------------------------------------------------------------------------


def typo_keys(word: str) -> list[str]:
    """What is left of the beginnings of a word when at most one letter is taken out.

    Two words that differ by one typing error (a letter too many, too few, wrong, or two swapped) near their beginning
    share such a key, also while the longer one is still being typed. Errors further on leave the beginning alone. So one
    index lookup finds the candidates, and `distance` judges them.
    """
    if len(word) < SHORTEST_FUZZY:
        return []
    beginnings = {word[:length] for length in PREFIXES}
    return sorted(set().union(*(_with_one_out(beginning) for beginning in beginnings)))


def lookup_keys(typed: str) -> list[str]:
    """The keys to look a typed word up by: those of its longer beginning only."""
    if len(typed) < SHORTEST_FUZZY:
        return []
    short, long = PREFIXES
    return sorted(_with_one_out(typed[: long if len(typed) >= long else short]))


def _with_one_out(text: str) -> set[str]:
    return {text} | {text[:place] + text[place + 1 :] for place in range(len(text))}


def distance(typed: str, word: str) -> int:
    """How many typing errors lie between a typed word and the nearest beginning of a word (or the whole of it).

    Counts letters inserted, left out, exchanged, and neighbours swapped (optimal string alignment).
    """
    word = word[: len(typed) + 2]
    before: list[int] = []
    row = list(range(len(word) + 1))
    for number, letter in enumerate(typed, 1):
        earlier, before, row = before, row, [number]
        for place, other in enumerate(word, 1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != other))
            if number > 1 and place > 1 and letter == word[place - 2] and typed[number - 2] == other:
                cost = min(cost, earlier[place - 2] + 1)
            row.append(cost)
    return min(row[max(0, len(typed) - 2) :], default=row[-1])
