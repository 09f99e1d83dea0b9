"""A running stand-in provider for the tests that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.credits.fake_provider import FakeProvider


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[FakeProvider]:
    """The stand-in provider, told what to do call by call."""
    running = FakeProvider(tmp_path)
    yield running
    running.kill()
