"""An answer as a bag: how often it says each word, or shows each of the frames that a codebook knows.

Bag of text, audio and video words (papers section 1.1): frames are quantised to the nearest of K centres that k-means
found among training frames, then counted and weighed by tf-idf like words. Letters as in :mod:`.describe`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.cluster import MiniBatchKMeans
from sklearn.feature_extraction.text import TfidfTransformer

from fairhire.baselines.describe import AnswerRows
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError
from fairhire.interview import TEXT

__all__ = ["CODEBOOK", "bag_of_frames", "bag_of_words"]

CODEBOOK = 128
"""Centres of a codebook (ours; the paper's number is unknown)."""

_FITTED_ON = 100_000  # training frames that k-means sees at most, drawn at random: more move the centres no further
_LEAST = 2  # training answers that a word must occur in (ours), as for the networks' vocabulary


def bag_of_words(corpus: Corpus, answers: AnswerRows, train: NDArray[np.int64]) -> Any:
    """Return the tf-idf rows (A, words) of transcripts, sparse; words and weights are those of training interviews.

    Raises :class:`DataError` where no word occurs in two training answers.
    """
    ids = [corpus.frames(TEXT, int(answer)) for answer in answers.answer]
    counts = _counts(ids, len(corpus.words))
    mine = answers.of(train)
    known = np.flatnonzero(np.asarray((counts[mine] > 0).sum(axis=0)).ravel() >= _LEAST)
    if len(known) == 0:
        raise DataError(f"{corpus.path}: expected a word that occurs in {_LEAST} training answers, got none")
    return _weighed(counts[:, known], mine)


def bag_of_frames(
    corpus: Corpus, modality: str, answers: AnswerRows, train: NDArray[np.int64], *, seed: int, centres: int = CODEBOOK
) -> Any:
    """Return the tf-idf rows (A, K) of a numeric modality's answers, sparse.

    Scale, codebook and weights come from training interviews. Fewer distinct training frames than ``centres`` make a
    smaller codebook.
    """
    mine = answers.of(train)
    if len(mine) == 0:
        raise DataError(f"{corpus.path}: expected {modality} in at least one training interview, got none")
    rng = np.random.default_rng([seed, 0xBA6])
    lengths = corpus.length(modality)[answers.answer[mine]]
    share = min(1.0, _FITTED_ON / int(lengths.sum()))
    seen = np.concatenate(
        [
            frames[rng.random(len(frames)) < share] if share < 1 else frames
            for frames in (corpus.frames(modality, int(answer)) for answer in answers.answer[mine])
        ]
    ).astype(np.float32)
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0).astype(np.float32)
    scaled = (seen - mean) / deviation
    centres = min(centres, len(np.unique(scaled, axis=0)))
    codebook = MiniBatchKMeans(centres, random_state=seed, n_init=1, batch_size=4096).fit(scaled)
    codes = [codebook.predict((corpus.frames(modality, int(answer)) - mean) / deviation) for answer in answers.answer]
    return _weighed(_counts(codes, centres), mine)


def _counts(codes: list[NDArray[Any]], width: int) -> Any:
    """Return how often each code occurs in each answer (A, width), sparse."""
    rows = np.repeat(np.arange(len(codes)), [len(one) for one in codes])
    columns = np.concatenate(codes)
    return csr_matrix((np.ones(len(columns)), (rows, columns)), shape=(len(codes), width))  # equal places are summed


def _weighed(counts: Any, train: NDArray[np.int64]) -> Any:
    return TfidfTransformer(sublinear_tf=True).fit(counts[train]).transform(counts).tocsr()
