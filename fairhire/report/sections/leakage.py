"""Leakage: what a fresh probe reads of the candidates' attributes, against chance and the undefended model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairhire.auditing.gate import audited_leakage
from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import Cell, Signed
from fairhire.report.document import Block, Heading, Paragraph, Picture, Table
from fairhire.report.drawings import Intervals, Mark, Panel, Row
from fairhire.report.wording import Record, group_name, join, measured, plural, said, sentence

__all__ = ["leakage"]

_SOURCES = {"score": "the score alone", "representation": "what the model keeps (the representation)"}
_METRICS = {"auc": "AUC", "mean_rank_auc": "mean-rank AUC of faces", "codelength": "Bits saved per label"}
_DRAWN = 16
"""Readings that are all drawn and listed one by one; with more, the highest of every target, and so many of these."""

_LISTED = 60
"""Rows that a table holds; AUDIT.json holds all."""

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
    panels, told, omitted = [], [], 0
    for source in dict.fromkeys(row["source"] for row in rows):
        read = [row for row in rows if row["source"] == source and row["subject"] in series]
        keys, left = _drawn(read, audited)
        omitted += left
        lines: dict[tuple[str, str], list[Mark]] = {key: [] for key in keys}
        for row in sorted(read, key=lambda row: subjects.index(row["subject"])):
            found = measured(row["estimate"])
            if (row["target"], row["probe"]) in lines and isinstance(found, (Estimate, Undefined)):
                lines[row["target"], row["probe"]].append(Mark(series[row["subject"]], found))
                told.append(
                    f"{sentence(row['subject'])}, {_words(row['target'])} from {_words(source)} "
                    f"({_words(row['probe'])}): {said(row['estimate'])}"
                )
        drawn = tuple(
            Row(target, f"{_words(target)}, {_words(probe)}", tuple(marks)) for (target, probe), marks in lines.items()
        )
        title = f"From {_SOURCES.get(source, _words(source))}"
        panels.append(Panel(title, "AUC of a fresh probe", drawn, lines=((0.5, "chance"),), limits=(0.45, 1.0)))
    legend = tuple((series[subject], sentence(subject)) for subject in subjects)
    return Picture(
        Intervals(tuple(panels), legend),
        "What a fresh probe reads, against chance",
        f"AUC of the probes with intervals: {'; '.join(told)}.",
        "Bars are intervals by person; the dashed line is a blind guess."
        + (f" Beside each other: {join(sentence(subject) for subject in subjects)}." if len(subjects) > 1 else "")
        + (f" Drawn are the highest readings; {plural(omitted, 'lower one')} not." if omitted else ""),
    )


def _drawn(rows: Rows, audited: str) -> tuple[list[tuple[str, str]], int]:
    """Return target and probe of the lines to draw, and how many are not: where they are many, one a target."""
    every = sorted({(row["target"], row["probe"]) for row in rows})
    if len(every) <= _DRAWN:
        return every, 0
    strongest: dict[str, Mapping[str, Any]] = {}
    for row in sorted((row for row in rows if row["subject"] == audited), key=_weakness):
        strongest.setdefault(row["target"], row)
    chosen = [(row["target"], row["probe"]) for row in list(strongest.values())[:_DRAWN]]
    return chosen, len(every) - len(chosen)


def _weakness(row: Mapping[str, Any]) -> tuple[float, str, str]:
    """Sort rows by what they read, the most first and what could not be measured last."""
    part = row["estimate"] if "estimate" in row else row["difference"]
    return -part.get("value", -1.0), row["target"], row["probe"]


def _table(rows: Rows) -> Table:
    first = rows[0]
    metric = _figure(first["metric"])
    kept, more = _listed(rows)
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
            for row in kept
        ),
        note=f"Fitted on, tested on: people.{more}",
    )


def _listed(rows: Rows) -> tuple[Rows, str]:
    """Return the rows that a table holds, by target and probe, and what to say of the others: of many the highest."""
    kept = sorted(rows, key=_weakness)[:_LISTED] if len(rows) > _LISTED else rows
    omitted = len(rows) - len(kept)
    more = f" Listed are the highest readings; {plural(omitted, 'more row')} in AUDIT.json." if omitted else ""
    return sorted(kept, key=lambda row: (row["target"], row["probe"])), more


def _control(control: Mapping[str, Any] | None) -> Cell:
    return None if control is None else float(control["mean"])


def _differences(record: Record) -> Iterator[Block]:
    rows = record["leakage_against"]
    if rows:
        kept, more = _listed(rows)
        yield Table(
            "Change against the undefended model, on the same people",
            ("attribute", "read from", "probe", "figure", "difference"),
            tuple(
                (
                    _words(row["target"]),
                    _words(row["source"]),
                    _words(row["probe"]),
                    _figure(row["metric"]),
                    _signed(row["difference"]),
                )
                for row in kept
            ),
            note=f"Audited minus undefended, paired by person. Under 0: less can be read.{more}",
        )


def _signed(value: Mapping[str, Any]) -> Cell:
    found = measured(value)
    return Signed(found) if isinstance(found, (Estimate, Undefined)) else found


def _words(name: str) -> str:
    return group_name([name.replace("_", " ")])


def _figure(metric: str) -> str:
    if metric.startswith("recall@"):
        return f"Share of faces found among the first {sentence(metric.removeprefix('recall@'))}"
    return _METRICS.get(metric, sentence(metric))
