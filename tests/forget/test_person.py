"""An id is found where it stands as a whole, however it is written, and not within a word, a number or another's id."""

import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.forget.person import Person

IDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=3, max_size=12).filter(
    lambda name: any(letter.isalnum() for letter in name) and not name.isdigit() and name == name.strip()
)


@pytest.mark.parametrize(
    ("name", "found", "not_found"),
    [
        ("c-31", ["c-31", "x c-31.", "a_c-31_b", "(c-31)", "é c-31"], ["c-312", "xc-31", "ac-31", "éc-31", "c-31é"]),
        ("123456", ["123456", "a 123456, b", "(123456)"], ["1234567", "0.123456", "123456.5", "1,123456"]),
        ("J4G.003.mp4", ["see J4G.003.mp4!"], ["J4Gx003.mp4"]),
        ("a&b <c>", ["a&b <c>", "a&amp;b &lt;c&gt;", "a%26b%20%3Cc%3E"], ["a&b"]),
        ("Zoë1", ["Zoë1", r"Zo\u00eb1"], ["Zoë12"]),
    ],
)
def test_an_id_is_a_whole(name, found, not_found):
    him = Person(frozenset({name}))
    assert [text for text in found if not him.is_named_in(text.encode())] == []
    assert [text for text in not_found if him.is_named_in(text.encode())] == []


@given(name=IDS)
def test_any_id_is_found_as_files_write_it(name):
    him = Person(frozenset({name}))
    for form in (name, html.escape(name), json.dumps(name)[1:-1], quote(name, safe="")):
        if name in him.strong_ids:
            assert him.is_named_in(f" {form} ".encode())
    if "/" not in name:
        assert name not in him.mask(f"a/{name}/b")


@pytest.mark.parametrize("weak", ["1", "12", "99999", "ab", "1.5"])
def test_what_stands_in_texts_by_chance_is_not_looked_for_there(weak):
    him = Person(frozenset({weak}))
    assert him.weak_ids == (weak,)
    assert not him.is_named_in(f"a {weak} b".encode())
    assert him.is_called(f"{weak}.mp4")
    assert him.mask(f"x/{weak}.mp4") == "x/[id].mp4"


def test_bytes_are_searched_for_longer_ids_only():
    him = Person(frozenset({"cand-1", "c-1"}))
    for code in ("utf-8", "utf-16-le", "utf-32-be"):
        assert him.is_buried_in(b"\x00zz" + "cand-1".encode(code) + b"zz\x00")
        assert not him.is_buried_in(b"\x00" + "cand-12".encode(code))
    assert not him.is_buried_in(b"\x00c-1\x00")


def test_a_piece_of_anothers_id_is_theirs():
    him = Person(frozenset({"anna-b"}), others=frozenset({"anna-b.2", "x/anna-b"}))
    assert not him.is_named_in(b"anna-b.2 and x/anna-b")
    assert not him.is_buried_in(b"\x00anna-b.2\x00")
    assert him.is_named_in(b"anna-b.2 and anna-b.")


def test_a_candidate_decides_over_an_interview():
    him = Person(frozenset({"7"}), frozenset({"t"}))
    assert him.owns(candidate=7.0)
    assert him.owns(interview="t")
    assert him.owns(candidate="", interview="t")
    assert not him.owns(candidate="8", interview="t")
    assert not him.owns()
