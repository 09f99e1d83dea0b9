"""What no view may forget: the fixed headers, and the API's manners."""

import json
from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from portal import api, api_shapes, languages
from programs import translations


class PrivateByDefault:
    """Signed-in pages are never stored by a cache; every answer carries the fixed security headers.

    Source: OWASP ASVS 5.0, 14.3.2 and 3.4 (docs/security.md).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.user.is_authenticated:
            response.headers["Cache-Control"] = "no-store, private"
        return response


class Language:
    """One language for the whole answer (portal.languages). Stands after the session: an account remembers a choice."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = languages.of_request(request)
        request.LANGUAGE_CODE = language
        with translation.override(language), translations.remembered():
            response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", language)
        return response


class ApiDoor:
    """Before the API: how often one address asks, tokens that do not work included. After it: errors in its one shape,
    also where no door of the API was reached: unknown addresses, wrong methods, failures.

    Stands last, so that all other middleware sees what it answers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        try:
            api.count_request("address", _address(request))
        except api_shapes.ApiError as error:
            return api.refusal(error)
        response = self.get_response(request)
        if response.status_code >= 400 and not response.headers["Content-Type"].startswith(
            "application/json"
        ):
            code, message = _SAID.get(response.status_code, _SAID[400 if response.status_code < 500 else 500])
            response.content = json.dumps(api_shapes.body(code, message)).encode()
            response.headers["Content-Type"] = "application/json"
        return response


_SAID = {
    400: ("unreadable", "This request cannot be read."),
    404: ("not_found", "There is nothing at this address. The page /api/v1/docs lists all there is."),
    405: ("wrong_method", "This address does not take this method."),
    500: ("failure", "Something went wrong here. It is noted; please try again later."),
}


def _address(request: HttpRequest) -> str:
    """The address of the client, as the sign-in limits see it."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return "unknown"
