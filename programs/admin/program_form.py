"""The settings of a program as a form: every rule with its name, what it does in words, and what goes together."""

import re
from typing import Any
from zoneinfo import available_timezones

from django import forms

from credits import organizations
from programs import languages, public_days, schedule
from programs.admin.concurrent import SeenForm
from programs.admin.fields import CentsField
from programs.admin.rows import ModelsField, SentencesField, TitledField
from programs.models import AwardMode, Program, TermMode

FIELDSETS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Identity",
        {
            "fields": (
                "name",
                ("slug", "short_code"),
                ("accent", "position"),
                "languages_left_out",
                "summary",
                "purpose",
            )
        },
    ),
    (
        "What people read",
        {"fields": ("priority_topics", "process", "never_funded", "notices", "data_note")},
    ),
    (
        "Award",
        {
            "fields": (
                ("award_mode", "currency"),
                ("award_default_cents", "award_cap_cents"),
                "four_eyes_above_cents",
            )
        },
    ),
    (
        "Term",
        {"fields": (("term_mode", "term_months"), ("term_starts", "term_ends_on"), "late_usage_days")},
    ),
    (
        "After an award",
        {
            "fields": (
                "acceptance_days",
                ("summary_required", "summary_due_days"),
                "second_half_after_summary",
                "top_ups_allowed",
            )
        },
    ),
    ("Models", {"fields": ("models_offered",)}),
    ("Terms to accept", {"fields": ("terms_version", "terms")}),
    (
        "Calendar",
        {
            "fields": (
                "schedule_rule",
                ("time_zone", "cut_off_time"),
                ("holidays_of", "opens_on"),
                ("decided_by_days", "review_days"),
            )
        },
    ),
    (
        "Evaluation",
        {
            "fields": (
                "decline_mode",
                ("reviews_wanted", "first_looks"),
                "blind_first_look",
                "assigns_by_itself",
            )
        },
    ),
    ("Reminders to reviewers", {"fields": ("remind_half_time", "remind_soon", "remind_overdue")}),
    ("Applying again", {"fields": (("reapply_after_on", "reapply_wait_days"),)}),
    (
        "Organization and provider",
        {"fields": (("organization_id_format", "organization_id_when"), "provider")},
    ),
    ("Urgent lane", {"fields": ("urgent_contact", "urgent_authority_cents")}),
)

LABELS = {
    "slug": "Address of its page",
    "position": "Place in the directory",
    "data_note": "How data is used",
    "award_mode": "How much people get",
    "terms_version": "Version of the terms",
    "schedule_rule": "Evaluation days",
    "cut_off_time": "Time of the cut-off",
    "decided_by_days": "Days until people know",
    "review_days": "Days for reviews",
    "opens_on": "Opens on",
    "holidays_of": "Holidays of",
    "decline_mode": "When the answer is no",
    "reviews_wanted": "Reviews for each application",
    "blind_first_look": "Reviewers score before they see who asks",
    "first_looks": "Looks dealt at once",
    "assigns_by_itself": "Deal a batch to reviewers without asking",
    "remind_half_time": "At half-time",
    "remind_soon": "Two days before",
    "remind_overdue": "When overdue",
    "reapply_after_on": "Nobody again before",
    "reapply_wait_days": "Days to wait",
    "organization_id_format": "Form of the organization ID",
    "organization_id_when": "When it is asked for",
    "urgent_contact": "Mailbox for award holders",
    "term_mode": "How long credit lasts",
    "term_months": "Months",
    "term_starts": "Counted from",
    "term_ends_on": "No longer than",
    "late_usage_days": "Days for late usage",
    "acceptance_days": "Days to accept an award",
    "summary_required": "A summary is owed",
    "summary_due_days": "Summary due, days before the end",
    "second_half_after_summary": "Half now, half after the summary",
    "top_ups_allowed": "Grantees may ask for more",
    "time_zone": "Time zone",
}
HELP = {
    "name": "As people say it.",
    "slug": "Part of web addresses. It stands for good once the program is made.",
    "short_code": "Starts every reference, such as AIS-2026-12-004217. It stands for good.",
    "accent": "The colour of its pages.",
    "position": "Lowest first.",
    "summary": "Who it is for, in two sentences.",
    "purpose": "What it supports and why. Markdown.",
    "data_note": "Who sees an applicant’s data and for how long. Markdown.",
    "award_mode": "The same amount for everyone; set for each project up to a cap; or set for each project and told only "
    "when it is posted.",
    "currency": "Three letters, such as USD. It stands for good.",
    "term_mode": "No term; a number of months; or the shorter of what the applicant plans and the months here.",
    "term_months": "Needed unless no term is stated.",
    "term_starts": "The day on which the months begin to run.",
    "term_ends_on": "A last day for all credit of this program; the earlier of the two counts. Empty means no such day.",
    "late_usage_days": "Providers report usage late. Usage of a day within the term counts for this many days after the "
    "end; only then does the rest expire.",
    "acceptance_days": "An award that nobody accepts in this time goes back to the pool. 0 means it waits for ever.",
    "summary_required": "One page about the findings. While it is overdue, nobody gets a renewal or more credit.",
    "summary_due_days": "0 is the last day itself. Without an end, it is due a year after posting.",
    "second_half_after_summary": "The other half is posted when the summary is accepted.",
    "top_ups_allowed": "A short request with its reason, an amount and months, decided like an application.",
    "terms": "What a grantee accepts before credit is posted. Empty means there is nothing to accept. Markdown.",
    "terms_version": "Kept with each acceptance. Change it with the text.",
    "schedule_rule": "An iCalendar rule: FREQ=MONTHLY;BYDAY=1MO is each first Monday, FREQ=WEEKLY;INTERVAL=2;BYDAY=WE "
    "every second Wednesday.",
    "time_zone": "Days and times of the program are meant here.",
    "cut_off_time": "On the evaluation day. 00:00 is the very start of it.",
    "decided_by_days": "From the evaluation day. After it, silence means no.",
    "review_days": "From the cut-off until reviews are due.",
    "opens_on": "No application before this date; empty means at once.",
    "holidays_of": "Public holidays are noted beside the coming evaluations.",
    "decline_mode": "Quiet: no message, the decided-by date speaks. Told: a message at release.",
    "reviews_wanted": "An award needs as many.",
    "blind_first_look": "Answers marked in the form, and who applied, stay hidden until the first scores are in.",
    "reapply_after_on": "The day the program was revised; empty means no such day.",
    "reapply_wait_days": "After an evaluation without an award; 0 means none.",
    "organization_id_format": "What the provider’s IDs look like. Others are refused with words.",
    "organization_id_when": "In the application already, or only once an award is accepted.",
    "provider": "The name under which its billing side is set up.",
    "urgent_contact": "For grantees whose credit runs out at the wrong moment. Empty means no such lane.",
}


class LanguagesField(forms.MultipleChoiceField):
    """Ticks for what is offered; kept is what is left out, so that a language that is added later is offered."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False, widget=forms.CheckboxSelectMultiple, choices=languages.others().items(), **kwargs
        )

    def prepare_value(self, value: Any) -> Any:
        """What the program leaves out, as ticks; what a browser sent stays as it is."""
        return value if isinstance(value, Ticked) else languages.offered(value or ())

    def to_python(self, value: Any) -> list[str]:
        return Ticked(super().to_python(value))

    def clean(self, value: Any) -> list[str]:
        ticked = super().clean(value)
        return [code for code in languages.others() if code not in ticked]

    def bound_data(self, data: Any, initial: Any) -> Any:
        return Ticked(data or ())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return set(languages.offered(initial or ())) != set(data or ())


class Ticked(list[str]):
    """Codes as ticked on the page."""


class ProgramForm(SeenForm):
    languages_left_out = LanguagesField(
        label="Languages offered",
        help_text="English always is. Where a language is not ticked, the texts of this program stay in English.",
    )
    priority_topics = TitledField(label="Priority topics", help_text="What is looked for first.")
    process = TitledField(label="How it goes", help_text="What happens, in order.")
    never_funded = SentencesField(label="Never funded")
    notices = SentencesField(label="Notices", help_text="Shown on top of the page.")
    models_offered = ModelsField(
        label="Models offered",
        help_text="Everybody may get a standard model; a limited one is granted under its condition.",
    )
    award_default_cents = CentsField(
        label="Fixed amount", required=False, help_text="For everyone, where the amount is the same."
    )
    award_cap_cents = CentsField(
        label="Cap", required=False, help_text="The most one award gives, such as 20,000."
    )
    four_eyes_above_cents = CentsField(
        label="Second person above",
        help_text="An award above this needs a second person before release. 0 means every award does.",
    )
    urgent_authority_cents = CentsField(
        label="Urgent lane may give up to",
        required=False,
        help_text="What one person may give there alone. Empty means that this lane gives no credit.",
    )

    class Meta:
        model = Program
        exclude = ("state",)
        labels = LABELS
        help_texts = HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "organization_id_format" in self.fields:
            formats = [(name, name) for name in organizations.FORMATS]
            self._choose("organization_id_format", formats)
        if "time_zone" in self.fields:
            self._choose(
                "time_zone", [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())]
            )
        if "holidays_of" in self.fields:
            by_zone = "As the time zone says"
            self._choose("holidays_of", [("", by_zone), *public_days.places()], required=False)

    def _choose(self, name: str, choices: list[tuple[str, str]], *, required: bool = True) -> None:
        """A list to choose from, with what is set now even where the list has lost it."""
        field, now = self.fields[name], self.initial.get(name) or ""
        if now and now not in dict(choices):
            choices = [*choices, (now, now)]
        self.fields[name] = forms.ChoiceField(
            label=field.label,
            help_text=field.help_text,
            choices=choices,
            required=required,
            initial=field.initial,
        )

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        if not re.fullmatch(r"[A-Z]{3}", code):
            raise forms.ValidationError("A currency has three letters, such as USD.")
        return code

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for problem in schedule.problems(data.get("schedule_rule", ""), data.get("time_zone", "")):
            self.add_error("schedule_rule", problem)
        mode, default, cap = (
            data.get(name) for name in ("award_mode", "award_default_cents", "award_cap_cents")
        )
        if mode == AwardMode.FIXED and not default and "award_default_cents" not in self.errors:
            self.add_error("award_default_cents", "A fixed award needs its amount.")
        if mode == AwardMode.CAPPED and not cap and "award_cap_cents" not in self.errors:
            self.add_error("award_cap_cents", "A capped award needs its cap.")
        if default and cap and default > cap:
            self.add_error("award_default_cents", "The fixed amount lies above the cap.")
        has_term = data.get("term_mode") not in (None, TermMode.NONE)
        if has_term and not data.get("term_months") and "term_months" not in self.errors:
            self.add_error("term_months", "A term needs a number of months.")
        before = self.initial.get("terms")
        if self.instance.pk and before and data.get("terms") is not None:
            changed = str(data["terms"]).replace("\r\n", "\n").strip() != str(before).strip()
            if changed and data.get("terms_version") == self.initial.get("terms_version"):
                self.add_error(
                    "terms_version", "The text changed: give it a new version, which people accept."
                )
        return data
