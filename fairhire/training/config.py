"""Every setting of a training run, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from fairhire.adversaries import kind_of, parse_adversaries, parse_offsets
from fairhire.erasure import ERASERS, parse_erasers
from fairhire.errors import UsageError
from fairhire.model import FUSIONS, MODELS

__all__ = ["TrainConfig"]


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run; sources of the defaults are in ``docs/training.md``.

    ``modalities`` None means all of the corpus, ``batch`` None :meth:`batch_size`. ``split`` is ``candidate``,
    ``fold:i/k``, or a split that the corpus brings along. ``strengths`` holds the adversary strengths to try; one of
    several is chosen without labels. ``adversary`` may name several, joined by ``+``; ``sites`` say where they and the
    erasers act (:mod:`fairhire.training.sites`). ``erase`` names erasers, joined by ``+``, that are fitted to the
    chosen weights; None means ``cut`` where a face or a voice is to be forgotten, else none. ``cut_share`` is the share
    of variance that ``cut`` keeps beside the score, None to let the faces of validation people decide. ``offset`` names
    what explains the label in the model's stead while it learns (:mod:`fairhire.adversaries.offset`), joined by ``+``;
    None means whatever face or voice the adversaries look for. ``ratings`` names targets of the corpus that are learnt
    beside the label, ``("all",)`` all of them, and ``rating_weight`` says how much their mean loss counts beside the
    label's.
    Epochs without an adversary: all learn the task. With one: ``head_start`` epochs learn the task, in ``warm_up``
    epochs only the adversary learns, then both play while the strength ramps up over the first ``ramp`` share of
    the remaining epochs. Raises :class:`UsageError` naming the field, what was expected and what came.
    """

    model: str = "hirenet"
    modalities: tuple[str, ...] | None = None
    fusion: str = "early"
    hidden: int = 64
    attention: int = 64
    question_hidden: int = 32
    fused: int = 16
    word_dim: int = 64
    dropout: float = 0.3
    longest: int = 512
    adversary: str = "none"
    sites: tuple[str, ...] = ("fused",)
    erase: str | None = None
    cut_share: float | None = None
    offset: str | None = None
    strengths: tuple[float, ...] = (1.0,)
    adversary_steps: int = 5
    adversary_learning_rate: float = 1e-3
    head_start: int = 2
    warm_up: int = 2
    ramp: float = 0.5
    restarts: int = 2
    face_width: int = 64
    epochs: int = 60
    batch: int | None = None
    learning_rate: float = 1e-3
    clip: float = 1.0
    patience: int = 15
    tolerance: float = 0.1
    select_by: str = "auc"
    threshold: float = 0.5
    split: str = "candidate"
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    device: str = "auto"
    precision: str = "32-true"
    processes: int = 1
    checkpoint_steps: int = 200
    ratings: tuple[str, ...] = ()
    rating_weight: float = 1.0

    def __post_init__(self) -> None:
        self._one_of("model", tuple(MODELS))
        self._one_of("fusion", tuple(FUSIONS))
        parse_adversaries(self.adversary)
        if self.erase is not None:
            parse_erasers(self.erase)
        if self.offset is not None:
            parse_offsets(self.offset)
        self._one_of("select_by", ("auc", "f1"))
        self._one_of("device", ("auto", "cpu", "cuda"))
        self._one_of("precision", ("32-true", "bf16-mixed"))
        whole = (
            "hidden",
            "attention",
            "question_hidden",
            "fused",
            "word_dim",
            "longest",
            "adversary_steps",
            "face_width",
        )
        for name in (*whole, "epochs", "processes", "patience", "checkpoint_steps"):
            self._whole(name, 1, 10**9)
        for name in ("head_start", "warm_up", "restarts", "seed"):
            self._whole(name, 0, 2**32 - 1)
        if self.batch is not None:
            self._whole("batch", 2, 10**9)
        self._range("dropout", 0.0, 0.95)
        self._range("ramp", 0.0, 1.0)
        self._range("tolerance", 0.0, 1.0)
        self._range("threshold", 0.0, 1.0)
        if self.cut_share is not None:
            self._range("cut_share", 0.0, 1.0)
            if "cut" not in self.erasers:
                raise UsageError(f"cut-share: expected only with the eraser cut, got it with erase {self.erase!r}")
        for name in ("learning_rate", "adversary_learning_rate", "clip", "rating_weight"):
            self._range(name, 1e-12, 1e6)
        if not _all_numbers(self.strengths) or not all(0 < value <= 1e4 for value in self.strengths):
            raise UsageError(f"strength: expected numbers above 0 and at most 10000, got {self.strengths!r}")
        if len(set(self.strengths)) != len(self.strengths):
            raise UsageError(f"strength: expected every value once, got {list(self.strengths)}")
        if not isinstance(self.sites, tuple) or not self.sites or len(set(self.sites)) != len(self.sites):
            raise UsageError(f"site: expected every name once and at least one, got {self.sites!r}")
        if not isinstance(self.ratings, tuple) or not all(isinstance(name, str) and name for name in self.ratings):
            raise UsageError(f"rating: expected names, got {self.ratings!r}")
        if len(set(self.ratings)) != len(self.ratings):
            raise UsageError(f"rating: expected every name once, got {', '.join(self.ratings)}")
        if self.modalities is not None:
            if not isinstance(self.modalities, tuple) or not self.modalities:
                raise UsageError(f"modality: expected names, or None for all, got {self.modalities!r}")
            if len(set(self.modalities)) != len(self.modalities):
                raise UsageError(f"modality: expected every name once, got {', '.join(self.modalities)}")
        if not isinstance(self.split, str) or not self.split:
            raise UsageError(f"split: expected candidate, fold:i/k or the name of a split, got {self.split!r}")
        if not _all_numbers(self.fractions) or len(self.fractions) != 3:
            raise UsageError(f"fractions: expected three numbers such as 0.8/0.1/0.1, got {self.fractions!r}")
        if self.adversary != "none" and self.epochs <= self.head_start + self.warm_up:
            raise UsageError(
                f"epochs: expected more than head start + warm-up ({self.head_start + self.warm_up}) "
                f"with an adversary, got {self.epochs}"
            )

    def _one_of(self, name: str, allowed: tuple[str, ...]) -> None:
        if (value := getattr(self, name)) not in allowed:
            raise UsageError(f"{name.replace('_', '-')}: expected one of {', '.join(allowed)}, got {value!r}")

    def _whole(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if not (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
            raise UsageError(f"{name.replace('_', '-')}: expected a whole number from {low} to {high}, got {value!r}")

    def _range(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not (_all_numbers((value,)) and low <= value <= high):
            limits = f"from {low:.10g} to {high:.10g}"
            raise UsageError(f"{name.replace('_', '-')}: expected a number {limits}, got {value!r}")

    @property
    def adversaries(self) -> tuple[str, ...]:
        """The adversaries and penalties by name, none for ``none``."""
        return parse_adversaries(self.adversary)

    @property
    def erasers(self) -> tuple[str, ...]:
        """The erasers by name, in the order in which they act; see ``erase`` for the default."""
        if self.erase is None:
            return ("cut",) if any(name != "label" for name in self.adversaries) else ()
        return parse_erasers(self.erase)

    @property
    def offsets(self) -> tuple[str, ...]:
        """What explains the label in the model's stead, ``face`` and ``voice`` or none; see ``offset``."""
        if self.offset is None:
            return tuple(sorted({kind_of(name) for name in self.adversaries} - {"label"}))
        return parse_offsets(self.offset)

    @property
    def targets(self) -> frozenset[str]:
        """What must be known of training people to forget it: ``face``, ``voice``, ``label``."""
        kinds = {kind_of(name) for name in self.adversaries} | set(self.offsets)
        return frozenset(kinds.union(*(ERASERS[name].needs for name in self.erasers)))

    def batch_size(self, interviews: int) -> int:
        """Return how many of ``interviews`` training interviews a batch holds: 256 unless said otherwise (papers 2.3).

        Choosing a face among many is what makes that adversary strong. Where it would leave fewer than ten steps an
        epoch, a tenth of the interviews, but no fewer than 32 (ours).
        """
        return self.batch or min(256, max(32, interviews // 10))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON takes them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TrainConfig:
        """Return the settings that :meth:`to_dict` wrote; an unknown key is refused, the known ones named."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(record) - set(known)):
            raise UsageError(f"train configuration: unknown key {unknown[0]!r}; known are {', '.join(known)}")
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        return cls(**settings)


def _all_numbers(values: object) -> bool:
    """Return whether ``values`` is a tuple of at least one finite number and nothing else."""
    return (
        isinstance(values, tuple)
        and len(values) > 0
        and all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    )
