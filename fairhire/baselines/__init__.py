"""What HireNet is compared with: votes, and classic learners over descriptions that know no order.

Papers section 1.1.
"""

from __future__ import annotations

from fairhire.baselines.bags import bag_of_frames, bag_of_words
from fairhire.baselines.describe import AnswerRows, non_sequential, recorded_answers
from fairhire.baselines.doc2vec import document_vectors
from fairhire.baselines.learners import (
    Chosen,
    ChosenRating,
    fit_classifier,
    fit_regressor,
    stack_ratings,
    stack_scores,
)
from fairhire.baselines.votes import DRAWS, majority_by_position, random_votes

__all__ = [
    "DRAWS",
    "AnswerRows",
    "Chosen",
    "ChosenRating",
    "bag_of_frames",
    "bag_of_words",
    "document_vectors",
    "fit_classifier",
    "fit_regressor",
    "majority_by_position",
    "non_sequential",
    "random_votes",
    "recorded_answers",
    "stack_ratings",
    "stack_scores",
]
