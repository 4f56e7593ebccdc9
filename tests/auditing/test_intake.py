"""Tables of people become counts: strictly, whatever they are written in, and with every omission told."""

import datetime
import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairhire.auditing.intake import Intake, count_tables, people_attributes
from fairhire.auditing.tally import Repeats
from fairhire.errors import DataError, UsageError
from fairhire.left_out import LeftOut

SCORES = """candidate,position,score,decision,label
ada,clerk,0.9,1,1
bob,clerk,0.2,no,0
cid,cook,0.4,TRUE,1
dee,cook,0.4,false,
eve,cook,0.6,Yes,0
"""
PEOPLE = "candidate,sex,race\nada,Female,x\nbob,Male,y\ncid,male ,x\ndee,prefer not to say,y\nfay,Male,x\n"
KEYS = ["position", "label", "selected", "above"]


@pytest.fixture
def put(tmp_path):
    def write(text, name="scores.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


@pytest.fixture
def count(put):
    def counted(scores=SCORES, people=PEOPLE, attributes=("sex",), **choices):
        listed = None if people is None else put(people, "people.csv")
        return count_tables(put(scores), listed, attributes=attributes, intake=Intake(**choices))

    return counted


def cells(tally):
    """Return the cells as {(attributes..., position, label, selected, above): n}."""
    return {tuple(row[:-1]): row[-1] for row in tally.cells.itertuples(index=False)}


def test_every_row_is_counted_once_in_its_cell(count):
    tally = count()
    assert cells(tally) == {
        ("Female", "clerk", 1, 1, 1): 1,
        ("Male", "clerk", 0, 0, 0): 1,
        ("Male", "cook", 1, 1, 0): 1,
        ("unknown", "cook", -1, 0, 0): 1,
        ("unknown", "cook", 0, 1, 1): 1,
    }
    assert (tally.median, tally.tied, tally.rows, tally.repeats) == (0.4, 2, 5, None)
    assert tally.merged == {"sex": {"male ": "Male", "prefer not to say": "unknown"}}
    assert tally.left_out == (
        LeftOut("candidates without a row in the people table", 1, "counted as unknown"),
        LeftOut("people without a row in the scores table", 1, "nothing to count"),
    )
    assert [(source.name, source.rows) for source in tally.sources] == [("scores.csv", 5), ("people.csv", 5)]


def test_the_median_is_that_of_everybody_and_above_is_strict(count):
    # audit-rules.md 4.2, tests B, C and D
    def scoring(groups, top=100.0):
        rows = [(f"{sex}{place}", sex, value) for sex, values in groups.items() for place, value in enumerate(values)]
        scores = "candidate,score\n" + "".join(f"{name},{value}\n" for name, _, value in rows)
        people = "candidate,sex\n" + "".join(f"{name},{sex}\n" for name, sex, _ in rows)
        tally = count(scores, people, score_range=(0.0, top))
        table = tally.table(["sex"], "scoring")
        return tally, {group.category[0]: (group.selected, group.n) for group in table.groups}, table.unknown_n

    men, women = [90, 80, 70, 60, 50], [85, 65, 55, 45, 40]
    tally, groups, _ = scoring({"M": men, "F": women})
    assert (tally.median, groups) == (0.625, {"M": (3, 5), "F": (2, 5)})
    tally, groups, unknown = scoring({"M": men, "F": women, "unknown": [95, 92, 88]})
    assert (tally.median, groups, unknown) == (0.7, {"M": (2, 5), "F": (1, 5)}, 3)
    tally, groups, _ = scoring({"M": [5, 5, 5, 1], "F": [5, 5, 3, 1]}, top=5)
    assert (tally.median, groups, tally.tied) == (1.0, {"M": (0, 4), "F": (0, 4)}, 5)
    tally, groups, _ = scoring({"M": [1, 2, 3, 3], "F": [3, 4, 5]}, top=5)
    assert (tally.median, groups, tally.tied) == (0.6, {"M": (0, 4), "F": (2, 3)}, 3)


def test_a_threshold_decides_where_no_decision_is_given(count):
    scores = "candidate,score\nada,0.5\nbob,0.499\ncid,0.7\n"
    assert cells(count(scores, threshold=0.5)) == {
        ("Female", "", -1, 1, 0): 1,
        ("Male", "", -1, 0, 0): 1,
        ("Male", "", -1, 1, 1): 1,
    }
    assert {key[3] for key in cells(count(scores))} == {-1}
    assert count(scores, threshold=0.5).threshold == 0.5
    scaled = count("candidate,score\nada,70\nbob,69.9\ncid,80\n", threshold=0.7, score_range=(0.0, 100.0))
    assert scaled.table(["sex"], "selection").groups[0].selected == 1
    assert not count(scores).has("selection")
    assert count(threshold=0.99).table(["sex"], "selection").groups[0].selected == 1  # the column decides


WORDS = {1: ["1", "true", "TRUE", "Yes", " yes", "1.0"], 0: ["0", "False", "no", "NO ", "0.0"]}


@pytest.mark.parametrize(("meaning", "word"), [(flag, word) for flag, words in WORDS.items() for word in words])
def test_a_decision_is_one_of_six_words(count, meaning, word):
    assert count(f"candidate,decision\nada,{word}\n").table(["sex"], "selection").groups[0].selected == meaning


@pytest.mark.parametrize("word", ["2", "-1", "y", "t", "maybe", "0.5", "selected", "nan", "1 0", "on"])
@pytest.mark.parametrize("column", ["decision", "label"])
def test_and_nothing_else(count, word, column):
    scores = f"candidate,score,{column}\nada,0.1,1\nbob,0.2,{word}\n"
    with pytest.raises(
        DataError, match=f"{column}: expected 0/1, true/false or yes/no, got .* in 1 row, first in row 2"
    ):
        count(scores)


def test_the_same_rows_in_csv_and_parquet_give_the_same_counts(count, put, tmp_path):
    expected = count()
    decision, label = [True, False, True, False, True], [1.0, 0.0, 1.0, None, 0.0]
    names = ["ada", "bob", "cid", "dee", "eve"]
    frame = pd.DataFrame(
        {"candidate": names, "position": ["clerk"] * 2 + ["cook"] * 3, "score": [0.9, 0.2, 0.4, 0.4, 0.6]}
    )
    for dtype in (bool, "int8", "float32", "int64", object):
        column = [str(flag) for flag in decision] if dtype is object else np.asarray(decision, dtype=dtype)
        frame.assign(decision=column, label=label).to_parquet(tmp_path / "scores.parquet")
        found = count_tables(tmp_path / "scores.parquet", put(PEOPLE, "people.csv"), attributes=["sex"])
        assert cells(found) == cells(expected)
        assert found.merged == expected.merged


def test_ids_are_matched_as_they_are_written(tmp_path, put):
    pq.write_table(pa.table({"candidate": [7.0, 8.0], "decision": [1, 0]}), tmp_path / "s.parquet")
    people = put("candidate,sex\n7,f\n8,m\n", "people.csv")
    assert count_tables(tmp_path / "s.parquet", people, attributes=["sex"]).left_out == ()
    padded = put("candidate,sex\n007,f\n8,m\n", "people.csv")
    left = count_tables(tmp_path / "s.parquet", padded, attributes=["sex"]).left_out
    assert [dropped.n for dropped in left] == [1, 1]


def test_attributes_may_be_columns_of_the_scores_table(count):
    scores = "candidate,decision,Gender,race\na,1,f,x\nb,0,F ,x\nc,1,m,\n"
    tally = count(scores, None, ["race", "sex"], people_columns={"sex": "Gender"})
    assert cells(tally) == {
        ("x", "F", "", -1, 0, -1): 1,
        ("x", "F", "", -1, 1, -1): 1,
        ("unknown", "m", "", -1, 1, -1): 1,
    }
    assert tally.left_out == ()
    with pytest.raises(DataError, match="expected a column age, got candidate, decision, Gender, race"):
        count(scores, None, ["age"])
    without_ids = count("decision,sex\n1,f\n0,f\n1,m\n", None)
    assert without_ids.rows == 3


def test_columns_go_by_our_names_once_they_are_mapped(count, put):
    scores = "applicant,hired,grade\nada,1,0.5\n"
    people = "person,Gender,candidate\nada,f,zoe\n"
    mapped = {"score_columns": {"candidate": "applicant", "decision": "hired", "score": "grade"}}
    theirs = {"candidate": "person", "sex": "Gender"}
    assert cells(count(scores, people, people_columns=theirs, **mapped)) == {("f", "", -1, 1, 0): 1}
    assert people_attributes(put(people, "people.csv"), intake=Intake(people_columns=theirs)) == ("sex",)
    assert people_attributes(put(people, "people.csv")) == ("person", "Gender")
    gone = {"candidate": "applicant", "decision": "gone"}
    with pytest.raises(DataError, match="expected a column gone, got applicant, hired, grade"):
        count(scores, people, people_columns=theirs, score_columns=gone)


def test_missing_outcomes_are_refused_unless_they_are_to_be_left_out(count):
    scores = "candidate,score,decision\nada,0.1,1\nbob,0.9,\ncid,0.5,0\ndee,,1\n"
    with pytest.raises(DataError, match="expected a decision in every row, got 1 empty, first in row 2") as caught:
        count(scores)
    assert "bob" not in str(caught.value)
    tally = count(scores, missing="leave out")
    assert tally.left_out[0] == LeftOut("rows", 1, "without a decision")
    assert (tally.rows, tally.median) == (3, pytest.approx(0.3))  # a row that was left out has no say in the median
    assert cells(tally)["unknown", "", -1, 1, -1] == 1  # a decision without a score counts, above nothing
    alone = "candidate,score\nada,0.1\nbob,\n"
    with pytest.raises(DataError, match="expected a score in every row, got 1 empty, first in row 2"):
        count(alone)
    assert count(alone, missing="leave out").left_out[0] == LeftOut("rows", 1, "without a score")
    with pytest.raises(DataError, match="expected a decision in some row, got none"):
        count("candidate,decision\nada,\n", missing="leave out")


@pytest.mark.parametrize(
    ("value", "kind"),
    [("1.01", "1 outside"), ("-0.1", "1 outside"), ("nan", "1 NaN or infinite"), ("inf", "1 NaN or infinite"),
     ("high", "1 no numbers"), ("0,5", "expected 2 cells"), ("1_0", "1 no numbers"), ("0x1", "1 no numbers")],
)  # fmt: skip
def test_a_score_is_a_number_in_its_range(count, value, kind):
    with pytest.raises(DataError, match=kind) as caught:
        count(f"candidate,score\nada,0.1\nbob,{value}\n")
    assert "bob" not in str(caught.value)
    assert ("first in row 2" in str(caught.value)) or ("line 3" in str(caught.value))


def test_one_row_per_candidate_and_position_unless_rows_are_interviews(count):
    twice = "interview,candidate,position,decision\ni1,ada,clerk,1\ni2,bob,clerk,0\ni3,ada,clerk,0\ni4,ada,cook,1\n"
    with pytest.raises(
        DataError, match=r"per candidate and position, got several for 1: row 1 and row 3; .*--per interv"
    ) as caught:
        count(twice)
    assert "ada" not in str(caught.value)
    tally = count(twice, per="interview")
    assert tally.repeats.to_dict("records") == [
        {
            "sex": sex,
            "people": 1,
            "nn": nn,
            "people_selected": 1,
            "nn_selected": nn,
            "ns_selected": ns,
            "ss_selected": ss,
            **dict.fromkeys(("people_above", "nn_above", "ns_above", "ss_above"), 0),
        }
        for sex, nn, ns, ss in (("Female", 9, 6, 4), ("Male", 1, 0, 0))
    ]
    assert tally.table(["sex"], "selection").groups[0].repeats.nn == 9
    two_jobs = count("candidate,position,decision\nada,clerk,1\nada,cook,0\nbob,cook,1\n")
    assert two_jobs.repeats["nn"].tolist() == [4, 1]  # one person, though two positions
    with pytest.raises(DataError, match="expected one row per interview, got several for 1: row 1 and row 2"):
        count("interview,candidate,decision\ni1,ada,1\ni1,bob,0\n", per="interview")
    with pytest.raises(DataError, match="expected a column interview, got candidate, decision"):
        count("candidate,decision\nada,1\n", per="interview")


def test_sums_over_people_are_of_the_rows_that_have_the_flag(count):
    scores = "interview,candidate,score,decision\n1,ada,,1\n2,ada,0.9,1\n3,ada,0.8,0\n4,bob,0.1,0\n5,bob,,1\n6,cid,,1\n"
    tally = count(scores, per="interview")
    assert tally.people_repeat
    assert tally.scored.people_repeat
    assert tally.repeats[["sex", "people", "nn"]].to_numpy().tolist() == [["Female", 1, 9], ["Male", 2, 5]]
    women, men = tally.table(["sex"], "scoring").groups
    assert (women.n, women.selected, women.repeats) == (2, 1, Repeats(1, 4, 2, 1))
    assert (men.n, men.selected, men.repeats) == (1, 0, Repeats(1, 1, 0, 0))
    women, men = tally.table(["sex"], "selection").groups
    assert (women.n, women.repeats, women.people) == (3, Repeats(1, 9, 6, 4), 1)
    assert (men.n, men.repeats, men.people) == (3, Repeats(2, 5, 3, 2), 2)
    alone = count("candidate,score\nada,0.9\nbob,0.1\n")
    assert not alone.people_repeat
    assert not alone.scored.people_repeat


@pytest.mark.parametrize("large", [1e300, float("inf"), -1e300])
def test_ids_that_no_whole_number_holds_are_ids_all_the_same(tmp_path, large):
    ids = pa.array([large, 2.0, 3.5])
    pq.write_table(pa.table({"candidate": ids, "decision": pa.array([1, 0, 1])}), tmp_path / "scores.parquet")
    pq.write_table(pa.table({"candidate": ids, "sex": pa.array(["f", "m", "f"])}), tmp_path / "people.parquet")
    (tmp_path / "people.csv").write_text("candidate,sex\n2,m\n3.5,f\n")
    tally = count_tables(tmp_path / "scores.parquet", tmp_path / "people.parquet", attributes=["sex"])
    assert [(group.n, group.selected) for group in tally.table(["sex"], "selection").groups] == [(2, 2), (1, 0)]
    table = count_tables(tmp_path / "scores.parquet", tmp_path / "people.csv", attributes=["sex"]).table(
        ["sex"], "selection"
    )
    assert ([group.n for group in table.groups], table.unknown_n) == ([1, 1], 1)


def test_a_temporary_folder_may_be_called_anything(count, tmp_path, monkeypatch):
    folder = tmp_path / "it's a [folder]*"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert count("candidate,decision\nada,1\nbob,0\n").rows == 2


def test_sums_over_people_follow_categories_not_spellings(count):
    scores = "interview,candidate,decision,sex\n1,a,1,Male\n2,a,1,male \n3,b,0,\n4,b,1,unknown\n5,c,0,Male\n"
    repeats = count(scores, None, per="interview").repeats
    assert repeats[["sex", "people", "nn", "ns_selected", "ss_selected"]].to_numpy().tolist() == [
        ["Male", 2, 5, 4, 4],
        ["unknown", 1, 4, 2, 1],
    ]


def test_only_a_split_and_a_window_of_days_are_counted_and_the_rest_is_told(count):
    scores = (
        "candidate,decision,split,date\nada,1,test,2026-01-01\nbob,1,test,2026-02-01T10:00\ncid,0,test,2026-03-01\n"
        "dee,maybe,train,2026-01-15\neve,1,test,\n"
    )
    window = (datetime.date(2026, 1, 1), datetime.date(2026, 2, 1))
    tally = count(scores, split="test", dates=window)
    assert tally.rows == 2
    assert tally.left_out[:3] == (
        LeftOut("rows", 1, "not of split test"),
        LeftOut("rows", 1, "without a date"),
        LeftOut("rows", 1, "not dated 2026-01-01 to 2026-02-01"),
    )
    assert tally.left_out[3] == LeftOut("people without a row in the scores table", 1, "nothing to count")
    with pytest.raises(DataError, match="expected rows to count, got none: 5 not of split final"):
        count(scores, split="final")
    with pytest.raises(DataError, match="expected a column split, got"):
        count(split="test")
    for day in ("01/02/2026", "2026-1-2", "2026-02-30", "yesterday"):
        with pytest.raises(DataError, match="dates like 2026-11-22, got 1 others, first in row 1"):
            count(f"candidate,decision,date\nada,1,{day}\n", dates=window)


def test_parquet_dates_are_days(tmp_path, put):
    day = datetime.date(2026, 1, 1)
    for column in (pa.array([day]), pa.array([datetime.datetime(2026, 1, 1, 23, tzinfo=datetime.UTC)])):
        pq.write_table(pa.table({"candidate": ["ada"], "decision": [1], "date": column}), tmp_path / "s.parquet")
        intake = Intake(dates=(day, day))
        assert count_tables(tmp_path / "s.parquet", put(PEOPLE), attributes=["sex"], intake=intake).rows == 1


def test_words_can_be_declared_unknown_and_labels_led_to_categories(count):
    people = "candidate,sex\nada,W\nbob,m\ncid,Keine Angabe\ndee,n/a\neve,M\n"
    tally = count(
        people=people, unknown=("keine angabe",), labels={"sex": {"w": "Female", "m": "Male", "N/A": "Not assigned"}}
    )
    table = tally.table(["sex"], "selection")
    assert [(group.category[0], group.n) for group in table.groups] == [("Female", 1), ("Male", 2), ("Not assigned", 1)]
    assert tally.merged["sex"] == {
        "W": "Female", "m": "Male", "M": "Male", "Keine Angabe": "unknown", "n/a": "Not assigned"
    }  # fmt: skip


def test_declared_categories_are_listed_when_empty_and_spelled_as_declared(count):
    tally = count(declared={"sex": ["Diverse", "FEMALE", "Male"]})
    table = tally.table(["sex"], "selection")
    assert [(group.category[0], group.n) for group in table.groups] == [("Diverse", 0), ("FEMALE", 1), ("Male", 2)]
    assert tally.merged["sex"]["Female"] == "FEMALE"
    assert tally.positions == ("clerk", "cook")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"score_range": (1.0, 1.0)}, "score range: expected two numbers, the lower first"),
        ({"score_range": (0.0, np.inf)}, "score range"),
        ({"threshold": 1.5}, "threshold: expected a score in"),
        ({"per": "person"}, "per: expected candidate or interview"),
        ({"missing": "ignore"}, "missing: expected refuse or leave out"),
        ({"dates": (datetime.date(2026, 2, 1), datetime.date(2026, 1, 1))}, "dates: expected the earlier first"),
        ({"score_columns": {"hired": "x"}}, "score columns: expected one of interview, .*, got hired"),
        ({"declared": {"sex": ["Male", "male "]}}, "expected each category once, got 'Male' and 'male '"),
        ({"declared": {"sex": ["Unknown"]}}, "got 'Unknown', which means unknown"),
        ({"labels": {"sex": {"m": "Male", "M ": "Man"}}}, "expected one category for 'M ', got two"),
        ({"labels": {"sex": {"m": "Male", "h": "male"}}}, "one spelling of a category, got 'Male' and 'male'"),
        ({"labels": {"sex": {"": "Male"}}}, "expected words, got an empty one"),
        ({"labels": {"sex": {"Male": "Man"}}, "declared": {"sex": ["Male", "Man"]}}, "cannot be led to 'Man'"),
    ],
)
def test_contradictory_choices_are_refused(choices, message):
    with pytest.raises(UsageError, match=message):
        Intake(**choices)


@pytest.mark.parametrize(
    ("scores", "people", "message"),
    [
        ("person,decision\nada,1\n", PEOPLE, "expected a column candidate or interview, got person, decision"),
        ("candidate,grade\nada,1\n", PEOPLE, "expected a column score or decision, got candidate, grade"),
        ("candidate,decision\n", PEOPLE, "expected at least one row, got none"),
        ("candidate,decision\n,1\nbob,1\n ,1\n", PEOPLE, "candidate: expected an id, got 2 empty, first in row 1"),
        (SCORES, "candidate,race\nada,x\n", "people.csv: expected a column sex, got candidate, race"),
        (SCORES, "name,sex\nada,x\n", "people.csv: expected a column candidate, got name, sex"),
        (
            SCORES,
            "candidate,sex\nada,f\nbob,m\nada,f\n",
            "every candidate once, got several rows for 1: row 1 and row 3",
        ),
        (SCORES, "candidate,sex\n,f\n", "people.csv, candidate: expected an id, got 1 empty, first in row 1"),
    ],
)
def test_a_table_that_breaks_the_rules_gets_one_line_without_names(count, scores, people, message):
    with pytest.raises(DataError, match=message) as caught:
        count(scores, people)
    assert "\n" not in str(caught.value)
    assert "ada" not in str(caught.value)


def test_ids_and_numbers_are_no_attribute(count):
    many = "".join(f"p{n},{n}\n" for n in range(501))
    message = "people.csv, sex: expected at most 500 different values, got 501: is this an id or a number"
    scores = "candidate,decision\n" + "".join(f"p{n},1\n" for n in range(501))
    with pytest.raises(DataError, match=message):
        count(scores, f"candidate,sex\n{many}")
    assert len(count(scores, "candidate,sex\n" + many.replace("p500,500", "p500,499")).cells) == 500
    with pytest.raises(DataError, match=r"scores.csv, sex: expected at most 5000 different values, got more"):
        count("decision,sex\n" + "".join(f"1,{n}\n" for n in range(5001)), None)


def test_names_with_another_meaning_are_no_attributes(count):
    for attributes, message in (([], "at least one"), (["score"], "another name than score"), (["sex"] * 2, "once")):
        with pytest.raises(UsageError, match=message):
            count(attributes=attributes)


def test_columns_and_categories_like_queries_are_harmless(count):
    evil = 'sex"; DROP TABLE t1; --'
    people = 'candidate,"sex""; DROP TABLE t1; --"\nada,\'); DELETE FROM t1; --\nbob,<script>\n'
    table = count(people=people, attributes=[evil]).table([evil], "selection")
    assert [group.category[0] for group in table.groups] == ["'); DELETE FROM t1; --", "<script>"]


@pytest.mark.parametrize(
    "name", ["Sex", "Score", "bin", "part", "number", "cell", "listed", "value", "row", "a1", "passed"]
)
def test_an_attribute_may_be_called_nearly_anything(count, name):
    expected = count(attributes=["sex", "race"], threshold=0.5)
    found = count(people=PEOPLE.replace("race", name), attributes=["sex", name], threshold=0.5)
    assert cells(found) == cells(expected)
    assert list(found.cells.columns[:2]) == ["sex", name]
    assert found.scored.attributes == ("sex", name)
    alone = f"candidate,score,sex,{name}\nada,0.1,f,x\nbob,0.9,m,y\n"
    assert cells(count(alone, None, ["sex", name])) == {("f", "x", "", -1, -1, 0): 1, ("m", "y", "", -1, -1, 1): 1}
