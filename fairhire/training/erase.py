"""After the weights are chosen: erasers are fitted to what they make of training people, and become part of the model.

Site by site, from the input to the score, each fitted on what the guards before it let through. How much of the
variance ``cut`` keeps is decided by faces (or voices) alone: the largest share of :data:`SHARES` after which fresh
probes of training people do not find validation people again. No sensitive label takes part.
Letters: n vectors at a site, H their width, k what is left of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fairhire.erasure import ERASERS, AffineMap, Eraser, Erasure, SpectralCut, Witnesses
from fairhire.errors import DataError
from fairhire.estimate import Estimate
from fairhire.model import Guard, HireNetModel
from fairhire.retrieval import retrieve_faces
from fairhire.training.config import TrainConfig
from fairhire.training.prepare import Setting
from fairhire.training.ratings import refit_ratings
from fairhire.training.sites import eraser_sites, readout, site_vectors

__all__ = ["SHARES", "Found", "find_again", "fit_guards"]

SHARES = (0.99, 0.95, 0.9, 0.8, 0.65, 0.5, 0.0)
"""Shares of the variance beside the score that ``cut`` may keep (ours); 0 leaves the score alone."""

WITHOUT_WITNESSES = 0.99  # where there is neither face nor voice to decide by (issue 4's prototype)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Side:
    """The vectors (n, H) at one site of some interviews, and which row of the corpus each belongs to (n,)."""

    vectors: Floats
    rows: NDArray[np.int64]

    def kept(self, guard: Guard) -> NDArray[np.float32]:
        """Return what a model with ``guard`` would emit, (n, k), rounded as it would round."""
        reduced: NDArray[np.float32] = guard.reduce(torch.from_numpy(self.vectors.astype(np.float32))).numpy()
        return reduced


@dataclass(frozen=True)
class Found:
    """How well a fresh probe finds validation people's faces or voices: mean-rank AUC, its standard error, people.

    The larger reading of a linear and a kernel probe, each fitted on training people.
    """

    auc: float
    standard_error: float
    people: int

    @property
    def at_chance(self) -> bool:
        """Whether the reading lies within half a standard error of one half (ours: far stricter than its interval)."""
        return self.auc - 0.5 <= self.standard_error / 2


def fit_guards(
    model: HireNetModel, setting: Setting, config: TrainConfig, *, device: torch.device | str
) -> tuple[HireNetModel, list[dict[str, Any]]]:
    """Return the model with a guard at every site where ``config`` erases, and what each eraser says of itself.

    Heads of ratings are then fitted anew to what is left: no eraser spares the directions that they read.
    Raises :class:`DataError`, naming the site, where an eraser cannot be fitted.
    """
    records: list[dict[str, Any]] = []
    for site in eraser_sites(setting.sites, model) if config.erasers else ():
        model.eval()
        train, judged = (_collect(model, setting, rows, site, device) for rows in (setting.train, setting.validation))
        if not len(train.vectors):
            raise DataError(f"erasing at {site}: expected vectors of training people, got none")
        direction = readout(model, site)
        witnesses = _witnesses(setting, train.rows, None if direction is None else direction.cpu().numpy())
        try:
            erasure, tried = _erase(train, judged, witnesses, setting, config)
        except DataError as error:
            raise DataError(f"erasing at {site}: {error}") from None
        records.append({"site": site, **erasure.to_dict(), **tried})
        model = model.with_guards({site: _guard(erasure)})
    if records and setting.ratings:
        remarks = refit_ratings(model, setting.reader, setting.train, setting.ratings, device=device)
        records[-1]["remarks"] += remarks
    return model, records


def find_again(setting: Setting, train: _Side, judged: _Side, kind: str, guard: Guard | None) -> Found | None:
    """Return how well people's faces (or voices) are found from what ``guard`` lets through; None if it cannot be said.

    Training people who are also among the judged are left out.
    """
    rows = np.concatenate([train.rows, judged.rows])
    names = setting.candidates[rows]
    is_judged = np.arange(len(rows)) >= len(train.rows)
    fit = ~is_judged & ~np.isin(names, names[is_judged])
    sides = [side.vectors if guard is None else side.kept(guard) for side in (train, judged)]
    embeddings = setting.embeddings(kind, rows)
    mask = np.isfinite(embeddings.sum(axis=1))
    found = retrieve_faces(
        np.vstack(sides),
        np.where(mask[:, None], embeddings, 0.0),
        persons=names,
        fit=fit,
        test=is_judged,
        face_mask=mask,
        at=(1,),
        replicates=200,
    )
    readings = [reading.auc for reading in found.readings if isinstance(reading.auc, Estimate)]
    if not readings:
        return None
    worst = max(readings, key=lambda reading: reading.value)
    return Found(worst.value, (worst.high - worst.low) / (2 * 1.96), found.n_test)


def _collect(
    model: HireNetModel, setting: Setting, rows: NDArray[np.int64], site: str, device: torch.device | str
) -> _Side:
    vectors, where = [], []
    with torch.inference_mode():
        for start in range(0, len(rows), 256):
            some = rows[start : start + 256]
            batch = setting.reader.read(some).to(device)
            found, interview = site_vectors(model(batch), batch, site)
            if len(found):
                vectors.append(found.double().cpu().numpy())
                where.append(some[interview.cpu().numpy()])
    if not vectors:
        return _Side(np.zeros((0, 1)), np.zeros(0, dtype=np.int64))
    return _Side(np.vstack(vectors), np.concatenate(where))


def _witnesses(setting: Setting, rows: NDArray[np.int64], direction: Floats | None) -> Witnesses:
    return Witnesses(
        people=setting.candidates[rows],
        faces=setting.embeddings("face", rows) if "face" in setting.targets else None,
        voices=setting.embeddings("voice", rows) if "voice" in setting.targets else None,
        labels=None if setting.labels is None else setting.labels[rows],
        readout=direction,
    )


def _erase(
    train: _Side, judged: _Side, witnesses: Witnesses, setting: Setting, config: TrainConfig
) -> tuple[Erasure, dict[str, Any]]:
    """Return the erasers of ``config``, one fitted on what the one before left, as one erasure."""
    kinds = sorted(setting.targets - {"label"})
    said: dict[str, Any] = {}
    for kind in kinds:
        said[f"{kind}_retrieval_before"] = _shown(find_again(setting, train, judged, kind, None))
    whole: Erasure | None = None
    vectors = train.vectors
    for name in config.erasers:
        steps = _cuts(config, kinds, witnesses) if name == "cut" else [ERASERS[name]()]
        for eraser in steps:
            step = eraser.fit(vectors, witnesses)
            candidate = step if whole is None else whole.then(step)
            guard = _guard(candidate)
            found = {kind: find_again(setting, train, judged, kind, guard) for kind in kinds}
            if all(reading is not None and reading.at_chance for reading in found.values()):
                break
        whole = candidate
        vectors = whole.map(train.vectors)
    assert whole is not None
    remarks = list(whole.remarks)
    if whole.details.get("components_beside_the_score") == 0:
        remarks.append("everything but the score had to go: what is left is the score itself")
    if not kinds:
        remarks.append("no face or voice was read: nobody has looked at what is left")
    for kind in kinds:
        said[f"{kind}_retrieval_after"] = _shown(found[kind])
        if found[kind] is None:
            remarks.append(
                f"too few validation people have a {kind} and something here to say whether {kind}s are still found: "
                "the strongest cut was taken, and nobody has looked at what is left"
            )
    return whole, {**said, "remarks": remarks}


def _cuts(config: TrainConfig, kinds: Sequence[str], witnesses: Witnesses) -> list[Eraser]:
    """Return the cuts to try, from the one that keeps most; without a readout something has to be kept beside it."""
    if config.cut_share is not None:
        return [SpectralCut(config.cut_share)]
    if not kinds:
        return [SpectralCut(WITHOUT_WITNESSES)]
    return [SpectralCut(share) for share in SHARES if share > 0 or witnesses.readout is not None]


def _guard(erasure: Erasure) -> Guard:
    chain: AffineMap = erasure.map
    return Guard.of(torch.from_numpy(chain.matrix), torch.from_numpy(chain.shift), erasure.rank_after)


def _shown(found: Found | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"auc": found.auc, "standard_error": found.standard_error, "people": found.people, "chance": 0.5}
