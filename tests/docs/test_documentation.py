"""Runs what the documentation shows: every block of Python, and every fairhire command in a block of sh.

A page that links to docs/examples.md finds in its folder what that page makes; it is made once.
"""

import re
import shutil
from pathlib import Path

import pytest
from pages import EXAMPLES, PAGES, ROOT, begins_with_examples, blocks, links, name_of, run


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page) and page != EXAMPLES], ids=name_of)
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if begins_with_examples(page):
        shutil.copytree(request.getfixturevalue("examples"), tmp_path, dirs_exist_ok=True)
    run(page, tmp_path)


def test_the_examples_are_what_their_page_says(examples: Path) -> None:
    names = re.findall(r"^\| `([^`]+)` \|", EXAMPLES.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) > 5
    assert [name for name in names if not (examples / name).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
