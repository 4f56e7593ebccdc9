"""Three ways to sum up a sequence: each a weighted mean over what is valid, led by what its name says."""

import pytest
import torch

from fairhire.model.attention import ContextAttention, MeanPooling, SelfAttention

POOLINGS = [ContextAttention, SelfAttention, MeanPooling]
LENGTHS = torch.tensor([4, 1, 3])


def made(pooling):
    torch.manual_seed(0)
    return pooling(5, 2, 3).double()


def states(steps=4):
    return torch.randn(3, steps, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def context(seed=2):
    return torch.randn(3, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_summary_is_the_weighted_mean_over_valid_steps(pooling):
    given = states()
    summary, weights = made(pooling)(given, LENGTHS, context())
    for row, length in enumerate(LENGTHS):
        expected = sum(weights[row, step] * given[row, step] for step in range(length))
        torch.testing.assert_close(summary[row], expected)
        assert weights[row, :length].sum().item() == pytest.approx(1)
        assert not weights[row, length:].any()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_what_stands_in_padding_is_not_seen(pooling):
    given, noisy = states(), states()
    for row, length in enumerate(LENGTHS):
        noisy[row, length:] = 1e6
    one, other = made(pooling)(given, LENGTHS, context())[0], made(pooling)(noisy, LENGTHS, context())[0]
    torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_sequence_of_one_step_is_that_step(pooling):
    given = states()
    summary, weights = made(pooling)(given, LENGTHS, context())
    torch.testing.assert_close(summary[1], given[1, 0])
    assert weights[1].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(("pooling", "led"), [(ContextAttention, True), (SelfAttention, False), (MeanPooling, False)])
def test_only_context_attention_is_led_by_the_context(pooling, led):
    module = made(pooling)
    one, other = (module(states(), LENGTHS, context(seed))[1] for seed in (2, 3))
    assert bool((one - other)[0].abs().max() > 1e-4) == led


@pytest.mark.parametrize(("pooling", "looks"), [(ContextAttention, True), (SelfAttention, True), (MeanPooling, False)])
def test_attention_depends_on_the_states_and_a_mean_does_not(pooling, looks):
    weights = made(pooling)(states(), LENGTHS, context())[1]
    assert bool((weights[0] - 0.25).abs().max() > 1e-4) == looks


@pytest.mark.parametrize("pooling", POOLINGS)
def test_extreme_states_give_no_nan(pooling):
    given = states().mul_(1e30).requires_grad_()
    summary, weights = made(pooling)(given, LENGTHS, context())
    summary.sum().backward()
    assert torch.isfinite(summary).all()
    assert torch.isfinite(weights).all()
    assert torch.isfinite(given.grad).all()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_are_right_numerically(pooling):
    module = made(pooling)
    given, lead = states().requires_grad_(), context().requires_grad_()
    parameters = tuple(module.parameters())
    assert torch.autograd.gradcheck(lambda h, q, *_: module(h, LENGTHS, q), (given, lead, *parameters))
