"""How dates read in lists: 7 Dec 2026, 14:05. Moments are shown in UTC unless a page names another zone."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
DAY = "D j M Y"  # Mon 7 Dec 2026
DAY_LONG = "l j F Y"
DAY_PLAIN = "j F Y"
DAY_SHORT = "j M"
MONTH_YEAR = "F Y"
