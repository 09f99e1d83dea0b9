import pytest

from credits import system_checks
from tests.factories.credits import KEY


@pytest.mark.parametrize(
    "name, found", [("portal", 0), ("test_portal", 1), ("scratch_1", 1), ("latest_test", 0)]
)
def test_a_real_ledger_has_no_name_that_lets_it_be_emptied(settings, monkeypatch, name, found):
    settings.TESTING = False
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", name)
    assert len(system_checks.ledger_database_name(None)) == found


@pytest.mark.parametrize(
    "adapter, url, keys, found",
    [
        ("manual", "", [], 0),
        ("http", "https://provider.example.org", [KEY], 0),
        ("http", "", [KEY], 1),
        ("http", "https://provider.example.org", [], 1),
        ("http", "https://provider.example.org", ["whsec_%"], 1),
        ("carrier", "", [], 1),
    ],
)
def test_provider_settings_are_read_at_the_start(settings, adapter, url, keys, found):
    settings.PROVIDER_ADAPTER, settings.PROVIDER_URL, settings.PROVIDER_SIGNING_KEYS = adapter, url, keys
    assert [message.id for message in system_checks.provider_settings(None)] == ["credits.E002"] * found
