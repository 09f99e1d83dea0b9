"""How large the heavy tests are: small in `make test`, large with NIGHTLY=1 (docs/runbook.md, "At night")."""

import os

IS_NIGHT = os.environ.get("NIGHTLY") == "1"


def sized(*, make_test: int, nightly: int) -> int:
    """The size of a test for this run."""
    return nightly if IS_NIGHT else make_test
