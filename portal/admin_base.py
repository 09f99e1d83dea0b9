"""What every admin of ours has in common: rows are read, and changed only through an operation."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

NATIVE_PICKERS = {
    models.DateField: {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})},
    models.TimeField: {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})},
}
"""The browser's own pickers: no script, and they know the reader's calendar."""


COUNTED_UP_TO = 10_000
"""Lists count no further; beyond it they say "10,000+"."""


class CappedPaginator(Paginator):
    """Counts up to a limit: a count over a million rows would cost more than the page."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows.order_by()[: COUNTED_UP_TO + 1].count() if isinstance(rows, QuerySet) else len(rows)


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
    paginator = CappedPaginator
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

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Choices of other records come without the pencil, plus and eye: those records have pages of their own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for name in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if field is not None and hasattr(field.widget, name):
                setattr(field.widget, name, False)
        return field

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

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only the filters of the list. By itself Django takes every column of the model from the address, so the number
        of rows would tell what stands in a column that the page does not show.
        """
        entries = self.list_filter if request is None else self.get_list_filter(request)
        named = [entry[0] if isinstance(entry, tuple | list) else entry for entry in entries]
        names = [getattr(entry, "parameter_name", None) or str(entry) for entry in named]
        is_filter = any(lookup == name or lookup.startswith(f"{name}__") for name in names)
        return is_filter and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]


class OfProgram(ReadOnlyAdmin):
    """Records that name their program by its slug, such as grants: seen by those who see its money.

    The site knows the person's programs (portal.admin_site); a model admin below it says where its slug stands.
    """

    program_paths: tuple[str, ...] = ("program",)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        slugs = self.admin_site.money_of(request)  # type: ignore[attr-defined]
        if slugs is None:
            return queryset
        allowed = models.Q(pk__in=[])
        for path in self.program_paths:
            allowed |= models.Q(**{f"{path}__in": slugs})
        return queryset.filter(allowed)
