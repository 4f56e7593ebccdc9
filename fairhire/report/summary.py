"""The published summary: what a rule wants made public (such as 6 RCNY 5-303), and small cells withheld."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairhire.errors import UsageError
from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import Cell, Percent, Shown, count
from fairhire.report.document import Block, Bullets, Document, Heading, Paragraph, Table, numbered
from fairhire.report.web import set_page
from fairhire.report.wording import (
    Record,
    group_name,
    grouping_name,
    join,
    level_of,
    measured,
    plan_words,
    plural,
    rate_words,
    sentence,
    short_name,
)

__all__ = ["is_publishable", "render_summary", "withheld"]

_SUPPRESS = 5
"""People under whom a cell is withheld where the plan says nothing (audit-rules.md 5.7)."""

_UNKNOWN = -1
"""The place of the people of unknown category among the cells of a table."""


def render_summary(record: Record) -> str:
    """Return the summary for publication as HTML: dates, data, and for every category people, rate and ratio.

    Cells under the plan's suppression size are withheld and counted. Raises :class:`UsageError` that names every field
    which the plan requires for publication and the record lacks.
    """
    missing = _required(record)
    if missing:
        fields = ", ".join(f"{sentence(item['field'])} ({sentence(item['why'])})" for item in missing)
        raise UsageError(
            f"published summary under {sentence(record['plan']['name'])}: expected statements on every required field, "
            f"got none on {fields}"
        )
    plan = record["plan"]
    return set_page(
        Document(
            title=f"Summary of the audit of {sentence(record['subject'], longest=100)}",
            kicker=f"{sentence(plan['title'], longest=200)} · source: {sentence(plan['source'], longest=200)}",
            headline=_headline(record),
            blocks=numbered(_blocks(record)),
        )
    )


def is_publishable(record: Record) -> bool:
    """Return whether the record has groups to publish and lacks no field that a published summary requires."""
    return bool(record["groups"]) and not _required(record)


def withheld(table: Mapping[str, Any], *, under: int) -> frozenset[int]:
    """Return the places of the rows that are withheld; -1 stands for the people of unknown category.

    Withheld are groups of 1 to ``under`` - 1 people. Where one cell alone would be, it could be got back from a total
    by subtraction; then the smallest other cell of its line is withheld too. A line is the table, and within an
    intersection all cells that share one category.
    """
    sizes = {place: row["n"] for place, row in enumerate(table["rows"])} | {_UNKNOWN: table["unknown"]["n"]}
    hidden = {place for place, n in sizes.items() if 0 < n < under and place != _UNKNOWN}
    lines: list[set[int]] = [set(sizes)]
    if len(table["grouping"]) > 1:
        for attribute in range(len(table["grouping"])):
            shared: dict[str, set[int]] = {}
            for place, row in enumerate(table["rows"]):
                shared.setdefault(row["category"][attribute], set()).add(place)
            lines += shared.values()
    found = True
    while found:
        found = False
        for line in lines:
            others = sorted((sizes[place], place) for place in line - hidden if sizes[place])
            if len(line & hidden) == 1 and others:
                hidden.add(others[0][1])
                found = True
    return frozenset(hidden)


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
    for place, table in enumerate(record["groups"], start=1):
        yield Heading(f"By {_name(table)}", f"table-{place}")
        yield from _grouping(table, under)
    yield Heading("About these figures", "about")
    yield Paragraph(
        f"Brackets are {level_of(record)} intervals. The impact ratio is the rate of a category divided by that of the "
        "category with the highest rate. Nothing here is legal advice, and nothing says that a selection is lawful."
    )
    notes = plan_words(record, "note", "limits")
    if notes:
        yield Bullets(tuple(notes))


def _name(table: Mapping[str, Any]) -> str:
    return f"{grouping_name(table['grouping'])}, {rate_words(table['rate'])}"


def _grouping(table: Mapping[str, Any], under: int) -> Iterator[Block]:
    hidden = withheld(table, under=under)
    unknown = table["unknown"]["n"]
    said = "a number that is withheld" if _UNKNOWN in hidden else count(unknown)
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


def _note(hidden: Sequence[int] | frozenset[int], under: int) -> str:
    groups = sum(place != _UNKNOWN for place in hidden)
    if not groups:
        return ""
    return (
        f"{plural(groups, 'cell')} withheld: fewer than {count(under)} people, or needed to hide such a cell. Ratios "
        "of the others are unaffected. This simple rule does not protect against readers who combine other tables."
    )
