"""Cases: facts about money that a person must look at. Nothing here moves credit, and nothing is put right by itself."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from credits.models import Case, Grant
from portal import audit
from portal.models import User
from portal.refusals import Refused

KINDS = {
    "reconcile": "Differs from the provider",
    "anchor": "Copy of the ledger is gone",
    "event": "Refused event",
    "usage": "Usage that does not fit",
    "delivery": "Delivery without an outcome",
    "transfer": "Movement that was refused",
    "confirmation": "Confirmation that does not fit",
    "enforcement": "Enforcement",
    "claim": "Credit that did not arrive",
    "hand-over": "To be told to the provider",
    "shared-id": "One organization ID, several people",
}
"""Words for each kind of case. A kind that is not listed is shown as it is written."""


class CannotSettle(Refused):
    """The case is settled already, or this person may not settle it."""


@dataclass(frozen=True, slots=True)
class Told:
    """One fact for open_many. key: names the fact for ever; words: one sentence for staff."""

    kind: str
    key: str
    words: str
    grant_id: int | None = None
    organization_id: int | None = None
    program: str = ""


def words_of(kind: str) -> str:
    """What a kind of case is called on pages."""
    return KINDS.get(kind) or kind.replace("-", " ").replace("_", " ").capitalize()


def open_case(
    *,
    kind: str,
    key: str,
    words: str,
    at: datetime,
    grant_id: int | None = None,
    organization_id: int | None = None,
    program: str = "",
) -> Case:
    """Put a fact before a person. Telling it again (same key) returns the first case, settled or not.

    program: slug; taken from the grant when it is left out. Call it outside of the transaction that a refusal rolls
    back, or the case goes with it. Source: docs/ledger.md, "Cases".
    """
    told = Told(kind, key, words, grant_id, organization_id, program)
    open_many(told=[told], at=at)
    return Case.objects.get(key=_fitted(key))


@transaction.atomic
def open_many(*, told: Sequence[Told], at: datetime) -> int:
    """Open a case for each fact that was not told before; returns how many are new. Three statements at most."""
    by_key = {_fitted(fact.key): fact for fact in told}
    known = set(Case.objects.filter(key__in=by_key).values_list("key", flat=True))
    fresh = {key: fact for key, fact in by_key.items() if key not in known}
    if not fresh:
        return 0
    wanted = {fact.grant_id for fact in fresh.values() if fact.grant_id and not fact.program}
    programs = dict(Grant.objects.filter(pk__in=wanted).values_list("pk", "program")) if wanted else {}
    Case.objects.bulk_create(
        [
            Case(
                kind=fact.kind,
                key=key,
                words=_line(fact.words),
                opened_at=at,
                grant_id=fact.grant_id,
                organization_id=fact.organization_id,
                program=fact.program or programs.get(fact.grant_id or 0, ""),
            )
            for key, fact in fresh.items()
        ],
        ignore_conflicts=True,
        batch_size=5_000,
    )
    return len(fresh)


@transaction.atomic
def settle(*, case: Case, by: User, at: datetime, reason: str) -> Case:
    """Close a case with what was found and done. The same person with the same reason again changes nothing.

    Raises CannotSettle without a reason, for whom the grant is for, and when it is settled otherwise.
    """
    reason = _line(reason)
    found = Case.objects.select_for_update(of=("self",)).select_related("grant").get(pk=case.pk)
    if not found.is_open:
        if (found.settled_by_id, found.reason) == (by.pk, reason):
            return found
        raise CannotSettle("This case is settled already.")
    if not reason:
        raise CannotSettle("Say what you found and what was done about it.")
    if found.grant is not None and found.grant.holder_id == by.pk:
        raise CannotSettle("This is about your own grant. Somebody else settles it.")
    found.settled_by, found.settled_at, found.reason = by, at, reason
    found.save(update_fields=["settled_by", "settled_at", "reason"])
    audit.record(action="case.settle", subject=found, by=by, at=at, kind=found.kind)
    return found


def _fitted(key: str) -> str:
    """The key itself, or its start and a digest when it is longer than a row holds."""
    return key if len(key) <= 200 else f"{key[:135]}:{hashlib.sha256(key.encode()).hexdigest()}"


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:500]
