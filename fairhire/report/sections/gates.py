"""The gates: what the plan demanded beforehand, what was measured, and whether it passed, failed or is undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairhire.report.cells import Badge, Cell, Shown, Tone
from fairhire.report.document import Block, Heading, Paragraph, Table
from fairhire.report.wording import (
    Record,
    gate_date,
    gate_verdict,
    group_name,
    grouping_name,
    measured,
    plan_words,
    plural,
    sentence,
    unaudited,
)

__all__ = ["checks", "gates"]

_TONES: dict[str, tuple[str, Tone]] = {
    "passed": ("passed", "clear"),
    "failed": ("failed", "below"),
    "undecided": ("UNDECIDED", "undecided"),
    "not computable": ("not computable", "undecided"),
    "not judged": ("not judged", "plain"),
}

_LISTED = 40
"""Findings that are all listed; with more, those that passed are only counted beyond these."""


def gates(record: Record) -> tuple[Block, ...]:
    """Return the gates' verdicts, or that the plan has none."""
    gate = record["gate"]
    blocks: list[Block] = [Heading("Gates", "gates")]
    if gate["verdict"] == "none":
        words = plan_words(record, "gate") or ["This plan has no gate."]
        blocks.append(Paragraph(f"{words[0]} Nothing in this document is a pass or a fail."))
    else:
        blocks.append(
            Paragraph(
                f"Together: {_together(record)}. {gate_date(record)} A gate passes or fails only where the "
                "whole interval lies on one side of its limit."
            )
        )
    if lost := unaudited(record):
        blocks.append(Paragraph(lost))
    judged = [finding for finding in record["findings"] if finding["gate"]]
    if judged:
        blocks.append(_table("The plan's gates", judged))
    return tuple(blocks)


def checks(record: Record) -> tuple[Block, ...]:
    """Return what was held against a limit without being a gate."""
    found = [finding for finding in record["findings"] if not finding["gate"]]
    return (Heading("Checks that are no gates", "checks"), _table("Checked without a gate", found)) if found else ()


def _together(record: Record) -> str:
    words = gate_verdict(record)
    return words.replace("undecided", "UNDECIDED", 1) if record["gate"]["verdict"] == "undecided" else words


def _table(caption: str, findings: Sequence[Mapping[str, Any]]) -> Table:
    header: tuple[str, ...] = ("check", "of", "measured", "limit", "verdict", "in words")
    room = max(0, _LISTED - sum(finding["verdict"] != "passed" for finding in findings))
    spare = [finding for finding in findings if finding["verdict"] == "passed"][room:]
    rows = tuple(_row(finding) for finding in findings if not any(finding is one for one in spare))
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], tuple(row[:-1] for row in rows)
    note = f"{plural(len(spare), 'more finding')} passed: see AUDIT.json." if spare else ""
    return Table(caption, header, rows, note)


def _row(finding: Mapping[str, Any]) -> tuple[Cell, ...]:
    verdict = finding["verdict"]
    words, tone = _TONES.get(verdict, (sentence(verdict), "plain"))
    grouping, category = finding["grouping"], finding["category"] or []
    # A check of leakage has no grouping; what it names instead is source, target and probe.
    of = f"{grouping_name(grouping)}: {group_name(category)}" if grouping and category else ""
    of = of or (grouping_name(grouping) if grouping else group_name([", ".join(category)]) if category else "–")
    limit = finding["limit"]
    measurement = finding["measurement"]
    return (
        sentence(finding["check"]).replace("-", " "),
        of,
        measured(measurement) if isinstance(measurement, Mapping) else measurement,
        Shown(f"{limit:g}") if isinstance(limit, (int, float)) else limit,
        Badge(words, tone),
        sentence(finding["words"] or ""),
    )
