"""Forms of a grantee about credit."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class AnotherOrganizationForm(forms.Form):
    """The organization that the rest of a grant should go to; its ID is typed twice, because nobody can guess a slip."""

    organization_id = forms.CharField(
        label=_("Organization ID"),
        max_length=80,
        error_messages={"required": _("Enter the organization ID.")},
    )
    again = forms.CharField(
        label=_("The same ID once more"),
        max_length=80,
        error_messages={"required": _("Enter the ID a second time.")},
    )
    reason = forms.CharField(
        label=_("Why it changes"), max_length=300, error_messages={"required": _("Say why it changes.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        for name in ("organization_id", "again"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, second = data.get("organization_id", ""), data.get("again", "")
        if first and second and first.strip() != second.strip():
            self.add_error("again", _("The two differ. Copy it from the provider’s settings again."))
        return data
