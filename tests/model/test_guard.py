"""A guard lets through what was left, and not a bit of what was erased; without one nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from talks import make_batch, make_model, make_talks

from fairhire.errors import UsageError
from fairhire.model import MODELS, Guard, guard_sites, load_model, save_model

FUSIONS = {
    "none": ("audio",),
    "early": ("text", "audio", "video"),
    "late": ("text", "audio", "video"),
    "gated": ("text", "audio", "video"),
}
COMBINATIONS = pytest.mark.parametrize(("name", "fusion"), [(name, fusion) for name in MODELS for fusion in FUSIONS])


def projection(width: int, away: int, seed: int = 0) -> torch.Tensor:
    """Return an oblique projection (width, width) that takes ``away`` directions out."""
    generator = torch.Generator().manual_seed(seed)
    read = torch.randn(width, away, generator=generator, dtype=torch.float64)
    write = torch.randn(width, away, generator=generator, dtype=torch.float64)
    return torch.eye(width, dtype=torch.float64) - read @ torch.linalg.inv(write.T @ read) @ write.T


def whole(width: int, shift: float = 0.0) -> Guard:
    """Return a guard that takes nothing out."""
    return Guard.of(torch.eye(width).double(), torch.full((width,), shift), width)


def sites_of(model) -> dict[str, int]:
    """Return every site that a guard of this model can stand at, with its width."""
    widths = dict.fromkeys(guard_sites(model.config.modalities), 2 * model.config.hidden)
    widths["fused"] = model.fusion.width
    return {site: width for site, width in widths.items() if not (site == "fused" and model.fusion.transparent)}


def test_what_the_rest_reads_is_the_map_itself():
    matrix, shift = projection(6, 2), torch.arange(6.0)
    vectors = torch.randn(9, 6, dtype=torch.float64)
    guard = Guard.of(matrix, shift, 4)
    torch.testing.assert_close(guard.restore(guard.reduce(vectors)), vectors @ matrix + shift, atol=1e-12, rtol=0)
    assert guard.reduce(vectors).shape == (9, 4)
    torch.testing.assert_close(guard.decode @ guard.decode.T, torch.eye(4).double())


def test_distances_among_what_is_left_are_kept():
    matrix, vectors = projection(5, 1), torch.randn(7, 5, dtype=torch.float64)
    guard = Guard.of(matrix, torch.zeros(5), 4)
    torch.testing.assert_close(
        torch.cdist(guard.reduce(vectors), guard.reduce(vectors)), torch.cdist(*[vectors @ matrix] * 2)
    )


def test_nothing_of_an_erased_direction_is_left_in_the_roundings():
    """In float32, written back into H numbers, a ten-millionth of it would be there for a probe to scale up."""
    rng = np.random.default_rng(0)
    secret, rest = rng.normal(size=(20000, 1)), rng.normal(size=(20000, 3))
    mix = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    vectors = torch.from_numpy((np.hstack([secret, rest]) @ mix).astype(np.float32))
    direction = torch.from_numpy(mix[0])
    guard = Guard.of(torch.eye(4).double() - torch.outer(direction, direction), torch.zeros(4), 3)
    emitted = guard.reduce(vectors).double().numpy()
    design = np.hstack([emitted, rest, np.ones((20000, 1))])  # the roundings of the rest may be told from the rest
    left = secret - design @ np.linalg.lstsq(design, secret, rcond=None)[0]
    assert 1 - left.var() / secret.var() < 0.001
    carelessly = vectors @ (torch.eye(4) - torch.outer(direction, direction).float())
    design = np.hstack([carelessly.double().numpy(), rest, np.ones((20000, 1))])
    left = secret - design @ np.linalg.lstsq(design, secret, rcond=1e-16)[0]
    assert 1 - left.var() / secret.var() > 0.02  # what the guard avoids is really there


@COMBINATIONS
def test_guards_that_take_nothing_out_change_no_score(name, fusion):
    model = make_model(name, modalities=FUSIONS[fusion], fusion=fusion).eval()
    batch = make_batch(make_talks(6, modalities=FUSIONS[fusion]))
    guarded = model.with_guards({site: whole(width) for site, width in sites_of(model).items()}).eval()
    before, after = model(batch), guarded(batch)
    torch.testing.assert_close(after.logits, before.logits, atol=1e-9, rtol=0)
    torch.testing.assert_close(after.head_logits, before.head_logits, atol=1e-9, rtol=0)
    assert guarded.guarded_sites == [site for site in guard_sites(FUSIONS[fusion]) if site in sites_of(model)]
    assert model.guarded_sites == []


@COMBINATIONS
def test_a_guard_at_any_site_changes_the_score_and_the_width_of_what_is_emitted(name, fusion):
    model = make_model(name, modalities=FUSIONS[fusion], fusion=fusion).eval()
    batch = make_batch(make_talks(6, modalities=FUSIONS[fusion]))
    before = model(batch)
    for site, width in sites_of(model).items():
        guard = Guard.of(projection(width, width - 2), torch.zeros(width), 2)
        guarded = model.with_guards({site: guard}).eval()
        after = guarded(batch)
        assert (after.logits - before.logits).abs().max() > 1e-6, site
        emitted = {"fused": after.representation, **after.vectors}
        emitted |= {f"{modality} answers": vectors for modality, vectors in after.answer_vectors.items()}
        assert emitted[site].shape[-1] == 2
        assert guarded.representation_width == after.representation.shape[1]
        if site != "fused":
            assert guarded.layer_width(site) == 2


@pytest.mark.parametrize("name", MODELS)
def test_where_a_modality_is_missing_a_guard_says_nothing(name):
    modalities = FUSIONS["early"]
    model = make_model(name, modalities=modalities, fusion="early").eval()
    talks = make_talks(4, modalities=("text", "audio"))
    guarded = model.with_guards({"video": whole(2 * model.config.hidden, shift=3.0)}).eval()
    output = guarded(make_batch(talks))
    assert not output.vectors["video"].any()
    torch.testing.assert_close(output.logits, model(make_batch(talks)).logits, atol=1e-9, rtol=0)


@COMBINATIONS
def test_a_guarded_model_is_the_same_from_the_disk(name, fusion, tmp_path):
    model = make_model(name, modalities=FUSIONS[fusion], fusion=fusion).float().eval()
    sites = sites_of(model)
    guards = {
        site: Guard.of(projection(width, 1, seed=n), torch.ones(width), width - 1)
        for n, (site, width) in enumerate(sites.items())
    }
    guarded = model.with_guards(dict(reversed(guards.items()))).eval()
    save_model(guarded, tmp_path)
    read = load_model(tmp_path)
    batch = make_batch(make_talks(5, modalities=FUSIONS[fusion]), dtype=torch.float32)
    assert torch.equal(read(batch).logits, guarded(batch).logits)
    assert torch.equal(read(batch).representation, guarded(batch).representation)
    assert read.config == guarded.config
    assert all(read.guard(site).encode.dtype == torch.float64 for site in sites)


def test_guards_are_added_to_those_that_stand_already():
    model = make_model("hirenet", modalities=("text", "audio"), fusion="early")
    width = 2 * model.config.hidden
    first = model.with_guards({"fused": whole(model.fusion.width)})
    second = first.with_guards({"audio": whole(width)})
    assert second.guarded_sites == ["audio", "fused"]
    assert first.guarded_sites == ["fused"]
    assert torch.equal(second.guard("fused").encode, first.guard("fused").encode)


@pytest.mark.parametrize(
    ("site", "rank"), [("face", 2), ("fused", 0), ("audio", -1), ("audio", "2"), ("text answers ", 2)]
)
def test_a_guard_where_there_is_no_site_or_of_no_rank_is_refused(site, rank):
    with pytest.raises(
        UsageError, match="model, guards: expected a rank above 0 at one of text answers, audio answers"
    ):
        make_model("hirenet", modalities=("text", "audio"), fusion="early", guards={site: rank})


@pytest.mark.parametrize("name", ["fused", "attention", "sound answers", "modalities"])
def test_a_modality_may_not_be_called_like_a_site(name):
    from fairhire.model import ModelConfig

    with pytest.raises(UsageError, match="rename the modality"):
        ModelConfig(name="hirenet", modalities={name: 3}, vocabulary_size=4)
