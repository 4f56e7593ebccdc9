"""The talking faces of GRID and photographs of actors, where they are at hand: end to end, and who is alike."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairhire.data.corpus import Corpus
from fairhire.errors import UsageError
from fairhire.extract import ExtractConfig, extract
from fairhire.media.faces import Facenet
from fairhire.runs import Run
from fairhire.training import TrainConfig, train

DATA = os.environ.get("FAIRHIRE_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="FAIRHIRE_DATA is unset: no public data here")

SAME = {"id2_vcd_swwp2s", "pwij3p"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    samples = Path(str(DATA)) / "media_samples"
    out = tmp_path_factory.mktemp("real")
    files = sorted([*samples.glob("grid/*.mpg"), *samples.glob("faces/*.*")])
    pd.DataFrame(
        {
            "recording": files,
            "candidate": [file.stem for file in files],
            "question": "What is to be said?",
            "job_title": "announcer",
            "hirable": ["yes" if place % 2 else "no" for place in range(len(files))],
        }
    ).to_csv(out / "recordings.csv", index=False)
    config = ExtractConfig(voices="eigenvoices", gestures="boxes")
    found = extract(out / "recordings.csv", out / "corpus", config, workers=2)
    assert (found.read, found.failed) == (18, 0)
    return found.corpus


def test_every_recording_is_read_whole(corpus):
    assert corpus.check()
    table = pd.read_csv(f"{corpus.path}.recordings.csv").set_index("interview")
    videos = table[table["seconds"].notna()]
    assert len(videos) == 11
    assert (videos["seconds"] == 3.0).all()
    assert (videos["face_seen"] == 12).all()
    assert (videos["audio_frames"] == 10).all()  # 2.98 s of sound
    assert (table["face_seen"] == table["pictures"]).all()
    assert table.loc["multiface", "others_seen"] == 1


def nearest_pair(vectors, names):
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    return {names[place] for place in np.unravel_index(likeness.argmax(), likeness.shape)}


def test_the_one_pair_of_the_same_man_is_nearest_among_the_videos(corpus):
    speaking = corpus.interviews["id"][corpus.voice_rows >= 0].tolist()
    rows = corpus.face_rows[corpus.voice_rows >= 0]
    assert nearest_pair(corpus.faces[rows], speaking) == SAME


def test_facenet_finds_the_pair_by_far(tmp_path):
    try:
        Facenet().fit(np.zeros((0, 160, 160, 3), np.uint8))
    except UsageError as error:
        pytest.skip(str(error))
    grid = Path(str(DATA)) / "media_samples" / "grid"
    found = extract(grid, tmp_path / "corpus", ExtractConfig(faces="facenet", voice="none")).corpus
    assert nearest_pair(found.faces[found.face_rows], found.interviews["id"].tolist()) == SAME


@pytest.mark.parametrize("adversary", ["none", "face", "voice"])
def test_the_corpus_can_be_trained_on(corpus, tmp_path, adversary):
    config = TrainConfig(
        adversary=adversary, hidden=4, attention=4, question_hidden=3, fused=6, word_dim=4, batch=6, epochs=6,
        fractions=(0.5, 0.25, 0.25), device="cpu",
    )  # fmt: skip
    run = train(Corpus(corpus.path), config, tmp_path / "run")
    assert len(Run(run.path).scores.score) == 18
