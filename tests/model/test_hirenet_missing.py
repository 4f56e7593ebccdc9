"""What is missing leaves no trace; what leads attention does; the loss counts what it says it counts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from talks import Reply, Talk, make_batch, make_model, make_talks

from fairhire.model import MODELS

ALL = pytest.mark.parametrize("name", MODELS)
BOTH_FUSIONS = pytest.mark.parametrize("fusion", ["early", "late", "gated"])


def audio(*lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(length, 3, generator=generator, dtype=torch.float64) for length in lengths]


def close(one, other):
    torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


@ALL
def test_missing_answers_are_closed_up(name):
    first, second = audio(4, 2)
    gaps = Talk((1,), (Reply((2,)), Reply((3,), {"audio": first}), Reply((4,)), Reply((5, 6), {"audio": second})))
    closed = Talk((1,), tuple(reply for reply in gaps.replies if reply.recorded))
    model = make_model(name)
    one, other = model(make_batch([gaps])), model(make_batch([closed]))
    close(one.logits, other.logits)
    close(one.representation, other.representation)
    close(one.answer_attention["audio"][:, [1, 3]], other.answer_attention["audio"])
    assert not one.answer_attention["audio"][:, [0, 2]].any()


@ALL
@BOTH_FUSIONS
def test_a_modality_that_one_interview_lacks_is_a_zero_vector_there(name, fusion):
    (frames,) = audio(3)
    both = Talk((), (Reply((1,), {"audio": frames, "text": torch.tensor([4, 5])}),))
    one = Talk((), (Reply((1,), {"audio": frames}),))
    output = make_model(name, modalities=("audio", "text"), fusion=fusion)(make_batch([both, one]))
    assert output.present["text"].tolist() == [True, False]
    assert output.present["audio"].tolist() == [True, True]
    assert output.vectors["text"][0].any()
    assert not output.vectors["text"][1].any()
    assert not output.answer_attention["text"][1].any()
    close(output.vectors["audio"][0], output.vectors["audio"][1])


@ALL
@BOTH_FUSIONS
def test_a_modality_that_the_whole_batch_lacks_is_a_zero_vector(name, fusion):
    (frames,) = audio(3)
    only = Talk((), (Reply((1,), {"audio": frames}),))
    both = Talk((), (Reply((1,), {"audio": frames, "text": torch.tensor([4, 5])}),))
    model = make_model(name, modalities=("audio", "text"), fusion=fusion)
    alone, beside = model(make_batch([only])), model(make_batch([both, only]))
    assert not alone.vectors["text"].any()
    assert not alone.present["text"].any()
    assert set(alone.frame_attention) == {"audio"}
    close(alone.logits, beside.logits[1:])
    close(alone.representation, beside.representation[1:])


@ALL
@pytest.mark.parametrize("fusion", ["none", "early", "late", "gated"])
def test_an_interview_of_which_nothing_was_recorded_is_zeros_and_takes_no_part(name, fusion):
    (frames,) = audio(3)
    modalities = ("audio",) if fusion == "none" else ("audio", "text")
    model = make_model(name, modalities=modalities, fusion=fusion)
    something = Talk((1,), (Reply((1,), {"audio": frames}),), hirable=True)
    nothing = Talk((1,), (Reply((1,)), Reply((2,))), hirable=False)
    batch = make_batch([something, nothing])
    output = model(batch)
    assert not output.representation[1].any()
    assert not output.head_mask[1].any()
    assert not any(vectors[1].any() for vectors in output.vectors.values())
    assert torch.isfinite(output.logits).all()
    alone = make_batch([something])
    close(model.task_loss(output, batch), model.task_loss(model(alone), alone))
    empty = make_batch([nothing])
    assert model.task_loss(model(empty), empty) == 0


@ALL
def test_an_empty_question_and_an_empty_job_title_are_a_vector_of_their_own(name):
    (frames,) = audio(3)
    model = make_model(name)
    talk = Talk((), (Reply((), {"audio": frames}),))
    before = model(make_batch([talk]))
    assert torch.isfinite(before.logits).all()
    beside = model(make_batch([Talk((1, 2), (Reply((3,), {"audio": frames}),)), talk]))
    close(beside.logits[1:], before.logits)
    if name != "bigru":
        with torch.no_grad():
            model.question_encoder.nothing.add_(1.0)
        assert (model(make_batch([talk])).logits - before.logits).abs() > 1e-9


def asked(question=(1, 2), title=(3,)):
    frames = audio(5, 4, 3)
    return Talk(title, (Reply(question, {"audio": frames[0]}), *(Reply((7,), {"audio": f}) for f in frames[1:])))


@pytest.mark.parametrize(("name", "led"), [("hirenet", True), ("hn-satt", False), ("hn-avg", False)])
def test_only_hirenets_attention_over_frames_is_led_by_the_question(name, led):
    model = make_model(name)
    weights = [
        model(make_batch([asked(question=question)])).frame_attention["audio"] for question in ((1, 2), (5,), ())
    ]
    assert all(((one - weights[0])[0].abs().max() > 1e-6) == led for one in weights[1:])
    close(weights[1][1:], weights[0][1:])  # the other answers' questions are the same


@pytest.mark.parametrize(("name", "led"), [("hirenet", True), ("hn-satt", False), ("hn-avg", False)])
def test_only_hirenets_attention_over_answers_is_led_by_the_job_title(name, led):
    model = make_model(name)
    outputs = [model(make_batch([asked(title=title)])) for title in ((3,), (5, 6), ())]
    weights = [output.answer_attention["audio"] for output in outputs]
    assert all(((one - weights[0]).abs().max() > 1e-6) == led for one in weights[1:])
    close(outputs[1].frame_attention["audio"], outputs[0].frame_attention["audio"])


@ALL
def test_attention_sums_to_one_and_is_zero_at_padding(name):
    batch = make_batch(make_talks(8, answers=5), longer=2, garbage=3.0)
    output = make_model(name)(batch)
    frames, lengths = output.frame_attention["audio"], batch.features["audio"].lengths
    valid = torch.arange(frames.shape[1]) < lengths[:, None]
    close(frames.sum(dim=1), torch.ones(len(frames), dtype=torch.float64))
    assert (frames[valid] > 0).all()
    assert not frames[~valid].any()
    answers = output.answer_attention["audio"]
    recorded = torch.zeros_like(answers, dtype=torch.bool)
    recorded[batch.features["audio"].interview, batch.features["audio"].slot] = True
    close(answers.sum(dim=1), output.present["audio"].double())
    assert (answers[recorded] > 0).all()
    assert not answers[~recorded].any()


def test_hn_avg_weighs_every_frame_and_every_answer_the_same():
    output = make_model("hn-avg")(make_batch([asked()]))
    close(output.frame_attention["audio"][1], torch.tensor([0.25, 0.25, 0.25, 0.25, 0]).double())
    close(output.answer_attention["audio"], torch.full((1, 3), 1 / 3, dtype=torch.float64))


def scored(logits, mask, labels):
    """Return the task loss of given heads (B, K) and labels (None: unknown), and the gradient it has for the heads."""
    talks = [Talk((), (Reply((), {"audio": torch.zeros(1, 3)}),), label) for label in labels]
    model, batch = make_model(), make_batch(talks)
    heads = torch.tensor(logits, requires_grad=True)
    loss = model.task_loss(replace(model(batch), head_logits=heads, head_mask=torch.tensor(mask)), batch)
    loss.backward()
    return loss.detach(), heads.grad


def test_the_task_loss_is_the_mean_over_interviews_of_the_mean_over_heads():
    loss, _ = scored([[2.0, -1.0], [0.5, 3.0]], [[True, True], [True, False]], [True, False])
    first = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(1.0))) / 2
    second = math.log(1 + math.exp(0.5))
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_the_task_loss_ignores_rows_without_a_label_and_heads_without_a_recording():
    loss, gradient = scored(
        [[2.0, 7.0], [9.0, 9.0], [1.0, 1.0]], [[True, False], [True, True], [False, False]], [True, None, False]
    )
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2.0)), rel=1e-6)
    assert gradient[0, 0] != 0
    assert not gradient[0, 1].any()
    assert not gradient[1:].any()


def test_without_any_label_the_task_loss_is_zero_and_pushes_nothing():
    loss, gradient = scored([[2.0], [-3.0]], [[True], [True]], [None, None])
    assert loss.item() == 0
    assert not gradient.any()


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_extreme_heads_have_a_finite_loss_and_gradient(size):
    loss, gradient = scored([[size], [-size], [-size]], [[True]] * 3, [True, True, False])
    assert loss.item() == pytest.approx(size / 3)
    assert gradient[:, 0].tolist() == pytest.approx([0, -1 / 3, 0])


@ALL
def test_extreme_weights_give_no_nan(name):
    model = make_model(name, modalities=("audio", "text"), fusion="late")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1e6)
    batch = make_batch(make_talks(modalities=("audio", "text"), missing=0.5))
    output = model(batch)
    loss = model.task_loss(output, batch)
    loss.backward()
    assert torch.isfinite(output.logits).all()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@ALL
def test_late_fusions_probability_is_the_mean_of_those_that_exist(name):
    model = make_model(name, modalities=("audio", "text"), fusion="late")
    output = model(make_batch(make_talks(6, modalities=("audio", "text"))))
    for logits, mask, logit in zip(output.head_logits, output.head_mask, output.logits, strict=True):
        close(torch.sigmoid(logit), torch.sigmoid(logits[mask]).mean())


def test_the_bigrus_probability_is_the_mean_over_answers():
    model = make_model("bigru")
    talk = asked()
    alone = [model(make_batch([replace(talk, replies=(reply,))])).logits for reply in talk.replies]
    close(torch.sigmoid(model(make_batch([talk])).logits), torch.stack([torch.sigmoid(x) for x in alone]).mean(dim=0))


def test_dropout_acts_in_training_only():
    model, batch = make_model(dropout=0.5), make_batch(make_talks())
    assert torch.equal(model(batch).logits, model(batch).logits)
    model.train()
    assert not torch.equal(model(batch).logits, model(batch).logits)


@ALL
def test_bfloat16_is_close_and_its_loss_is_not_rounded(name):
    model = make_model(name, modalities=("audio", "text"), fusion="early", seed=2).float()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.3)
    talks = make_talks(6, modalities=("audio", "text"))
    batch = make_batch(talks, dtype=torch.float32)
    exact = model(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(batch)
        loss = model.task_loss(output, batch)
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters() if parameter.grad is not None)
    torch.testing.assert_close(output.logits.float(), exact.logits, atol=0.05, rtol=0)
    torch.testing.assert_close(output.representation.float(), exact.representation, atol=0.05, rtol=0)


def test_given_word_vectors_replace_those_of_known_words_only():
    model = make_model(modalities=("text",))
    before = model.words.weight.detach().clone()
    given = torch.zeros(12, 4)
    given[[3, 7]] = torch.arange(8.0).reshape(2, 4) + 1
    model.set_word_vectors(given)
    close(model.words.weight[[3, 7]], given[[3, 7]].double())
    others = [word for word in range(12) if word not in (3, 7)]
    assert torch.equal(model.words.weight[others], before[others])


@ALL
def test_the_representation_has_the_width_the_model_says(name):
    batch = make_batch(make_talks(modalities=("audio", "text")))
    widths = [
        make_model(name, modalities=("audio", "text"), fusion=fusion, fused=7)(batch).representation.shape[1]
        for fusion in ("early", "late", "gated")
    ]
    assert widths == [7, 12, 7]
    assert make_model(name, modalities=("audio", "text"), fusion="late").representation_width == 12
