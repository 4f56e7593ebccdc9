"""The published summary: what a rule wants made public (such as 6 RCNY 5-303), small cells withheld."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairhire.errors import UsageError
from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import Cell, Percent, Shown, count
from fairhire.report.document import Block, Bullets, Document, Heading, Paragraph, Table, numbered
from fairhire.report.suppression import UNKNOWN_CELL, withheld
from fairhire.report.web import set_page
from fairhire.report.wording import (
    Record,
    group_name,
    grouping_name,
    join,
    level_of,
    measured,
    passed_over,
    plan_words,
    plural,
    rate_words,
    sentence,
    short_name,
)

__all__ = ["is_publishable", "render_summary"]

_SUPPRESS = 5
"""People under whom a cell is withheld where the plan says nothing (audit-rules.md 5.7)."""


def render_summary(record: Record) -> str:
    """Return the summary for publication as HTML: dates, data, and for every category people, rate and ratio.

    Cells under the plan's suppression size are withheld and counted. Raises :class:`UsageError` that names every field
    which the plan requires for publication and the record lacks, or every grouping that was not audited.
    """
    missing = _required(record)
    if missing:
        fields = ", ".join(f"{sentence(item['field'])} ({sentence(item['why'])})" for item in missing)
        raise UsageError(
            f"published summary under {sentence(record['plan']['name'])}: expected statements on every required field, "
            f"got none on {fields}"
        )
    plan = record["plan"]
    if absent := record.get("not_audited"):
        groupings = ", ".join(f"{grouping_name(item['grouping'])} ({sentence(item['why'])})" for item in absent)
        raise UsageError(
            f"published summary under {sentence(plan['name'])}: expected every grouping of the plan, got none on "
            f"{groupings}"
        )
    return set_page(
        Document(
            title=f"Summary of the audit of {sentence(record['subject'], longest=100)}",
            kicker=f"{sentence(plan['title'], longest=200)} · source: {sentence(plan['source'], longest=200)}",
            headline=_headline(record),
            blocks=numbered(_blocks(record)),
        )
    )


def is_publishable(record: Record) -> bool:
    """Return whether the record has groups to publish, all that the plan asks for, and every required statement."""
    return bool(record["groups"]) and not _required(record) and not record.get("not_audited")


def _required(record: Record) -> list[Mapping[str, Any]]:
    return [item for item in record["missing"] if item.get("published")]


def _headline(record: Record) -> str:
    line = plan_words(record, "line") or ["Rates and impact ratios by group; no verdict is part of this summary."]
    return line[0]


def _blocks(record: Record) -> Iterator[Block]:
    under = int(record["plan"].get("sizes", {}).get("suppress", _SUPPRESS))
    if record["about"]:
        yield Table(
            "Stated by the auditor",
            ("field", "statement"),
            tuple((sentence(name).replace("_", " "), sentence(text)) for name, text in sorted(record["about"].items())),
        )
    tables = zip(record["groups"], withheld(record["groups"], under=under), strict=True)
    for place, (table, hidden) in enumerate(tables, start=1):
        yield Heading(f"By {_name(table)}", f"table-{place}")
        yield from _grouping(table, hidden, under, record["about"])
    yield Heading("About these figures", "about")
    yield Paragraph(
        f"Brackets are {level_of(record)} intervals. The impact ratio is the rate of a category divided by that of the "
        "benchmark, the category with the highest rate among those large enough to be compared with. Nothing here is "
        "legal advice, and nothing says that a selection is lawful."
    )
    notes = plan_words(record, "note", "limits")
    if notes:
        yield Bullets(tuple(notes))


def _name(table: Mapping[str, Any]) -> str:
    return f"{grouping_name(table['grouping'])}, {rate_words(table['rate'])}"


def _grouping(
    table: Mapping[str, Any], hidden: frozenset[int], under: int, about: Mapping[str, str]
) -> Iterator[Block]:
    unknown = table["unknown"]["n"]
    said = "a number that is withheld" if UNKNOWN_CELL in hidden else count(unknown)
    if not table["unknown"].get("stated", True):
        said = f"{sentence(about['unknown_people'])}, as the auditor says; the counts do not tell"
    yield Paragraph(f"People of unknown category, who are in no group: {said}.")
    yield Table(
        f"People, rates and impact ratios by {_name(table)}",
        ("category", "applicants", "selected" if table["rate"] == "selection" else "above the median", "rate",
         "impact ratio"),
        tuple(_row(row, place in hidden, table) for place, row in enumerate(table["rows"])),
        note=_note(hidden, under),
    )  # fmt: skip
    without = [
        f"{short_name(row['category'])}: {sentence(row['why'] or row['impact_ratio'].get('undefined', 'no ratio'))}"
        for place, row in enumerate(table["rows"])
        if row["verdict"] == "no-ratio" and place not in hidden
    ]
    if without:
        yield Paragraph(f"Without an impact ratio: {join(without)}.")
    shown = [row["category"] for place, row in enumerate(table["rows"]) if place not in hidden]
    if words := passed_over(table, among=shown):
        yield Paragraph(words)


def _row(row: Mapping[str, Any], hide: bool, table: Mapping[str, Any]) -> tuple[Cell, ...]:
    name = group_name(row["category"])
    if hide:
        return (name, *[Shown("withheld")] * 4)
    rate, ratio = measured(row["rate"]), measured(row["impact_ratio"])
    if row["category"] == table["benchmark"]:
        ratio = 1.0
    return (
        name,
        row["n"],
        row["selected"],
        Percent(rate) if isinstance(rate, Estimate) else rate,
        None if isinstance(ratio, Undefined) else ratio,
    )


def _note(hidden: frozenset[int], under: int) -> str:
    groups = len(hidden - {UNKNOWN_CELL})
    if not groups:
        return ""
    return (
        f"{plural(groups, 'cell')} withheld: fewer than {count(under)} people, or needed so that none of these can be "
        "worked out from the sums of all tables here. Ratios of the others are unaffected. This does not protect "
        "against readers who know more, such as another summary of nearly the same people."
    )
