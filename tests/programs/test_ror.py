"""Identifiers of the Research Organization Registry."""

import pytest

from programs import ror


@pytest.mark.parametrize(
    "typed",
    [
        "05a28rw58",
        " 05A28RW58 ",
        "https://ror.org/05a28rw58",
        "ror.org/05a28rw58",
        "http://www.ror.org/05a28rw58",
    ],
)
def test_an_id_is_nine_small_signs(typed: str) -> None:
    assert ror.clean(typed) == "05a28rw58"


@pytest.mark.parametrize(
    "known", ["042nb2s44", "01xtthb56", "057zh3y96", "03p74gp79", "02y9nww90", "036rp1748"]
)
def test_checksums_of_real_ids_fit(known: str) -> None:
    assert ror.clean(known) == known


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("05a28rw59", "last two digits"),
        ("05a28rw85", "last two digits"),
        ("05a82rw58", "last two digits"),
        ("15a28rw58", "Write a ROR id"),
        ("05a28rl58", "Write a ROR id"),
        ("05a28rw5", "Write a ROR id"),
        ("٠5a28rw58", "Write a ROR id"),
        ("https://example.org/05a28rw58", "Write a ROR id"),
        ("", "Write a ROR id"),
        ("x" * 100_000, "Write a ROR id"),
    ],
)
def test_anything_else_is_explained(typed: str, words: str) -> None:
    with pytest.raises(ror.WrongRorId, match=words):
        ror.clean(typed)
