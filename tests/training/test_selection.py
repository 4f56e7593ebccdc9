"""Which weights are kept: the least leak among those that do the task, and no label anywhere in sight."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.training.selection import Checkpoint, choose, undominated

GRID = st.integers(0, 10).map(lambda n: n / 10)  # coarse, so that ties are common
TOLERANCES = st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0])


@st.composite
def checkpoints(draw: st.DrawFn, least: int = 1) -> list[Checkpoint]:
    """Return the epochs of several strengths, in the order in which a run meets them."""
    chance = draw(st.sampled_from([0.5, 0.6]))
    strengths = draw(st.permutations([0.3, 1.0, 3.0]))
    found = []
    for strength in strengths[: draw(st.integers(1, 3))]:
        for epoch in range(1, draw(st.integers(least, 6)) + 1):
            found.append(Checkpoint(epoch, strength, draw(GRID), chance, draw(GRID)))
    return found


def test_the_rule_sees_the_task_the_face_probe_and_nothing_else() -> None:
    assert {field.name for field in fields(Checkpoint)} == {"epoch", "strength", "task", "task_chance", "leak"}


def test_of_those_that_do_the_task_the_one_that_leaks_least_is_chosen() -> None:
    best, worse, useless = (
        Checkpoint(1, 1.0, 0.90, 0.5, 0.8),
        Checkpoint(2, 1.0, 0.87, 0.5, 0.6),
        Checkpoint(3, 1.0, 0.80, 0.5, 0.5),
    )
    assert choose([best, worse, useless], 0.1) == worse  # .87 keeps 92 % of .40 above chance, .80 only 75 %
    assert choose([best, worse, useless], 0.0) == best
    assert choose([best, worse, useless], 0.3) == useless


def test_better_than_chance_at_hiding_is_worth_nothing_more() -> None:
    lucky, better = Checkpoint(1, 1.0, 0.88, 0.5, 0.3), Checkpoint(2, 1.0, 0.9, 0.5, 0.5)
    assert choose([lucky, better], 0.5) == better


def test_tolerance_is_a_share_of_the_distance_from_chance_also_below_it() -> None:
    bad, worse = Checkpoint(1, 1.0, 0.45, 0.5, 0.9), Checkpoint(2, 1.0, 0.40, 0.5, 0.6)
    assert choose([bad, worse], 0.1) == bad
    assert choose([bad, worse], 1.0) == worse


@given(checkpoints(), TOLERANCES)
def test_the_chosen_did_the_task_and_nobody_eligible_leaks_less(found: list[Checkpoint], tolerance: float) -> None:
    chosen = choose(found, tolerance)
    best = max(one.task - one.task_chance for one in found)
    floor = best - tolerance * abs(best)
    assert chosen in found
    assert chosen.task - chosen.task_chance >= floor
    for one in found:
        if one.task - one.task_chance >= floor:
            assert max(chosen.leak, 0.5) <= max(one.leak, 0.5)


@given(checkpoints(), TOLERANCES, st.randoms())
def test_the_choice_does_not_depend_on_the_order(found: list[Checkpoint], tolerance: float, random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled, tolerance) == choose(found, tolerance)


@given(checkpoints(), TOLERANCES)
def test_weights_that_are_given_up_would_never_have_been_chosen(found: list[Checkpoint], tolerance: float) -> None:
    assert choose(undominated(found), tolerance) == choose(found, tolerance)


@given(checkpoints(), TOLERANCES)
def test_giving_up_one_by_one_loses_nothing_either(found: list[Checkpoint], tolerance: float) -> None:
    kept: list[Checkpoint] = []
    for number, one in enumerate(found, start=1):
        kept = undominated([*kept, one])
        assert choose(kept, tolerance) == choose(found[:number], tolerance)


@given(checkpoints())
def test_no_survivor_beats_another_and_everyone_given_up_is_beaten(found: list[Checkpoint]) -> None:
    kept = undominated(found)

    def beats(one: Checkpoint, other: Checkpoint) -> bool:
        return one.task >= other.task and max(one.leak, 0.5) <= max(other.leak, 0.5)

    assert not [(one, other) for one in kept for other in kept if one != other and beats(one, other)]
    assert all(any(beats(one, lost) for one in kept) for lost in found)


def test_of_equals_the_earlier_epoch_and_the_smaller_strength_stay() -> None:
    one = Checkpoint(3, 1.0, 0.9, 0.5, 0.6)
    later, stronger = replace(one, epoch=4), replace(one, strength=3.0)
    assert undominated([later, stronger, one]) == [one]
    assert choose([later, stronger, one], 0.1) == one


def test_without_a_face_attacked_the_task_alone_decides() -> None:
    found = [Checkpoint(epoch, 3.0, task, 0.5, 0.5) for epoch, task in enumerate([0.6, 0.9, 0.8, 0.9], start=1)]
    assert choose(found, 1.0).epoch == 2
    assert [one.epoch for one in undominated(found)] == [2]


def test_a_choice_among_nothing_is_a_mistake_of_ours() -> None:
    assert undominated([]) == []
    with pytest.raises(ValueError, match="max"):
        choose([], 0.1)
