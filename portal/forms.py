"""Forms of the account pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.api_tokens import LIFETIMES_DAYS
from portal.models import Scope


def _lifetimes() -> list[tuple[int, str]]:
    """Asked for with each form: the words are those of its reader."""
    return [
        (
            days,
            _("1 year") if days == 365 else ngettext("%(days)s day", "%(days)s days", days) % {"days": days},
        )
        for days in LIFETIMES_DAYS
    ]


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label=gettext_lazy("Name"),
        error_messages={"required": gettext_lazy("Give it a name.")},
        help_text=gettext_lazy("Where you will use it, such as “Lab notebook”."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        choices=[
            (Scope.READ, gettext_lazy("Read")),
            (Scope.WRITE, gettext_lazy("Read, write, send and withdraw")),
        ],
        initial=Scope.READ,
        label=gettext_lazy("What it may do"),
        widget=forms.RadioSelect,
    )
    days = forms.TypedChoiceField(
        choices=_lifetimes,
        coerce=int,
        initial=90,
        label=gettext_lazy("Works for"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
