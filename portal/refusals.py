"""The one base of every business error."""


class Refused(Exception):
    """A rule said no. The text is written for the person who asked and is safe to show.

    Operations raise subclasses that stand beside them; edges turn them into a form error, a message or a 409.
    """
