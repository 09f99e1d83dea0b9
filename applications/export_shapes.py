"""Pure: what an export is made of: its filter, its columns, its kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from portal.roles import Role
from programs.models import Program
from programs.staff import Desk


@dataclass(frozen=True)
class Wanted:
    """The filter of an export. cycle_id None: every cycle of the program; columns empty: all there are."""

    program: Program
    cycle_id: int | None = None
    pool: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column. read takes a row that `prepare` has seen; numbers are cells that hold a number."""

    key: str
    label: str
    read: Callable[[Any], Any]
    number: bool = False
    group: str = "Facts"


@dataclass(frozen=True)
class Kind:
    """One kind of export. order: the column that rows follow and that the cursor remembers."""

    roles: tuple[Role, ...]
    columns: Callable[[Desk, Wanted], list[Column]]
    rows: Callable[[Desk, Wanted], QuerySet[Any]]
    prepare: Callable[[Sequence[Any]], None] = lambda rows: None
    order: str = "pk"
    note: str = ""
    by_cycle: bool = True
    by_pool: bool = False
