"""Forgets a candidate, or everybody's biometrics, wherever they stand on the disk, and proves it in a log.

What is deleted, what stays, and what a proof is worth: ``docs/forgetting.md``.
"""

from __future__ import annotations

from fairhire.forget.person import Person
from fairhire.forget.proof import read_proof, was_forgotten
from fairhire.forget.request import Forgotten, forget_biometrics, forget_candidates, proof_path, search_again

__all__ = [
    "Forgotten",
    "Person",
    "forget_biometrics",
    "forget_candidates",
    "proof_path",
    "read_proof",
    "search_again",
    "was_forgotten",
]
