"""The audit from Python: what is asked, what is refused, and what ends up in the record whoever brings the data."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairhire.auditing.gate import CHECKS
from fairhire.auditing.intake import Intake
from fairhire.auditing.plan import Gate, read_plan
from fairhire.errors import DataError, UsageError
from fairhire.perform import audit
from fairhire.report.result import AuditResult
from fairhire.scores import Scores, read_scores

FOUR_FIFTHS = read_plan("four-fifths")
FULL = read_plan("full")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 600 people whose score, label and vectors lean on their gender."""
    path, rng, n = tmp_path_factory.mktemp("perform"), np.random.default_rng(2), 600
    women = rng.random(n) < 0.5
    merit = rng.normal(size=n)
    pd.DataFrame(
        {
            "candidate": [f"c{number}" for number in range(n)],
            "position": rng.choice(["sales", "support"], n),
            "score": 1 / (1 + np.exp(-(merit - 0.8 * women))),
            "label": (merit + rng.normal(size=n) - 0.4 * women > 0).astype(int),
        }
    ).to_csv(path / "scores.csv", index=False)
    words = np.where(women, "Female", "Male").astype(object)
    words[:20] = ""
    pd.DataFrame(
        {"candidate": [f"c{number}" for number in range(n)], "gender": words, "race": rng.choice(["A", "B"], n)}
    ).to_csv(path / "people.csv", index=False)
    np.save(path / "vectors.npy", np.column_stack([women + rng.normal(size=n), rng.normal(size=(n, 3))]))
    return path


def asked(folder: Path, **options: Any) -> AuditResult:
    options = {"people": folder / "people.csv", "intake": Intake(threshold=0.5), "controls": 1, **options}
    return audit(folder / "scores.csv", **options)


def test_the_public_door_is_the_function_even_after_its_rooms_were_opened() -> None:
    import fairhire.auditing.leakage

    assert fairhire.audit is audit
    assert fairhire.auditing.leakage.leakage is fairhire.leakage


def test_every_section_of_the_full_plan_is_there(folder: Path) -> None:
    record = asked(folder, plan="full", groupings=[("gender",)], representation=folder / "vectors.npy").record
    for name in ("groups", "outcomes", "labels", "calibration", "scores", "thresholds", "leakage"):
        assert record[name], name
    assert record["groups"][0]["strata"]["rows"]
    assert {row["source"] for row in record["leakage"]} == {"score", "representation"}
    gender = [row for row in record["leakage"] if row["source"] == "representation" and row["metric"] == "auc"]
    assert max(row["estimate"]["value"] for row in gender) > 0.65
    assert all(row["attribute"] == "gender" for row in record["leakage"]), "race was not asked for"
    assert record["rows"] == {"read": 600, "counted": 600, "people": 600}


def test_leakage_of_a_vendors_columns_is_read_under_our_names(folder: Path, tmp_path: Path) -> None:
    scores = pd.read_csv(folder / "scores.csv").rename(columns={"candidate": "id", "score": "points"})
    scores.assign(points=scores["points"] * 100).to_csv(tmp_path / "scores.csv", index=False)
    pd.read_csv(folder / "people.csv").rename(columns={"candidate": "id"}).to_csv(tmp_path / "people.csv", index=False)
    theirs = Intake(
        score_columns={"candidate": "id", "score": "points"},
        people_columns={"candidate": "id"},
        score_range=(0, 100),
        threshold=0.5,
    )
    plan = {"plan": "full", "groupings": [("gender",)]}
    mapped, ours = asked(tmp_path, intake=theirs, **plan).record, asked(folder, **plan).record
    assert mapped["groups"] == ours["groups"]
    found, expected = ([row["estimate"]["value"] for row in one["leakage"]] for one in (mapped, ours))
    assert found == pytest.approx(expected, abs=0.02)


def test_scores_in_memory_and_on_disk_are_the_same_audit(folder: Path) -> None:
    scores = read_scores(folder / "scores.csv")
    assert isinstance(scores, Scores)
    in_memory = audit(scores, people=folder / "people.csv", plan=FOUR_FIFTHS).record
    assert in_memory["groups"] == asked(folder, plan=FOUR_FIFTHS).record["groups"]


def test_a_plan_finds_its_attribute_under_another_name_and_says_so(folder: Path) -> None:
    record = asked(folder, plan="nyc-local-law-144").record
    groupings = {tuple(table["grouping"]) for table in record["groups"]}
    assert groupings == {("sex",), ("race",), ("sex", "race")}
    assert any("sex was read from the column gender" in item["words"] for item in record["warnings"])


def test_what_the_people_table_lacks_is_said_and_nothing_left_is_refused(folder: Path, tmp_path: Path) -> None:
    people = pd.read_csv(folder / "people.csv")
    people.drop(columns="race").to_csv(tmp_path / "people.csv", index=False)
    record = asked(folder, people=tmp_path / "people.csv", plan="nyc-local-law-144").record
    assert any("the people table has no race" in item["words"] for item in record["warnings"])
    people.rename(columns={"gender": "g", "race": "r"}).to_csv(tmp_path / "people.csv", index=False)
    with pytest.raises(UsageError, match=r"expected columns race, sex .* got g, r; name yours with --people-column"):
        asked(folder, people=tmp_path / "people.csv", plan="nyc-local-law-144")


def test_a_plan_without_groupings_takes_every_attribute(folder: Path) -> None:
    single = asked(folder, plan=replace(FOUR_FIFTHS, gates=(), depth=1)).record
    assert {tuple(table["grouping"]) for table in single["groups"]} == {("gender",), ("race",)}
    double = asked(folder, plan=replace(FOUR_FIFTHS, gates=(), depth=2)).record
    assert {tuple(table["grouping"]) for table in double["groups"]} == {("gender",), ("race",), ("gender", "race")}


@pytest.mark.parametrize(
    ("written", "words"), [(date(2026, 1, 1), "before the run began"), (date(2026, 12, 1), "after the run began")]
)
def test_a_gate_says_whether_it_was_written_before_the_run(folder: Path, written: date, words: str) -> None:
    plan = replace(FOUR_FIFTHS, written=written)
    result = asked(folder, plan=plan, about={"run_began": "2026-06-01"})
    assert words in result.record["gate"]["note"]
    late = any(item["code"] == "gate-after-run" for item in result.record["warnings"])
    assert late == (written > date(2026, 6, 1))
    assert words in result.to_html()


def test_a_date_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="run_began: expected a date such as 2026-11-22, got 'soon'"):
        asked(folder, about={"run_began": "soon"})


def test_every_gate_that_a_plan_may_hold_is_judged(folder: Path) -> None:
    limits = {"impact-ratio": 0.8, "amplification": 0.9, "face-retrieval": 2.0, "leakage": 0.6}
    gates = tuple(Gate(check, limits.get(check, 0.1)) for check in sorted(CHECKS))
    record = asked(folder, plan=replace(FULL, gates=gates), groupings=[("gender",)]).record
    judged = {item["check"] for item in record["findings"] if item["gate"]}
    assert judged == set(CHECKS)
    unmeasured = {item["check"] for item in record["findings"] if item["verdict"] == "not computable"}
    assert unmeasured >= {"face-retrieval", "leakage-increase"}, "nothing measured is nothing passed"


def test_the_unknown_people_are_counted_beside_the_groups(folder: Path) -> None:
    table = asked(folder, plan=FOUR_FIFTHS, groupings=[("gender",)]).record["groups"][0]
    assert table["unknown"]["n"] == 20
    assert sum(row["n"] for row in table["rows"]) == 580
    assert all(row["bounds"] for row in table["rows"] if row["verdict"] != "benchmark")


def test_a_baseline_beside_a_table_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a finished run"):
        asked(folder, plan="full", baseline=tmp_path)


@pytest.mark.parametrize("wrong", [{"counts": "counts.csv"}, {"people": None}])
def test_a_request_that_cannot_be_meant_is_one_line(folder: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        asked(folder, **wrong)


def test_nothing_to_audit_is_refused() -> None:
    with pytest.raises(UsageError, match="got neither"):
        audit()


def test_no_person_is_in_the_record(folder: Path) -> None:
    text = asked(folder, plan="full", groupings=[("gender",)]).to_json()
    assert not any(f'"c{number}"' in text for number in range(600))


def test_a_race_by_any_other_name_still_needs_its_legal_basis(folder: Path, tmp_path: Path) -> None:
    renamed = Intake(threshold=0.5, people_columns={"birthplace": "race"})
    with pytest.raises(UsageError, match="legal-basis"):
        asked(folder, plan="france", intake=renamed, groupings=[("birthplace",)])
    (tmp_path / "counts.csv").write_text("attribute,category,n,selected\nrace,A,100,50\nrace,B,100,40\n")
    with pytest.raises(UsageError, match="legal-basis"):
        audit(counts=tmp_path / "counts.csv", plan="france")
    assert audit(counts=tmp_path / "counts.csv", plan="france", legal_basis="consent").record["groups"]


def test_what_was_asked_and_could_not_be_audited_never_passes(folder: Path, tmp_path: Path) -> None:
    plan = replace(FOUR_FIFTHS, groupings=(("gender",), ("race",)))
    many = 100_000
    (tmp_path / "counts.csv").write_text(
        f"attribute,category,n,selected\ngender,A,{many},{many // 2}\ngender,B,{many},{many // 2}\n"
    )
    result = audit(counts=tmp_path / "counts.csv", plan=plan)
    assert [item["grouping"] for item in result.record["not_audited"]] == [["race"]]
    assert result.exit_code == 3
    assert audit(counts=tmp_path / "counts.csv", plan=replace(plan, groupings=(("gender",),))).exit_code == 0
    with pytest.raises(UsageError, match="expected a table of race, got gender"):
        audit(counts=tmp_path / "counts.csv", plan=plan, groupings=[("race",)])


def test_the_request_and_every_input_are_in_the_record(folder: Path) -> None:
    record = asked(
        folder, plan="full", groupings=[("gender",)], representation=folder / "vectors.npy",
        intake=Intake(threshold=0.5, unknown=("nobody",)),
    ).record  # fmt: skip
    assert [item["name"] for item in record["inputs"]] == ["scores.csv", "people.csv", "vectors.npy"]
    assert (record["request"]["threshold"], record["request"]["per"]) == (0.5, "candidate")
    assert "nobody" in record["request"]["unknown"]


def test_the_seed_moves_the_bootstraps_and_the_level_every_interval(folder: Path) -> None:
    first, second = (asked(folder, plan="full", groupings=[("gender",)], seed=seed).record for seed in (0, 1))
    assert first["labels"] != second["labels"]
    assert first["groups"] == second["groups"]
    strict = asked(folder, plan=replace(FULL, level=0.99), groupings=[("gender",)]).record
    levels = {row["estimate"]["level"] for row in strict["leakage"] if "level" in row["estimate"]}
    assert levels == {0.99}


def test_labels_name_the_same_groups_for_leakage(folder: Path) -> None:
    merged = Intake(threshold=0.5, labels={"race": {"B": "A"}})
    record = asked(folder, plan="full", groupings=[("race",)], intake=merged).record
    assert [row["category"] for row in record["groups"][0]["rows"]] == [["A"]]
    assert all("undefined" in row["estimate"] for row in record["leakage"])


def test_an_audit_of_counts_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("attribute,category,n,selected\nsex,A,100,50\nsex,B,100,40\n")
    assert audit(counts=tmp_path / "counts.csv").record["rows"] is None
