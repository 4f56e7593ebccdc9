"""Says what no deletion takes back: weights that were trained on a person, axes of faces and voices, counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from fairhire.data.corpus import Corpus
from fairhire.forget.corpora import rows_of
from fairhire.forget.person import Person
from fairhire.forget.runs import corpus_of, learned_from, provenance_of, rows_in_run
from fairhire.forget.survey import Found
from fairhire.interview import EMBEDDINGS
from fairhire.leftovers import place_of

__all__ = ["biometrics_remain", "candidate_remains"]

_AGGREGATES = ("AUDIT.json", "BENCHMARK.json", "FRONTIER.json", "CLAIMS.json", "leakage.json", "EXPLANATION.json")
_FITTED = {"face": "eigenfaces", "voice": "eigenvoices"}  # encoders whose axes are fitted to the people themselves


def candidate_remains(found: Found, person: Person, *, gone: Collection[Path]) -> list[dict[str, Any]]:
    """Return what will remain of a person, a reason each; ``gone`` are the files that will be deleted."""
    remains: list[dict[str, Any]] = []
    known = {name for corpus in found.opened.values() for name in corpus.lineage}
    for run in found.runs:
        if rows := rows_in_run(run, person):
            remains += _of_run(run, rows, known)
    for folder in _unfinished(found):
        remains.append(
            {"what": "weights", "where": folder, "why": "an unfinished run; whom it learned from is not told"}
        )
    for path, corpus in found.opened.items():
        for kind in _axes_of(corpus, person):
            why = f"the other {kind}s are coordinates on axes ({_FITTED[kind]}) that were fitted to theirs too"
            remains.append({"what": f"axes of {kind}s", "where": path, "why": why})
    return [*remains, *_out_of_place(found), *_aggregates(path for path in found.files if path not in gone)]


def biometrics_remain(found: Found) -> list[dict[str, Any]]:
    """Return what remains of everybody's biometrics, a reason each."""
    remains: list[dict[str, Any]] = []
    for run in found.runs:
        corpus = provenance_of(run).get("corpus")
        if isinstance(corpus, dict) and corpus.get("faces_sha256") is not None:
            why = "trained against embeddings of faces or voices; the deployed model reads none"
            remains.append({"what": "weights", "where": run, "why": why})
    for path, corpus in found.opened.items():
        for name, modality in corpus.modalities.items():
            if "embedding" in modality.units:
                why = f"an input of models, not biometrics kept apart: {modality.units}"
                remains.append({"what": "features", "where": path / "features" / f"{name}.npy", "why": why})
    return [*remains, *_out_of_place(found)]


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


def _axes_of(corpus: Corpus, person: Person) -> list[str]:
    """Return the kinds of embeddings of others that are coordinates on axes to which the person's own belonged."""
    rows, provenance = rows_of(corpus, person), corpus.record.get("provenance", {})
    if len(rows) == len(corpus):
        return []
    kinds = []
    for kind in EMBEDDINGS:
        encoder = provenance.get(kind) or provenance.get(f"{kind}_encoder")
        fitted = isinstance(encoder, dict) and encoder.get("encoder") == _FITTED[kind]
        here = corpus.has_faces if kind == "face" else corpus.has_voices
        if fitted and here and (corpus.embeddings(kind)[1][rows] >= 0).any():
            kinds.append(kind)
    return kinds


def _out_of_place(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "what": "a corpus out of its place",
            "where": path,
            "why": "the only copy, left by a process that was killed: rename it; it was treated as any other corpus",
        }
        for path in found.corpora
        if place_of(path) is not None
    ]


def _aggregates(files: Iterable[Path]) -> list[dict[str, Any]]:
    why = "counts and rates over many people, in which they may be counted"
    return [{"what": "aggregates", "where": path, "why": why} for path in files if path.name in _AGGREGATES]
