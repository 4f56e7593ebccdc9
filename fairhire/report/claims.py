"""The claims on a page: one table of verdicts, then every figure behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.report.cells import Badge, Cell, Tone
from fairhire.report.document import Block, Document, Heading, Paragraph, Subheading, Table, numbered
from fairhire.report.markdown import set_markdown
from fairhire.report.web import set_page
from fairhire.report.wording import measured

__all__ = ["render_claims"]

_TONES: dict[str, Tone] = {"pass": "clear", "fail": "below", "undecided": "undecided"}


def render_claims(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return the page and the Markdown of a record of claims (``docs/claims.md``)."""
    claims = record["claims"]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (claim["number"], claim["claim"], claim["target"], _badge(claim["verdict"])) for claim in claims
    )
    blocks: list[Block] = [
        Heading("Verdicts", "verdicts"),
        Paragraph(
            "Pass: every measured value meets the target. Fail: some value misses it with its whole interval. "
            "Undecided: a value misses it, but its interval reaches it. Targets are ours unless they say published; "
            "leakage is what a fresh probe reads of people that neither it nor the model has seen."
        ),
        Table("What is claimed, and what these runs show", ("", "claim", "target", "verdict"), rows),
        Heading("Figures", "figures"),
    ]
    for claim in claims:
        blocks.append(Subheading(f"{claim['number']}: {claim['claim']}"))
        if claim["figures"]:
            cells: tuple[tuple[Cell, ...], ...] = tuple(
                (figure["what"], measured(figure["estimate"])) for figure in claim["figures"]
            )
            blocks.append(Table(f"Target: {claim['target']}", ("of", "figure"), cells))
        if claim["why"]:
            blocks.append(Paragraph(f"{_opening(claim['verdict'])}{claim['why']}."))
    counts = {
        verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in ("pass", "fail", "undecided")
    }
    document = Document(
        title=f"What {record['subject']} can show",
        kicker=f"fairhire claims · {len(record['runs'])} runs, {len(claims)} claims",
        headline=f"{counts['pass']} claims pass, {counts['fail']} fail, {counts['undecided']} are undecided; the "
        "others are reported or cannot be tested with these runs.",
        blocks=numbered(blocks),
    )
    return set_page(document), set_markdown(document)


def _badge(verdict: str) -> Cell:
    return Badge(verdict, _TONES[verdict]) if verdict in _TONES else verdict


def _opening(verdict: str) -> str:
    return "Cannot be tested here: " if verdict == "cannot be tested here" else ""
