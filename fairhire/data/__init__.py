"""Interviews on disk: the corpus, the readers of other people's data, splits and batches.

A new data set is one file with a function ``read(source, *, options) -> Imported``, and one line in ``DATASETS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairhire.data import faircvtest, first_impressions, mit_interview, table
from fairhire.data.imported import Imported

__all__ = ["DATASETS"]

DATASETS: Mapping[str, Callable[..., Imported]] = {
    "first-impressions": first_impressions.read,
    "faircvtest": faircvtest.read,
    "mit-interview": mit_interview.read,
    "table": table.read,
}
"""What ``fairhire corpus import`` can read, by name."""
