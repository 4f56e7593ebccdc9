"""Leakage: what a fresh probe reads about people it has not seen. Never to be confused with an adversary's accuracy."""

from fairhire.auditing.leakage.codelength import CODES
from fairhire.auditing.leakage.measure import leakage
from fairhire.auditing.leakage.probes import PROBES
from fairhire.auditing.leakage.subject import leakage_of_tables, measure_run
from fairhire.auditing.leakage.table import Comparison, Control, LeakageResult, LeakageRow, false_success

__all__ = [
    "CODES",
    "PROBES",
    "Comparison",
    "Control",
    "LeakageResult",
    "LeakageRow",
    "false_success",
    "leakage",
    "leakage_of_tables",
    "measure_run",
]
