"""Ratings come back from disk as they were, empty cells empty, and another table is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairhire.errors import DataError
from fairhire.ratings import Ratings, read_ratings

NAN = np.nan


def ratings(names: tuple[str, ...] = ("interview", "openness")) -> Ratings:
    return Ratings(
        names=names,
        ids=np.array(["a", "b", "c"]),
        candidates=np.array(["kim", "kim", "lee"]),
        split=np.array(["train", "train", "test"]),
        predicted=np.array([[0.1, 2.0], [0.2, 3.0], [NAN, NAN]]),
        annotated=np.array([[0.5, NAN], [NAN, NAN], [0.7, 4.0]]),
    )


def test_the_table_keeps_a_rating_called_interview_apart_from_the_interviews(tmp_path: Path) -> None:
    ratings().write(tmp_path / "r.parquet")
    back = read_ratings(tmp_path / "r.parquet")
    assert back.names == ("interview", "openness")
    assert back.ids.tolist() == ["a", "b", "c"]
    assert back.candidates.tolist() == ["kim", "kim", "lee"]
    assert back.split.tolist() == ["train", "train", "test"]
    np.testing.assert_array_equal(back.predicted, ratings().predicted)
    np.testing.assert_array_equal(back.annotated, ratings().annotated)


def test_a_csv_has_empty_cells_where_nothing_was_said(tmp_path: Path) -> None:
    ratings().write(tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text().splitlines() == [
        "interview,candidate,split,interview:predicted,interview:annotated,openness:predicted,openness:annotated",
        "a,kim,train,0.1,0.5,2.0,",
        "b,kim,train,0.2,,3.0,",
        "c,lee,test,,0.7,,4.0",
    ]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"^ratings, predicted: expected shape \(3, 1\), got \(3, 2\)$"):
        ratings(names=("openness",))


@pytest.mark.parametrize("damage", ["missing", "no parquet", "other columns", "no ratings", "words"])
def test_another_table_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "r.parquet"
    frame = ratings().to_frame()
    if damage == "no parquet":
        path.write_bytes(b"interview,candidate")
    elif damage == "other columns":
        frame.drop(columns=["openness:annotated"]).to_parquet(path)
    elif damage == "no ratings":
        frame[["interview", "candidate", "split"]].to_parquet(path)
    elif damage == "words":
        frame.assign(**{"openness:predicted": pd.Series(["x", "y", "z"])}).to_parquet(path)
    with pytest.raises(DataError, match=r"^[^\n]*r\.parquet: expected [^\n]+, got [^\n]+$"):
        read_ratings(path)
