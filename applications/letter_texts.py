"""Values on their way into a letter."""


class Lines(str):
    """A value of several lines that we wrote ourselves; every other value is put on one line."""


def one_line(value: object) -> str:
    """A value never brings a line break into a letter, so it cannot forge headers or paragraphs."""
    return str(value) if isinstance(value, Lines) else " ".join(str(value).split())
