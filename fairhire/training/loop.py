"""Where data, model and adversary meet: the loop, on one page."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor

from fairhire.adversaries import kind_of
from fairhire.adversaries.base import (
    Adversary,
    LearningOpponent,
    Opponent,
    Penalty,
    PenaltyOpponent,
    Persons,
    take,
)
from fairhire.adversaries.label import SensitiveLabels
from fairhire.data.collate import batch_rows
from fairhire.data.corpus import Corpus
from fairhire.errors import NotComputableError
from fairhire.estimate import Undefined, auc
from fairhire.interview import InterviewBatch
from fairhire.model import FUSED, HireNetOutput
from fairhire.progress import Advance, silent
from fairhire.retrieval import quick_retrieval
from fairhire.runs import Run
from fairhire.training.config import TrainConfig
from fairhire.training.erase import fit_guards
from fairhire.training.finish import fingerprint, finish_run
from fairhire.training.journal import Journal, close_folder, drop_unchosen, open_folder, weights_file
from fairhire.training.predict import run_model
from fairhire.training.prepare import Setting, prepare
from fairhire.training.processes import average_gradients, everyone, seed_step, share, start_fabric
from fairhire.training.schedule import Plan, plan_epoch
from fairhire.training.selection import Checkpoint, choose
from fairhire.training.sites import site_vectors
from fairhire.training.state import load_state, load_weights, read_record, save_state, save_weights

__all__ = ["train"]

OFFSET_RATE = 3e-3  # Adam's, of the offset: it begins where a regression left it (ours)
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
    attempts = len(config.strengths) if setting.attacks else 1  # without an adversary strength means nothing
    while journal.attempt < attempts:
        game = _Game(fabric, setting, config, folder, journal, advance)
        if resumed:
            load_state(state, *game.parts())
            resumed = False
        while journal.epoch <= config.epochs and journal.stale < config.patience:
            game.play_epoch()
        journal.next_attempt()
    _check_that_all_played(setting, journal)
    chosen = choose(journal.checkpoints, config.tolerance)
    fabric.barrier()
    if fabric.is_global_zero:
        load_weights(weights_file(folder, chosen, config.strengths), game.model)
        model, erasures = fit_guards(game.model, setting, config, device=fabric.device)
        finish_run(out, setting, config, model, journal, chosen, erasures, device=fabric.device)
    fabric.barrier()
    return Run(out)


def _check_that_all_played(setting: Setting, journal: Journal) -> None:
    """Refuse a run in which an opponent sat every batch out: it would look like one in which nothing was found."""
    for number, (attack, site) in enumerate(product(setting.attacks, setting.sites)):
        keys = {f"adversary_loss, {attack} at {site}", "adversary_loss" if number == 0 else ""}
        if not any(keys & record.keys() for record in journal.history):
            raise NotComputableError(
                f"--adversary {attack} at {site}: expected batches in which it can tell people apart, found none in "
                f"{len(journal.history)} epochs; it needs more people with what it looks for, or larger batches"
            )


class _Game:
    """One strength's model, its averaged weights, adversary and offset, and the journal of how far they are."""

    def __init__(
        self, fabric: Any, setting: Setting, config: TrainConfig, folder: Path, journal: Journal, advance: Advance
    ) -> None:
        self.fabric, self.setting, self.config, self.folder = fabric, setting, config, folder
        self.journal, self.advance = journal, advance
        self.strength = config.strengths[journal.attempt]
        self.model = setting.new_model(config.seed).to(fabric.device)
        self.average = deepcopy(self.model)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.offset = None if setting.offset is None else deepcopy(setting.offset.offset).to(fabric.device)
        if self.offset is not None:
            self.offset_optimiser = torch.optim.Adam(self.offset.parameters(), lr=OFFSET_RATE)
        self.opponents = {key: self._new_opponent(*key) for key in product(setting.attacks, setting.sites)}

    def play_epoch(self) -> None:
        """Play the rest of the journal's epoch, judge it, and save."""
        plan = plan_epoch(self.journal.epoch, self.config, self.strength)
        rng = np.random.default_rng([self.config.seed, self.journal.epoch])
        lengths = self.setting.reader.lengths()[self.setting.train]
        batches = list(batch_rows(self.setting.train, lengths, self.config.batch_size(len(lengths)), rng=rng))
        if plan.restart and self.journal.batch == 0:
            for number, opponent in enumerate(self.opponents.values()):
                opponent.restart(self.config.seed + self.journal.epoch + number)
        for number in range(self.journal.batch, len(batches)):
            self._play_batch(batches[number], plan, number, len(batches))
            self.journal.batch = number + 1
            if self.journal.step % self.config.checkpoint_steps == 0:
                self._save()
        self._close_epoch(plan)
        self._save()

    def _play_batch(self, rows: NDArray[np.int64], plan: Plan, number: int, steps: int) -> None:
        journal = self.journal
        journal.step += 1
        seed_step(self.config.seed, journal.step, self.fabric.global_rank)
        if len(rows) < self.fabric.world_size:
            return
        batch = self.setting.read(share(rows, self.fabric)).to(self.fabric.device)
        self.model.train(plan.model_learns)
        self.optimiser.param_groups[0]["lr"] = self.config.learning_rate * plan.pace
        with self.fabric.autocast(), torch.set_grad_enabled(plan.model_learns):
            output = self.model(batch)
            loss = self.model.task_loss(output, batch, None if self.offset is None else self.offset(batch))
            rating_loss = self.model.rating_loss(output, batch) if self.setting.ratings else None
        labelled = int(batch.label_mask.sum())
        self._add("loss", loss, labelled)
        journal.add("n", labelled)
        if rating_loss is not None:
            self._add("rating_loss", rating_loss, len(batch))
            journal.add("rating_loss/n", len(batch))
            loss = loss + self.config.rating_weight * rating_loss
        for (attack, site), opponent in self.opponents.items() if plan.adversary_learns else ():
            vectors, people = self._at(site, output, batch)
            if not everyone(self.fabric, opponent.can_play(people)):
                journal.add("batches_without_two_people", 1)
                continue
            read = opponent.learn(vectors, people)
            for name in ("loss", "accuracy", "chance"):
                if (value := getattr(read, name)) is not None:
                    self._add(f"{attack} at {site}/{name}", value, read.n)
            journal.add(f"{attack} at {site}/n", read.n)
            if plan.strength_end > 0:
                strength = plan.strength + number / steps * (plan.strength_end - plan.strength)
                loss = loss + opponent.pressure(vectors, people, strength)
        if plan.model_learns:
            self._step(loss)
            self._average(plan.newest(steps))
        self.advance(1, self._facts())

    def _step(self, loss: Tensor) -> None:
        """Take one step of the model down ``loss``, and one of the offset, which explains what the face can."""
        self.optimiser.zero_grad(set_to_none=True)
        if self.offset is not None:
            self.offset_optimiser.zero_grad(set_to_none=True)
            loss = loss + self.offset.penalty()
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.fabric, self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        if self.offset is not None:
            average_gradients(self.fabric, self.offset)
            self.offset_optimiser.step()

    def _average(self, newest: float) -> None:
        """Move the averaged weights, which are judged and deployed, towards the ones that play."""
        with torch.no_grad():
            for kept, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
                kept.lerp_(now, newest)

    def _at(self, site: str, output: HireNetOutput, batch: InterviewBatch) -> tuple[Tensor, Persons]:
        """Return the vectors at a site and whose they are; all of the batch where it is the representation."""
        if site == FUSED:
            return output.representation, batch
        vectors, rows = site_vectors(output, batch, site)
        return vectors, take(batch, rows)

    def _add(self, name: str, value: Tensor, weight: int) -> None:
        """Add to one of the epoch's sums; a number that has run away ends the run in words."""
        number = float(value.detach())
        if not isfinite(number):
            raise NotComputableError(
                f"training diverged in epoch {self.journal.epoch}: expected a finite {name.replace('/', ', ')}, got "
                f"{number}; lower the learning rate or the adversary's strength"
            )
        self.journal.add(name, number * weight)

    def _close_epoch(self, plan: Plan) -> None:
        journal, sums = self.journal, self.journal.sums
        record: dict[str, Any] = {"epoch": journal.epoch, "strength": self.strength if self.opponents else None}
        record["loss"] = sums["loss"] / sums["n"]
        if self.setting.ratings:
            record["rating_loss"] = sums["rating_loss"] / sums["rating_loss/n"]
        for number, (attack, site) in enumerate(self.opponents):
            played = f"{attack} at {site}"
            if not sums.get(f"{played}/n"):
                continue
            for name in ("loss", "accuracy", "chance"):
                if f"{played}/{name}" in sums:
                    # The first one's figures carry no name: most runs have no other.
                    key = f"adversary_{name}" if number == 0 else f"adversary_{name}, {played}"
                    record[key] = sums[f"{played}/{name}"] / sums[f"{played}/n"]
        if sums.get("batches_without_two_people"):
            record["batches_without_two_people"] = int(sums["batches_without_two_people"])
        checkpoint, judged = self._judge(plan)
        record |= judged
        if plan.full and journal.offer(checkpoint) and self.fabric.is_global_zero:
            save_weights(weights_file(self.folder, checkpoint, self.config.strengths), self.average)
        journal.next_epoch(record)

    def _judge(self, plan: Plan) -> tuple[Checkpoint, dict[str, Any]]:
        """Return how the weights do on validation people: task, and a fresh face probe where faces are attacked."""
        setting, corpus = self.setting, self.setting.corpus
        rows = setting.validation
        prediction = run_model(self.average, setting.reader, rows, device=self.fabric.device)
        hirable = corpus.interviews["hirable"].iloc[rows].to_numpy(dtype=bool)
        figures = {
            "validation_auc": auc(hirable, prediction.score),
            **_f1(hirable, prediction.score >= self.config.threshold),
        }
        explained = figures if self.offset is None else self._with_offset(rows, hirable, prediction.score)
        figures |= {f"{name}_with_offset": explained[name] for name in explained if self.offset is not None}
        leak = 0.5
        if plan.full:
            for kind in sorted({kind_of(name) for name in setting.attacks} - {"label"}):
                found = self._retrieval(kind, rows, prediction.representation)
                figures[f"validation_{kind}_retrieval_auc"] = found
                leak = max(leak, found) if leak > 0.5 else found  # the worst of a face's and a voice's
        task, chance = explained["validation_auc"], 0.5
        if self.config.select_by == "f1":
            task, chance = explained["validation_f1"], figures["validation_f1_all_positive"]
        return Checkpoint(self.journal.epoch, self.strength, task, chance, leak), figures

    def _with_offset(
        self, rows: NDArray[np.int64], hirable: NDArray[np.bool_], score: NDArray[np.float64]
    ) -> dict[str, float]:
        """Return the task scores of model and offset together: who leaves the face to the offset must not look worse.

        Judged alone by labels that lean on the face, the weights that lean on it too would be chosen.
        """
        assert self.offset is not None
        embeddings = [self.setting.embeddings(target.kind, rows) for target in self.offset.targets]
        both = expit(logit(score) + self.offset.of(embeddings))
        f1 = _f1(hirable, both >= self.config.threshold)["validation_f1"]
        return {"validation_auc": auc(hirable, both), "validation_f1": f1}

    def _retrieval(self, kind: str, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> float:
        """Return how well a fresh probe of training people finds validation people's faces (mean-rank AUC)."""
        setting = self.setting
        people, (known, place) = setting.candidates, setting.corpus.embeddings(kind)
        judged = place[rows] >= 0
        # A split that the corpus brings along may have a person on both sides; the probe must not.
        others = ~np.isin(people[setting.train], people[rows])
        fit = setting.train[(place[setting.train] >= 0) & others][:PROBE_INTERVIEWS]
        seen = run_model(self.average, setting.reader, fit, device=self.fabric.device)
        retrieval = quick_retrieval(
            seen.representation,
            known[place[fit]],
            people[fit],
            vectors[judged],
            known[place[rows[judged]]],
            people[rows[judged]],
        )
        if isinstance(retrieval, Undefined):
            raise NotComputableError(
                f"choosing a checkpoint without labels: {kind} retrieval on validation people: {retrieval.reason}"
            )
        return retrieval.value

    def parts(self) -> tuple[dict[str, torch.nn.Module], dict[str, torch.optim.Optimizer]]:
        """Return what a state file holds: the modules and the optimisers, by name."""
        modules: dict[str, torch.nn.Module] = {"model": self.model, "average": self.average}
        optimisers: dict[str, torch.optim.Optimizer] = {"model": self.optimiser}
        if self.offset is not None:
            modules["offset"], optimisers["offset"] = self.offset, self.offset_optimiser
        for (attack, site), opponent in self.opponents.items():
            own, theirs = opponent.parts()
            modules |= {f"{attack} at {site}, {name}": module for name, module in own.items()}
            optimisers |= {f"{attack} at {site}, {name}": optimiser for name, optimiser in theirs.items()}
        return modules, optimisers

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            save_state(self.folder / "state.safetensors", *self.parts(), self.journal.to_dict())
            drop_unchosen(self.folder, self.journal, self.config.strengths)
        self.fabric.barrier()

    def _new_opponent(self, attack: str, site: str) -> Opponent:
        build, config = self.setting.attacks[attack], self.config
        width = self.model.fusion.width if site == FUSED else 2 * config.hidden
        first = build(width)
        if isinstance(first, Penalty):
            return PenaltyOpponent(first)
        return LearningOpponent(
            lambda: cast("Adversary", build(width)).to(self.fabric.device),
            steps=config.adversary_steps,
            learning_rate=config.adversary_learning_rate,
            average=lambda module: average_gradients(self.fabric, module),
            seed=config.seed,
        )

    def _facts(self) -> str:
        sums = self.journal.sums
        facts = f"epoch {self.journal.epoch}/{self.config.epochs}  loss {sums['loss'] / max(sums['n'], 1):.3f}"
        if self.journal.history:
            facts += f"  F1 {self.journal.history[-1]['validation_f1']:.3f}"
        played = next((f"{attack} at {site}" for attack, site in self.opponents), "")
        if sums.get(f"{played}/n") and f"{played}/accuracy" in sums:
            accuracy, chance = (sums[f"{played}/{name}"] / sums[f"{played}/n"] for name in ("accuracy", "chance"))
            facts += f"  adversary accuracy {accuracy:.3f} (chance {chance:.3f})"
        return facts


def _f1(hirable: NDArray[np.bool_], decision: NDArray[np.bool_]) -> dict[str, float]:
    both = float((hirable & decision).sum())
    share = float(hirable.mean())
    return {
        "validation_f1": 2 * both / max(1.0, float(hirable.sum() + decision.sum())),
        "validation_f1_all_positive": 2 * share / (1 + share),
    }
