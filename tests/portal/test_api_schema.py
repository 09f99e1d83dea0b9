"""Schemathesis asks the running API what its description allows, and what it forbids."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from applications.models import Application
from portal.models import Scope
from tests.factories.api import make_token
from tests.factories.applications import BEFORE, make_draft, make_program, make_submitted, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

EXAMPLES = 20  # generated requests per operation, beside those that schemathesis always sends


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, settings: Any) -> str:
    """A token of somebody with a draft and a sent application; the clock stands, and the limit is out of reach."""
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", BEFORE)
    settings.API_REQUESTS_PER_MINUTE = 10**9
    person = make_user()
    make_program(slug="ai-for-science")  # the example in the description
    make_draft(make_program(), applicant=person)
    make_submitted(make_program(), applicant=person)
    return make_token(person, scope=Scope.WRITE)[1]


def test_the_api_does_what_its_description_says(live_server: Any, secret: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{live_server.url}/api/v1/openapi.json",
            f"--header=Authorization: Bearer {secret}",
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Missing test data" not in done.stdout, done.stdout[-4000:]
    assert Application.objects.count() > 2
