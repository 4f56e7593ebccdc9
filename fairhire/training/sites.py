"""Where in a model something is to be forgotten: the names of the places, and the vectors that stand there.

A *site* is ``fused`` (the representation that is scored), a modality (its interview vectors) or ``NAME answers`` (its
answer vectors). On the command line ``modalities`` and ``answers`` stand for all of a kind.
Letters: B interviews of a batch, n vectors at a site, H their width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fairhire.errors import UsageError
from fairhire.interview import InterviewBatch
from fairhire.model import FUSED, HireNetModel, HireNetOutput, ModelConfig, answers_of, guard_sites
from fairhire.model.fusion import EarlyFusion, GatedFusion, LateFusion, NoFusion

__all__ = ["eraser_sites", "readout", "resolve_sites", "site_vectors"]


def resolve_sites(wanted: Sequence[str], config: ModelConfig) -> tuple[str, ...]:
    """Return the sites that ``wanted`` names, from the input to the score; :class:`UsageError` for an unknown one.

    With one modality its interview vector is the representation: both names mean ``fused``.
    """
    names = list(config.modalities)
    groups = {"modalities": names, "answers": [answers_of(name) for name in names]}
    known = guard_sites(names)
    found: set[str] = set()
    for name in wanted:
        if name not in groups and name not in known:
            raise UsageError(f"site: expected one of {', '.join([*groups, *known])}, got {name!r}")
        found |= set(groups.get(name, [name]))
    if len(names) == 1 and names[0] in found:
        found = (found - set(names)) | {FUSED}
    return tuple(site for site in known if site in found)


def eraser_sites(sites: Sequence[str], model: HireNetModel) -> tuple[str, ...]:
    """Return where erasers stand for these ``sites``: a representation of vectors side by side is erased in each."""
    names = list(model.config.modalities)
    if FUSED in sites and model.fusion.transparent:
        sites = [site for site in sites if site != FUSED] + names
    return tuple(site for site in guard_sites(names) if site in sites)


def site_vectors(output: HireNetOutput, batch: InterviewBatch, site: str) -> tuple[Tensor, Tensor]:
    """Return the vectors (n, H) at ``site``, and of which interview of the batch each one is (n,).

    Interviews that lack the modality have no vector; a modality that the whole batch lacks has none at all.
    """
    if site == FUSED:
        seen = torch.stack(list(output.present.values()), dim=1).any(dim=1)
        rows = torch.nonzero(seen)[:, 0]
        return output.representation[rows], rows
    for name in output.vectors:
        if site == name:
            rows = torch.nonzero(output.present[name])[:, 0]
            return output.vectors[name][rows], rows
        if site == answers_of(name):
            if name not in batch.features:
                return output.representation.new_zeros(0, 1), torch.zeros(0, dtype=torch.long)
            return output.answer_vectors[name], batch.features[name].interview
    raise UsageError(f"site: expected one of the model's, got {site!r}")


def readout(model: HireNetModel, site: str) -> Tensor | None:
    """Return the directions (H, k) at ``site`` that the score is read from, or None where more lies between."""
    names = list(model.config.modalities)
    if isinstance(model.fusion, LateFusion) and site in names:
        head = model.fusion.heads[names.index(site)]
    elif isinstance(model.fusion, EarlyFusion | GatedFusion | NoFusion) and site == (
        names[0] if model.fusion.transparent else FUSED
    ):
        head = model.fusion.head
    else:
        return None
    assert isinstance(head, nn.Linear)
    return head.weight.detach().T.double()
