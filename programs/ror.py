"""Pure: identifiers of the Research Organization Registry (ROR): a leading 0, six signs in base 32 and a checksum."""

import re

from django.utils.translation import gettext as _

from portal.refusals import Refused

_SIGNS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o and u
_SHAPE = re.compile(rf"0([{_SIGNS}]{{6}})([0-9]{{2}})")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?ror\.org/")


class WrongRorId(Refused):
    """The text is no ROR id. The message says why."""


def clean(text: str) -> str:
    """Return a ROR id as nine small letters and digits, without the address it may come with. Raises WrongRorId.

    The last two digits are the ISO 7064 checksum (mod 97-10) of the six signs before them, so a typing error shows.
    """
    bare = _ADDRESS.sub("", text.strip().lower(), count=1)
    shape = _SHAPE.fullmatch(bare)
    if shape is None:
        raise WrongRorId(_("Write a ROR id, such as 05a28rw58."))
    number = 0
    for sign in shape[1]:
        number = number * 32 + _SIGNS.index(sign)
    if 98 - number * 100 % 97 != int(shape[2]):
        raise WrongRorId(
            _("The last two digits of this ROR id do not fit the others. Look for a typing error.")
        )
    return bare
