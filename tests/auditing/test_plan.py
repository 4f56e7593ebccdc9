from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.plan import (
    LIMITS,
    AuditPlan,
    Condition,
    Gate,
    Heading,
    Requirement,
    Sizes,
    Statement,
    Window,
    plan_names,
    read_plan,
    reporting_window,
)
from fairhire.errors import UsageError

OWN = """
name = "ours"
version = "1"
title = "Our own limits"
jurisdiction = "our house"
status = "agreed with the works council"
status_as_of = 2026-11-01
source = "minutes of 1 November 2026"
written = 2026-11-01
purpose = "To know before others tell us."
"""
EVERYTHING = (
    OWN
    + """
groupings = [["sex"], ["sex", "age"]]
sections = ["strata"]
threshold = 0.5
[sizes]
ratio = 20
[[gates]]
check = "impact-ratio"
limit = 0.9
grouping = ["sex"]
[columns.scores]
candidate = "applicant_id"
[columns.people]
sex = "Gender"
[aliases]
sex = ["gender"]
[categories]
sex = ["F", "M"]
[window]
month = 12
day = 1
due = 31
[legal_basis]
attributes = ["sex"]
why = "so"
[[statements]]
text = "t"
source = "s"
verified = false
[[requirements]]
field = "kind"
why = "w"
published = true
[requirements.when]
computed = "excluded"
[wording]
note = "n"
[[checklist]]
article = "1"
what = "a"
where = "b"
how = "c"
[[headings]]
title = "t"
asks = "a"
[[names]]
ours = "o"
theirs = "t"
source = "s"
[[risks]]
kind = "human"
risk = "r"
measure = "m"
"""
)
TABLES = (
    "sizes", "gates", "columns", "columns.scores", "columns.people", "aliases", "categories", "window", "legal_basis",
    "statements", "requirements", "requirements.when", "wording", "checklist", "headings", "names", "risks",
)  # fmt: skip


def plan(**changes: Any) -> AuditPlan:
    day = date(2026, 11, 1)
    return replace(AuditPlan("ours", "1", "title", "here", "in force", day, "source", day, "purpose"), **changes)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(text: str, name: str = "ours.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_plan_of_ones_own_is_read_by_its_path(write: Any) -> None:
    path = write(EVERYTHING)
    for given_as in (path, str(path)):
        found = read_plan(given_as)
        assert found.groupings == (("sex",), ("sex", "age"))
        assert found.gates == (Gate("impact-ratio", 0.9, ("sex",)),)
        assert found.sizes == Sizes(ratio=20)
        assert found.columns == {"scores": {"candidate": "applicant_id"}, "people": {"sex": "Gender"}}
        assert (found.threshold, found.window, found.aliases) == (0.5, Window(12, 1, 31), {"sex": ("gender",)})
        assert found.where == str(path)


def test_the_hash_is_that_of_the_bytes(write: Any) -> None:
    first = read_plan(write(OWN))
    second = read_plan(write(OWN + "\n# a remark\n"))
    assert first.sha256 != second.sha256
    assert replace(first, sha256=None) == replace(second, sha256=None)
    assert len(first.sha256 or "") == 64


def test_a_name_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"expected one of .*four-fifths.*nyc-local-law-144.*, got 'nyc'"):
        read_plan("nyc")


@pytest.mark.parametrize("name", ["../audits/france", "__init__", "", ".", "france\n"])
def test_no_name_leads_out_of_the_shipped_plans(name: str) -> None:
    with pytest.raises(UsageError, match="expected one of"):
        read_plan(name)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found no such file"):
        read_plan(tmp_path / "no.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match="expected a readable plan, got"):
        read_plan(tmp_path / "folder.toml")


def test_a_plan_is_named_like_its_file(write: Any) -> None:
    with pytest.raises(UsageError, match=r"theirs.toml, name: expected that of the file, theirs, got ours"):
        read_plan(write(OWN, "theirs.toml"))


@pytest.mark.parametrize("key", ["version", "jurisdiction", "status", "status_as_of", "source", "written", "purpose"])
def test_a_plan_says_what_it_is_and_how_old(write: Any, key: str) -> None:
    text = "\n".join(line for line in OWN.splitlines() if not line.startswith(f"{key} ="))
    with pytest.raises(UsageError, match=f"ours.toml: expected a key {key}"):
        read_plan(write(text))


def test_an_unknown_key_at_the_top_is_refused_with_the_known_ones(write: Any) -> None:
    with pytest.raises(UsageError, match=r"ours.toml: unknown key 'gate'; the known keys are aliases, .*, gates, "):
        read_plan(write("gate = 0.8\n" + OWN))


@pytest.mark.parametrize("table", TABLES)
def test_an_unknown_key_in_any_table_is_refused_with_the_known_ones(write: Any, table: str) -> None:
    for header in (f"[{table}]", f"[[{table}]]"):
        if f"\n{header}\n" in EVERYTHING:
            value = '["x"]' if table in ("aliases", "categories") else '"x"'
            text = EVERYTHING.replace(f"\n{header}\n", f"\n{header}\nmispelt = {value}\n")
    if table == "columns":
        text = EVERYTHING + '\n[columns.mispelt]\na = "b"\n'
    assert text != EVERYTHING
    with pytest.raises(UsageError, match=r"ours.toml.*unknown key 'mispelt'; the known keys are [a-z]") as refusal:
        read_plan(write(text))
    assert len(str(refusal.value).splitlines()) == 1


@given(st.text(alphabet=st.characters(categories=["L", "N"], include_characters="_-"), min_size=1))
def test_any_other_key_is_refused(key: str) -> None:
    if key in AuditPlan.__dataclass_fields__ and key not in ("sha256", "where"):
        return
    from fairhire.auditing.toml_record import parse_toml, record_of

    table = {**parse_toml(OWN.encode(), "ours.toml"), key: "x"}
    with pytest.raises(UsageError, match="unknown key"):
        record_of(AuditPlan, table, file="ours.toml", given={"sha256": None, "where": None})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Ours"}, "name: expected small letters"),
        ({"depth": 3}, "depth: expected 1 to 2, got 3"),
        ({"stale_after_days": 0}, "stale_after_days: expected 1 to"),
        ({"level": 95.0}, "level: expected at least 0.5 and under 1, got 95"),
        ({"threshold": 50.0}, r"threshold: expected a score in \[0, 1\], got 50"),
        ({"sections": ("strat",)}, "sections: expected some of .*strata.*, got 'strat'"),
        ({"sections": ("strata", "strata")}, "sections: expected every entry once, got 'strata' again"),
        ({"rates": ()}, "rates: expected selection or scoring unless leakage"),
        ({"rates": ("scores",)}, "rates: expected some of selection, scoring, got 'scores'"),
        ({"groupings": ((),)}, "groupings: expected at least one attribute"),
        ({"groupings": (("sex", "sex"),)}, "groupings: expected every entry once"),
        ({"groupings": (("sex", "age"), ("age", "sex"))}, "groupings: expected every entry once"),
        ({"groupings": (("sex",),), "gates": (Gate("impact-ratio", 0.8, ("age",)),)}, "gates: expected a grouping of"),
        ({"groupings": (("sex",),), "categories": {"gender": ("F",)}}, "categories: unknown key 'gender'; .* sex"),
        ({"groupings": (("sex",),), "aliases": {"gender": ("sex",)}}, "aliases: unknown key 'gender'; .* sex"),
        ({"columns": {"scores": {"points": "p"}}}, "columns.scores: unknown key 'points'; .*candidate, date, decision"),
        ({"wording": {"footer": "x"}}, "wording: unknown key 'footer'; the known keys are gate, limits, line, next"),
        ({"headings": (Heading("t", "a", (), ("nowhere",)),)}, "headings, sections: expected some of"),
        ({"requirements": (Requirement("a", "b", True),) * 2}, "requirements: expected every entry once, got 'a'"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan(**changes)
    assert plan(sections=("leakage",), rates=()).rates == ()


def test_an_open_plan_may_declare_categories_of_any_attribute() -> None:
    assert plan(categories={"gender": ("F", "M")}, columns={"people": {"gender": "G"}}).groupings == ()


# --- gates, sizes, conditions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", LIMITS)
def test_a_gate_keeps_its_limit_within_what_can_be(check: str) -> None:
    low, high = LIMITS[check]
    assert Gate(check, low).limit == low
    assert Gate(check, high).to_dict() == {
        "check": check, "limit": high, "grouping": None, "source": None, "target": None, "probe": None
    }  # fmt: skip
    for limit in (low - 0.01, high * 1.01 + 0.01, float("nan")):
        with pytest.raises(UsageError, match="limit: expected"):
            Gate(check, limit)


def test_a_gate_is_narrowed_only_by_what_it_looks_at() -> None:
    assert Gate("leakage", 0.6, source="score", probe="linear").source == "score"
    assert Gate("impact-ratio", 0.8, ("sex", "race")).to_dict()["grouping"] == ["sex", "race"]
    with pytest.raises(UsageError, match=r"expected one of amplification, .*, got 'impact'"):
        Gate("impact", 0.8)
    with pytest.raises(UsageError, match="source: expected it for leakage"):
        Gate("impact-ratio", 0.8, source="score")
    for wrong in (("leakage", ("sex",)), ("impact-ratio", ())):
        with pytest.raises(UsageError, match="grouping: expected attributes"):
            Gate(wrong[0], 0.8, wrong[1])


def test_a_gate_reads_as_a_sentence() -> None:
    assert str(Gate("impact-ratio", 0.8, ("sex", "race"))) == "impact-ratio at least 0.8 (sex x race)"
    assert str(Gate("leakage", 0.6, source="score", target="sex")) == "leakage at most 0.6 (source score, target sex)"
    assert str(Gate("unknown-share", 0.1)) == "unknown-share at most 0.1"


@pytest.mark.parametrize("changes", [{"ratio": -1}, {"suppress": -1}, {"share": 0.5}, {"share": -0.01}])
def test_sizes_are_counts_and_a_share(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(changes))}: expected"):
        Sizes(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"about": "kind"},
        {"among": ("test",)},
        {"about": "kind", "among": ("test",), "computed": "excluded"},
        {"attributes": ("race",), "computed": "excluded"},
        {"computed": "weather"},
    ],
)
def test_a_condition_is_one_of_three(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"expected (about with among|'excluded')"):
        Condition(**changes)


# --- what must be said ----------------------------------------------------------------------------------------------


def test_what_is_not_said_is_missing_and_what_is_published_twice() -> None:
    wanted = plan(requirements=(Requirement("auditor", "a", True), Requirement("paid_by", "b", False)))
    assert [one.field for one in wanted.missing({"auditor": " "})] == ["auditor", "paid_by"]
    assert [one.field for one in wanted.missing_for_publication({})] == ["auditor"]
    assert [one.field for one in wanted.missing({"auditor": "we"})] == ["paid_by"]
    assert wanted.missing_for_publication({"auditor": "we"}) == ()
    assert wanted.missing({})[0].to_dict() == {"field": "auditor", "why": "a", "published": True}


def test_a_requirement_under_a_condition_is_missing_only_under_it() -> None:
    wanted = plan(
        requirements=(
            Requirement("reason", "w", True, when=Condition(about="kind", among=("test",))),
            Requirement("purpose", "w", True, when=Condition(attributes=("race",))),
            Requirement("why_left_out", "w", True, when=Condition(computed="excluded")),
        )
    )
    assert wanted.missing({"kind": "historical"}, attributes=["sex", "races_run"]) == ()
    assert [one.field for one in wanted.missing({"kind": "test"})] == ["reason"]
    assert [one.field for one in wanted.missing({}, attributes=["self_race"])] == ["purpose"]
    assert [one.field for one in wanted.missing_for_publication({}, computed=["excluded"])] == ["why_left_out"]


@pytest.mark.parametrize("said", ["22.11.2026", "20261122", "2026-W47-7", "2026-02-30", "soon"])
def test_a_date_is_a_date(said: str) -> None:
    wanted = plan(requirements=(Requirement("audit_date", "w", True, form="date"),))
    with pytest.raises(UsageError, match="about, audit_date: expected a date such as 2026-11-22, got"):
        wanted.missing({"audit_date": said})
    assert wanted.missing({"audit_date": " 2026-11-22 "}) == ()


def test_a_choice_is_one_of_those_offered() -> None:
    wanted = plan(requirements=(Requirement("kind", "w", True, choices=("test", "historical")),))
    with pytest.raises(UsageError, match="about, kind: expected one of test, historical, got 'Test data'"):
        wanted.missing({"kind": "Test data"})
    assert wanted.missing({"kind": "test"}) == ()


# --- the record, the words, the window ------------------------------------------------------------------------------


def test_the_record_says_what_is_unverified() -> None:
    found = plan(statements=(Statement("It stands.", "law", True), Statement("It fell.", "hearsay", False))).to_dict()
    assert found["unverified"] == ["It fell. (hearsay)"]
    assert [one["verified"] for one in found["statements"]] == [True, False]
    assert found["status_as_of"] == found["written"] == "2026-11-01"


def test_the_record_of_a_plan_is_json(write: Any) -> None:
    import json

    found = read_plan(write(EVERYTHING)).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert str(write) not in json.dumps(found)
    assert {"name", "version", "sha256", "title", "status", "status_as_of", "source", "unverified", "wording"} <= set(
        found
    )


def test_a_plan_described_says_everything_in_it(write: Any) -> None:
    words = read_plan(write(EVERYTHING)).describe()
    said = """
        sex x age|impact-ratio at least 0.9 (sex)|UNVERIFIED statement: t (s)|Needs a legal basis for sex
        kind (w), where a group was left out|Checklist, 1:|Risk (human)|Heading: t|Name: o|Says: n
    """
    for one in said.strip().replace("\n", "|").split("|"):
        assert one.strip() in words
    assert "Gate: none" in plan().describe()
    assert "every attribute of the people table and every pair" in plan(depth=2).describe()


@given(st.dates(min_value=date(2, 1, 1), max_value=date(9998, 12, 31)), st.integers(1, 12), st.integers(1, 28))
def test_every_day_lies_in_exactly_one_year_of_reporting(day: date, month: int, first: int) -> None:
    windowed = plan(window=Window(month, first, 31))
    start, end = reporting_window(windowed, day)
    assert start <= day <= end
    assert (start.month, start.day) == (month, first)
    assert end - start in (timedelta(364), timedelta(365))
    if end + timedelta(1) < date(9999, 1, 1):
        assert reporting_window(windowed, end + timedelta(1))[0] == end + timedelta(1)


def test_a_window_that_is_not_there_or_ends_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(UsageError, match="plan ours: expected a window of reporting"):
        reporting_window(plan(), date(2026, 1, 1))
    for day in (date.min, date.max):
        with pytest.raises(UsageError, match="expected a day with a year of reporting around it"):
            reporting_window(plan(window=Window(12, 1, 31)), day)
    with pytest.raises(UsageError, match="window: expected month 1 to 12"):
        Window(2, 29, 0)


def test_shipped_plans_are_listed_in_order() -> None:
    assert list(plan_names()) == sorted(plan_names())
    assert len(plan_names()) == 9
