"""Who is chosen how often: per grouping a table of rates and ratios, a picture of the ratios, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import Badge, Cell, Percent, Points, PValue, Shown, count, number, percent
from fairhire.report.document import Block, Heading, Paragraph, Picture, Subheading, Table
from fairhire.report.drawings import Intervals, Mark, Panel, Row
from fairhire.report.wording import (
    Record,
    compared,
    group_name,
    grouping_name,
    join,
    level_of,
    measured,
    passed_over,
    plural,
    rate_words,
    reading_badge,
    said,
    sentence,
    short_name,
)

__all__ = ["groups"]

_DRAWN = 30
_LISTED = 300
"""Rows that a table of the document holds; groups.csv and AUDIT.json hold all."""

_SERIES = {"clear": "clear", "below": "below", "undecided": "open", None: "unread"}
_LEGEND = {
    "clear": "clear of four fifths",
    "below": "below four fifths",
    "open": "UNDECIDED",
    "unread": "no reading",
}


def groups(record: Record) -> tuple[Block, ...]:
    """Return a part for every grouping and rate that was asked."""
    if not record["groups"]:
        return ()
    blocks: list[Block] = [Heading("Selection by group", "groups"), *_scoring(record)]
    for table in record["groups"]:
        blocks += _grouping(table, record)
    return tuple(blocks)


def _scoring(record: Record) -> Iterator[Block]:
    scoring = record["scoring"]
    if scoring is None:
        return
    median, tied = float(scoring["median"]), scoring["tied"]
    share = f"; {count(tied)} of {count(scoring['n'])} lie on it and are not above it" if scoring.get("n") else ""
    yield Paragraph(
        f"Scoring rate: the share of a group with a score above the median of everybody assessed, {number(median)}"
        f"{share}. {count(scoring['above'])} lie above."
    )
    other = scoring.get("other_reading") or []
    if other:
        yield Table(
            "Another reading of the median: of people of known category only",
            ("by", "group", "ratio, median of all", "ratio, median of the known"),
            tuple(
                (
                    grouping_name(item["grouping"]),
                    group_name(item["category"]),
                    _plain(item["ratio"]),
                    _plain(item["ratio_known_only"]),
                )
                for item in other
            ),
            note="Listed where the two readings differ by more than 0.01.",
        )


def _grouping(table: Mapping[str, Any], record: Record) -> Iterator[Block]:
    name = f"{grouping_name(table['grouping'])}, {rate_words(table['rate'])}"
    yield Subheading(f"By {name}")
    yield Paragraph(_introduction(table))
    rows, omitted = _listed(table)
    note = (
        f"{plural(omitted, 'more group')} in groups.csv and AUDIT.json; listed are the lowest ratios. "
        if omitted
        else ""
    )
    yield Table(
        f"Rates and impact ratios by {name}",
        ("group", "n", "share", "selected" if table["rate"] == "selection" else "above", "rate", "impact ratio",
         "below 4/5, exactly", "reading"),
        (*(_first(row) for row in rows), *_unknown(table)),
        note=f"{note}Rates: Wilson intervals, {level_of(record)}. Share: of the people whose category is known. The "
        "exact comparison is made in whole numbers; the reading is that of the interval. Unknown: counted, never "
        f"compared.{_small(rows)}",
    )  # fmt: skip
    yield from _left_out(rows)
    names = {tuple(row["category"]) for row in rows}
    found = [row for row in compared(table) if tuple(row["category"]) in names]
    if not found:
        return
    yield _forest(found[:_DRAWN], table, name)
    yield Table(
        f"How good the evidence is, by {name}",
        ("group", "difference, points", "p", "p, Holm", "p, B-H", "shortfall", "flip test", "detectable ratio",
         "interval"),
        tuple(_second(row) for row in found),
        note="Difference: of rates, group minus benchmark, Newcombe intervals. "
        f"p: {_test(table, record)}, two-sided, raw and corrected within this table. Shortfall: selections that are "
        "missing to reach 4/5. Flip test: the ratio after one selection moves from the benchmark to the group; if the "
        "order of the rates turns, the numbers are too small to conclude. Detectable: the ratio that these numbers "
        "would have shown with 80 % power. Interval: how that of the ratio was computed; see “How to read this”.",
    )  # fmt: skip


def _introduction(table: Mapping[str, Any]) -> str:
    if table["benchmark"] is None:
        reasons = (row["why"] or row["impact_ratio"].get("undefined") for row in table["rows"])
        why = next((reason for reason in reasons if reason), "no group is known")
        return f"There is no benchmark, and so no ratio: {sentence(why)}."
    tied = [short_name(category) for category in table["tied"]]
    also = f" {join(tied)} has the same rate; the larger group is taken." if tied else ""
    over = passed_over(table, among=[row["category"] for row in table["rows"]])
    share = table["smallest_share"]
    small = f" A group under {percent(share)} of the known may be left out of the ratios." if share else ""
    return (
        f"The benchmark is {short_name(table['benchmark'])}, the group with the highest rate among those large enough."
        f"{also}{small}{f' {over}' if over else ''}"
    )


def _small(rows: Sequence[Mapping[str, Any]]) -> str:
    if not any(row.get("few") for row in rows):
        return ""
    return (
        " Small: fewer people than the plan takes for enough, or too few selections to be expected; read such a row "
        "with care."
    )


def _listed(table: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], int]:
    rows = list(table["rows"])
    if len(rows) <= _LISTED:
        return rows, 0
    worst = [row for row in rows if row["verdict"] == "benchmark"] + compared(table)
    return worst[:_LISTED], len(rows) - min(len(worst), _LISTED)


def _first(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    below: Cell = {True: Badge("below", "below"), False: Badge("not below", "plain"), None: None}[
        row["below_four_fifths"]
    ]
    benchmark = row["verdict"] == "benchmark"
    rate = measured(row["rate"])
    ratio: Cell = Shown("1 (benchmark)") if benchmark else measured(row["impact_ratio"])
    if isinstance(ratio, Undefined):
        ratio = None  # the reason stands below the table, once
    return (
        group_name(row["category"]),
        Shown(f"{count(row['n'])} (small)") if row.get("few") else row["n"],
        Percent(float(row["share"])),
        row["selected"],
        Percent(rate) if isinstance(rate, Estimate) else rate,
        ratio,
        None if benchmark else below,
        reading_badge(row),
    )


def _unknown(table: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    unknown = table["unknown"]
    rate = measured(unknown["rate"])
    if not unknown.get("stated", True):
        yield ("unknown", None, None, None, "not stated", None, None, Badge("not stated", "plain"))
    elif unknown["n"]:
        shown: Cell = Percent(rate) if isinstance(rate, Estimate) else rate
        yield ("unknown", unknown["n"], None, unknown["selected"], shown, None, None, Badge("counted only", "plain"))


def _left_out(rows: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    without = [row for row in rows if row["verdict"] == "no-ratio"]
    if without:
        yield Table(
            "Groups without a ratio, and why",
            ("group", "n", "rate", "why", "the ratio, were it included"),
            tuple((group_name(row["category"]), row["n"], _rate(row), _why(row), _if_included(row)) for row in without),
            note="Leaving a group out takes its ratio out of every reading and gate; what it would be is shown here.",
        )


def _if_included(row: Mapping[str, Any]) -> Cell:
    left = row.get("if_included")
    return None if left is None else measured(left)


def _why(row: Mapping[str, Any]) -> str:
    return sentence(row["why"] or row["impact_ratio"].get("undefined", "not computable"))


def _rate(row: Mapping[str, Any]) -> Cell:
    rate = measured(row["rate"])
    return Percent(rate) if isinstance(rate, Estimate) else rate


def _second(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    difference, detectable = measured(row["difference"]), measured(row["detectable_ratio"])
    method = row["impact_ratio"].get("method", "")
    return (
        group_name(row["category"]),
        Points(difference) if isinstance(difference, (Estimate, Undefined)) else difference,
        *(None if row[name] is None else PValue(float(row[name])) for name in ("p", "p_holm", "p_bh")),
        row["shortfall"],
        _flip(row["flip"]),
        detectable,
        sentence(method),
    )


def _flip(flip: Mapping[str, Any] | None) -> Cell:
    if flip is None:
        return None
    ratio = flip["ratio"]
    value = ratio.get("value") if isinstance(ratio, Mapping) else ratio
    words = "turns" if flip["reverses"] else "holds"
    return Shown(words if value is None else f"{number(float(value))}, {words}")


def _forest(rows: Sequence[Mapping[str, Any]], table: Mapping[str, Any], name: str) -> Picture:
    drawn = tuple(
        Row("", group_name(row["category"]), (Mark(_SERIES[row["reading"]], found),), note=said(row["impact_ratio"]))
        for row in rows
        for found in (measured(row["impact_ratio"]),)
        if isinstance(found, Estimate)
    )
    used = {mark.series for row in drawn for mark in row.marks}
    legend = tuple((series, words) for series, words in _LEGEND.items() if series in used)
    panel = Panel(
        "", f"impact ratio against {short_name(table['benchmark'])}", drawn, lines=((0.8, "four fifths"), (1.0, "")),
        limits=(0.6, 1.25), scale="log",
    )  # fmt: skip
    more = compared(table)[len(rows) :]
    told = "; ".join(f"{group_name(row['category'])} {said(row['impact_ratio'])}" for row in rows)
    return Picture(
        Intervals((panel,), legend),
        f"Impact ratios by {name}",
        f"Impact ratios with intervals, lowest first: {told}.",
        "Each bar is an interval; the axis is logarithmic, so that half and double lie equally far from parity. A bar "
        "that crosses the dashed line at 0.8 is undecided."
        + (f" The {count(len(rows))} lowest of {count(len(rows) + len(more))} are drawn." if more else ""),
    )


def _test(table: Mapping[str, Any], record: Record) -> str:
    test = table.get("test", record["plan"]["primary_test"])
    names = {
        "fisher": "Fisher's exact test",
        "mid_p": "mid-P",
        "z": "z test",
        "chi2": "chi² test",
        "t by person": "t test between people, who have several rows",
    }
    return names.get(test, str(test))


def _plain(value: Any) -> Cell:
    if isinstance(value, Mapping):
        return measured(value)
    return None if value is None else float(value)
