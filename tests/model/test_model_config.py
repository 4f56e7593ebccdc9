"""A model's shape says what is wrong with it, and comes back from JSON as it was."""

import json

import pytest

from fairhire.errors import UsageError
from fairhire.model import ModelConfig, new_model


def shape(**changed):
    return ModelConfig(**({"name": "hirenet", "modalities": {"audio": 3}, "vocabulary_size": 12} | changed))


def test_a_shape_survives_json():
    config = shape(modalities={"audio": 3, "text": 1}, fusion="late", hidden=7, dropout=0.0)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"modalities": {}}, "modalities: expected the width of at least one"),
        ({"modalities": ["audio"]}, "modalities: expected the width of at least one"),
        ({"modalities": {"audio": 0}}, "modality 'audio': expected a width of 1 or more, got 0"),
        ({"modalities": {"audio": 2.5}}, "modality 'audio': expected a width of 1 or more, got 2.5"),
        ({"modalities": {"text": 2}}, "modality 'text': expected a width of 1 or more, got 2"),
        ({"modalities": {"audio": 3, "text": 1}}, "fusion: expected early, late or gated for 2 modalities, got none"),
        ({"fusion": "middle"}, "fusion: expected one of none, early, late, gated, got 'middle'"),
        ({"hidden": 0}, "hidden: expected a whole number of 1 or more, got 0"),
        ({"vocabulary_size": 1.5}, "vocabulary_size: expected a whole number of 1 or more, got 1.5"),
        ({"word_dim": -1}, "word_dim: expected a whole number of 1 or more, got -1"),
        ({"attention": "64"}, "attention: expected a whole number of 1 or more, got '64'"),
        ({"question_hidden": None}, "question_hidden: expected a whole number of 1 or more, got None"),
        ({"fused": 0}, "fused: expected a whole number of 1 or more, got 0"),
        ({"dropout": 1.0}, "dropout: expected 0 or more and below 1, got 1.0"),
        ({"dropout": -0.1}, "dropout: expected 0 or more and below 1, got -0.1"),
        ({"dropout": "0.3"}, "dropout: expected 0 or more and below 1, got '0.3'"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_in_one_line_that_names_the_field(changed, message):
    with pytest.raises(UsageError) as caught:
        shape(**changed)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_too_many_is_named_beside_the_known_ones():
    with pytest.raises(UsageError, match=r"expected the keys name, modalities, .*guards, ratings; 'layers' is unknown"):
        ModelConfig.from_dict(shape().to_dict() | {"layers": 2})


def test_a_key_too_few_is_named():
    record = shape().to_dict()
    del record["dropout"]
    with pytest.raises(UsageError, match="'dropout' is unknown or missing"):
        ModelConfig.from_dict(record)


@pytest.mark.parametrize("name", ["keys", "items", "training", "forward", "T_destination"])
def test_a_modality_may_be_called_anything_an_importer_allows(name: str) -> None:
    model = new_model(ModelConfig("hirenet", {"text": 1, name: 3}, vocabulary_size=5, hidden=2, fusion="early"))
    assert model.tower(name) is not model.tower("text")
