"""What atomic leaves when it is killed is known by its name, and for what it was to become."""

from pathlib import Path

import pytest

from fairhire.atomic import new_directory, new_file
from fairhire.leftovers import is_leftover, meant_for, place_of


@pytest.fixture(params=["talks", "v1.2", "a.old", ".x", "of 2026"])
def out(request, tmp_path):
    return tmp_path / request.param


def test_what_atomic_makes_is_meant_for_what_it_makes(out):
    with new_directory(out) as folder:
        (folder / "features").mkdir()
        assert meant_for(folder) == out
        assert place_of(folder) == out
    for ending in ("people.csv", "more.csv.gz", "a.tsv", "functionals.parquet"):
        with new_file(out.with_name(f"{out.name}.{ending}")) as file:
            assert meant_for(file) == out
    for ending in ("notes.txt", "notes", "forgotten.jsonl"):
        with new_file(out.with_name(f"{out.name}.{ending}")) as file:
            assert meant_for(file) is None
    assert meant_for(out) is None
    assert place_of(out) is None


def test_what_atomic_moves_aside_is_meant_for_its_old_place(out, monkeypatch):
    out.mkdir()
    (out / "corpus.json").write_text("{}")
    seen = []

    def looked_at(folder):
        seen.append((meant_for(folder), is_leftover(folder, ())))

    monkeypatch.setattr("fairhire.atomic.shutil.rmtree", lambda folder, **_more: looked_at(Path(folder)))
    with new_directory(out) as folder:
        (folder / "corpus.json").write_text("{}")
    assert seen[0] == (out, True)


@pytest.mark.parametrize(
    "name",
    ["talks", "talks.people.csv", ".talks", ".talks.ABCDEFGH", ".talks.seven77", ".talks.nine99999", "talks.abcdefgh"],
)
def test_other_names_are_not_meant_for_anything(tmp_path, name):
    (tmp_path / "talks.work").mkdir()
    (tmp_path / name).mkdir()
    assert meant_for(tmp_path / name) is None
    assert not is_leftover(tmp_path / name, ())


def test_a_link_is_nobodys(tmp_path):
    (tmp_path / ".talks.abcdefgh").symlink_to(tmp_path)
    assert meant_for(tmp_path / ".talks.abcdefgh") is None


def test_a_hidden_file_in_the_work_of_an_extraction_only_goes(tmp_path):
    for folder in ("a.work", "b.work"):
        (tmp_path / folder / "parts").mkdir(parents=True)
        (tmp_path / folder / "parts" / ".key.safetensors.abcdefgh.safetensors").write_text("")
        (tmp_path / folder / "parts" / "key.safetensors").write_text("")
    (tmp_path / "a.work" / "extraction.json").write_text("{}")
    found = [path.relative_to(tmp_path).parts[0] for path in sorted(tmp_path.rglob("*")) if is_leftover(path, ())]
    assert found == ["a.work"]
