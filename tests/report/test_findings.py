"""The words of the page: every branch follows from the numbers, and says no more than they do."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fairhire.estimate import Undefined
from fairhire.report import AdversaryEnd, RatioChange, Trial
from fairhire.report.findings import Findings, find

MakeTrial = Callable[..., Trial]


def everything(findings: Findings) -> str:
    return "\n".join((findings.headline, *findings.found, *findings.sure, *findings.not_shown, *findings.next_steps))


@pytest.mark.parametrize(
    ("leak", "after", "words"),
    [
        (
            {"gender": "lower", "age_group": "lower"},
            {},
            "gives away less of who the candidates are, though not nothing.",
        ),
        ({"gender": "lower"}, {"gender": 0.51}, "gives away less of who the candidates are."),
        (
            {"gender": "lower", "age_group": "undecided"},
            {},
            "gives away less of gender, though not nothing; of age group that is undecided.",
        ),
        ({"gender": "undecided"}, {}, "gives away less of who the candidates are is undecided."),
        ({"gender": "lower", "age_group": "higher"}, {}, "The defence failed: more of age group can be read"),
        ({"gender": "undefined"}, {}, "What can be read of the candidates could not be measured."),
    ],
)
def test_the_headline_says_what_happened_to_the_leak(
    make_trial: MakeTrial, leak: dict[str, str], after: dict[str, float], words: str
) -> None:
    assert words in find(make_trial(leak=leak, after=after)).headline


@pytest.mark.parametrize(
    ("merit", "words"),
    [
        ("higher", "It finds true merit better."),
        ("lower", "The price: it finds true merit worse."),
        ("undecided", "No difference in how well it finds true merit could be measured."),
        ("undefined", "How well it finds true merit could not be measured."),
    ],
)
def test_the_headline_says_what_happened_to_merit(make_trial: MakeTrial, merit: str, words: str) -> None:
    assert find(make_trial(merit=merit)).headline.endswith(words)


def test_less_is_said_of_those_attributes_alone_that_fell(make_trial: MakeTrial) -> None:
    found = find(make_trial(leak={"gender": "lower", "race": "undecided", "age_group": "undefined"})).found
    assert found[0].startswith("Less can be read")
    assert "gender (AUC 0.900 → 0.750)" in found[0]
    assert "race" not in found[0]
    assert "Undecided" in found[1]
    assert "race" in found[1]
    assert found[2] == "Could not be measured: age group (fewer than 10 people on one side (3))."


def test_what_remains_is_named_and_what_was_not_found_is_not_called_gone(make_trial: MakeTrial) -> None:
    left = find(make_trial(leak={"gender": "lower", "race": "lower"}, after={"race": 0.51}))
    assert any("still reads gender better than a blind guess" in sentence for sentence in left.found)
    nothing = find(make_trial(leak={"gender": "lower"}, after={"gender": 0.51}))
    assert any("No probe read any attribute measurably better" in sentence for sentence in nothing.found)
    assert any(sentence.startswith("That nothing leaks") for sentence in nothing.not_shown)
    assert not any(sentence.startswith("That nothing leaks") for sentence in left.not_shown)


@pytest.mark.parametrize(
    ("faces", "words"), [("lower", "fewer than"), ("higher", "more than"), ("undecided", "not measurably other than")]
)
def test_faces_are_told_in_percent_beside_chance(make_trial: MakeTrial, faces: str, words: str) -> None:
    (sentence,) = [line for line in find(make_trial(faces=faces)).found if line.startswith("Shown the faces")]
    assert f"for 10.0 % of the interviews, {words} the 10.0 % without" in sentence
    assert "a blind guess gets 0.2 %" in sentence


def test_false_success_is_said_when_it_applies_and_only_then(make_trial: MakeTrial) -> None:
    trial = make_trial()
    assert "false success" not in everything(find(trial)).lower()
    fooled = replace(trial, adversary=AdversaryEnd(0.01, 0.01, "the adversary was fooled"))
    assert "Beware of false success: the adversary was fooled." in find(fooled).found
    assert "false success" not in everything(find(replace(trial, adversary=None))).lower()


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ("higher", "a rise beyond chance"),
        ("lower", "a fall beyond chance"),
        ("undecided", "a difference that chance may explain"),
        ("undefined", "whether beyond chance could not be measured"),
    ],
)
def test_selection_is_compared_for_the_same_two_groups(make_trial: MakeTrial, ratio: str, words: str) -> None:
    (sentence,) = [line for line in find(make_trial(ratio=ratio)).found if line.startswith("Selection")]
    assert "selects “women” 0.540 times as often as “men”, the defended one 0.920 times" in sentence
    assert words in sentence
    assert "(the recruiters: “women” 0.500 times as often as “men”)" in sentence


def test_a_ratio_that_does_not_exist_is_explained(make_trial: MakeTrial) -> None:
    missing = Undefined("nobody is selected", 40)
    trial = make_trial(ratio_changes=(RatioChange("gender", "women", "men", missing, missing, missing),))
    assert "Selection by gender could not be compared: nobody is selected." in find(trial).found


def test_the_undecided_is_listed_and_more_people_are_advised(make_trial: MakeTrial) -> None:
    undecided = find(make_trial(leak={"gender": "lower", "race": "undecided"}, ratio="undecided"))
    assert "Undecided with this many people: race and selection by gender." in undecided.sure
    assert any("measure more people" in step for step in undecided.next_steps)
    decided = find(make_trial())
    assert not any(sentence.startswith("Undecided") for sentence in decided.sure)
    assert not any("measure more people" in step for step in decided.next_steps)


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        ({"leak": {"gender": "higher"}}, "Do not use this defended model", True),
        ({}, "Do not use this defended model", False),
        ({}, "To remove more", True),
        ({"leak": {"gender": "lower"}, "after": {"gender": 0.51}}, "To remove more", False),
        ({"merit": "lower"}, "Weigh the price", True),
        ({}, "Weigh the price", False),
    ],
)
def test_the_advice_follows_from_the_result(
    make_trial: MakeTrial, changes: dict[str, object], words: str, said: bool
) -> None:
    assert any(words in step for step in find(make_trial(**changes)).next_steps) is said


def test_it_is_always_said_that_the_data_are_simulated_and_what_the_line_is(make_trial: MakeTrial) -> None:
    for leak in ("lower", "higher", "undecided", "undefined"):
        text = " ".join(find(make_trial(leak={"gender": leak})).not_shown)
        assert "simulated" in text
        assert "29 CFR 1607.4(D)" in text
        assert "not a verdict" in text
        assert "Adversary accuracy is not leakage" in text


def test_too_few_people_are_warned_of(make_trial: MakeTrial) -> None:
    assert not any("fewer than 30 people" in line for line in find(make_trial()).sure)
    few = make_trial(people={"train": 40, "validation": 10, "test": 29})
    assert "That is fewer than 30 people: rely on no figure here." in find(few).sure


def test_what_was_not_measured_is_not_called_found_or_not_found(make_trial: MakeTrial) -> None:
    findings = find(make_trial(leak={"gender": "undefined"}))
    assert not any("No probe read" in line or "better than a blind guess" in line for line in findings.found)
    assert not any(line.startswith("That nothing leaks") for line in findings.not_shown)


def test_no_sentence_shows_nan_or_a_record(make_trial: MakeTrial) -> None:
    for leak in ("lower", "higher", "undecided", "undefined"):
        text = everything(find(make_trial(leak={"gender": leak}, merit=leak, ratio=leak)))
        assert not re.search(r"\bnan\b|Estimate\(|Undefined\(|None", text)


def test_every_option_that_is_advised_exists(make_trial: MakeTrial) -> None:
    commands = Path(__file__).parents[2].joinpath("fairhire", "commands", "training.py").read_text(encoding="utf-8")
    text = everything(find(make_trial(leak={"gender": "lower", "race": "higher"}, merit="lower", ratio="undecided")))
    text += everything(find(make_trial(leak={"gender": "lower", "race": "undecided"})))
    options = set(re.findall(r"--([a-z-]+)", text))
    assert {"adversary-steps", "interviews", "seed", "strength", "epochs"} <= options
    for option in options:
        assert f" {option.replace('-', '_')}: Annotated" in commands, option
