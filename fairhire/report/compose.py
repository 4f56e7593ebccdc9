"""Turns a record into the document that every format sets: the sections in order, tables and figures numbered."""

from __future__ import annotations

from fairhire.report.document import Document, numbered
from fairhire.report.sections import SECTIONS
from fairhire.report.sections.opening import headline
from fairhire.report.wording import Record, sentence

__all__ = ["compose"]


def compose(record: Record) -> Document:
    """Return the document of ``record`` (AUDIT.json as Python holds it); the same record gives the same document."""
    plan = record["plan"]
    return Document(
        title=sentence(record["title"], longest=200),
        kicker=f"fairhire audit of {sentence(record['subject'], longest=100)} · plan "
        f"{sentence(plan['name'], longest=60)} {sentence(plan['version'], longest=20)}, status of "
        f"{sentence(plan['status_as_of'], longest=20)}",
        headline=headline(record),
        blocks=numbered(block for section in SECTIONS.values() for block in section(record)),
    )
