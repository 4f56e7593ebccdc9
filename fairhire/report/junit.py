"""Writes the gates of an audit as JUnit XML, which every build server can show as tests.

A finding that passed is a passing test, one that failed a failure. Undecided and not computable are *errors*: a server
shows them in red beside the failures and never counts them as passed. A group too small to be judged is a skipped
test, and an audit without gates has one of these alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fairhire.atomic import canonical_json
from fairhire.errors import DataError

__all__ = ["junit"]

Record = Mapping[str, Any]

# What XML 1.0 cannot hold, and marks that turn the direction of writing around to make a name look like another.
_UNFIT = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def junit(record: Record) -> str:
    """Return the JUnit XML of the gates' findings in ``record`` (AUDIT.json as a dictionary): a suite a grouping.

    The properties name the plan, its SHA-256 and that of the record's canonical bytes. There is no clock in it: the
    same record gives the same bytes. Raises :class:`DataError` for a record that is not as docs/audit-record.md says.
    """
    try:
        return _write(record)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the record: expected it as docs/audit-record.md describes it, got {error!r}") from error


def _write(record: Record) -> str:
    plan = record["plan"]
    suites: dict[str, list[Record]] = {}
    for finding in record["findings"]:
        if finding["gate"]:
            suites.setdefault(_suite(finding), []).append(finding)
    root = Element("testsuites", name=_fit(record["title"]))
    properties = {
        "plan": plan["name"],
        "plan_version": plan["version"],
        "plan_sha256": plan["sha256"],
        "record_sha256": sha256(canonical_json(record).encode()).hexdigest(),
        "gate": record["gate"]["verdict"],
    }
    for name, findings in suites.items():
        suite = _add_suite(root, name, properties, findings)
        seen: dict[str, int] = {}
        for finding in findings:
            _add_case(suite, finding, classname=f"{plan['name']}.{name}", seen=seen)
    if not suites:
        suite = _add_suite(root, "gate", properties, ())
        suite.attrib |= {"tests": "1", "skipped": "1"}
        case = SubElement(suite, "testcase", classname=_fit(f"{plan['name']}.gate"), name="gates", time="0")
        SubElement(case, "skipped", message="The plan declares no gate: nothing was passed or failed.")
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.attrib[count]) for suite in root)))
    root.set("time", "0")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add_suite(root: Element, name: str, properties: Mapping[str, Any], findings: list[Record] | tuple[()]) -> Element:
    failures, passed, skipped = (
        sum(finding["verdict"] == verdict for finding in findings) for verdict in ("failed", "passed", "not judged")
    )
    suite = SubElement(
        root,
        "testsuite",
        name=_fit(name),
        tests=str(len(findings)),
        failures=str(failures),
        errors=str(len(findings) - failures - passed - skipped),
        skipped=str(skipped),
        time="0",
    )
    listed = SubElement(suite, "properties")
    for key, value in properties.items():
        SubElement(listed, "property", name=key, value=_fit("" if value is None else str(value)))
    return suite


def _add_case(suite: Element, finding: Record, *, classname: str, seen: dict[str, int]) -> None:
    name = _case(finding)
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:  # two gates on the same thing
        name = f"{name} ({seen[name]})"
    case = SubElement(suite, "testcase", classname=_fit(classname), name=_fit(name), time="0")
    verdict, words = finding["verdict"], _fit(finding["words"])
    if verdict == "passed":
        SubElement(case, "system-out").text = words
    elif verdict == "not judged":
        SubElement(case, "skipped", message=words)
    else:
        tag = "failure" if verdict == "failed" else "error"
        SubElement(case, tag, type=_fit(verdict), message=words).text = words


def _suite(finding: Record) -> str:
    return " x ".join(finding["grouping"]) if finding["grouping"] else "leakage" if finding["category"] else "audit"


def _case(finding: Record) -> str:
    category = " x ".join(finding["category"] or ())
    rate = finding.get("rate")
    return " ".join(part for part in (finding["check"], f"({rate})" if rate else "", category) if part)


def _fit(text: str) -> str:
    """Return a text on one line that XML can hold; ElementTree does the escaping."""
    return " ".join(_UNFIT.sub("", text).split())
