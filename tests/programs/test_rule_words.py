"""Rules of evaluation days in words."""

import pytest

from programs.rule_words import in_words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=MONTHLY;BYDAY=+1MO", "First Monday of each month"),
        ("FREQ=MONTHLY;BYDAY=1MO", "First Monday of each month"),
        ("FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR", "Last Friday of every third month"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", "Every second Wednesday"),
        ("freq=weekly;byday=su", "Every Sunday"),
    ],
)
def test_usual_rules_are_said_as_people_say_them(rule: str, words: str) -> None:
    assert in_words(rule) == words


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=DAILY",
        "FREQ=MONTHLY;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=+1MO,+3MO",
        "FREQ=MONTHLY;BYMONTHDAY=15",
        "FREQ=MONTHLY;BYDAY=+1MO;BYMONTH=1",
        "FREQ=WEEKLY;INTERVAL=-1;BYDAY=WE",
        "FREQ=WEEKLY;BYDAY=+1WE",
        "no rule at all",
    ],
)
def test_other_rules_stay_as_they_are_written(rule: str) -> None:
    assert in_words(rule) == rule
