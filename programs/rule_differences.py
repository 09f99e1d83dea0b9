"""Pure: what differs between two versions of a program's rules, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from credits.money import with_code

Content = Mapping[str, Any]

WORDS = {
    "award_default_cents": "Fixed amount",
    "award_cap_cents": "Cap",
    "award_mode": "How much people get",
    "four_eyes_above_cents": "Second person above",
    "term_mode": "How long credit lasts",
    "term_months": "Months",
    "term_ends_on": "No longer than",
    "term_starts": "Counted from",
    "late_usage_days": "Days for late usage",
    "acceptance_days": "Days to accept an award",
    "summary_required": "A summary is owed",
    "summary_due_days": "Summary due, days before the end",
    "second_half_after_summary": "Second half after the summary",
    "top_ups_allowed": "More credit on request",
    "urgent_authority_cents": "Urgent lane may give up to",
    "models_offered": "Models offered",
    "terms": "Terms to accept",
    "terms_version": "Version of the terms",
    "organization_id_format": "Form of the organization ID",
    "organization_id_when": "When the organization ID is asked for",
    "decided_by_days": "Days until people know",
    "review_days": "Days for reviews",
    "decline_mode": "When the answer is no",
    "reviews_wanted": "Reviews for each application",
    "blind_first_look": "Reviewers score before they see who asks",
    "reapply_after_on": "Nobody again before",
    "reapply_wait_days": "Days to wait",
    "form_version": "Form in use",
}


@dataclass(frozen=True)
class Difference:
    """One rule that changed. before and after are short texts; one of them is empty for what is new or gone."""

    where: str
    before: str
    after: str


def between(before: Content, after: Content) -> list[Difference]:
    """What changed from one version's content to another's, in the order of the editor."""
    return list(_found(before, after))


def _found(before: Content, after: Content) -> Iterator[Difference]:
    currency = str(after.get("currency", "USD"))
    for key in [key for key in after if key not in ("criteria", "rules")]:
        if before.get(key) != after.get(key):
            yield Difference(
                WORDS.get(key, key.replace("_", " ").capitalize()),
                _short(key, before.get(key), currency),
                _short(key, after.get(key), currency),
            )
    for part, name, title in (("criteria", "key", "Rubric"), ("rules", "kind", "Eligibility")):
        yield from _listed(before.get(part, []), after.get(part, []), name, title, currency)


def _listed(
    before: list[Content], after: list[Content], name: str, title: str, currency: str
) -> Iterator[Difference]:
    old, new = {row[name]: row for row in before}, {row[name]: row for row in after}
    for key in [*new, *(key for key in old if key not in new)]:
        label = str((new.get(key) or old[key]).get("name") or str(key).replace("_", " "))
        if key not in old:
            yield Difference(f"{title}: {label}", "", "added")
        elif key not in new:
            yield Difference(f"{title}: {label}", "taken out", "")
        else:
            for field in new[key]:
                if field not in ("id", name) and old[key].get(field) != new[key][field]:
                    words = f"{title}: {label}, {field.replace('_', ' ')}"
                    yield Difference(
                        words, *(_short(field, row[key].get(field), currency) for row in (old, new))
                    )


def _short(key: str, value: Any, currency: str) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_cents") and isinstance(value, int):
        return with_code(value, currency)
    if isinstance(value, list):
        return ", ".join(_entry(entry) for entry in value)
    if isinstance(value, Mapping):
        return "; ".join(
            f"{name.replace('_', ' ')}: {_short(name, entry, currency)}" for name, entry in value.items()
        )
    text = " ".join(str(value).split())
    return text if len(text) <= 300 else f"{text[:297]}…"


def _entry(entry: Any) -> str:
    return str(entry.get("name") or entry.get("title") or entry) if isinstance(entry, Mapping) else str(entry)
