"""From a folder of recordings to a corpus: every recording once, whatever happens on the way.

::

    OUT                      the corpus
    OUT.recordings.csv       one row a recording: whether it was read, or why not, and what was found in it
    OUT.people.csv           the candidates, to be filled in by whoever may know their protected attributes
    OUT.functionals.parquet  where they were asked for: the 88 functionals of eGeMAPS of every interview
    OUT.work/                while it goes on, for its owner's eyes only:
      extraction.json          the settings, and the tools that were used
      parts/KEY.safetensors    what a recording gave
      failed/KEY.json          why a recording gave nothing
      finished.json            which recordings the corpus at OUT is made of, where all this is kept on purpose
      lock                     held by the extraction that is at work

A part appears whole or not at all, so that an extraction that was killed goes on where it was. When the corpus stands,
``OUT.work`` is deleted, because faces lie in it, unless recordings failed and may be tried again.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairhire.atomic import new_file, storage_errors, write_json, write_text
from fairhire.data.corpus import Corpus, CorpusWriter
from fairhire.errors import DataError, UsageError
from fairhire.extract.assemble import Assembly, assemble
from fairhire.extract.read import UNREADABLE, read_recording, tools_of
from fairhire.extract.recordings import Recording, Recordings, plain, read_recordings
from fairhire.extract.settings import NONE, ExtractConfig
from fairhire.leftovers import is_leftover, meant_for
from fairhire.media.openface import openface_on_path
from fairhire.progress import Advance, silent
from fairhire.sweep import claim_folder

__all__ = ["Extraction", "extract"]

Watch = Callable[[str, int], AbstractContextManager[Advance]]
Work = Callable[..., None]

_MARKER, _FINISHED = "extraction.json", "finished.json"


@dataclass(frozen=True)
class Extraction:
    """What :func:`extract` made.

    ``read`` and ``failed`` count recordings, ``seconds`` is how much of recordings was read in this call and ``took``
    how long that took; ``resumed`` recordings had been read before. Of ``wordless`` ones the transcript could not be
    read, of ``remarked`` ones the table tells something worth knowing; ``gestures`` is where the gestures are from.
    """

    corpus: Corpus
    read: int
    failed: int
    resumed: int
    seconds: float
    took: float
    gestures: str = NONE
    wordless: int = 0
    remarked: int = 0
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
    forgotten: Callable[[str], bool] = lambda _candidate: False,
    tell: Callable[[str], None] = lambda _words: None,
    watch: Watch = lambda _what, _total: nullcontext(silent),
) -> Extraction:
    """Read all recordings of ``source`` (:func:`read_recordings`) and write the corpus ``out``.

    ``workers`` processes work at the same time, one thread each, or those of the Ray cluster at the address ``ray``;
    every recording is read in a process that may be lost without loss of the others. Called again after it was
    interrupted it goes on; recordings that failed are tried again with ``retry``. ``keep_work`` keeps or deletes
    ``OUT.work``; None keeps it where recordings failed. ``forgotten`` says of a candidate that they asked to be
    forgotten: their recordings are left out. ``tell`` is given sentences: before biometric templates are made for the
    first time, and about what somebody would not expect.

    Raises :class:`UsageError` for a setting that cannot be used, an ``out`` of another extraction or none, or one at
    which another extraction is at work; :class:`DataError` where no recording can be read;
    :class:`~fairhire.errors.StorageError` when the disk is full.
    """
    source, out = Path(source), Path(out)
    if not out.name:
        raise UsageError(f"{out}: expected the name of a corpus to make, got a folder that is there")
    if workers < 1:
        raise UsageError(f"workers: expected 1 or more, got {workers}")
    recordings = _remembered(read_recordings(source), forgotten, tell)
    config = _resolved(config or ExtractConfig(), recordings, tell)
    tools = tools_of(config).describe()  # what is missing is said now, not by every recording
    tools_of.cache_clear()
    settings = {**config.to_dict(), "tools": tools}
    work = out.with_name(f"{out.name}.work")
    done = _done(out, work, recordings, settings, keep_work)
    if done is not None and not (retry and done.failed):
        return done
    _claim(work, settings)
    with _alone(work):
        _sweep(out, work)
        return _extract(out, work, recordings, config, settings, _engine(workers, ray), retry, keep_work, tell, watch)


def _extract(
    out: Path,
    work: Path,
    recordings: Recordings,
    config: ExtractConfig,
    settings: Mapping[str, Any],
    engine: Work,
    retry: bool,
    keep_work: bool | None,
    tell: Callable[[str], None],
    watch: Watch,
) -> Extraction:
    """Read what is left to be read, and put the corpus together."""
    before = _keys(work / "parts", ".safetensors")
    failed = {} if retry else _failures(work)
    todo = [one for one in recordings.recordings if one.key not in before and one.key not in failed]
    if todo and not before:
        for kind in config.templates:
            tell(_warning(kind))
    fresh = {one.key for one in todo}
    began = time.monotonic()
    _read_all(todo, work, failed, partial(read_recording, config), engine, config, watch)
    took = time.monotonic() - began
    assembly = assemble(
        recordings,
        lambda one: work / "parts" / f"{one.key}.safetensors",
        _of(failed, recordings),
        config,
        provenance={"source": "recordings", "extraction": settings},
    )
    try:
        corpus = _write(assembly, out, tell, watch)
    except DataError:
        if keep_work is False:
            _delete(work)
        raise
    _sweep(out, work)  # a copy that was whole could go only now that the corpus is in its place
    missed = len(_of(failed, recordings))
    if keep_work is False or (keep_work is None and not missed):
        _delete(work)
    else:
        write_json(work / _FINISHED, {"digest": recordings.digest})
    return Extraction(
        corpus,
        read=sum(one.key not in failed for one in todo),
        failed=missed,
        resumed=sum(one.key in before for one in recordings.recordings),
        seconds=_seconds(assembly.table, [one.key in fresh for one in recordings.recordings]),
        took=took,
        gestures=config.gestures,
        wordless=int((assembly.table["words_from"] == UNREADABLE).sum()),
        remarked=int((assembly.table["remarks"] != "").sum()),
        left_out=tuple(
            f"{item['n']} {item['what']}: {item['why']}" for item in corpus.record["provenance"]["left_out"]
        ),
    )


def _remembered(recordings: Recordings, forgotten: Callable[[str], bool], tell: Callable[[str], None]) -> Recordings:
    """Return the recordings of those who did not ask to be forgotten."""
    gone = {one for one in {one.candidate for one in recordings.facts.values()} if forgotten(one)}
    if not gone:
        return recordings
    kept = recordings.without(gone)
    n = len(recordings.recordings) - len(kept.recordings)
    tell(f"note: {n} recordings of {len(gone)} candidates who were forgotten here are left out")
    if not kept.recordings:
        raise DataError(f"expected recordings of somebody who was not forgotten, got none of {n}")
    return kept


def _resolved(config: ExtractConfig, recordings: Recordings, tell: Callable[[str], None]) -> ExtractConfig:
    """Choose the source of gestures, one for the whole corpus, where that was left open."""
    tables = sum(one.openface is not None for one in recordings.recordings)
    if config.gestures == "openface" and not tables and openface_on_path() is None:
        raise UsageError(
            "gestures: expected OpenFace's tables beside the recordings, or its FeatureExtraction on the PATH, got "
            "neither"
        )
    if config.gestures != "auto":
        return config
    if tables == len(recordings.recordings):
        return replace(config, gestures="openface", landmark_model=None)
    chosen = replace(config, gestures="boxes" if config.landmark_model is None else "mediapipe")
    if tables:
        tell(
            f"note: {tables} of {len(recordings.recordings)} recordings have a table of OpenFace, not all; gestures are"
            f" of {chosen.gestures}. Ask for openface to use those tables and leave the others without gestures"
        )
    return chosen


def _done(
    out: Path, work: Path, recordings: Recordings, settings: Mapping[str, Any], keep_work: bool | None
) -> Extraction | None:
    """Return the corpus at ``out`` if it is the one that is asked for, and whole; raises where it is in the way."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    try:
        corpus = Corpus(out)
    except DataError:
        raise UsageError(f"{out}: expected a new folder or an earlier extraction, found other files") from None
    provenance = corpus.record.get("provenance", {})
    same = provenance.get("extraction") == settings
    if same and provenance.get("digest") == recordings.digest:
        if work.exists() and _finished(work) != recordings.digest:
            return None  # killed on the way: what is missing is made good
        failed = len(_of(_failures(work), recordings))
        if keep_work is False and work.exists():
            _delete(work)
        return Extraction(corpus, 0, failed, len(recordings.recordings) - failed, 0.0, 0.0, str(settings["gestures"]))
    if same and (work / _MARKER).is_file():
        return None  # more recordings, or other labels: only what is new is read, and the corpus put together anew
    raise UsageError(f"{out}: holds a corpus of other recordings, labels or settings; choose another OUT")


def _finished(work: Path) -> str | None:
    try:
        return str(json.loads((work / _FINISHED).read_text(encoding="utf-8"))["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _delete(work: Path) -> None:
    with storage_errors(work):
        shutil.rmtree(work)


def _claim(work: Path, settings: Mapping[str, Any]) -> None:
    """Make ``work`` this extraction's folder, its owner's alone."""
    if work.is_dir() and not (work / _MARKER).exists():
        for half in work.glob(f".{_MARKER}.*"):
            half.unlink(missing_ok=True)  # killed while the first word was written
    if claim_folder(work, _MARKER, settings, what="extraction") is None:
        with storage_errors(work):
            work.chmod(0o700)
        write_json(work / _MARKER, settings)  # first of all: without it the folder would be nobody's
    for name in ("parts", "failed"):
        with storage_errors(work):
            (work / name).mkdir(exist_ok=True)


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Make sure that no other extraction is at work in the same folder."""
    import fcntl  # not on Windows, where nothing here runs: see `_engine`

    with storage_errors(work), (work / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{work}: expected to be the only extraction at work there, found another one") from None
        yield


def _sweep(out: Path, work: Path) -> None:
    """Delete what calls that were killed had not finished writing; a corpus that was only moved aside comes back."""
    for half in [*(work / "parts").glob(".*"), *(work / "failed").glob(".*")]:
        half.unlink(missing_ok=True)
    for path in [path for path in out.parent.iterdir() if meant_for(path) == out]:
        with storage_errors(path):
            if not out.exists() and (path / out.name / "corpus.json").is_file():
                (path / out.name).replace(out)
            if is_leftover(path, [path]):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


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
    if sys.platform == "win32":
        raise UsageError("extract: expected Linux or macOS, whose processes can be watched over; got Windows")
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
) -> None:
    """Read the recordings ``todo``, and put why some failed into ``failed``."""
    done, lost = 0, 0
    began = time.monotonic()
    with watch("reading recordings", len(todo)) as advance:

        def ended(one: Recording, content: bytes | None, why: str | None) -> None:
            nonlocal done, lost
            path = work / "parts" / f"{one.key}.safetensors"
            if content is not None:
                with new_file(path) as temporary:
                    temporary.write_bytes(content)
                (work / "failed" / f"{one.key}.json").unlink(missing_ok=True)
                failed.pop(one.key, None)
            else:
                failed[one.key] = why or "no reason was given"
                about = {"candidate": one.candidate, "interview": one.interview, "why": plain(failed[one.key])}
                write_json(work / "failed" / f"{one.key}.json", about)
                lost += 1
            done += 1
            advance(1, f"{done / max(time.monotonic() - began, 1e-9):.2f} recordings/s, {lost} failed")

        if todo:
            engine(task, todo, ended, time_limit=config.time_limit)


def _seconds(table: pd.DataFrame, wanted: Sequence[bool]) -> float:
    """Return how long the ``wanted`` recordings of the table are together; what has no length counts nothing."""
    return float(pd.to_numeric(table.loc[np.array(wanted), "seconds"]).sum())


def _write(assembly: Assembly, out: Path, tell: Callable[[str], None], watch: Watch) -> Corpus:
    """Write the tables, then the corpus: where it stands, they do."""
    table = out.with_name(f"{out.name}.recordings.csv")
    with new_file(table, mode=0o600) as temporary:  # it names people and files
        assembly.table.to_csv(temporary, index=False, lineterminator="\n")
    imported = assembly.imported
    if imported is None:
        n, failed = len(assembly.table), int((assembly.table["state"] == "failed").sum())
        if failed == n:
            raise DataError(f"expected at least one recording that can be read, got none of {n}; {table} tells why")
        raise DataError(f"expected words, voice or gestures in one of {n - failed} recordings, got none; see {table}")
    _write_people(imported.people, out.with_name(f"{out.name}.people.csv"), tell)
    if assembly.functionals is not None:
        with new_file(out.with_name(f"{out.name}.functionals.parquet"), mode=0o600) as temporary:
            assembly.functionals.to_parquet(temporary, index=False)
    left_out = [{"what": item.what, "n": item.n, "why": item.why} for item in imported.left_out]
    with (
        watch("writing interviews", assembly.table["interview"].nunique()) as advance,
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
    return Corpus(out)


def _write_people(people: pd.DataFrame, path: Path, tell: Callable[[str], None]) -> None:
    """Write the table of candidates to be filled in; one that somebody filled in is left as it is."""
    if path.exists():
        try:
            known = pd.read_csv(path, dtype=str)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected the table of people beside the corpus, got {error}") from None
        if list(known.columns) != ["candidate"]:
            new = int((~people["candidate"].isin(list(known.get("candidate", ())))).sum())
            if new:
                tell(f"note: {path} was filled in and is left as it is; {new} candidates are not in it")
            return
    write_text(path, people.to_csv(index=False, lineterminator="\n"))
