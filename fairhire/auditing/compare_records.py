"""Compares two records of audits, which hold no ids: nothing is paired, every change carries the doubt of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from fairhire.auditing.change import Change, ComparisonResult, Scale, independent_change, name_group, stands_alone
from fairhire.auditing.gate import audited_leakage
from fairhire.auditing.tally import Category
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.left_out import LeftOut

__all__ = ["compare_records"]

Record = Mapping[str, Any]
Key = TypeVar("Key", bound=tuple[Any, ...])


def compare_records(first: Record, second: Record) -> ComparisonResult:
    """Return what changed from the audit ``first`` to the audit ``second`` (AUDIT.json as dictionaries).

    Records hold no ids, so nothing can be paired even where the people are the same: every change carries the
    uncertainty of both audits. Compared is only what is defined in both: rates by group; impact ratios where both have
    the same benchmark, as a ratio of ratios; differences of outcomes; leakage of what was audited. Raises
    :class:`DataError` for a record that is not as docs/audit-record.md describes it.
    """
    try:
        left_out: list[LeftOut] = []
        rows = (
            *_rates(first, second, left_out),
            *_outcomes(first, second, left_out),
            *_leaks(first, second, left_out),
        )
        words = (*_about(first, second), stands_alone(rows, float(second["plan"]["level"])))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a record: expected it as docs/audit-record.md describes it, got {error!r}") from error
    return ComparisonResult(rows, False, tuple(left_out), words)


def _rates(first: Record, second: Record, left_out: list[LeftOut]) -> Iterator[Change]:
    before, after = (
        {(tuple(table["grouping"]), table["rate"]): table for table in side["groups"]} for side in (first, second)
    )
    shared = _both(before, after, lambda key: f"groups of {' x '.join(key[0])} ({key[1]})", left_out)
    for (grouping, rate), one, two in shared:
        yield from _groups(grouping, rate, one, two, left_out)


def _groups(
    grouping: tuple[str, ...], rate: str, first: Record, second: Record, left_out: list[LeftOut]
) -> Iterator[Change]:
    """Yield what changed for every group of one table: its rate, and its ratio if both have the same benchmark."""
    same = first["benchmark"] == second["benchmark"]
    before, after = ({tuple(row["category"]): row for row in table["rows"]} for table in (first, second))
    for category, one, two in _both(before, after, lambda key: f"group {name_group(grouping, key)} ({rate})", left_out):
        yield _unpaired(f"{rate} rate", grouping, category, one["rate"], two["rate"])
        if same and list(category) == first["benchmark"]:
            continue
        ratios = one["impact_ratio"], two["impact_ratio"]
        change = _unpaired("impact ratio", grouping, category, *ratios, scale="ratio")
        if not same:
            names = (" x ".join(table["benchmark"] or ["none"]) for table in (first, second))
            why = Undefined(f"the benchmarks differ: {', '.join(names)}", one["n"] + two["n"])
            change = replace(change, change=why)
        yield change


def _outcomes(first: Record, second: Record, left_out: list[LeftOut]) -> Iterator[Change]:
    before, after = ({tuple(table["grouping"]): table for table in side["outcomes"]} for side in (first, second))
    for grouping, one, two in _both(before, after, lambda key: f"outcomes by {' x '.join(key)}", left_out):
        for name, difference in one["differences"].items():
            quantity = f"{name.replace('_', ' ')} difference by {' x '.join(grouping)}"
            yield _unpaired(quantity, grouping, None, difference, two["differences"][name])


def _leaks(first: Record, second: Record, left_out: list[LeftOut]) -> Iterator[Change]:
    parts = ("target", "source", "probe", "metric")
    before, after = (
        {tuple(row[part] for part in parts): row for row in audited_leakage(side)} for side in (first, second)
    )
    for key, one, two in _both(before, after, lambda key: f"leakage ({', '.join(key)})", left_out):
        target, source, probe, metric = key
        quantity = f"leakage of {target} from the {source} ({probe} probe, {metric})"
        yield _unpaired(quantity, None, None, one["estimate"], two["estimate"])


def _both(
    first: Mapping[Key, Record], second: Mapping[Key, Record], words: Callable[[Key], str], left_out: list[LeftOut]
) -> Iterator[tuple[Key, Record, Record]]:
    """Yield what both have under the same key, in the order of the first; note the rest in ``left_out``."""
    for key, before in first.items():
        if key in second:
            yield key, before, second[key]
        else:
            left_out.append(LeftOut(words(key), 1, "only in the first record"))
    left_out += [LeftOut(words(key), 1, "only in the second record") for key in second if key not in first]


def _unpaired(
    quantity: str,
    grouping: tuple[str, ...] | None,
    category: Category | None,
    before: Record,
    after: Record,
    *,
    scale: Scale = "difference",
) -> Change:
    first, second = _measurement(before), _measurement(after)
    return Change(quantity, grouping, category, first, second, independent_change(first, second, scale), scale)


def _measurement(part: Record) -> Measurement:
    """Return a measurement of AUDIT.json as the record it was written from."""
    if "undefined" in part:
        return Undefined(str(part["undefined"]), int(part["n"]))
    value, low, high, level = (float(part[name]) for name in ("value", "low", "high", "level"))
    return Estimate(value, low, high, level, int(part["n"]))


def _about(first: Record, second: Record) -> Iterator[str]:
    """Yield what to know of the two audits before reading their differences."""
    if first == second:
        yield "The two records are the same: whatever changed since is in neither."
        return
    theirs = {item["sha256"] for item in second["inputs"]}
    shared = sorted(
        {f"{item['name']} ({item['sha256'][:12]}…)" for item in first["inputs"] if item["sha256"] in theirs}
    )
    if shared:
        yield (
            f"Both audits read {', '.join(shared)}, so they may judge the same people. A record holds no ids: the "
            "changes are unpaired all the same, and their intervals wider than they need be if the people are the "
            "same. Compare the two tables of scores to pair them."
        )
    else:
        yield "Different people: no file was read by both audits, as far as the records tell."
    yield "The change carries both audits' uncertainty."
    plans = first["plan"], second["plan"]
    if any(plans[0][name] != plans[1][name] for name in ("name", "version", "sha256")):
        named = (f"{plan['name']} version {plan['version']}" for plan in plans)
        yield f"The plans differ ({', '.join(named)}): only what both define is compared."
    if first["threshold"] != second["threshold"]:
        cuts = ("not known" if side["threshold"] is None else f"{side['threshold']:g}" for side in (first, second))
        yield f"The scores at which people are selected differ ({', '.join(cuts)})."
