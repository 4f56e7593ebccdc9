"""Describes what is to be drawn, without drawing it: intervals in rows, lines with bands, histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairhire.estimate import Measurement

__all__ = [
    "Bars",
    "Curve",
    "CurvePanel",
    "Drawing",
    "Histograms",
    "Intervals",
    "Line",
    "LinePanel",
    "Lines",
    "Mark",
    "Panel",
    "Row",
    "Scale",
    "Scatter",
    "Spot",
    "Trace",
    "TracePanel",
    "Traces",
]

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Mark:
    """One measurement, drawn as a point with its interval in the style of ``series``."""

    series: str
    measurement: Measurement


@dataclass(frozen=True)
class Row:
    """A line of a panel: ``label`` at the left, its marks one below the other, ``note`` at the right."""

    group: str
    label: str
    marks: tuple[Mark, ...]
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """Rows over one axis; a thin gap parts the groups. ``lines`` are (value, words) drawn through all rows."""

    title: str
    axis: str
    rows: tuple[Row, ...]
    lines: tuple[tuple[float, str], ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)
    scale: Scale = "linear"


@dataclass(frozen=True)
class Curve:
    """Values over epochs in the style of ``series``; ``chosen`` is the epoch that is marked."""

    series: str
    label: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    chosen: int | None = None


@dataclass(frozen=True)
class CurvePanel:
    """Curves over one axis; ``missing`` is said where there are none."""

    title: str
    axis: str
    curves: tuple[Curve, ...]
    missing: str = ""


@dataclass(frozen=True)
class Line:
    """A line through (``xs``, ``ys``) with a band from ``lows`` to ``highs``; None leaves a gap.

    Lines have no interval where ``lows`` and ``highs`` are empty; ``bars`` draws the intervals as bars at the points.
    """

    xs: tuple[float, ...]
    ys: tuple[float | None, ...]
    lows: tuple[float | None, ...] = ()
    highs: tuple[float | None, ...] = ()
    band: Literal["band", "bars"] = "band"


@dataclass(frozen=True)
class LinePanel:
    """One line with its guides: (value, words) across (``levels``) and upright (``cuts``), and the diagonal."""

    title: str
    line: Line
    levels: tuple[tuple[float, str], ...] = ()
    cuts: tuple[tuple[float, str], ...] = ()
    diagonal: bool = False


@dataclass(frozen=True)
class Bars:
    """A histogram: ``counts`` (K,) between ``edges`` (K + 1,); ``marks`` are (value, words) drawn upright."""

    title: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Intervals:
    """Panels of rows in columns, and the legend: (series, words)."""

    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, str], ...]
    columns: int = 1


@dataclass(frozen=True)
class Lines:
    """Small multiples of lines over the same two axes."""

    panels: tuple[LinePanel, ...]
    x: str
    y: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    scale: Scale = "linear"


@dataclass(frozen=True)
class Histograms:
    """Small multiples of histograms over the same axis, each as shares of its own people.

    ``reference`` is the histogram whose outline is drawn into every other.
    """

    panels: tuple[Bars, ...]
    x: str
    reference: Bars | None = None


@dataclass(frozen=True)
class Spot:
    """One measured thing in a plane: its two measurements, to which ``group`` it belongs, and whether it is ringed."""

    group: str
    x: Measurement
    y: Measurement
    ringed: bool = False


@dataclass(frozen=True)
class Scatter:
    """Spots with intervals both ways; ``front`` joins (x, y) by a line, ``levels`` are (y, words) drawn across."""

    spots: tuple[Spot, ...]
    x: str
    y: str
    front: tuple[tuple[float, float], ...] = ()
    levels: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Trace:
    """A line through (``xs``, ``ys``) in the style of ``series``, with a band where it has ``lows`` and ``highs``."""

    series: str
    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()


@dataclass(frozen=True)
class TracePanel:
    """Lines over the same two axes; ``peaks`` are (x, y, words) marked on them, ``levels`` (y, words) drawn across.

    The upright axis shows ``limits`` at least, so that small differences look small.
    """

    title: str
    x: str
    traces: tuple[Trace, ...]
    peaks: tuple[tuple[float, float, str], ...] = ()
    levels: tuple[tuple[float, str], ...] = ()
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Traces:
    """Panels of several lines in ``columns``, one legend for all."""

    panels: tuple[TracePanel, ...]
    y: str
    columns: int = 1


Drawing = Intervals | Lines | Histograms | Scatter | Traces
