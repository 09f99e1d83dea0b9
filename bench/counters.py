"""Counts that no noise touches: queries of a page, and buffers that PostgreSQL touches for them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import measure, pages_world, world

QUEUE = "/admin/applications/application/"


@dataclass(frozen=True)
class Counted:
    """What one page asked of the database."""

    queries: int
    buffers: int
    heaviest: str


def page(user: Any, path: str) -> Counted:
    """Open a page as somebody, in this process; then explain each of its SELECTs again and add up its buffers."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.get(path)  # content types and templates are loaded once in a process
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    if answer.status_code != 200:
        raise AssertionError(f"{path}: {answer.status_code}")
    selects = [
        query["sql"] for query in captured if query["sql"].startswith("SELECT") and ";" not in query["sql"]
    ]
    touched = [(buffers(statement), statement) for statement in selects]
    most = max(touched)
    return Counted(len(captured), sum(number for number, _ in touched), f"{most[0]} buffers: {most[1][:200]}")


def buffers(statement: str) -> int:
    """Pages of tables and indexes that a SELECT touches, found in memory or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + statement.replace("%", "%%"), []
        )
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    top = plan[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def figures(
    small: str,
    large: str,
    staff_small: pages_world.Staff,
    staff_large: pages_world.Staff,
    sizes: tuple[int, int],
) -> list[measure.Figure]:
    """Queries of the staff pages in the large portal, and their buffers beside those in the small one."""
    from portal.models import User

    found = []
    for row, name, who, path, most, growth in (
        ("S9", "queue of a reviewer", "reviewer_email", QUEUE, 15, 1.2),
        ("S9", "desk of a reviewer", "reviewer_email", "/admin/", 15, 1.2),
        ("S11", "list of a manager", "manager_email", QUEUE, 20, 1.5),
        ("S13", "review page", "reviewer_email", QUEUE + "{to_review}/review/", 20, 1.2),
    ):
        counted = []
        for database, staff in ((small, staff_small), (large, staff_large)):
            with pages_world.on(database):
                user = User.objects.get(email=getattr(staff, who))
                counted.append(page(user, path.format(to_review=staff.to_review)))
        few, many = counted
        found.append(
            measure.limit(
                row=row,
                name=f"count: {name}, queries",
                unit="queries",
                size=sizes[1],
                value=many.queries,
                most=most,
            )
        )
        if few.queries != many.queries:
            found[-1].note = f"{few.queries} at {sizes[0]:,}"
        found.append(
            measure.limit(
                row=row,
                name=f"count: {name}, buffers at {sizes[1]:,} / {sizes[0]:,}",
                unit="ratio",
                size=sizes[1],
                value=many.buffers / few.buffers,
                most=growth,
                note=f"{few.buffers:,} -> {many.buffers:,}; heaviest {many.heaviest}",
            )
        )
    return found


COMMON = "Climate"
"""A word that half of all titles begin with, and a first name that half of all people have."""


def search(large: str, staff: pages_world.Staff, size: int) -> list[measure.Figure]:
    """S10: the search box in the large portal, beside icontains over titles and names."""
    from applications import search as searching
    from applications.models import Application
    from portal.models import User
    from programs.staff import desk_of

    with pages_world.on(large):
        for table, column in (("portal_user", "name"), ("applications_application", "title")):
            world.sql("SET session_replication_role = replica")
            world.sql(f"UPDATE {table} SET {column} = '{COMMON} ' || {column} WHERE id % 2 = 0")
            world.sql("RESET session_replication_role")
            world.tidy(table)
        desk = desk_of(User.objects.get(email=staff.manager_email))
        one = Application.objects.filter(reference__isnull=False, title__startswith="Study").earliest("pk")
        asked = {
            "a word of half the titles and names": COMMON,
            "a rare word": one.title.split()[1],
            "words that stand nowhere": f"{COMMON} qqqqqq",
            "a reference": str(one.reference),
            "an organization ID": "org-000000",
            "an address": one.email_key,
        }
        figures = []
        for name, text in asked.items():
            box = _median(lambda text=text: searching.find(desk, text))
            plain = _median(
                lambda text=text: (
                    list(Application.objects.filter(title__icontains=text).values("pk")),
                    list(User.objects.filter(name__icontains=text).values("pk")),
                )
            )
            figures.append(
                measure.limit(
                    row="S10",
                    name=f"search: {name}",
                    unit="ms",
                    size=size,
                    value=1_000 * box,
                    most=50,
                    note=f"{box / plain:.2f} x icontains",
                )
            )
    return figures


def _median(work: Callable[[], object], times: int = 7) -> float:
    """Seconds; the first run only warms up."""
    work()
    taken = []
    for _ in range(times):
        begin = perf_counter()
        work()
        taken.append(perf_counter() - begin)
    return sorted(taken)[times // 2]
