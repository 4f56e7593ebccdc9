"""The table an audit is asked for first: who is selected how often, against whom, and how sure one can be of it.

For every group of a grouping (sex, race, sex x race) its rate, its ratio to the benchmark's rate with an interval, the
reading of that interval against four fifths, the tests, and what so small or so large a group could have shown at all
(audit-rules.md sections 4.1, 4.2 and 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fairhire.auditing.benchmark import BenchmarkChoice, benchmark_under, few_selections_expected, why_left_out
from fairhire.auditing.bounds import Bounds, unknown_bounds
from fairhire.auditing.metrics.resampling import itself
from fairhire.auditing.plan import AuditPlan
from fairhire.auditing.power import detectable_ratio, power_at
from fairhire.auditing.ratio import (
    Flip,
    below_four_fifths,
    cohen_h,
    design_effect,
    difference_of,
    flip,
    katz_interval,
    rate_interval,
    ratio_interval,
    reading,
    score_interval,
    shortfall,
)
from fairhire.auditing.significance import Tests, benjamini_hochberg, clustered_z, holm, tests
from fairhire.auditing.strata import Stratified, Stratum, stratified
from fairhire.auditing.tally import Category, GroupCount, GroupTable, Rate, Tally
from fairhire.estimate import Measurement, Undefined, wilson

__all__ = ["GroupFindings", "GroupRow", "Verdict", "examine_groups"]

Verdict = Literal["benchmark", "indicated", "below-few", "above-different", "none-indicated", "no-ratio"]
"""The four outcomes of audit-rules.md 4.1, and the two rows that have none."""

_POWER_LINE = 0.8
"""The ratio whose detection the printed power is about: four fifths."""


@dataclass(frozen=True)
class GroupRow:
    """One group against the benchmark; fields as in docs/audit-record.md, ``None`` where nothing was asked."""

    category: Category
    n: int
    people: int
    few: bool
    selected: int
    rate: Measurement
    share: float
    included: bool
    why: str | None
    impact_ratio: Measurement
    below: bool | None
    reading: str | None
    verdict: Verdict
    difference: Measurement | None = None
    if_included: Measurement | None = None
    katz: Measurement | None = None
    score: Measurement | None = None
    tests: Tests | None = None
    p: float | None = None
    p_holm: float | None = None
    p_bh: float | None = None
    effect_h: float | None = None
    shortfall: int | None = None
    flip: Flip | None = None
    detectable: float | Undefined | None = None
    power: float | None = None
    bounds: Bounds | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {
            "category": list(self.category),
            "n": self.n,
            "people": self.people,
            "few": self.few,
            "selected": self.selected,
            "rate": self.rate.to_dict(),
            "share": self.share,
            "included": self.included,
            "why": self.why,
            "impact_ratio": self.impact_ratio.to_dict(),
            "below_four_fifths": self.below,
            "reading": self.reading,
            "verdict": self.verdict,
            "difference": None if self.difference is None else self.difference.to_dict(),
            "if_included": None if self.if_included is None else self.if_included.to_dict(),
            "katz": None if self.katz is None else self.katz.to_dict(),
            "score": None if self.score is None else self.score.to_dict(),
            "tests": None if self.tests is None else self.tests.to_dict(),
            "p": self.p,
            "p_holm": self.p_holm,
            "p_bh": self.p_bh,
            "effect_h": self.effect_h,
            "shortfall": self.shortfall,
            "flip": None if self.flip is None else self.flip.to_dict(),
            "detectable_ratio": self.detectable.to_dict()
            if isinstance(self.detectable, Undefined)
            else None
            if self.detectable is None
            else {"value": self.detectable},
            "power": self.power,
            "bounds": None if self.bounds is None else self.bounds.to_dict(),
        }


@dataclass(frozen=True)
class GroupFindings:
    """All groups of one grouping.

    ``rows_as_witnesses`` says that the ratios within positions take all rows as independent although people have
    several.
    ``passed_over`` are groups of a higher rate than the benchmark's that could not be it, and why; ``strata`` holds, by
    category, the ratios within positions. ``test`` is the one whose p-value decides: the plan's primary test, or
    ``t by person`` where people have several rows.
    """

    grouping: tuple[str, ...]
    rate: Rate
    benchmark: Category | None
    tied: tuple[Category, ...]
    passed_over: Mapping[Category, str]
    smallest_share: float
    rows: tuple[GroupRow, ...]
    unknown_n: int
    unknown_selected: int
    unknown_stated: bool
    test: str
    strata: Mapping[Category, Stratified | Undefined] | None
    rows_as_witnesses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the group table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "rate": self.rate,
            "benchmark": None if self.benchmark is None else list(self.benchmark),
            "tied": [list(category) for category in self.tied],
            "passed_over": [{"category": list(name), "why": why} for name, why in self.passed_over.items()],
            "smallest_share": self.smallest_share,
            "test": self.test,
            "rows": [row.to_dict() for row in self.rows],
            "unknown": {
                "stated": self.unknown_stated,
                "n": self.unknown_n,
                "selected": self.unknown_selected,
                "rate": wilson(self.unknown_selected, self.unknown_n).to_dict(),
            },
            "strata": None
            if self.strata is None
            else {
                "attribute": "position",
                "rows_as_witnesses": self.rows_as_witnesses,
                "rows": [{"category": list(name), **found.to_dict()} for name, found in self.strata.items()],
            },
        }


def examine_groups(tally: Tally, grouping: Sequence[str], rate: Rate, *, plan: AuditPlan) -> GroupFindings:
    """Return everything that can be said of the groups of one grouping at one kind of rate.

    The benchmark is chosen by :func:`choose_benchmark` under the plan's sizes; the family of comparisons that Holm's
    and Benjamini-Hochberg's corrections take together is this table (audit-rules.md 5.2).
    """
    table = tally.table(grouping, rate)
    choice = benchmark_under(table.groups, plan.sizes)
    reference = choice.group
    repeated = any(group.repeated for group in table.groups)
    rates = {
        group.category: rate_interval(group.selected, group.n, group.repeats, level=plan.level)
        for group in table.groups
    }
    rows = [_row(group, table, choice, plan, rates=rates, by_person=repeated) for group in table.groups]
    return GroupFindings(
        grouping=tuple(grouping),
        rate=rate,
        benchmark=choice.category,
        tied=choice.tied,
        passed_over={
            group.category: choice.excluded[group.category]
            for group in table.groups
            if reference is not None
            and group.category in choice.excluded
            and group.selected * reference.n > reference.selected * group.n
        },
        smallest_share=plan.sizes.share,
        rows=tuple(_correct(rows, plan)),
        unknown_n=table.unknown_n,
        unknown_selected=table.unknown_selected,
        unknown_stated=table.unknown_stated,
        test="t by person" if repeated else plan.primary_test,
        strata=_within_positions(tally, table, reference, plan),
        rows_as_witnesses=repeated,
    )


def _row(
    group: GroupCount,
    table: GroupTable,
    choice: BenchmarkChoice,
    plan: AuditPlan,
    *,
    rates: Mapping[Category, Measurement],
    by_person: bool,
) -> GroupRow:
    """Return the row before the family's correction: its verdict is still that of the raw p-value."""
    level, reference, rate = plan.level, choice.group, rates[group.category]
    few = group.people < plan.sizes.warn or few_selections_expected(group, table.groups, plan.sizes.expected)
    counted = group.category, group.n, group.people, few, group.selected
    share = group.n / table.known if table.known else 0.0
    why = why_left_out(group, choice, minimum=plan.sizes.ratio)
    if reference is None:
        reason = Undefined(why or _why_no_benchmark(table, plan), group.n)
        return GroupRow(*counted, rate, share, why is None, why, reason, None, None, "no-ratio")
    counts = group.selected, group.n, reference.selected, reference.n
    ratio = ratio_interval(*counts, level=level, repeats=group.repeats, benchmark_repeats=reference.repeats)
    if why is not None:
        kept = ratio if group.n else None
        reason = Undefined(why, group.n)
        return GroupRow(*counted, rate, share, False, why, reason, None, None, "no-ratio", if_included=kept)
    if group is reference:
        same = itself(1.0, group.n, level=level)
        return GroupRow(*counted, rate, share, True, None, same, False, None, "benchmark")
    found = tests(*counts)
    sizes = _independent_rows(group), _independent_rows(reference)
    return GroupRow(
        category=group.category,
        n=group.n,
        people=group.people,
        few=few,
        selected=group.selected,
        rate=rate,
        share=share,
        included=True,
        why=None,
        impact_ratio=ratio,
        below=None if isinstance(ratio, Undefined) else below_four_fifths(*counts),
        reading=reading(ratio),
        verdict="no-ratio" if isinstance(ratio, Undefined) else _verdict(below_four_fifths(*counts), False),
        difference=difference_of(rate, rates[reference.category]),
        katz=katz_interval(*counts, level=level),
        score=score_interval(*counts, level=level),
        tests=found,
        p=_primary(found, group, reference, by_person=by_person, plan=plan),
        effect_h=cohen_h(group.selected / group.n, reference.selected / reference.n),
        shortfall=shortfall(*counts),
        flip=flip(*counts),
        detectable=detectable_ratio(*sizes, reference.selected / reference.n, alpha=1 - level),
        power=power_at(_POWER_LINE, *sizes, reference.selected / reference.n, alpha=1 - level),
        bounds=unknown_bounds(*counts, table.unknown_n, table.unknown_selected),
    )


def _primary(
    found: Tests, group: GroupCount, reference: GroupCount, *, by_person: bool, plan: AuditPlan
) -> float | None:
    """Return the p-value of the test that the plan named, None where it has none (nobody or everybody selected).

    Where people have several rows the test is between people whatever the plan named: the others take rows for
    independent witnesses.
    """
    if by_person:
        assert group.repeats is not None
        assert reference.repeats is not None
        between = clustered_z(
            group.selected, group.n, group.repeats, reference.selected, reference.n, reference.repeats
        )
        return None if isinstance(between, Undefined) else between[1]
    p = {"fisher": found.fisher, "mid_p": found.mid_p, "z": found.z_p, "chi2": found.chi2_p}[plan.primary_test]
    return None if isinstance(p, Undefined) else p


def _independent_rows(group: GroupCount) -> float:
    """Return the rows divided by their design effect where people have several; never more than there are."""
    if group.repeats is None or not group.repeated:
        return group.n
    design = design_effect(group.selected, group.n, group.repeats)
    return group.n if isinstance(design, Undefined) else group.n / max(1.0, design)


def _correct(rows: Sequence[GroupRow], plan: AuditPlan) -> list[GroupRow]:
    """Return the rows with their family's corrections and the verdict that follows from them."""
    compared = [place for place, row in enumerate(rows) if row.p is not None]
    raw = [row.p for row in rows if row.p is not None]
    corrected = list(rows)
    for place, p, by_holm, by_rate in zip(compared, raw, holm(raw), benjamini_hochberg(raw), strict=True):
        row = rows[place]
        decisive = {"holm": by_holm, "benjamini-hochberg": by_rate, "none": p}[plan.correction]
        verdict = row.verdict if row.verdict == "no-ratio" else _verdict(bool(row.below), decisive < 1 - plan.level)
        corrected[place] = replace(row, p_holm=by_holm, p_bh=by_rate, verdict=verdict)
    return corrected


def _verdict(below: bool, significant: bool) -> Verdict:
    """Return the outcome (audit-rules.md 4.1): the ratio is held against four fifths, the difference against chance."""
    if below:
        return "indicated" if significant else "below-few"
    return "above-different" if significant else "none-indicated"


def _why_no_benchmark(table: GroupTable, plan: AuditPlan) -> str:
    if not table.known:
        return "nobody has a known category"
    if not any(group.selected for group in table.groups):
        return "nobody is above the median" if table.rate == "scoring" else "nobody is selected in any group"
    return f"no group of at least {plan.sizes.benchmark} people can be the benchmark"


def _within_positions(
    tally: Tally, table: GroupTable, reference: GroupCount | None, plan: AuditPlan
) -> dict[Category, Stratified | Undefined] | None:
    """Return, for every group that has a ratio, the ratios within positions; None with one position or counts only."""
    if "strata" not in plan.sections or reference is None or tally.tables or len(tally.positions) < 2:
        return None
    by_position = tally.strata(table.grouping, table.rate)
    found: dict[Category, Stratified | Undefined] = {}
    for group in table.groups:
        if group.category == reference.category or group.people < max(1, plan.sizes.ratio):
            continue
        strata = []
        for position, within in by_position.items():
            counts = {one.category: (one.selected, one.n) for one in within.groups}
            mine, theirs = counts.get(group.category, (0, 0)), counts.get(reference.category, (0, 0))
            if mine[1] or theirs[1]:
                strata.append(Stratum(position, *mine, *theirs))
        found[group.category] = stratified(strata, level=plan.level)
    return found
