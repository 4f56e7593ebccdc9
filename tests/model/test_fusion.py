"""Modalities become one representation, and everything a score is made of passes through it."""

import pytest
import torch

from fairhire.model.fusion import FUSIONS

WIDTHS = (3, 2)
PRESENT = (torch.tensor([True, False, False]), torch.tensor([True, True, False]))
FUSED = pytest.mark.parametrize("name", FUSIONS)


def widths_of(name):
    return WIDTHS[:1] if name == "none" else WIDTHS


def made(name, dropout=0.0):
    torch.manual_seed(0)
    return FUSIONS[name](widths_of(name), hidden=4, dropout=dropout).double()


def vectors(name):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, width, generator=generator, dtype=torch.float64) for width in widths_of(name)]


def present(name):
    return PRESENT[: len(widths_of(name))]


@FUSED
def test_the_representation_has_the_width_that_is_said(name):
    fusion = made(name)
    assert fusion.represent(vectors(name)).shape == (3, fusion.width)


def test_without_fusion_the_one_vector_is_the_representation():
    fusion = made("none")
    (vector,) = vectors("none")
    assert torch.equal(fusion.represent([vector]), vector)
    logits, mask = fusion.score(vector, present("none"))
    torch.testing.assert_close(logits, vector @ fusion.head.weight.T + fusion.head.bias)
    assert mask.tolist() == [[True], [False], [False]]


def test_early_fusion_squeezes_to_a_vector_that_cannot_be_rescaled():
    fusion = made("early")
    representation = fusion.represent(vectors("early"))
    squeezed = torch.tanh(torch.cat(vectors("early"), dim=1) @ fusion.squeeze.weight.T + fusion.squeeze.bias)
    centred = squeezed - squeezed.mean(dim=1, keepdim=True)
    expected = centred / torch.sqrt(centred.pow(2).mean(dim=1, keepdim=True) + 1e-5)
    torch.testing.assert_close(representation, expected)
    logits, mask = fusion.score(representation, PRESENT)
    torch.testing.assert_close(logits, representation @ fusion.head.weight.T + fusion.head.bias)
    assert mask.tolist() == [[True], [True], [False]]


def test_late_fusion_gives_every_modality_a_head_on_its_own_part():
    fusion = made("late")
    parts = vectors("late")
    representation = fusion.represent(parts)
    assert torch.equal(representation, torch.cat(parts, dim=1))
    logits, mask = fusion.score(representation, PRESENT)
    for k, part in enumerate(parts):
        torch.testing.assert_close(logits[:, k : k + 1], part @ fusion.heads[k].weight.T + fusion.heads[k].bias)
    assert mask.tolist() == [[True, True], [False, True], [False, False]]


@FUSED
def test_the_score_depends_on_nothing_but_the_representation(name):
    fusion = made(name)
    given = [vector.requires_grad_() for vector in vectors(name)]
    representation = fusion.represent(given)
    cut = representation.detach()
    logits, _ = fusion.score(cut, present(name))
    used = torch.autograd.grad(logits.sum(), given, allow_unused=True)
    assert used == (None,) * len(given)
    reached = torch.autograd.grad(fusion.score(representation, present(name))[0].sum(), given)
    assert all(gradient.abs().sum() > 0 for gradient in reached)


@FUSED
def test_dropout_acts_in_training_only(name):
    fusion = made(name, dropout=0.5)

    def logits():
        return fusion.score(fusion.represent(vectors(name)), present(name))[0]

    torch.manual_seed(0)
    assert any(not torch.equal(logits(), logits()) for _ in range(5))
    fusion.eval()
    assert torch.equal(logits(), logits())
