"""Ask us: the questions that others asked come first, then the form."""

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from applications import contact as operation
from portal import clock
from portal.limits import TooOften, count
from programs import queries

QUERY_LENGTH = 300
PER_HOUR = 10  # from one network address


class Question(forms.Form):
    """What somebody wants to know, and where the answer goes."""

    about = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": gettext_lazy("Choose one of the list.")}
    )
    name = forms.CharField(max_length=150, required=False)
    email = forms.CharField(
        max_length=254,
        error_messages={"required": gettext_lazy("Write an e-mail address to which we can answer.")},
    )
    text = forms.CharField(strip=True, error_messages={"required": gettext_lazy("Write your question.")})

    def __init__(self, *args: object, choices: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["about"].choices = choices  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    """GET ?q= looks for an answer among the questions of all programs; below it stands the form that reaches us."""
    q = " ".join(request.GET.get("q", "").replace("\x00", " ").split())[:QUERY_LENGTH]
    person = request.user if request.user.is_authenticated else None
    urgent = operation.urgent_forms(person) if person else []
    programs = {program.slug: program for program in queries.listed()}
    choices = [("", _("Anything else")), *((slug, program.name) for slug, program in programs.items())]
    initial = {"text": q, "about": request.GET.get("about", "")}
    if person:
        initial |= {"name": person.name, "email": person.email}
    form = Question(request.POST if request.method == "POST" else None, initial=initial, choices=choices)
    if request.method == "POST" and form.is_valid():
        slug = form.cleaned_data.pop("about")
        try:
            count("contact", get_adapter().get_client_ip(request), most=PER_HOUR, seconds=3600)
            operation.send(
                program=programs.get(slug),
                by=person,
                at=clock.now(),
                **form.cleaned_data,
            )
        except (operation.CannotSend, TooOften) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Sent. We answer by mail, most often within a few working days."))
            return redirect("applications:contact")
    context = {
        "q": q,
        "entries": queries.faq_matches(q) if q else [],
        "searched": bool(q),
        "open_form": bool(q) or request.method == "POST" or "write" in request.GET,
        "form": form,
        "urgent": urgent,
        "longest": operation.LONGEST,
    }
    return render(request, "applications/contact.html", context)
