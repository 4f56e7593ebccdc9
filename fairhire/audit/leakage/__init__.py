"""Leakage: what a fresh probe reads about people it has not seen. Never to be confused with an adversary's accuracy."""

from fairhire.audit.leakage.measure import leakage
from fairhire.audit.leakage.probes import PROBES
from fairhire.audit.leakage.table import (
    Comparison,
    Control,
    LeakageResult,
    LeakageRow,
    LeftOut,
    false_success,
)

__all__ = ["PROBES", "Comparison", "Control", "LeakageResult", "LeakageRow", "LeftOut", "false_success", "leakage"]
