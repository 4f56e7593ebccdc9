"""Scores by group: their whole distributions, drawn and measured against the benchmark's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.report.cells import Cell, number
from fairhire.report.document import Block, Heading, Paragraph, Picture, Table
from fairhire.report.drawings import Bars, Histograms
from fairhire.report.wording import Record, group_name, grouping_name, measured, short_name

__all__ = ["scores"]

_DRAWN = 12


def scores(record: Record) -> tuple[Block, ...]:
    """Return histograms, quantiles and distances of the scores by group."""
    if not record["scores"]:
        return ()
    blocks: list[Block] = [
        Heading("Scores by group", "scores"),
        Paragraph(
            "A threshold looks at one point of the scores; here are all of them. P(group above): how often a person of "
            "the group has the higher score of a pair, with one of the benchmark beside; 0.5 is no difference."
        ),
    ]
    for table in record["scores"]:
        name = grouping_name(table["grouping"])
        blocks += (_picture(table, name, record["threshold"]), _quantiles(table, name), _distances(table, name))
    return tuple(blocks)


def _picture(table: Mapping[str, Any], name: str, threshold: float | None) -> Picture:
    rows = sorted(table["rows"], key=lambda row: (-row["n"], row["category"]))[:_DRAWN]
    marks = () if threshold is None else ((float(threshold), "cut"),)
    reference = next((row for row in table["rows"] if row["category"] == table["benchmark"]), None)
    panels = tuple(_bars(row, marks) for row in rows if row["histogram"])
    outline = None if reference is None or not reference["histogram"] else _bars(reference, ())
    told = "; ".join(f"{group_name(row['category'])} median {_plain(row['median'])}" for row in rows)
    drawn_over = f" The dark outline is {short_name(table['benchmark'])}, the benchmark." if outline else ""
    more = len(table["rows"]) - len(rows)
    return Picture(
        Histograms(panels, "score", outline),
        f"Scores by {name}",
        f"Histograms of the scores in 20 bins, each as shares of its own group: {told}.",
        f"Each histogram shows shares of its own group.{drawn_over}"
        + (" The upright line is the deployed cut." if marks else "")
        + (f" The {len(rows)} largest groups are drawn, {more} are not." if more else ""),
    )


def _bars(row: Mapping[str, Any], marks: tuple[tuple[float, str], ...]) -> Bars:
    histogram = row["histogram"]
    return Bars(group_name(row["category"]), tuple(histogram["edges"]), tuple(histogram["counts"]), marks)


def _quantiles(table: Mapping[str, Any], name: str) -> Table:
    return Table(
        f"Scores by {name}",
        ("group", "n", "mean", "sd", "5 %", "25 %", "median", "75 %", "95 %"),
        tuple(
            (
                group_name(row["category"]),
                row["n"],
                _cell(row["mean"]),
                _cell(row["sd"]),
                *(_cell((row["quantiles"] or {}).get(key)) for key in ("0.05", "0.25")),
                _cell(row["median"]),
                *(_cell((row["quantiles"] or {}).get(key)) for key in ("0.75", "0.95")),
            )
            for row in table["rows"]
        ),
        note="" if table["exact"] else f"Read from bins of width {table['width']:g}.",
    )


def _distances(table: Mapping[str, Any], name: str) -> Table:
    benchmark = table["benchmark"]
    against = short_name(benchmark) if benchmark else "the benchmark"
    return Table(
        f"Distance of the scores from {against}, by {name}",
        ("group", "Wasserstein", "Kolmogorov-Smirnov", "P(group above)", "Cohen's d"),
        tuple(
            (
                group_name(row["category"]),
                *(_cell(row[key]) for key in ("wasserstein", "ks", "superiority", "cohen_d")),
            )
            for row in table["rows"]
            if row["category"] != benchmark
        ),
    )


def _cell(value: Any) -> Cell:
    if isinstance(value, Mapping):
        return measured(value)
    return None if value is None else float(value)


def _plain(value: Any) -> str:
    return "undefined" if value is None or isinstance(value, Mapping) else number(float(value))
