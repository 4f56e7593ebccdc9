"""What leaks, as a record: one row per source, question and probe, with everything that was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.left_out import LeftOut

__all__ = ["LEAKAGE_SCHEMA", "Comparison", "Control", "LeakageResult", "LeakageRow", "false_success"]

LEAKAGE_SCHEMA = 1

_AT_CHANCE = 1.5
"""Odds of an adversary's being right, relative to a blind guess's, up to which we say that it sits at chance [D]."""


@dataclass(frozen=True)
class Control:
    """The same probe on attributes dealt out anew among people, never among interviews, several ``permutations``.

    ``mean``, ``low`` and ``high`` are of the readings.
    """

    mean: float
    low: float
    high: float
    permutations: int

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON can hold it."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "permutations": self.permutations}


@dataclass(frozen=True)
class LeakageRow:
    """What one fresh probe read.

    ``subject`` names the model, ``source`` what the probe saw (``score``, ``representation``), ``attribute`` and
    ``target`` what it was asked (``ethnicity`` and ``ethnicity=Asian``; ``face`` for both in the identity test),
    ``metric`` is ``auc``, ``recall@k``, ``mean_rank_auc`` or ``codelength``. ``estimate`` is as measured, on people
    that neither the model nor the probe had seen, below chance if that is what came out. ``inner`` is the same metric
    on inner people of the fit side (for the identity test always the mean-rank AUC). ``n_fit`` and ``n_test`` count
    people. A ``codelength`` is bits saved per label of the ``n_fit`` people, on whom the model was trained; ``n_test``
    of them were coded by a probe, each by one that had not seen them.
    """

    subject: str
    source: str
    attribute: str
    target: str
    probe: str
    metric: str
    estimate: Measurement
    chance: float
    n_fit: int
    n_test: int
    control: Control | None = None
    inner: float | None = None

    @property
    def selectivity(self) -> float | None:
        """How far the reading lies above that of shuffled attributes (Hewitt and Liang, 2019)."""
        if self.control is None or isinstance(self.estimate, Undefined):
            return None
        return self.estimate.value - self.control.mean

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {
            "subject": self.subject,
            "source": self.source,
            "attribute": self.attribute,
            "target": self.target,
            "probe": self.probe,
            "metric": self.metric,
            "estimate": self.estimate.to_dict(),
            "chance": self.chance,
            "control": None if self.control is None else self.control.to_dict(),
            "selectivity": self.selectivity,
            "inner": self.inner,
            "n_fit": self.n_fit,
            "n_test": self.n_test,
        }


@dataclass(frozen=True)
class Comparison:
    """The same reading of two subjects on the same test people: ``subject`` minus ``against``, a paired interval."""

    subject: str
    against: str
    source: str
    target: str
    probe: str
    metric: str
    difference: Measurement

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON can hold it."""
        return {
            "subject": self.subject,
            "against": self.against,
            "source": self.source,
            "target": self.target,
            "probe": self.probe,
            "metric": self.metric,
            "difference": self.difference.to_dict(),
        }


@dataclass(frozen=True)
class LeakageResult:
    """Everything that was measured: rows, paired comparisons, what was left out, the seed, and ``notes`` in words."""

    rows: tuple[LeakageRow, ...]
    comparisons: tuple[Comparison, ...]
    left_out: tuple[LeftOut, ...]
    seed: int
    notes: tuple[str, ...] = ()

    def strongest(self) -> tuple[LeakageRow, ...]:
        """Return, per subject, source, attribute and metric, the row of the highest value: the headline.

        The maximum is over probes and, for an attribute of several categories, over these (the sAUC of papers.md 2.1
        and 7, row 4). Being a maximum it errs upwards a little; ``inner`` tells which probe promised most beforehand.
        Where nothing could be measured the first undefined row stands for the group.
        """
        best: dict[tuple[str, str, str, str], LeakageRow] = {}
        for row in self.rows:
            key = (row.subject, row.source, row.attribute, row.metric)
            if key not in best or _height(row) > _height(best[key]):
                best[key] = row
        return tuple(best.values())

    def to_frame(self) -> pd.DataFrame:
        """Return one line a row; undefined readings have no value and a reason."""
        return pd.DataFrame([_flat(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON can hold it, without NaN: ``leakage`` has the rows of AUDIT.json."""
        return {
            "schema": LEAKAGE_SCHEMA,
            "seed": self.seed,
            "leakage": [row.to_dict() for row in self.rows],
            "strongest": [row.to_dict() for row in self.strongest()],
            "compare": [comparison.to_dict() for comparison in self.comparisons],
            "left_out": [item.to_dict() for item in self.left_out],
            "notes": list(self.notes),
        }


def false_success(adversary_accuracy: float, chance: float, rows: Sequence[LeakageRow]) -> str | None:
    """Return a sentence where an adversary sits at chance while a fresh probe does not, else None.

    *Adversary accuracy* is what the opponent in training said of itself; *leakage* is what a fresh probe reads from
    people it has not seen (papers.md section 0, fact 3). The adversary counts as at chance up to 1.5 times the odds of
    a blind guess; a probe counts as above chance where its interval lies above it. The strongest such row is named.
    """
    if not (0 <= adversary_accuracy <= 1 and 0 < chance < 1):
        raise ValueError(
            f"expected an accuracy in [0, 1] and a chance in (0, 1), got {adversary_accuracy} and {chance}"
        )
    if adversary_accuracy * (1 - chance) > _AT_CHANCE * chance * (1 - adversary_accuracy):
        return None
    found = [
        (row, row.estimate) for row in rows if isinstance(row.estimate, Estimate) and row.estimate.low > row.chance
    ]
    if not found:
        return None
    row, estimate = max(found, key=lambda pair: (pair[1].low - pair[0].chance) / (1 - pair[0].chance))
    return (
        f"adversary accuracy {adversary_accuracy:.3g} is at chance ({chance:.3g}), yet a fresh {row.probe} probe reads "
        f"{row.target} from the {row.source} with {row.metric} {estimate} (chance {row.chance:.3g}) on {row.n_test} "
        "people it has not seen: the adversary was fooled, the information is still there"
    )


def _height(row: LeakageRow) -> float:
    return row.estimate.value if isinstance(row.estimate, Estimate) else float("-inf")


def _flat(row: LeakageRow) -> dict[str, Any]:
    estimate = row.estimate
    measured = isinstance(estimate, Estimate)
    return {
        "subject": row.subject,
        "source": row.source,
        "attribute": row.attribute,
        "target": row.target,
        "probe": row.probe,
        "metric": row.metric,
        "value": estimate.value if isinstance(estimate, Estimate) else None,
        "low": estimate.low if isinstance(estimate, Estimate) else None,
        "high": estimate.high if isinstance(estimate, Estimate) else None,
        "undefined": None if isinstance(estimate, Estimate) else estimate.reason,
        "chance": row.chance,
        "control": row.control.mean if row.control is not None and measured else None,
        "n_fit": row.n_fit,
        "n_test": row.n_test,
    }
