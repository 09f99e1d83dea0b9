"""Pure: the signed part of the links in invitations. It names an invitation; whom it lets in is decided elsewhere."""

import re
from uuid import UUID

from django.core import signing

_LOOKS_LIKE_A_LINK = re.compile(
    r"\S*(?:://|\bwww\.)\S*|\S*[^\W_]\.[^\W\d_]{2,}(?:[/:?#]\S*)?|\S+@\S+", re.IGNORECASE
)


def without_links(text: str) -> str:
    """A text in which no mail program finds an address to make clickable."""
    return _LOOKS_LIKE_A_LINK.sub("…", text)


def invitation_token(public_id: UUID) -> str:
    """What a link carries for one invitation."""
    return _signer().sign(public_id.hex)


def invitation_id(token: str) -> UUID | None:
    """The invitation that a link names; None for a link that we did not make."""
    try:
        return UUID(hex=_signer().unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def member_token(public_id: UUID) -> str:
    """What a link carries for one invitation to shared credits."""
    return _signer("applications.member").sign(public_id.hex)


def member_id(token: str) -> UUID | None:
    """The place among members that a link names; None for a link that we did not make."""
    try:
        return UUID(hex=_signer("applications.member").unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def _signer(salt: str = "applications.invitation") -> signing.Signer:
    return signing.Signer(sep=".", salt=salt)
