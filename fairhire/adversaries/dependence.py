"""Penalties without an adversary: how much of a representation goes with the face, in one number that may be minimised.

Nothing has to be learned and nothing can be fooled, but each sees its own kind of dependence only: the covariance what
a straight line finds (Romanov et al., arXiv 1904.05233, with a name's embedding for ours), HSIC what a Gaussian kernel
finds. Both are corrected for the dependence that few people show by accident, so that their mean is zero where there is
none. Letters: m people, H width of a vector, r components of the face.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fairhire.adversaries.base import AdversaryOutput, Penalty, Persons
from fairhire.adversaries.target import BiometricTarget
from fairhire.errors import DataError

__all__ = ["Covariance", "Hsic", "centred_alignment", "explained_share"]

FEWEST = 4  # people below which neither number exists


class _Dependence(Penalty):
    """One interview a person: what two interviews of one person share is no accident, and no face either."""

    def __init__(self, _width: int, target: BiometricTarget) -> None:
        self.target = target

    def can_play(self, people: Persons) -> bool:
        """Whether at least four candidates have a face (or voice)."""
        found = self.target.known(people)
        return found is not None and len(set(people.person[found[1]].tolist())) >= FEWEST

    def once(self, representation: Tensor, people: Persons) -> tuple[Tensor, Tensor]:
        """Return vectors (m, H) and targets (m, r) of the first row of each person who has a target."""
        mask, face, person = self.target.of(people)
        seen: set[int] = set()
        first = [row for row, name in enumerate(person.tolist()) if not (name in seen or seen.add(name))]  # type: ignore[func-returns-value]
        if len(first) < FEWEST:
            raise DataError(f"a dependence penalty: expected at least {FEWEST} candidates in a batch, got {len(first)}")
        rows = torch.tensor(first, device=face.device)
        return representation[mask][rows], face[rows]


class Covariance(_Dependence):
    """The share of the representation's standardised directions that the face explains in a straight line, summed.

    ``loss`` lies near 0 without dependence and at H where every direction follows from the face.
    """

    def __call__(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the penalty over the people with a face."""
        vectors, face = self.once(representation, people)
        return AdversaryOutput(explained_share(vectors, face), None, None, len(vectors))


class Hsic(_Dependence):
    """Hilbert-Schmidt independence with Gaussian kernels at the median distance, as an alignment from about 0 to 1.

    Gretton et al. 2005; the estimator without bias is Song et al.'s (JMLR 2012), divided as in centred kernel alignment
    (Kornblith et al. 2019), so that shrinking the vectors gains nothing.
    """

    def __call__(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the penalty over the people with a face."""
        vectors, face = self.once(representation, people)
        return AdversaryOutput(centred_alignment(vectors, face), None, None, len(vectors))


def explained_share(vectors: Tensor, face: Tensor) -> Tensor:
    """Return the sum () of squared correlations between columns of (m, H) and of (m, r), less what chance gives.

    Columns that do not vary correlate with nothing.
    """
    correlation = _standard(vectors).T @ _standard(face) / len(vectors)
    varying = ((vectors.std(dim=0) > 0).sum() * (face.std(dim=0) > 0).sum()).to(vectors.dtype)
    return correlation.square().sum() - varying / (len(vectors) - 1)


def centred_alignment(vectors: Tensor, face: Tensor) -> Tensor:
    """Return the unbiased HSIC () of (m, H) and (m, r) by the root of both with themselves; 0 where one is constant."""
    one, two = _gaussian(vectors), _gaussian(face)
    own = _unbiased_hsic(one, one) * _unbiased_hsic(two, two)
    # A constant side has no kernel to align with; the square root's slope at zero must not reach the model.
    safe = torch.where(own > 1e-12, own, torch.ones_like(own))
    return torch.where(own > 1e-12, _unbiased_hsic(one, two) / safe.sqrt(), torch.zeros_like(own))


def _standard(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=0)
    deviation = centred.square().mean(dim=0)
    safe = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    return centred / safe.sqrt()


def _gaussian(values: Tensor) -> Tensor:
    """Return exp(-d2 / median d2) (m, m), the median over pairs and left alone by the gradient."""
    square = values.square().sum(dim=1)
    distance = (square[:, None] + square[None, :] - 2 * values @ values.T).clamp(min=0)
    pairs = torch.triu_indices(len(values), len(values), 1, device=values.device)
    median = distance.detach()[pairs[0], pairs[1]].median().clamp(min=1e-12)
    return torch.exp(-distance / median)


def _unbiased_hsic(one: Tensor, two: Tensor) -> Tensor:
    m = len(one)
    off = 1 - torch.eye(m, dtype=one.dtype, device=one.device)
    k, other = one * off, two * off
    total = (k * other).sum() + k.sum() * other.sum() / ((m - 1) * (m - 2))
    return (total - 2 * (k.sum(dim=0) @ other.sum(dim=0)) / (m - 2)) / (m * (m - 3))
