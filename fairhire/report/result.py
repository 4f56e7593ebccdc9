"""The result of an audit: its record, what was decided, and every form in which people read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import pandas as pd

from fairhire.atomic import canonical_json, new_directory, storage_errors
from fairhire.errors import DataError, UsageError
from fairhire.report.markdown import render_markdown
from fairhire.report.modelcard import model_card
from fairhire.report.paper import render_pdf
from fairhire.report.record import read_record
from fairhire.report.rows import COLUMNS, flat_rows, tables_csv
from fairhire.report.summary import is_publishable, render_summary
from fairhire.report.web import render_html
from fairhire.report.wording import compared

__all__ = ["AUDIT_FILES", "AuditResult", "Verdict", "refuse_foreign"]

Verdict = Literal["passed", "failed", "undecided", "none"]

_Text = TypeVar("_Text")

AUDIT_FILES = frozenset(
    {"AUDIT.json", "audit.html", "audit.md", "audit.pdf", "model-card.md", "groups.csv", "summary.html", "junit.xml"}
)
"""The files that an audit's folder may hold without anything of the user's being lost when it is replaced."""


@dataclass(frozen=True)
class AuditResult:
    """An audit as ``record``, the content of AUDIT.json; nothing is computed again, everything is read from it."""

    record: Mapping[str, Any]

    def __post_init__(self) -> None:
        # As it stands on disk: JSON knows no difference between 1 and 1.0, and no form may depend on one.
        object.__setattr__(self, "record", json.loads(canonical_json(self.record)))

    @classmethod
    def from_json(cls, path: Path | str) -> AuditResult:
        """Read AUDIT.json strictly. Raises :class:`DataError` for what is no such record, naming file and part."""
        return cls(read_record(path))

    @property
    def verdict(self) -> Verdict:
        """What the plan's gates say together; ``none`` where the plan has no gate. Raises :class:`DataError`."""
        found = self.record["gate"].get("verdict")
        if found not in get_args(Verdict):
            raise DataError(f"gate, verdict: expected one of {', '.join(get_args(Verdict))}, got {found!r}")
        return cast(Verdict, found)

    @property
    def exit_code(self) -> int:
        """1 where a gate failed; 3 where one is undecided, or no group could be compared though groups were asked."""
        if self.verdict == "failed":
            return 1
        groups = self.record["groups"]
        nothing = bool(groups) and not _told(lambda record: any(map(compared, record["groups"])), self.record)
        return 3 if self.verdict == "undecided" or nothing else 0

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain dictionaries and lists, a copy."""
        copy: dict[str, Any] = json.loads(self.to_json())
        return copy

    def to_json(self) -> str:
        """Return AUDIT.json: canonical JSON, the same text for the same record."""
        return canonical_json(self.record)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group and grouping; None or ``<NA>`` where nothing was asked or nothing exists."""
        rows = [
            row for row in _told(lambda record: list(flat_rows(record)), self.record) if row["verdict"] != "unknown"
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object).convert_dtypes()

    def to_html(self) -> str:
        """Return the self-contained page."""
        return _told(render_html, self.record)

    def to_markdown(self) -> str:
        """Return the document as Markdown."""
        return _told(render_markdown, self.record)

    def to_pdf(self) -> bytes:
        """Return the document as PDF."""
        return _told(render_pdf, self.record)

    def to_model_card(self) -> str:
        """Return the model card: Markdown with a model index."""
        return _told(model_card, self.record)

    def to_csv(self) -> str:
        """Return the group rows as CSV that is safe to open in a spreadsheet."""
        return _told(tables_csv, self.record)

    def to_summary(self) -> str:
        """Return the summary for publication. Raises :class:`UsageError` while a required field is missing."""
        return _told(render_summary, self.record)

    def write(self, directory: Path | str) -> Path:
        """Write the record and every form of it into ``directory``, which an earlier audit may fill; return it.

        The folder is replaced as a whole or not at all. Raises :class:`UsageError` where it holds anything that an
        audit does not write (a signature too: it belongs to the record that is there), so that nothing is lost.
        """
        path = Path(directory)
        refuse_foreign(path)
        files: dict[str, str | bytes] = {
            "AUDIT.json": self.to_json(),
            "audit.html": self.to_html(),
            "audit.md": self.to_markdown(),
            "audit.pdf": self.to_pdf(),
            "model-card.md": self.to_model_card(),
            "groups.csv": self.to_csv(),
        }
        if is_publishable(self.record):
            files["summary.html"] = self.to_summary()
        with new_directory(path) as temporary:
            for name, content in files.items():
                data = content if isinstance(content, bytes) else content.encode("utf-8")
                (temporary / name).write_bytes(data)
        return path


def refuse_foreign(path: Path) -> None:
    """Refuse a folder that holds what no audit writes (:class:`UsageError`); :meth:`AuditResult.write` asks it too."""
    with storage_errors(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise UsageError(f"{path}: expected a folder for the audit, got something else that has this name")
        if not path.exists():
            return
        found = sorted(entry.name for entry in path.iterdir())
    foreign = [name for name in found if name not in AUDIT_FILES]
    if found and (foreign or "AUDIT.json" not in found):
        held = (foreign or found)[0]
        raise UsageError(
            f"{path}: expected a new folder or that of an earlier audit, which would be replaced, got one with {held!r}"
        )


def _told(render: Callable[[Mapping[str, Any]], _Text], record: Mapping[str, Any]) -> _Text:
    """Return a form of ``record``; one that breaks the contract of docs/audit-record.md is refused in one line."""
    try:
        return render(record)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"audit record: expected it as docs/audit-record.md describes it, got {type(error).__name__} {error}"
        ) from error
