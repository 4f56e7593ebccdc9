"""Where data, model and adversary meet: the loop, on one page."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairhire.adversaries.base import Opponent
from fairhire.adversaries.label import SensitiveLabels
from fairhire.data.collate import batch_rows
from fairhire.data.corpus import Corpus
from fairhire.errors import NotComputableError
from fairhire.estimate import Undefined, auc
from fairhire.progress import Advance, silent
from fairhire.retrieval import quick_retrieval
from fairhire.runs import Run
from fairhire.training.config import TrainConfig
from fairhire.training.finish import fingerprint, finish_run
from fairhire.training.journal import Journal, close_folder, drop_unchosen, open_folder, weights_file
from fairhire.training.predict import run_model
from fairhire.training.prepare import Setting, prepare
from fairhire.training.processes import average_gradients, everyone, seed_step, share, start_fabric
from fairhire.training.schedule import Plan, plan_epoch
from fairhire.training.selection import Checkpoint, choose
from fairhire.training.state import load_state, load_weights, read_record, save_state, save_weights

__all__ = ["train"]

PROBE_INTERVIEWS = (
    2000  # training interviews on which the fresh retrieval probe is fitted after an epoch: enough, and quick
)


def train(
    corpus: Corpus,
    config: TrainConfig,
    out: Path | str,
    *,
    sensitive_labels: SensitiveLabels | None = None,
    word_vectors: Path | None = None,
    advance: Advance = silent,
) -> Run:
    """Train a model on ``corpus`` and return the finished run at ``out``.

    Killed at any moment and called again with the same arguments, it goes on and ends with the same weights, bit for
    bit, as if it had not been interrupted. ``sensitive_labels`` are for the label adversary alone. Raises the errors
    of :func:`~fairhire.training.prepare.prepare`, and :class:`~fairhire.errors.UsageError` when ``out`` is taken.
    """
    out = Path(out)
    setting = prepare(corpus, config, sensitive_labels=sensitive_labels, word_vectors=word_vectors)
    fabric = start_fabric(config)
    folder = open_folder(out, config, fingerprint(corpus, config, word_vectors, sensitive_labels))
    finished = (out / "provenance.json").exists()
    state = folder / "state.safetensors"
    resumed = state.exists() and not finished
    journal = Journal.from_dict(read_record(state)) if resumed else Journal()
    fabric.barrier()  # every process knows where the run stands before one of them moves on
    if finished:  # killed between the last file and the tidying up
        if fabric.is_global_zero:
            close_folder(folder)
        return Run(out)
    attempts = 1 if setting.attack is None else len(config.strengths)  # without an adversary strength means nothing
    while journal.attempt < attempts:
        game = _Game(fabric, setting, config, folder, journal, advance)
        if resumed:
            load_state(state, *game.parts())
            resumed = False
        while journal.epoch <= config.epochs and journal.stale < config.patience:
            game.play_epoch()
        journal.next_attempt()
    chosen = choose(journal.checkpoints, config.tolerance)
    fabric.barrier()
    if fabric.is_global_zero:
        load_weights(weights_file(folder, chosen, config.strengths), game.model)
        finish_run(out, setting, config, game.model, journal, chosen, device=fabric.device)
    fabric.barrier()
    return Run(out)


class _Game:
    """One strength's model and adversary, and the journal of how far they are."""

    def __init__(
        self, fabric: Any, setting: Setting, config: TrainConfig, folder: Path, journal: Journal, advance: Advance
    ) -> None:
        self.fabric, self.setting, self.config, self.folder = fabric, setting, config, folder
        self.journal, self.advance = journal, advance
        self.strength = config.strengths[journal.attempt]
        self.model = setting.new_model(config.seed).to(fabric.device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.opponent = self._new_opponent()

    def play_epoch(self) -> None:
        """Play the rest of the journal's epoch, judge it, and save."""
        plan = plan_epoch(self.journal.epoch, self.config, self.strength)
        rng = np.random.default_rng([self.config.seed, self.journal.epoch])
        lengths = self.setting.reader.lengths()[self.setting.train]
        batches = list(batch_rows(self.setting.train, lengths, self.config.batch_size(len(lengths)), rng=rng))
        if plan.restart and self.journal.batch == 0 and self.opponent is not None:
            self.opponent.restart(self.config.seed + self.journal.epoch)
        for number in range(self.journal.batch, len(batches)):
            self._play_batch(batches[number], plan, number / len(batches))
            self.journal.batch = number + 1
            if self.journal.step % self.config.checkpoint_steps == 0:
                self._save()
        self._close_epoch(plan)
        self._save()

    def _play_batch(self, rows: NDArray[np.int64], plan: Plan, progress: float) -> None:
        journal, opponent = self.journal, self.opponent
        journal.step += 1
        seed_step(self.config.seed, journal.step, self.fabric.global_rank)
        if len(rows) < self.fabric.world_size:
            return
        batch = self.setting.read(share(rows, self.fabric)).to(self.fabric.device)
        self.model.train(plan.model_learns)
        self.optimiser.param_groups[0]["lr"] = self.config.learning_rate * plan.pace
        with self.fabric.autocast(), torch.set_grad_enabled(plan.model_learns):
            output = self.model(batch)
            loss = self.model.task_loss(output, batch)
        self._add("loss", loss, len(batch))
        journal.add("n", len(batch))
        plays = opponent is not None and plan.adversary_learns and everyone(self.fabric, opponent.can_play(batch))
        if plays and opponent is not None:
            read = opponent.learn(output.representation, batch)
            for name in ("loss", "accuracy", "chance"):
                self._add(f"adversary_{name}", getattr(read, name), read.n)
            journal.add("adversary_n", read.n)
            if plan.strength_end > 0:
                strength = plan.strength + progress * (plan.strength_end - plan.strength)
                loss = loss + opponent.pressure(output.representation, batch, strength)
        elif plan.adversary_learns:
            journal.add("batches_without_two_faces", 1)
        if plan.model_learns:
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            average_gradients(self.fabric, self.model)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
            self.optimiser.step()
        self.advance(1, self._facts())

    def _add(self, name: str, value: Tensor, weight: int) -> None:
        """Add to one of the epoch's sums; a number that has run away ends the run in words."""
        number = float(value.detach())
        if not isfinite(number):
            raise NotComputableError(
                f"training diverged in epoch {self.journal.epoch}: expected a finite {name.replace('_', ' ')}, got "
                f"{number}; lower the learning rate or the adversary's strength"
            )
        self.journal.add(name, number * weight)

    def _close_epoch(self, plan: Plan) -> None:
        journal, sums = self.journal, self.journal.sums
        record: dict[str, Any] = {"epoch": journal.epoch, "strength": self.strength if self.opponent else None}
        record["loss"] = sums["loss"] / sums["n"]
        if sums.get("adversary_n"):
            for name in ("loss", "accuracy", "chance"):
                record[f"adversary_{name}"] = sums[f"adversary_{name}"] / sums["adversary_n"]
        if sums.get("batches_without_two_faces"):
            record["batches_without_two_faces"] = int(sums["batches_without_two_faces"])
        checkpoint, judged = self._judge(plan)
        record |= judged
        if plan.full and journal.offer(checkpoint) and self.fabric.is_global_zero:
            save_weights(weights_file(self.folder, checkpoint, self.config.strengths), self.model)
        journal.next_epoch(record)

    def _judge(self, plan: Plan) -> tuple[Checkpoint, dict[str, Any]]:
        """Return how the weights do on validation people: task, and a fresh face probe where faces are attacked."""
        setting, corpus = self.setting, self.setting.corpus
        rows = setting.validation
        prediction = run_model(self.model, setting.reader, rows, device=self.fabric.device)
        hirable = corpus.interviews["hirable"].iloc[rows].to_numpy(dtype=bool)
        figures = {
            "validation_auc": auc(hirable, prediction.score),
            **_f1(hirable, prediction.score >= self.config.threshold),
        }
        leak = 0.5
        if setting.with_faces and plan.full:
            leak = self._face_retrieval(rows, prediction.representation)
            figures["validation_face_retrieval_auc"] = leak
        task, chance = figures["validation_auc"], 0.5
        if self.config.select_by == "f1":
            task, chance = figures["validation_f1"], figures["validation_f1_all_positive"]
        return Checkpoint(self.journal.epoch, self.strength, task, chance, leak), figures

    def _face_retrieval(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> float:
        """Return how well a fresh probe of training people finds validation people's faces (mean-rank AUC)."""
        setting, corpus = self.setting, self.setting.corpus
        people, face = corpus.interviews["candidate"].to_numpy(dtype=str), corpus.face_rows
        judged = face[rows] >= 0
        # A split that the corpus brings along may have a person on both sides; the probe must not.
        others = ~np.isin(people[setting.train], people[rows])
        fit = setting.train[(face[setting.train] >= 0) & others][:PROBE_INTERVIEWS]
        seen = run_model(self.model, setting.reader, fit, device=self.fabric.device)
        retrieval = quick_retrieval(
            seen.representation,
            corpus.faces[face[fit]],
            people[fit],
            vectors[judged],
            corpus.faces[face[rows[judged]]],
            people[rows[judged]],
        )
        if isinstance(retrieval, Undefined):
            raise NotComputableError(
                f"choosing a checkpoint without labels: face retrieval on validation people: {retrieval.reason}"
            )
        return retrieval.value

    def parts(self) -> tuple[dict[str, torch.nn.Module], dict[str, torch.optim.Optimizer]]:
        """Return what a state file holds: the modules and the optimisers, by name."""
        modules: dict[str, torch.nn.Module] = {"model": self.model}
        optimisers: dict[str, torch.optim.Optimizer] = {"model": self.optimiser}
        if self.opponent is not None:
            modules["adversary"], optimisers["adversary"] = self.opponent.adversary, self.opponent.optimiser
        return modules, optimisers

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            save_state(self.folder / "state.safetensors", *self.parts(), self.journal.to_dict())
            drop_unchosen(self.folder, self.journal, self.config.strengths)
        self.fabric.barrier()

    def _new_opponent(self) -> Opponent | None:
        attack, config = self.setting.attack, self.config
        if attack is None:
            return None
        width = self.model.representation_width
        return Opponent(
            lambda: attack(width).to(self.fabric.device),
            steps=config.adversary_steps,
            learning_rate=config.adversary_learning_rate,
            average=lambda module: average_gradients(self.fabric, module),
            seed=config.seed,
        )

    def _facts(self) -> str:
        sums = self.journal.sums
        facts = f"epoch {self.journal.epoch}/{self.config.epochs}  loss {sums['loss'] / sums['n']:.3f}"
        if self.journal.history:
            facts += f"  F1 {self.journal.history[-1]['validation_f1']:.3f}"
        if sums.get("adversary_n"):
            accuracy, chance = (sums[f"adversary_{name}"] / sums["adversary_n"] for name in ("accuracy", "chance"))
            facts += f"  adversary accuracy {accuracy:.3f} (chance {chance:.3f})"
        return facts


def _f1(hirable: NDArray[np.bool_], decision: NDArray[np.bool_]) -> dict[str, float]:
    both = float((hirable & decision).sum())
    share = float(hirable.mean())
    return {
        "validation_f1": 2 * both / max(1.0, float(hirable.sum() + decision.sum())),
        "validation_f1_all_positive": 2 * share / (1 + share),
    }
