"""What a trained model says of interviews: all of them, in their order, by its own files alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.errors import DataError, UsageError
from fairhire.interview import Answer, Interview
from fairhire.runs import Run
from fairhire.training import TrainConfig, predict
from fairhire.training.predict import run_model
from fairhire.training.prepare import prepare

MakeCorpus = Callable[..., Corpus]


def copy_of(run: Run, path: Path) -> Run:
    shutil.copytree(run.path, path)
    return Run(path)


@pytest.mark.parametrize("adversary", ["undefended", "defended"])
def test_predicting_the_corpus_of_a_run_gives_the_scores_of_the_run(
    corpus: Corpus, adversary: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(adversary)
    scores = predict(run, corpus)
    np.testing.assert_allclose(scores.score, run.scores.score, atol=1e-6, rtol=0)
    assert scores.representation is not None
    assert run.scores.representation is not None
    np.testing.assert_allclose(scores.representation, run.scores.representation, atol=1e-5, rtol=0)
    np.testing.assert_array_equal(scores.decision, run.scores.decision)
    assert set(scores.split) == {""}  # nobody knows who trained whom on another corpus


def test_rows_come_in_the_order_of_the_corpus_whatever_that_is(corpus: Corpus, undefended: Run, tmp_path: Path) -> None:
    interviews = list(corpus)
    order = np.random.default_rng(0).permutation(len(interviews))
    with CorpusWriter(tmp_path / "c", list(corpus.modalities.values())) as writer:
        for place in order:
            writer.add(interviews[place])
    shuffled, plain = predict(undefended, Corpus(tmp_path / "c")), predict(undefended, corpus)
    assert shuffled.ids.tolist() == corpus.interviews["id"].to_numpy(dtype=str)[order].tolist()
    np.testing.assert_allclose(shuffled.score, plain.score[order], atol=1e-6, rtol=0)
    assert shuffled.representation is not None
    assert plain.representation is not None
    np.testing.assert_allclose(shuffled.representation, plain.representation[order], atol=1e-5, rtol=0)
    assert len(np.unique(plain.score)) > 10


def test_the_size_of_a_batch_changes_nothing_and_progress_counts_interviews(
    corpus: Corpus, tiny: Callable[..., TrainConfig]
) -> None:
    setting = prepare(corpus, tiny())
    model, rows = setting.new_model(0), np.arange(len(corpus))[::-1].copy()
    one = run_model(model, setting.reader, rows, batch=1)
    seen: list[int] = []
    many = run_model(model, setting.reader, rows, batch=16, advance=lambda steps=1, facts="": seen.append(steps))
    np.testing.assert_allclose(one.score, many.score, atol=1e-6, rtol=0)
    np.testing.assert_allclose(one.representation, many.representation, atol=1e-5, rtol=0)
    assert sum(seen) == len(rows)
    assert not model.training


def test_faces_labels_and_candidates_play_no_part(corpus: Corpus, defended: Run, tmp_path: Path) -> None:
    with CorpusWriter(tmp_path / "c", list(corpus.modalities.values())) as writer:
        for interview in corpus:
            writer.add(Interview(interview.id, "somebody", interview.answers, job_title=interview.job_title))
    bare, full = predict(defended, Corpus(tmp_path / "c")), predict(defended, corpus)
    np.testing.assert_array_equal(bare.score, full.score)
    assert bare.hirable is not None
    assert (bare.hirable == -1).all()


def test_words_never_seen_are_fine_and_are_all_the_same_word(
    make_corpus: MakeCorpus, undefended: Run, tmp_path: Path
) -> None:
    one, other, none = (
        predict(undefended, make_corpus(tmp_path / f"with-{word}", extra_word=word)).score
        for word in ("zebra", "yak", "")
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, none)  # an unknown word is a word all the same


def test_an_interview_without_anything_to_read_has_no_score(undefended: Run, corpus: Corpus, tmp_path: Path) -> None:
    with CorpusWriter(tmp_path / "c", list(corpus.modalities.values())) as writer:
        writer.add(Interview("empty", "a", (Answer({}, None, "Why?"),)))
        writer.add(corpus[0])
    scores = predict(undefended, Corpus(tmp_path / "c"))
    assert np.isnan(scores.score).tolist() == [True, False]
    assert scores.decision[0] == -1
    assert scores.decision[1] in (0, 1)
    assert scores.representation is not None
    assert (scores.representation[0] == 0).all()


def test_decisions_use_the_threshold_of_the_run(undefended: Run, corpus: Corpus, tmp_path: Path) -> None:
    run = copy_of(undefended, tmp_path / "run")
    cut = float(np.median(predict(run, corpus).score))
    config = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps({**config, "threshold": cut}))
    scores = predict(Run(run.path), corpus)
    np.testing.assert_array_equal(scores.decision, (scores.score >= cut).astype(int))
    assert 0 < scores.decision.sum() < len(scores)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_another_width_is_refused(undefended: Run, make_corpus: MakeCorpus, tmp_path: Path) -> None:
    other = make_corpus(tmp_path / "c", people=4, width=5)
    with pytest.raises(DataError, match=r"^[^\n]*c, audio: expected width 3, got 5$"):
        predict(undefended, other)


def test_a_corpus_without_a_modality_of_the_model_is_refused(undefended: Run, tmp_path: Path) -> None:
    with CorpusWriter(tmp_path / "c", [Modality("audio", 3)]) as writer:
        writer.add(Interview("i", "a", (Answer({"audio": np.ones((2, 3), np.float32)}),)))
    with pytest.raises(DataError, match=r"^[^\n]*c: expected modality 'text', got audio$") as caught:
        predict(undefended, Corpus(tmp_path / "c"))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("damage", ["truncated", "missing", "another model", "text"])
def test_damaged_weights_are_refused(
    undefended: Run, defended: Run, corpus: Corpus, tmp_path: Path, damage: str
) -> None:
    run = copy_of(undefended, tmp_path / "run")
    path = run.model / "weights.safetensors"
    if damage == "missing":
        path.unlink()
    elif damage == "another model":
        config = json.loads((run.model / "config.json").read_text())
        (run.model / "config.json").write_text(json.dumps({**config, "hidden": 5}))
    else:
        path.write_bytes(path.read_bytes()[:-9] if damage == "truncated" else b"no weights at all")
    with pytest.raises(DataError, match=r"weights.safetensors: expected [^\n]+, got [^\n]+$"):
        predict(run, corpus)


@pytest.mark.parametrize("damage", ["missing", "shorter", "not text"])
def test_damaged_words_are_refused(undefended: Run, corpus: Corpus, tmp_path: Path, damage: str) -> None:
    run = copy_of(undefended, tmp_path / "run")
    path = run.model / "words.txt"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"well\n" if damage == "shorter" else b"\xff\xfe\n")
    with pytest.raises(DataError, match=r"words.txt: expected [^\n]+ got [^\n]+$"):
        predict(run, corpus)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_model_configuration_is_refused(undefended: Run, corpus: Corpus, tmp_path: Path, text: str) -> None:
    run = copy_of(undefended, tmp_path / "run")
    (run.model / "config.json").write_text(text)
    with pytest.raises(DataError, match=r"config.json: expected a model's configuration, got [^\n]+$"):
        predict(run, corpus)


@pytest.mark.parametrize("device", ["tpu", "", "gpu0", "cuda"])
def test_a_device_that_is_not_there_is_a_wrong_use(undefended: Run, corpus: Corpus, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has the GPU that the test does without")
    with pytest.raises(UsageError, match=r"^device: expected [^\n]+, got [^\n]+$"):
        predict(undefended, corpus, device=device)
