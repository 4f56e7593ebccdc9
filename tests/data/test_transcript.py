from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.data.transcript import remarks, spoken_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("...", ""),
        ("[people 00:00:45]", ""),
        ("There you go. See? [yelling 00:00:04].", "there you go see"),
        ("I like Frank's Red Hot Sauce, so ...", "i like frank's red hot sauce so"),
        ("I’m sure, ‘cause it’s", "i'm sure cause it's"),
        ("a well-known caf\u00e9 -", "a well-known caf\u00e9"),
        ("my work at Cesil [sp], <inaudible>, um", "my work at cesil um"),
        ("[an opening that never closes, and speech", "an opening that never closes and speech"),
    ],
)
def test_a_transcript_becomes_the_words_that_were_said(text: str, words: str) -> None:
    assert " ".join(spoken_words(text)) == words


def test_a_long_bracket_is_speech_not_a_remark() -> None:
    speech = "word " * 20
    assert remarks(f"[{speech}]") == 0
    assert len(spoken_words(f"[{speech}]")) == 20


def test_remarks_are_counted() -> None:
    assert remarks("") == 0
    assert remarks("[inaudible 00:00:14] or <unclear> or (laughs)") == 2


@given(st.text())
def test_words_are_never_empty_and_never_hold_white_space(text: str) -> None:
    for word in spoken_words(text):
        assert word
        assert word.split() == [word]
