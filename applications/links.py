"""Pure: the signed part of the links in invitations. It names an invitation; whom it lets in is decided elsewhere."""

from uuid import UUID

from django.core import signing


def invitation_token(public_id: UUID) -> str:
    """What a link carries for one invitation."""
    return _signer().sign(public_id.hex)


def invitation_id(token: str) -> UUID | None:
    """The invitation that a link names; None for a link that we did not make."""
    try:
        return UUID(hex=_signer().unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt="applications.invitation")
