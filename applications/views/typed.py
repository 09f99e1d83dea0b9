"""What somebody typed while their session had ended: kept over the sign-in, and then shown again as not saved yet.

A page may stay open longer than a session lasts. What it sends then belongs to nobody yet. So it waits in the visitor's
own session, under the address of its page, and stands in the fields when they come back. Only who may open that page
sees it, and nothing of it is ever saved by itself.
"""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _

from portal import clock

KEPT_FOR = timedelta(hours=2)
LARGEST = 400_000  # characters of one page
_KEY = "typed"


def sign_in(request: HttpRequest) -> HttpResponse:
    """Keep a form that was sent without a session, and lead to signing in and from there back to its page."""
    data = {name: listed for name, listed in request.POST.lists() if name != "csrfmiddlewaretoken"}
    if data and sum(len(value) for listed in data.values() for value in listed) <= LARGEST:
        request.session[_KEY] = {"path": request.path, "at": clock.now().isoformat(), "data": data}
        messages.warning(
            request,
            _("You were signed out meanwhile. Sign in: what you typed then stands in the fields again."),
        )
    return redirect_to_login(request.get_full_path())


def back(request: HttpRequest) -> QueryDict | None:
    """What was typed on this page before its writer signed in again; None where nothing waits. Says so on the page."""
    kept = request.session.get(_KEY)
    if not kept or kept["path"] != request.path:
        return None
    if clock.now() - datetime.fromisoformat(kept["at"]) > KEPT_FOR:
        return None
    data = QueryDict(mutable=True)
    for name, listed in kept["data"].items():
        data.setlist(name, listed)
    messages.warning(request, _("What you typed before you signed in is in the fields. It is not saved yet."))
    return data


def forget(request: HttpRequest, path: str = "") -> None:
    """Let go of what waited for a page, once the page has sent something itself. path: that of the page, if another."""
    kept = request.session.get(_KEY)
    if kept and kept["path"] == (path or request.path):
        del request.session[_KEY]
