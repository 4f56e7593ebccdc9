"""The words in which a record is told: names of groups, readings, verdicts, lists; every section speaks alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import Badge, Cell, Tone, count, number, percent, visible

__all__ = [
    "READINGS",
    "UNSIGNED",
    "Record",
    "compared",
    "gate_date",
    "gate_verdict",
    "group_name",
    "grouping_name",
    "join",
    "level_of",
    "measured",
    "passed_over",
    "plan_words",
    "plural",
    "rate_words",
    "ratio_words",
    "reading_badge",
    "said",
    "sentence",
    "short_name",
    "unaudited",
    "verdict_words",
]

Record = Mapping[str, Any]
"""AUDIT.json as Python holds it; docs/audit-record.md is its contract."""

READINGS: dict[str, tuple[str, Tone]] = {
    "clear": ("clear of four fifths", "clear"),
    "below": ("below four fifths", "below"),
    "undecided": ("UNDECIDED", "undecided"),
}
"""What the interval of a ratio says of the line at four fifths (audit-rules.md 5.1)."""

UNSIGNED = (
    "It is unsigned unless a .sig file beside it verifies (`fairhire verify AUDIT.json`): a hash that a file states of "
    "itself proves nothing."
)

_NAMELESS = "(no name)"
_NAMED = 3
_SHORT = 48
_LONG = 400
_VERDICTS = {
    "benchmark": "benchmark: the most selected group, with which the others are compared",
    "indicated": "adverse impact indicated",
    "below-few": "below four fifths, but small numbers: may not be adverse impact; see the flip test; collect more",
    "above-different": "at or above four fifths, yet the difference is beyond chance: may still be adverse impact",
}


def group_name(category: Sequence[str]) -> str:
    """Return a category on one line: "Female × Asian"; no letter in it can turn, hide or format its neighbours."""
    return _line(" × ".join(category), _LONG) or _NAMELESS


def short_name(category: Sequence[str]) -> str:
    """Return a category for use within a sentence, in quotation marks, shortened where it is long."""
    return f"“{_line(' × '.join(category), _SHORT) or _NAMELESS}”"


def grouping_name(grouping: Sequence[str]) -> str:
    """Return a grouping in words: "sex × race"."""
    return _line(" × ".join(attribute.replace("_", " ") for attribute in grouping), _LONG) or _NAMELESS


def rate_words(rate: str) -> str:
    """Return what counts as chosen: "selection rate", or "scoring rate" (above the median score)."""
    return f"{rate} rate"


def sentence(words: object, *, longest: int = 2000) -> str:
    """Return foreign words on one line of ``longest`` letters at most, to stand alone or within other words."""
    return _line(str(words), longest)


def measured(value: Mapping[str, Any] | None) -> Estimate | Undefined | float | None:
    """Return what the record holds of a measurement; a plain float where there is no interval, None if not asked."""
    if value is None:
        return None
    if "undefined" in value:
        return Undefined(sentence(value["undefined"]), int(value.get("n", 0)))
    low, high = value.get("low"), value.get("high")
    if low is None or high is None:
        return float(value["value"])
    return Estimate(float(value["value"]), float(low), float(high), float(value.get("level", 0.95)), int(value["n"]))


def said(value: Mapping[str, Any] | None) -> str:
    """Return a measurement in words: "0.843 [0.739, 0.962]", or "undefined: …"."""
    found = measured(value)
    if found is None:
        return "not asked"
    if isinstance(found, Undefined):
        return f"undefined: {found.reason} (n = {found.n})"
    if isinstance(found, float):
        return number(found)
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}]"


def ratio_words(row: Mapping[str, Any]) -> str:
    """Return one compared group's finding with its counts, ratio, interval and reading."""
    reading = READINGS.get(row["reading"] or "", ("no reading", "plain"))[0]
    small = " at this sample size" if row["reading"] == "undecided" else ""
    return (
        f"{short_name(row['category'])}: {count(row['selected'])} of {count(row['n'])} ({_rate(row)}), "
        f"{said(row['impact_ratio'])} times as often: {reading}{small}{', small numbers' if row.get('few') else ''}"
    )


def reading_badge(row: Mapping[str, Any]) -> Cell:
    """Return the cell that says how a group's ratio reads; the benchmark and groups without a ratio have words too."""
    if row["verdict"] == "benchmark":
        return Badge("benchmark", "plain")
    if row["reading"] is None:
        return Badge("no ratio", "plain") if row["verdict"] == "no-ratio" else None
    words, tone = READINGS[row["reading"]]
    return Badge({"clear": "clear", "below": "below"}.get(row["reading"], words), tone)


def verdict_words(row: Mapping[str, Any]) -> str:
    """Return the outcome of audit-rules.md 4.1 in full words, with what the audit could have detected."""
    verdict = row["verdict"]
    if verdict == "none-indicated":
        detectable = measured(row["detectable_ratio"])
        if isinstance(detectable, Undefined):
            return f"none indicated; what this audit could have detected is undefined: {detectable.reason}"
        if detectable is None:
            return "none indicated"
        value = number(detectable if isinstance(detectable, float) else detectable.value)
        if row["reading"] == "undecided":
            return f"none indicated, yet UNDECIDED: this audit could have detected only a ratio of {value} or worse"
        return f"none indicated; this audit could have detected a ratio of {value} or worse"
    if verdict == "indicated" and row["reading"] == "undecided":
        return f"{_VERDICTS[verdict]}, though the interval of the ratio reaches over four fifths"
    if verdict == "no-ratio":
        found = measured(row["impact_ratio"])
        return f"no ratio: {row['why'] or (found.reason if isinstance(found, Undefined) else 'not computable')}"
    return _VERDICTS[verdict]


def passed_over(table: Mapping[str, Any], *, among: Collection[Sequence[str]]) -> str:
    """Return in a sentence which groups have a higher rate than the benchmark and could not be it; "" without any.

    Named are only those ``among`` these categories.
    """
    over = [item for item in table["passed_over"] if item["category"] in among]
    if not over:
        return ""
    named = join(f"{short_name(item['category'])} ({sentence(item['why'])})" for item in over[:_NAMED])
    more = f" and {count(len(over) - _NAMED)} more" if len(over) > _NAMED else ""
    return f"Not the benchmark, though of a higher rate: {named}{more}."


def compared(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of a group table that were compared with its benchmark, lowest ratio first."""
    rows = [row for row in table["rows"] if row["verdict"] != "benchmark" and "value" in row["impact_ratio"]]
    return sorted(rows, key=lambda row: (row["impact_ratio"]["value"], row["category"]))


def level_of(record: Record) -> str:
    """Return the level of the record's intervals: "95 %"."""
    return percent(float(record["plan"].get("level", 0.95))).replace(".0", "")


def gate_date(record: Record) -> str:
    """Return the sentence on when the gates were written: a limit that was set after the run is no limit."""
    gate = record["gate"]
    if gate["note"]:
        note = sentence(gate["note"]).rstrip(".")
        return f"{note[:1].upper()}{note[1:]}."
    return f"The gates were written on {sentence(gate['written'])}." if gate["written"] else "The gates carry no date."


def gate_verdict(record: Record) -> str:
    """Return the gates' verdict together, and behind it the groups that were too small to be judged, with counts.

    Such as "passed for 2 comparisons; 1 group too small to be judged: “X” (0 of 9)".
    """
    gated = [finding for finding in record["findings"] if finding["gate"]]
    verdict: str = record["gate"]["verdict"]
    small = [finding for finding in gated if finding["verdict"] == "not judged"]
    if not small:
        return verdict
    if verdict == "passed":
        passed = [finding["check"] for finding in gated if finding["verdict"] == "passed"]
        what = "comparison" if set(passed) == {"impact-ratio"} else "check"
        verdict = f"passed for {plural(len(passed), what)}"
    groups = {
        (*table["grouping"], *row["category"]): row
        for table in record["groups"]
        for row in table["rows"]
        if any((finding["grouping"], finding["category"]) == (table["grouping"], row["category"]) for finding in small)
    }
    named = [
        f"{short_name(row['category'])} ({count(row['selected'])} of {count(row['n'])})"
        for row in list(groups.values())[:_NAMED]
    ]
    more = [f"{count(len(groups) - _NAMED)} more"] if len(groups) > _NAMED else []
    return f"{verdict}; {plural(len(groups), 'group')} too small to be judged: {join([*named, *more])}"


def unaudited(record: Record) -> str:
    """Return in a sentence which groupings the plan asked for and could not be audited; "" where none is named."""
    lost = record.get("not_audited") or ()
    if not lost:
        return ""
    named = [f"{grouping_name(item['grouping'])} ({sentence(item['why'])})" for item in lost[:_NAMED]]
    more = [f"{count(len(lost) - _NAMED)} more"] if len(lost) > _NAMED else []
    return f"Asked for by the plan, and not audited: {join([*named, *more])}."


def plan_words(record: Record, *names: str) -> list[str]:
    """Return the sentences that the plan wants printed under ``names``; under all names where none is given.

    A plan has ``line`` (what the flag is), ``note``, ``limits``, ``gate`` (where it has none) and ``next``.
    """
    wording = record["plan"].get("wording") or {}
    found = [sentence(wording[name]) for name in (names or sorted(wording)) if wording.get(name)]
    return [words if words.endswith((".", "!", "?")) else f"{words}." for words in found]


def join(items: Iterable[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    found = list(items)
    return "".join(found) if len(found) < 2 else f"{', '.join(found[:-1])} and {found[-1]}"


def plural(n: int, one: str, many: str = "") -> str:
    """Return "1 group", "2 groups"."""
    return f"{count(n)} {one if n == 1 else many or f'{one}s'}"


def _rate(row: Mapping[str, Any]) -> str:
    return percent(row["rate"]["value"]) if "value" in row["rate"] else "no rate"


def _line(words: str, longest: int) -> str:
    line = " ".join(visible(words).replace("`", "'").split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
