"""Fresh probes: what an attacker would fit to read an attribute from frozen vectors, strong enough to be believed.

Each family chooses its settings on inner people of the fit side, sees its input standardised and whitened (what an
adversary hid sits in directions of little variance), and never looks at a test person. A new family is one file and
one line in :data:`PROBES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairhire.auditing.leakage.boosted import BoostedProbe
from fairhire.auditing.leakage.family import Probe
from fairhire.auditing.leakage.kernel import KernelProbe
from fairhire.auditing.leakage.linear import LinearProbe
from fairhire.auditing.leakage.mlp import MlpProbe
from fairhire.auditing.leakage.neighbours import NeighboursProbe

__all__ = ["PROBES"]

PROBES: Mapping[str, Probe] = {
    "linear": LinearProbe(),
    "mlp": MlpProbe(),
    "kernel": KernelProbe(),
    "boosted": BoostedProbe(),
    "neighbours": NeighboursProbe(),
}
"""Every probe family that leakage is measured with; what counts is the one that reads most."""
