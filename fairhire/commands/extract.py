"""The command that turns recordings into a corpus."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fairhire.commands.terminal import print_table, progress, say, visible
from fairhire.errors import UsageError

__all__ = ["COMMANDS"]


def extract_command(
    recordings: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDINGS",
            help="A folder of recordings, one folder a candidate, or a table (.csv, .csv.gz, .parquet) with columns "
            "recording, candidate and, where known, interview, slot, question, position, job_title, hirable.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The corpus to make; OUT.recordings.csv (how each recording fared) and OUT.people.csv are put beside "
            "it, and OUT.work while it goes on.",
        ),
    ],
    faces: Annotated[
        str, typer.Option(metavar="NAME", help="Face embeddings: eigenfaces (no download), facenet or none.")
    ] = "eigenfaces",
    face_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="facenet's weights (default: looked for in the cache).")
    ] = None,
    face_frames: Annotated[
        int, typer.Option(help="Pictures of a recording whose face is embedded, at most (ours).")
    ] = 5,
    rate: Annotated[float, typer.Option(help="Pictures a second in which faces are looked for (ours).")] = 4.0,
    gestures: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Video modality: openface, mediapipe, boxes (place, size and turn of the face, from the face "
            "detector), none, or auto: the first of them that is at hand.",
        ),
    ] = "auto",
    landmark_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="MediaPipe's face_landmarker.task (default: none).")
    ] = None,
    voice: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Audio modality, 25 descriptors of eGeMAPS: smoothed, raw (100 a second), none."
        ),
    ] = "smoothed",
    window: Annotated[
        float, typer.Option(help="Seconds over which voice and gestures are averaged (the paper's).")
    ] = 0.5,
    step: Annotated[float, typer.Option(help="Seconds from one average to the next (the paper's).")] = 0.25,
    functionals: Annotated[
        bool,
        typer.Option(
            "--functionals",
            help="Write OUT.functionals.parquet, too: eGeMAPS of whole answers, for fairhire benchmark.",
        ),
    ] = False,
    voices: Annotated[
        str,
        typer.Option(metavar="NAME", help="Voice embeddings, another target of the adversary: eigenvoices or none."),
    ] = "none",
    words: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Text modality: auto (a transcript .json, .vtt, .srt or .txt beside the recording, else "
            "--speech-model) or none.",
        ),
    ] = "auto",
    speech_model: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A model folder for faster-whisper, to recognise speech (default: none)."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="The language to recognise, such as en (default: it finds out).")
    ] = None,
    track: Annotated[
        int | None, typer.Option(min=0, help="Track of sound to read, counted from 0 (default: the recording's own).")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds after which a recording is given up (ours).")] = 1800.0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that read at the same time (default: one a processor).")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Read on a Ray cluster instead: auto, HOST:PORT or ray://HOST:PORT; all nodes see the recordings "
            "under the same paths (default: on this machine).",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print which file is which answer of whom, and what lies beside it; read nothing."
        ),
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try recordings again that failed before.")] = False,
    keep_work: Annotated[
        bool | None,
        typer.Option(
            "--keep-work/--delete-work",
            help="Keep OUT.work, faces included, so that recordings may be added later (default: only if some failed).",
        ),
    ] = None,
) -> None:
    """Turn recordings into a corpus: words, voice, gestures, and faces kept apart.

    Called again after it was interrupted, it goes on. A recording that cannot be read stops no other;
    OUT.recordings.csv tells why.
    """
    from fairhire.extract import ExtractConfig, extract
    from fairhire.forget import proof_path, was_forgotten
    from fairhire.media.windows import Windows

    if not out.name:
        raise UsageError(f"{out}: expected the name of a corpus to make, got a folder that is there")
    if dry_run:
        _print_plan(recordings)
        return
    if ray is not None and workers is not None:
        raise UsageError("--workers and --ray: expected one of them, got both")
    config = ExtractConfig(
        faces=faces,
        face_weights=face_weights,
        face_frames=face_frames,
        rate_hz=rate,
        gestures=gestures,
        landmark_model=landmark_model,
        voice=voice,
        windows=Windows(window, step),
        voices=voices,
        functionals=functionals,
        words=words,
        speech_model=speech_model,
        language=language,
        track=track,
        time_limit=time_limit,
    )
    proof = proof_path(out)
    found = extract(
        recordings,
        out,
        config,
        workers=workers or _processors(),
        ray=ray,
        retry=retry,
        keep_work=keep_work,
        forgotten=partial(was_forgotten, proof) if proof.is_file() else lambda _candidate: False,
        tell=say,
        watch=progress,
    )
    for item in found.left_out:
        say(f"left out: {item}")
    pace = f": {found.seconds:.0f} s of recordings in {found.took:.0f} s" if found.seconds else ""
    before = f", {found.resumed} had been read before" if found.resumed else ""
    say(f"{found.read} recordings read{before}, {found.failed} failed{pace}; how each fared: {out}.recordings.csv")
    if found.gestures != "none":
        say(f"gestures are from: {found.gestures}")
    if found.wordless:
        say(f"the transcripts of {found.wordless} recordings could not be read: they have no words")
    if found.remarked:
        say(f"{found.remarked} recordings have remarks in that table")
    if found.failed:
        say(
            f"{out}.work is kept, faces included, so that --retry reads those that failed only; --delete-work ends that"
        )
    sys.stdout.write(f"{visible(str(out))}\n")


def _print_plan(source: Path) -> None:
    from fairhire.extract import read_recordings

    found = read_recordings(source)
    rows = [
        [
            one.interview,
            one.candidate,
            str(one.slot + 1),
            one.path.name if one.path.is_file() else f"{one.path.name} (not found)",
            "" if one.transcript is None else one.transcript.name,
            "" if one.openface is None else one.openface.name,
            one.question,
        ]
        for one in found.recordings
    ]
    columns = ["interview", "candidate", "answer", "recording", "transcript", "openface", "question"]
    print_table(f"{len(rows)} recordings of {len(found.facts)} interviews", columns, rows)
    if found.passed_over:
        say(f"{found.passed_over} files passed over: no recordings by their names")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


COMMANDS = {"extract": extract_command}
