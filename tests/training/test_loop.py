"""The loop: it learns, repeats itself to the last bit, lets the adversary press, chooses and stops by its rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fairhire.adversaries.base import LearningOpponent
from fairhire.data.corpus import Corpus
from fairhire.errors import NotComputableError, UsageError
from fairhire.estimate import Undefined
from fairhire.interview import InterviewBatch
from fairhire.model import HireNet
from fairhire.runs import Run
from fairhire.training import TrainConfig, train
from fairhire.training.schedule import plan_epoch
from fairhire.training.selection import Checkpoint, choose

Tiny = Callable[..., TrainConfig]
FilesOf = Callable[[Run | Path], dict[str, bytes]]
WEIGHTS = "model/weights.safetensors"


# --- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["hirenet", "bigru"])
def test_the_loss_falls_and_unseen_people_are_judged_right(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, model: str
) -> None:
    run = train(corpus, tiny(model=model, epochs=8, learning_rate=0.02), tmp_path / "run")
    losses = [record["loss"] for record in run.history]
    assert losses[-1] < 0.7 * losses[0]
    test = run.scores.split == "test"
    assert run.scores.hirable is not None
    assert (run.scores.decision == run.scores.hirable)[test].mean() > 0.9


def test_where_nothing_is_to_be_learned_unseen_people_are_judged_no_better_than_by_lot(
    make_corpus: Callable[..., Corpus], tiny: Tiny, tmp_path: Path
) -> None:
    lot = np.random.default_rng(5).permutation(np.arange(60) % 2 == 0)
    corpus = make_corpus(tmp_path / "c", people=60, hirable=lambda person, merit: bool(lot[person]))
    run = train(corpus, tiny(epochs=6, batch=20, learning_rate=0.02), tmp_path / "run")
    test = run.scores.split == "test"
    assert run.scores.hirable is not None
    assert 0.2 < (run.scores.decision == run.scores.hirable)[test].mean() < 0.8


def test_defended_and_undefended_begin_alike_and_part_when_the_adversary_presses(
    undefended: Run, corpus: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf
) -> None:
    defended = train(corpus, tiny(adversary="face", offset="none"), tmp_path / "run")
    # The head start: the same weights, the same batches, the same dropout, so the same loss to the last bit.
    assert undefended.history[0]["loss"] == defended.history[0]["loss"]
    assert undefended.history[0]["validation_auc"] == defended.history[0]["validation_auc"]
    # The warm-up leaves the model alone (two epochs of the task differ, two of the defended one do not).
    judged = [record["validation_auc"] for record in defended.history]
    assert judged[1] == judged[0]
    assert defended.history[1]["validation_f1"] == defended.history[0]["validation_f1"]
    assert files_of(undefended)[WEIGHTS] != files_of(defended)[WEIGHTS]


def test_the_pressure_begins_at_nothing_and_rises_without_a_step_back_to_the_full_strength(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strengths: list[float] = []
    lessons: list[int] = []
    pressure, learn = LearningOpponent.pressure, LearningOpponent.learn

    def press(self: LearningOpponent, representation: Tensor, batch: InterviewBatch, strength: float) -> Tensor:
        strengths.append(strength)
        return pressure(self, representation, batch, strength)

    def teach(self: LearningOpponent, representation: Tensor, batch: InterviewBatch) -> Any:
        lessons.append(len(batch))
        return learn(self, representation, batch)

    monkeypatch.setattr(LearningOpponent, "pressure", press)
    monkeypatch.setattr(LearningOpponent, "learn", teach)
    train(corpus, tiny(adversary="face", epochs=6, strengths=(2.0,), patience=9), tmp_path / "run")
    assert len(strengths) == 4 * 3  # four epochs of the game, three batches each
    assert len(lessons) == 5 * 3  # and the warm-up
    assert strengths[0] == 0.0
    assert strengths == sorted(strengths)
    assert len(set(strengths[:6])) == 6  # it rises within an epoch, too
    assert set(strengths[6:]) == {2.0}  # the second half of the game


@pytest.mark.parametrize("brake", ["pace", "clip"])
def test_the_pace_and_the_clipping_hold_the_model_back(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brake: str
) -> None:
    if brake == "pace":
        monkeypatch.setattr("fairhire.training.loop.plan_epoch", lambda *given: replace(plan_epoch(*given), pace=1e-15))
    run = train(corpus, tiny(dropout=0.0, clip=1e-12 if brake == "clip" else 1.0), tmp_path / "run")
    held = [record["loss"] for record in run.history]
    assert held[-1] == pytest.approx(held[0], abs=1e-4)
    monkeypatch.undo()
    free = train(corpus, tiny(dropout=0.0), tmp_path / "free")
    assert free.history[-1]["loss"] < held[-1] - 0.02


def test_the_strength_matters(corpus: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf) -> None:
    runs = [
        train(corpus, tiny(adversary="face", epochs=3, strengths=(strength,)), tmp_path / f"{strength}")
        for strength in (0.5, 5.0)
    ]
    assert files_of(runs[0])[WEIGHTS] != files_of(runs[1])[WEIGHTS]


@pytest.mark.parametrize("adversary", ["none", "face", "face-regression"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_weights(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, adversary: str
) -> None:
    config = tiny(adversary=adversary, epochs=3)
    torch.manual_seed(1)
    one = train(corpus, config, tmp_path / "one")
    torch.manual_seed(2)  # nobody else's randomness matters
    np.random.seed(2)
    two = train(corpus, config, tmp_path / "two")
    other = train(corpus, tiny(adversary=adversary, epochs=3, seed=1), tmp_path / "other")
    assert files_of(one) == files_of(two)
    assert files_of(one)[WEIGHTS] != files_of(other)[WEIGHTS]


# --- choosing and stopping -------------------------------------------------------------------------------------------


def test_one_of_several_strengths_is_chosen_by_the_rule(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    config = tiny(adversary="face", strengths=(0.1, 50.0), tolerance=0.5)
    run = train(corpus, config, tmp_path / "run")
    assert [(record["strength"], record["epoch"]) for record in run.history] == [
        (strength, epoch) for strength in (0.1, 50.0) for epoch in range(1, 5)
    ]
    full = [
        Checkpoint(r["epoch"], r["strength"], r["validation_auc_with_offset"], 0.5, r["validation_face_retrieval_auc"])
        for r in run.history
        if "validation_face_retrieval_auc" in r
    ]
    rule = choose(full, 0.5)
    assert (run.provenance["chosen_epoch"], run.provenance["chosen_strength"]) == (rule.epoch, rule.strength)
    assert (run.chosen["epoch"], run.chosen["strength"]) == (rule.epoch, rule.strength)
    assert run.provenance["chosen_by"] == {
        "validation_auc_with_offset": rule.task,
        "validation_face_retrieval_auc": rule.leak,
    }


def test_several_strengths_begin_alike_and_each_is_what_it_would_be_alone(
    corpus: Corpus, tiny: Tiny, tmp_path: Path
) -> None:
    both = train(corpus, tiny(adversary="face", strengths=(1.0, 9.0), epochs=3, dropout=0.0), tmp_path / "both")
    alone = train(corpus, tiny(adversary="face", strengths=(9.0,), epochs=3, dropout=0.0), tmp_path / "alone")
    assert both.history[0]["loss"] == both.history[3]["loss"]
    assert both.history[3:] == alone.history


def test_the_deployed_weights_are_those_of_the_chosen_epoch(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf
) -> None:
    # A model that gets worse: the first epoch is kept, though three more were trained.
    config = tiny(epochs=4, learning_rate=2.0, patience=9)
    long = train(corpus, config, tmp_path / "long")
    epoch = long.provenance["chosen_epoch"]
    assert epoch < 4
    short = train(corpus, tiny(epochs=epoch, learning_rate=2.0, patience=9), tmp_path / "short")
    assert files_of(short)[WEIGHTS] == files_of(long)[WEIGHTS]


@pytest.mark.parametrize(("patience", "epochs"), [(1, 2), (3, 4), (9, 6)])
def test_training_stops_when_nothing_better_was_found_for_so_many_epochs(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, patience: int, epochs: int
) -> None:
    frozen = tiny(epochs=6, learning_rate=1e-12, patience=patience)  # every epoch equals the first
    run = train(corpus, frozen, tmp_path / "run")
    assert len(run.history) == epochs
    assert run.provenance["chosen_epoch"] == 1


def test_head_start_and_warm_up_do_not_count_as_waiting(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    config = tiny(adversary="face", learning_rate=1e-12, head_start=2, warm_up=2, epochs=8, ramp=0.5, patience=1)
    run = train(corpus, config, tmp_path / "run")
    assert len(run.history) == 7  # two at a growing strength, one to keep, one in vain
    assert run.provenance["chosen_epoch"] == 6


def test_weights_may_be_chosen_by_f1(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    run = train(corpus, tiny(select_by="f1", learning_rate=0.02), tmp_path / "run")
    best = max(record["validation_f1"] for record in run.history)
    assert run.provenance["chosen_by"] == {"validation_f1": best}
    for record in run.history:
        scored = record["validation_f1_all_positive"]
        assert scored == pytest.approx(run.history[0]["validation_f1_all_positive"])


# --- precision, devices, processes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fusion", "adversary"),
    [
        ("hirenet", "early", "face"),
        ("hirenet", "gated", "face"),
        ("bigru", "late", "face-regression"),
        ("hn-satt", "late", "none"),
    ],
)
def test_bf16_trains_and_repeats_itself(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, model: str, fusion: str, adversary: str
) -> None:
    config = tiny(model=model, fusion=fusion, adversary=adversary, precision="bf16-mixed", epochs=3)
    one, two = (train(corpus, config, tmp_path / name) for name in ("one", "two"))
    assert files_of(one) == files_of(two)
    assert all(np.isfinite(record["loss"]) for record in one.history)
    whole = train(corpus, tiny(model=model, fusion=fusion, adversary=adversary, epochs=3), tmp_path / "whole")
    assert one.history[0]["loss"] != whole.history[0]["loss"]
    assert one.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], rel=0.05)


TWO_PROCESSES = """
import hashlib, json, sys
from pathlib import Path
import torch
from safetensors.torch import save
torch.set_num_threads(1)
from fairhire.data.corpus import Corpus
from fairhire.training import TrainConfig, loop, train

corpus, out, settings = sys.argv[1:]
saved = loop._Game._save

def note(game):
    digest = hashlib.sha256(save(game.model.state_dict())).hexdigest()
    with open(f"{out}.rank{game.fabric.global_rank}", "a") as file:
        file.write(f"{game.journal.epoch} {digest}\\n")
    saved(game)

loop._Game._save = note
train(Corpus(corpus), TrainConfig.from_dict(json.loads(settings)), Path(out))
"""


@pytest.fixture(scope="module")
def by_two(corpus: Corpus, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of two processes, which note the weights that they have after every epoch."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "script.py").write_text(TWO_PROCESSES)
    config = tiny(adversary="face", processes=2, dropout=0.0, epochs=3)
    done = subprocess.run(
        [
            sys.executable,
            str(folder / "script.py"),
            str(corpus.path),
            str(folder / "run"),
            json.dumps(config.to_dict()),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Run(folder / "run")


def test_two_processes_finish_with_the_same_weights(by_two: Run) -> None:
    notes = [by_two.path.with_name(f"run.rank{rank}").read_text() for rank in (0, 1)]
    assert notes[0] == notes[1]
    assert len(set(notes[0].split("\n"))) > 3  # and they did learn
    assert not (by_two.path / "training").exists()
    assert len(by_two.history) == 3


def test_two_processes_learn_what_one_does_where_interviews_do_not_meet(
    by_two: Run, corpus: Corpus, tiny: Tiny, tmp_path: Path
) -> None:
    # In the head start nobody picks a face among others, so halves of a batch mean what the batch means (a batch of
    # an odd number apart: its two means weigh alike though one is of an interview less).
    alone = train(corpus, tiny(adversary="face", dropout=0.0, epochs=3), tmp_path / "run")
    assert by_two.history[0]["validation_auc"] == pytest.approx(alone.history[0]["validation_auc"], abs=0.05)
    assert by_two.history[-1]["adversary_chance"] > alone.history[-1]["adversary_chance"]  # fewer faces to pick from


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_finished_run_is_not_trained_again(undefended: Run, corpus: Corpus, tiny: Tiny, files_of: FilesOf) -> None:
    before = files_of(undefended)
    with pytest.raises(UsageError, match=r"expected a new folder for the run, found a finished run; choose another"):
        train(corpus, tiny(), undefended.path)
    assert files_of(undefended) == before


def test_a_bad_setting_leaves_no_folder_behind(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="modality"):
        train(corpus, tiny(modalities=("smell",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["loss", "face at fused, loss"])
def test_a_number_that_runs_away_ends_the_run_in_one_line(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "loss":
        monkeypatch.setattr(HireNet, "task_loss", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    else:
        learn = LearningOpponent.learn

        def lost(self: LearningOpponent, *given: Any) -> Any:
            output = learn(self, *given)
            return type(output)(output.loss * torch.inf, output.accuracy, output.chance, output.n)

        monkeypatch.setattr(LearningOpponent, "learn", lost)
    with pytest.raises(NotComputableError, match=rf"^training diverged in epoch \d: expected a finite {name}, got"):
        train(corpus, tiny(adversary="face"), tmp_path / "run")


def test_a_probe_that_cannot_be_fitted_ends_the_run_in_one_line(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairhire.training.loop.quick_retrieval", lambda *_: Undefined("all people look alike", 6))
    with pytest.raises(
        NotComputableError, match=r"^choosing a checkpoint .* validation people: all people look alike$"
    ):
        train(corpus, tiny(adversary="face"), tmp_path / "run")


# --- what is shown meanwhile -----------------------------------------------------------------------------------------


def test_progress_counts_every_step_and_says_how_it_goes(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    said: list[tuple[int, str]] = []
    run = train(
        corpus,
        tiny(adversary="face"),
        tmp_path / "run",
        advance=lambda steps=1, facts="": said.append((steps, facts)),
    )
    assert len(said) == 3 * len(run.history)  # 23 training interviews in batches of ten
    assert {steps for steps, _ in said} == {1}
    assert said[0][1].startswith("epoch 1/4  loss 0.")
    assert "F1" not in said[0][1]
    assert "F1" in said[-1][1]
    assert "adversary accuracy" in said[-1][1]
    assert "(chance 0." in said[-1][1]


def test_an_adversary_that_sat_every_batch_out_is_no_success(
    corpus: Corpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LearningOpponent, "can_play", lambda self, people: False)
    with pytest.raises(NotComputableError, match=r"^--adversary face at fused: expected batches .* none in 4 epochs;"):
        train(corpus, tiny(adversary="face"), tmp_path / "run")
    assert not (tmp_path / "run" / "provenance.json").exists()
