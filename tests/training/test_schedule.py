"""Which epoch does what: first the task, then a frozen encoder, then the game with a strength that rises."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.adversaries.reversal import ramp
from fairhire.training import TrainConfig
from fairhire.training.schedule import AVERAGED_SHARE, Plan, plan_epoch


def plans(strength: float = 2.0, **settings: object) -> list[Plan]:
    config = TrainConfig(**{"adversary": "face", **settings})  # type: ignore[arg-type]
    return [plan_epoch(epoch, config, strength) for epoch in range(1, config.epochs + 1)]


GAMES: st.SearchStrategy[dict[str, float]] = st.builds(
    dict,
    head_start=st.integers(0, 4),
    warm_up=st.integers(0, 4),
    epochs=st.integers(9, 40),
    ramp=st.floats(0, 1),
    restarts=st.integers(0, 5),
)


@given(GAMES, st.integers(1, 500))
def test_the_newest_weights_count_alone_until_both_play_and_then_are_averaged(
    settings: dict[str, float], steps: int
) -> None:
    games = settings["epochs"] - settings["head_start"] - settings["warm_up"]
    for plan in plans(**settings):
        playing = plan.model_learns and plan.adversary_learns
        assert plan.newest(steps) == (pytest.approx(1 / (1 + AVERAGED_SHARE * games * steps)) if playing else 1.0)
    assert all(plan.newest(steps) == 1.0 for plan in plans(adversary="none", epochs=5))


def test_without_an_adversary_every_epoch_learns_the_task_at_full_pace_and_may_be_chosen() -> None:
    for plan in plans(adversary="none", epochs=5):
        assert plan == Plan(True, False, 0.0, 0.0, restart=False, full=True, pace=1.0)


@given(GAMES)
def test_head_start_then_warm_up_on_a_frozen_encoder_then_the_game(settings: dict[str, float]) -> None:
    head_start, warm_up = settings["head_start"], settings["warm_up"]
    for epoch, plan in enumerate(plans(**settings), start=1):
        if epoch <= head_start:
            assert (plan.model_learns, plan.adversary_learns) == (True, False)
        elif epoch <= head_start + warm_up:
            assert (plan.model_learns, plan.adversary_learns) == (False, True)
        else:
            assert (plan.model_learns, plan.adversary_learns) == (True, True)
        if epoch <= head_start + warm_up:
            assert plan.strength == plan.strength_end == 0.0
            assert not plan.restart
            assert not plan.full
            assert plan.pace == 1.0


@given(GAMES)
def test_the_strength_rises_without_a_jump_from_nothing_to_the_full_strength(settings: dict[str, float]) -> None:
    game = [plan for plan in plans(strength=2.0, **settings) if plan.model_learns and plan.adversary_learns]
    if settings["ramp"] > 0.2:
        assert game[0].strength == 0.0
    assert game[-1].strength_end == 2.0
    for before, after in itertools.pairwise(game):
        assert before.strength_end == pytest.approx(after.strength, abs=1e-9)
        assert before.strength <= before.strength_end
        assert not (before.full and not after.full)  # once full, always full
    assert game[-1].full


@given(GAMES)
def test_an_epoch_may_be_chosen_exactly_when_the_strength_has_arrived(settings: dict[str, float]) -> None:
    for plan in plans(strength=2.0, **settings):
        if plan.adversary_learns and plan.model_learns:
            assert plan.full == (plan.strength_end == 2.0)


def test_the_ramp_is_that_of_its_source_over_its_share_of_the_game() -> None:
    game = plans(strength=3.0, head_start=2, warm_up=3, epochs=25, ramp=0.5)[5:]
    assert [plan.strength for plan in game[:10]] == pytest.approx([3 * ramp(n / 10) for n in range(10)])
    assert [plan.full for plan in game].index(True) == 9
    assert all(plan.strength == 3.0 for plan in game[10:])


def test_without_a_ramp_the_first_epoch_of_the_game_is_full() -> None:
    first = plans(head_start=0, warm_up=1, epochs=4, ramp=0)[1]
    assert first.full
    assert first.strength_end == 2.0


@pytest.mark.parametrize(("restarts", "at"), [(0, []), (1, [10]), (2, [7, 13]), (3, [5, 10, 15])])
def test_restarts_divide_the_game_evenly(restarts: int, at: list[int]) -> None:
    game = plans(head_start=1, warm_up=1, epochs=22, restarts=restarts)[2:]
    assert [number for number, plan in enumerate(game) if plan.restart] == at


@given(GAMES)
def test_there_are_never_more_restarts_than_asked_for_nor_one_at_the_start(settings: dict[str, float]) -> None:
    every = plans(**settings)
    assert sum(plan.restart for plan in every) <= settings["restarts"]
    assert not every[int(settings["head_start"] + settings["warm_up"])].restart


@given(GAMES)
def test_the_model_slows_down_along_a_cosine_to_no_less_than_a_tenth(settings: dict[str, float]) -> None:
    paces = [plan.pace for plan in plans(**settings) if plan.model_learns and plan.adversary_learns]
    assert paces[0] == 1.0
    assert all(later <= earlier for earlier, later in itertools.pairwise(paces))
    assert all(0.1 <= pace <= 1.0 for pace in paces)
    assert paces[len(paces) // 2] == pytest.approx(
        0.1 + 0.9 * (1 + math.cos(math.pi * (len(paces) // 2) / len(paces))) / 2
    )


def test_the_strength_scales_the_plan_and_nothing_else() -> None:
    for one, double in zip(plans(strength=1.0, epochs=20), plans(strength=2.0, epochs=20), strict=True):
        assert double.strength == pytest.approx(2 * one.strength)
        assert double.strength_end == pytest.approx(2 * one.strength_end)
        assert (one.restart, one.full, one.pace) == (double.restart, double.full, double.pace)
