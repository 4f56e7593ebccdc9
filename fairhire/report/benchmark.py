"""The bench on a page: one table a modality, the order of the paper step by step, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairhire.atomic import new_file
from fairhire.report.cells import Badge, Cell, PValue, Signed, number, percent
from fairhire.report.document import Block, Bullets, Document, Heading, Notice, Paragraph, Picture, Table, numbered
from fairhire.report.drawings import Intervals, Mark, Panel, Row
from fairhire.report.figures import draw_png
from fairhire.report.markdown import set_markdown
from fairhire.report.web import set_page
from fairhire.report.wording import measured, said, sentence

__all__ = ["benchmark_document", "draw_benchmark", "render_benchmark"]

Record = Mapping[str, Any]

_NAMES = {
    "bigru": "Bi-GRU",
    "hn-avg": "HN_AVG",
    "hn-satt": "HN_SATT",
    "hirenet": "HireNet",
    "early": "early fusion",
    "late": "late fusion",
    "gated": "gated fusion",
    "stacked": "stacked fusion",
    "random": "random vote",
    "everybody": "everybody",
    "majority": "majority of the position",
    "same person": "same person, no input",
    "constant": "constant",
}
_FIGURES = ("precision", "recall", "f1", "average_precision", "auc")
_DECIDED: dict[str, Badge] = {
    "yes": Badge("yes", "clear"),
    "reversed": Badge("reversed", "below"),
    "undecided": Badge("undecided", "undecided"),
    "undefined": Badge("undefined", "plain"),
}


def render_benchmark(record: Record) -> tuple[str, str]:
    """Return the page and the Markdown of a bench's record (``docs/benchmark.md``)."""
    document = benchmark_document(record)
    return set_page(document), set_markdown(document)


def draw_benchmark(record: Record, path: Path) -> None:
    """Write the plot of every system's F1 as PNG at ``path``."""
    with new_file(path) as temporary:
        temporary.write_bytes(draw_png(_drawing(record), dpi=150))


def benchmark_document(record: Record) -> Document:
    """Return the bench as a document, which HTML and Markdown only set."""
    corpus, protocol = record["corpus"], record["protocol"]
    blocks: list[Block] = [Heading("What to read from it", "reading"), Bullets(tuple(_reading(record)))]
    if (identity := record["identity"]) is not None:
        blocks.append(Notice(_identity(identity)))
    if record["failed"]:
        blocks.append(Notice(f"{len(record['failed'])} jobs failed: see the table at the end."))
    blocks += [Heading("Every system", "systems"), _picture(record)]
    blocks += [_systems(record, group) for group in _groups(record)]
    if any("new_people" in system for system in record["systems"]):
        blocks.append(_new_people(record))
    if record["ratings"]:
        blocks.append(Heading("Ratings", "ratings"))
        blocks += [_rating(rating) for rating in record["ratings"]]
    blocks += [Heading("Step by step", "steps"), _tests(record)]
    blocks += [Heading("Positions", "positions"), _positions(record)]
    blocks += [Heading("What was kept", "kept"), _kept(record)]
    blocks += [Heading("How it was done", "protocol"), Bullets(tuple(_protocol(record)))]
    if record["left_out"]:
        rows: tuple[tuple[Cell, ...], ...] = tuple((row["what"], row["n"], row["why"]) for row in record["left_out"])
        blocks.append(Table("Left out", ("what", "how many", "why"), rows))
    if record["failed"]:
        failures: tuple[tuple[Cell, ...], ...] = tuple(
            (row["system"], row["round"], sentence(row["why"])) for row in record["failed"]
        )
        blocks.append(Table("Jobs that failed", ("system", "round", "why"), failures))
    seeds = len(protocol["seeds"])
    return Document(
        title=f"The bench on {sentence(corpus['name'])}",
        kicker=f"fairhire benchmark · {protocol['people']} people tested, {seeds} seed{'s' if seeds > 1 else ''}",
        headline=record["verdict"],
        blocks=numbered(blocks),
    )


def _reading(record: Record) -> list[str]:
    protocol = record["protocol"]
    share = protocol["hirable"]
    sentences = [
        "Precision, recall and F1 are those of the hirable class, at a score of one half; average precision and AUC "
        "read the ranking. Brackets are 95 % intervals, people resampled with all their interviews.",
        *_on_everybody(record, share),
        *(f"{answer['hypothesis']}, {answer['claim']}: {answer['words']}." for answer in record["answers"]),
    ]
    for row in record["tests"]:
        if row["group"] == "fusion":
            sentences.append(
                f"{_named(row['stronger'])} beside {_named(row['weaker'])}: {row['decided']}, "
                f"{_gap(row['difference'])}."
            )
    sentences.append("The numbering of the hypotheses is ours: one for each ablation of the paper.")
    return sentences


def _on_everybody(record: Record, share: float) -> list[str]:
    everybody = _everybody(record)
    if everybody is None:
        return []
    return [
        f"{percent(share)} of the tested interviews are hirable: calling everybody hirable has an F1 of "
        f"{number(everybody)}, which an honest system can miss. Look at AUC and average precision too."
    ]


def _everybody(record: Record) -> float | None:
    """Return the F1 of calling everybody hirable, None where it is undefined."""
    (found,) = [s for s in record["systems"] if (s["group"], s["system"]) == ("votes", "everybody")]
    value: float | None = found["figures"]["f1"].get("value")
    return value


def _gap(value: Mapping[str, Any]) -> str:
    if "undefined" in value:
        return f"undefined ({value['undefined']})"
    return f"{value['value']:+.3f} [{value['low']:+.3f}, {value['high']:+.3f}]"


def _identity(identity: Mapping[str, Any]) -> str:
    words = (
        f"Identity leak: {identity['known_people']} of {identity['people']} tested people ("
        f"{identity['known_interviews']} interviews) also stand in training or validation. Knowing who it is and "
        f"nothing else has an F1 of {said(identity['f1'])}"
    )
    for name, figures in identity["ratings"].items():
        words += f"; on {sentence(name)} a 1-MAE of {said(figures['one_minus_mae'])} and an R2 of {said(figures['r2'])}"
    strangers = "; the table of new people is not" if identity["known_people"] < identity["people"] else ""
    return f"{words}. Every system's figures on this split are flattered{strangers}."


def _groups(record: Record) -> list[str]:
    return list(dict.fromkeys(system["group"] for system in record["systems"]))


def _named(system: str) -> str:
    return _NAMES.get(system, sentence(system))


def _heading(group: str) -> str:
    words = {
        "votes": "What has to be beaten",
        "fusion": "Several modalities together",
        "features": "Tables of features, with the same classic learners",
        "others": "Scores of other systems",
    }
    return words.get(group, f"Alone: {sentence(group)}")


def _systems(record: Record, group: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    notes = []
    for system in record["systems"]:
        if system["group"] != group:
            continue
        figures = system["figures"]
        rows.append(
            (
                _named(system["system"]),
                system.get("scored", record["protocol"]["tested"]),
                *(measured(figures[name]) for name in _FIGURES),
            )
        )
        if "note" in system:
            notes.append(f"{_named(system['system'])}: {system['note']}.")
    header = ("system", "scored", "precision", "recall", "F1", "average precision", "AUC")
    return Table(_heading(group), header, tuple(rows), note=" ".join(notes))


def _new_people(record: Record) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{sentence(s['group'])}: {_named(s['system'])}", *(measured(s["new_people"][name]) for name in _FIGURES))
        for s in record["systems"]
        if "new_people" in s
    )
    header = ("system", "precision", "recall", "F1", "average precision", "AUC")
    return Table("People who stand in no other part", header, rows, note="The same systems, judged on strangers alone.")


def _rating(rating: Mapping[str, Any]) -> Table:
    both = any("new_people" in system for system in rating["systems"])
    rows: list[tuple[Cell, ...]] = []
    for system in rating["systems"]:
        cells: list[Cell] = [f"{sentence(system['group'])}: {_named(system['system'])}"]
        for part in ("figures", "new_people") if both else ("figures",):
            if part in system:
                cells += [measured(system[part][name]) for name in ("one_minus_mae", "r2", "r")]
            else:
                cells += [None, None, None]
        rows.append(tuple(cells))
    header = ("system", "1-MAE", "R2", "r", *(("1-MAE, new people", "R2, new people", "r, new people") if both else ()))
    return Table(
        f"{sentence(rating['rating'])}, {rating['rated']} rated interviews tested",
        header,
        tuple(rows),
        note="1-MAE is a compressed scale: look at what a constant has. A constant has no correlation.",
    )


def _tests(record: Record) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{row['hypothesis']}, {sentence(row['group'])}" if row["hypothesis"] else "fusion",
            f"{_named(row['stronger'])} - {_named(row['weaker'])}",
            row["n"],
            _signed(row["difference"]),
            None if row["p"] is None else PValue(row["p"]),
            None if row["p"] is None else PValue(row["p_holm"]),
            _DECIDED[row["decided"]],
            _signed(row["auc_difference"]),
        )
        for row in record["tests"]
    )
    header = ("step", "compared", "interviews", "F1", "p", "p, Holm", "F1 above zero", "AUC")
    return Table(
        "Each system's F1 and AUC less those of its neighbour",
        header,
        rows,
        note="Paired on the interviews that both score. p: how often the two, swapped by chance for each person, "
        "differ as much (approximate randomisation); Holm: adjusted for the number of comparisons in this table.",
    )


def _signed(value: Mapping[str, Any]) -> Cell:
    found = measured(value)
    return found if isinstance(found, float) or found is None else Signed(found)


def _positions(record: Record) -> Block:
    spreads = [system for system in record["systems"] if "positions" in system]
    if all("undefined" in system["positions"] for system in spreads):
        reason = spreads[0]["positions"]["undefined"] if spreads else "no system was measured"
        return Paragraph(f"No spread between positions can be told: {sentence(reason)}.")
    rows: list[tuple[Cell, ...]] = []
    for system in spreads:
        spread = system["positions"]
        name = f"{sentence(system['group'])}: {_named(system['system'])}"
        if "undefined" in spread:
            rows.append((name, None, None, measured(spread), None, None, None))
            continue
        rows.append(
            (
                name,
                spread["positions"],
                spread["left_out"],
                *(spread[k] for k in ("median", "low", "high", "deviation")),
            )
        )
    return Table(
        "F1 position by position",
        ("system", "positions", "too small", "median", "lowest", "highest", "standard deviation"),
        tuple(rows),
        note="Over positions with at least ten tested interviews and both verdicts among them; much of the spread of "
        "so few is chance.",
    )


def _kept(record: Record) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for system in record["systems"]:
        for kept in system.get("kept", ()):
            rows.append(
                (
                    f"{sentence(system['group'])}: {_named(system['system'])}",
                    kept["round"],
                    sentence(kept["kept"]),
                    kept.get("validation_f1"),
                    kept.get("tried"),
                    kept.get("one_sided"),
                    kept.get("seconds"),
                )
            )
    return Table(
        "What each system kept in each round",
        ("system", "round", "kept", "validation F1", "tried", "one-sided", "seconds"),
        tuple(rows),
        note="Classic learners: the best of all tried on validation F1; those that called all validation people the "
        "same are set aside while others do not. Networks: the epoch with the best validation score.",
    )


def _protocol(record: Record) -> list[str]:
    protocol, corpus = record["protocol"], record["corpus"]
    training = protocol["training"]
    if protocol["folds"]:
        division = f"{protocol['folds']} folds by candidate, every person tested once a seed"
    elif protocol["split"] == "candidate":
        division = f"divided by candidate anew for every seed, {'/'.join(map(str, protocol['fractions']))}"
    else:
        division = f"the corpus's own split {sentence(protocol['split'])}"
    return [
        f"{corpus['interviews']} interviews of {corpus['candidates']} people for {corpus['positions']} positions, "
        f"{corpus['questions']} different questions, {corpus['job_titles']} job titles; {division}; seeds "
        f"{', '.join(map(str, protocol['seeds']))}. Figures are taken within a seed and averaged over seeds.",
        "Classic learners: SVM, ridge and random forest of scikit-learn, each with a search, trained answer by answer, "
        "decisions averaged by interview. Text: Doc2vec, and tf-idf of words; audio: functionals, and a codebook; "
        "anything else: the paper's statistics of video, and a codebook.",
        f"Networks: {training['hidden']} GRU units a direction, {training['attention']} attention units, at most "
        f"{training['epochs']} epochs, patience {training['patience']}, learning rate {training['learning_rate']:g}, "
        f"the epoch chosen by validation {training['select_by']}, answers cut after {training['longest']} frames.",
        "Early fusion: the classic learners on the vectors of the modalities' HireNets side by side. Late: the mean of "
        "their scores. Gated: one network, trained together, with a gate on every modality. Stacked: the log-odds "
        "of all these networks, weighed on validation people (both ours).",
    ]


def _picture(record: Record) -> Picture:
    told = "; ".join(
        f"{sentence(s['group'])} {_named(s['system'])} {said(s['figures']['f1'])}" for s in record["systems"]
    )
    return Picture(
        _drawing(record),
        "F1 of the hirable class",
        f"F1 of every system: {told}.",
        "Points with 95 % intervals by person; the dashed line is the F1 of calling everybody hirable.",
    )


def _drawing(record: Record) -> Intervals:
    series = dict.fromkeys(("hirenet", "gated", "stacked"), "audited")
    rows = []
    for system in record["systems"]:
        found = measured(system["figures"]["f1"])
        if found is None or isinstance(found, float):
            continue
        kind = "recruiters" if system["group"] == "votes" else series.get(system["system"], "baseline")
        rows.append(
            Row(system["group"], f"{sentence(system['group'])}: {_named(system['system'])}", (Mark(kind, found),))
        )
    everybody = _everybody(record)
    lines = () if everybody is None else ((everybody, "everybody"),)
    values = [m.low for row in rows for mark in row.marks if not hasattr(m := mark.measurement, "reason")]
    low = max(0.0, min([0.4, *values]) - 0.02)
    panel = Panel("", "F1", tuple(rows), lines, (low, 1.0))
    legend = (("audited", "HireNet, gated and stacked fusion"), ("baseline", "the others"), ("recruiters", "votes"))
    return Intervals((panel,), legend)
