"""Form the batch of a cycle: once, whole, and by what is missing rather than by a list somebody kept."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from applications.models import Application, Batch
from applications.states import State
from portal import audit
from portal.crash_points import crash_here
from portal.database import allow_long_statements
from portal.refusals import Refused
from programs import rulebook
from programs.models import Cycle, CycleState

WAITING = (State.SUBMITTED, State.DEFERRED)
"""States that a batch takes in: sent for this evaluation, or carried into it by an earlier one."""


class CannotForm(Refused):
    """The cycle's cut-off lies ahead."""


@dataclass(frozen=True)
class Formed:
    """A batch and whether this call made it. `moved` counts applications put into review by this call."""

    cycle_id: int
    batch_id: int | None
    moved: int
    created: bool


def form(*, cycle_id: int, at: datetime, dry_run: bool = False) -> Formed:
    """Put every application sent before the cut-off into the cycle's batch and into review, and freeze its rules.

    One transaction; any number of callers at once give one batch. The cycle's row is locked alone, so it waits for
    submits that are under way (applications.intake shares that row) and none slips in after the manifest is drawn.
    Raises CannotForm before the cut-off. Source: docs/decisions/0003-batch-by-absence.md.
    """
    with transaction.atomic():
        allow_long_statements()
        cycle = Cycle.objects.select_for_update(of=("self",)).select_related("program").get(pk=cycle_id)
        existing = Batch.objects.filter(cycle=cycle).first()
        if existing is not None:
            return Formed(cycle_id, existing.pk, moved=0, created=False)
        if cycle.cut_off_at > at:
            raise CannotForm(
                f"The cut-off of {cycle} is {cycle.cut_off_at:%-d %B %Y, %H:%M} UTC; it has not passed."
            )
        waiting = Application.objects.filter(cycle=cycle, state__in=WAITING)
        if dry_run:
            return Formed(cycle_id, None, moved=waiting.count(), created=False)
        version = rulebook.freeze(cycle=cycle, at=at)
        references = [str(name) for name in waiting.order_by("id").values_list("reference", flat=True)]
        batch = Batch.objects.create(
            cycle=cycle,
            formed_at=at,
            applications_count=len(references),
            manifest_sha256=manifest(references),
            rules={"version": version.number, "sha256": version.content_sha256},
        )
        moved = _move(batch)
        cycle.state = CycleState.IN_REVIEW
        cycle.save(update_fields=["state"])
        audit.record(action="batch.form", subject=batch, by=None, at=at, cycle=cycle.pk, applications=moved)
        crash_here("batch.before_commit")
    crash_here("batch.after_commit")
    return Formed(cycle_id, batch.pk, moved=moved, created=True)


def manifest(references: list[str]) -> str:
    """SHA-256 over the references, one a line, in the order given."""
    return hashlib.sha256("\n".join(references).encode()).hexdigest()


def _move(batch: Batch) -> int:
    """Claim and list the applications in one statement each. The unique index refuses a second membership."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH claimed AS (
                UPDATE applications_application SET state = %(in_review)s
                 WHERE cycle_id = %(cycle)s AND state = ANY (%(waiting)s)
                RETURNING id
            )
            INSERT INTO applications_batchentry (batch_id, application_id, position, deferred)
            SELECT %(batch)s, id, row_number() OVER (ORDER BY id), false FROM claimed
            """,
            {
                "in_review": State.IN_REVIEW,
                "waiting": [str(state) for state in WAITING],
                "cycle": batch.cycle_id,
                "batch": batch.pk,
            },
        )
        return cursor.rowcount
