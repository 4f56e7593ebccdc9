"""The whole page of a trial: one file, the same bytes, every number with its count, nothing foreign unescaped."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.estimate import Undefined
from fairhire.left_out import LeftOut
from fairhire.report import AdversaryEnd, Trial, render_comparison

MakeTrial = Callable[..., Trial]
VOID = {"meta", "br", "hr", "col"}


class Outline(HTMLParser):
    """Checks that tags close in order, and collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def outline(html: str) -> Outline:
    reader = Outline()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def html(make_trial: MakeTrial) -> str:
    return render_comparison(make_trial())


def test_the_same_trial_gives_the_same_bytes(make_trial: MakeTrial, html: str) -> None:
    assert render_comparison(make_trial()) == html
    assert render_comparison(make_trial(merit="lower")) != html


def test_the_page_needs_no_script_and_no_network(html: str) -> None:
    read = outline(html)
    assert not read.tags & {"script", "link", "img", "iframe", "object", "embed", "video", "audio", "base", "form"}
    for name, value in read.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href"):
            assert value.startswith("#")
    assert not re.search(r"https?:|@import|url\((?!#)", html)
    assert html.isprintable() or html.replace("\n", "").isprintable()


def test_the_words_come_first_then_three_drawings_then_the_tables(html: str) -> None:
    places = [
        html.index(words)
        for words in (
            "Simulated data with planted bias",
            "What was found",
            "How sure",
            "What it does not show",
            "What to do next",
            "Figure 1",
            "Figure 2",
            "Figure 3",
            "<table>",
            "SHA-256 of corpus.json",
        )
    ]
    assert places == sorted(places)
    assert html.count("<svg ") == html.count('role="img"') == 3
    assert html.count("<table>") == html.count("<caption>")


def test_every_id_occurs_once_and_every_reference_leads_to_one(html: str) -> None:
    ids = outline(html).ids
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', html)) <= {
        pair for one in ids for pair in ((one, ""), ("", one))
    }


@settings(deadline=None, max_examples=4)
@given(st.text(min_size=1).filter(lambda text: text.strip() not in ("", "x", "unknown")))
def test_hostile_names_stay_words(make_trial: MakeTrial, name: str) -> None:
    names = (f"<script>{name}", f'"><img src=x onerror=alert(1)>{name}', f"&{name}")
    trial = replace(
        make_trial(names=names, leak={names[0]: "lower"}),
        left_out=(LeftOut(names[0], 1, names[1]),),
        remarks=(names[0],),
        provenance=((names[0], names[1]),),
        adversary=AdversaryEnd(0.1, 0.1, names[0]),
    )
    read = outline(render_comparison(trial))
    assert not read.tags & {"script", "img"}
    assert not any(attribute.startswith("on") for attribute, _ in read.attributes)
    assert any("<script>" in words for words in read.text)


def test_what_is_undefined_is_shown_with_its_reason_and_never_as_a_number(make_trial: MakeTrial) -> None:
    missing = Undefined("fewer than 10 people", 3)
    trial = replace(
        make_trial(leak={"gender": "undefined"}, merit="undefined", ratio="undefined"),
        merit_change=missing,
        task_change=missing,
        adversary=None,
    )
    html = render_comparison(trial)
    assert "undefined: fewer than 10 people (n = 3)" in html
    assert "undefined: nobody is chosen (n = 500)" in html  # the precision of the hand-made model
    assert not re.search(r">\s*(nan|inf|None)\b", html, re.IGNORECASE)


def test_every_group_stands_with_count_rate_and_interval(html: str) -> None:
    text = " ".join(" ".join(outline(html).text).split())
    assert "recruiters women 100 30 0.300 [0.219, 0.396] 0.500 [0.356, 0.702] below it" in text
    assert "undefended men 100 65 0.650 [0.553, 0.736] benchmark –" in text
    assert "defended women 100 48 0.480 [0.385, 0.577] 0.923 [0.699, 1.218] undecided (not below)" in text


def test_every_probe_stands_with_chance_control_and_counts(html: str) -> None:
    text = " ".join(" ".join(outline(html).text).split())
    assert "gender linear 0.900 [0.880, 0.920] 0.750 [0.730, 0.770] −0.150 [−0.200, −0.100] 0.500 0.500 800 500" in text
    assert "recall@1 linear 0.100 [0.080, 0.120] 0.100 [0.080, 0.120] −0.150 [−0.200, −0.100] 0.002 800 500" in text


def test_the_adversarys_accuracy_stands_beside_chance_and_is_not_called_leakage(
    make_trial: MakeTrial, html: str
) -> None:
    assert "its accuracy was 0.011 beside a chance of 0.008" in html
    assert "it is not leakage" in html
    assert "no adversary played" not in html
    trial = make_trial(adversary=None)
    silent = replace(trial, defended=replace(trial.defended, history=trial.undefended.history))
    assert "no adversary played" in render_comparison(silent)


def test_exclusions_remarks_and_provenance_are_printed(html: str) -> None:
    text = " ".join(" ".join(outline(html).text).split())
    assert "interviews 220 validation" in text
    assert "a remark" in text
    assert "ab" * 32 in text
    assert "train 800 900 validation 200 220 test 500 560" in text
