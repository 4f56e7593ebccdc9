"""What every fresh probe shares: scaling that hides no direction, random features, ridge regression, splits by person.

After an adversary has worked, what still leaks sits in directions of almost no variance (issue 2; papers.md section 5).
A probe that drops or starves such directions reports a success that an attacker would not notice. So everything here is
float64, and a direction is given up only where float64 itself has nothing left to say about it.
Letters: N rows, H width of a vector, K width of the features, k directions kept, r targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.errors import DataError

__all__ = [
    "SCALINGS",
    "Directions",
    "RandomFeatures",
    "Scaling",
    "SpectralRidge",
    "check_same_rows",
    "check_vectors",
    "draw_random_features",
    "find_directions",
    "fit_ridge",
    "split_people",
    "standardise",
    "whiten",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SMALLEST = 1e-12
"""Standard deviation, relative to the largest, below which a direction is float64 rounding and nothing else."""

_ROUNDING = 1e-15
"""Variance per feature below which a covariance matrix of random features holds rounding only."""

_FARTHEST = 100.0
"""Standard deviations at which a value is cut: an outlier in a direction that the fit people barely use."""

_ROWS = 4096
"""Rows of random features held at a time (4096 x 1128 float64: 37 MB)."""


@dataclass(frozen=True)
class Scaling:
    """An affine map of vectors (N, H) to features (N, K), learned on the fit people and then fixed.

    ``origin`` (H,) is taken away first, because that difference is exact where mean and spread differ by many orders;
    ``matrix`` (H, K) and ``shift`` (K,) follow.
    """

    origin: Floats
    matrix: Floats
    shift: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Return the features (N, K) of ``vectors`` (N, H), cut at 100 standard deviations."""
        features: Floats = np.clip((vectors - self.origin) @ self.matrix - self.shift, -_FARTHEST, _FARTHEST)
        return features


def standardise(vectors: Floats) -> Scaling:
    """Return the map to columns of mean 0 and standard deviation 1; only constant columns are dropped."""
    origin = vectors[0]
    deviations = vectors - origin
    span = np.abs(deviations).max(axis=0)
    used = np.flatnonzero(span > 1e-290)  # below, one over it is infinite
    scaled = deviations[:, used] / span[used]
    sd = scaled.std(axis=0)
    matrix = np.zeros((vectors.shape[1], len(used)))
    matrix[used, np.arange(len(used))] = 1 / (span[used] * sd)
    return Scaling(origin, matrix, scaled.mean(axis=0) / sd)


def whiten(vectors: Floats) -> Scaling:
    """Return the map to uncorrelated features of variance 1, the directions of least variance as loud as the others."""
    plain = standardise(vectors)
    standard = plain(vectors)
    if standard.shape[1] == 0:
        return plain
    centre = standard.mean(axis=0)
    spread, directions = _principal(standard - centre)
    rotation = directions / spread
    return Scaling(plain.origin, plain.matrix @ rotation, (plain.shift + centre) @ rotation)


SCALINGS: Mapping[str, Callable[[Floats], Scaling]] = {"standardised": standardise, "whitened": whiten}
"""How a probe may see its input; the better one on inner people is used."""


@dataclass(frozen=True)
class RandomFeatures:
    """The input beside random cosine waves of it: a linear readout of these approximates a Gaussian-kernel machine.

    Rahimi and Recht, Random Features for Large-Scale Kernel Machines (NIPS 2007). ``waves`` (K, W), ``phases`` (W,).
    """

    waves: Floats
    phases: Floats

    def __call__(self, inputs: Floats) -> Floats:
        """Return (N, K + W) features of inputs (N, K)."""
        return np.hstack([inputs, np.sqrt(2) * np.cos(inputs @ self.waves + self.phases)])


def draw_random_features(width: int, *, sharpness: float, waves: int, seed: int) -> RandomFeatures:
    """Return ``waves`` random cosines over inputs of ``width`` unit-variance columns.

    ``sharpness`` is the squared frequency in units of 1 / width: at 0.1 the kernel is nearly a parabola, at 1 it
    sees each input's near neighbours.
    """
    rng = np.random.default_rng(seed)
    frequencies = rng.normal(size=(width, waves)) * np.sqrt(sharpness / max(width, 1))
    return RandomFeatures(frequencies, rng.uniform(0, 2 * np.pi, size=waves))


@dataclass(frozen=True)
class SpectralRidge:
    """Ridge regression for every penalty at once, along the principal directions of its features.

    The features (N, K) are the inputs, or random ``features`` of them. ``centre`` (K,) and ``rotation`` (K, k) lead to
    the directions, whose variances are ``variances`` (k,) and whose covariances with the r targets ``moments`` (k, r).
    """

    features: RandomFeatures | None
    centre: Floats
    rotation: Floats
    variances: Floats
    moments: Floats

    def project(self, inputs: Floats) -> Floats:
        """Return inputs along the directions, (N, k): the part of a prediction that no penalty changes."""
        made = inputs if self.features is None else self.features(inputs)
        return (made - self.centre) @ self.rotation

    def weigh(self, projected: Floats, penalty: float) -> Floats:
        """Return how far each target is from its mean (N, r); ``penalty`` is in units of a feature's variance."""
        return projected @ (self.moments / (self.variances + penalty)[:, None])

    def collapse(self, penalty: float) -> Floats:
        """Return one weight a feature and target (K, r), cheaper than :meth:`project` for a single prediction."""
        return self.rotation @ (self.moments / (self.variances + penalty)[:, None])

    def predict(self, inputs: Floats, penalty: float) -> Floats:
        """Return :meth:`weigh` of :meth:`project`, a block of rows at a time."""
        starts = range(0, max(len(inputs), 1), _ROWS)
        return np.vstack([self.weigh(self.project(inputs[start : start + _ROWS]), penalty) for start in starts])


@dataclass(frozen=True)
class Directions:
    """The principal directions of random ``features`` (N, K) of some inputs: all of a ridge regression but its targets.

    ``centre`` (K,) and ``rotation`` (K, k) as in :class:`SpectralRidge`, ``variances`` (k,). ``made`` are the centred
    features of the inputs themselves where these are few, else None: they are made again, a block at a time.
    """

    features: RandomFeatures
    centre: Floats
    rotation: Floats
    variances: Floats
    made: Floats | None

    def centred(self, inputs: Floats) -> Floats:
        """Return the features (N, K) of ``inputs``, less their centre."""
        return self.features(inputs) - self.centre

    def regress(self, inputs: Floats, targets: Floats) -> SpectralRidge:
        """Fit targets (N, r) on the inputs that the directions were found in, a block of rows at a time."""
        around = targets - targets.mean(axis=0)
        cross = np.zeros((len(self.centre), targets.shape[1]))
        for block in _blocks(len(inputs)):
            made = self.centred(inputs[block]) if self.made is None else self.made[block]
            cross += made.T @ around[block]
        moments = self.rotation.T @ cross / len(inputs)
        return SpectralRidge(self.features, self.centre, self.rotation, self.variances, moments)


def find_directions(inputs: Floats, features: RandomFeatures) -> Directions:
    """Return the principal directions of random features of ``inputs`` (N, K).

    From the products of rows or of columns, whichever are fewer: random features have variances near 1, and what is
    lost below their rounding no penalty would have kept.
    """
    width = sum(features.waves.shape)
    if len(inputs) < width:
        made = features(inputs)
        centre = made.mean(axis=0)
        made -= centre
        variances, rows = np.linalg.eigh(made @ made.T / len(inputs))
        kept = variances > _ROUNDING * width
        rotation = made.T @ (rows[:, kept] / np.sqrt(len(inputs) * variances[kept]))
        return Directions(features, centre, rotation, variances[kept], made)
    blocks = _blocks(len(inputs))
    centre = sum((features(inputs[block]).sum(axis=0) for block in blocks), np.zeros(1)) / len(inputs)
    gram = np.zeros((width, width))
    for block in blocks:
        made = features(inputs[block]) - centre
        gram += made.T @ made
    variances, rotation = np.linalg.eigh(gram / len(inputs))
    kept = variances > _ROUNDING * width
    return Directions(features, centre, rotation[:, kept], variances[kept], None)


def fit_ridge(inputs: Floats, targets: Floats, *, features: RandomFeatures | None = None) -> SpectralRidge:
    """Fit targets (N, r) on ``inputs`` (N, K), or on random features of them, which are made a block at a time."""
    if features is not None:
        return find_directions(inputs, features).regress(inputs, targets)
    centre = inputs.mean(axis=0)
    spread, directions = _principal(inputs - centre)
    moments = directions.T @ ((inputs - centre).T @ (targets - targets.mean(axis=0))) / len(inputs)
    return SpectralRidge(None, centre, directions, spread**2, moments)


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + _ROWS) for start in range(0, rows, _ROWS)]


def _principal(centred: Floats) -> tuple[Floats, Floats]:
    """Return the standard deviations (k,) and directions (K, k) of centred data (N, K), in descending order.

    From the data themselves, not from their covariance, whose smallest eigenvalues lose twice as many digits.
    """
    if centred.shape[1] == 0:
        return np.zeros(0), np.zeros((0, 0))
    _, singular, directions = np.linalg.svd(np.linalg.qr(centred, mode="r"), full_matrices=False)
    spread = singular / np.sqrt(len(centred))
    kept = spread > _SMALLEST * max(spread[0], 1.0)  # features have variances near 1, unless they are constant
    return spread[kept], directions[kept].T


def split_people(persons: ArrayLike, *, shares: tuple[float, ...], seed: int) -> NDArray[np.int64]:
    """Return the part (N,) of every row, whole people only; part i holds about ``shares[i]`` of the people."""
    names, person = np.unique(np.asarray(persons), return_inverse=True)
    edges = np.round(np.cumsum(shares)[:-1] / sum(shares) * len(names)).astype(int)
    part = np.empty(len(names), dtype=np.int64)
    part[np.random.default_rng(seed).permutation(len(names))] = np.searchsorted(
        edges, np.arange(len(names)), side="right"
    )
    return part[person.reshape(-1)]


def check_vectors(values: ArrayLike, name: str) -> Floats:
    """Return ``values`` as (N, H) float64, a score (N,) as (N, 1); refuse NaN and infinity (:class:`DataError`)."""
    vectors = np.asarray(values, dtype=np.float64)
    if vectors.ndim == 1:
        vectors = vectors[:, None]
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise DataError(f"{name}: expected one vector a row, (N, H), got shape {np.shape(values)}")
    finite = (np.abs(vectors) < 1e300).all(axis=1)  # false for NaN; beyond, differences overflow
    if not finite.all():
        raise DataError(
            f"{name}: expected finite numbers, got NaN or infinity in row {int(np.flatnonzero(~finite)[0])}"
        )
    return vectors


def check_same_rows(rows: int, **columns: NDArray[np.generic]) -> None:
    """Refuse columns that do not have ``rows`` entries (:class:`DataError`)."""
    for name, column in columns.items():
        if len(column) != rows:
            raise DataError(f"{name}: expected {rows} rows, got {len(column)}")
