"""`fairhire audit` and what follows from it, as a user types it: from files to documents, verdicts and exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commandline import fairhire, refused


def write(path: Path, rows: dict[str, Any]) -> Path:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def people_of(groups: dict[str, tuple[int, int]]) -> tuple[list[str], list[str], list[int]]:
    """Return names, categories and decisions of {category: (n, selected)}."""
    categories = [name for name, (n, _) in groups.items() for _ in range(n)]
    decisions = [int(place < selected) for n, selected in groups.values() for place in range(n)]
    return [f"p{number:05d}" for number in range(len(categories))], categories, decisions


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Write a vendor's files: women 240 of 1000 selected, men 400 of 1000."""
    names, sex, decision = people_of({"Female": (1000, 240), "Male": (1000, 400)})
    write(tmp_path / "scores.csv", {"candidate": names, "decision": decision})
    write(tmp_path / "people.csv", {"candidate": names, "sex": sex})
    return tmp_path


def audited(tables: Path, *words: object, code: int = 0) -> dict[str, Any]:
    said = fairhire("audit", tables / "scores.csv", "--people", tables / "people.csv", "--out", tables / "out", *words)
    assert said.code == code, said
    record: dict[str, Any] = json.loads((tables / "out" / "AUDIT.json").read_text())
    return record


def ratios(record: dict[str, Any]) -> dict[str, Any]:
    return {" x ".join(row["category"]): row for row in record["groups"][0]["rows"]}


def test_a_clear_difference_fails_the_gate_of_four_fifths(tables: Path) -> None:
    record = audited(tables, code=1)
    assert ratios(record)["Female"]["impact_ratio"]["value"] == pytest.approx(0.6)
    assert record["gate"]["verdict"] == "failed"


def test_the_same_rates_in_both_groups_pass_it(tables: Path) -> None:
    names, sex, decision = people_of({"Female": (2000, 800), "Male": (2000, 800)})
    write(tables / "scores.csv", {"candidate": names, "decision": decision})
    write(tables / "people.csv", {"candidate": names, "sex": sex})
    assert audited(tables, code=0)["gate"]["verdict"] == "passed"


def test_few_people_decide_nothing_which_has_a_code_of_its_own(tables: Path) -> None:
    names, sex, decision = people_of({"Female": (20, 8), "Male": (20, 10)})
    write(tables / "scores.csv", {"candidate": names, "decision": decision})
    write(tables / "people.csv", {"candidate": names, "sex": sex})
    assert audited(tables, code=3)["gate"]["verdict"] == "undecided"


def test_new_york_has_no_threshold_and_never_says_pass(tables: Path) -> None:
    record = audited(tables, "--plan", "nyc-local-law-144", "--grouping", "sex", code=0)
    assert record["gate"]["verdict"] == "none"
    for name in ("audit.html", "audit.md", "AUDIT.json"):
        text = (tables / "out" / name).read_text().lower()
        assert "ll144 pass" not in text
        assert "sets no threshold" in text


def test_everybody_at_the_top_score_is_not_computable_rather_than_passed(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(8)]
    write(tmp_path / "scores.csv", {"candidate": names, "score": [1, 1, 1, 0.2, 1, 1, 0.6, 0.2]})
    write(tmp_path / "people.csv", {"candidate": names, "sex": ["Male"] * 4 + ["Female"] * 4})
    record = audited(tmp_path, "--plan", "nyc-local-law-144", "--grouping", "sex", code=3)
    assert all("undefined" in row["impact_ratio"] for row in ratios(record).values())


def test_the_median_is_that_of_everybody_assessed(tmp_path: Path) -> None:
    scores = [90, 80, 70, 60, 50, 85, 65, 55, 45, 40]
    names = [f"p{number}" for number in range(13)]
    sexes = ["M"] * 5 + ["F"] * 5
    words = ("--plan", "nyc-local-law-144", "--grouping", "sex", "--score-range", "0,100")
    write(tmp_path / "scores.csv", {"candidate": names[:10], "score": scores})
    write(tmp_path / "people.csv", {"candidate": names[:10], "sex": sexes})
    assert ratios(audited(tmp_path, *words))["F"]["impact_ratio"]["value"] == pytest.approx(2 / 3)
    write(tmp_path / "scores.csv", {"candidate": names, "score": [*scores, 95, 92, 88]})
    write(tmp_path / "people.csv", {"candidate": names, "sex": [*sexes, "", "unknown", "Prefer not to say"]})
    record = audited(tmp_path, *words)
    assert ratios(record)["F"]["impact_ratio"]["value"] == pytest.approx(0.5)
    assert record["groups"][0]["unknown"]["n"] == 3
    other = record["scoring"]["other_reading"]
    assert any(item["category"] == ["F"] and item["ratio_known_only"] == pytest.approx(2 / 3) for item in other)


def test_spellings_are_one_category_and_the_map_is_said(tables: Path) -> None:
    frame = pd.read_csv(tables / "people.csv")
    frame.loc[frame.index[-3:], "sex"] = ["male ", "MALE", "male"]
    frame.to_csv(tables / "people.csv", index=False)
    said = fairhire("audit", tables / "scores.csv", "--people", tables / "people.csv", "--out", tables / "out")
    assert "read as 'Male'" in said.err
    record = json.loads((tables / "out" / "AUDIT.json").read_text())
    assert ratios(record).keys() == {"Female", "Male"}


def test_a_category_that_the_plan_does_not_know_is_said_and_can_be_mapped(tables: Path) -> None:
    frame = pd.read_csv(tables / "people.csv")
    frame["sex"] = frame["sex"].map({"Female": "W", "Male": "Male"})
    frame.to_csv(tables / "people.csv", index=False)
    words = ("--plan", "nyc-local-law-144", "--grouping", "sex")
    record = audited(tables, *words)
    assert any("sex: W is not among the categories" in item["words"] for item in record["warnings"])
    mapped = audited(tables, *words, "--label", "sex:W=Female")
    assert not any("not among" in item["words"] for item in mapped["warnings"])
    assert ratios(mapped).keys() == {"Female", "Male"}
    refused(2, "ATTRIBUTE:WRITTEN=CATEGORY", "audit", tables / "scores.csv", "--label", "W=Female")


def test_same_inputs_same_bytes_wherever_they_lie(tables: Path) -> None:
    audited(tables, code=1)
    elsewhere = tables / "elsewhere"
    elsewhere.mkdir()
    for name in ("scores.csv", "people.csv"):
        (elsewhere / name).write_bytes((tables / name).read_bytes())
    audited(elsewhere, code=1)
    first, second = tables / "out", elsewhere / "out"
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert len(names) >= 5
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_an_audit_of_counts_needs_no_people(tmp_path: Path) -> None:
    path = write(
        tmp_path / "counts.csv",
        {"attribute": ["sex", "sex"], "category": ["Male", "Female"], "n": [1390, 1181], "selected": [667, 555]},
    )
    said = fairhire("audit", "--counts", path, "--plan", "nyc-local-law-144", "--out", tmp_path / "out")
    assert said.code == 0, said
    assert "0.979" in said.out


def test_columns_of_other_names_are_mapped(tables: Path) -> None:
    for name, renamed in (("scores", {"decision": "passed", "candidate": "id"}), ("people", {"candidate": "id"})):
        frame = pd.read_csv(tables / f"{name}.csv").rename(columns=renamed)
        frame.to_csv(tables / f"{name}.csv", index=False)
    words = ("--score-column", "decision=passed", "--score-column", "candidate=id", "--people-column", "candidate=id")
    audited(tables, *words, code=1)


def test_one_file_with_its_attributes_is_enough(tables: Path) -> None:
    scores = pd.read_csv(tables / "scores.csv").assign(sex=pd.read_csv(tables / "people.csv")["sex"])
    scores.to_csv(tables / "one.csv", index=False)
    said = fairhire("audit", tables / "one.csv", "--grouping", "sex", "--out", tables / "out")
    assert said.code == 1, said


def test_every_form_is_made_from_the_record_alone(tables: Path) -> None:
    audited(tables, code=1)
    record = tables / "record.json"
    record.write_bytes((tables / "out" / "AUDIT.json").read_bytes())
    for form, name in (("html", "audit.html"), ("pdf", "audit.pdf"), ("md", "audit.md"), ("csv", "groups.csv")):
        assert fairhire("report", record, "--format", form, "--out", tables / name).code == 0
        assert (tables / name).read_bytes() == (tables / "out" / name).read_bytes()
    assert fairhire("report", record, "--format", "json", "--out", tables / "again.json").code == 0
    assert (tables / "again.json").read_bytes() == record.read_bytes()


def test_a_published_summary_refuses_until_everything_required_is_said(tables: Path) -> None:
    words = ("--plan", "nyc-local-law-144", "--grouping", "sex")
    record = audited(tables, *words)
    fields = [item["field"] for item in record["missing"]]
    assert "distribution_date" in fields
    assert not (tables / "out" / "summary.html").exists()
    refused(2, "distribution_date", "report", tables / "out" / "AUDIT.json", "--format", "summary")
    said = {"data_kind": "historical"} | {name: "2026-01-01" for name in fields if "date" in name}
    facts = [word for name in fields for word in ("--fact", f"{name}={said.get(name, 'said')}")]
    assert audited(tables, *words, *facts)["missing"] == []
    assert (tables / "out" / "summary.html").exists()


def test_france_asks_for_a_legal_basis_before_it_reads_a_race(tables: Path) -> None:
    names, race, _ = people_of({"A": (1000, 0), "B": (1000, 0)})
    people = write(tables / "people.csv", {"candidate": names, "race": race})
    words = ("audit", tables / "scores.csv", "--people", people, "--plan", "france", "--out", tables / "o")
    refused(2, "legal.basis", *words, "--grouping", "race")
    said = fairhire(*words, "--grouping", "race", "--legal-basis", "consent, art. 9(2)(a) GDPR")
    assert said.code in (0, 1, 3)
    assert "consent, art. 9(2)(a) GDPR" in (tables / "o" / "audit.html").read_text()


def test_illinois_reports_one_year_from_december_to_november(tables: Path) -> None:
    frame = pd.read_csv(tables / "scores.csv")
    frame["date"] = np.where(np.arange(len(frame)) % 2 == 0, "2025-11-30", "2025-12-01")
    frame.to_csv(tables / "scores.csv", index=False)
    for words in (("--until", "2025-11-30"), ("--since", "2025-12-01")):
        record = audited(tables, *words, code=1)
        assert record["rows"]["counted"] == 1000
        assert any(item["n"] == 1000 for item in record["left_out"])


def test_a_reporting_period_is_that_of_the_plan(tables: Path) -> None:
    frame = pd.read_csv(tables / "scores.csv")
    frame["date"] = np.where(np.arange(len(frame)) % 2 == 0, "2025-11-30", "2025-12-01")
    frame.to_csv(tables / "scores.csv", index=False)
    people = pd.read_csv(tables / "people.csv").rename(columns={"sex": "race"})
    people.to_csv(tables / "people.csv", index=False)
    words = ("--plan", "illinois-video-interview", "--period-of")
    for day in ("2025-06-30", "2026-06-30"):
        assert audited(tables, *words, day)["rows"]["counted"] == 1000
    refused(2, "period-of", "audit", tables / "scores.csv", *words, "soon")


def test_an_old_plan_is_said_to_be_old_on_the_terminal_only(tables: Path) -> None:
    text = (Path(__file__).parents[1] / "audits" / "four-fifths.toml").read_text()
    (tables / "plan.toml").write_text(text.replace("2026-11-22", "2020-01-01").replace('"four-fifths"', '"plan"', 1))
    words = ("--people", tables / "people.csv", "--plan", tables / "plan.toml", "--out", tables / "out")
    said = fairhire("audit", tables / "scores.csv", *words)
    assert "days ago; look up whether they still stand" in said.err
    assert "days ago" not in (tables / "out" / "AUDIT.json").read_text()


def test_a_signed_record_verifies_and_a_changed_one_does_not(tables: Path) -> None:
    audited(tables, code=1)
    record = tables / "out" / "AUDIT.json"
    refused(5, "unsigned|no signature", "verify", record)
    assert fairhire("sign", "--new-key", tables / "key.pem").code == 0
    assert fairhire("sign", record, "--key", tables / "key.pem", "--signer", "A. Auditor").code == 0
    public = tables / "key.pem.pub"
    assert fairhire("verify", record, "--public-key", public).code == 0
    record.write_bytes(record.read_bytes().replace(b"0.6", b"0.9", 1))
    refused(5, "AUDIT.json", "verify", record, "--public-key", public)


def test_junit_says_what_failed(tables: Path) -> None:
    audited(tables, "--junit", tables / "junit.xml", code=1)
    assert "<failure" in (tables / "junit.xml").read_text()


def test_two_audits_and_two_tables_are_compared(tables: Path) -> None:
    audited(tables, code=1)
    first = tables / "first.json"
    first.write_bytes((tables / "out" / "AUDIT.json").read_bytes())
    scores = pd.read_csv(tables / "scores.csv")
    scores["decision"] = 1 - scores["decision"]
    scores.to_csv(tables / "later.csv", index=False)
    assert fairhire("compare", first, tables / "out" / "AUDIT.json").code == 0
    said = fairhire("compare", tables / "scores.csv", tables / "later.csv", "--people", tables / "people.csv")
    assert said.code == 0, said
    assert "2000" in said.out.replace(",", "").replace("\u202f", "")


def test_plans_are_listed_and_shown() -> None:
    said = fairhire("plans", "list")
    assert said.code == 0
    for name in (
        "nyc-local-law-144",
        "four-fifths",
        "illinois-video-interview",
        "eu-ai-act",
        "france",
        "california",
        "colorado-2027",
        "leakage",
        "full",
    ):
        assert name in said.out
        assert fairhire("plans", "show", name).code == 0
    refused(2, "four-fifths", "plans", "show", "nowhere")


def test_the_audit_command_starts_without_torch(tables: Path) -> None:
    words = ["audit", str(tables / "scores.csv"), "--people", str(tables / "people.csv"), "--out", str(tables / "o")]
    code = (
        "import sys; from fairhire.commands import app\n"
        f"app({words!r}, standalone_mode=False) if 0 else None\n"
        f"sys.argv = ['fairhire', *{words!r}]\n"
        "from fairhire.commands import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 1, end.code\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


# --- bad input ------------------------------------------------------------------------------------------------------


def bad(tables: Path, code: int, match: str, *words: object) -> None:
    """Check that an audit of the folder's tables is refused, and that nothing of it was written."""
    refused(
        code, match, "audit", tables / "scores.csv", "--people", tables / "people.csv", "--out", tables / "out", *words
    )
    assert not (tables / "out").exists()


def test_a_missing_column_is_named(tables: Path) -> None:
    pd.read_csv(tables / "scores.csv").rename(columns={"decision": "verdict"}).to_csv(
        tables / "scores.csv", index=False
    )
    bad(tables, 4, "decision.*verdict")


def test_a_score_outside_the_scale_is_refused(tables: Path) -> None:
    pd.read_csv(tables / "scores.csv").rename(columns={"decision": "score"}).assign(score=1.5).to_csv(
        tables / "scores.csv", index=False
    )
    bad(tables, 4, "from 0 to 1")


def test_two_decisions_for_one_person_and_position_are_refused(tables: Path) -> None:
    frame = pd.read_csv(tables / "scores.csv")
    pd.concat([frame, frame.iloc[[0]].assign(decision=0)]).to_csv(tables / "scores.csv", index=False)
    bad(tables, 4, "one row per candidate")
    assert "p00000" not in fairhire("audit", tables / "scores.csv", "--people", tables / "people.csv").err


def test_a_decision_that_is_neither_yes_nor_no_is_refused(tables: Path) -> None:
    pd.read_csv(tables / "scores.csv").assign(decision="maybe").to_csv(tables / "scores.csv", index=False)
    bad(tables, 4, "decision: expected 0/1, true/false or yes/no.* 2000 rows, first in row 1")


def test_a_missing_outcome_is_refused_unless_told(tables: Path) -> None:
    frame = pd.read_csv(tables / "scores.csv").astype({"decision": "Int64"})
    frame.loc[:4, "decision"] = pd.NA
    frame.to_csv(tables / "scores.csv", index=False)
    bad(tables, 4, "5")
    record = audited(tables, "--missing", "leave-out", code=1)
    assert any(item["n"] == 5 for item in record["left_out"])


@pytest.mark.parametrize("content", [b"", b"candidate,decision\n"])
def test_an_empty_table_is_refused(tables: Path, content: bytes) -> None:
    (tables / "scores.csv").write_bytes(content)
    bad(tables, 4, "scores.csv")


def test_mixed_encodings_are_refused(tables: Path) -> None:
    text = (tables / "people.csv").read_bytes()
    (tables / "people.csv").write_bytes(text + "p99999,Fémale\n".encode("latin-1"))
    bad(tables, 4, "UTF-8")


def test_a_truncated_parquet_is_refused(tables: Path) -> None:
    pd.read_csv(tables / "scores.csv").to_parquet(tables / "scores.parquet")
    whole = (tables / "scores.parquet").read_bytes()
    (tables / "scores.parquet").write_bytes(whole[: len(whole) // 2])
    words = ("audit", tables / "scores.parquet", "--people", tables / "people.csv", "--out", tables / "out")
    refused(4, "scores.parquet", *words)


def test_a_million_categories_are_an_id_and_no_group(tables: Path) -> None:
    frame = pd.read_csv(tables / "people.csv")
    frame["sex"] = [f"c{number}" for number in range(len(frame))]
    frame.to_csv(tables / "people.csv", index=False)
    bad(tables, 4, "categories")


def test_one_group_only_has_nothing_to_compare_with(tables: Path) -> None:
    pd.read_csv(tables / "people.csv").assign(sex="Female").to_csv(tables / "people.csv", index=False)
    record = audited(tables, code=3)
    assert ratios(record)["Female"]["verdict"] == "benchmark"


def test_a_plan_with_an_unknown_key_is_refused(tables: Path) -> None:
    (tables / "plan.toml").write_text('nmae = "mine"\n')
    bad(tables, 2, "nmae", "--plan", tables / "plan.toml")


def test_what_is_no_audit_is_never_overwritten(tables: Path) -> None:
    (tables / "out").mkdir()
    (tables / "out" / "thesis.txt").write_text("mine")
    refused(2, "out", "audit", tables / "scores.csv", "--people", tables / "people.csv", "--out", tables / "out")
    assert (tables / "out" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ("--split", "test"),
        ("--since", "2026-01-01"),
        ("--threshold", "0.5"),
        ("--per", "interview"),
        ("--score-range", "0,100"),
        ("--people", "people.csv"),
    ],
)
def test_counts_come_alone(tmp_path: Path, words: tuple[str, str]) -> None:
    path = write(tmp_path / "counts.csv", {"attribute": ["sex"] * 2, "category": ["F", "M"], "n": [50, 50],
                                           "selected": [20, 25]})  # fmt: skip
    refused(2, "--counts: expected alone", "audit", "--counts", path, *words, "--out", tmp_path / "out")


def test_groupings_are_asked_for_once(tables: Path) -> None:
    bad(tables, 2, "once, got sex,sex", "--grouping", "sex,sex")
    bad(tables, 2, "once, got sex", "--grouping", "sex", "--grouping", "sex")


def test_ids_that_never_meet_are_an_error_and_not_undecided(tables: Path) -> None:
    frame = pd.read_csv(tables / "people.csv")
    frame["candidate"] = "0" + frame["candidate"]
    frame.to_csv(tables / "people.csv", index=False)
    bad(tables, 4, "found none of its 2000")


def test_a_people_table_of_candidates_alone_is_refused(tables: Path) -> None:
    pd.read_csv(tables / "people.csv")[["candidate"]].to_csv(tables / "people.csv", index=False)
    bad(tables, 4, "at least one column of categories")


@pytest.mark.parametrize("words", [("--junit", "scores.csv"), ("--junit", "people.csv"), ("--junit", "folder")])
def test_nothing_that_is_read_is_written_over(tables: Path, words: tuple[str, str]) -> None:
    (tables / "folder").mkdir()
    before = (tables / "scores.csv").read_bytes(), (tables / "people.csv").read_bytes()
    bad(tables, 2, "--junit: expected", words[0], tables / words[1])
    assert ((tables / "scores.csv").read_bytes(), (tables / "people.csv").read_bytes()) == before


def test_documents_and_comparisons_spare_other_files(tables: Path) -> None:
    audited(tables, code=1)
    record = tables / "out" / "AUDIT.json"
    refused(2, "--out: expected", "report", record, "--format", "md", "--out", tables / "scores.csv")
    refused(2, "--out: expected", "report", record, "--format", "json", "--out", record)
    refused(2, "--out: expected", "compare", tables / "scores.csv", tables / "scores.csv", "--people",
            tables / "people.csv", "--out", tables / "people.csv")  # fmt: skip


def test_a_seed_that_json_cannot_hold_is_refused(tables: Path) -> None:
    bad(tables, 2, "seed", "--seed", 2**70)


def test_a_statement_that_nobody_asked_for_is_said(tables: Path) -> None:
    record = audited(tables, "--fact", "audit_dat=2026-11-22", code=1)
    assert any("does not ask for audit_dat" in item["words"] for item in record["warnings"])


def test_intersections_larger_than_their_group_are_said(tmp_path: Path) -> None:
    rows = [("M", "", 100, 50), ("F", "", 100, 50), ("M", "A", 500, 250), ("F", "A", 50, 20)]
    columns = dict(zip(("sex", "race", "n", "selected"), zip(*rows, strict=True), strict=True))
    path = write(tmp_path / "counts.csv", {name: list(values) for name, values in columns.items()})
    said = fairhire("audit", "--counts", path, "--plan", "nyc-local-law-144", "--out", tmp_path / "out")
    assert "sex M: its intersections have 500 people, the group itself 100" in said.err


def test_a_date_in_the_future_is_said(tables: Path) -> None:
    words = ("--people", tables / "people.csv", "--out", tables / "out", "--fact", "audit_date=2226-01-01")
    said = fairhire("audit", tables / "scores.csv", *words)
    assert "audit date on 2226-01-01, which has not come yet" in said.err


def test_nothing_in_common_is_nothing_compared(tables: Path) -> None:
    frame = pd.read_csv(tables / "scores.csv")
    frame.assign(candidate="x" + frame["candidate"]).to_csv(tables / "later.csv", index=False)
    said = fairhire("compare", tables / "scores.csv", tables / "later.csv", "--people", tables / "people.csv")
    assert said.code == 3, said


def test_counts_that_do_not_tell_the_unknown_are_not_published_as_none(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"attribute": ["sex"] * 2, "category": ["Male", "Female"], "n": [1390, 1181],
                               "selected": [667, 555]}  # fmt: skip
    facts = {"data_kind": "historical"}

    def asked(*more: str) -> dict[str, Any]:
        words = ["--grouping", "sex"]
        words += [word for name, value in facts.items() for word in ("--fact", f"{name}={value}")]
        path = write(tmp_path / "counts.csv", columns)
        said = fairhire(
            "audit", "--counts", path, "--plan", "nyc-local-law-144", "--out", tmp_path / "out", *words, *more
        )
        assert said.code == 0, said
        record: dict[str, Any] = json.loads((tmp_path / "out" / "AUDIT.json").read_text())
        return record

    facts |= {item["field"]: "2026-01-01" if "date" in item["field"] else "said" for item in asked()["missing"]}
    assert facts.pop("unknown_people")
    assert [item["field"] for item in asked()["missing"]] == ["unknown_people"]
    assert "unknown" not in (tmp_path / "out" / "groups.csv").read_text()
    refused(2, "unknown_people", "report", tmp_path / "out" / "AUDIT.json", "--format", "summary")
    assert asked("--fact", "unknown_people=250")["missing"] == []
    assert "in no group: 250, as the auditor says" in (tmp_path / "out" / "summary.html").read_text()
    columns = {name: [*values, *more] for (name, values), more in zip(columns.items(), (["sex"], ["unknown"], [0], [0]),
               strict=True)}  # fmt: skip
    assert asked()["missing"] == []


def test_a_summary_without_a_grouping_of_the_plan_is_refused(tables: Path) -> None:
    record = audited(tables, "--plan", "nyc-local-law-144")
    facts = {item["field"]: "2026-01-01" if "date" in item["field"] else "said" for item in record["missing"]}
    facts |= {"data_kind": "historical"}
    words = [word for name, value in facts.items() for word in ("--fact", f"{name}={value}")]
    assert audited(tables, "--plan", "nyc-local-law-144", *words)["missing"] == []
    assert not (tables / "out" / "summary.html").exists()
    refused(2, "race", "report", tables / "out" / "AUDIT.json", "--format", "summary")


def test_the_rule_s_own_example_comes_out_with_every_category(tmp_path: Path) -> None:
    groups = {
        "Hispanic or Latino": (408, 204, 0.967),
        "White": (797, 412, 1.0),
        "Black or African American": (390, 170, 0.843),
        "Native Hawaiian or Pacific Islander": (119, 52, 0.845),
        "Asian": (616, 302, 0.948),
        "Native American or Alaska Native": (41, 18, 0.849),
        "Two or more races": (213, 96, 0.872),
        "unknown": (250, 0, None),
    }
    path = write(
        tmp_path / "counts.csv",
        {
            "attribute": ["race"] * len(groups),
            "category": list(groups),
            "n": [n for n, _, _ in groups.values()],
            "selected": [selected for _, selected, _ in groups.values()],
        },
    )

    def rows(*words: object) -> dict[str, Any]:
        out = tmp_path / "out"
        said = fairhire("audit", "--counts", path, "--plan", "nyc-local-law-144", "--out", out, *words)
        assert said.code == 0, said
        return ratios(json.loads((out / "AUDIT.json").read_text()))

    whole = rows("--smallest-share", 0)
    assert {name: round(row["impact_ratio"]["value"], 3) for name, row in whole.items()} == {
        name: ratio for name, (_, _, ratio) in groups.items() if ratio is not None
    }
    usual = rows()["Native American or Alaska Native"]
    assert "undefined" in usual["impact_ratio"]
    assert round(usual["if_included"]["value"], 3) == 0.849


def test_leaving_out_a_group_below_the_line_is_an_alarm(tmp_path: Path) -> None:
    columns = {"attribute": ["sex"] * 3, "category": ["A", "B", "C"], "n": [1000, 1000, 10], "selected": [500, 500, 2]}
    said = fairhire("audit", "--counts", write(tmp_path / "c.csv", columns), "--plan", "nyc-local-law-144", "--out",
                    tmp_path / "out")  # fmt: skip
    assert said.code == 0
    record = json.loads((tmp_path / "out" / "AUDIT.json").read_text())
    alarms = [item for item in record["findings"] if item["check"] == "left-out-group"]
    assert [(item["category"], item["measurement"]["value"]) for item in alarms] == [(["C"], pytest.approx(0.4))]
    assert "included, its ratio would be below four fifths" in (tmp_path / "out" / "audit.html").read_text()
