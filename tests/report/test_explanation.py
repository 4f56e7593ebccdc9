"""The page of an explanation says what the record says, escapes what people said, and fetches nothing."""

from __future__ import annotations

import base64
import copy
import csv
import io
import re

import pytest
from PIL import Image
from pypdf import PdfReader

from fairhire.report.document import Picture, ShadedWords, Still
from fairhire.report.explanation import (
    explanation_document,
    explanation_figures,
    explanation_summary,
    render_explanation,
    shade,
    words_csv,
)
from fairhire.report.markdown import set_markdown
from fairhire.report.paper import set_paper

SHARES = [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]


def estimate(value, reach=0.05, n=30):
    return {"value": value, "low": value - reach, "high": value + reach, "level": 0.95, "n": n}


UNDEFINED = {"undefined": "an interval by person needs at least 2 people", "n": 1}


def jpeg():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(buffer, format="JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def scope(verdict="better", beside="chance", *, even=False):
    gain = {"better": 0.3, "chance": 0.01, "worse": -0.3}.get(verdict)
    measured = UNDEFINED if gain is None else estimate(gain)
    gains = dict.fromkeys(("deletion", "insertion", "both"), measured)
    names = ["gradient"] if even else ["attention", "gradient"]
    curves = {name: [1.0 - share for share in SHARES] for name in [*names, "random"]}
    return {
        "interviews": 40, "candidates": 30, "selected": 20,
        "curves": {"deletion": curves, "insertion": curves},
        "gain": dict.fromkeys(names, gains),
        "verdict": dict.fromkeys(names, verdict),
        "gradient_over_attention": UNDEFINED if even else estimate({"better": 0.2, "worse": -0.2}.get(beside, 0.0)),
        "gradient_beside_attention": "undefined" if even else beside,
    }  # fmt: skip


def answer(number, question="Why <b>here</b>?"):
    words = [("team", "read"), ("<script>", "read"), ("xylophone", "unknown"), ("later", "unread")]
    return {
        "number": number,
        "question": question,
        "modalities": {
            "text": {
                "question_value": 1.25, "beside_question_value": 0.75, "frames": 4, "read": 3,
                "values": [0.5, 2.5, 6.0], "beside": [1.2, 0.1, 1.7],
                "words": [{"word": word, "state": state} for word, state in words],
            },
            "audio": {
                "question_value": 1.0, "beside_question_value": 1.0, "frames": 5, "read": 5,
                "values": [1.0, 2.0, 1.0, 0.5, 0.5], "beside": [1.0] * 5,
                "peaks": [{"frame": 1, "seconds": 0.25, "value": 2.0, "still": jpeg()}],
            },
            "video": None,
        },
    }  # fmt: skip


def make(kind, *, beside=True, scopes=None, **changes):
    run = {
        "name": "defended", "model": "hirenet", "adversary": "face", "modalities": ["text", "audio", "video"],
        "longest": 512, "threshold": 0.5, "even": False, "sha256": "ab",
    }  # fmt: skip
    scopes = (
        {"text": scope(), "audio": scope("chance", "better"), "all together": scope()} if scopes is None else scopes
    )
    record = {
        "schema": 1,
        "kind": kind,
        "run": run,
        "beside": run | {"name": "undefended", "adversary": "none"} if beside else None,
        "corpus": {"name": "c", "sha256": "cd", "rates_hz": {"text": None, "audio": 4.0, "video": None}},
        "versions": {"fairhire": "0"},
        "faithful": {
            "judged": {
                "people": "test", "interviews": 40, "of": 90, "unrecorded": 2, "candidates": 30, "seed": 0,
            },
            "draws": 5,
            "shares": SHARES,
            "scopes": scopes,
            "own": {name: found["curves"] for name, found in scopes.items()} if kind == "interview" else None,
        },
        "disagreement": {
            "text": {"interviews": 40, "distance": estimate(0.2), "correlation": UNDEFINED, "uncorrelated": 40}
        }
        if beside
        else None,
    }  # fmt: skip
    mean = {"mean": 1.1, "estimate": estimate(1.1), "n": 50, "candidates": 30}
    other = mean if beside else None
    record |= {
        "interview": {
            "interview": {
                "id": "i<1>", "position": "shop", "job_title": "", "score": 0.7, "logit": 0.85, "selected": True,
                "answers": [answer(1), answer(2, "")],
                "moments": {
                    "text": [{"answer": 1, "frame": 2, "word": "xylophone", "value": 6.0, "beside": 1.7}],
                    "audio": [{"answer": 1, "frame": 1, "word": None, "value": 2.0, "beside": None}],
                },
                "missing": ["video"],
                "beside": {"score": 0.6, "disagreement": {"text": {"distance": 0.3, "correlation": None}}}
                if beside
                else None,
            }
        },
        "position": {
            "position": {
                "name": "shop", "interviews": 4, "candidates": 4, "unscored": 1,
                "questions": {"text": [{"question": "Why?", **mean, "beside": other}]},
            }
        },
        "corpus": {
            "corpus_wide": {
                "interviews": 90, "candidates": 70, "unscored": 0,
                "words": {
                    "least": 10, "too_rare": {"words": 1, "occurrences": 3},
                    "list": [
                        {"word": "=team()", **mean, "too_rare": False, "beside": other},
                        {"word": "Smith", **mean, "estimate": UNDEFINED, "n": 3, "too_rare": True, "beside": None},
                    ],
                },
                "profiles": {"audio": [{**mean, "beside": other} for _ in range(10)]},
            }
        },
    }[kind]  # fmt: skip
    made = copy.deepcopy(record) | changes
    if kind == "interview" and not beside:
        for own in (own for one in made["interview"]["answers"] for own in one["modalities"].values() if own):
            own |= {"beside": None, "beside_question_value": None}
    return made


def words_of(page):
    return " ".join(re.sub(r"<[^>]*>", " ", page.split("</style>", 1)[1]).split())


def told(record):
    """Return all that is said of a record, without drawing anything."""
    return " ".join(set_markdown(explanation_document(record)).replace("\\", "").split())


@pytest.mark.parametrize("kind", ["interview", "position", "corpus"])
@pytest.mark.parametrize("beside", [True, False])
def test_a_page_stands_alone_and_comes_out_the_same(kind, beside):
    record = make(kind, beside=beside)
    page = render_explanation(record)
    assert kind != "position" or page == render_explanation(copy.deepcopy(record))  # drawings take their time
    assert "<script" not in page
    assert not re.search(r'(?:src|href|action)="(?!#|data:image/jpeg;base64,)', page)
    assert "http" not in re.sub(r'xmlns[^"]*"[^"]*"', "", page)
    assert len(explanation_figures(record)) == page.count("<figure>\n<p")
    assert PdfReader(io.BytesIO(set_paper(explanation_document(record)))).pages
    assert set_markdown(explanation_document(record)).startswith("# ")
    assert "readable by its owner only" in words_of(page)
    assert "Jain and Wallace 2019" in words_of(page)


def test_an_interview_on_its_page():
    page = render_explanation(make("interview"))
    told = words_of(page)
    assert "Score 0.700, at or above the threshold of 0.500: selected." in told
    assert "Interview i&lt;1&gt;: where the model looked" in told
    assert '<span class="s3 l0" title="value 2.50, beside 0.10">&lt;script&gt;</span>' in page
    assert '<span class="unknown s5 l2" title="value 6.00, beside 1.70, not in the model&#x27;s vocabulary">' in page
    assert "[not read from here on:]" in told
    assert '<span class="unread" title="not read">later</span>' in page
    assert "words 1.25 (0.75 under undefended), 1 of 4 not read; audio 1.00 (1.00 under undefended); no video" in told
    assert "Not recorded in this interview, though the model reads it: video." in told
    assert "Answer 2: no question on record" in told
    assert page.count('<img src="data:image/jpeg;base64,') == 2
    assert "answer 1, 0.2 s: peak of audio" in told
    assert "Score 0.700 under defended, 0.600 under undefended." in told
    assert "This interview alone" in told


def test_a_still_is_a_picture_and_nothing_else():
    for uri in ("https://evil.example/x.jpg", 'data:image/jpeg;base64,AA" onload="x', "data:text/html;base64,AAAA"):
        with pytest.raises(ValueError, match="a still: expected a JPEG in a data URI"):
            Still(uri, "", "")


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("better", "Words: attention is better than chance at finding what the score rests on (+0.300"),
        ("worse", "Words: attention is worse than chance"),
        (
            "chance",
            "no better than chance at finding what the score rests on (+0.010 [−0.040, +0.060] logits over chance; ",
        ),
        ("chance", "the interval reaches 0; 40 interviews of 30 candidates)"),
        ("undefined", "whether attention is better than chance is undefined: an interval by person needs"),
    ],
)
def test_the_verdict_in_words(verdict, words):
    record = make("corpus", scopes={"text": scope(verdict)})
    assert words in told(record)
    assert any(words in line for line in explanation_summary(record))


@pytest.mark.parametrize(
    ("beside", "words"),
    [("better", "gradients do better"), ("worse", "gradients do worse"), ("chance", "neither better nor worse")],
)
def test_gradients_are_told_beside(beside, words):
    assert words in told(make("corpus", scopes={"text": scope("better", beside)}))


def test_even_attention_is_said_and_nothing_is_ranked():
    record = make("position", scopes={"text": scope(even=True)})
    record["run"]["even"] = True
    said = told(record)
    assert "Attention is even by construction" in said
    assert "there is nothing to rank; gradients are better than chance" in said


def test_nobody_to_judge_it_on_is_said():
    said = told(make("corpus", scopes={}))
    assert "no test person of the run has anything recorded" in said


def test_another_corpus_is_said():
    record = make("corpus")
    record["faithful"]["judged"]["people"] = "all"
    assert "not the one that the run was trained on" in told(record)


def test_a_position_with_one_candidate_is_said():
    record = make("position")
    record["position"]["candidates"] = 1
    record["position"]["questions"]["text"][0]["estimate"] = UNDEFINED
    said = told(record)
    assert "This position has one candidate" in said
    assert "1.100; interval undefined: an interval by person needs at least 2 people" in said


def test_words_of_a_corpus():
    record = make("corpus")
    said = told(record)
    assert "1 word with fewer (3 occurrences together) was too rare to be ranked" in said
    assert "Smith" not in said
    rows = list(csv.DictReader(io.StringIO(words_csv(record))))
    assert [row["word"] for row in rows] == ["'=team()", "Smith"]
    assert [row["too_rare"] for row in rows] == ["false", "true"]
    assert rows[1]["low"] == ""
    assert words_csv(make("interview")) is None


def test_the_summary_holds_no_word_that_was_said():
    for kind in ("interview", "position", "corpus"):
        said = " ".join(explanation_summary(make(kind)))
        assert "xylophone" not in said
        assert "team" not in said


@pytest.mark.parametrize(
    ("value", "step"), [(0, 0), (0.99, 0), (1, 1), (1.49, 1), (1.5, 2), (2, 3), (3, 4), (4.9, 4), (5, 5), (50, 5)]
)
def test_steps_of_colour(value, step):
    assert shade(value) == step


def test_the_legend_and_the_words_are_coloured_alike():
    blocks = explanation_document(make("interview")).blocks
    legend, first, *_ = [block for block in blocks if isinstance(block, ShadedWords)]
    assert [word.step for word in legend.words] == [0, 1, 2, 3, 4, 5]
    assert [word.step for word in first.words] == [0, 3, 5, 0]
    assert all(block.alt for block in blocks if isinstance(block, Picture))
