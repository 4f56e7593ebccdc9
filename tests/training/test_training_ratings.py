"""Several heads trained jointly: masked where unannotated, reproducible, and nothing of it without ratings."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fairhire.data.collate import BatchReader
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError, UsageError
from fairhire.estimate import Estimate, rating_metrics
from fairhire.model import load_model
from fairhire.runs import Run
from fairhire.training import TrainConfig, predict_with_ratings, train
from fairhire.training.prepare import prepare
from fairhire.training.ratings import PER_NUMBER, RatingScale, refit_ratings, resolve_ratings
from tests.training.conftest import MakeCorpus, Tiny

FilesOf = Callable[[Run | Path], dict[str, bytes]]
NAN = float("nan")
NAMES = ("warmth", "sold", "interview")


def rated(number: int, merit: bool) -> dict[str, float]:
    """Rate most interviews: warmth from 1 to 7, sold 0 or 1, interview from 0 to 1; each goes with merit, and noise."""
    noise = np.random.default_rng([5, number]).uniform(size=3)
    warmth = 1 + 4 * merit + 2 * noise[0]
    sold = float(merit) if noise[1] < 0.9 else 1.0 - merit
    return {
        "warmth": warmth if number % 4 else NAN,
        "sold": sold if number % 5 else NAN,
        "interview": (merit + noise[2]) / 2,
    }


@pytest.fixture(scope="module")
def graded(make_corpus: MakeCorpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 60 people, 80 interviews, rated as above; those of four people have no label."""
    return make_corpus(
        tmp_path_factory.mktemp("graded") / "c",
        people=60,
        rated=rated,
        hirable=lambda person, merit: None if person in (1, 2, 6, 9) else merit,
    )


SETTINGS: dict[str, Any] = {"ratings": ("all",), "epochs": 6}


@pytest.fixture(scope="module")
def run(graded: Corpus, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(graded, tiny(**SETTINGS), tmp_path_factory.mktemp("rated") / "run")


def rated_files(run: Run | Path, files_of: FilesOf) -> dict[str, bytes]:
    path = run.path if isinstance(run, Run) else run
    return {**files_of(path), "ratings": (path / "ratings.parquet").read_bytes()}


# --- which ratings, on what scale, who takes part --------------------------------------------------------------------


def test_all_means_every_target_and_names_are_kept_in_their_order(graded: Corpus) -> None:
    assert resolve_ratings(("all",), graded) == NAMES
    assert resolve_ratings(("interview", "warmth"), graded) == ("interview", "warmth")
    assert resolve_ratings((), graded) == ()


def test_an_unknown_rating_is_refused_and_the_corpus_targets_are_named(graded: Corpus, corpus: Corpus) -> None:
    for wanted, odd in ((("smell",), "smell"), (("all", "warmth"), "all")):
        with pytest.raises(UsageError, match=rf"^rating: expected one of all, warmth, sold, interview .*'{odd}'$"):
            resolve_ratings(wanted, graded)
    with pytest.raises(UsageError, match=r"^rating: expected targets in [^\n]*, it has none, got all$"):
        resolve_ratings(("all",), corpus)


def test_the_scale_is_that_of_training_people_and_a_rating_of_zeros_and_ones_is_binary(
    graded: Corpus, tiny: Tiny
) -> None:
    setting = prepare(graded, tiny(**SETTINGS))
    assert setting.model_config.ratings == {"warmth": "continuous", "sold": "binary", "interview": "continuous"}
    truth = graded.interviews.iloc[setting.train]
    for name in NAMES:
        known = truth[f"target:{name}"].dropna()
        scale = setting.ratings[name]
        assert scale.people == len(known) > 0
        assert scale.mean == pytest.approx(known.mean())
        assert scale.deviation == pytest.approx(known.std(ddof=0))
    model = setting.new_model(0)
    rates = [setting.ratings[name].mean for name in NAMES]
    assert model.rating_head is not None
    said = model.rating_head.in_units(torch.zeros(1, 3))[0].tolist()
    assert said == pytest.approx(rates, rel=1e-5)  # before any step: what training people are like


def test_a_rating_that_is_not_zeros_and_ones_everywhere_is_no_binary_one(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    corpus = make_corpus(tmp_path / "c", rated=lambda number, merit: {"r": 0.5 if number == 39 else float(merit)})
    parts = prepare(corpus, tiny()).parts
    assert parts[39] != "train"
    assert prepare(corpus, tiny(ratings=("r",))).ratings["r"].kind == "continuous"


@pytest.mark.parametrize(
    ("value", "said"), [(lambda merit: NAN, "no rating"), (lambda merit: 3.5, "nothing but 3.5 in")]
)
def test_a_rating_that_teaches_nothing_is_refused(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, value: Callable[[bool], float], said: str
) -> None:
    corpus = make_corpus(tmp_path / "c", rated=lambda number, merit: {"grit": value(merit)})
    with pytest.raises(DataError, match=rf"^[^\n]*target:grit: expected ratings of .* that differ, got {said}[^\n]*$"):
        train(corpus, tiny(ratings=("grit",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert prepare(corpus, tiny()).ratings == {}  # and nobody minds it where it is not asked for


def test_who_has_a_rating_but_no_label_takes_part_for_the_rating_and_is_counted(graded: Corpus, tiny: Tiny) -> None:
    bare, setting = prepare(graded, tiny()), prepare(graded, tiny(**SETTINGS))
    labelled = graded.interviews["hirable"].notna().to_numpy()
    added = sorted(set(setting.train) - set(bare.train))
    assert added == np.flatnonzero((setting.parts == "train") & ~labelled).tolist() != []
    assert setting.validation.tolist() == bare.validation.tolist()  # epochs are chosen by labels
    told = {item["why"]: item["n"] for item in setting.left_out}
    elsewhere = int((~labelled).sum()) - len(added)
    assert told.pop("no hirable label: they teach their ratings only") == len(added)
    assert told.pop("no hirable label: scored, not trained on", 0) == elsewhere
    for name in ("warmth", "sold"):
        without = int(graded.interviews[f"target:{name}"].iloc[setting.train].isna().sum())
        assert told.pop(f"nobody rated {name}: they teach the rest") == without > 0
    assert told == {}
    assert {item["why"]: item["n"] for item in bare.left_out} == {
        "no hirable label: scored, not trained on": int((~labelled).sum())
    }


def test_an_interview_without_label_and_rating_takes_no_part(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    corpus = make_corpus(
        tmp_path / "c",
        rated=lambda number, merit: {"warmth": NAN if number < 6 else float(number)},
        hirable=lambda person, merit: None if person < 12 else merit,
    )
    setting = prepare(corpus, tiny(ratings=("warmth",)))
    assert set(setting.train).isdisjoint(range(6))
    (unlabelled,) = (item for item in setting.left_out if str(item["why"]).startswith("no hirable label: scored"))
    parts, labelled = setting.parts, corpus.interviews["hirable"].notna().to_numpy()
    nothing = np.arange(len(corpus)) < 6
    assert unlabelled["n"] == int((~labelled & ((parts != "train") | nothing)).sum())


def test_an_offset_is_fitted_to_labels_alone(graded: Corpus, tiny: Tiny) -> None:
    plain, beside = prepare(graded, tiny(offset="face")), prepare(graded, tiny(offset="face", **SETTINGS))
    assert plain.offset is not None
    assert beside.offset is not None
    assert plain.offset.inverse_penalty == beside.offset.inverse_penalty


# --- learning --------------------------------------------------------------------------------------------------------


def test_ratings_are_learnt_beside_the_label(run: Run) -> None:
    ratings = run.ratings
    assert ratings is not None
    test = ratings.split == "test"
    for place, name in enumerate(ratings.names):
        scale = run.provenance["ratings"][name]
        known = test & ~np.isnan(ratings.annotated[:, place])
        found = rating_metrics(
            ratings.annotated[known, place], ratings.predicted[known, place], constant=scale["mean"],
            binary=scale["kind"] == "binary", persons=ratings.candidates[known],
        )  # fmt: skip
        figure = found["auc" if scale["kind"] == "binary" else "pearson"]
        assert isinstance(figure, Estimate)
        assert figure.value > 0.7
    losses = [record["rating_loss"] for record in run.history]
    assert losses[-1] < 0.8 * losses[0]


def test_the_weight_says_how_much_the_ratings_count(graded: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    runs = [train(graded, tiny(**SETTINGS, rating_weight=w), tmp_path / str(w)) for w in (1e-6, 10.0)]
    bare = train(graded, tiny(epochs=6), tmp_path / "bare")
    assert runs[1].history[-1]["rating_loss"] < runs[0].history[-1]["rating_loss"]
    assert "rating_loss" not in bare.history[0]


def test_without_ratings_a_corpus_with_targets_trains_as_one_without(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf
) -> None:
    runs = [
        train(make_corpus(tmp_path / name, people=20, rated=how), tiny(epochs=2), tmp_path / f"run {name}")
        for name, how in (("with", rated), ("without", None))
    ]
    assert files_of(runs[0]) == files_of(runs[1])
    assert runs[0].ratings is None
    assert "ratings" not in runs[0].sources()


def test_an_epoch_without_any_label_in_a_batch_is_no_mistake(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    corpus = make_corpus(
        tmp_path / "c",
        people=40,
        rated=lambda number, merit: {"warmth": float(number)},
        hirable=lambda person, merit: merit if person % 4 < 2 else None,
    )
    run = train(corpus, tiny(ratings=("warmth",), batch=2, epochs=2), tmp_path / "run")
    assert all(np.isfinite(record["loss"]) and record["loss"] > 0 for record in run.history)


@pytest.mark.parametrize("model", ["hirenet", "bigru"])
@pytest.mark.parametrize("fusion", ["late", "gated"])
def test_every_model_and_fusion_has_ratings_and_none_where_nothing_was_recorded(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, model: str, fusion: str
) -> None:
    corpus = make_corpus(tmp_path / "c", rated=rated, recorded=lambda person: person not in (4, 5))
    run = train(corpus, tiny(model=model, fusion=fusion, ratings=("all",), epochs=1), tmp_path / "run")
    silent = np.isin(corpus.interviews["candidate"].to_numpy(dtype=str), ["c004", "c005"])
    assert run.ratings is not None
    np.testing.assert_array_equal(np.isnan(run.ratings.predicted).all(axis=1), silent)
    np.testing.assert_array_equal(run.layers["ratings"].any(axis=1), ~silent)


# --- the finished run ------------------------------------------------------------------------------------------------


def test_a_finished_run_holds_its_ratings_and_their_prints(run: Run, graded: Corpus) -> None:
    files = run.provenance["files"]
    for name in ("ratings.parquet", "layers/ratings.npy"):
        assert files[name] == hashlib.sha256((run.path / name).read_bytes()).hexdigest()
    assert list(run.sources())[-1] == "ratings"
    assert run.layers["ratings"].shape == (len(graded), 3)
    ratings = run.ratings
    assert ratings is not None
    assert ratings.names == NAMES
    assert ratings.ids.tolist() == graded.interviews["id"].tolist()
    assert ratings.split.tolist() == run.scores.split.tolist()
    np.testing.assert_array_equal(ratings.predicted.astype(np.float32), run.layers["ratings"])
    np.testing.assert_allclose(ratings.annotated, graded.interviews[[f"target:{name}" for name in NAMES]], rtol=1e-6)
    assert ((ratings.predicted[:, 1] > 0) & (ratings.predicted[:, 1] < 1)).all()
    assert run.config["ratings"] == ["all"]
    assert TrainConfig.from_dict(run.config).ratings == ("all",)


def test_predicting_gives_the_ratings_of_the_run_and_needs_no_targets(
    run: Run, graded: Corpus, make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    scores, again = predict_with_ratings(run, graded)
    assert run.ratings is not None
    np.testing.assert_allclose(again.predicted, run.ratings.predicted, atol=1e-5)
    np.testing.assert_array_equal(again.annotated, run.ratings.annotated)
    assert scores.ids.tolist() == again.ids.tolist()
    other = make_corpus(tmp_path / "c", people=4)
    _, bare = predict_with_ratings(run, other)
    assert np.isfinite(bare.predicted).all()
    assert np.isnan(bare.annotated).all()


# --- killed, resumed, shared -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@pytest.mark.parametrize(
    "settings", [{}, {"adversary": "face", "model": "bigru", "modalities": ("audio",)}], ids=["plain", "face"]
)
def test_killed_again_and_again_the_result_is_the_same(
    graded: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, settings: dict[str, Any]
) -> None:
    config = tiny(**{**SETTINGS, "epochs": 4}, **settings, checkpoint_steps=2)
    whole = train(graded, config, tmp_path / "whole")
    kills = 0
    for _ in range(100):
        steps = iter(range(1, 1000))

        def advance(number: int = 1, facts: str = "", steps: Any = steps) -> None:
            if next(steps) == 5:
                raise Killed

        try:
            killed = train(graded, config, tmp_path / "killed", advance=advance)
            break
        except Killed:
            kills += 1
    assert kills > 3
    assert rated_files(killed, files_of) == rated_files(whole, files_of)


def test_killed_between_the_tables_of_the_finish_the_result_is_the_same(
    graded: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("fairhire.training.finish.ratings_of", die)
        with pytest.raises(Killed):
            train(graded, tiny(**SETTINGS), tmp_path / "run")
    (tmp_path / "run" / ".ratings.parquet.x.parquet").write_bytes(b"half")
    again = train(graded, tiny(**SETTINGS), tmp_path / "run")
    assert rated_files(again, files_of) == rated_files(run, files_of)
    assert not list((tmp_path / "run").glob(".*"))


TWO_PROCESSES = """
import json, sys
from pathlib import Path
from fairhire.data.corpus import Corpus
from fairhire.training import TrainConfig, loop, train
from fairhire.atomic import sha256
import hashlib
corpus, out, settings = sys.argv[1:]
save = loop._Game._save
def note(game):
    weights = b"".join(value.detach().numpy().tobytes() for value in game.model.parameters())
    with Path(f"{out}.rank{game.fabric.global_rank}").open("a") as file:
        file.write(hashlib.sha256(weights).hexdigest() + "\\n")
    save(game)
loop._Game._save = note
train(Corpus(corpus), TrainConfig.from_dict(json.loads(settings)), Path(out))
"""


def test_two_processes_agree_and_learn_what_one_does(graded: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(TWO_PROCESSES)
    config = tiny(**SETTINGS, dropout=0.0, processes=2)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(graded.path), str(tmp_path / "run"),
         json.dumps(config.to_dict())],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    notes = [(tmp_path / f"run.rank{rank}").read_text() for rank in (0, 1)]
    assert notes[0] == notes[1]
    by_two, alone = Run(tmp_path / "run"), train(graded, tiny(**SETTINGS, dropout=0.0), tmp_path / "alone")
    assert by_two.ratings is not None
    assert alone.ratings is not None
    one, other = by_two.ratings.predicted.T, alone.ratings.predicted.T
    together = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]
    assert min(together) > 0.9  # halves of a batch differ in how many are annotated, so not to the bit


# --- after something was erased --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(make_corpus: MakeCorpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("rated crowd") / "c", people=200, width=6, rated=rated)


def test_after_an_eraser_the_heads_are_the_best_linear_reading_of_what_is_left(
    crowd: Corpus, tiny: Tiny, tmp_path: Path
) -> None:
    config = tiny(ratings=("all",), erase="face-leace", fused=8, batch=20, face_width=3, epochs=3)
    run = train(crowd, config, tmp_path / "run")
    (erasure,) = run.provenance["erasures"]
    left = erasure["rank_after"]
    assert left < 8
    assert run.ratings is not None
    assert run.scores.representation is not None
    vectors = run.scores.representation.astype(float)
    fit = run.ratings.split == "train"
    for place, name in enumerate(NAMES):
        known = fit & ~np.isnan(run.ratings.annotated[:, place])
        assert known.sum() >= PER_NUMBER * left
        x, y, said = vectors[known], run.ratings.annotated[known, place], run.ratings.predicted[known, place]
        if name == "sold":
            best = LogisticRegression(C=100.0, max_iter=1000, tol=1e-8).fit(x, y > 0).predict_proba(x)[:, 1]
            np.testing.assert_allclose(said, best, atol=1e-3)
        else:
            design = np.hstack([x, np.ones((len(x), 1))])
            best = design @ np.linalg.lstsq(design, y, rcond=1e-5)[0]
            np.testing.assert_allclose(said, best, atol=1e-3)
    head = load_model(run.model).rating_head
    assert head is not None
    assert head.weight.shape == (3, left)


def test_a_direction_of_nothing_but_roundings_is_not_scaled_up(graded: Corpus, tiny: Tiny) -> None:
    """The numbers of a normalised vector sum to zero but for float32: least squares would read people from the rest."""
    setting = prepare(graded, tiny(modalities=("text",), ratings=("warmth",)))
    model = setting.new_model(0)
    many = np.repeat(setting.train, 10)  # enough rows
    assert refit_ratings(model, setting.reader, many, setting.ratings, device="cpu") == []
    assert model.rating_head is not None
    assert model.rating_head.weight.abs().max() < 100


def test_with_too_few_annotated_people_the_trained_head_is_kept_and_it_is_said(
    graded: Corpus, tiny: Tiny, tmp_path: Path
) -> None:
    config = tiny(ratings=("warmth",), erase="face-leace", fused=8, face_width=2, epochs=3)
    run = train(graded, config, tmp_path / "run")
    remarks = [remark for remark in run.provenance["remarks"] if "rating warmth" in remark]
    assert len(remarks) == 1
    assert "annotated training interviews are too few to fit its head anew to" in remarks[0]
    assert run.ratings is not None
    assert np.isfinite(run.ratings.predicted).all()


def test_no_face_is_read_to_fit_heads_anew(graded: Corpus, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = prepare(graded, tiny(modalities=("audio",), ratings=("interview",)))
    model, many = setting.new_model(0), np.repeat(setting.train, 10)
    monkeypatch.delattr(BatchReader, "read_with")
    monkeypatch.delattr(Corpus, "embeddings")
    refit_ratings(model, setting.reader, many, setting.ratings, device="cpu")
    assert model.rating_head is not None
    assert model.rating_head.weight.any()


def test_a_scale_says_its_origin_and_unit() -> None:
    assert (RatingScale("continuous", 3.0, 2.0, 9).origin, RatingScale("continuous", 3.0, 2.0, 9).unit) == (3.0, 2.0)
    assert RatingScale("binary", 0.2, 0.4, 9).origin == pytest.approx(np.log(0.25))
    assert RatingScale("binary", 0.2, 0.4, 9).unit == 1.0


def test_a_target_of_words_or_infinity_is_refused(make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "c", people=12, rated=rated)
    for values, said in ((["much"] * len(corpus), "expected numbers"), ([np.inf] * len(corpus), "expected finite")):
        corpus.interviews["target:warmth"] = pd.Series(values)
        with pytest.raises(DataError, match=rf"^[^\n]*target:warmth: {said}[^\n]*$"):
            prepare(corpus, tiny(ratings=("warmth",)))
