"""The offset says what a face explains of the labels, and nothing where it explains nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fairhire.adversaries import parse_offsets
from fairhire.adversaries.offset import INVERSE_PENALTIES, FittedOffset, LabelOffset, fit_offset
from fairhire.adversaries.target import BiometricTarget, fit_target
from fairhire.errors import UsageError
from tests.adversaries.conftest import batch_of

N = 600


def planted(slope: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return faces (N, 5) and labels (N,) whose log-odds are ``slope`` times the first number of the face."""
    rng = np.random.default_rng(seed)
    faces = rng.normal(size=(N, 5))
    return faces, rng.random(N) < 1 / (1 + np.exp(-slope * faces[:, 0]))


def fitted(slope: float, kind: str = "face") -> tuple[FittedOffset, np.ndarray]:
    faces, label = planted(slope)
    target = fit_target(faces.astype(np.float32), kind=kind)
    later, later_label = planted(slope, seed=1)
    return fit_offset([target], [faces], label, [later], later_label), later


def test_a_face_that_explains_the_label_is_found_and_read_as_the_label_was_made() -> None:
    found, later = fitted(2.0)
    assert found.gain > 0.2
    assert found.people == N
    with torch.no_grad():
        read = found.offset(batch_of(range(N), torch.from_numpy(later.astype(np.float32)))).numpy()
    np.testing.assert_allclose(found.offset.of([later]), read, atol=1e-5)
    assert np.corrcoef(read, later[:, 0])[0, 1] > 0.98
    assert np.polyfit(later[:, 0], read, 1)[0] == pytest.approx(2.0, abs=0.5)


def test_a_face_that_explains_nothing_is_given_next_to_nothing() -> None:
    found, later = fitted(0.0)
    assert found.gain < 0.01
    assert found.inverse_penalty == min(INVERSE_PENALTIES)
    with torch.no_grad():
        read = found.offset(batch_of(range(N), torch.from_numpy(later.astype(np.float32))))
    assert read.abs().max() < 0.3


def test_who_has_no_face_has_no_offset() -> None:
    found, later = fitted(2.0)
    faces = torch.from_numpy(later[:4].astype(np.float32))
    faces[1] = math.nan
    read = found.offset(batch_of(range(4), faces, face_mask=[True, False, True, True]))
    assert read[1] == 0
    assert (read[[0, 2, 3]] != 0).all()
    assert found.offset.of([faces.double().numpy()])[1] == 0
    assert (found.offset(batch_of(range(4))) == 0).all()
    read.sum().backward()
    assert all(torch.isfinite(c.grad).all() for c in found.offset.parameters() if c.grad is not None)


def test_a_voice_and_a_face_are_added_up() -> None:
    face, later = fitted(2.0)
    voice, _ = fitted(2.0, kind="voice")
    both = LabelOffset([face.offset.targets[0], voice.offset.targets[0]], decay=0.0)
    with torch.no_grad():
        both.coefficients[0].copy_(face.offset.coefficients[0])
        both.coefficients[1].copy_(voice.offset.coefficients[0])
        batch = batch_of(range(N), torch.from_numpy(later.astype(np.float32)))
        torch.testing.assert_close(both(batch), face.offset(batch) + voice.offset(batch))


def test_what_it_learns_holds_nothing_of_a_face() -> None:
    found, _ = fitted(2.0)
    assert {name: tuple(value.shape) for name, value in found.offset.state_dict().items()} == {"coefficients.0": (5,)}


def test_the_penalty_is_half_the_squares_under_the_weakest_of_the_penalties() -> None:
    found, _ = fitted(2.0)
    squares = found.offset.coefficients[0].detach().square().sum()
    torch.testing.assert_close(found.offset.penalty(), squares / (2 * max(INVERSE_PENALTIES) * N))


@pytest.mark.parametrize("label", [True, False])
def test_labels_of_one_class_explain_themselves(label: bool) -> None:
    faces, _ = planted(1.0)
    target = fit_target(faces.astype(np.float32))
    found = fit_offset([target], [faces], np.full(N, label), [faces[:9]], np.full(9, label))
    assert (found.offset.coefficients[0] == 0).all()
    assert found.gain <= 0


def test_nobody_judged_is_no_gain() -> None:
    faces, label = planted(1.0)
    target: BiometricTarget = fit_target(faces.astype(np.float32))
    found = fit_offset([target], [faces], label, [np.full((3, 5), np.nan)], label[:3])
    assert (found.gain, found.people) == (0.0, 0)
    assert found.to_dict()["of"] == "face"


def test_names_are_checked() -> None:
    assert parse_offsets("none") == ()
    assert parse_offsets("face+voice") == ("face", "voice")
    for name in ("", "label", "face+face", "none+face"):
        with pytest.raises(UsageError, match=r"^offset: expected none or some of face, voice, each once, got "):
            parse_offsets(name)
