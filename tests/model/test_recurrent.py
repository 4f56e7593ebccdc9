"""Three ways to run a bidirectional GRU are one: packed, without padding, and one cell and one sequence at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_hirenet import bidirectional, gru_states

from fairhire.model import ragged
from fairhire.model.ragged import run_ragged
from fairhire.model.recurrent import BidirectionalGRU, LastState, reversal_index, run_packed, valid_steps

RUNS = pytest.mark.parametrize("run", [run_ragged, run_packed])
LENGTHS = torch.tensor([3, 6, 1, 6, 5])


def encoder(width=3, hidden=4):
    torch.manual_seed(0)
    return BidirectionalGRU(width, hidden).double()


def frames(lengths=LENGTHS, longer=0, width=3):
    torch.manual_seed(1)
    return torch.randn(len(lengths), int(lengths.max()) + longer, width, dtype=torch.float64)


def states_and_gradients(run, module, values, lengths):
    """Return the states, and the gradients of an arbitrary function of them: values' first, then the weights'."""
    values = values.clone().requires_grad_()
    states = run(module.forwards, module.backwards, values, lengths)
    torch.manual_seed(2)
    along = (torch.randn_like(states) * states).sum() + (states**3).sum()
    return states, torch.autograd.grad(along, [values, *module.parameters()])


def assert_same(one, other):
    torch.testing.assert_close(one[0], other[0], atol=1e-12, rtol=0)
    for mine, theirs in zip(one[1], other[1], strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-9, rtol=0)


@RUNS
def test_states_equal_the_gru_equations_cell_by_cell(run):
    module, values = encoder(), frames()
    states = run(module.forwards, module.backwards, values, LENGTHS)
    assert states.shape == (5, 6, 8)
    for row, length in enumerate(LENGTHS):
        expected = torch.stack(bidirectional(module, list(values[row, :length])))
        torch.testing.assert_close(states[row, :length], expected, atol=1e-12, rtol=0)
        assert not states[row, length:].any()


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=7),
    longer=st.integers(0, 3),
    hidden=st.integers(1, 5),
    piece=st.sampled_from([1, 4, 1000]),
)
def test_without_padding_equals_packed_in_states_and_gradients(lengths, longer, hidden, piece):
    module, lengths = encoder(hidden=hidden), torch.tensor(lengths)
    values = frames(lengths, longer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ragged, "_PIECE", piece)
        one = states_and_gradients(run_ragged, module, values, lengths)
    assert_same(one, states_and_gradients(run_packed, module, values, lengths))


def test_the_gradients_are_right_numerically():
    module, values = encoder(width=2, hidden=2), frames(torch.tensor([3, 1, 2]), width=2).requires_grad_()
    lengths = torch.tensor([3, 1, 2])

    def run(values, *_):
        return run_ragged(module.forwards, module.backwards, values, lengths)

    assert torch.autograd.gradcheck(run, (values, *module.parameters()))


def test_a_second_derivative_is_refused_rather_than_wrong():
    module, values = encoder(), frames().requires_grad_()
    states = run_ragged(module.forwards, module.backwards, values, LENGTHS)
    (slope,) = torch.autograd.grad((states**2).sum(), values, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


@RUNS
def test_garbage_in_padding_is_not_seen_and_gets_no_gradient(run):
    module, values = encoder(), frames(longer=2)
    noisy = values.clone()
    noisy[~valid_steps(LENGTHS, 8)] = 1e3
    one, other = (states_and_gradients(run, module, given, LENGTHS) for given in (values, noisy))
    assert_same(one, other)
    assert not other[1][0][~valid_steps(LENGTHS, 8)].any()


@RUNS
def test_a_sequence_does_not_see_the_others(run):
    module, values = encoder(), frames()
    together = run(module.forwards, module.backwards, values, LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone = run(module.forwards, module.backwards, values[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(together[row : row + 1, :length], alone, atol=1e-12, rtol=0)


def test_the_same_input_gives_the_same_bits():
    module, values = encoder().float(), frames().float()
    one, other = (states_and_gradients(run_ragged, module, values, LENGTHS) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one[1], other[1], strict=True))


def test_float32_is_as_close_as_nn_gru():
    torch.manual_seed(0)
    module = BidirectionalGRU(32, 64)
    lengths = torch.randint(1, 41, (50,))
    values = frames(lengths, width=32).float()
    one = run_ragged(module.forwards, module.backwards, values, lengths)
    torch.testing.assert_close(one, run_packed(module.forwards, module.backwards, values, lengths), atol=2e-6, rtol=0)


def test_under_autocast_states_stay_float32_and_gradients_have_the_inputs_type():
    module, values = encoder().float(), frames().bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = module(values, LENGTHS)
        states.sum().backward()
    assert states.dtype == torch.float32
    assert values.grad.dtype == torch.bfloat16
    assert all(parameter.grad.dtype == torch.float32 for parameter in module.parameters())
    torch.testing.assert_close(states, module(values.float(), LENGTHS))


def test_the_encoder_keeps_the_names_of_its_weights():
    names = {name for name, _ in BidirectionalGRU(3, 4).named_parameters()}
    kinds = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    assert names == {f"{side}.{kind}" for side in ("forwards", "backwards") for kind in kinds}


def test_last_gives_both_directions_ends():
    module, values = encoder(), frames()
    last = module.last(module(values, LENGTHS), LENGTHS)
    for row, length in enumerate(LENGTHS):
        sequence = list(values[row, :length])
        ends = [gru_states(module.forwards, sequence)[-1], gru_states(module.backwards, sequence[::-1])[-1]]
        torch.testing.assert_close(last[row], torch.cat(ends), atol=1e-12, rtol=0)


def test_the_last_state_of_a_text_is_after_its_last_word():
    torch.manual_seed(0)
    module, values, lengths = LastState(3, 4).double(), frames(), torch.tensor([2, 6, 0, 1, 0])
    torch.nn.init.normal_(module.nothing)
    last = module(values, lengths)
    for row, length in enumerate(lengths):
        expected = gru_states(module.gru, list(values[row, :length]))[-1] if length else module.nothing
        torch.testing.assert_close(last[row], expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(module(values, torch.zeros(5, dtype=torch.int64)), module.nothing.expand(5, 4))


def test_a_text_without_words_learns_its_vector_and_only_that():
    torch.manual_seed(0)
    module = LastState(3, 4).double()
    module(frames(), torch.tensor([2, 6, 0, 1, 0])).sum().backward()
    torch.testing.assert_close(module.nothing.grad, torch.full((4,), 2.0).double())


def test_steps_are_valid_up_to_the_length():
    assert valid_steps(torch.tensor([2, 0, 3]), 3).tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_turning_around_twice_changes_nothing_and_padding_stays():
    turn = reversal_index(torch.tensor([2, 3]), 4)
    assert turn.tolist() == [1, 0, 2, 3, 6, 5, 4, 7]
    assert torch.equal(turn[turn], torch.arange(8))
