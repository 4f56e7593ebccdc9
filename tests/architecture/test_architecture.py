"""Walks the syntax trees: floors, the wall between the wings, and the one home of each third-party library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fairhire"
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {
    "errors": 0, "atomic": 0, "interview": 0, "scores": 0, "runs": 0, "estimate": 0, "ratings": 0,
    "readout": 0, "retrieval": 0, "progress": 0, "left_out": 0, "concept": 0, "same_rank": 0, "leash": 0, "sweep": 0,
    "leftovers": 0,
    "data": 1, "media": 1, "model": 1, "adversaries": 1, "erasure": 1, "auditing": 1,
    "baselines": 2, "training": 2, "report": 2, "extract": 2,
    "forget": 3, "bench": 3, "demo": 3, "explain": 3, "perform": 3, "frontier": 3, "claims": 3,
    "commands": 4, "__main__": 5,
}  # fmt: skip
TRAINING_WING = {"data", "media", "model", "adversaries", "erasure", "baselines", "training", "extract"}
AUDIT_WING = {"auditing", "report"}
# A library and the one file (or folder) that may import it.
HOMES = {
    "av": "fairhire/media/video.py",
    "facenet_pytorch": "fairhire/media/faces.py",
    "faster_whisper": "fairhire/media/recognition.py",
    "gensim": "fairhire/baselines/doc2vec.py",
    "mediapipe": "fairhire/media/landmarker.py",
    "opensmile": "fairhire/media/speech.py",
    "pebble": "fairhire/extract/processes.py",
    "ray": "fairhire/extract/cluster.py",
    "webvtt": "fairhire/media/words.py",
    "fairlearn": "fairhire/auditing/",
    "matplotlib": "fairhire/report/figures.py",
    "reportlab": "fairhire/report/paper.py",
    "duckdb": "fairhire/auditing/engine.py",
    "ibis": "fairhire/auditing/engine.py",
    "cryptography": "fairhire/report/record.py",
    "typer": "fairhire/commands/",
    "lightning_fabric": "fairhire/training/processes.py",
    "pickle": "fairhire/data/unpickle.py",
}


def imports(path: Path) -> list[str]:
    """Every module that a file imports, wherever the statement stands, except for type checkers only."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.append(node.module or "")
            if node.module == "fairhire":
                found.extend(f"fairhire.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("fairhire.") and name != "fairhire.audits"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_only(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        pytest.skip("the package's door names its public records lazily; see test_public_names")
    here = room(path)
    assert here in FLOORS, f"{here}: give this room a floor"
    for other in rooms_imported(path) - {here, "__version__"}:
        assert other in FLOORS, f"{path}: imports {other}, which has no floor"
        lower = FLOORS[other] < FLOORS[here] or (FLOORS[here] == FLOORS[other] == 0)
        assert lower, f"{path}: floor {FLOORS[here]} imports {other} on floor {FLOORS[other]}"


def test_the_floor_zero_modules_form_no_ring() -> None:
    ground = {room(path): rooms_imported(path) - {room(path)} for path in FILES if FLOORS.get(room(path)) == 0}
    while ground:
        free = [name for name, needs in ground.items() if not needs & set(ground)]
        assert free, f"an import ring among {sorted(ground)}"
        for name in free:
            del ground[name]


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in AUDIT_WING], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_audit_wing_knows_neither_torch_nor_training(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & {"torch", "torchvision", "safetensors"}
    assert not rooms_imported(path) & TRAINING_WING


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in TRAINING_WING], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_training_wing_cannot_import_a_protected_attribute(path: Path) -> None:
    assert not rooms_imported(path) & AUDIT_WING


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library: str) -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if any(name.split(".")[0] == library for name in imports(path))
    }
    home = HOMES[library]
    assert all(user == home or (home.endswith("/") and user.startswith(home)) for user in users), users


def test_nothing_is_unpickled_without_the_guard() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    forbidden = (keyword.arg == "weights_only" and ast.literal_eval(keyword.value) is False) or (
                        keyword.arg == "allow_pickle" and ast.literal_eval(keyword.value) is True
                    )
                    assert not forbidden, f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "module", ["fairhire", "fairhire.auditing", "fairhire.auditing.leakage", "fairhire.scores", "fairhire.runs"]
)
def test_the_audit_starts_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_module_opens_with_a_sentence() -> None:
    for path in FILES:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring, path
        assert docstring.split("\n\n")[0].rstrip().endswith((".", ":", "::")), path


def test_test_files_have_names_of_their_own() -> None:
    """Without packages, two test files of one name cannot be collected together, and workers import the wrong one."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})
