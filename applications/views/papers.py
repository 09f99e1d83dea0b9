"""Papers that came of awards: add one, change one, take one off the list."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from applications import papers
from applications.models import Application, Paper
from applications.views.obligations import award_of
from portal import clock
from portal.limits import count
from portal.refusals import Refused
from programs import translations

ADDED_PER_HOUR = 60


class PaperForm(forms.Form):
    """What is typed about a paper. The operation judges it; here only the shapes are read."""

    links = forms.CharField(required=False, max_length=11_000, widget=forms.Textarea(attrs={"rows": 3}))
    title = forms.CharField(required=False, max_length=2_000)
    may_highlight = forms.BooleanField(required=False)
    sensitive = forms.BooleanField(required=False)
    awards = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, held: list[Application], **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.held = {str(award.public_id): award for award in held}
        self.fields["awards"].choices = [  # type: ignore[attr-defined]
            (key, f"{award.reference} · {award.title}") for key, award in self.held.items()
        ]

    @property
    def typed(self) -> papers.Typed:
        """As the operation takes it."""
        data = self.cleaned_data
        return papers.Typed(
            links=data["links"],
            title=data["title"],
            may_highlight=data["may_highlight"],
            sensitive=data["sensitive"],
            awards=[self.held[key].pk for key in data["awards"]],
        )


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Add a paper to an award; it may belong to other awards of the same person too."""
    application = award_of(request, public_id)
    form = _form(request, {"awards": [str((application.amends or application).public_id)]})
    if request.method == "POST" and form.is_valid():
        try:
            count("papers", request.user.pk, most=ADDED_PER_HOUR, seconds=3600)
            paper = papers.add(
                typed=form.typed,
                program=application.program,
                by=request.user,  # type: ignore[arg-type]
                at=clock.now(),
            )
        except Refused as error:
            _add_errors(form, error)
        else:
            messages.success(request, _("The paper is on your list.") + _to_come(paper))
            return _back(application)
    return _page(request, application, form)


@require_http_methods(["GET", "POST"])
@login_required
def paper(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Change an own paper, its permission and its awards, or take it off the list."""
    found = get_object_or_404(
        Paper.objects.filter(holder=request.user).prefetch_related("links", "awards__program"),  # type: ignore[misc]
        public_id=public_id,
    )
    awards = list(found.awards.all())
    held = papers.awards_of(request.user)  # type: ignore[arg-type]
    application = awards[0] if awards else held[0] if held else None
    by, at = request.user, clock.now()
    if request.method == "POST" and request.POST.get("do") == "remove":
        papers.remove(paper_id=found.pk, by=by, at=at)  # type: ignore[arg-type]
        messages.success(request, _("The paper is off your list."))
        return _back(application)
    form = _form(
        request,
        {
            "links": "\n".join(row.link for row in found.links.all()),
            "title": found.title,
            "may_highlight": found.may_highlight,
            "sensitive": found.sensitive,
            "awards": [str(award.public_id) for award in awards],
        },
        held,
    )
    if request.method == "POST" and form.is_valid():
        try:
            kept = papers.change(paper_id=found.pk, typed=form.typed, by=by, at=at)  # type: ignore[arg-type]
        except Refused as error:
            _add_errors(form, error)
        else:
            messages.success(request, _("The change is kept.") + _to_come(kept))
            return _back(application)
    return _page(request, application, form, found)


def _form(request: HttpRequest, initial: dict[str, Any], held: list[Application] | None = None) -> PaperForm:
    held = papers.awards_of(request.user) if held is None else held  # type: ignore[arg-type]
    return PaperForm(request.POST or None, initial=initial, held=held)


def _add_errors(form: PaperForm, error: Refused) -> None:
    problems = error.problems if isinstance(error, papers.CannotKeepPaper) else {}
    for name, sentence in problems.items():
        form.add_error(name, sentence)
    if not problems:
        form.add_error(None, str(error))


def _to_come(kept: Paper) -> str:
    return "" if kept.title else " " + _("Its title is looked up by its DOI; it may take some minutes.")


def _back(application: Application | None) -> HttpResponse:
    if application is None:
        return redirect("applications:mine")
    return redirect("applications:obligations", application.public_id)


def _page(
    request: HttpRequest, application: Application | None, form: PaperForm, found: Paper | None = None
) -> HttpResponse:
    context = {
        "application": application,
        "program": translations.shown(found.program if found else application.program),  # type: ignore[union-attr]
        "paper": found,
        "form": form,
        "fetches": papers.fetches_titles(),
        "most_links": papers.MOST_LINKS,
    }
    return render(request, "applications/paper.html", context, status=422 if form.errors else 200)
