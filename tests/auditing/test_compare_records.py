"""Two records: what both define is compared, unpaired, and what differs between the audits is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairhire.auditing.change import Change, ComparisonResult
from fairhire.auditing.compare import compare_records
from fairhire.auditing.ratio import katz_interval, newcombe_interval
from fairhire.errors import DataError
from fairhire.estimate import Estimate, wilson

Part = dict[str, Any]
Counts = dict[str, tuple[int, int]]


def group_table(counts: Counts, benchmark: str | None, *, grouping: str = "sex", rate: str = "selection") -> Part:
    rows = []
    for name, (selected, n) in counts.items():
        ratio: Part = {"undefined": "there is no benchmark", "n": n}
        if name == benchmark:
            ratio = {"value": 1.0, "low": 1.0, "high": 1.0, "level": 0.95, "n": n, "method": "benchmark"}
        elif benchmark is not None:
            ratio = katz_interval(selected, n, *counts[benchmark]).to_dict()
        rows.append({"category": [name], "n": n, "rate": wilson(selected, n).to_dict(), "impact_ratio": ratio})
    chosen = None if benchmark is None else [benchmark]
    return {"grouping": [grouping], "rate": rate, "benchmark": chosen, "rows": rows}


def record(*tables: Part, **more: Any) -> Part:
    plan = {"name": "four-fifths", "version": "1", "sha256": "ab" * 32, "level": 0.95}
    empty: Part = {"outcomes": [], "leakage": [], "inputs": [], "threshold": 0.5, "subject": "ours", "plan": plan}
    return empty | {"groups": list(tables)} | more


BEFORE: Counts = {"F": (300, 1000), "M": (480, 1000)}
AFTER: Counts = {"F": (450, 1000), "M": (470, 1000)}


def find(result: ComparisonResult, quantity: str, category: str | None = None) -> Change:
    wanted = None if category is None else (category,)
    (found,) = [row for row in result.rows if row.quantity == quantity and row.category == wanted]
    return found


def said(result: ComparisonResult) -> str:
    return " ".join(result.words)


def test_rates_differ_by_newcombe_and_ratios_by_a_ratio_of_ratios() -> None:
    result = compare_records(record(group_table(BEFORE, "M")), record(group_table(AFTER, "M")))
    assert not result.paired
    assert [(row.quantity, row.category, row.reading) for row in result.rows] == [
        ("selection rate", ("F",), "higher"),
        ("impact ratio", ("F",), "higher"),
        ("selection rate", ("M",), "undecided"),
    ]
    rate = find(result, "selection rate", "F").change
    expected = newcombe_interval(450, 1000, 300, 1000).to_dict()
    assert rate.to_dict() == pytest.approx({key: expected[key] for key in rate.to_dict()})
    ratio = find(result, "impact ratio", "F")
    assert isinstance(ratio.change, Estimate)
    assert ratio.change.value == pytest.approx((450 / 470) / (300 / 480))
    assert ratio.scale == "ratio"
    assert "times 1.532" in ratio.words
    assert "Different people: no file was read by both" in said(result)
    assert "both audits' uncertainty" in said(result)


def test_a_record_and_itself_are_said_to_be_the_same_and_show_no_change() -> None:
    same = record(group_table(BEFORE, "M"))
    result = compare_records(same, same)
    assert "The two records are the same" in said(result)
    assert "Different people" not in said(result)
    assert {row.reading for row in result.rows} == {"undecided"}
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_file_that_both_audits_read_is_named_and_nothing_is_paired_for_it() -> None:
    people = {"name": "people.csv", "sha256": "cd" * 32, "rows": 2000}
    one, two = ({"name": f"{name}.csv", "sha256": name * 64, "rows": 2000} for name in "12")
    result = compare_records(
        record(group_table(BEFORE, "M"), inputs=[one, people]),
        record(group_table(AFTER, "M"), inputs=[two, people | {"name": "renamed.csv"}]),
    )
    assert not result.paired
    assert "Both audits read people.csv (cdcdcdcdcdcd…)" in said(result)
    assert "1.csv" not in said(result)
    assert "Different people" not in said(result)
    assert "unpaired" in said(result)


def test_ratios_against_different_benchmarks_are_not_compared() -> None:
    result = compare_records(record(group_table(BEFORE, "M")), record(group_table(AFTER, "F")))
    for name in "FM":
        row = find(result, "impact ratio", name)
        assert row.reading == "undefined"
        assert "the benchmarks differ: M, F" in row.words
        assert isinstance(row.first, Estimate)
    assert find(result, "selection rate", "F").reading == "higher"
    none = compare_records(record(group_table(BEFORE, "M")), record(group_table({"F": (0, 9), "M": (0, 9)}, None)))
    assert "the benchmarks differ: M, none" in find(none, "impact ratio", "F").words


def test_what_only_one_audit_defines_is_left_out_and_said() -> None:
    race = group_table(BEFORE, "M", grouping="race")
    more = {**AFTER, "X": (5, 12)}
    result = compare_records(
        record(group_table(BEFORE, "M"), race), record(group_table(more, "M"), group_table(AFTER, "M", rate="scoring"))
    )
    assert [(item.what, item.why) for item in result.left_out] == [
        ("group sex X (selection)", "only in the second record"),
        ("groups of race (selection)", "only in the first record"),
        ("groups of sex (scoring)", "only in the second record"),
    ]
    assert {row.grouping for row in result.rows} == {("sex",)}


def test_differing_plans_and_thresholds_are_said() -> None:
    one = record(group_table(BEFORE, "M"))
    two = record(group_table(AFTER, "M"), threshold=None, plan=one["plan"] | {"version": "2"})
    words = said(compare_records(one, two))
    assert "The plans differ (four-fifths version 1, four-fifths version 2)" in words
    assert "people are selected differ (0.5, not known)" in words
    plain = said(compare_records(one, one))
    assert "plans differ" not in plain
    assert "selected differ" not in plain


def test_outcomes_and_the_leakage_of_what_was_audited_are_compared() -> None:
    def estimate(value: float, reach: float = 0.02) -> Part:
        return {"value": value, "low": value - reach, "high": value + reach, "level": 0.95, "n": 500}

    def side(difference: Part, auc: float) -> Part:
        read = {"source": "score", "target": "sex=F", "probe": "mlp", "metric": "auc", "estimate": estimate(auc)}
        rows = [read | {"subject": "ours"}, read | {"subject": "undefended", "estimate": estimate(0.99)}]
        return record(outcomes=[{"grouping": ["sex"], "differences": {"equal_opportunity": difference}}], leakage=rows)

    result = compare_records(side(estimate(0.2), 0.8), side({"undefined": "nobody is positive", "n": 9}, 0.55))
    assert [(row.quantity, row.reading) for row in result.rows] == [
        ("equal opportunity difference by sex", "undefined"),
        ("leakage of sex=F from the score (mlp probe, auc)", "lower"),
    ]
    change = result.rows[1].change
    assert isinstance(change, Estimate)
    assert change.value == pytest.approx(-0.25)
    assert change.high - change.low == pytest.approx(2 * 0.02 * 2**0.5)


def test_records_that_share_nothing_say_so() -> None:
    result = compare_records(record(group_table(BEFORE, "M")), record())
    assert result.rows == ()
    assert "Nothing is defined in both" in said(result)


@pytest.mark.parametrize("damage", [{"groups": [{}]}, {"plan": {}}, {"leakage": None}, {"inputs": [{"name": "x"}]}])
def test_a_damaged_record_is_refused_in_one_line(damage: Part) -> None:
    whole = record(group_table(BEFORE, "M"))
    for sides in ((whole, whole | damage), (whole | damage, whole)):
        with pytest.raises(DataError, match=r"docs/audit-record\.md") as error:
            compare_records(*sides)
        assert "\n" not in str(error.value)
