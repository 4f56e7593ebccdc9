"""What the tests of the documentation share: the examples' folder and the built site, each made once for all."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from pages import DOCS, EXAMPLES, run

Maker = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Maker:
    """Return a function that makes a folder by its name, in the first of the processes that needs it."""
    base = tmp_path_factory.getbasetemp()

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder = (base if worker_id == "master" else base.parent) / name
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                making = folder.with_name(f"{name}.making")
                shutil.rmtree(making, ignore_errors=True)  # of one that failed
                making.mkdir()
                fill(making)
                making.rename(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def examples(made_once: Maker) -> Path:
    """Return the folder that docs/examples.md makes."""
    return made_once("examples", lambda folder: run(EXAMPLES, folder))


@pytest.fixture(scope="session")
def site(made_once: Maker) -> Path:
    """Return the built site; a warning of the build is kept in ``warnings.txt`` beside it."""

    def build(folder: Path) -> None:
        words = ["-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", "-d", folder / "doctrees", DOCS]
        done = subprocess.run([sys.executable, *words, folder / "html"], capture_output=True, text=True, check=False)
        (folder / "warnings.txt").write_text(done.stderr or "x" * abs(done.returncode), encoding="utf-8")

    return made_once("site", build)
