"""Whether attention is faithful, on a page: verdicts in words, curves, and gains over chance with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.report.cells import Badge, Cell, Signed, Tone, count, number
from fairhire.report.document import Block, Bullets, Paragraph, Picture, Subheading, Table
from fairhire.report.drawings import Intervals, Mark, Panel, Row, Trace, TracePanel, Traces
from fairhire.report.wording import measured, plural, said, sentence

__all__ = ["certain", "faithfulness", "in_short", "modality_words", "verdict_sentences"]

Record = Mapping[str, Any]

_TEXT = "text"
_ALL = "all together"
_VERDICTS: dict[str, tuple[str, Tone]] = {
    "better": ("better than chance", "clear"),
    "worse": ("worse than chance", "below"),
    "chance": ("no better than chance", "undecided"),
    "undefined": ("undefined", "plain"),
}
_BADGES = {"better": "better", "worse": "worse", "chance": "no better", "undefined": "undefined"}
_SERIES = {"attention": "audited", "gradient": "baseline", "random": "chance"}
_LABELS = {"attention": "attention", "gradient": "gradient × input", "random": "random order"}


def modality_words(name: str) -> str:
    """Return what a modality is called in a sentence."""
    return "words" if name == _TEXT else sentence(name, longest=30)


def certain(value: Record) -> Measurement:
    """Return a measurement that was asked for, with its interval or the reason for none."""
    found = measured(value)
    assert isinstance(found, Estimate | Undefined)
    return found


def in_short(record: Record) -> str:
    """Return the verdict on attention in one sentence: over all modalities together, where there are several."""
    scopes = record["faithful"]["scopes"]
    if record["run"]["even"]:
        return "Attention is even by construction: it says nothing of what the score rests on."
    if not scopes:
        return "Whether that is what the score rests on cannot be said: nobody is there to judge it on."
    found = scopes[_ALL] if _ALL in scopes else next(iter(scopes.values()))
    verdict = found["verdict"]["attention"]
    if verdict == "undefined":
        return "Whether that is what the score rests on is undefined: see below."
    return f"As a guide to what the score rests on, attention is {_VERDICTS[verdict][0]} here."


def verdict_sentences(record: Record) -> list[str]:
    """Return, for every scope, whether attention is better than chance, and whether gradients do better."""
    scopes = record["faithful"]["scopes"]
    if not scopes:
        return ["Whether attention is faithful cannot be said: no test person of the run has anything recorded."]
    return [_verdict(scope, found) for scope, found in scopes.items()]


def _verdict(scope: str, found: Record) -> str:
    where = scope.capitalize() if scope == _ALL else modality_words(scope).capitalize()
    people = f"{plural(found['interviews'], 'interview')} of {plural(found['candidates'], 'candidate')}"
    if "attention" not in found["gain"]:
        gradient = found["verdict"]["gradient"]
        return (
            f"{where}: attention is even by construction, there is nothing to rank; gradients are "
            f"{_VERDICTS[gradient][0]} ({_gain(found, 'gradient')}; {people})."
        )
    verdict = found["verdict"]["attention"]
    if verdict == "undefined":
        return f"{where}: whether attention is better than chance is {_gain(found, 'attention')}."
    reaches = "; the interval reaches 0" if verdict == "chance" else ""
    beside = {
        "better": "gradients do better",
        "worse": "gradients do worse",
        "chance": "gradients do neither better nor worse",
        "undefined": "gradients cannot be compared",
    }[found["gradient_beside_attention"]]
    over = found["gradient_over_attention"]
    return (
        f"{where}: attention is {_VERDICTS[verdict][0]} at finding what the score rests on "
        f"({_gain(found, 'attention')} logits over chance{reaches}; {people}); {beside} ({_signed(over)})."
    )


def _gain(found: Record, ranker: str) -> str:
    return _signed(found["gain"][ranker]["both"])


def _signed(value: Record) -> str:
    found = measured(value)
    if isinstance(found, Estimate):
        return f"{number(found.value, sign=True)} [{number(found.low, sign=True)}, {number(found.high, sign=True)}]"
    return said(value)


def faithfulness(record: Record) -> Iterator[Block]:
    """Yield the blocks of the section: verdicts, how they came about, curves and gains, and an interview's own."""
    faithful = record["faithful"]
    judged = faithful["judged"]
    yield Bullets(tuple(verdict_sentences(record)))
    whose = (
        "test people of the run's split, whom it did not learn from"
        if judged["people"] == "test"
        else "everybody in this corpus, which is not the one that the run was trained on"
    )
    drawn = f", drawn out of {count(judged['of'])}" if judged["of"] > judged["interviews"] else ""
    lost = f" {count(judged['unrecorded'])} had nothing recorded." if judged["unrecorded"] else ""
    yield Paragraph(
        f"Judged on {plural(judged['interviews'], 'interview')} of {plural(judged['candidates'], 'candidate')}{drawn}: "
        f"{whose}.{lost}"
    )
    yield Bullets(
        (
            "Frames and words are ranked by their value, each modality by itself. Deletion takes the most important "
            "share out of the interview; insertion leaves nothing but that share, at least one frame. Each time the "
            "model is asked again.",
            "The logit is signed towards the decision on the whole interview. A faithful ranking falls sooner under "
            f"deletion and rises sooner under insertion than a random order (the mean of {faithful['draws']} draws).",
            "In all means, interviews selected and not selected weigh the same half: shortening may move every logit "
            "one way, which says nothing of the ranking.",
        )
    )
    scopes, shares = faithful["scopes"], faithful["shares"]
    for scope, found in scopes.items():
        yield _curves(scope, found["curves"], shares, "Mean over the judged interviews.")
    if scopes:
        yield _gains_picture(scopes)
        yield _gains_table(scopes)
    if faithful["own"]:
        yield Subheading("This interview alone")
        yield Paragraph("One interview decides nothing; its curves show what the means are made of.")
        for scope, curves in faithful["own"].items():
            yield _curves(scope, curves, shares, "This interview alone.")


def _curves(scope: str, curves: Record, shares: Sequence[float], whose: str) -> Picture:
    panels = tuple(
        TracePanel(
            title,
            axis,
            tuple(
                Trace(_SERIES[name], _LABELS[name], tuple(100 * share for share in shares), tuple(values))
                for name, values in curves[side].items()
            ),
        )
        for side, title, axis in (
            ("deletion", "Deletion: sooner down is better", "% deleted, most important first"),
            ("insertion", "Insertion: sooner up is better", "% left, most important first"),
        )
    )
    told = "; ".join(
        f"{side} by {_LABELS[name]} {', '.join(number(value, decimals=2) for value in values)}"
        for side in ("deletion", "insertion")
        for name, values in curves[side].items()
    )
    where = scope if scope == _ALL else modality_words(scope)
    return Picture(
        Traces(panels, "signed logit", columns=2),
        f"Deletion and insertion, {where}",
        f"Signed logits at {', '.join(f'{100 * share:.0f} %' for share in shares)}: {told}.",
        whose,
    )


def _gains_picture(scopes: Record) -> Picture:
    rows = tuple(
        Row(
            scope,
            scope if scope == _ALL else modality_words(scope),
            tuple(Mark(_SERIES[name], certain(gain["both"])) for name, gain in found["gain"].items()),
        )
        for scope, found in scopes.items()
    )
    names = dict.fromkeys(name for found in scopes.values() for name in found["gain"])
    return Picture(
        Intervals(
            (
                Panel(
                    "How much better than chance",
                    "gain in logits",
                    rows,
                    lines=((0.0, "chance"),),
                    limits=(-0.05, 0.05),
                ),
            ),
            tuple((_SERIES[name], _LABELS[name]) for name in names),
        ),
        "Gain over a random order",
        "; ".join(
            f"{scope}, {_LABELS[name]}: {_signed(gain['both'])}"
            for scope, found in scopes.items()
            for name, gain in found["gain"].items()
        )
        + ".",
        "The mean of both areas between a ranking's curve and the random one, paired by interview. Bars are 95 % "
        "intervals by candidate.",
    )


def _gains_table(scopes: Record) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            scope if scope == _ALL else modality_words(scope),
            _LABELS[name],
            *(_difference(gain[side]) for side in ("deletion", "insertion", "both")),
            Badge(_BADGES[found["verdict"][name]], _VERDICTS[found["verdict"][name]][1]),
            f"{count(found['interviews'])} ({count(found['selected'])})",
            found["candidates"],
        )
        for scope, found in scopes.items()
        for name, gain in found["gain"].items()
    ]
    return Table(
        "Gain over a random order, in logits",
        ("scope", "ranking", "deletion", "insertion", "both", "verdict", "interviews (selected)", "candidates"),
        tuple(rows),
        note="The mean height between the curves, 0 being chance; the verdict rests on both. Each scope is judged by "
        "itself: among many verdicts one in twenty errs.",
    )


def _difference(value: Record) -> Cell:
    found = certain(value)
    return found if isinstance(found, Undefined) else Signed(found)
