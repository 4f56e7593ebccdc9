"""The pages of the documentation, and how what they show is run."""

import re
import shlex
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from commandline import fairhire

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples.md"
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.relative_to(DOCS).parts)]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    return LINK.findall(page.read_text(encoding="utf-8"))


def begins_with_examples(page: Path) -> bool:
    return EXAMPLES in [(page.parent / target).resolve() for target in links(page)]


def run(page: Path, folder: Path) -> None:
    """Run a page's blocks in order, in ``folder``; every block of Python begins anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind, code in blocks(page):
            if kind == "python":
                with warnings.catch_warnings(), redirect_stdout(StringIO()):
                    warnings.simplefilter("ignore")
                    warnings.simplefilter("error", UserWarning)
                    exec(compile(code, name_of(page), "exec"), {"__name__": "__main__"})
                continue
            lines = [line for line in code.splitlines() if line.strip()]
            assert all(line.startswith("fairhire ") for line in lines), f"{page.name}: only fairhire runs in sh blocks"
            for line in lines:
                said = fairhire(*shlex.split(line)[1:])
                assert said.code == 0, f"{page.name}: {line}\n{said.err}"
