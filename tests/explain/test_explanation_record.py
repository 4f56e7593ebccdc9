"""Records hold all numbers, no NaN, and say what is missing; what is asked for wrongly is refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from small_run import write_clip, write_corpus

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.errors import DataError, NotComputableError, UsageError
from fairhire.explain import explain_corpus, explain_interview, explain_position
from fairhire.interview import Answer, Interview


def sane(record):
    return json.loads(json.dumps(record, allow_nan=False))


def test_an_interview(runs, corpus):
    record = sane(explain_interview(runs["both"], corpus, "i004", beside=runs["other"], sample=12))
    interview = record["interview"]
    scores = runs["both"].scores
    assert interview["score"] == pytest.approx(scores.score[list(scores.ids).index("i004")], abs=1e-5)
    assert interview["selected"] == (interview["score"] >= 0.5)
    assert [answer["number"] for answer in interview["answers"]] == list(range(1, len(corpus[4].answers) + 1))
    for told, answer in zip(interview["answers"], corpus[4].answers, strict=True):
        text, audio = told["modalities"]["text"], told["modalities"]["audio"]
        assert (text is None) == (answer.words is None)
        assert (audio is None) == (not answer.features)
        if text is not None:
            assert [word["word"] for word in text["words"]] == list(answer.words)
            assert len(text["values"]) == len(text["beside"]) == text["read"] == text["frames"]
        if audio is not None:
            assert all(peak["seconds"] == peak["frame"] / 4 and peak["still"] is None for peak in audio["peaks"])
    ranked = interview["moments"]["text"]
    assert [moment["value"] for moment in ranked] == sorted((moment["value"] for moment in ranked), reverse=True)
    assert interview["beside"]["disagreement"].keys() == {"audio", "text"}
    assert record["faithful"]["own"].keys() == {"audio", "text", "all together"}
    deletion = record["faithful"]["own"]["text"]["deletion"]["attention"]
    assert abs(deletion[0]) == pytest.approx(abs(interview["logit"]), abs=1e-5)
    assert record["disagreement"]["text"]["interviews"] <= 12


def test_who_is_judged_are_test_people_of_the_split(runs, corpus):
    judged = explain_position(runs["both"], corpus, "shop", sample=5)["faithful"]["judged"]
    assert judged == {
        "people": "test", "interviews": 5, "of": runs["both"].provenance["interviews"]["test"], "unrecorded": 0,
        "candidates": 5, "seed": 0,
    }  # fmt: skip


def test_in_another_corpus_everybody_is_judged(runs, tmp_path):
    other = write_corpus(tmp_path / "other", people=12, seed=9)
    judged = explain_position(runs["both"], other, "shop")["faithful"]["judged"]
    assert (judged["people"], judged["interviews"]) == ("all", 12)


def test_a_missing_modality_is_said(runs, corpus):
    record = explain_interview(runs["both"], corpus, "i039", sample=4)
    assert record["interview"]["missing"] == ["audio"]
    assert set(record["interview"]["moments"]) == {"text"}


def test_words_beyond_the_longest_and_unknown_ones_are_marked(runs, corpus, tmp_path):
    run = replace(runs["text"])
    run.config["longest"] = 3
    with CorpusWriter(tmp_path / "c", [Modality("text", 1)]) as writer:
        writer.add(Interview("a", "b", (Answer({}, ("well", "xylophone", "team", "um", "sold")),)))
    record = explain_interview(run, Corpus(tmp_path / "c"), "a")
    text = record["interview"]["answers"][0]["modalities"]["text"]
    assert [word["state"] for word in text["words"]] == ["read", "unknown", "read", "unread", "unread"]
    assert (text["read"], text["frames"]) == (3, 5)


def test_an_interview_of_which_nothing_was_recorded_has_no_explanation(runs, tmp_path):
    with CorpusWriter(tmp_path / "c", [Modality("text", 1)]) as writer:
        writer.add(Interview("a", "b", (Answer({}, None),), position="p"))
        writer.add(Interview("c", "d", (Answer({}, ("well",)),), position="q"))
    corpus = Corpus(tmp_path / "c")
    with pytest.raises(NotComputableError, match=r"interview 'a': expected text, which the run reads, got none"):
        explain_interview(runs["text"], corpus, "a")
    with pytest.raises(NotComputableError, match="position 'p'"):
        explain_position(runs["text"], corpus, "p")
    assert explain_corpus(runs["text"], corpus)["corpus_wide"]["unscored"] == 1


@pytest.mark.parametrize("name", ["even", "bigru"])
def test_even_attention_ranks_nothing_and_gradients_still_do(runs, corpus, name):
    record = sane(explain_interview(runs[name], corpus, "i001", sample=8))
    assert record["run"]["even"]
    (scope,) = record["faithful"]["scopes"].values()
    assert set(scope["gain"]) == {"gradient"}
    assert "nothing to rank" in scope["gradient_over_attention"]["undefined"]
    values = [
        v for a in record["interview"]["answers"] if a["modalities"]["text"] for v in a["modalities"]["text"]["values"]
    ]
    assert values == pytest.approx(np.ones(len(values)), abs=1e-5)


def test_a_position(runs, corpus):
    record = sane(explain_position(runs["both"], corpus, "shop", beside=runs["other"], sample=6))
    position = record["position"]
    assert (position["interviews"], position["candidates"]) == (39, 36)
    for questions in position["questions"].values():
        assert {row["question"] for row in questions} == {"Why here?", "What did you do?", "When?"}
        assert all(row["candidates"] <= row["n"] and "value" in row["estimate"] and row["beside"] for row in questions)


def test_a_position_of_one_candidate_has_no_interval(runs, corpus):
    record = sane(explain_position(runs["both"], corpus, "alone", sample=6))
    (row, *_) = record["position"]["questions"]["text"]
    assert record["position"]["candidates"] == 1
    assert "at least 2 people" in row["estimate"]["undefined"]
    assert row["mean"] > 0


def test_a_corpus(runs, corpus):
    record = sane(explain_corpus(runs["both"], corpus, beside=runs["other"], least=30, sample=6))
    words = record["corpus_wide"]["words"]
    common = [row for row in words["list"] if not row["too_rare"]]
    assert [row["mean"] for row in common] == sorted((row["mean"] for row in common), reverse=True)
    assert all(row["n"] >= 30 and row["candidates"] <= row["n"] for row in common)
    rare = [row for row in words["list"] if row["too_rare"]]
    assert words["too_rare"] == {"words": len(rare), "occurrences": sum(row["n"] for row in rare)}
    assert [row["word"] for row in rare] == ["gladly"]
    assert all(len(parts) == 10 for parts in record["corpus_wide"]["profiles"].values())


def test_a_recording_gives_pictures_at_the_peaks(runs, corpus, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4")
    answers = explain_interview(runs["both"], corpus, "i002", recordings={1: clip}, sample=4)["interview"]["answers"]
    stills = [peak["still"] for peak in answers[0]["modalities"]["audio"]["peaks"]]
    assert stills
    assert all(still.startswith("data:image/jpeg;base64,") for still in stills)
    assert all(peak["still"] is None for peak in answers[1]["modalities"]["audio"]["peaks"])


def test_what_is_asked_wrongly_is_refused(runs, corpus, tmp_path):
    with pytest.raises(UsageError, match=r"interview: expected one of the 40 of .* \('i000', .*…\), got 'nobody'"):
        explain_interview(runs["both"], corpus, "nobody")
    with pytest.raises(UsageError, match=r"position: expected one of the 2 of .* \('alone', 'shop'\), got 'moon'"):
        explain_position(runs["both"], corpus, "moon")
    with pytest.raises(UsageError, match="recording: expected an answer from 1 to"):
        explain_interview(runs["both"], corpus, "i000", recordings={9: tmp_path / "x.mp4"})
    with pytest.raises(UsageError, match="frames per second"):
        explain_interview(runs["text"], corpus, "i000", recordings={1: tmp_path / "x.mp4"})
    with pytest.raises(DataError, match="expected a recording, found no such file"):
        explain_interview(runs["both"], corpus, "i002", recordings={1: tmp_path / "x.mp4"})


def test_words_with_times_point_into_the_recording(runs, tmp_path):
    words = ("well", "um", "gladly", "team")
    times = np.array([0.2, 1.0, np.nan, 3.1], np.float32)
    with CorpusWriter(tmp_path / "c", [Modality("text", 1)]) as writer:
        writer.add(Interview("a", "b", (Answer({}, words, "", times), Answer({}, words))))
    clip = write_clip(tmp_path / "clip.mp4")
    corpus = Corpus(tmp_path / "c")
    record = sane(explain_interview(runs["text"], corpus, "a", recordings={1: clip}))
    timed, untimed = (answer["modalities"]["text"] for answer in record["interview"]["answers"])
    assert [word["seconds"] for word in timed["words"]] == [pytest.approx(0.2), 1.0, None, pytest.approx(3.1)]
    assert timed["peaks"]
    for peak in timed["peaks"]:
        assert peak["seconds"] == timed["words"][peak["frame"]]["seconds"]
        assert (peak["still"] is None) == (peak["seconds"] is None)
    assert untimed["peaks"] == []
    assert {word["seconds"] for word in untimed["words"]} == {None}
    for moment in record["interview"]["moments"]["text"]:
        own = timed if moment["answer"] == 1 else untimed
        assert moment["seconds"] == own["words"][moment["frame"]]["seconds"]
