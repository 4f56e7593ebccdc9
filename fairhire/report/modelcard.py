"""The model card: Markdown with a model index, as model hubs read it, made of the same record as the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fairhire.estimate import Estimate
from fairhire.report.cells import visible
from fairhire.report.document import Bullets, Heading, Paragraph, numbered
from fairhire.report.markdown import escape_markdown, set_block
from fairhire.report.sections import SECTIONS
from fairhire.report.sections.opening import headline
from fairhire.report.wording import UNSIGNED, Record, compared, group_name, grouping_name, measured, sentence

__all__ = ["model_card"]

_SECTIONS = ("gates", "groups", "outcomes", "leakage", "left_out", "provenance")


def model_card(record: Record) -> str:
    """Return a model card of ``record`` (AUDIT.json as Python holds it); the same record gives the same bytes.

    The front matter is YAML whose values are written as JSON, which YAML includes: whatever a group is called stays
    one string. Use and oversight cannot be read off an audit: the card quotes what the auditor said, and says where
    nothing was said.
    """
    parts = [
        _front_matter(record),
        f"# {escape_markdown(_name(record))}",
        f"**{escape_markdown(headline(record))}**",
        *(set_block(block) for block in (Heading("Model", "model"), *_model(record))),
        *(set_block(block) for block in (Heading("Use and limits", "use"), *_use(record))),
        *(set_block(block) for block in numbered(block for name in _SECTIONS for block in SECTIONS[name](record))),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(record: Record) -> str:
    fields = {
        "library_name": "fairhire",
        "tags": ["fairness-audit", "hiring"],
        "model-index": [{"name": _name(record), "results": [_results(record)]}],
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False, sort_keys=True)}" for name, value in fields.items()]
    return "\n".join(["---", *lines, "---"])


def _results(record: Record) -> dict[str, Any]:
    source = record["inputs"][0]["name"] if record["inputs"] else record["subject"]
    return {
        "task": {"type": "other", "name": "hirability of interviews"},
        "dataset": {"type": "other", "name": _foreign(source)},
        "metrics": list(_metrics(record)),
    }


def _metrics(record: Record) -> Iterator[dict[str, Any]]:
    for table in record["groups"]:
        for row in compared(table):
            name = f"impact ratio ({table['rate']}), {grouping_name(table['grouping'])}: {group_name(row['category'])}"
            yield _metric("impact_ratio", f"{name} against {group_name(table['benchmark'])}", row["impact_ratio"])
    for table in record["outcomes"]:
        for name, value in sorted(table["differences"].items()):
            if isinstance(measured(value), Estimate):
                yield _metric(name, f"{name.replace('_', ' ')}, {grouping_name(table['grouping'])}", value)
    for row in record["leakage"]:
        if isinstance(measured(row["estimate"]), Estimate):
            words = f"leakage of {row['target']} from {row['source']}, {row['probe']} probe, {row['subject']}"
            yield _metric(f"leakage_{row['metric']}", words, row["estimate"])


def _metric(kind: str, name: str, value: Any) -> dict[str, Any]:
    # Four decimals: what is smaller would become 1e-05, which YAML 1.1 reads as a word.
    rounded = {end: round(float(value[end]), 4) for end in ("value", "low", "high") if value.get(end) is not None}
    found: dict[str, Any] = {"type": _foreign(kind), "name": _foreign(name), "value": rounded["value"]}
    if "low" in rounded and "high" in rounded:
        found["args"] = {"low": rounded["low"], "high": rounded["high"]}
    return found


def _model(record: Record) -> Iterator[Bullets | Paragraph]:
    model = record["model"]
    if not model:
        yield Paragraph("The model itself was not seen: its scores were audited.")
        return
    yield Bullets(
        tuple(
            f"{sentence(name).replace('_', ' ')}: {_said(value)}"
            for name, value in sorted(model.items())
            if value is not None
        )
    )


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(sentence, value)) if isinstance(value, list) else sentence(value)


def _use(record: Record) -> Iterator[Bullets | Paragraph]:
    about = record["about"]
    said = tuple(f"{sentence(name).replace('_', ' ')}: {sentence(text)}" for name, text in sorted(about.items()))
    yield Bullets(said) if said else Paragraph("The auditor said nothing of purpose, users or oversight.")
    yield Paragraph(
        "This card is not a statement that the model is fair or lawful, and not legal advice. The full audit is "
        f"AUDIT.json and the page beside it. {UNSIGNED}"
    )


def _name(record: Record) -> str:
    model = record["model"]
    return _foreign(model["name"] if model else record["subject"])


def _foreign(words: object) -> str:
    return " ".join(visible(str(words)).split())
