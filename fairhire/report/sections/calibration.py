"""Calibration: whether a score means the same for every group, drawn bin by bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.estimate import Estimate
from fairhire.report.cells import Cell
from fairhire.report.document import Block, Heading, Paragraph, Picture, Table
from fairhire.report.drawings import Line, LinePanel, Lines
from fairhire.report.wording import Record, group_name, grouping_name, measured, said

__all__ = ["calibration"]

_DRAWN = 12


def calibration(record: Record) -> tuple[Block, ...]:
    """Return reliability diagrams by group, and slope, intercept and expected calibration error."""
    if not record["calibration"]:
        return ()
    blocks: list[Block] = [
        Heading("Calibration", "calibration"),
        Paragraph(
            "Of people with a score of 0.7, seven in ten should carry a positive label, in every group. A slope of "
            "1 and an intercept of 0 say that they do; the expected calibration error (ECE) is the mean distance "
            "from the diagonal, over the same bins for all groups."
        ),
    ]
    for table in record["calibration"]:
        name = grouping_name(table["grouping"])
        blocks += (
            _picture(table, name),
            Table(
                f"Calibration by {name}",
                ("group", "n", "slope", "intercept", "ECE"),
                tuple(
                    (
                        group_name(row["category"]),
                        row["n"],
                        *(_figure(row[key]) for key in ("slope", "intercept", "ece")),
                    )
                    for row in table["rows"]
                ),
            ),
        )
    return tuple(blocks)


def _figure(value: Mapping[str, Any] | float | None) -> Cell:
    return measured(value) if isinstance(value, Mapping) else value


def _picture(table: Mapping[str, Any], name: str) -> Picture:
    rows = sorted(table["rows"], key=lambda row: (-row["n"], row["category"]))[:_DRAWN]
    panels = tuple(LinePanel(group_name(row["category"]), _line(row["bins"]), diagonal=True) for row in rows)
    told = "; ".join(f"{group_name(row['category'])} ECE {_said(row['ece'])}" for row in rows)
    more = len(table["rows"]) - len(rows)
    return Picture(
        Lines(panels, "mean score of the bin", "share labelled hirable", (0.0, 1.0), (0.0, 1.0)),
        f"Calibration by {name}",
        f"Share of positive labels against the score, bin by bin, beside the diagonal: {told}.",
        "The dashed diagonal is perfect calibration; bars are Wilson intervals; empty bins are not drawn."
        + (f" The {len(rows)} largest groups are drawn, {more} are not." if more else ""),
    )


def _line(bins: list[Mapping[str, Any]]) -> Line:
    found = [(float(one["mean_score"]), measured(one["share"])) for one in bins if one["n"]]
    points = [(score, share) for score, share in found if isinstance(share, Estimate)]
    return Line(
        tuple(score for score, _ in points),
        tuple(share.value for _, share in points),
        tuple(share.low for _, share in points),
        tuple(share.high for _, share in points),
        band="bars",
    )


def _said(value: Mapping[str, Any] | float | None) -> str:
    return said(value) if isinstance(value, Mapping) else f"{value}"
