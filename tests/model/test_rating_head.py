"""Ratings are straight-line readings of what the model emits, masked where nobody rated, and disturb nothing else."""

import json
import math
from dataclasses import replace

import pytest
import torch
from talks import make_batch, make_model, make_talks

from fairhire.errors import DataError, UsageError
from fairhire.model import MODELS, Guard, ModelConfig, RatingHead, guard_sites, load_model, new_model, save_model

RATINGS = {"openness": "continuous", "interview": "binary"}
MODALITIES = {"none": ("audio",), "early": ("text", "audio"), "late": ("text", "audio"), "gated": ("text", "audio")}
COMBINATIONS = pytest.mark.parametrize(("name", "fusion"), [(name, fusion) for name in MODELS for fusion in MODALITIES])


def rating_model(name="hirenet", fusion="none", **shape):
    """Return a model of two ratings on scales of their own."""
    model = make_model(name, modalities=MODALITIES[fusion], fusion=fusion, ratings=RATINGS, **shape)
    model.set_rating_scale(torch.tensor([3.0, -0.5]), torch.tensor([2.0, 1.0]))
    return model


def rated_batch(talks, ratings, mask, **how):
    return replace(
        make_batch(talks, **how), ratings=torch.tensor(ratings, dtype=torch.float32), rating_mask=torch.tensor(mask)
    )


def some(fusion="none", size=5, **how):
    """Return a batch in which some interviews have one rating, some both, some none."""
    talks = make_talks(size, modalities=MODALITIES[fusion])
    numbers = torch.arange(2.0 * size).reshape(size, 2)
    ratings = torch.stack([numbers[:, 0], numbers[:, 1] % 4 == 1], dim=1)
    mask = torch.tensor([[True, True], [False, True], [True, False], [False, False], [True, True]])[:size]
    return replace(make_batch(talks, **how), ratings=ratings, rating_mask=mask)


def close(one, other):
    torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


def test_a_model_without_ratings_says_none_and_has_no_head():
    model, talks = make_model(), make_talks()
    assert model(make_batch(talks)).ratings.shape == (len(talks), 0)
    assert not any("rating" in name for name in model.state_dict())


@pytest.mark.parametrize("name", MODELS)
def test_everything_else_begins_as_it_would_without_ratings(name):
    bare = ModelConfig(name, {"audio": 3, "text": 1}, 12, fusion="early")
    torch.manual_seed(3)
    without = new_model(bare)
    after_it = torch.rand(1)
    torch.manual_seed(3)
    beside = new_model(replace(bare, ratings=RATINGS))
    assert torch.equal(torch.rand(1), after_it)
    kept = {key: value for key, value in beside.state_dict().items() if not key.startswith("rating_head.")}
    assert kept.keys() == without.state_dict().keys()
    assert all(torch.equal(value, without.state_dict()[key]) for key, value in kept.items())
    assert len(beside.state_dict()) == len(kept) + 4


def test_a_head_that_has_learnt_nothing_says_what_training_people_are_like():
    head = RatingHead(3, ["continuous", "binary"], dropout=0.0)
    head.set_scale(torch.tensor([3.0, math.log(0.2 / 0.8)]), torch.tensor([2.0, 1.0]))
    said = head.in_units(head(torch.randn(4, 3)))
    torch.testing.assert_close(said, torch.tensor([[3.0, 0.2]]).expand(4, 2))


@COMBINATIONS
def test_ratings_are_a_linear_reading_of_what_is_emitted(name, fusion):
    model = rating_model(name, fusion)
    output = model(some(fusion))
    weight, bias = model.rating_head.weight, model.rating_head.bias
    readings = output.representation @ weight.T + bias
    close(output.rating_readings, readings)
    close(output.ratings[:, 0], readings[:, 0] * 2 + 3)
    close(output.ratings[:, 1], torch.sigmoid(readings[:, 1] - 0.5))


def test_the_bigrus_readings_are_averaged_over_the_answers_that_are_there():
    model = rating_model("bigru")
    talk = next(talk for talk in make_talks(9) if len(talk.replies) > 2)
    recorded = [reply for reply in talk.replies if reply.recorded]
    assert len(recorded) > 1
    alone = [model(make_batch([replace(talk, replies=(reply,))])).rating_readings for reply in recorded]
    together = model(make_batch([talk]))
    close(together.rating_readings, torch.stack(alone).mean(dim=0))


def test_the_loss_is_the_mean_over_ratings_of_the_mean_over_those_who_have_it():
    model = rating_model()
    talks = make_talks(3, missing=0.0)
    batch = rated_batch(talks, [[5.0, 1.0], [1.0, 0.0], [9.0, 1.0]], [[True, True], [True, False], [False, False]])
    output = replace(model(batch), rating_readings=torch.tensor([[0.5, 2.0], [0.25, 9.0], [9.0, 9.0]]).double())
    standardised = ((1.0 - 0.5) ** 2 + (-1.0 - 0.25) ** 2) / 2  # of 5 and 1 on a scale of mean 3 and deviation 2
    yes = math.log(1 + math.exp(-(2.0 - 0.5)))
    assert model.rating_loss(output, batch).item() == pytest.approx((standardised + yes) / 2)


@COMBINATIONS
def test_what_nobody_rated_leaves_no_trace(name, fusion):
    model, batch = rating_model(name, fusion), some(fusion)
    wild = replace(batch, ratings=torch.where(batch.rating_mask, batch.ratings, 1e6))
    close(model.rating_loss(model(wild), wild), model.rating_loss(model(batch), batch))
    nobody = replace(batch, rating_mask=torch.zeros_like(batch.rating_mask))
    loss = model.rating_loss(model(nobody), nobody)
    assert loss == 0
    loss.backward()
    assert not any(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_an_interview_of_which_nothing_was_recorded_takes_no_part():
    model, batch = rating_model(), some()
    talks = make_talks(5, modalities=("audio",))
    silent = replace(talks[4], replies=tuple(replace(reply, recorded={}) for reply in talks[4].replies))
    numbers, mask = batch.ratings.tolist(), batch.rating_mask.tolist()
    one = rated_batch([*talks[:4], silent], numbers, mask)
    other = rated_batch(talks[:4], numbers[:4], mask[:4])
    close(model.rating_loss(model(one), one), model.rating_loss(model(other), other))


@COMBINATIONS
def test_padding_and_batch_mates_are_invisible(name, fusion):
    model, talks = rating_model(name, fusion), make_talks(modalities=MODALITIES[fusion])
    together, padded = model(make_batch(talks)), model(make_batch(talks, longer=3, garbage=50.0))
    close(padded.ratings, together.ratings)
    for row, talk in enumerate(talks):
        close(model(make_batch([talk])).ratings, together.ratings[row : row + 1])
    plain, longer = some(fusion), some(fusion, longer=2, garbage=9.0)
    close(model.rating_loss(model(longer), longer), model.rating_loss(model(plain), plain))


def test_dropout_acts_on_ratings_in_training_only():
    model, batch = rating_model(dropout=0.5), some()
    assert torch.equal(model(batch).ratings, model(batch).ratings)
    model.train()
    assert not torch.equal(model(batch).ratings, model(batch).ratings)


def test_bfloat16_does_not_round_the_loss():
    model, batch = rating_model().float(), some(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.rating_loss(model(batch), batch)
    loss.backward()
    assert loss.dtype == torch.float32
    assert model.rating_head.weight.grad.dtype == torch.float32


# --- guards ----------------------------------------------------------------------------------------------------------


def guard_of(width, rank, seed=0):
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64))[0][:, :rank]
    return Guard.of(basis @ basis.T, torch.randn(width, generator=generator, dtype=torch.float64), rank)


def guards_for(model, away):
    """Return a guard that takes ``away`` directions out of every place where this model can have one."""
    sites = guard_sites(model.config.modalities)
    widths = {site: model.fusion.width if site == "fused" else 2 * model.config.hidden for site in sites}
    return {
        site: guard_of(width, width - away, seed)
        for seed, (site, width) in enumerate(widths.items())
        if not (site == "fused" and model.fusion.transparent)
    }


@COMBINATIONS
def test_guards_that_take_nothing_out_change_no_rating(name, fusion):
    model = rating_model(name, fusion)
    whole = {
        site: Guard.of(torch.eye(len(guard.encode)).double(), torch.zeros(len(guard.encode)), len(guard.encode))
        for site, guard in guards_for(model, 0).items()
    }
    batch = some(fusion)
    close(model.with_guards(whole).eval()(batch).ratings, model(batch).ratings)


@pytest.mark.parametrize("fusion", ["none", "late", "early"])
def test_a_rating_behind_a_guard_is_the_trained_reading_of_what_the_guard_restores(fusion):
    model = rating_model("hirenet", fusion)
    talks = make_talks(5, modalities=MODALITIES[fusion], missing=0.0)
    output = model(make_batch(talks))
    guards = {site: guard for site, guard in guards_for(model, 2).items() if "answers" not in site}
    if fusion == "early":
        guards = {"fused": guards["fused"]}
        restored = guards["fused"].restore(guards["fused"].reduce(output.representation))
    else:
        parts = [guards[m].restore(guards[m].reduce(output.vectors[m])) for m in MODALITIES[fusion]]
        restored = torch.cat(parts, dim=1)
    behind = model.with_guards(guards).eval()
    close(behind(make_batch(talks)).rating_readings, model.rating_head(restored))
    assert behind.rating_head.weight.shape[1] == behind.representation_width < model.representation_width
    assert behind.rating_head.mean.equal(model.rating_head.mean)


@COMBINATIONS
def test_what_a_guard_took_cannot_come_back_through_a_rating(name, fusion):
    model = rating_model(name, fusion)
    guarded = model.with_guards(guards_for(model, 1)).eval()
    output = guarded(some(fusion))
    assert guarded.rating_head.weight.shape == (2, output.representation.shape[1])
    close(output.rating_readings, guarded.rating_head(output.representation))


# --- the shape and the disk ------------------------------------------------------------------------------------------


@COMBINATIONS
def test_a_saved_model_comes_back_with_its_ratings(tmp_path, name, fusion):
    model = rating_model(name, fusion).float()
    guarded = model.with_guards(guards_for(model, 1)).eval()
    batch = some(fusion, dtype=torch.float32)
    for number, one in enumerate((model, guarded)):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_model(one, folder)
        back = load_model(folder)
        assert back.config == one.config
        assert torch.equal(back(batch).ratings, one(batch).ratings)
        assert list(back.config.ratings.items()) == list(RATINGS.items())


def test_a_model_of_before_there_were_ratings_is_read(tmp_path):
    save_model(make_model().float(), tmp_path)
    record = json.loads((tmp_path / "config.json").read_text())
    del record["ratings"]
    (tmp_path / "config.json").write_text(json.dumps(record))
    assert load_model(tmp_path).config.ratings == {}


def test_a_model_whose_head_is_missing_is_refused(tmp_path):
    save_model(make_model().float(), tmp_path)
    record = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**record, "ratings": RATINGS}))
    with pytest.raises(DataError, match=r"expected the weights of this model, got 'rating_head\.bias' unknown"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ({"openness": "ordinal"}, "model, rating 'openness': expected one of continuous, binary, got 'ordinal'"),
        (["openness"], "model, ratings: expected the kind of each by its name, got ['openness']"),
    ],
)
def test_a_kind_that_is_none_is_refused(ratings, message):
    with pytest.raises(UsageError) as caught:
        ModelConfig("hirenet", {"audio": 3}, 12, ratings=ratings)
    assert str(caught.value) == message


def test_no_modality_may_be_called_ratings():
    with pytest.raises(UsageError, match="got 'ratings'; rename the modality"):
        ModelConfig("hirenet", {"ratings": 3}, 12)


@pytest.mark.parametrize(
    ("ratings", "mask", "message"),
    [
        (torch.zeros(2, 1), None, "expected ratings and rating_mask together, got one of them"),
        (torch.zeros(3, 1), torch.zeros(3, 1), r"ratings: expected shape \(2, K\) twice"),
        (torch.zeros(2), torch.zeros(2), r"ratings: expected shape \(2, K\) twice"),
        (torch.zeros(2, 1), torch.zeros(2, 2), r"ratings: expected shape \(2, K\) twice"),
    ],
)
def test_ratings_of_another_shape_than_the_batch_are_refused(ratings, mask, message):
    with pytest.raises(DataError, match=message):
        replace(make_batch(make_talks(2)), ratings=ratings, rating_mask=mask)
