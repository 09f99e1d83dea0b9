"""Compare with the provider: what was compared, how far it is, and the form for a list that somebody brought."""

import io
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from credits import provider_lists, providers, reconcile
from portal import clock
from portal.refusals import Refused
from portal.roles import Role
from programs import staff

LOOKS = (Role.FINANCE, Role.OPERATOR, Role.AUDITOR)
STARTS = (Role.FINANCE, Role.OPERATOR)
LARGEST_LIST_BYTES = 20 * 1024 * 1024
AT_ONCE = 5_000  # lines; a longer list is compared by a worker, and the page shows how far it is


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Every comparison so far. POST: a file, or "ask" for the provider's own list."""
    desk = staff.desk(request)
    if not desk.sees(*LOOKS):
        raise PermissionDenied
    starts, problem = desk.sees(*STARTS), ""
    if request.method == "POST":
        if not starts:
            raise PermissionDenied
        try:
            tone, words = _start(request, desk)
            messages.add_message(request, tone, words)
        except Refused as error:
            problem = str(error)
        else:
            return redirect("admin:reconcile")
    runs = reconcile.latest()
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Compare with the provider",
        "runs": runs,
        "working": any(run.finished_at is None for run in runs),
        "starts": starts,
        "automatic": providers.get().automatic,
        "needed": provider_lists.NEEDED,
        "problem": problem,
        "now": clock.now(),
    }
    return render(request, "admin/credits/reconcile.html", context, status=422 if problem else 200)


def _start(request: HttpRequest, desk: staff.Desk) -> tuple[int, str]:
    """Put a comparison in line, or carry out a short one; returns what to say about it, and in which tone."""
    at = clock.now()
    if request.POST.get("do") == "ask":
        reconcile.ask(by=desk.user, at=at)
        return (
            messages.SUCCESS,
            "The provider is asked for its list within a minute. This page shows how far it is.",
        )
    file = request.FILES.get("file")
    if file is None or file.size > LARGEST_LIST_BYTES:
        raise Refused("Choose the provider's list as a CSV file of at most 20 MB.")
    rows = provider_lists.read(_lines(file))
    run = reconcile.take_list(theirs=rows, name=file.name or "list.csv", by=desk.user, at=at)
    if run.listed > AT_ONCE:
        return messages.SUCCESS, f"{run.listed:,} lines are read and will be compared within a minute."
    run = reconcile.carry_out(run=run, at=at)
    if not run.differences:
        return messages.SUCCESS, f"No difference: {run.equal:,} grants are equal."
    word = "difference" if run.differences == 1 else "differences"
    return (
        messages.WARNING,
        f"{run.differences:,} {word}, {run.new_cases:,} of them new. Nothing was changed.",
    )


def _lines(file: Any) -> Iterator[str]:
    """The lines of an uploaded file, decoded as they are read."""
    yield from io.TextIOWrapper(file.file, encoding="utf-8", newline="")
