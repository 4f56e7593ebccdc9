"""JUnit: what did not pass never looks as if it had, whatever the groups are called."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.atomic import canonical_json
from fairhire.errors import DataError
from fairhire.report.junit import junit

Part = dict[str, Any]


def finding(verdict: str, category: list[str] | None = None, **more: Any) -> Part:
    return {
        "check": "impact-ratio",
        "grouping": ["sex"],
        "rate": "selection",
        "category": category,
        "measurement": {"undefined": "made up", "n": 0},
        "limit": 0.8,
        "verdict": verdict,
        "gate": True,
        "words": f"sex: made up, {verdict}.",
    } | more


def record(*findings: Part, **more: Any) -> Part:
    plan = {"name": "four-fifths", "version": "1", "sha256": "ab" * 32}
    base = {"title": "Audit of scores.csv", "plan": plan, "gate": {"verdict": "failed"}, "findings": list(findings)}
    return base | more


def parse(record: Part) -> ElementTree.Element:
    return ElementTree.fromstring(junit(record).encode())


def test_every_verdict_is_what_a_build_server_makes_of_it() -> None:
    verdicts = ("passed", "failed", "undecided", "not computable", "not judged", "something new")
    root = parse(record(*(finding(verdict, [verdict]) for verdict in verdicts)))
    cases = {str(case.get("name")): case for case in root.iter("testcase")}
    kinds = {name: [child.tag for child in case if child.tag != "system-out"] for name, case in cases.items()}
    assert kinds == {
        "impact-ratio (selection) passed": [],
        "impact-ratio (selection) failed": ["failure"],
        "impact-ratio (selection) undecided": ["error"],
        "impact-ratio (selection) not computable": ["error"],
        "impact-ratio (selection) not judged": ["skipped"],
        "impact-ratio (selection) something new": ["error"],
    }
    for place in (root, root[0]):
        counts = {name: place.get(name) for name in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": "6", "failures": "1", "errors": "3", "skipped": "1"}
    (error,) = cases["impact-ratio (selection) undecided"].iter("error")
    assert (error.get("type"), error.get("message"), error.text) == (
        *("undecided", "sex: made up, undecided.", "sex: made up, undecided."),
    )
    (skipped,) = cases["impact-ratio (selection) not judged"].iter("skipped")
    assert skipped.get("message") == "sex: made up, not judged."
    (out,) = cases["impact-ratio (selection) passed"].iter("system-out")
    assert out.text == "sex: made up, passed."


def test_there_is_a_suite_a_grouping_with_where_it_comes_from() -> None:
    found = record(
        finding("passed", ["F"]),
        finding("passed", ["F", "Asian"], grouping=["sex", "race"]),
        finding("passed", ["score", "sex=F", "mlp"], grouping=None, rate=None, check="leakage"),
        finding("not computable", None, grouping=None, rate=None, check="amplification"),
        finding("failed", ["M"]),
        finding("failed", ["never"], gate=False),
    )
    root = parse(found)
    assert [(suite.get("name"), len(suite.findall("testcase"))) for suite in root] == [
        *(("sex", 2), ("sex x race", 1), ("leakage", 1), ("audit", 1)),
    ]
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert names[2] == ("four-fifths.sex x race", "impact-ratio (selection) F x Asian")
    assert names[3] == ("four-fifths.leakage", "leakage score x sex=F x mlp")
    for suite in root:
        said = {str(one.get("name")): one.get("value") for one in suite.iter("property")}
        assert said == {
            "plan": "four-fifths",
            "plan_version": "1",
            "plan_sha256": "ab" * 32,
            "record_sha256": sha256(canonical_json(found).encode()).hexdigest(),
            "gate": "failed",
        }


def test_an_audit_without_gates_has_one_test_that_was_skipped_not_passed() -> None:
    root = parse(record(finding("passed", ["F"], gate=False), gate={"verdict": "none"}))
    counts = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "1", "failures": "0", "errors": "0", "skipped": "1"}
    (case,) = root.iter("testcase")
    assert case[0].tag == "skipped"


def test_two_gates_on_the_same_thing_are_told_apart() -> None:
    root = parse(record(finding("passed", ["F"]), finding("failed", ["F"], limit=0.9)))
    names = [case.get("name") for case in root.iter("testcase")]
    assert names == ["impact-ratio (selection) F", "impact-ratio (selection) F (2)"]


def test_the_same_record_gives_the_same_bytes_and_no_clock() -> None:
    found = record(finding("passed", ["F"]), finding("failed", ["M"]))
    assert junit(found) == junit(found)
    assert "timestamp" not in junit(found)
    assert junit(found).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')


HOSTILE = '</testcase><script>alert("1")</script><!-- ]]> & \x00\x1b[31m \u202e \n=cmd'


def test_a_hostile_name_stays_a_name() -> None:
    found = record(finding("failed", [HOSTILE], words=HOSTILE))
    text = junit(found)
    assert not set(text) & {"\x00", "\x1b", "\u202e"}
    root = ElementTree.fromstring(text.encode())
    assert [element.tag for element in root.iter()].count("testcase") == 1
    assert not list(root.iter("script"))
    (case,) = root.iter("testcase")
    assert str(case.get("name")).endswith('</testcase><script>alert("1")</script><!-- ]]> & [31m =cmd')


anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(st.lists(st.tuples(anything, anything, st.sampled_from(["passed", "failed", "undecided"])), max_size=4))
def test_no_name_breaks_the_document(parts: list[tuple[str, str, str]]) -> None:
    found = record(*(finding(verdict, [name], words=words) for name, words, verdict in parts))
    root = parse(found)
    assert len(list(root.iter("testcase"))) == max(1, len(parts))
    assert len(list(root.iter("failure"))) == sum(verdict == "failed" for *_, verdict in parts)
    assert len(list(root.iter("error"))) == sum(verdict == "undecided" for *_, verdict in parts)


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(DataError, match=r"docs/audit-record\.md"):
        junit({"title": "x"})
    with pytest.raises(DataError, match=r"docs/audit-record\.md"):
        junit(record({"gate": True}))
    with pytest.raises(DataError, match="half of a surrogate pair"):
        junit(record(finding("failed", ["\ud800"])))
