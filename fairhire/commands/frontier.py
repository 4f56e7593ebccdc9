"""The command that sweeps removers and draws leakage against task score."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fairhire.commands.terminal import print_table, progress, say
from fairhire.errors import UsageError

__all__ = ["COMMANDS"]


def frontier_command(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A corpus with faces.")],
    out: Annotated[Path, typer.Option(help="The folder of the sweep; the same one again goes on where it was.")],
    people: Annotated[
        Path | None, typer.Option(help="A people table: measure its attributes too, and say what an oracle would pick.")
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADVERSARY[:STRENGTH][/ERASER[/OFFSET]]",
            help="A point to train, as face:1/cut or none/face-leace; may be given again [default: fourteen of them].",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of every point, from 0.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train at the same time, one thread each.")] = 1,
    modality: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Use only this modality; may be given again (default: all)."),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="SITE", help="Where removers act, as in train (default: fused).")
    ] = None,
    model: Annotated[str, typer.Option(help="hirenet, hn-satt, hn-avg or bigru.")] = "hirenet",
    fusion: Annotated[str, typer.Option(help="none, early, late or gated.")] = "early",
    hidden: Annotated[int, typer.Option(help="GRU units per direction (ours).")] = 64,
    epochs: Annotated[int, typer.Option(help="Passes over the training people at most (ours).")] = 60,
    batch: Annotated[int | None, typer.Option(help="Interviews in a batch (default: as in train).")] = None,
    tolerance: Annotated[
        float, typer.Option(help="Share of the task score to give up for less leakage at most, 0 to 1 (ours).")
    ] = 0.1,
    split: Annotated[str, typer.Option(help="candidate, fold:i/k, or a split that the corpus brings.")] = "candidate",
    fractions: Annotated[str, typer.Option(help="Shares of people in train/validation/test (ours).")] = "0.6/0.1/0.3",
    probe: Annotated[
        list[str] | None, typer.Option(metavar="FAMILY", help="Use only this family of probes (default: all).")
    ] = None,
    label_table: Annotated[
        Path | None, typer.Option(help="SENSITIVE labels, for the points label and label-leace (default: none).")
    ] = None,
    label_attribute: Annotated[str | None, typer.Option(help="The column of that table (default: none).")] = None,
) -> None:
    """Train removers at several strengths and seeds, and draw what each costs and what it leaves."""
    from fairhire.atomic import sha256
    from fairhire.auditing.demographics import read_demographics
    from fairhire.auditing.leakage import PROBES
    from fairhire.commands.training import sensitive_labels_of, three_numbers
    from fairhire.data.corpus import Corpus
    from fairhire.frontier import POINTS, parse_point, run_frontier
    from fairhire.training import TrainConfig

    training = TrainConfig(
        model=model,
        modalities=tuple(modality) if modality else None,
        fusion=fusion,
        sites=tuple(at) if at else ("fused",),
        hidden=hidden,
        epochs=epochs,
        batch=batch,
        tolerance=tolerance,
        split=split,
        fractions=three_numbers(fractions),
    )
    for name in probe or ():
        if name not in PROBES:
            raise UsageError(f"--probe: expected one of {', '.join(PROBES)}, got {name!r}")
    opened = Corpus(corpus)
    points = [parse_point(words) for words in (point or POINTS)]
    if label_table is not None and point is None:
        points += [parse_point(words) for words in ("label:1/none", "none/label-leace")]
    labels = None
    if label_table is not None or label_attribute is not None:
        if not any(one.reads_labels for one in points):
            raise UsageError("--label-table, --label-attribute: expected only with a point that reads labels, got none")
        labels = sensitive_labels_of(opened, label_table, label_attribute, asked="a point that reads labels")
    record = run_frontier(
        opened,
        out,
        points=points,
        seeds=range(seeds),
        training=training,
        people=None if people is None else read_demographics(people),
        people_sha256=None if people is None else sha256(people),
        sensitive_labels=labels,
        probes={name: found for name, found in PROBES.items() if not probe or name in probe},
        workers=workers,
        watch=progress,
    )
    names = ["face", *record["attributes"]]
    rows = [
        [
            ("* " if row["name"] == record["choice"]["picked"] else "") + row["name"],
            _mean(row["mean"]["task"]),
            *(_mean(row["mean"]["leak"][name]) for name in names),
            _mean(row["mean"]["effective_rank"]),
            *(f"{row['worse'][name]}/{len(row['runs'])}" for name in names[:1]),
        ]
        for row in record["points"]
    ]
    columns = ["point (* picked without labels)", "task AUC", *names, "effective rank", "seeds worse (face)"]
    print_table(f"{out}: means over {seeds} seeds; leakage of the representation to fresh probes, AUC", columns, rows)
    for failure in record["failed"]:
        say(f"failed: {failure['point']}, seed {failure['seed']}: {failure['why']}")
    for oracle in record["choice"]["oracles"]:
        sys.stdout.write(
            f"an oracle that sees {oracle['attribute']} would have picked {oracle['picked']}: the label-free choice "
            f"leaks {_mean(oracle['leak_difference'])} more of it, task AUC {_mean(oracle['task_difference'])} higher\n"
        )
    sys.stdout.write(f"{record['verdict']}\n{out / 'frontier.html'}\n")


def _mean(value: dict[str, float | str]) -> str:
    if "undefined" in value:
        return "undefined"
    number = f"{value['value']:.3f}"
    return number if "low" not in value else f"{number} [{value['low']:.3f}, {value['high']:.3f}]"


COMMANDS = {"frontier": frontier_command}
