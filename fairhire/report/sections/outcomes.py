"""How the decisions meet the labels: who of the truly hirable is found, by group, and how far the groups lie apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairhire.estimate import Estimate
from fairhire.report.cells import Cell, Percent
from fairhire.report.document import Block, Heading, Paragraph, Table
from fairhire.report.wording import Record, group_name, grouping_name, measured

__all__ = ["outcomes"]

_DIFFERENCES = {
    "equal_opportunity": ("equal opportunity", "true positive rates"),
    "equalized_odds": ("equalised odds", "true or false positive rates, whichever lie further apart"),
    "predictive_parity": ("predictive parity", "precisions"),
    "accuracy": ("accuracy", "accuracies"),
}
_FIRST = (("base_rate", "hirable"), ("tpr", "true positive"), ("fpr", "false positive"), ("fnr", "false negative"))
_SECOND = (("ppv", "precision"), ("npv", "negative precision"), ("accuracy", "accuracy"))


def outcomes(record: Record) -> tuple[Block, ...]:
    """Return rates against the labels by group, and the largest differences."""
    if not record["outcomes"]:
        return ()
    blocks: list[Block] = [
        Heading("Decisions against labels", "outcomes"),
        Paragraph(
            "These figures take the labels (recruiters' past decisions) as the truth. Hirable: the share with a "
            "positive label. True positive: the share of them that is selected. A group without such people has no "
            "such rate, and then the difference is not estimable: it is never 0."
        ),
    ]
    for table in record["outcomes"]:
        blocks += _tables(table)
    return tuple(blocks)


def _tables(table: Mapping[str, Any]) -> Iterator[Block]:
    name = grouping_name(table["grouping"])
    for caption, figures in (
        (f"Error rates by {name}", _FIRST),
        (f"Precision and accuracy by {name}", _SECOND),
    ):
        yield Table(
            caption,
            ("group", *(("people",) if figures is _FIRST else ()), *(words for _, words in figures)),
            tuple(
                (
                    group_name(row["category"]),
                    *((sum(row["confusion"].values()),) if figures is _FIRST else ()),
                    *(_rate(row[key]) for key, _ in figures),
                )
                for row in table["rows"]
            ),
        )
    yield Table(
        f"How far the groups lie apart, by {name}",
        ("figure", "largest minus smallest of the", "difference"),
        tuple(
            (words, of, measured(table["differences"][key]))
            for key, (words, of) in _DIFFERENCES.items()
            if key in table["differences"]
        ),
    )


def _rate(value: Mapping[str, Any]) -> Cell:
    found = measured(value)
    return Percent(found) if isinstance(found, Estimate) else found
