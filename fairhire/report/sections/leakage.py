"""Leakage: what a fresh probe reads of the candidates' attributes, against chance and the undefended model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairhire.auditing.gate import audited_leakage
from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import Cell, Signed
from fairhire.report.document import Block, Heading, Paragraph, Picture, Table
from fairhire.report.drawings import Intervals, Mark, Panel, Row
from fairhire.report.wording import Record, group_name, join, measured, said, sentence

__all__ = ["leakage"]

_SOURCES = {"score": "the score alone", "representation": "what the model keeps (the representation)"}
_METRICS = {"auc": "AUC", "mean_rank_auc": "mean-rank AUC of faces", "codelength": "Bits saved per label"}
_DRAWN = 40

Rows = Sequence[Mapping[str, Any]]


def leakage(record: Record) -> tuple[Block, ...]:
    """Return the probes' readings: a picture of the AUCs, then every number, one table a source and metric."""
    rows = record["leakage"]
    if not rows:
        return ()
    blocks: list[Block] = [
        Heading("Leakage", "leakage"),
        Paragraph(
            "A fresh probe is trained to guess an attribute from what the model gives away, and is judged on people "
            "whom it has not seen. An AUC of 0.5 is a blind guess. The control is the same probe on attributes "
            "shuffled among people. No leakage found by these probes is not “no leakage”."
        ),
    ]
    drawn = [row for row in rows if row["metric"] == "auc"]
    if drawn:
        blocks.append(_picture(drawn, audited=audited_leakage(record)[0]["subject"]))
    keys = dict.fromkeys((row["source"], row["metric"]) for row in rows)
    for source, metric in keys:
        blocks.append(_table([row for row in rows if (row["source"], row["metric"]) == (source, metric)]))
    return (*blocks, *_differences(record))


def _picture(rows: Rows, *, audited: str) -> Picture:
    subjects = list(dict.fromkeys([audited, *(row["subject"] for row in rows)]))[:2]
    series = dict(zip(subjects, ("audited", "baseline"), strict=False))
    panels = []
    for source in dict.fromkeys(row["source"] for row in rows):
        lines: dict[tuple[str, str], list[Mark]] = {}
        for row in sorted((row for row in rows if row["source"] == source), key=lambda row: _place(row, subjects)):
            found = measured(row["estimate"])
            if row["subject"] in series and isinstance(found, (Estimate, Undefined)):
                lines.setdefault((row["target"], row["probe"]), []).append(Mark(series[row["subject"]], found))
        told = tuple(
            Row(target, f"{_words(target)}, {_words(probe)}", tuple(marks))
            for (target, probe), marks in list(lines.items())[:_DRAWN]
        )
        title = f"From {_SOURCES.get(source, _words(source))}"
        panels.append(Panel(title, "AUC of a fresh probe", told, lines=((0.5, "chance"),), limits=(0.45, 1.0)))
    legend = tuple((series[subject], sentence(subject)) for subject in subjects)
    drawn = "; ".join(
        f"{sentence(row['subject'])}, {_words(row['target'])} from {_words(row['source'])} ({_words(row['probe'])}): "
        f"{said(row['estimate'])}"
        for row in rows[:_DRAWN]
    )
    return Picture(
        Intervals(tuple(panels), legend),
        "What a fresh probe reads, against chance",
        f"AUC of the probes with intervals: {drawn}.",
        "Bars are intervals by person; the dashed line is a blind guess. "
        + (f"Beside each other: {join(sentence(subject) for subject in subjects)}." if len(subjects) > 1 else ""),
    )


def _place(row: Mapping[str, Any], subjects: list[str]) -> tuple[str, str, int]:
    subject = row["subject"]
    return row["target"], row["probe"], subjects.index(subject) if subject in subjects else len(subjects)


def _table(rows: Rows) -> Table:
    first = rows[0]
    metric = _METRICS.get(first["metric"], sentence(first["metric"]))
    return Table(
        f"{metric}, read from {_SOURCES.get(first['source'], _words(first['source']))}",
        ("attribute", "probe", "model", metric, "chance", "control, mean", "fitted on", "tested on"),
        tuple(
            (
                _words(row["target"]),
                _words(row["probe"]),
                sentence(row["subject"]),
                measured(row["estimate"]),
                None if row["chance"] is None else float(row["chance"]),
                _control(row["control"]),
                row["n_fit"],
                row["n_test"],
            )
            for row in sorted(rows, key=lambda row: (row["target"], row["probe"]))
        ),
        note="Fitted on, tested on: people.",
    )


def _control(control: Mapping[str, Any] | None) -> Cell:
    return None if control is None else float(control["mean"])


def _differences(record: Record) -> Iterator[Block]:
    rows = record["leakage_against"]
    if rows:
        yield Table(
            "Change against the undefended model, on the same people",
            ("attribute", "read from", "probe", "figure", "difference"),
            tuple(
                (
                    _words(row["target"]),
                    _words(row["source"]),
                    _words(row["probe"]),
                    _METRICS.get(row["metric"], sentence(row["metric"])),
                    _signed(row["difference"]),
                )
                for row in rows
            ),
            note="Audited minus undefended, paired by person. Under 0: less can be read.",
        )


def _signed(value: Mapping[str, Any]) -> Cell:
    found = measured(value)
    return Signed(found) if isinstance(found, (Estimate, Undefined)) else found


def _words(name: str) -> str:
    return group_name([name.replace("_", " ")])
