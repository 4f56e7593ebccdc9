"""Draws figures as SVG text that stands inside a page; the only file that knows matplotlib.

The same data give the same bytes: no date, no random id, no global setting of matplotlib is read or changed.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Transform

from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.drawings import (
    Bars,
    Curve,
    CurvePanel,
    Drawing,
    Histograms,
    Intervals,
    Line,
    Lines,
    Mark,
    Panel,
    Row,
    Scatter,
    TracePanel,
    Traces,
)
from fairhire.report.page import Fragment

__all__ = [
    "Curve",
    "CurvePanel",
    "Mark",
    "Panel",
    "Row",
    "draw_curves",
    "draw_intervals",
    "draw_png",
    "draw_svg",
    "font_files",
]

_WIDTH = 8.6
"""Inches; at the page's width a point of type is then 1.5 pixels on a screen and 0.83 points on A4."""

_SERIES = {  # colour, marker: to be told apart without colour too
    "undefended": ("#b3490b", "o"),
    "defended": ("#0b5c8a", "s"),
    "recruiters": ("#6b7280", "^"),
    "truth": ("#1b1f24", "D"),
    "chance": ("#6b7280", ""),
    "clear": ("#1a6b3c", "o"),
    "below": ("#a3211b", "s"),
    "open": ("#9a6700", "D"),  # undecided
    "unread": ("#57606a", "^"),  # a ratio with no reading
    "audited": ("#0b5c8a", "s"),
    "baseline": ("#b3490b", "o"),
}
_GROUPS = tuple(  # of a scatter, in their order: colour and marker
    (colour, marker)
    for marker in ("o", "s", "D", "^")
    for colour in ("#b3490b", "#0b5c8a", "#1a6b3c", "#7b3fa0", "#9a6700", "#a3211b", "#2a8c8c", "#57606a")
)
_RATIOS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2, 3, 5, 10, 20)
_INK, _SOFT, _LINE = "#1b1f24", "#57606a", "#d5dae0"
_LONGEST = 30  # letters of a label
_MARKED = 12  # points of a line up to which each has its marker
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


def draw_svg(drawing: Drawing, *, name: str) -> Fragment:
    """Return a drawing as an element of a page; ``name`` keeps its ids its own."""
    with _settings():
        return _svg(_draw(drawing), name)


def draw_png(drawing: Drawing, *, dpi: int = 200) -> bytes:
    """Return a drawing as PNG of ``dpi`` dots an inch, for paper."""
    with _settings():
        buffer = io.BytesIO()
        _draw(drawing).savefig(buffer, format="png", dpi=dpi, metadata={"Software": None}, facecolor="white")
        return buffer.getvalue()


def font_files() -> dict[str, Path]:
    """Return the TrueType files of the Unicode font that matplotlib ships, by weight: regular, bold, italic."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = {"regular": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf", "italic": "DejaVuSans-Oblique.ttf"}
    return {weight: folder / name for weight, name in names.items()}


def draw_intervals(
    panels: Sequence[Panel], *, name: str, legend: Sequence[tuple[str, str]], columns: int = 1
) -> Fragment:
    """Return panels in ``columns``, rows of the same height in all of them.

    ``legend`` pairs series and words, ``name`` keeps the drawing's ids its own. Panels beside each other that have the
    same rows name them once.
    """
    with _settings():
        return _svg(_rows(Intervals(tuple(panels), tuple(legend), columns)), name)


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


def _draw(drawing: Drawing) -> Figure:
    if isinstance(drawing, Intervals):
        return _rows(drawing)
    if isinstance(drawing, Scatter):
        return _scatter(drawing)
    if isinstance(drawing, Traces):
        return _traces(drawing)
    return _lines(drawing) if isinstance(drawing, Lines) else _histograms(drawing)


def _rows(drawing: Intervals) -> Figure:
    panels, columns = drawing.panels, drawing.columns
    bands = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(_height(panel.rows) for panel in band) for band in bands]
    figure = Figure(figsize=(_WIDTH, 0.4 + sum(0.75 + 0.21 * height for height in heights)), layout="constrained")
    grid = figure.subplots(
        len(bands), columns, squeeze=False, gridspec_kw={"height_ratios": [height + 1.1 for height in heights]}
    )
    for axes, band, height in zip(grid, bands, heights, strict=True):
        for ax, panel in zip(axes, band, strict=False):
            _draw_rows(ax, panel, height)
            if panel is not band[0] and [row.label for row in panel.rows] == [row.label for row in band[0].rows]:
                ax.tick_params(axis="y", labelleft=False)
        for ax in axes[len(band) :]:
            ax.set_visible(False)
    figure.legend(
        [_handle(series) for series, _ in drawing.legend],
        [words for _, words in drawing.legend],
        loc="outside upper left",
        ncols=len(drawing.legend),
        frameon=False,
        handletextpad=0.4,
    )
    return figure


def _lines(drawing: Lines) -> Figure:
    """Return one small panel a line, three beside each other."""
    columns, figure, grid = _multiples(len(drawing.panels), 2.35)
    for place, (ax, panel) in enumerate(zip(grid, drawing.panels, strict=False)):
        _frame(ax, _short(panel.title))
        ax.set_yscale(drawing.scale)
        ax.set_xlim(*drawing.x_limits)
        ax.set_ylim(*drawing.y_limits)
        if drawing.scale == "log":
            _ratio_ticks(ax.yaxis, drawing.y_limits)
        if panel.diagonal:
            ax.plot([0, 1], [0, 1], color=_SOFT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        for value, words in panel.levels:
            ax.axhline(value, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
            _guide(ax, words, (0.99, value), ax.get_yaxis_transform(), ha="right", va="bottom")
        for value, words in panel.cuts:
            ax.axvline(value, color=_SERIES["below"][0], linewidth=1.1, zorder=2)
            _guide(ax, words, (value, 0.98), ax.get_xaxis_transform(), ha="left", va="top")
        _draw_line(ax, panel.line)
        _outer_labels(ax, place, columns, len(drawing.panels), drawing.x, drawing.y)
    return figure


def _histograms(drawing: Histograms) -> Figure:
    columns, figure, grid = _multiples(len(drawing.panels), 1.95)
    tallest = max((max(_shares(bars)) for bars in drawing.panels), default=1.0) or 1.0
    for place, (ax, bars) in enumerate(zip(grid, drawing.panels, strict=False)):
        _frame(ax, _short(bars.title))
        ax.stairs(_shares(bars), bars.edges, fill=True, color="#9cc3dd", zorder=2)
        if drawing.reference is not None and bars is not drawing.reference:
            ax.stairs(_shares(drawing.reference), drawing.reference.edges, color=_INK, linewidth=0.9, zorder=3)
        ax.set_xlim(bars.edges[0], bars.edges[-1])
        ax.set_ylim(0, 1.15 * tallest)
        for value, words in bars.marks:
            ax.axvline(value, color=_SERIES["below"][0], linewidth=1.1, zorder=4)
            _guide(ax, words, (value, 0.98), ax.get_xaxis_transform(), ha="left", va="top")
        _outer_labels(ax, place, columns, len(drawing.panels), drawing.x, "share of the group")
    return figure


def _scatter(drawing: Scatter) -> Figure:
    """Return spots in a plane, each group in its own colour and marker; a ring around those that are singled out."""
    figure = Figure(figsize=(_WIDTH, 4.6), layout="constrained")
    ax = figure.subplots()
    _frame(ax, "")
    ax.grid(color=_LINE, linewidth=0.5)
    groups = list(dict.fromkeys(spot.group for spot in drawing.spots))
    for spot in drawing.spots:
        if not (isinstance(spot.x, Estimate) and isinstance(spot.y, Estimate)):
            continue
        colour, marker = _GROUPS[groups.index(spot.group) % len(_GROUPS)]
        ax.plot([spot.x.low, spot.x.high], [spot.y.value] * 2, color=colour, linewidth=0.9, alpha=0.45, zorder=2)
        ax.plot([spot.x.value] * 2, [spot.y.low, spot.y.high], color=colour, linewidth=0.9, alpha=0.45, zorder=2)
        ax.plot([spot.x.value], [spot.y.value], marker, color=colour, markersize=6, zorder=4)
        if spot.ringed:
            ax.plot([spot.x.value], [spot.y.value], "o", markersize=14, fillstyle="none", color=_INK, zorder=5)
    if drawing.front:
        xs, ys = zip(*drawing.front, strict=True)
        ax.plot(xs, ys, color=_INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    for value, words in drawing.levels:
        ax.axhline(value, color=_SOFT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        _guide(ax, words, (0.99, value), ax.get_yaxis_transform(), ha="right", va="bottom")
    ax.set_xlabel(drawing.x)
    ax.set_ylabel(drawing.y)
    figure.legend(
        [
            Line2D([], [], color=_GROUPS[place % len(_GROUPS)][0], marker=_GROUPS[place % len(_GROUPS)][1], linewidth=0)
            for place in range(len(groups))
        ],
        [_wrapped(group) for group in groups],
        loc="outside right upper",
        frameon=False,
        handletextpad=0.2,
    )
    return figure


def _traces(drawing: Traces) -> Figure:
    """Return panels of lines, each panel with its own axes; who is who stands once above them."""
    bands = -(-len(drawing.panels) // drawing.columns)
    figure = Figure(figsize=(_WIDTH, 0.4 + (2.6 if drawing.columns > 1 else 1.9) * bands), layout="constrained")
    grid = list(figure.subplots(bands, drawing.columns, squeeze=False).flat)
    for ax in grid[len(drawing.panels) :]:
        ax.set_visible(False)
    for ax, panel in zip(grid, drawing.panels, strict=False):
        _draw_traces(ax, panel)
        ax.set_ylabel(drawing.y)
    traces = [trace for panel in drawing.panels for trace in panel.traces]
    legend = dict.fromkeys((trace.series, trace.label) for trace in traces)
    few = all(len(trace.xs) <= _MARKED for trace in traces)
    figure.legend(
        [_line_handle(series, marked=few) for series, _ in legend],
        [_clean(label) for _, label in legend],
        loc="outside upper left",
        ncols=max(1, len(legend)),
        frameon=False,
    )
    return figure


def _draw_traces(ax: Axes, panel: TracePanel) -> None:
    _frame(ax, panel.title)
    ax.set_xlabel(panel.x)
    ax.grid(axis="y", color=_LINE, linewidth=0.6)
    ax.margins(x=0.02, y=0.16)  # room for what is written at the peaks
    for value, words in panel.levels:
        ax.axhline(value, color=_SOFT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        _say(ax, 1.01, value, words, transform=ax.get_yaxis_transform(), va="center", color=_SOFT, fontsize=7.5)
    for trace in panel.traces:
        colour, marker = _SERIES[trace.series]
        if trace.lows:
            ax.fill_between(trace.xs, trace.lows, trace.highs, color=colour, alpha=0.16, linewidth=0, zorder=2)
        few = len(trace.xs) <= _MARKED
        ax.plot(
            trace.xs, trace.ys, _dash(trace.series), marker=marker if few else "", markersize=4, color=colour,
            linewidth=1.4, zorder=3,
        )  # fmt: skip
    for x, y, words in panel.peaks:
        ax.plot([x], [y], "o", color=_INK, markersize=4.5, zorder=5)
        ax.annotate(words, (x, y), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=7.5, color=_INK)
    if panel.limits is not None:
        low, high = ax.get_ylim()
        least, most = panel.limits
        ax.set_ylim(least if min(min(trace.ys) for trace in panel.traces) >= least else low, max(high, most))


def _dash(series: str) -> Literal["--", "-"]:
    return "--" if series == "chance" else "-"


def _line_handle(series: str, *, marked: bool) -> Line2D:
    colour, marker = _SERIES[series]
    return Line2D(
        [], [], color=colour, marker=marker if marked else "", linestyle=_dash(series), linewidth=1.6, markersize=4.5
    )


def _multiples(panels: int, height: float) -> tuple[int, Figure, list[Axes]]:
    """Return the number of columns, a figure, and one pair of axes a panel; what is left over is not drawn."""
    columns = 2 if panels < 3 else 3  # a lone panel keeps half the width: a wider one would be all air
    bands = -(-panels // columns)
    figure = Figure(figsize=(_WIDTH, 0.3 + height * bands), layout="constrained")
    grid = list(figure.subplots(bands, columns, squeeze=False).flat)
    for ax in grid[panels:]:
        ax.set_visible(False)
    return columns, figure, grid[:panels]


def _outer_labels(ax: Axes, place: int, columns: int, panels: int, x: str, y: str) -> None:
    """Name the axes at the outer edge of the multiples only."""
    if place + columns >= panels:
        ax.set_xlabel(x)
    if place % columns == 0:
        ax.set_ylabel(y)
    else:
        ax.tick_params(axis="y", labelleft=False)
    ax.grid(axis="y", color=_LINE, linewidth=0.6)


def _draw_line(ax: Axes, line: Line) -> None:
    colour = _SERIES["audited"][0]
    ys, lows, highs = (
        np.array([np.nan if value is None else value for value in values], dtype=float)
        for values in (line.ys, line.lows or line.ys, line.highs or line.ys)
    )
    if line.band == "bars":
        ax.vlines(line.xs, lows, highs, color=colour, linewidth=1.3, zorder=3)
        ax.plot(line.xs, ys, "o-", color=colour, linewidth=0.9, markersize=3.6, zorder=4)
        return
    ax.fill_between(line.xs, lows, highs, color=colour, alpha=0.18, linewidth=0, zorder=2)
    ax.plot(line.xs, ys, "-", color=colour, linewidth=1.5, zorder=4)
    alone = np.isfinite(ys) & ~np.isfinite(np.roll(ys, 1)) & ~np.isfinite(np.roll(ys, -1))
    ax.plot(np.array(line.xs)[alone], ys[alone], "o", color=colour, markersize=3, zorder=4)


def _guide(ax: Axes, words: str, place: tuple[float, float], transform: Transform, **style: Any) -> None:
    if words:
        shift = (3 if style["ha"] == "left" else -3, 1 if style["va"] == "bottom" else -1)
        more: dict[str, Any] = {"color": _SOFT, "fontsize": 7.5} | style
        ax.annotate(_short(words), place, xycoords=transform, xytext=shift, textcoords="offset points", **more)


def _shares(bars: Bars) -> list[float]:
    total = sum(bars.counts)
    return [count / total if total else 0.0 for count in bars.counts]


def _ratio_ticks(axis: Axis, limits: tuple[float, float]) -> None:
    """Name round ratios on a logarithmic axis, in plain decimals."""
    ticks = [tick for tick in _RATIOS if limits[0] <= tick <= limits[1]]
    if len(ticks) > 10:
        ticks = [tick for tick in ticks if tick in (0.05, 0.1, 0.2, 0.5, 0.8, 1, 2, 5, 10, 20)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _draw_curve(ax: Axes, curve: Curve) -> None:
    colour, _ = _SERIES[curve.series]
    ax.plot(curve.epochs, curve.values, _dash(curve.series), color=colour, linewidth=1.4, label=_short(curve.label))
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
    if panel.scale == "log":
        low, high = max(low, _RATIOS[0]) / 1.05, min(high, _RATIOS[-1]) * 1.05
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        _ratio_ticks(ax.xaxis, (low, high))
    else:
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
        labels.append(_wrapped(row.label))
        if row.note:
            _say(ax, 1.01, middle, _short(row.note), transform=ax.get_yaxis_transform(), va="center", color=_SOFT)
        for mark in row.marks:
            _draw_mark(ax, mark, y, low)
            y += 0.9
        y += 0.3
    ax.set_yticks(places, labels, linespacing=0.95, multialignment="right")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _draw_mark(ax: Axes, mark: Mark, y: float, left: float) -> None:
    colour, marker = _SERIES[mark.series]
    measurement = mark.measurement
    if isinstance(measurement, Undefined):
        _say(ax, left, y, "undefined", color=colour, fontsize=7.5, va="center", style="italic")
        return
    start = max(measurement.low, left) if left > 0 else measurement.low  # a logarithmic axis has no zero
    ax.plot([start, measurement.high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=3)
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


def _wrapped(words: str) -> str:
    """Return ``words`` on two lines at most."""
    return "\n".join(textwrap.wrap(_clean(words), _LONGEST, max_lines=2, placeholder="…"))


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
