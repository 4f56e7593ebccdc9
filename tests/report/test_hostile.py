"""Hostile names do nothing: in the page, in Markdown, on paper, in a drawing, a spreadsheet, or a real browser."""

import csv
import io
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import audit_records
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from fairhire.report.markdown import escape_markdown, render_markdown
from fairhire.report.modelcard import model_card
from fairhire.report.paper import render_pdf
from fairhire.report.rows import tables_csv
from fairhire.report.summary import render_summary
from fairhire.report.web import render_html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOST = "http://127.0.0.1:{port}"
NAMES = (
    "<script>document.title='pwned';alert(1)</script>",
    "</td></table><img src=x onerror=\"document.title='pwned'\">",
    "</style></svg><svg onload=\"document.title='pwned'\">",
    "<img src=http://127.0.0.1:1/leak.png>",
    "<link rel=stylesheet href=http://127.0.0.1:1/leak.css><style>@import 'http://127.0.0.1:1/leak';</style>",
    "$x^2$ \\frac{1}{2}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\u202egnp.exe\u202c",
    "x" * 300,
    "many words " * 60,
    "👩🏽‍💻 李 עברית",
    "two\nlines | and a pipe",
    "`code` **bold** [link](javascript:alert(1)) <b>",
    "\x00\x1b[31mred\x07",
    "\ud800",
    "",
)  # fmt: skip


def hostile(names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Make a full record in which every foreign word is a hostile name."""
    record = audit_records.clean_record()
    groups = {(name,): (1000, 500 - 10 * place) for place, name in enumerate(dict.fromkeys(names))}
    attribute = names[0]
    record["groups"] = [audit_records.group_table((attribute,), groups, unknown=(9, 4), least=0.0)]
    record["groups"][0]["strata"] = audit_records.strata((names[0],), alarm=True)
    for row in record["groups"][0]["strata"]["rows"]:
        for part in row.get("strata", ()):
            part["name"] = names[1]
    few = list(dict.fromkeys(names))[:6]
    record |= audit_records.score_parts(few, n=100) | audit_records.labelled(few)
    for part in ("scores", "calibration", "thresholds", "outcomes", "labels"):
        record[part][0]["grouping"] = [attribute]
    for place, row in enumerate(record["leakage"]):
        row["target"] = names[place % len(names)]
    everywhere = " ".join(names)
    for part in ("title", "subject"):
        record[part] = everywhere
    for part in ("title", "status", "source", "version", "name"):
        record["plan"][part] = everywhere
    record["plan"]["wording"] = dict.fromkeys(("line", "note", "next"), everywhere)
    record["plan"]["checklist"] = [dict.fromkeys(("article", "what", "where"), everywhere)]
    record["about"] = {name: name for name in names}
    record["merged"] = {name: {name: "x"} for name in names}
    record["inputs"] = [{"name": name, "sha256": "12" * 32, "rows": 1} for name in names]
    record["warnings"] = [{"code": name, "words": name} for name in names]
    record["left_out"] = [{"what": name, "n": 1, "why": name} for name in names]
    record["findings"][0]["words"] = everywhere
    record["findings"][0]["category"] = [names[2]]
    record["model"]["name"] = everywhere
    return record


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Tags()
    reader.feed(page)
    reader.close()
    return reader.found


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return hostile()


@pytest.fixture(scope="module")
def page(record: dict[str, Any]) -> str:
    return render_html(record)


def test_the_page_has_the_tags_of_a_harmless_one(record: dict[str, Any], page: str) -> None:
    harmless = {tag for tag, _ in tags(render_html(audit_records.clean_record()))}
    assert {tag for tag, _ in tags(page)} <= harmless | {"code"}
    assert not harmless & {"script", "img", "link", "iframe", "object", "embed", "base", "form"}


def test_no_attribute_of_the_page_acts_or_leads_out(page: str) -> None:
    for tag, attributes in tags(page):
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "action", "data"):
                assert str(value).startswith("#"), (tag, name, value)
    assert "url(http" not in page


def test_the_page_is_utf_8_whatever_a_group_is_called(page: str) -> None:
    assert page.encode("utf-8")
    assert not set(page) & set("\u202e\x00\x1b\x07")


def test_drawings_stay_well_formed(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(drawings) >= 5
    for drawing in drawings:
        tree = ET.fromstring(drawing.replace("xlink:href", "href"))
        assert not [node for node in tree.iter() if str(node.tag).lower() in ("script", "image", "foreignobject")]


@given(st.text(max_size=40))
def test_markdown_escapes_whatever_formats(words: str) -> None:
    escaped = escape_markdown(words)
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]|<>$~]", escaped)
    assert "://" not in escaped


def test_markdown_keeps_its_tables_whatever_a_group_is_called(record: dict[str, Any]) -> None:
    lines = render_markdown(record).split("\n")
    for rule in (place for place, line in enumerate(lines) if re.fullmatch(r"\|( -+:? \|)+", line)):
        wide = len(re.findall(r"(?<!\\)\|", lines[rule]))
        after = rule + 1
        while after < len(lines) and lines[after].startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", lines[after])) == wide, lines[after]
            after += 1
        assert after > rule + 1


@pytest.mark.parametrize("render", [render_markdown, model_card])
def test_markdown_holds_no_tag_and_no_link(record: dict[str, Any], render: Any) -> None:
    words = render(record).split("\n---\n")[-1]  # the card's front matter is JSON in quotation marks
    outside = re.sub(r"`[^`\n]+`", "", words)
    assert "<" not in outside.replace("\\<", "")
    assert not re.search(r"(?<!\\)\]\(", outside)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(min_size=1, max_size=60))
def test_a_spreadsheet_sees_no_formula(name: str) -> None:
    record = audit_records.base("t")
    groups = {("benchmark",): (1000, 600), (name,): (1000, 500)}
    record["groups"] = [audit_records.group_table(("=attribute",), groups)]
    rows = list(csv.reader(io.StringIO(tables_csv(record), newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in (cell for row in rows[1:] for cell in row):
        if not re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", cell):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1"])
def test_a_formula_gets_an_apostrophe_and_a_number_none(name: str) -> None:
    record = audit_records.base("t")
    groups = {("a",): (1000, 600), (name,): (1000, 500)}
    record["groups"] = [audit_records.group_table(("sex",), groups)]
    rows = list(csv.DictReader(io.StringIO(tables_csv(record), newline="")))
    assert rows[1]["category"] == f"'{name}"
    assert rows[0]["category"] == "a"
    assert float(rows[1]["difference"]) == pytest.approx(-0.1)


def test_paper_takes_any_name_and_writes_what_its_font_lacks_by_number(record: dict[str, Any]) -> None:
    reader = PdfReader(io.BytesIO(render_pdf(record)))
    words = "".join(page.extract_text() for page in reader.pages).replace("\n", "")
    assert "U+674E" in words.replace(" ", "")  # 李
    assert "<script>" in words.replace(" ", "")
    assert "/JavaScript" not in str(reader.trailer)
    for page in reader.pages:
        assert "/AA" not in page
        assert "/Annots" not in page


def test_the_published_summary_is_harmless_too(record: dict[str, Any]) -> None:
    found = tags(render_summary(record))
    assert not {tag for tag, _ in found} & {"script", "img", "svg", "link"}


# --- a real browser -------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Run a server on this machine that writes down every request."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as here:
        thread = threading.Thread(target=here.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{here.server_port}", asked
        here.shutdown()
        thread.join()


def opened(page: str, folder: Path) -> str:
    """Open a page in a browser of its own and return the document as it stands after all scripts have run."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    options = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder / 'profile'}",
    )  # fmt: skip
    done = subprocess.run(
        [str(BROWSER), *options, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")
def test_a_browser_runs_nothing_and_asks_for_nothing(page: str, server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    names = tuple(name.replace("http://127.0.0.1:1", address) for name in NAMES)
    # Without its dialog, at which a browser would wait for ever: these names are dangerous where nobody escapes them.
    control = opened(f"<title>t</title>{''.join(names[:5])}".replace("alert(1)", ""), tmp_path)
    assert "<title>pwned</title>" in control
    assert asked
    asked.clear()

    document = opened(page.replace("http://127.0.0.1:1", address), tmp_path)
    assert asked == []
    assert "<title>pwned</title>" not in document
    assert {tag for tag, _ in tags(document)}.isdisjoint({"script", "img", "link"})
    assert "How to read this" in document
