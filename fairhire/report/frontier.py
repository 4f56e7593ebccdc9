"""The frontier on a page: what every remover costs, what it leaves, and what would have been picked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.cells import Cell, number
from fairhire.report.document import Block, Bullets, Document, Heading, Notice, Paragraph, Picture, Table, numbered
from fairhire.report.drawings import Scatter, Spot
from fairhire.report.markdown import set_markdown
from fairhire.report.web import set_page
from fairhire.report.wording import measured, said

__all__ = ["frontier_document", "render_frontier"]

Record = Mapping[str, Any]


def render_frontier(record: Record) -> tuple[str, str]:
    """Return the page and the Markdown of a frontier's record (``docs/frontier.md``)."""
    document = frontier_document(record)
    return set_page(document), set_markdown(document)


def frontier_document(record: Record) -> Document:
    """Return the frontier as a document, which HTML and Markdown only set."""
    names = ["face", *record["attributes"]]
    blocks: list[Block] = [Heading("What to read from it", "reading"), Bullets(tuple(_reading(record)))]
    if record["failed"]:
        blocks.append(Notice(f"{len(record['failed'])} of {_runs(record)} trainings failed: see the table at the end."))
    blocks.append(Heading("Leakage against task score", "frontier"))
    blocks += [_picture(record, name) for name in names]
    blocks += [Heading("Every point in numbers", "points"), _points(record, names)]
    blocks += [Heading("What would have been picked", "choice"), *_choice(record)]
    blocks += [_stability(record, names)]
    if record["failed"]:
        rows: tuple[tuple[Cell, ...], ...] = tuple((f["point"], f["seed"], f["why"]) for f in record["failed"])
        blocks.append(Table("Trainings that failed", ("point", "seed", "why"), rows))
    corpus = record["corpus"]
    return Document(
        title=f"The frontier of {corpus['name']}",
        kicker=f"fairhire frontier · {len(record['points'])} points, {len(record['seeds'])} seeds each",
        headline=_headline(record),
        blocks=numbered(blocks),
    )


def _headline(record: Record) -> str:
    picked = record["choice"]["picked"]
    if picked is None:
        return f"No point could be picked: {record['choice']['why']}"
    if picked == record["undefended"]:
        return "Without any label, the undefended model would be deployed: nothing else was worth its price."
    return f"Without any label, the point {picked} would be deployed."


def _reading(record: Record) -> list[str]:
    sentences = [
        "Each mark is one trained model, judged on people that neither it nor the probe has seen; bars are intervals "
        "by person. Down is less leakage, right is a better task score.",
        "The dashed line joins the points that no other point beats in both. The ringed marks are those of the point "
        "that is picked without any label.",
        record["verdict"],
    ]
    return [sentence for sentence in sentences if sentence]


def _runs(record: Record) -> int:
    return len(record["points"]) * len(record["seeds"])


def _picture(record: Record, name: str) -> Picture:
    picked = record["choice"]["picked"]
    spots = tuple(
        Spot(point["name"], _certain(run["task"]), _certain(run["leak"][name]), point["name"] == picked)
        for point in record["points"]
        for run in point["runs"]
    )
    what = "face retrieval" if name == "face" else f"{name}, strongest fresh probe"
    told = "; ".join(
        f"{point['name']} {said(point['mean']['leak'][name])} at a task AUC of {said(point['mean']['task'])}"
        for point in record["points"]
        if point["runs"]
    )
    front = tuple((float(x), float(y)) for x, y in record["fronts"][name])
    return Picture(
        Scatter(spots, "task AUC on test people", f"{what} (AUC)", front, ((0.5, "chance"),)),
        f"Leakage of {'the face' if name == 'face' else name} against the task score",
        f"Means over seeds: {told}.",
        "Mean-rank AUC of the stronger of two probes." if name == "face" else "The highest AUC of all probe families.",
    )


def _certain(value: Mapping[str, Any]) -> Measurement:
    found = measured(value)
    assert isinstance(found, Estimate | Undefined)
    return found


def _points(record: Record, names: list[str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for point in record["points"]:
        mean = point["mean"]
        rows.append(
            (
                point["name"],
                len(point["runs"]),
                measured(mean["task"]),
                measured(mean["f1"]),
                *(measured(mean["leak"][name]) for name in names),
                measured(mean["recall"]),
                measured(mean["effective_rank"]),
                measured(mean["same_rank_task"]),
            )
        )
    return Table(
        "Means over seeds, with the interval of a mean over seeds (Student's t)",
        (
            *("point", "seeds", "task AUC", "F1", *names),
            *("face @10", "effective rank left", "undefended, cut to as many numbers: task AUC"),
        ),
        tuple(rows),
        note="Face and attributes are AUCs of fresh probes of the representation, chance 0.5. A representation can "
        "always be made mute: the last two columns say how much of it is left, and what task score an undefended "
        "model's would support if it were cut to as many numbers.",
    )


def _choice(record: Record) -> list[Block]:
    choice = record["choice"]
    blocks: list[Block] = [
        Paragraph(
            f"Without labels: among the points whose task score on validation people keeps all but "
            f"{number(choice['tolerance'])} of the best one's distance from chance, the one from whose representation "
            f"a fresh probe finds the fewest validation faces. That is {choice['picked'] or 'none: ' + choice['why']}."
        )
    ]
    for oracle in choice["oracles"]:
        blocks.append(
            Paragraph(
                f"An oracle that sees {oracle['attribute']} of the test people would have picked {oracle['picked']}. "
                f"The label-free choice leaks {said(oracle['leak_difference'])} more of it, with a task AUC "
                f"{said(oracle['task_difference'])} higher (means over seeds)."
            )
        )
    if not choice["oracles"]:
        blocks.append(Paragraph("No people table was given: what an oracle would have picked cannot be said."))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (area["leak"], area["removers"], measured(area["area"])) for area in record["areas"]
    )
    blocks.append(
        Table(
            "Area under the frontier",
            ("leakage of", "removers", "area"),
            rows,
            note="For every budget of leakage between chance and the undefended model, the share of the undefended "
            "model's task score above chance that the best point within the budget keeps, averaged over budgets: 1 is "
            "no trade-off, above 1 a gain. Ours; intervals over seeds.",
        )
    )
    return blocks


def _stability(record: Record, names: list[str]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (point["name"], *(f"{point['worse'][name]} of {len(point['runs'])}" for name in names))
        for point in record["points"]
        if point["name"] != record["undefended"]
    ]
    return Table(
        "Seeds that end worse than the undefended model of the same seed", ("point", *names), tuple(rows),
        note="By the point value of the strongest probe.",
    )  # fmt: skip
