"""The only minus sign: what goes forward is untouched, what comes back is turned around by exactly the strength."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairhire.adversaries.reversal import ramp, reverse_gradient

STRENGTHS = st.floats(0, 1e3, allow_nan=False)


@given(STRENGTHS, st.integers(0, 10_000))
def test_forward_is_the_identity_bit_for_bit(strength: float, seed: int) -> None:
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    assert torch.equal(reverse_gradient(values, strength), values)


@given(STRENGTHS, st.integers(0, 10_000))
def test_the_gradient_comes_back_times_exactly_minus_the_strength(strength: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.randn(4, generator=generator, dtype=torch.float64)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x @ weights).square().sum()

    (plain,) = torch.autograd.grad(loss(values), values)
    (reversed_,) = torch.autograd.grad(loss(reverse_gradient(values, strength)), values)
    assert torch.equal(reversed_, -strength * plain)
    assert plain.abs().sum() > 0


@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_the_gradient_agrees_with_finite_differences_of_the_unreversed_function(strength: float) -> None:
    values = torch.tensor([[0.3, -0.7, 1.1]], dtype=torch.float64, requires_grad=True)
    step = 1e-6
    (back,) = torch.autograd.grad(torch.sin(reverse_gradient(values, strength)).sum(), values)
    with torch.no_grad():
        numeric = (torch.sin(values + step) - torch.sin(values - step)) / (2 * step)
    torch.testing.assert_close(back, -strength * numeric, rtol=1e-8, atol=1e-9)


def test_strength_zero_sends_nothing_back() -> None:
    values = torch.ones(2, 2, requires_grad=True)
    reverse_gradient(values, 0.0).sum().backward()
    assert values.grad is not None
    assert (values.grad == 0).all()


def test_the_ramp_begins_at_nothing_and_ends_at_everything() -> None:
    assert ramp(0.0) == 0.0
    assert ramp(-1.0) == 0.0
    assert ramp(math.nextafter(1.0, 0.0)) == pytest.approx(0.9999, abs=1e-5)
    assert ramp(1.0) == 1.0
    assert ramp(7.0) == 1.0


def test_the_ramp_has_the_factor_ten_of_its_source() -> None:
    # Without it the schedule tops out at 0.46, a pitfall seen in public code (papers section 2.3).
    assert ramp(0.1) == pytest.approx(math.tanh(0.5), abs=1e-12)
    assert ramp(0.5) > 0.98


@given(st.floats(-1, 2), st.floats(-1, 2))
def test_the_ramp_never_falls_and_stays_between_nothing_and_everything(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= ramp(low) <= ramp(high) <= 1.0
