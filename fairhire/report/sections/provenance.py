"""Where it comes from: everything that somebody needs to repeat the audit and to see that nothing was exchanged."""

from __future__ import annotations

from collections.abc import Iterator

from fairhire.report.cells import Cell, count
from fairhire.report.document import Block, Heading, Paragraph, Table
from fairhire.report.wording import UNSIGNED, Record, join, sentence

__all__ = ["provenance"]


def provenance(record: Record) -> tuple[Block, ...]:
    """Return what the auditor said, inputs with hashes, the model, the plan, code, versions and seed."""
    blocks: list[Block] = [
        Heading("Where this comes from", "provenance"),
        Paragraph(f"The record of this audit is AUDIT.json. {UNSIGNED}"),
    ]
    if record["about"]:
        blocks.append(
            Table(
                "Said by the auditor, not measured",
                ("field", "statement"),
                tuple((_field(name), sentence(text)) for name, text in sorted(record["about"].items())),
                note="This tool checks none of these statements, and never asserts that an auditor is independent.",
            )
        )
    if record["inputs"]:
        blocks.append(
            Table(
                "Inputs",
                ("file", "rows", "SHA-256"),
                tuple((sentence(one["name"]), one["rows"], sentence(one["sha256"])) for one in record["inputs"]),
            )
        )
    if record["model"]:
        blocks.append(
            Table(
                "The audited model",
                ("what", "value"),
                tuple(
                    (_field(name), _value(value))
                    for name, value in sorted(record["model"].items())
                    if value is not None
                ),
            )
        )
    blocks.append(Table("To repeat it", ("what", "value"), tuple(_repeat(record))))
    return tuple(blocks)


def _repeat(record: Record) -> Iterator[tuple[Cell, ...]]:
    plan = record["plan"]
    yield "plan", f"{sentence(plan['name'])}, version {sentence(plan['version'])}"
    yield "plan, SHA-256", sentence(plan["sha256"])
    yield "level of the intervals", f"{plan['level']:g}"
    yield "primary test, correction", f"{sentence(plan['primary_test'])}, {sentence(plan['correction'])}"
    rows = record["rows"]
    if rows:
        yield "rows read, counted", f"{count(rows['read'])}, {count(rows['counted'])}"
    if record["threshold"] is not None:
        yield "threshold", f"{record['threshold']:g}"
    code = record["code"]
    if code:
        yield "code", f"SHA-256 over {code['files']} source files: {sentence(code['sha256'])}"
    else:
        yield "code", "an installed package, no checkout"
    for name, version in sorted(record["versions"].items()):
        yield f"version of {sentence(name)}", sentence(version)
    yield "seed", sentence(record["seed"])
    yield "events, SHA-256", sentence(record["events_sha256"])
    yield "schema of AUDIT.json", sentence(record["schema"])


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return join(sentence(one) for one in value) if isinstance(value, list) else sentence(value)


def _field(name: str) -> str:
    return sentence(name).replace("_", " ")
