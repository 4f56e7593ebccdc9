"""Every claim that the tool makes, as a row with its figure, its target and the verdict that the data bear out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fairhire.claims.claim import Claim, Figure
from fairhire.claims.evidence import Evidence, collect
from fairhire.claims.leaks import (
    baseline_leaks,
    direct_beside,
    identity,
    map_of_places,
    removal_of,
    stability,
    unnamed,
)
from fairhire.claims.proofs import bound_holds, fooled, leace_is_exact, no_label_read, probes_are_sane
from fairhire.claims.results import bias_removed, frontier_drawn, outcomes, outputs_leak
from fairhire.claims.tasks import cost, level, order, same_rank

__all__ = ["CLAIMS", "Claim", "Evidence", "Figure", "collect", "examine"]

CLAIMS: tuple[Callable[[Evidence], Claim], ...] = (
    order,
    level,
    baseline_leaks,
    partial(removal_of, number="4", attribute="gender"),
    partial(removal_of, number="5", attribute="ethnicity"),
    cost,
    direct_beside,
    no_label_read,
    unnamed,
    identity,
    fooled,
    probes_are_sane,
    leace_is_exact,
    bound_holds,
    outcomes,
    outputs_leak,
    map_of_places,
    frontier_drawn,
    stability,
    bias_removed,
    same_rank,
)
"""Every claim in the order of papers section 7, ours last."""


def examine(evidence: Evidence) -> tuple[Claim, ...]:
    """Return every claim with its verdict."""
    return tuple(claim(evidence) for claim in CLAIMS)
