"""The result of an audit: read strictly, written as a whole or not at all, and its exit code is the record's."""

import json
from pathlib import Path
from typing import Any

import audit_records
import pandas as pd
import pytest

from fairhire.atomic import canonical_json
from fairhire.errors import DataError, StorageError, UsageError
from fairhire.report.result import AUDIT_FILES, AuditResult


@pytest.fixture
def small() -> AuditResult:
    return AuditResult(audit_records.undecided_record())


def unequal(verdict: str) -> AuditResult:
    record = audit_records.base("t")
    record["groups"] = [audit_records.group_table(("sex",), {("F",): (1000, 300), ("M",): (1000, 600)})]
    record["gate"]["verdict"] = verdict
    return AuditResult(record)


def without_ratio() -> AuditResult:
    record = audit_records.base("t")
    record["groups"] = [audit_records.group_table(("sex",), {("F",): (1000, 300)})]
    return AuditResult(record)


@pytest.mark.parametrize(("verdict", "code"), [("passed", 0), ("none", 0), ("failed", 1), ("undecided", 3)])
def test_the_exit_code_is_the_gates(verdict: str, code: int) -> None:
    assert unequal(verdict).verdict == verdict
    assert unequal(verdict).exit_code == code


def test_an_audit_in_which_no_group_could_be_compared_is_undecided() -> None:
    assert without_ratio().exit_code == 3
    record = audit_records.base("t")
    assert AuditResult(record).exit_code == 0  # no groups were asked


def test_a_failed_gate_fails_also_where_nothing_could_be_compared() -> None:
    record = without_ratio().to_dict()
    record["gate"]["verdict"] = "failed"
    assert AuditResult(record).exit_code == 1


def test_an_unknown_verdict_never_passes() -> None:
    with pytest.raises(DataError, match="expected one of passed, failed, undecided, none, got 'fine'"):
        _ = unequal("fine").exit_code


def test_a_record_survives_the_disk(small: AuditResult, tmp_path: Path) -> None:
    path = tmp_path / "AUDIT.json"
    path.write_text(small.to_json(), encoding="utf-8")
    again = AuditResult.from_json(path)
    assert again.record == small.record
    assert again.to_json() == small.to_json() == canonical_json(audit_records.undecided_record())
    assert again.to_html() == small.to_html()


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "seed": NaN}', '{"schema": 1, "schema": 1}', "\x00"],
)
def test_what_is_no_record_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "AUDIT.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"AUDIT\.json") as refused:
        AuditResult.from_json(path)
    assert "\n" not in str(refused.value)


def test_a_record_that_breaks_its_contract_is_refused_in_one_line(small: AuditResult) -> None:
    record = small.to_dict()
    del record["groups"][0]["rows"][0]["reading"]
    for render in ("to_html", "to_markdown", "to_pdf", "to_csv", "to_model_card"):
        with pytest.raises(DataError, match=r"docs/audit-record\.md") as refused:
            getattr(AuditResult(record), render)()
        assert "\n" not in str(refused.value)


def test_a_copy_of_the_record_can_be_changed_without_harm(small: AuditResult) -> None:
    small.to_dict()["groups"].clear()
    assert small.record["groups"]


def test_the_frame_has_a_row_a_group_and_no_nan(small: AuditResult) -> None:
    frame = AuditResult(audit_records.clean_record()).to_frame()
    assert len(frame) == 2 + 7 + 14
    assert list(frame["grouping"].unique()) == ["sex", "race", "sex x race"]
    assert set(frame["verdict"]) == {"none-indicated", "benchmark", "no-ratio"}
    few = small.to_frame().set_index("category")
    assert few.loc["Nonbinary", "impact_ratio_undefined"] == "fewer than 10 people"
    gone = few.loc["Nonbinary", "impact_ratio"]
    assert pd.isna(gone)
    assert not isinstance(gone, float)
    assert few.loc["Female", "impact_ratio"] == pytest.approx(0.8036, abs=1e-4)


# --- the folder -----------------------------------------------------------------------------------------------------


def test_a_folder_holds_every_form(tmp_path: Path) -> None:
    result = AuditResult(audit_records.clean_record())
    out = result.write(tmp_path / "audit")
    found = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(found) == AUDIT_FILES - {"junit.xml"}
    assert found["AUDIT.json"].decode() == result.to_json()
    assert found["audit.pdf"].startswith(b"%PDF")
    assert found["groups.csv"].decode() == result.to_csv()


def test_no_summary_is_written_while_a_field_is_missing(small: AuditResult, tmp_path: Path) -> None:
    assert "summary.html" not in {path.name for path in small.write(tmp_path / "audit").iterdir()}


def test_an_earlier_audit_is_replaced_as_a_whole(small: AuditResult, tmp_path: Path) -> None:
    out = tmp_path / "audit"
    small.write(out)
    (out / "summary.html").write_text("of an earlier audit", encoding="utf-8")
    small.write(out)
    assert not (out / "summary.html").exists()


@pytest.mark.parametrize("name", ["thesis.txt", "AUDIT.json.sig"])
def test_nothing_of_the_user_s_is_lost(small: AuditResult, tmp_path: Path, name: str) -> None:
    out = small.write(tmp_path / "audit")
    (out / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=name):
        small.write(out)
    assert (out / name).read_text(encoding="utf-8") == "mine"


def test_a_folder_of_reports_without_a_record_is_not_an_audit_s(small: AuditResult, tmp_path: Path) -> None:
    (tmp_path / "audit.html").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"audit\.html"):
        small.write(tmp_path)


def test_a_file_is_no_folder(small: AuditResult, tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="expected a folder"):
        small.write(tmp_path / "audit")
    with pytest.raises((UsageError, StorageError)):
        small.write(tmp_path / "audit" / "below")


def test_an_empty_folder_is_taken(small: AuditResult, tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    assert (small.write(tmp_path / "audit") / "AUDIT.json").exists()


def test_a_broken_record_leaves_what_was_there(small: AuditResult, tmp_path: Path) -> None:
    out = small.write(tmp_path / "audit")
    before = (out / "AUDIT.json").read_bytes()
    record: dict[str, Any] = json.loads(before)
    del record["groups"][0]["rows"][0]["reading"]
    with pytest.raises(DataError):
        AuditResult(record).write(out)
    assert (out / "AUDIT.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["audit"]
