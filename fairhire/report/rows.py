"""The group rows of a record as flat rows, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from fairhire.report.cells import visible
from fairhire.report.wording import Record

__all__ = ["COLUMNS", "flat_rows", "safe_cell", "tables_csv"]

_MEASURED = ("rate", "impact_ratio", "difference", "detectable_ratio")
_PLAIN = (
    "n", "selected", "share", "included", "why", "below_four_fifths", "reading", "verdict",
    "p", "p_holm", "p_bh", "effect_h", "shortfall", "power",
)  # fmt: skip

COLUMNS = (
    "grouping", "rate_kind", "category", "benchmark", "n", "selected", "share", "included", "why",
    "rate", "rate_low", "rate_high",
    "impact_ratio", "impact_ratio_low", "impact_ratio_high", "impact_ratio_method", "impact_ratio_undefined",
    "below_four_fifths", "reading", "verdict",
    "difference", "difference_low", "difference_high",
    "p", "p_holm", "p_bh", "effect_h", "shortfall", "flip_ratio", "flip_reverses", "detectable_ratio", "power",
    "bound_low", "bound_high", "tipping", "tipping_in_group", "few",
)  # fmt: skip
"""The columns of :func:`flat_rows`, in order; None where nothing was asked or nothing exists."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def flat_rows(record: Record) -> Iterator[dict[str, Any]]:
    """Yield one row a group and grouping, people of unknown category last (verdict ``unknown``), keys :data:`COLUMNS`.

    Attributes and categories of an intersection are joined by " x ".
    """
    for table in record["groups"]:
        shared = {
            "grouping": " x ".join(table["grouping"]),
            "rate_kind": table["rate"],
            "benchmark": None if table["benchmark"] is None else " x ".join(table["benchmark"]),
        }
        for row in table["rows"]:
            yield dict.fromkeys(COLUMNS) | shared | _flat(row)
        unknown = table["unknown"]
        if not unknown.get("stated", True):
            continue
        rest = {"category": "unknown", "n": unknown["n"], "selected": unknown["selected"], "included": False}
        yield dict.fromkeys(COLUMNS) | shared | rest | {"verdict": "unknown"} | _ends("rate", unknown["rate"])


def tables_csv(record: Record) -> str:
    """Return the group rows as CSV (RFC 4180, UTF-8), safe to open in a spreadsheet.

    A text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage
    return) has an apostrophe before it; numbers are left alone.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in flat_rows(record):
        writer.writerow({name: safe_cell(value) for name, value in row.items()})
    return buffer.getvalue()


def safe_cell(value: Any) -> Any:
    """Return a value as a CSV cell that no spreadsheet takes for a formula; numbers are left alone."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as in AUDIT.json, which knows no difference
    if not isinstance(value, str):
        return value
    words = visible(value)
    # Some spreadsheets trim blanks before they look for a formula, some read a full-width sign as one.
    opening = words.lstrip(" \n\u00a0")[:1].translate({0xFF1D: "=", 0xFF0B: "+", 0xFF0D: "-", 0xFF20: "@"})
    return f"'{words}" if opening.startswith(_FORMULA) else words


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flip, bounds = row["flip"] or {}, row["bounds"] or {}
    ratio = row["impact_ratio"]
    moved = flip.get("ratio")
    found: dict[str, Any] = {"category": " x ".join(row["category"])}
    found |= {name: row[name] for name in _PLAIN}
    for name in _MEASURED:
        found |= _ends(name, row[name])
    return found | {
        "impact_ratio_method": ratio.get("method"),
        "impact_ratio_undefined": ratio.get("undefined"),
        "flip_ratio": moved.get("value") if isinstance(moved, Mapping) else moved,
        "flip_reverses": flip.get("reverses"),
        "bound_low": _number(bounds.get("low")),
        "bound_high": _number(bounds.get("high")),
        "tipping": bounds.get("tipping"),
        "tipping_in_group": bounds.get("tipping_in_group"),
        "few": row.get("few"),
    }


def _ends(name: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    found = value or {}
    ends = {name: found.get("value"), f"{name}_low": found.get("low"), f"{name}_high": found.get("high")}
    return {column: end for column, end in ends.items() if column in COLUMNS}


def _number(value: Any) -> Any:
    return value.get("value") if isinstance(value, Mapping) else value
