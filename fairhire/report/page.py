"""Builds one self-contained HTML page from text, tables and drawings: no script, no network, fit for paper.

Every function takes data and returns a :data:`Fragment`, HTML that is safe to print; whatever comes from outside goes
through :func:`escape`. The same data give the same bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NewType

from fairhire.report.cells import Badge, Cell, Signed, is_number, is_undefined, number, parts, visible

__all__ = [
    "Cell",
    "Fragment",
    "Signed",
    "bullets",
    "card",
    "columns",
    "contents",
    "escape",
    "figure",
    "header",
    "notice",
    "number",
    "page",
    "paragraph",
    "section",
    "shaded_words",
    "stills",
    "subheading",
    "table",
    "terms",
]

Fragment = NewType("Fragment", str)
"""HTML in which everything foreign has been escaped."""


def escape(words: str) -> Fragment:
    """Return ``words`` as HTML text; forbidden, turning and hiding letters become a visible box."""
    return Fragment(html.escape(visible(words), quote=True))


def paragraph(words: str) -> Fragment:
    """Return a paragraph of plain text; what stands between backticks is a command."""
    return Fragment(f"<p>{_prose(words)}</p>\n")


def bullets(items: Sequence[str]) -> Fragment:
    """Return a list of plain sentences, with commands as in :func:`paragraph`."""
    return Fragment("<ul>\n" + "".join(f"<li>{_prose(item)}</li>\n" for item in items) + "</ul>\n")


def section(heading: str, *fragments: Fragment, anchor: str = "") -> Fragment:
    """Return a section of the page under a heading, to be linked to by ``anchor``."""
    opening = f'<section id="{escape(anchor)}">' if anchor else "<section>"
    return Fragment(f"{opening}\n<h2>{escape(heading)}</h2>\n{''.join(fragments)}</section>\n")


def subheading(words: str) -> Fragment:
    """Return a heading within a section."""
    return Fragment(f'<h3 class="sub">{escape(words)}</h3>\n')


def notice(words: str) -> Fragment:
    """Return a sentence that must not be overlooked."""
    return Fragment(f'<p class="notice">{_prose(words)}</p>\n')


def header(title: str, kicker: str, lead: str) -> Fragment:
    """Return the head of a page: its title, a smaller line above, and the one sentence to take away."""
    return Fragment(
        f'<header>\n<p class="kicker">{escape(kicker)}</p>\n<h1>{escape(title)}</h1>\n'
        f'<p class="lead"><strong>{_prose(lead)}</strong></p>\n</header>\n'
    )


def terms(pairs: Sequence[tuple[str, str]]) -> Fragment:
    """Return words and what they mean."""
    items = "".join(f"<dt>{escape(word)}</dt>\n<dd>{_prose(meaning)}</dd>\n" for word, meaning in pairs)
    return Fragment(f"<dl>\n{items}</dl>\n")


def contents(entries: Sequence[tuple[str, str]]) -> Fragment:
    """Return a list of links, one an (anchor, heading)."""
    links = "".join(f'<li><a href="#{escape(anchor)}">{escape(heading)}</a></li>\n' for anchor, heading in entries)
    return Fragment(f'<nav aria-label="Contents">\n<ul>\n{links}</ul>\n</nav>\n')


def card(heading: str, *fragments: Fragment) -> Fragment:
    """Return a framed box with a small heading."""
    return Fragment(f'<div class="card">\n<h3>{escape(heading)}</h3>\n{"".join(fragments)}</div>\n')


def columns(*cards: Fragment) -> Fragment:
    """Return boxes side by side where there is room, one below the other where not."""
    return Fragment(f'<div class="cards">\n{"".join(cards)}</div>\n')


def figure(svg: Fragment, *, title: str, alt: str, caption: str) -> Fragment:
    """Return a drawing with its title, a description for those who cannot see it, and a caption."""
    drawing = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
    return Fragment(
        f'<figure>\n<p class="title">{escape(title)}</p>\n<div class="drawing">{drawing}</div>\n'
        f"<figcaption>{escape(caption)}</figcaption>\n</figure>\n"
    )


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, note: str = "") -> Fragment:
    """Return a table; the first cell of each row names the row. Raises ``ValueError`` for rows of another width."""
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"table {caption!r}: expected {len(header)} cells a row, got {len(row)}")
    kinds = [_kind(rows, place) for place in range(len(header))]
    names = "".join(
        f'<th scope="col" class="{kind}">{escape(name)}</th>' for kind, name in zip(kinds, header, strict=True)
    )
    lines = [
        f'<tr><th scope="row">{_cell(row[0])}</th>{"".join(map(_data, row[1:], kinds[1:]))}</tr>\n' for row in rows
    ]
    if not rows:
        lines = [f'<tr><td colspan="{len(header)}">none</td></tr>\n']
    below = f'<p class="note">{escape(note)}</p>\n' if note else ""
    return Fragment(
        f'<div class="table"><table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{names}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody>\n</table></div>\n{below}"
    )


def shaded_words(words: Sequence[tuple[str, int, int | None, str, str]]) -> Fragment:
    """Return running text of words on grounds of step 0 to 5: each (word, step, step of a line below, note, state).

    ``state`` is ``read``, ``unknown`` (shown with a question mark) or ``unread`` (grey, announced once).
    """
    pieces = []
    told = False
    for word, step, line, note, state in words:
        if state == "unread" and not told:
            pieces.append('<span class="unread">[not read from here on:]</span>')
            told = True
        kinds = [state] if state != "read" else []
        kinds += [f"s{step}"] if step else []
        kinds += [] if line is None else [f"l{line}"]
        mark = "<sup>?</sup>" if state == "unknown" else ""
        pieces.append(f'<span class="{" ".join(kinds)}" title="{escape(note)}">{escape(word)}{mark}</span>')
    return Fragment(f'<p class="shaded">{" ".join(pieces)}</p>\n')


def stills(pictures: Sequence[tuple[str, str, str]]) -> Fragment:
    """Return small pictures side by side, each (data URI, what it shows, caption)."""
    items = "".join(
        f'<figure><img src="{escape(uri)}" alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>\n'
        for uri, alt, caption in pictures
    )
    return Fragment(f'<div class="stills">\n{items}</div>\n')


def page(title: str, *fragments: Fragment) -> str:
    """Return the whole document."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(fragments)}</main>\n</body>\n</html>\n"
    )


def _prose(words: str) -> Fragment:
    return Fragment(re.sub("`([^`]*)`", r"<code>\1</code>", escape(words)))


def _kind(rows: Sequence[Sequence[Cell]], place: int) -> str:
    cells = [row[place] for row in rows]
    if any(map(is_number, cells)):
        return "number"
    if any(isinstance(cell, str) for cell in cells):
        return "words"
    return "mark" if any(isinstance(cell, Badge) for cell in cells) else "number"


def _data(cell: Cell, kind: str) -> str:
    kind = "undefined" if is_undefined(cell) else kind
    return f'<td class="{kind}">{_cell(cell)}</td>'


def _cell(cell: Cell) -> Fragment:
    value, interval = parts(cell)
    if isinstance(cell, Badge):
        return Fragment(f'<span class="badge {cell.tone}">{escape(value)}</span>')
    if not interval:
        return escape(value)
    return Fragment(f'<span class="value">{escape(value)}</span> <span class="range">{escape(interval)}</span>')


_STYLE = """\
:root { --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --ground: #f6f7f9; --accent: #0b5c8a; --warm: #b3490b; }
* { box-sizing: border-box; }
html { font-size: 16px; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .8rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: .8rem; margin: 0 0 .4rem; text-transform: uppercase; letter-spacing: .06em; color: var(--accent); }
p { margin: 0 0 .8rem; max-width: 46rem; }
.lead { font-size: 1.2rem; line-height: 1.45; margin: 1.2rem 0; max-width: 50rem; }
.kicker { color: var(--soft); margin: 0; font-size: .95rem; }
.notice { background: #fff6e8; border-left: 4px solid #c98a1b; padding: .7rem 1rem; margin: 1.2rem 0; max-width: none; }
.cards { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
.card { background: var(--ground); border: 1px solid var(--line); border-radius: 6px; padding: 1rem 1.1rem .5rem; }
.card p, .card li { overflow-wrap: break-word; }
.card:first-child, .card:last-child { grid-column: 1 / -1; }
.card:first-child { background: #eef5fa; border-color: #c3d9e7; }
ul { margin: 0 0 .6rem; padding-left: 1.1rem; }
li { margin: 0 0 .4rem; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em;
  white-space: nowrap; }
figure { margin: 1.8rem 0; }
figure .title { font-weight: 600; margin: 0 0 .4rem; max-width: none; }
.drawing svg { display: block; width: 100%; height: auto; }
.drawing svg text { font-family: inherit !important; }
figcaption, .note { color: var(--soft); font-size: .88rem; max-width: 52rem; }
.table { overflow-x: auto; margin: 1.4rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: .95rem; padding: 0 0 .45rem; }
th, td { padding: .32rem .55rem; border-bottom: 1px solid var(--line); vertical-align: top; text-align: left; }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; font-weight: 600; line-height: 1.25; }
tbody th { font-weight: 500; min-width: 7rem; }
td.number { text-align: right; white-space: nowrap; }
thead th.number { text-align: right; }
td.words { overflow-wrap: anywhere; min-width: 6.5rem; }
td.mark { white-space: nowrap; }
td.undefined { color: var(--soft); font-style: italic; text-align: right; min-width: 9rem; }
.range { color: var(--soft); }
.badge { display: inline-block; padding: 0 .45em; border: 1px solid currentColor; border-radius: 1em; font-size: .92em;
  white-space: nowrap; }
.badge.clear { color: #1a6b3c; background: #eaf6ee; }
.badge.below { color: #a3211b; background: #fdeeed; }
.badge.undecided { color: #7d5200; background: #fff6e8; font-weight: 600; }
.badge.plain { color: var(--soft); }
.shaded { line-height: 2.15; max-width: 52rem; }
.shaded span { display: inline-block; line-height: 1.35; padding: 0 .2em; border-radius: 3px; }
.shaded .s1 { background: #e3eff7; } .shaded .s2 { background: #c2dcec; } .shaded .s3 { background: #93c1de; }
.shaded .s4 { background: #5a9fc9; } .shaded .s5 { background: #0b5c8a; color: #fff; }
.shaded .l0, .shaded .l1, .shaded .l2, .shaded .l3, .shaded .l4, .shaded .l5 { border-bottom: .32em solid #eef0f2;
  border-radius: 3px 3px 0 0; }
.shaded .l1 { border-color: #fbe3d3; } .shaded .l2 { border-color: #f5c6a4; } .shaded .l3 { border-color: #eaa06c; }
.shaded .l4 { border-color: #d4763a; } .shaded .l5 { border-color: #b3490b; }
.shaded .unread { color: #8b949e; } .shaded .unknown { outline: 1px dashed #8b949e; outline-offset: -1px; }
.shaded sup { font-size: .65em; }
.stills { display: flex; flex-wrap: wrap; gap: .8rem; margin: .8rem 0 1.2rem; }
.stills figure { margin: 0; width: 11.5rem; } .stills img { display: block; max-width: 100%; border-radius: 4px; }
h3.sub { font-size: 1.08rem; text-transform: none; letter-spacing: 0; color: var(--ink); margin: 2rem 0 .5rem; }
h1, h2, h3, p, li { overflow-wrap: break-word; }
th[scope="row"], caption { overflow-wrap: anywhere; }
th, td, li, p { unicode-bidi: isolate; }
nav { margin: 1.6rem 0 0; font-size: .92rem; }
nav ul { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
nav li { margin: 0; }
nav a { color: var(--accent); }
dl { margin: 0; max-width: 52rem; }
dt { font-weight: 600; margin-top: .8rem; }
dd { margin: .1rem 0 0; }
@media screen and (max-width: 60rem) { td.words { min-width: 11rem; } }
@media (max-width: 44rem) { .cards { grid-template-columns: minmax(0, 1fr); } h1 { font-size: 1.6rem; } }
@media print {
  @page { size: A4; margin: 16mm 14mm 18mm; }
  html { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  figure, .card, tr { break-inside: avoid; }
  caption, thead { break-after: avoid; }
  .cards { display: block; }
  .card { margin: 0 0 3.5mm; padding: 3mm 4mm 1mm; }
  .note, figcaption { break-before: avoid; }
  nav { display: none; }
  h3.sub { break-after: avoid; }
  tbody th, td.words { min-width: 15mm; }
  .table { overflow: visible; }
  table { font-size: 8.2pt; }
  th, td { padding: .22rem .4rem; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
