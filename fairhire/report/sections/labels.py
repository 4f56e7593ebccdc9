"""The labels beside the model: how unequal the past decisions were, and whether the model repeats or amplifies that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.estimate import Estimate
from fairhire.report.cells import Cell, Percent
from fairhire.report.document import Block, Heading, Paragraph, Table
from fairhire.report.wording import Record, group_name, grouping_name, measured, short_name

__all__ = ["labels"]


def labels(record: Record) -> tuple[Block, ...]:
    """Return the labels' rates and ratios beside the model's, against the same benchmark."""
    if not record["labels"]:
        return ()
    tables = []
    for table in record["labels"]:
        benchmark = table["benchmark"]
        against = f"; ratios against {short_name(benchmark)}" if benchmark else ""
        tables.append(
            Table(
                f"The labels beside the model, by {grouping_name(table['grouping'])}{against}",
                ("group", "n", "labelled hirable", "share", "ratio of labels", "ratio of model", "amplification"),
                tuple(_row(row, benchmark) for row in table["rows"]),
            )
        )
    opening = Paragraph(
        "A model learns what its labels hold. Amplification is the model's impact ratio divided by that of the labels: "
        "under 1 the model is harder on the group than the past decisions were, over 1 it is milder. Labels that are "
        "themselves unequal are no proof that inequality is deserved."
    )
    return (Heading("Labels beside the model", "labels"), opening, *tables)


def _row(row: Mapping[str, Any], benchmark: list[str] | None) -> tuple[Cell, ...]:
    rate = measured(row["rate"])
    ratios: tuple[Cell, ...] = tuple(measured(row[key]) for key in ("label_ratio", "model_ratio", "amplification"))
    if row["category"] == benchmark:
        ratios = ("benchmark", None, None)
    return (
        group_name(row["category"]),
        row["n"],
        row["positive"],
        Percent(rate) if isinstance(rate, Estimate) else rate,
        *ratios,
    )
