"""A model comes back from disk as it was, and a damaged one says what is damaged, in one line."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from talks import make_batch, make_model, make_talks

from fairhire.errors import DataError, UsageError
from fairhire.model import FUSIONS, MODELS, ModelConfig, load_model, new_model, save_model


@pytest.fixture
def folder(tmp_path):
    """Return where a model was saved."""
    save_model(make_model().float(), tmp_path)
    return tmp_path


def refusal(folder):
    with pytest.raises(DataError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("fusion", ["early", "late", "gated"])
def test_a_saved_model_comes_back_bit_for_bit(tmp_path, name, fusion):
    model = make_model(name, modalities=("audio", "text"), fusion=fusion).float()
    model.set_standardisation({"audio": torch.tensor([1.0, 2.0, 3.0])}, {"audio": torch.tensor([2.0, 2.0, 5.0])})
    save_model(model.train(), tmp_path)
    back = load_model(tmp_path)
    assert back.config == model.config
    assert not back.training
    assert all(torch.equal(back.state_dict()[key], value) for key, value in model.state_dict().items())
    batch = make_batch(make_talks(modalities=("audio", "text")), dtype=torch.float32)
    assert torch.equal(back(batch).logits, model.eval()(batch).logits)


def test_a_saved_model_holds_nothing_but_its_shape_and_weights(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "weights.safetensors"]
    names = load_file(folder / "weights.safetensors").keys()
    assert not [name for name in names if "face" in name or "advers" in name]


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    assert str(folder / file) in refusal(folder)


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 7, 30, 0.5, 0.99])
def test_a_truncated_file_is_refused(folder, file, keep):
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    assert str(folder / file) in refusal(folder)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"hirenet"', "{}", "[[]]", "\x00", "{'name': 1}"])
def test_a_configuration_that_is_none_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    assert "expected a model's configuration" in refusal(folder)


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
def test_a_file_of_random_bytes_is_refused(folder, file):
    (folder / file).write_bytes(bytes(range(128, 256)) * 9)
    assert str(folder / file) in refusal(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "hirenot", "expected one of hirenet, hn-satt, hn-avg, bigru, got 'hirenot'"),
        ("name", ["hirenet"], "configuration"),
        ("fusion", "middle", "expected one of none, early, late, gated, got 'middle'"),
        ("fusion", {}, "configuration"),
        ("modalities", ["audio"], "modalities"),
        ("hidden", "3", "hidden: expected a whole number"),
        ("dropout", None, "dropout"),
        ("layers", 2, "'layers' is unknown or missing"),
    ],
)
def test_a_configuration_with_a_wrong_entry_says_which(folder, key, value, message):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert message in refusal(folder)


def test_weights_of_another_shape_are_refused(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"attention": 6}))
    assert "of shape (6, 6), got (5, 6)" in refusal(folder)


@pytest.mark.parametrize("other", ["hn-satt", "hn-avg", "bigru"])
def test_weights_of_another_model_are_refused(folder, other):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": other}))
    assert "unknown or missing" in refusal(folder)


def test_a_missing_weight_is_named(folder):
    path = folder / "weights.safetensors"
    weights = load_file(path)
    del weights["fusion.head.bias"]
    save_file(weights, path)
    assert "'fusion.head.bias' unknown or missing" in refusal(folder)


def test_an_unknown_model_is_refused_before_anything_is_built():
    with pytest.raises(UsageError, match="expected one of hirenet, hn-satt, hn-avg, bigru, got 'lstm'"):
        new_model(ModelConfig("lstm", {"audio": 3}, 12))


def test_every_model_can_be_built_with_every_fusion():
    for name in MODELS:
        for fusion in FUSIONS:
            widths = {"audio": 3} if fusion == "none" else {"audio": 3, "video": 2}
            model = new_model(ModelConfig(name, widths, 12, fusion=fusion))
            assert isinstance(model, MODELS[name])
