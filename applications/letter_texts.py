"""Letters that we write where a program has not, and values on their way into a letter."""

from django.utils.translation import gettext_noop

INVITATION_SUBJECT = gettext_noop("An invitation to an application to {program}")
INVITATION_BODY = gettext_noop("""Hello,

{inviter} works on an application to {program} and invites you to {right} it.

To accept, open this link and sign in with this mail address:
{link}

The link works for two weeks. If you did not expect this letter, you need not do anything.

{program}
""")
"""The invitation of a program that has not written its own."""

CHANGE_SUBJECT = gettext_noop("Your updated application {reference} is approved")
CHANGE_BODY = gettext_noop("""Dear {name},

the changes in your updated application “{title}” to {program} are approved. It asks for no more credit, so the credits
that you have stay as they are, with the same last day, and there is nothing for you to do.

{link}

{program}
""")
"""What the holder of an award hears when a change without more credit is agreed to."""


class Lines(str):
    """A value of several lines that we wrote ourselves; every other value is put on one line."""


def one_line(value: object) -> str:
    """A value never brings a line break into a letter, so it cannot forge headers or paragraphs."""
    return str(value) if isinstance(value, Lines) else " ".join(str(value).split())
