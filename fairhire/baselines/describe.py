"""An answer of any length as a fixed row of numbers: how its frames are spread and how they move, not in which order.

The non-sequential baselines of the paper (papers section 1.1). Audio: the functionals that eGeMAPS puts over its
low-level descriptors (Eyben et al. 2016), with the standard deviation where they have the coefficient of variation,
which has no meaning for descriptors around zero. Video: mean, standard deviation, minimum, maximum and the sums of
rising and of falling steps for continuous descriptors; mean, number of active segments, and mean and standard deviation
of their lengths for binary ones. Letters: A answers, T frames of an answer, D width of a frame, F numbers of an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairhire.data.corpus import Corpus
from fairhire.errors import DataError

__all__ = ["AnswerRows", "binary_statistics", "functionals", "non_sequential", "recorded_answers", "video_statistics"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AnswerRows:
    """The answers that have a modality: their rows in the corpus's table (A,), and of which interview each is (A,)."""

    answer: NDArray[np.int64]
    interview: NDArray[np.int64]

    def of(self, interviews: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places (not the rows) of the answers that belong to ``interviews``, in order."""
        wanted = np.zeros(int(self.interview.max(initial=-1)) + 1, dtype=bool)
        wanted[interviews[interviews < len(wanted)]] = True
        return np.flatnonzero(wanted[self.interview])

    def mean_by_interview(self, values: Floats, interviews: int) -> Floats:
        """Return the mean (interviews,) of ``values`` (A,) over each interview's answers, NaN without any."""
        count = np.bincount(self.interview, minlength=interviews)
        total = np.bincount(self.interview, weights=values, minlength=interviews)
        mean: Floats = np.divide(total, count, out=np.full(interviews, np.nan), where=count > 0)
        return mean


def recorded_answers(corpus: Corpus, modality: str) -> AnswerRows:
    """Return the answers in which ``modality`` was recorded; :class:`DataError` where there is none."""
    recorded = np.flatnonzero(corpus.length(modality) > 0)
    if len(recorded) == 0:
        raise DataError(f"{corpus.path}: expected {modality} in at least one answer, got none")
    return AnswerRows(recorded, corpus.answers["interview"].to_numpy(np.int64)[recorded])


def functionals(frames: NDArray[np.floating]) -> Floats:
    """Return ten numbers a channel (10 D,) of frames (T, D).

    Mean, standard deviation, 20th, 50th and 80th percentile, the range between the outer two, and mean and standard
    deviation of the rising and of the falling steps (0 where there is none).
    """
    frames = frames.astype(np.float64)
    low, middle, high = np.percentile(frames, [20, 50, 80], axis=0)
    steps = np.diff(frames, axis=0)
    moving = [number for up in (steps > 0, steps < 0) for number in _spread_where(steps, up)]
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0), low, middle, high, high - low, *moving])


def video_statistics(frames: NDArray[np.floating]) -> Floats:
    """Return six numbers a continuous channel (6 D,) of frames (T, D), as in the paper."""
    frames = frames.astype(np.float64)
    steps = np.diff(frames, axis=0)
    rising, falling = np.clip(steps, 0, None).sum(axis=0), np.clip(steps, None, 0).sum(axis=0)
    return np.concatenate(
        [frames.mean(axis=0), frames.std(axis=0), frames.min(axis=0), frames.max(axis=0), rising, falling]
    )


def binary_statistics(frames: NDArray[np.floating]) -> Floats:
    """Return four numbers a binary channel (4 D,) of frames (T, D) of 0 and 1, as in the paper.

    The share of active frames, the number of active segments, and mean and standard deviation of their lengths in
    frames (0 without a segment).
    """
    active = frames > 0.5
    edges = np.diff(active.astype(np.int8), axis=0, prepend=0, append=0)
    number = (edges > 0).sum(axis=0)
    mean, deviation = np.zeros(frames.shape[1]), np.zeros(frames.shape[1])
    for channel in np.flatnonzero(number):
        lengths = np.flatnonzero(edges[:, channel] < 0) - np.flatnonzero(edges[:, channel] > 0)
        mean[channel], deviation[channel] = lengths.mean(), lengths.std()
    return np.concatenate([active.mean(axis=0), number.astype(np.float64), mean, deviation])


def non_sequential(corpus: Corpus, modality: str, answers: AnswerRows, train: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the rows (A, F) of a numeric modality's answers, each column with mean 0 and deviation 1 among training.

    ``train`` are the rows of training interviews: they decide the scale, and which channels are binary where the corpus
    does not say it. A modality of
    one frame an answer has no spread and no motion: its frame stands for itself. Audio is described by functionals,
    everything else as video.
    """
    mine = answers.of(train)
    if len(mine) == 0:
        raise DataError(f"{corpus.path}: expected {modality} in at least one training interview, got none")
    describe = _description(corpus, modality, answers.answer, mine)
    rows = np.stack([describe(corpus.frames(modality, int(answer))) for answer in answers.answer])
    mean, deviation = rows[mine].mean(axis=0), rows[mine].std(axis=0)
    varies = deviation > 1e-9 * np.maximum(1.0, np.abs(mean))
    scaled: NDArray[np.float32] = ((rows - mean) / np.where(varies, deviation, 1.0))[:, varies].astype(np.float32)
    if scaled.shape[1] == 0:
        raise DataError(f"{corpus.path}: expected {modality} that varies between training answers, got a constant")
    return scaled


def _description(
    corpus: Corpus, modality: str, answers: NDArray[np.int64], train: NDArray[np.int64]
) -> Callable[[NDArray[np.floating]], Floats]:
    if int(corpus.length(modality)[answers].max()) == 1:
        return lambda frames: frames[0].astype(np.float64)
    if modality == "audio":
        return functionals
    known = corpus.modalities[modality]
    if known.channels:
        binary = np.array([name in known.binary for name in known.channels])
    else:
        binary = np.ones(known.width, dtype=bool)
        for answer in answers[train]:
            frames = corpus.frames(modality, int(answer))
            binary &= ((frames == 0) | (frames == 1)).all(axis=0)
    if not binary.any():
        return video_statistics

    def describe(frames: NDArray[np.floating]) -> Floats:
        return np.concatenate([video_statistics(frames[:, ~binary]), binary_statistics(frames[:, binary])])

    return describe


def _spread_where(steps: Floats, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (D,) of the chosen ``steps`` (T - 1, D), 0 where none is chosen."""
    count = np.maximum(chosen.sum(axis=0), 1)
    kept = np.where(chosen, steps, 0.0)
    mean = kept.sum(axis=0) / count
    variance = (kept**2).sum(axis=0) / count - mean**2
    return mean, np.sqrt(np.maximum(variance, 0.0))
