"""Counts that somebody else took are accepted as given, in either form, and need not add up."""

import pytest

from fairhire.auditing.intake import Intake, read_counts
from fairhire.errors import DataError

# audit-rules.md 4.2, test A: the rule's own example; its race table has 408 Hispanic applicants, its intersections 395.
LL144 = """sex,race,n,selected
Male,,1390,667
Female,,1181,555
,Hispanic or Latino,408,204
,White,797,412
,Asian,616,302
Male,Hispanic or Latino,205,90
Male,White,412,215
Male,Asian,321,167
Female,Hispanic or Latino,190,82
Female,White,385,197
Female,Asian,295,135
"""


@pytest.fixture
def read(tmp_path):
    def reading(text, **choices):
        path = tmp_path / "counts.csv"
        path.write_text(text)
        return read_counts(path, intake=Intake(**choices))

    return reading


def groups(tally, *grouping, rate="selection"):
    return {group.category: (group.n, group.selected) for group in tally.table(grouping, rate).groups}


def test_one_attribute_below_the_other(read):
    tally = read("attribute,category,n,selected\nsex,Male,100,60\nsex,Female,80,40\nage,under 40,90,50\n")
    assert tally.attributes == ("sex", "age")
    assert groups(tally, "sex") == {("Female",): (80, 40), ("Male",): (100, 60)}
    assert groups(tally, "age") == {("under 40",): (90, 50)}
    assert (tally.median, tally.scored, tally.repeats, tally.rows) == (None, None, None, 0)
    assert [(source.name, source.rows) for source in tally.sources] == [("counts.csv", 3)]


def test_three_tables_that_do_not_add_up_are_taken_as_given(read):
    tally = read(LL144)
    assert [table.grouping for table in tally.tables] == [("race",), ("sex",), ("sex", "race")]
    assert groups(tally, "sex") == {("Female",): (1181, 555), ("Male",): (1390, 667)}
    assert groups(tally, "race")["Hispanic or Latino",] == (408, 204)
    cells = groups(tally, "sex", "race")
    assert cells["Male", "Hispanic or Latino"][0] + cells["Female", "Hispanic or Latino"][0] == 395


def test_full_rows_alone_are_summed_to_the_smaller_groupings(read):
    tally = read("sex,race,n,selected\nm,x,10,5\nm,y,20,5\nf,x,30,5\nunknown,x,4,1\nf,n/a,2,2\n")
    assert groups(tally, "sex") == {("f",): (32, 7), ("m",): (30, 10)}
    table = tally.table(["race"], "selection")
    assert [(group.category, group.n) for group in table.groups] == [(("x",), 44), (("y",), 20)]
    assert (table.unknown_n, table.unknown_selected) == (2, 2)
    both = tally.table(["sex", "race"], "selection")
    assert (both.known, both.unknown_n, both.unknown_selected) == (60, 6, 3)
    given = read("sex,race,n,selected\nm,x,10,5\nf,,7,1\n")
    assert [table.grouping for table in given.tables] == [("sex",), ("sex", "race")]


def test_three_attributes_are_summed_to_all_six_smaller_groupings(read):
    tally = read("a,b,c,n,selected\n1,1,1,5,2\n1,2,1,7,3\n")
    assert len(tally.tables) == 7
    assert groups(tally, "a", "c") == {("1", "1"): (12, 5)}


def test_spellings_merge_and_unknown_words_are_no_group(read):
    text = "attribute,category,n,selected\nsex,Male,100,60\nsex,male ,10,5\n"
    text += "sex,Prefer not to say,7,3\nsex,,2,1\nsex,X,1,0\n"
    tally = read(text, unknown=("x",), declared={"sex": ["Diverse"]})
    table = tally.table(["sex"], "selection")
    assert groups(tally, "sex") == {("Diverse",): (0, 0), ("Male",): (110, 65)}
    assert (table.unknown_n, table.unknown_selected) == (10, 4)
    assert tally.merged["sex"] == {"": "unknown", "Prefer not to say": "unknown", "X": "unknown", "male": "Male"}
    led = read(text, labels={"sex": {"x": "Other"}})
    assert groups(led, "sex")["Other",] == (1, 0)


def test_selection_and_scoring_stand_side_by_side(read):
    tally = read("attribute,category,n,selected,rate\nsex,m,10,5,selection\nsex,m,10,4,Scoring\nsex,f,10,6,\n")
    assert groups(tally, "sex") == {("f",): (10, 6), ("m",): (10, 5)}
    assert groups(tally, "sex", rate="scoring") == {("m",): (10, 4)}
    assert tally.has("scoring")


def test_columns_can_be_mapped(read):
    tally = read(
        "Gender,Applicants,Hired\nm,10,5\n",
        score_columns={"n": "Applicants", "selected": "Hired"},
        people_columns={"sex": "Gender"},
    )
    assert groups(tally, "sex") == {("m",): (10, 5)}


def test_the_largest_count_and_leading_zeros_are_read(read):
    tally = read(f"attribute,category,n,selected\nsex,m,10000000000,{'0' * 5000}7\n")
    assert groups(tally, "sex") == {("m",): (10_000_000_000, 7)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("attribute,category,n\nsex,m,1\n", "expected a column selected, got attribute, category, n"),
        ("n,selected\n1,1\n", "expected attribute, category, n, selected, or a column per attribute"),
        ("attribute,category,place,n,selected\nsex,m,x,1,1\n", "expected attribute, category, n, selected, or"),
        ("attribute,category,n,selected\nsex,m,10,11\n", "row 1: expected at most n selected, got 11 of 10"),
        ('attribute,category,n,selected\nsex,m,"1,390",11\n', "row 1, n: expected a whole number, got '1,390'"),
        (
            f"attribute,category,n,selected\nsex,m,{'9' * 5000},1\n",
            "row 1, n: expected at most 10,000,000,000, got more",
        ),
        (f"attribute,category,n,selected\nsex,m,{'9' * 30},1\n", "row 1, n: expected at most 10,000,000,000, got more"),
        ("attribute,category,n,selected\nsex,m,10000000001,1\n", "row 1, n: expected at most 10,000,000,000, got more"),
        ("attribute,category,n,selected\nsex,m,10,-1\n", "row 1, selected: expected a whole number"),
        ("attribute,category,n,selected\nsex,m,10,\n", "row 1, selected: expected a whole number, got ''"),
        ("attribute,category,n,selected\n,m,10,1\n", "row 1: expected an attribute, got an empty cell"),
        ("sex,race,n,selected\n,,10,1\n", "row 1: expected a category of some attribute, got none"),
        (
            "attribute,category,n,selected,rate\nsex,m,10,1,hiring\n",
            "rate: expected selection or scoring, got 'hiring'",
        ),
        (
            "attribute,category,n,selected\nsex,m,10,1\nsex,m,9,1\n",
            "row 2: expected every group once, got that of row 1",
        ),
    ],
)
def test_a_broken_table_gets_one_line(read, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(text)
    assert "counts.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
