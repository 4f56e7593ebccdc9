"""Which group the others are compared with: the highest rate among those that are large enough to be asked.

The choice is made in whole numbers and by one policy everywhere: for the table of groups, at every cut of a threshold
sweep, and for the other reading of the median (audit-rules.md 4.1, 4.2 and 5.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.plan import Sizes
from fairhire.auditing.tally import Category, GroupCount

__all__ = [
    "BenchmarkChoice",
    "benchmark_under",
    "choose_benchmark",
    "few_selections_expected",
    "under_share",
    "why_left_out",
]


@dataclass(frozen=True)
class BenchmarkChoice:
    """The benchmark ``group``, or None, and who could not be it.

    ``tied`` are the other groups of exactly the same rate, the larger first. ``excluded`` says for every group that
    could not be chosen why; such a group may still have a ratio, see :func:`why_left_out`. ``share`` is the declared
    share of the ``known`` people under which a group is left out of ratios altogether.
    """

    group: GroupCount | None
    tied: tuple[Category, ...]
    excluded: Mapping[Category, str]
    known: int
    share: float

    @property
    def category(self) -> Category | None:
        """What the benchmark is called."""
        return None if self.group is None else self.group.category


def benchmark_under(groups: Sequence[GroupCount], sizes: Sizes) -> BenchmarkChoice:
    """Return the benchmark of all known ``groups`` of a table under a plan's sizes."""
    known = sum(group.n for group in groups)
    return choose_benchmark(groups, minimum=sizes.benchmark, share=sizes.share, known=known, expected=sizes.expected)


def choose_benchmark(
    groups: Sequence[GroupCount], *, minimum: int, share: float, known: int, expected: float
) -> BenchmarkChoice:
    """Return the group of the highest exact rate among those that may be the benchmark.

    Not allowed are an unknown category, an empty group, one under ``share`` of the ``known`` rows of this table (the
    2 % rule of 6 RCNY 5-301; 0 for none), and one of fewer than ``minimum`` people, however many rows they have; nor
    one of which fewer than ``expected`` would be selected at the rate of all groups together, unless that is so of
    every group left [D]. Of equal rates the group of most people is taken, then the first by name; the others are
    ``tied``. Where nobody is selected in any group that may be the benchmark there is none: a ratio to 0 does not
    exist.
    """
    excluded: dict[Category, str] = {}
    allowed: list[GroupCount] = []
    for group in groups:
        why = _why_not(group, minimum=minimum, share=share, known=known)
        if why is None:
            allowed.append(group)
        else:
            excluded[group.category] = why
    why_few = f"fewer than {expected:g} selections expected at the rate of all groups together"
    few = {group.category: why_few for group in allowed if few_selections_expected(group, groups, expected)}
    if len(few) < len(allowed):
        allowed = [group for group in allowed if group.category not in few]
        excluded.update(few)
    ranked = sorted(allowed, key=lambda group: (-Fraction(group.selected, group.n), -group.people, group.category))
    if not ranked or ranked[0].selected == 0:
        return BenchmarkChoice(None, (), excluded, known, share)
    best = ranked[0]
    tied = (group.category for group in ranked[1:] if group.selected * best.n == best.selected * group.n)
    return BenchmarkChoice(best, tuple(tied), excluded, known, share)


def why_left_out(group: GroupCount, choice: BenchmarkChoice, *, minimum: int) -> str | None:
    """Return why ``group`` has no ratio at all whatever the benchmark; None where it may have one.

    That is so for unknown, empty and too rare groups and those of fewer than ``minimum`` people. Too few to be the
    benchmark is another matter: such a group is still compared.
    """
    return _why_not(group, minimum=minimum, share=choice.share, known=choice.known)


def few_selections_expected(group: GroupCount, groups: Sequence[GroupCount], expected: float) -> bool:
    """Return whether fewer than ``expected`` of a group would be selected at the rate of all known ``groups`` together.

    Several rows of a person count as one as far as they may be alike (:attr:`GroupCount.effective`).
    """
    known = [one for one in groups if UNKNOWN not in one.category]
    selected, rows = sum(one.selected for one in known), sum(one.n for one in known)
    return group.effective * selected < _exactly(expected) * rows


def under_share(n: int, share: float, known: int) -> bool:
    """Return whether ``n`` rows are less than ``share`` of ``known``, without rounding: 7 of 100 is not under 7 %."""
    return n < _exactly(share) * known


def _why_not(group: GroupCount, *, minimum: int, share: float, known: int) -> str | None:
    if UNKNOWN in group.category:
        return "people of unknown category are no group"
    if group.n == 0:
        return "the group is empty"
    if under_share(group.n, share, known):
        return f"{100 * group.n / known:.2f} % of the known people, under {100 * share:g} %"
    if group.people < minimum:
        return f"fewer than {minimum} people"
    return None


def _exactly(number: float) -> Fraction:
    """Return the decimal number that was written, not its binary neighbour."""
    return Fraction(str(number))
