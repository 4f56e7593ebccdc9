"""How far people of unknown group could move a ratio: sharp bounds, and the fewest who would change the reading.

Nothing is imputed: every way in which the unknown may divide is allowed, their outcomes being known (audit-rules.md
5.4). Formulas with examples are in docs/statistics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fairhire.auditing.ratio import below_four_fifths
from fairhire.estimate import Undefined

__all__ = ["Bounds", "unknown_bounds"]


@dataclass(frozen=True)
class Bounds:
    """The lowest and the highest ratio that the unknown allow, and the tipping point.

    ``tipping`` is the fewest unselected unknown who, all being of the group, bring its ratio below four fifths; None
    where no number of them does or where it is below already.
    """

    low: float | Undefined
    high: float | Undefined
    tipping: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json."""
        return {
            "low": self.low.to_dict() if isinstance(self.low, Undefined) else self.low,
            "high": self.high.to_dict() if isinstance(self.high, Undefined) else self.high,
            "tipping": self.tipping,
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
    return Bounds(
        low=_ratio(selected, n + rest, benchmark_selected + unknown_selected, benchmark_n + unknown_selected),
        high=_ratio(selected + unknown_selected, n + unknown_selected, benchmark_selected, benchmark_n + rest),
        tipping=_tipping(selected, n, benchmark_selected, benchmark_n, rest),
    )


def _ratio(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> float | Undefined:
    people = n + benchmark_n
    if n == 0 or benchmark_n == 0:
        return Undefined("a group may be empty", people)
    if benchmark_selected == 0:
        return Undefined("nobody of the benchmark may be selected", people)
    return selected * benchmark_n / (benchmark_selected * n)


def _tipping(selected: int, n: int, benchmark_selected: int, benchmark_n: int, rest: int) -> int | None:
    if benchmark_selected == 0 or below_four_fifths(selected, n, benchmark_selected, benchmark_n):
        return None
    # 5·a·m < 4·b·(n + t): the smallest whole t above 5am/4b - n
    fewest = 5 * selected * benchmark_n // (4 * benchmark_selected) + 1 - n
    return fewest if fewest <= rest else None
