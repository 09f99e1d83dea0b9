import random

from hypothesis import given
from hypothesis import strategies as st

from applications import similarity

WORDS = [f"word{number}" for number in range(5_000)]


def _text(seed: int, words: int = 250) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def _changed(words: list[str], share: float, seed: int) -> list[str]:
    dice = random.Random(seed)
    return [dice.choice(WORDS) if dice.random() < share else word for word in words]


def test_same_text_is_fully_alike_whatever_its_case_and_layout() -> None:
    words = _text(1)

    one = similarity.signature([" ".join(words)])
    other = similarity.signature(["\n".join(words).upper() + "."])

    assert one == other
    assert similarity.alike(one, other) == 1.0


def test_light_edits_meet_in_a_band_and_strangers_do_not() -> None:
    met = strangers = 0
    for seed in range(100):
        text = _text(seed)
        one = similarity.signature([" ".join(text)])
        edited = similarity.signature([" ".join(_changed(text, 0.03, seed))])
        stranger = similarity.signature([" ".join(_text(seed + 1_000))])
        met += bool(set(similarity.bands(one)) & set(similarity.bands(edited)))
        strangers += bool(set(similarity.bands(one)) & set(similarity.bands(stranger)))
        assert similarity.alike(one, stranger) < similarity.ALIKE

    assert met >= 99
    assert strangers == 0


def test_short_texts_are_not_compared() -> None:
    assert similarity.signature(["only a few words here"]) == []
    assert similarity.alike([], []) == 0.0


@given(st.text(max_size=2_000))
def test_any_text_gives_a_signature_or_none(text: str) -> None:
    bins = similarity.signature([text])

    assert len(bins) in (0, similarity.BINS)
    assert all(0 <= value < 2**63 for value in bins)
