"""A trial made by hand, whose numbers the tests can turn."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fairhire.auditing.impact import Impact, impact_by_group
from fairhire.auditing.leakage import Comparison, Control, LeakageResult, LeakageRow
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.left_out import LeftOut
from fairhire.report import AdversaryEnd, Epoch, ModelFigures, RatioChange, Trial

CHANGE = {"lower": (-0.2, -0.1), "higher": (0.1, 0.2), "undecided": (-0.05, 0.05)}


def about(value: float, reach: float = 0.02, n: int = 500) -> Estimate:
    return Estimate(value, value - reach, value + reach, 0.95, n)


def change(direction: str, n: int = 500) -> Measurement:
    if direction == "undefined":
        return Undefined("too few people", n)
    low, high = CHANGE[direction]
    return Estimate((low + high) / 2, low, high, 0.95, n)


def impact(attribute: str, first: str, second: str, selected: tuple[int, int]) -> Impact:
    """Two groups of 100, of whom so many are selected."""
    groups = np.repeat([first, second], 100)
    chosen = np.concatenate([np.arange(100) < count for count in selected])
    return impact_by_group(chosen, groups, attribute=attribute)


def leakage_result(
    directions: dict[str, str], *, after: dict[str, float] | None = None, faces: str = "lower"
) -> LeakageResult:
    """Each attribute at .9 before; after, as ``after`` says; every probe of it changing in one direction."""
    rows, comparisons = [], []
    for source in ("representation", "score"):
        for subject in ("defended", "undefended"):
            for attribute, direction in directions.items():
                level = 0.9 if subject == "undefended" else (after or {}).get(attribute, 0.75)
                for probe, less in (("linear", 0.0), ("mlp", 0.01)):
                    estimate: Measurement = about(level - less)
                    if direction == "undefined":
                        estimate = Undefined("fewer than 10 people on one side (3)", 500)
                    place = (subject, source, attribute, attribute, probe, "auc")
                    control = Control(0.5, 0.48, 0.52, 3)
                    rows.append(LeakageRow(*place, estimate, 0.5, 800, 500, control, level))
            for metric, value in (("recall@1", 0.1), ("recall@10", 0.3), ("mean_rank_auc", 0.9)):
                level = value if subject == "undefended" else value / 2 + 0.05
                place = (subject, source, "face", "face", "linear", metric)
                chance = 0.5 if metric == "mean_rank_auc" else int(metric.split("@")[1]) / 500
                rows.append(LeakageRow(*place, about(level), chance, 800, 500))
        for row in rows:
            if row.source == source and row.subject == "defended":
                difference = change(faces if row.attribute == "face" else directions[row.attribute])
                comparisons.append(
                    Comparison("defended", "undefended", source, row.target, row.probe, row.metric, difference)
                )
    return LeakageResult(tuple(rows), tuple(comparisons), (LeftOut("interviews", 300, "validation"),), 0)


def model(name: str, impacts: tuple[Impact, ...], *, adversary: bool) -> ModelFigures:
    history = tuple(
        Epoch(number, 0.6 + number / 50, *((0.1, 0.01) if adversary and number > 2 else ())) for number in range(1, 9)
    )
    task = {"auc": about(0.9), "f1": about(0.8), "precision": Undefined("nobody is chosen", 500)}
    return ModelFigures(name, task, {"auc": about(0.85)}, impacts, history, 6)


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., Trial]:
    def make(
        *,
        leak: dict[str, str] | None = None,
        after: dict[str, float] | None = None,
        faces: str = "lower",
        merit: str = "higher",
        ratio: str = "higher",
        names: tuple[str, str, str] = ("gender", "women", "men"),
        **changes: object,
    ) -> Trial:
        attribute, first, second = names
        impacts = {
            who: (impact(attribute, first, second, counts),)
            for who, counts in (
                ("recruiters", (30, 60)),
                ("truth", (48, 50)),
                ("undefended", (35, 65)),
                ("defended", (48, 52)),
            )
        }
        trial = Trial(
            undefended=model("undefended", impacts["undefended"], adversary=False),
            defended=model("defended", impacts["defended"], adversary=True),
            recruiters=impacts["recruiters"],
            truth=impacts["truth"],
            merit_change=change(merit),
            task_change=change("lower"),
            ratio_changes=(RatioChange(attribute, first, second, about(0.54), about(0.92), change(ratio)),),
            leakage=leakage_result(leak or {attribute: "lower", "age_group": "lower"}, after=after, faces=faces),
            adversary=AdversaryEnd(0.011, 0.008, None),
            people={"train": 800, "validation": 200, "test": 500},
            interviews={"train": 900, "validation": 220, "test": 560},
            bias=1.0,
            replicates=1000,
            left_out=(LeftOut("interviews", 220, "validation"),),
            remarks=("a remark",),
            provenance=(("seed", "0"), ("SHA-256 of corpus.json", "ab" * 32)),
        )
        return replace(trial, **changes)  # type: ignore[arg-type]

    return make
