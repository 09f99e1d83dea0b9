import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env


def test_required_names_the_variable_and_the_list(monkeypatch):
    monkeypatch.delenv("PORTAL_X", raising=False)

    with pytest.raises(ImproperlyConfigured, match=r"PORTAL_X is not set; see \.env\.example"):
        env.required("PORTAL_X")

    monkeypatch.setenv("PORTAL_X", "value")
    assert env.required("PORTAL_X") == "value"


def test_text_falls_back(monkeypatch):
    monkeypatch.delenv("PORTAL_X", raising=False)

    assert env.text("PORTAL_X") == ""
    assert env.text("PORTAL_X", default="other") == "other"


@pytest.mark.parametrize("value,expected", [("true", True), ("false", False)])
def test_flag_reads_the_two_spellings(monkeypatch, value, expected):
    monkeypatch.setenv("PORTAL_X", value)

    assert env.flag("PORTAL_X", default=not expected) is expected


@pytest.mark.parametrize("value", ["True", "1", "yes", "", " true"])
def test_flag_refuses_every_other_spelling(monkeypatch, value):
    monkeypatch.setenv("PORTAL_X", value)

    with pytest.raises(ImproperlyConfigured, match='must be "true" or "false"'):
        env.flag("PORTAL_X", default=False)


def test_whole_number_reads_and_refuses(monkeypatch):
    monkeypatch.delenv("PORTAL_X", raising=False)
    assert env.whole_number("PORTAL_X", default=7) == 7

    monkeypatch.setenv("PORTAL_X", "12")
    assert env.whole_number("PORTAL_X", default=7) == 12

    monkeypatch.setenv("PORTAL_X", "12.5")
    with pytest.raises(ImproperlyConfigured, match="must be a whole number"):
        env.whole_number("PORTAL_X", default=7)

    monkeypatch.setenv("PORTAL_X", "2")
    with pytest.raises(ImproperlyConfigured, match="at least 3, not 2"):
        env.whole_number("PORTAL_X", default=7, at_least=3)


def test_names_drops_blanks(monkeypatch):
    monkeypatch.setenv("PORTAL_X", " a, b ,,c")

    assert env.names("PORTAL_X") == ["a", "b", "c"]


def test_secret_comes_from_a_mounted_file_first(monkeypatch, tmp_path):
    mounted = tmp_path / "secret"
    mounted.write_text("from the file\n")
    monkeypatch.setenv("PORTAL_X", "from the variable")
    monkeypatch.setenv("PORTAL_X_FILE", str(mounted))

    assert env.secret("PORTAL_X") == "from the file"

    monkeypatch.delenv("PORTAL_X_FILE")
    assert env.secret("PORTAL_X") == "from the variable"

    monkeypatch.delenv("PORTAL_X")
    assert env.secret("PORTAL_X", default="") == ""
    with pytest.raises(ImproperlyConfigured):
        env.secret("PORTAL_X")
