"""Whether a difference between groups lies within positions or only between them: Mantel-Haenszel and Simpson's alarm.

Counts of one group and its benchmark per stratum (a position, a requisition) come in. Formulas with examples are in
docs/statistics.md; audit-rules.md 5.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import chdtrc

from fairhire.auditing.ratio import ratio_interval
from fairhire.estimate import Estimate, Measurement, MethodEstimate, Undefined, normal_quantile, written

__all__ = ["Stratified", "Stratum", "stratified"]

_CHANGE = math.log(1.1)
"""Change of the ratio by adjustment, up or down, from which an alarm is possible: 10 %, as epidemiologists do [D]."""

_DIFFERENT = 0.05
"""p-value of the homogeneity test under which positions are said to differ [D]."""


@dataclass(frozen=True)
class Stratum:
    """One stratum: ``selected`` of ``n`` of the group against ``benchmark_selected`` of ``benchmark_n``, 0 allowed."""

    name: str
    selected: int
    n: int
    benchmark_selected: int
    benchmark_n: int

    def __post_init__(self) -> None:
        if not (0 <= self.selected <= self.n and 0 <= self.benchmark_selected <= self.benchmark_n):
            raise ValueError(
                f"stratum {self.name}: expected 0 <= selected <= n, got {self.selected} of {self.n} and "
                f"{self.benchmark_selected} of {self.benchmark_n}"
            )


@dataclass(frozen=True)
class Stratified:
    """A ratio pooled over strata and adjusted for them, the tests, and the ratio of every stratum.

    ``pooled`` counts all strata together; ``adjusted`` is the Mantel-Haenszel ratio. ``cmh`` is the Cochran-
    Mantel-Haenszel chi-square (1 degree of freedom, no continuity correction). ``homogeneity_p`` is that of Breslow and
    Day's test with Tarone's correction: small where the strata's odds ratios differ. ``one_sided`` names strata with
    people of one group only; ``alarm`` says in words what pooling does to the reader, None where it does nothing.
    """

    pooled: Measurement
    adjusted: Measurement
    cmh: float | Undefined
    cmh_p: float | Undefined
    homogeneity_p: float | Undefined
    strata: tuple[tuple[Stratum, Measurement], ...]
    one_sided: tuple[str, ...]
    alarm: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json, without its category."""
        numbers = {"cmh": self.cmh, "cmh_p": self.cmh_p, "homogeneity_p": self.homogeneity_p}
        return {
            "pooled": self.pooled.to_dict(),
            "adjusted": self.adjusted.to_dict(),
            **{name: written(one) for name, one in numbers.items()},
            "alarm": self.alarm,
            "strata": [
                {
                    "name": stratum.name,
                    "n": stratum.n,
                    "selected": stratum.selected,
                    "benchmark_n": stratum.benchmark_n,
                    "benchmark_selected": stratum.benchmark_selected,
                    "ratio": ratio.to_dict(),
                }
                for stratum, ratio in self.strata
            ],
            "one_sided": len(self.one_sided),
        }


def stratified(strata: Sequence[Stratum], *, level: float = 0.95) -> Stratified | Undefined:
    """Return what the strata say together; those with nobody of either group are passed over.

    Undefined with fewer than two strata, or none in which both groups are.
    """
    peopled = [stratum for stratum in strata if stratum.n or stratum.benchmark_n]
    everyone = sum(stratum.n + stratum.benchmark_n for stratum in peopled)
    if len(peopled) < 2:
        return Undefined("there are fewer than two positions", everyone)
    shared = [stratum for stratum in peopled if stratum.n and stratum.benchmark_n]
    if not shared:
        return Undefined("no position has people of both groups", everyone)
    pooled = ratio_interval(
        sum(stratum.selected for stratum in peopled),
        sum(stratum.n for stratum in peopled),
        sum(stratum.benchmark_selected for stratum in peopled),
        sum(stratum.benchmark_n for stratum in peopled),
        level=level,
    )
    adjusted = _mantel_haenszel(shared, level)
    cmh = _cochran(shared)
    homogeneity = _breslow_day(shared)
    return Stratified(
        pooled=pooled,
        adjusted=adjusted,
        cmh=cmh,
        cmh_p=cmh if isinstance(cmh, Undefined) else float(chdtrc(1, cmh)),
        homogeneity_p=homogeneity,
        strata=tuple((stratum, _ratio(stratum, level)) for stratum in peopled),
        one_sided=tuple(stratum.name for stratum in peopled if not (stratum.n and stratum.benchmark_n)),
        alarm=_alarm(pooled, adjusted, homogeneity),
    )


def _ratio(stratum: Stratum, level: float) -> Measurement:
    return ratio_interval(stratum.selected, stratum.n, stratum.benchmark_selected, stratum.benchmark_n, level=level)


def _mantel_haenszel(strata: Sequence[Stratum], level: float) -> Measurement:
    """Return the Mantel-Haenszel ratio with the interval of Greenland and Robins (1985)."""
    people = sum(stratum.n + stratum.benchmark_n for stratum in strata)
    above = below = spread = 0.0
    for one in strata:
        a, n, b, m = one.selected, one.n, one.benchmark_selected, one.benchmark_n
        above += a * m / (n + m)
        below += b * n / (n + m)
        spread += (n * m * (a + b) - a * b * (n + m)) / (n + m) ** 2
    if below == 0:
        return Undefined("nobody is selected in the benchmark where both groups are", people)
    if above == 0:
        return Undefined("nobody is selected in the group where both groups are", people)
    if spread == 0:
        return Undefined("everybody is selected where both groups are", people)
    value = above / below
    reach = math.exp(normal_quantile(level) * math.sqrt(spread / (above * below)))
    return MethodEstimate(value, value / reach, value * reach, level, people, "mantel-haenszel")


def _cochran(strata: Sequence[Stratum]) -> float | Undefined:
    difference = variance = 0.0
    for one in strata:
        everyone, chosen = one.n + one.benchmark_n, one.selected + one.benchmark_selected
        difference += (one.selected * one.benchmark_n - one.benchmark_selected * one.n) / everyone
        variance += one.n * one.benchmark_n * chosen * (everyone - chosen) / (everyone**2 * (everyone - 1))
    if variance == 0:
        return Undefined("in every position everybody or nobody is selected", _people(strata))
    return difference * difference / variance


def _breslow_day(strata: Sequence[Stratum]) -> float | Undefined:
    """Return the p-value of Breslow and Day's (1980) test of equal odds ratios, corrected by Tarone (1985).

    Only strata in which some and not all are selected tell anything. A common odds ratio of exactly 1 is no special
    case here: its expected counts solve a linear equation instead of a quadratic one, for which statsmodels gives NaN.
    """
    telling = [one for one in strata if 0 < one.selected + one.benchmark_selected < one.n + one.benchmark_n]
    if len(telling) < 2:
        return Undefined("fewer than two positions have both outcomes and both groups", _people(strata))
    ahead = sum(
        one.selected * (one.benchmark_n - one.benchmark_selected) / (one.n + one.benchmark_n) for one in telling
    )
    behind = sum(one.benchmark_selected * (one.n - one.selected) / (one.n + one.benchmark_n) for one in telling)
    if ahead == 0 or behind == 0:
        return Undefined("the common odds ratio is 0 or infinite", _people(strata))
    odds = ahead / behind
    statistic = residual = variance = 0.0
    for one in telling:
        expected, its_variance = _expected(one, odds)
        statistic += (one.selected - expected) ** 2 / its_variance
        residual += one.selected - expected
        variance += its_variance
    tarone = max(statistic - residual**2 / variance, 0.0)
    return float(chdtrc(len(telling) - 1, tarone))


def _expected(one: Stratum, odds: float) -> tuple[float, float]:
    """Return the expected selected of the group under a common odds ratio with the margins fixed, and its variance."""
    chosen = one.selected + one.benchmark_selected
    square, rest = 1 - odds, one.benchmark_n - chosen + odds * (one.n + chosen)
    # square·x² + rest·x - odds·n·chosen = 0, in the form that holds at square = 0 too
    root = math.sqrt(max(rest * rest + 4 * square * odds * one.n * chosen, 0.0))
    expected = 2 * odds * one.n * chosen / (rest + root)
    cells = (expected, one.n - expected, chosen - expected, one.benchmark_n - chosen + expected)
    return expected, 1 / sum(1 / cell for cell in cells)


def _alarm(pooled: Measurement, adjusted: Measurement, homogeneity: float | Undefined) -> str | None:
    said = []
    if isinstance(pooled, Estimate) and isinstance(adjusted, Estimate):
        said.append(_simpson(pooled, adjusted))
    if isinstance(homogeneity, float) and homogeneity < _DIFFERENT:
        said.append(f"the odds ratio differs between positions (Breslow-Day p = {homogeneity:.2g})")
    return "; ".join(words for words in said if words is not None) or None


def _simpson(pooled: Estimate, adjusted: Estimate) -> str | None:
    """Return what pooling does, in words, or None.

    Nothing under a change of 10 %. A difference counts where its interval leaves 1 out. It disappears where the
    adjusted ratio also lies between 4/5 and 5/4, for an interval that merely widened shows no absence; the line of four
    fifths counts where both ratios show a group behind.
    """
    if pooled.value == 0 or abs(math.log(adjusted.value / pooled.value)) < _CHANGE:
        return None
    before, after = _side(pooled), _side(adjusted)
    if before * after < 0:
        return "the pooled difference is reversed within positions"
    if before and not after and 0.8 <= adjusted.value <= 1.25:
        return "the pooled difference disappears within positions"
    if after and not before:
        return "a difference within positions is hidden by pooling"
    if before < 0 and after < 0 and pooled.value < 0.8 <= adjusted.value:
        return "below four fifths pooled, not below within positions"
    if before < 0 and after < 0 and adjusted.value < 0.8 <= pooled.value:
        return "not below four fifths pooled, below within positions"
    return None


def _side(ratio: Estimate) -> int:
    """Return -1 for a group that is behind, 1 for one that is ahead, 0 where the interval holds 1."""
    return (ratio.low > 1) - (ratio.high < 1)


def _people(strata: Sequence[Stratum]) -> int:
    return sum(one.n + one.benchmark_n for one in strata)
