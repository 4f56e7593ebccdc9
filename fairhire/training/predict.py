"""What a trained model says of interviews, in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairhire.data.collate import BatchReader
from fairhire.data.corpus import Corpus
from fairhire.data.vocabulary import Vocabulary, read_vocabulary
from fairhire.errors import DataError, UsageError
from fairhire.interview import InterviewBatch
from fairhire.model import HireNetModel, HireNetOutput, answers_of, load_model
from fairhire.progress import Advance, silent
from fairhire.ratings import Ratings
from fairhire.runs import Run
from fairhire.scores import Scores
from fairhire.training.attention import attention_summary, attention_width

__all__ = [
    "ATTENTION",
    "RATINGS",
    "Prediction",
    "predict",
    "predict_with_ratings",
    "ratings_of",
    "run_model",
    "save_words",
    "scores_of",
]

ATTENTION = "attention"
RATINGS = "ratings"


@dataclass(frozen=True)
class Prediction:
    """Probabilities (n,), NaN where a model saw nothing of the interview, and representations (n, H), zeros there.

    ``layers`` are what else the model makes of an interview on its way, float32, zeros where there is nothing: under a
    modality's name its vectors (n, H_m) before fusion, under ``NAME answers`` the mean (n, H_m) of its answer vectors,
    under ``attention`` where it looked (:mod:`fairhire.training.attention`), under ``ratings`` what it says beside the
    score (n, K), if anything.
    """

    score: NDArray[np.float64]
    representation: NDArray[np.float32]
    layers: dict[str, NDArray[np.float32]]


def run_model(
    model: HireNetModel,
    reader: BatchReader,
    rows: NDArray[np.int64],
    *,
    batch: int = 256,
    device: torch.device | str = "cpu",
    advance: Advance = silent,
) -> Prediction:
    """Return what ``model`` says of the interviews at ``rows`` (n,), in that order; it is left in evaluation mode.

    Interviews of similar length share a batch, which changes nothing but the time: padding and batch-mates are
    invisible to the model.
    """
    model.eval()
    score = np.full(len(rows), np.nan)
    representation = np.zeros((len(rows), model.representation_width), dtype=np.float32)
    names = list(model.config.modalities)
    widths = {site: model.layer_width(site) for site in (*names, *map(answers_of, names))}
    widths[ATTENTION] = attention_width(len(names))
    if model.config.ratings:
        widths[RATINGS] = len(model.config.ratings)
    layers = {name: np.zeros((len(rows), width), dtype=np.float32) for name, width in widths.items()}
    lengths = reader.lengths()[rows]
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            place = order[start : start + batch]
            given = reader.read(rows[place]).to(device)
            output = model(given)
            score[place] = torch.sigmoid(output.logits.double()).cpu().numpy()
            representation[place] = output.representation.float().cpu().numpy()
            for name in names:
                layers[name][place] = output.vectors[name].float().cpu().numpy()
                if name in given.features:
                    layers[answers_of(name)][place] = _answer_means(output, given, name).cpu().numpy()
            layers[ATTENTION][place] = attention_summary(output, given).cpu().numpy()
            if model.config.ratings:
                layers[RATINGS][place] = output.ratings.float().cpu().numpy()
            advance(len(place))
    return Prediction(score, representation, layers)


def _answer_means(output: HireNetOutput, batch: InterviewBatch, name: str) -> Tensor:
    vectors, interview = output.answer_vectors[name].float(), batch.features[name].interview
    total = vectors.new_zeros(len(batch), vectors.shape[1]).index_add(0, interview, vectors)
    return total / torch.bincount(interview, minlength=len(batch)).clamp(min=1)[:, None]


def save_words(folder: Path, vocabulary: Vocabulary) -> None:
    """Write the words that a model knows beside its weights, one a line."""
    (folder / "words.txt").write_text("".join(f"{word}\n" for word in vocabulary.words), encoding="utf-8", newline="\n")


def predict(run: Run, corpus: Corpus, *, device: torch.device | str = "cpu", advance: Advance = silent) -> Scores:
    """Return a run's scores and representations of every interview of ``corpus``, in the corpus's order.

    The deployed model alone is read: no adversary, no face. Decisions use the run's threshold. Raises
    :class:`DataError` when the corpus lacks a modality of the model or has another width, :class:`UsageError` for a
    device that is not there.
    """
    return predict_with_ratings(run, corpus, device=device, advance=advance)[0]


def predict_with_ratings(
    run: Run, corpus: Corpus, *, device: torch.device | str = "cpu", advance: Advance = silent
) -> tuple[Scores, Ratings]:
    """Return what :func:`predict` returns, and the ratings that the model gives beside the score, none if it has none.

    What people said of these interviews stands beside them where the corpus has a target of that name. Raises the
    errors of :func:`predict`.
    """
    device = _device(device)
    model = load_model(run.model)
    config = model.config
    for name, width in config.modalities.items():
        if name not in corpus.modalities:
            raise DataError(f"{corpus.path}: expected modality {name!r}, got {', '.join(corpus.modalities)}")
        if corpus.modalities[name].width != width:
            raise DataError(f"{corpus.path}, {name}: expected width {width}, got {corpus.modalities[name].width}")
    reader = BatchReader(
        corpus,
        read_vocabulary(run.model / "words.txt", config.vocabulary_size),
        tuple(config.modalities),
        longest=run.config["longest"],
    )
    rows = np.arange(len(corpus))
    prediction = run_model(model.to(device), reader, rows, device=device, advance=advance)
    parts = np.full(len(corpus), "", dtype="<U10")
    scores = scores_of(corpus, prediction, parts, run.config["threshold"])
    return scores, ratings_of(corpus, prediction, list(config.ratings), parts)


def scores_of(corpus: Corpus, prediction: Prediction, parts: NDArray[np.str_], threshold: float) -> Scores:
    """Return the scores table of a whole corpus; selected is a score of ``threshold`` or more."""
    labels = corpus.interviews["hirable"]
    missing = np.isnan(prediction.score)
    return Scores(
        ids=corpus.interviews["id"].to_numpy(dtype=str),
        candidates=corpus.interviews["candidate"].to_numpy(dtype=str),
        position=corpus.interviews["position"].to_numpy(dtype=str),
        split=parts,
        score=prediction.score,
        decision=np.where(missing, -1, prediction.score >= threshold).astype(np.int64),
        hirable=np.where(labels.isna(), -1, labels.fillna(False)).astype(np.int64),
        representation=prediction.representation,
    )


def ratings_of(corpus: Corpus, prediction: Prediction, names: Sequence[str], parts: NDArray[np.str_]) -> Ratings:
    """Return the table of the ratings ``names`` of a whole corpus, predicted and, where it has them, annotated."""
    shape = len(corpus), len(names)
    predicted, annotated = np.full(shape, np.nan), np.full(shape, np.nan)
    if names:
        seen = ~np.isnan(prediction.score)
        predicted[seen] = prediction.layers[RATINGS][seen]
    for place, name in enumerate(names):
        if name in corpus.targets:
            annotated[:, place] = corpus.ratings([name])[:, 0]
    return Ratings(
        names=tuple(names),
        ids=corpus.interviews["id"].to_numpy(dtype=str),
        candidates=corpus.interviews["candidate"].to_numpy(dtype=str),
        split=parts,
        predicted=predicted,
        annotated=annotated,
    )


def _device(name: torch.device | str) -> torch.device:
    kind = str(name).partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"device: expected cpu or cuda, got {str(name)!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("device: expected a machine with CUDA for --device cuda, got none; use --device cpu")
    return torch.device(name)
