"""The models say what their equations say, of one interview as of many, and padding is never seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_hirenet import judge, loss
from talks import make_batch, make_model, make_talks

from fairhire.model import MODELS, HireNetOutput

MODALITIES = {
    "none": ("audio",),
    "early": ("text", "audio", "video"),
    "late": ("text", "audio", "video"),
    "gated": ("text", "audio", "video"),
}
HIERARCHICAL = [name for name in MODELS if name != "bigru"]
COMBINATIONS = pytest.mark.parametrize(("name", "fusion"), [(name, fusion) for name in MODELS for fusion in MODALITIES])


def scaled(model):
    """Give every numeric modality a mean and a deviation that matter."""
    widths = {name: width for name, width in model.config.modalities.items() if name != "text"}
    generator = torch.Generator().manual_seed(5)
    model.set_standardisation(
        {name: torch.randn(width, generator=generator) for name, width in widths.items()},
        {name: 0.5 + torch.rand(width, generator=generator) for name, width in widths.items()},
    )
    return model


def assert_same(got: HireNetOutput, expected: HireNetOutput, rows=slice(None), tolerance=1e-9) -> None:
    """Both say the same of each interview (``rows`` of ``expected``), whatever their padding."""
    close = {"atol": tolerance, "rtol": 0.0}
    torch.testing.assert_close(got.logits, expected.logits[rows], **close)
    torch.testing.assert_close(got.representation, expected.representation[rows], **close)
    for name, vectors in expected.vectors.items():
        torch.testing.assert_close(got.vectors[name], vectors[rows], **close)
        assert torch.equal(got.present[name], expected.present[name][rows])


@COMBINATIONS
def test_every_model_equals_its_equations(name, fusion):
    modalities = MODALITIES[fusion]
    model = scaled(make_model(name, modalities=modalities, fusion=fusion))
    talks = make_talks(6, modalities=modalities)
    got = model(make_batch(talks))
    for row, talk in enumerate(talks):
        expected = judge(model, talk)
        torch.testing.assert_close(got.representation[row], expected.representation, atol=1e-9, rtol=0)
        for modality, vector in expected.vectors.items():
            torch.testing.assert_close(got.vectors[modality][row], vector, atol=1e-9, rtol=0)
        torch.testing.assert_close(
            got.head_logits[row][got.head_mask[row]], torch.stack(expected.heads), atol=1e-9, rtol=0
        )
        torch.testing.assert_close(got.logits[row], expected.logit, atol=1e-9, rtol=0)


@COMBINATIONS
def test_every_gradient_equals_that_of_the_equations(name, fusion):
    modalities = MODALITIES[fusion]
    model = scaled(make_model(name, modalities=modalities, fusion=fusion))
    talks = make_talks(4, modalities=modalities, answers=3, longest=5, seed=1)
    batch = make_batch(talks)
    got = model.task_loss(model(batch), batch)
    expected = loss(model, talks)
    torch.testing.assert_close(got, expected, atol=1e-9, rtol=0)
    weights = dict(model.named_parameters())
    fast = torch.autograd.grad(got, weights.values(), allow_unused=True)
    slow = torch.autograd.grad(expected, weights.values(), allow_unused=True)
    for weight, one, other in zip(weights, fast, slow, strict=True):
        if other is None:
            assert one is None or not one.any(), weight
        else:
            torch.testing.assert_close(one, other, atol=1e-9, rtol=0, msg=weight)


@pytest.mark.parametrize("name", ["hirenet", "bigru"])
def test_gradients_are_right_numerically(name):
    model = make_model(name, word_dim=1, hidden=2, attention=1, question_hidden=1)
    batch = make_batch(make_talks(2, answers=2, longest=3, missing=0.0))
    audio = batch.features["audio"]

    def loss(values, *_):
        changed = replace(batch, features={"audio": replace(audio, values=values)})
        return model.task_loss(model(changed), changed)

    inputs = (audio.values.clone().requires_grad_(), *model.parameters())
    assert torch.autograd.gradcheck(loss, inputs, check_undefined_grad=False)


@COMBINATIONS
@pytest.mark.parametrize("garbage", [0.0, 100.0])
def test_padding_is_invisible(name, fusion, garbage):
    modalities = MODALITIES[fusion]
    model = make_model(name, modalities=modalities, fusion=fusion)
    talks = make_talks(modalities=modalities)
    plain, padded = make_batch(talks), make_batch(talks, longer=3, garbage=garbage)
    assert padded.features["audio"].values.shape[1] == plain.features["audio"].values.shape[1] + 3
    assert_same(model(padded), model(plain))
    torch.testing.assert_close(model.task_loss(model(padded), padded), model.task_loss(model(plain), plain))


@pytest.mark.parametrize("name", MODELS)
def test_garbage_in_padding_gets_no_gradient(name):
    model = make_model(name)
    batch = make_batch(make_talks(), longer=2, garbage=10.0)
    audio = batch.features["audio"]
    values = audio.values.requires_grad_()
    model.task_loss(model(batch), batch).backward()
    valid = torch.arange(values.shape[1]) < audio.lengths[:, None]
    assert values.grad[valid].any()
    assert not values.grad[~valid].any()


@COMBINATIONS
def test_a_batch_of_one_says_what_a_batch_of_many_says(name, fusion):
    modalities = MODALITIES[fusion]
    model = make_model(name, modalities=modalities, fusion=fusion)
    talks = make_talks(modalities=modalities)
    together = model(make_batch(talks))
    for row, talk in enumerate(talks):
        assert_same(model(make_batch([talk])), together, slice(row, row + 1))


@pytest.mark.parametrize("name", MODELS)
def test_the_order_of_interviews_does_not_matter(name):
    model = make_model(name, modalities=("text", "audio"), fusion="early")
    talks = make_talks(6, modalities=("text", "audio"))
    order = [3, 0, 5, 1, 4, 2]
    assert_same(model(make_batch([talks[row] for row in order])), model(make_batch(talks)), order)


@pytest.mark.parametrize("name", HIERARCHICAL)
def test_the_order_of_answers_matters_to_a_hierarchy(name):
    model = make_model(name)
    talk = next(talk for talk in make_talks(9, missing=0.0) if len(talk.replies) > 2)
    turned = replace(talk, replies=talk.replies[::-1])
    assert abs(model(make_batch([talk])).logits - model(make_batch([turned])).logits) > 1e-6


def test_the_order_of_answers_does_not_matter_to_the_bigru():
    model = make_model("bigru")
    talk = next(talk for talk in make_talks(9, missing=0.0) if len(talk.replies) > 2)
    turned = replace(talk, replies=talk.replies[::-1])
    assert_same(model(make_batch([turned])), model(make_batch([talk])))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.integers(1, 4),
    answers=st.integers(1, 4),
    longest=st.integers(1, 5),
    missing=st.sampled_from([0.0, 0.5, 0.95]),
    name=st.sampled_from(list(MODELS)),
    longer=st.integers(0, 2),
)
def test_ragged_interviews_of_any_shape_equal_the_equations(seed, size, answers, longest, missing, name, longer):
    modalities = ("text", "audio")
    talks = make_talks(size, seed=seed, modalities=modalities, answers=answers, longest=longest, missing=missing)
    model = make_model(name, modalities=modalities, fusion="late", seed=seed)
    with torch.no_grad():
        got = model(make_batch(talks, longer=longer, garbage=1.0))
        for row, talk in enumerate(talks):
            expected = judge(model, talk)
            torch.testing.assert_close(got.representation[row], expected.representation, atol=1e-9, rtol=0)
            if expected.heads:
                torch.testing.assert_close(got.logits[row], expected.logit, atol=1e-9, rtol=1e-9)
            assert not torch.isnan(got.logits[row])
