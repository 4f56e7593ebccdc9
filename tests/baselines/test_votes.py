"""Votes by hand."""

import numpy as np

from fairhire.baselines.votes import majority_by_position, random_votes


def test_random_votes_have_the_rate_of_their_row():
    rates = np.array([0.0, 0.3, 1.0])
    votes = random_votes(rates, seed=0, draws=20_000)
    np.testing.assert_allclose(votes.mean(axis=1), rates, atol=0.02)
    np.testing.assert_array_equal(votes, random_votes(rates, seed=0, draws=20_000))


def test_the_majority_is_that_of_training_interviews_and_ties_are_hirable():
    positions = np.array(["shop", "shop", "shop", "bank", "bank", "farm", "bank"])
    hirable = np.array([True, False, False, True, False, True, True])
    share, strangers = majority_by_position(positions, hirable, np.array([0, 1, 3, 4]))
    assert share.tolist() == [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert strangers == 1  # the farm, which takes the share of all
    share, _ = majority_by_position(positions, hirable, np.array([1, 2, 3]))
    assert share[:3].tolist() == [0, 0, 0]
    assert share[6] == 1
    assert share[5] == 1 / 3
