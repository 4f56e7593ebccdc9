"""Every format says the same, stands alone, and has the same bytes for the same record, wherever that came from."""

import io
import json
import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import audit_records
import pytest
from pypdf import PdfReader

from fairhire.atomic import canonical_json
from fairhire.report import model_card, render_html, render_markdown, render_pdf, render_summary, tables_csv
from fairhire.report.compose import compose
from fairhire.report.document import Heading, Table

FORMATS = [render_html, render_markdown, render_pdf, model_card, tables_csv, render_summary]
RECORDS = [audit_records.clean_record, audit_records.undecided_record]


@cache
def rendered(render: Any) -> Any:
    """Return a form of the clean record, made once."""
    return render(audit_records.clean_record())


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.links += [str(value) for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def plain(words: str) -> str:
    """Return the letters and digits alone: how they are set is each format's own affair."""
    return re.sub(r"[\W_]+", "", words)


@pytest.fixture(scope="module", params=RECORDS, ids=["clean", "undecided"])
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param()
    return found


@pytest.fixture(scope="module")
def paper(record: dict[str, Any]) -> PdfReader:
    clean = record == audit_records.clean_record()
    return PdfReader(io.BytesIO(rendered(render_pdf) if clean else render_pdf(record)))


@pytest.mark.parametrize("render", FORMATS)
def test_the_same_record_gives_the_same_bytes(render: Any) -> None:
    record = audit_records.clean_record()
    read_again = json.loads(canonical_json(record))
    assert rendered(render) == render(read_again)  # 1.0 is 1 there, and keys are sorted


@pytest.mark.parametrize("render", FORMATS)
def test_another_record_gives_other_bytes(render: Any) -> None:
    record = audit_records.clean_record()
    record["groups"][0]["rows"][0]["selected"] -= 1
    assert render(record) != rendered(render)


def test_markdown_and_paper_hold_every_table_of_the_page(record: dict[str, Any], paper: PdfReader) -> None:
    page = plain("".join(read(render_html(record)).words))
    markdown = plain(render_markdown(record))
    pages = plain("".join(page.extract_text() for page in paper.pages))
    tables = [block for block in compose(record).blocks if isinstance(block, Table)]
    assert len(tables) > 8
    for table in tables:
        for words in (table.caption, *(row[0] for row in table.rows if isinstance(row[0], str))):
            assert plain(words) in page
            assert plain(words) in markdown
            assert plain(words) in pages


def test_the_contents_lead_to_every_section_and_no_id_is_given_twice(record: dict[str, Any]) -> None:
    reader = read(render_html(record))
    headings = [f"#{block.anchor}" for block in compose(record).blocks if isinstance(block, Heading)]
    assert [link for link in reader.links if link in headings] == headings
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_the_page_stands_alone(record: dict[str, Any]) -> None:
    page = render_html(record)
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"<(script|link|img|iframe)\b", page)
    assert "http" not in page
    assert "@import" not in page


def test_paper_has_numbered_pages_and_its_fonts_inside(paper: PdfReader) -> None:
    for number, page in enumerate(paper.pages, start=1):
        assert f"page {number}" in page.extract_text()
        for font in page["/Resources"]["/Font"].get_object().values():
            inside = font.get_object()
            if inside["/Subtype"] == "/TrueType":
                assert "/FontFile2" in inside["/FontDescriptor"]


def test_paper_has_no_date_of_its_own(paper: PdfReader) -> None:
    assert str(paper.metadata.get("/CreationDate", "")).startswith("D:20000101")
    assert paper.metadata.title


def test_a_table_that_goes_on_overleaf_repeats_its_header() -> None:
    record = audit_records.base("t")
    groups = {(f"school {place:03d}",): (1000, 500 - place) for place in range(120)}
    record["groups"] = [audit_records.group_table(("school",), groups, least=0.0)]
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(render_pdf(record))).pages]
    holding = [page for page in pages if len(re.findall(r"school \d{3}", page)) > 20 and "Figure" not in page]
    assert len(holding) > 3
    assert all("group" in page for page in holding)


def test_numbers_stand_inside_the_page(paper: PdfReader) -> None:
    edges: list[float] = []

    def note(text: str, _: Any, place: list[float], *rest: Any) -> None:
        if text.strip():
            edges.append(float(place[4]))

    for page in paper.pages:
        page.extract_text(visitor_text=note)
    assert min(edges) >= 0
    assert max(edges) <= 595


def test_the_model_card_has_a_model_index(record: dict[str, Any]) -> None:
    card = model_card(record)
    _, front, words = card.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    (index,) = json.loads(fields["model-index"])
    metrics = index["results"][0]["metrics"]
    assert {"type", "name", "value"} <= set(metrics[0])
    assert metrics[0]["type"] == "impact_ratio"
    assert "e-" not in fields["model-index"].replace("-e", "")
    assert words.lstrip().startswith("# ")
    assert "not a statement that the model is fair or lawful" in words


def test_the_card_quotes_the_auditor_and_says_where_nothing_was_said() -> None:
    assert "Invented for a test" in model_card(audit_records.clean_record())
    assert "The auditor said nothing" in model_card(audit_records.base("t"))
