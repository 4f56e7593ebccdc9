"""Erasers become part of the model: what was to be found again is not, and what the score says stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairhire.data.corpus import Corpus
from fairhire.errors import DataError
from fairhire.retrieval import retrieve_faces
from fairhire.runs import Run
from fairhire.training import predict, train
from fairhire.training.erase import SHARES, Found
from tests.training.conftest import MakeCorpus, Tiny

SETTINGS: dict[str, Any] = {"fractions": (0.5, 0.25, 0.25), "fused": 8, "epochs": 6, "batch": 20, "face_width": 6}


@pytest.fixture(scope="module")
def crowd(make_corpus: MakeCorpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("crowd") / "c", people=160, width=6)


@pytest.fixture(scope="module")
def bare(crowd: Corpus, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(crowd, tiny(**SETTINGS), tmp_path_factory.mktemp("erase") / "bare")


@pytest.fixture(scope="module")
def cut(crowd: Corpus, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = tiny(offset="face", erase="cut", **SETTINGS)
    return train(crowd, config, tmp_path_factory.mktemp("erase") / "cut")


def faces_found(run: Run, corpus: Corpus) -> float:
    """Return the mean-rank AUC with which test people's faces are found by a fresh probe of training people."""
    scores = run.scores
    found = retrieve_faces(
        scores.representation, np.asarray(corpus.faces)[corpus.face_rows], persons=scores.candidates,
        fit=scores.split == "train", test=scores.split == "test", face_mask=corpus.face_rows >= 0, at=(1,),
    )  # fmt: skip
    return max(reading.auc.value for reading in found.readings)  # type: ignore[union-attr]


def test_faces_are_found_before_and_not_after(bare: Run, cut: Run, crowd: Corpus) -> None:
    assert faces_found(bare, crowd) > 0.75
    (record,) = cut.provenance["erasures"]
    before, after = record["face_retrieval_before"], record["face_retrieval_after"]
    assert before["auc"] > after["auc"] + 0.1
    at_chance = Found(after["auc"], after["standard_error"], after["people"]).at_chance
    assert at_chance or record["cut_share"] == 0  # the score is what it is: a cut cannot go further
    assert faces_found(cut, crowd) < faces_found(bare, crowd) - 0.1
    assert record["cut_share"] in SHARES


def test_the_cut_changes_no_score(crowd: Corpus, tiny: Tiny, tmp_path: Path, cut: Run) -> None:
    uncut = train(crowd, tiny(offset="face", erase="none", **SETTINGS), tmp_path / "uncut")
    np.testing.assert_allclose(cut.scores.score, uncut.scores.score, atol=1e-6)
    representation = cut.scores.representation
    assert representation is not None
    assert representation.shape[1] == cut.provenance["erasures"][0]["rank_after"]
    assert uncut.scores.representation is not None
    assert uncut.scores.representation.shape[1] == 8
    assert uncut.provenance["erasures"] == []


def test_a_deployed_model_cannot_be_asked_without_its_guard(cut: Run, crowd: Corpus) -> None:
    again = predict(cut, crowd)
    np.testing.assert_array_equal(again.representation, cut.scores.representation)
    np.testing.assert_array_equal(again.score, cut.scores.score)


def test_face_leace_leaves_no_line_of_the_face_among_training_people(
    crowd: Corpus, tiny: Tiny, tmp_path: Path, bare: Run
) -> None:
    run = train(crowd, tiny(erase="face-leace", **SETTINGS), tmp_path / "leace")
    fit = run.scores.split == "train"
    (record,) = run.provenance["erasures"]
    assert record["components_erased"] >= 1
    faces = np.asarray(crowd.faces)[crowd.face_rows][fit].astype(float)
    _, directions = np.linalg.eigh(np.cov(faces.T))
    leading = (faces - faces.mean(0)) @ directions[:, ::-1][:, : record["components"]]

    def largest(one: Run) -> float:
        vectors = one.scores.representation[fit].astype(float)  # type: ignore[index]
        vectors = (vectors - vectors.mean(0)) / vectors.std(0).clip(1e-9)
        return float(np.abs(vectors.T @ (leading / leading.std(0))).max() / fit.sum())

    assert largest(run) < 1e-4
    assert largest(bare) > 0.2


def test_erasers_stand_at_every_site_that_is_named_and_in_the_order_of_the_data(
    crowd: Corpus, tiny: Tiny, tmp_path: Path
) -> None:
    config = tiny(erase="face-leace", sites=("fused", "modalities", "audio answers"), **SETTINGS)
    run = train(crowd, config, tmp_path / "sites")
    assert [record["site"] for record in run.provenance["erasures"]] == ["audio answers", "audio", "text", "fused"]
    for record in run.provenance["erasures"]:
        if record["site"] in run.layers:
            assert run.sources()[record["site"]].shape[1] == record["rank_after"]


def test_several_erasers_act_one_after_another(crowd: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    run = train(crowd, tiny(erase="face-leace+cut", cut_share=0.5, **SETTINGS), tmp_path / "two")
    (record,) = run.provenance["erasures"]
    assert record["eraser"] == "face-leace+cut"
    assert record["components_erased"] >= 1
    assert record["cut_share"] == 0.5
    assert record["rank_after"] < 8 - record["components_erased"] + 1


def test_where_all_but_the_score_has_to_go_it_is_said(crowd: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    run = train(crowd, tiny(offset="face", erase="cut", cut_share=0.0, **SETTINGS), tmp_path / "mute")
    assert any("everything but the score had to go" in remark for remark in run.provenance["remarks"])
    assert run.provenance["erasures"][0]["rank_after"] == 1


def test_an_eraser_that_cannot_be_fitted_names_its_site_and_leaves_no_run(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    few = make_corpus(
        tmp_path / "c", people=60, faces=lambda person: person in (0, 2, 4, 6, 8, 9, 12, 18, 20, 21, 30, 33)
    )
    config = replace(tiny(erase="face-leace", **SETTINGS), sites=("fused",))
    with pytest.raises(DataError, match=r"^(erasing at fused: face-leace: expected at least|[^\n]*expected faces of)"):
        train(few, config, tmp_path / "run")
    assert not (tmp_path / "run" / "provenance.json").exists()


@pytest.mark.parametrize(("auc", "error", "chance"), [(0.52, 0.05, True), (0.48, 0.001, True), (0.53, 0.05, False)])
def test_at_chance_is_half_a_standard_error_at_most(auc: float, error: float, chance: bool) -> None:
    assert Found(auc, error, 100).at_chance is chance


def test_where_nobody_can_be_looked_for_the_strongest_cut_is_taken_and_said(
    crowd: Corpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairhire.training.erase.find_again", lambda *_: None)
    run = train(crowd, tiny(offset="face", erase="cut", **SETTINGS), tmp_path / "unseen")
    (record,) = run.provenance["erasures"]
    assert record["cut_share"] == 0
    assert any("nobody has looked at what is left" in remark for remark in run.provenance["remarks"])


def test_a_cut_without_a_face_says_that_nobody_has_looked(crowd: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    run = train(crowd, tiny(erase="cut", **SETTINGS), tmp_path / "blind")
    assert any("no face or voice was read" in remark for remark in run.provenance["remarks"])
