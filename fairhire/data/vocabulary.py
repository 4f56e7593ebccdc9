"""The words a model knows, learned from training people only, and word vectors read from a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError

__all__ = [
    "PADDING",
    "UNKNOWN",
    "Vocabulary",
    "learn_vocabulary",
    "read_vocabulary",
    "read_word_vectors",
    "tokenise",
]

PADDING, UNKNOWN = 0, 1
"""The ids that no word has: the filling beyond a text's end, and any word that training never saw."""

_WIDEST = 10_000  # numbers of a word vector; more is no such file
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def tokenise(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, inner apostrophes and hyphens kept, punctuation dropped."""
    return tuple(_TOKEN.findall(text.lower()))


@dataclass(frozen=True)
class Vocabulary:
    """The known words; the word at place i has the id i + 2 (0 is padding, 1 is unknown)."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of ids, padding and unknown included."""
        return len(self.words) + 2

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: place + 2 for place, word in enumerate(self.words)}

    def ids(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the id of every word (T,) int64."""
        return np.array([self._ids.get(word, UNKNOWN) for word in words], dtype=np.int64)


def learn_vocabulary(texts: Iterable[Iterable[str]], *, minimum: int = 2, largest: int = 50_000) -> Vocabulary:
    """Return the words that occur at least ``minimum`` times in ``texts``, most frequent first, ties by spelling."""
    counts = Counter(word for text in texts for word in text)
    kept = sorted((word for word, n in counts.items() if n >= minimum), key=lambda word: (-counts[word], word))
    return Vocabulary(tuple(kept[:largest]))


def read_vocabulary(path: Path, size: int) -> Vocabulary:
    """Return the vocabulary of ``size`` ids that stands in ``path``, one word a line, beside a model's weights.

    Raises :class:`DataError` for a file that cannot be read or holds another number of words.
    """
    try:
        words = tuple(path.read_text(encoding="utf-8").split("\n")[:-1])
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected the words the model knows, got {error}") from None
    if len(Vocabulary(words)) != size:
        raise DataError(f"{path}: expected {size - 2} words, got {len(words)}")
    return Vocabulary(words)


def read_word_vectors(path: Path, vocabulary: Vocabulary) -> tuple[NDArray[np.float32], int]:
    """Return word vectors for a vocabulary, (len(vocabulary), width) float32, and how many of its words the file has.

    Reads the text formats of fastText/word2vec (first line: count and width) and GloVe (no first line), streaming,
    keeping only known words, of a repeated one the first. Words that the file lacks, the unknown word and padding get
    zeros. Raises :class:`DataError` naming the line for a wrong width or anything that is not a finite number.
    """
    vectors = np.zeros((len(vocabulary), 0), dtype=np.float32)
    found: set[int] = set()
    rows = 0
    try:
        with path.open(encoding="utf-8", errors="strict", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                parts = line.rstrip().split(" ")
                if number == 1:
                    header = len(parts) == 2 and all(part.isdecimal() for part in parts)
                    width = int(parts[1]) if header else len(parts) - 1
                    if not 1 <= width <= _WIDEST:
                        raise DataError(f"{path}, line 1: expected a word and 1 to {_WIDEST} numbers, got {width}")
                    vectors = np.zeros((len(vocabulary), width), dtype=np.float32)
                    if header:
                        continue
                rows += 1
                place = int(vocabulary.ids((_word(parts, vectors.shape[1], path, number),))[0])
                if place != UNKNOWN and place not in found:
                    vectors[place] = _numbers(parts[-vectors.shape[1] :], path, number)
                    found.add(place)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a file of word vectors, found none") from None
    except OSError as error:
        raise DataError(f"{path}: expected a file of word vectors, got {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected word vectors as UTF-8 text, got {error.reason} at byte {error.start}"
        ) from None
    if rows == 0:
        raise DataError(f"{path}: expected word vectors, got none")
    return vectors, len(found)


def _word(parts: list[str], width: int, path: Path, line: int) -> str:
    """Return the word before ``width`` numbers; GloVe's largest file has some with spaces in them."""
    if len(parts) <= width or any(_NUMBER.fullmatch(part) for part in parts[1:-width]):
        raise DataError(f"{path}, line {line}: expected {width} numbers, got {len(parts) - 1}")
    return " ".join(parts[:-width])


def _numbers(parts: list[str], path: Path, line: int) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            values = np.array(parts, dtype=np.float64).astype(np.float32)
    except ValueError:
        raise DataError(f"{path}, line {line}: expected numbers after the word, got other text") from None
    if not np.isfinite(values).all():
        raise DataError(f"{path}, line {line}: expected finite numbers, got NaN or infinity")
    return values
