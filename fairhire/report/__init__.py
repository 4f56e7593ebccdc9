"""What people read: documents made of the records that the audit measured; a report never computes.

The names below are loaded when first used, so that verifying a signature never waits for a plotting library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairhire.report.comparison import render_comparison
    from fairhire.report.markdown import render_markdown
    from fairhire.report.modelcard import model_card
    from fairhire.report.paper import render_pdf
    from fairhire.report.result import AuditResult
    from fairhire.report.rows import tables_csv
    from fairhire.report.summary import render_summary
    from fairhire.report.trial import AdversaryEnd, Epoch, ModelFigures, RatioChange, Trial
    from fairhire.report.web import render_html

_HOMES = {
    "AdversaryEnd": "trial",
    "AuditResult": "result",
    "Epoch": "trial",
    "ModelFigures": "trial",
    "RatioChange": "trial",
    "Trial": "trial",
    "model_card": "modelcard",
    "render_comparison": "comparison",
    "render_html": "web",
    "render_markdown": "markdown",
    "render_pdf": "paper",
    "render_summary": "summary",
    "tables_csv": "rows",
}

__all__ = [
    "AdversaryEnd",
    "AuditResult",
    "Epoch",
    "ModelFigures",
    "RatioChange",
    "Trial",
    "model_card",
    "render_comparison",
    "render_html",
    "render_markdown",
    "render_pdf",
    "render_summary",
    "tables_csv",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"fairhire.report has no {name!r}; its public names are {', '.join(__all__)}")
    return getattr(import_module(f"fairhire.report.{_HOMES[name]}"), name)
