"""Says what no deletion takes back: weights that were trained on a person, axes of faces, counts in records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from fairhire.data.corpus import Corpus
from fairhire.forget.corpora import rows_of
from fairhire.forget.person import Person
from fairhire.forget.runs import corpus_of, learned_from, provenance_of, rows_in_run
from fairhire.forget.survey import Found

__all__ = ["biometrics_remain", "candidate_remains"]

_AGGREGATES = ("AUDIT.json", "BENCHMARK.json", "FRONTIER.json", "CLAIMS.json", "leakage.json", "EXPLANATION.json")


def candidate_remains(found: Found, person: Person, *, gone: Collection[Path]) -> list[dict[str, Any]]:
    """Return what will remain of a person, a reason each; ``gone`` are the files that will be deleted."""
    remains: list[dict[str, Any]] = []
    known = {name for path in found.corpora for name in Corpus(path).lineage}
    for run in found.runs:
        if rows := rows_in_run(run, person):
            remains += _of_run(run, rows, known)
    for folder in _unfinished(found):
        remains.append(
            {"what": "weights", "where": folder, "why": "an unfinished run; whom it learned from is not told"}
        )
    for path in found.corpora:
        corpus = Corpus(path)
        if corpus.has_faces and len(rows_of(corpus, person)) and _has_axes(corpus):
            why = "the other faces are coordinates on axes (eigenfaces) that were fitted to theirs too"
            remains.append({"what": "axes of faces", "where": path, "why": why})
    return [*remains, *_aggregates(path for path in found.files if path not in gone)]


def biometrics_remain(found: Found) -> list[dict[str, Any]]:
    """Return what remains of everybody's biometrics, a reason each."""
    remains: list[dict[str, Any]] = []
    for run in found.runs:
        corpus = provenance_of(run).get("corpus")
        if isinstance(corpus, dict) and corpus.get("faces_sha256") is not None:
            why = "trained against embeddings of faces or voices; the deployed model reads none"
            remains.append({"what": "weights", "where": run, "why": why})
    for path in found.corpora:
        for name, modality in Corpus(path).modalities.items():
            if "embedding" in modality.units:
                why = f"an input of models, not biometrics kept apart: {modality.units}"
                remains.append({"what": "features", "where": path / "features" / f"{name}.npy", "why": why})
    return remains


def _of_run(run: Path, rows: list[int], known: set[str]) -> list[dict[str, Any]]:
    part = learned_from(run, rows)
    reasons = {
        "train": "they were among the people that it was trained on",
        "validation": "they were among the people by whom its weights were chosen",
    }
    remains = []
    if part is not None:
        remains.append({"what": "weights", "where": run, "why": reasons[part]})
    if corpus_of(run) not in known:
        why = "words that only they said may stand in it: the corpus it was trained on is not among the paths"
        remains.append({"what": "words", "where": run, "why": why})
    return remains


def _unfinished(found: Found) -> list[Path]:
    return [path.parent.parent for path in found.loose if path.name == "run.json" and path.parent.name == "training"]


def _has_axes(corpus: Corpus) -> bool:
    return "eigenfaces" in json.dumps(corpus.record.get("provenance", {}))


def _aggregates(files: Iterable[Path]) -> list[dict[str, Any]]:
    why = "counts and rates over many people, in which they may be counted"
    return [{"what": "aggregates", "where": path, "why": why} for path in files if path.name in _AGGREGATES]
