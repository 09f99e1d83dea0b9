"""How dates read in Spanish. Figures are written as in English (14,500.50): forms read them so in every language."""

DATE_FORMAT = r"j \d\e F \d\e Y"
DATETIME_FORMAT = r"j \d\e F \d\e Y, H:i"
SHORT_DATE_FORMAT = "j b Y"
SHORT_DATETIME_FORMAT = "j b Y, H:i"
MONTH_YEAR = r"F \d\e Y"
TIME_FORMAT = "H:i"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
DAY = "D j b Y"  # lun 7 dic 2026
DAY_LONG = r"l j \d\e F \d\e Y"
DAY_PLAIN = r"j \d\e F \d\e Y"
DAY_SHORT = "j b"
