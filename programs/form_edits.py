"""Pure: one change to the sections of a form, as the form builder makes it.

Each function takes the sections as they stand, leaves them alone and returns new ones. A form may be incomplete between
two changes: `programs.fields.problems` says what is left to mend, and only `form_versions.publish` insists.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from hashlib import blake2b
from typing import Any

from portal.refusals import Refused
from programs import descriptions, values

Section = dict[str, Any]
Question = dict[str, Any]
Sections = Sequence[Mapping[str, Any]]

LONGEST_KEY = 40
FIRST_CHOICES = [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]
TYPES = (*values.TYPES,)


class CannotEditForm(Refused):
    """The change does not fit the form as it stands now."""


# --- Sections -----------------------------------------------------------------------------------------------------------


def add_section(sections: Sections, *, title: str, lead: str = "") -> list[Section]:
    """Put a section without questions at the end. Raises CannotEditForm."""
    found = _copy(sections)
    if len(found) >= descriptions.MOST_SECTIONS:
        raise CannotEditForm(f"A form has at most {descriptions.MOST_SECTIONS} sections.")
    found.append(
        {"key": free_section_key(found, title), "title": _titled(title), "lead": lead, "questions": []}
    )
    return found


def change_section(
    sections: Sections, *, key: str, new_key: str, title: str, lead: str, base: str = ""
) -> list[Section]:
    """Name a section anew. base: `mark` of the section as the editor saw it. Raises CannotEditForm."""
    found = _copy(sections)
    section = found[_section_place(found, key)]
    _refuse_stale(section_frame(section), base)
    if new_key != key and any(other.get("key") == new_key for other in found):
        raise CannotEditForm(f"Another section has the key “{new_key}”.")
    section |= {"key": new_key, "title": _titled(title), "lead": lead}
    return found


def move_section(sections: Sections, *, key: str, step: int) -> list[Section]:
    """Move a section up (-1) or down (1); at the end of the list it stays."""
    found = _copy(sections)
    at = _section_place(found, key)
    to = min(max(at + step, 0), len(found) - 1)
    found.insert(to, found.pop(at))
    return found


def place_section(sections: Sections, *, key: str, at: int) -> list[Section]:
    """Put a section at a place of the list, counted from 0; a place beyond the end is the end."""
    found = _copy(sections)
    section = found.pop(_section_place(found, key))
    found.insert(max(0, at), section)
    return found


def duplicate_section(sections: Sections, *, key: str) -> list[Section]:
    """Put a copy below, with keys of its own; conditions inside it follow the copies. Raises CannotEditForm."""
    found = _copy(sections)
    if len(found) >= descriptions.MOST_SECTIONS:
        raise CannotEditForm(f"A form has at most {descriptions.MOST_SECTIONS} sections.")
    at = _section_place(found, key)
    copy = deepcopy(found[at])
    copy["key"] = free_section_key(found, f"{key} copy")
    copy["title"] = f"{copy.get('title', '')} (copy)".strip()[:120]
    found.insert(at + 1, copy)
    renamed: dict[str, str] = {}
    for question in copy["questions"]:
        old = str(question.get("key", ""))
        question["key"] = renamed[old] = free_key(found, old)
        question.pop("maps_to", None)  # a column is filled once
        condition = question.get("show_if")
        if isinstance(condition, dict) and condition.get("question") in renamed:
            condition["question"] = renamed[condition["question"]]
    return found


def delete_section(sections: Sections, *, key: str) -> list[Section]:
    """Take a section out with its questions. Raises CannotEditForm."""
    found = _copy(sections)
    del found[_section_place(found, key)]
    return found


# --- Questions ----------------------------------------------------------------------------------------------------------


def add_question(
    sections: Sections, *, section: str, kind: str, label: str, after: str = ""
) -> tuple[list[Section], str]:
    """Put a new question at the end of a section, or below the question `after`. Returns its key too."""
    found = _copy(sections)
    if kind not in TYPES:
        raise CannotEditForm("Choose a kind of question.")
    if not label.strip():
        raise CannotEditForm("Write what is asked.")
    if sum(len(part.get("questions", ())) for part in found) >= descriptions.MOST_QUESTIONS:
        raise CannotEditForm(f"A form has at most {descriptions.MOST_QUESTIONS} questions.")
    listed = found[_section_place(found, section)]["questions"]
    key = free_key(found, label)
    question: Question = {"key": key, "type": kind, "label": label.strip()[:300], **_starting(kind, key)}
    keys = [other.get("key") for other in listed]
    listed.insert(keys.index(after) + 1 if after in keys else len(listed), question)
    return found, key


def change_question(
    sections: Sections, *, key: str, question: Mapping[str, Any], base: str = ""
) -> list[Section]:
    """Put a question in the place of the one with this key. A new key is followed by the conditions that name it.

    base: `mark` of the question as the editor saw it. Raises CannotEditForm when it was changed since.
    """
    found = _copy(sections)
    part, at = _question_place(found, key)
    _refuse_stale(part["questions"][at], base)
    new_key = str(question.get("key", ""))
    if new_key != key and new_key in _keys(found):
        raise CannotEditForm(f"Another question has the key “{new_key}”.")
    part["questions"][at] = deepcopy(dict(question))
    if new_key != key:
        for other in _questions(found):
            condition = other.get("show_if")
            if isinstance(condition, dict) and condition.get("question") == key:
                condition["question"] = new_key
    return found


def retype_question(sections: Sections, *, key: str, kind: str) -> list[Section]:
    """Make a question one of another kind. It keeps what the new kind can have, choices between two lists included."""
    if kind not in TYPES:
        raise CannotEditForm("Choose a kind of question.")
    found = _copy(sections)
    part, at = _question_place(found, key)
    old = part["questions"][at]
    allowed = descriptions.properties(kind)
    kept = {name: value for name, value in old.items() if name in allowed}
    if values_differ_in_meaning(old.get("type"), kind):
        kept.pop("min", None)
        kept.pop("max", None)
    if kind not in descriptions.MAPS_TO.get(str(kept.get("maps_to")), (kind,)):
        kept.pop("maps_to", None)
    part["questions"][at] = {**_starting(kind, key), **kept, "type": kind}
    return found


def move_question(sections: Sections, *, key: str, step: int) -> list[Section]:
    """Move a question up (-1) or down (1), over the edge of a section into the one beside it."""
    found = _copy(sections)
    part, at = _question_place(found, key)
    question = part["questions"].pop(at)
    here = next(place for place, other in enumerate(found) if other is part)
    if 0 <= at + step <= len(part["questions"]):
        part["questions"].insert(at + step, question)
    elif step < 0 and here > 0:
        found[here - 1]["questions"].append(question)
    elif step > 0 and here + 1 < len(found):
        found[here + 1]["questions"].insert(0, question)
    else:
        part["questions"].insert(at, question)
    return found


def place_question(sections: Sections, *, key: str, section: str, at: int) -> list[Section]:
    """Put a question at a place of a section, counted from 0; a place beyond the end is the end."""
    found = _copy(sections)
    part, old = _question_place(found, key)
    target = found[_section_place(found, section)]
    question = part["questions"].pop(old)
    target["questions"].insert(max(0, at), question)
    return found


def duplicate_question(sections: Sections, *, key: str) -> tuple[list[Section], str]:
    """Put a copy below under a key of its own, which is returned too. What fills a column stays with the first."""
    found = _copy(sections)
    if len(_keys(found)) >= descriptions.MOST_QUESTIONS:
        raise CannotEditForm(f"A form has at most {descriptions.MOST_QUESTIONS} questions.")
    part, at = _question_place(found, key)
    copy = deepcopy(part["questions"][at])
    copy.pop("maps_to", None)
    copy["key"] = free_key(found, key)
    part["questions"].insert(at + 1, copy)
    return found, copy["key"]


def delete_question(sections: Sections, *, key: str) -> list[Section]:
    """Take a question out. Conditions that name it become problems, said where they stand."""
    found = _copy(sections)
    part, at = _question_place(found, key)
    del part["questions"][at]
    return found


# --- Looking --------------------------------------------------------------------------------------------------------------


def question_of(sections: Sections, key: str) -> Question:
    """A copy of one question. Raises CannotEditForm when it is not there any more."""
    found = _copy(sections)
    part, at = _question_place(found, key)
    return part["questions"][at]


def section_of(sections: Sections, key: str) -> Section:
    """A copy of one section. Raises CannotEditForm when it is not there any more."""
    found = _copy(sections)
    return found[_section_place(found, key)]


def section_frame(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section without its questions: what its own editor shows."""
    return {name: value for name, value in section.items() if name != "questions"}


def mark(value: object) -> str:
    """A short word for the content of a question or a section's frame, to notice that it changed meanwhile."""
    return blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def problems_at(problems: Sequence[str], sections: Sections) -> dict[str, list[str]]:
    """The problems by where they are to be mended: "question:<key>", "section:<key>" or "form"."""
    found: dict[str, list[str]] = {}
    sections = list(sections)
    for problem in problems:
        place = "form"
        if named := re.match(r"Question “(.*?)”", problem):
            place = f"question:{named[1]}"
        elif numbered := re.match(r"Section (\d+)", problem):
            at = int(numbered[1]) - 1
            place = f"section:{sections[at].get('key')}" if at < len(sections) else "form"
        found.setdefault(place, []).append(problem)
    return found


def readable(sections: object) -> list[Section]:
    """The sections and questions that have the outer shape of one, so that a page can list even a broken form."""
    if not isinstance(sections, list):
        return []
    return [
        {
            **section,
            "questions": [
                question
                for question in section["questions"]
                if isinstance(question, Mapping) and isinstance(question.get("key"), str)
            ],
        }
        for section in sections
        if isinstance(section, Mapping)
        and isinstance(section.get("key"), str)
        and isinstance(section.get("questions"), list)
    ]


def free_key(sections: Sections, text: str) -> str:
    """A key for a question, made of a text, that no question of the form has."""
    return _free(_slug(text, "_") or "question", _keys(sections), "_")


def free_section_key(sections: Sections, text: str) -> str:
    """The same for a section."""
    return _free(_slug(text, "-") or "section", {str(part.get("key")) for part in sections}, "-")


def value_of(label: str, taken: set[str]) -> str:
    """The value under which an option is kept, made of its label."""
    return _free(_slug(label, "-", first="a-z0-9") or "option", taken, "-")


def values_differ_in_meaning(before: object, after: str) -> bool:
    """Whether min and max of the two types count different things: cents, days, months, entries."""
    groups = ({"integer", "months"}, {"multiple_choice", "doi_list", "people"})
    return before != after and not any({before, after} <= group for group in groups)


# --- Helpers --------------------------------------------------------------------------------------------------------------


def _starting(kind: str, key: str) -> dict[str, Any]:
    if kind in ("single_choice", "multiple_choice"):
        return {"choices": deepcopy(FIRST_CHOICES)}
    if kind == "acknowledgement":
        return {"policy": {"slug": key.replace("_", "-"), "version": "1", "text": "Write the policy here."}}
    if kind == "money":
        return {"currency": "USD", "min": 0}
    if kind == "long_text":
        return {"max_words": 250}
    return {}


def _copy(sections: Sections) -> list[Section]:
    return deepcopy(readable(list(sections)))


def _questions(sections: Sections) -> list[Question]:
    return [question for part in sections for question in part.get("questions", ())]


def _keys(sections: Sections) -> set[str]:
    return {str(question.get("key")) for question in _questions(sections)}


def _section_place(sections: Sections, key: str) -> int:
    for place, part in enumerate(sections):
        if part.get("key") == key:
            return place
    raise CannotEditForm("This section is not in the form any more.")


def _question_place(sections: list[Section], key: str) -> tuple[Section, int]:
    for part in sections:
        for at, question in enumerate(part["questions"]):
            if question.get("key") == key:
                return part, at
    raise CannotEditForm("This question is not in the form any more.")


def _refuse_stale(value: object, base: str) -> None:
    if base and base != mark(value):
        raise CannotEditForm(
            "This was changed in another window meanwhile. What you typed is below; open the question again to see "
            "the other version."
        )


def _titled(title: str) -> str:
    if not title.strip():
        raise CannotEditForm("A section needs a title.")
    return title.strip()[:120]


def _slug(text: str, joint: str, *, first: str = "a-z") -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", joint, plain).strip(joint)
    plain = re.sub(rf"^[^{first}]+", "", plain)[:32].strip(joint)
    return f"{plain}{joint}1" if plain in descriptions.RESERVED else plain


def _free(wanted: str, taken: set[str], joint: str) -> str:
    wanted = wanted[: LONGEST_KEY - 4]
    if wanted not in taken:
        return wanted
    number = next(number for number in range(2, 10_000) if f"{wanted}{joint}{number}" not in taken)
    return f"{wanted}{joint}{number}"
