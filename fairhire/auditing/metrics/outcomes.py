"""How decisions meet the true labels: who of the hirable is found, who of the found is hirable, and how that differs.

Labels are mostly recruiters' past decisions; whatever is wrong with those is taken for the truth here (audit-rules.md
5.6). A rate whose denominator is empty does not exist, and a difference that would need it is not estimable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fairhire.auditing.ratio import newcombe_interval
from fairhire.auditing.tally import Category, Confusion, Tally
from fairhire.estimate import Estimate, Measurement, MethodEstimate, Undefined, wilson

__all__ = ["Differences", "OutcomeRow", "OutcomeTable", "outcome_table"]

_REPEATED = "rows taken as independent, though some people have several"

_MISSING = {
    "base_rate": "the group has no row with a label and a decision",
    "tpr": "the group has no positives: nobody of it is labelled hirable",
    "fpr": "the group has no negatives: everybody of it is labelled hirable",
    "fnr": "the group has no positives: nobody of it is labelled hirable",
    "ppv": "nobody of the group is selected",
    "npv": "everybody of the group is selected",
    "accuracy": "the group has no row with a label and a decision",
}


@dataclass(frozen=True)
class OutcomeRow:
    """One group: its confusion table and the rates it gives, each with Wilson's interval over its own denominator."""

    category: Category
    confusion: Confusion
    base_rate: Measurement
    tpr: Measurement
    fpr: Measurement
    fnr: Measurement
    ppv: Measurement
    npv: Measurement
    accuracy: Measurement

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        table = self.confusion
        return {
            "category": list(self.category),
            "confusion": {"tp": table.tp, "fp": table.fp, "fn": table.fn, "tn": table.tn},
            **{name: getattr(self, name).to_dict() for name in _MISSING},
        }


@dataclass(frozen=True)
class Differences:
    """Largest minus smallest rate of all groups: TPR, the wider of TPR and FPR, PPV, accuracy."""

    equal_opportunity: Measurement
    equalized_odds: Measurement
    predictive_parity: Measurement
    accuracy: Measurement

    def to_dict(self) -> dict[str, Any]:
        """Return the differences as in AUDIT.json."""
        return {
            "equal_opportunity": self.equal_opportunity.to_dict(),
            "equalized_odds": self.equalized_odds.to_dict(),
            "predictive_parity": self.predictive_parity.to_dict(),
            "accuracy": self.accuracy.to_dict(),
        }


@dataclass(frozen=True)
class OutcomeTable:
    """All known groups of one grouping, rows without a label or a decision left out.

    ``rows_as_witnesses`` where people have several rows, which the intervals take as independent.
    """

    grouping: tuple[str, ...]
    benchmark: Category | None
    rows: tuple[OutcomeRow, ...]
    differences: Differences
    rows_as_witnesses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "benchmark": None if self.benchmark is None else list(self.benchmark),
            "rows_as_witnesses": self.rows_as_witnesses,
            "rows": [row.to_dict() for row in self.rows],
            "differences": self.differences.to_dict(),
        }


def outcome_table(
    tally: Tally, grouping: Sequence[str], *, benchmark: Category | None, level: float = 0.95
) -> OutcomeTable | Undefined:
    """Return rates and differences of all known groups; :class:`Undefined` where no row has a label and a decision.

    A difference is that of the groups with the largest and the smallest rate, with Newcombe's interval between these
    two, which its ``method`` names. They were found in the same data: among many groups the extremes lie apart by
    chance too. One group without the rate makes the difference not estimable; it is never 0. Where people have several
    rows, ``method`` says that the interval takes rows as independent.
    """
    if not tally.has_labels:
        return Undefined("there are no true labels", tally.rows)
    tables = tally.confusion(grouping)
    if not any(table.n for table in tables.values()):
        return Undefined("no row of a known group has a label and a decision", tally.rows)
    repeated = tally.people_repeat
    return OutcomeTable(
        tuple(grouping),
        benchmark,
        tuple(_row(category, table, level=level, repeated=repeated) for category, table in tables.items()),
        _differences(tables, level=level, repeated=repeated),
        repeated,
    )


def _shares(table: Confusion) -> dict[str, tuple[int, int]]:
    """Return numerator and denominator of every rate."""
    positives, negatives = table.tp + table.fn, table.fp + table.tn
    return {
        "base_rate": (positives, table.n),
        "tpr": (table.tp, positives),
        "fpr": (table.fp, negatives),
        "fnr": (table.fn, positives),
        "ppv": (table.tp, table.tp + table.fp),
        "npv": (table.tn, table.tn + table.fn),
        "accuracy": (table.tp + table.tn, table.n),
    }


def _row(category: Category, table: Confusion, *, level: float, repeated: bool) -> OutcomeRow:
    rates: dict[str, Measurement] = {}
    for name, (hits, n) in _shares(table).items():
        rate = wilson(hits, n, level=level)
        if isinstance(rate, Undefined):
            rate = Undefined(_MISSING[name], table.n)
        elif repeated:
            rate = MethodEstimate(rate.value, rate.low, rate.high, level, n, f"Wilson; {_REPEATED}")
        rates[name] = rate
    return OutcomeRow(category, table, **rates)


def _differences(tables: Mapping[Category, Confusion], *, level: float, repeated: bool) -> Differences:
    found = {
        name: _difference(name, {category: _shares(table)[name] for category, table in tables.items()}, level, repeated)
        for name in ("tpr", "fpr", "ppv", "accuracy")
    }
    return Differences(found["tpr"], _wider(found["tpr"], found["fpr"]), found["ppv"], found["accuracy"])


def _difference(name: str, shares: Mapping[Category, tuple[int, int]], level: float, repeated: bool) -> Measurement:
    people = sum(n for _, n in shares.values())
    lacking = [" x ".join(category) for category, (_, n) in shares.items() if n == 0]
    if lacking:
        return Undefined(f"not estimable: {', '.join(lacking)}: {_MISSING[name]}", people)
    if len(shares) < 2:
        return Undefined("there is one group only", people)
    ranked = sorted(shares, key=lambda category: (Fraction(*shares[category]), category))
    smallest, largest = ranked[0], ranked[-1]
    found = newcombe_interval(*shares[largest], *shares[smallest], level=level)
    assert isinstance(found, Estimate)
    method = f"Newcombe, {name}: {' x '.join(largest)} minus {' x '.join(smallest)}"
    if repeated:
        method += f"; {_REPEATED}"
    return MethodEstimate(found.value, found.low, found.high, level, found.n, method)


def _wider(tpr: Measurement, fpr: Measurement) -> Measurement:
    """Return the larger difference (of equal ones that of the TPR); without one of them there is no equalised odds."""
    for measured in (tpr, fpr):
        if isinstance(measured, Undefined):
            return measured
    assert isinstance(tpr, Estimate)
    assert isinstance(fpr, Estimate)
    return fpr if fpr.value > tpr.value else tpr
