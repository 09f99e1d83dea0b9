"""The number of an award that papers cite, and the sentence to cite it with."""

from django.utils.translation import gettext as _

from applications.models import Application
from programs import translations


def number_of(application: Application) -> str:
    """The number of an award: the reference of the application that was awarded first. Updates and top-ups keep it.

    No query, but one for an update whose award is not loaded.
    """
    root = application.amends if application.amends_id else application
    assert root is not None
    return root.reference or ""


def sentence(application: Application) -> str:
    """What to write into a paper, in the reader's language. The program is loaded."""
    program = application.program
    return _("This work was supported by API credits of %(program)s (award %(number)s).") % {
        "program": translations.say(program)(program.name),
        "number": number_of(application),
    }
