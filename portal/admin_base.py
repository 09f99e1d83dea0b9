"""What every admin of ours has in common: rows are read, and changed only through an operation."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest

NATIVE_PICKERS = {
    models.DateField: {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})},
    models.TimeField: {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})},
}
"""The browser's own pickers: no script, and they know the reader's calendar."""


class DeskForm(forms.ModelForm):
    """A form whose labels end without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class DeskAdmin(admin.ModelAdmin):
    """An admin that dresses for the desk: no facets, no delete, empty cells stay empty.

    `scope` is the permission: list, search, autocomplete, history and pop-ups all go through get_queryset.
    """

    form = DeskForm
    formfield_overrides = NATIVE_PICKERS
    show_facets = admin.ShowFacets.NEVER
    empty_value_display = ""
    list_per_page = 25
    show_full_result_count = False
    actions_on_top = False
    actions_on_bottom = True

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows this person may see. A stranger's row is a 404, never a 403."""
        return queryset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.scope(request, super().get_queryset(request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def get_action_choices(
        self, request: HttpRequest, default_choices: list[tuple[str, str]] | None = None
    ) -> list[tuple[str, str]]:
        return super().get_action_choices(request, [("", "Choose what to do")])


class ReadOnlyAdmin(DeskAdmin):
    """Rows to look at. Nobody adds, changes or deletes them here, a superuser included."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
