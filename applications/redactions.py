"""Copies of answers with words taken out: a screener makes one, reviewers read it, the answer itself stays.

For what no rule can find, such as "as we showed in our lake study of last year", and for details that reviewers do not
need. A copy is bound to the answer it was made from: when that changes, the copy no longer stands for it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from applications import conflicts
from applications.models import Application, Redaction
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import fields, memberships
from programs.texts import clean_text

TYPES = ("short_text", "long_text")
OPEN_STATES = (State.SUBMITTED, State.IN_REVIEW, State.DEFERRED)


class CannotRedact(Refused):
    """This answer gets no copy, or not by this person. The message says why and is safe to show."""


@transaction.atomic
def redact(
    *, application_id: int, question_key: str, text: str, reason: str, by: User, at: datetime
) -> Redaction:
    """Give reviewers a copy of a text answer instead of the answer. Raises CannotRedact.

    text: the copy as reviewers read it. reason: for the record, staff only. A second copy takes the place of the first.
    """
    application, answer = _answer(application_id, question_key, by)
    copy = clean_text(text).strip()
    if not copy:
        raise CannotRedact("The copy is empty. Leave in what reviewers may read, or write [withheld].")
    if copy == str(answer).strip():
        raise CannotRedact("The copy says the same as the answer.")
    return _keep(application, question_key, answer, text=copy, lifted=False, reason=reason, by=by, at=at)


@transaction.atomic
def lift(*, application_id: int, question_key: str, reason: str, by: User, at: datetime) -> Redaction:
    """Let reviewers read the answer itself again. Raises CannotRedact."""
    application, answer = _answer(application_id, question_key, by)
    standing = of(application).get(question_key)
    if standing is None:
        raise CannotRedact("There is no copy of this answer.")
    return _keep(
        application, question_key, answer, text=standing.text, lifted=True, reason=reason, by=by, at=at
    )


def of(application: Application) -> dict[str, Redaction]:
    """The copies that stand, by question: the newest of each, not lifted, of the answer as it is now. One query."""
    newest: dict[str, Redaction] = {}
    rows = Redaction.objects.filter(application=application).select_related("made_by").order_by("pk")
    # Most applications have none; the pages that show one load a word for it with the application.
    for row in rows if getattr(application, "has_copies", True) else ():
        newest[row.question_key] = row
    return {
        key: row
        for key, row in newest.items()
        if not row.lifted and row.original_sha256 == digest(application.answers.get(key))
    }


def as_array() -> ArraySubquery:
    """All copies of an application, oldest first, as an annotation for title_of."""
    rows = Redaction.objects.filter(application=OuterRef("pk")).order_by("pk")
    return ArraySubquery(
        rows.values(
            row=JSONObject(key="question_key", text="text", digest="original_sha256", lifted="lifted")
        )
    )


def title_of(application: Application) -> str:
    """The copy that stands instead of a title; empty without one. `copies` (as_array) and form version are loaded."""
    copies: list[dict[str, Any]] = application.copies  # type: ignore[attr-defined]
    for question in fields.questions(application.form_version.sections) if copies else ():
        if question.get("maps_to") == "title":
            own = [row for row in copies if row["key"] == question["key"]]
            if own and not own[-1]["lifted"]:
                same = own[-1]["digest"] == digest(application.answers.get(question["key"]))
                return str(own[-1]["text"]) if same else ""
    return ""


def digest(answer: object) -> str:
    """SHA-256 over one answer, the same for equal answers."""
    text = json.dumps(answer, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def may_be_redacted(question: Mapping[str, Any]) -> bool:
    """Texts that reviewers read; what only others read needs no copy."""
    return question["type"] in TYPES and question.get("audience", "everyone") == "everyone"


def _answer(application_id: int, question_key: str, by: User) -> tuple[Application, Any]:
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "form_version")
        .get(pk=application_id)
    )
    if not memberships.holds(by, application.program, Role.SCREENER):
        raise CannotRedact("Only a screener of this program makes such a copy.")
    reason = conflicts.reason_against(user=by, application=application)
    if reason:
        raise CannotRedact(reason)
    if application.state not in OPEN_STATES:
        raise CannotRedact(f"{application} is {application.get_state_display().lower()}; its copies stand.")
    question = _question(application.form_version.sections, question_key)
    if question is None or not may_be_redacted(question):
        raise CannotRedact("Only texts that reviewers read get a copy.")
    answer = application.answers.get(question_key)
    if not answer:
        raise CannotRedact("This question was not answered.")
    return application, answer


def _question(sections: fields.Sections, key: str) -> Mapping[str, Any] | None:
    return next((question for question in fields.questions(sections) if question["key"] == key), None)


def _keep(
    application: Application,
    key: str,
    answer: object,
    *,
    text: str,
    lifted: bool,
    reason: str,
    by: User,
    at: datetime,
) -> Redaction:
    said = clean_text(reason).strip()[:300]
    if not said:
        raise CannotRedact("Say why, in a few words.")
    row = Redaction.objects.create(
        application=application,
        question_key=key,
        text=text,
        original_sha256=digest(answer),
        lifted=lifted,
        reason=said,
        made_by=by,
        made_at=at,
    )
    audit.record(
        action="answer.unredact" if lifted else "answer.redact",
        subject=application,
        by=by,
        at=at,
        question=key,
        redaction=row.pk,
    )
    return row
