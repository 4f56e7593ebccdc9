"""What an audit asks of its own request before it believes it: choices that contradict, names that do not meet.

Contradictions raise; what is only odd is returned as (code, words) for the record's warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.intake import Intake
from fairhire.auditing.plan import AuditPlan
from fairhire.auditing.tally import Category, Rate, Tally
from fairhire.errors import DataError, UsageError

__all__ = [
    "Oddity",
    "check_counts_alone",
    "check_groupings",
    "check_joined",
    "compare_categories",
    "compare_facts",
    "compare_margins",
    "people_counted",
]

Oddity = tuple[str, str]
"""A short code and a sentence."""


def check_counts_alone(intake: Intake, **others: object) -> None:
    """Refuse beside a table of counts what only rows could answer: nobody may believe that it was applied.

    Raises :class:`UsageError` with the names of the choices.
    """
    usual = Intake()
    chosen = [
        name
        for name in ("threshold", "split", "dates", "per", "missing", "score_range")
        if getattr(intake, name) != getattr(usual, name)
    ]
    given = [name for name, one in others.items() if one is not None]
    if chosen or given:
        raise UsageError(f"--counts: expected alone, got {', '.join([*given, *chosen]).replace('_', ' ')} too")


def check_groupings(groupings: Sequence[Sequence[str]]) -> None:
    """Refuse a grouping that names an attribute twice, or comes twice itself (:class:`UsageError`)."""
    seen = set()
    for grouping in groupings:
        if len(set(grouping)) < len(grouping) or frozenset(grouping) in seen:
            raise UsageError(f"--grouping: expected every attribute and grouping once, got {','.join(grouping)}")
        seen.add(frozenset(grouping))


def check_joined(tally: Tally, *, scores: str, people: str) -> None:
    """Refuse tables of which no id meets another (:class:`DataError`): nothing would be known of anybody."""
    strangers = sum(item.n for item in tally.left_out if item.what == "candidates without a row in the people table")
    if strangers and strangers >= people_counted(tally):
        raise DataError(
            f"{people}: expected the candidates of {scores}, found none of its {strangers}; ids must be written alike "
            "in both tables (001 is not 1)"
        )


def people_counted(tally: Tally) -> int:
    """Return how many people the counted rows are of."""
    return tally.rows if tally.repeats is None else int(tally.repeats["people"].sum())


def compare_facts(facts: Mapping[str, str], plan: AuditPlan) -> Iterator[Oddity]:
    """Say which statements nobody asked for: a misspelt field would else be missing without a word."""
    known = {"legal_basis", "run_began", "unknown_people", *(requirement.field for requirement in plan.requirements)}
    for name in sorted(set(facts) - known):
        yield "about", f"the plan does not ask for {name}; it asks for {', '.join(sorted(known))}"


def compare_categories(tally: Tally, plan: AuditPlan) -> Iterator[Oddity]:
    """Say which categories the plan does not know: a misspelling, or people whom its rule forgets."""
    for attribute, declared in plan.categories.items():
        counted = {
            group.category[table.grouping.index(attribute)]
            for table in tally.tables
            if attribute in table.grouping
            for group in table.groups
        }
        if len(tally.cells) and attribute in tally.attributes:
            counted |= set(tally.cells[attribute])
        strangers = sorted(counted - {UNKNOWN, *declared})
        if strangers:
            names = ", ".join(strangers[:10]) + (", …" if len(strangers) > 10 else "")
            yield (
                "category",
                f"{attribute}: {names} {'is' if len(strangers) == 1 else 'are'} not among the categories that the plan "
                f"declares ({', '.join(declared)}); counted as written, each a group of its own",
            )


def compare_margins(tally: Tally) -> Iterator[Oddity]:
    """Say where intersections add up to more people than their group has: both cannot be of the same data."""
    sizes = {(table.grouping, table.rate, group.category): group.n for table in tally.tables for group in table.groups}
    sums: dict[tuple[tuple[str, ...], Rate, Category], int] = {}
    for (grouping, rate, category), n in sizes.items():
        for place in range(len(grouping)) if len(grouping) > 1 else ():
            key = (grouping[place],), rate, (category[place],)
            sums[key] = sums.get(key, 0) + n
    for (grouping, rate, category), n in sorted(sums.items()):
        own = sizes.get((grouping, rate, category))
        if own is not None and n > own:
            yield (
                "counts",
                f"{grouping[0]} {category[0]}: its intersections have {n} people, the group itself {own}",
            )
