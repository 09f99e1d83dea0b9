"""The web server's entrance in a rehearsal: every answer says how many queries it took."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from portal.rehearsal.visitors import QUERIES_HEADER
from portal.wsgi import application as portal


class _Counter:
    number = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.number += 1
        return execute(*arguments)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    counter = _Counter()

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, (QUERIES_HEADER, str(counter.number))], *rest)

    with connection.execute_wrapper(counter):
        return portal(environ, start)
