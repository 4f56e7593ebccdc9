"""The parts of an audit plan: gates, statements, requirements, sizes, and what they refuse.

Sources of the defaults: audit-rules.md sections 5.2 and 5.7.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from fairhire.auditing.words import mentions
from fairhire.errors import UsageError

__all__ = [
    "LIMITS",
    "ChecklistItem",
    "Condition",
    "Gate",
    "Heading",
    "LegalBasis",
    "MetricName",
    "Requirement",
    "Risk",
    "Sizes",
    "Statement",
    "Window",
    "day_of",
]

LIMITS: Mapping[str, tuple[float, float]] = {
    "impact-ratio": (0.0, 1.0),
    "equal-opportunity-difference": (0.0, 1.0),
    "equalized-odds-difference": (0.0, 1.0),
    "predictive-parity-difference": (0.0, 1.0),
    "calibration-error": (0.0, 1.0),
    "leakage": (0.5, 1.0),
    "leakage-increase": (-1.0, 1.0),
    "face-retrieval": (1.0, 1e9),
    "unknown-share": (0.0, 1.0),
    "amplification": (0.0, 1e9),
}
"""What a gate may check, and between which limits.

``impact-ratio`` and ``amplification`` (the model's impact ratio by that of the labels) must not lie under their limit,
all others not above it. ``leakage`` is an AUC, ``leakage-increase`` an AUC minus the baseline's, ``face-retrieval`` a
multiple of chance.
"""

_AT_LEAST = ("impact-ratio", "amplification")
_PROBED = ("leakage", "leakage-increase", "face-retrieval")
_NARROWED = ("source", "target", "probe")


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def day_of(said: str, *, where: str) -> date:
    """Return the day that ``said`` names, as in 2026-11-22. Raises :class:`UsageError` naming ``where``."""
    try:
        if _DATE.fullmatch(said.strip()):
            return date.fromisoformat(said.strip())
    except ValueError:
        pass
    raise UsageError(f"{where}: expected a date such as 2026-11-22, got {said!r}")


@dataclass(frozen=True)
class Gate:
    """A limit that the whole interval must keep to: inside is passed, outside failed, both is undecided.

    ``grouping`` None means every grouping; ``source``, ``target`` and ``probe`` narrow a gate on leakage likewise (no
    ``probe``: the strongest one). Raises :class:`UsageError` for an unknown check or a limit that cannot be.
    """

    check: str
    limit: float
    grouping: tuple[str, ...] | None = None
    source: str | None = None
    target: str | None = None
    probe: str | None = None

    def __post_init__(self) -> None:
        if self.check not in LIMITS:
            raise UsageError(f"check: expected one of {', '.join(sorted(LIMITS))}, got {self.check!r}")
        low, high = LIMITS[self.check]
        if not low <= self.limit <= high:
            raise UsageError(f"limit: expected {low:g} to {high:g} for {self.check}, got {self.limit:g}")
        for name in _NARROWED:
            if getattr(self, name) is not None and self.check not in _PROBED:
                raise UsageError(f"{name}: expected it for {', '.join(_PROBED)} only, got it for {self.check}")
        if self.grouping is not None and (self.check in _PROBED or not self.grouping):
            raise UsageError(f"grouping: expected attributes for a check of groups, got it for {self.check}")

    def __str__(self) -> str:
        side = "at least" if self.check in _AT_LEAST else "at most"
        narrowed = [" x ".join(self.grouping or ()), *(f"{name} {getattr(self, name) or ''}" for name in _NARROWED)]
        where = ", ".join(words for words in narrowed if words.strip() not in ("", *_NARROWED))
        return f"{self.check} {side} {self.limit:g}{f' ({where})' if where else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Return the gate as in AUDIT.json."""
        return {**asdict(self), "grouping": None if self.grouping is None else list(self.grouping)}


@dataclass(frozen=True)
class Statement:
    """A sentence about the rule with its source; one that nobody of us re-read there is not ``verified``."""

    text: str
    source: str
    verified: bool


@dataclass(frozen=True)
class Condition:
    """When a requirement holds: exactly one of three.

    ``about`` is a field whose text is ``among`` some; ``attributes`` are words in the names of the audited attributes;
    ``computed`` is something the audit found (``excluded``: a group was left out of the ratios for its small share).
    """

    about: str | None = None
    among: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    computed: str | None = None

    def __post_init__(self) -> None:
        given = [self.about is not None, bool(self.attributes), self.computed is not None]
        if sum(given) != 1 or (self.about is not None) != bool(self.among):
            raise UsageError("when: expected about with among, or attributes, or computed, and only one of these")
        if self.computed not in (None, "excluded"):
            raise UsageError(f"computed: expected 'excluded', got {self.computed!r}")

    def __str__(self) -> str:
        if self.about is not None:
            return f"where {self.about} is {' or '.join(self.among)}"
        if self.attributes:
            return f"where an attribute is named {', '.join(self.attributes)}"
        return "where a group was left out of the ratios for its small share"

    def holds(self, about: Mapping[str, str], attributes: Collection[str], computed: Collection[str]) -> bool:
        """Return whether the condition is met by what was said, which attributes were audited, and what was found."""
        if self.about is not None:
            return about.get(self.about, "").strip() in self.among
        if self.attributes:
            return bool(mentions(attributes, self.attributes))
        return self.computed in computed


@dataclass(frozen=True)
class Requirement:
    """Something the auditor has to say, and which paragraph asks for it.

    ``published``: a published summary is refused without it; else its absence is listed. ``form`` is what the text must
    look like, ``choices`` what it may be. ``when`` None means always.
    """

    field: str
    why: str
    published: bool
    form: Literal["text", "date"] = "text"
    choices: tuple[str, ...] = ()
    when: Condition | None = None

    def __str__(self) -> str:
        words = f"{self.field} ({self.why})"
        if self.choices:
            words += f", one of: {', '.join(self.choices)}"
        return words if self.when is None else f"{words}, {self.when}"

    def check(self, said: str) -> None:
        """Raise :class:`UsageError` where ``said`` is not in the form that is asked for."""
        if self.choices and said not in self.choices:
            raise UsageError(f"about, {self.field}: expected one of {', '.join(self.choices)}, got {said!r}")
        if self.form == "date":
            day_of(said, where=f"about, {self.field}")

    def to_dict(self) -> dict[str, Any]:
        """Return the requirement as in AUDIT.json: what is to be said, and why."""
        return {"field": self.field, "why": self.why, "published": self.published}


@dataclass(frozen=True)
class Sizes:
    """Numbers of people below which less is said (audit-rules.md 5.7).

    Under ``ratio`` a group has no ratio, under ``benchmark`` it cannot be the one others are compared to. Under
    ``warn``, or with fewer than ``expected`` expected selections, it is marked as few; with the latter it is not the
    benchmark either, where another group can be. Cells under ``suppress`` are not published. Groups under ``share`` of
    the known may be left out of the ratios.
    """

    ratio: int = 10
    warn: int = 30
    expected: int = 5
    suppress: int = 5
    benchmark: int = 10
    share: float = 0.0

    def __post_init__(self) -> None:
        for name in ("ratio", "warn", "expected", "suppress", "benchmark"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        if not 0 <= self.share < 0.5:
            raise UsageError(f"share: expected at least 0 and under 0.5, got {self.share:g}")


@dataclass(frozen=True)
class Window:
    """A year of reporting that begins on ``day`` of ``month``; reports are ``due`` so many days after its end."""

    month: int
    day: int
    due: int

    def __post_init__(self) -> None:
        if not (1 <= self.month <= 12 and 1 <= self.day <= 28 and 0 <= self.due <= 366):
            raise UsageError(
                f"window: expected month 1 to 12, day 1 to 28, due 0 to 366, got {self.month}, {self.day}, {self.due}"
            )


@dataclass(frozen=True)
class LegalBasis:
    """Words in the names of attributes that may not be used unless a legal basis is stated, and why."""

    attributes: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class ChecklistItem:
    """What an article asks for, where in the report it is found, and how it got there."""

    article: str
    what: str
    where: str
    how: str


@dataclass(frozen=True)
class Heading:
    """A heading the report must have: what it asks, which facts of ``about`` and which sections answer it."""

    title: str
    asks: str
    facts: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricName:
    """What a standard calls one of our figures."""

    ours: str
    theirs: str
    source: str


@dataclass(frozen=True)
class Risk:
    """A risk named before measuring, its kind of bias, and the figure that speaks of it (NIST MEASURE 2.11)."""

    kind: Literal["systemic", "statistical", "human"]
    risk: str
    measure: str
