"""People: who works on which program, and the accounts behind them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html

from portal import clock
from portal.admin_base import DeskAdmin, DeskForm
from portal.models import User
from portal.roles import Role
from programs import memberships, staff
from programs.admin.cycle import ProgramFilter
from programs.models import Membership, Program

GIVEN_BY_MANAGERS = (Role.REVIEWER, Role.SCREENER, Role.MANAGER)


class MembershipForm(DeskForm):
    """Give a role to somebody who has an account."""

    email = forms.EmailField(label="E-mail address", help_text="The person signs in with it.")

    class Meta:
        model = Membership
        fields = ("program", "role")

    def clean_email(self) -> str:
        address = self.cleaned_data["email"].strip().lower()
        if not User.objects.filter(email__iexact=address, is_active=True).exists():
            raise forms.ValidationError("Nobody has an account with this address. The person signs up first.")
        return address

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"user"}


class LiveFilter(admin.SimpleListFilter):
    title = "standing"
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Held now"), ("yes", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("no", "yes"):
            return queryset.filter(ended_at__isnull=self.value() == "no")
        return queryset


@admin.register(Membership)
class MembershipAdmin(DeskAdmin):
    """Roles are given and ended through programs.memberships, never written here."""

    form = MembershipForm
    list_display = ("person", "program", "role", "since_at", "ended_at", "end_it")
    list_display_links = None
    list_filter = (ProgramFilter, "role", LiveFilter)
    list_select_related = ("user", "program")
    search_fields = ("user__email",)
    search_help_text = "The start of a mail address"
    ordering = ("program_id", "role", "pk")
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        desk = staff.desk(request)
        if desk.everything:
            return queryset
        return queryset.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip().lower()
        return (queryset.filter(user__email__startswith=words) if words else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and staff.desk(request).sees(Role.MANAGER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.end)
        return [path("<int:pk>/end/", view, name="programs_membership_end"), *super().get_urls()]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "program":
            desk = staff.desk(request)
            ids = list(desk.programs) if desk.everything else desk.program_ids(Role.MANAGER)
            kwargs["queryset"] = Program.objects.filter(pk__in=ids).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            roles = list(Role) if request.user.is_superuser else GIVEN_BY_MANAGERS
            kwargs["choices"] = [(role.value, role.label) for role in roles]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        user = User.objects.get(email__iexact=form.cleaned_data["email"])
        membership = memberships.give(
            program=obj.program, user=user, role=Role(obj.role), by=staff.desk(request).user, at=clock.now()
        )
        obj.pk, obj.user = membership.pk, user

    def response_add(
        self, request: HttpRequest, obj: Membership, post_url_continue: Any = None
    ) -> HttpResponse:
        messages.success(request, f"{obj.user} is {Role(obj.role).label.lower()} of {obj.program}.")
        return redirect("admin:programs_membership_changelist")

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a role."""
        desk = staff.desk(request)
        membership = (
            self.get_queryset(request).filter(pk=pk, ended_at=None).select_related("program", "user").first()
        )
        if membership is None or request.method != "POST" or not self._may_end(desk, membership):
            raise Http404
        memberships.end(
            program=membership.program,
            user=membership.user,
            role=Role(membership.role),
            by=desk.user,
            at=clock.now(),
        )
        messages.success(request, f"{membership.user} is no longer {Role(membership.role).label.lower()}.")
        return redirect("admin:programs_membership_changelist")

    def _may_end(self, desk: staff.Desk, membership: Membership) -> bool:
        if desk.everything:
            return True
        return membership.role in GIVEN_BY_MANAGERS and desk.holds(
            Role.MANAGER, program_id=membership.program_id
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A role on a page of its own, with the one thing that can be done to it: end it."""
        membership = self.get_object(request, object_id)
        if membership is None or not self.has_view_permission(request, membership):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"{membership.user}, {Role(membership.role).label.lower()} of {membership.program}",
            "accent": membership.program.accent,
            "membership": membership,
            "may_end": membership.ended_at is None and self._may_end(staff.desk(request), membership),
        }
        return render(request, "admin/programs/membership.html", context)

    @admin.display(description="Person", ordering="user__name")
    def person(self, row: Membership) -> str:
        return format_html(
            '<a class="row-link" href="{}/change/">{}</a><span class="under">{}</span>',
            row.pk,
            row.user.name or row.user.email,
            row.user.email if row.user.name else "",
        )

    @admin.display(description="")
    def end_it(self, row: Membership) -> str:
        if row.ended_at is not None:
            return ""
        return format_html(
            '<a href="{}">End…</a>', reverse("admin:programs_membership_change", args=[row.pk])
        )


class PersonCreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")


class PersonChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Accounts, signed in by mail address. Roles are given in Membership, so groups are not edited here."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    list_display = ("email", "name", "is_staff", "is_active", "date_joined")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email",)
    search_help_text = "The start of a mail address"
    ordering = ("-pk",)
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = None
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Standing", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Since", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("email", "name", "usable_password", "password1", "password2")},
        ),
    )
    readonly_fields = ("date_joined", "last_login")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip().lower()
        return (queryset.filter(email__startswith=words) if words else queryset), False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        locked = () if request.user.is_superuser else ("is_staff", "is_superuser")
        return (*self.readonly_fields, *locked)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
