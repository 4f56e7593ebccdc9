"""Unknown labels: between which bounds every ratio lies, whoever the people of unknown category are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.report.cells import Cell, Shown, number
from fairhire.report.document import Block, Heading, Paragraph, Table
from fairhire.report.wording import Record, group_name, grouping_name, measured, plural

__all__ = ["unknown"]

_HEADER = ("group", "impact ratio", "lowest possible", "highest possible", "tipping point", "tipping, in the group")


def unknown(record: Record) -> tuple[Block, ...]:
    """Return the bounds and tipping points of every group whose table has people of unknown category."""
    tables = []
    for table in record["groups"]:
        rows = [row for row in table["rows"] if row["bounds"] is not None]
        if rows and table["unknown"]["n"]:
            tables.append(
                Table(
                    f"What the {plural(table['unknown']['n'], 'person', 'people')} of unknown "
                    f"{grouping_name(table['grouping'])} could change ({table['rate']} rate)",
                    _HEADER,
                    tuple(_row(row) for row in rows),
                )
            )
    if not tables:
        return ()
    opening = Paragraph(
        "The outcome of everybody is known, also of people whose category is not. The bounds hold for every way in "
        "which they could belong to the group or to its benchmark; nothing is imputed. Tipping point: the fewest who "
        "could bring the ratio under four fifths, unselected ones being of the group or selected ones of the "
        "benchmark. Tipping, in the group: the same with unselected people of the group alone. "
        "None: no number of them does, or the ratio is under it already."
    )
    return (Heading("What unknown categories could change", "unknown"), opening, *tables)


def _row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    bounds = row["bounds"]
    return (
        group_name(row["category"]),
        measured(row["impact_ratio"]),
        _bound(bounds["low"]),
        _bound(bounds["high"]),
        _tipping(bounds["tipping"]),
        _tipping(bounds.get("tipping_in_group", bounds["tipping"])),
    )


def _tipping(fewest: int | None) -> Cell:
    return Shown("none") if fewest is None else fewest


def _bound(value: Any) -> Cell:
    if isinstance(value, Mapping):
        return measured(value)
    return Shown("no limit") if value is None else Shown(number(float(value)))
