"""What an importer hands over: interviews for the corpus, and, kept apart from it, who the people are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fairhire.atomic import write_text
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.interview import Interview
from fairhire.left_out import LeftOut

__all__ = ["Imported", "ImportedInterview", "write_imported"]


@dataclass(frozen=True)
class ImportedInterview:
    """One interview with its ready-made splits and continuous labels (NaN where not rated)."""

    interview: Interview
    splits: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """A source, read.

    ``interviews`` may be a generator: frames are written as they come. ``people`` has a column ``candidate`` and one
    column per protected attribute; ``truth`` (simulations and test beds only) has ``interview`` and what is really
    the case, such as an unbiased label. Neither enters the corpus.
    """

    modalities: tuple[Modality, ...]
    interviews: Iterable[ImportedInterview]
    people: pd.DataFrame
    splits: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    truth: pd.DataFrame | None = None
    left_out: tuple[LeftOut, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write_imported(imported: Imported, out: Path) -> Corpus:
    """Write the corpus at ``out``, ``out.people.csv`` and, where there is truth, ``out.truth.csv`` beside it."""
    provenance = {
        **imported.provenance,
        "left_out": [{"what": item.what, "n": item.n, "why": item.why} for item in imported.left_out],
    }
    with CorpusWriter(
        out, imported.modalities, splits=imported.splits, targets=imported.targets, provenance=provenance
    ) as writer:
        for row in imported.interviews:
            writer.add(row.interview, splits=row.splits, targets=row.targets)
    write_text(out.with_name(f"{out.name}.people.csv"), imported.people.to_csv(index=False, lineterminator="\n"))
    truth = out.with_name(f"{out.name}.truth.csv")
    if imported.truth is not None:
        write_text(truth, imported.truth.to_csv(index=False, lineterminator="\n"))
    else:
        truth.unlink(missing_ok=True)  # the truth about an older corpus of that name
    return Corpus(out)
