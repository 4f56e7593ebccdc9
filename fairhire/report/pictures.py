"""The three drawings of a trial: what leaks, what the defence cost and brought, and how training went."""

from __future__ import annotations

from fairhire.auditing.impact import Impact
from fairhire.auditing.leakage import LeakageRow
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.figures import Curve, CurvePanel, Mark, Panel, Row, draw_curves, draw_intervals
from fairhire.report.page import Fragment, figure, number
from fairhire.report.trial import DEFENDED, UNDEFENDED, ModelFigures, Trial

__all__ = ["draw_leakage", "draw_price", "draw_training"]

_PANELS = {"representation": "From what the model keeps", "score": "From the score alone"}
_BOTH = (("undefended", "undefended"), ("defended", "defended"))


def draw_leakage(trial: Trial) -> Fragment:
    """Return figure 1: the AUC of fresh probes by attribute, undefended beside defended."""
    panels = [
        Panel(title, "AUC of a fresh probe", _forest(trial, source), lines=((0.5, "chance"),), limits=(0.4, 1))
        for source, title in _PANELS.items()
    ]
    strongest = [
        f"{row.subject} {row.attribute} from {row.source} {_said(row.estimate)}"
        for row in trial.leakage.strongest()
        if row.metric == "auc"
    ]
    return figure(
        draw_intervals(panels, name="leakage", legend=_BOTH, columns=2),
        title="Figure 1. What a fresh probe can read of the candidates: 0.5 is a blind guess, 1 is everything",
        alt=f"Intervals of the AUC by attribute and probe, undefended beside defended: {'; '.join(strongest)}.",
        caption="One line per attribute and kind of probe; of an attribute with several categories the one that is "
        "read best, whichever model and probe it is. “Face” asks the probe to rank the faces of all test people. "
        "Bars are 95 % intervals by person. All figures stand in the tables below.",
    )


def _forest(trial: Trial, source: str) -> tuple[Row, ...]:
    found: dict[tuple[str, str], dict[str, LeakageRow]] = {}
    for row in trial.leakage.rows:
        if row.source == source and row.metric in ("auc", "mean_rank_auc"):
            best = found.setdefault((row.attribute, row.probe), {})
            if row.subject not in best or _level(row.estimate) > _level(best[row.subject].estimate):
                best[row.subject] = row
    return tuple(
        Row(
            attribute,
            f"{_plain(attribute)}, {probe}",
            tuple(Mark(subject, best[subject].estimate) for subject in (UNDEFENDED, DEFENDED) if subject in best),
        )
        for (attribute, probe), best in found.items()
    )


def draw_price(trial: Trial) -> Fragment:
    """Return figure 2: AUC against both labels, and the lowest impact ratio of every attribute."""
    tasks = tuple(
        Row(label, label, (Mark("undefended", before["auc"]), Mark("defended", after["auc"])))
        for label, before, after in (
            ("true merit", trial.undefended.truth, trial.defended.truth),
            ("recruiters' verdicts", trial.undefended.recruiters, trial.defended.recruiters),
        )
    )
    ratios = tuple(
        Row(impact.attribute, f"{_plain(impact.attribute)}: {label}", (Mark(series, measured),), note=note)
        for position, impact in enumerate(trial.recruiters)
        for series, label, whose in (
            ("truth", "true merit", trial.truth),
            ("recruiters", "recruiters", trial.recruiters),
            ("undefended", "undefended", trial.undefended.impacts),
            ("defended", "defended", trial.defended.impacts),
        )
        for measured, note in (_lowest(whose[position]),)
    )
    panels = [
        Panel(
            "How well the scores find those who deserve it, and those whom the recruiters chose",
            "AUC",
            tasks,
            limits=(0.8, 1),
        ),
        Panel(
            "How often the least selected group is selected for one selected of the most selected group",
            "impact ratio",
            ratios,
            lines=((0.8, "four fifths"), (1.0, "parity")),
            limits=(0.6, 1.1),
        ),
    ]
    said = [f"{row.label} {_said(row.marks[0].measurement)}" for row in ratios]
    return figure(
        draw_intervals(
            panels,
            name="price",
            legend=(("truth", "true merit"), ("recruiters", "recruiters' verdicts"), *_BOTH),
        ),
        title="Figure 2. What the defence cost, and what it brought",
        alt=f"AUC against both labels and lowest impact ratios with intervals: {'; '.join(said)}.",
        caption="Above: a model that shares the recruiters' bias agrees more with them, and less with true merit. "
        "Below: selected means a score above the median, or the label; which two groups are compared stands at the "
        "right. The line at four fifths is the US federal guideline (29 CFR 1607.4(D)), a rule of thumb, not a "
        "verdict. With few people even true merit misses parity by chance. Bars are 95 % intervals.",
    )


def _lowest(impact: Impact) -> tuple[Measurement, str]:
    worst = impact.smallest
    if worst is None or impact.benchmark is None:
        reasons = [group.interval for group in impact.groups if isinstance(group.interval, Undefined)]
        return next(iter(reasons), Undefined("no group is known", impact.unknown_n)), ""
    return worst.interval, f"{worst.category} : {impact.benchmark}"


def draw_training(trial: Trial) -> Fragment:
    """Return figure 3: the task over the epochs, and the adversary beside its chance."""
    task = CurvePanel(
        "The task, on validation people",
        "AUC against the recruiters",
        tuple(_task_curve(model) for model in (trial.undefended, trial.defended)),
    )
    played = [epoch for epoch in trial.defended.history if epoch.adversary_accuracy is not None]
    numbers = tuple(epoch.number for epoch in played)
    accuracy = tuple(epoch.adversary_accuracy or 0.0 for epoch in played)
    chance = tuple(epoch.adversary_chance or 0.0 for epoch in played)
    curves = (
        Curve("defended", "adversary accuracy", numbers, accuracy, trial.defended.chosen_epoch),
        Curve("chance", "a blind guess", numbers, chance),
    )
    opponent = CurvePanel(
        "The adversary in training (not leakage)",
        "share of faces picked rightly",
        curves if played else (),
        missing="no adversary played",
    )
    said = ""
    if trial.adversary is not None:
        said = (
            f" In the chosen epoch its accuracy was {number(trial.adversary.accuracy)} beside a chance of "
            f"{number(trial.adversary.chance)}."
        )
    return figure(
        draw_curves((task, opponent), name="training"),
        title="Figure 3. Training, epoch by epoch: the adversary's accuracy is not leakage",
        alt=f"Validation AUC of both models over the epochs, and the adversary's accuracy beside chance.{said}",
        caption="Flat where only the adversary learns. Ringed: the epoch whose weights are kept, chosen by the task "
        f"and a fresh face probe, without a sensitive label.{said} An adversary at chance proves nothing: what a fresh "
        "probe reads is in figure 1.",
    )


def _task_curve(model: ModelFigures) -> Curve:
    return Curve(
        model.name,
        model.name,
        tuple(epoch.number for epoch in model.history),
        tuple(epoch.task_auc for epoch in model.history),
        model.chosen_epoch,
    )


def _level(measurement: Measurement) -> float:
    return measurement.value if isinstance(measurement, Estimate) else -1.0


def _said(measurement: Measurement) -> str:
    if isinstance(measurement, Undefined):
        return str(measurement)
    return f"{number(measurement.value)} [{number(measurement.low)}, {number(measurement.high)}]"


def _plain(attribute: str) -> str:
    return attribute.replace("_", " ")
