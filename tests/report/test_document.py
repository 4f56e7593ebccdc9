"""Blocks of a document: numbered in order, and a table's rows are as wide as its header."""

import io

import pytest
from pypdf import PdfReader

from fairhire.report.document import Document, Heading, Paragraph, Picture, Table, numbered
from fairhire.report.drawings import Histograms
from fairhire.report.markdown import set_markdown
from fairhire.report.paper import set_paper
from fairhire.report.web import set_page


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 cells a row, got 1"):
        Table("t", ("a", "b"), (("x",),))


def test_tables_and_pictures_are_counted_apart() -> None:
    table = Table("t", ("a",), (("x",),))
    picture = Picture(Histograms((), "x"), "p", "", "")
    blocks = numbered([table, Paragraph("words"), picture, table, Heading("h", "h")])
    assert [block.caption for block in blocks if isinstance(block, Table)] == ["Table 1. t", "Table 2. t"]
    assert [block.title for block in blocks if isinstance(block, Picture)] == ["Figure 1. p"]
    assert len(blocks) == 5


def test_an_empty_table_says_none() -> None:
    document = Document("title", "kicker", "lead", (Table("caption", ("a", "b"), ()),))
    assert "none" in set_page(document).split("</style>")[1]
    assert "| none |" in set_markdown(document)
    assert "none" in PdfReader(io.BytesIO(set_paper(document))).pages[0].extract_text()
