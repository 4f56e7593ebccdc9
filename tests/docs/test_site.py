"""The site builds without a warning, lacks no command, plan, data set or public name, and loads nothing from afar."""

import re
from dataclasses import asdict
from html import unescape
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer
from pages import DOCS

import fairhire
from fairhire import commands
from fairhire.auditing.plan import plan_names, read_plan
from fairhire.data import DATASETS

FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\s`][^$\n`]*\$", re.DOTALL)


def command_tree() -> dict[str, Any]:
    """Return every command by its words, with a hyphen for a blank; groups too."""
    found: dict[str, Any] = {}

    def walk(group: Any, before: str) -> None:
        for name, command in group.commands.items():
            found[f"{before}{name}"] = command
            if hasattr(command, "commands"):
                walk(command, f"{before}{name}-")

    walk(typer.main.get_command(commands.app), "")
    return found


COMMANDS = command_tree()
LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "embed": "src",
}


class Loaded(HTMLParser):
    """What a page loads, how many formulas it has, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.formulas = 0
        self.words: list[str] = []
        self.code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADS and given.get(LOADS[tag]):
            self.addresses.append(str(given[LOADS[tag]]))
        self.formulas += tag == "math"
        self.code += tag in ("pre", "code")

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag in ("pre", "code")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: Path) -> Loaded:
    parser = Loaded()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def words_of(page: Path) -> str:
    """Return the words of a page without gaps, and quotes as they are typed."""
    text = " ".join(" ".join(read(page).words).split())
    for curly, plain in (("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"), ("–", "-"), ("…", "...")):
        text = text.replace(curly, plain)
    return squeezed(text)


def squeezed(text: str) -> str:
    return re.sub(r"\s+|`", "", text.replace("…", "...").replace("–", "-"))


def test_the_site_builds_without_a_warning(site: Path) -> None:
    assert (site / "warnings.txt").read_text(encoding="utf-8") == ""
    assert (site / "html" / "index.html").exists()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted((site / "html").rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        loaded = read(page)
        for address in loaded.addresses:
            assert not re.match(r"[a-z]+:|//", address), f"{page.name}: {address}"
            path = page.parent / address.partition("?")[0].partition("#")[0]
            assert path.exists(), f"{page.name}: {address}"
    for sheet in (site / "html").rglob("*.css"):
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name
    index = (site / "html" / "searchindex.js").read_text(encoding="utf-8")
    assert "leace" in index  # the reader's browser searches, and asks nobody


def test_a_formula_that_cannot_be_set_is_refused() -> None:
    spec = spec_from_file_location("extension", DOCS / "extension.py")
    assert spec is not None
    assert spec.loader is not None
    extension = module_from_spec(spec)
    spec.loader.exec_module(extension)
    assert extension.mathml(r"\frac{a}{b}", block=True).startswith('<math display="block">')
    for latex in (r"\nonsense x", r"\begin{aligned} a &= b \end{aligned}"):
        with pytest.raises(ValueError, match="expected LaTeX that latex2mathml knows"):
            extension.mathml(latex, block=False)


def test_formulas_became_mathml(site: Path) -> None:
    seen = 0
    for source in sorted(DOCS.glob("concepts/*.md")):
        bare = re.sub(r"^```.*?^```$|`[^`\n]*`", "", source.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        written = len(FORMULA.findall(bare))
        page = site / "html" / "concepts" / f"{source.stem}.html"
        assert read(page).formulas == written, source.name
        assert "$" not in "".join(read(page).words), source.name
        seen += written
    assert seen > 50


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_with_all_its_options(site: Path, name: str) -> None:
    source = DOCS / "commands" / f"{name}.md"
    assert source.exists(), f"fairhire {name.replace('-', ' ')} has no page: add {source.relative_to(DOCS.parent)}"
    assert re.search(rf"^```{{command}} {name.replace('-', '[- ]')}$", source.read_text("utf-8"), re.MULTILINE)
    command = COMMANDS[name]
    words = words_of(site / "html" / "commands" / f"{name}.html")
    assert squeezed(command.help) in words
    if hasattr(command, "commands"):
        return
    assert re.search(r"^```(sh|console)$", source.read_text("utf-8"), re.MULTILINE), f"{name}: no example"
    for setting in command.params:
        if setting.param_type_name == "option":
            assert setting.opts[0] in words
        assert squeezed(setting.help) in words, setting.name


def test_no_page_is_about_a_command_that_is_gone() -> None:
    assert {path.stem for path in (DOCS / "commands").glob("*.md")} - {"index"} == set(COMMANDS)


@pytest.mark.parametrize("name", plan_names())
def test_every_plan_has_a_page_that_says_all_of_it(site: Path, name: str) -> None:
    source = DOCS / "plans" / f"{name}.md"
    assert source.exists(), f"plan {name} has no page: add {source.relative_to(DOCS.parent)}"
    words, plan = words_of(site / "html" / "plans" / f"{name}.html"), read_plan(name)
    told = [plan.title, plan.jurisdiction, plan.status, plan.source, plan.purpose, str(plan.written), str(plan.sha256)]
    told += [*plan.wording.values(), *(str(gate) for gate in plan.gates)]
    parts = (plan.requirements, plan.headings, plan.checklist, plan.risks, plan.names)
    for part in [one for several in parts for one in several]:
        told += [value for value in asdict(part).values() if isinstance(value, str) and value not in ("text", "date")]
    for statement in plan.statements:
        told.append(f"{'' if statement.verified else 'Unverified: '}{statement.text}{statement.source}")
    for sentence in told:
        assert squeezed(sentence) in words, sentence


@pytest.mark.parametrize("name", [*DATASETS, "simulated"])
def test_every_data_set_has_a_page(site: Path, name: str) -> None:
    assert (DOCS / "data" / f"{name}.md").exists()
    assert (site / "html" / "data" / f"{name}.html").exists()


def test_every_public_name_is_described(site: Path) -> None:
    described = unescape((site / "html" / "api.html").read_text(encoding="utf-8"))
    assert [name for name in fairhire.__all__ if f'id="fairhire.{name}"' not in described] == []
