"""Can you find my face from my interview vector? A test of identity that needs no label, for both wings.

A fresh probe learns, from the fit people, to tell a face from an interview vector; then every test person's own face
is ranked among the faces of all test people, none of whom the probe has seen (papers.md sections 3 and 7, row 10).
Training chooses its checkpoint with :func:`quick_retrieval`, the audit reports :func:`retrieve_faces`.
Letters: N interviews, H width of a vector, d width of a face, P test people, r whitened face components.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.errors import DataError
from fairhire.estimate import Measurement, Undefined, bootstrap_by_person, share_of
from fairhire.readout import (
    SCALINGS,
    Scaling,
    SpectralRidge,
    check_same_rows,
    check_vectors,
    draw_random_features,
    fit_ridge,
    split_people,
)

__all__ = ["FaceAuc", "FaceReading", "Ranks", "Retrieval", "quick_retrieval", "retrieve_faces"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_COMPONENTS = 128
"""Face components attacked at most [D]; papers.md 2.3 trains against 32 to 64, an attacker may use more."""

_PENALTIES = {"linear": (0.0, 1e-3, 1e-1, 1.0, 10.0), "kernel": (1e-4, 1e-2, 1e-1, 1.0, 10.0)}
"""Ridge penalties tried, in units of a standardised feature's variance [D]; 0 reads the faintest direction in full."""

_FEW_FIT = 20
"""Fit people below which nothing is chosen on inner people: one penalty and the plain cosine are taken [D]."""

_SHRINKS = (1e-6, 0.01, 0.3)
"""How far the measured residual is drawn towards "nothing was predicted" before components are weighted [D]."""

_SIMILARITIES = 2_000_000
"""Similarities held at a time (float64: 16 MB)."""


@dataclass(frozen=True)
class Ranks:
    """Where each query's own face came: ``better`` faces before it, ``equal`` others tied with it, of ``gallery``."""

    better: NDArray[np.int64]
    equal: NDArray[np.int64]
    gallery: int

    def found(self, k: int) -> Floats:
        """Return per query the chance that the own face is among the first ``k``, ties broken by lot."""
        return np.clip((k - self.better) / (1 + self.equal), 0.0, 1.0)

    def auc(self) -> Floats:
        """Return per query the share of other faces that come after the own one, ties one half; chance 0.5."""
        return 1 - (self.better + self.equal / 2) / (self.gallery - 1)


@dataclass(frozen=True)
class FaceReading:
    """What one probe family found.

    ``recall`` maps k to the share of queries whose own face is among the first k, ``auc`` is the mean-rank AUC;
    intervals are by person. ``inner`` is the mean-rank AUC on inner people of the fit side, by which probes are
    compared before a test person is looked at. ``ranks`` holds the raw result, one entry a query.
    """

    probe: str
    recall: Mapping[int, Measurement]
    auc: Measurement
    inner: float | None = None
    ranks: Ranks | None = None


@dataclass(frozen=True)
class Retrieval:
    """The identity test of one set of vectors.

    ``readings`` has one entry a probe; ``chance`` maps k to k / P. ``n_fit`` and ``n_test`` count people with a face
    and ``queries`` the test interviews; ``without_face`` interviews were left out for want of a face. ``persons``
    (queries,) names the person of every query in the readings' ``ranks``.
    """

    readings: tuple[FaceReading, ...]
    chance: Mapping[int, float]
    n_fit: int
    n_test: int
    queries: int
    without_face: int
    persons: NDArray[Any]

    @property
    def stronger(self) -> FaceReading:
        """The probe that read more on inner people of the fit side, so that the choice has not seen a test person."""
        return max(self.readings, key=lambda reading: -1.0 if reading.inner is None else reading.inner)


@dataclass(frozen=True)
class FaceAuc:
    """The mean-rank AUC of the linear probe (chance 0.5), its standard error by person, and the ``n`` test people."""

    value: float
    standard_error: float
    n: int


@dataclass(frozen=True)
class _Side:
    """Interviews with a face on one side of the split: vectors (N, H), index of the person (N,), faces (P, d)."""

    vectors: Floats
    person: NDArray[np.int64]
    names: NDArray[Any]
    faces: Floats


@dataclass(frozen=True)
class _Match:
    """How predicted and true face components are compared.

    With every component weighted alike, a face known perfectly in three components and not at all in the others is
    lost in the noise of the others. ``rotation`` (r, r) leads to the directions of the residual, ``residual`` (r,) is
    the share of each that stays unpredicted: components count by signal over noise, the likelihood's weights.
    """

    rotation: Floats
    residual: Floats

    def similarity(self, predicted: Floats, faces: Floats) -> Floats:
        """Return the cosine of predicted (N, r) and true (P, r) faces in that space, up to a factor per query."""
        rotated = faces @ self.rotation
        gain = np.maximum(1 / self.residual - 1, 1e-12)
        length = np.sqrt((rotated**2 * gain).sum(axis=1))
        known = (predicted @ self.rotation) / self.residual
        cosine: Floats = known @ (rotated / np.maximum(length, 1e-150)[:, None]).T
        return cosine


@dataclass(frozen=True)
class _Probe:
    """A fitted probe: vectors (N, H) in, similarities to a gallery of face components (P, r) out."""

    scaling: Scaling
    ridge: SpectralRidge
    penalty: float
    match: _Match

    def rank(self, side: _Side, faces: Floats) -> Ranks:
        """Rank each interview's own face among the gallery ``faces`` (P, r)."""
        guess = self.ridge.predict(self.scaling(side.vectors), self.penalty)
        return _rank(guess, side.person, faces, self.match)


@dataclass(frozen=True)
class _Recipe:
    """A member of a probe family: a scaling by name and the sharpness of its random waves, None for none."""

    scaling: str
    sharpness: float | None


_FAMILIES: Mapping[str, tuple[_Recipe, ...]] = {
    "linear": (_Recipe("standardised", None),),  # penalty 0 is its whitened limit
    "kernel": (_Recipe("standardised", 0.1), _Recipe("standardised", 0.5), _Recipe("whitened", 0.1)),
}

_WAVES = 1000
"""Random cosines of the kernel probe [D]."""


def retrieve_faces(
    vectors: ArrayLike,
    faces: ArrayLike,
    *,
    persons: ArrayLike,
    fit: ArrayLike,
    test: ArrayLike,
    face_mask: ArrayLike | None = None,
    at: Sequence[int] = (1, 10),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Retrieval:
    """Return how well fresh probes find a person's own face from the interview vector.

    ``vectors`` (N, H) or a score (N,); ``faces`` (N, d), ignored where ``face_mask`` (N,) is False; ``persons`` (N,)
    names the candidate; ``fit`` and ``test`` (N,) mark the interviews of the two sides. A person's faces are averaged
    for the gallery, every interview is a query, and people, not interviews, are resampled for the intervals. Probes:
    ``linear`` (ridge onto whitened face components) and ``kernel`` (ridge on random Fourier features). Everything a
    probe has to choose is chosen on inner people of the fit side.

    Raises :class:`DataError` for NaN, unequal lengths or a person on both sides; too few people or faces that do not
    differ give :class:`Undefined` readings.
    """
    left, right, without = _two_sides(vectors, faces, persons=persons, fit=fit, test=test, face_mask=face_mask)
    chance = {k: min(1.0, k / max(len(right.faces), 1)) for k in at}
    missing = _why_not(left, right)
    readings = []
    for name, recipes in _FAMILIES.items():
        if missing is not None:
            readings.append(FaceReading(name, dict.fromkeys(at, missing), missing))
            continue
        probe, inner, to_components = _fit_family(left, recipes, penalties=_PENALTIES[name], seed=seed)
        ranks = probe.rank(right, to_components(right.faces))
        measured = bootstrap_by_person(
            {"auc": share_of(ranks.auc()), **{str(k): share_of(ranks.found(k)) for k in at}},
            right.names[right.person],
            replicates=replicates,
            level=level,
            seed=seed,
        )
        readings.append(FaceReading(name, {k: measured[str(k)] for k in at}, measured["auc"], inner, ranks))
    return Retrieval(
        tuple(readings),
        chance,
        len(left.faces),
        len(right.faces),
        len(right.vectors),
        without,
        right.names[right.person],
    )


def quick_retrieval(
    vectors: ArrayLike,
    faces: ArrayLike,
    persons: ArrayLike,
    test_vectors: ArrayLike,
    test_faces: ArrayLike,
    test_persons: ArrayLike,
    *,
    seed: int = 0,
) -> FaceAuc | Undefined:
    """Return the linear probe's mean-rank AUC alone: fast enough to choose a checkpoint with, after every epoch.

    Fitted on ``vectors`` (N, H), ``faces`` (N, d), ``persons`` (N,), judged on the three of other people. Errors as in
    :func:`retrieve_faces`. No sensitive label is read (papers.md 2.3).
    """
    left = _whole_side(vectors, faces, persons, where="fit")
    right = _whole_side(test_vectors, test_faces, test_persons, where="test")
    _check_sides(left, right)
    missing = _why_not(left, right)
    if missing is not None:
        return missing
    probe, _, to_components = _fit_family(left, _FAMILIES["linear"], penalties=_PENALTIES["linear"], seed=seed)
    per_query = probe.rank(right, to_components(right.faces)).auc()
    value = float(per_query.mean())
    deviations = np.bincount(right.person, per_query - value)
    people = len(deviations)
    error = math.sqrt(people / (people - 1) * float((deviations**2).sum())) / len(per_query)
    return FaceAuc(value, error, people)


def _two_sides(
    vectors: ArrayLike,
    faces: ArrayLike,
    *,
    persons: ArrayLike,
    fit: ArrayLike,
    test: ArrayLike,
    face_mask: ArrayLike | None,
) -> tuple[_Side, _Side, int]:
    matrix, portraits, names = check_vectors(vectors, "interview vectors"), np.asarray(faces), np.asarray(persons)
    sides = [np.asarray(side, dtype=bool) for side in (fit, test)]
    has_face = np.ones(len(matrix), dtype=bool) if face_mask is None else np.asarray(face_mask, dtype=bool)
    check_same_rows(len(matrix), faces=portraits, persons=names, fit=sides[0], test=sides[1], face_mask=has_face)
    left, right = (
        _whole_side(matrix[rows], portraits[rows], names[rows], where=where)
        for rows, where in zip((side & has_face for side in sides), ("fit", "test"), strict=True)
    )
    _check_sides(left, right)
    return left, right, int(((sides[0] | sides[1]) & ~has_face).sum())


def _whole_side(vectors: ArrayLike, faces: ArrayLike, persons: ArrayLike, *, where: str) -> _Side:
    """Average each person's faces: the gallery holds one face a person."""
    matrix, names = check_vectors(vectors, f"{where} interview vectors"), np.asarray(persons)
    portraits = check_vectors(faces, f"{where} faces")
    check_same_rows(len(matrix), faces=portraits, persons=names)
    people, person = np.unique(names, return_inverse=True)
    person = person.reshape(-1)
    total = np.zeros((len(people), portraits.shape[1]))
    np.add.at(total, person, portraits)
    return _Side(matrix, person, people, total / np.bincount(person, minlength=len(people))[:, None])


def _check_sides(left: _Side, right: _Side) -> None:
    both = np.intersect1d(left.names, right.names)
    if len(both):
        raise DataError(
            f"face retrieval: expected different people to fit and to test, got {str(both[0])!r} on both sides"
        )
    if left.vectors.shape[1] != right.vectors.shape[1] or left.faces.shape[1] != right.faces.shape[1]:
        widths = [(side.vectors.shape[1], side.faces.shape[1]) for side in (left, right)]
        raise DataError(
            f"face retrieval: expected the same (vector, face) widths to fit and test, got {widths[0]} and {widths[1]}"
        )


def _why_not(left: _Side, right: _Side) -> Undefined | None:
    for name, side in (("fit", left), ("test", right)):
        people = len(side.faces)
        if people < 3:
            return Undefined(f"face retrieval needs at least 3 {name} people with a face, got {people}", people)
        if (side.faces == side.faces[0]).all():
            return Undefined(f"all {people} {name} people have the same face", people)
    return None


def _fit_family(
    side: _Side, recipes: Sequence[_Recipe], *, penalties: Sequence[float], seed: int
) -> tuple[_Probe, float | None, Any]:
    """Return the family's best probe, its mean-rank AUC on inner people, and the map to face components."""
    to_components = _components(side)
    targets = to_components(side.faces)
    if len(side.faces) < _FEW_FIT:
        everyone = _Match(np.eye(targets.shape[1]), np.full(targets.shape[1], 0.5))
        probe = _fit(side, targets, recipes[0], penalty=1.0, match=everyone, seed=seed)
        return probe, None, to_components
    part = split_people(side.person, shares=(0.7, 0.15, 0.15), seed=seed)
    inner = _part(side, part == 0)
    judges = [_part(side, part == 1), _part(side, part == 2)]
    best: tuple[float, float, _Recipe, float, _Match] | None = None
    for recipe in recipes:
        scaling, ridge = _fit_ridge(inner, targets[inner.names], recipe, seed=seed)
        projected = [ridge.project(scaling(judge.vectors)) for judge in judges]
        for penalty in penalties:
            guesses = [ridge.weigh(rows, penalty) for rows in projected]
            for quality, auc, match in _matches(guesses, judges, targets):
                if best is None or quality > best[0]:
                    best = (quality, auc, recipe, penalty, match)
    assert best is not None
    _, auc, recipe, penalty, match = best
    return _fit(side, targets, recipe, penalty=penalty, match=match, seed=seed), auc, to_components


def _matches(guesses: Sequence[Floats], judges: Sequence[_Side], targets: Floats) -> list[tuple[float, float, _Match]]:
    """Return (quality, AUC, match) of every way to compare faces; weights from one half are judged on the other.

    Quality is minus the mean log rank, which tells first from tenth where the AUC is 1.00 for both.
    """
    galleries = [targets[judge.names] for judge in judges]
    errors = [faces[judge.person] - guess for faces, judge, guess in zip(galleries, judges, guesses, strict=True)]
    width = targets.shape[1]
    plain = _Match(np.eye(width), np.full(width, 0.5))
    crossed: list[tuple[_Match, tuple[_Match, _Match]]] = [(plain, (plain, plain))]
    first, second, both = (_residual_matches(part) for part in (errors[1], errors[0], np.vstack(errors)))
    crossed += list(zip(both, zip(first, second, strict=True), strict=True))
    results = []
    for whole, halves in crossed:
        ranks = [
            _rank(guess, judge.person, faces, half)
            for guess, judge, faces, half in zip(guesses, judges, galleries, halves, strict=True)
        ]
        logs = np.concatenate([np.log1p(rank.better + rank.equal / 2) for rank in ranks])
        results.append((-float(logs.mean()), float(np.concatenate([rank.auc() for rank in ranks]).mean()), whole))
    return results


def _residual_matches(errors: Floats) -> list[_Match]:
    """Return one way of weighting per entry of ``_SHRINKS``."""
    share, rotation = np.linalg.eigh(errors.T @ errors / len(errors))
    return [_Match(rotation, np.clip((1 - shrink) * share + shrink, 1e-9, 1.0)) for shrink in _SHRINKS]


def _rank(guess: Floats, person: NDArray[np.int64], faces: Floats, match: _Match) -> Ranks:
    """Rank in blocks of queries; similarities within 1e-9 of each other are a tie, as rounding would break them."""
    better, equal = np.empty(len(guess), dtype=np.int64), np.empty(len(guess), dtype=np.int64)
    block = max(1, _SIMILARITIES // len(faces))
    for start in range(0, len(guess), block):
        rows = slice(start, start + block)
        similarity = match.similarity(guess[rows], faces)
        own = similarity[np.arange(len(similarity)), person[rows]][:, None]
        slack = 1e-9 * np.abs(similarity).max(axis=1, keepdims=True)
        better[rows] = (similarity > own + slack).sum(axis=1)
        equal[rows] = (similarity >= own - slack).sum(axis=1) - better[rows] - 1
    return Ranks(better, equal, len(faces))


def _components(side: _Side) -> Any:
    """Return the map from faces (P, d) to their first r whitened components, learned on the fit people."""
    centre = side.faces.mean(axis=0)
    _, singular, directions = np.linalg.svd(side.faces - centre, full_matrices=False)
    kept = np.flatnonzero(singular > 1e-6 * singular[0])[:_COMPONENTS]
    matrix = directions[kept].T * (np.sqrt(len(side.faces)) / singular[kept])
    return lambda faces: (faces - centre) @ matrix


def _part(side: _Side, rows: Flags) -> _Side:
    """Return the rows of a side; ``names`` are then the persons' places in the whole side."""
    places, person = np.unique(side.person[rows], return_inverse=True)
    return _Side(side.vectors[rows], person.reshape(-1), places, side.faces[places])


def _fit(side: _Side, targets: Floats, recipe: _Recipe, *, penalty: float, match: _Match, seed: int) -> _Probe:
    return _Probe(*_fit_ridge(side, targets, recipe, seed=seed), penalty, match)


def _fit_ridge(side: _Side, targets: Floats, recipe: _Recipe, *, seed: int) -> tuple[Scaling, SpectralRidge]:
    scaling = SCALINGS[recipe.scaling](side.vectors)
    inputs, features = scaling(side.vectors), None
    if recipe.sharpness is not None:
        features = draw_random_features(inputs.shape[1], sharpness=recipe.sharpness, waves=_WAVES, seed=seed)
    return scaling, fit_ridge(inputs, targets[side.person], features=features)
