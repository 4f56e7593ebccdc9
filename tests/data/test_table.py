from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairhire.data.corpus import Corpus
from fairhire.data.imported import write_imported
from fairhire.data.table import read
from fairhire.errors import DataError

WriteCsv = Callable[..., Path]
Edit = Callable[[str, str, str], None]

INTERVIEWS = """interview,candidate,position,job_title,hirable,split
i1,kim,sales,car seller,yes,train
i2,lee,sales,,0,validation
i3,kim,,,,test
"""
ANSWERS = """interview,slot,question,transcript,video,audio.pitch,audio.energy
i2,1,Why us?,,,1.5,-2
i1,2,"Why sales, now?",I sell [laughs] cars,,,
i1,1,Why us?,"You’re great, all of you",clips/i1.npy,0,0.25
i3,7,,,clips/i3.npy,,
"""
PEOPLE = "candidate,gender,age\nlee,female,\nkim,unknown,30s\nmax,male,20s\n"
FRAMES = {"i1": [[1, 2, 3], [4, 5, 6]], "i3": [[7, 8, 9]]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    (folder / "clips").mkdir(parents=True)
    for name, text in (("interviews", INTERVIEWS), ("answers", ANSWERS), ("people", PEOPLE)):
        (folder / f"{name}.csv").write_text(text)
    for name, frames in FRAMES.items():
        np.save(folder / "clips" / f"{name}.npy", np.array(frames, np.float64))
    return folder


@pytest.fixture
def edit(source: Path) -> Edit:
    def change(name: str, old: str, new: str) -> None:
        path = source / f"{name}.csv"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def imported_corpus(source: Path) -> Corpus:
    return write_imported(read(source), source.with_name("c"))


def refused(source: Path, *words: str) -> None:
    out = source.with_name("c")
    with pytest.raises(DataError) as caught:
        write_imported(read(source), out)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert not out.exists()
    assert not list(source.parent.glob("*people*"))


def test_interviews_answers_and_frames_are_read_in_the_order_of_their_slots(source: Path) -> None:
    first, second, third = imported_corpus(source)
    assert (first.id, first.candidate, first.position, first.job_title) == ("i1", "kim", "sales", "car seller")
    assert [answer.question for answer in first.answers] == ["Why us?", "Why sales, now?"]
    assert first.answers[0].words == ("you're", "great", "all", "of", "you")
    assert first.answers[1].words == ("i", "sell", "cars")
    assert first.answers[0].features["video"].tolist() == FRAMES["i1"]
    assert first.answers[0].features["audio"].tolist() == [[0, 0.25]]
    assert first.answers[1].features == {}
    assert (second.candidate, second.answers[0].words) == ("lee", None)
    assert second.answers[0].features["audio"].tolist() == [[1.5, -2]]
    assert third.answers[0].features["video"].tolist() == FRAMES["i3"]
    assert [first.hirable, second.hirable, third.hirable] == [True, False, None]
    assert first.face is None


def test_splits_and_modalities_are_those_of_the_tables(source: Path) -> None:
    corpus = imported_corpus(source)
    assert corpus.interviews["split:given"].tolist() == ["train", "validation", "test"]
    assert {name: modality.width for name, modality in corpus.modalities.items()} == {"text": 1, "video": 3, "audio": 2}
    assert corpus.modalities["audio"].units == "as in the source: pitch, energy"
    assert corpus.record["provenance"]["left_out"] == [
        {"what": "people without an interview", "n": 1, "why": "not candidates of this corpus"},
        {"what": "transcriber's remarks", "n": 1, "why": "[inaudible] and the like were not said"},
    ]


def test_people_are_copied_beside_the_corpus_and_not_into_it(source: Path) -> None:
    corpus = imported_corpus(source)
    assert source.with_name("c.people.csv").read_text() == "candidate,gender,age\nlee,female,\nkim,unknown,30s\n"
    files = [path.read_bytes() for path in corpus.path.rglob("*") if path.is_file()]
    assert not any(word in data for data in files for word in (b"female", b"gender", b"30s"))


def test_without_people_the_table_names_the_candidates(source: Path) -> None:
    (source / "people.csv").unlink()
    assert read(source).people.to_dict("list") == {"candidate": ["kim", "lee"]}


def test_only_ids_candidates_and_one_transcript_are_needed(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "interviews.csv").write_text("id,candidate\n7,1\n")
    (tmp_path / "src" / "answers.csv").write_text("interview,answer,transcript\n7,1,hello\n")
    corpus = imported_corpus(tmp_path / "src")
    assert (corpus[0].id, corpus[0].candidate, corpus[0].hirable) == ("7", "1", None)
    assert corpus[0].answers[0].words == ("hello",)
    assert corpus.splits == ()


def test_parquet_and_gzipped_tables_read_alike(source: Path) -> None:
    expected = list(imported_corpus(source))
    for name in ("interviews", "answers", "people"):
        table = pd.read_csv(source / f"{name}.csv")
        if name == "interviews":
            table["hirable"] = table["hirable"].map({"yes": True, "0": False})
        if name == "answers":
            table.to_csv(source / f"{name}.csv.gz", index=False)
        else:
            table.to_parquet(source / f"{name}.parquet")
        (source / f"{name}.csv").unlink()
    for one, other in zip(imported_corpus(source), expected, strict=True):
        assert (one.id, one.candidate, one.position, one.hirable) == (
            other.id,
            other.candidate,
            other.position,
            other.hirable,
        )
        for mine, theirs in zip(one.answers, other.answers, strict=True):
            assert (mine.words, mine.question) == (theirs.words, theirs.question)
            assert {name: f.tolist() for name, f in mine.features.items()} == {
                name: f.tolist() for name, f in theirs.features.items()
            }


# ---------------------------------------------------------------- faces


def test_faces_come_from_a_file_with_a_row_of_nan_where_there_is_none(source: Path) -> None:
    np.save(source / "faces.npy", np.array([[1.0, 2], [np.nan, np.nan], [3, 4]]))
    corpus = imported_corpus(source)
    assert [None if one.face is None else one.face.tolist() for one in corpus] == [[1, 2], None, [3, 4]]


def test_faces_come_from_columns_empty_where_there_is_none(source: Path) -> None:
    lines = INTERVIEWS.splitlines()
    faces = ["face.0,face.1", "1,2", ",", "3,4"]
    (source / "interviews.csv").write_text("".join(f"{a},{b}\n" for a, b in zip(lines, faces, strict=True)))
    corpus = imported_corpus(source)
    assert [None if one.face is None else one.face.tolist() for one in corpus] == [[1, 2], None, [3, 4]]


def test_faces_in_a_file_and_in_columns_are_refused(source: Path, edit: Edit) -> None:
    np.save(source / "faces.npy", np.ones((3, 2)))
    edit("interviews", "job_title", "face.0")
    refused(source, "expected either faces.npy or 'face.<name>' columns, got both")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((2, 4)), "expected a row for each of 3 interviews, got 2"),
        (np.array([[1.0, np.nan]] * 3), "NaN or infinity in frame 0"),
        (np.array([[1.0, np.inf]] * 3), "NaN or infinity in frame 0"),
        (np.ones(3), "expected numbers of shape (frames, width)"),
        (np.array([[{}]] * 3), "expected a whole .npy file of numbers"),
    ],
)
def test_a_file_of_faces_that_does_not_fit_is_refused(source: Path, array: np.ndarray, words: str) -> None:
    np.save(source / "faces.npy", array)
    refused(source, "faces.npy", words)


def test_the_majority_of_several_recruiters_counts_and_a_tie_is_hirable(source: Path) -> None:
    (source / "interviews.csv").write_text(
        "interview,candidate,vote.ann,vote.bo,vote.cy,vote.di\n"
        "i1,kim,Liked,rejected,,\n"
        "i2,lee,shortlisted,rejected,no,\n"
        "i3,kim,,,,\n"
    )
    corpus = imported_corpus(source)
    assert [interview.hirable for interview in corpus] == [True, False, None]
    assert corpus.record["provenance"]["hirable"] == "majority of the recruiters' votes; 1 ties are hirable"


def test_votes_beside_a_verdict_or_in_other_words_are_refused(source: Path, edit: Edit) -> None:
    edit("interviews", ",split\n", ",vote.ann\n")
    refused(source, "expected either 'hirable' or 'vote.<name>' columns, got both")
    edit("interviews", "hirable", "vote.bo")
    refused(source, "row 1, column 'vote.ann': expected 0 or 1, true or false, yes or no, got 'train'")


def test_ratings_become_targets_and_an_empty_cell_was_not_rated(source: Path, edit: Edit) -> None:
    edit("interviews", ",split\n", ",rating.communication\n")
    for old, new in ((",train", ",0.25"), (",validation", ","), (",test", ",4")):
        edit("interviews", old, new)
    corpus = imported_corpus(source)
    assert corpus.targets == ("communication",)
    given = corpus.interviews["target:communication"]
    assert given.fillna(-1).tolist() == [0.25, -1, 4]
    assert corpus.splits == ()
    edit("interviews", ",4", ",good")
    (source.with_name("c") / "corpus.json").unlink()
    with pytest.raises(DataError, match=r"row 3, column 'rating\.communication': expected a finite number or nothing"):
        read(source)


# ---------------------------------------------------------------- bad tables


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("interviews", "position", "gender", ["expected only columns", "got 'gender' as well"]),
        ("interviews", "position", "face", ["got 'face' as well"]),
        ("interviews", "candidate", "person", ["got 'person' as well"]),
        ("interviews", ",split\n", ",hirable\n", ["every column once, got 'hirable' twice"]),
        ("interviews", "i2,", "i1,", ["row 2, column 'interview': expected every value once, got 'i1'"]),
        ("interviews", "i2,", ",", ["row 2, column 'interview': expected a value"]),
        ("interviews", "lee", " ", ["row 2, column 'candidate': expected a value"]),
        (
            "interviews",
            "yes",
            "maybe",
            ["row 1, column 'hirable': expected 0 or 1, true or false, yes or no, got 'maybe'"],
        ),
        ("interviews", "yes", "2", ["row 1, column 'hirable'", "got '2'"]),
        ("interviews", ",train", ",training", ["row 1, column 'split': expected one of train, validation, test"]),
        ("interviews", ",test", ",", ["row 3, column 'split'"]),
        ("interviews", ",validation", "", ["row 2: expected 6 cells, got 5"]),
        ("answers", "transcript", "transkript", ["row 2, column 'transkript'", "the path of a .npy file"]),
        ("answers", "transcript", "age.group", ["row 2, column 'age.group'", "expected a finite number"]),
        ("answers", "transcript", "text", ["expected a column named after a modality, got 'text'"]),
        ("answers", "video", "my video", ["expected a column named after a modality, got 'my video'"]),
        ("answers", "audio.pitch", "video.pitch", ["expected either 'video' or 'video.<name>' columns, got both"]),
        ("answers", "slot", "place", ["expected a column 'slot'"]),
        ("answers", "i3,7", "i4,7", ["row 4, column 'interview': expected an interview of interviews.csv, got 'i4'"]),
        ("answers", "i3,7", "i1,7", ["expected an answer of every interview, got none of 'i3'"]),
        ("answers", "i1,1", "i1,02", ["row 3, column 'slot': expected every slot of interview 'i1' once, got '02'"]),
        ("answers", "i1,1", "i1,first", ["row 3, column 'slot': expected a whole number, got 'first'"]),
        ("answers", "i1,1", "i1,-1", ["row 3, column 'slot': expected a whole number"]),
        ("answers", "i1,1", "i1,", ["row 3, column 'slot': expected a whole number"]),
        ("answers", ",0,0.25", ",0,nan", ["row 3, column 'audio.energy': expected a finite number, got 'nan'"]),
        ("answers", ",0,0.25", ",0,", ["row 3, column 'audio.energy': expected a finite number, got ''"]),
        ("answers", ",0,0.25", ",0,loud", ["row 3, column 'audio.energy': expected a finite number, got 'loud'"]),
        ("answers", ",0,0.25", ",0,1e300", ["row 3, column 'audio.energy'"]),
        ("people", "candidate", "name", ["expected a column 'candidate'"]),
        ("people", "lee", "kim", ["people.csv", "expected every value once, got 'kim'"]),
        (
            "people",
            "lee",
            "les",
            ["people.csv", "expected every candidate of interviews.csv, got none of 'lee' (1 missing)"],
        ),
    ],
)
def test_a_bad_table_is_named_with_row_and_column(
    source: Path, edit: Edit, name: str, old: str, new: str, words: list[str]
) -> None:
    edit(name, old, new)
    refused(source, *words)


@pytest.mark.parametrize("name", ["interviews", "answers"])
def test_a_missing_table_is_named(source: Path, name: str) -> None:
    (source / f"{name}.csv").unlink()
    refused(source, f"expected a file {name}.csv or {name}.csv.gz or {name}.parquet, found none")


@pytest.mark.parametrize("name", ["interviews", "answers", "people"])
@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"interview,candidate\n", b"PAR1"])
def test_a_table_that_cannot_be_read_is_named(source: Path, name: str, data: bytes) -> None:
    (source / f"{name}.csv").write_bytes(data)
    refused(source, f"{name}.csv")


def test_columns_without_a_value_are_refused(source: Path, edit: Edit) -> None:
    edit("answers", "clips/i1.npy", "")
    edit("answers", "clips/i3.npy", "")
    refused(source, "column 'video': expected values for at least one answer, got none")


def test_a_table_without_anything_recorded_is_refused(source: Path) -> None:
    (source / "answers.csv").write_text("interview,slot,transcript\ni1,1,\ni2,1,[silence]\ni3,1,...\n")
    refused(source, "expected a transcript, <modality> or <modality>.<name> column with values, got none")


# ---------------------------------------------------------------- bad frames


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../outside.npy", "row 3, column 'video': expected a path inside the source's folder"),
        ("clips/../../outside.npy", "row 3, column 'video': expected a path inside the source's folder"),
        ("link.npy", "row 3, column 'video': expected a path inside the source's folder"),
        ("linked/outside.npy", "row 3, column 'video': expected a path inside the source's folder"),
        ("clips/none.npy", "row 3, column 'video': expected an existing file"),
        ("folder.npy", "row 3, column 'video': expected an existing file"),
        ("clips", "row 3, column 'video'"),
        ("clips/i1.txt", "row 3, column 'video'"),
        ("clips/\0.npy", "row 3, column 'video'"),
        ("clips/" + "x" * 300 + ".npy", "xxx.npy"),
        ("loop.npy", "row 3, column 'video': expected an existing file"),
    ],
)
def test_a_path_that_leads_out_of_the_source_or_nowhere_is_refused(
    source: Path, edit: Edit, path: str, words: str
) -> None:
    np.save(source.parent / "outside.npy", np.ones((1, 3)))
    (source / "link.npy").symlink_to(source.parent / "outside.npy")
    (source / "linked").symlink_to(source.parent)
    (source / "loop.npy").symlink_to(source / "loop.npy")
    (source / "folder.npy").mkdir()
    edit("answers", "clips/i1.npy", path)
    refused(source, words)


def test_an_absolute_path_is_refused(source: Path, edit: Edit) -> None:
    np.save(source.parent / "outside.npy", np.ones((1, 3)))
    edit("answers", "clips/i1.npy", str(source.parent / "outside.npy"))
    refused(source, "row 3, column 'video': expected a path inside the source's folder")


def test_links_inside_the_source_are_followed(source: Path, edit: Edit) -> None:
    (source / "link.npy").symlink_to(source / "clips" / "i1.npy")
    edit("answers", "clips/i1.npy", "link.npy")
    assert imported_corpus(source)[0].answers[0].features["video"].tolist() == FRAMES["i1"]


@pytest.mark.parametrize("name", ["i1", "i3"])
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 3)), "expected at least one frame"),
        (np.full((2, 3), np.nan), "got NaN or infinity in frame 0"),
        (np.zeros(3), "expected numbers of shape (frames, width), got (3,)"),
        (np.array([[{}]]), "expected a whole .npy file of numbers"),
        (np.zeros((1, 4)), "expected width"),
    ],
)
def test_frames_that_are_none_are_named_and_leave_no_corpus(
    source: Path, name: str, array: np.ndarray, words: str
) -> None:
    np.save(source / "clips" / f"{name}.npy", array)
    refused(source, ".npy", words)


def test_frames_are_read_only_when_the_interviews_are_walked(source: Path) -> None:
    imported = read(source)
    np.save(source / "clips" / "i3.npy", np.ones((5, 3)))
    assert [row.interview for row in imported.interviews][2].answers[0].features["video"].shape == (5, 3)
