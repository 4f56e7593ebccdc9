from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairhire.data import DATASETS
from fairhire.data.corpus import Corpus, Modality
from fairhire.data.imported import Imported, ImportedInterview, write_imported
from fairhire.errors import DataError
from fairhire.interview import Answer, Interview
from fairhire.left_out import LeftOut, counted


def one(name: str, candidate: str) -> ImportedInterview:
    answer = Answer({"audio": np.ones((1, 2), np.float32)})
    return ImportedInterview(Interview(name, candidate, (answer,)), {"official": "train"}, {"rating": 0.5})


def source() -> Imported:
    return Imported(
        modalities=(Modality("audio", 2),),
        interviews=[one("i1", "kim"), one("i2", "lee")],
        people=pd.DataFrame({"candidate": ["kim", "lee"], "gender": ["female", "unknown"]}),
        splits=("official",),
        targets=("rating",),
        truth=pd.DataFrame({"interview": ["i1", "i2"], "merit": [0.25, -1.0]}),
        left_out=(LeftOut("clips", 3, "too long"),),
        provenance={"source": "made up"},
    )


def test_a_source_becomes_a_corpus_with_people_and_truth_beside_it(tmp_path: Path) -> None:
    corpus = write_imported(source(), tmp_path / "c")
    assert [interview.id for interview in corpus] == ["i1", "i2"]
    assert (tmp_path / "c.people.csv").read_text() == "candidate,gender\nkim,female\nlee,unknown\n"
    assert (tmp_path / "c.truth.csv").read_text() == "interview,merit\ni1,0.25\ni2,-1.0\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "c.people.csv", "c.truth.csv"]
    left_out = [{"what": "clips", "n": 3, "why": "too long"}]
    assert corpus.record["provenance"] == {"source": "made up", "left_out": left_out}
    assert corpus.interviews["split:official"].tolist() == ["train", "train"]


def test_neither_people_nor_truth_are_in_the_corpus(tmp_path: Path) -> None:
    write_imported(source(), tmp_path / "c")
    files = [path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()]
    for word in (b"gender", b"female", b"unknown", b"merit"):
        assert not any(word in data for data in files)


def test_interviews_may_come_one_after_another(tmp_path: Path) -> None:
    imported = source()
    corpus = write_imported(replace(imported, interviews=iter(list(imported.interviews))), tmp_path / "c")
    assert len(corpus) == 2


def test_a_source_that_fails_half_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    write_imported(source(), tmp_path / "c")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def broken() -> Iterator[ImportedInterview]:
        yield one("i9", "kim")
        raise DataError("row 2: expected an answer, got none")

    people = pd.DataFrame({"candidate": ["kim"]})
    with pytest.raises(DataError, match="row 2"):
        write_imported(replace(source(), interviews=broken(), people=people, truth=None), tmp_path / "c")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.raises(DataError, match="row 2"):
        write_imported(replace(source(), interviews=broken()), tmp_path / "new")
    assert not list(tmp_path.glob("*new*"))


def test_the_truth_about_an_older_corpus_does_not_stay_behind(tmp_path: Path) -> None:
    write_imported(source(), tmp_path / "c")
    write_imported(replace(source(), truth=None), tmp_path / "c")
    assert not (tmp_path / "c.truth.csv").exists()
    assert len(Corpus(tmp_path / "c")) == 2


def test_only_what_was_left_out_is_counted() -> None:
    some, none = LeftOut("clips", 3, "too long"), LeftOut("faces", 0, "too dark")
    assert counted(some, none, some) == (some, some)


@pytest.mark.parametrize("name", DATASETS)
def test_every_importer_refuses_an_empty_folder_in_one_line(tmp_path: Path, name: str) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=r"expected a file .*, found none") as caught:
            DATASETS[name](folder)
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)
