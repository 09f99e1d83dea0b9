"""Pure: what people type, made safe to store, and counted. Nothing here looks at a program."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from portal.refusals import Refused

LARGEST_TEXT = (
    1_000_000  # characters kept of anything typed; a request is smaller, so only an import meets it
)
MOST_ENTRIES = 1_000

# PostgreSQL refuses NUL and lone surrogates in jsonb; U+FFFD is what other software writes where it lost a character.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufffd]")
# Invisible characters that carry no meaning in an answer, only tricks and accidents of copying: control characters but
# tab and line feed, soft hyphen, zero-width space, word joiner and its kin, byte-order mark, bidirectional overrides and
# isolates, interlinear marks, tag characters. Joiners (U+200C, U+200D) and the plain direction marks (U+200E, U+200F,
# U+061C) stay: Persian, Hindi, Arabic, Hebrew and emoji need them.
_INVISIBLE = re.compile(
    "[\x01-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_BLANKS = re.compile(r"\s+")


class UnstorableText(Refused):
    """The text holds a character that no database column can keep. The message is safe to show."""


def clean_text(text: str, *, one_line: bool = False) -> str:
    """Return text in NFC without invisible characters, line ends as \\n, no blanks at either end.

    one_line: every run of blanks, line ends included, becomes one space.
    Raises UnstorableText for NUL, half a surrogate pair or the replacement character; `as_typed` keeps such a text.
    """
    if bad := _UNSTORABLE.search(text):
        before = " ".join(text[max(0, bad.start() - 40) : bad.start()].split())[-24:]
        where = _("after “%(before)s”") % {"before": before} if before else _("at the beginning")
        raise UnstorableText(
            _(
                "A character %(where)s cannot be stored. It was probably lost when the text was copied: delete it, shown here as �, and type it again."
            )
            % {"where": where}
        )
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    return (_BLANKS.sub(" ", text) if one_line else text).strip()


def as_typed(text: str) -> str:
    """Return text as it was typed, with � where a character cannot be stored, so that a draft loses nothing else."""
    return _UNSTORABLE.sub("\ufffd", text[:LARGEST_TEXT])


def plain(value: object) -> Any:
    """Reduce anything that was posted to JSON that can be stored: texts as typed, in lists and dicts where they were."""
    if isinstance(value, str):
        return as_typed(value)
    if isinstance(value, Mapping):
        return {as_typed(str(name))[:100]: plain(entry) for name, entry in list(value.items())[:MOST_ENTRIES]}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value[:MOST_ENTRIES]]
    if value is None or isinstance(value, bool):
        return value
    return as_typed(str(value))


def word_count(text: str) -> int:
    """Count words: runs of characters between blanks, as the counter in the browser does."""
    return len(text.split())


def folded(text: str) -> str:
    """Text as it is searched: without case and without the accents that many people leave out."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
