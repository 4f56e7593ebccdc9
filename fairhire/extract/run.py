"""From a folder of recordings to a corpus: every recording once, whatever happens on the way.

::

    OUT                      the corpus
    OUT.recordings.csv       one row a recording: whether it was read, or why not, and what was found in it
    OUT.people.csv           the candidates, to be filled in by whoever may know their protected attributes
    OUT.functionals.parquet  where they were asked for: the 88 functionals of eGeMAPS of every interview
    OUT.work/                while it goes on, for its owner's eyes only:
      extraction.json          the settings
      parts/KEY.safetensors    what a recording gave
      failed/KEY.json          why a recording gave nothing

A part appears whole or not at all, so that an extraction that was killed goes on where it was. When the corpus stands,
``OUT.work`` is deleted, because faces lie in it, unless recordings failed and may be tried again.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from fairhire.atomic import new_file, storage_errors, write_json, write_text
from fairhire.data.corpus import Corpus, CorpusWriter
from fairhire.errors import DataError, UsageError
from fairhire.extract.assemble import Assembly, assemble, digest_of
from fairhire.extract.part import facts_of
from fairhire.extract.read import read_recording, tools_of
from fairhire.extract.recordings import Recording, Recordings, read_recordings
from fairhire.extract.settings import ExtractConfig
from fairhire.media.openface import openface_on_path
from fairhire.progress import Advance, silent
from fairhire.scores import write_frame
from fairhire.sweep import claim_folder

__all__ = ["Extraction", "extract"]

Watch = Callable[[str, int], AbstractContextManager[Advance]]
Work = Callable[..., None]

_MARKER = "extraction.json"


@dataclass(frozen=True)
class Extraction:
    """What :func:`extract` made.

    ``read`` and ``failed`` count recordings, ``seconds`` is how much of recordings was read in this call and ``took``
    how long that took; ``resumed`` recordings had been read before.
    """

    corpus: Corpus
    read: int
    failed: int
    resumed: int
    seconds: float
    took: float
    left_out: tuple[str, ...] = ()


def extract(
    source: Path | str,
    out: Path | str,
    config: ExtractConfig | None = None,
    *,
    workers: int = 1,
    ray: str | None = None,
    retry: bool = False,
    keep_work: bool | None = None,
    tell: Callable[[str], None] = lambda _words: None,
    watch: Watch = lambda _what, _total: nullcontext(silent),
) -> Extraction:
    """Read all recordings of ``source`` (:func:`read_recordings`) and write the corpus ``out``.

    ``workers`` processes work at the same time, one thread each, or those of the Ray cluster at the address ``ray``;
    every recording is read in a process that may be lost without loss of the others. Called again after it was
    interrupted it goes on; recordings that failed are tried again with ``retry``. ``keep_work`` keeps or deletes
    ``OUT.work``; None keeps it where recordings failed. ``tell`` is given a sentence before biometric templates are
    made for the first time.

    Raises :class:`UsageError` for a setting that cannot be used, an ``out`` of another extraction or none;
    :class:`DataError` where no recording can be read; :class:`~fairhire.errors.StorageError` when the disk is full.
    """
    source, out = Path(source), Path(out)
    if workers < 1:
        raise UsageError(f"workers: expected 1 or more, got {workers}")
    recordings = read_recordings(source)
    config = _resolved(config or ExtractConfig(), recordings)
    work = out.with_name(f"{out.name}.work")
    if not retry and (done := _done(out, work, recordings, config)) is not None:
        return done
    tools = tools_of(config).describe()  # what is missing is said now, not by every recording
    tools_of.cache_clear()
    if _claim(work, config) is None:
        for kind in config.templates:
            tell(_warning(kind))
    before = _keys(work / "parts", ".safetensors")
    failed = {} if retry else _failures(work)
    todo = [one for one in recordings.recordings if one.key not in before and one.key not in failed]
    began = time.monotonic()
    seconds = _read_all(todo, work, failed, partial(read_recording, config), _engine(workers, ray), config, watch)
    took = time.monotonic() - began
    assembly = assemble(
        recordings,
        lambda one: work / "parts" / f"{one.key}.safetensors",
        _of(failed, recordings),
        config,
        provenance={"source": "recordings", "extraction": config.to_dict(), "tools": tools},
    )
    corpus = _write(assembly, out, watch)
    missed = len(_of(failed, recordings))
    if keep_work is False or (keep_work is None and not missed):
        shutil.rmtree(work, ignore_errors=True)
    return Extraction(
        corpus,
        read=len(todo) - sum(one.key in failed for one in todo),
        failed=missed,
        resumed=sum(one.key in before for one in recordings.recordings),
        seconds=seconds,
        took=took,
        left_out=tuple(f"{item.n} {item.what}: {item.why}" for item in assembly.imported.left_out),
    )


def _resolved(config: ExtractConfig, recordings: Recordings) -> ExtractConfig:
    """Choose the source of gestures, one for the whole corpus, where that was left open."""
    if config.gestures != "auto":
        return config
    if any(one.openface is not None for one in recordings.recordings) or openface_on_path() is not None:
        return replace(config, gestures="openface", landmark_model=None)
    return replace(config, gestures="boxes" if config.landmark_model is None else "mediapipe")


def _done(out: Path, work: Path, recordings: Recordings, config: ExtractConfig) -> Extraction | None:
    """Return the corpus at ``out`` if it is the one that is asked for; raises where it is in the way."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    try:
        corpus = Corpus(out)
    except DataError:
        raise UsageError(f"{out}: expected a new folder or an earlier extraction, found other files") from None
    provenance = corpus.record.get("provenance", {})
    same = provenance.get("extraction") == config.to_dict()
    if same and provenance.get("recordings_sha256") == digest_of(recordings.recordings):
        failed = len(_of(_failures(work), recordings))
        return Extraction(corpus, 0, failed, len(recordings.recordings) - failed, 0.0, 0.0)
    if same and (work / _MARKER).is_file():
        return None  # more recordings: only they are read, and the corpus is put together anew
    raise UsageError(f"{out}: holds a corpus of other recordings or other settings; choose another OUT")


def _claim(work: Path, config: ExtractConfig) -> dict[str, Any] | None:
    """Make ``work`` this extraction's folder, its owner's alone; return what it says if it was there before."""
    before = claim_folder(work, _MARKER, config.to_dict(), what="extraction")
    if before is None:
        with storage_errors(work):
            work.chmod(0o700)
            for name in ("parts", "failed"):
                (work / name).mkdir(exist_ok=True)
        write_json(work / _MARKER, config.to_dict())
    for half in [*(work / "parts").glob(".*"), *(work / "failed").glob(".*")]:
        half.unlink(missing_ok=True)  # what was being written when an earlier call was killed
    return before


def _warning(kind: str) -> str:
    return (
        f"note: this makes {kind} templates, biometric data: Illinois (BIPA, 740 ILCS 14) asks for a written release "
        "before, the EU (GDPR, article 9) for a legal ground such as explicit consent. They go to biometrics/ only; "
        "`fairhire forget` deletes them"
    )


def _keys(folder: Path, suffix: str) -> set[str]:
    return {path.name.removesuffix(suffix) for path in folder.glob(f"*{suffix}") if not path.name.startswith(".")}


def _failures(work: Path) -> dict[str, str]:
    found = {}
    for key in _keys(work / "failed", ".json"):
        path = work / "failed" / f"{key}.json"
        try:
            found[key] = str(json.loads(path.read_text(encoding="utf-8"))["why"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # then it is tried again
    return found


def _of(failed: dict[str, str], recordings: Recordings) -> dict[str, str]:
    """Return the failures of these recordings: an older one of a recording that was changed is not among them."""
    return {one.key: failed[one.key] for one in recordings.recordings if one.key in failed}


def _engine(workers: int, ray: str | None) -> Work:
    if ray is not None:
        from fairhire.extract.cluster import work_on_cluster

        return partial(work_on_cluster, address=ray)
    from fairhire.extract.processes import work

    return partial(work, workers=workers)


def _read_all(
    todo: Sequence[Recording],
    work: Path,
    failed: dict[str, str],
    task: Callable[[Recording], bytes],
    engine: Work,
    config: ExtractConfig,
    watch: Watch,
) -> float:
    """Read the recordings ``todo``; put why some failed into ``failed``; return how many seconds of them were read."""
    seconds, done, lost = 0.0, 0, 0
    began = time.monotonic()
    with watch("reading recordings", len(todo)) as advance:

        def ended(one: Recording, content: bytes | None, why: str | None) -> None:
            nonlocal seconds, done, lost
            path = work / "parts" / f"{one.key}.safetensors"
            if content is not None:
                with new_file(path) as temporary:
                    temporary.write_bytes(content)
                (work / "failed" / f"{one.key}.json").unlink(missing_ok=True)
                failed.pop(one.key, None)
                seconds += float(facts_of(path)["facts"].get("seconds", 0.0))
            else:
                failed[one.key] = why or "no reason was given"
                write_json(work / "failed" / f"{one.key}.json", {"why": failed[one.key]})
                lost += 1
            done += 1
            advance(1, f"{done / max(time.monotonic() - began, 1e-9):.2f} recordings/s, {lost} failed")

        if todo:
            engine(task, todo, ended, time_limit=config.time_limit)
    return seconds


def _write(assembly: Assembly, out: Path, watch: Watch) -> Corpus:
    """Write the corpus and the tables beside it; a table of people that somebody filled in is left as it is."""
    imported = assembly.imported
    left_out = [{"what": item.what, "n": item.n, "why": item.why} for item in imported.left_out]
    with (
        watch("writing interviews", len(imported.people)) as advance,
        CorpusWriter(
            out,
            imported.modalities,
            splits=imported.splits,
            targets=imported.targets,
            provenance={**imported.provenance, "left_out": left_out},
        ) as writer,
    ):
        for row in imported.interviews:
            writer.add(row.interview, splits=row.splits, targets=row.targets)
            advance(1)
    write_text(out.with_name(f"{out.name}.recordings.csv"), assembly.table.to_csv(index=False, lineterminator="\n"))
    people = out.with_name(f"{out.name}.people.csv")
    if not people.exists():
        write_text(people, imported.people.to_csv(index=False, lineterminator="\n"))
    if assembly.functionals is not None:
        write_frame(assembly.functionals, out.with_name(f"{out.name}.functionals.parquet"))
    return Corpus(out)
