from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from fairhire.errors import DataError
from fairhire.interview import TEXT, Answer, AnswerFrames, Interview, InterviewBatch, Words

FRAMES = np.ones((3, 2), dtype=np.float32)


def refused(match: str, make: object, *args: object, **changes: object) -> None:
    """Check that ``make`` refuses, in one line."""
    with pytest.raises(DataError, match=match) as caught:
        make(*args, **changes)  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def with_bad(frame: int, value: float) -> np.ndarray:
    frames = FRAMES.copy()
    frames[frame, 1] = value
    return frames


def test_an_answer_may_hold_anything_or_nothing() -> None:
    assert Answer().features == {}
    assert Answer({}, ("one",)).question == ""
    answer = Answer({"audio": FRAMES, "video": FRAMES[:1]}, None, "Why?")
    assert answer.words is None
    assert answer.features["audio"] is FRAMES


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([[1.0]], r"an answer's 'audio' features: expected an array \(frames, width\), got list"),
        (FRAMES[0], r"expected an array \(frames, width\), got \(2,\)"),
        (FRAMES[None], r"expected an array \(frames, width\), got \(1, 3, 2\)"),
        (FRAMES.astype(np.float64), "expected float32, got float64"),
        (FRAMES.astype(object), "expected float32, got object"),
        (FRAMES[:0], r"expected at least one frame of width 1 or more, got shape \(0, 2\)"),
        (FRAMES[:, :0], r"expected at least one frame of width 1 or more, got shape \(3, 0\)"),
        (with_bad(2, np.nan), "expected finite numbers, got NaN or infinity in frame 2"),
        (with_bad(0, np.inf), "expected finite numbers, got NaN or infinity in frame 0"),
        (with_bad(1, -np.inf), "expected finite numbers, got NaN or infinity in frame 1"),
    ],
)
def test_frames_that_are_none_are_refused(frames: object, said: str) -> None:
    refused(said, Answer, {"audio": frames})


def test_words_are_not_numbers() -> None:
    refused("words belong in `words`, not in `features`", Answer, {TEXT: FRAMES})


def test_an_answer_of_no_words_is_refused() -> None:
    refused("expected at least one word, or None where there is no transcript, got 0", Answer, {}, ())


def an_interview(**changes: object) -> Interview:
    settings: dict[str, object] = {"id": "i1", "candidate": "kim", "answers": (Answer(),), **changes}
    return Interview(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": ""}, "an interview: expected an id and a candidate, got '' and 'kim'"),
        ({"candidate": ""}, "an interview: expected an id and a candidate, got 'i1' and ''"),
        ({"id": "a\nb", "answers": ()}, r"interview 'a\\nb': expected at least one answer, got none"),
        ({"face": FRAMES}, r"interview 'i1', face: expected \(d,\) float32, got \(3, 2\) float32"),
        ({"face": FRAMES[0].astype(int)}, r"interview 'i1', face: expected \(d,\) float32, got \(2,\) int64"),
        ({"face": with_bad(0, np.nan)[0]}, "interview 'i1', face: expected finite numbers, got NaN or infinity"),
    ],
)
def test_an_interview_that_is_none_is_refused(changes: dict[str, object], said: str) -> None:
    an_interview()
    refused(said, an_interview, **changes)


def test_what_a_model_may_see_names_no_protected_attribute() -> None:
    seen = {field.name for kind in (Answer, Interview, InterviewBatch) for field in dataclasses.fields(kind)}
    assert seen.isdisjoint({"gender", "sex", "ethnicity", "race", "age", "demographics", "attributes", "targets"})
    with pytest.raises(TypeError):
        an_interview(gender="woman")


@pytest.mark.parametrize("record", [Answer(), an_interview()])
def test_records_do_not_change(record: object) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.question = "another"  # type: ignore[attr-defined]


def test_torch_is_not_imported_with_the_records() -> None:
    program = "import sys, fairhire.interview; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def words(n: int = 1) -> Words:
    return Words(torch.ones((n, 2), dtype=torch.int64), torch.full((n,), 2))


def frames(n: int = 3, **changes: torch.Tensor) -> AnswerFrames:
    rows = {"lengths": torch.full((n,), 4), "interview": torch.zeros(n).long(), "slot": torch.arange(n)}
    return AnswerFrames(torch.zeros(n, 4, 2), **{**rows, **changes})


def batch(**changes: object) -> InterviewBatch:
    settings: dict[str, object] = {
        "ids": ("a", "b"),
        "person": torch.tensor([0, 1]),
        "features": {"audio": frames()},
        "questions": words(),
        "question_of": torch.tensor([[0, 0, -1], [0, -1, -1]]),
        "job_titles": words(),
        "job_title_of": torch.tensor([0, 0]),
        "hirable": torch.tensor([0.0, 1.0]),
        "label_mask": torch.tensor([True, False]),
        **changes,
    }
    return InterviewBatch(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lengths", "interview", "slot"])
def test_answer_frames_that_do_not_fit_are_refused(name: str) -> None:
    frames()
    refused(rf"answer frames, {name}: expected shape \(3,\), got \(2,\)", frames, **{name: torch.ones(2).long()})


@pytest.mark.parametrize("name", ["person", "job_title_of", "hirable", "label_mask"])
def test_a_batch_that_does_not_fit_is_refused(name: str) -> None:
    refused(rf"interview batch, {name}: expected shape \(2,\), got \(3,\)", batch, **{name: torch.ones(3)})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"question_of": torch.zeros(2)}, r"question_of: expected shape \(2, Q\), got \(2,\)"),
        ({"question_of": torch.zeros(3, 1)}, r"question_of: expected shape \(2, Q\), got \(3, 1\)"),
        ({"faces": torch.zeros(2, 4)}, "expected faces and face_mask together, got one of them"),
        ({"face_mask": torch.zeros(2).bool()}, "expected faces and face_mask together, got one of them"),
        ({"faces": torch.zeros(3, 4), "face_mask": torch.zeros(3).bool()}, "faces: expected 2 rows, got 3"),
    ],
)
def test_a_batch_of_other_shapes_is_refused(changes: dict[str, object], said: str) -> None:
    refused(f"interview batch.*{said}", batch, **changes)


@pytest.mark.parametrize("faces", [True, False])
def test_a_batch_moves_as_a_whole(faces: bool) -> None:
    given = {"faces": torch.zeros(2, 4), "face_mask": torch.ones(2).bool()} if faces else {}
    moved = batch(**given).to("meta")
    assert len(moved) == 2

    def devices(record: object) -> set[str]:
        if isinstance(record, torch.Tensor):
            return {record.device.type}
        if dataclasses.is_dataclass(record):
            return set().union(*(devices(getattr(record, field.name)) for field in dataclasses.fields(record)))
        return set().union(*(devices(value) for value in record.values())) if isinstance(record, dict) else set()

    assert devices(moved) == {"meta"}
    assert (moved.faces is None) == (not faces)


@pytest.mark.parametrize(
    ("words", "times", "match"),
    [
        (("a", "b"), np.zeros(1, np.float32), r"expected \(2,\) float32, one a word, got \(1,\)"),
        (None, np.zeros(1, np.float32), r"expected \(0,\) float32"),
        (("a",), np.zeros(1), r"float32, one a word, got \(1,\) float64"),
        (("a",), np.array([-0.1], np.float32), "seconds of 0 or more"),
        (("a",), np.array([np.inf], np.float32), "seconds of 0 or more"),
    ],
)
def test_times_of_words_that_do_not_fit_are_refused(words, times, match):
    with pytest.raises(DataError, match=match):
        Answer({}, words, "", times)


def test_a_word_may_have_no_time():
    assert np.isnan(Answer({}, ("a", "b"), "", np.array([0, np.nan], np.float32)).word_times[1])
