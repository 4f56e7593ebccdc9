"""Ratings on the command line: trained by name, printed with intervals, written where asked, refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fairhire.runs import Run
from tests.commandline import fairhire, refused
from tests.training.conftest import write_corpus

SMALL = ("--modality", "text", "--hidden", 4, "--batch", 10, "--epochs", 3, "--fractions", "0.5/0.25/0.25")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a rated corpus and a run on it with all ratings lie, and one without."""
    path = tmp_path_factory.mktemp("ratings")
    write_corpus(
        path / "corpus",
        people=40,
        rated=lambda number, merit: {
            "interview": (merit + number % 2) / 2,
            "skill": 1 + number % 5 if number % 3 else float("nan"),
            "sold": float(merit),
        },
    )
    for name, words in (("rated", ("--rating", "all")), ("bare", ())):
        said = fairhire("train", path / "corpus", *SMALL, *words, "--out", path / name)
        assert said.code == 0, said
        (path / f"{name}.txt").write_text(said.out)
    return path


def test_every_rating_is_printed_with_its_count_and_beside_the_training_mean(folder: Path) -> None:
    printed = (folder / "rated.txt").read_text()
    run = Run(folder / "rated")
    assert run.config["ratings"] == ["all"]
    assert run.ratings is not None
    assert "ratings of test people, 95 % intervals by person" in printed
    assert "always the training mean" in printed
    rows = [line.split("│")[1:-1] for line in printed.splitlines() if line.startswith("│")]
    figures = {(row[0].strip(), row[2].strip()): row for row in rows if len(row) == 5}
    assert list(figures) == [
        *(("interview", figure) for figure in ("1 - MAE", "R2", "Pearson r")),
        *(("skill", figure) for figure in ("MAE", "R2", "Pearson r")),
        ("sold", "AUC"),
    ]
    test = run.ratings.split == "test"
    for place, name in enumerate(run.ratings.names):
        known = int((test & ~np.isnan(run.ratings.annotated[:, place])).sum())
        assert {row[1].strip() for (rating, _), row in figures.items() if rating == name} == {str(known)}
    assert figures["sold", "AUC"][4].strip() == "0.500 [0.500, 0.500]"


def test_without_ratings_none_is_printed(folder: Path) -> None:
    assert "ratings of test people" not in (folder / "bare.txt").read_text()


@pytest.mark.parametrize("name", ["ratings.csv", "ratings.parquet"])
def test_predict_writes_ratings_beside_the_scores(folder: Path, tmp_path: Path, name: str) -> None:
    words = ("--out", tmp_path / "s.csv", "--ratings", tmp_path / name)
    said = fairhire("predict", folder / "rated", folder / "corpus", *words)
    assert said.code == 0, said
    read = pd.read_csv if name.endswith(".csv") else pd.read_parquet
    found, ratings = read(tmp_path / name), Run(folder / "rated").ratings
    assert ratings is not None
    assert list(found.columns)[3:5] == ["interview:predicted", "interview:annotated"]
    np.testing.assert_allclose(found["skill:predicted"].astype(float), ratings.predicted[:, 1], atol=1e-5)
    np.testing.assert_array_equal(found["skill:annotated"].isna(), np.isnan(ratings.annotated[:, 1]))


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (("--rating", "smell"), 2, r"rating: expected one of all, interview, skill, sold \(.*\), got 'smell'"),
        (("--rating", "skill", "--rating", "skill"), 2, "rating: expected every name once, got skill, skill"),
        (("--rating", "skill", "--rating-weight", "0"), 2, "rating-weight: expected a number from"),
    ],
)
def test_ratings_that_cannot_be_trained_are_one_line(
    folder: Path, tmp_path: Path, words: tuple[str, ...], code: int, match: str
) -> None:
    refused(code, match, "train", folder / "corpus", *SMALL, *words, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ratings_that_cannot_be_predicted_are_one_line(folder: Path, tmp_path: Path) -> None:
    words = (folder / "corpus", "--out", tmp_path / "s.csv", "--ratings")
    refused(2, "--ratings: expected a run .*trained with --rating, got", "predict", folder / "bare", *words, "r.csv")
    refused(2, r"--ratings: expected a name ending in \.parquet or \.csv", "predict", folder / "rated", *words, "r.txt")
    assert not (tmp_path / "s.csv").exists()
