"""What a training step of HireNet costs, beside its peers, and how cost grows with answers and candidates.

``python -m benchmarks.training_step`` prints three tables:

1. One step (forward, backward, Adam) of HireNet on 64 interviews of 5 answers of up to 240 frames of 32 numbers,
   against (a) the same network over packed sequences, as ``nn.GRU`` is usually given answers of unequal length, and
   (b) nothing but a bidirectional ``nn.GRU`` over the same frames, padded: what any encoder of these frames costs at
   least, if nobody looks inside. Repetitions alternate, ratios are medians over pairs that ran side by side.
2. The same step as answers grow, 3. an epoch from a corpus on disk as candidates grow. Time per frame should stay
   level in the first, time per interview and memory in the second. Every row is a process of its own.

(a) and (b) run as soon as they can be told to: packed sequences are so slow on CPU that they get two repetitions only.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.synthetic import ANSWERS, MODALITY, VOCABULARY, random_batch, write_corpus
from benchmarks.timing import Timing, in_fresh_process, interleave, peak_megabytes
from fairhire.data.collate import BatchReader, batch_rows, corpus_vocabulary
from fairhire.data.corpus import Corpus
from fairhire.interview import InterviewBatch
from fairhire.model import HireNetModel, ModelConfig, new_model

__all__ = ["main"]

P = ParamSpec("P")
T = TypeVar("T")

HIDDEN = 64
PEERS = {
    "hirenet": "HireNet",
    "packed": "(a) HireNet over packed sequences",
    "bare": "(b) bare padded bi-GRU, same frames",
}


@dataclass(frozen=True)
class Scale:
    """How large everything is: interviews of a batch, width of a frame, repetitions, and the points of the curves.

    ``apart`` measures memory in processes of their own, without which its figures mean nothing.
    """

    interviews: int
    width: int
    rounds: int
    most: int
    lengths: tuple[int, ...]
    candidates: tuple[int, ...]
    apart: bool


FULL = Scale(64, 32, 9, 240, (100, 300, 1000, 3000), (100, 300, 1000, 3000, 10_000), apart=True)
QUICK = Scale(4, 3, 1, 10, (5, 10), (6, 12), apart=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_step", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="so small that only whether it runs is seen")
    parser.add_argument("--threads", type=int, default=1, help="processor threads of torch (default %(default)s)")
    parser.add_argument("--without-packed", action="store_true", help="leave out (a), which takes most of the time")
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    print(f"torch {torch.__version__}, {options.threads} thread(s), one step = forward + backward + Adam")
    peers = [name for name in PEERS if not (options.without_packed and name == "packed")]
    for fewest in (scale.most // 2, scale.most):
        compare(scale, fewest, peers, options.threads)
    grow_answers(scale, options.threads)
    with tempfile.TemporaryDirectory() as folder:
        grow_candidates(scale, Path(folder), options.threads)


class PackedBiGRU(nn.Module):
    """What most code does about answers of unequal length: pack, run ``nn.GRU``, unpack."""

    def __init__(self, forwards: nn.GRU, backwards: nn.GRU) -> None:
        super().__init__()
        self.gru = nn.GRU(forwards.input_size, forwards.hidden_size, batch_first=True, bidirectional=True)
        weights = dict(forwards.state_dict())
        weights |= {f"{name}_reverse": value for name, value in backwards.state_dict().items()}
        self.gru.load_state_dict(weights)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Return the states (N, T, 2 hidden)."""
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=values.shape[1])[0]


def hirenet(width: int, vocabulary: int = VOCABULARY) -> HireNetModel:
    """Return an untrained HireNet of the default shape."""
    torch.manual_seed(0)
    return new_model(ModelConfig("hirenet", {MODALITY: width}, vocabulary, hidden=HIDDEN))


def packed(model: HireNetModel) -> HireNetModel:
    """Return ``model`` with every bi-GRU replaced by one over packed sequences, with the same weights."""
    for tower in model.towers:
        for name in ("frame_encoder", "answer_encoder"):
            encoder = getattr(tower, name)
            setattr(tower, name, PackedBiGRU(encoder.forwards, encoder.backwards))
    return model


def new_step(peer: str, batch: InterviewBatch, width: int) -> Callable[[], None]:
    """Return a training step of one of the peers."""
    if peer == "bare":
        torch.manual_seed(0)
        gru = nn.GRU(width, HIDDEN, batch_first=True, bidirectional=True)
        frames = batch.features[MODALITY].values
        return _step(gru, lambda: gru(frames)[0].mean())
    model = packed(hirenet(width)) if peer == "packed" else hirenet(width)
    return _step(model, lambda: model.task_loss(model(batch), batch))


def _step(module: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.Adam(module.parameters())

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss().backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def compare(scale: Scale, fewest: int, peers: Sequence[str], threads: int) -> None:
    """Print what a step of every peer costs on answers of ``fewest`` to ``scale.most`` frames."""
    torch.set_num_threads(threads)
    batch = random_batch(scale.interviews, (fewest, scale.most), scale.width)
    _check_same_scores(batch, scale.width)
    steps = {name: new_step(name, batch, scale.width) for name in peers}
    rounds = {name: min(2, scale.rounds) if name == "packed" else scale.rounds for name in peers}
    timings = interleave(steps, rounds)
    lengths = f"{fewest} to {scale.most}" if fewest < scale.most else f"all of {scale.most}"
    print(f"\nA step on {scale.interviews} interviews x {ANSWERS} answers, {lengths} frames, {scale.width} wide")
    print(f"{'':38}{'s':>8}{'HireNet takes … times as long':>32}{'memory':>10}")
    for name, timing in timings.items():
        memory = measured(scale, step_memory, name, scale, fewest, threads)
        seconds = statistics.median(timing.wall)
        print(f"{PEERS[name]:38}{seconds:>8.3f}{_ratio(timings['hirenet'], timing):>32}{memory:>7.0f} MB")


def _ratio(hirenet: Timing, peer: Timing) -> str:
    if hirenet is peer:
        return ""
    wall, processor = hirenet.ratio(peer)
    return f"{wall:.2f} ({processor:.2f} by processor time)"


def _check_same_scores(batch: InterviewBatch, width: int) -> None:
    one, other = hirenet(width).eval(), packed(hirenet(width)).eval()
    with torch.no_grad():
        torch.testing.assert_close(one(batch).logits, other(batch).logits, atol=1e-4, rtol=0)


def measured(scale: Scale, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``function`` returns, run apart where the scale wants that."""
    return in_fresh_process(function, *args, **kwargs) if scale.apart else function(*args, **kwargs)


def step_memory(peer: str, scale: Scale, fewest: int, threads: int) -> float:
    """Return the megabytes by which two steps raise the peak over the batch and the weights; for a fresh process."""
    torch.set_num_threads(threads)
    batch = random_batch(scale.interviews, (fewest, scale.most), scale.width)
    step = new_step(peer, batch, scale.width)
    before = peak_megabytes()
    for _ in range(2):
        step()
    return peak_megabytes() - before


def grow_answers(scale: Scale, threads: int) -> None:
    """Print what a step costs as answers grow; memory beyond that of the batch itself."""
    interviews = max(2, scale.interviews // 8)
    print(f"\nAs answers grow (a step on {interviews} interviews x {ANSWERS} answers, unequal lengths)")
    print(f"{'frames at most':>14}{'s':>9}{'µs a frame':>12}{'memory':>11}{'kB a frame':>12}")
    for longest in scale.lengths:
        seconds, memory, frames = measured(scale, answer_point, longest, interviews, scale.width, threads)
        per_frame = seconds / frames * 1e6
        print(f"{longest:>14}{seconds:>9.3f}{per_frame:>12.2f}{memory:>8.0f} MB{memory * 1024 / frames:>12.1f}")


def answer_point(longest: int, interviews: int, width: int, threads: int) -> tuple[float, float, int]:
    """Return seconds and megabytes of a step, and the frames in it; for a fresh process."""
    torch.set_num_threads(threads)
    batch = random_batch(interviews, (longest // 2, longest), width)
    step = new_step("hirenet", batch, width)
    before = peak_megabytes()
    timing = interleave({"step": step}, {"step": 5})["step"]
    frames = int(batch.features[MODALITY].lengths.sum())
    return statistics.median(timing.wall), peak_megabytes() - before, frames


def grow_candidates(scale: Scale, folder: Path, threads: int) -> None:
    """Print what an epoch over a corpus on disk costs as candidates grow, reading included."""
    frames = (max(1, scale.lengths[0] // 5), max(1, scale.lengths[0] * 2 // 5))
    print(f"\nAs candidates grow (an epoch from disk, {ANSWERS} answers of {frames[0]} to {frames[1]} frames each)")
    print(f"{'candidates':>14}{'s':>9}{'ms an interview':>17}{'memory':>11}{'corpus':>11}")
    for candidates in scale.candidates:
        path = folder / str(candidates)
        write_corpus(path, candidates, frames, scale.width)
        size = sum(file.stat().st_size for file in path.rglob("*")) / 1024**2
        seconds, memory = measured(scale, epoch_point, path, scale.interviews, scale.width, threads)
        each = seconds / candidates * 1e3
        print(f"{candidates:>14}{seconds:>9.2f}{each:>17.2f}{memory:>8.0f} MB{size:>8.0f} MB")
    print("Memory counts the pages of the corpus that were read and that the system may take back.")


def epoch_point(path: Path, batch_size: int, width: int, threads: int) -> tuple[float, float]:
    """Return seconds and megabytes of an epoch; for a fresh process."""
    torch.set_num_threads(threads)
    new_step("hirenet", random_batch(2, (1, 2), width), width)()  # whatever is loaded only when it is first needed
    before = peak_megabytes()
    corpus = Corpus(path)
    rows = np.arange(len(corpus))
    vocabulary = corpus_vocabulary(corpus, rows)
    reader = BatchReader(corpus, vocabulary, [MODALITY])
    model = hirenet(width, len(vocabulary))
    batches = list(batch_rows(rows, reader.lengths(), batch_size, rng=np.random.default_rng(0)))
    began = time.perf_counter()
    optimiser = torch.optim.Adam(model.parameters())
    for chosen in batches:
        batch = reader.read(chosen)
        optimiser.zero_grad(set_to_none=True)
        model.task_loss(model(batch), batch).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return time.perf_counter() - began, peak_megabytes() - before


if __name__ == "__main__":
    main()
