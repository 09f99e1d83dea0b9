"""How often one person may do something. Counts live in the cache; without it nothing is refused."""

import logging

from django.core.cache import cache
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from portal.refusals import Refused

logger = logging.getLogger(__name__)


class TooOften(Refused):
    """The limit is reached. The message is safe to show; after `wait_seconds` the window is over in any case."""

    def __init__(self, text: str, *, wait_seconds: int) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(text)


def count(what: str, who: object, *, most: int, seconds: int) -> None:
    """Count one more time that `who` does `what`; raises TooOften beyond `most` within a window of `seconds`."""
    key = f"limit:{what}:{who}"
    try:
        if cache.add(key, 1, timeout=seconds):
            return
        so_far = cache.incr(key)
    except (RedisError, ValueError) as error:  # no cache, or the window ended between the two calls
        logger.warning("limit of %s not counted: %s", what, type(error).__name__)
        return
    if so_far > most:
        raise TooOften(
            _("That was often enough for now. Please wait a little and try again."), wait_seconds=seconds
        )
