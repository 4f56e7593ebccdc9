"""Every number of a trial as tables: counts and intervals beside each, reasons where there is none."""

from __future__ import annotations

from collections.abc import Iterator

from fairhire.auditing.impact import GroupImpact
from fairhire.auditing.leakage import LeakageRow
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.page import Cell, Fragment, Signed, paragraph, table
from fairhire.report.trial import DEFENDED, UNDEFENDED, Trial

__all__ = [
    "tabulate_impact",
    "tabulate_leakage",
    "tabulate_left_out",
    "tabulate_provenance",
    "tabulate_task",
    "tabulate_training",
]

_TASK = {
    "auc": "AUC",
    "average_precision": "average precision",
    "f1": "F1",
    "f1_all_positive": "F1 of choosing everybody",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
}
_SOURCES = {"representation": "what the model keeps (the representation)", "score": "the score alone"}


def tabulate_task(trial: Trial) -> Iterator[Fragment]:
    """Yield how well both models do, against true merit and against the recruiters."""
    people = trial.people["test"]
    for caption, before, after, change in (
        ("true merit (the unbiased label)", trial.undefended.truth, trial.defended.truth, trial.merit_change),
        (
            "the recruiters' biased verdicts",
            trial.undefended.recruiters,
            trial.defended.recruiters,
            trial.task_change,
        ),
    ):
        rows: list[list[Cell]] = [
            [words, before[key], after[key], Signed(change) if key == "auc" else None, people]
            for key, words in _TASK.items()
            if key in before and key in after
        ]
        yield table(
            f"How well the scores find {caption}",
            ("figure", "undefended", "defended", "difference (paired)", "people"),
            rows,
            note="F1, precision, recall and accuracy at a score of 0.5 or more. Intervals by person.",
        )


def tabulate_impact(trial: Trial) -> Iterator[Fragment]:
    """Yield selection rates and impact ratios of every group, for both labels and both models."""
    for position, impact in enumerate(trial.recruiters):
        rows: list[list[Cell]] = []
        for chooser, tables in (
            ("true merit", trial.truth),
            ("recruiters", trial.recruiters),
            ("undefended", trial.undefended.impacts),
            ("defended", trial.defended.impacts),
        ):
            rows += [[chooser, *_group(group, tables[position].benchmark)] for group in tables[position].groups]
            unknown = tables[position]
            if unknown.unknown_n:
                rows.append(
                    [chooser, "unknown (counted only)", unknown.unknown_n, unknown.unknown_selected, *[None] * 3]
                )
        yield table(
            f"Selection by {impact.attribute.replace('_', ' ')}",
            ("chosen by", "group", "interviews", "selected", "rate", "impact ratio", "four fifths"),
            rows,
        )
    yield table(
        "The same two groups under both models",
        ("attribute", "groups", "undefended", "defended", "difference (paired)"),
        [
            [
                change.attribute.replace("_", " "),
                f"{change.group} : {change.benchmark}",
                change.before,
                change.after,
                Signed(change.difference),
            ]
            for change in trial.ratio_changes
        ],
        note="Selected means a score above the median of all test interviews, or the label. Rates: Wilson intervals; "
        "ratios: Katz intervals, interviews counted as independent; differences: people resampled. Four fifths: the "
        "US federal guideline (29 CFR 1607.4(D)), compared in whole numbers; “undecided” where the interval covers "
        "0.8. A rule of thumb, not a verdict.",
    )


def _group(group: GroupImpact, benchmark: str | None) -> list[Cell]:
    ratio: Cell = group.interval
    if group.category == benchmark and not isinstance(group.ratio, Undefined):
        ratio = "benchmark"
    elif isinstance(group.interval, Undefined) and not isinstance(group.ratio, Undefined):
        ratio = group.ratio
    return [group.category, group.n, group.selected, group.rate, ratio, _four_fifths(group, benchmark)]


def _four_fifths(group: GroupImpact, benchmark: str | None) -> str | None:
    """Return the three-way reading of the line (audit-rules.md 5.1)."""
    if group.below is None or group.category == benchmark:
        return None
    interval = group.interval
    if isinstance(interval, Estimate) and interval.low >= 0.8:
        return "clear of it"
    if isinstance(interval, Estimate) and interval.high < 0.8:
        return "below it"
    return f"undecided ({'below' if group.below else 'not below'})"


def tabulate_leakage(trial: Trial) -> Iterator[Fragment]:
    """Yield every reading of every probe, undefended beside defended."""
    yield paragraph(
        "Leakage is what a fresh probe reads of people whom neither the model nor the probe has seen. The control is "
        "the same probe on attributes shuffled among people. The headline takes the strongest probe of each attribute."
    )
    result = trial.leakage
    paired = {(c.source, c.target, c.probe, c.metric): c.difference for c in result.comparisons}
    for source, words in _SOURCES.items():
        rows: list[list[Cell]] = []
        faces: list[list[Cell]] = []
        for before, after in _pairs(result.rows, source):
            difference = Signed(paired[source, after.target, after.probe, after.metric])
            figures: list[Cell] = [before.estimate, after.estimate, difference]
            if after.metric == "auc":
                controls: list[Cell] = [_mean(before), _mean(after)]
                rows.append(
                    [after.target.replace("_", " "), after.probe, *figures, *controls, after.n_fit, after.n_test]
                )
            else:
                metric = {"mean_rank_auc": "mean-rank AUC"}.get(after.metric, after.metric)
                faces.append([metric, after.probe, *figures, after.chance, after.n_fit, after.n_test])
        yield table(
            f"Attributes read from {words}: AUC, chance 0.5",
            (
                "target",
                "probe",
                "undefended",
                "defended",
                "difference (paired)",
                "control, undef.",
                "control, def.",
                "people fitted",
                "people tested",
            ),
            rows,
        )
        if faces:
            yield table(
                f"Faces found again from {words}",
                (
                    "figure",
                    "probe",
                    "undefended",
                    "defended",
                    "difference (paired)",
                    "chance",
                    "people fitted",
                    "people tested",
                ),
                faces,
                note="recall@k: the share of test interviews whose own face is among the first k of all test people.",
            )


def _pairs(rows: tuple[LeakageRow, ...], source: str) -> Iterator[tuple[LeakageRow, LeakageRow]]:
    def key(row: LeakageRow) -> tuple[str, str, str]:
        return (row.target, row.probe, row.metric)

    before = {key(row): row for row in rows if row.source == source and row.subject == UNDEFENDED}
    for row in rows:
        if row.source == source and row.subject == DEFENDED:
            yield before[key(row)], row


def _target(row: LeakageRow) -> str:
    attribute = row.attribute.replace("_", " ")
    return attribute if row.target == row.attribute else f"{attribute}: {row.target.removeprefix(f'{row.attribute}=')}"


def _mean(row: LeakageRow) -> float | None:
    return None if row.control is None else row.control.mean


def tabulate_training(trial: Trial) -> Iterator[Fragment]:
    """Yield the epochs whose weights are kept, and what the adversary said of itself there."""
    adversary: Measurement | float | None = None if trial.adversary is None else trial.adversary.accuracy
    chance = None if trial.adversary is None else trial.adversary.chance
    rows: list[list[Cell]] = []
    for model in (trial.undefended, trial.defended):
        kept = next(epoch for epoch in model.history if epoch.number == model.chosen_epoch)
        mine = model is trial.defended
        rows.append(
            [
                model.name,
                len(model.history),
                model.chosen_epoch,
                kept.task_auc,
                adversary if mine else None,
                chance if mine else None,
            ]
        )
    yield table(
        "The weights that were kept",
        ("model", "epochs played", "epoch kept", "validation AUC", "adversary accuracy", "its chance"),
        rows,
        note="Adversary accuracy is what the opponent in training scored on training people; it is not leakage.",
    )


def tabulate_left_out(trial: Trial) -> Iterator[Fragment]:
    """Yield what no figure covers, counted, with the reason."""
    yield table(
        "Counted, and not in the figures",
        ("what", "n", "why"),
        [[item.what, item.n, item.why] for item in trial.left_out],
    )
    for remark in trial.remarks:
        yield paragraph(remark)


def tabulate_provenance(trial: Trial) -> Iterator[Fragment]:
    """Yield hashes, versions, seeds and settings."""
    parts: list[list[Cell]] = [[part, trial.people[part], trial.interviews[part]] for part in trial.people]
    yield table("Who was where: whole people, never one on two sides", ("part", "people", "interviews"), parts)
    yield table("To repeat it", ("what", "value"), [[name, value] for name, value in trial.provenance])
