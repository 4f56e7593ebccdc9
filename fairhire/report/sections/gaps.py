"""Where a gap comes from: the labels, or how the model treats people of the same label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.estimate import Estimate
from fairhire.report.cells import Cell, Points, percent
from fairhire.report.document import Block, Bullets, Heading, Paragraph, Table
from fairhire.report.wording import Record, group_name, grouping_name, measured, said, short_name

__all__ = ["gaps"]

_READINGS = {
    "labels": "from the labels",
    "model": "from the model, at equal label",
    "both": "from both",
    "neither": "neither part is decided",
}


def gaps(record: Record) -> tuple[Block, ...]:
    """Return every gap split in two, what that means, and the comparison with thresholds by group, if there is one."""
    tables = record.get("gaps", [])
    compared = record.get("postprocessing", [])
    if not tables and not compared:
        return ()
    blocks: list[Block] = [
        Heading("Where a gap comes from", "gaps"),
        Paragraph(
            "A difference in selection has two sources. Part of it follows from the labels: if fewer of a group were "
            "labelled hirable, a model that treats people of the same label alike still selects fewer of them. The "
            "rest arises among people of the same label: there the score knows something of the group beyond the "
            "label. Taking the face out of a model can only remove the second part. Whether labels differ because "
            "those who gave them were biased or because people truly differ, no count can tell."
        ),
    ]
    for table in tables:
        blocks.append(_table(table))
        if sentences := tuple(_sentences(table)):
            blocks.append(Bullets(sentences))
    blocks += [_thresholds(comparison) for comparison in compared]
    if compared:
        blocks.append(
            Paragraph(
                "The comparison reads everybody's protected attribute when it decides, and decides some cases by lot. "
                "It shows what equal selection would cost with these scores; it is no proposal. Deciding by group is "
                "unlawful in many places: ask before anything like it is used."
            )
        )
    return tuple(blocks)


def _table(table: Mapping[str, Any]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in table["rows"]:
        parts = [measured(row[name]) for name in ("gap", "by_labels", "at_equal_label", "label_gap")]
        cells: list[Cell] = [Points(part) if isinstance(part, Estimate) else part for part in parts]
        rows.append((group_name(row["category"]), row["n"], *cells, _READINGS.get(row["reading"])))
    return Table(
        f"Gaps in selection, by {grouping_name(table['grouping'])}, against {short_name(table['benchmark'])}",
        ("group", "labelled", "gap", "by labels", "at equal label", "gap of the labels", "reading"),
        tuple(rows),
        note="In percentage points of people, on rows with a label and a decision; the two parts add up to the gap. "
        f"Decisions tell {said(table['decision_bits'])} bits of the group, labels {said(table['label_bits'])}, a "
        f"difference of {said(table['amplified_bits'])}."
        + (" People have several rows, which the intervals take as independent." if table["rows_as_witnesses"] else ""),
    )


def _sentences(table: Mapping[str, Any]) -> list[str]:
    found = []
    for row in table["rows"]:
        gap, labels, model = (measured(row[name]) for name in ("gap", "by_labels", "at_equal_label"))
        if not (isinstance(gap, Estimate) and isinstance(labels, Estimate) and isinstance(model, Estimate)):
            continue
        name = group_name(row["category"])
        if row["reading"] in ("labels", "both") and gap.value * labels.value > 0:
            found.append(
                f"{name}: {percent(abs(labels.value))} of people out of a gap of {percent(abs(gap.value))} follow from "
                "the labels; removing the face from the representation cannot remove that part."
            )
        if row["reading"] in ("model", "both"):
            less = "less" if model.value < 0 else "more"
            found.append(
                f"{name}: people of the same label are selected {percent(abs(model.value))} {less} often than in the "
                "benchmark: the score treats them differently."
            )
    return found


def _thresholds(comparison: Mapping[str, Any]) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (words, measured(comparison[key]["ratio"]), measured(comparison[key]["balanced_accuracy"]))
        for words, key in (("the audited cut", "deployed"), ("a cut for each group (fairlearn)", "by_group"))
    )
    return Table(
        f"LABELLED COMPARISON, by {grouping_name(comparison['grouping'])}: thresholds of each group's own",
        ("decisions", "smallest impact ratio", "balanced accuracy"),
        rows,
        note=f"fairlearn's ThresholdOptimizer for demographic parity, fitted on {comparison['n_fit']} people and "
        f"judged on {comparison['n_test']} others.",
    )
