"""Alarm clocks. The rows are the queue; every task is safe to run twice, late, or not at all."""

import logging

from celery import shared_task

from credits import delivery, enforcement, ledger, reconcile, watch
from portal import clock

logger = logging.getLogger(__name__)


@shared_task(name="credits.deliver_due", acks_late=True, soft_time_limit=240, time_limit=300)
def deliver_due(*, limit: int = 200, **_later: object) -> None:
    """Freeze and thaw what holds ask for, put ready grants on their way, call the provider for deliveries that are due.

    An older worker must accept a newer caller's arguments, hence **_later.
    """
    now = clock.now()
    try:
        enforced = enforcement.sweep(at=now)
        dispatched = delivery.dispatch(at=now)
    except ledger.PostingStopped as stopped:
        logger.error("deliver_due: %s", stopped)
        return
    report = delivery.send_due(limit=limit, at=now)
    if enforced or dispatched or report.sent:
        logger.info("deliver_due enforced=%d dispatched=%d %s", enforced, dispatched, report)


@shared_task(name="credits.verify_ledger", acks_late=True, soft_time_limit=540, time_limit=600)
def verify_ledger(**_later: object) -> None:
    """Run all ledger checks, store the result, and stop posting when there is a difference."""
    result = watch.check(at=clock.now())
    logger.info("verify_ledger problems=%d transfers=%d", len(result.problems), result.transfers)


@shared_task(name="credits.reconcile", acks_late=True, soft_time_limit=540, time_limit=600)
def reconcile_waiting(**_later: object) -> None:
    """Compare with the provider's list: what a person asked for, and once a day by itself."""
    now = clock.now()
    reconcile.ask_daily(at=now)
    for run in reconcile.run_waiting(at=now):
        logger.info("reconcile %s state=%s differences=%d", run.pk, run.state, run.differences)
