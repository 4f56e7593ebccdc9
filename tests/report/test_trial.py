"""Which way leakage went: said only where the maximum over probes allows it."""

import pytest

from fairhire.auditing.leakage import Comparison, LeakageResult, LeakageRow
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.trial import Leak, direction_of, leaks


def level(value: float) -> Estimate:
    return Estimate(value, value - 0.02, value + 0.02, 0.95, 100)


def between(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 0.95, 100)


def only_leak(before: dict[str, Measurement], after: dict[str, Measurement], change: dict[str, Measurement]) -> Leak:
    """One attribute, read by several probes."""
    rows = [
        LeakageRow(subject, "representation", "gender", "gender", probe, "auc", estimate, 0.5, 10, 10)
        for subject, side in (("defended", after), ("undefended", before))
        for probe, estimate in side.items()
    ]
    comparisons = [
        Comparison("defended", "undefended", "representation", "gender", probe, "auc", difference)
        for probe, difference in change.items()
    ]
    found = leaks(LeakageResult(tuple(rows), tuple(comparisons), (), 0), source="representation")
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("interval", "direction"),
    [((-0.2, -0.1), "lower"), ((0.1, 0.2), "higher"), ((-0.1, 0.1), "undecided"), ((-0.1, 0.0), "undecided")],
)
def test_a_difference_has_a_direction_only_if_its_interval_excludes_zero(
    interval: tuple[float, float], direction: str
) -> None:
    assert direction_of(between(*interval)) == direction
    assert direction_of(Undefined("too few", 3)) == "undefined"


def test_lower_means_that_the_strongest_reading_afterwards_fell() -> None:
    leak = only_leak(
        {"linear": level(0.9), "mlp": level(0.8)},
        {"linear": level(0.6), "mlp": level(0.7)},
        {"linear": between(-0.35, -0.25), "mlp": between(-0.15, -0.05)},
    )
    assert (leak.direction, leak.before.probe, leak.after.probe) == ("lower", "linear", "mlp")
    assert leak.difference == between(-0.15, -0.05)


def test_one_probe_that_reads_as_much_as_before_spoils_the_success() -> None:
    leak = only_leak(
        {"linear": level(0.9), "mlp": level(0.8)},
        {"linear": level(0.6), "mlp": level(0.8)},
        {"linear": between(-0.35, -0.25), "mlp": between(-0.05, 0.05)},
    )
    assert leak.direction == "undecided"


def test_higher_means_that_the_strongest_reading_beforehand_rose() -> None:
    leak = only_leak(
        {"linear": level(0.7), "mlp": level(0.6)},
        {"linear": level(0.8), "mlp": level(0.9)},
        {"linear": between(0.05, 0.15), "mlp": between(0.25, 0.35)},
    )
    assert (leak.direction, leak.after.probe) == ("higher", "mlp")


def test_probes_that_change_places_leave_it_undecided() -> None:
    leak = only_leak(
        {"linear": level(0.8), "mlp": level(0.7)},
        {"linear": level(0.7), "mlp": level(0.8)},
        {"linear": between(-0.15, -0.05), "mlp": between(0.05, 0.15)},
    )
    assert leak.direction == "undecided"


def test_what_could_not_be_measured_has_no_direction_and_does_not_remain() -> None:
    reason = Undefined("fewer than 10 people", 3)
    leak = only_leak({"linear": reason}, {"linear": reason}, {"linear": reason})
    assert (leak.direction, leak.remains) == ("undefined", False)


def test_a_leak_remains_only_above_chance() -> None:
    change = {"linear": between(-0.3, -0.2)}
    assert only_leak({"linear": level(0.9)}, {"linear": level(0.6)}, change).remains
    assert not only_leak({"linear": level(0.9)}, {"linear": level(0.51)}, change).remains
