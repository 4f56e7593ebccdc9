"""Says in plain words what a trial found, how sure that is, what it does not show, and what to do next.

Every sentence follows from the numbers; "fell" and "rose" are said only where a paired interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.page import number
from fairhire.report.trial import Leak, RatioChange, Trial, direction_of, leaks

__all__ = ["Findings", "find"]


_FEW = 30
"""Test people below which the page warns (audit-rules.md 5.7)."""


@dataclass(frozen=True)
class Findings:
    """The page's first words: one headline, and four lists of sentences."""

    headline: str
    found: tuple[str, ...]
    sure: tuple[str, ...]
    not_shown: tuple[str, ...]
    next_steps: tuple[str, ...]


def find(trial: Trial) -> Findings:
    """Return what the numbers of ``trial`` allow to be said."""
    kept = leaks(trial.leakage, source="representation")
    said = leaks(trial.leakage, source="score")
    return Findings(
        headline=_headline(kept, trial),
        found=(
            *_leakage(kept),
            *_faces(trial),
            *_success(trial),
            *_scores(said),
            *_selection(trial),
            *_task(trial),
        ),
        sure=tuple(_sure(trial, kept)),
        not_shown=tuple(_not_shown(trial, kept)),
        next_steps=tuple(_next(trial, kept)),
    )


def _headline(kept: Sequence[Leak], trial: Trial) -> str:
    merit = {
        "higher": "It finds true merit better.",
        "lower": "The price: it finds true merit worse.",
        "undecided": "No difference in how well it finds true merit could be measured.",
        "undefined": "How well it finds true merit could not be measured.",
    }[direction_of(trial.merit_change)]
    return f"{_first_sentence(kept)} {merit}"


def _first_sentence(kept: Sequence[Leak]) -> str:
    names = {direction: _names(kept, direction) for direction in ("lower", "higher", "undecided")}
    if names["higher"]:
        return f"The defence failed: more of {_list(names['higher'])} can be read from the defended model."
    if not names["lower"] and not names["undecided"]:
        return "What can be read of the candidates could not be measured."
    if not names["lower"]:
        return "Whether the defended model gives away less of who the candidates are is undecided."
    left = ", though not nothing" if any(leak.remains for leak in kept if leak.direction == "lower") else ""
    if not names["undecided"]:
        return f"The defended model gives away less of who the candidates are{left}."
    return (
        f"The defended model gives away less of {_list(names['lower'])}{left}; "
        f"of {_list(names['undecided'])} that is undecided."
    )


def _measured(kept: Sequence[Leak]) -> bool:
    return any(isinstance(leak.after.estimate, Estimate) for leak in kept)


def _names(kept: Sequence[Leak], direction: str) -> list[str]:
    return [_words(leak.attribute) for leak in kept if leak.direction == direction]


def _leakage(kept: Sequence[Leak]) -> Iterator[str]:
    openings = {
        "lower": "Less can be read from what the defended model keeps of a candidate",
        "higher": "More can be read from what the defended model keeps of a candidate",
        "undecided": "Undecided at this number of people whether more or less can be read",
        "undefined": "Could not be measured",
    }
    for direction, opening in openings.items():
        chosen = [leak for leak in kept if leak.direction == direction]
        if chosen:
            yield f"{opening}: {_list([_before_after(leak) for leak in chosen])}."
    remaining = [_words(leak.attribute) for leak in kept if leak.remains]
    if remaining:
        yield (
            f"The defence is not complete: a fresh probe still reads {_list(remaining)} better than a blind guess "
            "(AUC 0.5)."
        )
    elif _measured(kept):
        yield "No probe read any attribute measurably better than a blind guess from the defended model."


def _before_after(leak: Leak) -> str:
    if isinstance(leak.after.estimate, Undefined):
        return f"{_words(leak.attribute)} ({leak.after.estimate.reason})"
    if isinstance(leak.before.estimate, Undefined):
        return f"{_words(leak.attribute)} ({leak.before.estimate.reason})"
    return f"{_words(leak.attribute)} (AUC {number(leak.before.estimate.value)} → {number(leak.after.estimate.value)})"


def _faces(trial: Trial) -> Iterator[str]:
    for leak in leaks(trial.leakage, source="representation", metric="recall@1"):
        before, after = leak.before.estimate, leak.after.estimate
        if isinstance(before, Undefined) or isinstance(after, Undefined):
            yield f"Whether faces can be found again could not be measured: {_reason(before, after)}."
            continue
        change = {"lower": "fewer than", "higher": "more than"}.get(leak.direction, "not measurably other than")
        yield (
            f"Shown the faces of all {leak.after.n_test} test people, a probe picks the right one for "
            f"{_percent(after.value)} of the interviews, {change} the {_percent(before.value)} "
            f"without the defence; a blind guess gets {_percent(leak.after.chance)}."
        )


def _success(trial: Trial) -> Iterator[str]:
    if trial.adversary is not None and trial.adversary.false_success:
        yield f"Beware of false success: {trial.adversary.false_success}."


def _scores(said: Sequence[Leak]) -> Iterator[str]:
    measured = [leak for leak in said if isinstance(leak.after.estimate, Estimate)]
    remaining = [_words(leak.attribute) for leak in measured if leak.remains]
    if remaining:
        yield f"The defended model's score alone still gives away something of {_list(remaining)}."
    elif measured:
        yield "From the defended model's score alone no probe read any attribute measurably better than a blind guess."


def _selection(trial: Trial) -> Iterator[str]:
    for change in trial.ratio_changes:
        if isinstance(change.before, Undefined) or isinstance(change.after, Undefined):
            why = _reason(change.before, change.after)
            yield f"Selection by {_words(change.attribute)} could not be compared: {why}."
            continue
        verdict = {
            "higher": "a rise beyond chance",
            "lower": "a fall beyond chance",
            "undecided": "a difference that chance may explain",
            "undefined": "whether beyond chance could not be measured",
        }[direction_of(change.difference)]
        yield (
            f"Selection by {_words(change.attribute)}: the undefended model selects “{change.group}” "
            f"{number(change.before.value)} times as often as “{change.benchmark}”, the defended one "
            f"{number(change.after.value)} times: {verdict}{_label_ratio(trial, change)}."
        )


def _label_ratio(trial: Trial, change: RatioChange) -> str:
    for impact in trial.recruiters:
        worst = impact.smallest
        if impact.attribute == change.attribute and worst is not None and not isinstance(worst.ratio, Undefined):
            return f" (the recruiters: “{worst.category}” {number(worst.ratio)} times as often as “{impact.benchmark}”)"
    return ""


def _task(trial: Trial) -> Iterator[str]:
    for change, what, before, after in (
        (trial.merit_change, "true merit", trial.undefended.truth, trial.defended.truth),
        (trial.task_change, "the recruiters' biased verdicts", trial.undefended.recruiters, trial.defended.recruiters),
    ):
        if isinstance(change, Undefined):
            yield f"How well the scores find {what} could not be compared: {change.reason}."
            continue
        verb = {"higher": "rose", "lower": "fell", "undecided": "did not change measurably"}[direction_of(change)]
        yield f"How well the scores find {what} {verb}: AUC {_value(before['auc'])} → {_value(after['auc'])}."


def _sure(trial: Trial, kept: Sequence[Leak]) -> Iterator[str]:
    yield (
        f"Everything was measured on {trial.people['test']} people ({trial.interviews['test']} interviews) whom "
        "neither model saw in training; the probes were fitted on other people, too."
    )
    if trial.people["test"] < _FEW:
        yield f"That is fewer than {_FEW} people: rely on no figure here."
    yield (
        f"Brackets are 95 % intervals: people were resampled {trial.replicates} times, or a formula for ratios was "
        "used. “Less”, “more”, “rose” and “fell” are said only where the interval of the paired difference excludes "
        "zero. Of twenty such intervals about one does so by chance alone."
    )
    undecided = [_words(leak.attribute) for leak in kept if leak.direction == "undecided"]
    undecided += [
        f"selection by {_words(c.attribute)}" for c in trial.ratio_changes if direction_of(c.difference) == "undecided"
    ]
    if undecided:
        yield f"Undecided with this many people: {_list(undecided)}."
    controls = [row.control for row in trial.leakage.rows if row.control is not None]
    if controls:
        low, high = min(control.mean for control in controls), max(control.mean for control in controls)
        yield (
            f"Control: on attributes shuffled among people the same probes read AUC {number(low)} to {number(high)} on "
            "average; 0.5 means that they do not find what is not there."
        )
    yield "Each model was trained once, from one seed: another seed gives other figures, and no interval covers that."


def _not_shown(trial: Trial, kept: Sequence[Leak]) -> Iterator[str]:
    yield (
        f"Anything about real people: the interviews are simulated, and the recruiters' bias ({trial.bias:g} on its "
        "dial) was planted to be found."
    )
    if _measured(kept) and not any(leak.remains for leak in kept):
        yield "That nothing leaks: only that these probes, on this many people, found nothing."
    yield (
        "That other attributes are protected: the adversary removes what a face shows; a voice or a choice of words "
        "gives things away that no face does."
    )
    yield (
        "That a model is fair or lawful. The line at four fifths is a rule of thumb of the US federal guidelines "
        "(29 CFR 1607.4(D)), not a verdict; other rules apply elsewhere."
    )
    yield "Adversary accuracy is not leakage: what an opponent in training believes says nothing of a fresh one."


def _next(trial: Trial, kept: Sequence[Leak]) -> Iterator[str]:
    if any(leak.direction == "higher" for leak in kept):
        yield (
            "Do not use this defended model. Train again with more adversary steps (`--adversary-steps`) or less "
            "strength (`--strength`)."
        )
    elif any(leak.remains for leak in kept):
        yield (
            "To remove more, train longer or with more adversary steps (`--epochs`, `--adversary-steps`), and measure "
            "again with fresh probes: `fairhire leakage`."
        )
    if any(leak.direction in ("undecided", "undefined") for leak in kept) or any(
        direction_of(change.difference) in ("undecided", "undefined") for change in trial.ratio_changes
    ):
        yield "To decide what is undecided, measure more people: `fairhire demo --interviews` with a larger number."
    if direction_of(trial.merit_change) == "lower":
        yield "Weigh the price: a smaller `--strength` keeps more of the merit and more of the leak."
    yield "Repeat with other seeds (`--seed`) before relying on any figure."
    yield (
        "Then take your own interviews: `fairhire corpus import`, `fairhire train --adversary face`, and "
        "`fairhire leakage` with a people table that only the audit sees."
    )


def _words(attribute: str) -> str:
    return attribute.replace("_", " ")


def _list(items: Sequence[str]) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _value(measurement: Measurement) -> str:
    return number(measurement.value) if isinstance(measurement, Estimate) else str(measurement)


def _reason(*measurements: Measurement) -> str:
    return next(one.reason for one in measurements if isinstance(one, Undefined))
