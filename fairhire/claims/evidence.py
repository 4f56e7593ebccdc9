"""What the claims rest on: runs of one corpus, sorted into undefended, defended and direct, each measured once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.demographics import Demographics
from fairhire.auditing.leakage import PROBES, LeakageResult, LeakageRow, measure_run
from fairhire.auditing.leakage.family import Probe
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError, UsageError
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.progress import Advance, silent
from fairhire.runs import Run

__all__ = ["Evidence", "Pair", "collect", "excess_drop"]

Watch = Callable[[str, int], AbstractContextManager[Advance]]

_ALIKE = ("model", "modalities", "fusion", "split", "fractions", "seed")
"""Settings in which a run and its undefended twin must agree."""

_REMOVERS = ("adversary", "erase", "offset")


@dataclass(frozen=True)
class Pair:
    """A run beside the undefended one that differs from it in nothing but the removal."""

    run: Run
    undefended: Run

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.run.path.resolve().name

    @property
    def seed(self) -> int:
        """The seed of both."""
        return int(self.run.config["seed"])


@dataclass
class Evidence:
    """Runs and data; leakage is measured when it is first asked for.

    ``undefended`` runs have neither adversary nor eraser, ``defended`` pairs read faces or voices but no label,
    ``direct`` pairs read a label. ``truth`` (N,) is an unbiased label row by row with the scores, where one is known.
    """

    runs: tuple[Run, ...]
    people: Demographics
    corpus: Corpus | None
    truth: NDArray[np.bool_] | None
    frontier: Mapping[str, Any] | None
    undefended: tuple[Run, ...]
    defended: tuple[Pair, ...]
    direct: tuple[Pair, ...]
    unpaired: tuple[str, ...]
    probes: Mapping[str, Probe]
    seed: int
    watch: Watch
    _measured: dict[str, LeakageResult] = field(default_factory=dict)

    def leakage(self, pair: Pair) -> LeakageResult:
        """Return what fresh probes read of a pair, with the differences."""
        key = str(pair.run.path)
        if key not in self._measured:
            faces = mask = None
            if self.corpus is not None and self.corpus.has_faces:
                mask = self.corpus.face_rows >= 0
                faces = np.asarray(self.corpus.faces)[np.maximum(self.corpus.face_rows, 0)]
            self._measured[key] = measure_run(
                pair.run,
                self.people,
                faces=faces,
                face_mask=mask,
                baseline=pair.undefended,
                controls=3,
                seed=self.seed,
                watch=self.watch,
                probes=self.probes,
            )
        return self._measured[key]

    def strongest(self, pair: Pair, source: str, attribute: str, *, undefended: bool = False) -> LeakageRow | None:
        """Return the row of the probe that reads most of an attribute, of the run or of its undefended twin."""
        for row in self.leakage(pair).strongest():
            ours = row.subject == pair.name
            if ours != undefended and (row.source, row.attribute, row.metric) == (source, attribute, "auc"):
                return row
        return None

    def rows(self, pair: Pair, *, undefended: bool = False, **wanted: str) -> Iterator[LeakageRow]:
        """Yield the rows of the run, or of its twin, whose fields are as ``wanted``."""
        for row in self.leakage(pair).rows:
            if (row.subject == pair.name) != undefended and all(getattr(row, k) == v for k, v in wanted.items()):
                yield row

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes of the people table."""
        return tuple(self.people.attributes)

    def test_rows(self, run: Run) -> NDArray[np.bool_]:
        """Return which interviews are of test people, labelled and scored (N,)."""
        scores = run.scores
        assert scores.hirable is not None
        rows: NDArray[np.bool_] = (scores.split == "test") & (scores.hirable >= 0) & (scores.decision >= 0)
        return rows


def collect(
    runs: Sequence[Run],
    people: Demographics,
    *,
    corpus: Corpus | None = None,
    truth: Mapping[str, bool] | None = None,
    frontier: Mapping[str, Any] | None = None,
    probes: Mapping[str, Probe] = PROBES,
    seed: int = 0,
    watch: Watch = lambda _what, _total: nullcontext(silent),
) -> Evidence:
    """Sort ``runs`` and check that they belong together.

    ``truth`` maps interviews to an unbiased label. Raises :class:`UsageError` for no run or one given twice,
    :class:`DataError` for runs of different corpora, a corpus that is not theirs, or a truth that misses interviews.
    """
    if not runs:
        raise UsageError("claims: expected at least one run, got none")
    paths = [run.path.resolve() for run in runs]
    if len(set(paths)) != len(paths):
        raise UsageError("claims: expected every run once, got one twice")
    first = runs[0]
    for run in runs[1:]:
        if not np.array_equal(run.scores.ids, first.scores.ids):
            raise DataError(f"{run.path}: expected a run of the same corpus as {first.path}, got other interviews")
    if corpus is not None and not np.array_equal(corpus.interviews["id"].to_numpy(dtype=str), first.scores.ids):
        raise DataError(f"{corpus.path}: expected the corpus of {first.path}, got other interviews")
    known = None
    if truth is not None:
        missing = [name for name in first.scores.ids.tolist() if name not in truth]
        if missing:
            raise DataError(f"truth: expected every interview of the runs, got none of {missing[0]!r}")
        known = np.array([truth[name] for name in first.scores.ids.tolist()], dtype=bool)
    undefended = tuple(run for run in runs if _kind(run) == "undefended")
    pairs: dict[str, list[Pair]] = {"defended": [], "direct": []}
    unpaired = []
    for run in runs:
        if (kind := _kind(run)) == "undefended":
            continue
        twin = next((one for one in undefended if _alike(one, run)), None)
        if twin is None:
            unpaired.append(run.path.resolve().name)
        else:
            pairs[kind].append(Pair(run, twin))
    return Evidence(
        tuple(runs),
        people,
        corpus,
        known,
        frontier,
        undefended,
        tuple(pairs["defended"]),
        tuple(pairs["direct"]),
        tuple(unpaired),
        probes,
        seed,
        watch,
    )


def _kind(run: Run) -> str:
    if run.provenance.get("sensitive_labels_read"):
        return "direct"
    removal = run.provenance.get("removal", {"adversary": run.config["adversary"], "erase": "none"})
    return "undefended" if all(removal.get(part, "none") == "none" for part in _REMOVERS) else "defended"


def _alike(one: Run, other: Run) -> bool:
    same = all(one.config.get(name) == other.config.get(name) for name in _ALIKE)
    return same and np.array_equal(one.scores.split, other.scores.split)


def excess_drop(before: LeakageRow | None, after: LeakageRow | None) -> Measurement | float:
    """Return the share of the undefended excess over chance that is gone; by the point values of both.

    The interval is that of the defended reading, since the undefended excess is large beside its own error wherever a
    share of it means anything; below an excess of .05 there is nothing to take a share of.
    """
    if before is None or after is None:
        return Undefined("the attribute was not measured", 0)
    one, two = before.estimate, after.estimate
    if not isinstance(one, Estimate) or not isinstance(two, Estimate):
        missing = one if isinstance(one, Undefined) else two
        assert isinstance(missing, Undefined)
        return missing
    excess = one.value - before.chance
    if excess < 0.05:
        return Undefined(f"the undefended model leaks too little to take a share of ({one.value:.3f})", one.n)
    drop = [1 - (end - after.chance) / excess for end in (two.value, two.high, two.low)]
    return Estimate(drop[0], drop[1], drop[2], two.level, two.n)
