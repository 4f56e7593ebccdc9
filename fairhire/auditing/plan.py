"""An audit plan: which questions an audit asks, under which rule, written down and dated before anybody looks.

A plan is a TOML file. The shipped ones lie in ``audits/`` and are not edited once published: a new reading of a rule is
a new file. What a plan may say is what :class:`AuditPlan` and the records in it hold; any other key is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from fairhire.auditing.plan_parts import (
    LIMITS,
    ChecklistItem,
    Condition,
    Gate,
    Heading,
    LegalBasis,
    MetricName,
    Requirement,
    Risk,
    Sizes,
    Statement,
    Window,
)
from fairhire.auditing.tally import Rate
from fairhire.auditing.toml_record import parse_toml, record_of
from fairhire.errors import UsageError

__all__ = [
    "LIMITS",
    "SECTIONS",
    "AuditPlan",
    "ChecklistItem",
    "Condition",
    "Gate",
    "Heading",
    "LegalBasis",
    "MetricName",
    "Requirement",
    "Risk",
    "Sizes",
    "Statement",
    "Window",
    "plan_names",
    "read_plan",
    "reporting_window",
]

SECTIONS = ("calibration", "labels", "leakage", "outcomes", "scores", "strata", "thresholds")
"""What a plan can ask for beside rates and ratios."""

_WORDING = ("gate", "limits", "line", "next", "note")
_ANSWERS = (*SECTIONS, "findings", "gate", "groups", "inputs", "left_out", "versions", "warnings")
_SCORE_COLUMNS = ("candidate", "date", "decision", "interview", "label", "position", "score", "split")
_PLANS = "fairhire.audits"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True)
class AuditPlan:
    """A plan, field by field a key of its file.

    What it is: ``name`` (that of the file), ``version``, ``title``, ``jurisdiction``, ``purpose``; the rule's
    ``status`` on the day ``status_as_of``, believed for ``stale_after_days``; ``source`` (citations); ``written``, the
    day from which its gates count.

    What it asks: ``groupings`` (empty: every attribute of the people table, with ``depth`` 2 every pair too),
    ``rates``, ``sections`` (of :data:`SECTIONS`), at the confidence ``level``; the ``primary_test`` and ``correction``
    that decide, named beforehand, in a ``family`` that is one table of one grouping; ``sizes``; ``gates``.

    How it reads: ``columns`` (ours to those of the file, for ``scores`` and ``people``), ``aliases`` (other names an
    attribute may have), ``categories`` declared per attribute, ``unknown`` words beside the usual ones, ``threshold``
    at which people are selected where the table has no decision, ``window`` of reporting.

    What it says: ``statements``, ``requirements``, ``wording`` (``note``, ``line``, ``gate``, ``limits``, ``next``),
    ``checklist``, ``headings``, ``names`` and ``risks``; ``legal_basis`` for attributes that need one; ``valid_years``
    after which an audit is too old to use the tool on.

    ``sha256`` is that of the file's bytes and ``where`` the name it was read under; a plan made in Python has neither.
    """

    name: str
    version: str
    title: str
    jurisdiction: str
    status: str
    status_as_of: date
    source: str
    written: date
    purpose: str
    stale_after_days: int = 180
    groupings: tuple[tuple[str, ...], ...] = ()
    depth: int = 1
    rates: tuple[Rate, ...] = ("selection", "scoring")
    sections: tuple[str, ...] = ()
    level: float = 0.95
    primary_test: Literal["fisher", "mid_p", "z", "chi2"] = "fisher"
    correction: Literal["holm", "benjamini-hochberg", "none"] = "holm"
    family: Literal["table"] = "table"
    sizes: Sizes = field(default_factory=Sizes)
    gates: tuple[Gate, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    threshold: float | None = None
    window: Window | None = None
    valid_years: int | None = None
    legal_basis: LegalBasis | None = None
    statements: tuple[Statement, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    wording: Mapping[str, str] = field(default_factory=dict)
    checklist: tuple[ChecklistItem, ...] = ()
    headings: tuple[Heading, ...] = ()
    names: tuple[MetricName, ...] = ()
    risks: tuple[Risk, ...] = ()
    sha256: str | None = None
    where: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"name: expected small letters, digits and hyphens, got {self.name!r}")
        for name, low, high in (("depth", 1, 2), ("stale_after_days", 1, 3650), ("valid_years", 1, 10)):
            number = getattr(self, name)
            if number is not None and not low <= number <= high:
                raise UsageError(f"{name}: expected {low} to {high}, got {number}")
        if not 0.5 <= self.level < 1:
            raise UsageError(f"level: expected at least 0.5 and under 1, got {self.level:g}")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"threshold: expected a score in [0, 1], got {self.threshold:g}")
        _each_once("sections", self.sections, among=SECTIONS)
        _each_once("rates", self.rates, among=("selection", "scoring"))
        if not self.rates and self.sections != ("leakage",):
            raise UsageError("rates: expected selection or scoring unless leakage is all that is asked for, got none")
        _each_once("requirements", [requirement.field for requirement in self.requirements])
        for heading in self.headings:
            _each_once("headings, sections", heading.sections, among=_ANSWERS)
        _known("wording", self.wording, _WORDING)
        _known("columns", self.columns, ("people", "scores"))
        _known("columns.scores", self.columns.get("scores", {}), _SCORE_COLUMNS)
        self._check_attributes()

    def _check_attributes(self) -> None:
        """Refuse what speaks of attributes that the plan never asks for: a misspelling there would go unheard."""
        for grouping in self.groupings:
            _each_once("groupings", grouping)
            if not grouping:
                raise UsageError("groupings: expected at least one attribute in every grouping, got none")
        _each_once("groupings", [" x ".join(sorted(grouping)) for grouping in self.groupings])
        for gate in self.gates:
            if gate.grouping is not None and self.groupings and gate.grouping not in self.groupings:
                raise UsageError(f"gates: expected a grouping of the plan, got {' x '.join(gate.grouping)}")
        asked = sorted({attribute for grouping in self.groupings for attribute in grouping})
        if not asked:
            return
        _known("aliases", self.aliases, asked)
        _known("categories", self.categories, asked)
        _known("columns.people", self.columns.get("people", {}), ["candidate", *asked])

    @property
    def unverified(self) -> tuple[Statement, ...]:
        """The statements that nobody of us re-read at their source; they are printed as such."""
        return tuple(statement for statement in self.statements if not statement.verified)

    def missing(
        self, about: Mapping[str, str], *, attributes: Collection[str] = (), computed: Collection[str] = ()
    ) -> tuple[Requirement, ...]:
        """Return what the plan requires to be said and ``about`` does not say.

        ``attributes`` are those audited, ``computed`` what the audit found (:class:`Condition`). Raises
        :class:`UsageError` for what is said in another form than the plan asks for.
        """
        lacking = []
        for requirement in self.requirements:
            said = about.get(requirement.field, "").strip()
            if said:
                requirement.check(said)
            elif requirement.when is None or requirement.when.holds(about, attributes, computed):
                lacking.append(requirement)
        return tuple(lacking)

    def missing_for_publication(
        self, about: Mapping[str, str], *, attributes: Collection[str] = (), computed: Collection[str] = ()
    ) -> tuple[Requirement, ...]:
        """Return what is missing (:meth:`missing`) and without which no summary may be published."""
        lacking = self.missing(about, attributes=attributes, computed=computed)
        return tuple(requirement for requirement in lacking if requirement.published)

    def describe(self) -> str:
        """Return the plan in plain words, a line for each thing it says, for a terminal."""
        asked = [" x ".join(grouping) for grouping in self.groupings]
        everything = "every attribute of the people table" + (" and every pair" if self.depth > 1 else "")
        lines = [
            f"{self.name} {self.version}: {self.title}",
            f"Jurisdiction: {self.jurisdiction}",
            f"Status on {self.status_as_of}: {self.status}",
            f"Source: {self.source}",
            f"Written: {self.written}",
            f"Purpose: {self.purpose}",
            f"Asks for: {', '.join(asked) or everything}",
            f"Rates: {', '.join(self.rates) or 'none'}; sections: {', '.join(self.sections) or 'none'}",
            f"Decides by: {self.primary_test}, {self.correction} within a {self.family}, level {self.level:g}",
            "Sizes: " + ", ".join(f"{name} {number:g}" for name, number in asdict(self.sizes).items()),
        ]
        if self.legal_basis is not None:
            lines.append(f"Needs a legal basis for {', '.join(self.legal_basis.attributes)}: {self.legal_basis.why}")
        lines += [f"Says: {words}" for words in self.wording.values()]
        lines += [f"Gate: {gate}" for gate in self.gates] or ["Gate: none"]
        lines += [f"Must be said{' to publish' if one.published else ''}: {one}" for one in self.requirements]
        for statement in self.statements:
            mark = "Statement" if statement.verified else "UNVERIFIED statement"
            lines.append(f"{mark}: {statement.text} ({statement.source})")
        lines += [f"Heading: {heading.title}. {heading.asks}" for heading in self.headings]
        lines += [f"Checklist, {item.article}: {item.what}; {item.where}; {item.how}" for item in self.checklist]
        lines += [f"Risk ({risk.kind}): {risk.risk}; measured by: {risk.measure}" for risk in self.risks]
        lines += [f"Name: {name.ours} is there called {name.theirs} ({name.source})" for name in self.names]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the ``plan`` object of AUDIT.json (docs/audit-record.md): everything but the mapping of columns."""
        return {
            "name": self.name,
            "version": self.version,
            "sha256": self.sha256,
            "title": self.title,
            "jurisdiction": self.jurisdiction,
            "purpose": self.purpose,
            "status": self.status,
            "status_as_of": self.status_as_of.isoformat(),
            "stale_after_days": self.stale_after_days,
            "source": self.source,
            "written": self.written.isoformat(),
            "statements": [asdict(statement) for statement in self.statements],
            "unverified": [f"{statement.text} ({statement.source})" for statement in self.unverified],
            "requirements": [requirement.to_dict() for requirement in self.requirements],
            "wording": dict(self.wording),
            "groupings": [list(grouping) for grouping in self.groupings],
            "depth": self.depth,
            "categories": {name: list(known) for name, known in self.categories.items()},
            "unknown": list(self.unknown),
            "rates": list(self.rates),
            "sections": list(self.sections),
            "primary_test": self.primary_test,
            "correction": self.correction,
            "family": self.family,
            "level": self.level,
            "sizes": asdict(self.sizes),
            "gates": [gate.to_dict() for gate in self.gates],
            "threshold": self.threshold,
            "window": None if self.window is None else asdict(self.window),
            "valid_years": self.valid_years,
            "legal_basis": None
            if self.legal_basis is None
            else {"attributes": list(self.legal_basis.attributes), "why": self.legal_basis.why},
            "checklist": [asdict(item) for item in self.checklist],
            "headings": [
                {
                    "title": heading.title,
                    "asks": heading.asks,
                    "facts": list(heading.facts),
                    "sections": list(heading.sections),
                }
                for heading in self.headings
            ],
            "names": [asdict(name) for name in self.names],
            "risks": [asdict(risk) for risk in self.risks],
        }


def plan_names() -> tuple[str, ...]:
    """Return the names of the shipped plans, in alphabetical order."""
    found = (entry.name for entry in files(_PLANS).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def read_plan(name_or_path: str | Path) -> AuditPlan:
    """Return a shipped plan by its name, or the plan in a file that ends in ``.toml``.

    Raises :class:`UsageError` for a name there is not (naming those there are), a file that cannot be read or is not
    TOML, a plan that is not named like its file, an unknown or missing key, and a value that cannot be.
    """
    given = str(name_or_path)
    if given.endswith(".toml"):
        path = Path(name_or_path)
        try:
            return _plan(path.read_bytes(), path.name, where=given)
        except FileNotFoundError:
            raise UsageError(f"{given}: expected a plan, found no such file") from None
        except OSError as error:
            raise UsageError(f"{given}: expected a readable plan, got {error.strerror or error}") from None
    if given not in plan_names():
        raise UsageError(
            f"plan: expected one of {', '.join(plan_names())}, or a file that ends in .toml, got {given!r}"
        )
    return _plan(files(_PLANS).joinpath(f"{given}.toml").read_bytes(), f"{given}.toml", where=given)


def reporting_window(plan: AuditPlan, day: date) -> tuple[date, date]:
    """Return the first and last day of the year of reporting that ``day`` falls into, under the plan's ``window``.

    Raises :class:`UsageError` for a plan without one, and for a day at either end of the calendar.
    """
    window = plan.window
    if window is None:
        raise UsageError(f"plan {plan.name}: expected a window of reporting, got a plan without one")
    year = day.year if (day.month, day.day) >= (window.month, window.day) else day.year - 1
    if not date.min.year <= year < date.max.year:
        raise UsageError(f"plan {plan.name}: expected a day with a year of reporting around it, got {day}")
    return date(year, window.month, window.day), date(year + 1, window.month, window.day) - timedelta(days=1)


def _plan(raw: bytes, file: str, *, where: str) -> AuditPlan:
    given = {"sha256": hashlib.sha256(raw).hexdigest(), "where": where}
    plan = record_of(AuditPlan, parse_toml(raw, file), file=file, given=given)
    if f"{plan.name}.toml" != file:
        raise UsageError(f"{file}, name: expected that of the file, {file.removesuffix('.toml')}, got {plan.name}")
    return plan


def _known(place: str, keys: Collection[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in known:
            raise UsageError(f"{place}: unknown key {key!r}; the known keys are {', '.join(sorted(known))}")


def _each_once(place: str, values: Collection[str], *, among: Collection[str] | None = None) -> None:
    seen: set[str] = set()
    for value in values:
        if among is not None and value not in among:
            raise UsageError(f"{place}: expected some of {', '.join(among)}, got {value!r}")
        if value in seen:
            raise UsageError(f"{place}: expected every entry once, got {value!r} again")
        seen.add(value)
