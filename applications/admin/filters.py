"""The filters of the queue, with counts as a column of their own (templates/admin/components/filter.html)."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from applications import boards, looks, queue
from applications.blinding import TELLING_CHECKS
from portal.roles import Role
from programs import staff
from programs.models import RuleKind


class CountedFilter(admin.SimpleListFilter):
    """A filter with a count beside each choice. `is_scope`: it also narrows what the other filters count."""

    template = "admin/components/filter.html"
    is_scope: ClassVar[bool] = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        raise NotImplementedError

    def counts(self, changelist: Any) -> dict[str, int] | None:
        """Count by choice; None leaves the column empty."""
        return None

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        counts = self.counts(changelist)
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "All",
            "count": None,
        }
        for value, text in self.lookup_choices:
            selected = self.value() == str(value)
            number = None if counts is None else counts.get(str(value), 0)
            if number == 0 and not selected:
                continue
            yield {
                "selected": selected,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": text,
                "count": number,
            }


class CycleFilter(CountedFilter):
    """Whole cycles for those who see whole programs: the one in review by default, others by choice."""

    title = "cycle"
    parameter_name = "cycle"
    is_scope = True

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.desk = staff.desk(request)
        self.past = queue.past_cycles(self.desk)
        self.narrow = request.GET.get("mine") is None
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        several = len(self.desk.programs) > 1
        names = [
            (
                str(cycle.pk),
                f"{cycle}, {self.desk.programs[cycle.program_id].short_code}" if several else str(cycle),
            )
            for cycle in self.past
        ]
        return [*names, ("all", "All cycles")] if names else []

    @property
    def current(self) -> int | None:
        """The cycle a manager's list starts with: the newest in review, else the newest."""
        if not self.narrow or not self.desk.sees(Role.MANAGER, Role.SCREENER):
            return None
        in_review = [cycle for cycle in self.past if cycle.state == "in_review"]
        return next((cycle.pk for cycle in [*in_review, *self.past]), None)

    def value(self) -> str | None:
        chosen = super().value()
        if chosen is None and self.current is not None:
            return str(self.current)
        return chosen

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None or chosen == "all":
            return queryset
        return (
            queryset.filter(cycle_id=int(chosen))
            if chosen.isdecimal() and len(chosen) < 10
            else queryset.none()
        )

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        found = super().choices(changelist)
        if self.current is not None:
            next(found)  # "All" would only repeat the default
        yield from found


class MineFilter(CountedFilter):
    title = "my state"
    parameter_name = "mine"
    is_scope = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(queue.MINE.items()) if staff.desk(request).holds(Role.REVIEWER) else []

    def counts(self, changelist: Any) -> dict[str, int] | None:
        return changelist.my_counts

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in queue.MINE:
            return queryset
        return queryset.filter(queue.mine(staff.desk(request), str(self.value())))


class LooksFilter(CountedFilter):
    """Reached by the tab "No look yet"."""

    title = "looks"
    parameter_name = "looks"
    template = "admin/components/no_filter.html"
    is_scope = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("0", "No look yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(queue.no_look()) if self.value() == "0" else queryset


class GateFilter(CountedFilter):
    title = "gate"
    parameter_name = "gate"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return (
            [("open", "Waits for a screener")]
            if staff.desk(request).sees(Role.SCREENER, Role.MANAGER)
            else []
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "open":
            return queryset
        gates = boards.gates_in_review(staff.desk(request).programs)
        return queryset.filter(boards.gate_open(gates), state="in_review")


class FlagFilter(CountedFilter):
    title = "flag"
    parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(RuleKind.choices)

    def counts(self, changelist: Any) -> dict[str, int] | None:
        return changelist.facets.flags if changelist.facets.exact else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in RuleKind.values:
            return queryset
        if self.value() in TELLING_CHECKS:
            queryset = queryset.exclude(looks.blind_to(staff.desk(request)))
        return queryset.filter(checks__kind=self.value())


class FieldFilter(CountedFilter):
    title = "field"
    parameter_name = "field"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("-", "-")]  # the choices come from the list itself

    def counts(self, changelist: Any) -> dict[str, int] | None:
        return changelist.facets.fields if changelist.facets.exact else None

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        names = sorted({*changelist.facets.fields, *([self.value()] if self.value() else [])}, key=queue.word)
        self.lookup_choices = [(name, queue.word(name)) for name in names]
        yield from super().choices(changelist)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(field=self.value()) if self.value() else queryset


class StateFilter(CountedFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if not staff.desk(request).sees(Role.MANAGER):
            return []
        return [
            (value, label)
            for value, label in model_admin.model._meta.get_field("state").choices
            if value != "draft"
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset
