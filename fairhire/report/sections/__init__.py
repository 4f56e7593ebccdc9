"""The parts of an audit's document: each a function from a record to blocks, listed in the order of reading."""

from collections.abc import Callable

from fairhire.report.document import Block
from fairhire.report.sections.calibration import calibration
from fairhire.report.sections.cautions import left_out, warnings
from fairhire.report.sections.gaps import gaps
from fairhire.report.sections.gates import checks, gates
from fairhire.report.sections.glossary import glossary
from fairhire.report.sections.groups import groups
from fairhire.report.sections.labels import labels
from fairhire.report.sections.leakage import leakage
from fairhire.report.sections.opening import opening
from fairhire.report.sections.outcomes import outcomes
from fairhire.report.sections.plan import plan
from fairhire.report.sections.positions import positions
from fairhire.report.sections.provenance import provenance
from fairhire.report.sections.scores import scores
from fairhire.report.sections.thresholds import thresholds
from fairhire.report.sections.unknown import unknown
from fairhire.report.wording import Record

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Callable[[Record], tuple[Block, ...]]] = {
    "opening": opening,
    "gates": gates,
    "warnings": warnings,
    "groups": groups,
    "positions": positions,
    "unknown": unknown,
    "outcomes": outcomes,
    "labels": labels,
    "gaps": gaps,
    "calibration": calibration,
    "scores": scores,
    "thresholds": thresholds,
    "leakage": leakage,
    "checks": checks,
    "left_out": left_out,
    "plan": plan,
    "provenance": provenance,
    "glossary": glossary,
}
"""Sections by name, in the order of the document; one without anything to say returns no block at all."""
