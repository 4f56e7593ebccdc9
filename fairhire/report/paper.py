"""Sets a document as PDF, without a browser or native libraries; the only file that knows reportlab.

The same record gives the same bytes: no date, no random id. The font is the Unicode one that matplotlib ships; letters
that it lacks are written by their number, so that no name turns into boxes that look like another's.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    LongTable,
    PageTemplate,
)
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Box

from fairhire.report.cells import Badge, Cell, is_number, is_undefined, parts, visible
from fairhire.report.compose import compose
from fairhire.report.document import (
    Block,
    Bullets,
    Card,
    Cards,
    Document,
    Heading,
    Notice,
    Paragraph,
    Picture,
    ShadedWord,
    ShadedWords,
    Still,
    Stills,
    Subheading,
    Table,
    Terms,
)
from fairhire.report.drawings import Drawing
from fairhire.report.figures import draw_png, font_files
from fairhire.report.wording import Record

__all__ = ["render_pdf", "set_paper"]

_SIDE, _TOP, _BOTTOM = 16 * mm, 18 * mm, 20 * mm
_WIDTH = A4[0] - 2 * _SIDE
_FONT = {"regular": "Report", "bold": "Report-Bold", "italic": "Report-Italic"}
_INK, _SOFT, _LINE, _ACCENT = "#1b1f24", "#57606a", "#d5dae0", "#0b5c8a"
_TONES = {"clear": "#1a6b3c", "below": "#a3211b", "undecided": "#7d5200", "plain": _SOFT}
_GROUNDS = ("#ffffff", "#e3eff7", "#c2dcec", "#93c1de", "#6fb0d6", "#4a97c4")  # of words, no darker than ink can bear
_GAP = 9.0  # points between two columns
_LONGEST = 300  # letters of a cell: a longer one would outgrow its page


def render_pdf(record: Record) -> bytes:
    """Return the PDF of ``record`` (AUDIT.json as Python holds it), on A4; the same record gives the same bytes."""
    return set_paper(compose(record))


def set_paper(document: Document) -> bytes:
    """Return ``document`` as PDF: pages numbered, tables split between rows with their headers repeated."""
    _register()
    buffer = io.BytesIO()
    title = _plain(document.title)
    template = BaseDocTemplate(
        buffer, pagesize=A4, leftMargin=_SIDE, rightMargin=_SIDE, topMargin=_TOP, bottomMargin=_BOTTOM,
        title=title, author="", subject=_plain(document.headline), creator="fairhire", invariant=1, lang="en",
    )  # fmt: skip
    frame = Frame(
        _SIDE, _BOTTOM, _WIDTH, A4[1] - _TOP - _BOTTOM, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )

    def number_page(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont(_FONT["regular"], 7.5)
        canvas.setFillColor(HexColor(_SOFT))
        canvas.drawString(_SIDE, 11 * mm, title if len(title) < 100 else f"{title[:99]}…")
        canvas.drawRightString(A4[0] - _SIDE, 11 * mm, f"page {canvas.getPageNumber()}")
        canvas.restoreState()

    template.addPageTemplates([PageTemplate(frames=[frame], onPage=number_page)])
    opening: list[Flowable] = [
        Text(_marked(document.kicker), _style("kicker")),
        Text(_marked(document.title), _style("title")),
        Text(_marked(document.headline), _style("lead")),
    ]
    template.build([*opening, *_flow(document.blocks)])
    return buffer.getvalue()


@cache
def _register() -> frozenset[int]:
    """Register the font once, and return the numbers of the letters that it can draw."""
    for weight, path in font_files().items():
        pdfmetrics.registerFont(TTFont(_FONT[weight], str(path)))
    pdfmetrics.registerFontFamily(
        _FONT["regular"], normal=_FONT["regular"], bold=_FONT["bold"], italic=_FONT["italic"],
        boldItalic=_FONT["bold"],
    )  # fmt: skip
    faces = [pdfmetrics.getFont(name).face.charToGlyph for name in _FONT.values()]
    return frozenset(set(faces[0]).intersection(*faces[1:]))


@cache
def _style(name: str) -> ParagraphStyle:
    base: dict[str, Any] = {"fontName": _FONT["regular"], "fontSize": 9, "leading": 12.6, "textColor": HexColor(_INK)}
    more: dict[str, dict[str, Any]] = {
        "kicker": {"fontSize": 8, "leading": 11, "textColor": HexColor(_SOFT)},
        "title": {"fontName": _FONT["bold"], "fontSize": 17, "leading": 21, "spaceAfter": 5},
        "lead": {"fontName": _FONT["bold"], "fontSize": 11, "leading": 15, "spaceBefore": 3, "spaceAfter": 8},
        "heading": {"fontName": _FONT["bold"], "fontSize": 13.5, "leading": 17, "spaceBefore": 17, "spaceAfter": 5},
        "subheading": {"fontName": _FONT["bold"], "fontSize": 11, "leading": 14, "spaceBefore": 11, "spaceAfter": 4},
        "card": {
            "fontName": _FONT["bold"], "fontSize": 8, "leading": 11, "textColor": HexColor(_ACCENT), "spaceAfter": 3,
        },
        "paragraph": {"spaceAfter": 6},
        "bullet": {"leftIndent": 10, "bulletIndent": 1, "spaceAfter": 2.6, "fontSize": 8.6, "leading": 11.6},
        "notice": {},
        "caption": {"fontName": _FONT["bold"], "fontSize": 8.8, "leading": 12, "spaceBefore": 9, "spaceAfter": 3},
        "note": {"fontSize": 7.4, "leading": 10, "textColor": HexColor(_SOFT), "spaceBefore": 3, "spaceAfter": 6},
        "cell": {"fontSize": 7.2, "leading": 9.2},
        "head": {"fontName": _FONT["bold"], "fontSize": 7.2, "leading": 9.2},
        "undefined": {"fontName": _FONT["italic"], "fontSize": 6.8, "leading": 8.6, "textColor": HexColor(_SOFT)},
    }  # fmt: skip
    return ParagraphStyle(name, **(base | more[name]))


@cache
def _right(name: str) -> ParagraphStyle:
    return ParagraphStyle(f"{name}-right", parent=_style(name), alignment=TA_RIGHT)


def _flow(blocks: Sequence[Block]) -> Iterator[Flowable]:
    """Yield what stands on the pages; no heading is the last thing on one, and no long table begins at its foot."""
    waiting: list[Flowable] = []
    for block in blocks:
        if isinstance(block, (Heading, Subheading)):
            style = "heading" if isinstance(block, Heading) else "subheading"
            heading = Text(_marked(block.words), _style(style))
            heading.keepWithNext = True
            waiting.append(heading)
            continue
        if isinstance(block, Table):
            yield CondPageBreak((38 + 10 * len(waiting)) * mm)
        yield from waiting
        waiting = []
        yield from _block(block)
    yield from waiting


def _block(block: Block) -> Iterator[Flowable]:
    match block:
        case Paragraph(words):
            yield Text(_marked(words), _style("paragraph"))
        case Notice(words):
            yield _boxed([Text(_marked(words), _style("notice"))], ground="#fff6e8", edge="#c98a1b")
        case Bullets(items):
            yield from _bullets(items)
        case Cards(cards):
            for place, card in enumerate(cards):
                yield _card(card, first=place == 0)
        case Terms(terms):
            for word, meaning in terms:
                yield Text(f"<b>{_marked(word)}</b>: {_marked(meaning)}", _style("paragraph"))
        case Table():
            yield from _table(block)
        case ShadedWords(words):
            yield Text(" ".join(map(_shaded, words)), _style("paragraph"))
        case Stills(stills):
            for still in stills:
                yield KeepTogether([_still(still), Text(_marked(still.caption), _style("note"))])
        case Picture(drawing, title, _, caption):
            yield KeepTogether(
                [
                    Text(_marked(title), _style("caption")),
                    _image(drawing),
                    Text(_marked(caption), _style("note")),
                ]
            )


def _shaded(word: ShadedWord) -> str:
    """Return a word of a transcript in reportlab's markup, on its ground."""
    said = _marked(word.word)
    if word.state == "unread":
        return f'<font color="{_SOFT}"><strike>{said}</strike></font>'
    said = f"{said}<super>?</super>" if word.state == "unknown" else said
    return f'<font backColor="{_GROUNDS[word.step]}">{said}</font>' if word.step else said


def _still(still: Still) -> Image:
    image = Image(io.BytesIO(base64.b64decode(still.uri.partition(",")[2])))
    scale = min(1.0, 55 * mm / max(image.imageWidth, image.imageHeight))
    image.drawWidth, image.drawHeight = image.imageWidth * scale, image.imageHeight * scale
    image.hAlign = "LEFT"
    return image


def _bullets(items: Sequence[str]) -> list[Flowable]:
    return [Text(_marked(item), _style("bullet"), bulletText="•") for item in items]


def _card(card: Card, *, first: bool) -> Flowable:
    ground, edge = ("#eef5fa", "#c3d9e7") if first else ("#f6f7f9", _LINE)
    return _boxed(
        [Text(_marked(card.heading.upper()), _style("card")), *_bullets(card.items)], ground=ground, edge=edge
    )


def _boxed(content: list[Flowable], *, ground: str, edge: str) -> Flowable:
    """Return ``content`` in a frame, one row a paragraph so that a long box may go on overleaf."""
    box = Box([[part] for part in content], colWidths=[_WIDTH], spaceAfter=6, spaceBefore=2)
    last = len(content) - 1
    box.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), HexColor(ground)),
            ("BOX", (0, 0), (-1, -1), 0.7, HexColor(edge)),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 0.8),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0.8),
            ("TOPPADDING", (0, 0), (-1, 0), 5),
            ("BOTTOMPADDING", (0, last), (-1, last), 5),
        ]
    )
    return box


def _image(drawing: Drawing) -> Image:
    png = draw_png(drawing)
    image = Image(io.BytesIO(png))
    # Drawn 8.6 inches wide, set as wide as the column; a tall one has to fit its page with caption and note.
    scale = min(_WIDTH / image.imageWidth, 0.82 * (A4[1] - _TOP - _BOTTOM) / image.imageHeight)
    image.drawWidth, image.drawHeight = image.imageWidth * scale, image.imageHeight * scale
    image.hAlign = "LEFT"
    return image


def _table(table: Table) -> Iterator[Flowable]:
    kinds = [
        "number" if place and any(is_number(row[place]) for row in table.rows) else "words"
        for place in range(len(table.header))
    ]
    head = [
        Text(_marked(name), _right("head") if kind == "number" else _style("head"))
        for name, kind in zip(table.header, kinds, strict=True)
    ]
    lines = [[_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in table.rows]
    if not lines:
        lines = [[Text("none", _style("cell")), *[""] * (len(head) - 1)]]
    caption = Text(_marked(table.caption), _style("caption"))
    body = LongTable([head, *lines], colWidths=_widths(table, kinds), repeatRows=1, hAlign="LEFT")
    body.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.9, HexColor(_INK)),
            ("LINEBELOW", (0, 1), (-1, -1), 0.35, HexColor(_LINE)),
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            ("VALIGN", (0, 1), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), _GAP / 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP / 2),
            ("TOPPADDING", (0, 0), (-1, -1), 1.8),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2),
        ]
    )
    note = [Text(_marked(table.note), _style("note"))] if table.note else []
    if len(lines) <= 8:
        yield KeepTogether([caption, body, *note])
    else:
        yield from (caption, body, *note)


def _cell(cell: Cell, kind: str) -> Text:
    value, interval = (_marked(_short(part)) for part in parts(cell))
    if isinstance(cell, Badge):
        weight = f"<b>{value}</b>" if cell.tone in ("below", "undecided") else value
        value = f'<font color="{_TONES[cell.tone]}">{weight}</font>'
    if interval:
        value = f'{value} <font color="{_SOFT}">{interval.replace(" ", chr(160))}</font>'
    style = "undefined" if is_undefined(cell) else "cell"
    return Text(value, _right(style) if kind == "number" else _style(style))


def _widths(table: Table, kinds: Sequence[str]) -> list[float]:
    """Return widths that add up to the column: numbers as wide as they are, words share what is left.

    No column is narrower than its longest word, as far as that is possible.
    """
    natural, least = [], []
    for place, kind in enumerate(kinds):
        cells = [" ".join(parts(row[place])) for row in table.rows if not is_undefined(row[place])]
        free = any(isinstance(row[place], str) for row in table.rows)
        words = [word for cell in cells for word in cell.split()] if free else cells
        heads = table.header[place].split()
        longest = max((_measure(word, "bold") for word in {*words, *heads}), default=0.0) + _GAP
        least.append(min(longest, _WIDTH / 8) if free and kind == "words" else longest)
        wide = max((_measure(cell, "regular") for cell in cells), default=0.0) + _GAP
        natural.append(max(wide, least[-1]))
    if sum(natural) <= _WIDTH:
        spare = (_WIDTH - sum(natural)) / len(natural)
        return [width + spare for width in natural]
    if sum(least) >= _WIDTH:  # even the numbers have to break
        return [_WIDTH * width / sum(least) for width in least]
    more = [min(width, 0.5 * _WIDTH) - low for width, low in zip(natural, least, strict=True)]
    share = (_WIDTH - sum(least)) / max(sum(more), 1.0)
    return [low + share * extra for low, extra in zip(least, more, strict=True)]


def _measure(text: str, weight: str) -> float:
    return float(pdfmetrics.stringWidth(_plain(_short(text)), _FONT[weight], 7.2))


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _plain(words: str) -> str:
    """Return ``words`` in letters that the font has; the number of every other one stands in angle quotes."""
    known = _register()
    line = " ".join(visible(words).split(" "))
    return "".join(letter if ord(letter) in known or letter == "\n" else f"‹U+{ord(letter):04X}›" for letter in line)


def _marked(words: str) -> str:
    """Return plain words in reportlab's markup: escaped, what stands between backticks emphasised."""
    return re.sub("`([^`]+)`", r"<i>\1</i>", html.escape(_plain(words), quote=False))
