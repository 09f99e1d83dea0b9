"""What the models and the forms say against a program's file, with the line and the key."""

import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import models

from programs import fields, preset_files, request_forms
from programs.preset_files import BadPreset
from programs.request_models import RequestForm


def check(
    row: models.Model,
    paths: Mapping[str, preset_files.Path],
    base: preset_files.Path,
    lines: Mapping[preset_files.Path, int],
    name: str,
) -> None:
    """Ask the model what is wrong with a row. Raises BadPreset for the first thing; parses dates and times in place."""
    try:
        row.clean_fields(exclude={"program"})
        row.validate_constraints(exclude={"program", "slug", "short_code"})
    except ValidationError as error:
        for column, messages in error.message_dict.items():
            path = (*base, *paths.get(column, ()))
            where = ".".join(str(step + 1) if isinstance(step, int) else step for step in path)
            raise BadPreset(
                f"{name}, line {preset_files.line_of(lines, path)}: {where or 'program'}: {' '.join(messages)}"
            ) from None


def check_form(sections: object, lines: Mapping[preset_files.Path, int], name: str) -> None:
    """Say the first thing that is wrong with the questions of applications. Raises BadPreset."""
    _refuse_form(fields.problems(sections), sections, ("form", "sections"), lines, name)


def check_request_form(
    form: RequestForm, index: int, lines: Mapping[preset_files.Path, int], name: str
) -> None:
    """Say the first thing that is wrong with one separate form: its outcomes, its questions. Raises BadPreset."""
    path: preset_files.Path = ("request_forms", index)
    for problem in request_forms.outcome_problems(form.outcomes):
        at = preset_files.line_of(lines, (*path, "outcomes"))
        raise BadPreset(f"{name}, line {at}: {problem}")
    if form.sections or form.is_on:
        _refuse_form(request_forms.problems(form.sections), form.sections, (*path, "sections"), lines, name)


def _refuse_form(
    found: list[str],
    sections: object,
    path: preset_files.Path,
    lines: Mapping[preset_files.Path, int],
    name: str,
) -> None:
    """Say the first thing that is wrong with the questions that stand at a path of the file. Raises BadPreset."""
    if not found:
        return
    if named := re.match(r"Question “(.*?)”", found[0]):
        path = next(
            (
                (*path, number, "questions", index)
                for number, section in enumerate(sections if isinstance(sections, list) else [])
                if isinstance(section, Mapping) and isinstance(section.get("questions"), list)
                for index, question in enumerate(section["questions"])
                if isinstance(question, Mapping) and question.get("key") == named[1]
            ),
            path,
        )
    elif numbered := re.match(r"Section (\d+)", found[0]):
        path = (*path, int(numbered[1]) - 1)
    raise BadPreset(f"{name}, line {preset_files.line_of(lines, path)}: {found[0]}")
