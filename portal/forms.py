"""Forms of the account pages."""

from typing import Any

from django import forms

from portal.api_tokens import LIFETIMES_DAYS
from portal.models import Scope


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label="Name",
        error_messages={"required": "Give it a name."},
        help_text="Where you will use it, such as “Lab notebook”.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        choices=[(Scope.READ, "Read"), (Scope.WRITE, "Read, write, send and withdraw")],
        initial=Scope.READ,
        label="What it may do",
        widget=forms.RadioSelect,
    )
    days = forms.TypedChoiceField(
        choices=[(days, "1 year" if days == 365 else f"{days} days") for days in LIFETIMES_DAYS],
        coerce=int,
        initial=90,
        label="Works for",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
