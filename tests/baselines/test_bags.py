"""Bags count: a word where it is said, a frame at the nearest centre; what training people never said is not known."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from fairhire.baselines.bags import bag_of_frames, bag_of_words
from fairhire.baselines.describe import recorded_answers
from fairhire.errors import DataError


def test_bags_of_words_equal_the_librarys_own(talks, parts):
    train, _, _ = parts
    answers = recorded_answers(talks, "text")
    found = bag_of_words(talks, answers, train).toarray()
    spoken = [" ".join(talks.words[i] for i in talks.frames("text", int(answer))) for answer in answers.answer]
    reference = TfidfVectorizer(min_df=2, sublinear_tf=True, token_pattern=r"\S+")
    reference.fit([spoken[place] for place in answers.of(train)])
    expected = reference.transform(spoken).toarray()
    columns = [reference.vocabulary_[word] for word in talks.words if word in reference.vocabulary_]
    np.testing.assert_allclose(found, expected[:, columns])


def test_a_bag_of_frames_knows_no_order_and_weighs_every_answer_alike(talks, parts):
    train, _, _ = parts
    answers = recorded_answers(talks, "audio")
    rows = bag_of_frames(talks, "audio", answers, train, seed=0, centres=8)
    assert rows.shape == (len(answers.answer), 8)
    np.testing.assert_allclose(np.sqrt(rows.multiply(rows).sum(axis=1)), 1)
    again = bag_of_frames(talks, "audio", answers, train, seed=0, centres=8)
    assert (rows != again).nnz == 0


def test_a_codebook_is_no_larger_than_the_frames_there_are(talks):
    answers = recorded_answers(talks, "video")
    rows = bag_of_frames(talks, "video", answers, np.array([0]), seed=0, centres=10_000)
    frames = sum(int(talks.length("video")[answer]) for answer in talks.answer_rows(0))
    assert rows.shape[1] == frames


def test_without_training_answers_there_is_no_codebook_and_no_word(talks):
    nobody = np.array([10**6])
    with pytest.raises(DataError, match="expected video in at least one training interview"):
        bag_of_frames(talks, "video", recorded_answers(talks, "video"), nobody, seed=0)
    with pytest.raises(DataError, match="expected a word that occurs in 2 training answers, got none"):
        bag_of_words(talks, recorded_answers(talks, "text"), nobody)
