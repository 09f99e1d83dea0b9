"""In which language somebody reads: what they chose here, what their account remembers, or what their browser asks for.

The staff side and the API speak English, so that Django's own words do not mix with ours.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from portal.models import User

ORIGINAL = "en"  # the language in which texts are written
ENGLISH_ONLY = ("/admin/", "/api/")


def codes() -> list[str]:
    """The languages of the public site, the original first."""
    return [code for code, _name in settings.LANGUAGES]


def of_request(request: HttpRequest) -> str:
    """The language of one answer. No query beyond the signed-in person's own row."""
    if request.path_info.startswith(ENGLISH_ONLY):
        return ORIGINAL
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen in codes():
        return chosen
    if request.user.is_authenticated and request.user.language in codes():
        return str(request.user.language)
    return translation.get_language_from_request(request)


def of(user: User | None) -> str:
    """The language of letters to a person."""
    return user.language if user is not None and user.language in codes() else ORIGINAL


def keep(*, user: User, language: str) -> None:
    """Remember what a person chose, for letters and other devices. A code that is not offered changes nothing."""
    if language in codes() and user.language != language:
        user.language = language
        user.save(update_fields=["language"])
