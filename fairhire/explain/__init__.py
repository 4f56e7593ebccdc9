"""Where a model looked in an interview, told so that a person can read it, and how far that can be trusted."""

from __future__ import annotations

from fairhire.explain.folder import check_folder, default_folder, write_explanation
from fairhire.explain.record import LEAST, SAMPLE, explain_corpus, explain_interview, explain_position

__all__ = [
    "LEAST",
    "SAMPLE",
    "check_folder",
    "default_folder",
    "explain_corpus",
    "explain_interview",
    "explain_position",
    "write_explanation",
]
