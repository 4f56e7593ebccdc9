"""What is to be forgotten, as numbers: the leading components of a face or voice embedding among training people.

Hemamou and Coleman project the source to a low dimension before attacking it (papers section 1.4); the bound on what a
linear reader can still find of an attribute after these components are erased is ours (papers section 4.4).
Letters: n people (or interviews), d width of an embedding, r components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.errors import DataError
from fairhire.estimate import Measurement, Statistic, Undefined, bootstrap_by_person

__all__ = ["Concept", "fit_concept", "residual_bound"]

Floats = NDArray[np.float64]

_FAINT = 1e-10  # variance of a component, relative to the first, below which it is rounding
_DISTINCT = 3  # different embeddings below which there are no components to speak of


@dataclass(frozen=True)
class Concept:
    """How an embedding (d,) becomes the target (r,): centred, rotated, cut, scaled.

    ``mean`` (d,), ``components`` (d, r), ``scale``: targets have mean norm 1 over the people it was fitted on.
    ``explained`` (r,) is the share of the embedding's variance in each component.
    """

    mean: Floats
    components: Floats
    scale: float
    explained: Floats

    def __call__(self, embeddings: NDArray[np.floating]) -> Floats:
        """Return the targets (n, r) of embeddings (n, d)."""
        centred: Floats = np.asarray(embeddings, dtype=np.float64) - self.mean
        return centred @ self.components / self.scale


def fit_concept(embeddings: ArrayLike, *, width: int = 64, share: float = 1.0, what: str = "face") -> Concept:
    """Return the ``width`` leading components of embeddings (n, d), fewer where fewer hold ``share`` of the variance.

    64 is our default (papers section 2.3). Raises :class:`DataError` for fewer than two, NaN or infinity, or embeddings
    that are (nearly) all the same: fewer than three different ones, or one that more than half of the people share.
    """
    exact = np.asarray(embeddings, dtype=np.float64)
    if len(exact) < 2:
        raise DataError(f"the {what} adversary: expected {what}s of at least 2 training people, got {len(exact)}")
    if not np.isfinite(exact).all():
        raise DataError(f"the {what} adversary: expected finite {what} embeddings, got NaN or infinity")
    mean = exact.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(exact - mean, rowvar=False).reshape(exact.shape[1], -1))
    if values[-1] <= 1e-12:
        raise DataError(f"the {what} adversary: expected {what}s that differ, got {len(exact)} equal ones")
    _check_duplicates(exact, what)
    kept = np.flatnonzero(values > _FAINT * max(values[-1], 1e-300))[::-1][:width]
    explained = values[kept] / values.clip(min=0).sum()
    kept = kept[: int(np.searchsorted(np.cumsum(explained), share - 1e-12)) + 1]
    components = vectors[:, kept]
    components *= np.sign(components[np.abs(components).argmax(axis=0), np.arange(len(kept))])
    scale = float(np.linalg.norm((exact - mean) @ components, axis=1).mean())
    return Concept(mean, components, scale, explained[: len(kept)])


def _check_duplicates(exact: Floats, what: str) -> None:
    """Refuse embeddings of which nothing can be learned about people (a file copied over, a default picture)."""
    if len(exact) < _DISTINCT:
        return
    _, counts = np.unique(exact, axis=0, return_counts=True)
    if len(counts) < _DISTINCT or counts.max() > len(exact) / 2:
        raise DataError(
            f"the {what} adversary: expected {what}s that differ, got {len(counts)} different ones, "
            f"one of them {counts.max()} times among {len(exact)}"
        )


def residual_bound(
    targets: ArrayLike,
    attribute: ArrayLike,
    persons: ArrayLike,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Measurement:
    """Return sqrt(1 - R2), the largest correlation with ``attribute`` that a linear reader can find once erased.

    ``targets`` (n, r) are the erased components, ``attribute`` (n,) is True or False; R2 is the share of it that they
    explain, adjusted for r. Where the covariance with the components is zero, no direction of the erased vectors
    correlates more with the attribute (papers section 4.4; about the population: samples add noise). Intervals by
    person. :class:`Undefined` for too few rows, or an attribute that does not vary.
    """
    z, s = np.asarray(targets, dtype=np.float64), np.asarray(attribute, dtype=np.float64)
    n, r = z.shape
    if n < r + 10:
        return Undefined(f"fewer than {r + 10} people for {r} components", n)
    if s.min() == s.max():
        return Undefined("everybody has the same category", n)
    design = np.hstack([np.ones((n, 1)), z])

    def evaluate(weights: Floats) -> Floats:
        bounds = np.empty(weights.shape[1])
        for place, weight in enumerate(weights.T):
            weighed = design * weight[:, None]
            left = float(weight @ (s - design @ np.linalg.pinv(weighed.T @ design) @ (weighed.T @ s)) ** 2)
            spread = float(weight @ (s - weight @ s / weight.sum()) ** 2)
            # As adjusted R2: r components explain a little of nothing. People who are drawn twice are no second
            # witnesses, so that a resample is fitted closer still, by the mean weight of a weight (2 for a resample).
            total = weight.sum()
            lost = ((total - 1) / (total - r - 1)) ** (float(weight @ weight) / total)
            bounds[place] = math.sqrt(min(1.0, left / spread * lost)) if spread > 0 else math.nan
        return bounds

    statistic = Statistic(evaluate, n, "everybody has the same category", np.ones(n, dtype=bool))
    return bootstrap_by_person({"bound": statistic}, persons, replicates=replicates, level=level, seed=seed)["bound"]
