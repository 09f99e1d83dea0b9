"""Pure: a rule of evaluation days as people say it."""

DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}


def in_words(rule: str) -> str:
    """ "FREQ=MONTHLY;BYDAY=+1MO" -> "First Monday of each month". A rule of another kind comes back as it is written."""
    parts = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    freq, every, by_day = parts.pop("FREQ", ""), parts.pop("INTERVAL", "1"), parts.pop("BYDAY", "")
    day, number = DAYS.get(by_day[-2:]), ORDINALS.get(by_day[:-2].lstrip("+"))
    if not day or parts or not every.isdigit() or every not in ORDINALS:
        return rule
    if freq == "MONTHLY" and number:
        months = "each month" if every == "1" else f"every {ORDINALS[every]} month"
        return f"{number.capitalize()} {day} of {months}"
    if freq == "WEEKLY" and by_day in DAYS:
        return f"Every {day}" if every == "1" else f"Every {ORDINALS[every]} {day}"
    return rule
