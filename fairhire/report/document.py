"""A document as a list of blocks, so that the page, the paper and the Markdown of one audit say the same.

Sections make blocks out of a record; :mod:`~fairhire.report.web`, :mod:`~fairhire.report.markdown` and
:mod:`~fairhire.report.paper` only set them. Words may hold commands between backticks; everything else is plain text,
which each format escapes in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from fairhire.report.cells import Cell
from fairhire.report.drawings import Drawing

__all__ = [
    "Block",
    "Bullets",
    "Card",
    "Cards",
    "Document",
    "Heading",
    "Notice",
    "Paragraph",
    "Picture",
    "ShadedWord",
    "ShadedWords",
    "Still",
    "Stills",
    "Subheading",
    "Table",
    "Terms",
    "numbered",
]


@dataclass(frozen=True)
class Heading:
    """Opens a section; ``anchor`` is its name in links."""

    words: str
    anchor: str


@dataclass(frozen=True)
class Subheading:
    """A heading within a section."""

    words: str


@dataclass(frozen=True)
class Paragraph:
    """Plain sentences."""

    words: str


@dataclass(frozen=True)
class Notice:
    """A sentence that must not be overlooked."""

    words: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A framed box of sentences under a small heading."""

    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Cards:
    """Boxes that belong together, the first and the last across the page's whole width."""

    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; the first cell of a row names it. ``note`` stands below."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"table {self.caption!r}: expected {len(self.header)} cells a row, got {len(row)}")


@dataclass(frozen=True)
class Picture:
    """A drawing with its title, ``alt`` (what it shows, with its numbers, in words) and a caption."""

    drawing: Drawing
    title: str
    alt: str
    caption: str


@dataclass(frozen=True)
class ShadedWord:
    """A word of a transcript on a ground of ``step`` 0 (none) to 5 (full); ``line`` is the step of a line below it.

    ``note`` says in words what the colours say. ``state`` is ``read``, ``unknown`` (to the model) or ``unread``.
    """

    word: str
    step: int
    line: int | None
    note: str
    state: Literal["read", "unknown", "unread"] = "read"


@dataclass(frozen=True)
class ShadedWords:
    """Running text whose words are coloured one by one."""

    words: tuple[ShadedWord, ...]


@dataclass(frozen=True)
class Still:
    """A picture out of a recording as a JPEG in a data URI (:data:`STILL`), what it is, and its caption."""

    uri: str
    alt: str
    caption: str

    def __post_init__(self) -> None:
        if not re.fullmatch(STILL, self.uri):
            raise ValueError("a still: expected a JPEG in a data URI, got something else")


@dataclass(frozen=True)
class Stills:
    """Small pictures side by side."""

    stills: tuple[Still, ...]


STILL = r"data:image/jpeg;base64,[A-Za-z0-9+/]+={0,2}"
"""What a picture within a page may be: its own bytes and nothing that a browser would fetch or run."""

Block = Heading | Subheading | Paragraph | Notice | Bullets | Cards | Terms | Table | Picture | ShadedWords | Stills


@dataclass(frozen=True)
class Document:
    """A title with the line above it, one headline, and the blocks in order."""

    title: str
    kicker: str
    headline: str
    blocks: tuple[Block, ...]


def numbered(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Return ``blocks`` with pictures and tables numbered in their order."""
    found: list[Block] = []
    pictures = tables = 0
    for block in blocks:
        if isinstance(block, Picture):
            pictures += 1
            found.append(replace(block, title=f"Figure {pictures}. {block.title}"))
        elif isinstance(block, Table):
            tables += 1
            found.append(replace(block, caption=f"Table {tables}. {block.caption}"))
        else:
            found.append(block)
    return tuple(found)
