"""Schemathesis asks the running API what its description allows, and what it forbids."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from applications.models import Application
from portal.models import Scope
from tests.factories.api import make_token
from tests.factories.applications import BEFORE, make_draft, make_program, make_submitted
from tests.factories.files import ask, make_attachment
from tests.factories.sharing import share, verified
from tests.sizes import sized

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

EXAMPLES = sized(make_test=8, nightly=40)  # generated requests per operation, beside those always sent

KNOWN = """
[[operations]]
include-name = "POST /api/v1/applications/{{id}}/attachments/{{key}}"
parameters = {{ id = "{draft}", key = "files" }}
"""
"""What no random text hits: a question that takes files."""


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> str:
    """A token of somebody with a draft, a file, a sent and a shared application; the clock stands, limits are far away."""
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", BEFORE)
    monkeypatch.setattr("applications.views.api_files.UPLOADS_PER_HOUR", 10**9)
    settings.API_REQUESTS_PER_MINUTE = 10**9
    settings.MEDIA_ROOT = tmp_path / "files"
    person = verified()
    make_program(slug="ai-for-science")  # the example in the description
    with_files = make_program()
    ask(with_files)
    draft = make_draft(with_files, applicant=person)
    make_attachment(draft)
    (tmp_path / "schemathesis.toml").write_text(KNOWN.format(draft=draft.public_id))
    share(make_submitted(make_program()), person)
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
        timeout=600,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Missing test data" not in done.stdout, done.stdout[-4000:]
    assert Application.objects.count() > 2
