"""Within positions: a group may be ahead overall and behind in every position, or the other way round (Simpson)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairhire.report.cells import Badge, Cell, PValue
from fairhire.report.document import Block, Heading, Notice, Paragraph, Table
from fairhire.report.wording import Record, group_name, grouping_name, measured, sentence, short_name

__all__ = ["positions"]

_LISTED = 60


def positions(record: Record) -> tuple[Block, ...]:
    """Return the pooled ratio beside the one within positions, and the positions one by one."""
    tables = [table for table in record["groups"] if table["strata"] and table["strata"]["rows"]]
    if not tables:
        return ()
    blocks: list[Block] = [
        Heading("Within positions", "positions"),
        Paragraph(
            "Pooled, all positions are thrown together; within positions, like is compared with like "
            "(Mantel-Haenszel). Where the two differ, the groups applied for different positions, and the pooled "
            "ratio answers another question."
        ),
    ]
    for table in tables:
        blocks += _table(table)
    return tuple(blocks)


def _table(table: Mapping[str, Any]) -> Iterator[Block]:
    strata = table["strata"]
    name = f"{grouping_name(table['grouping'])}, {table['rate']} rate"
    for row in strata["rows"]:
        if row.get("alarm"):
            yield Notice(f"Simpson alarm, {name}, {short_name(row['category'])}: {sentence(row['alarm'])}.")
    yield Table(
        f"Pooled and within {sentence(strata['attribute'])}, by {name}",
        ("group", "pooled ratio", "ratio within", "p (CMH)", "p, same in all", "left out", "alarm"),
        tuple(_row(row) for row in strata["rows"]),
        note="p (CMH): no difference within positions (Cochran-Mantel-Haenszel). p, same in all: the odds ratio is the "
        "same in all positions (Breslow-Day); equal odds ratios are not equal impact ratios. Left out: positions that "
        "hold one of the two groups only; they compare nothing.",
    )
    parts = [(row, part) for row in strata["rows"] for part in row.get("strata", ())]
    if parts:
        yield Table(
            f"Position by position, by {name}",
            ("group", "position", "n", "selected", "benchmark n", "selected of it", "ratio"),
            tuple(
                (
                    group_name(row["category"]),
                    sentence(part["name"]),
                    part["n"],
                    part["selected"],
                    part["benchmark_n"],
                    part["benchmark_selected"],
                    measured(part["ratio"]),
                )
                for row, part in parts[:_LISTED]
            ),
            note=f"{len(parts) - _LISTED} more in AUDIT.json." if len(parts) > _LISTED else "",
        )


def _row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    name = group_name(row["category"])
    if "undefined" in row:
        return (name, None, measured(row), None, None, None, None)
    return (
        name,
        measured(row["pooled"]),
        measured(row["adjusted"]),
        _p(row["cmh_p"]),
        _p(row["homogeneity_p"]),
        row["one_sided"],
        Badge("yes", "below") if row["alarm"] else Badge("no", "plain"),
    )


def _p(value: Any) -> Cell:
    if isinstance(value, Mapping):
        return measured(value)
    return None if value is None else PValue(float(value))
