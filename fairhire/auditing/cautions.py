"""What an audit must warn of besides its figures: stale rules, forbidden inputs, late gates, limits of the data.

A caution changes no figure and no exit code; only :func:`check_lawful` stops an audit. Rules: audit-rules.md 4.2-4.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fairhire.auditing.plan import AuditPlan
from fairhire.auditing.plan_parts import day_of
from fairhire.auditing.words import mentions, words_of
from fairhire.errors import UsageError

__all__ = ["EMOTION_WARNING", "Caution", "cautions", "check_lawful"]

EMOTION_WARNING = (
    "Your inputs contain variables that name an emotional state derived from face or voice. In the EU, AI systems that "
    "infer emotions of candidates from biometric data are prohibited in recruitment (AI Act art. 5(1)(f)), whatever "
    "this audit finds. Remove them or obtain legal advice before any use."
)
"""The words of audit-rules.md 4.4 (c); the names that gave rise to them follow."""

_EMOTIONS = (
    *("emotion", "emotions", "emotional", "affect", "affects", "affective", "valence", "arousal"),
    *("happy", "happiness", "angry", "anger", "sad", "sadness", "fear", "fearful", "stress", "stressed"),
    *("enthusiasm", "enthusiastic", "engagement", "confidence_face"),
)
"""The pattern of audit-rules.md 4.4 (b) as whole words, with the forms of each: an affected person is no affect."""

_FROM_TEXT = ("text", "texts", "transcript", "transcripts", "word", "words", "lexical", "written")
_FROM_BODY = (
    *("face", "faces", "facial", "voice", "vocal", "audio", "acoustic", "prosody", "prosodic", "speech", "pitch"),
    *("video", "gaze", "eye", "eyes", "posture", "gesture", "head", "body", "keystroke", "keystrokes"),
)
_POSTCODES = (
    *("zip", "zips", "zipcode", "zipcodes", "postal", "postalcode", "postcode", "postcodes", "post_code"),
    *("plz", "postleitzahl", "code_postal"),
)
_FACES = (
    *("face_embedding", "face_embeddings", "face_vector", "face_vectors", "face_template", "face_templates"),
    *("face_geometry", "face_print", "faceprint", "faceprints", "facenet", "arcface", "biometric", "biometrics"),
)
_GUESSED = ("inferred", "predicted", "imputed", "guessed", "estimated", "deduced", "detected")
_FACE_TOOLS = ("fairface", "deepface")
_PROTECTED = (
    *("race", "races", "racial", "ethnicity", "ethnic", "gender", "sex", "age", "religion", "nationality", "origin"),
    *("orientation", "politics", "disability"),
)


@dataclass(frozen=True)
class Caution:
    """A sentence for the reader, and a ``code`` by which a program finds it."""

    code: str
    words: str

    def to_dict(self) -> dict[str, str]:
        """Return the record as in AUDIT.json: ``{code, words}``."""
        return {"code": self.code, "words": self.words}


def check_lawful(plan: AuditPlan, attributes: Sequence[str], legal_basis: str | None) -> None:
    """Raise :class:`UsageError` where an attribute may not be used under ``plan`` without a legal basis.

    Give every column that is read of people: the plan ``france`` refuses a column of race or ethnic origin before its
    values are looked at (audit-rules.md 4.5).
    """
    if plan.legal_basis is None or (legal_basis is not None and legal_basis.strip()):
        return
    found = mentions(attributes, plan.legal_basis.attributes)
    if found:
        raise UsageError(
            f"plan {plan.name}: expected --legal-basis for {_list(found)}, got none: {plan.legal_basis.why}"
        )


def cautions(
    plan: AuditPlan,
    *,
    names: Sequence[str],
    attributes: Sequence[str],
    about: Mapping[str, str],
    today: date | None,
    gate_written: date | None,
    run_began: date | None,
    legal_basis: str | None,
) -> tuple[Caution, ...]:
    """Return what the reader must be warned of, in a fixed order.

    ``names`` are those of columns, features and outputs that the audited system uses, ``attributes`` those audited,
    ``about`` what the auditor said. ``today`` None asks nothing of a clock: a record says the same on every day.
    Raises :class:`UsageError` for a date in ``about`` that is none.
    """
    return tuple(
        caution
        for found in (
            _stale(plan, today),
            _late_gate(gate_written, run_began),
            _emotions(names),
            _categorisation(names, attributes, about),
            _postcodes(names),
            _faces(names),
            _data(plan, about),
            _age(plan, about, today),
            _basis(plan, attributes, legal_basis),
        )
        for caution in found
    )


# --- the plan -------------------------------------------------------------------------------------------------------


def _stale(plan: AuditPlan, today: date | None) -> Iterator[Caution]:
    if today is not None and (today - plan.status_as_of).days > plan.stale_after_days:
        yield Caution(
            "stale-plan",
            f"The plan {plan.name} gives the state of the rules on {plan.status_as_of}, more than "
            f"{plan.stale_after_days} days ago; look up whether they still stand.",
        )


def _late_gate(gate_written: date | None, run_began: date | None) -> Iterator[Caution]:
    """AI Act, article 9(8): metrics and thresholds are defined beforehand (audit-rules.md 4.3)."""
    if gate_written is not None and run_began is not None and gate_written > run_began:
        yield Caution(
            "gate-after-run",
            f"The gate was written on {gate_written}, after the run began on {run_began}: whoever wrote it could know "
            "what it judges.",
        )


def _basis(plan: AuditPlan, attributes: Sequence[str], legal_basis: str | None) -> Iterator[Caution]:
    if plan.legal_basis is None or legal_basis is None:
        return
    found = mentions(attributes, plan.legal_basis.attributes)
    if found:
        yield Caution(
            "legal-basis",
            f"{_list(found)} was read on the legal basis that the auditor states: {_plain(legal_basis)!r}. Nothing "
            "here says that it holds.",
        )


# --- inputs ---------------------------------------------------------------------------------------------------------


def _emotions(names: Sequence[str]) -> Iterator[Caution]:
    """AI Act, article 5(1)(f): emotions from biometric data; text alone is outside of it (audit-rules.md 4.4)."""
    found = mentions(names, _EMOTIONS)
    textual = tuple(name for name in found if mentions([name], _FROM_TEXT) and not mentions([name], _FROM_BODY))
    bodily = tuple(name for name in found if name not in textual)
    if bodily:
        yield Caution("emotion-inference", f"{EMOTION_WARNING} Names: {_list(bodily)}.")
    if textual:
        yield Caution(
            "emotion-from-text",
            f"{_list(textual)}: named like an emotional state read from text. Text alone is outside of the EU's "
            "prohibition of emotion recognition in recruitment; make sure that no face, voice, posture or keystroke "
            "goes into it.",
        )


def _categorisation(names: Sequence[str], attributes: Sequence[str], about: Mapping[str, str]) -> Iterator[Caution]:
    """AI Act, article 5(1)(g), and New York's answers on inferred categories, not re-read (audit-rules.md 4.2, 4.3)."""
    every = (*names, *attributes)
    guessed = [name for name in mentions(every, _GUESSED) if mentions([name], _PROTECTED)]
    guessed += [
        name for name in mentions(every, _PROTECTED) if "from" in words_of(name) and mentions([name], _FROM_BODY)
    ]
    found = tuple(sorted({*guessed, *mentions(every, _FACE_TOOLS)}))
    said = about.get("labels_from", "").strip() == "inferred"
    if found or said:
        what = (
            f"{_list(found)}: named like categories that are" if found else "People's categories, says the auditor, are"
        )
        yield Caution(
            "biometric-categorisation",
            f"{what} inferred. In the EU, categorising people by biometric data to infer race and the like is "
            "prohibited (AI Act art. 5(1)(g); unverified: its exception for labelling was not re-read), and New York's "
            "Local Law 144 does not accept inferred categories (unverified). This audit filled in nothing missing.",
        )


def _postcodes(names: Sequence[str]) -> Iterator[Caution]:
    """Illinois HB 3773: no zip code as a proxy for protected classes (audit-rules.md 4.6)."""
    found = mentions(names, _POSTCODES)
    if found:
        yield Caution(
            "postcode-proxy",
            f"{_list(found)}: a place of living can stand in for race or income. Illinois forbids zip codes as a proxy "
            "for protected classes in hiring (775 ILCS 5, art. 2 as amended by HB 3773).",
        )


def _faces(names: Sequence[str]) -> Iterator[Caution]:
    """Illinois BIPA, not re-read, and GDPR article 9 (audit-rules.md 4.5, 4.6)."""
    whole = {name for name in names if words_of(name) in (("face",), ("faces",))}
    found = tuple(sorted({*whole, *mentions(names, _FACES)}))
    if found:
        yield Caution(
            "face-geometry",
            f"{_list(found)}: face embeddings are biometric data. In Illinois face geometry needs a written release "
            "(BIPA, 740 ILCS 14; unverified); under GDPR art. 9 state the purpose, keep them apart, delete them after, "
            "and never ship them.",
        )


# --- the data, and their age ----------------------------------------------------------------------------------------


def _data(plan: AuditPlan, about: Mapping[str, str]) -> Iterator[Caution]:
    """6 RCNY 5-302 and DCWP's answers on it: test data and limited data are explained (audit-rules.md 4.2)."""
    if about.get("data_kind", "").strip() == "test":
        lacking = [name for name in ("test_data_reason", "test_data_made") if not about.get(name, "").strip()]
        if lacking:
            yield Caution(
                "test-data",
                "Test data were used, and it is not said "
                + " nor ".join(
                    {"test_data_reason": "why", "test_data_made": "how they were made"}[one] for one in lacking
                )
                + ".",
            )
    if not any(requirement.field == "data_limits" for requirement in plan.requirements):
        return
    limits = _plain(about.get("data_limits", ""))
    if not limits:
        yield Caution(
            "data-limits",
            "It is not said whether the data are limited, for example to a region, a time or a stage; a limitation and "
            "its reason belong in the audit, and 'none' is an answer.",
        )
    elif limits.casefold().rstrip(".") != "none":
        yield Caution(
            "data-limits", f"The data are limited, says the auditor: {limits!r}. Other applicants are not covered."
        )


def _age(plan: AuditPlan, about: Mapping[str, str], today: date | None) -> Iterator[Caution]:
    """6 RCNY 5-301: an audit is no older than one year when the tool is used (audit-rules.md 4.2)."""
    said = about.get("audit_date", "")
    if plan.valid_years is None or not said.strip():
        return
    audited = day_of(said, where="about, audit_date")
    used = about.get("distribution_date", "")
    years = "one year" if plan.valid_years == 1 else f"{plan.valid_years} years"
    if used.strip() and _older(audited, day_of(used, where="about, distribution_date"), plan.valid_years):
        yield Caution(
            "audit-too-old",
            f"The audit of {audited} was more than {years} old when the tool came into use on {used.strip()}.",
        )
    elif today is not None and _older(audited, today, plan.valid_years):
        yield Caution(
            "audit-too-old", f"The audit of {audited} is more than {years} old; using the tool needs a new one."
        )


def _older(audited: date, day: date, years: int) -> bool:
    """Return whether ``day`` is more than ``years`` after the audit; its anniversary is not."""
    return (day.year - years, day.month, day.day) > (audited.year, audited.month, audited.day)


def _plain(said: str) -> str:
    return " ".join(said.split())


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
