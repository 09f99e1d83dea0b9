"""Alarm clocks. The rows are the queue; an older worker must accept a newer caller's arguments, hence **_later."""

import logging

from celery import shared_task

from applications import attachments, exports, notices, paper_titles
from applications.tick import tick as run_tick
from portal import clock

logger = logging.getLogger(__name__)


@shared_task(name="applications.tick")
def tick(**_later: object) -> None:
    """Do what is due. Safe to run twice, late, by many, or not at all."""
    done = run_tick(at=clock.now())
    if done.batches or done.failed or done.broken:
        logger.info("tick %s", done.as_json())


@shared_task(name="applications.send_due_notices")
def send_due_notices(*, limit: int = 500, **_later: object) -> None:
    """Send the letters that wait. Safe to run twice, late, by many, or not at all."""
    notices.queue_posted(at=clock.now())
    report = notices.send_due(limit=limit, at=clock.now())
    if report.sent or report.failed:
        logger.info("letters sent=%d failed=%d parked=%d", report.sent, report.failed, report.parked)


@shared_task(name="applications.scan_waiting_files")
def scan_waiting_files(*, limit: int = 50, **_later: object) -> None:
    """Scan files that came while the scanner was away. Safe to run twice, late, by many, or not at all."""
    settled = attachments.scan_waiting(limit=limit, at=clock.now())
    if settled:
        logger.info("files scanned=%d", settled)


@shared_task(name="applications.run_exports")
def run_exports(**_later: object) -> None:
    """Work through the exports that wait. Safe to run twice, late, by many, or not at all."""
    ran = exports.run_due(at=clock.now())
    if ran.finished or ran.failed:
        logger.info("exports finished=%d failed=%d rows=%d", ran.finished, ran.failed, ran.rows)


@shared_task(name="applications.fetch_titles")
def fetch_titles(**_later: object) -> None:
    """Ask for titles of papers by DOI, where the settings name an address. Safe to run twice, late, or not at all."""
    came = paper_titles.fetch_due(at=clock.now())
    if came:
        logger.info("titles fetched=%d", came)
