"""Small tallies and histograms of scores for the tests of the metrics, counted from rows as the engine would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fairhire.auditing.tally import Confusion, Scored, Tally

Rows = Sequence[tuple[str, float]]


def scored_of(
    groups: Mapping[str, Sequence[float]],
    *,
    labels: Mapping[str, Sequence[int]] | None = None,
    width: float = 0.0,
    attribute: str = "sex",
) -> Scored:
    """Return the histograms of {category: scores}, exact or in bins of ``width``."""
    rows = pd.DataFrame(
        [
            {attribute: name, "label": -1 if labels is None else int(labels[name][place]), "score": float(score)}
            for name, scores in groups.items()
            for place, score in enumerate(scores)
        ]
    )
    if width:
        bins = round(1 / width)
        values = (np.arange(bins) + 0.5) * width
        place = np.minimum(np.floor(rows["score"].to_numpy() / width + 1e-9).astype(int), bins - 1)
    else:
        values, place = np.unique(rows["score"].to_numpy(), return_inverse=True)
    cells, cell = np.unique(rows[[attribute, "label"]].astype(str).agg("|".join, axis=1), return_inverse=True)
    counts = np.zeros((len(cells), len(values)), dtype=np.int64)
    np.add.at(counts, (cell, place), 1)
    scores = rows["score"].to_numpy()
    return Scored(
        attributes=(attribute,),
        cells=pd.DataFrame([{attribute: one.split("|")[0], "label": int(one.split("|")[1])} for one in cells]),
        values=values.astype(np.float64),
        width=width,
        counts=counts,
        totals=np.bincount(cell, weights=scores, minlength=len(cells)),
        squares=np.bincount(cell, weights=scores**2, minlength=len(cells)),
    )


def tally_of_scores(groups: Mapping[str, Sequence[float]], *, width: float = 0.0) -> Tally:
    """Return a tally of scores without decisions: who is above the median of everybody."""
    everybody = np.concatenate([np.asarray(scores, dtype=float) for scores in groups.values()])
    median = float(np.median(everybody))
    rows = [
        {"sex": name, "position": "", "label": -1, "selected": -1, "above": flag, "n": n}
        for name, scores in groups.items()
        for flag, n in enumerate(np.bincount((np.asarray(scores) > median).astype(int), minlength=2))
        if n
    ]
    return Tally(
        ("sex",),
        pd.DataFrame(rows),
        scored=scored_of(groups, width=width),
        median=median,
        tied=int((everybody == median).sum()),
    )


def tally_of_outcomes(groups: Mapping[str, Confusion], *, repeats: pd.DataFrame | None = None) -> Tally:
    """Return a tally of {category: confusion table}."""
    rows = [
        {"sex": name, "position": "", "label": label, "selected": selected, "above": -1, "n": n}
        for name, table in groups.items()
        for label, selected, n in (
            (1, 1, table.tp),
            (0, 1, table.fp),
            (1, 0, table.fn),
            (0, 0, table.tn),
        )
        if n
    ]
    return Tally(("sex",), pd.DataFrame(rows), repeats=repeats)
