"""Attributes become yes-or-no questions, and what cannot be asked is said."""

import numpy as np

from fairhire.auditing.demographics import UNKNOWN, Demographics
from fairhire.auditing.leakage.attributes import MOST_CATEGORIES, ask
from fairhire.estimate import Undefined
from fairhire.left_out import LeftOut

PEOPLE = np.array([f"p{i}" for i in range(120)])
FIT = np.arange(120) % 2 == 0


def asked(minimum=10, candidates=PEOPLE, **attributes):
    demographics = Demographics(PEOPLE, {name: np.asarray(values) for name, values in attributes.items()})
    fit = FIT[: len(candidates)] if len(candidates) <= 120 else np.resize(FIT, len(candidates))
    return ask(demographics, tuple(attributes), candidates=candidates, fit=fit, test=~fit, minimum=minimum)


def test_two_categories_make_one_question_and_three_make_three():
    two, three = np.resize(["f", "f", "m", "m"], 120), np.resize(["a", "a", "b", "b", "c", "c"], 120)
    questions, left_out = asked(gender=two, ethnicity=three)
    assert [q.target for q in questions] == ["gender", "ethnicity=a", "ethnicity=b", "ethnicity=c"]
    assert [q.attribute for q in questions] == ["gender"] + ["ethnicity"] * 3
    assert (questions[0].label == (two == "f")).all()
    assert (questions[3].label == (three == "c")).all()
    assert not left_out
    assert all(q.missing is None and q.known.all() for q in questions)


def test_unknown_people_are_not_asked_about_and_counted():
    values = np.resize(["f", "f", "m", "m"], 120)
    values = np.where(np.arange(120) < 24, UNKNOWN, values)
    (question,), left_out = asked(gender=values)
    assert question.known.sum() == 96
    assert left_out == [LeftOut("gender: candidates", 24, "category unknown")]


def test_people_outside_the_table_are_counted():
    others = np.concatenate([PEOPLE[:118], ["x", "y"]])
    (question,), left_out = asked(candidates=others, gender=np.resize(["f", "f", "m", "m"], 120))
    assert question.known.sum() == 118
    assert left_out[0] == LeftOut("candidates", 2, "not in the people table; unknown for every attribute")


def test_a_small_group_is_undefined_and_stays_in_the_rest_of_the_others():
    values = np.array(["a", "a", "b", "b"] * 30, dtype="<U8")
    values[:12] = "rare"
    questions, _ = asked(ethnicity=values)
    by_target = {question.target: question for question in questions}
    assert isinstance(by_target["ethnicity=rare"].missing, Undefined)
    assert "fewer than 10 people" in by_target["ethnicity=rare"].missing.reason
    assert by_target["ethnicity=a"].missing is None
    assert by_target["ethnicity=a"].known.sum() == 120
    assert all(question.missing is None for question in asked(minimum=6, ethnicity=values)[0])


def test_groups_are_counted_in_people_not_in_interviews():
    values = np.resize(["f", "f", "m", "m"], 120)
    values[8:] = "f"  # four men
    many = np.resize(PEOPLE, 1200)
    (question,), _ = asked(candidates=many, gender=values)
    assert isinstance(question.missing, Undefined)


def test_an_attribute_of_one_category_or_of_too_many_is_left_out_with_the_reason():
    numbers = [str(i % (MOST_CATEGORIES + 1)) for i in range(120)]
    questions, left_out = asked(country=["fr"] * 120, age=numbers)
    assert not questions
    assert [item.what for item in left_out] == ["country: the attribute", "age: the attribute"]
    assert "at least 2" in left_out[0].why
    assert "group them" in left_out[1].why
