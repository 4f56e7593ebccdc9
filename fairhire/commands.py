"""What users type: a thin layer that reads options, calls the package and says what came out."""

from __future__ import annotations

import io
import os
import re
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
from fairhire.errors import DataError, FairhireError, NotComputableError, UsageError
from fairhire.progress import show_progress, silent

if TYPE_CHECKING:
    from fairhire.adversaries.label import SensitiveLabels
    from fairhire.auditing.leakage import LeakageResult
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
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
corpus_app = typer.Typer(help="Make, import and inspect corpora.", epilog=_EXIT_CODES)
app.add_typer(corpus_app, name="corpus")

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory")  # as torch says it of a GPU, and of the machine
_INTERRUPTED = 130  # as of a program that SIGINT ends

_quiet = False


def main() -> None:
    """Run the command line; every mistake of a user ends in one line and its exit code."""
    global _quiet
    # Threads that wait for each other by spinning take a busy machine's time from themselves: measured, two threads
    # were then thirty times slower than one. Read when torch is loaded; an own setting is left alone.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = sys.argv[1:]
    _quiet = "--quiet" in words or _is_helper()  # understood before and after the command
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this program
            setattr(sys, name, io.StringIO())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal has no letters for
    try:
        code = app([word for word in words if word != "--quiet"], standalone_mode=False)
        sys.stdout.flush()
        if code == _INTERRUPTED:  # typer's own answer to Ctrl-C, without a word
            raise KeyboardInterrupt
    except FairhireError as error:
        code = _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        code = _fail(error.format_message(), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted; what was finished is kept", _INTERRUPTED)
    except (BrokenPipeError, SystemExit):  # typer and rich leave so, when nobody reads the results any more
        _drop_results()
        code = 141  # as of a program that SIGPIPE ends
    except OSError as error:
        if error.filename is None:
            _drop_results()
        code = _fail(f"{error.filename or 'writing the results'}: {error.strerror or error}", DataError.exit_code)
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or _NO_MEMORY.search(str(error))):
            raise
        code = _fail("out of memory: take a smaller --batch or --hidden, or fewer modalities", UsageError.exit_code)
    sys.exit(code or 0)


def _drop_results() -> None:
    """Send what is still to be written nowhere, so that nothing is tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"fairhire: {line}\n")
    return code


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"fairhire {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _everywhere(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print results and errors only; may stand after the command too.")
    ] = False,
) -> None:
    """Options of every command."""
    global _quiet
    _quiet = _quiet or quiet or version
    _need_command(context)


@corpus_app.callback(invoke_without_command=True)
def _corpus(context: typer.Context) -> None:
    _need_command(context)


def _need_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        sys.stderr.write(f"{context.get_help()}\n")
        raise typer.Exit(UsageError.exit_code)


def _is_helper() -> bool:
    """Return whether this is one of several training processes, but not the first, which speaks for all."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


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
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a file or a pipe: lines whole
    sys.stdout.write(f"{title}\n")
    console.print(table)


# --- corpora --------------------------------------------------------------------------------------------------------


@corpus_app.command("simulate", epilog=_EXIT_CODES)
def corpus_simulate(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The corpus to make; OUT.people.csv and OUT.truth.csv are put beside it."),
    ],
    interviews: Annotated[int, typer.Option(help="Interviews to make.")] = 1000,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    bias: Annotated[float, typer.Option(help="How much the recruiters' verdicts lean on who the candidate is.")] = 1.0,
    leak: Annotated[float, typer.Option(help="How much words, voice and picture show of who the candidate is.")] = 1.0,
    leak_text: Annotated[float, typer.Option(help="Multiplies --leak for words.")] = 1.0,
    leak_audio: Annotated[float, typer.Option(help="Multiplies --leak for audio.")] = 1.0,
    leak_video: Annotated[float, typer.Option(help="Multiplies --leak for video.")] = 1.0,
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


@corpus_app.command("import", epilog=_EXIT_CODES)
def corpus_import(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="first-impressions, faircvtest, mit-interview or table.")
    ],
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="The data set as its authors give it out: a file or a folder.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The corpus to make; OUT.people.csv is put beside it.")],
    cut: Annotated[
        float | None, typer.Option(help="Hirable means at or above this rating (default: the data set's own).")
    ] = None,
    label: Annotated[str | None, typer.Option(help="faircvtest: biased (default) or blind.")] = None,
    faces: Annotated[str | None, typer.Option(help="faircvtest: plain (default) or agnostic embeddings.")] = None,
    clips: Annotated[str | None, typer.Option(help="first-impressions: all (default) or with-faces.")] = None,
    demographics: Annotated[
        str | None, typer.Option(help="first-impressions: official (default) labels only, or inferred ones too.")
    ] = None,
    face_encoder: Annotated[
        str | None, typer.Option(help="first-impressions: eigenfaces (default, no download) or facenet.")
    ] = None,
) -> None:
    """Read a known data set, or a table of your own, into a corpus."""
    from fairhire.data import DATASETS
    from fairhire.data.imported import write_imported

    if dataset not in DATASETS:
        raise UsageError(f"data set: expected one of {', '.join(DATASETS)}, got {dataset!r}")
    choices: dict[str, Any] = {
        "cut": cut,
        "label": label,
        "faces": faces,
        "clips": clips,
        "demographics": demographics,
        "face_encoder": face_encoder,
    }
    given = {name: value for name, value in choices.items() if value is not None}
    imported = _read_dataset(DATASETS[dataset], dataset, source, given)
    corpus = write_imported(_counted(imported, None), out)
    for item in imported.left_out:
        _say(f"left out: {item.n} {item.what}: {item.why}")
    _written(corpus, truth=imported.truth is not None)


@corpus_app.command("info", epilog=_EXIT_CODES)
def corpus_info(path: Annotated[Path, typer.Argument(metavar="PATH", help="A corpus.")]) -> None:
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


@corpus_app.command("check", epilog=_EXIT_CODES)
def corpus_check(path: Annotated[Path, typer.Argument(metavar="PATH", help="A corpus.")]) -> None:
    """Read every byte of a corpus and say whether it is sound (exit code 4 if not)."""
    from fairhire.data.corpus import Corpus

    for remark in Corpus(path).check():
        sys.stdout.write(f"note: {remark}\n")
    sys.stdout.write(f"{path}: sound\n")


# --- training -------------------------------------------------------------------------------------------------------


@app.command("train", epilog=_EXIT_CODES)
def train_command(
    corpus: Annotated[
        Path | None, typer.Argument(metavar="CORPUS", help="A corpus; without one, the simulated corpus is made.")
    ] = None,
    adversary: Annotated[str, typer.Option(help="none, face, face-regression, or label (a baseline).")] = "none",
    modality: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Use only this modality; may be given again (default: all of the corpus)."),
    ] = None,
    model: Annotated[str, typer.Option(help="hirenet, hn-satt, hn-avg or bigru.")] = "hirenet",
    fusion: Annotated[str, typer.Option(help="How several modalities meet: none, early or late.")] = "early",
    out: Annotated[Path | None, typer.Option(help="The run to write (default: runs/MODEL-ADVERSARY).")] = None,
    strength: Annotated[
        str, typer.Option(help="The adversary's strength (ours); one of several, as 0.3,1,3, is chosen without labels.")
    ] = "3",
    adversary_steps: Annotated[
        int, typer.Option(help="Steps of the adversary for one of the model; one was measured to leak more.")
    ] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the training people at most (ours).")] = 60,
    batch: Annotated[
        int | None, typer.Option(help="Interviews in a batch [default: 256, or a tenth of fewer than 2560, but 32].")
    ] = None,
    hidden: Annotated[int, typer.Option(help="GRU units per direction (ours; the paper's are unknown).")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Of the model's Adam (ours).")] = 0.001,
    patience: Annotated[int, typer.Option(help="Epochs without better weights before stopping early (ours).")] = 15,
    tolerance: Annotated[
        float, typer.Option(help="Share of the task score to give up for less leakage at most, 0 to 1 (ours).")
    ] = 0.1,
    select_by: Annotated[str, typer.Option(help="The task score that chooses weights: auc or f1.")] = "auc",
    threshold: Annotated[float, typer.Option(help="Selected means a score, 0 to 1, of this or more.")] = 0.5,
    split: Annotated[str, typer.Option(help="candidate, fold:i/k, or a split that the corpus brings.")] = "candidate",
    fractions: Annotated[
        str, typer.Option(help="Shares of people in train/validation/test (the paper's).")
    ] = "0.8/0.1/0.1",
    word_vectors: Annotated[
        Path | None,
        typer.Option(help="Word vectors as fastText or GloVe text (default: word embeddings are learnt)."),
    ] = None,
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
        epochs=epochs,
        batch=batch,
        hidden=hidden,
        learning_rate=learning_rate,
        patience=patience,
        tolerance=tolerance,
    )
    out = out or Path("runs") / f"{model}-{adversary}"
    if not out.name:
        raise UsageError(f"--out: expected the name of a new folder, got {out}")
    opened = Corpus(corpus) if corpus else _simulated_beside(out)
    labels = _sensitive_labels(opened, adversary, label_table, label_attribute)
    interviews = round(len(opened) * config.fractions[0])
    steps = max(1, round(interviews / config.batch_size(interviews))) * config.epochs * len(config.strengths)
    with _progress("training", steps) as advance:
        run = train(opened, config, out, sensitive_labels=labels, word_vectors=word_vectors, advance=advance)
    if not _is_helper():
        _print_run(run)


@app.command("predict", epilog=_EXIT_CODES)
def predict_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A corpus with the same modalities.")],
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
    if representation is not None and representation.suffix != ".npy":
        raise UsageError(f"--representation: expected a name ending in .npy, got {representation}")
    _check_device(device)
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


def _check_device(device: str) -> None:
    import torch

    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device: expected cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device: expected a machine with CUDA for cuda, got none; use --device cpu")


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


def _read_dataset(read: Callable[..., Imported], name: str, source: Path, given: dict[str, Any]) -> Imported:
    """Call an importer with the options it knows; refuse the others by name."""
    import inspect

    from fairhire.media import FACE_ENCODERS

    known = [parameter for parameter in inspect.signature(read).parameters if parameter != "source"]
    if unknown := sorted(set(given) - set(known)):
        options = ", ".join(f"--{option.replace('_', '-')}" for option in known) or "no options"
        raise UsageError(f"--{unknown[0].replace('_', '-')}: {name} takes {options}")
    if "face_encoder" in known:
        encoder = given.get("face_encoder", "eigenfaces")
        if encoder not in FACE_ENCODERS:
            raise UsageError(f"--face-encoder: expected one of {', '.join(FACE_ENCODERS)}, got {encoder!r}")
        given = {**given, "face_encoder": FACE_ENCODERS[encoder]()}
    return read(source, **given)


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
    from fairhire.auditing.demographics import UNKNOWN, read_demographics

    ids = corpus.interviews["id"].to_numpy(dtype=str)
    categories = read_demographics(table).of(attribute, corpus.interviews["candidate"].to_numpy(dtype=str))
    classes = sorted(set(categories[categories != UNKNOWN].tolist()))
    place = {name: number for number, name in enumerate(classes)}
    of = {str(i): place[str(c)] for i, c in zip(ids, categories, strict=True) if c != UNKNOWN}
    _say(f"WARNING: the label adversary reads {attribute} of {len(of)} interviews; it is the paper's baseline, no more")
    return SensitiveLabels(classes, of)


def _print_run(run: Run) -> None:
    """Print how a finished run does on test people, and what its adversary said of itself."""
    from fairhire.estimate import Estimate, task_metrics

    scores, chosen = run.scores, run.chosen
    for remark in run.provenance["remarks"]:
        _say(f"note: {remark}")
    for item in run.provenance["left_out"]:
        _say(f"left out: {item['n']} {item['what']}: {item['why']}")
    assert scores.hirable is not None
    test = (scores.split == "test") & (scores.hirable >= 0) & (scores.decision >= 0)
    if test.any():
        threshold = float(run.config["threshold"])
        metrics = task_metrics(
            scores.hirable[test], scores.score[test], persons=scores.candidates[test], threshold=threshold
        )
        people = len(set(scores.candidates[test]))
        _print_table(
            f"{run.path}: {int(test.sum())} interviews of {people} test people, 95 % intervals by person",
            ["task", "estimate"],
            [[name.replace("_", " "), _shown(value)] for name, value in metrics.items()],
        )
        auc = metrics["auc"]
        if isinstance(auc, Estimate) and auc.low <= 0.5:
            sys.stdout.write("on these people the scores cannot be told from chance: the AUC's interval reaches 0.5\n")
    if "adversary_accuracy" in chosen:
        sys.stdout.write(
            f"adversary accuracy {chosen['adversary_accuracy']:.4f}, chance {chosen['adversary_chance']:.4f} (epoch "
            f"{chosen['epoch']}, strength {chosen['strength']:g}). This is not leakage: an adversary at chance proves "
            f"nothing. Measure with: fairhire leakage {run.path} CORPUS --people PEOPLE.csv\n"
        )
    sys.stdout.write(f"{run.path}\n")


# --- leakage --------------------------------------------------------------------------------------------------------


@app.command("leakage", epilog=_EXIT_CODES)
def leakage_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    corpus: Annotated[
        Path | None,
        typer.Argument(metavar="CORPUS", help="Its corpus, for its faces; without it face retrieval is left out."),
    ] = None,
    people: Annotated[Path | None, typer.Option(help="The people table: candidate, then protected attributes.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="The undefended run on the same corpus and split, to stand beside.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON there.")] = None,
    controls: Annotated[
        int, typer.Option(min=0, help="Permutations of every attribute among people, to show chance.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of probes, permutations and bootstrap.")] = 0,
) -> None:
    """Measure what fresh probes read of people from the scores and the representation of a run."""
    from dataclasses import replace
    from importlib.metadata import version

    import numpy as np

    from fairhire.atomic import sha256, write_json
    from fairhire.auditing.demographics import read_demographics
    from fairhire.auditing.leakage import LeftOut, leakage
    from fairhire.data.corpus import Corpus
    from fairhire.estimate import Undefined
    from fairhire.runs import Run

    if people is None:
        raise UsageError("--people: expected a people table (candidate, then protected attributes), got none")
    defended, demographics = Run(run), read_demographics(people)
    subject = run.resolve().name
    undefended = None if baseline is None else Run(baseline)
    scores, left_out = defended.scores, []
    inputs = [(people, people, len(demographics)), (run, run / "provenance.json", len(scores))]
    if undefended is not None and not (
        np.array_equal(undefended.scores.ids, scores.ids) and np.array_equal(undefended.scores.split, scores.split)
    ):
        raise DataError(f"{baseline}: expected the interviews and the split of {run}, got others")
    if baseline is not None:
        inputs.append((baseline, baseline / "provenance.json", len(scores)))
    for attribute, spellings in demographics.merged.items():
        _say(
            f"{attribute}: " + ", ".join(f"{written!r} read as {category!r}" for written, category in spellings.items())
        )
    test = scores.split == "test"
    fit = (scores.split == "train") & ~np.isin(scores.candidates, scores.candidates[test])
    if shared := int((scores.split == "train").sum() - fit.sum()):
        left_out.append(LeftOut("training interviews", shared, "of candidates who are also tested"))
    faces = face_mask = None
    if corpus is not None and (opened := Corpus(corpus)).has_faces:
        if not np.array_equal(opened.interviews["id"].to_numpy(dtype=str), scores.ids):
            raise DataError(f"{corpus}: expected the interviews of {run}, got others")
        face_mask = opened.face_rows >= 0
        faces = np.asarray(opened.faces)[np.maximum(opened.face_rows, 0)]
        inputs.append((corpus, corpus / "corpus.json", len(opened)))
    else:
        left_out.append(LeftOut("interviews in face retrieval", len(scores), "no corpus with faces was given"))
    result = leakage(
        _sources(defended),
        demographics,
        candidates=scores.candidates,
        fit=fit,
        test=test,
        subject=subject,
        against=None if undefended is None else _sources(undefended),
        against_subject="undefended" if baseline is None else f"{baseline.resolve().name} (baseline)",
        faces=faces,
        face_mask=face_mask,
        controls=controls,
        seed=seed,
        watch=_progress,
    )
    result = replace(result, left_out=(*result.left_out, *left_out))
    _print_leakage(result, subject)
    sentence = _adversary_beside(defended, result, subject)
    if sentence:
        sys.stdout.write(f"{sentence}\n")
    if out is not None:
        record = result.to_dict()
        record["adversary"] = {key: defended.chosen.get(f"adversary_{key}") for key in ("accuracy", "chance")}
        record["disagreement"] = sentence
        record["inputs"] = [
            {"name": path.resolve().name, "sha256": sha256(file), "rows": rows} for path, file, rows in inputs
        ]
        record["versions"] = {name: version(name) for name in ("fairhire", "numpy", "scikit-learn")}
        write_json(out, record)
        sys.stdout.write(f"{out}\n")
    reasons = [row.estimate.reason for row in result.rows if isinstance(row.estimate, Undefined)]
    if len(reasons) == len(result.rows):
        why = reasons[0] if reasons else f"{people} leaves nothing to ask for"
        raise NotComputableError(f"leakage of {run}: nothing could be measured: {why}")


def _sources(run: Run) -> dict[str, Any]:
    assert run.scores.representation is not None
    return {"score": run.scores.score, "representation": run.scores.representation}


def _adversary_beside(run: Run, result: LeakageResult, subject: str) -> str | None:
    """Return the sentence that is due when the adversary and the fresh probes disagree."""
    from fairhire.auditing.leakage import false_success

    accuracy, chance = (run.chosen.get(f"adversary_{key}") for key in ("accuracy", "chance"))
    if accuracy is None or chance is None:
        return None
    return false_success(accuracy, chance, [row for row in result.rows if row.subject == subject])


def _print_leakage(result: LeakageResult, subject: str) -> None:
    """Print one line a question and probe, the baseline beside it where there is one."""
    rows = []
    beside = {(row.source, row.target, row.probe, row.metric): row for row in result.rows if row.subject != subject}
    change = {(one.source, one.target, one.probe, one.metric): one.difference for one in result.comparisons}
    for row in result.rows:
        if row.subject != subject:
            continue
        key = (row.source, row.target, row.probe, row.metric)
        control = "" if row.control is None else f"{row.control.mean:.3f}"
        cells = [row.source, row.target, row.probe, row.metric, _shown(row.estimate), f"{row.chance:.3f}", control]
        if beside:
            cells += [_shown(beside[key].estimate), _shown(change[key])]
        rows.append([*cells, f"{row.n_fit}/{row.n_test}"])
    columns = ["source", "target", "fresh probe", "metric", "leakage", "chance", "shuffled"]
    columns += ["undefended", "difference"] if beside else []
    _print_table(
        f"{subject}: leakage to fresh probes, judged on people unseen by model and probe; 95 % intervals by person",
        [*columns, "people fit/test"],
        rows,
    )
    for item in result.left_out:
        _say(f"left out: {item.n} {item.what}: {item.why}")


# --- the demo -------------------------------------------------------------------------------------------------------


@app.command("demo", epilog=_EXIT_CODES)
def demo_command(
    out: Annotated[Path, typer.Option(help="The folder for corpus, runs and report.")] = Path("demo-report"),
    interviews: Annotated[int, typer.Option(help="Interviews to simulate.")] = 2400,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
) -> None:
    """Simulate biased interviews, train without and with the face adversary, and compare both in one report."""
    from fairhire.demo import run_demo

    sys.stdout.write(f"{run_demo(out, interviews=interviews, seed=seed, quiet=_quiet)}\n")


def _shown(measured: Measurement) -> str:
    from fairhire.estimate import Undefined

    if isinstance(measured, Undefined):
        return f"undefined: {measured.reason}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"
