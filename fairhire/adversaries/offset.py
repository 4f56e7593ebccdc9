"""What a face or a voice explains of the recruiters' verdicts is told to the loss: the model need not learn it.

Where verdicts lean on who somebody is, a model that wants to predict them has a reason to find that out, and an
adversary has to fight the task for as long as training lasts. With the offset the reason is gone: while the model
learns, its logit is added to a straight-line reading of the candidate's own face, fitted to the same labels; the
deployed model answers without it, as if everybody had the average face. Regression with a sensitive attribute that is
left out at prediction does the same (Pope and Sydnor, AEJ: Economic Policy 2011); here an embedding stands for the
attribute, so that no sensitive label is read. What it removes is a motive, not information: it goes with an adversary,
a penalty or an eraser.
Letters: n interviews, r components of a target.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from fairhire.adversaries.base import Persons
from fairhire.adversaries.target import BiometricTarget

__all__ = ["INVERSE_PENALTIES", "FittedOffset", "LabelOffset", "fit_offset"]

Floats = NDArray[np.float64]

INVERSE_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties C tried, for targets of unit mean variance (ours)."""


class LabelOffset(nn.Module):
    """A logit (n,) for every interview, in a straight line from its candidate's embeddings; 0 where there is none.

    ``targets`` say how an embedding becomes numbers, as for an adversary; ``decay`` is the weight of the squared
    coefficients beside a mean loss.
    """

    def __init__(self, targets: Sequence[BiometricTarget], decay: float) -> None:
        super().__init__()
        self.targets, self.decay = tuple(targets), decay  # plain attributes: the state dict must hold nothing of a face
        self.coefficients = nn.ParameterList(torch.zeros(target.components.shape[1]) for target in self.targets)

    def forward(self, people: Persons) -> Tensor:
        """Return the logits (n,) of the interviews in a batch."""
        total = torch.zeros(len(people.ids), device=people.person.device)
        for target, coefficients in zip(self.targets, self.coefficients, strict=True):
            found = target.known(people)
            if found is not None:
                values, mask = found
                total = total + torch.where(mask, _numbers(target, values) @ coefficients, 0.0)
        return total

    def of(self, embeddings: Sequence[Floats]) -> Floats:
        """Return the logits (n,) that embeddings (n, d) give, one array a target, NaN where missing."""
        with torch.no_grad():
            parts = [
                _numbers(target, torch.from_numpy(values).to(coefficients)) @ coefficients
                for target, coefficients, values in zip(self.targets, self.coefficients, embeddings, strict=True)
            ]
        return torch.stack(parts).sum(dim=0).double().cpu().numpy()

    def penalty(self) -> Tensor:
        """Return what is added to a mean loss () for the size of the coefficients."""
        squares = [coefficients.square().sum() for coefficients in self.coefficients]
        return self.decay / 2 * torch.stack(squares).sum()


@dataclass(frozen=True)
class FittedOffset:
    """An offset as training begins, and what it explains of validation people's labels before any model has learned.

    ``gain`` is in bits a label against their frequency alone, 0 or less where the face says nothing of the verdict;
    ``people`` counts the validation interviews with an embedding.
    """

    offset: LabelOffset
    kinds: tuple[str, ...]
    inverse_penalty: float
    gain: float
    people: int

    def to_dict(self) -> dict[str, Any]:
        """Return what is told of it, as JSON takes it."""
        return {
            "of": "+".join(self.kinds),
            "inverse_penalty": self.inverse_penalty,
            "bits_of_the_label_explained": self.gain,
            "validation_interviews": self.people,
        }


def fit_offset(
    targets: Sequence[BiometricTarget],
    train: Sequence[Floats],
    label: NDArray[np.bool_],
    judged: Sequence[Floats],
    judged_label: NDArray[np.bool_],
) -> FittedOffset:
    """Return the offset fitted to training labels (n,) from embeddings (n, d), one array a target, NaN where missing.

    A logistic regression; of :data:`INVERSE_PENALTIES` the one that explains validation people's labels best. That is
    where learning begins: beside a model that knows the merits a face's share of the log-odds is larger than alone, so
    the coefficients then grow under the weakest of the penalties.
    """
    inputs, later = (_side_by_side(targets, side) for side in (train, judged))
    known, later_known = inputs.any(axis=1), later.any(axis=1)
    fitted: list[tuple[float, float, Floats]] = []
    for inverse_penalty in INVERSE_PENALTIES:
        coefficients, intercept = _regress(inputs[known], label[known], inverse_penalty)
        odds = later[later_known] @ coefficients + intercept
        fitted.append((_gain(odds, judged_label[later_known], label), inverse_penalty, coefficients))
    gain, inverse_penalty, coefficients = max(fitted, key=lambda one: one[0])
    offset = LabelOffset(targets, decay=1 / (max(INVERSE_PENALTIES) * len(label)))
    widths = [target.components.shape[1] for target in targets]
    parts = np.split(coefficients, np.cumsum(widths)[:-1])
    with torch.no_grad():
        for parameter, part in zip(offset.coefficients, parts, strict=True):
            parameter.copy_(torch.from_numpy(part))
    return FittedOffset(offset, tuple(t.kind for t in targets), inverse_penalty, gain, int(later_known.sum()))


def _regress(inputs: Floats, label: NDArray[np.bool_], inverse_penalty: float) -> tuple[Floats, float]:
    """Return coefficients (r,) and intercept of a logistic regression; zeros where there is one class only."""
    if len(set(label.tolist())) < 2:
        return np.zeros(inputs.shape[1]), 0.0
    model = LogisticRegression(C=inverse_penalty, solver="newton-cholesky", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it only has to be a good place to begin from
        model.fit(inputs, label)
    return model.coef_[0], float(model.intercept_[0])


def _numbers(target: BiometricTarget, embeddings: Tensor) -> Tensor:
    """Return targets (n, r) of unit mean variance, zero where the embedding is NaN."""
    numbers: Tensor = target.to(embeddings.device)(embeddings).nan_to_num() * target.components.shape[1] ** 0.5
    return numbers


def _side_by_side(targets: Sequence[BiometricTarget], embeddings: Sequence[Floats]) -> Floats:
    """Return the targets (n, sum of r) of several embeddings."""
    sides = [_numbers(target, torch.from_numpy(values)) for target, values in zip(targets, embeddings, strict=True)]
    return torch.cat(sides, dim=1).double().numpy()


def _gain(odds: Floats, label: NDArray[np.bool_], train_label: NDArray[np.bool_]) -> float:
    """Return the bits a label that log-odds (n,) save against the training people's frequency; 0 without anybody."""
    if not len(label):
        return 0.0
    share = float(np.clip(train_label.mean(), 1e-6, 1 - 1e-6))
    by_frequency = -np.log(np.where(label, share, 1 - share))
    by_odds = np.logaddexp(0, np.where(label, -odds, odds))
    return float((by_frequency - by_odds).mean() / np.log(2))
