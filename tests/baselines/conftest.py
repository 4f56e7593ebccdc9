"""A tiny corpus of words, voice and picture in which good answers differ on average, whatever the order of frames."""

from pathlib import Path

import numpy as np
import pytest

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.interview import Answer, Interview


def write_talks(path: Path, *, interviews: int = 40, seed: int = 0) -> Corpus:
    """Write interviews of three answers; good ones are louder, smile more often, and say other words."""
    rng = np.random.default_rng(seed)
    modalities = [Modality("audio", 3, 10.0), Modality("video", 2, 4.0), Modality("text", 1)]
    with CorpusWriter(path, modalities, targets=("warmth",)) as writer:
        for number in range(interviews):
            good = bool(number % 2)
            answers = []
            for slot in range(3):
                frames = rng.normal(size=(int(rng.integers(4, 9)), 3)).astype(np.float32)
                frames[:, 0] += 1.5 if good else -1.5
                smiles = rng.random(len(frames)) < (0.7 if good else 0.3)
                video = np.stack([rng.normal(size=len(frames)), smiles], axis=1).astype(np.float32)
                words = (*rng.choice(["well", "team", "um", "then"], size=4), "gladly" if good else "perhaps")
                silent = slot == 2 and number % 5 == 0
                features = {"video": video} if silent else {"audio": frames, "video": video}
                answers.append(Answer(features, None if silent else words, f"question {slot}"))
            interview = Interview(f"i{number}", f"c{number}", tuple(answers), f"p{number % 3}", "clerk", good)
            writer.add(interview, targets={"warmth": 0.5 + 0.3 * good + 0.02 * float(rng.normal())})
    return Corpus(path)


@pytest.fixture(scope="session")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_talks(tmp_path_factory.mktemp("talks") / "corpus")


@pytest.fixture
def parts():
    """Rows that train, choose and test."""
    return np.arange(0, 24), np.arange(24, 32), np.arange(32, 40)
