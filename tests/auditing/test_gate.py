"""Gates: the whole interval against the limit, and nothing that was not judged ever passes."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.gate import CHECKS, Policy, overall
from fairhire.auditing.plan import LIMITS, Gate
from fairhire.auditing.ratio import katz_interval
from fairhire.errors import DataError
from fairhire.estimate import Measurement

Part = dict[str, Any]


def estimate(value: float, low: float, high: float, n: int = 100) -> Part:
    return {"value": value, "low": low, "high": high, "level": 0.95, "n": n}


UNDEFINED: Part = {"undefined": "nobody is positive", "n": 40}


def row(name: str, selected: int, n: int, ratio: Part | Measurement | None, *, included: bool = True) -> Part:
    measured = ratio if isinstance(ratio, dict) or ratio is None else ratio.to_dict()
    return {
        "category": [name],
        "n": n,
        "selected": selected,
        "included": included,
        "impact_ratio": measured or {"undefined": "fewer than 10 people", "n": n},
    }


def table(*rows: Part, benchmark: str | None = "M", unknown: int = 0, rate: str = "selection") -> Part:
    return {
        "grouping": ["sex"],
        "rate": rate,
        "benchmark": None if benchmark is None else [benchmark],
        "rows": list(rows),
        "unknown": {"n": unknown, "selected": 0},
    }


def record(**parts: Any) -> Part:
    empty = ("groups", "outcomes", "labels", "calibration", "leakage", "leakage_against")
    return {"subject": "ours", "plan": {"level": 0.95}, "model": None, **{name: [] for name in empty}, **parts}


def sexes(selected: int, n: int, benchmark_selected: int, benchmark_n: int, **more: Any) -> Part:
    ratio = katz_interval(selected, n, benchmark_selected, benchmark_n)
    men = row("M", benchmark_selected, benchmark_n, estimate(1.0, 1.0, 1.0))
    return record(groups=[table(row("F", selected, n, ratio), men, **more)])


def judge(record: Part, check: str, limit: float, **narrow: Any) -> tuple[Part, ...]:
    return Policy((Gate(check, limit, **narrow),)).judge(record)


def verdicts(record: Part, check: str, limit: float, **narrow: Any) -> list[str]:
    return [finding["verdict"] for finding in judge(record, check, limit, **narrow)]


# --- impact ratio ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((9000, 10000, 9600, 10000), "passed"),  # audit-rules.md 4.1: 0.9375 [0.9303, 0.9447]
        ((170, 390, 412, 797), "undecided"),  # 5.1: 0.843 [0.739, 0.962], though different from 1
        ((12, 40, 48, 80), "undecided"),  # 4.1: 0.5 [0.301, 0.829]
        ((120, 400, 480, 800), "failed"),  # the same rates, ten times the people: now it is sure
        ((1, 10, 3, 20), "undecided"),
    ],
)
def test_the_whole_ratio_interval_is_held_against_the_limit(counts: tuple[int, int, int, int], verdict: str) -> None:
    (finding,) = judge(sexes(*counts), "impact-ratio", 0.8)
    assert finding["verdict"] == verdict
    assert (finding["grouping"], finding["category"], finding["rate"]) == (["sex"], ["F"], "selection")
    assert (finding["check"], finding["limit"], finding["gate"]) == ("impact-ratio", 0.8, True)
    assert f"{counts[0]} of {counts[1]} selected" in finding["words"]
    assert f"{counts[2]} of {counts[3]} selected of M" in finding["words"]
    assert verdict in finding["words"]


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [((64, 100, 80, 100), "passed"), ((639, 1000, 800, 1000), "failed"), ((641, 1000, 800, 1000), "passed")],
)
def test_a_point_at_the_line_is_decided_in_whole_numbers(counts: tuple[int, int, int, int], verdict: str) -> None:
    a, n, b, m = counts
    rounded = (a / n) / (b / m)
    assert counts != (64, 100, 80, 100) or rounded < 0.8  # as floats it would fail
    men = row("M", b, m, estimate(1.0, 1.0, 1.0))
    found = record(groups=[table(row("F", a, n, estimate(rounded, rounded, rounded)), men)])
    assert verdicts(found, "impact-ratio", 0.8) == [verdict]


def test_every_group_but_the_benchmark_and_the_left_out_is_judged() -> None:
    men = row("M", 500, 1000, estimate(1.0, 1.0, 1.0))
    rows = (
        row("F", 490, 1000, estimate(0.98, 0.9, 1.07)),
        men,
        row("X", 3, 3, None, included=False),
        row("Y", 5, 20, None),
    )
    found = judge(record(groups=[table(*rows)]), "impact-ratio", 0.8)
    assert [(finding["category"], finding["verdict"]) for finding in found] == [
        (["F"], "passed"),
        (["Y"], "not computable"),
        (["X"], "not judged"),
    ]
    assert "fewer than 10 people" in found[1]["words"]
    assert overall(found) == "undecided"


def test_a_group_too_small_to_be_compared_is_named_with_its_counts_and_blocks_nothing() -> None:
    rows = sexes(9000, 10000, 9600, 10000)["groups"][0]["rows"]
    rows += [row("X", 0, 9, None, included=False), row("empty", 0, 0, None, included=False)]
    found = judge(record(groups=[table(*rows)]), "impact-ratio", 0.8)
    assert [(one["category"], one["verdict"]) for one in found] == [(["F"], "passed"), (["X"], "not judged")]
    assert found[1]["gate"] is True
    assert "sex X: 0 of 9 selected, too small to be judged (fewer than 10 people)" in found[1]["words"]
    assert overall(found) == "passed"
    assert overall(found[1:]) == "undecided"  # nobody was judged


@pytest.mark.parametrize("check", sorted(set(CHECKS) - {"leakage", "leakage-increase", "face-retrieval"}))
def test_a_grouping_that_could_not_be_audited_is_not_passed_over(check: str) -> None:
    measured = estimate(0.9, 0.85, 0.95) if check in AT_LEAST else estimate(0.01, 0.0, 0.02)
    audited = sexes(20, 45, 20, 55) if check == "unknown-share" else with_measurement(check, measured)
    assert overall(judge(audited, check, 0.8)) == "passed"
    lost = {"not_audited": [{"grouping": ["race", "sex"], "why": "the people table has no race"}]}
    found = judge(audited | lost, check, 0.8)
    assert [(one["grouping"], one["verdict"]) for one in found] == [
        (["sex"], "passed"),
        (["race", "sex"], "not computable"),
    ]
    assert "race x sex was asked for and not audited: the people table has no race" in found[1]["words"]
    assert overall(found) == "undecided"
    assert verdicts(audited | lost, check, 0.8, grouping=("sex",)) == ["passed"]
    assert verdicts(audited | lost, check, 0.8, grouping=("sex", "race")) == ["not computable"]


def test_a_grouping_that_could_not_be_audited_is_nothing_to_a_gate_on_probes() -> None:
    lost = [{"grouping": ["race"], "why": "the people table has no race"}]
    assert verdicts(record(leakage=[reading(0.55)], not_audited=lost), "leakage", 0.6) == ["passed"]


def test_a_table_in_which_nobody_can_be_compared_is_not_passed() -> None:
    men = row("M", 500, 1000, estimate(1.0, 1.0, 1.0))
    alone = table(men, row("X", 3, 3, None, included=False))
    small, finding = judge(record(groups=[alone]), "impact-ratio", 0.8)
    assert finding["verdict"] == "not computable"
    assert "1 too small to be judged" in finding["words"]
    assert (small["category"], small["verdict"]) == (["X"], "not judged")
    nobody = table(row("F", 0, 20, None), row("M", 0, 20, None), benchmark=None)
    assert verdicts(record(groups=[nobody]), "impact-ratio", 0.8) == ["not computable", "not computable"]


def test_a_gate_on_a_grouping_looks_at_that_one_only() -> None:
    both = sexes(120, 400, 480, 800)
    both["groups"].append({**sexes(9000, 10000, 9600, 10000)["groups"][0], "grouping": ["race"]})
    assert verdicts(both, "impact-ratio", 0.8) == ["failed", "passed"]
    assert verdicts(both, "impact-ratio", 0.8, grouping=("race",)) == ["passed"]
    both["groups"][0]["grouping"] = ["sex", "race"]
    for found in both["groups"][0]["rows"]:
        found["category"] = [*found["category"], "A"]
    both["groups"][0]["benchmark"] = ["M", "A"]
    (finding,) = judge(both, "impact-ratio", 0.8, grouping=("race", "sex"))
    assert finding["grouping"] == ["sex", "race"]
    assert finding["words"].startswith("sex F, race A: 120 of 400")


def test_the_gate_is_about_decisions_and_about_the_median_only_without_them() -> None:
    both = sexes(120, 400, 480, 800)
    scoring = {**sexes(9000, 10000, 9600, 10000)["groups"][0], "rate": "scoring"}
    both["groups"].append(scoring)
    assert [(one["rate"], one["verdict"]) for one in judge(both, "impact-ratio", 0.8)] == [("selection", "failed")]
    both["groups"] = [scoring]
    found = judge(both, "impact-ratio", 0.8)
    assert [(one["rate"], one["verdict"]) for one in found] == [("scoring", "passed")]
    assert "above the median score" in found[0]["words"]


# --- the other checks -----------------------------------------------------------------------------------------------


def with_measurement(check: str, measurement: Part) -> Part:
    """Return a record in which ``check`` finds exactly one measurement."""
    grouped = {"grouping": ["sex"], "benchmark": ["M"]}
    differences = dict.fromkeys(("equal_opportunity", "equalized_odds", "predictive_parity"), UNDEFINED)
    read = {"subject": "ours", "source": "score", "target": "sex=F", "probe": "linear", "metric": "auc", "chance": 0.5}
    names = {
        "equal-opportunity-difference": "equal_opportunity",
        "equalized-odds-difference": "equalized_odds",
        "predictive-parity-difference": "predictive_parity",
    }
    if check in names:
        return record(outcomes=[grouped | {"differences": differences | {names[check]: measurement}, "rows": []}])
    if check == "calibration-error":
        return record(calibration=[{"grouping": ["sex"], "rows": [{"category": ["F"], "n": 50, "ece": measurement}]}])
    if check == "amplification":
        rows = [{"category": [name], "amplification": measurement} for name in ("F", "M")]
        return record(labels=[grouped | {"rows": rows}])
    if check == "leakage":
        return record(leakage=[read | {"estimate": measurement}])
    if check == "leakage-increase":
        del read["subject"], read["chance"]
        return record(leakage_against=[read | {"difference": measurement}])
    if check == "face-retrieval":
        return record(
            leakage=[read | {"metric": "recall@10", "target": "face", "chance": 1.0, "estimate": measurement}]
        )
    return record(groups=[table(row("F", 1, 2, measurement), row("M", 1, 2, estimate(1.0, 1.0, 1.0)))])


LIMIT = {"leakage": 0.6, "face-retrieval": 2.0, "impact-ratio": 0.8, "amplification": 0.8}
AT_LEAST = ("impact-ratio", "amplification")
MEASURED = sorted(set(CHECKS) - {"unknown-share"})


@pytest.mark.parametrize("check", MEASURED)
def test_undecided_is_neither_passed_nor_failed_both_ways(check: str) -> None:
    limit = LIMIT.get(check, 0.1)
    under, over = ("failed", "passed") if check in AT_LEAST else ("passed", "failed")
    small = 1e-9

    def verdict(low: float, high: float) -> str:
        (found,) = verdicts(with_measurement(check, estimate((low + high) / 2, low, high)), check, limit)
        return found

    assert verdict(limit - 0.05, limit - 0.01) == under
    assert verdict(limit + 0.01, limit + 0.05) == over
    assert verdict(limit - 0.05, limit + 0.05) == "undecided"
    # the end that touches the limit keeps to it
    assert verdict(limit, limit + 0.05) == ("passed" if check in AT_LEAST else "undecided")
    assert verdict(limit - 0.05, limit) == ("undecided" if check in AT_LEAST else "passed")
    assert verdict(limit - small, limit + 0.05) == "undecided"
    assert verdict(limit - 0.05, limit + small) == "undecided"


@pytest.mark.parametrize("check", MEASURED)
def test_what_does_not_exist_is_not_computable(check: str) -> None:
    (finding,) = judge(with_measurement(check, UNDEFINED), check, LIMIT.get(check, 0.1))
    assert finding["verdict"] == "not computable"
    assert "nobody is positive" in finding["words"]
    assert overall([finding]) == "undecided"


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_gate_that_finds_nothing_is_not_computable(check: str) -> None:
    (finding,) = judge(record(), check, LIMIT.get(check, 0.1))
    assert (finding["verdict"], finding["grouping"], finding["category"]) == ("not computable", None, None)
    assert overall([finding]) == "undecided"


def test_every_check_that_a_plan_may_name_exists() -> None:
    assert set(CHECKS) == set(LIMITS)


@given(low=st.floats(0, 2), width=st.floats(0, 1), limit=st.floats(0, 1))
def test_no_interval_is_both_passed_and_failed(low: float, width: float, limit: float) -> None:
    measurement = estimate(low, low, low + width)
    at_least = verdicts(with_measurement("amplification", measurement), "amplification", limit)
    at_most = verdicts(with_measurement("calibration-error", measurement), "calibration-error", limit)
    inside = low < limit < low + width
    assert (at_least == ["undecided"] and at_most == ["undecided"]) or not inside
    assert {at_least[0], at_most[0]} != {"failed"}
    assert at_least == (["passed"] if low >= limit else ["failed"] if low + width < limit else ["undecided"])


ROWS_AS_WITNESSES = {
    "amplification": "labels", "calibration-error": "calibration", "equal-opportunity-difference": "outcomes",
    "equalized-odds-difference": "outcomes", "predictive-parity-difference": "outcomes",
}  # fmt: skip


@pytest.mark.parametrize(("check", "part"), ROWS_AS_WITNESSES.items())
@pytest.mark.parametrize("repeats", [True, False])
def test_nothing_passes_on_an_interval_that_takes_rows_for_witnesses(check: str, part: str, repeats: bool) -> None:
    limit, good = (0.8, estimate(0.9, 0.85, 0.95)) if check in AT_LEAST else (0.1, estimate(0.05, 0.01, 0.09))
    found = with_measurement(check, good)
    for table in found[part]:
        table["rows_as_witnesses"] = repeats
    (finding,) = judge(found, check, limit)
    assert finding["verdict"] == ("undecided" if repeats else "passed")
    assert ("takes rows for witnesses where people have several" in finding["words"]) == repeats


def test_the_benchmark_of_an_amplification_is_not_judged() -> None:
    found = judge(with_measurement("amplification", estimate(0.5, 0.4, 0.6)), "amplification", 0.8)
    assert [finding["category"] for finding in found] == [["F"]]


@pytest.mark.parametrize(("unknown", "verdict"), [(0, "passed"), (10, "passed"), (11, "failed")])
def test_the_unknown_share_is_exact_and_never_undecided(unknown: int, verdict: str) -> None:
    found = sexes(20, 45, 20, 55 - unknown, unknown=unknown)
    (finding,) = judge(found, "unknown-share", 0.1)
    assert finding["verdict"] == verdict
    assert math.isclose(finding["measurement"]["value"], unknown / 100)
    assert f"{unknown} of 100 rows have no known category" in finding["words"]
    assert "interval" not in finding["words"]


def test_an_unknown_share_at_a_limit_no_double_can_hold_passes() -> None:
    found = sexes(40, 60, 9, 10, unknown=30)  # 30 of 100
    assert verdicts(found, "unknown-share", 0.3) == ["passed"]
    assert verdicts(found, "unknown-share", 0.29) == ["failed"]
    assert verdicts(record(groups=[table(unknown=0)]), "unknown-share", 0.3) == ["not computable"]


# --- leakage --------------------------------------------------------------------------------------------------------


def reading(value: float, **more: Any) -> Part:
    part = {"subject": "ours", "source": "representation", "target": "sex=F", "probe": "linear", "metric": "auc"}
    return part | {"chance": 0.5, "estimate": estimate(value, value - 0.01, value + 0.01)} | more


def test_the_gravest_verdict_of_all_probes_speaks_for_a_source_and_target() -> None:
    rows = [reading(0.55), reading(0.7, probe="mlp"), reading(0.52, source="score"), reading(9.0, metric="codelength")]
    found = judge(record(leakage=rows), "leakage", 0.6)
    assert [(finding["category"], finding["verdict"]) for finding in found] == [
        (["representation", "sex=F", "mlp"], "failed"),
        (["score", "sex=F", "linear"], "passed"),
    ]
    assert verdicts(record(leakage=rows), "leakage", 0.6, probe="linear") == ["passed", "passed"]
    assert verdicts(record(leakage=rows), "leakage", 0.6, source="score") == ["passed"]
    assert verdicts(record(leakage=rows), "leakage", 0.6, source="audio") == ["not computable"]


PROBED = {"leakage": ("leakage", "estimate", 0.6), "leakage-increase": ("leakage_against", "difference", 0.6)}


@pytest.mark.parametrize("check", PROBED)
@pytest.mark.parametrize("turn", [1, -1])
def test_a_weaker_probe_whose_interval_crosses_the_limit_keeps_the_gate_open(check: str, turn: int) -> None:
    part, key, limit = PROBED[check]
    strong, weak = estimate(0.56, 0.53, 0.59), estimate(0.559, 0.50, 0.62)
    rows = [reading(0.0, **{key: strong}), reading(0.0, probe="mlp", **{key: weak})][::turn]
    (finding,) = judge(record(**{part: rows}), check, limit)
    assert finding["verdict"] == "undecided"
    assert (finding["measurement"], finding["category"][-1]) == (weak, "mlp")
    assert "mlp probe, which decides among 2 probes" in finding["words"]
    sure = reading(0.0, probe="kernel", **{key: estimate(0.7, 0.65, 0.75)})
    (finding,) = judge(record(**{part: [*rows, sure]}), check, limit)
    assert (finding["verdict"], finding["category"][-1]) == ("failed", "kernel")
    assert verdicts(record(**{part: rows}), check, limit, probe="linear") == ["passed"]


def test_a_target_is_named_in_full_or_by_its_attribute() -> None:
    rows = [reading(0.55, target="race=Asian"), reading(0.7, target="race=White"), reading(0.9, target="racer=x")]
    assert verdicts(record(leakage=rows), "leakage", 0.6, target="race") == ["passed", "failed"]
    assert verdicts(record(leakage=rows), "leakage", 0.6, target="race=White") == ["failed"]


def test_a_probe_that_could_not_be_measured_keeps_the_gate_from_passing_unless_another_is_named() -> None:
    rows = [reading(0.55), reading(0.0, probe="mlp", estimate=UNDEFINED)]
    (finding,) = judge(record(leakage=rows), "leakage", 0.6)
    assert (finding["verdict"], finding["category"][-1]) == ("not computable", "mlp")
    assert "1 of which could not be measured" in finding["words"]
    assert overall([finding]) == "undecided"
    assert verdicts(record(leakage=rows), "leakage", 0.6, probe="linear") == ["passed"]
    assert verdicts(record(leakage=rows), "leakage", 0.6, probe="mlp") == ["not computable"]
    failing = [reading(0.8), rows[1]]
    assert verdicts(record(leakage=failing), "leakage", 0.6) == ["failed"]


def test_the_baseline_beside_the_audited_model_is_not_judged() -> None:
    rows = [reading(0.95, subject="undefended"), reading(0.55)]
    assert verdicts(record(leakage=rows), "leakage", 0.6) == ["passed"]
    named_otherwise = [reading(0.55, subject="model"), reading(0.95, subject="undefended")]
    assert verdicts(record(leakage=named_otherwise), "leakage", 0.6) == ["passed"]


def test_face_retrieval_is_held_against_a_multiple_of_chance() -> None:
    face = {"target": "face", "metric": "recall@10", "chance": 0.05}
    found = record(leakage=[reading(0.12, **face), reading(0.9)])
    (finding,) = judge(found, "face-retrieval", 3.0)
    assert (finding["verdict"], finding["limit"]) == ("passed", pytest.approx(0.15))
    assert verdicts(found, "face-retrieval", 2.0) == ["failed"]
    assert verdicts(found, "face-retrieval", 2.3) == ["undecided"]


# --- the policy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_verdicts", "verdict"),
    [
        ([], "none"),
        (["passed"], "passed"),
        (["passed", "undecided"], "undecided"),
        (["passed", "not computable"], "undecided"),
        (["undecided", "failed", "passed"], "failed"),
        (["something new"], "undecided"),
        (["not judged"], "undecided"),
        (["not judged", "passed"], "passed"),
        (["not judged", "failed"], "failed"),
        (["not judged", "passed", "undecided"], "undecided"),
    ],
)
def test_one_failure_fails_and_only_passes_pass(given_verdicts: list[str], verdict: str) -> None:
    findings = [{"verdict": one, "gate": True} for one in given_verdicts]
    other = {"verdict": "failed", "gate": False}
    assert overall([*findings, other]) == verdict


def test_a_policy_without_gates_judges_nothing() -> None:
    assert Policy(()).judge(sexes(12, 40, 48, 80)) == ()
    assert overall(Policy(()).judge(record())) == "none"


def test_findings_come_gate_by_gate() -> None:
    policy = Policy((Gate("unknown-share", 0.5), Gate("impact-ratio", 0.8), Gate("leakage", 0.6)))
    assert [finding["check"] for finding in policy.judge(sexes(12, 40, 48, 80))] == [
        *("unknown-share", "impact-ratio", "leakage"),
    ]


@pytest.mark.parametrize(
    ("written", "began", "words"),
    [
        (date(2026, 5, 1), date(2026, 6, 1), "2026-05-01, before the run began on 2026-06-01"),
        (date(2026, 6, 1), date(2026, 6, 1), "the day the run began: whether before or after it is not known"),
        (date(2026, 6, 2), date(2026, 6, 1), "after the run began on 2026-06-01"),
        (date(2026, 6, 2), None, "whether before the decisions were made, nobody has said"),
        (None, date(2026, 6, 1), "not known when the gates were written"),
    ],
)
def test_a_gate_written_after_the_run_is_said_to_be_so(written: date | None, began: date | None, words: str) -> None:
    assert words in Policy((Gate("impact-ratio", 0.8),), written).note(began)
    assert "no gate" in Policy((), written).note(began)


@pytest.mark.parametrize("damage", [{"groups": [{}]}, {"groups": None}, {"groups": [{"grouping": ["sex"], "rows": 5}]}])
def test_a_damaged_record_is_refused_in_one_line(damage: Part) -> None:
    with pytest.raises(DataError, match=r"docs/audit-record\.md") as error:
        judge(record(**damage), "impact-ratio", 0.8)
    assert "\n" not in str(error.value)
