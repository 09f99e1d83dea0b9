"""Static files as the image builds them: every reference in a style sheet or a template leads to a file."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_static_reference_has_a_file(settings, tmp_path):
    """collectstatic itself fails on a style sheet or script that names a missing file."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    settings.DEBUG = False

    call_command("collectstatic", interactive=False, verbosity=0)

    storage = ManifestStaticFilesStorage(location=tmp_path)
    named = {
        (str(path.relative_to(PROJECT)), name)
        for path in (PROJECT / "templates").rglob("*.html")
        for name in re.findall(r"\{%\s*static\s+[\"']([^\"'{]+)[\"']", path.read_text())
    }
    assert named
    assert [(path, name) for path, name in sorted(named) if name not in storage.hashed_files] == []
