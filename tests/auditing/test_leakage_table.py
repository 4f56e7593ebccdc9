"""A leakage result is a record: JSON without NaN, a headline, and no mixing of adversary accuracy with leakage."""

import json

import pytest

from fairhire.auditing.leakage.table import Comparison, Control, LeakageResult, LeakageRow, false_success
from fairhire.estimate import Estimate, Undefined
from fairhire.left_out import LeftOut


def row(value, probe="linear", target="gender", low=None, **changes):
    estimate = value
    if not isinstance(value, Undefined):
        estimate = Estimate(value, value - 0.05 if low is None else low, min(1.0, value + 0.05), 0.95, 90)
    fields = {
        "subject": "run",
        "source": "representation",
        "attribute": target.split("=")[0],
        "target": target,
        "probe": probe,
        "metric": "auc",
        "estimate": estimate,
        "chance": 0.5,
        "n_fit": 200,
        "n_test": 90,
    }
    return LeakageRow(**(fields | changes))


RESULT = LeakageResult(
    rows=(
        row(0.6, control=Control(0.5, 0.45, 0.56, 5), inner=0.61),
        row(0.8, "mlp"),
        row(0.7, target="ethnicity=a"),
        row(0.9, target="ethnicity=b"),
        row(Undefined("fewer than 10 people", 4), target="ethnicity=c"),
        row(Undefined("nobody", 0), target="age"),
    ),
    comparisons=(Comparison("run", "undefended", "score", "gender", "mlp", "auc", Undefined("nobody", 0)),),
    left_out=(LeftOut("gender: candidates", 3, "category unknown"),),
    seed=4,
)


def test_the_headline_is_the_maximum_over_probes_and_categories():
    headline = {found.attribute: found for found in RESULT.strongest()}
    assert (headline["gender"].probe, headline["gender"].estimate.value) == ("mlp", 0.8)
    assert headline["ethnicity"].target == "ethnicity=b"
    assert isinstance(headline["age"].estimate, Undefined)


def test_bits_saved_have_a_headline_of_their_own():
    both = LeakageResult((row(0.6), row(0.3, metric="codelength", chance=0.0)), (), (), 0)
    assert [(found.metric, found.estimate.value) for found in both.strongest()] == [("auc", 0.6), ("codelength", 0.3)]


def test_the_json_has_the_fields_of_the_interface_and_no_nan():
    record = json.loads(json.dumps(RESULT.to_dict(), allow_nan=False))
    assert record["schema"] == 1
    assert record["seed"] == 4
    wanted = {"subject", "source", "target", "probe", "metric", "estimate", "chance", "n_fit", "n_test"}
    assert all(wanted <= set(line) for line in record["leakage"])
    assert record["leakage"][0]["control"] == {"mean": 0.5, "low": 0.45, "high": 0.56, "permutations": 5}
    assert record["leakage"][0]["selectivity"] == pytest.approx(0.1)
    assert record["leakage"][1]["selectivity"] is None
    assert set(record["leakage"][0]["estimate"]) == {"value", "low", "high", "level", "n"}
    assert record["leakage"][4]["estimate"] == {"undefined": "fewer than 10 people", "n": 4}
    assert record["left_out"] == [{"what": "gender: candidates", "n": 3, "why": "category unknown"}]
    assert record["compare"][0]["against"] == "undefended"
    assert len(record["strongest"]) == 3


def test_the_frame_has_a_line_a_row_and_reasons_where_values_are_missing():
    frame = RESULT.to_frame()
    assert len(frame) == 6
    assert frame["value"].isna().sum() == frame["undefined"].notna().sum() == 2
    assert frame.loc[0, "control"] == 0.5
    assert list(frame["n_test"]) == [90] * 6


@pytest.mark.parametrize(("accuracy", "chance"), [(0.5, 0.5), (0.45, 0.5), (0.59, 0.5), (1 / 256, 1 / 256), (0.0, 0.1)])
def test_an_adversary_at_chance_beside_a_reading_probe_is_called_out(accuracy, chance):
    words = false_success(accuracy, chance, RESULT.rows)
    assert words is not None
    assert "adversary accuracy" in words
    assert "ethnicity=b" in words  # the strongest of the rows
    assert "0.900 [0.850, 0.950]" in words
    assert "\n" not in words


@pytest.mark.parametrize(("accuracy", "chance"), [(0.62, 0.5), (0.05, 1 / 256), (1.0, 0.5)])
def test_an_adversary_above_chance_has_not_deceived_anybody(accuracy, chance):
    assert false_success(accuracy, chance, RESULT.rows) is None


def test_probes_at_chance_agree_with_the_adversary():
    assert false_success(0.5, 0.5, [row(0.52, low=0.47), row(Undefined("nobody", 0))]) is None
    assert false_success(0.5, 0.5, []) is None


def test_shares_outside_their_range_are_our_own_mistake():
    with pytest.raises(ValueError, match="expected an accuracy"):
        false_success(1.2, 0.5, [])
