from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairhire.data.collate import BatchReader, batch_rows, corpus_vocabulary, frame_moments
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.data.vocabulary import Vocabulary, tokenise
from fairhire.errors import DataError, UsageError
from fairhire.interview import TEXT, Answer, Interview, InterviewBatch, Words

MODALITIES = (Modality(TEXT, 1), Modality("audio", 3), Modality("video", 2))
NAMES = tuple(modality.name for modality in MODALITIES)
VOCABULARY = Vocabulary(("sell", "why", "seller", "us"))
SAID = ("sell", "why", "never", "seen")
QUESTIONS = ("", "Why us?", "Why sell?", "why US", "…")
TITLES = ("", "Seller", "Seller of cars")


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Do not wait for the disk hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features = {}
    for modality in MODALITIES[1:]:
        if length := draw(st.integers(0, 6)):
            features[modality.name] = rng.normal(size=(length, modality.width)).astype(np.float32)
    words = draw(st.none() | st.lists(st.sampled_from(SAID), min_size=1, max_size=6).map(tuple))
    return Answer(features, words, draw(st.sampled_from(QUESTIONS)))


@st.composite
def interviews(draw: st.DrawFn) -> list[Interview]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        face = np.random.default_rng(number).normal(size=4).astype(np.float32)
        found.append(
            Interview(
                id=f"i{number}",
                candidate=draw(st.sampled_from(["kim", "lee", "ana"])),
                answers=tuple(draw(st.lists(answers(), min_size=1, max_size=4))),
                job_title=draw(st.sampled_from(TITLES)),
                hirable=draw(st.sampled_from([None, True, False])),
                face=face if draw(st.booleans()) else None,
            )
        )
    return found


def write(path: Path, found: list[Interview]) -> Corpus:
    with CorpusWriter(path, MODALITIES) as writer:
        for interview in found:
            writer.add(interview)
    return Corpus(path)


def text_of(words: Words, place: int) -> list[int]:
    return words.ids[place, : words.lengths[place]].tolist()


def check_like(batch: InterviewBatch, expected: list[Interview], modalities: tuple[str, ...], longest: int) -> None:
    """Check a batch against the interviews it was made of, one answer and one frame at a time."""
    assert batch.ids == tuple(interview.id for interview in expected)
    for row, one in enumerate(expected):
        for other_row, other in enumerate(expected):
            same = bool(batch.person[row] == batch.person[other_row])
            assert same == (one.candidate == other.candidate)
        assert bool(batch.label_mask[row]) == (one.hirable is not None)
        if one.hirable is not None:
            assert float(batch.hirable[row]) == float(one.hirable)
        title = text_of(batch.job_titles, int(batch.job_title_of[row]))
        assert title == VOCABULARY.ids(tokenise(one.job_title)).tolist()
        assert int((batch.question_of[row] >= 0).sum()) == len(one.answers)
        for slot, answer in enumerate(one.answers):
            asked = text_of(batch.questions, int(batch.question_of[row, slot]))
            assert asked == VOCABULARY.ids(tokenise(answer.question)).tolist()
    assert batch.question_of.shape[1] == max(len(interview.answers) for interview in expected)
    assert len(batch.questions.lengths) == len({answer.question for one in expected for answer in one.answers})
    assert len(batch.job_titles.lengths) == len({one.job_title for one in expected})
    for texts in (batch.questions, batch.job_titles):
        beyond = torch.arange(texts.ids.shape[1]) >= texts.lengths[:, None]
        assert not texts.ids[beyond].any()
    for name in NAMES:
        recorded = [
            (row, slot, VOCABULARY.ids(answer.words or ()) if name == TEXT else answer.features[name])
            for row, one in enumerate(expected)
            for slot, answer in enumerate(one.answers)
            if (answer.words if name == TEXT else name in answer.features)
        ]
        if name not in modalities or not recorded:
            assert name not in batch.features
            continue
        found = batch.features[name]
        lengths = [min(len(values), longest) for _, _, values in recorded]
        assert found.lengths.tolist() == lengths
        assert found.interview.tolist() == [row for row, _, _ in recorded]
        assert found.slot.tolist() == [slot for _, slot, _ in recorded]
        assert found.values.shape[1] == max(lengths)
        for place, (_, _, values) in enumerate(recorded):
            np.testing.assert_array_equal(found.values[place, : lengths[place]], values[:longest])
            assert not found.values[place, lengths[place] :].any()


@settings(deadline=None, max_examples=40)
@given(interviews(), st.data())
def test_a_batch_is_what_the_corpus_says_answer_by_answer(
    tmp_path_factory: pytest.TempPathFactory, given: list[Interview], data: st.DataObject
) -> None:
    corpus = write(tmp_path_factory.getbasetemp() / "any", given)
    rows = data.draw(st.lists(st.integers(0, len(given) - 1), min_size=1, max_size=6))
    longest = data.draw(st.sampled_from([1, 3, 512]))
    wanted = data.draw(st.sampled_from([NAMES, (TEXT,), ("video", "audio")]))
    reader = BatchReader(corpus, VOCABULARY, wanted, longest=longest)
    batch = reader.read(np.array(rows))
    check_like(batch, [corpus[row] for row in rows], wanted, longest)
    assert batch.faces is None
    assert batch.face_mask is None
    expected = [
        max(
            (
                min(len(values), longest)
                for answer in interview.answers
                for name, values in {**answer.features, TEXT: answer.words or ()}.items()
                if name in wanted
            ),
            default=0,
        )
        for interview in given
    ]
    assert reader.lengths().tolist() == expected
    assert reader.usable().tolist() == [length > 0 for length in expected]


@settings(deadline=None, max_examples=20)
@given(interviews(), st.randoms(use_true_random=False))
def test_faces_come_only_when_asked_for(
    tmp_path_factory: pytest.TempPathFactory, given: list[Interview], random: object
) -> None:
    corpus = write(tmp_path_factory.getbasetemp() / "faces", given)
    reader = BatchReader(corpus, VOCABULARY, ("audio",))
    rows = list(range(len(given)))
    random.shuffle(rows)  # type: ignore[attr-defined]
    if all(interview.face is None for interview in given):
        with pytest.raises(DataError, match="expected face embeddings in biometrics/, found none"):
            reader.read_with(np.array(rows), ("face",))
        return
    batch = reader.read_with(np.array(rows), ("face",))
    assert batch.faces is not None
    assert batch.face_mask is not None
    for place, row in enumerate(rows):
        face = given[row].face
        assert bool(batch.face_mask[place]) == (face is not None)
        np.testing.assert_array_equal(batch.faces[place], np.zeros(4) if face is None else face)
    check_like(batch, [given[row] for row in rows], ("audio",), 512)


def one(number: int, **changes: object) -> Interview:
    rng = np.random.default_rng(number)
    audio, video = (rng.normal(size=(4 + number, width)).astype(np.float32) for width in (3, 2))
    settings = {"answers": (Answer({"audio": audio, "video": video}, ("why", "sell"), "Why us?"),), **changes}
    return Interview(f"i{number}", f"c{number}", face=rng.normal(size=4).astype(np.float32), **settings)  # type: ignore[arg-type]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return write(tmp_path / "corpus", [one(number) for number in range(6)])


def test_without_its_faces_a_corpus_is_read_as_before(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(_: Corpus) -> NDArray[np.float32]:
        raise AssertionError("faces were read")

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "faces", property(touched))
        patch.setattr(Corpus, "face_rows", property(touched))
        before = BatchReader(corpus, VOCABULARY, NAMES).read(np.arange(6))
    shutil.rmtree(corpus.path / "biometrics")
    after = BatchReader(Corpus(corpus.path), VOCABULARY, NAMES).read(np.arange(6))
    for name in NAMES:
        assert torch.equal(before.features[name].values, after.features[name].values)
    check_like(after, [one(number) for number in range(6)], NAMES, 512)


def test_only_the_answers_of_the_batch_are_asked_for(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    frames = Corpus.frames

    def watched(self: Corpus, modality: str, answer: int) -> NDArray[np.float32]:
        asked.append((modality, int(answer)))
        return frames(self, modality, answer)

    monkeypatch.setattr(Corpus, "frames", watched)
    BatchReader(corpus, VOCABULARY, ("audio", TEXT)).read(np.array([4, 1]))
    assert sorted(asked) == [("audio", 1), ("audio", 4), (TEXT, 1), (TEXT, 4)]


def test_a_corpus_larger_than_memory_is_read(corpus: Corpus) -> None:
    # 64 GiB of audio, almost all of it a hole in the file; the last interview's frames lie at the far end.
    path, width = corpus.path / "features" / "audio.npy", 3
    frames = (64 << 30) // (4 * width)
    old = np.load(path)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({frames}, {width}), }}".ljust(117) + "\n"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.encode() + old.tobytes())
        last = one(5).answers[0].features["audio"]
        file.seek(128 + 4 * width * (frames - len(last)))
        file.write(last.tobytes())
    table = pd.read_parquet(corpus.path / "answers.parquet")
    table.loc[5, "audio:start"] = frames - len(last)
    table.to_parquet(corpus.path / "answers.parquet", index=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
    batch = BatchReader(Corpus(corpus.path), VOCABULARY, ("audio",)).read(np.array([5, 0]))
    assert path.stat().st_size > 64 << 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    check_like(batch, [one(5), one(0)], ("audio",), 512)


def test_answers_may_lie_in_any_order(corpus: Corpus) -> None:
    table = pd.read_parquet(corpus.path / "answers.parquet")
    table.iloc[::-1].to_parquet(corpus.path / "answers.parquet", index=False)
    interviews = pd.read_parquet(corpus.path / "interviews.parquet")
    interviews["first_answer"] = interviews["first_answer"].to_numpy()[::-1]
    interviews.to_parquet(corpus.path / "interviews.parquet", index=False)
    reader = BatchReader(Corpus(corpus.path), VOCABULARY, NAMES)
    assert reader.lengths().tolist() == [4 + number for number in range(6)]
    check_like(reader.read(np.arange(6)), [one(number) for number in range(6)], NAMES, 512)


def test_a_modality_that_the_corpus_lacks_is_refused(corpus: Corpus) -> None:
    with pytest.raises(UsageError) as caught:
        BatchReader(corpus, VOCABULARY, ("audio", "smell"))
    assert str(caught.value) == f"modality: expected one of text, audio, video ({corpus.path}), got 'smell'"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_frames_changed_to_no_number_are_refused(corpus: Corpus, bad: float) -> None:
    path = corpus.path / "features" / "audio.npy"
    frames = np.load(path)
    frames[1, 2] = bad
    np.save(path, frames)
    reader = BatchReader(Corpus(corpus.path), VOCABULARY, ("audio", "video"))
    reader.read(np.arange(1, 6))
    with pytest.raises(DataError, match=r"features/audio\.npy: expected finite numbers, got NaN or infinity"):
        reader.read(np.arange(6))


@pytest.mark.parametrize("bad", [-1, 2])
def test_words_that_are_none_of_the_corpus_are_refused(corpus: Corpus, bad: int) -> None:
    path = corpus.path / "features" / "text.npy"
    ids = np.load(path)
    assert ids.max() == 1
    ids[0] = bad
    np.save(path, ids)
    changed = Corpus(corpus.path)
    with pytest.raises(DataError, match=r"text\.npy: expected word ids from 0 to 1, got"):
        BatchReader(changed, VOCABULARY, (TEXT,)).read(np.arange(6))
    with pytest.raises(DataError, match=r"text\.npy: expected word ids from 0 to 1, got"):
        corpus_vocabulary(changed, np.arange(6))


def test_words_are_learnt_from_the_named_interviews_alone(tmp_path: Path) -> None:
    said = [("well", "sell"), ("well", "sell"), ("test", "secret", "secret")]
    corpus = write(
        tmp_path / "words",
        [
            one(number, answers=(Answer({}, words, "Why Us?"), Answer({}, None, "")), job_title="Seller")
            for number, words in enumerate(said)
        ],
    )
    assert corpus_vocabulary(corpus, np.array([0, 1])).words == ("sell", "seller", "us", "well", "why")
    assert "secret" in corpus_vocabulary(corpus, np.array([2])).words
    assert corpus_vocabulary(corpus, np.array([0, 1]), minimum=3).words == ()
    assert set(corpus_vocabulary(corpus, np.arange(3), minimum=3).words) == {"seller", "us", "why"}


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_moments_are_those_of_all_frames_together(tmp_path: Path, offset: float) -> None:
    rng = np.random.default_rng(0)
    frames = [(offset + rng.normal(size=(n, 3)) * [1, 10, 0]).astype(np.float32) for n in (1, 50, 7, 400)]
    answers = [(Answer({"audio": frames[0]}), Answer({}, ("why",))), (Answer({"audio": frames[1]}),)]
    answers += [(Answer({"audio": frames[2]}), Answer({"audio": frames[3]})), (Answer({}, ("why",)),)]
    corpus = write(tmp_path / "moments", [one(number, answers=found) for number, found in enumerate(answers)])
    for rows, used in ((range(4), frames), ([0, 2], [frames[0], *frames[2:]]), ([3, 1], [frames[1]])):
        together = np.concatenate(used).astype(np.float64)
        mean, deviation = frame_moments(corpus, "audio", np.array(rows))
        assert mean.dtype == deviation.dtype == np.float32
        np.testing.assert_allclose(mean, together.mean(axis=0), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(deviation, together.std(axis=0), rtol=1e-5, atol=1e-6)
    with pytest.raises(DataError, match="modality 'audio': expected it in at least one training interview, got none"):
        frame_moments(corpus, "audio", np.array([3]))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 120), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_every_row_is_in_exactly_one_batch(n: int, size: int, pool: int, seed: int) -> None:
    rows = np.arange(n) * 7 + 3
    lengths = np.random.default_rng(seed).integers(1, 50, n)
    batches = list(batch_rows(rows, lengths, size, rng=np.random.default_rng(seed), pool=pool))
    assert sorted(np.concatenate([*batches, rows[:0]]).tolist()) == rows.tolist()
    assert all(1 <= len(batch) <= size + (size > 1) for batch in batches)
    assert sum(len(batch) > size for batch in batches) <= 1
    if size > 1 and n > 1:
        assert min(len(batch) for batch in batches) >= 2
    again = list(batch_rows(rows, lengths, size, rng=np.random.default_rng(seed), pool=pool))
    assert [batch.tolist() for batch in again] == [batch.tolist() for batch in batches]


def test_interviews_of_similar_length_share_a_batch() -> None:
    lengths = np.random.default_rng(0).permutation(160)
    batches = list(batch_rows(np.arange(160), lengths, 10, rng=np.random.default_rng(1)))
    assert [len(batch) for batch in batches] == [10] * 16
    assert all(np.ptp(lengths[batch]) == 9 for batch in batches)  # one pool: cut from the sorted row
    assert [lengths[batch].min() for batch in batches] != sorted(lengths[batch].min() for batch in batches)
    wide = list(batch_rows(np.arange(160), lengths, 10, rng=np.random.default_rng(1), pool=4))
    assert 9 < np.mean([np.ptp(lengths[batch]) for batch in wide]) < 60


def test_batch_mates_change_from_time_to_time() -> None:
    rng = np.random.default_rng(0)
    lengths = np.zeros(80, dtype=np.int64)
    first, second = ([set(batch) for batch in batch_rows(np.arange(80), lengths, 8, rng=rng)] for _ in range(2))
    assert all(batch not in second for batch in first)


def test_a_batch_of_nobody_is_refused() -> None:
    with pytest.raises(UsageError, match="batch size: expected 1 or more, got 0"):
        next(batch_rows(np.arange(3), np.arange(3), 0, rng=np.random.default_rng(0)))


def test_ratings_are_read_when_asked_for_and_masked_where_nobody_rated(tmp_path: Path) -> None:
    values = {"openness": (0.25, np.nan, 0.75), "skill": (np.nan, 7.0, 8.0)}
    with CorpusWriter(tmp_path / "c", [Modality("audio", 1)], targets=tuple(values)) as writer:
        for row in range(3):
            answer = Answer({"audio": np.ones((1, 1), np.float32)})
            rated = {name: column[row] for name, column in values.items()}
            writer.add(Interview(f"i{row}", "kim", (answer,)), targets=rated)
    reader = BatchReader(Corpus(tmp_path / "c"), VOCABULARY, ("audio",))
    rows = np.array([2, 0])
    assert reader.read(rows).ratings is None
    assert reader.read_with(rows, ()).rating_mask is None
    batch = reader.read_with(rows, (), ["skill", "openness"])
    assert batch.ratings is not None
    assert batch.rating_mask is not None
    assert batch.ratings.dtype == torch.float32
    assert batch.ratings.tolist() == [[8.0, 0.75], [0.0, 0.25]]
    assert batch.rating_mask.tolist() == [[True, True], [False, True]]
    assert batch.faces is None
    moved = batch.to("cpu")
    assert moved.ratings is not None
    assert torch.equal(moved.ratings, batch.ratings)
