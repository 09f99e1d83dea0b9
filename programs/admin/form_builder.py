"""The form builder: what one press of a button does to a draft, and what its page shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse

from portal.models import User
from portal.refusals import Refused
from programs import descriptions, fields, form_differences, form_edits, form_versions
from programs.admin.question_form import QuestionForm, SectionForm, type_choices
from programs.models import FormVersion

Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
STEPS = {"up": -1, "down": 1}


class NotFilledIn(Refused):
    """What was typed into an editor cannot be kept; `form` says why, at its fields."""

    def __init__(self, form: forms.Form) -> None:
        self.form = form
        super().__init__("Not saved: look at the fields below.")


@dataclass(frozen=True)
class Selected:
    """What stands in the editor: a question, a section, or nothing."""

    kind: str = ""
    key: str = ""

    @property
    def query(self) -> str:
        return f"?{self.kind}={self.key}" if self.kind else ""


def act_on_version(
    version: FormVersion, posted: QueryDict, *, by: User, at: datetime
) -> tuple[Selected, str]:
    """Do what was pressed in the builder of a form version; see `act`."""

    def edit(change: Change) -> None:
        form_versions.edit(form_version_id=version.pk, change=change, by=by, at=at)

    return act(version.sections, posted, edit=edit)


def act(
    sections: list[dict[str, Any]],
    posted: QueryDict,
    *,
    edit: Callable[[Change], None],
    maps_to: Mapping[str, tuple[str, ...]] = descriptions.MAPS_TO,
) -> tuple[Selected, str]:
    """Do what was pressed. Returns what to show next and a sentence. Raises Refused, or NotFilledIn with the form.

    edit: keeps one change of the sections. maps_to: what an answer of this kind of form may fill.
    """
    action, _, detail = posted.get("do", "").partition(":")
    question, section = posted.get("question", ""), posted.get("section", "")
    chosen: list[str] = []

    def keep(change: Callable[[list[dict[str, Any]]], Any]) -> None:
        def wrapped(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
            found = change(sections)
            if isinstance(found, tuple):
                chosen.append(found[1])
                return found[0]
            return found

        edit(wrapped)

    if action == "save" and question:
        editor = question_form(sections, question, posted, maps_to=maps_to)
        return _save_question(editor, question, posted, keep), "The question is saved."
    if action == "save" and section:
        return _save_section(section, posted, keep), "The section is saved."
    if action == "add" and detail == "question":
        kind, label = posted.get("kind", ""), posted.get("label", "")
        keep(lambda now: form_edits.add_question(now, section=section, kind=kind, label=label))
        return Selected("question", chosen[0]), "Added. Say more about it here."
    if action == "add" and detail == "section":
        keep(lambda now: form_edits.add_section(now, title=posted.get("title", "")))
        return Selected(), "Added at the end."
    if question:
        return _on_question(action, detail, posted, keep, chosen)
    return _on_section(action, detail, section, keep)


def _on_question(
    action: str,
    detail: str,
    posted: QueryDict,
    keep: Callable[[Callable[[list[dict[str, Any]]], Any]], None],
    chosen: list[str],
) -> tuple[Selected, str]:
    key = posted["question"]
    here = Selected("question", key)
    if action == "move" and detail in STEPS:
        keep(lambda now: form_edits.move_question(now, key=key, step=STEPS[detail]))
        return here, "Moved."
    if action == "place":
        part, _, at = detail.rpartition(":")
        keep(lambda now: form_edits.place_question(now, key=key, section=part, at=_place(at)))
        return here, f"The question stands at place {_place(at) + 1} of its section."
    if action == "duplicate":
        keep(lambda now: form_edits.duplicate_question(now, key=key))
        return Selected("question", chosen[0]), "This is the copy."
    if action == "delete":
        keep(lambda now: form_edits.delete_question(now, key=key))
        return Selected(), "The question is deleted from this draft."
    if action == "retype":
        keep(lambda now: form_edits.retype_question(now, key=key, kind=posted.get("kind", "")))
        return here, "The kind is changed. Look at what it needs."
    raise form_edits.CannotEditForm("Nothing was done: the page sent something unknown.")


def _on_section(
    action: str, detail: str, key: str, keep: Callable[[Callable[[list[dict[str, Any]]], Any]], None]
) -> tuple[Selected, str]:
    here = Selected("section", key)
    if action == "move" and detail in STEPS:
        keep(lambda now: form_edits.move_section(now, key=key, step=STEPS[detail]))
        return here, "Moved."
    if action == "place":
        keep(lambda now: form_edits.place_section(now, key=key, at=_place(detail)))
        return here, f"The section stands at place {_place(detail) + 1}."
    if action == "duplicate":
        keep(lambda now: form_edits.duplicate_section(now, key=key))
        return here, "A copy stands below it."
    if action == "delete":
        keep(lambda now: form_edits.delete_section(now, key=key))
        return Selected(), "The section is deleted from this draft, with its questions."
    raise form_edits.CannotEditForm("Nothing was done: the page sent something unknown.")


def _place(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise form_edits.CannotEditForm("Nothing was done: the page sent something unknown.")
    return int(text)


def _save_question(form: QuestionForm, key: str, posted: QueryDict, keep: Callable[..., None]) -> Selected:
    if not form.is_valid():
        raise NotFilledIn(form)
    typed, base = form.to_question(), posted.get("base", "")
    try:
        keep(lambda now: form_edits.change_question(now, key=key, question=typed, base=base))
    except form_edits.CannotEditForm as error:
        form.add_error("key" if "key" in str(error) else None, str(error))
        raise NotFilledIn(form) from error
    return Selected("question", typed["key"])


def _save_section(key: str, posted: QueryDict, keep: Callable[..., None]) -> Selected:
    form = SectionForm(posted, label_suffix="", auto_id="q_%s")
    if not form.is_valid():
        raise NotFilledIn(form)
    data, base = form.cleaned_data, posted.get("base", "")
    try:
        keep(lambda now: form_edits.change_section(now, key=key, base=base, **data))
    except form_edits.CannotEditForm as error:
        form.add_error("new_key" if "key" in str(error) else None, str(error))
        raise NotFilledIn(form) from error
    return Selected("section", data["new_key"])


def question_form(
    sections: list[dict[str, Any]],
    key: str,
    data: QueryDict | None = None,
    *,
    maps_to: Mapping[str, tuple[str, ...]] = descriptions.MAPS_TO,
) -> QuestionForm:
    """The editor of one question. Raises CannotEditForm when it is not there."""
    question = form_edits.question_of(sections, key)
    earlier: dict[str, Mapping[str, Any]] = {}
    taken: set[str] = set()
    before = True
    for other in (other for part in form_edits.readable(sections) for other in part["questions"]):
        before = before and other["key"] != key
        if before:
            earlier[other["key"]] = other
        if other["key"] != key and isinstance(other.get("maps_to"), str):
            taken.add(other["maps_to"])
    return QuestionForm(question, earlier=earlier, taken=taken, data=data, maps_to=maps_to)


def selected(description: list[dict[str, Any]], query: QueryDict) -> Selected:
    """What the address asks for; the first question when it names nothing that is there."""
    sections = form_edits.readable(description)
    for kind, keys in (
        ("question", [question["key"] for part in sections for question in part["questions"]]),
        ("section", [part["key"] for part in sections]),
    ):
        if query.get(kind) in keys:
            return Selected(kind, query[kind])
    first = next((question["key"] for part in sections for question in part["questions"]), "")
    return Selected("question", first) if first else Selected()


def page_of_version(version: FormVersion, here: Selected, form: forms.Form | None = None) -> dict[str, Any]:
    """The context of the builder of a form version; see `page`."""
    before = form_versions.published_before(version)
    changes = form_differences.differences(before.sections, version.sections) if before else []
    shown = page(version.sections, here, form, problems=fields.problems(version.sections))
    return shown | {
        "before": before,
        "changes": changes,
        "changes_number": form_differences.number(changes),
        "builder": version.pk,
        "edit_url": reverse("admin:programs_formversion_edit", args=[version.pk]),
        "preview_url": reverse("admin:form_preview", args=[version.pk]),
        "kept_note": "Published versions keep theirs.",
    }


def page(
    description: list[dict[str, Any]],
    here: Selected,
    form: forms.Form | None = None,
    *,
    problems: list[str],
    maps_to: Mapping[str, tuple[str, ...]] = descriptions.MAPS_TO,
) -> dict[str, Any]:
    """The context of the builder. form: an editor that was refused, with what was typed."""
    sections = form_edits.readable(description)
    at = form_edits.problems_at(problems, sections)
    context: dict[str, Any] = {
        "here": here,
        "outline": [_outlined(part, at, here) for part in sections],
        "problems": problems,
        "to_mend": _to_mend(sections, at),
        "form_problems": at.get("form", []),
        "kinds": type_choices(),
    }
    if here.kind == "question":
        question = form_edits.question_of(description, here.key)
        context |= {
            "editor": form or question_form(description, here.key, maps_to=maps_to),
            "question": question,
            "kind_now": question.get("type"),
            "base": form_edits.mark(question),
            "here_problems": at.get(f"question:{here.key}", []),
            "followers": _followers(sections, here.key),
            "current_section": next(
                part["key"]
                for part in sections
                if any(other["key"] == here.key for other in part["questions"])
            ),
        }
    elif here.kind == "section":
        section = form_edits.section_of(description, here.key)
        initial = {"title": section.get("title"), "lead": section.get("lead"), "new_key": here.key}
        context |= {
            "editor": form or SectionForm(initial=initial, label_suffix="", auto_id="q_%s"),
            "section": section,
            "base": form_edits.mark(form_edits.section_frame(section)),
            "here_problems": at.get(f"section:{here.key}", []),
            "current_section": here.key,
        }
    return context


def _outlined(part: dict[str, Any], at: dict[str, list[str]], here: Selected) -> dict[str, Any]:
    return {
        "key": part["key"],
        "title": part.get("title") or part["key"],
        "wrong": bool(at.get(f"section:{part['key']}")),
        "current": here == Selected("section", part["key"]),
        "questions": [
            {
                "key": question["key"],
                "label": question.get("label") or question["key"],
                "blind": question.get("blind") is True,
                "condition": "show_if" in question,
                "wrong": bool(at.get(f"question:{question['key']}")),
                "current": here == Selected("question", question["key"]),
            }
            for question in part["questions"]
        ],
    }


def _to_mend(sections: list[dict[str, Any]], at: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Every problem with the address of the place where it is mended, in the order of the form."""
    places = [
        place
        for part in sections
        for place in (
            f"section:{part['key']}",
            *(f"question:{question['key']}" for question in part["questions"]),
        )
    ]
    known = list(dict.fromkeys(place for place in places if place in at))
    rest = [place for place in at if place not in known]
    return [
        (f"?{place.replace(':', '=', 1)}" if place in known else "", text)
        for place in (*known, *rest)
        for text in at[place]
    ]


def _followers(sections: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The questions that are shown by an answer to this one."""
    return [
        {
            "key": question["key"],
            "label": question.get("label", question["key"]),
            "answers": ", ".join(map(str, question["show_if"].get("any_of") or ())),
        }
        for part in sections
        for question in part["questions"]
        if isinstance(question.get("show_if"), Mapping) and question["show_if"].get("question") == key
    ]
