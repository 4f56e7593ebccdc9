"""What the tests of erasers need: people whose vectors tell, in some directions, what their faces look like."""

from __future__ import annotations

import numpy as np
import pytest

from fairhire.erasure import Witnesses


def world(n=600, width=12, identity=3, seed=0, faces=True):
    """Return vectors (n, width) of which ``identity`` numbers also show in the face (n, 9), and what knows them."""
    rng = np.random.default_rng(seed)
    who, merit = rng.normal(size=(n, identity)), rng.normal(size=(n, 1))
    own = rng.normal(size=(n, width - identity - 1))
    mix = rng.normal(size=(width, width))
    vectors = np.hstack([2 * who, 3 * merit, own]) @ mix + rng.normal(size=width)
    face = np.hstack([who, 0.3 * rng.normal(size=(n, 9 - identity))]) @ rng.normal(size=(9, 9))
    names = np.array([f"c{number}" for number in range(n)])
    readout = np.linalg.inv(mix)[:, [identity]]
    known = Witnesses(
        people=names,
        faces=face if faces else None,
        voices=face[:, :5],
        labels=(who[:, 0] > 0).astype(np.int64),
        readout=readout,
    )
    return vectors, known, merit[:, 0], who


@pytest.fixture
def made():
    """Return the world of most tests."""
    return world()
