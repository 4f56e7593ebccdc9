"""How to read it: the words of the document, for somebody who has never seen such a one."""

from __future__ import annotations

from collections.abc import Iterator

from fairhire.auditing.ratio import METHODS
from fairhire.report.document import Block, Heading, Terms
from fairhire.report.wording import Record

__all__ = ["glossary"]

_ALWAYS = (
    (
        "Interval",
        "The brackets behind a figure: values that are compatible with these people, at the stated level. A figure "
        "with a wide interval is known badly, whatever its decimals say.",
    ),
    (
        "Undefined",
        "The figure does not exist for these data, for the reason given; it is not 0 and not 1.",
    ),
)
_GROUPS = (
    ("Selection rate", "Those selected, of a group, divided by all of the group."),
    ("Scoring rate", "The share of a group with a score above the median of everybody assessed."),
    ("Benchmark", "The group with the highest rate, of those large enough; never an unknown or an excluded one."),
    (
        "Impact ratio",
        "A group's rate divided by the benchmark's. 0.8 means: for ten of the benchmark, eight of the group.",
    ),
    (
        "Four fifths",
        "A rule of thumb of the US federal guidelines: a ratio under 0.8 is generally regarded as evidence of adverse "
        "impact. Compared exactly, in whole numbers: 64 of 100 against 80 of 100 is not below.",
    ),
    (
        "Clear, below, UNDECIDED",
        "How the interval of the ratio lies: wholly at or above 0.8, wholly under it, or on both sides. UNDECIDED is "
        "neither a pass nor a fail: with so few people the line cannot be decided.",
    ),
    (
        "p, Holm, Benjamini-Hochberg",
        "How often chance alone would make a difference at least as large. Many comparisons find something by chance; "
        "Holm and Benjamini-Hochberg (B-H) allow for that within one table.",
    ),
)
_MORE = {
    "outcomes": (
        ("Equal opportunity", "The difference between the largest and smallest true positive rate."),
        ("Equalised odds", "The larger of the differences in true and in false positive rates."),
    ),
    "leakage": (
        ("Leakage", "What a fresh probe can read of a candidate's attributes from what the model gives away."),
        ("AUC", "How often the probe ranks a pair of people rightly: 0.5 is a blind guess, 1 is always."),
    ),
}


def glossary(record: Record) -> tuple[Block, ...]:
    """Return the terms that this record uses, explained."""
    terms = list(_ALWAYS)
    if record["groups"]:
        terms += _GROUPS
        terms += _methods(record)
    for part, more in _MORE.items():
        if record[part]:
            terms += more
    return (Heading("How to read this", "glossary"), Terms(tuple(terms)))


def _methods(record: Record) -> Iterator[tuple[str, str]]:
    """Yield how the intervals of the ratios were computed, each method that occurs, and how often it covers."""
    used = {row["impact_ratio"].get("method") for table in record["groups"] for row in table["rows"]}
    for name, words in METHODS.items():
        if name in used:
            yield f"Interval “{name}”", f"{words[:1].upper()}{words[1:]} (at level 95 %)."
