"""Three members that see the vectors each in its own scaling: what one overlooks another finds."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from fairhire.adversaries.base import LearningOpponent
from fairhire.adversaries.ensemble import DiverseAdversaries, View, _alike
from fairhire.adversaries.face import PickTheFace
from fairhire.adversaries.target import fit_target
from tests.adversaries.conftest import batch_of

N = 96
FACES = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
TARGET = fit_target(FACES.numpy())
LOUD = torch.randn(N, 4, generator=torch.Generator().manual_seed(2))
FAINT = torch.cat([LOUD, 1e-3 * FACES], dim=1)  # the face in directions a thousand times fainter than the rest


def hidden_faces(people, seed):
    """Return vectors (people, 8) whose last four directions are the faces (people, 4), a thousand times fainter."""
    faces, loud = torch.randn(2, people, 4, generator=torch.Generator().manual_seed(seed))
    return torch.cat([loud, 1e-3 * faces], dim=1), faces


def found_among_new_people(build):
    """Return how often an adversary that learned from 600 people is right about 96 others."""
    opponent = LearningOpponent(build, steps=150, learning_rate=3e-3, average=lambda module: None, seed=0)
    vectors, faces = hidden_faces(600, seed=3)
    opponent.learn(vectors, batch_of(range(600), faces))
    vectors, faces = hidden_faces(N, seed=4)
    with torch.no_grad():
        return float(opponent.adversary(vectors, batch_of(range(N), faces)).accuracy)


def test_a_face_in_faint_directions_is_found_by_the_ensemble_and_overlooked_by_one_member_alone():
    assert found_among_new_people(lambda: DiverseAdversaries(8, TARGET)) > 0.5
    assert found_among_new_people(lambda: PickTheFace(8, TARGET)) < 0.1


def test_where_there_is_no_face_the_ensemble_does_not_find_one_among_new_people():
    vectors = torch.randn(N, 8, generator=torch.Generator().manual_seed(3))
    opponent = LearningOpponent(
        lambda: DiverseAdversaries(8, TARGET), steps=20, learning_rate=1e-3, average=lambda module: None, seed=0
    )
    opponent.learn(vectors, batch_of(range(N), FACES))
    others = torch.randn(2, N, 8, generator=torch.Generator().manual_seed(4))
    faces = torch.randn(N, 4, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        read = opponent.adversary(others[0], batch_of(range(N), faces))
    assert read.accuracy < 5 / N
    assert read.chance == pytest.approx(1 / N)


def test_the_moments_are_those_of_what_was_seen_and_begin_with_the_first_batch():
    view = View(8)
    view.update(FAINT)
    torch.testing.assert_close(view.mean, FAINT.mean(0))
    torch.testing.assert_close(view.covariance, torch.cov(FAINT.T, correction=0), atol=1e-6, rtol=1e-4)
    standard = view.standardised(LOUD.repeat(1, 2) * FAINT.std(0, correction=0) + FAINT.mean(0))
    assert standard[:, :4].std(0).sub(LOUD.std(0)).abs().max() < 0.01


def test_the_whitened_view_has_unit_spread_where_the_floor_lets_it():
    view, vectors = View(3), LOUD[:, :3] @ torch.tensor([[1.0, 0.5, 0], [0, 1, 0], [0, 0.2, 0.3]])
    view.update(vectors)
    torch.testing.assert_close(torch.cov(view.whitened(vectors).T, correction=0), torch.eye(3), atol=0.02, rtol=0)


def test_members_are_made_to_differ_in_their_lesson_and_the_model_is_not_charged_for_it():
    torch.manual_seed(0)
    ensemble, batch = DiverseAdversaries(8, TARGET), batch_of(range(N), FACES)
    ensemble.watch(FAINT)
    hidden = ensemble._hidden(FAINT, batch)
    alike = torch.stack([_alike(one, two) for one, two in combinations(hidden, 2)]).mean()
    torch.testing.assert_close(ensemble.lesson(FAINT, batch).loss, ensemble(FAINT, batch).loss + alike)
    assert 0 < alike < 1
    assert _alike(hidden[0], hidden[0]) > alike


def test_no_gradient_flows_into_the_moments_and_one_flows_to_the_vectors():
    ensemble, vectors = DiverseAdversaries(8, TARGET), FAINT.clone().requires_grad_()
    ensemble.watch(vectors)
    ensemble(vectors, batch_of(range(N), FACES)).loss.backward()
    assert not ensemble.view.covariance.requires_grad
    assert vectors.grad is not None
    assert vectors.grad[:, 4:].abs().max() > vectors.grad[:, :4].abs().max()  # the faint directions press most
