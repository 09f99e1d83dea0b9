"""The only writer of the ledger.

It inserts transfers. Entries, balances, rules and the hash chain are the work of the database (migrations 0002 and
0003), which refuses with a named constraint; this module turns those names into errors that people can read.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction

from credits import ledger_sql
from credits.models import LedgerAccount, Transfer
from credits.money import MOST_CENTS, format_money
from credits.movements import MACHINE, NOT_REVERSIBLE, AccountKind, Kind
from portal import audit
from portal.database import allow_long_statements, array_of_plain
from portal.models import User
from portal.refusals import Refused

LONGEST_KEY = 160
_KEYS = re.compile(r"[A-Za-z0-9:._@/+-]+(,[A-Za-z0-9:._@/+-]+)*")


class NotEnoughCredit(Refused):
    """The account that should give holds less than is asked for."""


class KeyReused(Refused):
    """The key stands in the ledger with other content. An edge answers 409."""


class NeedsSecondPerson(Refused):
    """The movement must be asked for by one person and approved by another."""


class NotAllowed(Refused):
    """A rule of the ledger forbids this movement."""


class AlreadyEnded(NotAllowed):
    """The reservation was confirmed or returned before."""


class AlreadyReversed(NotAllowed):
    """The movement was corrected before."""


class NoSuchAccount(Refused):
    """No account has this code; for a pool: nobody has funded it yet."""


class PostingStopped(Refused):
    """A broken ledger check has stopped all posting until a person has looked."""


class CannotPost(Exception):
    """A programmer's mistake: no open transaction, unknown account, two currencies, a malformed key."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One line for post_many. amount_cents: whole cents above zero. resolves_id: the hold that a post or void ends."""

    kind: str
    source_id: int
    destination_id: int
    amount_cents: int
    key: str
    currency: str = "USD"
    resolves_id: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """How many movements were new and how many stood in the ledger already."""

    new: int
    replayed: int


def pool_code(program: str, period: str) -> str:
    """The code of the pool from which a program gives in one period, such as pool:ai-for-science:2026."""
    return f"pool:{program}:{period}"


def code_of(kind: AccountKind, grant_id: int) -> str:
    """The code of an account of one grant. The database holds the same rule."""
    return f"{kind.value}:{grant_id}"


def account(code: str) -> LedgerAccount:
    """The account with this code. Raises NoSuchAccount."""
    try:
        return LedgerAccount.objects.get(code=code)
    except LedgerAccount.DoesNotExist:
        raise NoSuchAccount(f"There is no {code}. A pool exists from its first funding on.") from None


def transfer_id(key: str) -> int:
    """The id of the transfer with this key. Raises CannotPost when there is none."""
    found = Transfer.objects.filter(key=key).values_list("pk", flat=True).first()
    if found is None:
        raise CannotPost(f"no transfer has the key {key}")
    return found


def open_account(
    *, code: str, kind: AccountKind, program: str, grant_id: int | None = None, currency: str = "USD"
) -> LedgerAccount:
    """Return the account with this code, opened empty if it is new. Only a source account may go below zero.

    Raises CannotPost when the code stands for another kind, program, grant or currency.
    """
    wanted = {"kind": kind.value, "program": program, "grant_id": grant_id, "currency": currency}
    account = LedgerAccount.objects.filter(code=code).first()
    if account is None:  # not before: inserting beside an account waits for whoever is posting to it
        LedgerAccount.objects.bulk_create(
            [LedgerAccount(code=code, may_overdraw=kind == AccountKind.SOURCE, **wanted)],
            ignore_conflicts=True,
        )
        account = LedgerAccount.objects.get(code=code)
    for name, value in wanted.items():
        if getattr(account, name) != value:
            raise CannotPost(f"account {code} has {name} {getattr(account, name)!r}, not {value!r}")
    return account


def open_grant_accounts(*, kind: AccountKind, grant_ids: Sequence[int]) -> dict[int, int]:
    """Open one account of a kind for each grant in one statement; returns account ids by grant id.

    Source: docs/ledger.md, "Movements": each grant is its own lot.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            ledger_sql.OPEN_ACCOUNTS + "RETURNING grant_id, id",
            {"kind": kind.value, "ids": array_of_plain(grant_ids)},
        )
        accounts = dict(cursor.fetchall())
    missing = [code_of(kind, grant_id) for grant_id in grant_ids if grant_id not in accounts]
    if missing:
        accounts.update(LedgerAccount.objects.filter(code__in=missing).values_list("grant_id", "id"))
    return accounts


def hold_many(*, pool: LedgerAccount, grant_ids: Sequence[int], by: User | None, at: datetime) -> None:
    """Hold the credit of new grants in a pool: an account and a movement for each, in one statement.

    What post_many() does, without taking the grants through Python. Raises as post() does; a hold that exists already
    is a programmer's mistake and raises CannotPost.
    """
    _check_transaction()
    values: dict[str, Any] = {
        "kind": AccountKind.RESERVED.value,
        "ids": array_of_plain(grant_ids),
        "pool": pool.pk,
        "made_by": MACHINE if by is None else by.subject_key,
        "at": at,
    }
    with refusals(), connection.cursor() as cursor:
        cursor.execute(ledger_sql.HOLD_MANY, values)
        if cursor.rowcount != len(grant_ids):
            raise CannotPost(
                f"{len(grant_ids) - cursor.rowcount} of these grants are held already or do not exist"
            )


def post(
    *,
    kind: Kind,
    source: LedgerAccount,
    destination: LedgerAccount,
    amount_cents: int,
    key: str,
    by: User | None,
    at: datetime,
    approved_by: User | None = None,
    resolves_id: int | None = None,
    reverses_id: int | None = None,
    group_key: str = "",
) -> Transfer:
    """Move credit from one account to another, once, inside the caller's database transaction.

    amount_cents: whole cents of the accounts' currency, above zero. key: names this business fact for ever
    ("grant:<uuid>:hold"); the same key with the same content returns the first transfer and changes nothing.
    by: who asked; None is the machine. at: the aware moment in the world, which may be earlier than now.

    Raises NotEnoughCredit when the source would fall below zero, KeyReused when the key stands with other content
    (409), AlreadyEnded, AlreadyReversed, NeedsSecondPerson or NotAllowed when a rule forbids it, PostingStopped after a
    broken check, and CannotPost for a programmer's mistake. Source: docs/ledger.md, "Movements".
    """
    return _insert(
        kind=kind,
        source_id=source.pk,
        destination_id=destination.pk,
        currency=source.currency,
        amount_cents=amount_cents,
        key=key,
        resolves_id=resolves_id,
        reverses_id=reverses_id,
        group_key=group_key,
        at=at,
        by=by,
        approved_by=approved_by,
    )[0]


def post_many(
    *,
    movements: Sequence[Movement],
    by: User | None,
    at: datetime,
    approved_by: User | None = None,
    group_key: str = "",
) -> Posted:
    """Post any number of movements in one statement: all of them, or none. Repeats are counted and change nothing.

    Movements run in the given order, so a later one may use what an earlier one brought. Same rules, keys, units and
    errors as post(); group_key names the event that they share, such as one release.
    """
    if not movements:
        return Posted(0, 0)
    _check_transaction()
    columns = {
        "keys": _key_array([m.key for m in movements]),
        "kinds": array_of_plain([str(m.kind) for m in movements]),
        "sources": array_of_plain([m.source_id for m in movements]),
        "destinations": array_of_plain([m.destination_id for m in movements]),
        "currencies": array_of_plain([m.currency for m in movements]),
        "amounts": array_of_plain([_checked(m.amount_cents) for m in movements]),
        "resolves": array_of_plain([m.resolves_id for m in movements]),
    }
    common: dict[str, Any] = {
        "made_by": MACHINE if by is None else by.subject_key,
        "approved_by": None if approved_by is None else approved_by.subject_key,
        "at": at,
        "group_key": group_key,
    }
    with refusals(), connection.cursor() as cursor:
        cursor.execute(ledger_sql.INSERT_MANY, {**columns, **common})
        new = cursor.rowcount
        if new < len(movements):
            cursor.execute(ledger_sql.OTHER_CONTENT, columns)
            if stranger := cursor.fetchone():
                raise KeyReused(f"{stranger[0]} stands in the ledger with other content.")
    return Posted(new, len(movements) - new)


def fund(
    *,
    program: str,
    period: str,
    amount_cents: int,
    made_by: User,
    approved_by: User,
    key: str,
    at: datetime,
    currency: str = "USD",
) -> Transfer:
    """Put credit into a program's pool for a period. Two people: one asks, another approves.

    amount_cents: whole cents. key: names this decision ("fund:ai-for-science:2026:first"); repeating it adds nothing.
    Raises NeedsSecondPerson, KeyReused, PostingStopped.
    """
    source = open_account(
        code=f"source:{program}", kind=AccountKind.SOURCE, program=program, currency=currency
    )
    pool = open_account(
        code=pool_code(program, period), kind=AccountKind.POOL, program=program, currency=currency
    )
    transfer, is_new = _insert(
        kind=Kind.FUND,
        source_id=source.pk,
        destination_id=pool.pk,
        currency=currency,
        amount_cents=amount_cents,
        key=key,
        at=at,
        by=made_by,
        approved_by=approved_by,
    )
    if is_new:
        audit.record(
            action="pool.fund",
            subject=pool,
            by=made_by,
            at=at,
            amount_cents=amount_cents,
            approved_by=approved_by.subject_key,
            transfer=transfer.pk,
        )
    return transfer


def reverse(*, transfer_id: int, made_by: User, approved_by: User, at: datetime) -> Transfer:
    """Correct one movement by its exact mirror, at most once. Two people: one asks, another approves.

    It takes back the whole amount, so the account that received it must still hold it. The movements of one grant are
    corrected newest first; a return to the pool is not corrected but answered by a new grant.
    Raises AlreadyReversed, NotEnoughCredit, NeedsSecondPerson, NotAllowed, PostingStopped.
    """
    first = Transfer.objects.get(pk=transfer_id)
    if first.kind in NOT_REVERSIBLE:
        raise NotAllowed("A return to the pool or a correction is not corrected again.")
    transfer, is_new = _insert(
        kind=Kind.REVERSE,
        source_id=first.destination_id,
        destination_id=first.source_id,
        currency=first.currency,
        amount_cents=first.amount_cents,
        key=f"reverse:{first.key}",
        reverses_id=first.pk,
        group_key=first.group_key,
        at=at,
        by=made_by,
        approved_by=approved_by,
    )
    if not is_new:
        raise AlreadyReversed("This movement has been corrected already.")
    audit.record(
        action="ledger.reverse",
        subject=first,
        by=made_by,
        at=at,
        amount_cents=first.amount_cents,
        approved_by=approved_by.subject_key,
        transfer=transfer.pk,
    )
    return transfer


def stop_posting() -> None:
    """Refuse every new movement from now on. Reading goes on. Used when a ledger check found a difference.

    A statement that posts much holds its chain until it commits; it is waited for, longer than a page would wait.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        allow_long_statements()
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("UPDATE ledger_chain_head SET frozen = true WHERE NOT frozen")


def resume_posting(*, by: User, at: datetime) -> None:
    """Allow posting again after a person has looked."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_chain_head SET frozen = false WHERE frozen")
        if cursor.rowcount:
            audit.record(action="ledger.resume", subject=by, by=by, at=at)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the database's refusals into our errors. Anything it does not know passes unchanged."""
    try:
        yield
    except DatabaseError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        translate = _REFUSALS.get(getattr(diagnosis, "constraint_name", None) or "")
        if diagnosis is None or translate is None:
            raise
        raise translate(diagnosis.message_detail or "", str(diagnosis.message_primary)) from error


def _overdraft(detail: str, _message: str) -> Exception:
    facts = json.loads(detail)
    held, needed = (
        format_money(facts[name], facts["currency"]) for name in ("balance_cents", "needed_cents")
    )
    place = "The pool" if facts["kind"] == AccountKind.POOL else "The account"
    return NotEnoughCredit(f"{place} holds {held}, which is less than the {needed} needed.")


_REFUSALS: dict[str, Callable[[str, str], Exception]] = {
    "ledger_floor": _overdraft,
    "ledger_gate": lambda detail, _message: NotAllowed(f"The ledger refuses this movement: {detail}."),
    "ledger_frozen": lambda _detail, _message: PostingStopped(
        "Posting is stopped until a person has looked at the ledger checks."
    ),
    "ledger_one_ending": lambda _detail, _message: AlreadyEnded("This reservation has ended already."),
    "ledger_one_reversal": lambda _detail, _message: AlreadyReversed(
        "This movement has been corrected already."
    ),
    "ledger_transfer_four_eyes": lambda _detail, _message: NeedsSecondPerson(
        "A second person must approve this."
    ),
    "ledger_transfer_approved": lambda _detail, _message: NeedsSecondPerson(
        "A second person must approve this."
    ),
    **dict.fromkeys(
        [
            "ledger_transfer_source",
            "ledger_transfer_destination",
            "ledger_transfer_amount_positive",
            "ledger_transfer_two_accounts",
            "ledger_transfer_kind_known",
            "ledger_transfer_endings_resolve",
            "ledger_transfer_reversals_reverse",
            "ledger_account_grant",
        ],
        lambda _detail, message: CannotPost(message),
    ),
    **dict.fromkeys(
        ["ledger_account_code_once", "ledger_transfer_key_once"],
        lambda detail, _message: CannotPost(f"a grant is held already: {detail}"),
    ),
}

_CONTENT = ("kind", "source_id", "destination_id", "currency", "amount_cents", "resolves_id", "reverses_id")
_COLUMNS = [field.attname for field in Transfer._meta.concrete_fields]


def _insert(
    *,
    kind: Kind,
    source_id: int,
    destination_id: int,
    currency: str,
    amount_cents: int,
    key: str,
    at: datetime,
    by: User | None,
    approved_by: User | None,
    resolves_id: int | None = None,
    reverses_id: int | None = None,
    group_key: str = "",
) -> tuple[Transfer, bool]:
    """Insert one transfer, or find the one that its key names; returns it and whether it is new.

    The object is made of what was written, as if it had been read: each single post pays for whatever happens here.
    """
    _check_transaction()
    _key_array([key])
    content = (
        kind.value,
        source_id,
        destination_id,
        currency,
        _checked(amount_cents),
        resolves_id,
        reverses_id,
    )
    made_by = MACHINE if by is None else by.subject_key
    values = (key, *content, group_key, made_by, None if approved_by is None else approved_by.subject_key, at)
    with refusals(), connection.cursor() as cursor:
        cursor.execute(ledger_sql.INSERT_ONE, values)
        row = cursor.fetchone()
    if row is not None:
        new_id, recorded_at, content_hash = row
        return Transfer.from_db(
            connection.alias, _COLUMNS, (new_id, *values, recorded_at, content_hash)
        ), True
    first = Transfer.objects.get(key=key)
    if tuple(getattr(first, name) for name in _CONTENT) != content:
        raise KeyReused(f"{key} stands in the ledger with other content.")
    return first, False


def _check_transaction() -> None:
    if not connection.in_atomic_block:
        raise CannotPost("open a transaction first, so that the reason is saved with the movement")


def _checked(amount_cents: object) -> int:
    if type(amount_cents) is not int or not 0 < amount_cents <= MOST_CENTS:
        raise CannotPost(f"{amount_cents!r} is not a whole number of cents above zero")
    return amount_cents


def _key_array(keys: Sequence[str]) -> str:
    """A PostgreSQL array literal of keys, whose letters are checked here."""
    joined = ",".join(keys)
    if not _KEYS.fullmatch(joined) or joined.count(",") != len(keys) - 1 or max(map(len, keys)) > LONGEST_KEY:
        raise CannotPost(f"a key has 1 to {LONGEST_KEY} letters, digits and : . _ @ / + -")
    return '{"' + '","'.join(keys) + '"}'
