"""From a file of research texts to a file as a form service would export it: every question answered, by seed."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from applications import import_files
from applications.import_files import Columns, Record, Table
from portal.rehearsal.world import World
from portal.samples import answers as samples
from programs import fields, form_versions, values
from programs.models import Program, RuleKind

LONG_ANSWER_WORDS = 400  # a question that allows this much takes the whole text
LONG_TEXT_CHARS = 300
ELSEWHERE = ("institution", "country_iso2", "country")
ACCOUNT = ("account.email", "account.name", "account.source_id")


def prepare(world: World) -> Table:
    """Read the file and fill in what the form asks and the file does not tell. Raises import_files.BadFile."""
    options = world.options
    version = form_versions.current(world.program)
    assert version is not None  # an open program has a form
    source = import_files.read(options.applications.read_bytes(), format=_format(options.applications))
    columns = import_files.match(version.sections, source.columns)
    records = source.records[: options.limit or None]
    records += list(_varied(world, records, columns, options.size - len(records)))
    refused = _refused_choices(world.program, version.sections)
    made = [_filled(world, record, columns, version.sections, refused) for record in records]
    keys = dict.fromkeys(key for record in made for key in record.values)
    return Table(list(keys), made)


def _varied(world: World, records: Sequence[Record], columns: Columns, wanted: int) -> Iterator[Record]:
    """The rows again under other names: sentences in another order, some left out, and somebody else's institution."""
    source_id = columns.account.get("source_id", "")
    good = [record for record in records if not record.problem]
    for number in range(max(0, wanted) if good else 0):
        record, again = good[number % len(good)], 2 + number // len(good)
        name = str(record.values.get(source_id) or f"row-{record.row}")
        dice = world.dice_for("vary", name, again)
        values = dict(record.values)
        for key, value in values.items():
            if isinstance(value, str) and len(value) > LONG_TEXT_CHARS:
                sentences = value.split(". ")
                dice.shuffle(sentences)
                values[key] = ". ".join(sentences[: max(3, round(len(sentences) * 0.7))])
        other = dice.choice(good).values
        values |= {key: other[key] for key in ELSEWHERE if key in values and key in other}
        values[source_id or "source_id"] = f"{name}-{again}"
        yield Record(len(records) + number + 1, values)


def _format(file: Path) -> str:
    return "csv" if file.suffix.lower() in (".csv", ".tsv") else "jsonl"


def _filled(
    world: World,
    record: Record,
    columns: Columns,
    sections: fields.Sections,
    refused: Mapping[str, frozenset[str]],
) -> Record:
    if record.problem:
        return record
    source_id = str(record.values.get(columns.account.get("source_id", "")) or f"row-{record.row}")
    dice = world.dice_for("row", source_id)
    known = _known(record, columns, sections)
    institution = str(known.get("institution") or record.values.get("institution") or "independent")
    address = f"{_slug(source_id)}@{_slug(institution)}.example.org"
    given = str(record.values.get(columns.account.get("email", "")) or "")
    known |= {"email": given or address, "orcid": samples.ORCID if dice.random() < 0.1 else None}
    if (name := columns.account.get("name")) and record.values.get(name):
        known["full_name"] = record.values[name]
    answers = samples.fill(sections, known=known, dice=dice, refused=refused)
    account = dict(zip(ACCOUNT, (given or address, samples.person(dice), source_id), strict=True))
    return Record(record.row, {**answers, **account})


def _known(record: Record, columns: Columns, sections: fields.Sections) -> dict[str, Any]:
    """What the file tells. A value that is no answer to its question stays only where it can be cut to one."""
    known: dict[str, Any] = {}
    text = ""
    for question in fields.questions(sections):
        value = record.values.get(columns.questions.get(question["key"], ""))
        if value in (None, "", []):
            continue
        if question.get("maps_to") == "abstract" or (question["type"] == "long_text" and not text):
            text = str(value)
        if question["type"] in ("single_choice", "multiple_choice"):
            value = _choice(question, str(value))
        if value is not None:
            known[question["key"]] = value
    for question in fields.questions(sections):
        is_long = question["type"] == "long_text" and question.get("max_words", 0) >= LONG_ANSWER_WORDS
        if text and is_long and question["key"] not in known:
            known[question["key"]] = text
            break
    return known


def _choice(question: fields.Question, text: str) -> Any:
    """The option that says the same, else the one that shares most word beginnings, else None."""
    try:
        return values.cleaned(question, text)
    except values.BadAnswer:
        pass
    wanted = _beginnings(text)
    shared = {
        choice["value"]: len(wanted & _beginnings(f"{choice['label']} {choice.get('help', '')}"))
        for choice in values.choices(question)
        if choice["value"] != values.OTHER
    }
    best = max(shared, key=lambda value: shared[value])
    if not shared[best]:
        return None
    return [best] if question["type"] == "multiple_choice" else best


def _beginnings(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())} - {"scien", "with", "other"}


def _refused_choices(program: Program, sections: fields.Sections) -> dict[str, frozenset[str]]:
    """Kinds of institution that a rule blocks: made-up rows keep to the allowed ones."""
    rule = program.rules.filter(kind=RuleKind.INSTITUTION_KIND, outcome="block").first()
    if rule is None:
        return {}
    allowed = set(rule.parameters.get("allowed", []))
    return {
        "institution_kind": frozenset(
            choice["value"]
            for question in fields.questions(sections)
            if question.get("maps_to") == "institution_kind"
            for choice in values.choices(question)
            if choice["value"] not in allowed
        )
    }


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "place"
