"""The people table is read strictly, and "unknown" is never a group."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.demographics import UNKNOWN, Demographics, categories_of, read_demographics
from fairhire.errors import DataError

TABLE = "candidate,gender,age\nada,Female,30-39\nbob,male ,20-29\ncid,Male,\ndee,prefer not to say,N/A\n"


def written(tmp_path, text, name="people.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_spellings_are_merged_and_the_changes_told(tmp_path):
    found = read_demographics(written(tmp_path, TABLE + "eve,MALE,\nfay,Male,20-29\n"))
    assert found.attributes["gender"].tolist() == ["Female", "Male", "Male", UNKNOWN, "Male", "Male"]
    assert found.merged["gender"] == {"male ": "Male", "MALE": "Male", "prefer not to say": UNKNOWN}
    assert "age" in found.merged  # empty and N/A became unknown
    assert len(found) == 6


def test_unknown_is_counted_and_more_words_can_be_declared(tmp_path):
    path = written(tmp_path, TABLE)
    assert read_demographics(path).unknown("age") == 2
    assert read_demographics(path, unknown=["20-29"]).unknown("age") == 3
    assert read_demographics(written(tmp_path, "candidate,race\na,NA\n")).unknown("race") == 0  # may be a group


def test_categories_follow_the_candidates_asked_for(tmp_path):
    found = read_demographics(written(tmp_path, TABLE))
    assert found.of("gender", ["bob", "zoe", "ada", "bob"]).tolist() == ["Male", UNKNOWN, "Female", "Male"]
    assert found.unlisted(["bob", "zoe", "zoe", "yan"]) == 2
    with pytest.raises(DataError, match="expected a column 'race', got gender, age"):
        found.of("race", ["bob"])


def test_csv_and_parquet_say_the_same(tmp_path):
    frame = pd.DataFrame(
        {
            "candidate": ["a", "b", "c"],
            "gender": ["f", None, "m"],
            "group": [1.0, float("nan"), 2.0],
            "old": [True, False, True],
        }
    )
    frame.to_parquet(tmp_path / "people.parquet")
    found = read_demographics(tmp_path / "people.parquet")
    text = read_demographics(written(tmp_path, "candidate,gender,group,old\na,f,1,True\nb,,,False\nc,m,2,True\n"))
    assert found.candidates.tolist() == text.candidates.tolist()
    for name in ("gender", "group", "old"):
        assert found.attributes[name].tolist() == text.attributes[name].tolist()


@given(
    st.lists(
        st.sampled_from(["Male", "male", " MALE", "female", "Female ", "", "unknown", "x"]), min_size=1, max_size=30
    )
)
def test_merging_never_joins_or_splits_groups(values):
    called = categories_of(Counter(values), unknown={"", "unknown"})
    categories = [called[value] for value in values]
    changed = {value: category for value, category in called.items() if value != category}
    keys = [UNKNOWN if not value.strip() else value.strip().casefold() for value in values]
    for i, one in enumerate(keys):
        for j, other in enumerate(keys):
            assert (one == other) == (categories[i] == categories[j])
    assert changed == {value: category for value, category in zip(values, categories, strict=True) if value != category}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header line, got an empty file"),
        ("candidate,gender\n", "expected at least one candidate, got none"),
        ("person,gender\na,f\n", "expected a column candidate, got person, gender"),
        ("candidate\na\n", "at least one column of categories"),
        ("candidate,gender\na,f\na,m\n", "row 2: expected every candidate once, got 'a' again .row 1."),
        ("candidate,gender\n ,f\n", "row 1: expected a candidate, got nothing"),
        ("candidate,gender\na,f,x\n", "row 1: expected 2 values, got 3"),
        ("candidate,gender\na\n", "row 1: expected 2 values, got 1"),
        ("candidate,gender,gender\na,f,m\n", "expected distinct columns, got 'gender' 2 times"),
        ("candidate,\na,f\n", "a name for every column"),
        ('candidate,gender\na,"f\n', "expected a readable CSV table"),
    ],
)
def test_a_broken_table_gets_one_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        read_demographics(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_undecodable_or_corrupted_file_gets_one_line(tmp_path):
    with pytest.raises(DataError, match="found no such file"):
        read_demographics(tmp_path / "none.csv")
    with pytest.raises(DataError, match="found no such file"):
        read_demographics(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="expected UTF-8 text, got byte 0xe9"):
        read_demographics(written(tmp_path, "candidate,gender\nrené,f\n", encoding="latin-1"))
    with pytest.raises(DataError, match="readable Parquet table"):
        read_demographics(written(tmp_path, "PAR1 and then nothing", name="people.parquet"))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert len(read_demographics(written(tmp_path, "candidate,gender\na,f\n", encoding="utf-8-sig"))) == 1


def test_the_record_itself_refuses_repeated_candidates_and_short_columns():
    with pytest.raises(DataError, match="every candidate once, got 'a' again"):
        Demographics(np.array(["a", "a"]), {"gender": np.array(["f", "m"])})
    with pytest.raises(DataError, match="gender: expected 2 categories, got 1"):
        Demographics(np.array(["a", "b"]), {"gender": np.array(["f"])})


def test_a_mapping_wins_over_unknown_words_and_names_the_category():
    counts = {"w": 3, "W ": 1, "Female": 9, "n/a": 2, "x": 1, "": 1}
    found = categories_of(counts, unknown=["x"], mapped={"W": "Woman", "female": "Woman", "N/A": "Native"})
    assert found == {"w": "Woman", "W ": "Woman", "Female": "Woman", "n/a": "Native", "x": UNKNOWN, "": UNKNOWN}
    assert categories_of({"left": 1}, mapped={"Left": "prefer not to say"}) == {"left": UNKNOWN}


def test_declared_categories_are_spelled_as_declared():
    assert categories_of({"male": 5, "other": 2}, declared=["MALE"]) == {"male": "MALE", "other": "other"}


def test_letters_composed_in_two_ways_are_one_category():
    found = categories_of({"M\u0101ori": 2, "Ma\u0304ori": 1})
    assert set(found.values()) == {"M\u0101ori"}


def test_columns_of_other_names_are_read_as_ours(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,candidate,sex\n1,no,Female\n")
    found = read_demographics(path, columns={"candidate": "id", "gender": "sex"})
    assert found.candidates.tolist() == ["1"]
    assert {name: list(categories) for name, categories in found.attributes.items()} == {"gender": ["Female"]}
    with pytest.raises(DataError, match="expected a column 'nowhere', got id, candidate, sex"):
        read_demographics(path, columns={"candidate": "nowhere"})


def test_labels_and_declared_categories_name_spellings_by_attribute(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("candidate,race,sex\n1,Caucasian,f\n2,white,F\n")
    found = read_demographics(path, labels={"race": {"Caucasian": "White"}}, declared={"race": ["White"]})
    assert list(found.attributes["race"]) == ["White", "White"]
    assert set(found.attributes["sex"]) == {"F"}


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    for number in range(2):
        pd.DataFrame({"candidate": [f"c{number}"], "sex": ["F"]}).to_parquet(tmp_path / f"{number}.parquet")
    assert sorted(read_demographics(tmp_path).candidates) == ["c0", "c1"]
