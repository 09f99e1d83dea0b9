"""One application's answers as one person may read them. What somebody may not read is absent here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from applications import attachments, presentation, redactions
from applications.blinding import Identity, telling
from applications.models import Application, Redaction
from programs import fields
from programs.texts import word_count


@dataclass(frozen=True)
class Access:
    """What one person may read of one application.

    blind: without names. whole: answers themselves beside a screener's copies of them. peers: other reviews. identity:
    account and mail address. screens: may make copies and answer gates.
    """

    audiences: frozenset[str]
    blind: bool
    peers: bool
    identity: bool
    whole: bool = False
    screens: bool = False


@dataclass(frozen=True)
class Copy:
    """A screener's copy of an answer, for those who read the answer as well."""

    lines: list[str]
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Answer:
    """One answer as read on the staff side. `note` says the length against the limit.

    shortened: these are the words of a screener's copy. copy: what reviewers read instead, for those who read both.
    redactable: the key of the question, where this person may make a copy.
    """

    label: str
    lines: list[str]
    note: str = ""
    mono: bool = False
    files: Sequence[attachments.Listed] = ()
    shortened: bool = False
    copy: Copy | None = None
    redactable: str = ""


@dataclass(frozen=True)
class Part:
    key: str
    title: str
    answers: list[Answer]


@dataclass(frozen=True)
class Read:
    """The answers, the labels of those withheld in a blind look, how many only others read, and a screener's copies."""

    parts: list[Part]
    withheld: list[str]
    restricted: int
    copies: Mapping[str, Redaction]


def read(application: Application, may: Access, identity: Identity | None) -> Read:
    """The answers for one reader. identity: what hides names from a blind reader. At most two queries."""
    sections = application.form_version.sections
    questions = {question["key"]: question for question in fields.questions(sections)}
    copies = redactions.of(application) if application.submitted_at is not None else {}
    files: dict[str, list[attachments.Listed]] = {}
    for listed in attachments.listed(application, audiences=may.audiences, blind=may.blind):
        files.setdefault(listed.key, []).append(listed)
    parts: list[Part] = []
    withheld: list[str] = []
    restricted = 0
    for section in presentation.shown(sections, application.answers, with_empty=False):
        answers = []
        for item in section.items:
            question = questions[item.key]
            if question.get("audience", "everyone") not in may.audiences:
                restricted += 1
            elif may.blind and telling(question):
                withheld.append(item.label)
            elif item.lines:
                answers.append(
                    _answer(
                        item,
                        question,
                        may,
                        identity=identity,
                        copied=copies.get(item.key),
                        files=files.get(item.key, ()),
                    )
                )
        if answers:
            parts.append(Part(section.key, section.title, answers))
    return Read(parts, withheld, restricted, copies)


def _answer(
    item: presentation.Shown,
    question: Mapping[str, Any],
    may: Access,
    *,
    identity: Identity | None,
    copied: Redaction | None,
    files: Sequence[attachments.Listed],
) -> Answer:
    shortened = copied is not None and not may.whole
    given = copied.text.split("\n") if copied is not None and shortened else item.lines
    lines = [] if files else [line for text in given for line in str(text).split("\n") if line.strip()]
    note = "" if shortened else _length(question, item.lines)
    if identity is not None and may.blind:
        lines = [identity.hide(line) for line in lines]
    copy = None
    if copied is not None and may.whole:
        words = [line for line in copied.text.split("\n") if line.strip()]
        copy = Copy(words, str(copied.made_by), copied.made_at, copied.reason)
    redactable = item.key if may.screens and redactions.may_be_redacted(question) else ""
    return Answer(item.label, lines, note, item.mono, files, shortened, copy, redactable)


def _length(question: Mapping[str, Any], lines: Sequence[str]) -> str:
    limit = question.get("max_words")
    return (
        _("%(have)s of %(limit)s words") % {"have": f"{word_count(' '.join(lines)):,}", "limit": f"{limit:,}"}
        if limit and question["type"] == "long_text"
        else ""
    )
