"""Hold, suspend and label organizations, and keep the ledger in line: what is unspent there is frozen, and given back.

A hold or a suspension freezes all unspent credit of the organization in its own transaction; sweep() does the same once
a minute for credit that arrived later or whose freezing failed. Lifting the last of them thaws exactly what was frozen.
The last day of a term stays what it was: what comes back behind it ends with the next run of credits.expiry. Labels are
facts to know and freeze nothing. Source: docs/ledger.md, "Enforcement".
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from credits import ledger
from credits.models import (
    FREEZES,
    Enforcement,
    EnforcementKind,
    EventOutcome,
    InboundEvent,
    Organization,
)
from credits.movements import AccountKind, Kind
from portal import audit
from portal.database import with_retries
from portal.models import User
from portal.refusals import Refused

logger = logging.getLogger(__name__)

AT_ONCE = 500
EVENTS = {
    EnforcementKind.HOLD: "organization.held",
    EnforcementKind.SUSPEND: "organization.suspended",
}
"""The type of event by which a provider imposes each kind itself."""
CLEARED = "organization.cleared"


class CannotEnforce(Refused):
    """There is no reason given, it stands already, or it was lifted already."""


def impose(
    *,
    organization_id: int,
    kind: EnforcementKind,
    reason: str,
    by: User | None,
    at: datetime,
    event_id: str = "",
    happened_at: datetime | None = None,
) -> Enforcement:
    """Put a hold, a suspension or a label on an organization; the first two freeze its unspent credit at once.

    by: who did it; None with event_id is the provider. happened_at: the moment in the world, `at` unless given.
    The same by the same person, or by any later event, changes nothing. Raises CannotEnforce without a reason, and to
    a person when the same stands for another reason; ledger.PostingStopped.
    """
    words = _words(reason)
    if not words:
        raise CannotEnforce("Give a reason. Managers read it.")
    with transaction.atomic():
        _lock_organization(organization_id)
        found = Enforcement.objects.filter(organization=organization_id, kind=kind, lifted_at=None)
        if kind == EnforcementKind.LABEL:
            found = found.filter(reason=words)
        standing = found.first()
        if standing is not None:
            if by is not None and (standing.imposed_by_id, standing.reason) != (by.pk, words):
                raise CannotEnforce(f"This organization has a {kind.label.lower()} already.")
            return standing
        made = Enforcement.objects.create(
            organization_id=organization_id,
            kind=kind,
            reason=words,
            imposed_by=by,
            event_id="" if by else event_id,
            happened_at=happened_at or at,
            recorded_at=at,
        )
        frozen = _align(_grants_of(organization_id), by=by, at=at) if kind in FREEZES else 0
        _record("impose", made, by, at, frozen_cents=frozen, kind=str(kind))
        return made


def lift(
    *, enforcement_id: int, reason: str, by: User | None, at: datetime, event_id: str = ""
) -> Enforcement:
    """End a hold, a suspension or a label. With the last that freezes, everything frozen becomes usable again.

    What the provider imposed too, while this stood, stands from now on in its own name.
    Raises CannotEnforce without a reason, and when somebody else lifted it; ledger.PostingStopped.
    """
    words = _words(reason)
    if not words:
        raise CannotEnforce("Say why it is lifted. It is kept.")
    with transaction.atomic():
        organization_id = Enforcement.objects.values_list("organization_id", flat=True).get(pk=enforcement_id)
        _lock_organization(organization_id)
        found = Enforcement.objects.get(pk=enforcement_id)
        if found.lifted_at is not None:
            if by is None or found.lifted_by_id == by.pk:
                return found
            raise CannotEnforce("This was lifted already.")
        found.lifted_at, found.lifted_by, found.lifted_reason = at, by, words
        found.lifted_event_id = "" if by else event_id
        found.save(update_fields=["lifted_at", "lifted_by", "lifted_reason", "lifted_event_id"])
        if found.kind in FREEZES and found.imposed_by_id is not None:
            _keep_the_providers(found, at=at)
        thawed = -_align(_grants_of(organization_id), by=by, at=at) if found.kind in FREEZES else 0
        _record("lift", found, by, at, thawed_cents=thawed, kind=found.kind)
        return found


def clear(*, organization_id: int, reason: str, event_id: str, at: datetime) -> int:
    """Lift the holds and suspensions that events of the provider imposed; returns how many. What staff imposed stands."""
    standing = Enforcement.objects.filter(
        organization=organization_id, kind__in=FREEZES, lifted_at=None, imposed_by=None
    )
    with transaction.atomic():
        _lock_organization(organization_id)
        ids = list(standing.order_by("pk").values_list("pk", flat=True))
        for pk in ids:
            lift(enforcement_id=pk, reason=reason, by=None, at=at, event_id=event_id)
    return len(ids)


def sweep(*, at: datetime) -> int:
    """Freeze and thaw whatever is not yet where its organization's holds say; returns how many grants changed.

    Started every minute, so credit that arrived after a hold is frozen within 60 seconds. Safe to repeat.
    """
    changed = 0
    while found := _out_of_line(AT_ONCE):
        for start in range(0, len(found), AT_ONCE):
            with_retries(partial(_align, found[start : start + AT_ONCE], by=None, at=at))
        changed += len(found)
        if len(found) < AT_ONCE:
            break
    return changed


@transaction.atomic
def settle_grant(*, grant_id: int, organization_id: int | None, at: datetime) -> None:
    """Freeze what has just arrived on a grant when its organization is on hold; in the caller's transaction."""
    if is_held(organization_id):
        _align([grant_id], by=None, at=at)


@transaction.atomic
def settle_organization(*, organization_id: int, at: datetime) -> None:
    """The same for all lots of an organization, which the caller has locked."""
    if is_held(organization_id):
        _align(_grants_of(organization_id), by=None, at=at)


# --- Queries --------------------------------------------------------------------------------------------------------------


def is_held(organization_id: int | None) -> bool:
    """Whether a hold or a suspension stands against this organization. One query, none without an organization."""
    return organization_id is not None and freezing().filter(organization=organization_id).exists()


def held(path: str = "organization") -> Exists:
    """For a query of rows that lead to an organization by `path`: whether a hold or a suspension stands against it."""
    return Exists(freezing().filter(organization=OuterRef(path)))


def freezing() -> QuerySet[Enforcement]:
    """Holds and suspensions that stand."""
    return Enforcement.objects.filter(kind__in=FREEZES, lifted_at=None)


def of_organization(organization_id: int) -> list[Enforcement]:
    """Everything ever imposed on an organization, what stands first, then the newest."""
    rows = Enforcement.objects.filter(organization=organization_id).select_related("imposed_by", "lifted_by")
    return sorted(rows.order_by("-pk"), key=lambda row: (not row.stands, row.kind not in FREEZES))


# --- The ledger in line with what stands ------------------------------------------------------------------------------------


def _align(grant_ids: Sequence[int], *, by: User | None, at: datetime) -> int:
    """Freeze what organizations on hold have left, thaw what the others have frozen; returns cents frozen less thawed.

    Set-based. The key of a movement names the balance that it takes up: the account and its version, so the same balance
    is moved once however often this runs.
    """
    if not grant_ids:
        return 0
    values = {"ids": list(grant_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_SHARE_ORGANIZATIONS, values)
        cursor.execute(_LOCK_GRANTS, values)
        cursor.execute(_LOCK_ACCOUNTS, values)
        cursor.execute(_DUE, values)
        due = cursor.fetchall()
    to_freeze = [grant_id for grant_id, _uuid, stands, *_ in due if stands]
    frozen = ledger.open_grant_accounts(kind=AccountKind.FROZEN, grant_ids=to_freeze) if to_freeze else {}
    movements = []
    for grant_id, uuid, stands, currency, granted, granted_cents, granted_version, *thaw in due:
        if stands:
            source, destination, cents, version = granted, frozen[grant_id], granted_cents, granted_version
        else:
            (source, cents, version), destination = thaw, granted
        kind = Kind.FREEZE if stands else Kind.THAW
        movements.append(
            ledger.Movement(
                kind=kind,
                source_id=source,
                destination_id=destination,
                amount_cents=cents,
                currency=currency,
                key=f"grant:{uuid}:{kind}:{version}",
            )
        )
    ledger.post_many(movements=movements, by=by, at=at)
    return sum(m.amount_cents if m.kind == Kind.FREEZE else -m.amount_cents for m in movements)


def _out_of_line(limit: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_OUT_OF_LINE, [limit])
        return [grant_id for (grant_id,) in cursor.fetchall()]


def _grants_of(organization_id: int) -> list[int]:
    rows = Organization.objects.filter(pk=organization_id, grants__confirmed_at__isnull=False)
    return list(rows.order_by("grants").values_list("grants", flat=True))


def _lock_organization(organization_id: int) -> None:
    """Before grants' accounts; a send to this organization waits here, or is waited for (migration 0009)."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def _keep_the_providers(lifted: Enforcement, *, at: datetime) -> None:
    """One of a kind stands at a time, so an event of the provider changed nothing while one by staff stood."""
    told = InboundEvent.objects.filter(
        organization=lifted.organization_id,
        type__in=(EVENTS[EnforcementKind(lifted.kind)], CLEARED),
        outcome=EventOutcome.DONE,
    )
    last = told.order_by("happened_at", "pk").last()
    if last is None or last.type == CLEARED or last.received_at < lifted.recorded_at:
        return
    made = Enforcement.objects.create(
        organization_id=lifted.organization_id,
        kind=lifted.kind,
        reason=f"The provider told it while one by staff stood (event {last.event_id}).",
        imposed_by=None,
        event_id=last.event_id,
        happened_at=last.happened_at or last.received_at,
        recorded_at=at,
    )
    _record("impose", made, None, at, frozen_cents=0, kind=lifted.kind)


def _words(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:300]


def _record(step: str, row: Enforcement, by: User | None, at: datetime, **details: object) -> None:
    audit.record(
        action=f"enforcement.{step}", subject=row, by=by, at=at, organization=row.organization_id, **details
    )


_STANDS = """
    (SELECT organization_id, bool_or(lifted_at IS NULL) AS stands FROM credits_enforcement
      WHERE kind IN ('hold', 'suspend') GROUP BY organization_id)
"""
_OUT_OF_LINE = f"""
    SELECT g.id FROM {_STANDS} e
      JOIN credits_grant g ON g.organization_id = e.organization_id
      JOIN ledger_account a ON a.code = CASE WHEN e.stands THEN 'granted:' ELSE 'frozen:' END || g.id
     WHERE a.balance_cents > 0 ORDER BY g.id LIMIT %s
"""  # noqa: S608 - put together from constants
# What is being imposed or lifted meanwhile is waited for.
_SHARE_ORGANIZATIONS = """
    SELECT FROM credits_organization WHERE id IN (SELECT organization_id FROM credits_grant WHERE id = ANY(%(ids)s))
     ORDER BY id FOR SHARE
"""
_LOCK_GRANTS = """
    SELECT FROM credits_grant WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_ACCOUNTS = """
    SELECT FROM ledger_account
     WHERE code IN (SELECT kind || ':' || id FROM unnest(%(ids)s) AS id CROSS JOIN unnest(ARRAY['granted', 'frozen']) AS kind)
     ORDER BY id FOR NO KEY UPDATE
"""
_DUE = f"""
    SELECT g.id, g.uuid, e.stands, a.currency, a.id, a.balance_cents, a.version, f.id, f.balance_cents, f.version
      FROM credits_grant g
      JOIN {_STANDS} e ON e.organization_id = g.organization_id
      JOIN ledger_account a ON a.code = 'granted:' || g.id
      LEFT JOIN ledger_account f ON f.code = 'frozen:' || g.id
     WHERE g.id = ANY(%(ids)s) AND CASE WHEN e.stands THEN a.balance_cents > 0 ELSE f.balance_cents > 0 END
     ORDER BY g.id
"""  # noqa: S608 - put together from constants
