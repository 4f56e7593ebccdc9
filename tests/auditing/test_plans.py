"""The shipped plans: complete, dated, honest about what was not re-read, and never edited once published."""

from __future__ import annotations

import re
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from fairhire.auditing.plan import SECTIONS, AuditPlan, plan_names, read_plan, reporting_window

NAMES = (
    "california", "colorado-2027", "eu-ai-act", "four-fifths", "france", "full", "illinois-video-interview", "leakage",
    "nyc-local-law-144",
)  # fmt: skip
OPEN = re.compile(r"not re-read|not looked up|open point|were not compared|from memory", re.IGNORECASE)


@pytest.fixture(params=NAMES)
def plan(request: pytest.FixtureRequest) -> AuditPlan:
    return read_plan(request.param)


def everything_in(plan: AuditPlan) -> str:
    return files("fairhire.audits").joinpath(f"{plan.name}.toml").read_text(encoding="utf-8")


def test_these_plans_are_shipped() -> None:
    assert plan_names() == NAMES


def test_a_shipped_plan_says_where_it_stands(plan: AuditPlan) -> None:
    assert plan.status_as_of == date(2026, 11, 22)
    assert plan.written <= date(2026, 11, 22) + timedelta(30)
    assert min(len(text) for text in (plan.title, plan.jurisdiction, plan.status, plan.source, plan.purpose)) > 4
    assert plan.statements
    assert plan.requirements
    assert set(plan.wording) == {"gate", "limits", "line", "next", "note"}
    assert plan.sha256 is not None
    assert plan.where == plan.name
    assert plan.threshold is None


def test_a_shipped_plan_names_its_test_beforehand(plan: AuditPlan) -> None:
    assert (plan.primary_test, plan.correction, plan.family, plan.level) == ("fisher", "holm", "table", 0.95)
    for key in ("primary_test", "correction", "family", "level", "groupings", "rates", "sections", "unknown"):
        assert re.search(rf"^{key} = ", everything_in(plan), re.MULTILINE), key


def test_what_was_not_re_read_is_marked(plan: AuditPlan) -> None:
    for statement in plan.statements:
        assert statement.verified is (OPEN.search(statement.text + statement.source) is None), statement
    listed = plan.to_dict()["unverified"]
    assert listed == [f"{one.text} ({one.source})" for one in plan.statements if not one.verified]
    assert plan.describe().count("UNVERIFIED statement") == len(listed)


@pytest.mark.parametrize(
    ("name", "words"),  # statements marked [mem] in audit-rules.md, and its open points in section 9
    [
        ("nyc-local-law-144", ["inferred"]),
        ("four-fifths", ["published since July 2026", "2 % of the labour force", "reverses", "numeric examples"]),
        ("eu-ai-act", ["Official Journal", "Special categories", "categorise", "ISO/IEC TR 24027"]),
        ("france", ["article 22"]),
        ("illinois-video-interview", ["HB 3773", "Face geometry"]),
        ("colorado-2027", ["Attorney General"]),
    ],
)
def test_statements_from_memory_are_among_the_unverified(name: str, words: list[str]) -> None:
    listed = read_plan(name).to_dict()["unverified"]
    for one in words:
        assert any(one in sentence for sentence in listed), one


def test_unknown_words_are_no_declared_category(plan: AuditPlan) -> None:
    declared = {category.casefold() for known in plan.categories.values() for category in known}
    assert not declared & {word.casefold() for word in plan.unknown}
    assert "prefer not to say" in plan.unknown
    assert all(word == word.casefold() for word in plan.unknown)


def test_small_cells_are_not_published(plan: AuditPlan) -> None:
    sizes = plan.sizes
    assert (sizes.warn, sizes.benchmark) == (30, 5 if plan.name == "nyc-local-law-144" else 10)
    if plan.name == "nyc-local-law-144":  # 6 RCNY 5-301, 5-303: all categories, but for the 2 %
        assert (sizes.share, sizes.ratio, sizes.suppress) == (0.02, 1, 0)
    else:
        assert (sizes.share, sizes.ratio) == (0.0, 10)
        assert sizes.suppress == (10 if plan.name == "france" else 5)


def test_published_summaries_need_something_and_every_reason_is_given(plan: AuditPlan) -> None:
    assert plan.missing_for_publication({})
    assert all(len(requirement.why) > 10 for requirement in plan.requirements)


# --- each plan by its rule ------------------------------------------------------------------------------------------


def test_new_york_is_never_said_to_be_passed() -> None:
    plan = read_plan("nyc-local-law-144")
    said = "\n".join(line for line in everything_in(plan).splitlines() if not line.startswith("#"))
    assert not re.search(
        r"\bpass(ed|es|ing)?\b|\bcomplian(t|ce)\b|\bcomplies with Local Law 144\.", said, re.IGNORECASE
    )
    assert plan.gates == ()
    assert plan.wording["line"] == "LL144 sets no threshold; the flag below is the federal four-fifths guideline"


def test_new_york_asks_for_sex_race_and_both_in_the_categories_of_eeo_1() -> None:
    plan = read_plan("nyc-local-law-144")
    assert plan.groupings == (("sex",), ("race",), ("sex", "race"))
    assert plan.rates == ("selection", "scoring")
    assert plan.categories["sex"] == ("Female", "Male")
    assert len(plan.categories["race"]) == 7
    assert plan.aliases["race"][0] == "ethnicity"


def test_new_york_publishes_nothing_without_its_facts() -> None:
    plan = read_plan("nyc-local-law-144")
    about = {
        "audit_date": "2026-11-01",
        "distribution_date": "2026-12-01",
        "data_source": "applicants of 2025",
        "data_kind": "historical",
        "auditor": "somebody else",
        "tool": "ranker 3.1",
    }
    assert plan.missing_for_publication(about) == ()
    for field in about:
        rest = {name: said for name, said in about.items() if name != field}
        assert [one.field for one in plan.missing_for_publication(rest)] == [field]
    lacking = plan.missing_for_publication({**about, "data_kind": "test"})
    assert [one.field for one in lacking] == ["test_data_reason", "test_data_made"]
    assert [one.field for one in plan.missing_for_publication(about, computed=["excluded"])] == ["excluded_reason"]


def test_four_fifths_has_its_line_for_every_grouping_and_its_present_status() -> None:
    plan = read_plan("four-fifths")
    (gate,) = plan.gates
    assert (gate.check, gate.limit, gate.grouping) == ("impact-ratio", 0.8, None)
    assert plan.groupings == ()
    assert plan.depth == 1
    for words in ("3046-AB43", "final-rule stage", "14281"):
        assert words in plan.status


def test_illinois_reports_from_december_to_november() -> None:
    plan = read_plan("illinois-video-interview")
    before, after = (reporting_window(plan, date(2025, 11, 30)), reporting_window(plan, date(2025, 12, 1)))
    assert before == (date(2024, 12, 1), date(2025, 11, 30))
    assert after == (date(2025, 12, 1), date(2026, 11, 30))
    assert plan.window is not None
    assert before[1] + timedelta(plan.window.due) == date(2025, 12, 31)
    assert plan.groupings == (("race",),)
    stages = next(one for one in plan.requirements if one.field == "stage")
    assert stages.choices == ("in-person interview", "hired")


def test_the_ai_act_wants_its_articles_ticked_off_and_the_special_categories_explained() -> None:
    plan = read_plan("eu-ai-act")
    articles = " ".join(item.article for item in plan.checklist)
    for article in ("9", "10(2)(f)", "10(5)", "11", "12", "13(3)(b)", "14", "15", "5(1)(f)", "5(1)(g)"):
        assert article in articles
    assert {risk.kind for risk in plan.risks} == {"systemic", "statistical", "human"}
    assert any("recruiter's past decision" in risk.risk for risk in plan.risks)
    assert {"demographic parity", "equalized odds", "predictive equality"} <= {name.theirs for name in plan.names}
    assert all("unverified" in name.source for name in plan.names)
    special = {"special_reason", "special_access", "special_pseudonymised", "special_deleted"}
    fields = {one.field for one in plan.missing({}, attributes=["race"])}
    assert special <= fields
    assert not special & {one.field for one in plan.missing({}, attributes=["sex", "age_band"])}
    assert "2 December 2027" in plan.status


def test_france_brings_no_list_of_races() -> None:
    plan = read_plan("france")
    assert plan.groupings == ()
    assert plan.categories == {}
    assert not any(word in everything_in(plan) for word in ("African", "Caucasian", "Latino"))
    assert plan.legal_basis is not None
    assert "2007-557 DC" in plan.legal_basis.why


def test_california_has_its_six_headings() -> None:
    titles = [heading.title for heading in read_plan("california").headings]
    assert titles == ["Quality", "Efficacy", "Recency", "Scope", "Results", "Response"]


def test_every_fact_under_a_heading_is_asked_for(plan: AuditPlan) -> None:
    asked = {requirement.field for requirement in plan.requirements}
    assert {fact for heading in plan.headings for fact in heading.facts} <= asked


def test_colorado_carries_a_version_and_a_change_log() -> None:
    plan = read_plan("colorado-2027")
    assert {"version_id", "changes"} <= {one.field for one in plan.missing_for_publication({})}
    assert "1 January 2027" in plan.status


def test_leakage_has_gates_that_are_not_law() -> None:
    plan = read_plan("leakage")
    assert [(gate.check, gate.limit) for gate in plan.gates] == [
        ("leakage", 0.6), ("leakage", 0.6), ("leakage-increase", 0.0), ("face-retrieval", 2.0)
    ]  # fmt: skip
    assert plan.sections == ("leakage",)
    assert "not law" in plan.status
    assert "not law" in plan.wording["gate"]


def test_full_asks_for_everything_and_decides_nothing() -> None:
    plan = read_plan("full")
    assert set(plan.sections) == set(SECTIONS)
    assert plan.depth == 2
    assert plan.gates == ()


def test_the_page_about_plans_has_a_section_for_each_and_marks_what_is_unverified(plan: AuditPlan) -> None:
    page = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {plan.name}\n")[1].split("\n## ")[0]
    assert ("**Unverified:**" in section) is bool(plan.unverified)
    assert section.split("**Unverified:**")[-1].count(";") == max(0, len(plan.unverified) - 1) or not plan.unverified
