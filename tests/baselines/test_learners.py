"""Classic learners find what is there, choose on validation people only, and say nothing where nothing is."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from fairhire.baselines import learners
from fairhire.baselines.describe import AnswerRows, non_sequential, recorded_answers
from fairhire.baselines.learners import fit_classifier, fit_regressor, stack_ratings, stack_scores, trials_of
from fairhire.errors import DataError


def labels(corpus):
    return corpus.interviews["hirable"].to_numpy(dtype=bool)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr(learners, "_TREES", 20)


def test_a_planted_difference_is_found_and_none_reads_as_chance(talks, parts):
    train, validation, test = parts
    answers = recorded_answers(talks, "audio")
    x = non_sequential(talks, "audio", answers, train)
    chosen = fit_classifier(x, answers, labels(talks), train, validation, seed=0)
    assert ((chosen.score[test] >= 0.5) == labels(talks)[test]).all()
    assert set(chosen.best_of) == {"svm", "ridge", "forest"}
    noise = np.random.default_rng(0).normal(size=(len(answers.answer), 4))
    blind = fit_classifier(noise, answers, labels(talks), train, validation, seed=0)
    right = ((blind.score[test] >= 0.5) == labels(talks)[test]).mean()
    assert right < 1


def test_labels_of_test_people_are_never_read(talks, parts):
    train, validation, test = parts
    answers = recorded_answers(talks, "audio")
    x = non_sequential(talks, "audio", answers, train)
    changed = labels(talks)
    changed[test] = ~changed[test]
    one = fit_classifier(x, answers, labels(talks), train, validation, seed=0)
    other = fit_classifier(x, answers, changed, train, validation, seed=0)
    np.testing.assert_array_equal(one.score, other.score)


def test_an_interviews_score_is_the_mean_over_its_answers():
    answers = AnswerRows(np.arange(6), np.array([0, 0, 1, 2, 3, 3]))
    x = np.array([[2.0], [4.0], [-3.0], [3.0], [-2.0], [-1.0]])
    hirable = np.array([True, False, True, False, True])
    chosen = fit_classifier(x, answers, hirable, np.arange(4), np.array([2, 3]), seed=0)
    assert np.isnan(chosen.score[4])  # nothing was recorded of the last one
    assert chosen.validation_f1 == 1
    ridge = RidgeClassifier(alpha=1.0).fit(x, hirable[answers.interview])
    mean = answers.mean_by_interview(ridge.decision_function(x), 5)
    assert ((chosen.score[:4] >= 0.5) == (mean[:4] >= 0)).all()


def test_a_trial_that_calls_everybody_the_same_is_set_aside(monkeypatch):
    class Everybody:
        def fit(self, x, y):
            return self

        def decision_function(self, x):
            return np.ones(len(x))

    class Honest(Everybody):
        def decision_function(self, x):
            return x[:, 0]

    def made(trial, seed):
        return Honest() if trial.learner == "ridge" else Everybody()

    monkeypatch.setattr(learners, "_classifier", made)
    answers = AnswerRows(np.arange(6), np.arange(6))
    hirable = np.array([True, False, True, True, False, True])
    x = np.array([[1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0]])  # wrong about all of those who choose
    chosen = fit_classifier(x, answers, hirable, np.arange(3), np.arange(3, 6), seed=0)
    assert chosen.trial.learner == "ridge"
    assert chosen.validation_f1 == 0
    assert chosen.degenerate == chosen.tried - sum(trial.learner == "ridge" for trial in trials_of(3, 1))
    assert chosen.best_of["svm"] == pytest.approx(0.8)  # of calling everybody hirable: two of three are


def test_many_answers_or_numbers_spare_the_kernel_machine():
    assert "svm rbf" in {trial.learner for trial in trials_of(100, 10)}
    for many in ((10**6, 10), (100, 10**5)):
        assert {trial.learner for trial in trials_of(*many)} == {"svm linear", "ridge", "forest"}
    assert not any("class_weight" in trial.settings for trial in trials_of(100, 10, ratings=True))
    names = [trial.name for trial in trials_of(100, 10)]
    assert len(names) == len(set(names))


def test_a_rating_is_learned_where_it_is_known(talks, parts):
    train, validation, test = parts
    rating = talks.interviews["target:warmth"].to_numpy(np.float64).copy()
    rating[train[:4]] = np.nan
    answers = recorded_answers(talks, "audio")
    x = non_sequential(talks, "audio", answers, train)
    best = fit_regressor(x, answers, rating, train, validation, seed=0)
    assert np.abs(best.prediction[test] - rating[test]).mean() < np.abs(rating[test] - np.nanmean(rating)).mean() / 2
    assert np.isfinite(best.prediction[train[:4]]).all()


@pytest.mark.parametrize("part", ["train", "validation"])
def test_one_class_alone_is_refused(talks, parts, part):
    train, validation, _ = parts
    hirable = labels(talks)
    hirable[train if part == "train" else validation] = True
    answers = recorded_answers(talks, "audio")
    x = non_sequential(talks, "audio", answers, train)
    with pytest.raises(DataError, match=r"got \d+ of one class"):
        fit_classifier(x, answers, hirable, train, validation, seed=0)
    flat = np.full(len(talks), 0.5)
    with pytest.raises(DataError, match="expected two different ratings among training interviews, got 1"):
        fit_regressor(x, answers, flat, train, validation, seed=0)
    known = np.where(np.isin(np.arange(len(talks)), train), np.arange(len(talks)) / 40, np.nan)
    with pytest.raises(DataError, match="expected a rated validation interview"):
        fit_regressor(x, answers, known, train, validation, seed=0)


def test_stacking_trusts_whom_validation_people_speak_for_and_bears_missing_scores():
    rng = np.random.default_rng(0)
    hirable = rng.random(400) < 0.5
    good = 1 / (1 + np.exp(-(4 * (hirable - 0.5) + rng.normal(size=400))))
    noise = rng.random(400)
    noise[300:] = hirable[300:]  # right about those alone on whom nothing is fitted
    scores = np.stack([good, noise], axis=1)
    scores[:40, 0] = np.nan
    scores[:10, 1] = np.nan
    together, weights = stack_scores(scores, hirable, np.arange(200))
    assert weights[0] > 3 * abs(weights[1])
    assert np.isnan(together[:10]).all()
    assert np.isfinite(together[10:]).all()
    assert ((together[200:300] >= 0.5) == hirable[200:300]).mean() > 0.9
    with pytest.raises(DataError, match="validation interviews, got 5 of one class"):
        stack_scores(scores, hirable, np.flatnonzero(hirable)[20:25])


def test_stacked_ratings_are_weighed_on_those_who_are_rated():
    truth = np.linspace(0, 1, 50)
    predicted = np.stack([truth * 0.5 + 0.1, np.random.default_rng(0).random(50)], axis=1)
    predicted[3] = np.nan
    predicted[4, 0] = np.nan
    rated = np.where(np.arange(50) % 2, truth, np.nan)
    found = stack_ratings(predicted, rated, np.arange(50))
    assert np.isnan(found[3])
    assert np.corrcoef(found[5:], truth[5:])[0, 1] > 0.9
    assert np.isnan(stack_ratings(predicted, np.full(50, np.nan), np.arange(50))).all()
