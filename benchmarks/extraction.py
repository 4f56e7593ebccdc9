"""What reading recordings costs: voices beside openSMILE, faces beside MTCNN on every frame, the whole, its memory.

``python -m benchmarks.extraction [OUT] [--part audio|faces|whole|memory]``. All on one thread, on recordings of a drawn
person who hums (:mod:`benchmarks.recordings`), written to OUT or to a temporary folder; ``--videos DIR`` adds real ones
to the part on faces, and so does the variable FAIRHIRE_DATA if it names a folder with ``media_samples/grid``. Times are
of the processor where nothing else is said; contenders run in turn. A length in the last part is read in a process of
its own, whose memory nothing else has touched.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import opensmile
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.real_data import table
from benchmarks.recordings import lengthened, write_sound, write_video
from benchmarks.timing import in_fresh_process, interleave, peak_megabytes
from fairhire.extract.read import read_recording, tools_of
from fairhire.extract.recordings import Recording
from fairhire.extract.settings import ExtractConfig
from fairhire.media.faces import FaceDetector
from fairhire.media.following import Followed, Follower
from fairhire.media.speech import Voice, VoiceDescriber
from fairhire.media.video import RATE, pictures, sound

T = TypeVar("T")

__all__ = ["main"]

_PARTS = ("audio", "faces", "whole", "memory")
_HZ, _LONGEST, _BATCH = 4.0, 480, 8  # as fairhire extract looks at pictures unless told otherwise
_CONFIG = ExtractConfig(gestures="boxes", words="none")
_SAME = 0.6  # share of the union of two boxes in which they overlap, above which they are of one face


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the recordings, read them, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", help="where recordings are kept (default: a temporary folder)")
    parser.add_argument("--part", choices=_PARTS, action="append", help="what to measure (default: all)")
    parser.add_argument("--videos", type=Path, help="a folder of real videos for the part on faces")
    parser.add_argument("--quick", action="store_true", help="so short that only whether it runs is seen")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        for part in options.part or _PARTS:
            if part == "audio":
                _audio(out, 5.0 if options.quick else 180.0, rounds=1 if options.quick else 5)
            elif part == "faces":
                _faces([_drawn(out, options.quick), *_real(options.videos)])
            elif part == "whole":
                _whole(out, options.quick)
            else:
                _memory(out, options.quick)


# ------------------------------------------------------------------------------------------------------------- audio


def _audio(out: Path, seconds: float, *, rounds: int) -> None:
    """Print how many times as long voices take from the file on as openSMILE takes alone."""
    describer = VoiceDescriber()
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    rows = []
    for name in ("wav", "m4a"):
        path = write_sound(out / f"voice.{name}", seconds)
        decoded = np.concatenate(list(sound(path)))
        timings = interleave(
            {
                "ours": partial(_describe, path, describer),
                "openSMILE": partial(smile.process_signal, decoded, RATE),
            },
            {"ours": rounds, "openSMILE": rounds},
        )
        took = {name: statistics.median(timing.processor) for name, timing in timings.items()}
        clock, processor = timings["ours"].ratio(timings["openSMILE"])
        pace = f"{seconds / took['ours']:.0f}"
        rows.append([name, f"{took['ours']:.2f}", f"{took['openSMILE']:.2f}", f"{processor:.3f}", f"{clock:.3f}", pace])
    print(f"voice: {seconds:.0f} s at 48 kHz; ours decodes, resamples and smooths, openSMILE has the samples")
    print(table(["file", "ours, s", "openSMILE, s", "ratio", "by the clock", "times real time"], rows))


def _describe(path: Path, describer: VoiceDescriber) -> Voice:
    return describer.describe(sound(path))


# ------------------------------------------------------------------------------------------------------------- faces


def _drawn(out: Path, quick: bool) -> Path:
    size, seconds = ((160, 120), 1.0) if quick else ((640, 480), 5.0)
    return write_video(out / "drawn.mp4", seconds, size, 25)


def _real(videos: Path | None) -> list[Path]:
    folders = [] if videos is None else [videos]
    if root := os.environ.get("FAIRHIRE_DATA"):
        folders.append(Path(root) / "media_samples" / "grid")
    suffixes = (".avi", ".mkv", ".mov", ".mp4", ".mpg", ".webm")
    return sorted(path for folder in folders for path in folder.glob("*") if path.suffix.lower() in suffixes)


def _faces(paths: Sequence[Path]) -> None:
    """Print how much sooner the person is found than by MTCNN on every frame, and whether it is the same one."""
    detector, peer = FaceDetector(), MTCNN(keep_all=True)
    _follow(paths[0], detector)
    _largest(itertools.islice(_frames(paths[0]), 5), peer)
    rows, ratios, same, wanted, only = [], [], 0, 0, 0
    for path in paths:
        followed, ours = _timed(partial(_follow, path, detector))
        boxes, theirs = _timed(partial(_largest, _frames(path), peer))
        overlaps, alone = _overlaps(followed, boxes)
        ratios.append(theirs / ours)
        same, wanted, only = same + sum(one > _SAME for one in overlaps), wanted + len(overlaps), only + alone
        overlap = f"{min(overlaps):.2f}" if overlaps else "none"
        frames = f"{0 if followed is None else len(followed.times)} of {len(boxes)}"
        rows.append([path.stem, frames, f"{ours:.2f}", f"{theirs:.2f}", f"{theirs / ours:.1f}", overlap])
    print(f"faces: ours at {_HZ:g} Hz in batches, and followed, beside MTCNN on every frame, one by one")
    print(table(["video", "pictures", "ours, s", "every frame, s", "times faster", "least overlap"], rows))
    print(f"times faster, median {statistics.median(ratios):.1f}, least {min(ratios):.1f}")
    print(f"the same face in {same} of {wanted} pictures (overlap above {_SAME:g}); found by one only: {only}")


def _follow(path: Path, detector: FaceDetector) -> Followed | None:
    """Find the person in pictures of ``path`` as ``fairhire extract`` does."""
    follower, shown = Follower(), iter(pictures(path, _HZ))
    while batch := list(itertools.islice(shown, _BATCH)):
        small = [picture.rgb(_LONGEST) for picture in batch]
        for picture, pixels, faces in zip(batch, small, detector.detect(small), strict=True):
            follower.see(picture, faces, (pixels.shape[1], pixels.shape[0]))
    return follower.finish(_CONFIG.face_frames)


def _frames(path: Path) -> Iterable[tuple[float, NDArray[np.uint8]]]:
    """Yield time and pixels of every frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        begin = min(float((one.start_time or 0) * (one.time_base or 0)) for one in container.streams)
        for frame in container.decode(stream):
            yield (frame.time or 0.0) - begin, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _largest(frames: Iterable[tuple[float, NDArray[np.uint8]]], peer: Any) -> dict[float, NDArray[Any] | None]:
    """Return the largest face of every frame by its time; None where there is none."""
    found = ((seconds, peer.detect(pixels)[0]) for seconds, pixels in frames)
    return {seconds: None if boxes is None else np.asarray(boxes[0], np.float64) for seconds, boxes in found}


def _overlaps(followed: Followed | None, boxes: dict[float, NDArray[Any] | None]) -> tuple[list[float], int]:
    """Return the overlaps in pictures in which both found somebody, and in how many only one of them did."""
    if followed is None:
        return [], sum(box is not None for box in boxes.values())
    times = np.array(list(boxes))
    overlaps, alone = [], 0
    for seconds, mine, seen in zip(followed.times, followed.boxes, followed.seen, strict=True):
        theirs = boxes[float(times[np.abs(times - seconds).argmin()])]
        if seen and theirs is not None:
            overlaps.append(_overlap(mine, theirs))
        else:
            alone += bool(seen) != (theirs is not None)
    return overlaps, alone


def _overlap(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the intersection of two boxes as a share of their union."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = float(np.prod(np.clip(sides, 0, None)))
    return both / float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - both)


def _timed(run: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    return run(), time.process_time() - began


# ------------------------------------------------------------------------------------------------------------- whole


def _whole(out: Path, quick: bool) -> None:
    """Print how many times faster than it lasts a recording is read by one processor, and what takes the time."""
    seconds, rounds = (1.0, 1) if quick else (20.0, 3)
    detector, describer = FaceDetector(), VoiceDescriber()
    rows = []
    for size in [(320, 240)] if quick else [(360, 288), (1280, 720), (1920, 1080)]:
        path = write_video(out / f"{size[1]}.mp4", seconds, size, 30)
        timings = interleave(
            {
                "all": partial(read_recording, _CONFIG, _recording(path)),
                "decoding": partial(_decode, path),
                "faces": partial(_follow, path, detector),
                "voice": partial(_describe, path, describer),
            },
            dict.fromkeys(("all", "decoding", "faces", "voice"), rounds),
        )
        # Parts are differences: of medians they would be noise.
        took = {name: min(timing.processor) for name, timing in timings.items()}
        faces = took["faces"] - took["decoding"]
        rest = took["all"] - took["faces"] - took["voice"]
        parts = [took["decoding"], faces, took["voice"], rest]
        shares = [f"{part / seconds * 1000:.0f}" for part in parts]
        rows.append([f"{size[0]} x {size[1]}", f"{seconds / took['all']:.1f}", *shares])
    print(f"whole: {seconds:.0f} s of H.264 at 30 frames/s with AAC, one processor, the least of {rounds} rounds;")
    print("milliseconds for each second of the recording")
    print(table(["size", "times real time", "decoding pictures", "faces", "voice", "rest"], rows))


def _decode(path: Path) -> None:
    for _ in pictures(path, _HZ):
        pass


def _recording(path: Path) -> Recording:
    return Recording(key=path.stem, interview=path.stem, candidate=path.stem, slot=0, question="", path=path)


# ------------------------------------------------------------------------------------------------------------ memory


def _memory(out: Path, quick: bool) -> None:
    """Print the most memory that reading takes, by the recording's length."""
    piece = write_video(out / "piece.mp4", 2.0 if quick else 60.0, (320, 240), 10, codec="mpeg4")
    rows = []
    for times in (1, 2) if quick else (1, 5, 30):
        path = lengthened(out / f"piece{times}.mp4", piece, times)
        before, peak, took = in_fresh_process(_weigh, path)
        length = f"{times * (2 if quick else 60):.0f} s"
        rows.append([length, f"{before:.0f}", f"{peak:.0f}", f"{took:.0f}"])
    print("memory: 320 x 240 at 10 frames/s with sound, each in a process of its own")
    print(table(["length", "before, MB", "most, MB", "seconds of the clock"], rows))


def _weigh(path: Path) -> tuple[float, float, float]:
    """Return this process's peak with all loaded and nothing read, its peak at the end, and the seconds in between."""
    torch.set_num_threads(1)
    tools_of(_CONFIG)
    before, began = peak_megabytes(), time.perf_counter()
    read_recording(_CONFIG, _recording(path))
    return before, peak_megabytes(), time.perf_counter() - began


if __name__ == "__main__":
    main()
