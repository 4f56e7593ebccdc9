"""Attention that the score rests on is found faithful; permuted attention is chance, and its reverse worse than it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_run import planted

from fairhire.estimate import bootstrap_by_person, mean_of
from fairhire.explain.faithful import ALL, RANDOM, SHARES, Curves, gains, judge, measure_curves, scopes
from fairhire.explain.importance import ATTENTION, GRADIENT, by_attention
from fairhire.explain.look import OpenedRun
from fairhire.explain.shorten import shorten

SEED = 5


def permuted(model, batch):
    """Attention values handed to frames of the same answer by chance."""
    generator = torch.Generator().manual_seed(SEED)
    return {name: torch.rand(values.shape, generator=generator) for name, values in by_attention(model, batch).items()}


def reverse(model, batch):
    return {name: -values for name, values in by_attention(model, batch).items()}


@pytest.fixture
def plant(runs, corpus):
    return planted(OpenedRun(runs["text"], corpus))


def verdict(opened, ranker):
    rows = np.arange(40)
    curves = measure_curves(opened, rows, rankers={ATTENTION: ranker})
    people = opened.corpus.interviews["candidate"].to_numpy(dtype=str)
    return judge(curves["text"], people)


@pytest.mark.parametrize(("ranker", "expected"), [(by_attention, "better"), (permuted, "chance"), (reverse, "worse")])
def test_the_verdict_follows_from_what_the_score_rests_on(plant, ranker, expected):
    found = verdict(plant, ranker)
    assert found["verdict"][ATTENTION] == expected
    assert found["selected"] == 20
    assert found["interviews"] == 40


def test_the_one_informative_word_decides_at_once(plant):
    curves = measure_curves(plant, np.array([1, 3]), rankers={ATTENTION: by_attention})["text"]
    assert (curves.deletion[ATTENTION][:, 0] > 0).all()
    assert (curves.deletion[ATTENTION][:, 2:] < 0).all()  # from 10 % on, which is a word or more, it is gone
    assert (curves.insertion[ATTENTION] > 0).all()
    assert (curves.deletion[RANDOM][:, 1] > curves.deletion[ATTENTION][:, 2]).all()


def test_an_untrained_model_is_not_called_faithful(runs, corpus):
    opened = OpenedRun(runs["text"], corpus)
    torch.manual_seed(0)
    opened.model = type(opened.model)(opened.model.config).eval()
    found = judge(measure_curves(opened, np.arange(40))["text"], corpus.interviews["candidate"].to_numpy(dtype=str))
    assert found["verdict"][ATTENTION] in ("chance", "undefined", "worse")


def test_nothing_deleted_is_the_score_signed_towards_the_decision(opened, corpus):
    rows = np.arange(len(corpus))
    looks = opened.looks(rows)
    for curves in measure_curves(opened, rows).values():
        for place, row in enumerate(curves.rows):
            logit = looks[row].logit
            selected = 1 / (1 + np.exp(-logit)) >= opened.threshold
            assert curves.selected[place] == selected
            for name in (ATTENTION, GRADIENT, RANDOM):
                assert curves.deletion[name][place, 0] == pytest.approx(logit if selected else -logit, abs=1e-5)


def test_batch_mates_are_invisible(opened):
    rows = np.array([0, 3, 39])
    together, alone = measure_curves(opened, rows), measure_curves(opened, rows, batch=1)
    assert together.keys() == alone.keys() == {"audio", "text", ALL}
    for scope, curves in together.items():
        assert list(curves.rows) == list(alone[scope].rows)
        for name in curves.deletion:
            assert curves.deletion[name] == pytest.approx(alone[scope].deletion[name], abs=1e-4)
            assert curves.insertion[name] == pytest.approx(alone[scope].insertion[name], abs=1e-4)


def test_curves_agree_with_words_taken_out_one_by_one(runs, corpus):
    opened = OpenedRun(runs["text"], corpus)
    row = 4
    (look,) = opened.looks(np.array([row]))
    places = [(one.slot, t) for one in look.looks["text"] for t in range(len(one.values))]
    values = np.concatenate([one.values for one in look.looks["text"]])
    ranked = [places[i] for i in np.argsort(-values)]
    batch = opened.reader.read(np.array([row]))
    frames = batch.features["text"]

    def logit(keep):
        mask = torch.zeros(frames.values.shape, dtype=torch.bool)
        for slot, t in keep:
            mask[int(torch.nonzero(frames.slot == slot)[0]), t] = True
        with torch.no_grad():
            return float(opened.model(shorten(batch, {"text": mask})).logits[0])

    curves = measure_curves(opened, np.array([row]))["text"]
    sign = 1 if curves.selected[0] else -1
    for place, share in enumerate(SHARES):
        n = int(np.floor(share * len(ranked) + 0.5))
        assert curves.deletion[ATTENTION][0, place] == pytest.approx(sign * logit(ranked[n:]), abs=1e-5)
        assert curves.insertion[ATTENTION][0, place] == pytest.approx(sign * logit(ranked[: max(1, n)]), abs=1e-5)


def test_an_interview_without_the_modality_is_not_judged_there(opened):
    curves = measure_curves(opened, np.array([38, 39]))
    assert list(curves["audio"].rows) == [38]
    assert list(curves["text"].rows) == list(curves[ALL].rows) == [38, 39]


def test_scopes_are_modalities_and_all_of_several():
    assert scopes(["text"]) == {"text": ("text",)}
    assert scopes(["text", "audio"]) == {"text": ("text",), "audio": ("audio",), ALL: ("text", "audio")}


def made_curves(down, up, selected):
    n = len(selected)
    flat = np.zeros((n, len(SHARES)))
    return Curves(
        np.arange(n), np.array(selected), {ATTENTION: flat - down, RANDOM: flat}, {ATTENTION: flat + up, RANDOM: flat}
    )


def test_gains_are_the_heights_between_the_curves():
    found = gains(made_curves(0.5, 0.1, [True, False]), ATTENTION)
    assert found["deletion"] == pytest.approx([0.5, 0.5])
    assert found["insertion"] == pytest.approx([0.1, 0.1])
    assert found["both"] == pytest.approx([0.3, 0.3])


def test_a_shift_of_all_logits_is_no_merit():
    """Shortening moves every logit up: those selected rise, the others fall, whatever the ranking is worth."""
    selected = np.arange(100) % 10 > 0
    shift = np.where(selected, -1.0, 1.0)[:, None] + np.random.default_rng(0).normal(size=(100, 1)) / 5
    people = np.arange(100).astype(str)
    curves = made_curves(shift, 0.0, selected)
    assert judge(curves, people)["verdict"][ATTENTION] == "chance"
    naive = bootstrap_by_person({"g": mean_of(gains(curves, ATTENTION)["both"])}, people)["g"]
    assert naive.high < 0


def test_decisions_that_are_all_alike_decide_nothing():
    found = judge(made_curves(1.0, 1.0, [True] * 30), np.arange(30).astype(str))
    assert found["verdict"][ATTENTION] == "undefined"
    assert "decided alike" in found["gain"][ATTENTION]["both"]["undefined"]
