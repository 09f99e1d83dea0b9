"""Pages that belong to no app: the way home, health, and what goes wrong."""

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_GET


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
