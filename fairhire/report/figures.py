"""Draws figures as SVG text that stands inside a page; the only file that knows matplotlib.

The same data give the same bytes: no date, no random id, no global setting of matplotlib is read or changed.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.page import Fragment

__all__ = ["Curve", "CurvePanel", "Mark", "Panel", "Row", "draw_curves", "draw_intervals"]

_WIDTH = 8.6
"""Inches; at the page's width a point of type is then 1.5 pixels on a screen and 0.83 points on A4."""

_SERIES = {  # colour, marker: to be told apart without colour too
    "undefended": ("#b3490b", "o"),
    "defended": ("#0b5c8a", "s"),
    "recruiters": ("#6b7280", "^"),
    "truth": ("#1b1f24", "D"),
    "chance": ("#6b7280", ""),
}
_INK, _SOFT, _LINE = "#1b1f24", "#57606a", "#d5dae0"
_LONGEST = 30  # letters of a label
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: to be searched, read aloud, and printed in the page's own type
    "svg.hashsalt": "fairhire",
    "text.parse_math": False,  # a category may be called "$x"
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 9,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.7,
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _INK,
    "xtick.labelcolor": _INK,
    "legend.fontsize": 9,
}


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


def draw_intervals(
    panels: Sequence[Panel], *, name: str, legend: Sequence[tuple[str, str]], columns: int = 1
) -> Fragment:
    """Return panels in ``columns``, rows of the same height in all of them.

    ``legend`` pairs series and words, ``name`` keeps the drawing's ids its own. Panels beside each other that have the
    same rows name them once.
    """
    bands = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(_height(panel.rows) for panel in band) for band in bands]
    with _settings():
        figure = Figure(figsize=(_WIDTH, 0.4 + sum(0.75 + 0.21 * height for height in heights)), layout="constrained")
        grid = figure.subplots(
            len(bands), columns, squeeze=False, gridspec_kw={"height_ratios": [height + 1.1 for height in heights]}
        )
        for axes, band, height in zip(grid, bands, heights, strict=True):
            for ax, panel in zip(axes, band, strict=True):
                _draw_rows(ax, panel, height)
                if panel is not band[0] and [row.label for row in panel.rows] == [row.label for row in band[0].rows]:
                    ax.tick_params(axis="y", labelleft=False)
        figure.legend(
            [_handle(series) for series, _ in legend],
            [words for _, words in legend],
            loc="outside upper left",
            ncols=len(legend),
            frameon=False,
            handletextpad=0.4,
        )
        return _svg(figure, name)


def draw_curves(panels: Sequence[CurvePanel], *, name: str) -> Fragment:
    """Return panels of curves over epochs side by side."""
    with _settings():
        figure = Figure(figsize=(_WIDTH, 2.9), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, ax in zip(panels, axes, strict=True):
            _frame(ax, panel.title)
            ax.set_xlabel("epoch")
            ax.set_ylabel(panel.axis)
            ax.grid(axis="y", color=_LINE, linewidth=0.6)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            for curve in panel.curves:
                _draw_curve(ax, curve)
            if panel.curves:
                ax.legend(frameon=False, loc="best")
            else:
                ax.set_xticks([])
                ax.set_yticks([])
                _say(ax, 0.5, 0.5, panel.missing, transform=ax.transAxes, ha="center", va="center", color=_SOFT)
        return _svg(figure, name)


def _draw_curve(ax: Axes, curve: Curve) -> None:
    colour, _ = _SERIES[curve.series]
    style = "--" if curve.series == "chance" else "-"
    ax.plot(curve.epochs, curve.values, style, color=colour, linewidth=1.4, label=_short(curve.label))
    if curve.chosen in curve.epochs:
        place = curve.epochs.index(curve.chosen)
        ax.plot(
            [curve.epochs[place]],
            [curve.values[place]],
            _SERIES[curve.series][1],
            color=colour,
            markersize=7,
            markerfacecolor="white",
            markeredgewidth=1.8,
        )


def _draw_rows(ax: Axes, panel: Panel, height: float) -> None:
    _frame(ax, panel.title)
    ax.set_xlabel(panel.axis)
    ends = [end for row in panel.rows for mark in row.marks for end in _ends(mark.measurement)]
    low, high = (min([panel.limits[0], *ends]), max([panel.limits[1], *ends]))
    margin = 0.03 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(height + 0.2, -0.9)
    ax.grid(axis="x", color=_LINE, linewidth=0.6)
    for value, words in panel.lines:
        ax.axvline(value, color=_INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        if words:
            ax.annotate(
                words, (value, -0.45), xytext=(4, 0), textcoords="offset points", va="center", color=_SOFT, fontsize=7.5
            )
    places, labels = [], []
    y, group = 0.0, panel.rows[0].group if panel.rows else ""
    for row in panel.rows:
        if row.group != group:
            ax.axhline(y + 0.05, color=_LINE, linewidth=0.6)
            y, group = y + 0.6, row.group
        middle = y + (len(row.marks) - 1) * 0.45
        places.append(middle)
        labels.append(_short(row.label))
        if row.note:
            _say(ax, 1.01, middle, _short(row.note), transform=ax.get_yaxis_transform(), va="center", color=_SOFT)
        for mark in row.marks:
            _draw_mark(ax, mark, y, low)
            y += 0.9
        y += 0.3
    ax.set_yticks(places, labels)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _draw_mark(ax: Axes, mark: Mark, y: float, left: float) -> None:
    colour, marker = _SERIES[mark.series]
    measurement = mark.measurement
    if isinstance(measurement, Undefined):
        _say(ax, left, y, "undefined", color=colour, fontsize=7.5, va="center", style="italic")
        return
    ax.plot([measurement.low, measurement.high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=3)
    ax.plot([measurement.value], [y], marker, color=colour, markersize=5.2, zorder=4)


def _handle(series: str) -> Line2D:
    colour, marker = _SERIES[series]
    return Line2D([], [], color=colour, marker=marker, linewidth=1.6, markersize=5.2)


def _height(rows: Sequence[Row]) -> float:
    groups = len({row.group for row in rows})
    return sum(0.9 * len(row.marks) + 0.3 for row in rows) + 0.6 * max(0, groups - 1)


def _ends(measurement: Measurement) -> tuple[float, ...]:
    return (measurement.low, measurement.high) if isinstance(measurement, Estimate) else ()


def _frame(ax: Axes, title: str) -> None:
    ax.set_title(_clean(title), loc="left")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.set_axisbelow(True)


def _say(ax: Axes, x: float, y: float, words: str, **style: Any) -> None:
    ax.text(x, y, words, **style)


def _clean(words: str) -> str:
    """Return what an XML text may hold, on one line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def _short(words: str) -> str:
    line = _clean(words)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


@contextmanager
def _settings() -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever the user's matplotlibrc says, and leave no trace."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        with warnings.catch_warnings():
            # Letters that our font lacks are measured as boxes; the reader's own font will draw them.
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
            yield


def _svg(figure: Figure, name: str) -> Fragment:
    """Return the drawing as an element of a page, its ids prefixed so that two drawings do not meet."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]

    def own(tag: re.Match[str]) -> str:
        """Work on tags only: foreign words stand between them, with < and > escaped."""
        words = re.sub(r'\sid="', f' id="{name}-', tag[0])
        words = re.sub(r'(xlink:href=")#', rf"\1#{name}-", words)
        words = words.replace("url(#", f"url(#{name}-")
        if words.startswith("<svg"):  # the page decides on the size, and its parser knows the name spaces
            words = re.sub(r'\s(xmlns|xmlns:xlink|width|height|version)="[^"]*"', "", words)
        return words

    return Fragment(re.sub(r"<[^>]*>", own, text))
