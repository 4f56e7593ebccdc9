"""Reads FairCVtest: made-up CVs with real face embeddings, a fair score, and the same score biased by gender.

Source: Pena, Serna, Morales, Fierrez, CVPRW 2020; the gender experiment's 4,800 profiles as one CSV. Every profile is
one answer of one candidate: the competencies are the modality ``merits``, the face embedding is both the modality
``video`` and the face that an adversary must not find. The fair score never enters the corpus: it is the truth beside
it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from fairhire.atomic import sha256
from fairhire.data.corpus import Modality
from fairhire.data.imported import Imported, ImportedInterview
from fairhire.data.source import find_file, read_table
from fairhire.errors import UsageError
from fairhire.interview import Answer, Interview
from fairhire.left_out import LeftOut, counted

__all__ = ["read"]

_NAME = "faircvtest_gender.csv"
_MERITS = ("education", "experience", "recommendation", "availability", *(f"language_{n}" for n in range(1, 9)))
_FACES = {
    "plain": tuple(f"face_{n:02d}" for n in range(20)),
    "agnostic": tuple(f"agnostic_face_{n:02d}" for n in range(20)),
}
_LABELS = {"biased": "biased_label", "blind": "blind_label"}
_PREDICTIONS = (
    *("scenario1_blind", "scenario2_biased", "scenario3_competencies"),
    *("scenario4_face", "scenario4_agnostic_face"),
)
_COLUMNS = (
    *("profile_id", "ethnicity", "gender", *_MERITS, *_FACES["plain"], *_FACES["agnostic"]),
    *(*_LABELS.values(), *_PREDICTIONS),
)
_GENDERS = {"0": "male", "1": "female"}
_ETHNICITIES = {"0": "Asian", "1": "White", "2": "Black"}  # the source's README says "0, 1, 3"; its data say 2


def read(
    source: Path,
    *,
    label: Literal["biased", "blind"] = "biased",
    faces: Literal["plain", "agnostic"] = "plain",
) -> Imported:
    """Read the folder (or the file) ``source``.

    ``label`` is the score whose upper half (strictly above the median) is hirable: ``biased`` is what recruiters would
    leave behind, ``blind`` what the competencies deserve. ``faces`` is the ResNet-50 embedding or its
    SensitiveNets version, which should not show gender or ethnicity. Raises :class:`UsageError` for another choice,
    :class:`~fairhire.errors.DataError` for a file that is not this data set.
    """
    if label not in _LABELS:
        raise UsageError(f"label: expected {' or '.join(_LABELS)}, got {label!r}")
    if faces not in _FACES:
        raise UsageError(f"faces: expected {' or '.join(_FACES)}, got {faces!r}")
    path = source if source.is_file() else find_file(source, f"{_NAME}.gz", _NAME)
    table = read_table(path)
    table.refuse_others(_COLUMNS)
    ids = table.distinct("profile_id")
    merits = table.numbers(_MERITS).astype(np.float32)
    embeddings = table.numbers(_FACES[faces]).astype(np.float32)
    scores = {name: table.numbers([column])[:, 0] for name, column in _LABELS.items()}
    hirable = scores[label] > np.median(scores[label])
    interviews = [
        ImportedInterview(
            Interview(
                id=name,
                candidate=name,
                answers=(Answer({"merits": merits[row : row + 1], "video": embeddings[row : row + 1]}),),
                hirable=bool(hirable[row]),
                face=embeddings[row],
            ),
            targets={_LABELS[label]: float(scores[label][row])},
        )
        for row, name in enumerate(ids)
    ]
    people = pd.DataFrame(
        {
            "candidate": ids,
            "gender": table.coded("gender", _GENDERS),
            "ethnicity": table.coded("ethnicity", _ETHNICITIES),
        }
    )
    truth = pd.DataFrame(
        {
            "interview": ids,
            "blind_label": scores["blind"],
            "biased_label": scores["biased"],
            "hirable_unbiased": (scores["blind"] > np.median(scores["blind"])).astype(int),
        }
    )
    predictions = [name for name in _PREDICTIONS if name in table]
    return Imported(
        modalities=(
            Modality("merits", len(_MERITS), units=f"as in the source: {', '.join(_MERITS)}"),
            Modality("video", len(_FACES[faces]), units=f"face embedding, unit norm ({faces})"),
        ),
        interviews=interviews,
        people=people,
        targets=(_LABELS[label],),
        truth=truth,
        left_out=counted(
            LeftOut(
                "columns of published predictions", len(predictions), "made by the authors' networks, not by candidates"
            ),
        ),
        provenance={
            "source": "FairCVtest, gender experiment (Pena et al., CVPRW 2020)",
            "terms": "research use; no named licence",
            "files": {path.name: sha256(path)},
            "label": label,
            "faces": faces,
        },
    )
