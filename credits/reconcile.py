"""Compare our grants with the provider's list. Every difference becomes a case; nothing is put right by itself.

The list is read page by page into rows, without an open transaction during a call; PostgreSQL compares them with the
grants; the rows go when the counts are in. A run that died is finished by the next sweep, or begun again.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from credits import cases, providers
from credits.cases import Told
from credits.models import ProviderLine, Reconciliation, ReconciliationState
from credits.models.reconciliation import UNFINISHED
from credits.money import MOST_CENTS, with_code
from credits.providers.base import CannotList, Listed, Provider
from portal import audit
from portal.database import allow_long_statements, with_retries
from portal.models import User
from portal.refusals import Refused

PAGE = 1_000
MOST_CASES = 500  # of one run; what is over becomes one case, because a wrong file would bury the list
YOUNG = timedelta(minutes=10)  # what was confirmed so shortly before the list may be missing in it
LEASE = timedelta(minutes=15)  # without a sign of life for so long, another worker begins a run again
SILENT = timedelta(days=2)  # from a comparison that was not finished on, before a person is told
FROM_PROVIDER = "provider"


class CannotReconcile(Refused):
    """Another comparison is under way, or there is nothing to compare with."""


def ask(*, by: User | None, at: datetime, source: str = FROM_PROVIDER) -> Reconciliation:
    """Put a comparison with the provider's own list in line; a sweep runs it. One that waits is returned as it is.

    Raises CannotReconcile when the provider has no list to ask for, as with the manual one.
    """
    if source == FROM_PROVIDER and not providers.get().automatic:
        raise CannotReconcile("With the manual provider the list comes as a CSV file.")
    waiting = Reconciliation.objects.filter(source=source, state__in=UNFINISHED).first()
    if waiting is not None:
        return waiting
    return _begin(source=source, by=by, at=at, state=ReconciliationState.ASKED)


def take_list(*, theirs: Iterable[Listed], name: str, by: User | None, at: datetime) -> Reconciliation:
    """Keep a list that a person brought, whole or not at all, to be compared. name: of the file. Raises CannotList."""
    with transaction.atomic():
        run = _begin(source=name[:120] or "file", by=by, at=at, state=ReconciliationState.COMPARING)
        run.listed = sum(_keep(run, rows) for rows in _batched(theirs, PAGE))
        if not run.listed:
            raise CannotList("The file lists no grant.")
        run.save(update_fields=["listed"])
    return run


def run_waiting(*, at: datetime, provider: Provider | None = None) -> list[Reconciliation]:
    """Run every comparison that waits, and those whose worker died. Safe with any number of workers."""
    done = []
    while (run := with_retries(partial(_claim, at))) is not None:
        done.append(carry_out(run=run, at=at, provider=provider))
    return done


def carry_out(*, run: Reconciliation, at: datetime, provider: Provider | None = None) -> Reconciliation:
    """Read the list if it is not here yet, compare, open cases. A list that does not come whole compares nothing."""
    try:
        if run.source == FROM_PROVIDER and run.state != ReconciliationState.COMPARING:
            _read_list(run, provider or providers.get(), at)
        with_retries(partial(_compare, run, at))
    except CannotList as error:
        _fail(run, str(error), at)
    return run


def ask_daily(*, at: datetime) -> Reconciliation | None:
    """Put one comparison a day in line, where the provider can be asked. The rows say when the last one was.

    A provider whose list has not been compared for days becomes a case.
    """
    if not providers.get().automatic:
        return None
    _tell_of_silence(at)
    recent = Reconciliation.objects.filter(source=FROM_PROVIDER, asked_at__gt=at - timedelta(hours=24))
    return None if recent.exists() else ask(by=None, at=at)


def latest(number: int = 20) -> list[Reconciliation]:
    """The newest runs."""
    return list(Reconciliation.objects.select_related("asked_by").order_by("-pk")[:number])


def _begin(*, source: str, by: User | None, at: datetime, state: ReconciliationState) -> Reconciliation:
    run = Reconciliation.objects.create(
        source=source, asked_by=by, asked_at=at, listed_from=at, touched_at=at, state=state
    )
    if by is not None:
        audit.record(action="reconcile.ask", subject=run, by=by, at=at)
    return run


def _claim(at: datetime) -> Reconciliation | None:
    """The next run for this worker: one that waits, or one that has shown no life for LEASE."""
    died = Q(state__in=UNFINISHED, touched_at__lt=at - LEASE)
    brought = Q(state=ReconciliationState.COMPARING, touched_at=F("asked_at"))
    run = (
        Reconciliation.objects.select_for_update(skip_locked=True)
        .filter(Q(state=ReconciliationState.ASKED) | brought | died)
        .order_by("pk")
        .first()
    )
    if run is None:
        return None
    run.touched_at = max(at, run.asked_at + timedelta(microseconds=1))
    if run.source == FROM_PROVIDER:
        run.state = ReconciliationState.LISTING
    run.save(update_fields=["state", "touched_at"])
    return run


def _read_list(run: Reconciliation, provider: Provider, at: datetime) -> None:
    started = time.monotonic()
    ProviderLine.objects.filter(reconciliation=run).delete()  # of a worker that died
    run.state, run.listed, run.listed_from = ReconciliationState.LISTING, 0, at
    run.save(update_fields=["state", "listed", "listed_from"])
    for rows in _batched(provider.list_grants(), PAGE):
        run.listed += _keep(run, rows)
        # `at` may be a rehearsed moment, so only the time that passed since then comes from a clock.
        run.touched_at = at + timedelta(seconds=time.monotonic() - started)
        run.save(update_fields=["listed", "touched_at"])
    run.state = ReconciliationState.COMPARING
    run.save(update_fields=["state"])


def _batched(rows: Iterable[Listed], size: int) -> Iterator[list[Listed]]:
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def _keep(run: Reconciliation, rows: Sequence[Listed]) -> int:
    for row in rows:  # what no row can hold would fail again with every try
        if (
            not (row.key + row.organization + row.currency).isprintable()
            or abs(row.amount_cents) > MOST_CENTS
        ):
            raise CannotList("A grant in the list has a key, an organization or an amount that cannot be.")
    made = ProviderLine.objects.bulk_create(
        [
            ProviderLine(
                reconciliation=run,
                key=row.key,
                organization=row.organization,
                amount_cents=row.amount_cents,
                currency=row.currency,
            )
            for row in rows
        ]
    )
    return len(made)


def _compare(run: Reconciliation, at: datetime) -> None:
    """Count, open cases, forget the list: in one transaction, so that a second try starts from the same list."""
    allow_long_statements()
    run.refresh_from_db(from_queryset=Reconciliation.objects.select_for_update())
    if run.state not in UNFINISHED:
        return  # another worker was faster
    values: dict[str, Any] = {"run": run.pk, "young": run.listed_from - YOUNG}
    with connection.cursor() as cursor:
        cursor.execute(_COMPARED + _COUNTED, values)
        counts: dict[str, int] = dict(cursor.fetchall())
        cursor.execute(_COMPARED + _DIFFERENCES, values | {"most": MOST_CASES})
        names = [column.name for column in cursor.description]
        told = [_told(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    run.equal, run.unsettled = counts.get("equal", 0), counts.get("unsettled", 0)
    run.ours_only = counts.get("ours_only", 0)
    run.theirs_only = counts.get("theirs_only", 0) + counts.get("ended", 0)
    run.differing = sum(counts.get(what, 0) for what in ("twice", "differs"))
    if run.differences > len(told):
        words = f"{run.differences - len(told):,} more differences in the comparison with {run.source}."
        told.append(Told("reconcile", f"reconcile:more:{run.pk}", words))
    run.new_cases = cases.open_many(told=told, at=at)
    run.state, run.finished_at = ReconciliationState.DONE, at
    run.save()
    ProviderLine.objects.filter(reconciliation=run).delete()
    audit.record(
        action="reconcile.done",
        subject=run,
        by=run.asked_by,
        at=at,
        listed=run.listed,
        differences=run.differences,
    )


def _fail(run: Reconciliation, words: str, at: datetime) -> None:
    with transaction.atomic():
        ProviderLine.objects.filter(reconciliation=run).delete()
        run.state, run.finished_at, run.failure = ReconciliationState.FAILED, at, words[:300]
        run.save()


def _tell_of_silence(at: datetime) -> None:
    """A case, once, when the provider was asked for days and no comparison came to its end."""
    asked = Reconciliation.objects.filter(source=FROM_PROVIDER).order_by("pk")
    done = asked.filter(state=ReconciliationState.DONE).last()
    later = asked.filter(pk__gt=done.pk) if done else asked
    first = later.first()
    if first is None or first.asked_at >= at - SILENT:
        return
    failed = later.exclude(failure="").last()
    why = failed.failure if failed else "None of them came to its end; see the log of the worker."
    cases.open_case(
        kind="reconcile",
        key=f"reconcile:silent:{first.pk}",
        words=f"No comparison with the provider that was begun since {first.asked_at:%Y-%m-%d} was finished. {why}",
        at=at,
    )


def _told(row: dict[str, Any]) -> Told:
    """One difference as a case. Its key holds what differs, so that another difference of the same grant is another."""
    ours = with_code(row["ours_cents"], row["ours_currency"] or "")
    theirs = with_code(row["theirs_cents"], row["theirs_currency"] or "")
    reference, what = row["reference"], row["what"]
    if what == "ours_only":
        words = f"{reference} ({ours}) is confirmed here, and the provider does not list it."
    elif what == "theirs_only":
        words = f"The provider lists {theirs} for {row['theirs_organization']} under a key that we never gave: {row['key']}."
    elif what == "ended":
        words = f"The provider lists {theirs} for {reference}, which ended here without credit."
    elif what == "twice":
        words = f"The provider lists {reference or row['key']} {row['times']} times."
    else:
        words = f"{reference} differs: {'; '.join(_parts(row, ours, theirs))}."
    facts = (
        what,
        row["key"],
        row["theirs_organization"],
        row["theirs_cents"],
        row["theirs_currency"],
        row["times"],
    )
    key = ":".join("" if fact is None else str(fact) for fact in ("reconcile", *facts))
    return Told(
        "reconcile", key, words, row["grant_id"], row["organization_id"] if row["grant_id"] is None else None
    )


def _parts(row: dict[str, Any], ours: str, theirs: str) -> Iterator[str]:
    if (row["ours_cents"], row["ours_currency"]) != (row["theirs_cents"], row["theirs_currency"]):
        yield f"{ours} here, {theirs} at the provider"
    if row["ours_organization"] != row["theirs_organization"]:
        yield f"organization {row['ours_organization']} here, {row['theirs_organization']} at the provider"


# A delivery without an outcome may or may not be in the list; so may what was confirmed while it was written.
_COMPARED = """
    WITH theirs AS (
        SELECT key, min(organization) AS organization, min(amount_cents) AS cents, min(currency) AS currency,
            count(*) AS times
        FROM credits_providerline WHERE reconciliation_id = %(run)s GROUP BY key
    ), compared AS (
        SELECT coalesce(d.key, t.key) AS key, g.id AS grant_id, g.reference, g.amount_cents AS ours_cents,
            g.currency AS ours_currency, o.external_id AS ours_organization, t.cents AS theirs_cents,
            t.currency AS theirs_currency, t.organization AS theirs_organization, t.times,
            CASE WHEN d.key IS NULL THEN (
                SELECT max(x.id) FROM credits_organization x WHERE x.external_id = t.organization) END
                AS organization_id,
            CASE WHEN t.times > 1 THEN 'twice'
                WHEN d.key IS NULL THEN 'theirs_only'
                WHEN t.key IS NULL AND d.state = 'confirmed' AND d.settled_at < %(young)s THEN 'ours_only'
                WHEN t.key IS NULL THEN 'unsettled'
                WHEN d.state = 'refused' THEN 'ended'
                WHEN (g.amount_cents, g.currency, o.external_id)
                    IS DISTINCT FROM (t.cents, t.currency, t.organization) THEN 'differs'
                WHEN d.state = 'confirmed' THEN 'equal'
                ELSE 'unsettled' END AS what
        FROM (credits_delivery d
            JOIN credits_grant g ON g.id = d.grant_id JOIN credits_organization o ON o.id = g.organization_id)
        FULL JOIN theirs t ON t.key = d.key
        WHERE d.state IS DISTINCT FROM 'refused' OR t.key IS NOT NULL
    )
"""
_COUNTED = "SELECT what, count(*) FROM compared GROUP BY what"
_DIFFERENCES = """
    SELECT * FROM compared WHERE what NOT IN ('equal', 'unsettled')
    ORDER BY grant_id NULLS LAST, key LIMIT %(most)s
"""
