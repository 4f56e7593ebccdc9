"""What there is to extract is found in folders and tables, in the order of the answers, and nothing slips in."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from fairhire.errors import DataError, UsageError
from fairhire.extract import read_recordings


@pytest.fixture
def folder(tmp_path):
    for name in (
        "anna/answer10.mp4", "anna/answer2.mp4", "anna/answer2.vtt", "anna/answer10.openface.csv", "anna/.hidden.mp4",
        "anna/photo.jpg", "bert/Q1.WEBM", "carl.mov", "carl.en.srt", "notes.txt", "empty/readme.md", ".git/x.mp4",
    ):  # fmt: skip
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("confidence,success\n" if name.endswith(".csv") else "x")
    return tmp_path / "in"


def test_a_folder_of_candidates(folder):
    found = read_recordings(folder)
    told = [(one.interview, one.candidate, one.slot, one.path.name) for one in found.recordings]
    assert told == [
        ("anna", "anna", 0, "answer2.mp4"), ("anna", "anna", 1, "answer10.mp4"), ("bert", "bert", 0, "Q1.WEBM"),
        ("carl", "carl", 0, "carl.mov"),
    ]  # fmt: skip
    assert [one.transcript and one.transcript.name for one in found.recordings] == [
        "answer2.vtt", None, None, "carl.en.srt",
    ]  # fmt: skip
    assert [one.openface and one.openface.name for one in found.recordings] == [
        None, "answer10.openface.csv", None, None,
    ]  # fmt: skip
    assert found.passed_over == 3  # the photograph, and two files of text that belong to no recording
    assert found.facts["anna"].hirable is None


def test_a_folder_without_recordings_or_too_deep_is_refused(tmp_path):
    (tmp_path / "in" / "a" / "b").mkdir(parents=True)
    with pytest.raises(DataError, match=r"expected recordings \(\.mp4"):
        read_recordings(tmp_path / "in")
    (tmp_path / "in" / "a" / "b" / "x.mp4").write_text("x")
    with pytest.raises(DataError, match="at most one folder deep, got some deeper"):
        read_recordings(tmp_path / "in")
    with pytest.raises(DataError, match="found neither"):
        read_recordings(tmp_path / "nothing")
    with pytest.raises(UsageError, match="or a table as"):
        read_recordings(tmp_path / "in" / "a" / "b" / "x.mp4")


def test_two_candidates_of_one_name_are_refused(folder):
    (folder / "anna.mp4").write_text("x")
    with pytest.raises(DataError, match="a second 'anna'"):
        read_recordings(folder)


ROWS = {
    "recording": ["b.mp4", "sub/a.mp4", "c.mp4"],
    "candidate": ["p1", "p1", "p2"],
    "interview": ["i1", "i1", "i2"],
    "slot": ["2", "1", "1"],
    "question": ["Why?", "Who?", "Who?"],
    "position": ["P", "P", ""],
    "job_title": ["driver", "driver", "cook"],
    "vote.x": ["yes", "yes", "no"],
    "vote.y": ["no", "no", "no"],
    "rating.calm": ["4", "4", ""],
    "split": ["train", "train", "test"],
}


def write(path, **changes):
    pd.DataFrame({k: v for k, v in (ROWS | changes).items() if v is not None}).to_csv(path, index=False)
    return path


def test_a_table_of_recordings(tmp_path):
    found = read_recordings(write(tmp_path / "t.csv"))
    assert [(one.interview, one.slot, one.question, one.path) for one in found.recordings] == [
        ("i1", 0, "Who?", tmp_path / "sub" / "a.mp4"), ("i1", 1, "Why?", tmp_path / "b.mp4"),
        ("i2", 0, "Who?", tmp_path / "c.mp4"),
    ]  # fmt: skip
    first, second = found.facts["i1"], found.facts["i2"]
    assert (first.hirable, second.hirable, found.ties) == (True, False, 1)
    assert (first.position, first.job_title, first.split, first.targets) == ("P", "driver", "train", (4.0,))
    assert math.isnan(second.targets[0])  # not rated
    assert (found.targets, found.splits) == (("calm",), ("given",))


def test_a_table_inside_the_folder_decides(folder):
    write(folder / "recordings.csv")
    assert {one.interview for one in read_recordings(folder).recordings} == {"i1", "i2"}


def test_a_candidate_is_one_interview_where_none_is_named(tmp_path):
    write(tmp_path / "t.csv", interview=None, slot=None)
    found = read_recordings(tmp_path / "t.csv")
    assert [(one.interview, one.slot, one.path.name) for one in found.recordings] == [
        ("p1", 0, "b.mp4"), ("p1", 1, "a.mp4"), ("p2", 0, "c.mp4"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"gender": ["f", "f", "m"]}, "got 'gender' as well"),
        (
            {"candidate": ["p1", "p9", "p2"]},
            r"row 2, column 'candidate': expected what row 1, of the same interview, says",
        ),
        ({"job_title": ["driver", "pilot", "cook"]}, r"row 2, column 'job_title'"),
        ({"slot": ["1", "1", "1"]}, r"row 2, column 'slot': expected every slot of an interview once"),
        ({"slot": ["1", "x", "1"]}, r"row 2, column 'slot': expected a whole number"),
        ({"recording": ["b.mp4", "b.mp4", "c.mp4"]}, r"column 'recording': expected every recording once"),
        ({"recording": ["b.mp4", "", "c.mp4"]}, r"row 2, column 'recording'"),
        ({"split": ["train", "train", "exam"]}, r"row 2, column 'split'|row 3, column 'split'"),
        ({"rating.calm": ["4", "4", "high"]}, r"column 'rating.calm'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, changes, match):
    with pytest.raises(DataError, match=match):
        read_recordings(write(tmp_path / "t.csv", **changes))


def test_a_recording_that_was_changed_is_another(folder):
    def keys():
        return [one.key for one in read_recordings(folder).recordings]

    before = keys()
    assert len(set(before)) == 4
    assert keys() == before
    (folder / "anna" / "answer2.vtt").write_text("longer than before")
    assert [one == other for one, other in zip(before, keys(), strict=True)] == [False, True, True, True]
    (folder / "carl.mov").write_text("longer")
    assert [one == other for one, other in zip(before, keys(), strict=True)] == [False, True, True, False]
