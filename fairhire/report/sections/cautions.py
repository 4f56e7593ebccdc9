"""Warnings and omissions: what the reader has to know beforehand, and everything that no figure covers, counted."""

from __future__ import annotations

from fairhire.report.document import Block, Bullets, Heading, Table
from fairhire.report.wording import Record, sentence

__all__ = ["left_out", "warnings"]


def warnings(record: Record) -> tuple[Block, ...]:
    """Return the warnings in full."""
    if not record["warnings"]:
        return ()
    return (
        Heading("Warnings", "warnings"),
        Bullets(tuple(f"{sentence(one['words'])} ({sentence(one['code'])})" for one in record["warnings"])),
    )


def left_out(record: Record) -> tuple[Block, ...]:
    """Return what was counted and is in no figure, spellings that were read as one, and what was not said."""
    blocks: list[Block] = []
    if record["left_out"]:
        blocks.append(
            Table(
                "Counted, and in no figure",
                ("what", "n", "why"),
                tuple((sentence(one["what"]), one["n"], sentence(one["why"])) for one in record["left_out"]),
            )
        )
    merged = [
        (
            sentence(attribute),
            sentence(f"'{written}'" if written != written.strip() else written),
            sentence(to),
        )
        for attribute, spellings in sorted(record["merged"].items())
        for written, to in sorted(spellings.items())
        if written != to
    ]
    if merged:
        blocks.append(
            Table("Spellings that were read as one category", ("attribute", "as written", "read as"), tuple(merged))
        )
    if record["missing"]:
        blocks.append(
            Table(
                "Required by the plan, and not said",
                ("field", "why"),
                tuple((_field(one["field"]), sentence(one["why"])) for one in record["missing"]),
                note="A published summary is refused while a field that has to be published is missing.",
            )
        )
    return (Heading("What was left out", "left-out"), *blocks) if blocks else ()


def _field(name: str) -> str:
    return sentence(name).replace("_", " ")
