"""The API under /api/v1/: who is asking, how often, and what went wrong. The doors stand in the apps' api.py."""

import json
import math
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import APIKeyCookie, HttpBearer

from applications.api import router as applications
from applications.views.api_files import router as attached_files
from portal import api_tokens, clock, limits
from portal.api_shapes import ApiError, body
from portal.models import ApiToken, Scope, User
from programs.api import router as programs
from programs.texts import as_typed

READING = ("GET", "HEAD", "OPTIONS")
LARGEST_WHOLE = 2**53  # beyond it a float is no longer exact
MOST_PROBLEMS = 50  # named in one answer
SIGN_IN = "Send a token that works: “Authorization: Bearer rcp_...”. You make one on the page “API tokens” of your account."


# --- Who ----------------------------------------------------------------------------------------------------------------


class ApiTokenAuth(HttpBearer):
    """A personal token. One that only reads is refused everything else, whatever the door."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = api_tokens.recognise(token.strip(), at=clock.now())
        if found is None:
            return None
        count_request("token", found.pk)
        if request.method not in READING and found.scope != Scope.WRITE:
            raise ApiError(403, "read_only", "This token may only read.")
        request.user = found.user
        return found


class SessionAuth(APIKeyCookie):
    """The session of the site, for scripts of its own pages: with the CSRF token in X-CSRFToken for every change."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> User:
        user = cast("User", request.user)
        count_request("person", user.pk)
        return user


def count_request(kind: str, who: object) -> None:
    """Count one request of a token, a person or an address. Raises ApiError 429 beyond the limit of a minute."""
    most = settings.API_REQUESTS_PER_MINUTE * (2 if kind == "address" else 1)
    try:
        limits.count(f"api-{kind}", who, most=most, seconds=60)
    except limits.TooOften as error:
        raise ApiError(
            429, "too_often", str(error), headers={"Retry-After": str(error.wait_seconds)}
        ) from error


# --- What comes in ------------------------------------------------------------------------------------------------------


class StrictJson(Parser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no number beyond what a float holds, no nesting without end."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise ApiError(415, "not_json", "Send JSON, with the header “Content-Type: application/json”.")
        try:
            return json.loads(
                request.body.decode("utf-8"), parse_constant=_no_number, parse_float=_number, strict=True
            )
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "unreadable", "The body is not JSON in UTF-8.") from error


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _number(text: str) -> float | int:
    """JSON knows one kind of number: 3.0 is 3."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(number) if number.is_integer() and abs(number) < LARGEST_WHOLE else number


# --- The API ------------------------------------------------------------------------------------------------------------


api = NinjaAPI(
    title=f"{settings.SITE_NAME} API",
    version="1",
    description="Programs and their evaluations for everybody; your own applications with a personal token.",
    urls_namespace="api",
    docs_url=None,  # portal.views.api_docs: the page that comes with ninja breaks our content security policy
    parser=StrictJson(),
)
api.add_router("", programs, auth=None)
api.add_router("", applications, auth=[ApiTokenAuth(), SessionAuth()])
api.add_router("", attached_files, auth=[ApiTokenAuth(), SessionAuth()])


# --- What went wrong ----------------------------------------------------------------------------------------------------


def refusal(error: ApiError) -> HttpResponse:
    """An error in the one shape, with its headers."""
    response = HttpResponse(
        json.dumps(body(error.code, error.message, error.fields)),
        status=error.status,
        content_type="application/json",
    )
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


@api.exception_handler(ApiError)
def _refused(request: HttpRequest, error: ApiError) -> HttpResponse:
    return refusal(error)


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return refusal(ApiError(401, "sign_in", SIGN_IN, headers={"WWW-Authenticate": "Bearer"}))


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """ninja wraps what the parser raises, and says 403 where the CSRF token is missing."""
    if isinstance(error.__cause__, ApiError):
        return refusal(error.__cause__)
    if error.status_code == 403:
        return refusal(
            ApiError(403, "csrf", "Send the CSRF token of your session in the header X-CSRFToken.")
        )
    return refusal(ApiError(error.status_code, "refused", "This request cannot be answered."))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return refusal(ApiError(413, "too_big", "A body has at most one megabyte."))


@api.exception_handler(RawPostDataException)
@api.exception_handler(UnreadablePostError)
def _not_json(request: HttpRequest, error: Exception) -> HttpResponse:
    return refusal(ApiError(415, "not_json", "Send JSON, with the header “Content-Type: application/json”."))


@api.exception_handler(ValidationError)
def _wrong(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {}
    for found in error.errors[:MOST_PROBLEMS]:
        inside = [as_typed(str(part))[:100] for part in found["loc"][1:]]
        if found["loc"][0] == "body":
            inside = inside[1:]  # the name of the function's argument
        fields[".".join(inside) or "body"] = _sentence(found)
    return refusal(
        ApiError(422, "invalid", "The request does not have the shape that is documented.", fields)
    )


_SENTENCES = {
    "missing": "This is missing.",
    "extra_forbidden": "There is no field of this name.",
    "string_type": "Give this as text.",
    "string_unicode": "This text holds half a character, which cannot be stored.",
    "dict_type": "Give this as an object.",
    "model_type": "Give this as an object.",
    "model_attributes_type": "Give this as an object.",
    "int_type": "Give this as a whole number.",
    "int_parsing": "Give this as a whole number.",
    "int_from_float": "Give this as a whole number.",
}


def _sentence(found: dict[str, Any]) -> str:
    limit = found.get("ctx", {})
    match found["type"]:
        case "greater_than_equal":
            return f"Give a number of at least {limit['ge']}."
        case "less_than_equal":
            return f"Give a number of at most {limit['le']}."
        case "string_too_long" | "too_long":
            return f"Give at most {limit['max_length']}."
        case "string_too_short" | "too_short":
            return "This is empty."
    return _SENTENCES.get(found["type"], "This value cannot be taken.")
