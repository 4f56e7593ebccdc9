"""A claim as a row: what is said, what was measured, what the target is, and whether it holds.

How a verdict is reached: *pass* where every measured value meets the target, *fail* where some value misses it with its
whole interval, *undecided* in between: a value misses the target but its interval reaches it. Figures without a target
are *reported*. Everything else *cannot be tested here*, with the reason and what would make it testable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairhire.estimate import Estimate, Measurement, Undefined

__all__ = ["Claim", "Figure", "Verdict", "at_least", "at_most", "judged", "reported", "untestable"]

Verdict = Literal["pass", "fail", "undecided", "reported", "cannot be tested here"]


@dataclass(frozen=True)
class Figure:
    """One measured number of a claim: ``what`` it is of (run, attribute), and the number, with its interval."""

    what: str
    value: Measurement | float

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as JSON can hold it."""
        value = {"value": self.value} if isinstance(self.value, int | float) else self.value.to_dict()
        return {"what": self.what, "estimate": value}


@dataclass(frozen=True)
class Claim:
    """One row of the table; ``number`` as in the papers' list of claims, ``ours`` for what this tool adds."""

    number: str
    words: str
    target: str
    figures: tuple[Figure, ...]
    verdict: Verdict
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the claim as JSON can hold it."""
        return {
            "number": self.number,
            "claim": self.words,
            "target": self.target,
            "figures": [figure.to_dict() for figure in self.figures],
            "verdict": self.verdict,
            "why": self.why,
        }


Meets = Callable[[float], bool]


def at_least(target: float) -> Meets:
    """Return the rule that a value is ``target`` or more."""
    return lambda value: value >= target


def at_most(target: float) -> Meets:
    """Return the rule that a value is ``target`` or less."""
    return lambda value: value <= target


def judged(number: str, words: str, target: str, figures: Sequence[Figure], meets: Meets, *, why: str = "") -> Claim:
    """Return the claim with the verdict that its figures bear out; figures that are undefined decide nothing."""
    verdicts = [_verdict(figure.value, meets) for figure in figures]
    known = [verdict for verdict in verdicts if verdict is not None]
    if not known:
        reason = next((f.value.reason for f in figures if isinstance(f.value, Undefined)), "nothing was measured")
        return Claim(number, words, target, tuple(figures), "cannot be tested here", why or reason)
    verdict: Verdict = "fail" if "fail" in known else "undecided" if "undecided" in known else "pass"
    return Claim(number, words, target, tuple(figures), verdict, why)


def reported(number: str, words: str, target: str, figures: Sequence[Figure], why: str = "") -> Claim:
    """Return a claim that promises nothing: its figures are shown."""
    return Claim(number, words, target, tuple(figures), "reported", why)


def untestable(number: str, words: str, target: str, why: str, figures: Sequence[Figure] = ()) -> Claim:
    """Return a claim that these runs and data cannot decide, and why."""
    return Claim(number, words, target, tuple(figures), "cannot be tested here", why)


def _verdict(value: Measurement | float, meets: Meets) -> Verdict | None:
    if isinstance(value, Undefined):
        return None
    if not isinstance(value, Estimate):
        return "pass" if meets(value) else "fail"
    if meets(value.value):
        return "pass"
    return "undecided" if meets(value.low) or meets(value.high) else "fail"
