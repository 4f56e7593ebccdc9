from __future__ import annotations

import ast
import importlib
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

import fairhire

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "fairhire"
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


def fresh(line: str, *options: str) -> str:
    """Run a line of Python in an interpreter of its own and return what it prints."""
    done = subprocess.run([sys.executable, *options, "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- public names ---------------------------------------------------------------------------------------------------


def test_every_public_name_is_there() -> None:
    line = "from fairhire import *; import fairhire; print(*(n for n in fairhire.__all__ if n not in globals()))"
    assert fresh(line) == ""
    assert len(fairhire.__all__) == len(set(fairhire.__all__)) >= 10
    assert set(fairhire.__all__) <= set(dir(fairhire))
    # interface.md: what three lines of Python need, as far as it exists
    assert set(fairhire.__all__) >= {"Corpus", "HireNet", "TrainConfig", "train", "Scores", "Run", "predict"}


def test_every_public_name_is_documented() -> None:
    assert [name for name in fairhire.__all__ if not getattr(fairhire, name).__doc__] == []


def test_a_name_that_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match=r"fairhire has no 'Corpse'; its public names are .*Corpus"):
        fairhire.Corpse  # noqa: B018
    with pytest.raises(ImportError):
        from fairhire import Corpse  # noqa: F401


def test_importing_the_package_loads_nothing_heavy_and_says_nothing() -> None:
    assert fresh("import sys, fairhire; print({'numpy', 'torch', 'pandas'} & set(sys.modules))") == "set()"


def test_an_audit_never_waits_for_torch() -> None:
    names = "Run, Scores, leakage, read_demographics, read_scores"
    line = f"from fairhire import {names}; import sys; print('torch' in sys.modules)"
    assert fresh(line) == "False"


def modules() -> Iterator[tuple[str, Path]]:
    yield "fairhire", PACKAGE / "__init__.py"
    for found in pkgutil.walk_packages([str(PACKAGE)], "fairhire."):
        if found.name != "fairhire.__main__":  # runs the command line when imported as what it is for
            below = PACKAGE.joinpath(*found.name.split(".")[1:])
            yield found.name, below / "__init__.py" if found.ispkg else below.with_suffix(".py")


def defined(tree: ast.Module) -> set[str]:
    """Return the public functions and classes that a module defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_a_module_says_what_it_is_and_what_it_gives(name: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    sentence = (ast.get_docstring(tree) or "").split("\n\n")[0]
    assert sentence.endswith("."), sentence
    module = importlib.import_module(name)
    given = getattr(module, "__all__", [])
    assert bool(given) or not defined(tree)
    assert len(given) == len(set(given))
    assert [one for one in given if not hasattr(module, one)] == []
    assert [one for one in given if one.startswith("_") and one != "__version__"] == []
    commands = name.startswith("fairhire.commands")  # typer calls what is defined there
    assert commands or defined(tree) <= set(given)


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_a_module_takes_from_others_only_what_they_give(name: str, path: Path) -> None:
    names = {name for name, _ in modules()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in names:
            given = getattr(importlib.import_module(node.module), "__all__", [])
            taken = {alias.name for alias in node.names} - {"__version__"}
            assert {one for one in taken if f"{node.module}.{one}" not in names} <= set(given), node.module


# --- the wheel ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the checkout, so that no file of an older build gets in, nor any gets out."""
    pytest.importorskip("setuptools", minversion="77", reason="the build backend is not installed here")
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheels")
    for name in ("fairhire", "audits", "tests"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=NOT_SHIPPED)
    for name in ("pyproject.toml", "README.md", "cli.py"):
        shutil.copy(CHECKOUT / name, copy / name)
    pip = [sys.executable, "-m", "pip", "wheel", str(copy), "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, "--wheel-dir", str(out), "--disable-pip-version-check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.iterdir()
    return found


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    files = {f"fairhire/{path.relative_to(PACKAGE).as_posix()}" for path in shipped(PACKAGE)}
    plans = {f"fairhire/audits/{path.name}" for path in shipped(CHECKOUT / "audits")}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == files | plans
    assert {"fairhire/py.typed", "fairhire/audits/__init__.py", "fairhire/commands/__init__.py"} <= found


def shipped(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_the_wheel_is_for_any_machine_and_names_the_command(wheel: Path) -> None:
    assert wheel.name == f"fairhire-{fairhire.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        about = {Path(name).name: archive.read(name) for name in archive.namelist() if ".dist-info/" in name}
    assert about["entry_points.txt"].decode().split() == [
        "[console_scripts]",
        "fairhire",
        "=",
        "fairhire.commands:main",
    ]
    assert about["top_level.txt"].decode().split() == ["fairhire"]
    metadata = message_from_bytes(about["METADATA"])
    assert metadata["Version"] == fairhire.__version__
    needed = {requirement for requirement in metadata.get_all("Requires-Dist", []) if "extra ==" not in requirement}
    assert any(requirement.startswith("facenet-pytorch<2.6,>=2.5.3") for requirement in needed)
    assert not any(requirement.startswith(("pytest", "ruff", "mypy")) for requirement in needed)


def test_what_is_installed_from_the_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    line = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import fairhire, fairhire.audits\n"
        f"assert fairhire.__file__.startswith({str(tmp_path)!r}), fairhire.__file__\n"
        "import fairhire.commands, fairhire.interview, fairhire.data.split\n"
        "sys.argv = ['fairhire', '--version']\n"
        "fairhire.commands.main()"
    )
    assert fresh(line, "-P") == f"fairhire {fairhire.__version__}"
