"""Named points at which a test may kill this process, as a power cut would."""

import os
import signal

from django.conf import settings


def crash_here(name: str) -> None:
    """kill -9 this process when CRASH_AT names this point. Only under test settings; otherwise nothing happens."""
    if settings.TESTING and os.environ.get("CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
