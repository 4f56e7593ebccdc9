"""Document vectors are learned from training answers alone, and the same seed gives the same."""

import numpy as np
import pytest

from fairhire.baselines.describe import AnswerRows, recorded_answers
from fairhire.baselines.doc2vec import document_vectors
from fairhire.errors import DataError


def test_vectors_repeat_and_do_not_depend_on_which_answers_stand_beside(talks, parts):
    train, _, _ = parts
    answers = recorded_answers(talks, "text")
    vectors = document_vectors(talks, answers, train, seed=3)
    assert vectors.shape == (len(answers.answer), 100)
    np.testing.assert_array_equal(vectors, document_vectors(talks, answers, train, seed=3))
    known = answers.of(train)
    last = len(answers.answer) - 1
    fewer = AnswerRows(answers.answer[[*known, last]], answers.interview[[*known, last]])
    np.testing.assert_allclose(document_vectors(talks, fewer, train, seed=3)[-1], vectors[last], atol=1e-5)


def test_no_word_twice_is_said(talks):
    answers = recorded_answers(talks, "text")
    with pytest.raises(DataError, match="expected a word that occurs 2 times in training answers, got none"):
        document_vectors(talks, answers, np.array([10**6]), seed=0)
