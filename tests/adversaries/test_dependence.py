"""Penalties are near zero where vectors have nothing to do with faces, and large where they do; each sees its kind."""

from __future__ import annotations

import pytest
import torch

from fairhire.adversaries.base import PenaltyOpponent
from fairhire.adversaries.dependence import Covariance, Hsic, centred_alignment, explained_share
from fairhire.adversaries.target import fit_target
from fairhire.errors import DataError
from tests.adversaries.conftest import batch_of

N = 200


def drawn(seed: int = 0, width: int = 4) -> torch.Tensor:
    return torch.randn(N, width, generator=torch.Generator().manual_seed(seed))


FACES = drawn(1)
TARGET = fit_target(FACES.numpy())


@pytest.mark.parametrize("measure", [explained_share, centred_alignment])
def test_without_dependence_the_mean_over_draws_is_nothing(measure):
    found = torch.stack([measure(drawn(seed), drawn(1000 + seed)) for seed in range(60)])
    assert abs(found.mean()) < 3 * found.std() / 60**0.5
    assert found.std() > 0  # corrected for chance, not cut off at nothing


def test_a_straight_line_is_seen_by_both_and_a_square_by_the_kernel_alone():
    line, square = FACES @ torch.eye(4).roll(1, 0), FACES**2
    assert explained_share(line, FACES) == pytest.approx(4, abs=0.2)
    assert explained_share(square, FACES) < 0.4
    assert centred_alignment(line, FACES) > 0.5
    assert centred_alignment(square, FACES) > 5 * abs(centred_alignment(drawn(9), FACES))


@pytest.mark.parametrize("measure", [explained_share, centred_alignment])
def test_scale_and_origin_of_the_vectors_do_not_matter(measure):
    vectors = FACES + drawn(2)
    torch.testing.assert_close(measure(vectors * 7 + 3, FACES), measure(vectors, FACES), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("measure", [explained_share, centred_alignment])
def test_vectors_that_do_not_vary_depend_on_nothing_and_have_a_slope(measure):
    vectors = torch.ones(N, 3, requires_grad=True)
    found = measure(vectors, FACES)
    assert found.detach().abs() < 1e-6
    found.backward()
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize("penalty", [Covariance, Hsic])
def test_going_down_the_slope_takes_the_dependence_out(penalty):
    vectors = torch.nn.Parameter(FACES + 0.3 * drawn(3))
    judge = penalty(4, TARGET)
    batch = batch_of(range(N), FACES)
    before = float(judge(vectors, batch).loss.detach())
    optimiser = torch.optim.Adam([vectors], lr=0.05)
    for _ in range(100):
        optimiser.zero_grad()
        judge(vectors, batch).loss.backward()
        optimiser.step()
    assert float(judge(vectors, batch).loss.detach()) < 0.1 * before


@pytest.mark.parametrize("penalty", [Covariance, Hsic])
def test_a_person_counts_once_and_who_has_no_face_not_at_all(penalty):
    judge, vectors = penalty(4, TARGET), FACES + drawn(2)
    alone = judge(vectors, batch_of(range(N), FACES))
    person = [*range(N), *range(N)]  # everybody a second time, with other vectors
    twice = judge(torch.cat([vectors, drawn(5)]), batch_of(person, torch.cat([FACES, FACES])))
    torch.testing.assert_close(twice.loss, alone.loss)
    masked = judge(
        torch.cat([vectors, drawn(6)]), batch_of(range(2 * N), torch.cat([FACES, FACES]), [True] * N + [False] * N)
    )
    torch.testing.assert_close(masked.loss, alone.loss)
    assert (alone.accuracy, alone.chance, alone.n) == (None, None, N)


@pytest.mark.parametrize("penalty", [Covariance, Hsic])
def test_three_people_are_too_few(penalty):
    judge = penalty(4, TARGET)
    assert not judge.can_play(batch_of([0, 1, 2, 2], FACES[:4]))
    assert not judge.can_play(batch_of([0, 1, 2, 3]))
    assert judge.can_play(batch_of([0, 1, 2, 3], FACES[:4]))
    with pytest.raises(DataError, match=r"^a dependence penalty: expected at least 4 candidates in a batch, got 3$"):
        judge(drawn()[:4], batch_of([0, 1, 2, 2], FACES[:4]))


def test_a_penalty_presses_with_its_strength_and_has_nothing_to_keep():
    opponent, vectors = PenaltyOpponent(Covariance(4, TARGET)), FACES + drawn(2)
    batch = batch_of(range(N), FACES)
    read = opponent.learn(vectors, batch)
    torch.testing.assert_close(opponent.pressure(vectors, batch, 2.5), 2.5 * read.loss)
    assert opponent.parts() == ({}, {})
