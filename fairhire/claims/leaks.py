"""Claims about what is gone: attributes, unnamed ones, identity, every place in the model, every seed."""

from __future__ import annotations

from fairhire.auditing.leakage import LeakageRow
from fairhire.claims.claim import Claim, Figure, at_least, at_most, judged, reported, untestable
from fairhire.claims.evidence import Evidence, Pair, excess_drop
from fairhire.estimate import Estimate, Measurement, Undefined

__all__ = [
    "NO_PAIR",
    "baseline_leaks",
    "direct_beside",
    "identity",
    "map_of_places",
    "removal_of",
    "stability",
    "unnamed",
]

NO_PAIR = (
    "no defended run beside an undefended one of the same seed, split and model; train both: fairhire train CORPUS, "
    "with --adversary none and with --adversary face"
)
_VECTORS = "representation"


def baseline_leaks(evidence: Evidence) -> Claim:
    """Row 3."""
    words, target = "the undefended model leaks gender from its representation", "reported; .85 or more expected"
    figures = []
    for pair in _once(evidence):
        for attribute in evidence.attributes():
            row = evidence.strongest(pair, _VECTORS, attribute, undefended=True)
            if row is not None:
                figures.append(
                    Figure(f"{pair.undefended.path.resolve().name}, {row.target}, {row.probe}", row.estimate)
                )
    if not figures:
        return untestable("3", words, target, NO_PAIR)
    return reported("3", words, target, figures)


def removal_of(evidence: Evidence, number: str, attribute: str) -> Claim:
    """Rows 4 and 5, and the same for every attribute the people table has."""
    words = f"indirect removal lowers what the strongest fresh probe reads of {attribute}"
    target = "at least 60 % of the undefended excess over .5 is gone (our target)"
    if attribute not in evidence.attributes():
        return untestable(number, words, target, f"the people table has no column {attribute}")
    if not evidence.defended:
        return untestable(number, words, target, NO_PAIR)
    figures = [Figure(pair.name, _drop(evidence, pair, attribute)) for pair in evidence.defended]
    return judged(number, words, target, figures, at_least(0.6))


def direct_beside(evidence: Evidence) -> Claim:
    """Row 7."""
    words = "without labels as much is removed as with them"
    target = "the strongest probe's AUC differs by .05 at most, per attribute (published: on par)"
    if not evidence.direct or not evidence.defended:
        return untestable(
            "7", words, target,
            "no run of the labelled baseline: fairhire train CORPUS --adversary label --label-table PEOPLE.csv "
            "--label-attribute gender",
        )  # fmt: skip
    figures = []
    for pair in evidence.direct:
        twin = next((one for one in evidence.defended if one.undefended is pair.undefended), None)
        for attribute in evidence.attributes() if twin is not None else ():
            assert twin is not None
            mine, theirs = (evidence.strongest(one, _VECTORS, attribute) for one in (twin, pair))
            figures.append(Figure(f"{twin.name} less {pair.name}, {attribute}", _apart(mine, theirs)))
    return judged(
        "7", words, target, figures, at_most(0.05), why="one-sided: less leakage without labels is no failure"
    )


def unnamed(evidence: Evidence) -> Claim:
    """Row 9."""
    words = "attributes that nobody named fall as well"
    target = "at least 30 % of the undefended excess is gone (our target)"
    others = [name for name in evidence.attributes() if name != "gender"]
    if not evidence.defended:
        return untestable("9", words, target, NO_PAIR)
    if not others:
        return untestable("9", words, target, "the people table has no attribute beside gender, such as an age group")
    figures = [
        Figure(f"{pair.name}, {name}", _drop(evidence, pair, name)) for pair in evidence.defended for name in others
    ]
    beside = [
        f"{pair.name}, {name}: {_said(_drop(evidence, pair, name))}" for pair in evidence.direct for name in others
    ]
    why = f"the labelled baseline beside it: {'; '.join(beside)}" if beside else ""
    return judged("9", words, target, figures, at_least(0.3), why=why)


def identity(evidence: Evidence) -> Claim:
    """Row 10."""
    words = "a face is no longer found from the representation (recall@10)"
    target = "at least 10 times lower than undefended, distance to chance shown (our target)"
    if not evidence.defended:
        return untestable("10", words, target, NO_PAIR)
    if evidence.corpus is None or not evidence.corpus.has_faces:
        return untestable("10", words, target, "no corpus with faces was given: name it with --corpus")
    figures, chances = [], []
    for pair in evidence.defended:
        after, before = (
            max(
                evidence.rows(pair, undefended=side, source=_VECTORS, attribute="face", metric="recall@10"),
                key=lambda row: row.estimate.value if isinstance(row.estimate, Estimate) else -1.0,
                default=None,
            )
            for side in (False, True)
        )
        if after is None or before is None:
            continue
        figures.append(Figure(pair.name, _times_lower(before, after)))
        chances.append(f"{pair.name} {_said(after.estimate)}, chance {after.chance:.4f}")
    return judged("10", words, target, figures, at_least(10.0), why="; ".join(chances))


def map_of_places(evidence: Evidence) -> Claim:
    """Row 17."""
    words = "every vector that the model makes is tested: score, representation, modalities, answers, attention"
    target = "reported before and after, strongest probe"
    figures = []
    for pair in evidence.defended:
        sources = dict.fromkeys(row.source for row in evidence.leakage(pair).rows)
        for source in sources:
            for attribute in evidence.attributes():
                for side, when in ((True, "undefended"), (False, "defended")):
                    row = evidence.strongest(pair, source, attribute, undefended=side)
                    if row is not None:
                        figures.append(Figure(f"{pair.name}, {source}, {attribute}, {when}", row.estimate))
    if not figures:
        return untestable("17", words, target, NO_PAIR)
    return reported("17", words, target, figures)


def stability(evidence: Evidence) -> Claim:
    """Row 19."""
    words = "no seed ends worse than without a defence"
    target = "0 runs, for every attribute (strongest probe of the representation)"
    if not evidence.defended:
        return untestable("19", words, target, NO_PAIR)
    figures = []
    for attribute in evidence.attributes():
        worse = measured = 0
        for pair in evidence.defended:
            before, after = (evidence.strongest(pair, _VECTORS, attribute, undefended=side) for side in (True, False))
            if before is None or after is None:
                continue
            one, two = before.estimate, after.estimate
            if isinstance(one, Estimate) and isinstance(two, Estimate):
                worse += two.value > max(one.value, 0.5)
                measured += 1
        what = f"{attribute}: runs that end worse, of {measured} in which it could be measured"
        figures.append(Figure(what, float(worse) if measured else Undefined("measured in no run", 0)))
    return judged("19", words, target, figures, at_most(0.0))


def _once(evidence: Evidence) -> list[Pair]:
    """Return one pair for each undefended run."""
    found: dict[str, Pair] = {}
    for pair in (*evidence.defended, *evidence.direct):
        found.setdefault(str(pair.undefended.path), pair)
    return list(found.values())


def _drop(evidence: Evidence, pair: Pair, attribute: str) -> Measurement | float:
    before, after = (evidence.strongest(pair, _VECTORS, attribute, undefended=side) for side in (True, False))
    return excess_drop(before, after)


def _apart(mine: LeakageRow | None, theirs: LeakageRow | None) -> Measurement:
    """Return how much more of an attribute is left than in the labelled baseline; errors of both are added up."""
    one, two = (Undefined("not measured", 0) if row is None else row.estimate for row in (mine, theirs))
    if not isinstance(one, Estimate) or not isinstance(two, Estimate):
        missing = one if isinstance(one, Undefined) else two
        assert isinstance(missing, Undefined)
        return missing
    value = one.value - two.value
    low = ((one.value - one.low) ** 2 + (two.high - two.value) ** 2) ** 0.5
    high = ((one.high - one.value) ** 2 + (two.value - two.low) ** 2) ** 0.5
    return Estimate(value, value - low, value + high, one.level, one.n)


def _times_lower(before: LeakageRow, after: LeakageRow) -> Measurement:
    one, two = before.estimate, after.estimate
    if not isinstance(one, Estimate) or not isinstance(two, Estimate):
        missing = one if isinstance(one, Undefined) else two
        assert isinstance(missing, Undefined)
        return missing
    if one.value < 20 * before.chance:
        return Undefined(
            f"the undefended model gives away too little for ten times less to mean anything ({one.value:.4f}, "
            f"chance {before.chance:.4f})", one.n,
        )  # fmt: skip
    ends = [one.value / max(end, 1 / one.n) for end in (two.value, two.high, two.low)]
    return Estimate(ends[0], ends[1], ends[2], two.level, two.n)


def _said(value: Measurement | float) -> str:
    return (
        str(value) if isinstance(value, Estimate) else "undefined" if isinstance(value, Undefined) else f"{value:.3f}"
    )
