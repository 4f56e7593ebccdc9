"""A folder of all that holds a person: corpus, tables beside it, run, bench, explanations, an extraction."""

from __future__ import annotations

import gzip
import json
import shutil
import wave
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from small_run import one_thread, small_run

from fairhire.bench.predictions import Predictions, write_predictions
from fairhire.bench.systems import BenchConfig, Job
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.explain import explain_corpus, explain_interview, explain_position, write_explanation
from fairhire.extract import ExtractConfig, extract
from fairhire.interview import Answer, Interview
from fairhire.report.page import Fragment
from fairhire.runs import Run

PEOPLE = 24
SEED = 1
HEARD = (0, 1, 5, 10, 15, 20)  # whose recordings are extracted
LOST = 77  # whose only recording cannot be read


def candidate(person: int) -> str:
    return f"cand-{person:03d}"


def interviews(person: int) -> list[str]:
    return [f"talk-{person:03d}"] + ([f"talk-{person:03d}-b"] if person % 5 == 0 else [])


def rare(person: int) -> str:
    """Return the word that only this person says, twice an answer."""
    return f"xylo{chr(97 + person)}graph"


def call(person: int) -> str:
    """Return the id of the interview that was extracted from their recordings."""
    return f"call-{person:03d}"


def file_name(person: int) -> str:
    """Return what their recordings' names begin with; no id is in it."""
    return f"quill{chr(97 + person % 26)}feather"


def write_people(path: Path, *, people: int = PEOPLE) -> Corpus:
    rng = np.random.default_rng(3)
    modalities = [Modality("audio", 3, 4.0, "pitch", ("a", "b", "c"), ("c",)), Modality("text", 1)]
    with CorpusWriter(path, modalities, splits=("official",), targets=("warmth",), provenance={"source": "x"}) as out:
        for person in range(people):
            face, voice = rng.normal(size=(2, 4)).astype(np.float32)
            for name in interviews(person):
                answers = []
                for slot in range(2):
                    frames = rng.normal(size=(int(rng.integers(4, 9)), 3)).astype(np.float32)
                    said = [*map(str, rng.choice(["well", "team", "um"], size=6)), rare(person), rare(person)]
                    times = None if person % 3 == 0 else np.arange(8, dtype=np.float32)
                    heard = {} if (person + slot) % 7 == 3 else {"audio": frames}
                    answers.append(Answer(heard, tuple(said), "why", times))
                out.add(
                    Interview(
                        name,
                        candidate(person),
                        tuple(answers),
                        position="shop" if person % 4 else f"alone {person}",
                        job_title="driver",
                        hirable=None if person == 11 else person % 3 > 0,
                        face=None if person % 6 == 4 else face,
                        voice=voice,
                    ),
                    splits={"official": "test" if person % 2 else "train"},
                    targets={"warmth": float("nan") if person % 8 == 2 else person / 10},
                )
    return Corpus(path)


def fill(folder: Path) -> None:
    """Make ``folder/data`` with all of it; the person who is forgotten in most tests learned the model its words."""
    data = folder / "data"
    corpus = write_people(data / "talks")
    ids, owners = corpus.interviews["id"].tolist(), corpus.interviews["candidate"].tolist()
    everybody = [candidate(person) for person in range(PEOPLE)]
    header, lines = b"candidate,sex,note\r\n", [f'{name},f,"a ""b"",\nc"\r\n'.encode() for name in everybody]
    (data / "talks.people.csv").write_bytes(b"\xef\xbb\xbf" + header + b"".join(lines))
    pd.DataFrame({"interview": ids, "merit": np.arange(len(ids)) / 7}).to_csv(data / "talks.truth.csv", index=False)
    read = pd.DataFrame({"interview": ids, "candidate": owners, "slot": 0, "recording": [f"{one}.mp4" for one in ids]})
    read.to_csv(data / "talks.recordings.csv", index=False)
    pd.DataFrame({"interview": pd.Categorical(ids), "f0": np.float32(1)}).to_parquet(data / "talks.pitch.parquet")
    listed = [{"candidate": owner, "interview": one} for one, owner in zip(ids, owners, strict=True)]
    (data / "listed.json").write_text(json.dumps({"recordings": listed}, indent=2))
    hear(folder / "recordings", data / "heard")
    (data / "calls.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in listed))
    with gzip.open(data / "vendor.csv.gz", "wt") as file:
        file.write("Candidate;score\n" + "".join(f"{name};0.5\n" for name in everybody))
    run = small_run(corpus, data / "runs" / "one", ratings=("warmth",), fractions=(0.5, 0.25, 0.25), seed=SEED)
    _explain(run, corpus, data / "explained")
    _bench(corpus, data / "bench")
    with one_thread():
        run.scores.write(data / "said" / "scores.csv")
    np.save(data / "said" / "vectors.npy", run.scores.representation)


def hear(recordings: Path, out: Path) -> None:
    """Extract recordings of a second: one of each of ``HEARD``, one more of the first that fails, and one of ``LOST``.

    What is made around ``out`` is the extraction's own, ``OUT.work`` included.
    """
    recordings.mkdir()
    rows = ["recording,candidate,interview"]
    for person in HEARD:
        _hum(recordings / f"{file_name(person)}.wav", 100.0 + person)
        (recordings / f"{file_name(person)}.txt").write_text(f"well team {rare(person)} um")
        rows.append(f"{file_name(person)}.wav,{candidate(person)},{call(person)}")
    for person in (HEARD[0], LOST):
        (recordings / f"{file_name(person)}-torn.mp4").write_bytes(b"no recording")
        rows.append(f"{file_name(person)}-torn.mp4,{candidate(person)},{call(person)}")
    (recordings / "recordings.csv").write_text("\n".join(rows) + "\n")
    config = ExtractConfig(faces="none", gestures="none", functionals=True, voices="eigenvoices")
    extract(recordings, out, config, keep_work=True)


def _hum(path: Path, pitch: float) -> None:
    time = np.arange(16_000) / 16_000
    hum = np.asarray(sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((2000 * hum).astype("<i2").tobytes())


def _explain(run: Run, corpus: Corpus, out: Path) -> None:
    """Write one explanation of each kind, and of two kinds another: a copy that names another interview or position."""
    first, second = interviews(0)
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        for name in ("faithful", "record"):  # two points of a curve take a quarter of the time of eight
            stack.enter_context(patch(f"fairhire.explain.{name}.SHARES", (0.0, 0.5)))
        stack.enter_context(patch("fairhire.report.explanation.draw_png", return_value=b"\x89PNG"))
        stack.enter_context(patch("fairhire.report.web.draw_svg", return_value=Fragment("<svg></svg>")))
        write_explanation(explain_interview(run, corpus, first, sample=1), out / f"one-interview-{first}")
        write_explanation(explain_corpus(run, corpus, least=1, sample=1), out / "one-corpus")
        write_explanation(explain_position(run, corpus, "shop", sample=1), out / "shop")
    _copy(out / f"one-interview-{first}", out / f"one-interview-{second}", "interview", "id", second)
    _copy(out / "shop", out / "alone_0", "position", "name", "alone 0")


def _copy(source: Path, out: Path, part: str, key: str, name: str) -> None:
    shutil.copytree(source, out)
    record = json.loads((out / "EXPLANATION.json").read_text())
    record[part][key] = name
    (out / "EXPLANATION.json").write_text(json.dumps(record))


def _bench(corpus: Corpus, out: Path) -> None:
    (out / "predictions").mkdir(parents=True)
    (out / "BENCHMARK.json").write_text('{"rows": 12}')
    ids = corpus.interviews["id"].to_numpy(dtype=str)
    (one,) = BenchConfig().rounds()
    write_predictions(out, Job("text", "vote", one), ids, Predictions(np.full(len(ids), 0.25), about={"seconds": 1}))


def texts_in(path: Path) -> bytes:
    """Return a file's bytes, unpacked where it is packed, with all cells of a Parquet file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        return content + gzip.decompress(content)
    if path.suffix == ".parquet":
        return content + repr(pq.read_table(path).to_pylist()).encode() + repr(pq.read_schema(path).metadata).encode()
    return content


def files_with(folder: Path, word: str) -> list[str]:
    """Return the files under ``folder`` that hold ``word`` in any byte."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in found if word.encode() in texts_in(path)]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
