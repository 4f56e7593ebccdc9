"""Settings are checked before anything is read; a bad one is named in one line."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.adversaries import ADVERSARIES
from fairhire.erasure import ERASERS
from fairhire.errors import UsageError
from fairhire.model import FUSIONS, MODELS
from fairhire.training import TrainConfig

NAN, INF = math.nan, math.inf
POSITIVE: tuple[str, ...] = (
    "hidden",
    "attention",
    "question_hidden",
    "fused",
    "word_dim",
    "longest",
    "adversary_steps",
    "face_width",
)
POSITIVE += ("epochs", "processes", "patience", "checkpoint_steps")
NOT_NEGATIVE = ("head_start", "warm_up", "restarts", "seed")

BAD: list[tuple[str, Any]] = [
    *((name, value) for name in ("model", "fusion", "adversary", "select_by", "device") for value in ("", "x", None)),
    ("precision", "16-true"),
    *((name, value) for name in POSITIVE for value in (0, -1, 2.5, NAN, "4", None, True)),
    *((name, value) for name in NOT_NEGATIVE for value in (-1, 1.5, 2**32, NAN, "4", None)),
    *(("batch", value) for value in (1, 0, -5, 2.5, "8", NAN)),
    *(("dropout", value) for value in (-0.1, 0.96, NAN, "0")),
    *((name, value) for name in ("ramp", "tolerance", "threshold") for value in (-0.01, 1.01, NAN, INF, None)),
    *(
        (name, value)
        for name in ("learning_rate", "adversary_learning_rate", "clip", "rating_weight")
        for value in (0, -1e-3, INF, NAN, "1")
    ),
    *(("ratings", value) for value in (("openness", "openness"), "openness", ("",), (3,), None)),
    *(("strengths", value) for value in ((), (0.0,), (-1.0,), (1e5,), (NAN,), (1.0, 1.0), ("1",), (None,), 3.0)),
    *(("modalities", value) for value in ((), ("audio", "audio"), "audio")),
    *(("sites", value) for value in ((), ("fused", "fused"), "fused")),
    *(("erase", value) for value in ("", "x", "cut+cut", "none+cut", 3)),
    *(("offset", value) for value in ("", "x", "label", "face+face", "none+face", 3)),
    *(("cut_share", value) for value in (-0.1, 1.1, NAN, "1")),
    *(("adversary", value) for value in ("face+face", "none+face", "face+label", "face+", "face,voice")),
    *(("split", value) for value in ("", 3, None)),
    *(("fractions", value) for value in ((0.8, 0.2), (), (0.8, 0.1, NAN), ("a", "b", "c"), None)),
]
# As on the command line:
CALLED = {"strengths": "strength", "modalities": "modality", "sites": "site", "ratings": "rating"}


@pytest.mark.parametrize(("name", "value"), BAD, ids=repr)
def test_a_bad_value_is_refused_in_one_line_that_names_the_field(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        TrainConfig(**{name: value})
    said = str(caught.value)
    assert said.startswith(f"{CALLED.get(name, name).replace('_', '-')}: expected ")
    assert "got" in said
    assert "\n" not in said
    assert caught.value.exit_code == 2


def test_no_field_goes_unchecked() -> None:
    assert {name for name, _ in BAD} == {field.name for field in fields(TrainConfig)}


@pytest.mark.parametrize(
    "settings",
    [
        *({"model": name} for name in MODELS),
        *({"fusion": name} for name in FUSIONS),
        *({"adversary": name} for name in ("none", *ADVERSARIES)),
        *({"adversary": name} for name in ("face+face-covariance", "face+voice", "face-hsic+voice-ensemble")),
        *({"erase": name} for name in (None, "none", *ERASERS, "cut+face-leace", "face-leace+voice-leace+cut")),
        *({"offset": name} for name in (None, "none", "face", "voice", "face+voice")),
        {"sites": ("fused", "video", "answers"), "cut_share": 0, "erase": "cut"},
        {"strengths": (0.3, 1, 3.0)},
        *({"ratings": names, "rating_weight": 0.3} for names in ((), ("all",), ("openness", "interview"))),
        {"modalities": ("audio",), "ramp": 0, "dropout": 0, "tolerance": 1, "threshold": 0},
        {"head_start": 0, "warm_up": 0, "restarts": 0, "epochs": 1, "adversary": "face"},
        {"seed": 2**32 - 1, "batch": 2},
    ],
    ids=str,
)
def test_a_good_value_is_taken_and_comes_back_from_json(settings: dict[str, Any]) -> None:
    config = TrainConfig(**settings)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False))) == config


def test_the_defaults_are_good_and_written_out_whole() -> None:
    record = TrainConfig().to_dict()
    assert list(record) == [field.name for field in fields(TrainConfig)]
    assert TrainConfig.from_dict(record) == TrainConfig() == TrainConfig.from_dict({})


@pytest.mark.parametrize(
    ("settings", "erasers", "targets"),
    [
        ({}, (), ""),
        ({"adversary": "face"}, ("cut",), "face"),
        ({"offset": "voice"}, (), "voice"),
        ({"adversary": "face", "offset": "none"}, ("cut",), "face"),
        ({"adversary": "face", "offset": "voice"}, ("cut",), "face voice"),
        ({"adversary": "face+voice-hsic"}, ("cut",), "face voice"),
        ({"adversary": "face", "erase": "none"}, (), "face"),
        ({"adversary": "label"}, (), "label"),
        ({"erase": "voice-leace+cut"}, ("voice-leace", "cut"), "voice"),
        ({"adversary": "face", "erase": "label-leace"}, ("label-leace",), "face label"),
    ],
    ids=repr,
)
def test_what_is_erased_and_what_must_be_known_for_it_follow_from_the_names(
    settings: dict[str, Any], erasers: tuple[str, ...], targets: str
) -> None:
    config = TrainConfig(**settings)
    assert config.erasers == erasers
    assert config.targets == set(targets.split())


def test_an_unknown_key_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UsageError, match=r"^train configuration: unknown key 'epoch'; known are model, .*epochs.*$"):
        TrainConfig.from_dict({"epochs": 3, "epoch": 3})


def test_an_adversary_needs_epochs_beyond_head_start_and_warm_up() -> None:
    with pytest.raises(UsageError, match=r"^epochs: expected more than head start \+ warm-up \(7\) .*, got 7$"):
        TrainConfig(adversary="face", head_start=3, warm_up=4, epochs=7)
    assert TrainConfig(adversary="face", head_start=3, warm_up=4, epochs=8).epochs == 8
    assert TrainConfig(adversary="none", head_start=3, warm_up=4, epochs=7).epochs == 7  # nobody to wait for


def test_a_setting_cannot_be_changed_behind_the_check() -> None:
    with pytest.raises(AttributeError):
        TrainConfig().hidden = -1  # type: ignore[misc]


@given(st.integers(0, 10**7))
def test_a_batch_is_256_or_a_tenth_of_a_small_corpus(interviews: int) -> None:
    size = TrainConfig().batch_size(interviews)
    assert 32 <= size <= 256
    assert size == 256 or size == 32 or abs(size - interviews / 10) < 1
    assert TrainConfig(batch=7).batch_size(interviews) == 7
