"""Claims that guard the others: no label was read, the probes are sane, and face-LEACE is as exact as its algebra."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.leakage import false_success
from fairhire.claims.claim import Claim, Figure, at_most, judged, untestable
from fairhire.claims.evidence import Evidence
from fairhire.claims.leaks import NO_PAIR
from fairhire.concept import Concept, fit_concept, residual_bound
from fairhire.erasure import AffineMap, FaceLeace, Witnesses
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Measurement, Undefined

__all__ = ["bound_holds", "fooled", "leace_is_exact", "no_label_read", "probes_are_sane"]

Floats = NDArray[np.float64]

_TRAINING = ("data", "media", "model", "adversaries", "erasure", "training")


def no_label_read(evidence: Evidence) -> Claim:
    """Row 8."""
    words = "no sensitive label is read in training or in the choice of weights"
    target = "no defended run read one, and the code that trains cannot import what knows them"
    if not evidence.defended:
        return untestable("8", words, target, NO_PAIR)
    read = sum(bool(pair.run.provenance.get("sensitive_labels_read")) for pair in evidence.defended)
    hashed = sum(
        pair.run.provenance.get("corpus", {}).get("sensitive_labels") is not None for pair in evidence.defended
    )
    figures = [
        Figure("defended runs whose record says that a sensitive label was read", float(read)),
        Figure("defended runs whose inputs include a table of labels", float(hashed)),
        Figure("modules of the training wing that import the audit wing", float(len(_crossings()))),
    ]
    return judged(
        "8", words, target, figures, at_most(0.0),
        why="the records are the runs' own; that shuffled labels leave the weights bit-identical is "
        "a test of this package",
    )  # fmt: skip


def _crossings() -> list[str]:
    """Return the installed modules of the training wing that import from the audit wing."""
    spec = find_spec("fairhire")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    found = []
    for room in _TRAINING:
        for path in (root / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if any(name.startswith(("fairhire.auditing", "fairhire.report")) for name in names):
                    found.append(str(path.relative_to(root)))
    return found


def fooled(evidence: Evidence) -> Claim:
    """Row 11."""
    words = "the adversary's own accuracy stands beside what a fresh probe reads, and false success is named"
    target = "both shown; a flag where an adversary at chance was fooled (none fooled is a pass)"
    figures, flags, fooled_runs = [], [], 0
    for pair in evidence.defended:
        accuracy, chance = (pair.run.chosen.get(f"adversary_{key}") for key in ("accuracy", "chance"))
        if accuracy is None or chance is None:
            continue
        rows = [
            row for row in evidence.leakage(pair).rows if row.subject == pair.name and row.source == "representation"
        ]
        sentence = false_success(accuracy, chance, rows)
        fooled_runs += sentence is not None
        flags.append(
            f"{pair.name}: {sentence or f'adversary {accuracy:.4f}, chance {chance:.4f}, and no probe disagrees'}"
        )
    if not flags:
        return untestable(
            "11", words, target, "no defended run has an adversary that guesses (penalties and erasers do not)"
        )
    figures.append(Figure(f"runs whose adversary was fooled, of {len(flags)}", float(fooled_runs)))
    return judged("11", words, target, figures, at_most(0.0), why="; ".join(flags))


def probes_are_sane(evidence: Evidence) -> Claim:
    """Row 12."""
    words = "shuffled labels read as chance, and description lengths say that nothing is left"
    target = "every control within .05 of .5; at most .01 bits saved per label after removal"
    if not evidence.defended:
        return untestable("12", words, target, NO_PAIR)
    controls, saved = [], []
    for pair in evidence.defended:
        rows = [r for r in evidence.leakage(pair).rows if r.subject == pair.name and r.source == "representation"]
        away = [abs(r.control.mean - 0.5) for r in rows if r.control is not None and r.metric == "auc"]
        if away:
            controls.append(Figure(f"{pair.name}: farthest control from .5", max(away) / 5))
        bits = [r.estimate for r in rows if r.metric == "codelength" and isinstance(r.estimate, Estimate)]
        if bits:
            worst = max(bits, key=lambda estimate: estimate.value)
            saved.append(Figure(f"{pair.name}: most bits saved per label", worst))
    if not controls or not saved:
        return untestable("12", words, target, "no control or no description length was measured")
    # A control may be .05 away, bits .01: the controls are shown divided by five, so that one rule judges both.
    shown = [Figure(f"{figure.what}, divided by 5", figure.value) for figure in controls]
    return judged("12", words, target, [*shown, *saved], at_most(0.01))


def leace_is_exact(evidence: Evidence) -> Claim:
    """Row 13."""
    words = "face-LEACE is an exact linear guard"
    target = "largest slope of any face component on the erased vectors under 1e-4; held-out linear R2 .01 at most"
    fitted = _erased(evidence)
    if isinstance(fitted, str):
        return untestable("13", words, target, fitted)
    figures = []
    for name, concept_fit, concept_test, fit, test in fitted:
        design, later = (_with_one(side / np.maximum(fit.std(axis=0), 1e-12)) for side in (fit, test))
        slopes = np.linalg.lstsq(design, concept_fit, rcond=1e-9)[0]
        figures.append(Figure(f"{name}: largest slope, times 100", float(np.abs(slopes[1:]).max() * 100)))
        ridge = np.linalg.solve(design.T @ design + 1e-3 * len(fit) * np.eye(design.shape[1]), design.T @ concept_fit)
        left = concept_test - later @ ridge
        explained = 1 - left.var(axis=0).sum() / concept_test.var(axis=0).sum()
        figures.append(Figure(f"{name}: held-out linear R2 of the erased components", float(max(explained, 0.0))))
    return judged("13", words, target, figures, at_most(0.01))


def bound_holds(evidence: Evidence) -> Claim:
    """Row 14."""
    words = "no linear reader finds more of an attribute than sqrt(1 - R2) allows"
    target = "the measured correlation less the bound is not above 0"
    fitted = _erased(evidence)
    if isinstance(fitted, str):
        return untestable("14", words, target, fitted)
    figures: list[Figure] = []
    bounds = []
    for run in evidence.undefended:
        sides = _sides(evidence, run.path.resolve().name)
        if sides is None:
            continue
        vectors, faces, people, split = sides
        fit, test = split == "train", split == "test"
        erased, concept = _erase(vectors[fit], faces[fit], people[fit])
        for attribute in evidence.attributes():
            category = evidence.people.of(attribute, people)
            known = category != UNKNOWN
            for name in np.unique(category[known]).tolist()[: 1 if len(np.unique(category[known])) == 2 else None]:
                flag = category == name
                bound = residual_bound(
                    concept(faces[fit & known]),
                    flag[fit & known],
                    people[fit & known],
                    replicates=200,
                    seed=evidence.seed,
                )
                found = _correlation(erased(vectors), flag, fit & known, test & known)
                label = f"{run.path.resolve().name}, {attribute}={name}"
                bounds.append(f"{label}: bound {bound}, measured {found:.3f}")
                figures.append(Figure(label, _less(found, bound, int((test & known).sum()))))
    return judged("14", words, target, figures, at_most(0.0), why="; ".join(bounds))


def _less(found: float, bound: Measurement, n: int) -> Measurement:
    """Return the measured correlation less the bound, with the errors of both (Fisher's for the former)."""
    if isinstance(bound, Undefined):
        return bound
    half = 1.96 / max(n - 3, 1) ** 0.5
    value = found - bound.value
    low = ((bound.high - bound.value) ** 2 + half**2) ** 0.5
    high = ((bound.value - bound.low) ** 2 + half**2) ** 0.5
    return Estimate(value, value - low, value + high, bound.level, n)


def _correlation(vectors: Floats, flag: NDArray[np.bool_], fit: NDArray[np.bool_], test: NDArray[np.bool_]) -> float:
    """Return how a linear reader fitted on one side correlates with the attribute on the other."""
    design = _with_one(vectors / np.maximum(vectors[fit].std(axis=0), 1e-12))
    ridge = design[fit].T @ design[fit] + 1e-3 * int(fit.sum()) * np.eye(design.shape[1])
    guess = design[test] @ np.linalg.solve(ridge, design[fit].T @ flag[fit].astype(float))
    if guess.std() == 0 or flag[test].std() == 0:
        return 0.0
    return float(np.corrcoef(guess, flag[test])[0, 1])


def _with_one(vectors: Floats) -> Floats:
    return np.hstack([np.ones((len(vectors), 1)), vectors - vectors.mean(axis=0)])


def _sides(evidence: Evidence, name: str) -> tuple[Floats, Floats, NDArray[np.str_], NDArray[np.str_]] | None:
    """Return representation, face, candidate and part of the undefended run's interviews that have a face."""
    run = next(run for run in evidence.undefended if run.path.resolve().name == name)
    if evidence.corpus is None or not evidence.corpus.has_faces:
        return None
    seen = (evidence.corpus.face_rows >= 0) & (run.scores.decision >= 0)
    assert run.scores.representation is not None
    faces = np.asarray(evidence.corpus.faces)[evidence.corpus.face_rows[seen]].astype(np.float64)
    vectors = run.scores.representation[seen].astype(np.float64)
    return vectors, faces, run.scores.candidates[seen], run.scores.split[seen]


def _erase(vectors: Floats, faces: Floats, people: NDArray[np.str_]) -> tuple[AffineMap, Concept]:
    eraser = FaceLeace(width=max(1, vectors.shape[1] // 2), share=1.0)
    erasure = eraser.fit(vectors, Witnesses(people=people, faces=faces))
    return erasure.map, fit_concept(faces, width=int(erasure.details["components"]))


def _erased(evidence: Evidence) -> list[tuple[str, Floats, Floats, Floats, Floats]] | str:
    """Return per undefended run the components and the erased vectors of training and of test people, or why not."""
    if not evidence.undefended:
        return "no undefended run: face-LEACE is fitted to its representation"
    if evidence.corpus is None or not evidence.corpus.has_faces:
        return "no corpus with faces was given: name it with --corpus"
    found = []
    for run in evidence.undefended:
        name = run.path.resolve().name
        sides = _sides(evidence, name)
        assert sides is not None
        vectors, faces, people, split = sides
        fit, test = split == "train", split == "test"
        try:
            erased, concept = _erase(vectors[fit], faces[fit], people[fit])
        except DataError as error:
            return str(error)
        found.append((name, concept(faces[fit]), concept(faces[test]), erased(vectors[fit]), erased(vectors[test])))
    return found
