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
    assert fusion.represent(vectors(name), present(name)).shape == (3, fusion.width)


def test_without_fusion_the_one_vector_is_the_representation():
    fusion = made("none")
    (vector,) = vectors("none")
    assert torch.equal(fusion.represent([vector], present("none")), vector)
    logits, mask = fusion.score(vector, present("none"))
    torch.testing.assert_close(logits, vector @ fusion.head.weight.T + fusion.head.bias)
    assert mask.tolist() == [[True], [False], [False]]


def test_early_fusion_squeezes_to_a_vector_that_cannot_be_rescaled():
    fusion = made("early")
    representation = fusion.represent(vectors("early"), PRESENT)
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
    representation = fusion.represent(parts, PRESENT)
    assert torch.equal(representation, torch.cat(parts, dim=1))
    logits, mask = fusion.score(representation, PRESENT)
    for k, part in enumerate(parts):
        torch.testing.assert_close(logits[:, k : k + 1], part @ fusion.heads[k].weight.T + fusion.heads[k].bias)
    assert mask.tolist() == [[True, True], [False, True], [False, False]]


@FUSED
def test_the_score_depends_on_nothing_but_the_representation(name):
    fusion = made(name)
    given = [vector.requires_grad_() for vector in vectors(name)]
    representation = fusion.represent(given, present(name))
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
        return fusion.score(fusion.represent(vectors(name), present(name)), present(name))[0]

    torch.manual_seed(0)
    assert any(not torch.equal(logits(), logits()) for _ in range(5))
    fusion.eval()
    assert torch.equal(logits(), logits())


def filled(vectors, present):
    """Vectors as a model makes them: zero where the modality is missing."""
    return [vector * here[:, None] for vector, here in zip(vectors, present, strict=True)]


def test_gated_fusion_weighs_what_is_there_number_by_number():
    fusion = made("gated")
    parts = filled(vectors("gated"), PRESENT)
    representation = fusion.represent(parts, PRESENT)
    for row, here in enumerate(zip(*(mask.tolist() for mask in PRESENT), strict=True)):
        known = [m for m, seen in enumerate(here) if seen]
        gates = {m: torch.exp(fusion.gates[m].weight @ parts[m][row] + fusion.gates[m].bias) for m in known}
        said = {m: torch.tanh(fusion.says[m].weight @ parts[m][row] + fusion.says[m].bias) for m in known}
        summed = sum((gates[m] / sum(gates.values()) * said[m] for m in known), start=torch.zeros(4).double())
        centred = summed - summed.mean()
        expected = centred / torch.sqrt(centred.pow(2).mean() + 1e-5)
        torch.testing.assert_close(representation[row], expected)
    logits, mask = fusion.score(representation, PRESENT)
    torch.testing.assert_close(logits, representation @ fusion.head.weight.T + fusion.head.bias)
    assert mask.tolist() == [[True], [True], [False]]
    assert not representation[2].any()


def test_gated_fusion_hears_a_lone_modality_as_if_there_were_no_other():
    fusion = made("gated")
    parts = filled(vectors("gated"), PRESENT)
    alone = fusion.represent([torch.zeros_like(parts[0]), parts[1]], (torch.zeros(3, dtype=torch.bool), PRESENT[1]))
    torch.testing.assert_close(alone[1], fusion.represent(parts, PRESENT)[1])


def test_gated_fusion_leaves_modalities_out_while_learning_but_never_the_last():
    fusion = made("gated", dropout=0.6)
    rows = torch.ones(4000, dtype=torch.bool)
    torch.manual_seed(0)
    heard = fusion._heard(torch.stack([rows, rows], dim=1))
    assert heard.any(dim=1).all()
    left_out = (~heard).sum(dim=0) / len(rows)  # .3 x .7 alone, and half of .3 x .3 when both were drawn
    torch.testing.assert_close(left_out, torch.full((2,), 0.255), atol=0.03, rtol=0)
    lone = torch.stack([rows, ~rows], dim=1)
    assert torch.equal(fusion._heard(lone), lone)
    fusion.eval()
    assert fusion._heard(torch.stack([rows, rows], dim=1)).all()
