"""Eighteen questions, once as a section of a form version and once as a plain Django form, and what somebody typed."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django_countries import countries

CHOICES = [
    ("biology", "Biology"),
    ("chemistry", "Chemistry"),
    ("physics", "Physics"),
    ("medicine", "Medicine"),
]
YES_NO = [("yes", "Yes"), ("no", "No")]
LISTED = [{"value": value, "label": label} for value, label in CHOICES]
HELP = "Write for a colleague from another field, and say what you would do first."


def _question(key: str, kind: str, label: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "type": kind, "label": label, "help": HELP, "required": True, **more}


SECTION: dict[str, Any] = {
    "key": "all",
    "title": "Everything",
    "lead": "All questions on one page.",
    "questions": [
        _question("full_name", "short_text", "Your name", max_chars=120),
        _question("career_stage", "single_choice", "Career stage", choices=LISTED, maps_to="career_stage"),
        _question(
            "institution_kind",
            "single_choice",
            "Kind of institution",
            maps_to="institution_kind",
            choices=[
                {"value": "university", "label": "University"},
                {"value": "institute", "label": "Institute"},
                {"value": "nonprofit", "label": "Nonprofit"},
                {"value": "company", "label": "Company"},
            ],
        ),
        _question("institution", "short_text", "Institution", max_chars=200, maps_to="institution"),
        _question("country", "country", "Country", maps_to="country"),
        _question("contact", "email", "Contact"),
        _question("home_page", "url", "Home page"),
        _question("team_size", "integer", "People in the team", min=1, max=50),
        _question("title", "short_text", "Title", max_chars=200, maps_to="title"),
        _question("field", "single_choice", "Field", choices=LISTED, maps_to="field"),
        _question("topics", "multiple_choice", "Topics", choices=LISTED),
        _question("abstract", "long_text", "Abstract", max_words=300, maps_to="abstract"),
        _question("description", "long_text", "What you will do", max_words=500),
        _question("impact", "long_text", "What it is good for", max_words=250),
        _question("amount", "money", "Amount", min=100_00, max=20_000_00, maps_to="amount_cents"),
        _question("months", "months", "Months", min=1, max=6, maps_to="months"),
        _question("other_funding", "yes_no", "Other funding"),
        _question("starts_on", "date", "First day"),
    ],
}

TYPED: dict[str, list[str]] = {
    "full_name": ["Ada Example"],
    "career_stage": ["biology"],
    "institution_kind": ["university"],
    "institution": ["Institute of Lakes"],
    "country": ["DE"],
    "contact": ["ada@lab1.example.org"],
    "home_page": ["https://lab1.example.org/"],
    "team_size": ["4"],
    "title": ["What lives in shallow lakes after a dry year"],
    "field": ["biology"],
    "topics": ["biology", "chemistry"],
    "abstract": [" ".join(["Lakes dry out and fill again and what returns is not what left"] * 15)],
    "description": [" ".join(["We read records of many small lakes and compare them by year"] * 25)],
    "impact": [" ".join(["People who keep lakes can choose when to let water in"] * 12)],
    "amount": ["6000"],
    "months": ["6"],
    "other_funding": ["no"],
    "starts_on": ["2027-01-01"],
}


class PlainForm(forms.Form):
    """The same eighteen as any Django project would write them, drawn by crispy-forms."""

    full_name = forms.CharField(label="Your name", help_text=HELP, max_length=120)
    career_stage = forms.ChoiceField(
        label="Career stage", help_text=HELP, choices=CHOICES, widget=forms.RadioSelect
    )
    institution_kind = forms.ChoiceField(
        label="Kind of institution",
        help_text=HELP,
        widget=forms.RadioSelect,
        choices=[
            ("university", "University"),
            ("institute", "Institute"),
            ("nonprofit", "Nonprofit"),
            ("company", "Company"),
        ],
    )
    institution = forms.CharField(label="Institution", help_text=HELP, max_length=200)
    # Four countries and not all 249, which would flatter us: each option costs the plain form a template.
    country = forms.ChoiceField(
        label="Country",
        help_text=HELP,
        choices=[("DE", "Germany"), ("IN", "India"), ("KE", "Kenya"), ("US", "United States")],
    )
    contact = forms.EmailField(label="Contact", help_text=HELP)
    home_page = forms.URLField(label="Home page", help_text=HELP, assume_scheme="https")
    team_size = forms.IntegerField(label="People in the team", help_text=HELP, min_value=1, max_value=50)
    title = forms.CharField(label="Title", help_text=HELP, max_length=200)
    field = forms.ChoiceField(label="Field", help_text=HELP, choices=CHOICES, widget=forms.RadioSelect)
    topics = forms.MultipleChoiceField(
        label="Topics", help_text=HELP, choices=CHOICES, widget=forms.CheckboxSelectMultiple
    )
    abstract = forms.CharField(label="Abstract", help_text=HELP, widget=forms.Textarea, max_length=3_000)
    description = forms.CharField(
        label="What you will do", help_text=HELP, widget=forms.Textarea, max_length=5_000
    )
    impact = forms.CharField(
        label="What it is good for", help_text=HELP, widget=forms.Textarea, max_length=2_500
    )
    amount = forms.DecimalField(label="Amount", help_text=HELP, min_value=100, max_value=20_000)
    months = forms.IntegerField(label="Months", help_text=HELP, min_value=1, max_value=6)
    other_funding = forms.ChoiceField(
        label="Other funding", help_text=HELP, choices=YES_NO, widget=forms.RadioSelect
    )
    starts_on = forms.DateField(label="First day", help_text=HELP)

    def __init__(self, *args: Any, all_countries: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if all_countries:
            self.fields["country"].choices = list(countries)
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.disable_csrf = True
