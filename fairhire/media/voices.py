"""Turns descriptions of voices into short vectors, so that a model can be taught not to know the voice.

The vectors are biometric data, as those of faces are: a training target of the indirect adversary, never an input of a
model that is deployed. *Eigenvoices* need no download: principal components of the functionals of eGeMAPS, which hold
pitch, formants and timbre, and so what a listener tells people apart by first. A network trained to recognise speakers
knows a voice better; its vectors can be brought in with the table importer. Letters: N voices, F numbers of each, d
width of an embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError, UsageError

__all__ = ["Eigenvoices", "FittedEigenvoices"]

_FAR = 6.0  # deviations; a number further away is one of a broken recording, and would own a component


@dataclass(frozen=True, eq=False)
class FittedEigenvoices:
    """The frozen record of eigenvoices: ``mean`` and ``scale`` (F,), ``components`` (d, F), ``deviations`` (d,)."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    components: NDArray[np.float64]
    deviations: NDArray[np.float64]
    voices: int

    @property
    def width(self) -> int:
        """The width d of an embedding."""
        return len(self.components)

    def embed(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embed functionals (N, F) as (N, d) float32, every row of length 1 (or 0, for the very average voice)."""
        if rows.ndim != 2 or rows.shape[1] != len(self.mean) or not np.isfinite(rows).all():
            raise DataError(f"voices: expected finite numbers (voices, {len(self.mean)}), got shape {rows.shape}")
        scaled = np.clip((rows - self.mean) / self.scale, -_FAR, _FAR)
        vectors = scaled @ self.components.T / np.sqrt(self.deviations)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float64] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return unit.astype(np.float32)

    def describe(self) -> dict[str, str | int]:
        """Say what this is, for the provenance of what it makes."""
        return {"encoder": "eigenvoices", "width": self.width, "voices": self.voices}


@dataclass(frozen=True)
class Eigenvoices:
    """Principal components of functionals, each number first brought to deviation 1 over the voices.

    ``components`` is the width d asked for; fewer voices give fewer. As with eigenfaces, each coordinate is divided by
    the root of its deviation. Raises :class:`UsageError` for less than one component.
    """

    components: int = 32

    def __post_init__(self) -> None:
        if self.components < 1:
            raise UsageError(f"eigenvoices, components: expected 1 or more, got {self.components}")

    def fit(self, rows: NDArray[np.floating]) -> FittedEigenvoices:
        """Find the components of functionals (N, F); always the same way.

        Raises :class:`DataError` for fewer than 2 voices, or copies of one.
        """
        if rows.ndim != 2 or len(rows) < 2 or not np.isfinite(rows).all():
            raise DataError(f"eigenvoices: expected finite numbers of 2 voices or more, got shape {rows.shape}")
        mean, deviation = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        scale = np.where(deviation > 1e-9 * np.maximum(1.0, np.abs(mean)), deviation, np.inf)  # constants say nothing
        scaled = np.clip((rows - mean) / scale, -_FAR, _FAR)
        _, strengths, directions = np.linalg.svd(scaled, full_matrices=False)
        keep = np.flatnonzero(strengths > 1e-6 * max(float(strengths[0]), 1e-300))[: self.components]
        if not len(keep):
            raise DataError(f"eigenvoices: expected voices that differ, got {len(rows)} copies of one")
        components = directions[keep]
        largest = np.abs(components).argmax(axis=1)
        components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
        return FittedEigenvoices(mean, scale, components, strengths[keep] / np.sqrt(len(rows)), len(rows))
