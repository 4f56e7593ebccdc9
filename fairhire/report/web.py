"""Sets a document as one self-contained HTML page: no script, no network, fit for paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    ShadedWords,
    Stills,
    Subheading,
    Table,
    Terms,
)
from fairhire.report.figures import draw_svg
from fairhire.report.page import (
    Fragment,
    bullets,
    card,
    columns,
    contents,
    figure,
    header,
    notice,
    page,
    paragraph,
    section,
    shaded_words,
    stills,
    subheading,
    table,
    terms,
)
from fairhire.report.wording import Record

__all__ = ["render_html", "set_page"]


def render_html(record: Record) -> str:
    """Return the page of ``record`` (AUDIT.json as Python holds it); the same record gives the same bytes."""
    return set_page(compose(record))


def set_page(document: Document) -> str:
    """Return ``document`` as HTML: before its first heading the opening, then a section a heading."""
    front, parts = _parts(document.blocks)
    links = contents([(heading.anchor, heading.words) for heading, _ in parts])
    names = iter(f"drawing{place}" for place in range(1, len(document.blocks) + 1))
    return page(
        document.title,
        header(document.title, document.kicker, document.headline),
        *(_block(block, names) for block in front),
        links,
        *(
            section(heading.words, *(_block(block, names) for block in blocks), anchor=heading.anchor)
            for heading, blocks in parts
        ),
    )


def _parts(blocks: Sequence[Block]) -> tuple[list[Block], list[tuple[Heading, list[Block]]]]:
    """Return what stands before the first heading, and each heading with what follows it."""
    front: list[Block] = []
    parts: list[tuple[Heading, list[Block]]] = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append((block, []))
        else:
            (parts[-1][1] if parts else front).append(block)
    return front, parts


def _block(block: Block, names: Iterator[str]) -> Fragment:
    match block:
        case Subheading(words):
            return subheading(words)
        case Paragraph(words):
            return paragraph(words)
        case Notice(words):
            return notice(words)
        case Bullets(items):
            return bullets(items)
        case Cards(cards):
            return columns(*(card(one.heading, bullets(one.items)) for one in cards))
        case Terms(pairs):
            return terms(pairs)
        case Table(caption, head, rows, note):
            return table(caption, head, rows, note=note)
        case Picture(drawing, title, alt, caption):
            return figure(draw_svg(drawing, name=next(names)), title=title, alt=alt, caption=caption)
        case ShadedWords(words):
            return shaded_words([(one.word, one.step, one.line, one.note, one.state) for one in words])
        case Stills(pictures):
            return stills([(one.uri, one.alt, one.caption) for one in pictures])
        case Heading(words):
            return section(words)
