"""Says what is not in a figure, a corpus or a report: nothing is left out without being counted, and a reason."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeftOut", "counted"]


@dataclass(frozen=True)
class LeftOut:
    """``n`` of the kind ``what`` that are not there, and why."""

    what: str
    n: int
    why: str

    def to_dict(self) -> dict[str, str | int]:
        """Return the record as in AUDIT.json: ``{what, n, why}``."""
        return {"what": self.what, "n": self.n, "why": self.why}


def counted(*items: LeftOut) -> tuple[LeftOut, ...]:
    """Return the items of which there is at least one."""
    return tuple(item for item in items if item.n)
