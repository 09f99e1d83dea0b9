"""Published forms and frozen rules in the memory of the process. Neither ever changes, and both are large JSON.

A page reads its rows without them (`UNREAD`) and fills them in here; the first page of a process asks for each once. What
comes out is shared by all requests, so it refuses to be changed: copy it first, a copy is plain. A draft of a form is
never kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, NoReturn, Protocol

from django.db import connection

from programs.models import Cycle, FormVersion, Program, ProgramVersion

MOST = 128
"""Forms and rulebooks in memory; each takes some tens of kilobytes. The one that was not asked for longest goes."""
UNREAD = ("form_version__sections", "cycle__rules_version__content")
"""What a query for one application leaves out with defer(). Whoever forgets to fill it in pays a query, no more."""


class HasForm(Protocol):
    """An application, which programs does not know by name."""

    program: Program
    form_version: FormVersion
    cycle: Cycle | None


def fill(application: HasForm) -> None:
    """Give an application that was read without UNREAD its form and rules; its cycle shares its program. No query later."""
    form(application.form_version)
    cycle = application.cycle
    if cycle is not None:
        cycle.program = application.program
        if cycle.rules_version is not None:
            rules(cycle.rules_version)


def form(version: FormVersion) -> FormVersion:
    """The same version with its sections, from memory once it is published. At most one query."""
    if version.published_at is not None:
        # A number may come back in another database; the moments of the row do not.
        key = ("form", version.pk, version.published_at, version.created_at)
        _fill(version, "sections", key)
    return version


def rules(version: ProgramVersion) -> ProgramVersion:
    """The same version with its content, from memory. At most one query."""
    _fill(version, "content", ("rules", version.pk, version.content_sha256))
    return version


def forget() -> None:
    """Begin with nothing in memory, for tests."""
    with _lock:
        _memory.clear()


_memory: OrderedDict[Hashable, Any] = OrderedDict()
_lock = Lock()


def _fill(version: FormVersion | ProgramVersion, name: str, key: tuple[Hashable, ...]) -> None:
    if name not in version.get_deferred_fields():
        return
    version.__dict__[name] = _kept(
        (connection.settings_dict["NAME"], *key),
        lambda: type(version)._default_manager.values_list(name, flat=True).get(pk=version.pk),
    )


def _kept(key: Hashable, read: Callable[[], Any]) -> Any:
    with _lock:
        if key in _memory:
            _memory.move_to_end(key)
            return _memory[key]
    found = _firm(read())
    with _lock:
        _memory[key] = found
        while len(_memory) > MOST:
            _memory.popitem(last=False)
    return found


# --- JSON that stays as it is -----------------------------------------------------------------------------------------


def _refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    raise TypeError("this is shared by all requests; copy it first")


class FirmDict(dict[str, Any]):
    """A dict that cannot be changed. Copies of it are plain dicts all through."""

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return {key: _plain(value) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.__deepcopy__(None),)


class FirmList(list[Any]):
    """A list that cannot be changed. Copies of it are plain lists all through."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse  # type: ignore[assignment]
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse  # type: ignore[assignment]

    def copy(self) -> list[Any]:
        return list(self)

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: object) -> list[Any]:
        return [_plain(value) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.__deepcopy__(None),)


def _firm(value: Any) -> Any:
    if isinstance(value, dict):
        return FirmDict((key, _firm(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return FirmList(_firm(inner) for inner in value)
    return value


def _plain(value: Any) -> Any:
    return value.__deepcopy__(None) if isinstance(value, FirmDict | FirmList) else value
