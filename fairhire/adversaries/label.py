"""The direct adversary, a baseline: it guesses a sensitive label, and so must be given one, loudly.

This is the single place of the training wing that can hold a protected attribute. Its labels come only as an explicit
argument, filled by the options of the command that asks for this baseline; nothing else in training can reach them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fairhire.adversaries.base import Adversary, AdversaryOutput, Persons, check_candidates, distinct_people, reader
from fairhire.errors import DataError

__all__ = ["GuessTheLabel", "SensitiveLabels"]


@dataclass(frozen=True)
class SensitiveLabels:
    """Sensitive labels by interview id, handed over on purpose; an interview that is absent has none.

    ``classes`` names the categories, ``of`` maps an interview id to a place in ``classes``. Raises
    :class:`DataError` for fewer than two categories in use, or a place that names none.
    """

    classes: Sequence[str]
    of: Mapping[str, int]

    def __post_init__(self) -> None:
        if len(set(self.of.values())) < 2:
            raise DataError(
                f"the label adversary: expected at least 2 categories in use, got {sorted(set(self.of.values()))}"
            )
        for name, place in self.of.items():
            if not 0 <= place < len(self.classes):
                raise DataError(
                    f"the label adversary, interview {name!r}: expected a place among {len(self.classes)} categories, "
                    f"got {place}"
                )


class GuessTheLabel(Adversary):
    """Guesses a sensitive label by cross-entropy (the direct baseline of arXiv 2110.09424, papers section 2.1)."""

    def __init__(self, width: int, target: SensitiveLabels) -> None:
        super().__init__()
        self.target = target
        self.read = reader(width, len(target.classes))

    def can_play(self, people: Persons) -> bool:
        """Whether at least two candidates have a label."""
        known = torch.tensor([name in self.target.of for name in people.ids], device=people.person.device)
        return distinct_people(people.person[known]) >= 2

    def forward(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the loss over the labelled interviews of ``representation`` (B, H)."""
        classes = torch.tensor([self.target.of.get(name, -1) for name in people.ids], device=people.person.device)
        known = classes >= 0
        check_candidates(people.person[known], "a sensitive label")
        logits, truth = self.read(representation[known]).float(), classes[known]
        with torch.no_grad():
            accuracy = (logits.argmax(dim=1) == truth).float().mean()
            chance = torch.bincount(truth).max().float() / len(truth)
        return AdversaryOutput(F.cross_entropy(logits, truth), accuracy, chance, int(known.sum()))
