"""Commands that make, import and inspect corpora."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairhire.commands.terminal import EXIT_CODES, need_command, print_table, progress, say
from fairhire.errors import UsageError

if TYPE_CHECKING:
    from fairhire.data.corpus import Corpus
    from fairhire.data.imported import Imported

__all__ = ["app", "simulated_beside"]

app = typer.Typer(help="Make, import and inspect corpora.", epilog=EXIT_CODES)


@app.callback(invoke_without_command=True)
def _corpus(context: typer.Context) -> None:
    need_command(context)


@app.command("simulate", epilog=EXIT_CODES)
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
    noise: Annotated[float, typer.Option(help="Each recruiter's own noise, in standard deviations of merit.")] = 0.6,
    questions: Annotated[int, typer.Option(help="Answers of an interview.")] = 5,
    positions: Annotated[int, typer.Option(help="Positions that people apply for.")] = 40,
    frames: Annotated[str, typer.Option(help="Frames of an answer, four a second: LOW-HIGH or one number.")] = "30-60",
    missing: Annotated[float, typer.Option(help="Share of answers without a given modality, 0 to 1.")] = 0.02,
    modality: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Record only this modality; may be given again (default: all three)."),
    ] = None,
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
        noise=noise,
        questions=questions,
        positions=positions,
        frames=_span(frames),
        missing=missing,
        modalities=tuple(modality) if modality else SimulationConfig.modalities,
    )
    _written(write_imported(_counted(simulate(config), interviews), out), truth=True)


def _span(words: str) -> tuple[int, int]:
    low, dash, high = words.partition("-")
    if not (low.isdigit() and (high.isdigit() if dash else not high)):
        raise UsageError(f"--frames: expected LOW-HIGH such as 30-60, or one number, got {words!r}")
    return int(low), int(high or low)


@app.command("import", epilog=EXIT_CODES)
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
        say(f"left out: {item.n} {item.what}: {item.why}")
    _written(corpus, truth=imported.truth is not None)


@app.command("info", epilog=EXIT_CODES)
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
        ["voices", str(len(corpus.voices)) if corpus.has_voices else "none"],
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
    print_table(str(path), ["", "holds"], facts)


@app.command("check", epilog=EXIT_CODES)
def corpus_check(path: Annotated[Path, typer.Argument(metavar="PATH", help="A corpus.")]) -> None:
    """Read every byte of a corpus and say whether it is sound (exit code 4 if not)."""
    from fairhire.data.corpus import Corpus

    for remark in Corpus(path).check():
        sys.stdout.write(f"note: {remark}\n")
    sys.stdout.write(f"{path}: sound\n")


def simulated_beside(out: Path) -> Corpus:
    """Return the simulated corpus that lies beside ``out``, made now if it is not there."""
    from fairhire.data.corpus import Corpus
    from fairhire.data.imported import write_imported
    from fairhire.data.simulated import SimulationConfig, simulate

    path = out.with_name(f"{out.name}.corpus")
    if path.exists():
        say(f"no corpus given: using the simulated one at {path}")
        return Corpus(path)
    say(f"no corpus given: simulating one, with known bias, at {path}")
    config = SimulationConfig()
    return write_imported(_counted(simulate(config), config.interviews), path)


def _counted(imported: Imported, total: int | None) -> Imported:
    """Show progress while an importer's interviews are written."""
    from dataclasses import replace

    def watched() -> Iterator[Any]:
        with progress("writing interviews", total or 0) as advance:
            for interview in imported.interviews:
                yield interview
                advance(1)

    return replace(imported, interviews=watched())


def _written(corpus: Corpus, *, truth: bool) -> None:
    names = ["people", *(["truth"] if truth else [])]
    beside = " and ".join(f"{corpus.path}.{name}.csv" for name in names)
    say(f"{len(corpus)} interviews; kept apart from them: {beside}")
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
