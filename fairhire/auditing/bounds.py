"""How far people of unknown group could move a ratio: sharp bounds, and the fewest who would change the reading.

Nothing is imputed: every way in which the unknown may divide is allowed, their outcomes being known (audit-rules.md
5.4). Formulas with examples are in docs/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fairhire.auditing.ratio import below_four_fifths
from fairhire.estimate import Undefined, written

__all__ = ["Bounds", "unknown_bounds"]


@dataclass(frozen=True)
class Bounds:
    """The lowest and the highest ratio that the unknown allow, and the tipping points.

    ``tipping`` is the fewest unknown people whose groups, if they are the worst for it, bring the ratio below four
    fifths: unselected ones in the group, selected ones in the benchmark. ``tipping_in_group`` is the fewest where only
    unselected ones in the group are looked at (audit-rules.md 5.4). None where no number of them does or where the
    ratio is below already.
    """

    low: float | Undefined
    high: float | Undefined
    tipping: int | None
    tipping_in_group: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json."""
        return {
            "low": written(self.low),
            "high": written(self.high),
            "tipping": self.tipping,
            "tipping_in_group": self.tipping_in_group,
        }


def unknown_bounds(
    selected: int,
    n: int,
    benchmark_selected: int,
    benchmark_n: int,
    unknown_n: int,
    unknown_selected: int,
) -> Bounds | None:
    """Return the bounds of the ratio over every way in which the unknown may belong to the two groups or to neither.

    None without unknown people. A bound is undefined where a group may be empty or nobody of the benchmark selected.
    """
    if not (0 <= selected <= n and 0 <= benchmark_selected <= benchmark_n and 0 <= unknown_selected <= unknown_n):
        raise ValueError(
            f"counts: expected 0 <= selected <= n, got {selected} of {n}, {benchmark_selected} of {benchmark_n} and "
            f"{unknown_selected} of {unknown_n} unknown"
        )
    if unknown_n == 0:
        return None
    rest = unknown_n - unknown_selected
    counts = selected, n, benchmark_selected, benchmark_n
    can_tip = benchmark_selected > 0 and not below_four_fifths(*counts)
    return Bounds(
        low=_ratio(selected, n + rest, benchmark_selected + unknown_selected, benchmark_n + unknown_selected),
        high=_ratio(selected + unknown_selected, n + unknown_selected, benchmark_selected, benchmark_n + rest),
        tipping=_fewest(*counts, rest, unknown_selected) if can_tip else None,
        tipping_in_group=_fewest(*counts, rest, 0) if can_tip else None,
    )


def _ratio(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> float | Undefined:
    people = n + benchmark_n
    if n == 0 or benchmark_n == 0:
        return Undefined("a group may be empty", people)
    if benchmark_selected == 0:
        return Undefined("nobody of the benchmark may be selected", people)
    return selected * benchmark_n / (benchmark_selected * n)


def _fewest(
    selected: int, n: int, benchmark_selected: int, benchmark_n: int, unselected: int, chosen: int
) -> int | None:
    """Return the least t + k for which 5·a·(m + k) < 4·(b + k)·(n + t): t unselected in the group, k selected beyond.

    For every k the least t is floor(x(k)) + 1 - n with x(k) = 5a(m + k) / 4(b + k), which falls and is convex; so
    k + x(k) has one least value, at k = √(5a(m - b)/4) - b, and the fewest lie beside it or at an end of what k may be.
    """
    a, b, m = selected, benchmark_selected, benchmark_n
    least = _fewest_chosen(a, b, m, n + unselected)
    if least is None or least > chosen:
        return None
    alone = _fewest_chosen(a, b, m, n)  # with so many no unselected one is needed
    most = chosen if alone is None else min(alone, chosen)
    middle = math.isqrt(5 * a * (m - b) // 4) - b
    return min(
        k + max(0, 5 * a * (m + k) // (4 * (b + k)) + 1 - n)
        for k in (min(max(place, least), most) for place in range(middle - 1, middle + 3))
    )


def _fewest_chosen(a: int, b: int, m: int, n: int) -> int | None:
    """Return the least k for which 5·a·(m + k) < 4·(b + k)·n, None where there is none."""
    missing, gain = 5 * a * m - 4 * b * n, 4 * n - 5 * a
    if missing < 0:
        return 0
    return None if gain <= 0 else missing // gain + 1
