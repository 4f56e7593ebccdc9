"""Everything a run needs before its first step: who trains, the words, the scales, the faces to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fairhire.adversaries import ADVERSARIES, kind_of
from fairhire.adversaries.base import Adversary, Penalty
from fairhire.adversaries.label import SensitiveLabels
from fairhire.adversaries.offset import FittedOffset, fit_offset
from fairhire.adversaries.target import BiometricTarget, fit_target
from fairhire.data.collate import BatchReader, corpus_vocabulary, frame_moments
from fairhire.data.corpus import Corpus
from fairhire.data.split import fold_by_candidate, named_split, shared_candidates, split_by_candidate
from fairhire.data.vocabulary import Vocabulary, read_word_vectors
from fairhire.errors import DataError, UsageError
from fairhire.interview import TEXT, InterviewBatch
from fairhire.model import HireNetModel, ModelConfig, new_model
from fairhire.training.config import TrainConfig
from fairhire.training.ratings import RatingScale, measure_ratings, resolve_ratings
from fairhire.training.sites import resolve_sites

__all__ = ["Setting", "parts_of", "prepare"]

PROBED = 3  # people whom a face-retrieval probe needs on each side; asked for here, not after an hour of training


@dataclass(frozen=True)
class Setting:
    """A corpus made ready for a configuration.

    ``parts`` (n,) names every interview's part; ``train`` and ``validation`` are the rows that have a label and at
    least one wanted modality; ``train`` also those that have one of the ``ratings`` instead of a label. ``left_out``
    counts every interview that takes no part, or not in all, with the reason; ``remarks`` are sentences worth telling.
    ``attacks`` build the adversaries and penalties for vectors of a given width, by name; ``offset`` explains the label
    in the model's stead, or is None; ``sites`` is where adversaries and erasers act, ``targets`` what must be known of
    training people (``face``, ``voice``, ``label``), ``labels`` (n,) a sensitive label's place or -1, for the baselines
    that read one; ``ratings`` maps what is learnt beside the label to its scale.
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
    attacks: Mapping[str, Callable[[int], Adversary | Penalty]]
    offset: FittedOffset | None
    sites: tuple[str, ...]
    targets: frozenset[str]
    labels: NDArray[np.int64] | None
    ratings: Mapping[str, RatingScale]
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
        scales = self.ratings.values()
        model.set_rating_scale(
            torch.tensor([scale.origin for scale in scales]), torch.tensor([scale.unit for scale in scales])
        )
        return model

    def read(self, rows: NDArray[np.int64]) -> InterviewBatch:
        """Return a training batch; faces and voices are read only when they are attacked or explain the label."""
        kinds = {kind_of(name) for name in self.attacks} - {"label"}
        kinds |= set() if self.offset is None else set(self.offset.kinds)
        return self.reader.read_with(rows, kinds, list(self.ratings))

    @property
    def candidates(self) -> NDArray[np.str_]:
        """The candidate of every interview of the corpus (n,)."""
        return self.corpus.interviews["candidate"].to_numpy(dtype=str)

    def embeddings(self, kind: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the face or voice embeddings (len(rows), d) of interviews, NaN where one has none."""
        return _embeddings(self.corpus, kind, rows)


def prepare(
    corpus: Corpus,
    config: TrainConfig,
    *,
    sensitive_labels: SensitiveLabels | None = None,
    word_vectors: Path | None = None,
) -> Setting:
    """Check a corpus against a configuration and measure what only training people may teach.

    Raises :class:`UsageError` or :class:`DataError`, one line each: an unknown modality, one class only, no faces for
    the face adversary, sensitive labels without the label adversary or the other way round, parts without people, a
    rating that is none of the corpus's targets or that training people do not differ in.
    """
    if ("label" in config.targets) != (sensitive_labels is not None):
        raise UsageError(
            "adversary: expected sensitive labels with the label adversary (or eraser) and only with it, "
            f"got adversary {config.adversary!r} {'with' if sensitive_labels else 'without'} labels"
        )
    wanted = config.modalities or tuple(corpus.modalities)
    remarks: list[str] = []
    parts = parts_of(corpus, config, remarks)
    draft = BatchReader(corpus, Vocabulary(()), wanted, longest=config.longest)
    labelled, usable = corpus.interviews["hirable"].notna().to_numpy(), draft.usable()
    named = resolve_ratings(config.ratings, corpus)
    rated = ~np.isnan(corpus.ratings(named))
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
    labelled_train = rows["train"]
    rows["train"] = np.flatnonzero((parts == "train") & (labelled | rated.any(axis=1)) & usable)
    ratings = measure_ratings(corpus, named, rows["train"])
    vocabulary = corpus_vocabulary(corpus, rows["train"])
    vectors = None
    if word_vectors is not None:
        vectors, found = read_word_vectors(word_vectors, vocabulary)
        remarks.append(f"word vectors: {found} of the {len(vocabulary) - 2} known words are in {word_vectors.name}")
    for kind in sorted(config.targets - {"label"}):
        _check_people(corpus, config, kind, rows["train"], rows["validation"], remarks)
    fitted = {kind_of(name) for name in config.adversaries}.union(config.offsets) - {"label"}
    targets = {kind: _target(corpus, config, kind, rows["train"]) for kind in sorted(fitted)}
    sensitive = None if sensitive_labels is None else _check_labels(corpus, rows["train"], sensitive_labels, remarks)
    model_config = ModelConfig(
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
        ratings={name: scale.kind for name, scale in ratings.items()},
    )
    without_label = ~labelled
    without_label[rows["train"]] = False
    left_out: list[dict[str, str | int]] = [
        {"what": "interviews", "n": int(without_label.sum()), "why": "no hirable label: scored, not trained on"},
        {"what": "interviews", "n": int((~usable).sum()), "why": f"nothing recorded in {', '.join(wanted)}: no score"},
        {
            "what": "training interviews",
            "n": len(rows["train"]) - len(labelled_train),
            "why": "no hirable label: they teach their ratings only",
        },
    ]
    for name, scale in ratings.items():
        without = len(rows["train"]) - scale.people
        left_out.append(
            {"what": "training interviews", "n": without, "why": f"nobody rated {name}: they teach the rest"}
        )
    return Setting(
        corpus=corpus,
        reader=BatchReader(corpus, vocabulary, wanted, longest=config.longest),
        parts=parts,
        train=rows["train"],
        validation=rows["validation"],
        vocabulary=vocabulary,
        model_config=model_config,
        word_vectors=vectors,
        moments={name: frame_moments(corpus, name, rows["train"]) for name in wanted if name != TEXT},
        attacks={name: _attack(name, targets.get(kind_of(name)), sensitive_labels) for name in config.adversaries},
        offset=_offset(corpus, [targets[kind] for kind in config.offsets], labelled_train, rows["validation"]),
        sites=resolve_sites(config.sites, model_config),
        targets=config.targets,
        labels=sensitive,
        ratings=ratings,
        left_out=tuple(item for item in left_out if item["n"]),
        remarks=tuple(remarks),
    )


def parts_of(corpus: Corpus, config: TrainConfig, remarks: list[str]) -> NDArray[np.str_]:
    """Return the part of every interview (n,) under a configuration's split; what is worth telling joins ``remarks``.

    Raises :class:`UsageError` for a split that there is not, :class:`DataError` for one that leaves a part empty.
    """
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
    name: str, target: BiometricTarget | None, sensitive_labels: SensitiveLabels | None
) -> Callable[[int], Adversary | Penalty]:
    """Return what builds the adversary or penalty ``name`` for vectors of a given width."""
    return lambda width: ADVERSARIES[name](width, sensitive_labels if target is None else target)


def _target(corpus: Corpus, config: TrainConfig, kind: str, train: NDArray[np.int64]) -> BiometricTarget:
    known, place = corpus.embeddings(kind)
    return fit_target(np.asarray(known[place[train][place[train] >= 0]]), width=config.face_width, kind=kind)


def _offset(
    corpus: Corpus, targets: list[BiometricTarget], train: NDArray[np.int64], validation: NDArray[np.int64]
) -> FittedOffset | None:
    """Return what these targets explain of the training labels, judged on validation people; None without targets."""
    if not targets:
        return None
    label = corpus.interviews["hirable"].to_numpy(dtype=object)
    sides = [
        ([_embeddings(corpus, target.kind, rows) for target in targets], label[rows].astype(bool))
        for rows in (train, validation)
    ]
    return fit_offset(targets, *sides[0], *sides[1])


def _embeddings(corpus: Corpus, kind: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    known, place = corpus.embeddings(kind)
    found = np.full((len(rows), known.shape[1]), np.nan)
    has = place[rows] >= 0
    found[has] = known[place[rows][has]]
    return found


def _check_labels(
    corpus: Corpus, train: NDArray[np.int64], sensitive_labels: SensitiveLabels, remarks: list[str]
) -> NDArray[np.int64]:
    """Return the place of every interview's sensitive label, -1 without one, and say loudly that it is read."""
    ids = corpus.interviews["id"].to_numpy(dtype=str)
    labels = np.array([sensitive_labels.of.get(name, -1) for name in ids], dtype=np.int64)
    known = labels[train][labels[train] >= 0]
    if len(set(known.tolist())) < 2:
        raise DataError(
            f"{corpus.path}: expected sensitive labels of at least 2 categories among training interviews for "
            f"--adversary label, got {len(known)} of {'one category' if len(known) else 'no category'}"
        )
    remarks.append(
        f"the label adversary READS SENSITIVE LABELS ({', '.join(sensitive_labels.classes)}) of {len(known)} of the "
        f"{len(train)} training interviews; it is a baseline, not the product's method"
    )
    return labels


def _check_people(
    corpus: Corpus,
    config: TrainConfig,
    kind: str,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    remarks: list[str],
) -> None:
    """Refuse a corpus that has too few faces (voices) to forget them and to choose weights by them."""
    asked = f"--erase {config.erase}" if config.offset in (None, "none") else f"--offset {config.offset}"
    asked = f"--adversary {config.adversary}" if config.adversary != "none" else asked
    if not (corpus.has_faces if kind == "face" else corpus.has_voices):
        raise DataError(f"{corpus.path}: expected {kind} embeddings in biometrics/ for {asked}, found none")
    known, place = corpus.embeddings(kind)
    for row in np.concatenate([train, validation]):
        if place[row] >= 0 and not np.isfinite(known[place[row]]).all():
            name = corpus.interviews["id"].iloc[row]
            raise DataError(
                f"{corpus.path}, interview {name!r}: expected a finite {kind} embedding, got NaN or infinity"
            )
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    judged = set(people[validation])
    with_one = {
        "training": set(people[train[place[train] >= 0]]) - judged,  # the probe that chooses must not know them
        "validation": set(people[validation[place[validation] >= 0]]),
    }
    for part, found in with_one.items():
        if len(found) < PROBED:
            raise DataError(
                f"{corpus.path}: expected {kind}s of at least {PROBED} {part} candidates for {asked}, got {len(found)}"
            )
    if without := int((place[train] < 0).sum()):
        remarks.append(f"{without} of {len(train)} training interviews have no {kind}: they teach the task only")
