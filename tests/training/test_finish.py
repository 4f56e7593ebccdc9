"""A finished run: complete, its hashes true, its counts right, and nothing in it of an adversary or a face."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fairhire.adversaries.label import SensitiveLabels
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError
from fairhire.model import load_model
from fairhire.runs import Run
from fairhire.training import TrainConfig, train
from fairhire.training.attention import attention_summary
from fairhire.training.finish import _remarks, fingerprint
from fairhire.training.journal import Journal
from fairhire.training.prepare import prepare
from fairhire.training.selection import Checkpoint, choose

Tiny = Callable[..., TrainConfig]
MakeCorpus = Callable[..., Corpus]


@pytest.fixture(params=["undefended", "defended"])
def run(request: pytest.FixtureRequest) -> Run:
    finished: Run = request.getfixturevalue(request.param)
    return finished


def labels_for(corpus: Corpus) -> SensitiveLabels:
    people = corpus.interviews[["id", "candidate"]].to_numpy(dtype=str)
    return SensitiveLabels(("f", "m"), {name: int(candidate[1:]) // 2 % 2 for name, candidate in people})


def test_the_folder_holds_what_it_promises_and_nothing_else(run: Run) -> None:
    files = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    assert files == {
        "config.json",
        "history.jsonl",
        "layers/attention.npy",
        "layers/audio answers.npy",
        "layers/audio.npy",
        "layers/text answers.npy",
        "layers/text.npy",
        "model/config.json",
        "model/weights.safetensors",
        "model/words.txt",
        "provenance.json",
        "representation.npy",
        "scores.parquet",
    }
    assert {path.name for path in run.path.iterdir() if path.is_dir()} == {"layers", "model"}  # no training/


def test_the_hashes_are_true(run: Run, corpus: Corpus) -> None:
    for name, expected in run.provenance["files"].items():
        assert hashlib.sha256((run.path / name).read_bytes()).hexdigest() == expected
    assert set(run.provenance["files"]) >= {"model/weights.safetensors", "scores.parquet"}
    recorded = run.provenance["corpus"]
    assert recorded["corpus_sha256"] == hashlib.sha256((corpus.path / "corpus.json").read_bytes()).hexdigest()
    assert recorded["interviews"] == len(corpus)


def test_only_a_run_that_reads_faces_depends_on_them(undefended: Run, defended: Run, corpus: Corpus) -> None:
    assert undefended.provenance["corpus"]["faces_sha256"] is None
    faces = hashlib.sha256((corpus.path / "biometrics" / "biometrics.json").read_bytes()).hexdigest()
    assert defended.provenance["corpus"]["faces_sha256"] == faces


def test_everything_that_is_read_has_its_print(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text("well 1 2\n")
    bare = fingerprint(corpus, tiny(), None, None)
    assert {name for name, value in bare.items() if value is not None} == {"corpus_sha256"}
    labels = labels_for(corpus)
    full = fingerprint(corpus, tiny(adversary="label"), tmp_path / "v.vec", labels)
    assert full["word_vectors_sha256"] is not None
    assert full["sensitive_labels"] is not None
    flipped = SensitiveLabels(("f", "m"), {name: 1 - place for name, place in labels.of.items()})
    assert fingerprint(corpus, tiny(adversary="label"), None, flipped)["sensitive_labels"] != full["sensitive_labels"]
    backwards = SensitiveLabels(("f", "m"), dict(reversed(list(labels.of.items()))))
    assert fingerprint(corpus, tiny(adversary="label"), None, backwards)["sensitive_labels"] == full["sensitive_labels"]


def test_the_counts_are_right(run: Run, corpus: Corpus) -> None:
    setting = prepare(corpus, TrainConfig.from_dict(run.config))
    record = run.provenance
    assert record["trained_on"] == len(setting.train) > 0
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    for part in ("train", "validation", "test"):
        assert record["interviews"][part] == int((run.scores.split == part).sum()) > 0
        assert record["candidates"][part] == len(set(people[run.scores.split == part]))
    assert sum(record["interviews"].values()) == len(corpus)
    assert record["seed"] == run.config["seed"]
    assert record["device"] == "cpu"
    assert set(record["versions"]) == {"python", "fairhire", "torch", "numpy", "safetensors", "lightning-fabric"}
    assert record["sensitive_labels_read"] is False


def test_the_scores_are_the_corpus_row_by_row(run: Run, corpus: Corpus) -> None:
    scores = run.scores
    assert scores.ids.tolist() == corpus.interviews["id"].tolist()
    assert scores.candidates.tolist() == corpus.interviews["candidate"].tolist()
    assert scores.hirable is not None
    assert scores.hirable.tolist() == corpus.interviews["hirable"].astype(int).tolist()
    assert ((scores.score > 0) & (scores.score < 1)).all()
    np.testing.assert_array_equal(scores.decision, scores.score >= run.config["threshold"])
    assert scores.representation is not None
    assert scores.representation.shape == (len(corpus), load_model(run.model).representation_width)


def test_the_layers_are_what_the_towers_say_row_by_row(run: Run, corpus: Corpus) -> None:
    model, config = load_model(run.model), TrainConfig.from_dict(run.config)
    reader = prepare(corpus, config).reader
    some = np.array([7, 0, 19])
    batch = reader.read(some)
    with torch.inference_mode():
        output = model.eval()(batch)
    names = list(model.config.modalities)
    expected = dict(output.vectors)
    for name in names:
        of = batch.features[name].interview
        expected[f"{name} answers"] = torch.stack([output.answer_vectors[name][of == b].mean(dim=0) for b in range(3)])
    expected["attention"] = attention_summary(output, batch)
    assert list(run.layers) == list(expected)
    for name, layer in run.layers.items():
        assert layer.dtype == np.float32
        assert layer.shape == (len(corpus), expected[name].shape[1])
        np.testing.assert_allclose(layer[some], expected[name].numpy(), atol=1e-5, rtol=0)
        assert run.provenance["layers"][name] == {"width": expected[name].shape[1], "absent": 0}
        assert f"layers/{name}.npy" in run.provenance["files"]
    assert {name: run.layers[name].shape[1] for name in names} == dict.fromkeys(names, 2 * config.hidden)
    assert list(run.sources()) == ["score", "representation", *expected]


@pytest.mark.parametrize("model", ["hirenet", "hn-satt", "hn-avg", "bigru"])
@pytest.mark.parametrize("fusion", ["early", "late", "gated"])
def test_every_model_records_its_layers_and_zeros_where_nothing_was(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, model: str, fusion: str
) -> None:
    corpus = make_corpus(tmp_path / "c", recorded=lambda person: person not in (4, 5))
    run = train(corpus, tiny(model=model, fusion=fusion, epochs=1), tmp_path / "run")
    silent = np.isin(corpus.interviews["candidate"].to_numpy(dtype=str), ["c004", "c005"])
    assert set(run.layers) == {"audio", "text", "audio answers", "text answers", "attention"}
    for name, layer in run.layers.items():
        assert np.isfinite(layer).all()
        np.testing.assert_array_equal(layer.any(axis=1), ~silent)
        assert run.provenance["layers"][name]["absent"] == silent.sum()


def test_the_settings_are_those_asked_for(undefended: Run, defended: Run, tiny: Tiny) -> None:
    assert TrainConfig.from_dict(undefended.config) == tiny()
    assert TrainConfig.from_dict(defended.config) == tiny(adversary="face")


def test_history_has_a_line_an_epoch_and_shows_adversary_accuracy_beside_chance(undefended: Run, defended: Run) -> None:
    for run in (undefended, defended):
        assert [record["epoch"] for record in run.history] == [1, 2, 3, 4]
        assert all(0 < record["loss"] < 2 for record in run.history)
        assert all(0 <= record["validation_f1"] <= 1 for record in run.history)
    assert not any("adversary_accuracy" in record for record in undefended.history)
    assert ["adversary_accuracy" in record for record in defended.history] == [False, True, True, True]
    for record in defended.history[1:]:
        assert 0 <= record["adversary_accuracy"] <= 1
        assert 0 < record["adversary_chance"] < 0.5
    full = ["validation_face_retrieval_auc" in record for record in defended.history]
    assert full == [False, False, True, True]  # the fresh probe judges what may be chosen


def test_what_is_chosen_is_what_the_rule_says(undefended: Run, defended: Run, tiny: Tiny) -> None:
    for run in (undefended, defended):
        face = "validation_face_retrieval_auc"
        task = "validation_auc" if run is undefended else "validation_auc_with_offset"
        full = [record for record in run.history if run is undefended or face in record]
        rule = choose([Checkpoint(r["epoch"], 1.0, r[task], 0.5, r.get(face, 0.5)) for r in full], tiny().tolerance)
        assert run.provenance["chosen_epoch"] == rule.epoch == run.chosen["epoch"]
        assert run.provenance["chosen_by"][task] == rule.task
    assert undefended.provenance["chosen_strength"] is None
    assert "validation_face_retrieval_auc" not in undefended.provenance["chosen_by"]
    assert defended.provenance["chosen_strength"] == 1.0
    assert "validation_face_retrieval_auc" in defended.provenance["chosen_by"]


# --- no face, no adversary -------------------------------------------------------------------------------------------


def numbers_in(run: Run) -> np.ndarray:
    """Return every number of the deployed weights."""
    return np.concatenate([t.numpy().ravel() for t in load_file(run.model / "weights.safetensors").values()])


def test_no_number_of_a_face_is_in_the_model_and_no_face_in_any_file(defended: Run, corpus: Corpus) -> None:
    setting = prepare(corpus, TrainConfig.from_dict(defended.config))
    adversary: Any = setting.attacks["face"](4)
    target = adversary.target
    secrets = np.concatenate([corpus.faces.ravel(), target.mean.numpy(), target.components.numpy().ravel()])
    assert not np.isin(numbers_in(defended), secrets[secrets != 0]).any()
    rows = [
        *corpus.faces,
        target.mean.numpy(),
        *target.components.numpy().T,
        *target(torch.from_numpy(np.array(corpus.faces))).numpy(),
    ]
    patterns = [np.ascontiguousarray(row, dtype=kind).tobytes() for row in rows for kind in ("<f4", "<f8")]
    for path in defended.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(pattern in data for pattern in patterns), path
    # the search would find one
    assert patterns[0] in (corpus.path / "biometrics" / "faces.npy").read_bytes()


def test_the_model_is_the_same_network_with_and_without_an_adversary(undefended: Run, defended: Run) -> None:
    plain, fair = (load_file(run.model / "weights.safetensors") for run in (undefended, defended))
    shapes = {name: value.shape for name, value in fair.items() if not name.startswith("guards.")}
    assert {name: value.shape for name, value in plain.items()} == shapes
    for path in defended.path.rglob("*"):
        assert "adversary" not in path.name
    assert b"adversary" not in (defended.model / "weights.safetensors").read_bytes()
    assert b"adversary" not in (defended.model / "config.json").read_bytes()


# --- what is said aloud ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("defeated", [True, False])
def test_a_defeated_face_adversary_is_said_aloud(corpus: Corpus, tiny: Tiny, tmp_path: Path, defeated: bool) -> None:
    hard = {"strengths": (100.0,), "ramp": 0.0, "adversary_steps": 1, "adversary_learning_rate": 1e-4}
    gentle = {"strengths": (0.01,), "adversary_steps": 10, "adversary_learning_rate": 3e-3}
    settings = {"epochs": 6, "learning_rate": 0.02, **(hard if defeated else gentle)}
    config = tiny(adversary="face-regression", **settings)
    run = train(corpus, config, tmp_path / "run")
    worst = max(record.get("adversary_loss", 0.0) for record in run.history[2:])
    assert (worst > 1.2) == defeated
    said = [remark for remark in run.provenance["remarks"] if "defeated" in remark]
    assert len(said) == int(defeated)
    if defeated:
        assert f"its loss reached {worst:.1f} times that of guessing the mean face" in said[0]


def test_missing_faces_and_batches_without_two_are_counted(make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "c", faces=lambda person: person % 3 != 1)
    run = train(corpus, tiny(adversary="face", batch=2, epochs=3), tmp_path / "run")
    missing, skipped, *of_erasers = run.provenance["remarks"]
    assert missing.endswith("training interviews have no face: they teach the task only")
    sat_out = sum(record.get("batches_without_two_people", 0) for record in run.history)
    assert sat_out > 0
    assert skipped == f"{sat_out} batches had fewer than two candidates to tell apart: the adversary sat them out"
    assert all(remark.startswith("at fused: ") for remark in of_erasers)


def test_interviews_that_take_no_part_are_scored_or_said_to_have_no_score(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    corpus = make_corpus(
        tmp_path / "c",
        hirable=lambda person, merit: None if person in (1, 2) else merit,
        recorded=lambda person: person not in (4, 5),
    )
    run = train(corpus, tiny(epochs=2), tmp_path / "run")
    people, scores = corpus.interviews["candidate"].to_numpy(dtype=str), run.scores
    silent, unlabelled = np.isin(people, ["c004", "c005"]), np.isin(people, ["c001", "c002"])
    np.testing.assert_array_equal(np.isnan(scores.score), silent)
    np.testing.assert_array_equal(scores.decision == -1, silent)
    assert scores.hirable is not None
    np.testing.assert_array_equal(scores.hirable == -1, unlabelled)
    assert [(item["n"], item["why"].partition(":")[0]) for item in run.provenance["left_out"]] == [
        (2, "no hirable label"),
        (2, "nothing recorded in audio, text"),
    ]


def test_the_label_adversary_is_said_aloud_in_the_provenance(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    run = train(corpus, tiny(adversary="label"), tmp_path / "run", sensitive_labels=labels_for(corpus))
    assert run.provenance["sensitive_labels_read"] is True
    assert run.provenance["corpus"]["sensitive_labels"] is not None
    assert "READS SENSITIVE LABELS" in run.provenance["remarks"][0]
    assert "adversary_accuracy" in run.history[-1]
    for path in run.path.rglob("*"):  # but none of them is kept
        assert not path.is_file() or b'"f"' not in path.read_bytes()


def test_an_unfinished_run_is_not_taken_for_a_finished_one(defended: Run, tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    with pytest.raises(DataError, match="found an unfinished one"):
        Run(tmp_path)
    assert json.loads((defended.path / "provenance.json").read_text())["schema"] == 1


def test_a_regression_that_never_played_is_not_defeated_and_another_adversarys_loss_is_not_its_own() -> None:
    config = TrainConfig(adversary="face-regression+voice")
    silent = Journal(history=[{"epoch": 9, "loss": 1.0}])
    assert _remarks(config, silent) == []
    voice = Journal(history=[{"epoch": 9, "adversary_loss": 1.0, "adversary_loss, voice at fused": 5.5}])
    assert _remarks(config, voice) == []
    beaten = Journal(history=[{"epoch": 9, "adversary_loss": 3.0, "adversary_loss, voice at fused": 5.5}])
    (remark,) = _remarks(config, beaten)
    assert remark.startswith("the face adversary was defeated: its loss reached 3.0 times")
