"""Pages of a form that a draft has left meanwhile: nothing typed there is lost, and its writer is led on."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from applications import answers as answering
from applications import form_change, institutions, merging
from applications.forms import section_form
from applications.models import Application
from applications.views import common
from portal import clock
from programs import fields


def page(request: HttpRequest, application: Application, key: str) -> HttpResponse:
    """A section that the draft's form has no more: what was posted is kept, and the page that follows says what changed.

    Raises Http404 for a section that no form of the program ever had.
    """
    part = form_change.former_section(application, key)
    if part is None:
        raise Http404
    text = _("The form has changed, and this section is not in it any more. What changed is said below.")
    if request.method == "POST":
        form = section_form(part, answers={}, data=request.POST)
        form.is_valid()
        typed = institutions.settled([part], answering.store(part, form.cleaned_data))
        kept = form_change.keep_typed(
            application_id=application.pk, section=part, typed=typed, by=request.user, at=clock.now()
        )
        if kept:
            text = _(
                "The form changed while you wrote, and this section is not in it any more. What you typed is kept: "
                "see “Answers that the new form has no place for” below."
            )
        else:
            text = _(
                "The form changed while you wrote, and this section is not in it any more. What you typed stands in the "
                "new form."
            )
    messages.warning(request, text)
    return redirect(common.first_open(common.editable(request, application.public_id)))


def script(application: Application, key: str) -> JsonResponse:
    """The same for what saves while somebody types: the button does it, and nothing is lost until then."""
    if form_change.former_section(application, key) is None:
        raise Http404
    error = _(
        "The form has changed since you opened this page. Save it with the button: what you typed is kept."
    )
    return JsonResponse({"error": error}, status=409)


def strays(
    application: Application, part: Mapping[str, Any], data: Any, base: Mapping[str, str] | None
) -> tuple[Mapping[str, Any], dict[str, Any]] | None:
    """What a page of an older form sent for questions that its section does not ask any more, with a section of these.

    base: the marks that the page was drawn with; they name its questions. None where nothing of them was touched, and for
    the pages of today's form.
    """
    if application.carried_from_id is None or not base:
        return None
    asked = {question["key"] for question in fields.expanded(part)}
    left = [key for key in base if key not in asked]
    former = form_change.former_section(application, part["key"]) if left else None
    if former is None:
        return None
    gone = {**former, "questions": [entry for entry in former["questions"] if entry["key"] in left]}
    form = section_form(gone, answers={}, data=data)
    form.is_valid()
    typed = institutions.settled([gone], answering.store(gone, form.cleaned_data))
    touched = {
        key: value
        for key, value in typed.items()
        if value is not None and merging.mark(value) != base.get(key, "")
    }
    return (gone, touched) if touched else None


def keep_strays(
    request: HttpRequest, application: Application, part: Mapping[str, Any], base: Mapping[str, str] | None
) -> None:
    """Keep them beside the new form, where its notice shows them, and say so."""
    found = strays(application, part, request.POST, base)
    if found is None:
        return
    gone, touched = found
    form_change.keep_typed(
        application_id=application.pk, section=gone, typed=touched, by=request.user, at=clock.now()
    )
    application.refresh_from_db(fields=["answers", "answers_version", "set_aside", "saved_at"])
    messages.warning(
        request,
        _(
            "The form changed while you wrote, and some of its questions are not asked any more. What you typed there is "
            "kept: see “Answers that the new form has no place for”."
        ),
    )
