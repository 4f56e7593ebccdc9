"""What the tests of extraction share: a few tiny recordings of drawn people."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_media import write_person


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people; the first answers twice, once with a transcript; beside them a file that is no recording."""
    folder = tmp_path_factory.mktemp("answers") / "in"
    write_person(folder / "anna" / "1.mp4", 0, seconds=2.0, pitch=200, seed=1)
    (folder / "anna" / "1.srt").write_text(
        "1\n00:00:00,200 --> 00:00:01,200\nI led a team.\n\n2\n00:00:01,300 --> 00:00:01,900\n[laughs] Gladly!\n"
    )
    write_person(folder / "anna" / "2.mp4", 0, pitch=210, seed=2)
    write_person(folder / "bert" / "1.mp4", 2, pitch=110, seed=3)
    write_person(folder / "cleo" / "1.mp4", 3, pitch=150, seed=4)
    return folder


@pytest.fixture
def mine(answers: Path, tmp_path: Path) -> Path:
    """Return a copy of the recordings that a test may change."""
    shutil.copytree(answers, tmp_path / "in")
    return tmp_path / "in"
