"""The provider's own door: signed events, for machines. No session, no cookie, no page."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from credits import inbound, ledger
from credits.models import EventOutcome
from portal import clock


@csrf_exempt  # the signature says who calls; there is no session that another site could use
@require_POST
def provider_events(request: HttpRequest) -> HttpResponse:
    """Take in one signed event. 2xx follows the commit, so what was not answered so may come again.

    200 done, or this id was here before; 202 kept and left alone, or put before a person; 400 malformed; 401 not the
    provider's or too old; 404 without keys in the settings; 413 and 415 before the body is read; 503 while posting is
    stopped.
    """
    if not settings.PROVIDER_EVENT_KEYS:
        raise Http404
    at = clock.now()
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isascii() or not length.isdigit() or len(length) > 9:
        return _turned_away(400, "malformed", "Say the length of the body.", inbound.UNREADABLE)
    if int(length) > inbound.LARGEST_BODY_BYTES:
        return _turned_away(413, "too_large", "An event has at most 64 KB.", inbound.TOO_LARGE)
    if request.content_type != "application/json":
        return _turned_away(415, "content_type", "An event is application/json.", inbound.UNREADABLE)
    body = request.body
    try:
        inbound.verify(
            keys=inbound.decoded_keys(settings.PROVIDER_EVENT_KEYS),
            event_id=request.headers.get("webhook-id", ""),
            stamp=request.headers.get("webhook-timestamp", ""),
            signatures=request.headers.get("webhook-signature", ""),
            body=body,
            at=at,
        )
    except inbound.NotAuthentic as error:
        return _turned_away(401, "signature", "The signature is not valid, or too old.", error.why)
    try:
        taken = inbound.take(event_id=request.headers["webhook-id"], body=body, at=at)
    except inbound.Malformed as error:
        return _problem(400, "malformed", str(error))
    except ledger.PostingStopped:
        answer = _problem(503, "stopped", "Nothing is taken in at the moment. Send it again later.")
        answer.headers["Retry-After"] = "300"
        return answer
    kept = taken.outcome in (EventOutcome.IGNORED, EventOutcome.CASE)
    return JsonResponse({"outcome": taken.outcome}, status=202 if kept else 200)


def _turned_away(status: int, code: str, message: str, why: str) -> HttpResponse:
    inbound.count_refused(why, at=clock.now())
    answer = _problem(status, code, message)
    answer._has_been_logged = True  # type: ignore[attr-defined] # counted; a line for each would let anybody fill the log
    return answer


def _problem(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
