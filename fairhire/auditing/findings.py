"""What follows from the figures of an audit: the verdicts of its gates, the place of every ratio, the alarms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from fairhire.auditing.gate import Policy, overall
from fairhire.auditing.plan import AuditPlan

__all__ = ["judge"]


def judge(record: dict[str, Any], plan: AuditPlan, began: date | None) -> dict[str, Any]:
    """Return the record with its findings: what the gates say, how every ratio lies, and what a reader must not miss.

    ``began`` is the day on which what is judged began, None where nobody says.
    """
    policy = Policy(plan.gates, plan.written)
    gated = policy.judge(record)
    return {
        **record,
        "findings": [*gated, *_readings(record), *_alarms(record)],
        "gate": {
            "verdict": overall(gated),
            "written": plan.written.isoformat() if plan.gates else None,
            "note": policy.note(began),
        },
    }


def _readings(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for every ratio, how its interval lies to four fifths: information, where no gate asks for more."""
    return [
        {
            "check": "four-fifths",
            "grouping": table["grouping"],
            "rate": table["rate"],
            "category": row["category"],
            "measurement": row["impact_ratio"],
            "limit": 0.8,
            "verdict": row["reading"],
            "gate": False,
            "words": None,
        }
        for table in record["groups"]
        for row in table["rows"]
        if row["reading"] is not None
    ]


def _alarms(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return where pooling hides or makes a difference, and where the unknown people could turn the reading."""
    found = []
    for table in record["groups"]:
        common = {"grouping": table["grouping"], "rate": table["rate"], "gate": False, "verdict": "alarm"}
        for row in (table["strata"] or {"rows": []})["rows"]:
            if row.get("alarm"):
                adjusted = row["adjusted"]
                found.append(
                    {**common, "check": "within-positions", "category": row["category"], "measurement": adjusted,
                     "limit": None, "words": row["alarm"]}
                )  # fmt: skip
        for row in table["rows"]:
            left = row["if_included"]
            if left is not None and left.get("value", 1.0) < 0.8:
                words = f"left out ({row['impact_ratio']['undefined']}); included, its ratio would be below four fifths"
                found.append(
                    {**common, "check": "left-out-group", "category": row["category"], "measurement": left,
                     "limit": 0.8, "words": words}
                )  # fmt: skip
            if row["bounds"] is not None and row["bounds"]["tipping"] is not None:
                tipping = row["bounds"]["tipping"]
                unknown = table["unknown"]["n"]
                words = f"{tipping} of the {unknown} people of unknown category would bring it below four fifths"
                found.append(
                    {**common, "check": "unknown-people", "category": row["category"],
                     "measurement": row["impact_ratio"], "limit": 0.8, "words": words}
                )  # fmt: skip
    return found
