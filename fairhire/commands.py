"""What users type: a thin layer that reads options, calls the package and says what came out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fairhire import __version__
from fairhire.errors import DataError, FairhireError, UsageError
from fairhire.progress import show_progress, silent

if TYPE_CHECKING:
    from fairhire.adversaries.label import SensitiveLabels
    from fairhire.data.corpus import Corpus
    from fairhire.data.imported import Imported
    from fairhire.estimate import Measurement
    from fairhire.runs import Run

__all__ = ["app", "main"]

_EXIT_CODES = (
    "Exit codes: 0 fine; 1 a gate of the plan failed; 2 wrong use or configuration; 3 undecided or not computable; "
    "4 unreadable or invalid data; 5 verification failed."
)

app = typer.Typer(
    name="fairhire",
    help="Hiring models that do not judge by the face, and audits that can prove it.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
corpus_app = typer.Typer(help="Make, import and inspect corpora.", no_args_is_help=True, epilog=_EXIT_CODES)
app.add_typer(corpus_app, name="corpus")

_quiet = False


def main() -> None:
    """Run the command line; every mistake of a user ends in one line and its exit code."""
    try:
        code = app(standalone_mode=False)
    except FairhireError as error:
        code = _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        code = _fail(error.format_message(), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted; what was finished is kept", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code or 0)


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"fairhire: {line}\n")
    return code


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"fairhire {__version__}\n")
        raise typer.Exit


@app.callback()
def _everywhere(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results and errors only.")] = False,
) -> None:
    global _quiet  # noqa: PLW0603 - one switch of one process
    _quiet = quiet or version


def _say(text: str) -> None:
    """Tell the user something that is not a result."""
    if not _quiet:
        sys.stderr.write(f"{text}\n")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Any]:
    if _quiet:
        yield silent
    else:
        with show_progress(what, total) as advance:
            yield advance


def _print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a file or a pipe: lines whole
    console.print(table)


# --- corpora ----------------------------------------------------------------------------------------------------------


@corpus_app.command("simulate")
def corpus_simulate(
    out: Annotated[
        Path, typer.Argument(help="The corpus to make; OUT.people.csv and OUT.truth.csv are put beside it.")
    ],
    interviews: Annotated[int, typer.Option(help="Interviews to make.")] = 1000,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    bias: Annotated[float, typer.Option(help="How much the recruiters' verdicts lean on who the candidate is.")] = 1.0,
    leak: Annotated[float, typer.Option(help="How much words, voice and picture show of who the candidate is.")] = 1.0,
    leak_text: Annotated[float | None, typer.Option(help="The same for words alone (default: --leak).")] = None,
    leak_audio: Annotated[float | None, typer.Option(help="The same for audio alone (default: --leak).")] = None,
    leak_video: Annotated[float | None, typer.Option(help="The same for video alone (default: --leak).")] = None,
    context: Annotated[float, typer.Option(help="How much the question and the job decide what counts, 0 to 1.")] = 1.0,
) -> None:
    """Make interviews with known merit, known bias and known leaks."""
    from fairhire.data.imported import write_imported
    from fairhire.data.simulated import SimulationConfig, simulate

    config = SimulationConfig(
        interviews=interviews,
        seed=seed,
        bias=bias,
        leak=leak,
        leak_text=leak_text,
        leak_audio=leak_audio,
        leak_video=leak_video,
        context=context,
    )
    _written(write_imported(_counted(simulate(config), interviews), out), truth=True)


@corpus_app.command("import")
def corpus_import(
    dataset: Annotated[str, typer.Argument(help="first-impressions, faircvtest, mit-interview or table.")],
    source: Annotated[Path, typer.Argument(help="The data set as its authors give it out: a file or a folder.")],
    out: Annotated[Path, typer.Argument(help="The corpus to make; OUT.people.csv is put beside it.")],
    option: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A choice of that importer; see the docs.")
    ] = None,
) -> None:
    """Read a known data set, or a table of your own, into a corpus."""
    from fairhire.data import DATASETS
    from fairhire.data.imported import write_imported

    if dataset not in DATASETS:
        raise UsageError(f"data set: expected one of {', '.join(DATASETS)}, got {dataset!r}")
    options = dict(_pair(pair) for pair in option or [])
    imported = _read_dataset(dataset, source, options)
    corpus = write_imported(_counted(imported, None), out)
    for item in imported.left_out:
        _say(f"left out: {item.n} {item.what}: {item.why}")
    _written(corpus, truth=imported.truth is not None)


@corpus_app.command("info")
def corpus_info(path: Annotated[Path, typer.Argument(help="A corpus.")]) -> None:
    """Print what a corpus holds."""
    from fairhire.data.corpus import Corpus

    corpus = Corpus(path)
    counts = corpus.record["counts"]
    labels = corpus.interviews["hirable"]
    facts = [
        ["interviews", str(counts["interviews"])],
        ["candidates", str(counts["candidates"])],
        ["answers", str(counts["answers"])],
        ["hirable", f"{int(labels.sum())} of {int(labels.notna().sum())} labelled"],
        ["positions", str(corpus.interviews["position"].nunique())],
        ["faces", str(len(corpus.faces)) if corpus.has_faces else "none"],
        ["splits", ", ".join(corpus.splits) or "none of its own (split by candidate when training)"],
        ["targets", ", ".join(corpus.targets) or "none"],
    ]
    for name, modality in corpus.modalities.items():
        length = corpus.length(name)
        recorded = int((length > 0).sum())
        rate = f", {modality.rate_hz:g} a second" if modality.rate_hz else ""
        facts.append(
            [name, f"{recorded} answers, {int(length.sum())} frames of width {modality.width}{rate} ({modality.units})"]
        )
    _print_table(str(path), ["", "holds"], facts)


@corpus_app.command("check")
def corpus_check(path: Annotated[Path, typer.Argument(help="A corpus.")]) -> None:
    """Read every byte of a corpus and say whether it is sound (exit code 4 if not)."""
    from fairhire.data.corpus import Corpus

    for remark in Corpus(path).check():
        sys.stdout.write(f"note: {remark}\n")
    sys.stdout.write(f"{path}: sound\n")


# --- training -----------------------------------------------------------------------------------------------------------


@app.command("train")
def train_command(
    corpus: Annotated[Path | None, typer.Argument(help="A corpus; without one, the simulated corpus is made.")] = None,
    adversary: Annotated[str, typer.Option(help="none, face, face-regression, or label (a baseline).")] = "none",
    modality: Annotated[list[str] | None, typer.Option(help="Use only this modality; may be given again.")] = None,
    model: Annotated[str, typer.Option(help="hirenet, hn-satt, hn-avg or bigru.")] = "hirenet",
    fusion: Annotated[str, typer.Option(help="How several modalities meet: none, early or late.")] = "early",
    out: Annotated[Path | None, typer.Option(help="The run to write (default: runs/MODEL-ADVERSARY).")] = None,
    strength: Annotated[
        str, typer.Option(help="The adversary's strength; several, as 0.3,1,3, are chosen from without labels.")
    ] = "1",
    adversary_steps: Annotated[int, typer.Option(help="Steps of the adversary for one of the model.")] = 5,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training people at most.")] = None,
    batch: Annotated[int | None, typer.Option(help="Interviews in a batch.")] = None,
    hidden: Annotated[int | None, typer.Option(help="GRU units per direction.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the model's Adam.")] = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without better weights before stopping early.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Share of the task score that may be given up for less leakage, 0 to 1.")
    ] = None,
    select_by: Annotated[str, typer.Option(help="The task score that chooses weights: auc or f1.")] = "auc",
    threshold: Annotated[float, typer.Option(help="Selected means a score of this or more.")] = 0.5,
    split: Annotated[str, typer.Option(help="candidate, fold:i/k, or a split that the corpus brings.")] = "candidate",
    fractions: Annotated[str, typer.Option(help="Shares of people in train/validation/test.")] = "0.8/0.1/0.1",
    word_vectors: Annotated[Path | None, typer.Option(help="Word vectors as fastText or GloVe text.")] = None,
    label_table: Annotated[
        Path | None, typer.Option(help="SENSITIVE labels, for --adversary label only: a people table.")
    ] = None,
    label_attribute: Annotated[str | None, typer.Option(help="The column of that table to attack.")] = None,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="32-true or bf16-mixed.")] = "32-true",
    processes: Annotated[int, typer.Option(help="Processes that share every batch.")] = 1,
) -> None:
    """Train a model; run again with the same words after a crash, it goes on where it was."""
    from fairhire.data.corpus import Corpus
    from fairhire.training import TrainConfig, train

    optional = {
        "epochs": epochs,
        "batch": batch,
        "hidden": hidden,
        "learning_rate": learning_rate,
        "patience": patience,
        "tolerance": tolerance,
    }
    config = TrainConfig(
        model=model,
        modalities=tuple(modality) if modality else None,
        fusion=fusion,
        adversary=adversary,
        strengths=_numbers(strength, ",", "strength"),
        adversary_steps=adversary_steps,
        select_by=select_by,
        threshold=threshold,
        split=split,
        fractions=_three(fractions),
        seed=seed,
        device=device,
        precision=precision,
        processes=processes,
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )
    out = out or Path("runs") / f"{model}-{adversary}"
    opened = Corpus(corpus) if corpus else _simulated_beside(out)
    labels = _sensitive_labels(opened, adversary, label_table, label_attribute)
    steps = max(1, len(opened) // config.batch) * config.epochs * len(config.strengths)
    with _progress("training", steps) as advance:
        run = train(opened, config, out, sensitive_labels=labels, word_vectors=word_vectors, advance=advance)
    _print_run(run)


@app.command("predict")
def predict_command(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    corpus: Annotated[Path, typer.Argument(help="A corpus with the same modalities.")],
    out: Annotated[Path, typer.Option(help="The scores table to write: .parquet or .csv.")],
    representation: Annotated[Path | None, typer.Option(help="Write the interview vectors there (.npy).")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Score interviews with a trained model: the corpus's rows, in the corpus's order."""
    import numpy as np

    from fairhire.atomic import new_file
    from fairhire.data.corpus import Corpus
    from fairhire.runs import Run
    from fairhire.training import predict

    if out.suffix not in (".parquet", ".csv"):
        raise UsageError(f"--out: expected a name ending in .parquet or .csv, got {out}")
    opened = Corpus(corpus)
    with _progress("predicting", len(opened)) as advance:
        scores = predict(Run(run), opened, device=device, advance=advance)
    if representation is not None:
        assert scores.representation is not None
        with new_file(representation) as path, path.open("wb") as file:
            np.save(file, scores.representation)
    scores.write(out)
    missing = int((scores.decision < 0).sum())
    _say(f"{len(scores) - missing} interviews scored, {missing} without anything the model reads (score left empty)")
    sys.stdout.write(f"{out}\n")


def _counted(imported: Imported, total: int | None) -> Imported:
    """Show progress while an importer's interviews are written."""
    from dataclasses import replace

    def watched() -> Iterator[Any]:
        with _progress("writing interviews", total or 0) as advance:
            for interview in imported.interviews:
                yield interview
                advance(1)

    return replace(imported, interviews=watched())


def _written(corpus: Corpus, *, truth: bool) -> None:
    names = ["people", *(["truth"] if truth else [])]
    beside = " and ".join(f"{corpus.path}.{name}.csv" for name in names)
    _say(f"{len(corpus)} interviews; kept apart from them: {beside}")
    sys.stdout.write(f"{corpus.path}\n")


def _read_dataset(name: str, source: Path, options: dict[str, str]) -> Imported:
    import inspect

    from fairhire.data import DATASETS

    read: Callable[..., Imported] = DATASETS[name]
    known = [key for key in inspect.signature(read).parameters if key != "source"]
    if unknown := sorted(set(options) - set(known)):
        raise UsageError(f"--set: expected one of {', '.join(known) or 'nothing'} for {name}, got {unknown[0]!r}")
    values: dict[str, Any] = dict(options)
    if "face_encoder" in known:
        from fairhire.media import FACE_ENCODERS

        encoder = options.get("face_encoder", "eigenfaces")
        if encoder not in FACE_ENCODERS:
            raise UsageError(f"--set face_encoder: expected one of {', '.join(FACE_ENCODERS)}, got {encoder!r}")
        values["face_encoder"] = FACE_ENCODERS[encoder]()
    return read(source, **values)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set: expected KEY=VALUE, got {text!r}")
    return key.replace("-", "_"), value


def _numbers(text: str, separator: str, name: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(separator))
    except ValueError:
        raise UsageError(f"--{name}: expected numbers separated by {separator!r}, got {text!r}") from None


def _three(text: str) -> tuple[float, float, float]:
    numbers = _numbers(text, "/", "fractions")
    if len(numbers) != 3:
        raise UsageError(f"--fractions: expected three numbers such as 0.8/0.1/0.1, got {text!r}")
    return numbers


def _simulated_beside(out: Path) -> Corpus:
    from fairhire.data.corpus import Corpus
    from fairhire.data.imported import write_imported
    from fairhire.data.simulated import SimulationConfig, simulate

    path = out.with_name(f"{out.name}.corpus")
    if path.exists():
        _say(f"no corpus given: using the simulated one at {path}")
        return Corpus(path)
    _say(f"no corpus given: simulating one, with known bias, at {path}")
    config = SimulationConfig()
    return write_imported(_counted(simulate(config), config.interviews), path)


def _sensitive_labels(
    corpus: Corpus, adversary: str, table: Path | None, attribute: str | None
) -> SensitiveLabels | None:
    """Read sensitive labels for the direct baseline; the only way by which any can reach training."""
    if adversary != "label":
        if table or attribute:
            raise UsageError(
                f"--label-table, --label-attribute: expected only with --adversary label, got adversary {adversary!r}"
            )
        return None
    if table is None or attribute is None:
        raise UsageError(
            "--adversary label: expected --label-table FILE and --label-attribute COLUMN, got neither or one"
        )
    from fairhire.adversaries.label import SensitiveLabels
    from fairhire.audit.demographics import read_demographics

    demographics = read_demographics(table)
    _say("WARNING: the label adversary reads sensitive labels; it is the baseline that the paper compares against")
    raise NotImplementedError(demographics, SensitiveLabels, corpus)


def _shown(measured: Measurement) -> str:
    from fairhire.estimate import Undefined

    if isinstance(measured, Undefined):
        return f"undefined: {measured.reason}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def _print_run(run: Run) -> None:
    pass
