"""Sets a document as Markdown that any viewer shows alike; foreign words can neither format, link nor embed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fairhire.report.cells import Badge, Cell, is_number, spell, visible
from fairhire.report.compose import compose
from fairhire.report.document import (
    Block,
    Bullets,
    Cards,
    Document,
    Heading,
    Notice,
    Paragraph,
    Picture,
    ShadedWord,
    ShadedWords,
    Stills,
    Subheading,
    Table,
    Terms,
)
from fairhire.report.wording import Record

__all__ = ["escape_markdown", "render_markdown", "set_block", "set_markdown"]

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]#|~$])")
_OPENING = re.compile(r"^(?:[-+=]|\d+[.)](?=\s|$))")  # would begin a list or underline a heading
_STRONG = 3  # of the five grounds of a word
_CODE = re.compile("`([^`\n]+)`")


def render_markdown(record: Record) -> str:
    """Return the Markdown of ``record`` (AUDIT.json as Python holds it); the same record gives the same bytes.

    Drawings are told in words there, with their numbers.
    """
    return set_markdown(compose(record))


def set_markdown(document: Document) -> str:
    """Return ``document`` as Markdown (CommonMark with tables)."""
    opening = (
        f"# {escape_markdown(document.title)}",
        escape_markdown(document.kicker),
        f"**{_prose(document.headline)}**",
    )
    return "\n\n".join([*opening, *(set_block(block) for block in document.blocks)]) + "\n"


def escape_markdown(words: str) -> str:
    """Return ``words`` on one line, every letter standing for itself.

    Punctuation that formats is escaped by a backslash, ``<``, ``>`` and ``&`` by name, and addresses lose what would
    turn them into links.
    """
    line = " ".join(visible(words).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _PUNCTUATION.sub(r"\\\1", line)
    line = line.replace("://", ":&#47;&#47;").replace("@", "&#64;")
    line = re.sub(r"\bwww\.", "www&#46;", line, flags=re.IGNORECASE)
    return _OPENING.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)


def set_block(block: Block) -> str:
    """Return one block as Markdown without a newline at its end."""
    match block:
        case Heading(words):
            return f"## {escape_markdown(words)}"
        case Subheading(words):
            return f"### {escape_markdown(words)}"
        case Paragraph(words):
            return _prose(words)
        case Notice(words):
            return f"> **{_prose(words)}**"
        case Bullets(items):
            return _list(items)
        case Cards(cards):
            return "\n\n".join(f"### {escape_markdown(card.heading)}\n\n{_list(card.items)}" for card in cards)
        case Terms(terms):
            return "\n".join(f"- **{escape_markdown(word)}**: {_prose(meaning)}" for word, meaning in terms)
        case Table():
            return "\n".join(_table(block))
        case ShadedWords(words):
            return " ".join(_shaded(word) for word in words)
        case Stills(stills):
            return _list([f"{still.alt}: {still.caption}" for still in stills])
        case Picture(_, title, alt, caption):
            told = f"**{escape_markdown(title)}** (drawn in the page and on paper)"
            return f"{told}\n\n{escape_markdown(alt)}\n\n{escape_markdown(caption)}"


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {_prose(item)}" for item in items)


def _shaded(word: ShadedWord) -> str:
    """Return a word of a transcript, bold where its ground is strong; unknown ones with a mark, unread ones struck."""
    said = escape_markdown(word.word)
    if word.state == "unread":
        return f"~~{said}~~"
    said = f"{said}(?)" if word.state == "unknown" else said
    return f"**{said}**" if word.step >= _STRONG else said


def _table(table: Table) -> Iterator[str]:
    yield f"**{escape_markdown(table.caption)}**"
    yield ""
    yield f"| {' | '.join(escape_markdown(name) for name in table.header)} |"
    yield f"| {' | '.join(_rule(table.rows, place) for place in range(len(table.header)))} |"
    for row in table.rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    if not table.rows:
        yield f"| none |{' |' * (len(table.header) - 1)}"
    if table.note:
        yield ""
        yield escape_markdown(table.note)


def _rule(rows: Sequence[Sequence[Cell]], place: int) -> str:
    return "---:" if place and any(is_number(row[place]) for row in rows) else "---"


def _cell(cell: Cell) -> str:
    words = escape_markdown(spell(cell))
    return f"**{words}**" if isinstance(cell, Badge) and cell.tone in ("below", "undecided") else words


def _prose(words: str) -> str:
    """Return plain sentences, what stands between backticks as a command."""
    parts: list[str] = []
    place = 0
    for found in _CODE.finditer(words):
        parts += (_keep_ends(words[place : found.start()]), f"`{visible(found[1])}`")
        place = found.end()
    parts.append(_keep_ends(words[place:]))
    return "".join(parts).strip()


def _keep_ends(words: str) -> str:
    """Escape ``words`` and keep the blank at either end, which parts them from a command."""
    if not words.strip():
        return " " if words else ""
    before, after = (" " if edge.isspace() else "" for edge in (words[0], words[-1]))
    return f"{before}{escape_markdown(words)}{after}"
