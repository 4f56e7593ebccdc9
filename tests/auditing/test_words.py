from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.words import mentions, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("arousal_mean", ("arousal", "mean")),
        ("FaceEmotion2", ("face", "emotion")),
        ("ZIPCode", ("zip", "code")),
        ("race/ethnicity", ("race", "ethnicity")),
        ("Émotion", ("emotion",)),
        ("STRESS", ("stress",)),
        ("_12_", ()),
        ("", ()),
    ],
)
def test_a_name_is_read_as_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


def test_only_whole_words_in_a_row_are_mentioned() -> None:
    assert mentions(["arousal_mean", "carousal"], ["arousal"]) == ("arousal_mean",)
    assert mentions(["place_of_birth", "birth_of_place", "place of the birth"], ["place_of_birth"]) == (
        "place_of_birth",
    )
    assert mentions(["b_age", "a_age", "b_age"], ["age"]) == ("a_age", "b_age")
    assert mentions(["anything"], ["", "_"]) == ()


@given(st.text(), st.text())
def test_any_two_names_are_compared_without_an_error(name: str, phrase: str) -> None:
    found = mentions([name], [phrase])
    assert found in ((), (name,))
    if words_of(name):
        assert mentions([name], [name]) == (name,)
