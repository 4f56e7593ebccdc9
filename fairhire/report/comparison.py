"""The page that compares two models of the same people: first the words, then three drawings, then every number."""

from __future__ import annotations

from fairhire.report.findings import Findings, find
from fairhire.report.page import Fragment, bullets, card, columns, escape, page, section
from fairhire.report.pictures import draw_leakage, draw_price, draw_training
from fairhire.report.tables import (
    tabulate_impact,
    tabulate_leakage,
    tabulate_left_out,
    tabulate_provenance,
    tabulate_task,
    tabulate_training,
)
from fairhire.report.trial import Trial

__all__ = ["render_comparison"]

_TITLE = "Does the face defence work? A trial on made-up interviews"


def render_comparison(trial: Trial) -> str:
    """Return the self-contained HTML page of ``trial``; the same trial gives the same bytes."""
    return page(
        _TITLE,
        _opening(trial, find(trial)),
        section("Three pictures", draw_leakage(trial), draw_price(trial), draw_training(trial)),
        section("Task and selection, in numbers", *tabulate_task(trial), *tabulate_impact(trial)),
        section("Leakage, in numbers", *tabulate_leakage(trial)),
        section("Training, in numbers", *tabulate_training(trial)),
        section("What was left out", *tabulate_left_out(trial)),
        section("Where this comes from", *tabulate_provenance(trial)),
    )


def _opening(trial: Trial, findings: Findings) -> Fragment:
    total, people = sum(trial.interviews.values()), sum(trial.people.values())
    return Fragment(
        f'<header>\n<p class="kicker">fairhire demo</p>\n<h1>{escape(_TITLE)}</h1>\n'
        f'<p class="kicker">{total} interviews of {people} people; figures on the {trial.people["test"]} test people'
        "</p>\n"
        '<p class="notice"><strong>Simulated data with planted bias.</strong> Nobody on this page exists. '
        "The recruiters were made to lean on gender, ethnicity and age; true merit does not depend on them, and is "
        "known here, as it never is in life.</p>\n"
        f'<p class="lead"><strong>{escape(findings.headline)}</strong></p>\n</header>\n'
        + columns(
            card("What was found", bullets(findings.found)),
            card("How sure", bullets(findings.sure)),
            card("What it does not show", bullets(findings.not_shown)),
            card("What to do next", bullets(findings.next_steps)),
        )
    )
