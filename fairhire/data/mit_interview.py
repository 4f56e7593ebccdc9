"""Reads the MIT Interview data: mock interviews of students, five real questions each, rated by strangers.

Source: Naim, Tanveer, Gildea, Hoque, IEEE FG 2015: 69 people, two interviews each, the first (``p7``) with other
wordings of the five questions than the second (``pp7``). The prosody comes one row per answer; the transcript is one
long text of turns, so its answers must be found: every interviewer turn is compared with what each of the five
questions is about, and the assignment that respects their order and finds most questions wins, the earliest turn where
a question was repeated. On the real data this finds 688 of 690 questions, and words per answer correlate at .91 with
the prosody's durations; the two not found (``p81``, ``pp86``) were never transcribed, their answers were.

The data know no gender, ethnicity or face: the people table names the candidates and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.atomic import sha256
from fairhire.data.corpus import Modality
from fairhire.data.imported import Imported, ImportedInterview
from fairhire.data.source import SourceTable, find_file, read_table
from fairhire.data.transcript import remarks, spoken_words
from fairhire.errors import DataError
from fairhire.interview import TEXT, Answer, Interview
from fairhire.left_out import LeftOut, counted

__all__ = ["AlignedAnswer", "align_answers", "read"]

QUESTIONS = 5
_PROSODY = 35
_UNDEFINED = "--undefined--"  # what Praat writes for a formant that it cannot find; the real data have 26, all avgBand3
_NEAR = 0.8  # how alike a mistyped "Interveiwee" must be to "Interviewee" (ratio of difflib)

# What each question is about, in either wording; more patterns met is a better match.
_TOPICS: tuple[tuple[re.Pattern[str], ...], ...] = tuple(
    tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
    for patterns in (
        (r"\bbackg?round\b", r"(about|of) (yourself|you\b|your life)|introduce yourself"),
        (r"\bleader(ship)?\b",),
        (r"\bteam", r"\bchallenge|\bconflict"),
        (r"\bweakness|chang\w* (one|on|a|some)\w* (thing|aspect)|one thing about yourself",),
        (r"hire you|(get|have|deserve) (the|this|that|a|your|an)\b.{0,20}(job|position|school)|why (should|do|would)",),
    )
)
_CLOSING = re.compile(r"\bthank(s| you)\b|concludes", re.IGNORECASE)
_PARTICIPANT = re.compile(r"(?P<second>p?)p(?P<person>\d+)")
_FILES = ("transcripts", "prosodic_features", "turker_scores_aggregated")
_LEFT_FILES = {
    "audio_features": "74 statistics of the whole interview, not of an answer",
    "facial_features": "15 unnamed statistics of the whole interview, not of an answer",
    "lexical_features": "counts over the whole interview; the words themselves are here",
}


@dataclass(frozen=True)
class AlignedAnswer:
    """One answer found in a transcript: what was asked ("" if that was not transcribed) and all that was replied."""

    question: str
    reply: str


def read(source: Path, *, cut: float | None = None) -> Imported:
    """Read the folder ``source``.

    An interview is hirable if its ``RecommendHiring`` rating (1 to 7, weighted mean over raters) is strictly above
    ``cut``; None, the default, is the median of all interviews (our choice: the source has no such label). Targets are
    ``RecommendHiring`` and ``Overall``. Modalities: ``text``, and ``audio``, 35 prosodic numbers once per answer.

    Raises :class:`DataError` for missing files, participants that do not join, or numbers that are not finite.
    """
    paths = {name: find_file(source, f"{name}.csv.gz", f"{name}.csv") for name in _FILES}
    transcripts = read_table(paths["transcripts"], header=("participant", "text"))
    ratings = read_table(paths["turker_scores_aggregated"])
    participants = ratings.distinct("participant")
    prosody, filled = _prosody(read_table(paths["prosodic_features"]))
    texts = dict(zip(transcripts.distinct("participant"), transcripts["text"], strict=True))
    scores = ratings.numbers(("RecommendHiring", "Overall"))
    median = float(np.median(scores[:, 0])) if cut is None else cut
    counts = _Counts()
    interviews = []
    for row, participant in enumerate(participants):
        match = _PARTICIPANT.fullmatch(participant)
        if match is None:
            raise ratings.bad(row, "participant", "p or pp and a number")
        answers = align_answers(texts.get(participant, ""))
        counts.add(answers, texts.get(participant, ""))
        interview = Interview(
            id=participant,
            candidate=f"person-{match['person']}",
            answers=tuple(
                _answer(answer, prosody.pop((participant, slot), None)) for slot, answer in enumerate(answers, 1)
            ),
            job_title="internship",
            hirable=bool(scores[row, 0] > median),
        )
        counts.without_audio += sum("audio" not in answer.features for answer in interview.answers)
        targets = {"RecommendHiring": float(scores[row, 0]), "Overall": float(scores[row, 1])}
        interviews.append(ImportedInterview(interview, targets=targets))
    candidates = sorted({row.interview.candidate for row in interviews}, key=lambda name: int(name.split("-")[1]))
    return Imported(
        modalities=(
            Modality(TEXT, 1, units="words of the transcript"),
            Modality("audio", _PROSODY, units="prosody of a whole answer, as in the source"),
        ),
        interviews=interviews,
        people=pd.DataFrame({"candidate": candidates}),
        targets=("RecommendHiring", "Overall"),
        left_out=counted(
            *counts.left_out(),
            LeftOut(
                f"numbers of prosody that are {_UNDEFINED}", filled, "the median of the other answers stands there"
            ),
            LeftOut("transcripts without a rating", len(set(texts) - set(participants)), "nothing to learn from them"),
            LeftOut("rows of prosody without a rated interview", len(prosody), "nothing to learn from them"),
            *(
                LeftOut(f"table {name}", 1, why)
                for name, why in _LEFT_FILES.items()
                if any((source / f"{name}{suffix}").is_file() for suffix in (".csv", ".csv.gz"))
            ),
        ),
        provenance={
            "source": "MIT Interview (Naim, Tanveer, Gildea, Hoque, IEEE FG 2015)",
            "terms": "not stated for the data; research only, do not redistribute",
            "files": {path.name: sha256(path) for path in paths.values()},
            "hirable": f"RecommendHiring above {median:.6g}" + (" (the median)" if cut is None else ""),
            "notes": [
                "the source holds no gender, ethnicity or face: nothing here can be audited by group",
                f"questions not transcribed: {counts.questions_missing}; answers without words: {counts.silent}; "
                f"answers without prosody: {counts.without_audio}",
            ],
        },
    )


class _Counts:
    """What of the transcripts did not become words of an answer."""

    def __init__(self) -> None:
        self.questions_missing = self.silent = self.without_audio = self.talk = self.remarks = 0

    def add(self, answers: Sequence[AlignedAnswer], text: str) -> None:
        self.questions_missing += sum(not answer.question for answer in answers)
        self.silent += sum(not spoken_words(answer.reply) for answer in answers)
        said = sum(len(spoken_words(words)) for speaker, words in _turns(text) if speaker == "interviewee")
        self.talk += said - sum(len(spoken_words(answer.reply)) for answer in answers)
        self.remarks += remarks(text)

    def left_out(self) -> tuple[LeftOut, LeftOut]:
        return (
            LeftOut("words before the first question or after the farewell", self.talk, "small talk answers nothing"),
            LeftOut("transcriber's remarks", self.remarks, "[inaudible] and the like were not said"),
        )


def align_answers(transcript: str) -> tuple[AlignedAnswer, ...]:
    """Return the five answers of a transcript in the order of the five questions.

    Turns are separated by ``|`` and begin with the speaker; a turn that does not is the candidate's (in the source
    these are broken lines of answers). A question that no turn asks gives an empty question; if it is the first, what
    was said before the second is its answer.
    """
    turns = _turns(transcript)
    asked = _questions(turns)
    if 1 in asked and 0 not in asked and any(speaker == "interviewee" for speaker, _ in turns[: asked[1]]):
        asked = {0: -1, **asked}
    ends = {}
    following = len(turns)
    for question in sorted(asked, reverse=True):
        ends[question] = following
        following = max(asked[question], 0)
    answers = []
    for question in range(QUESTIONS):
        if question not in asked:
            answers.append(AlignedAnswer("", ""))
            continue
        first, last = asked[question], ends[question]
        if question == QUESTIONS - 1:
            last = next((place for place in range(first + 1, last) if _closes(turns[place])), last)
        reply = " ".join(words for speaker, words in turns[first + 1 : last] if speaker == "interviewee")
        answers.append(AlignedAnswer(turns[first][1] if first >= 0 else "", reply))
    return tuple(answers)


def _closes(turn: tuple[str, str]) -> bool:
    return turn[0] == "interviewer" and _CLOSING.search(turn[1]) is not None


def _turns(transcript: str) -> list[tuple[str, str]]:
    turns = []
    for raw in transcript.split("|"):
        label, colon, rest = raw.partition(":")
        speaker = _speaker(label.strip().lower()) if colon else ""
        text = " ".join((rest if speaker else raw).split())
        if text:
            turns.append((speaker or "interviewee", text))
    return turns


def _speaker(label: str) -> str:
    """Return who a label means, spelled as typed (``Interveiwee``) or cut off (``r``), or "" for no label."""
    if not label:
        return ""
    alike = {name: SequenceMatcher(None, label, name).ratio() for name in ("interviewer", "interviewee")}
    best = max(alike, key=lambda name: alike[name])
    if alike[best] >= _NEAR or best.endswith(label):
        return best
    return ""


def _questions(turns: Sequence[tuple[str, str]]) -> dict[int, int]:
    """Return for each question found (0 to 4) the place of the turn that asks it, in order."""
    matches = [
        [sum(pattern.search(words) is not None for pattern in topic) for topic in _TOPICS]
        if speaker == "interviewer"
        else [0] * QUESTIONS
        for speaker, words in turns
    ]

    # worth[place][question]: the best that the turns from place on can do for the questions from question on. Finding a
    # question counts, a better match breaks ties, and of equals the earliest turn wins.
    worth = np.zeros((len(turns) + 1, QUESTIONS + 1))
    taken = np.zeros((len(turns), QUESTIONS), dtype=bool)
    for place in reversed(range(len(turns))):
        for question in reversed(range(QUESTIONS)):
            skipped = max(worth[place + 1, question], worth[place, question + 1])
            strength = matches[place][question]
            found = worth[place + 1, question + 1] + 1 + strength / 100 if strength else 0.0
            taken[place, question] = found > 0 and found >= skipped
            worth[place, question] = max(found, skipped)
    asked: dict[int, int] = {}
    place = question = 0
    while place < len(turns) and question < QUESTIONS:
        if taken[place, question]:
            asked[question] = place
            place, question = place + 1, question + 1
        elif worth[place + 1, question] >= worth[place, question + 1]:
            place += 1
        else:
            question += 1
    return asked


def _prosody(table: SourceTable) -> tuple[dict[tuple[str, int], NDArray[np.float32]], int]:
    """Return the numbers (1, 35) of each answer by participant and slot (from 1), and how many were filled in."""
    key, *columns = table.columns
    if len(columns) != _PROSODY:
        raise DataError(f"{table.path}: expected a key and {_PROSODY} numbers, got {len(columns)}")
    undefined = np.array([[cell == _UNDEFINED for cell in table[name]] for name in columns]).T
    cells = {name: ["0" if cell == _UNDEFINED else cell for cell in table[name]] for name in columns}
    numbers = SourceTable(table.path, cells).numbers(columns)
    for column in np.flatnonzero(undefined.any(axis=0)):
        missing = undefined[:, column]
        if missing.all():
            raise table.bad(0, columns[column], "a finite number in at least one row")
        numbers[missing, column] = np.median(numbers[~missing, column])
    frames = numbers.astype(np.float32)
    result = {}
    for row, name in enumerate(table.distinct(key)):
        match = re.fullmatch(r"(P{1,2}\d+)Q([1-5])", name)
        if match is None:
            raise table.bad(row, key, "a participant and a question, as P1Q1 or PP1Q5")
        result[match[1].lower(), int(match[2])] = frames[row : row + 1]
    return result, int(undefined.sum())


def _answer(aligned: AlignedAnswer, audio: NDArray[np.float32] | None) -> Answer:
    features: Mapping[str, NDArray[np.float32]] = {} if audio is None else {"audio": audio}
    return Answer(features, spoken_words(aligned.reply) or None, aligned.question)
