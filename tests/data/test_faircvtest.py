from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fairhire.data.faircvtest import read
from fairhire.data.imported import Imported, write_imported
from fairhire.errors import DataError, UsageError

WriteCsv = Callable[..., Path]

MERITS = ["education", "experience", "recommendation", "availability", *(f"language_{n}" for n in range(1, 9))]
FACES = [f"face_{n:02d}" for n in range(20)]
AGNOSTIC = [f"agnostic_face_{n:02d}" for n in range(20)]
PREDICTIONS = ["scenario1_blind", "scenario2_biased", "scenario3_competencies", "scenario4_face"]
PREDICTIONS += ["scenario4_agnostic_face"]
HEADER = ["profile_id", "ethnicity", "gender", *MERITS, *FACES, *AGNOSTIC, "blind_label", "biased_label", *PREDICTIONS]

PROFILES = [  # id, ethnicity, gender, fair score, biased score
    ("gender-0000", 0, 0, 0.2, 0.3),
    ("gender-0001", 1, 1, 0.9, 0.5),
    ("gender-0002", 2, 0, 0.6, 0.7),
    ("gender-0003", 1, 1, 0.4, 0.1),
]


def rows() -> list[list[object]]:
    table: list[list[object]] = [list(HEADER)]
    for place, (name, ethnicity, gender, blind, biased) in enumerate(PROFILES):
        merits = [place, 0.5 + place, place % 2, 5, *range(8)]
        faces = [round(0.01 * place + 0.001 * n, 6) for n in range(40)]
        table.append([name, ethnicity, gender, *merits, *faces, blind, biased, *[0.5] * 5])
    return table


@pytest.fixture
def source(tmp_path: Path, write_csv: WriteCsv) -> Path:
    return write_csv(tmp_path / "faircvtest" / "faircvtest_gender.csv.gz", rows()).parent


def labels(imported: Imported) -> list[bool | None]:
    return [row.interview.hirable for row in imported.interviews]


def test_a_profile_is_one_answer_of_merits_and_face(source: Path) -> None:
    imported = read(source)
    second = list(imported.interviews)[1].interview
    assert (second.id, second.candidate) == ("gender-0001", "gender-0001")
    assert len(second.answers) == 1
    merits, video = (second.answers[0].features[name] for name in ("merits", "video"))
    assert merits.tolist() == [[1, 1.5, 1, 5, *range(8)]]
    np.testing.assert_allclose(video[0], 0.01 + 0.001 * np.arange(20), rtol=1e-6)
    assert second.face is not None
    assert second.face.tolist() == video[0].tolist()
    assert second.answers[0].words is None
    assert [(m.name, m.width) for m in imported.modalities] == [("merits", 12), ("video", 20)]


def test_agnostic_faces_are_the_other_twenty_columns(source: Path) -> None:
    imported = read(source, faces="agnostic")
    face = next(iter(imported.interviews)).interview.face
    np.testing.assert_allclose(face, 0.001 * np.arange(20, 40), rtol=1e-5)
    assert imported.provenance["faces"] == "agnostic"


def test_the_upper_half_of_the_chosen_score_is_hirable(source: Path) -> None:
    assert labels(read(source)) == [False, True, True, False]
    assert labels(read(source, label="biased")) == [False, True, True, False]
    assert labels(read(source, label="blind")) == [False, True, True, False]
    assert [row.targets for row in read(source).interviews][2] == {"biased_label": 0.7}
    assert [row.targets for row in read(source, label="blind").interviews][2] == {"blind_label": 0.6}


def test_a_score_at_the_median_is_not_above_it(tmp_path: Path, write_csv: WriteCsv) -> None:
    table = rows()
    blind, biased = HEADER.index("blind_label"), HEADER.index("biased_label")
    for row, (fair, unfair) in zip(table[1:], [(0.1, 0.5), (0.5, 0.5), (0.5, 0.5), (0.9, 0.9)], strict=True):
        row[blind], row[biased] = fair, unfair
    source = write_csv(tmp_path / "faircvtest_gender.csv", table)
    assert labels(read(tmp_path)) == [False, False, False, True]
    assert labels(read(source, label="blind")) == [False, False, False, True]


def test_people_and_truth_lie_beside_the_corpus(source: Path, tmp_path: Path) -> None:
    imported = read(source)
    corpus = write_imported(imported, tmp_path / "c")
    assert imported.people["gender"].tolist() == ["male", "female", "male", "female"]
    assert imported.people["ethnicity"].tolist() == ["Asian", "White", "Black", "White"]
    assert imported.truth is not None
    assert imported.truth["hirable_unbiased"].tolist() == [0, 1, 1, 0]
    assert imported.truth.columns.tolist() == ["interview", "blind_label", "biased_label", "hirable_unbiased"]
    assert "target:blind_label" not in corpus.interviews
    assert corpus.check() == []
    assert corpus.faces.shape == (4, 20)
    assert [(item.n, item.what) for item in imported.left_out] == [(5, "columns of published predictions")]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("gender", "2", "row 2, column 'gender': expected one of 0, 1, got '2'"),
        # the source's README lists 0, 1, 3; a file that follows it is not this data set
        ("ethnicity", "3", "row 2, column 'ethnicity': expected one of 0, 1, 2, got '3'"),
        ("profile_id", "gender-0000", "row 2, column 'profile_id': expected every value once"),
        ("experience", "", "row 2, column 'experience': expected a finite number"),
        ("face_07", "nan", "row 2, column 'face_07': expected a finite number"),
        ("biased_label", "high", "row 2, column 'biased_label': expected a finite number, got 'high'"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, write_csv: WriteCsv, column: str, value: str, words: str) -> None:
    table = rows()
    table[2][HEADER.index(column)] = value
    write_csv(tmp_path / "faircvtest_gender.csv", table)
    with pytest.raises(DataError, match=words):
        read(tmp_path)


@pytest.mark.parametrize("column", ["profile_id", "gender", "language_8", "face_00", "blind_label", "biased_label"])
def test_a_missing_column_is_named(tmp_path: Path, write_csv: WriteCsv, column: str) -> None:
    place = HEADER.index(column)
    write_csv(tmp_path / "faircvtest_gender.csv", [row[:place] + row[place + 1 :] for row in rows()])
    with pytest.raises(DataError, match=f"expected a column '{column}'"):
        read(tmp_path)


def test_an_unknown_column_is_refused_and_missing_predictions_are_not(tmp_path: Path, write_csv: WriteCsv) -> None:
    write_csv(tmp_path / "faircvtest_gender.csv", [row[:-5] for row in rows()])
    assert read(tmp_path).left_out == ()
    write_csv(
        tmp_path / "faircvtest_gender.csv", [[*row, "age" if place == 0 else 30] for place, row in enumerate(rows())]
    )
    with pytest.raises(DataError, match="got 'age' as well"):
        read(tmp_path)


def test_other_choices_are_refused(source: Path) -> None:
    with pytest.raises(UsageError, match="label: expected biased or blind, got 'fair'"):
        read(source, label="fair")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="faces: expected plain or agnostic, got 'none'"):
        read(source, faces="none")  # type: ignore[arg-type]


@pytest.mark.skipif("FAIRHIRE_DATA" not in os.environ, reason="needs the real data: set FAIRHIRE_DATA to their folder")
def test_the_real_profiles_are_those_of_the_readme() -> None:
    imported = read(Path(os.environ["FAIRHIRE_DATA"]) / "faircvtest")
    assert imported.people["gender"].value_counts().to_dict() == {"male": 2400, "female": 2400}
    assert imported.people["candidate"].nunique() == 4800
    assert imported.truth is not None
    means = (
        imported.truth.groupby(imported.people["gender"].to_numpy())[["blind_label", "biased_label"]].mean().round(3)
    )
    assert means.loc["male"].tolist() == [0.426, 0.426]
    assert means.loc["female"].tolist() == [0.425, 0.306]
    faces = np.stack([row.interview.face for row in imported.interviews])
    np.testing.assert_allclose(np.linalg.norm(faces, axis=1), 1, atol=1e-4)
