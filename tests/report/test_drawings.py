"""The drawings of an audit: the same bytes for the same data, gaps stay gaps, logarithms take zeros."""

import re
import struct

import pytest

from fairhire.estimate import Estimate, Undefined
from fairhire.report.drawings import (
    Bars,
    Drawing,
    Histograms,
    Intervals,
    Line,
    LinePanel,
    Lines,
    Mark,
    Panel,
    Row,
    Trace,
    TracePanel,
    Traces,
)
from fairhire.report.figures import draw_png, draw_svg, font_files

RATIO = Estimate(0.8, 0.6, 1.1, 0.95, 100)
NOTHING = Estimate(0.0, 0.0, 0.498, 0.95, 72)
FAR = Estimate(30.0, 2.0, 900.0, 0.95, 9)


def ratios(*marks: Estimate | Undefined) -> Intervals:
    rows = tuple(Row("", f"group {place}", (Mark("open", mark),), note="n") for place, mark in enumerate(marks))
    panel = Panel("", "impact ratio", rows, lines=((0.8, "four fifths"), (1.0, "")), limits=(0.6, 1.25), scale="log")
    return Intervals((panel,), (("open", "UNDECIDED"),))


def lines(*ys: float | None) -> Lines:
    xs = tuple(place / 10 for place in range(len(ys)))
    panel = LinePanel("group", Line(xs, ys, ys, ys), ((0.8, "four fifths"),), ((0.5, "deployed"),))
    return Lines((panel,), "threshold", "impact ratio", (0.0, 1.0), (0.3, 2.0), "log")


def bars(counts: tuple[float, ...]) -> Histograms:
    one = Bars("group", (0.0, 0.5, 1.0), counts, ((0.5, "cut"),))
    return Histograms((one, one), "score", one)


ALL = [ratios(RATIO, NOTHING, FAR), lines(0.9, None, 0.7), bars((3.0, 5.0))]


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


@pytest.mark.parametrize("drawing", ALL)
def test_the_same_drawing_gives_the_same_bytes(drawing: Drawing) -> None:
    assert draw_svg(drawing, name="a") == draw_svg(drawing, name="a")
    assert draw_png(drawing) == draw_png(drawing)


@pytest.mark.parametrize("drawing", ALL)
def test_a_drawing_for_paper_has_its_resolution_and_no_date(drawing: Drawing) -> None:
    png = draw_png(drawing, dpi=200)
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">I", png[16:20])[0] == 1720
    assert b"tIME" not in png
    assert b"Software" not in png


def test_a_logarithmic_axis_takes_a_ratio_of_zero_and_a_huge_one() -> None:
    svg = draw_svg(ratios(NOTHING, FAR, RATIO), name="a")
    assert "nan" not in svg.lower()
    assert "inf" not in svg.lower()
    assert {"0.8", "1"} <= set(words(svg))


def test_a_ratio_that_does_not_exist_is_said_and_not_drawn() -> None:
    assert "undefined" in words(draw_svg(ratios(RATIO, Undefined("nobody", 3)), name="a"))


def test_a_gap_stays_a_gap() -> None:
    def longest(drawing: Lines) -> int:
        """Return the number of points of the line, which is the widest stroke of its colour."""
        strokes = re.findall(r'd="([^"]*)"[^>]*stroke: #0b5c8a; stroke-width: 1.5', draw_svg(drawing, name="a"))
        return max((len(re.findall(r"L ", stroke)) for stroke in strokes), default=0)

    assert longest(lines(0.9, 0.8, 0.7, 0.6, 0.5)) == 4
    assert longest(lines(0.9, 0.8, None, 0.6, 0.5)) == 2  # two pieces of one stroke each
    assert longest(lines(0.9, None, 0.7, None, 0.5)) == 0


def test_lines_without_any_point_are_drawn_empty() -> None:
    assert "four fifths" in words(draw_svg(lines(None, None), name="a"))


def test_an_empty_histogram_has_no_bars_and_no_nan() -> None:
    assert "nan" not in draw_svg(bars((0.0, 0.0)), name="a").lower()


def test_what_is_marked_is_named() -> None:
    assert "deployed" in words(draw_svg(lines(0.9, 0.8), name="a"))
    assert words(draw_svg(bars((1.0, 2.0)), name="a")).count("cut") == 2


def test_the_font_for_paper_is_there() -> None:
    assert set(font_files()) == {"regular", "bold", "italic"}
    assert all(path.is_file() for path in font_files().values())


def traces(*ys: float, limits: tuple[float, float] | None = None) -> Traces:
    xs = tuple(float(place) for place in range(len(ys)))
    one = Trace("audited", "ours", xs, ys, tuple(y - 1 for y in ys), tuple(y + 1 for y in ys))
    panel = TracePanel("audio", "seconds", (one,), ((1.0, ys[1], "peak <here>"),), ((1.0, "equal"),), limits)
    return Traces((panel, panel), "value", 2)


def test_traces_name_their_lines_once_and_mark_their_peaks() -> None:
    svg = draw_svg(traces(0.5, 2.5, 1.0), name="d")
    assert svg.count(">ours</text>") == 1
    assert svg.count("peak &lt;here&gt;") == 2
    assert svg.count(">equal</text>") == 2
    assert svg == draw_svg(traces(0.5, 2.5, 1.0), name="d")


def test_an_axis_shows_its_limits_at_least() -> None:
    flat = draw_svg(traces(1.0, 1.01, limits=(0.0, 2.0)), name="d")
    assert ">0.0</text>" in flat
    assert ">2.0</text>" in flat
    assert ">5</text>" not in flat
    assert draw_png(traces(0.5, 2.5), dpi=50).startswith(b"\x89PNG")
