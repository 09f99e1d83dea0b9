"""Separate forms of a program: change their questions, switch them on and off, find those that are on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import fields, form_versions, standing
from programs.models import Program, ProgramState
from programs.request_models import RequestForm, RequestOutcome

MAPS_TO: dict[str, tuple[str, ...]] = {
    "title": ("short_text",),
    "links": ("doi_list",),
    "may_highlight": ("yes_no",),
    "sensitive": ("yes_no",),
}
"""What an answer of a request may fill, and the types that can: these answers are also columns of a request."""

HIDDEN = (ProgramState.DRAFT, ProgramState.ARCHIVED)
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


class BadRequestForm(Refused):
    """The form does not hold together. `problems` lists every reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


class NoDraft(Refused):
    """There are no changed questions to publish."""


def problems(sections: object, outcomes: object = ("answered",)) -> list[str]:
    """Say what keeps a form from being switched on, one sentence each; empty when nothing does."""
    found = fields.problems(sections, maps_to=MAPS_TO)
    if not found and isinstance(sections, list):
        found += [
            f"Question “{question['key']}”: a request takes no files. Ask for a web address."
            for question in fields.questions(sections)
            if question["type"] == "file"
        ]
    return found + outcome_problems(outcomes)


def outcome_problems(outcomes: object) -> list[str]:
    """What is wrong with the ways in which a request can end."""
    if not isinstance(outcomes, (list, tuple)) or not outcomes:
        return ["Name at least one way in which a request can end."]
    unknown = [str(outcome)[:40] for outcome in outcomes if outcome not in RequestOutcome.values]
    if unknown:
        return [f"“{unknown[0]}” is no outcome; known are {', '.join(RequestOutcome.values)}."]
    return ["An outcome stands twice."] if len(set(outcomes)) < len(outcomes) else []


def public() -> QuerySet[RequestForm]:
    """The forms that are on, of programs that everybody may see; paused and closed programs keep theirs."""
    return (
        RequestForm.objects.filter(is_on=True)
        .exclude(program__state__in=HIDDEN)
        .select_related("program")
        .order_by("program__position", "program__name", "position", "pk")
    )


def asked(form: RequestForm) -> Mapping[str, Any]:
    """All questions of a form as one section, for one page; the titles of several sections stand between them."""
    return one_section(form.sections)


def one_section(sections: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Several sections as one; see `asked`."""
    listed: list[Mapping[str, Any]] = []
    for number, section in enumerate(sections):
        if len(sections) > 1:
            heading = {"key": f"part-{number}", "type": "text", "label": section["title"]}
            listed.append(heading | ({"help": section["lead"]} if section.get("lead") else {}))
        listed += section["questions"]
    return {"key": "all", "title": sections[0]["title"] if sections else "", "questions": listed}


def missing(program: Program) -> list[str]:
    """What keeps a program from opening: forms that are on and cannot be asked. A sentence each."""
    return [
        f"Mend the request form “{form}”, or switch it off: {wrong[0]}"
        for form in standing.of(program).request_forms
        if (wrong := problems(form.sections, form.outcomes))
    ]


def advice(program: Program) -> list[str]:
    """What will be missed later at the forms that are on."""
    facts = standing.of(program)
    first = next((form for form in facts.request_forms if form.faq_first), None)
    if first is not None and not facts.has_questions:
        return [f"“{first}” looks for an answer first, and the program has no questions and answers yet."]
    return []


@transaction.atomic
def start_draft(*, request_form_id: int, by: User, at: datetime) -> RequestForm:
    """Begin to change the questions: a copy of those in use. A draft that is there already stays."""
    form = _locked(request_form_id)
    if form.draft is None:
        form.draft = form.sections
        form.save(update_fields=["draft"])
        audit.record(action="request_form.draft", subject=form, by=by, at=at)
    return form


@transaction.atomic
def edit(*, request_form_id: int, change: Change, by: User, at: datetime) -> RequestForm:
    """Make one change to the draft as it stands now; without a draft, to a copy of the questions in use.

    change: a pure function of programs.form_edits; what it raises leaves everything as it was. Raises
    form_versions.CannotKeep.
    """
    form = _locked(request_form_id)
    now = form.sections if form.draft is None else form.draft
    sections = change(now)
    form_versions.refuse_unkept(sections)
    if form.draft is None or sections != now:
        form.draft = sections
        form.save(update_fields=["draft"])
        audit.record(action="request_form.change", subject=form, by=by, at=at)
    return form


@transaction.atomic
def publish(*, request_form_id: int, by: User | None, at: datetime) -> RequestForm:
    """Ask the changed questions from now on. Requests that were sent keep theirs. Raises NoDraft, BadRequestForm."""
    form = _locked(request_form_id)
    if form.draft is None:
        raise NoDraft("Nothing was changed since the questions were published.")
    if wrong := problems(form.draft, form.outcomes):
        raise BadRequestForm(wrong)
    form.sections, form.draft = form.draft, None
    form.save(update_fields=["sections", "draft"])
    audit.record(action="request_form.publish", subject=form, by=by, at=at)
    return form


@transaction.atomic
def discard(*, request_form_id: int, by: User, at: datetime) -> RequestForm:
    """Throw the changed questions away; those in use stay."""
    form = _locked(request_form_id)
    if form.draft is not None:
        form.draft = None
        form.save(update_fields=["draft"])
        audit.record(action="request_form.discard", subject=form, by=by, at=at)
    return form


@transaction.atomic
def switch(*, request_form_id: int, on: bool, by: User | None, at: datetime) -> RequestForm:
    """Take requests from now on, or none any more; those that were sent are answered all the same.

    Switching twice changes nothing. Raises BadRequestForm when the questions cannot be asked.
    """
    form = _locked(request_form_id)
    if form.is_on == on:
        return form
    if on and (wrong := problems(form.sections, form.outcomes)):
        raise BadRequestForm(wrong)
    form.is_on = on
    form.save(update_fields=["is_on"])
    audit.record(action=f"request_form.{'on' if on else 'off'}", subject=form, by=by, at=at)
    return form


def _locked(request_form_id: int) -> RequestForm:
    return RequestForm.objects.select_for_update(of=("self",)).get(pk=request_form_id)
