from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.data.imported import write_imported
from fairhire.data.mit_interview import align_answers, read
from fairhire.errors import DataError

WriteCsv = Callable[..., Path]

FIRST = [  # the first interview's wording of the five questions
    "Great. So tell me about yourself.",
    "Tell me about a time that you demonstrated leadership.",
    "Tell me about a time you were working on a team and faced a challenge.  How did you solve that problem?",
    "Tell me one of your weaknesses and what you're doing to overcome it.",
    "And last question: why do you think we should hire you?",
]
SECOND = [  # the second interview's
    "Tell me more about your backround.",
    "Do you think you're a leader? Tell me why.",
    "Do you consider yourself a team player? Give me an example where there was a conflict you had to resolve.",
    "If you were given the option to change on thing about yourself  what would it be?",
    "And why do you think you should get into medical school?",
]
REPLIES = ["I study", "I led it", "we argued", "I worry", "I learn"]


def transcript(questions: list[str], replies: list[str] = REPLIES) -> str:
    turns = ["Interviewer: How are you?", "Interviewee: Good  thank you."]
    for question, reply in zip(questions, replies, strict=True):
        turns += [f"Interviewer:  {question}", f"Interviewee: {reply}"]
    return "|".join([*turns, "Interviewer: Thank you.", "Interviewee: Bye"])


def replies(text: str) -> list[str]:
    return [answer.reply for answer in align_answers(text)]


# ---------------------------------------------------------------- finding the answers


@pytest.mark.parametrize("questions", [FIRST, SECOND])
def test_both_wordings_of_the_five_questions_are_found_with_their_answers(questions: list[str]) -> None:
    answers = align_answers(transcript(questions))
    assert [answer.question for answer in answers] == [" ".join(question.split()) for question in questions]
    assert [answer.reply for answer in answers] == REPLIES


def test_follow_ups_and_nods_of_the_interviewer_do_not_cut_an_answer() -> None:
    answer = "I went|Interviewer: Mm-hmm.|Interviewee: to sea|Interviewer: Can you be more specific?|Interviewee: twice"
    assert replies(transcript(FIRST, ["I", "II", answer, "IV", "V"]))[2] == "I went to sea twice"


def test_a_repeated_question_begins_its_answer_the_first_time() -> None:
    again = f"ah|Interviewer: {FIRST[2]}|Interviewee: we argued"
    assert replies(transcript(FIRST, ["I", "II", again, "IV", "V"])) == ["I", "II", "ah we argued", "IV", "V"]


def test_words_that_belong_to_a_later_question_do_not_mislead() -> None:
    told = "I led|Interviewer: Were you the leader of that team?|Interviewee: yes"
    assert replies(transcript(FIRST, ["I", told, "III", "IV", "V"])) == ["I", "I led yes", "III", "IV", "V"]


def test_what_candidates_say_is_no_question() -> None:
    assert (
        replies(transcript(FIRST, ["my leadership of a team", "II", "III", "IV", "V"]))[0] == "my leadership of a team"
    )


@pytest.mark.parametrize("label", ["Interveiwee", "Intervieweee", "Inerviewee", "INterviewee", " Interviewee "])
def test_mistyped_speakers_are_understood(label: str) -> None:
    text = transcript(FIRST).replace("Interviewee: we argued", f"{label}: we argued")
    assert replies(text) == REPLIES


@pytest.mark.parametrize("label", ["Intrviewer", "r", "INTERVIEWER"])
def test_a_question_with_a_broken_label_is_still_a_question(label: str) -> None:
    text = transcript(FIRST).replace("Interviewer:  Tell me about a time that", f"{label}: Tell me about a time that")
    assert replies(text) == REPLIES


@pytest.mark.parametrize("line", ["and then we agreed", "at 5:30 we agreed", "so: we agreed", "Note to you: we agreed"])
def test_a_turn_without_speaker_is_a_broken_line_of_the_candidate(line: str) -> None:
    nod = f"we argued|Interviewer: Okay.|{line}|"
    assert replies(transcript(FIRST, ["I", "II", nod, "IV", "V"]))[2] == f"we argued {line}"


def test_small_talk_and_what_follows_the_farewell_are_no_answers() -> None:
    text = transcript(FIRST) + "|Interviewer: Off the record: what is the tapioca club?|Interviewee: A club"
    assert replies(text) == REPLIES


def test_a_recording_that_begins_in_the_first_answer_keeps_it_without_a_question() -> None:
    turns = transcript(FIRST).split("|")
    answers = align_answers("|".join(["Interviewee: -ology  I study", *turns[4:]]))
    assert (answers[0].question, answers[0].reply) == ("", "-ology I study")
    assert [answer.reply for answer in answers[1:]] == REPLIES[1:]


def test_a_question_nobody_asked_has_no_answer() -> None:
    turns = transcript(FIRST).split("|")
    del turns[6:8]  # the third question and its answer
    answers = align_answers("|".join(turns))
    assert (answers[2].question, answers[2].reply) == ("", "")
    assert [answer.reply for answer in answers] == ["I study", "I led it", "", "I worry", "I learn"]


@pytest.mark.parametrize("text", ["", "|||", "Interviewer:", "hello", "Interviewer: hello|Interviewee: hello"])
def test_a_transcript_without_questions_has_five_empty_answers(text: str) -> None:
    assert [(answer.question, answer.reply) for answer in align_answers(text)] == [("", "")] * 5


@given(st.lists(st.sampled_from([*transcript(FIRST).split("|"), *SECOND, "Interviewer: Okay.", ""]), max_size=60))
def test_any_order_of_turns_gives_five_answers_whose_words_were_all_said_once(turns: list[str]) -> None:
    answers = align_answers("|".join(turns))
    assert len(answers) == 5
    said = " ".join(" ".join(turn.split()) for turn in turns)
    assert sum(len(answer.reply) for answer in answers) <= len(said)
    assert all(part in said for answer in answers for part in answer.reply.split())


def test_thousands_of_turns_are_aligned() -> None:
    long = "|".join(["Interviewer: mm", "Interviewee: word"] * 3000)
    assert len(replies(transcript(FIRST, ["I", "II", f"III|{long}", "IV", "V"]))[2].split()) == 3001


# ---------------------------------------------------------------- reading the files

PEOPLE = {"p1": 5.1, "p3": 4.4, "pp1": 5.9, "pp3": 3.2}
PROSODY = ["participant&question", "duration", *(f"x{n}" for n in range(31)), "TotDurPause:3", "MaxRising:3"]
RATINGS = ["participant", "Overall", "RecommendHiring", "Excited"]


@pytest.fixture
def source(tmp_path: Path, write_csv: WriteCsv) -> Path:
    folder = tmp_path / "mit"
    texts = [(name, transcript(SECOND if name.startswith("pp") else FIRST)) for name in PEOPLE]
    write_csv(folder / "transcripts.csv.gz", texts)
    prosody = [
        (f"{name.upper()}Q{slot}", *(place + slot / 10 + n for n in range(34)), 7.5)
        for place, name in enumerate(PEOPLE)
        for slot in range(1, 6)
    ]
    write_csv(folder / "prosodic_features.csv.gz", [(*PROSODY, "MaxFalling:3"), *prosody[::-1]])
    ratings = [(name, hiring + 0.1, hiring, 4) for name, hiring in PEOPLE.items()]
    write_csv(folder / "turker_scores_aggregated.csv", [RATINGS, *ratings])
    write_csv(folder / "lexical_features.csv", [("participant", "countWords"), ("p1", 5)])
    return folder


def edit(path: Path, old: str, new: str) -> None:
    import gzip

    zipped = path.suffix == ".gz"
    text = (gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()).decode()
    assert old in text
    data = text.replace(old, new, 1).encode()
    path.write_bytes(gzip.compress(data) if zipped else data)


def test_an_interview_has_five_questions_words_and_prosody(source: Path, tmp_path: Path) -> None:
    imported = read(source)
    rows = {row.interview.id: row for row in imported.interviews}
    assert list(rows) == ["p1", "p3", "pp1", "pp3"]
    answers = rows["pp1"].interview.answers
    assert [answer.words for answer in answers] == [tuple(reply.lower().split()) for reply in REPLIES]
    assert answers[1].question == SECOND[1]
    np.testing.assert_allclose(answers[2].features["audio"][0, :3], [2.3, 3.3, 4.3], rtol=1e-6)
    assert answers[2].features["audio"].shape == (1, 35)
    assert rows["p1"].targets == {"RecommendHiring": 5.1, "Overall": pytest.approx(5.2)}
    corpus = write_imported(imported, tmp_path / "c")
    assert corpus.check() == []
    assert corpus.record["counts"] == {"interviews": 4, "answers": 20, "candidates": 2}


def test_the_same_person_twice_is_one_candidate(source: Path) -> None:
    imported = read(source)
    candidates = {row.interview.id: row.interview.candidate for row in imported.interviews}
    assert candidates == {"p1": "person-1", "pp1": "person-1", "p3": "person-3", "pp3": "person-3"}
    assert imported.people.columns.tolist() == ["candidate"]
    assert imported.people["candidate"].tolist() == ["person-1", "person-3"]
    assert "no gender, ethnicity or face" in imported.provenance["notes"][0]


def test_whoever_is_rated_above_the_median_or_the_given_cut_is_hirable(source: Path) -> None:
    def hirable(cut: float | None) -> list[bool | None]:
        return [row.interview.hirable for row in read(source, cut=cut).interviews]

    assert hirable(None) == [True, False, True, False]
    assert hirable(5.1) == [False, False, True, False]  # strictly above
    assert hirable(1.0) == [True] * 4
    assert read(source).provenance["hirable"] == "RecommendHiring above 4.75 (the median)"


def test_what_is_not_in_the_corpus_is_counted(source: Path) -> None:
    edit(source / "transcripts.csv.gz", "I study", "I study [inaudible]")
    left_out = {item.what: item.n for item in read(source).left_out}
    assert left_out == {
        "words before the first question or after the farewell": 4 * 4,
        "transcriber's remarks": 1,
        "table lexical_features": 1,
    }


def test_undefined_formants_are_filled_with_the_median_and_counted(source: Path) -> None:
    edit(source / "prosodic_features.csv.gz", "PP3Q5,3.5,", "PP3Q5,--undefined--,")
    imported = read(source)
    assert ("numbers of prosody that are --undefined--", 1) in [(item.what, item.n) for item in imported.left_out]
    others = [place + slot / 10 for place in range(4) for slot in range(1, 6) if (place, slot) != (3, 5)]
    audio = [row.interview for row in imported.interviews][3].answers[4].features["audio"]
    assert audio[0, 0] == np.float32(np.median(others))


def test_answers_without_prosody_or_words_are_kept_and_counted(source: Path) -> None:
    edit(source / "prosodic_features.csv.gz", "\nP3Q4", "\nP4Q4")
    edit(source / "transcripts.csv.gz", "Interviewee: I worry", "Interviewee: [cries]")
    imported = read(source)
    answers = {row.interview.id: row.interview.answers for row in imported.interviews}
    assert "audio" not in answers["p3"][3].features
    assert answers["p1"][3].words is None
    assert imported.provenance["notes"][1] == (
        "questions not transcribed: 0; answers without words: 1; answers without prosody: 1"
    )
    assert ("rows of prosody without a rated interview", 1) in [(item.what, item.n) for item in imported.left_out]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "prosodic_features.csv.gz",
            "\nP3Q4",
            "\nP3Q6",
            "expected a participant and a question, as P1Q1 or PP1Q5, got 'P3Q6'",
        ),
        ("prosodic_features.csv.gz", "\nP3Q4", "\np3Q4", "as P1Q1 or PP1Q5, got 'p3Q4'"),
        ("prosodic_features.csv.gz", "\nP3Q4", "\nP3Q5", "expected every value once"),
        (
            "prosodic_features.csv.gz",
            "\nP3Q4,1.4",
            "\nP3Q4,long",
            "column 'duration': expected a finite number, got 'long'",
        ),
        ("prosodic_features.csv.gz", "\nP3Q4,1.4,", "\nP3Q4,", "expected 36 cells, got 35"),
        ("turker_scores_aggregated.csv", "p3,", "q3,", "row 2, column 'participant': expected p or pp and a number"),
        ("turker_scores_aggregated.csv", "p3,", "p1,", "row 2, column 'participant': expected every value once"),
        ("turker_scores_aggregated.csv", "RecommendHiring", "Recommend", "expected a column 'RecommendHiring'"),
        ("turker_scores_aggregated.csv", "4.4", "", "column 'RecommendHiring': expected a finite number"),
        ("transcripts.csv.gz", "p3,", "p1,", "expected every value once, got 'p1'"),
    ],
)
def test_a_bad_cell_is_named(source: Path, name: str, old: str, new: str, words: str) -> None:
    edit(source / name, old, new)
    with pytest.raises(DataError, match=words) as caught:
        read(source)
    assert name in str(caught.value)


def test_a_column_that_is_undefined_throughout_is_refused(source: Path, write_csv: WriteCsv) -> None:
    rows = [(*PROSODY, "MaxFalling:3"), ("P1Q1", *["1"] * 34, "--undefined--")]
    write_csv(source / "prosodic_features.csv.gz", rows)
    with pytest.raises(DataError, match="column 'MaxFalling:3': expected a finite number in at least one row"):
        read(source)


def test_another_number_of_columns_is_refused(source: Path, write_csv: WriteCsv) -> None:
    write_csv(source / "prosodic_features.csv.gz", [PROSODY, ("P1Q1", *["1"] * 34)])
    with pytest.raises(DataError, match="expected a key and 35 numbers, got 34"):
        read(source)


@pytest.mark.parametrize("name", ["transcripts", "prosodic_features", "turker_scores_aggregated"])
def test_a_missing_file_is_named(source: Path, name: str) -> None:
    next(source.glob(f"{name}*")).unlink()
    with pytest.raises(DataError, match=f"expected a file {name}.csv.gz or {name}.csv, found none"):
        read(source)


@pytest.mark.skipif("FAIRHIRE_DATA" not in os.environ, reason="needs the real data: set FAIRHIRE_DATA to their folder")
def test_the_real_interviews_are_those_of_the_readme_and_words_match_the_prosody() -> None:
    imported = read(Path(os.environ["FAIRHIRE_DATA"]) / "mit_interview")
    rows = list(imported.interviews)
    assert (len(rows), len(imported.people)) == (138, 69)
    answers = [answer for row in rows for answer in row.interview.answers]
    assert len(answers) == 690
    assert all("audio" in answer.features and answer.words for answer in answers)
    assert sum(not answer.question for answer in answers) == 2
    assert np.mean([row.targets["RecommendHiring"] for row in rows]) == pytest.approx(4.95, abs=0.005)
    assert np.mean([row.targets["Overall"] for row in rows]) == pytest.approx(5.10, abs=0.005)
    # prosody and transcript are of the same answer: its duration grows with its words
    spoken = np.array([[len(answer.words or ()), answer.features["audio"][0, 0]] for answer in answers])
    assert np.corrcoef(spoken.T)[0, 1] > 0.9
    assert all(np.corrcoef(spoken[slot::5].T)[0, 1] > 0.8 for slot in range(5))
