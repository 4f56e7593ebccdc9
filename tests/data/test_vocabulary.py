from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.data.vocabulary import (
    PADDING,
    UNKNOWN,
    Vocabulary,
    learn_vocabulary,
    read_vocabulary,
    read_word_vectors,
    tokenise,
)
from fairhire.errors import DataError

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(data: str | bytes) -> Path:
        path = tmp_path / "words.vec"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Why us?", ("why", "us")),
        ("I don't -- I didn’t!", ("i", "don't", "i", "didn’t")),
        ("'quoted' words, rock'n'roll", ("quoted", "words", "rock'n'roll")),
        ("well-known - or not-", ("well-known", "or", "not")),
        ("snake_case 3.5 80%", ("snake", "case", "3", "5", "80")),
        ("C++ and C#", ("c", "and", "c")),
        ("ÉCOLE Straße ÇA", ("école", "straße", "ça")),
        ("вопрос 質問 سؤال", ("вопрос", "質問", "سؤال")),
        ("a\nb\tc\u00a0d", ("a", "b", "c", "d")),
        ("", ()),
        (" … ?! _ - ' ", ()),
    ],
)
def test_a_text_is_cut_into_its_words(text: str, words: tuple[str, ...]) -> None:
    assert tokenise(text) == words


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=30), st.text(max_size=30))
def test_words_are_cut_the_same_alone_and_in_company(one: str, other: str) -> None:
    assert tokenise(f"{one} {other}") == tokenise(one) + tokenise(other)
    for word in tokenise(one):
        assert word
        assert not any(letter.isspace() for letter in word)


def test_padding_and_unknown_are_no_words() -> None:
    vocabulary = Vocabulary(("sell", "why"))
    assert (PADDING, UNKNOWN) == (0, 1)
    assert len(vocabulary) == 4
    assert vocabulary.ids(["why", "never", "sell", ""]).tolist() == [3, UNKNOWN, 2, UNKNOWN]
    assert vocabulary.ids([]).dtype == np.int64
    assert vocabulary.ids([]).shape == (0,)


def test_the_most_frequent_words_come_first_ties_by_spelling() -> None:
    texts = [["b", "a", "c"], ["b", "a"], ["b", "once"]]
    assert learn_vocabulary(texts).words == ("b", "a")
    assert learn_vocabulary(texts, minimum=1).words == ("b", "a", "c", "once")
    assert learn_vocabulary(texts, minimum=1, largest=3).words == ("b", "a", "c")
    assert learn_vocabulary([]).words == ()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=8), st.integers(1, 4), st.randoms())
def test_a_vocabulary_depends_on_counts_alone(texts: list[list[str]], minimum: int, random: object) -> None:
    found = learn_vocabulary(texts, minimum=minimum)
    counts = Counter(word for text in texts for word in text)
    assert set(found.words) == {word for word, n in counts.items() if n >= minimum}
    random.shuffle(texts)  # type: ignore[attr-defined]
    assert learn_vocabulary(texts, minimum=minimum) == found
    known = found.ids(counts)
    assert sorted(known[known != UNKNOWN].tolist()) == list(range(2, len(found)))


KNOWN = Vocabulary(("sell", "why", "absent"))
GLOVE = "why 1 2.5\nothers 9 9\nsell -3e0 4\n"


@pytest.mark.parametrize(
    "text",
    [
        GLOVE,
        f"3 2\n{GLOVE}",  # as fastText and word2vec begin
        GLOVE.replace("\n", " \n"),  # fastText ends its lines with a space
        GLOVE.replace("\n", "\r\n"),
        GLOVE.removesuffix("\n"),
    ],
)
def test_word_vectors_are_read_for_known_words_alone(write: Write, text: str) -> None:
    vectors, found = read_word_vectors(write(text), KNOWN)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[0, 0], [0, 0], [-3, 4], [1, 2.5], [0, 0]]
    assert found == 2


def test_a_word_of_digits_in_a_table_of_width_one_is_not_a_header(write: Write) -> None:
    vectors, found = read_word_vectors(write("why 1\nsell 2\n"), KNOWN)
    assert vectors[:, 0].tolist() == [0, 0, 2, 1, 0]
    assert found == 2


def test_a_word_with_other_letters_or_spaces_in_unicode_is_one_word(write: Write) -> None:
    vocabulary = Vocabulary(("новое", "a\u00a0b", "x\u2028y"))
    text = "новое 1 2\na\u00a0b 3 4\nx\u2028y 5 6\n"
    vectors, found = read_word_vectors(write(text), vocabulary)
    assert vectors[2:].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found == 3


def test_a_word_with_a_space_in_it_spoils_nothing(write: Write) -> None:
    # glove.840B.300d.txt has "at name@domain.com" and ". . ." among its words
    vectors, found = read_word_vectors(write("why 1 2\nat name@domain.com 3 4\n. . . 5 6\nsell 7 8\n"), KNOWN)
    assert vectors[2:4].tolist() == [[7, 8], [1, 2]]
    assert found == 2


def test_a_repeated_word_is_counted_once(write: Write) -> None:
    vectors, found = read_word_vectors(write("why 1 2\nwhy 3 4\n"), KNOWN)
    assert found == 1
    assert vectors[3].tolist() == [1, 2]


def test_numbers_of_unknown_words_are_not_even_looked_at(write: Write) -> None:
    _, found = read_word_vectors(write("why 1 2\nothers nan x\n"), KNOWN)
    assert found == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "expected word vectors, got none"),
        ("why 1 2\nothers 3\n", ", line 2: expected 2 numbers, got 1"),
        ("why 1 2\nothers 3 4 5\n", ", line 2: expected 2 numbers, got 3"),
        ("why 1 2\n\nsell 1 2\n", ", line 2: expected 2 numbers, got 0"),
        ("3 4\nwhy 1 2\n", ", line 2: expected 4 numbers, got 2"),
        ("why\nsell\n", ", line 1: expected a word and 1 to 10000 numbers, got 0"),
        ("3 0\nwhy\n", ", line 1: expected a word and 1 to 10000 numbers, got 0"),
        ("3 999999999999\nwhy 1\n", ", line 1: expected a word and 1 to 10000 numbers, got 999999999999"),
        ("why 1 two\n", ", line 1: expected numbers after the word, got other text"),
        ("sell 1 2\nwhy 1 nan\n", ", line 2: expected finite numbers, got NaN or infinity"),
        ("why inf 2\n", ", line 1: expected finite numbers, got NaN or infinity"),
        ("why 1e39 2\n", ", line 1: expected finite numbers, got NaN or infinity"),
        ("wh\u00e9 1 2\n".encode("latin-1"), "expected word vectors as UTF-8 text, got"),
        (b"why 1 2\n\xff\xfe\n", "expected word vectors as UTF-8 text, got"),
        ("3 2\n", "expected word vectors, got none"),
    ],
)
def test_word_vectors_that_are_none_are_refused_with_their_line(write: Write, data: str | bytes, said: str) -> None:
    path = write(data)
    with pytest.raises(DataError) as caught:
        read_word_vectors(path, KNOWN)
    assert str(caught.value).startswith(f"{path}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.vec: expected a file of word vectors, found none"):
        read_word_vectors(tmp_path / "none.vec", KNOWN)
    with pytest.raises(DataError, match="expected a file of word vectors, got Is a directory"):
        read_word_vectors(tmp_path, KNOWN)


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["sell", "why", "absent", "other", "и"]),
        st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=3, max_size=3),
        min_size=1,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, given: dict[str, list[float]]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.vec"
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in given.items()), encoding="utf-8")
    vectors, found = read_word_vectors(path, KNOWN)
    for place, word in enumerate(KNOWN.words, start=2):
        assert vectors[place].tolist() == given.get(word, [0.0, 0.0, 0.0])
    assert not vectors[[PADDING, UNKNOWN]].any()
    assert found == len(set(given) & set(KNOWN.words))


def test_a_vocabulary_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("well\nteam\n", encoding="utf-8")
    assert read_vocabulary(path, 4) == Vocabulary(("well", "team"))
    with pytest.raises(DataError, match=r"words\.txt: expected 3 words, got 2"):
        read_vocabulary(path, 5)
    with pytest.raises(DataError, match="expected the words the model knows"):
        read_vocabulary(tmp_path / "nothing.txt", 4)
