"""Counts are those of a loop over the rows, by either way of counting scores, in any order, to the same bytes."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairhire.auditing import counting
from fairhire.auditing.intake import Intake, count_run_scores, count_tables
from fairhire.errors import DataError
from fairhire.scores import Scores

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["f", "F ", "m", "", "unknown"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from(["", "clerk"]),
        st.sampled_from(["0", "1"]),
        st.sampled_from(["", "no", "yes"]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1),
    ),
    min_size=1,
    max_size=30,
)
NAMES = ["sex", "race", "position", "decision", "label", "score"]


def count_rows(rows, folder, name="rows.csv", **choices):
    pd.DataFrame(rows, columns=NAMES).to_csv(folder / name, index=False)
    return count_tables(folder / name, None, attributes=["sex", "race"], intake=Intake(**choices))


def by_hand(rows):
    """Return cells, histograms {(sex, race, label): {score: n}} and the median as a loop finds them."""
    scores = [row[-1] for row in rows]
    median = float(np.median(scores))
    cells, histogram = Counter(), {}
    for sex, race, position, decision, label, score in rows:
        group = {"f": "f", "F": "f", "m": "m"}.get(sex.strip(), "unknown")
        flag = {"": -1, "no": 0, "yes": 1}[label]
        cells[group, race, position, flag, int(decision), int(score > median)] += 1
        histogram.setdefault((group, race, flag), Counter())[score] += 1
    return cells, histogram, median


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.booleans())
def test_counts_are_those_of_a_loop(tmp_path, monkeypatch, rows, in_bins):
    with monkeypatch.context() as patched:
        if in_bins:
            patched.setattr(counting, "_MOST_VALUES", -1)
        tally = count_rows(rows, tmp_path, declared={"sex": ["f", "m"]})
    cells, histogram, median = by_hand(rows)
    found = {tuple(row[:-1]): row[-1] for row in tally.cells.itertuples(index=False) if row[-1]}
    assert found == cells
    assert tally.median == median
    assert tally.tied == sum(row[-1] == median for row in rows)
    assert tally.scored.width == (1 / 8192 if in_bins else 0)
    keys = list(tally.scored.cells[["sex", "race", "label"]].itertuples(index=False, name=None))
    assert set(keys) == set(histogram)
    for place, key in enumerate(keys):
        counts, scores = tally.scored.counts[place], np.asarray(sorted(histogram[key].elements()))
        assert counts.sum() == len(scores)
        own = np.repeat(tally.scored.values, counts)
        assert np.abs(own - scores).max() <= tally.scored.width / 2
        assert tally.scored.totals[place] == pytest.approx(scores.sum(), rel=1e-11, abs=1e-11)
        assert tally.scored.squares[place] == pytest.approx((scores**2).sum(), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("n", [999, 1000, 30_000])
def test_many_distinct_scores_are_binned_and_their_median_stays_exact(tmp_path, n):
    rng = np.random.default_rng(n)
    scores = rng.beta(2, 5, n)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": "x", "score": scores})
    frame.to_parquet(tmp_path / "rows.parquet")
    tally = count_tables(tmp_path / "rows.parquet", None, attributes=["sex"])
    assert tally.median == np.median(scores)
    assert tally.scored.width == (0 if n < 20_000 else 1 / 8192)
    for category, (count, mean, variance) in tally.scored.moments(["sex"]).items():
        own = scores[frame["sex"] == category[0]]
        assert count == len(own)
        assert mean == pytest.approx(own.mean(), rel=1e-12)
        assert variance == pytest.approx(own.var(ddof=1), rel=1e-9)


def as_bytes(tally):
    parts = [tally.cells.to_csv(), tally.scored.cells.to_csv(), repr(tally.median), repr(tally.merged)]
    arrays = (tally.scored.values, tally.scored.counts, tally.scored.totals, tally.scored.squares)
    return ("".join(parts)).encode() + b"".join(array.tobytes() for array in arrays)


@pytest.mark.parametrize("in_bins", [False, True])
def test_the_order_of_rows_and_files_changes_no_byte(tmp_path, monkeypatch, in_bins):
    if in_bins:
        monkeypatch.setattr(counting, "_MOST_VALUES", 100)
    rng = np.random.default_rng(0)
    n = 200_000  # several row groups, which several threads share
    frame = pd.DataFrame(
        {"sex": rng.choice(["f", "m", None], n), "score": rng.random(n).round(4 if not in_bins else 9)}
    )
    found = set()
    for turn in range(3):
        folder = tmp_path / str(turn)
        folder.mkdir()
        mixed = frame.sample(frac=1, random_state=turn)
        for part in range(turn + 1):
            mixed.iloc[part :: turn + 1].to_parquet(folder / f"{part}.parquet", row_group_size=10_000)
        found.add(as_bytes(count_tables(folder, None, attributes=["sex"], intake=Intake(threshold=0.5))))
    assert len(found) == 1


def test_a_histogram_of_very_many_groups_gets_wider_bins(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [("f", "x", "", "1", "", score) for score in rng.random(500)]
    monkeypatch.setattr(counting, "_MOST_VALUES", 10)
    monkeypatch.setattr(counting, "_MOST_CELLS", 2000)
    tally = count_rows(rows, tmp_path)
    assert tally.scored.width == 1 / 1024
    assert tally.median == np.median([row[-1] for row in rows])
    monkeypatch.setattr(counting, "_MOST_CELLS", 100)
    with pytest.raises(DataError, match="too many for a histogram"):
        count_rows(rows, tmp_path)


def test_scores_in_memory_are_counted_by_the_same_rules(tmp_path):
    rng = np.random.default_rng(0)
    n = 40
    score = np.where(np.arange(n) == 7, np.nan, rng.random(n).round(2))
    decision = np.where(np.isnan(score), -1, score >= 0.5).astype(np.int64)
    scores = Scores(
        ids=np.asarray([f"i{place}" for place in range(n)]),
        candidates=np.asarray([f"c{place % 15}" for place in range(n)]),
        position=np.asarray(["clerk", "cook"] * (n // 2)),
        split=np.asarray(["train", "test"] * (n // 2)),
        score=score,
        decision=decision,
        hirable=rng.integers(-1, 2, n),
    )
    people = tmp_path / "people.csv"
    people.write_text("candidate,sex\n" + "".join(f"c{place},{'fm'[place % 2]}\n" for place in range(14)))
    scores.write(tmp_path / "scores.csv")
    intake = Intake(per="interview", missing="leave out", split="test")
    memory = count_run_scores(scores, people, attributes=["sex"], intake=intake, name="run-1")
    disk = count_tables(tmp_path / "scores.csv", people, attributes=["sex"], intake=intake)
    assert as_bytes(memory) == as_bytes(disk)
    pd.testing.assert_frame_equal(memory.repeats, disk.repeats)
    assert memory.left_out == disk.left_out
    assert memory.sources[0].name == "run-1"
    assert memory.sources[0].sha256 == disk.sources[0].sha256
    everything = Intake(per="interview")
    with pytest.raises(DataError, match="run-1, decision: expected a decision in every row, got 1 empty"):
        count_run_scores(scores, people, attributes=["sex"], intake=everything, name="run-1")


def test_a_column_of_scores_with_nothing_in_it_is_no_score(tmp_path):
    frame = pd.DataFrame({"sex": ["f", "m"], "decision": [1, 0], "score": [None, None]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    tally = count_tables(tmp_path / "rows.csv", None, attributes=["sex"])
    assert (tally.scored, tally.median, tally.has("scoring")) == (None, None, False)
