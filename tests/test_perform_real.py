"""Audits of real, published results: what others computed by hand must come out of ours to the printed digit."""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fairhire.auditing.groups import examine_groups
from fairhire.auditing.intake import Intake
from fairhire.auditing.plan import read_plan
from fairhire.auditing.tally import GroupCount, GroupTable, Tally
from fairhire.estimate import Estimate
from fairhire.perform import audit
from fairhire.report.result import AuditResult

DATA = os.environ.get("FAIRHIRE_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="FAIRHIRE_DATA is not set: the public data are not here")


def folder(name: str) -> Path:
    assert DATA is not None
    return Path(DATA) / name


def group_rows(result: AuditResult, grouping: list[str], rate: str = "selection") -> dict[str, dict[str, Any]]:
    table = next(one for one in result.record["groups"] if one["grouping"] == grouping and one["rate"] == rate)
    return {" x ".join(row["category"]): row for row in table["rows"]}


def counted(cases: pd.DataFrame, path: Path) -> AuditResult:
    """Audit one published table as an auditor would who has only its counts."""
    names = (cases["race_ethnicity"] + " / " + cases["sex"]).tolist()
    counts = pd.DataFrame({"attribute": "group", "category": names, "n": cases["n"], "selected": cases["selected"]})
    counts.to_csv(path, index=False)
    return audit(counts=path, plan="nyc-local-law-144", groupings=[("group",)])


def digits(published: float) -> int:
    """Return to how many decimals a figure was printed: to two at least, 0.9 being 0.90."""
    return max(2, len(f"{published:.9f}".rstrip("0").partition(".")[2]))


def test_the_published_new_york_audits_that_can_be_reproduced_are_reproduced_exactly(tmp_path: Path) -> None:
    cases = pd.read_csv(folder("ll144_audits") / "reproducible_cases.csv")
    seen = 0
    for number, (_, table) in enumerate(cases.groupby(["audit_id", "protected_char_group", "rate"])):
        rows = group_rows(counted(table, tmp_path / f"{number}.csv"), ["group"])
        for case in table.to_dict("records"):
            row = rows[f"{case['race_ethnicity']} / {case['sex']}"]
            found = {"published_rate": row["rate"], "published_impact_ratio": row["impact_ratio"]}
            for name, measured in found.items():
                assert round(measured["value"], digits(case[name])) == pytest.approx(case[name], abs=1e-12)
            seen += 1
    assert seen == 54


def test_published_ratios_follow_from_published_rates_within_their_rounding() -> None:
    """The counts behind these rates were not published: a billion people each make every printed rate exact."""
    cases, many = pd.read_csv(folder("ll144_audits") / "ratio_cases.csv"), 10**9
    seen = below = 0
    for _, table in cases.groupby(["audit_id", "protected_char_group", "rate"]):
        groups = [
            GroupCount((f"{case['race_ethnicity']} / {case['sex']}",), many, round(case["published_rate"] * many))
            for case in table.to_dict("records")
        ]
        counted = GroupTable(("group",), "selection", tuple(sorted(groups, key=lambda group: group.category)), 0, 0)
        tally = Tally(("group",), pd.DataFrame({"n": []}), tables=(counted,))
        rows = examine_groups(tally, ("group",), "selection", plan=read_plan("nyc-local-law-144")).rows
        ratios = {row.category[0]: row.impact_ratio for row in rows}
        for case in table.to_dict("records"):
            ratio = ratios[f"{case['race_ethnicity']} / {case['sex']}"]
            assert isinstance(ratio, Estimate)
            assert abs(ratio.value - case["published_impact_ratio"]) <= case["rounding_tolerance"] + 2e-9
            below += ratio.value < 0.8
            seen += 1
    assert seen == 737
    assert below > 30


def test_the_error_rates_that_propublica_printed_for_compas(tmp_path: Path) -> None:
    rows = pd.read_csv(folder("compas") / "compas-scores-two-years.csv.gz", dtype=str)
    high = (rows["score_text"] != "Low").astype(int)
    pd.DataFrame({"candidate": rows["id"], "decision": high, "label": rows["two_year_recid"]}).to_csv(
        tmp_path / "scores.csv", index=False
    )
    pd.DataFrame({"candidate": rows["id"], "race": rows["race"]}).to_csv(tmp_path / "people.csv", index=False)
    result = audit(tmp_path / "scores.csv", people=tmp_path / "people.csv", plan="full", groupings=[("race",)])
    found = {row["category"][0]: row for row in result.record["outcomes"][0]["rows"]}
    shown = {
        name: (round(100 * found[name]["fpr"]["value"], 2), round(100 * found[name]["fnr"]["value"], 2))
        for name in ("African-American", "Caucasian")
    }
    assert shown == {"African-American": (44.85, 27.99), "Caucasian": (23.45, 47.72)}
    assert found["African-American"]["fpr"]["low"] < 0.4485 < found["African-American"]["fpr"]["high"]


def winner(tmp_path: Path) -> AuditResult:
    """Audit the challenge winner's published test scores, beside the recruiters' ratings at the same cut."""
    scores = pd.read_csv(folder("fiv2") / "system_scores_bunku_cvpr2017.csv.gz")
    clips = pd.read_csv(folder("fiv2") / "clips.csv.gz")
    both = clips[clips["split"] == "test"].merge(scores[["clip", "fused_interview"]], on="clip")
    assert len(both) == 2000
    pd.DataFrame(
        {
            "candidate": both["clip"],
            "score": both["fused_interview"],
            "label": (both["interview"] >= 0.5).astype(int),
        }
    ).to_csv(tmp_path / "scores.csv", index=False)
    pd.DataFrame(
        {
            "candidate": both["clip"],
            "gender": both["gender"].map({1: "male", 2: "female"}),
            "ethnicity": both["ethnicity"].map({1: "Asian", 2: "Caucasian", 3: "African-American"}),
            "age": both["age_group"].astype(int).astype(str),
        }
    ).to_csv(tmp_path / "people.csv", index=False)
    return audit(
        tmp_path / "scores.csv",
        people=tmp_path / "people.csv",
        plan="full",
        groupings=[("gender",), ("ethnicity",), ("age",)],
        intake=Intake(threshold=0.5),
    )


def test_the_first_impressions_winner_beside_the_ratings_it_learnt(tmp_path: Path) -> None:
    result = winner(tmp_path)
    gender, ethnicity = group_rows(result, ["gender"]), group_rows(result, ["ethnicity"])
    assert {name: round(row["rate"]["value"], 3) for name, row in gender.items()} == {"female": 0.551, "male": 0.489}
    published = {"African-American": 0.353, "Asian": 0.458, "Caucasian": 0.548}  # the last is 0.5475
    assert {name: row["rate"]["value"] for name, row in ethnicity.items()} == pytest.approx(published, abs=6e-4)
    black = ethnicity["African-American"]
    assert round(black["impact_ratio"]["value"], 2) == 0.64
    assert (black["reading"], black["verdict"]) == ("below", "indicated")
    assert ethnicity["Asian"]["reading"] == "undecided"
    labels = next(table for table in result.record["labels"] if table["grouping"] == ["ethnicity"])
    beside = next(row for row in labels["rows"] if row["category"] == ["African-American"])
    assert beside["label_ratio"]["value"] == pytest.approx(0.397 / 0.548, abs=0.002)
    assert beside["amplification"]["value"] < 1


SCENARIOS = {
    "scenario1_blind": "clear",
    "scenario2_biased": "below",
    "scenario3_competencies": "clear",
    "scenario4_face": "below",
    "scenario4_agnostic_face": "clear",
}


@pytest.mark.parametrize(("scenario", "expected"), SCENARIOS.items())
def test_the_five_published_faircvtest_scenarios(scenario: str, expected: str, tmp_path: Path) -> None:
    rows = pd.read_csv(folder("faircvtest") / "faircvtest_gender.csv.gz")
    pd.DataFrame({"candidate": rows["profile_id"], "score": rows[scenario]}).to_csv(tmp_path / "s.csv", index=False)
    pd.DataFrame({"candidate": rows["profile_id"], "sex": rows["gender"].map({0: "Male", 1: "Female"})}).to_csv(
        tmp_path / "p.csv", index=False
    )
    result = audit(tmp_path / "s.csv", people=tmp_path / "p.csv", plan="nyc-local-law-144", groupings=[("sex",)])
    found = group_rows(result, ["sex"], "scoring")
    focal = min(found.values(), key=lambda row: row["rate"]["value"])
    assert (focal["reading"], focal["below_four_fifths"]) == (expected, expected == "below")
    assert focal["impact_ratio"]["low"] < focal["impact_ratio"]["value"] < focal["impact_ratio"]["high"]
