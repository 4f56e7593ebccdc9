"""What a cell of a table may hold, and the one way in which every format writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fairhire.estimate import Estimate, Measurement, Undefined

__all__ = [
    "Badge",
    "Cell",
    "PValue",
    "Percent",
    "Points",
    "Shown",
    "Signed",
    "Tone",
    "count",
    "is_number",
    "is_undefined",
    "number",
    "p_value",
    "parts",
    "percent",
    "spell",
    "visible",
]

_DECIMALS = 3
_THIN = "\u202f"  # a narrow space that never ends a line

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, which HTML and XML forbid
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # letters that turn or hide those beside them
    "\ud800-\udfff\ufffe\uffff"  # no letters at all
    "]"
)

Tone = Literal["clear", "below", "undecided", "plain"]
"""How a badge is coloured; its words say the same."""


@dataclass(frozen=True)
class Signed:
    """A difference in a table cell: shown with its sign, so that nobody takes it for a level."""

    measurement: Measurement


@dataclass(frozen=True)
class Percent:
    """A share between 0 and 1, shown in per cent with one decimal."""

    measurement: Measurement | float


@dataclass(frozen=True)
class Points:
    """A difference of two shares, shown in percentage points with its sign."""

    measurement: Measurement


@dataclass(frozen=True)
class PValue:
    """A p-value: four decimals, and "< 0.0001" below."""

    value: float


@dataclass(frozen=True)
class Badge:
    """A verdict of one or two words, coloured by its tone."""

    words: str
    tone: Tone


@dataclass(frozen=True)
class Shown:
    """A figure that is already in words ("0.79 to 1.10"), set like a number."""

    words: str


Cell = str | int | float | Measurement | Signed | Percent | Points | PValue | Badge | Shown | None
"""What a table cell may hold; None is a quantity that was not asked for, a dash."""


def visible(words: str) -> str:
    """Return ``words`` with a box for every control character and for letters that turn or hide their neighbours.

    A right-to-left override in a group's name would otherwise rearrange what stands beside it.
    """
    return _UNSEEN.sub("\ufffd", words)


def number(value: float, *, sign: bool = False, decimals: int = _DECIMALS) -> str:
    """Return ``value`` rounded, with a true minus sign; rounding to zero leaves no sign behind."""
    rounded = round(value, decimals) + 0.0
    figure = f"{abs(rounded):.{decimals}f}"
    if rounded < 0:
        return f"−{figure}"
    return f"+{figure}" if sign and rounded > 0 else figure


def count(value: int) -> str:
    """Return a whole number with its thousands apart: 12 345."""
    return f"{value:,}".replace(",", _THIN)


def percent(share: float) -> str:
    """Return a share between 0 and 1 in per cent: 43.6 %."""
    return f"{number(100 * share, decimals=1)}{_THIN}%"


def p_value(value: float) -> str:
    """Return a p-value with four decimals; what is smaller is said to be smaller, never 0."""
    return f"<{_THIN}0.0001" if value < 0.0001 else number(value, decimals=4)


def spell(cell: Cell) -> str:
    """Return a cell as plain text, foreign words made :func:`visible`."""
    value, interval = parts(cell)
    return f"{value} {interval}" if interval else value


def parts(cell: Cell) -> tuple[str, str]:
    """Return a cell's value and its interval in brackets (empty where there is none) as plain text."""
    if cell is None:
        return "–", ""
    if isinstance(cell, str):
        return visible(cell), ""
    if isinstance(cell, (Badge, Shown)):
        return visible(cell.words), ""
    if isinstance(cell, PValue):
        return p_value(cell.value), ""
    if isinstance(cell, int):
        return count(cell), ""
    if isinstance(cell, float):
        return number(cell), ""
    measurement = cell if isinstance(cell, (Estimate, Undefined)) else cell.measurement
    if isinstance(measurement, float):
        return percent(measurement), ""
    if isinstance(measurement, Undefined):
        return visible(f"undefined: {measurement.reason} (n = {measurement.n})"), ""
    return _interval(cell, measurement)


def is_number(cell: Cell) -> bool:
    """Return whether a cell is set like a number, to the right."""
    return cell is not None and not isinstance(cell, (str, Badge)) and not is_undefined(cell)


def is_undefined(cell: Cell) -> bool:
    """Return whether a cell holds a quantity that does not exist."""
    return isinstance(cell.measurement if isinstance(cell, (Signed, Percent, Points)) else cell, Undefined)


def _interval(cell: Cell, estimate: Estimate) -> tuple[str, str]:
    ends = (estimate.value, estimate.low, estimate.high)
    if isinstance(cell, Percent):
        value, low, high = (number(100 * end, decimals=1) for end in ends)
        return f"{value}{_THIN}%", f"[{low}, {high}]"
    if isinstance(cell, Points):
        value, low, high = (number(100 * end, sign=True, decimals=1) for end in ends)
    else:
        value, low, high = (number(end, sign=isinstance(cell, Signed)) for end in ends)
    return value, f"[{low}, {high}]"
