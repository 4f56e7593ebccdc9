"""From the corpus on disk to batches in memory: only the frames of the batch are ever read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fairhire.data.corpus import Corpus
from fairhire.data.vocabulary import Vocabulary, learn_vocabulary, tokenise
from fairhire.errors import DataError, UsageError
from fairhire.interview import TEXT, AnswerFrames, InterviewBatch, Words

__all__ = ["BatchReader", "batch_rows", "corpus_vocabulary", "frame_moments"]


class BatchReader:
    """Reads chosen interviews of a corpus as an :class:`InterviewBatch`.

    ``modalities`` are those the model wants; every one must be in the corpus (:class:`UsageError`), with the width
    the model has (:class:`DataError`). ``longest`` caps the frames of an answer (512: papers section 1.2), keeping
    its beginning. Faces, voices and ratings are not read unless :meth:`read_with` is called.
    """

    def __init__(
        self, corpus: Corpus, vocabulary: Vocabulary, modalities: Sequence[str], *, longest: int = 512
    ) -> None:
        if unknown := [name for name in modalities if name not in corpus.modalities]:
            raise UsageError(
                f"modality: expected one of {', '.join(corpus.modalities)} ({corpus.path}), got {unknown[0]!r}"
            )
        self.corpus, self.vocabulary, self.modalities, self.longest = corpus, vocabulary, tuple(modalities), longest
        self._ids = corpus.interviews["id"].to_numpy(dtype=object)
        self._person = np.unique(corpus.interviews["candidate"].to_numpy(dtype=str), return_inverse=True)[1]
        labels = corpus.interviews["hirable"]
        self._label_mask = labels.notna().to_numpy(dtype=bool)
        self._hirable = labels.fillna(False).to_numpy(dtype=np.float32)
        self._questions = _Texts(corpus.answers["question"].to_numpy(dtype=object), vocabulary)
        self._titles = _Texts(corpus.interviews["job_title"].to_numpy(dtype=object), vocabulary)
        self._word_ids = vocabulary.ids(corpus.words) if TEXT in modalities else np.empty(0, dtype=np.int64)

    def lengths(self) -> NDArray[np.int64]:
        """Return the frames of every interview's longest answer in any wanted modality (interviews,)."""
        longest = np.zeros(len(self.corpus.answers), dtype=np.int64)
        for name in self.modalities:
            longest = np.maximum(longest, np.minimum(self.corpus.length(name), self.longest))
        answers, _, slot = self._answers(np.arange(len(self.corpus)))
        result: NDArray[np.int64] = np.maximum.reduceat(longest[answers], np.flatnonzero(slot == 0))
        return result

    def usable(self) -> NDArray[np.bool_]:
        """Return which interviews have at least one answer in at least one wanted modality (interviews,)."""
        return self.lengths() > 0

    def read(self, rows: NDArray[np.int64]) -> InterviewBatch:
        """Return the interviews at ``rows`` (B,), in that order, without faces and ratings."""
        return self._read(rows)

    def read_with(self, rows: NDArray[np.int64], kinds: Collection[str], ratings: Sequence[str] = ()) -> InterviewBatch:
        """Return the interviews at ``rows`` with embeddings of ``kinds`` (face, voice) and with targets ``ratings``.

        Where an interview has none of these, zeros, masked.
        """
        found: dict[str, Any] = {}
        for kind in kinds:
            known, place = self.corpus.embeddings(kind)
            mask = place[rows] >= 0
            values = np.zeros((len(rows), known.shape[1]), dtype=np.float32)
            values[mask] = known[place[rows][mask]]
            found |= {f"{kind}s": torch.from_numpy(values), f"{kind}_mask": torch.from_numpy(mask)}
        if ratings:
            given = self.corpus.ratings(ratings)[rows]
            mask = ~np.isnan(given)
            found |= {
                "ratings": torch.from_numpy(np.where(mask, given, np.float32(0))),
                "rating_mask": torch.from_numpy(mask),
            }
        return replace(self._read(rows), **found)

    def _read(self, rows: NDArray[np.int64]) -> InterviewBatch:
        answers, interview, slot = self._answers(rows)
        questions, question_of = self._questions.batch(answers)
        titles, title_of = self._titles.batch(rows)
        grid = np.full((len(rows), int(slot.max()) + 1), -1, dtype=np.int64)
        grid[interview, slot] = question_of
        features = {}
        for name in self.modalities:
            frames = self._frames(name, answers, interview, slot)
            if frames is not None:
                features[name] = frames
        return InterviewBatch(
            ids=tuple(self._ids[rows]),
            person=torch.from_numpy(self._person[rows]),
            features=features,
            questions=questions,
            question_of=torch.from_numpy(grid),
            job_titles=titles,
            job_title_of=torch.from_numpy(title_of),
            hirable=torch.from_numpy(self._hirable[rows]),
            label_mask=torch.from_numpy(self._label_mask[rows]),
        )

    def _answers(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the answers of the interviews at ``rows``: their rows in the table, places in ``rows``, slots."""
        first = self.corpus.interviews["first_answer"].to_numpy(dtype=np.int64)[rows]
        count = self.corpus.interviews["answers"].to_numpy(dtype=np.int64)[rows]
        interview = np.repeat(np.arange(len(rows)), count)
        slot = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(first, count) + slot, interview, slot

    def _frames(
        self, name: str, answers: NDArray[np.int64], interview: NDArray[np.int64], slot: NDArray[np.int64]
    ) -> AnswerFrames | None:
        recorded = self.corpus.length(name)[answers] > 0
        answers, interview, slot = answers[recorded], interview[recorded], slot[recorded]
        if len(answers) == 0:
            return None
        lengths = np.minimum(self.corpus.length(name)[answers], self.longest)
        longest = int(lengths.max())
        values: NDArray[np.int64] | NDArray[np.float32]
        if name == TEXT:
            values = np.zeros((len(answers), longest), dtype=np.int64)
            for place, (answer, length) in enumerate(zip(answers, lengths, strict=True)):
                values[place, :length] = self._word_ids[_spoken(self.corpus, answer)[:length]]
        else:
            values = np.zeros((len(answers), longest, self.corpus.modalities[name].width), dtype=np.float32)
            for place, (answer, length) in enumerate(zip(answers, lengths, strict=True)):
                values[place, :length] = self.corpus.frames(name, answer)[:length]
            if not np.isfinite(values).all():  # a file that was changed by hand: one such frame spoils every weight
                raise DataError(
                    f"{self.corpus.path}/features/{name}.npy: expected finite numbers, got NaN or infinity; "
                    "fairhire corpus check says where"
                )
        return AnswerFrames(
            torch.from_numpy(values),
            torch.from_numpy(lengths),
            torch.from_numpy(interview),
            torch.from_numpy(slot),
        )


class _Texts:
    """Questions or job titles of a whole corpus, each distinct text tokenised once."""

    def __init__(self, texts: NDArray[np.object_], vocabulary: Vocabulary) -> None:
        distinct, self._index = np.unique(texts.astype(str), return_inverse=True)
        self._ids = [vocabulary.ids(tokenise(text)) for text in distinct]

    def batch(self, rows: NDArray[np.int64]) -> tuple[Words, NDArray[np.int64]]:
        """Return the distinct texts of ``rows`` and, for every row, its place among them."""
        distinct, place = np.unique(self._index[rows], return_inverse=True)
        lengths = np.array([len(self._ids[text]) for text in distinct], dtype=np.int64)
        ids = np.zeros((len(distinct), max(1, int(lengths.max()))), dtype=np.int64)
        for row, text in enumerate(distinct):
            ids[row, : lengths[row]] = self._ids[text]
        return Words(torch.from_numpy(ids), torch.from_numpy(lengths)), place.astype(np.int64)


def batch_rows(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], size: int, *, rng: np.random.Generator, pool: int = 16
) -> Iterator[NDArray[np.int64]]:
    """Yield shuffled batches of up to ``size`` rows, interviews of similar length together.

    Rows are shuffled, then sorted by length within pools of ``pool`` batches, then the batches of a pool are shuffled:
    little padding, yet other batch-mates every time. ``lengths`` (n,) belong to ``rows``. A last batch of one interview
    joins its neighbour, since an adversary needs two people.
    """
    if size < 1:
        raise UsageError(f"batch size: expected 1 or more, got {size}")
    for piece in _cut(rng.permutation(len(rows)), size * pool, size):
        batches = _cut(piece[np.argsort(lengths[piece], kind="stable")], size, size)
        for place in rng.permutation(len(batches)):
            yield rows[batches[place]]


def _cut(order: NDArray[np.int64], every: int, size: int) -> list[NDArray[np.int64]]:
    """Cut an order into pieces of ``every``; a last piece of one joins its neighbour, unless batches are of one."""
    edges = list(range(every, len(order), every))
    if edges and len(order) - edges[-1] == 1 and size > 1:
        edges.pop()
    return np.split(order, edges) if len(order) else []


def _spoken(corpus: Corpus, answer: int) -> NDArray[np.int32]:
    """Return an answer's word ids (T,); raises :class:`DataError` for one that is no word of the corpus."""
    ids: NDArray[np.int32] = corpus.frames(TEXT, answer)
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(corpus.words):
        raise DataError(
            f"{corpus.path}/features/text.npy: expected word ids from 0 to {len(corpus.words) - 1}, "
            f"got {ids.min()} to {ids.max()}"
        )
    return ids


def corpus_vocabulary(corpus: Corpus, rows: NDArray[np.int64], *, minimum: int = 2) -> Vocabulary:
    """Return the words of the interviews at ``rows`` (training people): transcripts, questions and job titles."""

    def texts() -> Iterator[Sequence[str]]:
        questions = corpus.answers["question"].to_numpy(dtype=object)
        titles = corpus.interviews["job_title"].to_numpy(dtype=object)
        for row in rows:
            yield tokenise(titles[row])
            for answer in corpus.answer_rows(int(row)):
                yield tokenise(questions[answer])
                if TEXT in corpus.modalities:
                    yield [corpus.words[i] for i in _spoken(corpus, answer)]

    return learn_vocabulary(texts(), minimum=minimum)


def frame_moments(
    corpus: Corpus, modality: str, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation (D,) of a modality's frames over the interviews at ``rows``, in one pass.

    Raises :class:`DataError` when none of these interviews has the modality.
    """
    total, count = np.zeros(corpus.modalities[modality].width), 0
    squares = np.zeros_like(total)
    shift: NDArray[np.float64] | None = None
    for row in rows:
        for answer in corpus.answer_rows(int(row)):
            frames = corpus.frames(modality, answer).astype(np.float64)
            if len(frames) == 0:
                continue
            if shift is None:
                shift = frames.mean(axis=0)  # sums around a typical frame do not cancel badly
            total += (frames - shift).sum(axis=0)
            squares += ((frames - shift) ** 2).sum(axis=0)
            count += len(frames)
    if shift is None:
        raise DataError(f"modality {modality!r}: expected it in at least one training interview, got none")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return (mean + shift).astype(np.float32), deviation.astype(np.float32)
