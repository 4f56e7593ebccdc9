from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairhire.data.split import PARTS, fold_by_candidate, named_split, shared_candidates, split_by_candidate
from fairhire.errors import DataError, FairhireError, UsageError

# Interviews as a list of candidates, some of whom come several times.
INTERVIEWS = st.lists(st.integers(0, 40).map(lambda number: f"c{number}"), min_size=40, max_size=120)
Split = Callable[[Sequence[str]], NDArray[np.str_]]


def by_person(candidates: Sequence[str], parts: NDArray[np.str_]) -> dict[str, set[str]]:
    """Return the parts in which each candidate stands."""
    found: dict[str, set[str]] = {}
    for candidate, part in zip(candidates, parts, strict=True):
        found.setdefault(candidate, set()).add(str(part))
    return found


def split_or_none(split: Split, candidates: Sequence[str]) -> NDArray[np.str_] | None:
    try:
        return split(candidates)
    except DataError:
        return None


@settings(deadline=None, max_examples=60)
@given(INTERVIEWS, st.integers(0, 3), st.booleans(), st.randoms(use_true_random=False))
def test_nobody_stands_on_two_sides_whatever_the_order(
    candidates: list[str], seed: int, folds: bool, random: object
) -> None:
    def split(names: Sequence[str]) -> NDArray[np.str_]:
        return fold_by_candidate(names, 2, 4, seed=seed) if folds else split_by_candidate(names, seed=seed)

    parts = split_or_none(split, candidates)
    if parts is None:
        assert len(set(candidates)) < (8 if folds else 10)
        return
    assert len(parts) == len(candidates)
    people = by_person(candidates, parts)
    assert all(len(sides) == 1 for sides in people.values())
    assert set().union(*people.values()) == set(PARTS)
    order = list(range(len(candidates)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert split([candidates[place] for place in order]).tolist() == parts[order].tolist()


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 400), st.integers(1, 98), st.integers(1, 98), st.integers(0, 9))
def test_the_shares_are_those_of_people_to_the_nearest_person(n: int, train: int, validation: int, seed: int) -> None:
    shares = np.array([train, validation, max(1, 100 - train - validation)], dtype=np.float64)
    shares /= shares.sum()
    candidates = [f"c{number}" for number in range(n)] + ["c0"] * 50  # one who comes often weighs no more
    edges = [round(shares[0] * n), round((shares[0] + shares[1]) * n)]
    expected = [edges[0], edges[1] - edges[0], n - edges[1]]
    if min(expected) < 1:
        with pytest.raises(DataError, match=f"expected at least one person in every part, got {n} people"):
            split_by_candidate(candidates, shares, seed=seed)
        return
    people = by_person(candidates, split_by_candidate(candidates, shares, seed=seed))
    assert [sum(sides == {part} for sides in people.values()) for part in PARTS] == expected


def test_the_default_is_the_papers() -> None:
    people = by_person(names := [f"c{number}" for number in range(1000)], split_by_candidate(names))
    assert [sum(sides == {part} for sides in people.values()) for part in PARTS] == [800, 100, 100]


@pytest.mark.parametrize("seeds", [(0, 0), (0, 1)])
def test_the_seed_alone_decides(seeds: tuple[int, int]) -> None:
    names = [f"c{number}" for number in range(50)]
    for split in (split_by_candidate, lambda people, seed: fold_by_candidate(people, 1, 5, seed=seed)):
        first, second = (split(names, seed=seed).tolist() for seed in seeds)
        assert (first == second) == (seeds[0] == seeds[1])


def test_the_global_random_state_does_not_show() -> None:
    np.random.seed(1)
    first = split_by_candidate([f"c{number}" for number in range(50)]).tolist()
    np.random.seed(2)
    assert split_by_candidate([f"c{number}" for number in range(50)]).tolist() == first


@pytest.mark.parametrize(
    "fractions",
    [(0.8, 0.2), (0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1), (0.5, 0.5, float("nan")), (0.25,) * 4],
)
def test_shares_that_are_none_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="split fractions: expected three positive shares that sum to 1, got"):
        split_by_candidate([f"c{number}" for number in range(50)], fractions)


def test_too_few_people_are_refused_however_many_interviews() -> None:
    with pytest.raises(DataError, match="expected at least one person in every part, got 2 people"):
        split_by_candidate(["kim", "lee"] * 50)


@settings(deadline=None, max_examples=40)
@given(INTERVIEWS, st.integers(2, 6), st.integers(0, 3))
def test_every_person_is_tested_in_exactly_one_fold(candidates: list[str], folds: int, seed: int) -> None:
    if len(set(candidates)) < 2 * folds:
        return
    tested: list[str] = []
    sizes = []
    for fold in range(1, folds + 1):
        people = by_person(candidates, fold_by_candidate(candidates, fold, folds, seed=seed))
        assert all(len(sides) == 1 for sides in people.values())
        here = [name for name, sides in people.items() if sides == {"test"}]
        others = len(people) - len(here)
        assert sum(sides == {"validation"} for sides in people.values()) == max(1, round(0.15 * others))
        tested += here
        sizes.append(len(here))
    assert sorted(tested) == sorted(set(candidates))
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("fold", "folds"), [(0, 5), (6, 5), (-1, 5), (1, 1), (1, 0)])
def test_a_fold_that_there_is_not_is_refused(fold: int, folds: int) -> None:
    with pytest.raises(UsageError, match=f"fold: expected 1/k to k/k with k of 2 or more, got {fold}/{folds}"):
        fold_by_candidate([f"c{number}" for number in range(50)], fold, folds)


def test_too_few_people_for_the_folds_are_refused() -> None:
    fold_by_candidate([f"c{number}" for number in range(10)], 1, 5)
    with pytest.raises(DataError, match="5 folds by candidate: expected at least 10 people, got 9"):
        fold_by_candidate([f"c{number}" for number in range(9)], 1, 5)


def test_a_split_of_the_corpus_is_taken_as_it_is() -> None:
    values = ["train", "test", "validation", "train"]
    assert named_split(values, "official").tolist() == values
    assert named_split(["train", "validation"], "without a test part").tolist() == ["train", "validation"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["train", "validation", "dev"], "expected only train, validation, test, got 'dev'"),
        (["train", "validation", ""], "expected only train, validation, test, got ''"),
        (["train", "validation", None], "expected only train, validation, test, got 'None'"),
        (["train", "validation", float("nan")], "expected only train, validation, test, got 'nan'"),
        (["Train", "validation"], "expected only train, validation, test, got 'Train'"),
        (["train", "test"], "expected interviews in validation, got none"),
        (["validation", "test"], "expected interviews in train, got none"),
    ],
)
def test_a_split_of_the_corpus_that_is_none_is_refused(values: list[object], said: str) -> None:
    with pytest.raises(FairhireError) as caught:
        named_split(values, "official")
    assert isinstance(caught.value, DataError)
    assert str(caught.value) == f"split 'official': {said}"


def test_test_candidates_who_are_also_trained_on_are_counted() -> None:
    candidates = ["kim", "kim", "lee", "lee", "mo", "mo", "ana"]
    parts = np.array(["train", "test", "validation", "test", "test", "test", "train"])
    assert shared_candidates(candidates, parts) == (2, 3)
    assert shared_candidates(["kim", "lee"], np.array(["train", "test"])) == (0, 1)
    names = [f"c{number % 30}" for number in range(90)]
    assert shared_candidates(names, split_by_candidate(names)) == (0, 3)
