"""Numbers are standardised as among training people, and answers find their places."""

import pytest
import torch
from talks import Reply, Talk, make_batch

from fairhire.interview import AnswerFrames
from fairhire.model.attention import ContextAttention
from fairhire.model.tower import AnswerTower, InterviewTower, Standardise


def standardise(mean, deviation):
    scale = Standardise(len(mean))
    scale.set(torch.tensor(mean), torch.tensor(deviation))
    return scale


def test_frames_are_brought_to_mean_0_and_deviation_1():
    torch.manual_seed(0)
    frames = torch.randn(50, 8, 2) * torch.tensor([3.0, 0.01]) + torch.tensor([-7.0, 100.0])
    flat = frames.flatten(0, 1)
    scaled = standardise(flat.mean(dim=0).tolist(), flat.std(dim=0).tolist())(frames).flatten(0, 1)
    torch.testing.assert_close(scaled.mean(dim=0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(scaled.std(dim=0), torch.ones(2), atol=1e-3, rtol=0)


@pytest.mark.parametrize("deviation", [0.0, 1e-17, 1e-10])
def test_a_feature_that_never_varied_keeps_its_scale(deviation):
    scaled = standardise([0.1], [deviation])(torch.tensor([[[0.1], [0.6]]]))
    torch.testing.assert_close(scaled, torch.tensor([[[0.0], [0.5]]]))


def test_a_feature_that_varies_little_around_0_is_scaled_up():
    torch.testing.assert_close(standardise([0.0], [1e-10])(torch.full((1, 1, 1), 1e-10)), torch.ones(1, 1, 1))


def test_the_standardisation_travels_with_the_weights():
    scale = standardise([1.0], [4.0])
    other = Standardise(1)
    other.load_state_dict(scale.state_dict())
    assert torch.equal(other(torch.full((1, 1, 1), 9.0)), torch.full((1, 1, 1), 2.0))


def interview_tower():
    torch.manual_seed(0)
    tower = InterviewTower(ContextAttention, 3, question=2, title=2, hidden=4, attention=3, dropout=0.0)
    return tower.double()


def frames(*replies):
    """Return the frames of interviews given as sequences of answers' lengths, None where it was not recorded."""

    def reply(length):
        return Reply((), {} if length is None else {"audio": torch.randn(length, 3, dtype=torch.float64)})

    torch.manual_seed(1)
    return make_batch([Talk((), tuple(reply(length) for length in lengths)) for lengths in replies]).features["audio"]


def test_answers_find_their_interviews_and_slots():
    given = frames((None, 2, None, 3), (None,), (1,))
    question, title = torch.randn(3, 2, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    output = interview_tower()(given.values, given, question, title, 4)
    assert output.present.tolist() == [True, False, True]
    assert (output.answer_attention > 0).tolist() == [
        [False, True, False, True],
        [False] * 4,
        [True, False, False, False],
    ]
    assert output.vectors.shape == (3, 8)
    assert not output.vectors[1].any()
    assert output.answer_vectors.shape == (3, 8)


def test_an_interviews_vector_is_normed():
    given = frames((2, 3), (1,))
    output = interview_tower()(given.values, given, torch.ones(3, 2).double(), torch.ones(2, 2).double(), 2)
    torch.testing.assert_close(output.vectors.mean(dim=1), torch.zeros(2).double())
    torch.testing.assert_close(output.vectors.std(dim=1, unbiased=False), torch.ones(2).double(), atol=0.01, rtol=0)


def test_the_answer_tower_leaves_answers_in_their_places():
    torch.manual_seed(0)
    tower = AnswerTower(3, hidden=4, dropout=0.0).double()
    given = frames((None, 2), (3,))
    output = tower(given.values, given, 2, 2)
    assert output.present.tolist() == [[False, True], [True, False]]
    assert output.vectors.shape == (2, 2, 8)
    torch.testing.assert_close(output.vectors[0, 1], output.answer_vectors[0])
    assert not output.vectors[~output.present].any()
    assert output.answer_attention.tolist() == [[0, 1], [1, 0]]


def test_the_answer_tower_reads_both_ends_of_an_answer():
    torch.manual_seed(0)
    tower = AnswerTower(3, hidden=4, dropout=0.0).double()
    given = frames((4,))
    before = tower(given.values, given, 1, 1).vectors
    for step in (0, 3):
        changed = given.values.clone()
        changed[0, step] += 1
        other = AnswerFrames(changed, given.lengths, given.interview, given.slot)
        assert (tower(changed, other, 1, 1).vectors - before).abs().max() > 1e-3
