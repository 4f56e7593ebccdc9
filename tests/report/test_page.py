"""The frame of a page: everything foreign is escaped, numbers look alike, nothing that does not exist is a number."""

import math
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.estimate import Estimate, Undefined
from fairhire.report.page import (
    Fragment,
    Signed,
    bullets,
    card,
    escape,
    figure,
    number,
    page,
    paragraph,
    section,
    table,
)


class Reader(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def page_about(words: str) -> str:
    return page(
        words,
        section(words, paragraph(words), bullets([words]), card(words)),
        table(words, (words, words), [[words, Undefined(words, 3)]], note=words),
        figure(Fragment("<svg viewBox='0 0 1 1'></svg>"), title=words, alt=words, caption=words),
    )


@given(st.text())
def test_no_text_can_become_a_tag(words: str) -> None:
    tags = [tag for tag in read(page_about(f"x{words}")).tags if tag != "code"]  # commands stand between backticks
    assert tags == read(page_about("x")).tags


def test_escaping_keeps_the_words_and_shows_forbidden_letters() -> None:
    assert escape("<script>\"&'") == "&lt;script&gt;&quot;&amp;&#x27;"
    assert escape("a\x00b\x1bc") == "a\ufffdb\ufffdc"
    assert escape("Zoë – 李") == "Zoë – 李"


def test_commands_stand_between_backticks() -> None:
    assert paragraph("run `fairhire <x>`") == "<p>run <code>fairhire &lt;x&gt;</code></p>\n"


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [(0.12345, False, "0.123"), (-0.5, False, "−0.500"), (-0.0001, True, "0.000"), (0.25, True, "+0.250")],
)
def test_numbers_have_three_decimals_and_true_signs(value: float, sign: bool, text: str) -> None:
    assert number(value, sign=sign) == text


@given(st.floats(-1e3, 1e3))
def test_a_number_is_never_shown_as_minus_zero_or_nan(value: float) -> None:
    text = number(value)
    assert "nan" not in text.lower()
    assert text != "−0.000"
    assert math.isclose(float(text.replace("−", "-")), value, abs_tol=5.1e-4)


def test_cells_show_intervals_counts_reasons_and_dashes() -> None:
    estimate = Estimate(0.5, 0.4, 0.6, 0.95, 10)
    text = table(
        "t",
        ("name", "level", "change", "n", "undefined", "nothing"),
        [["<b>", estimate, Signed(estimate), 12345, Undefined("fewer than <10> people", 3), None]],
    )
    assert '<th scope="row">&lt;b&gt;</th>' in text
    assert '<span class="value">0.500</span> <span class="range">[0.400, 0.600]</span>' in text
    assert '<span class="value">+0.500</span> <span class="range">[+0.400, +0.600]</span>' in text
    assert "12\u202f345" in text
    assert "undefined: fewer than &lt;10&gt; people (n = 3)" in text
    assert '<td class="number">–</td>' in text


def test_a_table_has_a_caption_and_scoped_headers_and_says_when_it_is_empty() -> None:
    text = table("Caption", ("a", "b"), [])
    assert "<caption>Caption</caption>" in text
    assert text.count('scope="col"') == 2
    assert '<td colspan="2">none</td>' in text


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 cells a row, got 1"):
        table("t", ("a", "b"), [["x"]])


def test_a_figure_is_described_for_those_who_cannot_see_it() -> None:
    text = figure(Fragment('<svg viewBox="0 0 1 1"></svg>'), title="T", alt='what "it" shows', caption="C")
    assert '<svg role="img" aria-label="what &quot;it&quot; shows" viewBox' in text
    assert "<figcaption>C</figcaption>" in text


def test_a_page_stands_alone() -> None:
    text = page("T", paragraph("words"))
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert '<meta charset="utf-8">' in text
    assert not {"script", "link", "img", "iframe"} & set(read(text).tags)
    assert "url(" not in text
    assert "@import" not in text
