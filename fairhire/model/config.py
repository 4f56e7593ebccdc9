"""The shape of a model: what is needed to build it again before its weights are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fairhire.errors import UsageError
from fairhire.interview import TEXT
from fairhire.model.fusion import FUSIONS
from fairhire.model.ratings import RATING_KINDS

__all__ = ["FUSED", "ModelConfig", "answers_of", "guard_sites"]

FUSED = "fused"
"""The site of the representation that is scored."""

_TAKEN = (FUSED, "attention", "ratings", "modalities", "answers")  # what other vectors, and sites, are called


def answers_of(modality: str) -> str:
    """Return the site of a modality's answer vectors."""
    return f"{modality} answers"


def guard_sites(modalities: Iterable[str]) -> list[str]:
    """Return every place of a model where something can be taken out, from the input to the score."""
    names = list(modalities)
    return [*map(answers_of, names), *names, FUSED]


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a model; sources of the defaults: papers section 1.2 (ours, where the paper's are unknown).

    ``modalities`` maps a name to its width D (1 for words); ``hidden`` is GRU units per direction, ``attention`` the
    units of an attention, ``question_hidden`` those of the question and job-title encoders, ``fused`` those of
    early fusion, ``word_dim`` the width of a word. ``guards`` maps a site (``fused``, a modality, ``NAME answers``) to
    the number of coordinates that erasers left there. ``ratings`` maps the name of every further judgement to its kind,
    ``continuous`` or ``binary``. Raises :class:`UsageError` naming the field.
    """

    name: str
    modalities: Mapping[str, int]
    vocabulary_size: int
    word_dim: int = 64
    hidden: int = 64
    attention: int = 64
    question_hidden: int = 32
    fused: int = 16
    dropout: float = 0.3
    fusion: str = "none"
    guards: Mapping[str, int] = field(default_factory=dict)
    ratings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.modalities, Mapping) or not self.modalities:
            raise UsageError(f"model, modalities: expected the width of at least one, got {self.modalities!r}")
        if self.fusion not in FUSIONS:
            raise UsageError(f"fusion: expected one of {', '.join(FUSIONS)}, got {self.fusion!r}")
        if self.fusion == "none" and len(self.modalities) > 1:
            raise UsageError(f"fusion: expected early, late or gated for {len(self.modalities)} modalities, got none")
        for name in ("vocabulary_size", "word_dim", "hidden", "attention", "question_hidden", "fused"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"model, {name}: expected a whole number of 1 or more, got {value!r}")
        for modality, width in self.modalities.items():
            if not isinstance(width, int) or width < 1 or (modality == TEXT and width != 1):
                raise UsageError(f"model, modality {modality!r}: expected a width of 1 or more, got {width!r}")
        if odd := [name for name in self.modalities if name in _TAKEN or name.endswith(answers_of(""))]:
            raise UsageError(f"model, modality: expected no name that a site has, got {odd[0]!r}; rename the modality")
        for site, rank in self.guards.items():
            if site not in guard_sites(self.modalities) or not isinstance(rank, int) or rank < 1:
                sites = ", ".join(guard_sites(self.modalities))
                raise UsageError(f"model, guards: expected a rank above 0 at one of {sites}, got {site!r}: {rank!r}")
        if not isinstance(self.ratings, Mapping):
            raise UsageError(f"model, ratings: expected the kind of each by its name, got {self.ratings!r}")
        for name, kind in self.ratings.items():
            if kind not in RATING_KINDS:
                raise UsageError(f"model, rating {name!r}: expected one of {', '.join(RATING_KINDS)}, got {kind!r}")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise UsageError(f"model, dropout: expected 0 or more and below 1, got {self.dropout!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the shape as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ModelConfig:
        """Return what :meth:`to_dict` wrote; an unknown or missing key is refused, the known ones named."""
        known = [one.name for one in fields(cls)]
        record = {"guards": {}, "ratings": {}, **record}  # older models have no such keys
        if set(record) != set(known):
            odd = sorted(set(record) ^ set(known))
            raise UsageError(
                f"model configuration: expected the keys {', '.join(known)}; {odd[0]!r} is unknown or missing"
            )
        return cls(**record)
