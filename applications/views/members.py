"""The people who share the credits of an award: invitations, roles, leaving, and the page where one joins."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from applications import award_members, awards, obligation_words
from applications.models import Application, AwardMember, Decision, MemberRole
from credits import access
from portal import clock
from portal.limits import TooOften, count
from programs import translations

ATTEMPTS_PER_HOUR = 40


class Invitation(forms.Form):
    """Whom to invite, and for what."""

    email = forms.CharField(
        max_length=254, error_messages={"required": gettext_lazy("Write an e-mail address.")}
    )
    role = forms.ChoiceField(
        choices=MemberRole.choices,
        initial=MemberRole.VIEW,
        error_messages={"required": gettext_lazy("Choose one.")},
    )


@require_http_methods(["GET", "POST"])
@login_required
def members(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Who shares the credits. The holder and members who manage invite and end; everybody else may leave."""
    rows = award_members.awards_open_to(request.user).select_related("program", "applicant")  # type: ignore[arg-type]
    application = get_object_or_404(rows, public_id=public_id)
    manages = award_members.may_manage(request.user, application)  # type: ignore[arg-type]
    form = Invitation(request.POST if request.method == "POST" and "invite" in request.POST else None)
    if request.method == "POST":
        if "invite" not in request.POST:
            return _change(request, application)
        if not manages:
            raise Http404
        if form.is_valid() and _invite(request, application, form):
            return redirect("applications:members", application.public_id)
    is_holder = application.applicant_id == request.user.pk
    context = {
        "application": application,
        "program": translations.shown(application.program),
        "is_holder": is_holder,
        "manages": manages,
        "people": list(award_members.members(application)),
        "most": award_members.MOST_PEOPLE,
        "conduct": award_members.CONDUCT,
        "conduct_version": award_members.CONDUCT_VERSION,
        "form": form,
        "roles": MemberRole.choices,
        "lots": awards.of(application).lots,
        "owed": obligation_words.box(application.obligations.first(), at=clock.now()),
    }
    return render(request, "credits/members.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def members_of(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """From a grant to the people who share it."""
    grant = get_object_or_404(access.readable_by(request.user), uuid=uuid)  # type: ignore[arg-type]
    given = Decision.objects.select_related("application__amends").filter(grant=grant.decided_id)
    application = get_object_or_404(given).application
    return redirect("applications:members", (application.amends or application).public_id)


def _invite(request: HttpRequest, application: Application, form: Invitation) -> bool:
    try:
        count("invitations", request.user.pk, most=ATTEMPTS_PER_HOUR, seconds=3600)
        made = award_members.invite(
            application_id=application.pk,
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
            **form.cleaned_data,
        )
    except (award_members.CannotInvite, TooOften) as error:
        form.add_error("email", str(error))
        return False
    messages.success(
        request, _("The invitation goes to %(email)s. Its link works for two weeks.") % {"email": made.email}
    )
    return True


def _change(request: HttpRequest, application: Application) -> HttpResponse:
    """End a place, or change what somebody may do."""
    wanted = request.POST.get("end") or request.POST.get("change") or ""
    place = next((row for row in award_members.members(application) if str(row.public_id) == wanted), None)
    if place is None:
        raise Http404
    leaving = place.user_id == request.user.pk
    try:
        if "end" in request.POST:
            award_members.end(member_id=place.pk, by=request.user, at=clock.now())  # type: ignore[arg-type]
            text = (
                _("You left. The credits are not in your list any more.")
                if leaving
                else _("%(person)s has no access any more.") % {"person": place.user or place.email}
            )
        else:
            award_members.change_role(
                member_id=place.pk,
                role=request.POST.get("role", ""),
                by=request.user,  # type: ignore[arg-type]
                at=clock.now(),
            )
            text = _("Changed. It holds from now on.")
    except award_members.CannotChange as error:
        messages.error(request, str(error))
        return redirect("applications:members", application.public_id)
    messages.success(request, text)
    if leaving:
        return redirect("credits:mine")
    return redirect("applications:members", application.public_id)


@require_http_methods(["GET", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link of an invitation leads: sign in with the invited address, accept the rules of conduct, join."""
    member = award_members.by_token(token)
    if member is None:
        raise Http404
    if not request.user.is_authenticated:
        messages.info(request, _("Sign in, or make an account, with the address that got the invitation."))
        return redirect(f"{reverse('account_login')}?next={request.path}")
    now, refusal = clock.now(), ""
    try:
        award_members.refuse_joining(member, person=request.user, at=now)
    except award_members.CannotJoin as error:
        context = {"refusal": str(error), "other_address": isinstance(error, award_members.OtherAddress)}
        return render(request, "applications/invitation.html", context, status=403)
    if member.user_id == request.user.pk:
        return redirect("applications:members", member.application.public_id)
    if request.method == "POST":
        try:
            award_members.join(
                member_id=member.pk, conduct="conduct" in request.POST, by=request.user, at=now
            )
        except award_members.CannotJoin as error:
            refusal = str(error)
        else:
            messages.success(request, _("Welcome. The credits are in your list from now on."))
            return redirect("applications:members", member.application.public_id)
    return _join_page(request, member, refusal)


def _join_page(request: HttpRequest, member: AwardMember, refusal: str) -> HttpResponse:
    context = {
        "member": member,
        "program": translations.shown(member.application.program),
        "may_manage": member.role == MemberRole.MANAGE,
        "conduct": award_members.CONDUCT,
        "conduct_version": award_members.CONDUCT_VERSION,
        "refusal": refusal,
    }
    return render(request, "credits/join.html", context, status=422 if refusal else 200)
