"""The people of an application: who has access, invitations, and accepting one."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from applications import collaborators, presentation, standing
from applications.models import Application, Collaborator, Right
from applications.standing import Phase
from applications.views import common
from portal import clock
from portal.limits import TooOften, count
from programs import translations

ATTEMPTS_PER_HOUR = 40


class Invitation(forms.Form):
    """Whom to invite, and for what."""

    email = forms.CharField(
        max_length=254, error_messages={"required": gettext_lazy("Write an e-mail address.")}
    )
    right = forms.ChoiceField(
        choices=Right.choices, initial=Right.VIEW, error_messages={"required": gettext_lazy("Choose one.")}
    )


@require_http_methods(["GET", "POST"])
@login_required
def people(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Who has access. The applicant invites, changes and ends; everybody else may leave."""
    application = common.readable(request, public_id)
    is_owner = application.applicant_id == request.user.pk
    form = Invitation(request.POST if request.method == "POST" and "invite" in request.POST else None)
    if request.method == "POST":
        if "invite" not in request.POST:
            return _change(request, application, is_owner=is_owner)
        if not is_owner:
            raise Http404
        if form.is_valid() and _invite(request, application, form):
            return redirect("applications:people", application.public_id)
    context = {
        "application": application,
        "program": application.program,
        "title": application.title
        or presentation.title(application.form_version.sections, application.answers),
        "is_owner": is_owner,
        "people": list(collaborators.people(application)),
        "most": collaborators.MOST_PEOPLE,
        "form": form,
        "rights": Right.choices,
        "is_draft": standing.phase_of(application, at=clock.now()) == Phase.DRAFT,
        "is_withdrawn": application.withdrawn_at is not None,
    }
    return render(request, "applications/people.html", context)


def _invite(request: HttpRequest, application: Application, form: Invitation) -> bool:
    try:
        count("invitations", request.user.pk, most=ATTEMPTS_PER_HOUR, seconds=3600)
        made = collaborators.invite(
            application_id=application.pk, by=request.user, at=clock.now(), **form.cleaned_data
        )
    except (collaborators.CannotInvite, TooOften) as error:
        form.add_error("email", str(error))
        return False
    messages.success(
        request, _("The invitation goes to %(email)s. Its link works for two weeks.") % {"email": made.email}
    )
    return True


def _change(request: HttpRequest, application: Application, *, is_owner: bool) -> HttpResponse:
    """End somebody's access, or change the right; one's own access may be ended by anybody who has one."""
    wanted = request.POST.get("end") or request.POST.get("change") or ""
    place = next(
        (row for row in collaborators.people(application) if str(row.public_id) == wanted),
        None,
    )
    leaving = place is not None and place.user_id == request.user.pk and "end" in request.POST
    if place is None or not (is_owner or leaving):
        raise Http404
    try:
        if "end" in request.POST:
            collaborators.end(collaborator_id=place.pk, by=request.user, at=clock.now())
            text = (
                _("You left the application.")
                if leaving
                else _("%(person)s has no access any more.") % {"person": place.user or place.email}
            )
            messages.success(request, text)
        else:
            right = request.POST.get("right", "")
            collaborators.change_right(collaborator_id=place.pk, right=right, by=request.user, at=clock.now())
            messages.success(request, _("Changed. It holds from now on."))
    except collaborators.CannotChange as error:
        messages.error(request, str(error))
    if leaving and not is_owner:
        return redirect("applications:mine")
    return redirect("applications:people", application.public_id)


@require_http_methods(["GET", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link of an invitation leads: sign in with the invited address, then accept."""
    collaborator = collaborators.by_token(token)
    if collaborator is None:
        raise Http404
    if not request.user.is_authenticated:
        messages.info(request, _("Sign in, or make an account, with the address that got the invitation."))
        return redirect(f"{reverse('account_login')}?next={request.path}")
    now = clock.now()
    try:
        collaborators.refuse_joining(collaborator, person=request.user, at=now)
        if collaborator.user_id == request.user.pk:
            return redirect("applications:status", collaborator.application.public_id)
        if request.method == "POST":
            collaborators.accept(collaborator_id=collaborator.pk, by=request.user, at=now)
            messages.success(request, _("Welcome. The application is in your list from now on."))
            return redirect("applications:status", collaborator.application.public_id)
    except collaborators.CannotJoin as error:
        return _refused(request, error)
    return render(request, "applications/invitation.html", _shown(collaborator))


def _refused(request: HttpRequest, error: collaborators.CannotJoin) -> HttpResponse:
    """Nothing about the application: whoever has only the link learns nothing from it."""
    context = {"refusal": str(error), "other_address": isinstance(error, collaborators.OtherAddress)}
    return render(request, "applications/invitation.html", context, status=403)


def _shown(collaborator: Collaborator) -> dict[str, object]:
    application = collaborator.application
    return {
        "collaborator": collaborator,
        "application": application,
        "program": translations.shown(application.program),
        "may_edit": collaborator.right == Right.EDIT,
    }
