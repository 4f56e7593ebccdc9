"""The threshold sweep: what every other cut would have done to the ratios, the deployed one marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.estimate import Estimate
from fairhire.report.cells import Badge, Cell, count, number
from fairhire.report.document import Block, Heading, Paragraph, Picture, Table
from fairhire.report.drawings import Line, LinePanel, Lines
from fairhire.report.wording import READINGS, Record, group_name, grouping_name, measured, said

__all__ = ["thresholds"]

_DRAWN = 12
_LISTED = 12
_FLOOR, _CEILING = 0.3, 2.0


def thresholds(record: Record) -> tuple[Block, ...]:
    """Return the ratio against the cut, group by group, and some cuts in numbers."""
    tables = [table for table in record["thresholds"] if table["rows"]]
    if not tables:
        return ()
    opening = Paragraph(
        "A ratio belongs to one cut. Here it is at every cut that the scores allow; each cut has its own benchmark, "
        "chosen by the same rule."
    )
    blocks: list[Block] = [Heading("Threshold sweep", "thresholds"), opening]
    for table in tables:
        name = grouping_name(table["grouping"])
        blocks += (_picture(table, name), _numbers(table, name))
    return tuple(blocks)


def _picture(table: Mapping[str, Any], name: str) -> Picture:
    rows = table["rows"][:_DRAWN]
    deployed = table["deployed"]
    cuts = () if deployed is None else ((float(deployed), "deployed"),)
    panels = tuple(
        LinePanel(group_name(row["category"]), _line(row["points"]), ((0.8, "four fifths"), (1.0, "")), cuts)
        for row in rows
    )
    told = "; ".join(f"{group_name(row['category'])} {_nearest(row['points'], deployed)}" for row in rows)
    more = len(table["rows"]) - len(rows)
    return Picture(
        Lines(panels, "threshold", "impact ratio", (0.0, 1.0), (_FLOOR, _CEILING), "log"),
        f"Impact ratio against the threshold, by {name}",
        f"Impact ratios over the thresholds with intervals; at the deployed cut: {told}.",
        "Line: the ratio; band: its interval; dashed: four fifths and parity"
        + ("; upright: the deployed cut" if cuts else "")
        + f". Logarithmic axis, cut off at {_FLOOR:g} and {_CEILING:g}. Gaps: no ratio exists there."
        + (f" {count(more)} more groups stand in AUDIT.json." if more else ""),
    )


def _line(points: list[Mapping[str, Any]]) -> Line:
    found = [measured(point["ratio"]) for point in points]
    return Line(
        tuple(float(point["threshold"]) for point in points),
        tuple(one.value if isinstance(one, Estimate) else None for one in found),
        tuple(one.low if isinstance(one, Estimate) else None for one in found),
        tuple(one.high if isinstance(one, Estimate) else None for one in found),
    )


def _nearest(points: list[Mapping[str, Any]], deployed: float | None) -> str:
    if deployed is None or not points:
        return "no cut is deployed"
    nearest = min(points, key=lambda point: (abs(point["threshold"] - deployed), point["threshold"]))
    return f"at {number(float(nearest['threshold']))} {said(nearest['ratio'])}"


def _numbers(table: Mapping[str, Any], name: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in table["rows"][:_DRAWN]:
        points = row["points"]
        step = max(1, -(-len(points) // _LISTED))
        chosen = {*range(0, len(points), step)}
        if table["deployed"] is not None and points:
            distances = [abs(point["threshold"] - table["deployed"]) for point in points]
            chosen.add(distances.index(min(distances)))
        for place in sorted(chosen):
            point = points[place]
            rows.append(
                (
                    group_name(row["category"]),
                    float(point["threshold"]),
                    point["selected"],
                    group_name(point["benchmark"]) if point["benchmark"] else "none",
                    measured(point["ratio"]),
                    Badge(*READINGS[point["reading"]]) if point["reading"] else None,
                )
            )
    return Table(
        f"Some thresholds in numbers, by {name}",
        ("group", "threshold", "selected", "benchmark there", "ratio", "reading"),
        tuple(rows),
        note="A few of the cuts, evenly picked, and the one next to the deployed cut; all stand in AUDIT.json.",
    )
