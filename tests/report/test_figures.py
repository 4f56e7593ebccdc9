"""Drawings: the same bytes for the same data, foreign words as words, nothing invented for what is undefined."""

import re
import xml.etree.ElementTree as ET

import matplotlib
import pytest

from fairhire.estimate import Estimate, Undefined
from fairhire.report.figures import Curve, CurvePanel, Mark, Panel, Row, draw_curves, draw_intervals

LEVEL = Estimate(0.8, 0.7, 0.9, 0.95, 100)
LEGEND = [("undefended", "undefended"), ("defended", "defended")]


def intervals(label: str = "gender, linear", measurement=LEVEL, name: str = "one") -> str:
    marks = (Mark("undefended", LEVEL), Mark("defended", measurement))
    rows = (Row("a", label, marks, note=label), Row("b", "other", marks))
    return draw_intervals([Panel(label, "AUC", rows, lines=((0.5, "chance"),))] * 2, name=name, legend=LEGEND)


def curves(panel: CurvePanel) -> str:
    return draw_curves([panel], name="two")


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="x" ', 1))


def words(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in parse(svg).iter("text")]


def test_the_same_data_give_the_same_bytes_whatever_the_users_settings() -> None:
    first = intervals()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": None}):
        assert intervals() == first
        assert matplotlib.rcParams["font.size"] == 30
    assert intervals(measurement=Estimate(0.8, 0.75, 0.9, 0.95, 100)) != first


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "a $x^2 & _ \\ %", ' id="x" url(#y)', "--><b>", "A\x00B", "亚洲"]
)
def test_foreign_words_are_drawn_as_words(hostile: str) -> None:
    svg = intervals(hostile)
    shown = hostile if len(hostile) <= 30 else f"{hostile[:29]}…"
    assert " ".join(shown.replace("\x00", " ").split()) in [word.strip() for word in words(svg)]
    assert {element.tag for element in parse(svg).iter()} <= {
        "svg",
        "defs",
        "style",
        "g",
        "path",
        "text",
        "use",
        "clipPath",
        "rect",
    }


def test_what_is_undefined_is_said_and_not_drawn_as_a_point() -> None:
    svg = intervals(measurement=Undefined("too few", 3))
    assert words(svg).count("undefined") == 4  # two rows in two panels


def test_two_drawings_share_no_id() -> None:
    first, second = (set(re.findall(r'id="([^"]+)"', intervals(name=name))) for name in ("one", "two"))
    assert first
    assert not first & second


def test_every_reference_points_into_the_drawing() -> None:
    svg = intervals()
    ids = set(re.findall(r'id="([^"]+)"', svg))
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg)) <= ids


def test_a_drawing_names_no_date_no_host_and_no_size_of_its_own() -> None:
    svg = intervals()
    assert "http" not in svg
    assert "date" not in svg.lower()
    assert re.match(r'<svg viewBox="[0-9. ]+">', svg)


def test_curves_are_drawn_and_what_is_missing_is_said() -> None:
    curve = Curve("defended", "accuracy", (1, 2, 3), (0.1, 0.2, 0.3), chosen=2)
    assert "accuracy" in words(curves(CurvePanel("T", "y", (curve,))))
    assert "no adversary played" in words(curves(CurvePanel("T", "y", (), missing="no adversary played")))


def test_the_drawing_grows_with_its_rows() -> None:
    def height(rows: int) -> float:
        panel = Panel("t", "AUC", tuple(Row("a", str(row), (Mark("defended", LEVEL),)) for row in range(rows)))
        return float(
            re.findall(r'viewBox="0 0 [0-9.]+ ([0-9.]+)"', draw_intervals([panel], name="x", legend=LEGEND))[0]
        )

    assert height(20) > 2 * height(4)
