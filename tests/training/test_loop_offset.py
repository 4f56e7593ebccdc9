"""With an offset the model has no reason to learn the face, though the labels lean on it; without one it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.interview import Answer, Interview
from fairhire.model import load_model
from fairhire.runs import Run
from fairhire.training import train
from tests.training.conftest import Tiny

PEOPLE = 600


@pytest.fixture(scope="module")
def leaning(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, np.ndarray, np.ndarray]:
    """Return a corpus whose frames show merit and face and whose labels lean on both, with merit and lean of each."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("leaning") / "c"
    merit, lean = rng.normal(size=PEOPLE), rng.normal(size=PEOPLE)
    with CorpusWriter(path, [Modality("audio", 2, 10.0)]) as writer:
        for person in range(PEOPLE):
            frames = np.column_stack([rng.normal(merit[person], 0.1, 3), rng.normal(lean[person], 0.1, 3)])
            face = np.concatenate([[lean[person]], rng.normal(size=2)])
            writer.add(
                Interview(
                    id=f"i{person:03d}",
                    candidate=f"c{person:03d}",
                    answers=(Answer({"audio": frames.astype(np.float32)}),),
                    hirable=bool(2 * merit[person] + 2 * lean[person] + rng.logistic() > 0),
                    face=face.astype(np.float32),
                )
            )
    return Corpus(path), merit, lean


def leaning_of(run: Run, merit: np.ndarray, lean: np.ndarray) -> float:
    """Return the slope of a run's log-odds in lean, by that in merit; 1 is what the labels have."""
    odds = np.log(run.scores.score / (1 - run.scores.score))
    slopes = np.linalg.lstsq(np.column_stack([merit, lean, np.ones(PEOPLE)]), odds, rcond=None)[0]
    assert slopes[0] > 0.1
    return float(slopes[1] / slopes[0])


def test_the_deployed_model_leaves_to_the_offset_what_the_face_explains(
    leaning: tuple[Corpus, np.ndarray, np.ndarray], tiny: Tiny, tmp_path: Path
) -> None:
    corpus, merit, lean = leaning
    alike: dict[str, Any] = {
        "modalities": ("audio",),
        "epochs": 20,
        "batch": 32,
        "hidden": 8,
        "patience": 20,
        "adversary_steps": 5,
    }
    alike["strengths"] = (0.1,)
    how = {"offset": {"offset": "face"}, "adversary": {"adversary": "face", "offset": "none"}}
    how |= {"plain": {}, "both": {"adversary": "face"}}
    runs = {name: train(corpus, tiny(**alike, **settings), tmp_path / name) for name, settings in how.items()}
    leant = {name: leaning_of(run, merit, lean) for name, run in runs.items()}
    assert leant["plain"] > 0.9
    assert leant["offset"] < 0.8 * leant["plain"]  # alone, model and offset share what the face explains
    assert abs(leant["both"]) < 0.5 * leant["adversary"]  # with somebody who presses, the offset takes it
    plain, told = runs["plain"].provenance, runs["offset"].provenance
    assert (plain["offset"], plain["removal"]["offset"]) == (None, "none")
    assert told["removal"] == {"adversary": "none", "erase": "none", "offset": "face", "sites": []}
    assert told["offset"]["bits_of_the_label_explained"] > 0.05
    assert told["sensitive_labels_read"] is False
    assert {"validation_auc", "validation_auc_with_offset"} <= set(runs["offset"].history[0])
    assert "validation_auc_with_offset" not in runs["plain"].history[0]


def test_an_adversary_brings_the_offset_of_what_it_looks_for_and_can_be_told_not_to(
    corpus: Corpus, tiny: Tiny, tmp_path: Path
) -> None:
    with_it = train(corpus, tiny(adversary="face", epochs=3), tmp_path / "with")
    without = train(corpus, tiny(adversary="face", offset="none", epochs=3), tmp_path / "without")
    assert with_it.provenance["removal"]["offset"] == "face"
    assert (without.provenance["removal"]["offset"], without.provenance["offset"]) == ("none", None)
    assert not np.array_equal(with_it.scores.score, without.scores.score)


def test_the_run_keeps_nothing_of_the_offset(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    run = train(corpus, tiny(offset="face", epochs=2), tmp_path / "run")
    assert not list(run.path.rglob("*offset*"))
    assert not [name for name in load_model(run.model).state_dict() if "offset" in name or "coefficients" in name]
