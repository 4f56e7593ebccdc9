"""Compares two audits or two tables of scores: what changed, by how much, and whether the same people were judged.

Where both tables judge the same candidates the change is measured on these people: they are resampled together, so that
what they have in common cancels out (a paired interval, bootstrap by person). Where they are different people, or where
only two records are at hand, which hold no ids, the change carries the uncertainty of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.auditing.benchmark import benchmark_under
from fairhire.auditing.change import Change, ComparisonResult, Scale, independent_change, stands_alone, what_is_missing
from fairhire.auditing.compare_records import compare_records
from fairhire.auditing.demographics import UNKNOWN, Demographics
from fairhire.auditing.plan import Sizes
from fairhire.auditing.tally import Category, GroupCount, Rate
from fairhire.errors import DataError
from fairhire.estimate import Measurement, Statistic, Undefined, auc_of, bootstrap_by_person, quotient
from fairhire.left_out import LeftOut
from fairhire.scores import Scores

__all__ = ["compare_records", "compare_scores"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SIZES = Sizes()
"""How many people a group needs for a ratio, and to be the benchmark (our defaults, audit-rules.md 5.7)."""


# --- two tables of scores -------------------------------------------------------------------------------------------


def compare_scores(
    first: Scores,
    second: Scores,
    demographics: Demographics,
    *,
    attributes: Sequence[str],
    rate: Rate = "selection",
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> ComparisonResult:
    """Return what changed from ``first`` to ``second``, on the people that both judge where there are any.

    By group of every attribute: selection (or scoring) rate, impact ratio against the benchmark of ``first``, mean
    score, share of decisions that changed; for everybody: that share, and the AUC where both tables have labels.
    Intervals are percentile bootstraps by person at ``level``, differences ``second`` minus ``first``. Rows are matched
    by interview and candidate, else by candidate and position where both name a pair once; else only people are.

    Without common people the two are measured apart and the intervals put together (Donner and Zou's method of variance
    estimates recovery, of which Newcombe's is the case of two rates). Raises :class:`DataError` for an attribute that
    the people table does not have, and where no usable row is left.
    """
    match = _match(first, second)
    pair, dropped = _pair(first, second, match, rate)
    if not len(pair.first) or not len(pair.second):
        raise DataError("compare: expected rows with an outcome in both tables, got none")
    asked = list(_of_everybody(pair, rate))
    left_out = [*match.left_out, *dropped]
    words = [*_how(pair, match, replicates), *_median_words(rate)]
    for attribute in attributes:
        groups = _groups(attribute, pair, demographics)
        asked += _of_groups(groups, pair, rate)
        left_out += groups.left_out
        words += groups.words
    measure = _measure_together if pair.paired else _measure_apart
    rows = tuple(measure(asked, pair, replicates=replicates, level=level, seed=seed))
    words.append(stands_alone(rows, level))
    return ComparisonResult(rows, pair.paired, tuple(left_out), tuple(words))


@dataclass(frozen=True)
class _Match:
    """Which rows of the two tables belong together, and ``by`` what they were recognised."""

    by: Literal["interview", "position", "person", "nobody"]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Side:
    """The rows of one table that are compared: whose they are, who was chosen, scores, labels (-1: none) or None."""

    persons: NDArray[np.str_]
    chosen: Floats
    score: Floats
    label: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.persons)


@dataclass(frozen=True)
class _Pair:
    """Both sides. ``matched``: row by row the same interviews; ``paired``: at least the same people."""

    first: _Side
    second: _Side
    matched: bool
    paired: bool

    @property
    def sides(self) -> tuple[_Side, _Side]:
        return self.first, self.second


@dataclass(frozen=True)
class _Question:
    """A quantity to be measured: a statistic a side over that side's rows, or, of matched rows, one of the change."""

    quantity: str
    grouping: tuple[str, ...] | None
    category: Category | None
    sides: tuple[Statistic | Undefined, Statistic | Undefined] | None
    change: Statistic | Undefined | None = None
    apart: Scale = "difference"


@dataclass(frozen=True)
class _Groups:
    """The categories of one attribute on both sides, and the group whose rate the others are divided by."""

    attribute: str
    of: tuple[NDArray[np.str_], NDArray[np.str_]]
    names: tuple[str, ...]
    benchmark: str | None
    left_out: tuple[LeftOut, ...]
    words: tuple[str, ...]


def _match(first: Scores, second: Scores) -> _Match:
    common = np.intersect1d(first.candidates, second.candidates)
    left_out = [
        LeftOut(f"candidates only in the {name}", gone, "the change is measured on people whom both judge")
        for name, other in (("first", first), ("second", second))
        if (gone := len(np.setdiff1d(other.candidates, common))) and len(common)
    ]
    if not len(common):
        return _Match("nobody", np.arange(len(first)), np.arange(len(second)), ())
    one, two = (np.flatnonzero(np.isin(table.candidates, common)) for table in (first, second))
    ways: dict[Literal["interview", "position"], tuple[str, str]] = {
        "interview": ("ids", "candidates"),
        "position": ("candidates", "position"),
    }
    for by, names in ways.items():
        mine, theirs = _keys(first, names, one), _keys(second, names, two)
        if not (mine.is_unique and theirs.is_unique):
            continue
        place = mine.get_indexer(theirs)
        shared = place >= 0
        if not shared.any():
            continue
        for name, rows in (("first", len(one)), ("second", len(two))):
            if alone := rows - int(shared.sum()):
                what = f"rows only in the {name}, of candidates in both"
                left_out.append(LeftOut(what, alone, f"no row of the same {by} in the other"))
        return _Match(by, one[place[shared]], two[shared], tuple(left_out))
    return _Match("person", one, two, tuple(left_out))


def _keys(table: Scores, names: tuple[str, str], rows: NDArray[np.int64]) -> pd.MultiIndex:
    """Return one key a row from two columns together."""
    return pd.MultiIndex.from_arrays([getattr(table, name)[rows].astype(object) for name in names])


def _pair(first: Scores, second: Scores, match: _Match, rate: Rate) -> tuple[_Pair, list[LeftOut]]:
    """Return the rows that have an outcome (of matched ones: in both tables), and how many have none."""
    matched = match.by in ("interview", "position")
    usable = [_has_outcome(table, rate)[rows] for table, rows in ((first, match.first), (second, match.second))]
    if matched:
        both = usable[0] & usable[1]
        usable = [both, both]
    left_out = [
        LeftOut(f"rows of the {name} without an outcome", lost, "no decision or score, there or in its counterpart")
        for name, kept in zip(("first", "second"), usable, strict=True)
        if (lost := int((~kept).sum()))
    ]
    sides = (
        _side(first, match.first[usable[0]], rate),
        _side(second, match.second[usable[1]], rate),
    )
    return _Pair(*sides, matched=matched, paired=match.by != "nobody"), left_out


def _has_outcome(table: Scores, rate: Rate) -> Flags:
    scored = ~np.isnan(table.score)
    return scored if rate == "scoring" else scored & (table.decision >= 0)


def _side(table: Scores, rows: NDArray[np.int64], rate: Rate) -> _Side:
    if rate == "scoring":
        scored = table.score[~np.isnan(table.score)]
        # the median of everybody that this table assessed, as in its own audit (audit-rules.md 4.2)
        chosen = table.score[rows] > (np.median(scored) if len(scored) else 0.0)
    else:
        chosen = table.decision[rows] == 1
    label = None if table.hirable is None else table.hirable[rows]
    return _Side(table.candidates[rows], chosen.astype(float), table.score[rows], label)


def _groups(attribute: str, pair: _Pair, demographics: Demographics) -> _Groups:
    of = (
        demographics.of(attribute, pair.first.persons),
        demographics.of(attribute, pair.second.persons),
    )
    names = tuple(sorted((set(of[0].tolist()) | set(of[1].tolist())) - {UNKNOWN}))
    best = [_benchmark(side, categories, names) for side, categories in zip(pair.sides, of, strict=True)]
    left_out = [
        LeftOut(f"rows of the {name} with unknown {attribute}", gone, "counted, never a group")
        for name, categories in zip(("first", "second"), of, strict=True)
        if (gone := int((categories == UNKNOWN).sum()))
    ]
    words = []
    if best[0] is not None:
        words.append(f"Impact ratios by {attribute} are against {best[0]}, the benchmark of the first, in both.")
        if best[1] not in (None, best[0]):
            words.append(f"In the second the benchmark would be {best[1]}.")
    return _Groups(attribute, of, names, best[0], tuple(left_out), tuple(words))


def _benchmark(side: _Side, categories: NDArray[np.str_], names: Sequence[str]) -> str | None:
    counts = [
        GroupCount((name,), int((categories == name).sum()), int(side.chosen[categories == name].sum()))
        for name in names
    ]
    category = benchmark_under(counts, _SIZES).category
    return None if category is None else category[0]


def _of_everybody(pair: _Pair, rate: Rate) -> Iterator[_Question]:
    yield _changed(pair, rate, None, None, np.ones(len(pair.first), dtype=bool))
    if pair.first.label is not None and pair.second.label is not None:
        yield _Question("AUC", None, None, (_auc(pair.first, pair.first.label), _auc(pair.second, pair.second.label)))


def _of_groups(groups: _Groups, pair: _Pair, rate: Rate) -> Iterator[_Question]:
    grouping, (before, after) = (groups.attribute,), groups.of
    first, second = pair.sides
    for name in groups.names:
        mine, theirs = before == name, after == name
        rates = _share(first, mine, name), _share(second, theirs, name)
        yield _Question(f"{rate} rate", grouping, (name,), rates)
        if name != groups.benchmark:
            ratios = (
                _impact_ratio(first, mine, before == groups.benchmark, groups.benchmark),
                _impact_ratio(second, theirs, after == groups.benchmark, groups.benchmark),
            )
            yield _Question("impact ratio", grouping, (name,), ratios, apart="ratio")
        yield _Question("mean score", grouping, (name,), (_mean(first, mine, name), _mean(second, theirs, name)))
        yield _changed(pair, rate, grouping, (name,), mine)


# --- statistics of one side -----------------------------------------------------------------------------------------


def _share(side: _Side, inside: Flags, name: str) -> Statistic:
    """Return the share of chosen in a group; ``inside`` (N,) marks its rows."""
    members = inside.astype(float)
    hits = members * side.chosen
    return Statistic(
        lambda weights: quotient(hits @ weights, members @ weights), len(side), f"nobody is {name}", inside
    )


def _mean(side: _Side, inside: Flags, name: str) -> Statistic:
    members = inside.astype(float)
    total = members * side.score
    return Statistic(lambda weights: quotient(total @ weights, members @ weights), len(side), f"nobody is {name}")


def _impact_ratio(side: _Side, inside: Flags, reference: Flags, benchmark: str | None) -> Statistic | Undefined:
    """Return a group's rate by that of a benchmark which stays the same in every resample (audit-rules.md 5.1)."""
    if benchmark is None:
        return Undefined("no group can be the benchmark", len(side))
    for people, who in ((int(inside.sum()), "the group"), (int(reference.sum()), "the benchmark")):
        if people < _SIZES.ratio:
            return Undefined(f"{who} has fewer than {_SIZES.ratio} rows", people)
    own, theirs = inside.astype(float), reference.astype(float)
    own_hits, their_hits = own * side.chosen, theirs * side.chosen

    def evaluate(weights: Floats) -> Floats:
        rate = quotient(own_hits @ weights, own @ weights)
        return quotient(rate, quotient(their_hits @ weights, theirs @ weights))

    return Statistic(evaluate, len(side), f"nobody of {benchmark} is chosen")


def _auc(side: _Side, label: NDArray[np.int64]) -> Statistic:
    labelled = np.flatnonzero(label >= 0)
    inner = auc_of(label[labelled] == 1, side.score[labelled])
    witnesses = np.zeros(len(side), dtype=bool)
    if inner.witnesses is not None:
        witnesses[labelled] = inner.witnesses
    return Statistic(lambda weights: inner.evaluate(weights[labelled]), len(side), inner.missing, witnesses)


def _changed(
    pair: _Pair, rate: Rate, grouping: tuple[str, ...] | None, category: Category | None, inside: Flags
) -> _Question:
    """Return the share of rows, ``inside`` (N,) marks those that count, whose outcome differs between the tables."""
    quantity = "decisions changed" if rate == "selection" else "changed sides of the median"
    if not pair.matched:
        return _Question(quantity, grouping, category, None, Undefined("no row has its counterpart in the other", 0))
    differs = _Side(pair.first.persons, (pair.first.chosen != pair.second.chosen).astype(float), pair.first.score, None)
    return _Question(quantity, grouping, category, None, _share(differs, inside, "in both"))


# --- measuring ------------------------------------------------------------------------------------------------------


def _measure_together(
    asked: Sequence[_Question], pair: _Pair, *, replicates: int, level: float, seed: int
) -> Iterator[Change]:
    """Yield every change measured on the same resampled people on both sides."""
    n, m = len(pair.first), len(pair.second)
    everybody = pair.first.persons
    parts = slice(0, n), slice(0, n)
    if not pair.matched:  # the sides have rows of their own: one below the other, resampled by person
        everybody = np.concatenate([pair.first.persons, pair.second.persons])
        parts = slice(0, n), slice(n, n + m)
    statistics: dict[str, Statistic] = {}
    for place, question in enumerate(asked):
        if isinstance(question.change, Statistic):
            statistics[f"{place} change"] = question.change
        one, two = question.sides or (None, None)
        if isinstance(one, Statistic):
            statistics[f"{place} first"] = _lift(one, parts[0], len(everybody))
        if isinstance(two, Statistic):
            statistics[f"{place} second"] = _lift(two, parts[1], len(everybody))
        if isinstance(one, Statistic) and isinstance(two, Statistic):
            statistics[f"{place} change"] = _difference(one, two, parts, len(everybody))
    found = bootstrap_by_person(statistics, everybody, replicates=replicates, level=level, seed=seed)
    for place, question in enumerate(asked):
        if question.sides is None:
            share = question.change if isinstance(question.change, Undefined) else found[f"{place} change"]
            yield Change(question.quantity, question.grouping, question.category, None, None, share, "share")
            continue
        first, second = (
            own if isinstance(own, Undefined) else found[f"{place} {name}"]
            for name, own in zip(("first", "second"), question.sides, strict=True)
        )
        missing = what_is_missing(first, second)
        change = missing if missing is not None else found[f"{place} change"]
        yield Change(question.quantity, question.grouping, question.category, first, second, change, "difference")


def _measure_apart(
    asked: Sequence[_Question], pair: _Pair, *, replicates: int, level: float, seed: int
) -> Iterator[Change]:
    """Yield every change of two tables of different people, each measured by itself."""
    measured: list[dict[str, Measurement]] = []
    for place, side in enumerate(pair.sides):
        statistics: dict[str, Statistic] = {}
        for number, question in enumerate(asked):
            own = None if question.sides is None else question.sides[place]
            if isinstance(own, Statistic):
                statistics[str(number)] = own
        measured.append(
            bootstrap_by_person(statistics, side.persons, replicates=replicates, level=level, seed=seed + place)
        )
    for number, question in enumerate(asked):
        if question.sides is None:
            continue  # whose decision changed: nobody is in both
        first, second = (
            own if isinstance(own, Undefined) else found[str(number)]
            for own, found in zip(question.sides, measured, strict=True)
        )
        change = independent_change(first, second, question.apart)
        yield Change(question.quantity, question.grouping, question.category, first, second, change, question.apart)


def _lift(statistic: Statistic, part: slice, rows: int) -> Statistic:
    """Return the statistic of one side as one over all ``rows``, of which its own are the ``part``."""
    witnesses = None
    if statistic.witnesses is not None:
        witnesses = np.zeros(rows, dtype=bool)
        witnesses[part] = statistic.witnesses
    return Statistic(lambda weights: statistic.evaluate(weights[part]), rows, statistic.missing, witnesses)


def _difference(first: Statistic, second: Statistic, parts: tuple[slice, slice], rows: int) -> Statistic:
    return Statistic(
        lambda weights: second.evaluate(weights[parts[1]]) - first.evaluate(weights[parts[0]]),
        rows,
        "one side is undefined",
    )


# --- in words -------------------------------------------------------------------------------------------------------


def _how(pair: _Pair, match: _Match, replicates: int) -> list[str]:
    if not pair.paired:
        return ["No candidate is in both tables. Different people: the change carries both tables' uncertainty."]
    people = len(np.unique(np.concatenate([pair.first.persons, pair.second.persons])))
    known = {
        "interview": "row by row, by interview and candidate",
        "position": "row by row, by candidate and position",
        "person": "by candidate only, so how many decisions changed is not known",
    }[match.by]
    words = [
        f"The change is measured on the same {people} people ({len(pair.first)} rows of the first and "
        f"{len(pair.second)} of the second, matched {known}); they are resampled together, {replicates} times."
    ]
    if match.left_out:
        words.append("Not all rows are in both tables; the others are counted and left out: see left out.")
    return words


def _median_words(rate: Rate) -> list[str]:
    if rate == "selection":
        return []
    return ["Chosen means above the median score of everybody in the same table, whether they are in both or not."]
