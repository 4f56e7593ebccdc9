"""Holds an audit against limits that were declared beforehand: passed, failed, or undecided, which is neither.

One policy serves the command line and Python alike. A limit is held against the whole interval, never against the
point: inside it is passed, outside failed, across the limit *undecided at this sample size*. What does not exist, a
grouping that the plan asked for and that could not be audited, and a gate that finds nothing to judge, are *not
computable*; a group too small to be compared is *not judged* and named. Only what was judged can pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from fairhire.auditing.plan import Gate
from fairhire.errors import DataError

__all__ = ["CHECKS", "Check", "Finding", "Policy", "audited_leakage", "overall"]

Record = Mapping[str, Any]
Finding = dict[str, Any]
"""One judgement, as in AUDIT.json: check, grouping, rate, category, measurement, limit, verdict, gate, words.

For checks of leakage the category is [source, target, probe] and there is no grouping.
"""

Check = Callable[[Record, Gate], Iterator[Finding]]

_AT_LEAST = frozenset({"impact-ratio", "amplification"})
_AUC = "auc"
_RETRIEVAL = "recall@10"
_GRAVITY = ("failed", "undecided", "not computable", "passed")
"""Verdicts, the gravest first: of several probes the first of these that occurs decides."""


@dataclass(frozen=True)
class Policy:
    """The gates of a plan and the day they were ``written``, None where that is not known."""

    gates: tuple[Gate, ...]
    written: date | None = None

    def judge(self, record: Record) -> tuple[Finding, ...]:
        """Return at least one finding a gate, from the record of an audit (AUDIT.json as a dictionary).

        Raises :class:`DataError` for a record that is not as docs/audit-record.md describes it.
        """
        try:
            return tuple(finding for gate in self.gates for finding in _findings(record, gate))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the record: expected it as docs/audit-record.md describes it, got {error!r}") from error

    def note(self, began: date | None) -> str:
        """Return in words whether the gates were written before what they judge ``began``: a limit set later is none.

        See audit-rules.md 4.3, article 9(8). ``began`` None: nobody said when.
        """
        if not self.gates:
            return "the plan has no gate: nothing was to be passed"
        if self.written is None:
            return "it is not known when the gates were written"
        if began is None:
            return f"the gates were written on {self.written}; whether before the decisions were made, nobody has said"
        if self.written < began:
            return f"the gates were written on {self.written}, before the run began on {began}"
        if self.written == began:
            return f"the gates were written on {began}, the day the run began: whether before or after it is not known"
        return (
            f"the gates were written on {self.written}, after the run began on {began}: its results may have been known"
        )


def overall(findings: Iterable[Mapping[str, Any]]) -> str:
    """Return ``failed``, ``undecided``, ``passed`` or ``none`` of all gates' findings; others are not looked at.

    One failure fails; without one, anything undecided or not computable is ``undecided``. Groups that were not judged
    change nothing, but nothing passes on them alone.
    """
    verdicts = {finding["verdict"] for finding in findings if finding["gate"]}
    if "failed" in verdicts:
        return "failed"
    if verdicts - {"passed", "not judged"}:
        return "undecided"
    if "passed" in verdicts:
        return "passed"
    return "undecided" if verdicts else "none"


def audited_leakage(record: Record) -> list[Record]:
    """Return the leakage rows of what was audited, without those of a baseline that stand beside them.

    They are those of the record's subject, or where its name is not among them, of the subject that stands first.
    """
    rows = list(record["leakage"])
    subjects = [row["subject"] for row in rows]
    audited = record["subject"] if record["subject"] in subjects else next(iter(subjects), None)
    return [row for row in rows if row["subject"] == audited]


def _findings(record: Record, gate: Gate) -> tuple[Finding, ...]:
    """Return the findings of one gate; where there is nothing to judge, that is the finding."""
    found = (*CHECKS[gate.check](record, gate), *_not_audited(record, gate))
    return found or (_nothing(gate, "the record has nothing that it could be held against"),)


def _not_audited(record: Record, gate: Gate) -> Iterator[Finding]:
    """Yield a finding for every grouping that the plan asked for, the gate is about, and nobody could audit."""
    if gate.check not in _OF_PROBES:
        for table in _tables(record.get("not_audited", ()), gate):
            why = f"{' x '.join(table['grouping'])} was asked for and not audited: {table['why']}"
            yield _nothing(gate, why, table=table)


# --- checks of groups -----------------------------------------------------------------------------------------------


def _impact_ratio(record: Record, gate: Gate) -> Iterator[Finding]:
    """Judge the ratios of selection rates; those of scoring rates only where there are no decisions.

    A guideline on selection is about who is selected; the median is no cut that anybody decides by.
    """
    decided = any(table["rate"] == "selection" for table in record["groups"])
    judged_rate = "selection" if decided else "scoring"
    for table in _tables([table for table in record["groups"] if table["rate"] == judged_rate], gate):
        counts = {tuple(row["category"]): row for row in table["rows"]}
        benchmark = None if table["benchmark"] is None else counts[tuple(table["benchmark"])]
        judged = [row for row in table["rows"] if row["included"] and row is not benchmark]
        small = [row for row in table["rows"] if row["n"] and not row["included"]]
        for row in judged:
            said = f"{_name(table['grouping'], row['category'])}: {_people(row, table['rate'])}"
            exact = None
            if benchmark is not None:
                said += f" against {_people(benchmark, table['rate'])} of {' x '.join(benchmark['category'])}"
                if benchmark["selected"]:
                    exact = Fraction(row["selected"] * benchmark["n"], row["n"] * benchmark["selected"])
            yield _judge(
                gate, row["impact_ratio"], f"{said}, impact ratio", table=table, category=row["category"], exact=exact
            )
        for row in small:
            said = f"{_name(table['grouping'], row['category'])}: {_people(row, table['rate'])}, too small to be judged"
            why = row["impact_ratio"]["undefined"]
            yield _finding(
                gate, f"{said} ({why})", "not judged", row["impact_ratio"], limit=gate.limit, table=table,
                category=row["category"],
            )  # fmt: skip
        if not judged:
            yield _nothing(
                gate,
                f"{' x '.join(table['grouping'])}: no group could be compared with another"
                + (f"; {len(small)} too small to be judged" if small else ""),
                table=table,
            )


def _difference(name: str, words: str) -> Check:
    def check(record: Record, gate: Gate) -> Iterator[Finding]:
        for table in _tables(record["outcomes"], gate):
            said = f"{' x '.join(table['grouping'])}: largest minus smallest {words} of all groups"
            yield _judge(gate, table["differences"][name], said, table=table)

    return check


def _calibration_error(record: Record, gate: Gate) -> Iterator[Finding]:
    for table in _tables(record["calibration"], gate):
        for row in table["rows"]:
            said = f"{_name(table['grouping'], row['category'])}: {row['n']} labelled rows, expected calibration error"
            yield _judge(gate, row["ece"], said, table=table, category=row["category"])


def _amplification(record: Record, gate: Gate) -> Iterator[Finding]:
    for table in _tables(record["labels"], gate):
        for row in table["rows"]:
            if row["category"] != table["benchmark"]:
                said = f"{_name(table['grouping'], row['category'])}: the model's impact ratio by that of the labels"
                yield _judge(gate, row["amplification"], said, table=table, category=row["category"])


def _unknown_share(record: Record, gate: Gate) -> Iterator[Finding]:
    for table in _tables(record["groups"], gate):
        unknown = table["unknown"]["n"]
        everybody = unknown + sum(row["n"] for row in table["rows"])
        grouping = " x ".join(table["grouping"])
        if not table["unknown"].get("stated", True):
            yield _nothing(
                gate, f"{grouping}: the counts do not say how many people are of unknown category", table=table
            )
            continue
        if not everybody:
            yield _nothing(gate, f"{grouping}: there are no rows", table=table)
            continue
        share = unknown / everybody
        level = record["plan"]["level"]
        measurement = {"value": share, "low": share, "high": share, "level": level, "n": everybody, "method": "count"}
        said = f"{grouping}: {unknown} of {everybody} rows have no known category, a share"
        yield _judge(gate, measurement, said, table=table, exact=Fraction(unknown, everybody))


# --- checks of leakage ----------------------------------------------------------------------------------------------


def _leakage(record: Record, gate: Gate) -> Iterator[Finding]:
    yield from _probed(audited_leakage(record), gate, "estimate", _AUC, "a fresh probe's AUC")


def _leakage_increase(record: Record, gate: Gate) -> Iterator[Finding]:
    words = "a fresh probe's AUC minus the baseline's on the same people"
    yield from _probed(record["leakage_against"], gate, "difference", _AUC, words)


def _face_retrieval(record: Record, gate: Gate) -> Iterator[Finding]:
    words = "share of faces found among the first ten"
    yield from _probed(audited_leakage(record), gate, "estimate", _RETRIEVAL, words)


def _probed(rows: Sequence[Record], gate: Gate, part: str, metric: str, words: str) -> Iterator[Finding]:
    """Yield one finding a source and target: every probe is judged, and the gravest verdict is that of all.

    A probe that could not be measured may be the one that reads most: without a failure or an undecided one the
    finding is then not computable, unless the gate names another probe. Among verdicts alike the interval that reaches
    highest speaks.
    """
    readings: dict[tuple[str, str], list[Record]] = {}
    for row in rows:
        if row["metric"] == metric and _wanted(row, gate):
            readings.setdefault((row["source"], row["target"]), []).append(row)
    for (source, target), found in readings.items():
        several = f", which decides among {len(found)} probes" if len(found) > 1 else ""
        silent = sum("value" not in row[part] for row in found)
        if 0 < silent < len(found):
            several += f", {silent} of which could not be measured"
        judged = [
            _judge(
                gate,
                row[part],
                f"{target} from the {source}, {row['probe']} probe{several}: {words}",
                category=[source, target, row["probe"]],
                times=row["chance"] if metric == _RETRIEVAL else 1.0,
            )
            for row in found
        ]
        yield min(judged, key=lambda one: (_GRAVITY.index(one["verdict"]), -one["measurement"].get("high", 0.0)))


def _wanted(row: Record, gate: Gate) -> bool:
    """Say whether a row is meant: a target is named in full (``race=Asian``) or by its attribute (``race``)."""
    target = row["target"]
    return (
        (gate.source is None or row["source"] == gate.source)
        and (gate.probe is None or row["probe"] == gate.probe)
        and (gate.target is None or target == gate.target or target.startswith(f"{gate.target}="))
    )


CHECKS: Mapping[str, Check] = {
    "amplification": _amplification,
    "calibration-error": _calibration_error,
    "equal-opportunity-difference": _difference("equal_opportunity", "true positive rate"),
    "equalized-odds-difference": _difference("equalized_odds", "true and false positive rate, whichever differs more,"),
    "face-retrieval": _face_retrieval,
    "impact-ratio": _impact_ratio,
    "leakage": _leakage,
    "leakage-increase": _leakage_increase,
    "predictive-parity-difference": _difference("predictive_parity", "precision"),
    "unknown-share": _unknown_share,
}
"""What a gate may check, and how; the limits that make sense are those of :data:`fairhire.auditing.plan.LIMITS`."""

_OF_PROBES = frozenset({"face-retrieval", "leakage", "leakage-increase"})
"""Checks that are about no grouping."""


# --- what they share ------------------------------------------------------------------------------------------------


def _tables(tables: Iterable[Record], gate: Gate) -> Iterator[Record]:
    """Yield the tables of the gate's grouping, in whatever order its attributes stand; of all groupings without one."""
    for table in tables:
        if gate.grouping is None or sorted(table["grouping"]) == sorted(gate.grouping):
            yield table


def _judge(
    gate: Gate,
    measurement: Mapping[str, Any],
    said: str,
    *,
    table: Record | None = None,
    category: Sequence[str] | None = None,
    exact: Fraction | None = None,
    times: float = 1.0,
) -> Finding:
    """Hold a measurement against the limit, ``times`` the gate's; ``exact`` is the number itself where it is known.

    Where the table took rows for witnesses though people have several, its intervals are too narrow: nothing passes.
    """
    limit = gate.limit * times
    if "undefined" in measurement:
        said = f"{said} does not exist ({measurement['undefined']})"
        return _finding(gate, said, "not computable", measurement, limit=limit, table=table, category=category)
    low, high = measurement["low"], measurement["high"]
    if low == high and exact is not None:  # no interval to speak of: then not even rounding may decide
        low = high = exact
        verdict = _verdict(gate, low, high, Fraction(str(gate.limit)))
    else:
        verdict = _verdict(gate, low, high, limit)
    said = f"{said} {measurement['value']:.4g}"
    if low != high:
        interval = f"{100 * measurement['level']:g} % interval {measurement['low']:.4g} to {measurement['high']:.4g}"
        said = f"{said} ({interval}, n = {measurement['n']})"
    if verdict == "passed" and table is not None and table.get("rows_as_witnesses"):
        verdict = "too narrow"
    return _finding(gate, said, verdict, measurement, limit=limit, table=table, category=category)


def _verdict(gate: Gate, low: float | Fraction, high: float | Fraction, limit: float | Fraction) -> str:
    if gate.check in _AT_LEAST:
        return "passed" if low >= limit else "failed" if high < limit else "undecided"
    return "passed" if high <= limit else "failed" if low > limit else "undecided"


def _nothing(gate: Gate, why: str, *, table: Record | None = None) -> Finding:
    measurement = {"undefined": why, "n": 0}
    return _finding(gate, f"{gate.check}: {why}", "not computable", measurement, limit=gate.limit, table=table)


def _finding(
    gate: Gate,
    said: str,
    verdict: str,
    measurement: Mapping[str, Any],
    *,
    limit: float,
    table: Record | None,
    category: Sequence[str] | None = None,
) -> Finding:
    asked = f"{'at least' if gate.check in _AT_LEAST else 'at most'} {limit:.4g}"
    why = {
        "passed": "passed, all of it keeps to the limit",
        "failed": "failed, none of it keeps to the limit",
        "undecided": "undecided, it reaches across the limit: more people would decide",
        "too narrow": "undecided, the interval takes rows for witnesses where people have several and is too narrow",
        "not computable": "not computable, which is not passed",
        "not judged": "not judged, which is neither passed nor failed",
    }[verdict]
    return {
        "check": gate.check,
        "grouping": None if table is None else list(table["grouping"]),
        "rate": None if table is None else table.get("rate"),
        "category": None if category is None else list(category),
        "measurement": dict(measurement),
        "limit": limit,
        "verdict": "undecided" if verdict == "too narrow" else verdict,
        "gate": True,
        "words": f"{said}; asked for {asked}: {why}.",
    }


def _name(grouping: Sequence[str], category: Sequence[str]) -> str:
    return ", ".join(f"{attribute} {value}" for attribute, value in zip(grouping, category, strict=True))


def _people(row: Record, rate: str) -> str:
    return f"{row['selected']} of {row['n']} {'selected' if rate == 'selection' else 'above the median score'}"
