"""The places where something is forgotten have names, and each name finds its vectors and whose they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fairhire.data.corpus import Corpus
from fairhire.errors import UsageError
from fairhire.model import ModelConfig
from fairhire.training.prepare import Setting, prepare
from fairhire.training.sites import eraser_sites, readout, resolve_sites, site_vectors
from tests.training.conftest import Tiny

TWO = ModelConfig(name="hirenet", modalities={"audio": 3, "text": 1}, vocabulary_size=5, fusion="early")
ONE = ModelConfig(name="hirenet", modalities={"audio": 3}, vocabulary_size=5, fusion="none")


@pytest.fixture(scope="module")
def setting(corpus: Corpus, tiny: Tiny) -> Setting:
    return prepare(corpus, tiny())


@pytest.mark.parametrize(
    ("config", "wanted", "found"),
    [
        (TWO, ("fused",), ("fused",)),
        (TWO, ("fused", "audio"), ("audio", "fused")),
        (TWO, ("modalities",), ("audio", "text")),
        (TWO, ("answers", "fused"), ("audio answers", "text answers", "fused")),
        (ONE, ("audio",), ("fused",)),
        (ONE, ("modalities", "answers"), ("audio answers", "fused")),
    ],
)
def test_names_stand_from_the_input_to_the_score(
    config: ModelConfig, wanted: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert resolve_sites(wanted, config) == found


@pytest.mark.parametrize("name", ["", "smell", "smell answers", "video"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=r"^site: expected one of modalities, answers, .*fused, got '"):
        resolve_sites((name,), TWO)


def test_every_site_gives_its_vectors_and_the_interview_of_each(setting: Setting) -> None:
    model = setting.new_model(0).eval()
    batch = setting.reader.read(np.arange(6))
    with torch.no_grad():
        output = model(batch)
        for site in ("fused", "audio", "text", "audio answers", "text answers"):
            vectors, interview = site_vectors(output, batch, site)
            assert len(vectors) == len(interview)
            if site.endswith("answers"):
                answers = batch.features[site.removesuffix(" answers")]
                assert torch.equal(interview, answers.interview)
                assert len(vectors) > 6
            else:
                whole = output.representation if site == "fused" else output.vectors[site]
                assert torch.equal(vectors, whole[interview])
        with pytest.raises(UsageError, match="site: expected one of the model's, got 'smell'"):
            site_vectors(output, batch, "smell")


@pytest.mark.parametrize(
    ("fusion", "at"), [("early", "fused"), ("gated", "fused"), ("late", "audio"), ("late", "text")]
)
def test_the_score_is_read_along_the_readout_where_there_is_one(
    corpus: Corpus, tiny: Tiny, fusion: str, at: str
) -> None:
    model = prepare(corpus, tiny(fusion=fusion)).new_model(0)
    direction = readout(model, at)
    assert direction is not None
    vectors = torch.randn(5, len(direction), dtype=torch.float64)
    head = model.fusion.heads[("audio", "text").index(at)] if fusion == "late" else model.fusion.head
    torch.testing.assert_close(vectors @ direction, vectors @ head.weight.double().T)


def test_where_more_than_a_product_lies_between_there_is_no_readout(setting: Setting) -> None:
    model = setting.new_model(0)
    assert readout(model, "audio") is None
    assert readout(model, "audio answers") is None


def test_a_representation_of_vectors_side_by_side_is_erased_in_each(corpus: Corpus, tiny: Tiny) -> None:
    late = prepare(corpus, tiny(fusion="late")).new_model(0)
    assert eraser_sites(("fused",), late) == ("audio", "text")
    early = prepare(corpus, tiny(fusion="early")).new_model(0)
    assert eraser_sites(("fused",), early) == ("fused",)
