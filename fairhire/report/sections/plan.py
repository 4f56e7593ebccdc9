"""The plan that asked the questions: its standing, what in it is unverified, and what it wants ticked off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairhire.report.document import Block, Bullets, Heading, Paragraph, Table
from fairhire.report.wording import Record, plan_words, sentence

__all__ = ["plan"]


def plan(record: Record) -> tuple[Block, ...]:
    """Return the plan's status and wording, its statements, its own headings, risks, names and checklist."""
    asked = record["plan"]
    blocks: list[Block] = [
        Heading("The plan", "plan"),
        Paragraph(
            f"{sentence(asked['title'])}. Status on {sentence(asked['status_as_of'])}: {sentence(asked['status'])}. "
            f"Source: {sentence(asked['source'])}. Nothing here is legal advice."
        ),
    ]
    wording = tuple(plan_words(record))
    if wording:
        blocks.append(Bullets(wording))
    if asked["unverified"]:
        blocks += (
            Paragraph("Unverified: nobody of the plan's authors has re-read these statements at their source."),
            Bullets(tuple(f"Unverified: {sentence(words)}" for words in asked["unverified"])),
        )
    return (*blocks, *_headings(record), *_lists(asked))


def _headings(record: Record) -> Iterator[Block]:
    rows = []
    for heading in record["plan"].get("headings") or ():
        facts = [f"{_field(name)}: {sentence(record['about'].get(name) or 'not stated')}" for name in heading["facts"]]
        where = [f"see {_field(name)}" for name in heading["sections"]]
        rows.append((sentence(heading["title"]), sentence(heading["asks"]), "; ".join([*facts, *where]) or "–"))
    if rows:
        yield Table("Headings that the rule asks for", ("heading", "asks", "answer"), tuple(rows))


def _lists(asked: Mapping[str, Any]) -> Iterator[Block]:
    for name, caption, columns in (
        ("risks", "Risks named beforehand", (("risk", "risk"), ("kind", "kind"), ("measure", "measured by"))),
        ("names", "What a standard calls these figures", (("ours", "here"), ("theirs", "there"), ("source", "source"))),
        (
            "checklist",
            "Checklist",
            (
                ("article", "article"),
                ("what", "what it asks for"),
                ("where", "where it is"),
                ("how", "how it got there"),
            ),
        ),
    ):
        rows = asked.get(name) or ()
        used = [(key, words) for key, words in columns if any(row.get(key) for row in rows)]
        if rows:
            yield Table(
                caption,
                tuple(words for _, words in used),
                tuple(tuple(sentence(row.get(key) or "–") for key, _ in used) for row in rows),
            )


def _field(name: str) -> str:
    return sentence(name).replace("_", " ").replace("-", " ")
