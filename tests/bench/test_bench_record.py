"""The verdict in words says what was decided, and which way."""

import pytest

from fairhire.bench.record import STEPS, verdict_of


def rows(decided):
    return [
        {"hypothesis": number, "group": "text", "stronger": strong, "weaker": weak, "decided": word}
        for (number, _, strong, weak), word in zip(STEPS, decided, strict=True)
    ]


@pytest.mark.parametrize(
    ("decided", "words"),
    [
        (["yes"] * 4, "The order HireNet > HN_SATT > HN_AVG > Bi-GRU > non-sequential holds step by step"),
        (["undecided"] * 4, "For text no step is decided: nothing of that order is seen here."),
        (["reversed"] * 4, "For text 0 of 4 steps are decided that way, 4 the other way round."),
        (["yes", "undecided", "reversed", "undefined"], "For text 1 of 4 steps are decided that way, 1 the other way"),
        (["undefined"] * 4, "For text no step could be tested."),
    ],
)
def test_the_verdict_counts_the_steps(decided, words):
    assert verdict_of(rows(decided), ["text"]).startswith(words)


def test_without_a_step_nothing_is_claimed():
    assert verdict_of([], ["text"]) == "No step of the paper's order could be tested."
