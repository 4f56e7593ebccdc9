"""Leakage end to end: planted, absent, compared, controlled, refused."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from fairhire.auditing.demographics import UNKNOWN, Demographics
from fairhire.auditing.leakage import CODES, PROBES, leakage
from fairhire.auditing.leakage.linear import LinearProbe
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Undefined

LINEAR = {"linear": PROBES["linear"]}


def people(n=400, seed=0):
    """Candidates, a table of gender and of ethnicity, and which of them fit and test."""
    rng = np.random.default_rng(seed)
    names = np.array([f"c{i:04d}" for i in range(n)])
    table = Demographics(
        names,
        {
            "gender": np.where(rng.random(n) < 0.5, "female", "male"),
            "ethnicity": rng.choice(["a", "b", "c"], n),
        },
    )
    fit = np.arange(n) % 2 == 0
    return table, {"candidates": names, "fit": fit, "test": ~fit}


def leaky(table, strength, seed=1, width=6):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(table), width))
    vectors[:, 0] += strength * (table.attributes["gender"] == "female")
    return vectors


def only(result, **wanted):
    rows = [row for row in result.rows if all(getattr(row, name) == value for name, value in wanted.items())]
    assert len(rows) == 1
    return rows[0]


def test_a_planted_leak_is_found_and_nothing_else():
    table, who = people()
    vectors = leaky(table, 3.0)
    result = leakage(
        {"score": 1 / (1 + np.exp(-vectors[:, 0])), "representation": vectors}, table, **who, controls=2, codes=CODES
    )
    for source in ("score", "representation"):
        for probe in PROBES:
            row = only(result, source=source, target="gender", probe=probe, metric="auc")
            assert row.estimate.low > 0.9
            assert row.inner > 0.9
            assert (row.n_fit, row.n_test, row.chance) == (200, 200, 0.5)
            assert abs(row.control.mean - 0.5) < 0.12
            assert row.control.permutations == 2
            assert row.selectivity == row.estimate.value - row.control.mean > 0.35
        code = only(result, source=source, target="gender", metric="codelength")
        assert 0.4 < code.estimate.low < code.estimate.value < code.estimate.high < 1
        assert (code.n_fit, code.n_test, code.chance, code.estimate.n) == (200, 188, 0.0, 200)
        assert abs(code.control.mean) < 0.03
        assert code.selectivity > 0.4
    for row in result.rows:
        if row.attribute == "ethnicity":
            assert row.estimate.low < (0.56 if row.metric == "auc" else 0.005)
    assert {row.target for row in result.rows} == {"gender", "ethnicity=a", "ethnicity=b", "ethnicity=c"}
    json.dumps(result.to_dict(), allow_nan=False)


def test_without_a_leak_the_interval_covers_chance_as_often_as_it_says():
    covered, rounds = 0, 40
    for seed in range(rounds):
        table, who = people(n=160, seed=seed)
        result = leakage(
            {"representation": leaky(table, 0.0, seed=seed + 100)},
            table,
            **who,
            attributes=["gender"],
            probes=LINEAR,
            controls=0,
            replicates=300,
        )
        covered += not result.rows[0].estimate.excludes(0.5)
    assert covered >= 33  # 38 expected; 32 or fewer of 40 would happen once in 10,000


def test_values_below_chance_are_reported_as_measured():
    """A leak that turns round between the two sides is not folded back above one half."""
    table, who = people()
    vectors = leaky(table, 3.0)
    vectors[who["test"]] *= -1
    result = leakage({"representation": vectors}, table, **who, attributes=["gender"], probes=LINEAR, controls=0)
    assert result.rows[0].estimate.high < 0.2


def test_permuted_attributes_read_chance():
    table, who = people()
    result = leakage(
        {"representation": leaky(table, 3.0)}, table, **who, attributes=["gender"], controls=20, probes=LINEAR
    )
    control = result.rows[0].control
    assert abs(control.mean - 0.5) < 4 * 0.041 / np.sqrt(20)  # 0.041: standard deviation of an AUC, 100 against 100
    assert control.low < control.mean < control.high


def test_repeated_interviews_do_not_narrow_the_interval():
    table, who = people(n=200)
    vectors = leaky(table, 1.0)
    settings = {"attributes": ["gender"], "probes": LINEAR, "controls": 0}
    once = leakage({"representation": vectors}, table, **who, **settings).rows[0]
    five = np.repeat(np.arange(200), 5)
    jitter = 1e-3 * np.random.default_rng(5).normal(size=(1000, vectors.shape[1]))
    repeated = {name: column[five] for name, column in who.items()}
    often = leakage({"representation": vectors[five] + jitter}, table, **repeated, **settings).rows[0]
    assert (often.n_fit, often.n_test, often.estimate.n) == (100, 100, 100)
    assert often.estimate.high - often.estimate.low > 0.85 * (once.estimate.high - once.estimate.low)


def test_another_run_is_measured_beside_and_compared_in_pairs():
    table, who = people()
    undefended, defended = leaky(table, 3.0), leaky(table, 0.5)
    result = leakage(
        {"score": defended[:, 0], "representation": defended},
        table,
        **who,
        subject="face",
        against={"representation": undefended, "score": undefended[:, 0]},  # the order of sources does not matter
        attributes=["gender"],
        probes=LINEAR,
        controls=0,
        codes=CODES,
    )
    assert [row.subject for row in result.rows] == ["face"] * 4 + ["undefended"] * 4
    for comparison in result.comparisons:
        wanted = {"source": comparison.source, "metric": comparison.metric}
        mine, other = (only(result, subject=name, **wanted).estimate for name in ("face", "undefended"))
        assert comparison.difference.value == pytest.approx(mine.value - other.value)
        assert comparison.difference.high < 0
    assert [(c.source, c.metric) for c in result.comparisons] == [
        (source, metric) for source in ("score", "representation") for metric in ("auc", "codelength")
    ]


def test_a_run_beside_itself_differs_by_nothing():
    table, who = people(n=120)
    vectors = leaky(table, 1.0)
    result = leakage(
        {"v": vectors},
        table,
        **who,
        against={"v": vectors},
        attributes=["gender"],
        probes=LINEAR,
        codes=CODES,
        controls=0,
    )
    for comparison in result.comparisons:
        difference = comparison.difference
        assert (difference.low, difference.value, difference.high) == (0, 0, 0)
    assert len(result.comparisons) == 2


def test_faces_are_searched_for_too():
    table, who = people(n=240)
    rng = np.random.default_rng(6)
    faces = rng.normal(size=(240, 5))
    vectors = np.hstack([faces @ rng.normal(size=(5, 6)), rng.normal(size=(240, 2))])
    masked = np.arange(240) % 10 > 0
    result = leakage(
        {"representation": vectors},
        table,
        **who,
        against={"representation": rng.normal(size=(240, 8))},
        faces=np.where(masked[:, None], faces, np.nan),
        face_mask=masked,
        attributes=[],
        replicates=100,
    )
    found = only(result, subject="model", metric="recall@10", probe="linear", target="face")
    none = only(result, subject="undefended", metric="recall@10", probe="linear", target="face")
    assert found.estimate.low > 0.8
    assert found.chance == none.chance == pytest.approx(10 / 120)
    assert not none.estimate.excludes(10 / 120)
    assert (found.n_fit, found.n_test) == (96, 120)
    assert {row.metric for row in result.rows} == {"recall@1", "recall@10", "mean_rank_auc"}
    assert [(item.what, item.n) for item in result.left_out] == [("face: interviews", 24)]
    assert all(comparison.difference.low > 0.2 for comparison in result.comparisons if comparison.metric == "recall@10")


def test_everything_left_out_is_counted():
    table, who = people(n=200)
    gender = table.attributes["gender"].astype("<U8")
    gender[:20] = UNKNOWN
    table = Demographics(table.candidates[:-10], {"gender": gender[:-10], "site": np.full(190, "Paris")})
    score = leaky(people(n=200)[0], 1.0)[:, 0]
    score[30:36] = np.nan
    who["test"] = who["test"] & (np.arange(200) % 20 != 1)
    result = leakage({"score": score}, table, **who, probes=LINEAR, controls=0)
    assert {(item.what, item.n) for item in result.left_out} >= {
        ("interviews", 6),
        ("interviews", 10),
        ("gender: candidates", 29),  # 20 unknown and 10 unlisted, less one that is on no side
        ("candidates", 10),
    }
    assert any(item.what == "site: the attribute" for item in result.left_out)
    assert result.rows[0].n_fit + result.rows[0].n_test == 190 - 6 - 29


def test_a_group_too_small_to_ask_about_is_undefined_for_every_probe():
    table, who = people(n=100)
    ethnicity = np.array(["a"] * 90 + ["b"] * 10)
    result = leakage(
        {"score": np.arange(100.0)},
        Demographics(table.candidates, {"ethnicity": ethnicity}),
        **who,
        against={"score": np.arange(100.0)},
        codes=CODES,
    )
    assert len(result.rows) == 2 * (len(PROBES) + len(CODES))
    for row in result.rows:
        assert isinstance(row.estimate, Undefined)
        assert "fewer than 10" in row.estimate.reason
    assert all(isinstance(comparison.difference, Undefined) for comparison in result.comparisons)
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_seed_gives_the_same_result_twice():
    table, who = people(n=120)
    one, two = (
        leakage(
            {"v": leaky(table, 1.0)}, table, **who, attributes=["gender"], controls=2, seed=3, codes=CODES
        ).to_dict()
        for _ in range(2)
    )
    assert one == two


def test_the_order_of_interviews_does_not_decide_what_leaks():
    table, who = people(n=300)
    vectors = leaky(table, 1.0)
    settings = {"attributes": ["gender"], "probes": LINEAR, "controls": 0}
    order = np.random.default_rng(7).permutation(300)
    one = leakage({"v": vectors}, table, **who, **settings).rows[0].estimate
    other = leakage({"v": vectors[order]}, table, **{k: v[order] for k, v in who.items()}, **settings).rows[0].estimate
    assert isinstance(one, Estimate)
    assert other.value == pytest.approx(one.value, abs=0.01)


def test_progress_is_told_once_a_question():
    table, who = people(n=60)
    told = []

    @contextmanager
    def watch(what, total):
        told.append(total)
        yield lambda steps=1, facts="": told.append(steps)

    leakage({"v": leaky(table, 1.0), "s": np.arange(60.0)}, table, **who, probes=LINEAR, controls=0, watch=watch)
    assert told[0] == len(told) - 1 == 8


def broken(vectors):
    vectors = vectors.copy()
    vectors[4, 2] = np.nan
    return vectors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidates": np.array(["x"] * 60)}, "expected different candidates to fit and to test, got 'x'"),
        ({"test": np.zeros(60, dtype=bool)}, "expected interviews on the test side, got none"),
        ({"fit": np.zeros(59, dtype=bool)}, "fit: expected 60 rows, got 59"),
        ({"sources": {"v": np.ones((59, 2))}}, "model, v: expected 60 rows, got 59"),
        ({"against": {"other": np.ones(60)}}, "the same sources"),
        ({"subject": "a", "against_subject": "a", "against": {"v": np.ones(60)}}, "expected two names"),
        ({"attributes": ["religion"]}, "expected a column 'religion', got gender, ethnicity"),
    ],
)
def test_bad_input_gets_one_line(changes, message):
    table, who = people(n=60)
    with pytest.raises(DataError, match=message) as caught:
        leakage(**({"sources": {"v": leaky(table, 1.0)}, "demographics": table} | who | changes))
    assert "\n" not in str(caught.value)


def test_a_vector_that_is_partly_nan_is_refused():
    table, who = people(n=60)
    with pytest.raises(DataError, match="model, v: expected finite numbers, got NaN or infinity in row 4"):
        leakage({"v": broken(leaky(table, 1.0))}, table, **who)


class Few(LinearProbe):
    """The linear probe on 40 people at most."""

    most_people = 40


def test_a_probe_that_takes_only_some_people_says_how_many_it_left_out():
    table, who = people()
    result = leakage(
        {"v": leaky(table, 3.0)},
        table,
        **who,
        probes={"linear": PROBES["linear"], "few": Few()},
        attributes=["gender", "ethnicity"],
        controls=1,
    )
    assert only(result, target="gender", probe="few").n_fit == 40
    assert only(result, target="gender", probe="linear").n_fit == 200
    assert only(result, target="gender", probe="few").estimate.low > 0.8
    assert [(item.what, item.n) for item in result.left_out] == [
        ("gender: candidates in the fit of the few probe", 160),
        ("ethnicity: candidates in the fit of the few probe", 160),
    ]


def test_controls_are_dealt_out_by_person_for_probes_and_for_codes():
    """Vectors name the person, eight interviews each: a lot among 30 people spreads more than one among interviews."""
    rng = np.random.default_rng(8)
    table, who = people(n=60)
    eight = np.repeat(np.arange(60), 8)
    vectors = rng.normal(size=(60, 30))[eight] + 0.01 * rng.normal(size=(480, 30))
    repeated = {name: column[eight] for name, column in who.items()}
    result = leakage({"v": vectors}, table, **repeated, attributes=["gender"], probes=LINEAR, controls=20, codes=CODES)
    control = only(result, metric="auc").control
    assert control.high - control.low > 0.27  # 20 lots by interview have a range of 0.12 to 0.20
    assert only(result, metric="codelength").n_fit == 30


def test_a_code_is_of_people_the_model_knows_and_a_probe_is_judged_on_the_others():
    """A leak on the fit side only is in the codelength alone; one on the test side only is in neither."""
    table, who = people()
    none, full = leaky(table, 0.0), leaky(table, 3.0)
    for side, found in (("fit", True), ("test", False)):
        vectors = np.where(who[side][:, None], full, none)
        result = leakage({"v": vectors}, table, **who, attributes=["gender"], probes=LINEAR, controls=0, codes=CODES)
        assert (only(result, metric="codelength").estimate.low > 0.3) == found


def test_without_codes_asked_for_every_figure_is_of_test_people():
    table, who = people(n=100)
    result = leakage({"v": leaky(table, 3.0)}, table, **who, probes=LINEAR, controls=0)
    assert {(row.metric, row.n_test) for row in result.rows} == {("auc", 50)}


def test_a_group_of_too_few_people_to_code_is_undefined():
    table, who = people(n=34)
    result = leakage(
        {"v": leaky(table, 3.0)}, table, **who, attributes=["gender"], probes={}, codes=CODES, controls=2, minimum=2
    )
    assert len(result.rows) == 1
    assert result.rows[0].estimate == Undefined("too few people to code in portions", 17)
    assert result.rows[0].control is None
    assert result.rows[0].selectivity is None
