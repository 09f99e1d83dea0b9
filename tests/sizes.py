"""How large the heavy tests are: small in `make test`, large with NIGHTLY=1 (docs/runbook.md, "At night")."""

import os

IS_NIGHT = os.environ.get("NIGHTLY") == "1"

LOOKS = [(1280, "light"), (390, "dark")] + ([(1280, "dark"), (390, "light")] if IS_NIGHT else [])
"""How pages are looked at: width of the window in pixels, and light or dark. Each once by day, every pair at night."""


def sized(*, make_test: int, nightly: int) -> int:
    """The size of a test for this run."""
    return nightly if IS_NIGHT else make_test
