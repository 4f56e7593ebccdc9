"""An audit from beginning to end: read what was handed in, count it once, ask what the plan asks, write it all down.

The steps stand in this order in :func:`audit` and in the record's ``events``; nothing here has a clock, so that the
same inputs under the same plan give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairhire.atomic import canonical_json
from fairhire.auditing.benchmark import under_share
from fairhire.auditing.cautions import cautions, check_lawful
from fairhire.auditing.demographics import read_demographics
from fairhire.auditing.findings import judge
from fairhire.auditing.groups import GroupFindings, examine_groups
from fairhire.auditing.intake import Intake, count_run_scores, count_tables, people_attributes, read_counts
from fairhire.auditing.metrics import (
    calibration_table,
    gap_table,
    label_table,
    outcome_table,
    score_table,
    scoring,
    threshold_table,
)
from fairhire.auditing.plan import AuditPlan, read_plan
from fairhire.auditing.postprocessing import compare_thresholds
from fairhire.auditing.provenance import (
    describe_code,
    describe_file,
    describe_model,
    describe_versions,
    model_features,
    run_began,
)
from fairhire.auditing.request import (
    Oddity,
    check_counts_alone,
    check_groupings,
    check_joined,
    compare_categories,
    compare_facts,
    compare_margins,
    people_counted,
)
from fairhire.auditing.tally import Category, Source, Tally
from fairhire.errors import DataError, NotComputableError, UsageError
from fairhire.estimate import Undefined
from fairhire.left_out import LeftOut
from fairhire.progress import Advance, silent
from fairhire.report.result import AuditResult
from fairhire.runs import Run
from fairhire.scores import Scores, read_scores

if TYPE_CHECKING:
    from fairhire.auditing.leakage import LeakageResult

__all__ = ["AUDIT_SCHEMA", "Faces", "audit"]

AUDIT_SCHEMA = 1

_FACES = ("face_embedding",)
"""What is among the inputs where face retrieval is asked for: biometric data."""

_MOST_ATTRIBUTES = 6
"""Attributes up to which a plan that takes a people table as it comes also asks for every pair of them."""

Watch = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True)
class Faces:
    """Face embeddings (N, d) row by row with the scores, and who has one (N,); only face retrieval reads them."""

    vectors: NDArray[np.float32]
    present: NDArray[np.bool_]


@contextmanager
def _unwatched(_words: str, _total: int) -> Iterator[Advance]:
    yield silent


@dataclass
class _Notes:
    """What an audit has to say of itself besides its figures."""

    events: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    remarks: list[dict[str, str]] = field(default_factory=list)
    not_audited: list[dict[str, Any]] = field(default_factory=list)

    def did(self, step: str, **what: Any) -> None:
        self.events.append({"step": step, **what})

    def left(self, what: str, n: int, why: str) -> None:
        self.left_out.append(LeftOut(what, n, why))

    def miss(self, grouping: Sequence[str], why: str) -> None:
        self.not_audited.append({"grouping": list(grouping), "why": why})
        self.remark("grouping", f"{' x '.join(grouping)} was not audited: {why}")

    def odd(self, found: Iterable[Oddity]) -> None:
        for code, words in found:
            self.remark(code, words)

    def remark(self, code: str, words: str) -> None:
        self.remarks.append({"code": code, "words": words})


@dataclass(frozen=True)
class _Subject:
    """What is audited, however it was named; exactly one of the first three is given, or only ``counts``."""

    table: Path | None
    scores: Scores | None
    run: Run | None
    counts: Path | None
    people: Path | None

    @property
    def name(self) -> str:
        if self.run is not None:
            return self.run.path.resolve().name
        path = self.table or self.counts
        return "scores" if path is None else path.resolve().name


def audit(
    subject: Run | Scores | Path | str | None = None,
    *,
    people: Path | str | None = None,
    plan: AuditPlan | Path | str = "four-fifths",
    counts: Path | str | None = None,
    baseline: Run | Path | str | None = None,
    representation: Path | str | None = None,
    intake: Intake | None = None,
    about: Mapping[str, str] | None = None,
    legal_basis: str | None = None,
    groupings: Sequence[Sequence[str]] = (),
    smallest_share: float | None = None,
    faces: Faces | None = None,
    controls: int = 5,
    seed: int = 0,
    watch: Watch | None = None,
) -> AuditResult:
    """Return the audit of ``subject``: a scores table (CSV, Parquet, a folder of Parquet files), a run, or Scores.

    ``people`` is the people table; without it the attributes are columns of the scores table, and ``groupings`` or the
    plan must name them. ``counts`` stands in for both. ``plan`` is a shipped name, a TOML file or an
    :class:`AuditPlan`; ``groupings`` and ``smallest_share`` (of the known, under which a group has no ratio) replace
    the plan's. ``about`` holds what the auditor says of data and purpose.
    ``representation`` is a .npy file row by row with the scores, for leakage; ``baseline`` the undefended run.
    Raises :class:`UsageError` for a wrong request, :class:`DataError` for unreadable data, and
    :class:`NotComputableError` where nothing at all can be computed.
    """
    plan = plan if isinstance(plan, AuditPlan) else read_plan(plan)
    if smallest_share is not None:
        plan = replace(plan, sizes=replace(plan.sizes, share=smallest_share))
    notes, facts = _Notes(), dict(about or {})
    asked = _subject(subject, people, counts)
    if asked.counts is not None:
        check_counts_alone(intake or Intake(), people=people, representation=representation, baseline=baseline)
    check_groupings(groupings)
    undefended = baseline if isinstance(baseline, Run) or baseline is None else Run(Path(baseline))
    if legal_basis is not None:
        facts["legal_basis"] = legal_basis
    intake, attributes, chosen = _request(asked, intake or Intake(), plan, groupings, notes)
    check_lawful(plan, _columns(attributes, intake), legal_basis)
    notes.odd(compare_facts(facts, plan))
    plan.missing(facts, attributes=attributes)  # what is said in another form than the plan asks for ends it here
    tally = _count(asked, attributes, intake)
    if asked.run is not None:  # its decisions were made at its own threshold
        tally = replace(tally, threshold=float(asked.run.config["threshold"]))
    if asked.counts is not None:
        attributes, chosen = _of_counts(tally, chosen, groupings, notes)
        check_lawful(plan, attributes, legal_basis)
    if asked.people is not None:
        check_joined(tally, scores=asked.name, people=str(asked.people))
    if intake.score_range != (0.0, 1.0):
        low, high = intake.score_range
        notes.remark("scale", f"scores from {low:g} to {high:g} were moved to 0 to 1; so are the median and every cut")
    notes.odd(compare_categories(tally, plan))
    notes.did("counted", rows=tally.rows, sources=[source.to_dict() for source in tally.sources])
    rates = tuple(rate for rate in plan.rates if tally.has(rate))
    tables = [examine_groups(tally, grouping, rate, plan=plan) for grouping in chosen for rate in rates]
    notes.did("groups", groupings=[list(grouping) for grouping in chosen], rates=list(rates))
    further = _beyond_selection(tally, tables, plan, seed, notes)
    measured = _leakage(
        asked,
        plan,
        baseline=undefended,
        representation=None if representation is None else Path(representation),
        intake=intake,
        attributes=attributes,
        faces=faces,
        controls=controls,
        seed=seed,
        watch=watch or _unwatched,
        notes=notes,
    )
    if not tables and measured is None:
        raise NotComputableError(f"{asked.name}: plan {plan.name} asks for nothing that these data hold")
    began = run_began(asked.run, facts)
    for caution in cautions(
        plan,
        names=(*model_features(asked.run), *_columns(attributes, intake), *(() if faces is None else _FACES)),
        attributes=attributes,
        about=facts,
        today=None,  # a record says the same on every day; the command line asks the calendar
        gate_written=plan.written if plan.gates else None,
        run_began=began,
        legal_basis=legal_basis,
    ):
        notes.remark(caution.code, caution.words)
    missing = plan.missing(facts, attributes=attributes, computed=_found(tables, plan))
    further_inputs = _further_inputs(undefended, representation, tally)
    record: dict[str, Any] = {
        "schema": AUDIT_SCHEMA,
        "title": f"Audit of {asked.name}: {plan.title}",
        "subject": asked.name,
        "plan": plan.to_dict(),
        "request": _request_record(intake, groupings, smallest_share, controls),
        "about": facts,
        "missing": [*(requirement.to_dict() for requirement in missing), *_unstated(tables, facts)],
        "not_audited": notes.not_audited,
        "rates": list(rates),
        "threshold": tally.threshold,
        "merged": {name: dict(spellings) for name, spellings in tally.merged.items()},
        "rows": _rows(tally),
        "groups": [table.to_dict() for table in tables],
        "seed": seed,
        **further,
        "postprocessing": _postprocessing(asked, tally, tables, plan, seed, notes),
        **_leakage_record(measured, notes),
        "warnings": notes.remarks,
        "left_out": [item.to_dict() for item in (*tally.left_out, *notes.left_out)],
        "inputs": [source.to_dict() for source in (*tally.sources, *further_inputs)],
        "versions": describe_versions(*(() if measured is None else ("scikit-learn",))),
        "code": describe_code(),
        "model": None if asked.run is None else describe_model(asked.run),
        "events": notes.events,
        "events_sha256": hashlib.sha256(canonical_json(notes.events).encode()).hexdigest(),
    }
    return AuditResult(judge(record, plan, began))


# --- what is audited ------------------------------------------------------------------------------------------------


def _subject(
    subject: Run | Scores | Path | str | None, people: Path | str | None, counts: Path | str | None
) -> _Subject:
    if (subject is None) == (counts is None):
        got = "neither" if subject is None else "both"
        raise UsageError(f"audit: expected a scores table or run, or a table of counts, got {got}")
    if counts is not None:
        return _Subject(None, None, None, Path(counts), None)
    table = None if people is None else Path(people)
    if isinstance(subject, Run):
        return _Subject(None, None, subject, None, _needed(table))
    if isinstance(subject, Scores):
        return _Subject(None, subject, None, None, _needed(table))
    assert subject is not None
    path = Path(subject)
    if (path / "provenance.json").exists() or (path / "training").is_dir():
        return _Subject(None, None, Run(path), None, _needed(table))
    return _Subject(path, None, None, None, table)


def _needed(people: Path | None) -> Path:
    if people is None:
        raise UsageError("--people: expected a people table (candidate, then protected attributes), got none")
    return people


def _request(
    asked: _Subject, intake: Intake, plan: AuditPlan, groupings: Sequence[Sequence[str]], notes: _Notes
) -> tuple[Intake, tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return how to read, which attributes to count, and which groupings to ask for; own choices beat the plan's."""
    intake = replace(
        intake,
        score_columns={**plan.columns.get("scores", {}), **intake.score_columns},
        people_columns={**plan.columns.get("people", {}), **intake.people_columns},
        threshold=plan.threshold if intake.threshold is None else intake.threshold,
        unknown=(*plan.unknown, *intake.unknown),
        declared={**plan.categories, **intake.declared},
    )
    if asked.run is not None:
        intake = replace(intake, per="interview", split=intake.split or "test", threshold=None)  # a run has decided
    wanted = tuple(tuple(grouping) for grouping in groupings) or plan.groupings
    if asked.counts is not None:
        return intake, (), wanted
    if asked.people is None:
        if not wanted:
            raise UsageError(
                f"--people: expected a people table, or --grouping for columns of the scores table, got neither "
                f"(plan {plan.name} takes the attributes as they come)"
            )
        return intake, tuple(sorted({name for grouping in wanted for name in grouping})), wanted
    there = people_attributes(asked.people, intake=intake)
    if not there:
        raise DataError(f"{asked.people}: expected at least one column of categories beside candidate, got none")
    renamed = {
        name: other
        for name, others in plan.aliases.items()
        for other in others
        if name not in there and other in there and any(name in grouping for grouping in wanted)
    }
    for name, other in renamed.items():
        notes.remark("column", f"the plan's attribute {name} was read from the column {other} of the people table")
    intake = replace(intake, people_columns={**renamed, **intake.people_columns})
    there = tuple(name for name in there if name not in renamed.values()) + tuple(renamed)
    if not wanted:
        pairs = tuple(combinations(there, 2)) if len(there) <= _MOST_ATTRIBUTES and plan.depth > 1 else ()
        wanted = (*((name,) for name in there), *pairs)
    possible = tuple(grouping for grouping in wanted if set(grouping) <= set(there))
    if (groupings and possible != wanted) or not possible:
        missing = sorted({name for grouping in wanted for name in grouping} - set(there))
        raise UsageError(
            f"{asked.people}: expected columns {', '.join(missing)} (plan {plan.name}), got {', '.join(there)}; "
            f"name yours with --people-column {missing[0]}=COLUMN"
        )
    for grouping in wanted:
        if grouping not in possible:
            lacking = ", ".join(sorted(set(grouping) - set(there)))
            notes.miss(grouping, f"the people table has no {lacking}")
    return intake, tuple(sorted({name for grouping in possible for name in grouping})), possible


def _count(asked: _Subject, attributes: Sequence[str], intake: Intake) -> Tally:
    if asked.counts is not None:
        return read_counts(asked.counts, intake=intake)
    if asked.table is not None:
        return count_tables(asked.table, asked.people, attributes=attributes, intake=intake)
    scores = asked.scores if asked.run is None else asked.run.scores
    assert scores is not None
    assert asked.people is not None
    return count_run_scores(scores, asked.people, attributes=attributes, intake=intake, name=asked.name)


def _of_counts(
    tally: Tally, wanted: tuple[tuple[str, ...], ...], explicit: Sequence[Sequence[str]], notes: _Notes
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the attributes and groupings of a table of counts: those wanted, as far as it brings them."""
    there = tuple(dict.fromkeys(table.grouping for table in tally.tables))
    missing = [grouping for grouping in wanted if grouping not in there]
    if missing and (explicit or len(missing) == len(wanted)):
        brought = ", ".join(" x ".join(grouping) for grouping in there)
        raise UsageError(f"--counts: expected a table of {' x '.join(missing[0])}, got {brought}")
    for grouping in missing:
        notes.miss(grouping, "the table of counts does not bring it")
    chosen = tuple(grouping for grouping in there if not wanted or grouping in wanted)
    notes.odd(compare_margins(tally))
    return tuple(sorted({name for grouping in chosen for name in grouping})), chosen


def _unstated(tables: Sequence[GroupFindings], facts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the statement that is due where counts do not say how many people are of unknown category."""
    if all(table.unknown_stated for table in tables) or facts.get("unknown_people", "").strip():
        return []
    why = "the table of counts has no row of them: say how many there are, 0 included"
    return [{"field": "unknown_people", "why": why, "published": True}]


def _columns(attributes: Sequence[str], intake: Intake) -> tuple[str, ...]:
    """Return the attributes by our names and by those of the table: renaming a column does not change what it is."""
    theirs = [intake.people_columns[name] for name in attributes if name in intake.people_columns]
    return (*attributes, *(name for name in theirs if name not in attributes))


def _rows(tally: Tally) -> dict[str, int] | None:
    """Return how many rows were read and counted, of how many people; None of a table of counts."""
    if tally.tables:
        return None
    return {
        "read": tally.rows + sum(item.n for item in tally.left_out if item.what == "rows"),
        "counted": tally.rows,
        "people": people_counted(tally),
    }


def _request_record(
    intake: Intake, groupings: Sequence[Sequence[str]], smallest_share: float | None, controls: int
) -> dict[str, Any]:
    """Return how the tables were read and what was asked beyond the plan, so that the audit can be made again."""
    return {
        "score_columns": dict(intake.score_columns),
        "people_columns": dict(intake.people_columns),
        "threshold": intake.threshold,
        "score_range": list(intake.score_range),
        "per": intake.per,
        "missing": intake.missing,
        "split": intake.split,
        "dates": None if intake.dates is None else [day.isoformat() for day in intake.dates],
        "unknown": list(intake.unknown),
        "labels": {name: dict(spellings) for name, spellings in intake.labels.items()},
        "groupings": [list(grouping) for grouping in groupings],
        "smallest_share": smallest_share,
        "controls": controls,
    }


def _further_inputs(baseline: Run | None, representation: Path | str | None, tally: Tally) -> list[Source]:
    """Return what was read beside scores and people."""
    found = [] if baseline is None else [describe_file(baseline.path, rows=len(baseline.scores))]
    return found if representation is None else [*found, describe_file(Path(representation), rows=tally.rows)]


# --- what is asked --------------------------------------------------------------------------------------------------


def _beyond_selection(
    tally: Tally, tables: Sequence[GroupFindings], plan: AuditPlan, seed: int, notes: _Notes
) -> dict[str, Any]:
    """Return the sections about outcomes, labels and scores, as far as the data hold them and the plan wants them."""
    found: dict[str, Any] = {name: [] for name in ("outcomes", "labels", "gaps", "calibration", "scores", "thresholds")}
    first: dict[tuple[str, ...], Category | None] = {}
    for table in tables:
        first.setdefault(table.grouping, table.benchmark)
    for grouping, benchmark in first.items():
        if tally.has("selection") and tally.has_labels:
            if "outcomes" in plan.sections:
                found["outcomes"].append(outcome_table(tally, grouping, benchmark=benchmark, level=plan.level))
            if "labels" in plan.sections and benchmark is not None:
                found["labels"].append(label_table(tally, grouping, benchmark=benchmark, level=plan.level, seed=seed))
                found["gaps"].append(
                    gap_table(
                        tally, grouping, benchmark=benchmark, minimum=plan.sizes.warn, level=plan.level, seed=seed
                    )
                )
        if tally.scored is None:
            continue
        if "calibration" in plan.sections and tally.has_labels:
            found["calibration"].append(calibration_table(tally.scored, grouping, level=plan.level, seed=seed))
        if "scores" in plan.sections:
            found["scores"].append(
                score_table(tally.scored, grouping, benchmark=benchmark, level=plan.level, seed=seed)
            )
        if "thresholds" in plan.sections:
            found["thresholds"].append(threshold_table(tally, grouping, sizes=plan.sizes, level=plan.level))
    shown: dict[str, Any] = {}
    for name, parts in found.items():
        shown[name] = [part.to_dict() for part in parts if not isinstance(part, Undefined)]
        for part in parts:
            if isinstance(part, Undefined):
                notes.remark(name, f"{name}: {part.reason}")
        notes.did(name, tables=len(shown[name]))
    shown["scoring"] = None if tally.median is None else scoring(tally, tuple(first), sizes=plan.sizes).to_dict()
    return shown


def _postprocessing(
    asked: _Subject, tally: Tally, tables: Sequence[GroupFindings], plan: AuditPlan, seed: int, notes: _Notes
) -> list[dict[str, Any]]:
    """Return the labelled comparison with thresholds by group, for a run: its scores are at hand, a table's are not."""
    if asked.run is None or asked.people is None or "labels" not in plan.sections or not tally.has_labels:
        return []
    scores = asked.run.scores
    demographics = read_demographics(asked.people)
    known = (scores.split == "test") & (scores.decision >= 0) & (np.asarray(scores.hirable) >= 0)
    found = []
    for attribute in dict.fromkeys(table.grouping[0] for table in tables if len(table.grouping) == 1):
        if attribute not in demographics.attributes:
            continue
        compared = compare_thresholds(
            scores.score[known],
            scores.decision[known],
            np.asarray(scores.hirable)[known],
            demographics.of(attribute, scores.candidates[known]),
            scores.candidates[known],
            attribute=attribute,
            minimum=plan.sizes.warn,
            seed=seed,
        )
        if isinstance(compared, Undefined):
            notes.remark("postprocessing", f"thresholds by group were not compared: {compared.reason}")
        else:
            found.append(compared.to_dict())
    notes.did("postprocessing", tables=len(found))
    return found


def _leakage(
    asked: _Subject,
    plan: AuditPlan,
    *,
    baseline: Run | None,
    representation: Path | None,
    intake: Intake,
    attributes: Sequence[str],
    faces: Faces | None,
    controls: int,
    seed: int,
    watch: Watch,
    notes: _Notes,
) -> LeakageResult | None:
    """Return what fresh probes read, where the plan asks for it and there is something to read."""
    if "leakage" not in plan.sections:
        if baseline is not None or representation is not None:
            notes.remark(
                "leakage", f"plan {plan.name} does not ask for leakage: baseline and representation were not read"
            )
        return None
    if asked.people is None:
        notes.remark("leakage", "leakage was not measured: there is no people table")
        return None
    # Loaded here because an audit of rates alone should not wait for the learning library.
    from fairhire.auditing.leakage import leakage_of_tables, measure_run

    everyone = read_demographics(
        asked.people,
        unknown=intake.unknown,
        columns=intake.people_columns,
        labels=intake.labels,
        declared=intake.declared,
    )
    demographics = replace(everyone, attributes={name: everyone.attributes[name] for name in attributes}, merged={})
    vectors, present = (None, None) if faces is None else (faces.vectors, faces.present)
    if asked.run is not None:
        return measure_run(
            asked.run,
            demographics,
            faces=vectors,
            face_mask=present,
            baseline=baseline,
            controls=controls,
            level=plan.level,
            seed=seed,
            watch=watch,
        )
    if baseline is not None:
        raise UsageError("--baseline: expected a run to stand beside it, got a table of scores")
    scores = asked.scores
    if scores is None:
        assert asked.table is not None
        if asked.table.is_dir() or intake.dates is not None:
            what = "a folder of them" if asked.table.is_dir() else "rows of some dates only"
            notes.remark("leakage", f"leakage was not measured: probes read one whole scores table, not {what}")
            return None
        if representation is None:
            notes.remark("leakage", "leakage was measured from the scores only: no --representation was given")
        scores = read_scores(
            asked.table,
            representation=representation,
            columns=intake.score_columns,
            score_range=intake.score_range,
        )
    return leakage_of_tables(scores, demographics, controls=controls, level=plan.level, seed=seed, watch=watch)


def _leakage_record(measured: LeakageResult | None, notes: _Notes) -> dict[str, Any]:
    if measured is None:
        return {"leakage": [], "leakage_against": []}
    record = measured.to_dict()
    for item in measured.left_out:
        notes.left(item.what, item.n, item.why)
    for words in measured.notes:
        notes.remark("leakage", words)
    notes.did("leakage", rows=len(measured.rows))
    return {"leakage": record["leakage"], "leakage_against": record["compare"]}


def _found(tables: Sequence[GroupFindings], plan: AuditPlan) -> tuple[str, ...]:
    """Return what the counting found that makes the plan ask for more words."""
    rare = any(
        under_share(row.n, plan.sizes.share, sum(other.n for other in table.rows))
        for table in tables
        for row in table.rows
        if row.n
    )
    return ("excluded",) if rare else ()
