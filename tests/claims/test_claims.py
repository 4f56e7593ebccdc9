"""Every claim both ways: a case that passes, one that fails, and the reason where nothing can be said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from commandline import fairhire, refused

from fairhire.auditing.demographics import read_demographics
from fairhire.auditing.leakage import PROBES, LeakageResult, LeakageRow
from fairhire.claims import CLAIMS, collect, examine
from fairhire.claims.claim import Figure, at_least, at_most, judged
from fairhire.claims.evidence import Pair
from fairhire.claims.leaks import direct_beside, identity, removal_of, stability, unnamed
from fairhire.claims.proofs import bound_holds, fooled, leace_is_exact, no_label_read, probes_are_sane
from fairhire.claims.results import bias_removed, frontier_drawn, outcomes, outputs_leak
from fairhire.claims.tasks import cost, order, same_rank
from fairhire.data.corpus import Corpus
from fairhire.data.imported import write_imported
from fairhire.data.simulated import SimulationConfig, simulate
from fairhire.errors import DataError, UsageError
from fairhire.estimate import Estimate, Undefined
from fairhire.training import TrainConfig, train

TRAINING = TrainConfig(
    modalities=("audio",), hidden=6, attention=4, question_hidden=2, epochs=8, head_start=1, warm_up=1,
    fractions=(0.6, 0.15, 0.25), device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a small corpus, an undefended run, a defended one, and one of another model."""
    folder = tmp_path_factory.mktemp("claims")
    world = SimulationConfig(
        interviews=320, questions=2, words=(16, 20), frames=(8, 10), modalities=("audio",), leak=2.0, context=0.0
    )
    write_imported(simulate(world), folder / "corpus")
    corpus = Corpus(folder / "corpus")
    train(corpus, TRAINING, folder / "none")
    train(corpus, replace(TRAINING, adversary="face"), folder / "face")
    train(corpus, replace(TRAINING, model="hn-avg"), folder / "average")
    return folder


@pytest.fixture
def evidence(place):
    from fairhire.runs import Run

    truth = pd.read_csv(place / "corpus.truth.csv", index_col="interview")["hirable_unbiased"]
    return collect(
        [Run(place / "none"), Run(place / "face")],
        read_demographics(place / "corpus.people.csv"),
        corpus=Corpus(place / "corpus"),
        truth={str(name): bool(value) for name, value in truth.items()},
        probes={"linear": PROBES["linear"]},
    )


def test_a_run_with_an_offset_alone_is_a_defended_one(place, tmp_path):
    from fairhire.runs import Run

    offset_alone = train(Corpus(place / "corpus"), replace(TRAINING, offset="face", epochs=2), tmp_path / "offset")
    people = read_demographics(place / "corpus.people.csv")
    sorted_out = collect([Run(place / "none"), offset_alone], people)
    assert [pair.name for pair in sorted_out.defended] == ["offset"]
    assert [run.path.name for run in sorted_out.undefended] == ["none"]


def reading(subject, attribute, value, *, width=0.02, chance=0.5, metric="auc", source="representation", n=500):
    """Return a row of leakage made by hand."""
    estimate = Estimate(value, value - width, value + width, 0.95, n)
    return LeakageRow(subject, source, attribute, attribute, "linear", metric, estimate, chance, n, n)


def planted(evidence, rows):
    """Return the evidence with leakage as given: (attribute, before, after) of every pair."""
    for pair in (*evidence.defended, *evidence.direct):
        made = []
        for attribute, before, after, *more in rows:
            settings = more[0] if more else {}
            made.append(reading(f"{pair.undefended.path.name} (baseline)", attribute, before, **settings))
            made.append(reading(pair.name, attribute, after, **settings))
        evidence._measured[str(pair.run.path)] = LeakageResult(tuple(made), (), (), 0)
    return evidence


def test_a_verdict_is_what_the_rule_says():
    def verdict(*values):
        figures = [Figure("x", Estimate(v, v - 0.1, v + 0.1, 0.95, 9)) for v in values]
        return judged("0", "", "", figures, at_least(0.5)).verdict

    assert verdict(0.5, 0.9) == "pass"
    assert verdict(0.9, 0.45) == "undecided"
    assert verdict(0.9, 0.45, 0.3) == "fail"
    assert judged("0", "", "", [Figure("x", 0.51)], at_most(0.5)).verdict == "fail"
    nothing = judged("0", "", "", [Figure("x", Undefined("too few people", 3))], at_most(0.5))
    assert (nothing.verdict, nothing.why) == ("cannot be tested here", "too few people")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(0.9, 0.55, "pass"), (0.9, 0.67, "undecided"), (0.9, 0.85, "fail"), (0.52, 0.5, "cannot be tested here")],
)
def test_removal_is_judged_by_the_excess_that_is_gone(evidence, before, after, verdict):
    assert removal_of(planted(evidence, [("gender", before, after)]), "4", "gender").verdict == verdict


def test_an_attribute_that_nobody_has_cannot_be_tested(evidence):
    assert "no column disability" in removal_of(evidence, "4", "disability").why


@pytest.mark.parametrize(("after", "verdict"), [(0.55, "pass"), (0.75, "fail")])
def test_unnamed_attributes_have_to_fall_too(evidence, after, verdict):
    rows = [("gender", 0.9, 0.5), ("age_group", 0.8, after), ("ethnicity", 0.8, 0.5)]
    assert unnamed(planted(evidence, rows)).verdict == verdict


@pytest.mark.parametrize(("after", "worse"), [(0.6, 0.0), (0.95, 1.0)])
def test_a_seed_that_ends_worse_fails_the_claim(evidence, after, worse):
    claim = stability(planted(evidence, [("gender", 0.9, after), ("ethnicity", 0.8, 0.5), ("age_group", 0.8, 0.5)]))
    assert claim.figures[0].value == worse
    assert claim.verdict == ("pass" if worse == 0 else "fail")


@pytest.mark.parametrize(("after", "verdict"), [(0.02, "pass"), (0.3, "fail")])
def test_identity_has_to_be_ten_times_harder_to_find(evidence, after, verdict):
    face = {"metric": "recall@10", "chance": 0.01, "width": 0.005}
    claim = identity(planted(evidence, [("face", 0.6, after, face)]))
    assert claim.verdict == verdict
    assert "chance 0.0100" in claim.why


@pytest.mark.parametrize(("direct", "verdict"), [(0.55, "pass"), (0.4, "fail")])
def test_without_labels_is_compared_with_labels(evidence, direct, verdict):
    (pair,) = evidence.defended
    evidence.direct = (Pair(pair.undefended, pair.undefended),)
    planted(evidence, [(name, 0.9, 0.57) for name in evidence.attributes()])
    key = str(pair.undefended.path)
    rows = [reading(evidence.direct[0].name, name, direct) for name in evidence.attributes()]
    evidence._measured[key] = LeakageResult(tuple(rows), (), (), 0)
    assert direct_beside(evidence).verdict == verdict


def test_without_a_direct_run_the_command_that_makes_one_is_named(evidence):
    claim = direct_beside(evidence)
    assert claim.verdict == "cannot be tested here"
    assert "--adversary label --label-table" in claim.why


@pytest.mark.parametrize(("after", "verdict"), [(0.5, "pass"), (0.9, "fail")])
def test_an_adversary_that_was_fooled_fails_and_is_named(evidence, after, verdict):
    (pair,) = evidence.defended
    pair.run.chosen  # noqa: B018 (cached, then changed)
    pair.run.__dict__["chosen"] = {"adversary_accuracy": 0.01, "adversary_chance": 0.01}
    claim = fooled(planted(evidence, [("gender", 0.9, after)]))
    assert claim.verdict == verdict
    assert ("the adversary was fooled" in claim.why) == (verdict == "fail")


def test_a_label_that_was_read_fails_the_claim(evidence):
    assert no_label_read(evidence).verdict == "pass"
    evidence.defended[0].run.__dict__["provenance"] = {"sensitive_labels_read": True}
    assert no_label_read(evidence).verdict == "fail"


def test_leace_is_exact_here_and_without_faces_nothing_is_said(evidence):
    claim = leace_is_exact(evidence)
    assert claim.figures[0].value < 1e-6
    assert claim.verdict in ("pass", "fail")  # the held-out half depends on the people
    assert bound_holds(evidence).verdict in ("pass", "undecided")
    evidence.corpus = None
    assert leace_is_exact(evidence).verdict == bound_holds(evidence).verdict == "cannot be tested here"


def test_controls_and_codes_are_judged(evidence):
    claim = probes_are_sane(evidence)
    assert claim.verdict in ("pass", "undecided", "fail")
    assert any("bits saved" in figure.what for figure in claim.figures)


@pytest.mark.parametrize(("free", "verdict"), [(0.97, "pass"), (0.7, "fail")])
def test_the_frontier_is_compared_by_its_area(evidence, free, verdict):
    evidence.frontier = {
        "areas": [
            {"leak": "gender", "removers": "without labels", "area": {"value": free}},
            {"leak": "gender", "removers": "with labels", "area": {"value": 1.0}},
        ]
    }
    assert frontier_drawn(evidence).verdict == verdict
    evidence.frontier = None
    assert "fairhire frontier CORPUS" in frontier_drawn(evidence).why


def test_a_biased_score_that_becomes_fair_passes_and_one_that_does_not_fails(evidence):
    (pair,) = evidence.defended
    gender = evidence.people.of("gender", pair.run.scores.candidates)
    rng = np.random.default_rng(0)
    fair = np.clip(0.5 + 0.2 * (evidence.truth - 0.5) + 0.1 * rng.normal(size=len(gender)), 0.01, 0.99)
    biased = np.clip(fair + 0.3 * (gender == "man"), 0.01, 0.99)
    pair.undefended.__dict__["scores"] = replace(pair.undefended.scores, score=biased)
    pair.run.__dict__["scores"] = replace(pair.run.scores, score=fair)
    assert bias_removed(evidence).verdict == "pass"
    pair.run.__dict__["scores"] = replace(pair.run.scores, score=biased)
    assert bias_removed(evidence).verdict == "fail"
    evidence.truth = None
    assert "--truth" in bias_removed(evidence).why


def test_the_cost_is_the_paired_change_of_f1(evidence):
    (pair,) = evidence.defended
    labels = np.asarray(pair.run.scores.hirable)
    right, wrong = (labels == 1).astype(np.int64), (labels != 1).astype(np.int64)
    pair.undefended.__dict__["scores"] = replace(pair.undefended.scores, decision=right)
    pair.run.__dict__["scores"] = replace(pair.run.scores, decision=right)
    assert cost(evidence).verdict == "pass"
    pair.run.__dict__["scores"] = replace(pair.run.scores, decision=wrong)
    assert cost(evidence).verdict == "fail"


def test_what_is_reported_names_before_and_after(evidence):
    for claim in (outcomes(evidence), outputs_leak(evidence)):
        assert claim.verdict == "reported"
        assert any("undefended" in figure.what for figure in claim.figures)
        assert any(", defended" in figure.what for figure in claim.figures)
    assert same_rank(evidence).figures


def test_the_order_needs_every_model(evidence):
    assert "no undefended run of hn-satt" in order(evidence).why


def test_every_claim_has_a_row_whatever_is_given(place):
    from fairhire.runs import Run

    claims = examine(collect([Run(place / "none")], read_demographics(place / "corpus.people.csv")))
    assert [claim.number for claim in claims] == [*map(str, range(1, 21)), "rank"]
    assert len(CLAIMS) == 21
    assert all(claim.why for claim in claims if claim.verdict == "cannot be tested here")


def test_runs_that_do_not_belong_together_are_refused(place, tmp_path):
    from fairhire.runs import Run

    people = read_demographics(place / "corpus.people.csv")
    with pytest.raises(UsageError, match="expected every run once"):
        collect([Run(place / "none"), Run(place / "none")], people)
    with pytest.raises(UsageError, match="expected at least one run"):
        collect([], people)
    write_imported(
        simulate(SimulationConfig(interviews=60, questions=1, modalities=("audio",), seed=4)), tmp_path / "c"
    )
    other = train(Corpus(tmp_path / "c"), replace(TRAINING, epochs=1), tmp_path / "run")
    with pytest.raises(DataError, match="expected a run of the same corpus as"):
        collect([Run(place / "none"), other], people)
    with pytest.raises(DataError, match="truth: expected every interview of the runs"):
        collect([Run(place / "none")], people, truth={})
    alone = collect([Run(place / "face"), Run(place / "average")], people)
    assert alone.unpaired == ("face",)


def test_the_command_prints_every_row_and_writes_what_it_printed(place, tmp_path):
    said = fairhire(
        "claims", place / "none", place / "face", "--people", place / "corpus.people.csv", "--corpus", place / "corpus",
        "--truth", place / "corpus.truth.csv", "--probe", "linear", "--out", tmp_path / "out",
    )  # fmt: skip
    record = json.loads((tmp_path / "out" / "CLAIMS.json").read_text())
    verdicts = {claim["number"]: claim["verdict"] for claim in record["claims"]}
    assert said.code == (1 if "fail" in verdicts.values() else 0)
    assert "cannot be tested here" in said.words
    assert "no run of the labelled baseline" in said.err
    page = (tmp_path / "out" / "claims.html").read_text()
    assert all(verdict in page for verdict in verdicts.values())
    written = (tmp_path / "out" / "claims.md").read_text()
    assert all(f"### {number}:" in written for number in verdicts)


def test_the_command_refuses_in_one_line(place, tmp_path):
    run, people = place / "none", place / "corpus.people.csv"
    refused(2, "--people: expected a people table", "claims", run)
    refused(2, "--probe: expected one of", "claims", run, "--people", people, "--probe", "psychic")
    (tmp_path / "bad.csv").write_text("interview,hirable_unbiased\ni000000,perhaps\n")
    refused(
        4,
        "row 1, hirable_unbiased: expected true or false",
        "claims",
        run,
        "--people",
        people,
        "--truth",
        tmp_path / "bad.csv",
    )
    (tmp_path / "bad.json").write_text("{}")
    refused(4, "got no areas in it", "claims", run, "--people", people, "--frontier", tmp_path / "bad.json")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("")
    refused(2, "--out: expected a new or empty folder", "claims", run, "--people", people, "--out", tmp_path / "mine")


def test_what_was_measured_in_no_run_does_not_pass_as_never_worse(evidence):
    (pair,) = evidence.defended
    unknown = Undefined("fewer than 10 people", 3)
    rows = [
        replace(reading(name, attribute, 0.5), estimate=unknown)
        for name in (f"{pair.undefended.path.name} (baseline)", pair.name)
        for attribute in evidence.attributes()
    ]
    evidence._measured[str(pair.run.path)] = LeakageResult(tuple(rows), (), (), 0)
    claim = stability(evidence)
    assert claim.verdict == "cannot be tested here"
    assert all(isinstance(figure.value, Undefined) for figure in claim.figures)
