"""Titles of papers, asked by DOI from the one address in the settings (DOI_RESOLVER_URL; off without it).

A DOI becomes a quoted path below that address and nothing more; what holders type is never an address to open. The call
carries no word about who asks, follows no redirect, uses no proxy of the environment, and reads a limited answer.
"""

import json
import logging
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

import requests
from django.conf import settings
from django.db import transaction

from applications.models import Paper, TitleSource
from programs.texts import UnstorableText, clean_text

logger = logging.getLogger(__name__)

TRIES = 5
AT_ONCE = 20
LARGEST_ANSWER_BYTES = 512 * 1024
TIMEOUT_SECONDS = 5
LONGEST_TITLE = 300


def fetch_due(*, at: datetime) -> int:
    """Ask for the titles that are wanted now; returns how many came. Off, it asks nothing.

    Each is asked again after 1, 4, 9 ... hours, TRIES times; then the holder types it.
    """
    base = settings.DOI_RESOLVER_URL
    if not base:
        return 0
    came = 0
    due = Paper.objects.filter(title_next_at__lte=at, title_source=TitleSource.WANTED)
    for paper in due.prefetch_related("links").order_by("title_next_at", "pk")[:AT_ONCE]:
        doi = next((row.link for row in paper.links.all() if row.is_doi), "")
        came += _keep(paper.pk, _ask(base, doi) if doi else "", at)
    return came


@transaction.atomic
def _keep(paper_id: int, title: str, at: datetime) -> int:
    paper = Paper.objects.select_for_update().filter(pk=paper_id, title_source=TitleSource.WANTED).first()
    if paper is None:  # the holder typed it meanwhile, or took the paper out
        return 0
    paper.title_tries += 1
    paper.title_next_at = None
    if title:
        paper.title, paper.title_source = title, TitleSource.FETCHED
    elif paper.title_tries < TRIES:
        paper.title_next_at = at + timedelta(hours=paper.title_tries**2)
    paper.save(update_fields=["title", "title_source", "title_tries", "title_next_at"])
    return int(bool(title))


def _ask(base: str, doi: str) -> str:
    """The title of one DOI, "" when no plain answer came."""
    if urlsplit(base).scheme not in ("https", "http"):
        return ""
    session = requests.Session()
    session.trust_env = False
    try:
        with session.get(
            f"{base.rstrip('/')}/{quote(doi, safe='')}",
            headers={"accept": "application/vnd.citationstyles.csl+json, application/json"},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != 200:
                return ""
            raw = response.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
    except Exception as error:  # noqa: BLE001 - urllib3 raises its own kinds while the body is read
        logger.info("a title was not fetched: %s", type(error).__name__)
        return ""
    if len(raw) > LARGEST_ANSWER_BYTES:
        return ""
    return _title(raw)


def _title(raw: bytes) -> str:
    """The title in an answer: CSL JSON, or the same below "message"."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    body = found.get("message", found) if isinstance(found, dict) else {}
    title = body.get("title") if isinstance(body, dict) else None
    if isinstance(title, list):
        title = title[0] if title else ""
    if not isinstance(title, str):
        return ""
    try:
        return clean_text(title, one_line=True)[:LONGEST_TITLE]
    except UnstorableText:
        return ""
