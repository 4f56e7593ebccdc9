"""The first page: what was found, how sure that is, what it does not show, and what to do next, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairhire.auditing.gate import audited_leakage
from fairhire.estimate import Estimate
from fairhire.report.cells import count, number, percent
from fairhire.report.document import Block, Card, Cards, Notice, Table
from fairhire.report.wording import (
    UNSIGNED,
    Record,
    compared,
    gate_date,
    gate_verdict,
    group_name,
    grouping_name,
    join,
    level_of,
    measured,
    passed_over,
    plan_words,
    plural,
    rate_words,
    ratio_words,
    reading_badge,
    said,
    sentence,
    short_name,
    unaudited,
    verdict_words,
)

__all__ = ["headline", "opening"]

_TABLES = 6
"""Groupings that are told one by one; the others are counted."""

_NAMED = 3
_NOTICES = 3
_VERDICT_ROWS = 12
_SEVERITY = ("indicated", "below-few", "above-different", "none-indicated", "no-ratio", "benchmark")
_PROBE_FLOOR = "No probe read an attribute better than chance"


def headline(record: Record) -> str:
    """Return the one sentence that a hurried reader takes away."""
    verdict, words = record["gate"]["verdict"], gate_verdict(record)
    if verdict == "none":
        return _comparisons(record)
    whose = {"failed": "A gate of the plan", "undecided": "The gates of the plan are"}.get(
        verdict, "The gates of the plan"
    )
    return f"{whose} {words}. {_comparisons(record)}"


def opening(record: Record) -> tuple[Block, ...]:
    """Return the notices, the four boxes and the table of verdicts in words."""
    blocks: list[Block] = [Notice(words) for words in _notices(record)]
    blocks.append(
        Cards(
            (
                Card("What we found", tuple(_found(record))),
                Card("How sure", tuple(_sure(record))),
                Card("What it does not show", tuple(_not_shown(record))),
                Card("What to do next", tuple(_next(record))),
            )
        )
    )
    return (*blocks, *_verdicts(record))


def _comparisons(record: Record) -> str:
    if not record["groups"]:
        return "No groups were compared: this audit measured what can be read of the candidates."
    rows = _all_compared(record)
    if not rows:
        return "No ratio could be computed: these data decide nothing about the groups."
    below, open_ = (sum(row["reading"] == reading for row in rows) for reading in ("below", "undecided"))
    groupings = plural(len(record["groups"]), "table", "tables")
    if below:
        tail = f"; {count(open_)} more {'is' if open_ == 1 else 'are'} UNDECIDED at this sample size" if open_ else ""
        verb = "lies" if below == 1 else "lie"
        return f"{count(below)} of {plural(len(rows), 'group comparison')} {verb} below four fifths{tail}."
    if open_:
        verb = "is" if open_ == 1 else "are"
        return (
            f"{count(open_)} of {plural(len(rows), 'group comparison')} {verb} UNDECIDED at this sample size; none "
            "lies below four fifths for certain."
        )
    if len(rows) == 1:
        return "The one group comparison is clear of four fifths."
    return f"All {count(len(rows))} group comparisons (in {groupings}) are clear of four fifths."


def _all_compared(record: Record) -> list[Mapping[str, Any]]:
    return [row for table in record["groups"] for row in compared(table)]


def _notices(record: Record) -> Iterator[str]:
    warnings = record["warnings"]
    for warning in warnings[:_NOTICES]:
        yield f"Warning: {sentence(warning['words'])}"
    if len(warnings) > _NOTICES:
        yield f"{plural(len(warnings) - _NOTICES, 'more warning')}: see the section “Warnings”."


def _found(record: Record) -> Iterator[str]:
    for table in record["groups"][:_TABLES]:
        yield _grouping(table)
    later = record["groups"][_TABLES:]
    if later:
        rows = [row for table in later for row in compared(table)]
        yield (
            f"{plural(len(later), 'more table stands', 'more tables stand')} below: of "
            f"{plural(len(rows), 'comparison')}, {_tally(rows)}."
        )
    for verdict, words in (
        ("indicated", "Adverse impact is indicated (below four fifths, and a difference beyond chance) for"),
        ("above-different", "Not below four fifths, yet beyond chance, which may still be adverse impact:"),
    ):
        chosen = [row for row in _all_compared(record) if row["verdict"] == verdict]
        if chosen:
            yield f"{words} {_names(chosen)}."
    yield from _alarms(record)
    yield from _leakage(record)
    yield _gates(record)
    yield from plan_words(record, "line")


def _grouping(table: Mapping[str, Any]) -> str:
    opening_words = f"By {grouping_name(table['grouping'])} ({rate_words(table['rate'])})"
    rows = compared(table)
    benchmark = next((row for row in table["rows"] if row["verdict"] == "benchmark"), None)
    if benchmark is None or not rows:
        return f"{opening_words}: no group could be compared: {_why_none(table)}."
    tied = [short_name(category) for category in table["tied"]]
    also = f", equalled by {join(tied)}" if tied else ""
    first = (
        f"{opening_words}: the most often chosen group is {short_name(benchmark['category'])} "
        f"({count(benchmark['selected'])} of {count(benchmark['n'])}, {percent(benchmark['rate']['value'])}{also})."
    )
    told = [row for row in rows if row["reading"] != "clear"][:_NAMED] or rows[:1]
    details = f"{'; '.join(map(ratio_words, told))}."
    if len(rows) == len(told):
        return f"{first} {details}"
    return f"{first} Of {count(len(rows))} groups compared with it, {_tally(rows)}. The lowest: {details}"


def _why_none(table: Mapping[str, Any]) -> str:
    reasons = [row["why"] or row["impact_ratio"].get("undefined") for row in table["rows"]]
    return sentence(next((reason for reason in reasons if reason), "there is only one group, or none"))


def _tally(rows: list[Mapping[str, Any]]) -> str:
    counts = {reading: sum(row["reading"] == reading for row in rows) for reading in ("clear", "below", "undecided")}
    verb = "is" if counts["clear"] == 1 else "are"
    return (
        f"{count(counts['clear'])} {verb} clear of four fifths, {count(counts['below'])} below, "
        f"{count(counts['undecided'])} UNDECIDED"
    )


def _alarms(record: Record) -> Iterator[str]:
    for table in record["groups"]:
        for row in (table["strata"] or {"rows": []})["rows"]:
            if row.get("alarm"):
                yield (
                    f"Positions matter for {short_name(row['category'])}: {sentence(row['alarm'])} "
                    f"(pooled {said(row['pooled'])}, within positions {said(row['adjusted'])})."
                )


def _leakage(record: Record) -> Iterator[str]:
    audited = audited_leakage(record)
    for source, words in (("score", "the score alone"), ("representation", "what the model keeps of a candidate")):
        read, silent = [], False
        for row in audited:
            found = measured(row["estimate"])
            if row["source"] != source or row["metric"] != "auc":
                continue
            if isinstance(found, Estimate) and found.low > row["chance"]:
                read.append((found.value, row))
            silent = silent or isinstance(found, Estimate)
        best: dict[str, tuple[float, Mapping[str, Any]]] = {}
        for value, row in read:
            if value > best.get(row["target"], (0.0, row))[0]:
                best[row["target"]] = (value, row)
        if best:
            strongest = sorted(best.items(), key=lambda one: -one[1][0])[:4]
            told = [f"{sentence(name)} (AUC {said(row['estimate'])})" for name, (_, row) in strongest]
            more = f" and {plural(len(best) - 4, 'more target')}" if len(best) > 4 else ""
            yield f"From {words} a fresh probe reads {join(told)}{more}; chance is 0.5."
        elif silent:
            yield f"{_PROBE_FLOOR} from {words}."


def _gates(record: Record) -> str:
    verdict = record["gate"]["verdict"]
    judged = [finding for finding in record["findings"] if finding["gate"]]
    if verdict == "none":
        words = plan_words(record, "gate") or ["The plan has no gate."]
        return f"{words[0]} Nothing in this document is a pass or a fail."
    states = {
        state: sum(finding["verdict"] == state for finding in judged)
        for state in ("passed", "failed", "undecided", "not computable")
    }
    listed = join(f"{count(n)} {state}" for state, n in states.items() if n)
    return f"The gates of the plan: {gate_verdict(record)}{f' ({listed})' if listed else ''}."


def _sure(record: Record) -> Iterator[str]:
    rows = record["rows"]
    if not rows or rows.get("read") is None:
        if record["groups"]:
            yield "Only counts were given: nothing is known of the rows behind them, nor whether somebody is in twice."
    else:
        people = f" ({plural(rows['people'], 'person', 'people')})" if rows.get("people") else ""
        yield f"{plural(rows['counted'], 'row')}{people} counted, of {count(rows['read'])} read."
        if rows.get("people") and rows["people"] < rows["counted"]:
            yield (
                "Some people have several rows. Rates, ratios and their tests take people as witnesses; the figures on "
                "labels, calibration and score distances take rows, so that their intervals are too narrow."
            )
    yield (
        f"Brackets are {level_of(record)} intervals. A ratio is called “clear” or “below” only where its whole "
        "interval lies on one side of four fifths; where the interval holds the line, these people do not decide it, "
        "and the word is UNDECIDED."
    )
    plan = record["plan"]
    if record["groups"]:
        test = {"fisher": "Fisher's exact test", "mid_p": "the mid-P test", "z": "the z test", "chi2": "the chi² test"}
        repeated = any(table.get("test") == "t by person" for table in record["groups"])
        between = " (here by a t test between people, who have several rows)" if repeated else ""
        family = {"holm": "Holm", "benjamini-hochberg": "Benjamini-Hochberg"}.get(plan["correction"])
        corrected = f"corrected within each table ({family})" if family else "not corrected for many comparisons"
        yield (
            f"A difference is “beyond chance” by {test.get(plan['primary_test'], plan['primary_test'])}, named in the "
            f"plan beforehand{between}, {corrected}."
        )
    small = [row for row in _all_compared(record) if row.get("few")]
    if small:
        yield f"Small numbers: {_names(small)}. A few people more or less would change what is said of them."
    yield from _tipping(record)
    few = ("none-indicated", "below-few")
    open_ = [row for row in _all_compared(record) if row["reading"] == "undecided" and row["verdict"] in few]
    for row in open_[:_NAMED]:
        detectable = measured(row["detectable_ratio"])
        if isinstance(detectable, float):
            yield (
                f"With {count(row['n'])} of {short_name(row['category'])}, this audit could only have detected a ratio "
                f"of {number(detectable)} or worse (with 80 % power); a milder difference may be there unseen."
            )
    if record["gate"]["verdict"] != "none":
        yield gate_date(record)


def _tipping(record: Record) -> Iterator[str]:
    """Yield where the people of unknown category could turn a reading, those first that the fewest could turn."""
    found = [
        (row["bounds"]["tipping"], table, row)
        for table in record["groups"]
        for row in compared(table)
        if row["bounds"] is not None and row["bounds"]["tipping"] is not None
    ]
    found.sort(key=lambda one: one[0])
    for tipping, table, row in found[:_NAMED]:
        yield (
            f"{plural(tipping, 'person', 'people')} of the {count(table['unknown']['n'])} of unknown "
            f"{grouping_name(table['grouping'])} could bring {short_name(row['category'])} below four fifths."
        )


def _not_shown(record: Record) -> Iterator[str]:
    if words := unaudited(record):
        yield words
    excluded = {
        (*table["grouping"], *row["category"]): row
        for table in record["groups"]
        for row in table["rows"]
        if row["verdict"] == "no-ratio"
    }
    if excluded:
        told = join(
            f"{short_name(row['category'])} (n = {count(row['n'])}; {sentence(row['why'] or 'no ratio')})"
            for row in list(excluded.values())[:_NAMED]
        )
        more = f"; {plural(len(excluded) - _NAMED, 'more group')} below" if len(excluded) > _NAMED else ""
        yield f"Groups without a ratio, though counted: {told}{more}."
    for words in dict.fromkeys(passed_over(table, among=_shown(table)) for table in record["groups"][:_TABLES]):
        if words:
            yield words
    unknown = {
        tuple(table["grouping"]): f"{count(table['unknown']['n'])} by {grouping_name(table['grouping'])}"
        for table in record["groups"]
        if table["unknown"]["n"]
    }
    if unknown:
        counted = join(unknown.values())
        yield f"How people of unknown category fared as a group: they are counted ({counted}), never compared."
    if record["left_out"]:
        first = [f"{sentence(one['what'])} ({count(one['n'])}: {sentence(one['why'])})" for one in record["left_out"]]
        kinds = len(first) - _NAMED
        more = f"; {plural(kinds, 'more kind')} below" if kinds > 0 else ""
        yield f"Anything about what was left out: {join(first[:_NAMED])}{more}."
    yield (
        "That a selection is lawful, fair or valid. Four fifths is a rule of thumb of the US federal guidelines "
        "(29 CFR 1607.4(D)), not a verdict; other laws set other limits, or none."
    )
    if record["outcomes"] or record["calibration"] or record["labels"]:
        yield (
            "That the labels are just: “truly hirable” is a recruiter's past decision, and figures measured against it "
            "take that decision as truth."
        )
    if record["leakage"]:
        yield "That nothing else leaks: a probe that finds nothing proves only that this probe found nothing."
    yield "Why groups differ, or anything about other positions, stages, people or times than those in these data."
    yield from plan_words(record, "note", "limits")


def _shown(table: Mapping[str, Any]) -> list[Any]:
    return [row["category"] for row in table["rows"]]


def _next(record: Record) -> Iterator[str]:
    rows = _all_compared(record)
    worst = [row for row in rows if row["verdict"] == "indicated" or row["reading"] == "below"]
    if worst:
        yield (
            f"Look into the selection of {_names(worst)}: compare within positions, look at the cut in the threshold "
            "sweep, ask whether the criterion is needed for the job, and take legal advice before any further use."
        )
    open_ = [row for row in rows if row["reading"] == "undecided" and row not in worst]
    if open_:
        yield f"Do not read UNDECIDED as a pass: collect more people, first of all of {_names(open_)}, and audit again."
    if any(row["verdict"] == "above-different" for row in rows):
        yield "Ask whether the differences that are beyond chance matter in practice, though above four fifths."
    if record["gate"]["verdict"] == "failed":
        yield "A gate failed: do not use the model as it is, and record what is done about it."
    if record["missing"]:
        fields = join(sentence(item["field"]).replace("_", " ") for item in record["missing"])
        yield f"State what the plan requires and this record lacks: {fields}."
    if record["warnings"]:
        yield f"Settle {plural(len(record['warnings']), 'warning')} first: see “Warnings”."
    if record["plan"].get("unverified"):
        yield "Some statements of the plan are marked unverified: have them checked before relying on them."
    yield from plan_words(record, "next")
    yield f"Sign the record before handing it on (`fairhire sign AUDIT.json`). {UNSIGNED}"
    yield "Audit again whenever the model, the positions or the people who apply change."


def _names(rows: list[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(short_name(row["category"]) for row in rows))
    more = [f"{count(len(names) - 4)} more"] if len(names) > 4 else []
    return join([*names[:4], *more])


def _verdicts(record: Record) -> Iterator[Block]:
    rows = [(table, row) for table in record["groups"] for row in table["rows"]]
    rows.sort(key=lambda pair: (_SEVERITY.index(pair[1]["verdict"]), pair[1]["impact_ratio"].get("value", 1.0)))
    if not rows:
        return
    shown = rows[:_VERDICT_ROWS]
    hidden = len(rows) - len(shown)
    yield Table(
        "Every verdict in words, the gravest first",
        ("by", "group", "impact ratio", "reading", "verdict"),
        tuple(
            (
                f"{grouping_name(table['grouping'])}{' (scoring)' if table['rate'] == 'scoring' else ''}",
                group_name(row["category"]),
                measured(row["impact_ratio"]) if row["verdict"] not in ("benchmark", "no-ratio") else None,
                reading_badge(row),
                sentence(f"{verdict_words(row)}{'; small numbers' if row.get('few') else ''}"),
            )
            for table, row in shown
        ),
        note=f"{plural(hidden, 'more row')} in the tables below." if hidden else "",
    )
