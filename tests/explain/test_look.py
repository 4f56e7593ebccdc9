"""Values are attention times counts, whoever shares the batch; and a run only looks at what it can read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_run import planted

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.errors import DataError
from fairhire.explain.look import Look, OpenedRun
from fairhire.interview import Answer, Interview


def softmax(scores):
    raised = np.exp(scores - scores.max())
    return raised / raised.sum()


@torch.no_grad()
def test_values_agree_with_attention_computed_step_by_step(opened, corpus):
    row = 1
    (look,) = opened.looks(np.array([row]))
    model = opened.model.double()
    for name in opened.modalities:
        tower, answers = model.tower(name), corpus[row].answers
        places = [slot for slot in range(len(answers)) if corpus.length(name)[corpus.answer_rows(row)[slot]]]
        pairs, of_frames = [], []
        title = model.title_encoder(
            model.words(torch.tensor(opened.vocabulary.ids(["driver"]))[None]), torch.tensor([1])
        )
        for slot in places:
            words = opened.vocabulary.ids(answers[slot].question.lower().strip("?").split())
            question = model.question_encoder(model.words(torch.tensor(words)[None]), torch.tensor([len(words)]))
            if name == "text":
                inputs = model.words(torch.tensor(opened.vocabulary.ids(answers[slot].words))[None])
            else:
                inputs = model.scale(name)(torch.tensor(answers[slot].features[name])[None])
            states = tower.frame_encoder(inputs, torch.tensor([inputs.shape[1]]))[0]
            pool = tower.frame_pooling
            scores = [
                float(pool.score(torch.tanh(pool.of_states(state) + pool.of_context(question)))) for state in states
            ]
            weights = softmax(np.array(scores))
            of_frames.append(weights)
            summary = sum(weight * state for weight, state in zip(weights, states, strict=True))
            pairs.append(torch.cat([question[0], summary]))
        states = tower.answer_encoder(torch.stack(pairs)[None], torch.tensor([len(pairs)]))[0]
        pool = tower.answer_pooling
        of_answers = softmax(
            np.array([float(pool.score(torch.tanh(pool.of_states(g) + pool.of_context(title)))) for g in states])
        )
        found = look.looks[name]
        assert [one.slot for one in found] == places
        for one, weights, weight in zip(found, of_frames, of_answers, strict=True):
            assert one.question_value == pytest.approx(weight * len(places), abs=1e-5)
            assert one.frame_values == pytest.approx(weights * len(weights), abs=1e-5)
            assert one.values == pytest.approx(weights * len(weights) * weight * len(places), abs=1e-5)


def test_equal_weight_is_1_and_shares_make_1():
    looks = [Look(0, np.full(4, 0.25), 0.5, 2), Look(1, np.full(2, 0.5), 0.5, 2)]
    assert all((look.values == 1).all() for look in looks)
    assert sum(look.shares.sum() for look in looks) == pytest.approx(1)


def test_batch_mates_and_padding_are_invisible(opened, corpus):
    together = opened.looks(np.arange(len(corpus)))
    for row in (0, 5, 39):
        (alone,) = opened.looks(np.array([row]))
        assert alone.logit == pytest.approx(together[row].logit, abs=1e-5)
        assert alone.looks.keys() == together[row].looks.keys()
        for name, looks in alone.looks.items():
            for one, other in zip(looks, together[row].looks[name], strict=True):
                assert one.values == pytest.approx(other.values, abs=1e-5)


def test_a_missing_modality_and_an_answer_without_words_leave_no_look(opened, corpus):
    looks = opened.looks(np.arange(len(corpus)))
    assert "audio" not in looks[39].looks
    lengths = corpus.length("text")
    silent = [(row, slot) for row in range(40) for slot, a in enumerate(corpus.answer_rows(row)) if lengths[a] == 0]
    assert silent
    for row, slot in silent:
        assert slot not in [look.slot for look in looks[row].looks.get("text", ())]


def test_frames_beyond_the_longest_are_not_read(opened):
    opened.reader.longest = 3
    (look,) = opened.looks(np.array([0]))
    assert all(len(one.frames) <= 3 for looks in look.looks.values() for one in looks)


def test_the_planted_model_looks_at_the_one_word(runs, corpus):
    opened = planted(OpenedRun(runs["text"], corpus))
    for row, look in enumerate(opened.looks(np.arange(len(corpus)))):
        assert (look.logit > 0) == (row % 2 == 1)
        if row % 2:
            best = max(look.looks["text"], key=lambda one: one.values.max())
            assert corpus[row].answers[best.slot].words[int(best.values.argmax())] == "gladly"


def test_a_corpus_that_does_not_fit_is_refused(runs, tmp_path):
    def corpus(*modalities):
        with CorpusWriter(tmp_path / modalities[0].name, modalities) as writer:
            frames = {m.name: np.ones((2, m.width), np.float32) for m in modalities if m.name != "text"}
            words = ("well",) if any(m.name == "text" for m in modalities) else None
            writer.add(Interview("a", "b", (Answer(frames, words),)))
        return Corpus(tmp_path / modalities[0].name)

    with pytest.raises(DataError, match="expected modality 'audio', got text"):
        OpenedRun(runs["both"], corpus(Modality("text", 1)))
    with pytest.raises(DataError, match="audio: expected width 3, got 2"):
        OpenedRun(runs["both"], corpus(Modality("audio", 2), Modality("text", 1)))
