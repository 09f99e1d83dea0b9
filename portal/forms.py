"""Forms of the account pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy, ngettext_lazy

from portal.api_tokens import LIFETIMES_DAYS
from portal.models import Scope


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
        choices=[
            (
                days,
                gettext_lazy("1 year")
                if days == 365
                else ngettext_lazy("%(days)s day", "%(days)s days", "days") % {"days": days},
            )
            for days in LIFETIMES_DAYS
        ],
        coerce=int,
        initial=90,
        label=gettext_lazy("Works for"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
