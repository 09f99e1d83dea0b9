"""A reviewer's profile: what they know, when they are away, how much they take. Managers edit it for their members too."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from applications import reviewers
from applications.admin.forms import CleanText
from applications.models import Absence, ReviewerLimit, ReviewerProfile
from portal import clock
from portal.models import User
from portal.roles import Role
from programs import memberships, staff
from programs.models import Program

MOST = 100_000


class LinesField(CleanText):
    """A list, one entry a line; commas part entries as well where `commas` says so."""

    def __init__(self, *, rows: int = 3, commas: bool = False, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            max_length=20_000,
            widget=forms.Textarea(attrs={"rows": rows, "cols": 40}),
            **kwargs,
        )
        self.commas = commas

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return [line.strip() for line in (text.replace(",", "\n") if self.commas else text).splitlines()]


class DaysField(CleanText):
    """Days away, one time a line: 2026-12-20 to 2027-01-04."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False, max_length=4_000, widget=forms.Textarea(attrs={"rows": 3, "cols": 40}), **kwargs
        )

    def clean(self, value: Any) -> Any:
        found = []
        for line in super().clean(value).splitlines():
            if not line.strip():
                continue
            parts = [part.strip() for part in line.replace(" to ", "|").replace(" – ", "|").split("|")]
            try:
                days = [date.fromisoformat(part) for part in parts]
            except ValueError:
                days = []
            if len(days) not in (1, 2):
                raise forms.ValidationError(
                    f"“{line.strip()[:60]}” is not two days such as 2026-12-20 to 2027-01-04."
                )
            found.append((days[0], days[-1]))
        return tuple(found)


class ProfileForm(forms.Form):
    tags = LinesField(
        label="Fields and topics you know",
        commas=True,
        help_text="As forms name them, such as biology or drug-discovery. Apart by commas.",
    )
    institution = CleanText(label="Institution", required=False, max_length=200)
    ror_id = CleanText(
        label="Its ROR id", required=False, max_length=60, help_text="Such as 05a28rw58, if you know it."
    )
    orcid = CleanText(label="Your ORCID iD", required=False, max_length=60)
    works = LinesField(label="Your publications of the last three years", help_text="DOIs, one a line.")
    coauthor_orcids = LinesField(label="ORCID iDs of co-authors", help_text="One a line.")
    avoided_emails = LinesField(
        label="People you cannot judge",
        help_text="Their mail addresses, one a line. You will not see their applications.",
    )
    avoided_institutions = LinesField(label="Institutions you cannot judge", help_text="One a line.")
    absences = DaysField(
        label="Away", help_text="First and last day, one time a line: 2026-12-20 to 2027-01-04."
    )

    def __init__(self, *args: Any, programs: Sequence[Program], **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.programs = programs
        for program in programs:
            self.fields[f"most-{program.pk}"] = forms.IntegerField(
                label=f"At most, for {program}",
                required=False,
                min_value=0,
                max_value=MOST,
                help_text="Applications of one evaluation. Empty: no limit.",
            )

    def limit_fields(self) -> list[Any]:
        return [self[f"most-{program.pk}"] for program in self.programs]

    @property
    def entered(self) -> reviewers.Entered:
        names = reviewers.Entered.__dataclass_fields__
        return reviewers.Entered(**{name: self.cleaned_data[name] for name in names})


@require_http_methods(["GET", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """One's own profile."""
    desk = staff.desk(request)
    if not desk.holds(Role.REVIEWER, Role.SCREENER, Role.MANAGER):
        raise PermissionDenied
    programs = [desk.programs[pk] for pk in desk.program_ids(Role.REVIEWER)]
    return _page(request, desk.user, programs, back="admin:profile")


@require_http_methods(["GET", "POST"])
def of_member(request: HttpRequest, pk: int) -> HttpResponse:
    """The profile of somebody who works on a program that this person manages; anybody else is a 404."""
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    if pk == desk.user.pk:
        return mine(request)
    managed = list(desk.programs) if desk.everything else desk.program_ids(Role.MANAGER)
    person = User.objects.filter(pk=pk).first()
    programs = list(memberships.programs_of(person).filter(pk__in=managed).order_by("name")) if person else []
    if person is None or not programs:
        raise Http404
    return _page(request, person, programs, back="admin:profile_of")


def _page(request: HttpRequest, person: User, programs: Sequence[Program], *, back: str) -> HttpResponse:
    desk = staff.desk(request)
    form = ProfileForm(request.POST or None, programs=programs, initial=_initial(person, programs))
    status = 200
    if request.method == "POST":
        if form.is_valid() and _save(form, person, desk.user):
            messages.success(request, "The profile is saved.")
            return redirect(back, *([person.pk] if back.endswith("_of") else []))
        status = 422
    context = {
        **admin.site.each_context(request),
        "title": "My profile" if person == desk.user else f"Profile of {person}",
        "person": person,
        "own": person == desk.user,
        "form": form,
        "programs": programs,
    }
    return render(request, "admin/applications/evaluation/profile.html", context, status=status)


def _initial(person: User, programs: Sequence[Program]) -> dict[str, Any]:
    profile = ReviewerProfile.objects.filter(user=person).first() or ReviewerProfile(user=person)
    limits = ReviewerLimit.objects.filter(user=person, program__in=programs, cycle=None)
    days = Absence.objects.filter(user=person).order_by("from_on")
    return {
        "tags": ", ".join(profile.tags),
        "institution": profile.institution,
        "ror_id": profile.ror_id,
        "orcid": profile.orcid,
        **{
            name: "\n".join(getattr(profile, name))
            for name in ("works", "coauthor_orcids", "avoided_emails", "avoided_institutions")
        },
        "absences": "\n".join(f"{row.from_on} to {row.until_on}" for row in days),
        **{f"most-{limit.program_id}": limit.most for limit in limits},
    }


def _save(form: ProfileForm, person: User, by: User) -> bool:
    at = clock.now()
    try:
        reviewers.save_profile(user=person, entered=form.entered, by=by, at=at)
        for program in form.programs:
            name = f"most-{program.pk}"
            if name in form.changed_data:
                most = form.cleaned_data[name]
                reviewers.set_limit(user=person, program=program, cycle=None, most=most, by=by, at=at)
    except reviewers.BadProfile as error:
        for name, problem in error.problems.items():
            form.add_error(name if name in form.fields else None, problem)
        return False
    return True
