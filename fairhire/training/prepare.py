"""Everything a run needs before its first step: who trains, the words, the scales, the faces to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fairhire.adversaries import ADVERSARIES
from fairhire.adversaries.base import Adversary
from fairhire.adversaries.face import fit_face_target
from fairhire.adversaries.label import SensitiveLabels
from fairhire.data.collate import BatchReader, corpus_vocabulary, frame_moments
from fairhire.data.corpus import Corpus
from fairhire.data.split import fold_by_candidate, named_split, shared_candidates, split_by_candidate
from fairhire.data.vocabulary import Vocabulary, read_word_vectors
from fairhire.errors import DataError, UsageError
from fairhire.interview import TEXT, InterviewBatch
from fairhire.model import HireNetModel, ModelConfig, new_model
from fairhire.training.config import TrainConfig

__all__ = ["Setting", "prepare"]

PROBED = 3  # people whom a face-retrieval probe needs on each side; asked for here, not after an hour of training


@dataclass(frozen=True)
class Setting:
    """A corpus made ready for a configuration.

    ``parts`` (n,) names every interview's part; ``train`` and ``validation`` are the rows that have a label and at
    least one wanted modality. ``left_out`` counts every interview that takes no part, with the reason; ``remarks``
    are sentences worth telling. ``attack`` builds an adversary for a representation of a given width, or is None.
    """

    corpus: Corpus
    reader: BatchReader
    parts: NDArray[np.str_]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    vocabulary: Vocabulary
    model_config: ModelConfig
    word_vectors: NDArray[np.float32] | None
    moments: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    attack: Callable[[int], Adversary] | None
    with_faces: bool
    left_out: tuple[Mapping[str, str | int], ...]
    remarks: tuple[str, ...]

    def new_model(self, seed: int) -> HireNetModel:
        """Return an untrained model; the same seed gives the same weights, whatever adversary will follow."""
        torch.manual_seed(seed)
        model = new_model(self.model_config)
        if self.word_vectors is not None:
            model.set_word_vectors(torch.from_numpy(self.word_vectors))
        model.set_standardisation(
            {name: torch.from_numpy(mean) for name, (mean, _) in self.moments.items()},
            {name: torch.from_numpy(deviation) for name, (_, deviation) in self.moments.items()},
        )
        return model

    def read(self, rows: NDArray[np.int64]) -> InterviewBatch:
        """Return a training batch; faces are read only when they are attacked."""
        return self.reader.read_with_faces(rows) if self.with_faces else self.reader.read(rows)


def prepare(
    corpus: Corpus,
    config: TrainConfig,
    *,
    sensitive_labels: SensitiveLabels | None = None,
    word_vectors: Path | None = None,
) -> Setting:
    """Check a corpus against a configuration and measure what only training people may teach.

    Raises :class:`UsageError` or :class:`DataError`, one line each: an unknown modality, one class only, no faces for
    the face adversary, sensitive labels without the label adversary or the other way round, parts without people.
    """
    if (config.adversary == "label") != (sensitive_labels is not None):
        raise UsageError(
            "adversary: expected sensitive labels with the label adversary and only with it, "
            f"got adversary {config.adversary!r} {'with' if sensitive_labels else 'without'} labels"
        )
    wanted = config.modalities or tuple(corpus.modalities)
    remarks: list[str] = []
    parts = _parts(corpus, config, remarks)
    draft = BatchReader(corpus, Vocabulary(()), wanted, longest=config.longest)
    labelled, usable = corpus.interviews["hirable"].notna().to_numpy(), draft.usable()
    rows = {part: np.flatnonzero((parts == part) & labelled & usable) for part in ("train", "validation")}
    for part, chosen in rows.items():
        labels = corpus.interviews["hirable"].to_numpy(dtype=object)[chosen]
        if len(set(labels)) < 2:
            raise DataError(
                f"{corpus.path}, {part} people: expected hirable and not hirable interviews, "
                f"got {len(chosen)} of one class"
                if len(chosen)
                else f"{corpus.path}, {part} people: expected labelled interviews with {', '.join(wanted)}, got none"
            )
    vocabulary = corpus_vocabulary(corpus, rows["train"])
    vectors = None
    if word_vectors is not None:
        vectors, found = read_word_vectors(word_vectors, vocabulary)
        remarks.append(f"word vectors: {found} of the {len(vocabulary) - 2} known words are in {word_vectors.name}")
    attack, with_faces = _attack(corpus, config, rows["train"], rows["validation"], sensitive_labels, remarks)
    left_out: list[dict[str, str | int]] = [
        {"what": "interviews", "n": int((~labelled).sum()), "why": "no hirable label: scored, not trained on"},
        {"what": "interviews", "n": int((~usable).sum()), "why": f"nothing recorded in {', '.join(wanted)}: no score"},
    ]
    return Setting(
        corpus=corpus,
        reader=BatchReader(corpus, vocabulary, wanted, longest=config.longest),
        parts=parts,
        train=rows["train"],
        validation=rows["validation"],
        vocabulary=vocabulary,
        model_config=ModelConfig(
            name=config.model,
            modalities={name: corpus.modalities[name].width for name in wanted},
            vocabulary_size=len(vocabulary),
            word_dim=config.word_dim if vectors is None else vectors.shape[1],
            hidden=config.hidden,
            attention=config.attention,
            question_hidden=config.question_hidden,
            fused=config.fused,
            dropout=config.dropout,
            fusion=config.fusion if len(wanted) > 1 else "none",
        ),
        word_vectors=vectors,
        moments={name: frame_moments(corpus, name, rows["train"]) for name in wanted if name != TEXT},
        attack=attack,
        with_faces=with_faces,
        left_out=tuple(item for item in left_out if item["n"]),
        remarks=tuple(remarks),
    )


def _parts(corpus: Corpus, config: TrainConfig, remarks: list[str]) -> NDArray[np.str_]:
    candidates = corpus.interviews["candidate"].to_numpy(dtype=str)
    if config.split == "candidate":
        return split_by_candidate(candidates, config.fractions, seed=config.seed)
    if config.split.startswith("fold:"):
        number, _, folds = config.split.removeprefix("fold:").partition("/")
        if not (number.isdigit() and folds.isdigit()):
            raise UsageError(f"split: expected fold:i/k such as fold:1/5, got {config.split!r}")
        return fold_by_candidate(candidates, int(number), int(folds), seed=config.seed)
    if config.split not in corpus.splits:
        known = ", ".join(("candidate", "fold:i/k", *corpus.splits))
        raise UsageError(f"split: expected one of {known}, got {config.split!r}")
    parts = named_split(corpus.interviews[f"split:{config.split}"].tolist(), config.split)
    shared, test = shared_candidates(candidates, parts)
    if shared:
        remarks.append(
            f"identity leak: with split {config.split!r}, {shared} of {test} test candidates are also trained or "
            "chosen on; figures on its test part flatter every model (use --split candidate)"
        )
    return parts


def _attack(
    corpus: Corpus,
    config: TrainConfig,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    sensitive_labels: SensitiveLabels | None,
    remarks: list[str],
) -> tuple[Callable[[int], Adversary] | None, bool]:
    if config.adversary == "none":
        return None, False
    if sensitive_labels is not None:
        ids = corpus.interviews["id"].to_numpy(dtype=str)[train]
        named = sum(name in sensitive_labels.of for name in ids)
        if len({sensitive_labels.of[name] for name in ids if name in sensitive_labels.of}) < 2:
            raise DataError(
                f"{corpus.path}: expected sensitive labels of at least 2 categories among training interviews for "
                f"--adversary label, got {named} of {'one category' if named else 'no category'}"
            )
        remarks.append(
            f"the label adversary READS SENSITIVE LABELS ({', '.join(sensitive_labels.classes)}) of {named} of the "
            f"{len(train)} training interviews; it is a baseline, not the product's method"
        )
        return lambda width: ADVERSARIES["label"](width, sensitive_labels), False
    if not corpus.has_faces:
        raise DataError(
            f"{corpus.path}: expected face embeddings in biometrics/ for --adversary {config.adversary}, found none"
        )
    found = corpus.face_rows[train]
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    judged = set(people[validation])
    with_face = {
        "training": set(people[train[found >= 0]]) - judged,  # the probe that chooses must not know who is judged
        "validation": set(people[validation[corpus.face_rows[validation] >= 0]]),
    }
    for part, faces in with_face.items():
        if len(faces) < PROBED:
            raise DataError(
                f"{corpus.path}: expected faces of at least {PROBED} {part} candidates for --adversary "
                f"{config.adversary}, got {len(faces)}"
            )
    target = fit_face_target(np.asarray(corpus.faces[found[found >= 0]]), width=config.face_width)
    if without := int((found < 0).sum()):
        remarks.append(f"{without} of {len(train)} training interviews have no face: they teach the task only")
    return lambda width: ADVERSARIES[config.adversary](width, target), True
