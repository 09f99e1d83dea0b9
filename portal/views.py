"""Pages that belong to no app: the way home, health, and what goes wrong."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal import api_tokens as tokens
from portal import clock, languages
from portal.api import api
from portal.api_pages import operations
from portal.forms import ApiTokenForm
from portal.models import ApiToken


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Staff go to their desk, applicants to their applications."""
    return redirect("admin:index" if request.user.is_staff else "applications:mine")


@require_GET
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """PostgreSQL and Redis answer; 503 names the one that does not."""
    checks = {"database": _database_answers, "redis": _redis_answers}
    down = [name for name, answers in checks.items() if not answers()]
    return JsonResponse({"ready": not down, "down": down}, status=503 if down else 200)


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("img/mark.svg"), permanent=True)


@require_http_methods(["GET", "POST"])
@login_required
def api_tokens(request: HttpRequest) -> HttpResponse:
    """A person's tokens for the API, and a form for one more. The secret is shown in the answer to the form, only there."""
    now = clock.now()
    form = ApiTokenForm(request.POST or None)
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = tokens.make(**form.cleaned_data, by=request.user, at=now)
        except tokens.CannotMakeToken as error:
            form.add_error(None, str(error))
        else:
            context = {"made": made, "secret": secret}
            form = ApiTokenForm()
    return render(
        request,
        "portal/api_tokens.html",
        {"form": form, "tokens": tokens.of(request.user, at=now), **context},
    )


@require_POST
@login_required
def revoke_api_token(request: HttpRequest, public_id: UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken, user=request.user, public_id=public_id)
    tokens.revoke(token_id=token.pk, by=request.user, at=clock.now())
    messages.success(
        request, _("Revoked. Programs that use “%(token)s” are refused from now on.") % {"token": token}
    )
    return redirect("api_tokens")


@require_GET
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every door of the API, from the same description that programs read."""
    schema = api.get_openapi_schema()
    root = reverse("api:api-root").rstrip("/")
    context = {
        "schema": schema,
        "groups": operations(schema, root=root),
        "per_minute": settings.API_REQUESTS_PER_MINUTE,
        "address": settings.SITE_URL + root,
    }
    return render(request, "portal/api_docs.html", context)


@require_POST
@csrf_exempt
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the language somebody chose, in a cookie and with their account, and lead back to the page.

    The switch stands on every page, and most pages set no cookie: instead of a token, browsers say here whether the
    form was ours. From elsewhere the session's cookie does not come along, and no more than a language is at stake.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise PermissionDenied
    response = i18n.set_language(request)
    if request.user.is_authenticated:
        languages.keep(user=request.user, language=request.POST.get("language", ""))
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A stale tab posted: say so and how to go on."""
    return render(request, "403_csrf.html", status=403)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is "not ready"
        return False
    return True


def _redis_answers() -> bool:
    try:
        cache.get("readyz")
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is "not ready"
        return False
    return True
