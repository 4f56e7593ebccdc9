from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.cautions import EMOTION_WARNING, Caution, cautions, check_lawful
from fairhire.auditing.plan import AuditPlan, plan_names, read_plan
from fairhire.errors import UsageError

SAID = {"data_limits": "none"}


def found(plan: AuditPlan | str = "four-fifths", **changes: Any) -> dict[str, str]:
    asked: dict[str, Any] = {
        "names": [],
        "attributes": ["sex"],
        "about": SAID,
        "today": None,
        "gate_written": None,
        "run_began": None,
        "legal_basis": None,
    }
    plan = read_plan(plan) if isinstance(plan, str) else plan
    return {one.code: one.words for one in cautions(plan, **{**asked, **changes})}


@pytest.mark.parametrize("name", plan_names())
def test_where_nothing_is_amiss_nothing_is_said(name: str) -> None:
    assert found(name, names=["text", "audio", "video", "score"], attributes=["sex", "age_band"]) == {}


def test_a_caution_is_a_code_and_words() -> None:
    assert Caution("a", "b").to_dict() == {"code": "a", "words": "b"}


# --- emotions (audit-rules.md 4.4) ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "emotion", "arousal_mean", "faceEmotion", "affect", "valence", "Happy", "angry", "sad_p95", "fear", "stress",
        "enthusiasm", "engagement_score", "confidence_face", "voice.stress", "emotion_text_and_voice",
    ],
)  # fmt: skip
def test_names_of_emotions_are_warned_of_in_the_exact_words(name: str) -> None:
    words = found(names=["score", name])["emotion-inference"]
    assert words == (
        "Your inputs contain variables that name an emotional state derived from face or voice. In the EU, AI systems "
        "that infer emotions of candidates from biometric data are prohibited in recruitment (AI Act art. 5(1)(f)), "
        f"whatever this audit finds. Remove them or obtain legal advice before any use. Names: {name}."
    )
    assert words.startswith(EMOTION_WARNING)


@pytest.mark.parametrize(
    "name",
    ["affected", "happened", "sadler_score", "fearless", "distress", "effect", "confidence", "interface_confidence"],
)
def test_other_words_that_look_alike_are_not(name: str) -> None:
    assert found(names=[name]) == {}


def test_a_sentiment_read_from_text_alone_is_outside_of_the_prohibition() -> None:
    said = found(names=["text_emotion", "sentiment"])
    assert "emotion-inference" not in said
    assert "text_emotion: " in said["emotion-from-text"]
    both = found(names=["text_emotion", "arousal"])
    assert both["emotion-inference"].endswith("Names: arousal.")
    assert set(both) == {"emotion-inference", "emotion-from-text"}


# --- categorisation, postcodes, faces -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["inferred_race", "predictedGender", "ethnicity_from_face", "fairface", "imputed age"])
def test_inferred_categories_are_warned_of(name: str) -> None:
    for where in ({"names": [name]}, {"attributes": [name]}):
        words = found(**where)["biometric-categorisation"]  # type: ignore[arg-type]
        assert words.startswith(f"{name}: ")
        assert "5(1)(g); unverified" in words


def test_categories_that_the_auditor_calls_inferred_are_warned_of() -> None:
    assert "biometric-categorisation" in found(about={**SAID, "labels_from": "inferred"})
    assert found(about={**SAID, "labels_from": "self-reported"}) == {}


@pytest.mark.parametrize("name", ["race", "predicted_score", "gender_from_form", "detected_faces", "origin_country"])
def test_ordinary_categories_are_not(name: str) -> None:
    assert found(names=[name], attributes=[name]) == {}


@pytest.mark.parametrize("name", ["zip", "ZIP", "zip_code", "postal", "home_postcode", "zipcode5", "PLZ"])
def test_a_postcode_is_a_proxy(name: str) -> None:
    words = found("illinois-video-interview", names=[name])["postcode-proxy"]
    assert words.startswith(f"{name}: ")
    assert "HB 3773" in words


@pytest.mark.parametrize("name", ["zipper", "unzipped", "post", "code", "postponed"])
def test_other_words_are_no_postcode(name: str) -> None:
    assert found("illinois-video-interview", names=[name]) == {}


@pytest.mark.parametrize("name", ["face_embedding", "faceEmbeddings", "face", "facenet_512", "biometrics"])
def test_face_geometry_needs_a_release(name: str) -> None:
    assert "BIPA, 740 ILCS 14; unverified" in found(names=[name])["face-geometry"]


@pytest.mark.parametrize("name", ["interface", "video", "surface_form"])
def test_what_is_no_face_needs_none(name: str) -> None:
    assert found(names=[name]) == {}


# --- plans and gates ------------------------------------------------------------------------------------------------


def test_a_plan_is_stale_only_by_a_clock_and_only_after_its_days() -> None:
    plan = read_plan("nyc-local-law-144")
    last = plan.status_as_of + timedelta(plan.stale_after_days)
    assert found(plan, today=last) == {}
    assert "22" in found(plan, today=last + timedelta(1))["stale-plan"]
    assert found(plan, today=None) == {}


def test_a_gate_written_after_the_run_began_is_said_to_be_so() -> None:
    day = date(2026, 11, 22)
    words = found(gate_written=day, run_began=day - timedelta(1))["gate-after-run"]
    assert "written on 2026-11-22, after the run began on 2026-11-21" in words
    assert found(gate_written=day, run_began=day) == {}
    assert found(gate_written=day, run_began=None) == found(gate_written=None, run_began=day) == {}


# --- data and age (audit-rules.md 4.2) ------------------------------------------------------------------------------


def test_new_york_asks_whether_the_data_are_limited() -> None:
    assert "not said whether" in found("nyc-local-law-144", about={})["data-limits"]
    assert "only Brooklyn" in found("nyc-local-law-144", about={"data_limits": "only\nBrooklyn"})["data-limits"]
    assert found("nyc-local-law-144", about={"data_limits": "None."}) == {}
    assert found("four-fifths", about={}) == {}


def test_test_data_need_a_reason_and_an_origin() -> None:
    about = {**SAID, "data_kind": "test"}
    assert found(about=about)["test-data"] == "Test data were used, and it is not said why nor how they were made."
    assert found(about={**about, "test_data_reason": "first use"})["test-data"].endswith("not said how they were made.")
    assert found(about={**about, "test_data_reason": "first use", "test_data_made": "by hand"}) == {}
    assert found(about={**SAID, "data_kind": "historical"}) == {}


@pytest.mark.parametrize(
    ("audited", "used", "old"),
    [
        ("2025-11-22", "2026-11-22", False),
        ("2025-11-22", "2026-11-23", True),
        ("2024-02-29", "2025-02-28", False),
        ("2024-02-29", "2025-03-01", True),
        ("2025-11-22", "2023-01-01", False),
        ("9999-11-22", "9999-12-01", False),
    ],
)
def test_an_audit_is_no_older_than_a_year_at_use(audited: str, used: str, old: bool) -> None:
    about = {**SAID, "audit_date": audited, "distribution_date": used}
    assert ("audit-too-old" in found("nyc-local-law-144", about=about)) is old
    assert found("four-fifths", about=about) == {}


def test_an_audit_grows_too_old_while_the_tool_is_in_use() -> None:
    about = {**SAID, "audit_date": "2025-11-22", "distribution_date": "2025-11-30"}
    assert "audit-too-old" not in found("nyc-local-law-144", about=about, today=date(2026, 11, 22))
    assert "needs a new one" in found("nyc-local-law-144", about=about, today=date(2026, 11, 23))["audit-too-old"]
    with pytest.raises(UsageError, match="about, audit_date: expected a date"):
        found("nyc-local-law-144", about={"audit_date": "soon"})


# --- France (audit-rules.md 4.5) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["race", "Ethnicity", "self_race", "origine_ethnique", "ethno-racial", "skinTone"])
def test_france_refuses_a_column_of_race_without_a_legal_basis(name: str) -> None:
    france = read_plan("france")
    for basis in (None, "", "  "):
        with pytest.raises(UsageError, match=f"plan france: expected --legal-basis for {name}, got none") as refusal:
            check_lawful(france, ["sex", name], basis)
        assert refusal.value.exit_code == 2
        assert len(str(refusal.value).splitlines()) == 1
    check_lawful(france, ["sex", name], "study under CNIL 2025-028")


def test_france_takes_what_may_be_studied_and_others_take_race() -> None:
    check_lawful(read_plan("france"), ["sex", "age_band", "birthplace", "nationality", "felt_group", "trace"], None)
    for name in set(plan_names()) - {"france"}:
        check_lawful(read_plan(name), ["race"], None)


def test_the_legal_basis_is_printed_and_not_vouched_for() -> None:
    words = found("france", attributes=["race", "sex"], legal_basis="consent,\nCNIL 2025-028")["legal-basis"]
    assert "race was read" in words
    assert "'consent, CNIL 2025-028'" in words
    assert "Nothing here says that it holds" in words
    assert found("france", attributes=["sex"], legal_basis="consent") == {}


# --- anything -------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(), max_size=4), st.sampled_from(plan_names()))
def test_any_names_are_read_and_every_caution_is_one_line(names: list[str], plan: str) -> None:
    given_names = ["emotion", "zip", *names]
    said = cautions(
        read_plan(plan), names=given_names, attributes=names, about={}, today=date(2030, 1, 1),
        gate_written=date(2026, 1, 2), run_began=date(2026, 1, 1), legal_basis=None,
    )  # fmt: skip
    codes = [one.code for one in said]
    assert {"stale-plan", "gate-after-run", "emotion-inference", "postcode-proxy"} <= set(codes)
    assert len(codes) == len(set(codes))
