"""Unknown labels: between which bounds every ratio lies, whoever the people of unknown category are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.report.cells import Cell, Shown, number
from fairhire.report.document import Block, Heading, Paragraph, Table
from fairhire.report.wording import Record, group_name, grouping_name, measured, plural

__all__ = ["unknown"]


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
                    ("group", "impact ratio", "lowest possible", "highest possible", "tipping point"),
                    tuple(_row(row) for row in rows),
                )
            )
    if not tables:
        return ()
    opening = Paragraph(
        "The outcome of everybody is known, also of people whose category is not. The bounds hold for every way in "
        "which they could belong to the group or to its benchmark; nothing is imputed. Tipping point: so many "
        "unselected people of unknown category, were they of the group, bring its ratio under four fifths."
    )
    return (Heading("What unknown categories could change", "unknown"), opening, *tables)


def _row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    bounds = row["bounds"]
    tipping = bounds["tipping"]
    return (
        group_name(row["category"]),
        measured(row["impact_ratio"]),
        _bound(bounds["low"]),
        _bound(bounds["high"]),
        Shown("none") if tipping is None else tipping,
    )


def _bound(value: Any) -> Cell:
    if isinstance(value, Mapping):
        return measured(value)
    return Shown("no limit") if value is None else Shown(number(float(value)))
