"""Which systems a bench compares on a corpus, and what has to be done for each: one job a system and a round.

A round is one division of the people: a seed, or a fold of a seed's cross-validation. Papers section 1.1 names the
baselines; the rungs of :data:`LADDER` are the paper's order, each against the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from fairhire.data.corpus import Corpus
from fairhire.errors import UsageError
from fairhire.training import TrainConfig

__all__ = [
    "FUSED",
    "FUSIONS_AFTER",
    "LADDER",
    "NETWORKS",
    "BenchConfig",
    "Job",
    "OtherScores",
    "Round",
    "jobs_of",
    "modalities_of",
]

NETWORKS = ("bigru", "hn-avg", "hn-satt", "hirenet")
"""The networks, from no hierarchy to the whole model."""

LADDER = ("non-sequential", "bag of words", *NETWORKS)
"""What every modality is given to, weakest first as in the paper."""

_TAKEN = ("votes", "fusion", "features", "others")  # groups beside the modalities
FUSED = "fusion"
"""The group of systems that read several modalities."""

FUSIONS_AFTER = ("early", "late", "stacked")
"""The fusions of networks that were trained before, one modality each."""


@dataclass(frozen=True)
class OtherScores:
    """Scores that somebody else's system gave: a table whose first column is the interview, and the column to read.

    ``rating`` names the rating that the scores predict too, in its own units; None for none.
    """

    path: Path
    column: str
    rating: str | None = None


@dataclass(frozen=True)
class BenchConfig:
    """Settings of a bench.

    ``training`` are the settings of the networks (model, modalities of a run, split and seed are set by the bench; its
    ``modalities`` name what is compared, None for all). ``folds`` None divides the people anew for every seed, by
    ``training.split`` and ``training.fractions``; k tests every person once a seed. ``features`` are tables of numbers
    an interview, given to the classic learners; ``others`` scores of other systems. ``replicates`` of the bootstrap and
    of the randomisation tests. Raises :class:`UsageError`.
    """

    training: TrainConfig = field(default_factory=TrainConfig)
    seeds: tuple[int, ...] = (0,)
    folds: int | None = None
    features: Mapping[str, Path] = field(default_factory=dict)
    others: Mapping[str, OtherScores] = field(default_factory=dict)
    replicates: int = 1000

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise UsageError(f"seeds: expected every seed once and at least one, got {list(self.seeds)}")
        if self.folds is not None and self.folds < 2:
            raise UsageError(f"folds: expected 2 or more, got {self.folds}")
        if self.folds is not None and self.training.split != "candidate":
            raise UsageError(f"folds: expected only with the split candidate, got {self.training.split!r}")
        if self.training.adversary != "none":
            raise UsageError(f"bench: expected models without an adversary, got {self.training.adversary!r}")
        if self.replicates < 100:
            raise UsageError(f"replicates: expected 100 or more, got {self.replicates}")

    def rounds(self) -> list[Round]:
        """Return all divisions of the people."""
        if self.folds is None:
            return [Round(seed, self.training.split, f"seed{seed}") for seed in self.seeds]
        return [
            Round(seed, f"fold:{fold}/{self.folds}", f"seed{seed}-fold{fold}of{self.folds}")
            for seed in self.seeds
            for fold in range(1, self.folds + 1)
        ]

    def of_round(self, one: Round) -> TrainConfig:
        """Return the settings of the networks in a round."""
        return replace(self.training, split=one.split, seed=one.seed, modalities=None)


@dataclass(frozen=True)
class Round:
    """One division of the people into those who train, those who choose and those who test."""

    seed: int
    split: str
    name: str


@dataclass(frozen=True)
class Job:
    """One system in one round.

    ``group`` is a modality, ``fusion``, ``features`` or ``others``; ``system`` its rung, or the fusion's or table's
    name. ``cost`` orders jobs: long ones first, so that no process ends alone.
    """

    group: str
    system: str
    round: Round
    cost: float = 0.0

    @property
    def name(self) -> str:
        """The job in words, as the progress display shows it."""
        return f"{self.group} {self.system}, {self.round.name}"

    @property
    def file(self) -> str:
        """The job as a file's name."""
        plain = [quote(words, safe=" ").replace("_", "%5F").replace(" ", "_") for words in (self.group, self.system)]
        return f"{'_'.join(plain)}@{self.round.name}"

    @property
    def after_others(self) -> bool:
        """Whether it reads what other jobs of its round have made: the fusions of networks trained one by one."""
        return self.group == FUSED and self.system in FUSIONS_AFTER


def modalities_of(corpus: Corpus, config: BenchConfig) -> tuple[list[str], list[str]]:
    """Return the modalities to compare, and those that nobody has, which are left out and said.

    Raises :class:`UsageError` for one that the corpus does not know, or when nothing is left.
    """
    wanted = list(config.training.modalities or corpus.modalities)
    if unknown := [name for name in wanted if name not in corpus.modalities]:
        known = ", ".join(corpus.modalities)
        raise UsageError(f"modality: expected one of {known} ({corpus.path}), got {unknown[0]!r}")
    if taken := [name for name in wanted if name in _TAKEN]:
        raise UsageError(f"modality: expected no name that the bench gives to groups, got {taken[0]!r}; rename it")
    empty = [name for name in wanted if not (corpus.length(name) > 0).any()]
    if len(empty) == len(wanted):
        raise UsageError(f"{corpus.path}: expected {' or '.join(wanted)} in at least one answer, got none")
    return [name for name in wanted if name not in empty], empty


def jobs_of(corpus: Corpus, config: BenchConfig) -> list[Job]:
    """Return everything there is to do, the longest first."""
    names, _ = modalities_of(corpus, config)
    frames = {name: float(np.minimum(corpus.length(name), config.training.longest).sum()) for name in names}
    jobs = []
    for one in config.rounds():
        for name in names:
            # A network passes over all frames many times; the classic learners see one row an answer.
            jobs += [Job(name, system, one, frames[name]) for system in NETWORKS]
            jobs += [Job(name, system, one, 0.1 * frames[name]) for system in LADDER if system not in NETWORKS]
        if len(names) > 1:
            jobs += [Job(FUSED, "gated", one, sum(frames.values())), *(Job(FUSED, name, one) for name in FUSIONS_AFTER)]
        jobs += [Job("features", name, one) for name in config.features]
        jobs += [Job("others", name, one) for name in config.others]
    return sorted(jobs, key=lambda job: -job.cost)
