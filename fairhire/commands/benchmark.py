"""The command that runs the paper's bench: every baseline and HireNet, every modality, one table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fairhire.commands.terminal import print_table, progress, say
from fairhire.errors import UsageError

__all__ = ["COMMANDS"]


def benchmark_command(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A corpus with labels.")],
    out: Annotated[Path, typer.Option(help="The folder of the bench; the same one again goes on where it was.")],
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of every system, from 0 (ours).")] = 1,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Cross-validate by candidate: every person is tested once a seed [default: no]."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work at the same time, one thread each.")] = 1,
    modality: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Compare on this modality; may be given again (default: all)."),
    ] = None,
    rating: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Predict this rating too, or all; may be given again (default: none)."),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A table for the classic learners: one row an interview, its id first, then numbers (default: none).",
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE[:COLUMN[:RATING]]",
            help="Scores of another system: interview ids first; COLUMN is score unless named; RATING is what they "
            "predict too (default: none).",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="candidate, or a split that the corpus brings.")] = "candidate",
    fractions: Annotated[
        str, typer.Option(help="Shares of people in train/validation/test (the paper's).")
    ] = "0.8/0.1/0.1",
    hidden: Annotated[int, typer.Option(help="GRU units per direction of the networks (ours).")] = 32,
    epochs: Annotated[int, typer.Option(help="Passes of the networks over the training people at most (ours).")] = 30,
    patience: Annotated[int, typer.Option(help="Epochs without better weights before stopping early (ours).")] = 8,
    learning_rate: Annotated[float, typer.Option(help="Of the networks' Adam (ours).")] = 0.003,
    dropout: Annotated[float, typer.Option(help="Of the networks, 0 to 0.95 (ours).")] = 0.3,
    batch: Annotated[int | None, typer.Option(help="Interviews in a batch (default: as in train).")] = None,
    longest: Annotated[int, typer.Option(help="Frames or words of an answer that networks read (ours).")] = 512,
    select_by: Annotated[
        str, typer.Option(help="What chooses a network's epoch: auc (ours: F1 is won by calling everybody) or f1.")
    ] = "auc",
    word_vectors_width: Annotated[int, typer.Option("--word-dim", help="Numbers of a word, learnt (ours).")] = 64,
) -> None:
    """Run the paper's bench: votes, classic learners, networks and fusions, with paired tests between neighbours."""
    from fairhire.bench import BenchConfig, run_benchmark
    from fairhire.commands.training import three_numbers
    from fairhire.data.corpus import Corpus
    from fairhire.training import TrainConfig

    opened = Corpus(corpus)
    ratings = tuple(rating or ())
    training = TrainConfig(
        modalities=tuple(modality) if modality else None,
        ratings=opened.targets if ratings == ("all",) else ratings,
        split=split,
        fractions=three_numbers(fractions),
        hidden=hidden,
        attention=hidden,
        word_dim=word_vectors_width,
        epochs=epochs,
        patience=patience,
        learning_rate=learning_rate,
        dropout=dropout,
        batch=batch,
        longest=longest,
        select_by=select_by,
    )
    config = BenchConfig(
        training=training,
        seeds=tuple(range(seeds)),
        folds=folds,
        features={name: Path(path) for name, path in _pairs(features, "features", "NAME=FILE")},
        others=_others(beside),
    )
    record = run_benchmark(opened, out, config, workers=workers, watch=progress)
    _print(record, out)


def _pairs(words: list[str] | None, option: str, form: str) -> list[tuple[str, str]]:
    pairs = []
    for word in words or ():
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--{option}: expected {form}, got {word!r}")
        pairs.append((name, path))
    if len({name for name, _ in pairs}) != len(pairs):
        raise UsageError(f"--{option}: expected every name once, got {', '.join(name for name, _ in pairs)}")
    return pairs


def _others(words: list[str] | None) -> dict[str, Any]:
    from fairhire.bench import OtherScores

    found = {}
    for name, rest in _pairs(words, "beside", "NAME=FILE[:COLUMN[:RATING]]"):
        path, column, rating = (*rest.split(":", 2), "", "")[:3]
        found[name] = OtherScores(Path(path), column or "score", rating or None)
    return found


def _print(record: dict[str, Any], out: Path) -> None:
    protocol = record["protocol"]
    rows = [
        [f"{system['group']}: {system['system']}", *(_shown(system["figures"][name]) for name in _FIGURES)]
        for system in record["systems"]
    ]
    title = (
        f"{out}: {protocol['tested']} tested interviews of {protocol['people']} people, "
        f"{len(protocol['seeds'])} seeds, 95 % intervals by person"
    )
    print_table(title, ["system", "precision", "recall", "F1", "average precision", "AUC"], rows)
    for rating in record["ratings"]:
        rows = [
            [f"{system['group']}: {system['system']}", *(_shown(system["figures"][key]) for key in _OF_RATINGS)]
            for system in rating["systems"]
        ]
        print_table(f"rating {rating['rating']}: {rating['rated']} rated", ["system", "1-MAE", "R2", "r"], rows)
    for answer in record["answers"]:
        sys.stdout.write(f"{answer['hypothesis']}, {answer['claim']}: {answer['words']}\n")
    for row in record["tests"]:
        if row["group"] == "fusion":
            sys.stdout.write(f"{row['stronger']} fusion beside {row['weaker']}: {row['decided']}\n")
    if (identity := record["identity"]) is not None:
        say(
            f"identity leak: {identity['known_people']} of {identity['people']} tested people also stand in training "
            f"or validation; knowing who it is and nothing else has an F1 of {_shown(identity['f1'])}"
        )
    for item in record["left_out"]:
        say(f"left out: {item['n']} {item['what']}: {item['why']}")
    for failure in record["failed"]:
        say(f"failed: {failure['system']}, {failure['round']}: {failure['why']}")
    sys.stdout.write(f"{record['verdict']}\n{out / 'benchmark.html'}\n")


_FIGURES = ("precision", "recall", "f1", "average_precision", "auc")
_OF_RATINGS = ("one_minus_mae", "r2", "r")


def _shown(value: dict[str, Any]) -> str:
    if "undefined" in value:
        return "undefined"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


COMMANDS = {"benchmark": benchmark_command}
