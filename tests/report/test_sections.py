"""Sections: each says what the record holds, nothing where the record holds nothing, and never more than it holds."""

from collections.abc import Iterator
from typing import Any

import audit_records
import pytest

from fairhire.auditing.gate import Policy, overall
from fairhire.auditing.plan import Gate
from fairhire.report.cells import Badge, spell
from fairhire.report.compose import compose
from fairhire.report.document import Bullets, Cards, Heading, Notice, Picture, Table, Terms
from fairhire.report.sections import SECTIONS

OPTIONAL = {
    "warnings": "warnings",
    "groups": "groups",
    "positions": "groups",
    "unknown": "groups",
    "outcomes": "outcomes",
    "labels": "labels",
    "calibration": "calibration",
    "scores": "scores",
    "thresholds": "thresholds",
    "leakage": "leakage",
}


@pytest.fixture(scope="module")
def clean() -> dict[str, Any]:
    return audit_records.clean_record()


@pytest.fixture(scope="module")
def undecided() -> dict[str, Any]:
    return audit_records.undecided_record()


def said(*blocks: Any) -> Iterator[str]:
    """Yield every word of some blocks."""
    for block in blocks:
        match block:
            case Table(caption, header, rows, note):
                yield from (caption, *header, note)
                yield from (spell(cell) for row in rows for cell in row)
            case Picture(_, title, alt, caption):
                yield from (title, alt, caption)
            case Cards(cards):
                yield from (item for card in cards for item in card.items)
            case Bullets(items):
                yield from items
            case Terms(terms):
                yield from (words for term in terms for words in term)
            case _:
                yield block.words


def text(record: dict[str, Any], *names: str) -> str:
    return "\n".join(said(*(block for name in names for block in SECTIONS[name](record))))


def cell(record: dict[str, Any], section: str, row: str, column: str) -> str:
    """Return the cell of the first table of a section that has this column and a row of this name."""
    for block in SECTIONS[section](record):
        if isinstance(block, Table) and column in block.header:
            for cells in block.rows:
                if spell(cells[0]) == row:
                    return spell(cells[block.header.index(column)])
    raise AssertionError((section, row, column))


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("make", [audit_records.clean_record, audit_records.undecided_record])
def test_a_section_says_something_under_its_heading_or_nothing_at_all(name: str, make: Any) -> None:
    blocks = SECTIONS[name](make())
    assert name == "opening" or not blocks or isinstance(blocks[0], Heading)
    assert len(blocks) != 1
    assert not isinstance(blocks[-1] if blocks else None, Heading)


@pytest.mark.parametrize(("section", "part"), OPTIONAL.items())
def test_what_the_record_does_not_hold_leaves_no_heading(clean: dict[str, Any], section: str, part: str) -> None:
    assert SECTIONS[section](clean | {"warnings": [{"code": "a", "words": "b"}]})
    assert SECTIONS[section](clean | {part: []}) == ()


def test_tables_and_figures_are_numbered_in_order(clean: dict[str, Any]) -> None:
    blocks = compose(clean).blocks
    pictures = [block.title for block in blocks if isinstance(block, Picture)]
    tables = [block.caption for block in blocks if isinstance(block, Table)]
    assert [title.split(".")[0] for title in pictures] == [f"Figure {n + 1}" for n in range(len(pictures))]
    assert [title.split(".")[0] for title in tables] == [f"Table {n + 1}" for n in range(len(tables))]


# --- the first page -------------------------------------------------------------------------------------------------


def test_the_headline_of_a_clean_audit(clean: dict[str, Any]) -> None:
    assert compose(clean).headline == (
        "The gates of the plan passed. All 15 group comparisons (in 3 tables) are clear of four fifths."
    )


def test_the_headline_of_a_small_audit_is_no_pass(undecided: dict[str, Any]) -> None:
    headline = compose(undecided).headline
    assert headline.startswith("The gates of the plan are undecided. 1 of 1 group comparison is UNDECIDED")
    assert "clear" not in headline


def test_the_headline_of_an_unequal_audit() -> None:
    record = audit_records.base("t")
    record["groups"] = [audit_records.group_table(("sex",), {("F",): (1000, 300), ("M",): (1000, 600)})]
    assert compose(record).headline == "1 of 1 group comparison lies below four fifths."
    record["gate"]["verdict"] = "failed"
    assert compose(record).headline.startswith("A gate of the plan failed. ")


def test_the_headline_where_nothing_could_be_compared() -> None:
    record = audit_records.base("t")
    assert "No groups were compared" in compose(record).headline
    record["groups"] = [audit_records.group_table(("sex",), {("F",): (1000, 300)})]
    assert "No ratio could be computed" in compose(record).headline


def test_the_first_page_answers_four_questions(clean: dict[str, Any]) -> None:
    (cards,) = (block for block in SECTIONS["opening"](clean) if isinstance(block, Cards))
    headings = [card.heading for card in cards.cards]
    assert headings == ["What we found", "How sure", "What it does not show", "What to do next"]
    assert all(card.items for card in cards.cards)


def test_the_first_page_names_groups_counts_ratios_and_readings(undecided: dict[str, Any]) -> None:
    page = text(undecided, "opening")
    assert "“Male” (16 of 40, 40.0\u202f%)" in page
    assert "“Female”: 9 of 28 (32.1\u202f%), 0.804 [0.416, 1.553] times as often: UNDECIDED" in page
    assert "could only have detected a ratio of 0.410 or worse" in page
    assert "“Nonbinary” (n = 3; fewer than 10 people)" in page
    assert "9 by sex" in page
    assert "rows of people who are not in the people table (5: no match)" in page
    assert "Warning: The plan's status is more than a year old" in page
    assert "Positions matter for “Female”" in page
    assert "distribution date, data source and auditor" in page
    assert "Do not read UNDECIDED as a pass" in page
    assert "unsigned unless a .sig file beside it verifies" in page


def test_a_record_without_gates_says_so(clean: dict[str, Any]) -> None:
    record = clean | {"gate": {"verdict": "none", "written": None, "note": ""}, "findings": []}
    assert "The plan has no gate. Nothing in this document is a pass or a fail." in text(record, "opening")
    assert "no gate" in text(record, "gates")
    assert "no gate" not in text(clean, "opening", "gates")


def test_the_plan_s_own_words_are_printed(clean: dict[str, Any]) -> None:
    wording = {name: f"These are the words of {name}." for name in ("line", "note", "limits", "next", "gate")}
    record = clean | {"plan": clean["plan"] | {"wording": wording}}
    record["gate"] = {"verdict": "none", "written": None, "note": ""}
    assert all(words in text(record, "opening") for words in wording.values())
    assert all(words in text(record, "plan") for words in wording.values())


@pytest.mark.parametrize("make", [audit_records.clean_record, audit_records.undecided_record])
def test_no_rule_is_ever_said_to_be_passed(make: Any) -> None:
    record = make()
    record["plan"]["name"], record["plan"]["title"] = "nyc-local-law-144", "LL144"
    everything = "\n".join(said(*compose(record).blocks)).lower()
    assert "ll144 pass" not in everything
    assert "compliant" not in everything


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("indicated", "adverse impact indicated"),
        ("below-few", "below four fifths, but small numbers: may not be adverse impact; see the flip test"),
        ("above-different", "may still be adverse impact"),
        ("none-indicated", "none indicated; this audit could have detected a ratio of 0.900 or worse"),
    ],
)
def test_the_verdicts_are_said_in_the_words_of_the_rule(clean: dict[str, Any], verdict: str, words: str) -> None:
    record = audit_records.clean_record()
    record["groups"][0]["rows"][0]["verdict"] = verdict
    assert words in text(record, "opening")


def test_none_indicated_is_not_said_alone_where_the_interval_holds_the_line(undecided: dict[str, Any]) -> None:
    assert "none indicated, yet UNDECIDED: this audit could have detected only a ratio of 0.410" in text(
        undecided, "opening"
    )


# --- the tables -----------------------------------------------------------------------------------------------------


def test_a_group_s_row_holds_every_figure(clean: dict[str, Any]) -> None:
    found = {
        column: cell(clean, "groups", "Female", column)
        for column in ("n", "share", "selected", "rate", "impact ratio", "below 4/5, exactly", "reading", "interval",
                       "p", "p, Holm", "p, B-H", "shortfall", "flip test", "detectable ratio")
    }  # fmt: skip
    assert found["n"] == "29\u202f000"
    assert found["share"] == "48.3\u202f%"
    assert found["rate"] == "49.8\u202f% [49.3, 50.4]"
    assert found["impact ratio"] == "0.990 [0.974, 1.006]"
    assert found["below 4/5, exactly"] == "not below"
    assert found["reading"] == "clear"
    assert found["interval"] == "katz"
    assert (found["p"], found["p, Holm"], found["p, B-H"]) == ("0.2266", "0.4533", "0.3400")
    assert found["shortfall"] == "0"
    assert found["flip test"] == "0.990, holds"
    assert found["detectable ratio"] == "0.900"


def test_unknown_people_are_counted_and_never_have_a_ratio(clean: dict[str, Any]) -> None:
    assert cell(clean, "groups", "unknown", "n") == "1\u202f200"
    assert cell(clean, "groups", "unknown", "impact ratio") == "–"


def test_groups_without_a_ratio_have_a_reason(undecided: dict[str, Any]) -> None:
    assert cell(undecided, "groups", "Nonbinary", "impact ratio") == "–"
    assert cell(undecided, "groups", "Nonbinary", "why") == "fewer than 10 people"


def test_what_is_undefined_shows_its_reason(clean: dict[str, Any]) -> None:
    assert cell(clean, "outcomes", "Male", "true positive") == "undefined: nobody with label 1 (n = 400)"
    assert "undefined" in cell(clean, "outcomes", "equalised odds", "difference")


def test_the_alarm_is_raised_where_the_record_raises_it(clean: dict[str, Any], undecided: dict[str, Any]) -> None:
    assert any(isinstance(block, Notice) for block in SECTIONS["positions"](undecided))
    assert not any(isinstance(block, Notice) for block in SECTIONS["positions"](clean))
    assert cell(undecided, "positions", "Nobody", "ratio within").startswith("undefined: no position has both groups")


def test_bounds_and_tipping_points_are_told(undecided: dict[str, Any]) -> None:
    assert cell(undecided, "unknown", "Female", "tipping point") == "6"
    assert cell(undecided, "unknown", "Female", "tipping, in the group") == "7"
    assert cell(undecided, "unknown", "Female", "lowest possible") == "0.723"


def test_the_deployed_cut_is_among_the_thresholds_in_numbers(clean: dict[str, Any]) -> None:
    (table,) = (block for block in SECTIONS["thresholds"](clean) if isinstance(block, Table))
    assert "0.500" in [spell(row[1]) for row in table.rows]


def test_leakage_names_the_audited_model_first_and_its_baseline_beside(clean: dict[str, Any]) -> None:
    (picture,) = (block for block in SECTIONS["leakage"](clean) if isinstance(block, Picture))
    assert picture.drawing.legend == (("audited", "defended"), ("baseline", "undefended"))
    assert "0.530 [0.510, 0.550]" in picture.alt
    assert cell(clean, "leakage", "sex", "difference") == "−0.280 [−0.310, −0.250]"


@pytest.mark.parametrize("verdict", ["passed", "failed", "undecided", "not computable"])
def test_gates_show_their_verdict_and_undecided_has_its_own(undecided: dict[str, Any], verdict: str) -> None:
    record = undecided | {"findings": [undecided["findings"][0] | {"verdict": verdict}]}
    (table,) = (block for block in SECTIONS["gates"](record) if isinstance(block, Table))
    badge = table.rows[0][table.header.index("verdict")]
    assert isinstance(badge, Badge)
    assert badge.words.lower() == verdict
    assert (badge.tone == "clear") == (verdict == "passed")


def test_provenance_names_every_hash(clean: dict[str, Any]) -> None:
    told = text(clean, "provenance")
    for sha in ("34" * 32, "12" * 32, "78" * 32, "9a" * 32, "ab" * 32, "56" * 20):
        assert sha in told
    assert "unsigned unless a .sig file beside it verifies" in told


def test_unverified_statements_and_the_checklist_are_printed(clean: dict[str, Any]) -> None:
    told = text(clean, "plan")
    assert "Unverified: The guideline's 2 % is of the workforce" in told
    assert "9(8)" in told


def test_what_was_left_out_merged_and_not_said_is_counted(clean: dict[str, Any], undecided: dict[str, Any]) -> None:
    assert cell(clean, "left_out", "rows without a decision", "n") == "100"
    assert "'Male '" in text(clean, "left_out")
    assert cell(undecided, "left_out", "distribution date", "why").startswith("6 RCNY 5-303")


def test_a_grouping_of_many_categories_is_cut_and_says_so() -> None:
    record = audit_records.base("t")
    many = {(f"g{place}",): (1000, 500 - place % 90) for place in range(400)}
    record["groups"] = [audit_records.group_table(("school",), many, least=0.0)]
    blocks = SECTIONS["groups"](record)
    (picture,) = (block for block in blocks if isinstance(block, Picture))
    assert "The 30 lowest of 399 are drawn." in picture.caption
    first = next(block for block in blocks if isinstance(block, Table))
    assert len(first.rows) == 300
    assert first.note.startswith("100 more groups in groups.csv and AUDIT.json")


def test_checks_without_a_gate_stand_apart(clean: dict[str, Any]) -> None:
    assert SECTIONS["checks"](clean) == ()
    free = [clean["findings"][0] | {"gate": False, "words": "", "verdict": "below"}]
    record = clean | {"findings": [*clean["findings"], *free]}
    (table,) = (block for block in SECTIONS["checks"](record) if isinstance(block, Table))
    assert len(table.rows) == 1
    assert "in words" not in table.header  # nothing was said


# --- what must not pass in silence ----------------------------------------------------------------------------------


def judged(record: dict[str, Any], *gates: Gate) -> dict[str, Any]:
    findings = list(Policy(gates).judge(record))
    return record | {"findings": findings, "gate": record["gate"] | {"verdict": overall(findings)}}


def test_a_group_too_small_to_be_judged_stands_in_the_headline_with_its_counts() -> None:
    record = audit_records.base("t")
    sizes = {("F",): (10000, 9000), ("M",): (10000, 9600), ("D",): (9000, 9000), ("X",): (9, 0)}
    record["groups"] = [audit_records.group_table(("sex",), sizes, least=0.0)]
    record = judged(record, Gate("impact-ratio", 0.8))
    words = "passed for 2 comparisons; 1 group too small to be judged: “X” (0 of 9)"
    assert compose(record).headline.startswith(f"The gates of the plan {words}. ")
    assert words in text(record, "gates")
    assert words in text(record, "opening")
    assert cell(record, "gates", "impact ratio", "verdict") == "passed"
    badges = [spell(row[4]) for block in SECTIONS["gates"](record) if isinstance(block, Table) for row in block.rows]
    assert badges == ["passed", "passed", "not judged"]
    del record["groups"][0]["rows"][-1]
    assert compose(judged(record, Gate("impact-ratio", 0.8))).headline.startswith("The gates of the plan passed. ")


def test_a_grouping_that_could_not_be_audited_is_named_on_the_first_page_and_with_the_gates() -> None:
    record = audit_records.clean_record()
    words = "Asked for by the plan, and not audited: race × disability (no column disability)."
    assert words not in text(record, "opening", "gates")
    record["not_audited"] = [{"grouping": ["race", "disability"], "why": "no column disability"}]
    assert words in text(record, "opening")
    assert words in text(record, "gates")
    assert compose(judged(record, Gate("impact-ratio", 0.8))).headline.startswith("The gates of the plan are undecided")


def test_a_group_of_a_higher_rate_than_the_benchmark_is_named(clean: dict[str, Any]) -> None:
    words = "Not the benchmark, though of a higher rate: “Two or more races” (fewer than 10 people)."
    assert words not in text(clean, "opening", "groups")
    record = audit_records.clean_record()
    record["groups"][1]["passed_over"] = [{"category": ["Two or more races"], "why": "fewer than 10 people"}]
    assert words in text(record, "opening")
    assert words in text(record, "groups")


def test_small_numbers_are_marked_in_the_table_and_on_the_first_page(undecided: dict[str, Any]) -> None:
    assert cell(undecided, "groups", "Female", "n") == "28 (small)"
    assert cell(undecided, "groups", "Male", "n") == "40"
    assert "Small: fewer people than the plan takes for enough" in text(undecided, "groups")
    page = text(undecided, "opening")
    assert "Small numbers: “Female”." in page
    assert "or worse; small numbers" in page
    record = audit_records.undecided_record()
    for row in record["groups"][0]["rows"]:
        row["few"] = False
    assert "mall numbers" not in text(record, "opening")
    assert "(small)" not in text(record, "groups")


def test_the_fewest_unknown_people_who_could_turn_a_reading_are_told_on_the_first_page(
    clean: dict[str, Any], undecided: dict[str, Any]
) -> None:
    words = "6 people of the 9 of unknown sex could bring “Female” below four fifths."
    assert words in text(undecided, "opening")
    assert "could bring" not in text(clean, "opening")


def test_an_audit_of_counts_does_not_speak_of_rows(undecided: dict[str, Any]) -> None:
    told = text(undecided | {"rows": None}, "opening")
    assert "Only counts were given" in told
    assert "rows (" not in told
    assert "Only counts" not in text(undecided, "opening")
    assert "rows read" not in text(undecided | {"rows": None}, "provenance")


def test_every_method_of_an_interval_that_occurs_is_explained_once(clean: dict[str, Any]) -> None:
    told = text(clean, "glossary")
    assert told.count("Interval “katz”") == 1
    assert "at least 100 selected and 100 not selected in both groups" in told
    assert "clopper-pearson" not in told


def test_breslow_and_day_test_odds_ratios(clean: dict[str, Any]) -> None:
    assert "the odds ratio is the same in all positions (Breslow-Day)" in text(clean, "positions")


def test_leakage_of_many_targets_is_cut_the_highest_kept_and_says_so(clean: dict[str, Any]) -> None:
    row = clean["leakage"][0]
    more = {"estimate": audit_records.estimate(0.5, 0.01)}
    rows = [
        row | more | {"target": f"race=G{target:02}", "probe": probe}
        for target in range(30)
        for probe in ("linear", "mlp", "kernel")
    ]
    rows[88] = row | {"target": "race=G29", "probe": "mlp", "estimate": audit_records.estimate(0.9, 0.01)}
    rows[80] = row | {"target": "race=G26", "probe": "kernel", "estimate": audit_records.estimate(0.8, 0.01)}
    record = clean | {"leakage": rows, "leakage_against": []}
    picture, table = (block for block in SECTIONS["leakage"](record) if isinstance(block, (Picture, Table)))
    assert isinstance(picture, Picture)
    assert isinstance(table, Table)
    assert [line.label for line in picture.drawing.panels[0].rows][:2] == ["race=G29, mlp", "race=G26, kernel"]
    assert len(picture.drawing.panels[0].rows) == 16
    assert "74 lower ones not" in picture.caption
    assert len(table.rows) == 60
    assert "30 more rows in AUDIT.json" in table.note
    assert {"race=G29", "race=G26"} <= {spell(cells[0]) for cells in table.rows}
    page = text(record, "opening")
    assert "a fresh probe reads race=G29 (AUC 0.900 [0.890, 0.910]) and race=G26 (AUC 0.800" in page


def test_many_gates_that_passed_are_counted_and_what_did_not_pass_is_always_listed(clean: dict[str, Any]) -> None:
    passed, failed = clean["findings"][0], clean["findings"][0] | {"verdict": "failed"}
    record = clean | {"findings": [*[dict(passed) for _ in range(70)], failed]}
    (table,) = (block for block in SECTIONS["gates"](record) if isinstance(block, Table))
    assert [spell(row[4]) for row in table.rows] == ["passed"] * 39 + ["failed"]
    assert table.note == "31 more findings passed: see AUDIT.json."
