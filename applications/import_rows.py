"""One row of a file as an application that could be sent: its answers checked as the form checks them."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from applications import answers as answering
from applications import eligibility, intake
from applications.import_files import Columns, Record
from credits import organizations
from portal.models import User
from portal.refusals import Refused
from programs import fields, values
from programs.models import EligibilityRule
from programs.texts import UnstorableText, clean_text

LONGEST_SOURCE_ID = 128
_AGREED = frozenset({"yes", "y", "true", "1", "on", "x", "checked", "agreed", "i agree", "agree", "accepted"})
_email = EmailValidator()


class BadRow(Refused):
    """One cell stops its row. `column` says where to look; the text is safe to show."""

    def __init__(self, column: str, text: str) -> None:
        self.column = column
        super().__init__(text)


@dataclass(frozen=True)
class Problem:
    """Why one row was refused; a row may have several. `column` is the file's name for it, or the question's label."""

    row: int
    column: str
    message: str


@dataclass(frozen=True)
class Candidate:
    """A row whose answers are complete and allowed. `applicant` is not stored yet."""

    row: int
    source_id: str
    applicant: User
    answers: dict[str, Any]
    columns: dict[str, object]


@dataclass(frozen=True)
class Rules:
    """What every row of a file is held against. make_addresses: give a row without an address one at example.org."""

    sections: fields.Sections
    columns: Columns
    eligibility: Sequence[EligibilityRule]
    organization_id_format: str
    make_addresses: bool = False


def candidate(rules: Rules, record: Record) -> Candidate | list[Problem]:
    """The row as an application that can be stored, or everything that is wrong with it."""
    if record.problem:
        return [Problem(record.row, "", record.problem)]
    found: list[Problem] = []
    source_id, address, name = "", "", ""
    try:
        source_id = _source_id(rules, record)
        address, name = _address(rules, record, source_id), _name(rules, record)
    except BadRow as error:
        found.append(Problem(record.row, error.column, str(error)))
    sections = rules.sections
    given = _answers(sections, rules.columns, record)
    problems = answering.check(sections, given)
    for question in fields.questions(
        sections
    ):  # a file from elsewhere cannot hold agreement to our conditions
        if question.get("option_of"):
            problems.pop(question["key"], None)
    for key, message in problems.items():
        found.append(Problem(record.row, rules.columns.questions.get(key) or _label(sections, key), message))
    if found:
        return found
    applicant = User(email=address, name=name)
    mapped = answering.mapped(sections, given)
    try:
        mapped["organization_id"] = _organization_id(rules, str(mapped["organization_id"] or ""))
    except organizations.WrongOrganizationId as error:
        return [Problem(record.row, _column_of(rules, "organization_id"), str(error))]
    blocks = eligibility.blocks(eligibility.findings(rules.eligibility, intake.facts(mapped, applicant)))
    if blocks:
        return [
            Problem(record.row, _column_of(rules, next(iter(finding.details), "")), finding.sentence)
            for finding in blocks
        ]
    return Candidate(
        row=record.row,
        source_id=source_id,
        applicant=applicant,
        answers=answering.without_hidden(sections, given),
        columns=intake.columns_of(mapped, applicant),
    )


def _answers(sections: fields.Sections, columns: Columns, record: Record) -> dict[str, Any]:
    """The row's cells as answers; a cell that is no answer is kept as typed, so that `answers.check` names it."""
    given: dict[str, Any] = {}
    for question in fields.questions(sections):
        value = record.values.get(columns.questions.get(question["key"], ""))
        if isinstance(value, str) and not value.strip():
            continue
        if value in (None, []):
            continue
        if question["type"] == "acknowledgement" and isinstance(value, str):
            value = value.strip().casefold() in _AGREED
        elif question["type"] == "multiple_choice" and isinstance(value, str):
            value = _chosen(question, value)
        try:
            answer = values.cleaned(question, value)
        except values.BadAnswer:
            if question.get("other") and question["type"] == "single_choice" and isinstance(value, str):
                given[question["key"]] = values.OTHER  # form services write the free text in place of "Other"
                given.setdefault(f"{question['key']}_{values.OTHER}", value)
                continue
            answer = answering.raw(value)
        if answer is not None:
            given[question["key"]] = answer
    return given


def _chosen(question: fields.Question, text: str) -> list[str] | str:
    """Split options that a form service joined with commas; labels may hold commas, so the longest go first."""
    if ";" in text or "\n" in text:
        return text
    names = [str(choice[part]) for choice in values.choices(question) for part in ("value", "label")]
    rest, chosen = text, []
    for name in sorted(names, key=len, reverse=True):
        pattern = re.compile(rf"(?:^|,)\s*{re.escape(name)}\s*(?=,|$)", re.IGNORECASE)
        rest, count = pattern.subn("", rest)
        if count:
            chosen.append(name)
    return text if rest.strip(" ,") else chosen


def _source_id(rules: Rules, record: Record) -> str:
    """The id that the source gave the row, else a fingerprint of its content."""
    column = rules.columns.account.get("source_id", "")
    text = _cell(record, column)
    if len(text) > LONGEST_SOURCE_ID:
        raise BadRow(column, f"An id has at most {LONGEST_SOURCE_ID} characters.")
    if text:
        return text
    content = json.dumps(record.values, sort_keys=True, default=str)
    return "row-" + hashlib.sha256(content.encode("ascii")).hexdigest()[:32]


def _address(rules: Rules, record: Record, source_id: str) -> str:
    column = rules.columns.account.get("email", "")
    text = _cell(record, column).lower()
    if not text and rules.make_addresses:
        return f"{re.sub(r'[^a-z0-9]+', '-', source_id.lower()).strip('-')[:60] or 'row'}@example.org"
    if not text:
        raise BadRow(column or "e-mail", "The row has no e-mail address.")
    try:
        _email(text)
    except ValidationError:
        raise BadRow(column, "This is not an e-mail address, such as name@example.org.") from None
    if len(text) > 254:
        raise BadRow(column, "An e-mail address has at most 254 characters.")
    return text


def _name(rules: Rules, record: Record) -> str:
    """The person's name: its own column, else what the form asks for with the browser's names for parts of a name."""
    if column := rules.columns.account.get("name"):
        return _cell(record, column)[:150]
    parts = {
        question.get("autocomplete"): rules.columns.questions.get(question["key"], "")
        for question in fields.questions(rules.sections)
    }
    wanted = ("name",) if "name" in parts else ("given-name", "family-name")
    return " ".join(text for part in wanted if (text := _cell(record, parts.get(part, ""))))[:150]


def _cell(record: Record, column: str) -> str:
    value = record.values.get(column)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadRow(column, "Give this as text.")
    try:
        return clean_text(str(value), one_line=True)
    except UnstorableText as error:
        raise BadRow(column, str(error)) from None


def _label(sections: fields.Sections, key: str) -> str:
    return next(str(question["label"]) for question in fields.questions(sections) if question["key"] == key)


def _organization_id(rules: Rules, entered: str) -> str:
    """The provider's spelling, which may be narrower than what the question takes."""
    return organizations.clean_external_id(rules.organization_id_format, entered) if entered else ""


def _column_of(rules: Rules, fact: str) -> str:
    """The file's column that fills a fact about an application, else the question's label."""
    if fact == "email_domain":
        return rules.columns.account.get("email", "e-mail")
    maps_to = {"requested_cents": "amount_cents", "requested_months": "months"}.get(fact, fact)
    for question in fields.questions(rules.sections):
        if question.get("maps_to") == maps_to:
            return rules.columns.questions.get(question["key"]) or str(question["label"])
    return ""
