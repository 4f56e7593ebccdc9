"""An explanation on a page: what a model looked at in an interview, and whether that tells what its score rests on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from fairhire.estimate import Estimate
from fairhire.report.cells import Cell, Shown, count, number
from fairhire.report.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Notice,
    Paragraph,
    Picture,
    ShadedWord,
    ShadedWords,
    Still,
    Stills,
    Subheading,
    Table,
    numbered,
)
from fairhire.report.drawings import Intervals, Mark, Panel, Row, Trace, TracePanel, Traces
from fairhire.report.faithfulness import certain, faithfulness, in_short, modality_words, verdict_sentences
from fairhire.report.figures import draw_png
from fairhire.report.rows import safe_cell
from fairhire.report.web import set_page
from fairhire.report.wording import join, measured, plural, said, sentence

__all__ = [
    "STEPS",
    "explanation_document",
    "explanation_figures",
    "explanation_summary",
    "render_explanation",
    "shade",
    "words_csv",
]

Record = Mapping[str, Any]

STEPS = (1.0, 1.5, 2.0, 3.0, 5.0)
"""Values at which the next stronger colour begins; the same on every page, so that pages can be compared (ours)."""

_TEXT = "text"
_SHOWN_WORDS = 30
_LIMITS = (0.0, 2.0)  # of values, shown at least
_NOT_SHOWN = (
    "What is coloured is where the model looked, not why it decided. Attention can be moved far without moving the "
    "score (Jain and Wallace 2019), and may still be one true account among several (Wiegreffe and Pinter 2019). That "
    "is why it is measured here against chance and against gradients.",
    "A frame or word stands for what the encoder had read up to and from there, both ways: its neighbours are in it.",
    "Attention has no sign. A moment that was looked at may have spoken for the candidate, or against.",
    "Interviews with parts taken out are unlike any that the model has learned from. That is equally so for attention, "
    "gradients and chance.",
    "Nothing here says that the score is right, or fair, or that what was looked at ought to count: `fairhire audit` "
    "and `fairhire leakage` measure that.",
)


def render_explanation(record: Record) -> str:
    """Return the page of an explanation's record (``docs/explain.md``); the same record gives the same bytes."""
    return set_page(explanation_document(record))


def explanation_figures(record: Record) -> list[bytes]:
    """Return every plot of the page as PNG, in its order."""
    return [draw_png(block.drawing) for block in explanation_document(record).blocks if isinstance(block, Picture)]


def explanation_summary(record: Record) -> list[str]:
    """Return what the record comes to in a few sentences, without a word that anybody said."""
    return [_headline(record), *verdict_sentences(record), *_disagreement_sentences(record)]


def words_csv(record: Record) -> str | None:
    """Return every word of a corpus with its mean value as CSV, safe to open in a spreadsheet; None without words."""
    if record["kind"] != "corpus" or record["corpus_wide"]["words"] is None:
        return None
    columns = ("word", "mean_value", "low", "high", "occurrences", "candidates", "too_rare", "beside_mean_value")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for row in record["corpus_wide"]["words"]["list"]:
        ends = row["estimate"]
        cells = (row["word"], row["mean"], ends.get("low"), ends.get("high"), row["n"], row["candidates"])
        beside = None if row["beside"] is None else row["beside"]["mean"]
        writer.writerow([safe_cell(cell) for cell in (*cells, row["too_rare"], beside)])
    return buffer.getvalue()


def shade(value: float) -> int:
    """Return the step of colour of a value: 0 below 1 (equal weight), then one for each of :data:`STEPS` reached."""
    return sum(value >= step for step in STEPS)


def explanation_document(record: Record) -> Document:
    """Return an explanation as a document, which the page only sets."""
    bodies = {"interview": _interview, "position": _position, "corpus": _corpus}
    blocks: list[Block] = [
        Notice(_PRIVACY[record["kind"]]),
        Heading("How to read it", "reading"),
        Bullets(tuple(_reading(record))),
        *bodies[record["kind"]](record),
        Heading("Is it faithful?", "faithful"),
        *faithfulness(record),
    ]
    if record["beside"] is not None:
        blocks += [Heading(f"Beside {_name(record['beside'])}", "beside"), *_beside(record)]
    blocks += [Heading("What this does not show", "limits"), Bullets(_NOT_SHOWN)]
    run = record["run"]
    beside = "" if record["beside"] is None else f", beside {_name(record['beside'])}"
    return Document(
        title=_title(record),
        kicker=f"fairhire explain · {_name(run)} ({run['model']}, adversary {run['adversary']}){beside}",
        headline=_headline(record),
        blocks=numbered(blocks),
    )


_PRIVACY = {
    "interview": "This page holds what a person said in an interview, and possibly pictures of them. Its folder is "
    "readable by its owner only. Show it to the candidate and to those who decide; delete it when it has served.",
    "position": "This page holds questions and averages over candidates, no transcript. Its folder is readable by its "
    "owner only: averages over few people say much about each of them.",
    "corpus": "This page and words.csv hold words that people said, if not who said them: a rare word can be a name. "
    "Their folder is readable by its owner only.",
}


def _name(run: Record) -> str:
    return sentence(run["name"], longest=60)


def _title(record: Record) -> str:
    if record["kind"] == "interview":
        return f"Interview {sentence(record['interview']['id'], longest=60)}: where the model looked"
    if record["kind"] == "position":
        return f"{sentence(record['position']['name'], longest=60) or 'No position'}: which questions weigh"
    return f"{sentence(record['corpus']['name'], longest=60)}: what the model looks at"


def _headline(record: Record) -> str:
    if record["kind"] == "interview":
        interview, threshold = record["interview"], record["run"]["threshold"]
        side = "at or above" if interview["selected"] else "below"
        decision = "selected" if interview["selected"] else "not selected"
        scored = f"Score {number(interview['score'])}, {side} the threshold of {number(threshold)}: {decision}."
        return f"{scored} {in_short(record)}"
    body = record["position"] if record["kind"] == "position" else record["corpus_wide"]
    return (
        f"{plural(body['interviews'], 'interview')} of {plural(body['candidates'], 'candidate')}"
        + (f", {count(body['unscored'])} without anything that the model reads" if body["unscored"] else "")
        + f". {in_short(record)}"
    )


def _reading(record: Record) -> Iterator[str]:
    run = record["run"]
    if run["even"]:
        yield (
            f"{run['model']} has no attention: every frame and every question weighs the same, by construction. Every "
            "value below is 1, and there is nothing to rank."
        )
    if record["kind"] == "position":
        yield (
            "The weight of a question is the model's attention on its answer, times the number of answers of the "
            "interview that have the modality: 1 is equal weight, 2 is twice as much."
        )
    else:
        yield (
            "A value is attention scaled as the paper displays it: attention on a word or frame times their number in "
            "the answer, times attention on the answer times the number of answers. 1 is as much as everything would "
            "get if all got the same. Values rank the moments of an interview."
        )
    if record["kind"] == "interview":
        yield (
            "Peaks of a curve are local maxima above the answer's own mean, at most five, at least a second apart "
            "where frames have a time."
        )
    yield (
        f"The model reads {join(modality_words(name) for name in run['modalities'])}, of an answer at most "
        f"{count(run['longest'])} words or frames."
    )
    if record["kind"] != "interview":
        yield "Intervals are 95 %, from resamples of whole candidates; every mean stands with its counts."


# ---------------------------------------------------------------- one interview


def _interview(record: Record) -> Iterator[Block]:
    interview = record["interview"]
    yield Heading("The answers", "answers")
    if interview["missing"]:
        names = join(modality_words(name) for name in interview["missing"])
        yield Paragraph(f"Not recorded in this interview, though the model reads it: {names}.")
    if any(answer["modalities"].get(_TEXT) for answer in interview["answers"]):
        yield from _legend(record)
    for answer in interview["answers"]:
        question = sentence(answer["question"], longest=300) or "no question on record"
        yield Subheading(f"Answer {answer['number']}: {question}")
        yield from _answer(record, answer)
    yield Heading("The moments with the highest values", "moments")
    for name, moments in interview["moments"].items():
        yield _moments(record, name, moments)


def _legend(record: Record) -> Iterator[Block]:
    ends = [f"{number(step, decimals=1)} or more" for step in STEPS]
    beside = record["beside"] is not None
    words = [("below 1", 0), *((words, step) for step, words in enumerate(ends, start=1))]
    yield ShadedWords(tuple(ShadedWord(word, step, step if beside else None, word) for word, step in words))
    below = f" The line below a word is its value under {_name(record['beside'])}, in the same steps." if beside else ""
    yield Paragraph(
        f"The ground of a word is its value.{below} A dashed frame with a question mark: a word that the model does "
        "not know, all of which are one to it. Grey: beyond what the model reads."
    )
    texts = [answer["modalities"].get(_TEXT) for answer in record["interview"]["answers"]]
    if any(word.get("seconds") is not None for text in texts if text is not None for word in text["words"]):
        yield Paragraph(
            "Times of words are the transcript's own; where it times whole lines only, they are spread over the line "
            "by letters and may be off by a second or two."
        )


def _answer(record: Record, answer: Record) -> Iterator[Block]:
    weights = []
    for name in record["run"]["modalities"]:
        own = answer["modalities"].get(name)
        if own is None:
            weights.append(f"no {modality_words(name)}")
            continue
        beside = own["beside_question_value"]
        also = "" if beside is None else f" ({number(beside, decimals=2)} under {_name(record['beside'])})"
        unread = own["frames"] - own["read"]
        rest = f", {count(unread)} of {count(own['frames'])} not read" if unread else ""
        weights.append(f"{modality_words(name)} {number(own['question_value'], decimals=2)}{also}{rest}")
    yield Paragraph(f"Weight of this question (1 is equal weight): {'; '.join(weights)}.")
    if (text := answer["modalities"].get(_TEXT)) is not None:
        yield ShadedWords(tuple(_words(text)))
    panels = [
        _curve(record, name, own)
        for name, own in answer["modalities"].items()
        if name != _TEXT and own is not None and own["read"] > 1
    ]
    if panels:
        named = [
            f"{modality_words(name)} at {_list_of(_when(record, name, peak) for peak in own['peaks'])}"
            for name, own in answer["modalities"].items()
            if name != _TEXT and own is not None and own["peaks"]
        ]
        yield Picture(
            Traces(tuple(panels), "value"),
            f"Answer {answer['number']}: where in it the model looked",
            f"Value over the answer. Peaks: {'; '.join(named) or 'none'}.",
            "Marked: the answer's peaks.",
        )
    stills = tuple(_stills(record, answer))
    if stills:
        yield Stills(stills)


def _list_of(items: Iterator[str]) -> str:
    return ", ".join(items)


def _words(own: Record) -> Iterator[ShadedWord]:
    for place, word in enumerate(own["words"]):
        if word["state"] == "unread":
            yield ShadedWord(word["word"], 0, None, "not read", "unread")
            continue
        value = own["values"][place]
        other = own["beside"][place] if own["beside"] is not None and place < len(own["beside"]) else None
        note = f"value {number(value, decimals=2)}" + ("" if other is None else f", beside {number(other, decimals=2)}")
        state: Literal["read", "unknown"] = "unknown" if word["state"] == "unknown" else "read"
        note += ", not in the model's vocabulary" if state == "unknown" else ""
        note += _at(word)
        yield ShadedWord(word["word"], shade(value), None if other is None else shade(other), note, state)


def _at(word: Record) -> str:
    """Return when a word was said, as the end of a sentence; nothing where nobody knows."""
    seconds = word.get("seconds")
    return "" if seconds is None else f", {number(seconds, decimals=1)} s"


def _curve(record: Record, name: str, own: Record) -> TracePanel:
    rate = record["corpus"]["rates_hz"].get(name)
    scale = 1.0 if rate is None else 1 / rate

    def trace(values: Sequence[float], series: str, label: str) -> Trace:
        return Trace(series, label, tuple(place * scale for place in range(len(values))), tuple(values))

    traces = [trace(own["values"], "audited", _name(record["run"]))]
    if own["beside"] is not None:
        traces.append(trace(own["beside"], "baseline", _name(record["beside"])))
    peaks = tuple((peak["frame"] * scale, peak["value"], _when(record, name, peak)) for peak in own["peaks"])
    axis = "frame" if rate is None else "seconds into the answer"
    return TracePanel(modality_words(name), axis, tuple(traces), peaks, ((1.0, "equal weight"),), _LIMITS)


def _when(record: Record, name: str, moment: Record) -> str:
    if name == _TEXT:
        return f"word {moment['frame'] + 1}{_at(moment)}"
    rate = record["corpus"]["rates_hz"].get(name)
    if rate is None:
        return f"frame {moment['frame'] + 1}"
    return f"{number(moment['frame'] / rate, decimals=1)} s"


def _stills(record: Record, answer: Record) -> Iterator[Still]:
    for name, own in answer["modalities"].items():
        for peak in (own or {}).get("peaks", ()):
            if peak["still"] is not None:
                when = f"answer {answer['number']}, {_when(record, name, peak)}"
                value = number(peak["value"], decimals=2)
                yield Still(
                    peak["still"], f"Picture at {when}", f"{when}: peak of {modality_words(name)}, value {value}"
                )


def _moments(record: Record, name: str, moments: Sequence[Record]) -> Table:
    beside = record["beside"] is not None
    rows: list[tuple[Cell, ...]] = []
    for place, moment in enumerate(moments, start=1):
        what = sentence(moment["word"], longest=60) if name == _TEXT else _when(record, name, moment)
        where = _when(record, name, moment) if name == _TEXT else f"frame {moment['frame'] + 1}"
        cells: tuple[Cell, ...] = (
            str(place),
            what,
            moment["answer"],
            where,
            Shown(number(moment["value"], decimals=2)),
        )
        if beside:
            other = moment["beside"]
            cells = (*cells, None if other is None else Shown(number(other, decimals=2)))
        rows.append(cells)
    header = ("rank", "moment", "answer", "place", "value", *((_name(record["beside"]),) if beside else ()))
    return Table(f"{modality_words(name).capitalize()}: the highest values", header, tuple(rows))


# ---------------------------------------------------------------- a position


def _position(record: Record) -> Iterator[Block]:
    position = record["position"]
    yield Heading("Weights of the questions", "questions")
    if position["candidates"] == 1:
        yield Notice(
            "This position has one candidate: the weights below are that person's, and no interval can be given. They "
            "say nothing about how the model weighs the questions for others."
        )
    if not record["run"]["even"]:
        yield _question_picture(record, position["questions"])
    for name, questions in position["questions"].items():
        yield _question_table(record, name, questions)


def _question_picture(record: Record, questions: Mapping[str, Sequence[Record]]) -> Picture:
    panels = tuple(
        Panel(
            modality_words(name),
            "mean weight",
            tuple(Row(str(place), _question(row, 200), _marks(row)) for place, row in enumerate(rows)),
            lines=((1.0, ""),),
            limits=(0.5, 1.5),
        )
        for name, rows in questions.items()
    )
    legend = [("audited", _name(record["run"]))]
    legend += [] if record["beside"] is None else [("baseline", _name(record["beside"]))]
    told = "; ".join(
        f"{modality_words(name)}, {_question(row, 80)}: {number(row['mean'])}"
        for name, rows in questions.items()
        for row in rows
    )
    return Picture(
        Intervals(panels, tuple(legend), columns=min(3, len(panels))),
        "Mean weight of every question",
        f"{told}.",
        "The line is equal weight, 1. Bars are 95 % intervals by candidate; all figures stand in the tables.",
    )


def _question(row: Record, longest: int) -> str:
    return sentence(row["question"], longest=longest) or "no question on record"


def _marks(row: Record) -> tuple[Mark, ...]:
    marks = [Mark("audited", certain(row["estimate"]))]
    if row["beside"] is not None:
        marks.append(Mark("baseline", certain(row["beside"]["estimate"])))
    return tuple(marks)


def _question_table(record: Record, name: str, questions: Sequence[Record]) -> Table:
    beside = record["beside"] is not None
    rows: list[tuple[Cell, ...]] = []
    for row in questions:
        cells: tuple[Cell, ...] = (
            _question(row, 300),
            _mean_cell(row),
            Shown("1"),
        )
        if beside:
            cells = (*cells, None if row["beside"] is None else _mean_cell(row["beside"]))
        rows.append((*cells, row["n"], row["candidates"]))
    also = (_name(record["beside"]),) if beside else ()
    header = ("question", "mean weight", "equal weight", *also, "answers", "candidates")
    return Table(f"Questions, {modality_words(name)}", header, tuple(rows))


def _mean_cell(row: Record) -> Cell:
    """Return a mean with its interval; where there is none, the mean and why not."""
    found = certain(row["estimate"])
    if isinstance(found, Estimate):
        return found
    return f"{number(row['mean'])}; interval undefined: {found.reason}"


# ---------------------------------------------------------------- a corpus


def _corpus(record: Record) -> Iterator[Block]:
    body = record["corpus_wide"]
    if body["words"] is not None:
        yield Heading("Words with the highest mean value", "words")
        yield from _top_words(record, body["words"])
    if body["profiles"]:
        yield Heading("Where in an answer attention lies", "places")
        yield _profiles(record, body["profiles"])


def _top_words(record: Record, words: Record) -> Iterator[Block]:
    common = [row for row in words["list"] if not row["too_rare"]]
    beside = record["beside"] is not None
    rows: list[tuple[Cell, ...]] = []
    for row in common[:_SHOWN_WORDS]:
        cells: tuple[Cell, ...] = (sentence(row["word"], longest=60), _mean_cell(row))
        if beside:
            cells = (*cells, None if row["beside"] is None else _mean_cell(row["beside"]))
        rows.append((*cells, row["n"], row["candidates"]))
    also = (_name(record["beside"]),) if beside else ()
    rare = words["too_rare"]
    rarer = (
        f"{plural(rare['words'], 'word')} with fewer ({plural(rare['occurrences'], 'occurrence')} together) "
        f"{'was' if rare['words'] == 1 else 'were'} too rare to be ranked, and {'is' if rare['words'] == 1 else 'are'} "
        "marked in words.csv, where all words stand."
        if rare["words"]
        else "No word was rarer. All of them stand in words.csv."
    )
    yield Table(
        f"The {len(rows)} words of the highest mean value",
        ("word", "mean value", *also, "occurrences", "candidates"),
        tuple(rows),
        note=f"Of {plural(len(common), 'word')} with {words['least']} occurrences or more; intervals by candidate. "
        f"{rarer} The highest of many means are high by luck, too: intervals are not corrected for the choice.",
    )


def _profiles(record: Record, profiles: Record) -> Picture:
    panels = tuple(
        TracePanel(
            modality_words(name),
            "share of the answer that has passed",
            tuple(_profile_traces(record, parts)),
            levels=((1.0, "even"),),
            limits=_LIMITS,
        )
        for name, parts in profiles.items()
    )
    told = "; ".join(
        f"{modality_words(name)} {', '.join(number(part['mean'], decimals=2) for part in parts)}"
        for name, parts in profiles.items()
    )
    return Picture(
        Traces(panels, "mean density", columns=min(2, len(panels))),
        "Attention over the course of an answer",
        f"Mean density of attention in each tenth of an answer: {told}.",
        "Attention on each tenth of an answer, times ten: 1 is even. Every answer of more than one frame counts the "
        "same; bands are 95 % intervals by candidate.",
    )


def _profile_traces(record: Record, parts: Sequence[Record]) -> Iterator[Trace]:
    runs = [("audited", record["run"], parts)]
    if record["beside"] is not None and all(part["beside"] is not None for part in parts):
        runs.append(("baseline", record["beside"], [part["beside"] for part in parts]))
    middles = tuple((place + 0.5) / len(parts) for place in range(len(parts)))
    for series, run, means in runs:
        estimates = [certain(mean["estimate"]) for mean in means]
        sure = [one for one in estimates if isinstance(one, Estimate)]
        ends = (
            (tuple(one.low for one in sure), tuple(one.high for one in sure)) if len(sure) == len(means) else ((), ())
        )
        yield Trace(series, _name(run), middles, tuple(float(mean["mean"]) for mean in means), *ends)


# ---------------------------------------------------------------- beside another run


def _disagreement_sentences(record: Record) -> list[str]:
    if record["beside"] is None:
        return []
    return [
        f"{modality_words(name).capitalize()}: {_name(record['beside'])} would have to move "
        f"{said(found['distance'])} of its attention to look where {_name(record['run'])} does (rank correlation "
        f"{said(found['correlation'])})."
        for name, found in (record["disagreement"] or {}).items()
    ]


def _beside(record: Record) -> Iterator[Block]:
    yield Paragraph(
        "Two models can look at different moments and still score alike. Distance is total variation: the share of "
        "attention that would have to be moved, 0 the same, 1 nowhere the same. Correlation is Spearman's, of the "
        "values within an interview."
    )
    rows: list[tuple[Cell, ...]] = [
        (
            modality_words(name),
            measured(found["distance"]),
            measured(found["correlation"]),
            found["interviews"],
            found["uncorrelated"],
        )
        for name, found in (record["disagreement"] or {}).items()
    ]
    yield Table(
        f"{_name(record['run'])} and {_name(record['beside'])}: mean over the judged interviews",
        ("modality", "distance", "rank correlation", "interviews", "without correlation"),
        tuple(rows),
        note="Intervals by candidate. There is no correlation where one of the models gives every frame the same.",
    )
    if record["kind"] != "interview" or record["interview"]["beside"] is None:
        return
    beside = record["interview"]["beside"]
    scored = "no score" if beside["score"] is None else f"{number(beside['score'])}"
    own: list[tuple[Cell, ...]] = [
        (
            modality_words(name),
            float(found["distance"]),
            None if found["correlation"] is None else float(found["correlation"]),
        )
        for name, found in beside["disagreement"].items()
    ]
    yield Table(
        "This interview alone",
        ("modality", "distance", "rank correlation"),
        tuple(own),
        note=f"Score {number(record['interview']['score'])} under {_name(record['run'])}, {scored} under "
        f"{_name(record['beside'])}.",
    )
