from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.errors import DataError, StorageError
from fairhire.scores import Scores, read_scores

# Texts that a table can hold: a NUL ends a numpy text, and a lone surrogate is no UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
NAMES = TEXTS.filter(lambda text: bool(text.strip()))


def scores(n: int = 3, **changes: object) -> Scores:
    base = Scores(
        ids=np.array([f"i{row}" for row in range(n)]),
        candidates=np.array([f"c{row}" for row in range(n)]),
        position=np.array(["seller"] * n),
        split=np.array(["test"] * n),
        score=np.linspace(0, 1, n),
        decision=np.arange(n) % 2,
        hirable=np.arange(n) % 2,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def csv(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@st.composite
def any_scores(draw: st.DrawFn) -> Scores:
    ids = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    n = len(ids)

    def column(cells: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(cells, min_size=n, max_size=n))

    score = np.array(column(st.floats(0, 1) | st.just(float("nan"))), dtype=np.float64)
    decision = np.array(column(st.sampled_from([0, 1])), dtype=np.int64)
    return Scores(
        ids=np.array(ids),
        candidates=np.array(column(NAMES), dtype=str),
        position=np.array(column(TEXTS), dtype=str),
        split=np.array(column(st.sampled_from(["train", "validation", "test", ""])), dtype=str),
        score=score,
        decision=np.where(np.isnan(score), -1, decision),
        hirable=np.array(column(st.sampled_from([-1, 0, 1])), dtype=np.int64) if draw(st.booleans()) else None,
    )


@settings(deadline=None, max_examples=60)
@given(any_scores(), st.sampled_from(["scores.csv", "scores.parquet"]))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, given: Scores, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / name
    given.write(path)
    found = read_scores(path)
    for field in fields(Scores):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(given, field.name), err_msg=field.name)


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_an_interview_of_which_nothing_is_said_has_empty_cells(tmp_path: Path, name: str) -> None:
    given = scores(
        score=np.array([0.25, np.nan, 1.0]),
        decision=np.array([0, -1, 1]),
        hirable=np.array([1, 0, -1]).astype(np.int64),
    )
    given.write(tmp_path / name)
    if name == "scores.csv":
        assert (tmp_path / name).read_text().splitlines() == [
            "interview,candidate,position,split,score,decision,label",
            "i0,c0,seller,test,0.25,0,1",
            "i1,c1,seller,test,,,0",
            "i2,c2,seller,test,1.0,1,",
        ]
    else:
        table = pq.read_table(tmp_path / name)
        assert table.column("score").to_pylist() == [0.25, None, 1.0]
        assert table.column("decision").to_pylist() == [0, None, 1]
        assert table.column("label").to_pylist() == [1, 0, None]


def test_scores_without_labels_write_no_label_column(tmp_path: Path) -> None:
    scores(hirable=None).write(tmp_path / "scores.csv")
    assert "label" not in (tmp_path / "scores.csv").read_text()
    assert read_scores(tmp_path / "scores.csv").hirable is None


def test_a_refused_write_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores(2).write(tmp_path / "scores.csv")

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space left"):
        scores(3).write(tmp_path / "scores.csv")
    assert len(read_scores(tmp_path / "scores.csv")) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": np.zeros(2)}, r"scores, score: expected shape \(3,\), got \(2,\)"),
        ({"candidates": np.array(["c"])}, r"scores, candidates: expected shape \(3,\), got \(1,\)"),
        ({"hirable": np.zeros(4, dtype=np.int64)}, r"scores, label: expected shape \(3,\), got \(4,\)"),
        ({"representation": np.zeros((2, 4))}, r"scores, representation: expected \(3, H\), got \(2, 4\)"),
        ({"representation": np.zeros(3)}, r"scores, representation: expected \(3, H\), got \(3,\)"),
        ({"ids": np.array(["a", "b", "a"])}, "expected every id once, got 'a' twice"),
        ({"score": np.array([0.5, 1.5, 0.0])}, r"expected values in \[0, 1\], got 1.5 in row 2"),
        ({"score": np.array([0.5, 0.5, -0.1])}, r"expected values in \[0, 1\], got -0.1 in row 3"),
        ({"score": np.array([np.inf, 0.5, 0.0])}, r"expected values in \[0, 1\], got inf in row 1"),
    ],
)
def test_scores_that_do_not_fit_are_refused(changes: dict[str, object], said: str) -> None:
    scores()
    with pytest.raises(DataError, match=said):
        scores(**changes)


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        *[(word, 1) for word in ("1", "true", "yes", "TRUE", "Yes", " 1 ", "1.0")],
        *[(word, 0) for word in ("0", "false", "no", "FALSE", "No", "0.0")],
        ("", -1),
    ],
)
@pytest.mark.parametrize("column", ["decision", "label"])
def test_yes_and_no_are_read_as_the_interface_says(tmp_path: Path, column: str, cell: str, read: int) -> None:
    found = read_scores(csv(tmp_path / "s.csv", f"candidate,score,{column}\na,0.5,{cell}\n"))
    assert (found.decision if column == "decision" else found.hirable) == [read]


@pytest.mark.parametrize("cell", ["2", "-1", "y", "ja", "t", "0.5", "selected", "nan", "yes.0", "10", "1 0"])
@pytest.mark.parametrize("column", ["decision", "label"])
def test_anything_else_is_refused_with_its_row(tmp_path: Path, column: str, cell: str) -> None:
    path = csv(tmp_path / "s.csv", f"candidate,score,{column}\na,0.5,1\nb,0.5,{cell}\n")
    with pytest.raises(DataError) as caught:
        read_scores(path)
    assert str(caught.value) == f"{path}, {column}, row 2: expected 0/1, true/false or yes/no, got {cell!r}"


@pytest.mark.parametrize("cell", ["1.01", "-0.5", "70", "inf", "-inf", "nan", "NA", "high", "0;5", "1e400"])
def test_a_score_that_is_no_share_is_refused_with_its_row(tmp_path: Path, cell: str) -> None:
    path = csv(tmp_path / "s.csv", f"candidate,score\na,0.5\nb,{cell}\n")
    with pytest.raises(DataError) as caught:
        read_scores(path)
    assert str(caught.value).startswith(f"{path}, score, row 2: expected a number")
    assert repr(cell) in str(caught.value)


@pytest.mark.parametrize("column", ["interview", "candidate"])
@pytest.mark.parametrize("cell", ["", " ", '"\t"'])
def test_a_row_of_nobody_is_refused(tmp_path: Path, column: str, cell: str) -> None:
    other = "candidate" if column == "interview" else "interview"
    path = csv(tmp_path / "s.csv", f"{other},{column},score\na,x,0.5\nb,{cell},0.5\n")
    with pytest.raises(DataError) as caught:
        read_scores(path)
    assert str(caught.value) == f"{path}, {column}, row 2: expected an id, got an empty cell"


@pytest.mark.parametrize("column", [["a", None], [1, None], [1.0, float("nan")]])
def test_a_row_of_nobody_is_refused_in_parquet_too(tmp_path: Path, column: list[object]) -> None:
    pq.write_table(pa.table({"candidate": column, "score": [0.5, 0.5]}), tmp_path / "s.parquet")
    with pytest.raises(DataError, match="candidate, row 2: expected an id, got an empty cell"):
        read_scores(tmp_path / "s.parquet")


def test_one_interview_twice_is_refused_with_its_row(tmp_path: Path) -> None:
    path = csv(tmp_path / "s.csv", "interview,candidate,score\na,x,0.5\nb,x,0.5\na,y,0.1\n")
    with pytest.raises(DataError) as caught:
        read_scores(path)
    assert str(caught.value) == f"{path}, interview, row 3: expected every id once, got 'a' again"


def test_a_vendor_may_name_candidates_only(tmp_path: Path) -> None:
    found = read_scores(csv(tmp_path / "s.csv", "candidate,decision\nkim,yes\nlee,no\nmo,\n"))
    assert found.ids.tolist() == found.candidates.tolist() == ["kim", "lee", "mo"]
    assert found.decision.tolist() == [1, 0, -1]
    np.testing.assert_array_equal(found.score, [1.0, 0.0, np.nan])
    assert found.split.tolist() == found.position.tolist() == ["", "", ""]
    assert found.hirable is None
    assert found.representation is None


def test_a_vendor_may_name_interviews_and_scores_only(tmp_path: Path) -> None:
    found = read_scores(csv(tmp_path / "s.csv", "interview,score\ni1,0.5\ni2,0.49\ni3,\n"))
    assert found.candidates.tolist() == ["i1", "i2", "i3"]
    assert found.decision.tolist() == [1, 0, -1]


def test_other_columns_and_their_order_do_not_matter(tmp_path: Path) -> None:
    path = csv(tmp_path / "s.csv", 'date,score,note,candidate\n2026-01-01,0.5,"a, b",kim\n')
    assert read_scores(path).candidates.tolist() == ["kim"]


def test_a_table_as_a_spreadsheet_saves_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes("\ufeffcandidate,score\r\nJosé,0.5\r\n\r\n".encode())
    assert read_scores(path).candidates.tolist() == ["José"]


def test_ids_that_look_like_numbers_or_gaps_stay_what_they_are(tmp_path: Path) -> None:
    path = csv(tmp_path / "s.csv", "interview,candidate,score\n007,NA,0.5\n1e3,null,0.5\n")
    found = read_scores(path)
    assert found.ids.tolist() == ["007", "1e3"]
    assert found.candidates.tolist() == ["NA", "null"]
    pq.write_table(pa.table({"candidate": [7, 8], "score": [1, 0]}), tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet").ids.tolist() == ["7", "8"]
    pq.write_table(pa.table({"candidate": [7.0, 8.0], "score": [1, 0]}), tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet").ids.tolist() == ["7", "8"]


def test_parquet_types_are_read_as_their_values(tmp_path: Path) -> None:
    columns = {
        "candidate": ["a", "b", "c"],
        "score": pa.array([0.25, None, float("nan")], pa.float32()),
        "decision": [True, None, False],
        "label": pa.array([1.0, 0.0, None]),
        "split": ["test", None, "train"],
    }
    pq.write_table(pa.table(columns), tmp_path / "s.parquet")
    found = read_scores(tmp_path / "s.parquet")
    np.testing.assert_array_equal(found.score, [0.25, np.nan, np.nan])
    assert found.decision.tolist() == [1, -1, 0]
    assert found.hirable is not None
    assert found.hirable.tolist() == [1, 0, -1]
    assert found.split.tolist() == ["test", "", "train"]


def test_the_folder_of_a_table_adds_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "split=test"
    folder.mkdir()
    scores(split=np.array(["train"] * 3)).write(folder / "s.parquet")
    assert read_scores(folder / "s.parquet").split.tolist() == ["train"] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected at least one row, got none"),
        ("candidate,score\n", "expected at least one row, got none"),
        ("name,score\na,1\n", r"expected a column interview or candidate, got \['name', 'score'\]"),
        ("candidate,rank\na,1\n", r"expected a column score or decision, got \['candidate', 'rank'\]"),
        ("candidate,score,score\na,1,0\n", "expected every column once, got 'score' 2 times"),
        ("candidate,score\na,1\nb\n", "row 2: expected 2 cells, got 1"),
        ("candidate,score\na,1,\nb,0,\n", "row 1: expected 2 cells, got 3"),
        ('candidate,score\na,"1\n', "expected a readable CSV or Parquet table, got unexpected end of data"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = csv(tmp_path / "s.csv", text)
    with pytest.raises(DataError, match=said) as caught:
        read_scores(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    scores().write(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    broken = {
        "latin.csv": "candidate,score\nJosé,1\n".encode("latin-1"),
        "empty.parquet": b"",
        "cut.parquet": whole[:-20],
        "half.parquet": whole[: len(whole) // 2],
        "csv.parquet": b"candidate,score\na,1\n",
        "parquet.csv": whole,
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match="expected a readable CSV or Parquet table") as caught:
            read_scores(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv: expected a readable"):
        read_scores(tmp_path / "folder.csv")
    with pytest.raises(DataError, match=r"none\.csv: expected a scores table, found no such file"):
        read_scores(tmp_path / "none.csv")


def test_two_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array([0.1]), pa.array([0.9])], names=["candidate", "score", "score"]
    )
    pq.write_table(table, tmp_path / "s.parquet")
    with pytest.raises(DataError, match="expected every column once, got 'score' 2 times"):
        read_scores(tmp_path / "s.parquet")


def test_a_representation_is_read_row_by_row(tmp_path: Path) -> None:
    scores().write(tmp_path / "s.csv")
    vectors = np.random.default_rng(0).normal(size=(3, 4))
    np.save(tmp_path / "v.npy", vectors)
    found = read_scores(tmp_path / "s.csv", representation=tmp_path / "v.npy").representation
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vectors.astype(np.float32))


def test_a_representation_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    scores().write(tmp_path / "s.csv")
    path = tmp_path / "v.npy"

    def refused(match: str) -> None:
        with pytest.raises(DataError, match=match) as caught:
            read_scores(tmp_path / "s.csv", representation=path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    refused("expected a .npy file of numbers, got")  # no such file
    for array in (np.zeros((2, 4)), np.zeros((4, 4)), np.zeros(3), np.zeros((3, 1, 1)), np.full((3, 2), "a")):
        np.save(path, array)
        refused("expected 3 rows of numbers, got")
    np.save(path, np.zeros((3, 4)))
    whole = path.read_bytes()
    for data in (b"", whole[:-8], whole[:40], b"\x80\x04N.", b"a,b\n1,2\n", whole.replace(b"(3, 4)", b"(3, 4")):
        path.write_bytes(data)
        refused("expected a .npy file of numbers, got")
    with path.open("wb") as file:
        np.savez(file, np.zeros((3, 4)))
    refused("expected a .npy file of numbers, got")


def test_nothing_in_a_representation_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "executed"),))

    scores().write(tmp_path / "s.csv")
    np.save(tmp_path / "v.npy", np.array([[Bomb()]] * 3, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="Object arrays cannot be loaded"):
        read_scores(tmp_path / "s.csv", representation=tmp_path / "v.npy")
    assert not (tmp_path / "executed").exists()


def test_a_frame_can_be_grouped_and_counted() -> None:
    frame = scores(4, score=np.array([0.1, np.nan, 0.9, 0.8]), decision=np.array([0, -1, 1, 1])).to_frame()
    assert frame["decision"].sum() == 2
    assert frame["score"].isna().tolist() == [False, True, False, False]
    assert isinstance(frame, pd.DataFrame)


def test_columns_of_other_names_and_scales_are_read_as_ours(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("applicant,points,candidate,position\na,50,x,1\nb,100,x,1\n")
    found = read_scores(path, columns={"candidate": "applicant", "score": "points"}, score_range=(0, 100))
    assert found.candidates.tolist() == ["a", "b"]
    assert found.score.tolist() == [0.5, 1.0]
    with pytest.raises(DataError, match=r"expected a column 'nowhere', got \['applicant'"):
        read_scores(path, columns={"score": "nowhere"})
    with pytest.raises(DataError, match=r"in \[0, 60\], got '100'"):
        read_scores(path, columns={"candidate": "applicant", "score": "points"}, score_range=(0, 60))


def test_a_candidate_may_apply_for_several_positions_without_interviews_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("candidate,position,decision\na,1,0\na,2,1\nb,1,1\n")
    assert read_scores(path).candidates.tolist() == ["a", "a", "b"]
    path.write_text("candidate,position,decision\na,1,0\na,1,1\n")
    with pytest.raises(DataError, match="candidate and position, row 2: expected every id once"):
        read_scores(path)
