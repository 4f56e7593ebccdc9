"""Erases exactly what a linear reader could know of a concept, and moves the vectors as little as that allows.

LEACE: Belrose et al., LEACE: Perfect linear concept erasure in closed form (NeurIPS 2023). With the leading components
of the face embedding as the concept, no label is needed: *face-LEACE*, the linear limit of the adversary that regresses
the face (papers section 4.4). After it no linear reader finds anything of those components, and of any attribute no
more than the bound of :func:`fairhire.concept.residual_bound`; readers that are not linear may.
Letters: n vectors, H their width, r components of the concept.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fairhire.concept import fit_concept
from fairhire.erasure.base import (
    NOTHING,
    AffineMap,
    Eraser,
    Erasure,
    Spectrum,
    Witnesses,
    cross_product,
    spectrum_of,
)
from fairhire.errors import DataError

__all__ = ["FaceLeace", "LabelLeace", "Leace", "VoiceLeace"]

Floats = NDArray[np.float64]

_FAINT = 1e-9  # canonical correlation below which a direction has nothing of the concept but rounding
_FEWEST = 3  # people who have what is to be erased


class Leace(Eraser):
    """Least-squares erasure of whatever numbers :meth:`concept` gives for each row."""

    @abstractmethod
    def concept(self, witnesses: Witnesses, most: int) -> tuple[Floats, NDArray[np.bool_], str]:
        """Return targets (n, r) with r at most ``most``, which rows have any (n,), and what they are in words."""

    def fit(self, vectors: Floats, witnesses: Witnesses) -> Erasure:
        """Return the fitted eraser, and say so where there was nothing to erase or too little to go by."""
        before = spectrum_of(vectors)
        targets, known, words = self.concept(witnesses, max(1, before.rank // 2))
        people = len(np.unique(witnesses.people[known]))
        if people < max(_FEWEST, targets.shape[1] + 2):
            raise DataError(
                f"{self.name}: expected at least {max(_FEWEST, targets.shape[1] + 2)} training people for "
                f"{targets.shape[1]} components, got {people} with {words}"
            )
        whiten, unwhiten = _whitening(before)
        seen, z = vectors[known], targets[known]
        crossed = cross_product(seen, z, seen.mean(axis=0), z.mean(axis=0))
        z_white = _inverse_root(np.cov(z, rowvar=False).reshape(z.shape[1], -1))
        left, correlations, _ = np.linalg.svd(whiten @ crossed @ z_white, full_matrices=False)
        left = left[:, correlations > _FAINT]
        support = before.directions[:, : before.rank]
        matrix = support @ support.T - whiten @ left @ left.T @ unwhiten
        explained = float((correlations**2).sum())
        return Erasure.measured(
            self.name,
            before,
            AffineMap.around(before.mean, matrix),
            remarks=(
                *_nothing_found(self.name, explained, before.rank * z.shape[1], people),
                *_many_without(self.name, words, known),
                *_dead(self.name, before),
            ),
            details={
                "components": z.shape[1],
                "components_erased": left.shape[1],
                "largest_canonical_correlation": float(min(correlations.max(), 1.0)),
                "people": people,
            },
        )


@dataclass(frozen=True)
class FaceLeace(Leace):
    """Erases the leading components of the face embedding: at most ``width``, and no more than hold ``share`` of it.

    At most half of the vectors' rank is erased: each component costs a direction (papers section 4.4).
    """

    width: int = 64
    share: float = 0.99
    name: ClassVar[str] = "face-leace"
    needs: ClassVar[frozenset[str]] = frozenset({"face"})
    kind: ClassVar[str] = "face"

    def concept(self, witnesses: Witnesses, most: int) -> tuple[Floats, NDArray[np.bool_], str]:
        """Return the components of every row's embedding, zero where it has none."""
        embeddings = witnesses.faces if self.kind == "face" else witnesses.voices
        if embeddings is None:
            raise DataError(f"{self.name}: expected {self.kind} embeddings of training people, got none")
        known = np.isfinite(embeddings.sum(axis=1))
        found = fit_concept(embeddings[known], width=min(self.width, most), share=self.share, what=self.kind)
        targets = np.zeros((len(embeddings), found.components.shape[1]))
        targets[known] = found(embeddings[known])
        return targets, known, f"a {self.kind}"


@dataclass(frozen=True)
class VoiceLeace(FaceLeace):
    """The same with the voice embedding."""

    name: ClassVar[str] = "voice-leace"
    needs: ClassVar[frozenset[str]] = frozenset({"voice"})
    kind: ClassVar[str] = "voice"


@dataclass(frozen=True)
class LabelLeace(Leace):
    """Erases a sensitive label, one column a category: a baseline, which reads what the others never see."""

    name: ClassVar[str] = "label-leace"
    needs: ClassVar[frozenset[str]] = frozenset({"label"})

    def concept(self, witnesses: Witnesses, most: int) -> tuple[Floats, NDArray[np.bool_], str]:
        """Return one column a category but the first, zero where the label is unknown."""
        if witnesses.labels is None:
            raise DataError(f"{self.name}: expected sensitive labels of training people, got none")
        known = witnesses.labels >= 0
        classes = np.unique(witnesses.labels[known])
        if not 2 <= len(classes) <= most + 1:
            raise DataError(f"{self.name}: expected labels of 2 to {most + 1} categories, got {len(classes)}")
        return (witnesses.labels[:, None] == classes[None, 1:]).astype(float), known, "a label"


def _whitening(before: Spectrum) -> tuple[Floats, Floats]:
    """Return the symmetric root (H, H) of the covariance's pseudo-inverse, and that of the covariance."""
    directions, variances = before.directions[:, : before.rank], before.variances[: before.rank]
    return directions / np.sqrt(variances) @ directions.T, directions * np.sqrt(variances) @ directions.T


def _inverse_root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    kept = values > NOTHING * max(values[-1], 1e-300)
    root: Floats = vectors[:, kept] / np.sqrt(values[kept]) @ vectors[:, kept].T
    return root


def _nothing_found(name: str, explained: float, pairs: int, people: int) -> tuple[str, ...]:
    """Say when the correlations are no larger than those of vectors that have nothing to do with the concept.

    Without any connection their squares sum to about ``pairs`` / people, with a chi-squared's spread.
    """
    expected, spread = pairs / people, sqrt(2 * pairs) / people
    if explained > expected + 3 * spread:
        return ()
    return (
        f"{name}: nothing beyond chance to erase: the squared correlations sum to {explained:.3g}, and to "
        f"{expected:.3g} in vectors that have nothing to do with it",
    )


def _many_without(name: str, words: str, known: NDArray[np.bool_]) -> tuple[str, ...]:
    have = int(known.sum())
    if have > len(known) / 2:
        return ()
    return (
        f"{name}: fitted on the {have} of {len(known)} training interviews that have {words}; the others may differ",
    )


def _dead(name: str, before: Spectrum) -> tuple[str, ...]:
    dead = len(before.mean) - before.rank
    if not dead:
        return ()
    return (f"{name}: {dead} of {len(before.mean)} directions did not vary among training people and were dropped",)
