"""Records of audits that never happened: a large clean one and a small undecided one, in round, invented numbers."""

import math
from typing import Any

from scipy.stats import fisher_exact

from fairhire.estimate import wilson

Counts = dict[tuple[str, ...], tuple[int, int]]

VERDICTS = {
    (True, True): "indicated",
    (True, False): "below-few",
    (False, True): "above-different",
    (False, False): "none-indicated",
}


def undefined(reason: str, n: int = 0) -> dict[str, Any]:
    return {"undefined": reason, "n": n}


def estimate(value: float, reach: float, n: int = 1000, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": value - reach, "high": value + reach, "level": 0.95, "n": n, **more}


def katz(a: int, n: int, b: int, m: int) -> dict[str, Any]:
    ratio = (a / n) / (b / m)
    reach = 1.96 * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    low, high = ratio * math.exp(-reach), ratio * math.exp(reach)
    return {"value": ratio, "low": low, "high": high, "level": 0.95, "n": n + m, "method": "katz"}


def group_row(
    category: tuple[str, ...], counts: tuple[int, int], *, best: tuple[int, int], known: int, why: str | None
) -> dict[str, Any]:
    (n, a), (m, b) = counts, best
    row: dict[str, Any] = {
        "category": list(category),
        "n": n,
        "selected": a,
        "rate": wilson(a, n).to_dict(),
        "share": n / known,
        "included": why is None,
        "why": why,
        "impact_ratio": undefined(why or "", n),
        "below_four_fifths": None,
        "reading": None,
        "verdict": "no-ratio",
        "few": n < 30,
    } | dict.fromkeys(
        ("difference", "tests", "p", "p_holm", "p_bh", "effect_h", "shortfall", "flip", "detectable_ratio", "power",
         "bounds")
    )  # fmt: skip
    if why is not None:
        return row
    ratio, p = katz(a, n, b, m), float(fisher_exact([[a, n - a], [b, m - b]])[1])
    below = 5 * a * m < 4 * b * n
    reading = "clear" if ratio["low"] >= 0.8 else "below" if ratio["high"] < 0.8 else "undecided"
    spread = 1.96 * math.sqrt(a / n * (1 - a / n) / n + b / m * (1 - b / m) / m)
    moved = {"selected": a + 1, "n": n, "benchmark_selected": b - 1, "benchmark_n": m}
    return row | {
        "impact_ratio": ratio,
        "below_four_fifths": below,
        "reading": reading,
        "verdict": VERDICTS[below, p < 0.05],
        "difference": estimate(a / n - b / m, spread, n + m),
        "tests": {"fisher": p, "mid_p": p, "z": -2.0, "z_p": p, "chi2": 4.0, "chi2_p": p},
        "p": p,
        "p_holm": min(1.0, 2 * p),
        "p_bh": min(1.0, 1.5 * p),
        "effect_h": -0.05,
        "shortfall": max(0, math.ceil(4 * b * n / (5 * m)) - a),
        "flip": moved | {"ratio": ((a + 1) / n) / ((b - 1) / m), "reverses": (a + 1) / n > (b - 1) / m},
        "detectable_ratio": {"value": 0.9 if n > 1000 else 0.41},
        "power": 0.99 if n > 1000 else 0.17,
        "bounds": {"low": 0.9 * ratio["value"], "high": 1.1 * ratio["value"]}
        | {"tipping": 6 if n < 1000 else None, "tipping_in_group": 7 if n < 1000 else None},
    }


def group_table(
    grouping: tuple[str, ...],
    groups: Counts,
    *,
    unknown: tuple[int, int] = (0, 0),
    rate: str = "selection",
    least: float = 0.02,
) -> dict[str, Any]:
    known = sum(n for n, _ in groups.values())

    def why(n: int) -> str | None:
        if n == 0:
            return "the group is empty"
        if n < least * known:
            return f"{100 * n / known:.2f} % of the known, under 2 %"
        return "fewer than 10 people" if n < 10 else None

    fit = {name: counts for name, counts in groups.items() if why(counts[0]) is None}
    best = max(fit, key=lambda name: fit[name][1] / fit[name][0])
    rows = [group_row(name, counts, best=fit[best], known=known, why=why(counts[0])) for name, counts in groups.items()]
    for row in rows:
        if tuple(row["category"]) == best:
            row |= dict.fromkeys(("difference", "p", "p_holm", "p_bh", "shortfall", "flip", "bounds", "tests", "power"))
            row |= {"verdict": "benchmark", "reading": None, "detectable_ratio": None, "below_four_fifths": False}
            row["impact_ratio"] = {"value": 1.0, "low": 1.0, "high": 1.0, "level": 0.95, "n": row["n"]}
            row["impact_ratio"]["method"] = "benchmark"
    return {
        "grouping": list(grouping),
        "rate": rate,
        "benchmark": list(best),
        "tied": [],
        "passed_over": [],
        "smallest_share": 0.02,
        "rows": rows,
        "unknown": {"n": unknown[0], "selected": unknown[1], "rate": wilson(unknown[1], unknown[0]).to_dict()},
        "strata": None,
    }


def strata(category: tuple[str, ...], *, alarm: bool) -> dict[str, Any]:
    jobs = [("analyst", 80, 48, 20, 16), ("driver", 20, 4, 80, 32)] if alarm else [("analyst", 500, 250, 500, 255)]
    words = "women are ahead overall and behind within every position"
    return {
        "attribute": "position",
        "rows": [
            {
                "category": list(category),
                "pooled": estimate(1.083, 0.2),
                "adjusted": {
                    "value": 0.667,
                    "low": 0.479,
                    "high": 0.929,
                    "level": 0.95,
                    "n": 200,
                    "method": "mantel-haenszel",
                },
                "cmh": 5.5,
                "cmh_p": 0.019,
                "homogeneity_p": undefined("one position only") if not alarm else 0.2,
                "alarm": words if alarm else None,
                "strata": [
                    {
                        "name": name,
                        "n": n,
                        "selected": a,
                        "benchmark_n": m,
                        "benchmark_selected": b,
                        "ratio": katz(a, n, b, m),
                    }
                    for name, n, a, m, b in jobs
                ],
                "one_sided": 1,
            },
            {"category": ["Nobody", "x"][: len(category)], **undefined("no position has both groups", 3)},
        ],
    }


def score_parts(categories: list[str], *, n: int) -> dict[str, Any]:
    """Score, calibration and threshold tables of one attribute."""
    edges = [place / 20 for place in range(21)]
    scores, calibrations, sweeps = [], [], []
    for place, category in enumerate(categories):
        middle = 0.52 - 0.02 * place
        shape = [math.exp(-(((edge + 0.025 - middle) / 0.18) ** 2)) for edge in edges[:-1]]
        counts = [round(n * share / sum(shape)) for share in shape]
        scores.append(
            {
                "category": [category],
                "n": sum(counts),
                "mean": middle,
                "median": middle,
                "sd": 0.13,
                "quantiles": {"0.05": middle - 0.2, "0.25": middle - 0.09, "0.75": middle + 0.09, "0.95": middle + 0.2},
                "histogram": {"edges": edges, "counts": counts},
                "wasserstein": estimate(0.02 * place, 0.005),
                "ks": estimate(0.04 * place, 0.01),
                "superiority": estimate(0.5 - 0.03 * place, 0.01),
                "cohen_d": estimate(-0.1 * place, 0.03),
            }
        )
        calibrations.append(
            {
                "category": [category],
                "n": n,
                "slope": estimate(0.95, 0.05),
                "intercept": estimate(0.01, 0.02),
                "ece": estimate(0.02, 0.01),
                "bins": [
                    {
                        "low": low / 10,
                        "high": (low + 1) / 10,
                        "n": 50,
                        "mean_score": low / 10 + 0.05,
                        "share": estimate(min(0.95, max(0.05, low / 10 + 0.04)), 0.05, 50),
                    }
                    if 0 < low < 9
                    else {
                        "low": low / 10,
                        "high": (low + 1) / 10,
                        "n": 0,
                        "mean_score": None,
                        "share": undefined("nobody has such a score"),
                    }
                    for low in range(10)
                ],
            }
        )
        if place:
            points = []
            for cut in range(1, 19):
                ratio = max(0.3, 1 - 0.02 * cut)
                spread = 0.02 + 0.01 * cut
                points.append(
                    {
                        "threshold": cut / 20,
                        "selected": n - 40 * cut,
                        "n": n,
                        "benchmark": [categories[0]],
                        "benchmark_selected": n - 35 * cut,
                        "benchmark_n": n,
                        "ratio": estimate(ratio, spread, n, method="katz")
                        if cut < 18
                        else undefined("nobody is selected", n),
                        "reading": "clear" if ratio - spread >= 0.8 else "undecided",
                        "below_four_fifths": ratio < 0.8,
                    }
                )
            sweeps.append({"category": [category], "points": points})
    table = {"grouping": ["sex"], "benchmark": [categories[0]]}
    return {
        "scores": [table | {"exact": True, "width": 0.0, "rows": scores}],
        "calibration": [{"grouping": ["sex"], "rows": calibrations}],
        "thresholds": [{"grouping": ["sex"], "deployed": 0.5, "rows": sweeps}],
    }


def labelled(categories: list[str]) -> dict[str, Any]:
    """Outcome and label tables of one attribute; the last group has no positives."""
    names = ("base_rate", "tpr", "fpr", "fnr", "ppv", "npv", "accuracy")
    rows = [
        {
            "category": [category],
            "confusion": {"tp": 400, "fp": 100, "fn": 100, "tn": 400},
            **{name: estimate(0.8 - 0.01 * place, 0.02) for name in names},
        }
        for place, category in enumerate(categories)
    ]
    rows[-1]["tpr"] = undefined("nobody with label 1", 400)
    differences = {
        "equal_opportunity": undefined("nobody with label 1 in one group", 400),
        "equalized_odds": undefined("nobody with label 1 in one group", 400),
        "predictive_parity": estimate(0.01, 0.01),
        "accuracy": estimate(0.01, 0.01),
    }
    labels = [
        {
            "category": [category],
            "n": 1000,
            "positive": 500 - 20 * place,
            "rate": wilson(500 - 20 * place, 1000).to_dict(),
            "label_ratio": estimate(1 - 0.04 * place, 0.04),
            "model_ratio": estimate(1 - 0.02 * place, 0.04),
            "amplification": estimate(1.02, 0.03),
        }
        for place, category in enumerate(categories)
    ]
    table = {"grouping": ["sex"], "benchmark": [categories[0]]}
    return {"outcomes": [table | {"rows": rows, "differences": differences}], "labels": [table | {"rows": labels}]}


def leakage_rows() -> list[dict[str, Any]]:
    rows = []
    for subject, level in (("defended", 0.53), ("undefended", 0.81)):
        for source, less in (("representation", 0.0), ("score", 0.02)):
            for target in ("sex", "race=Asian"):
                for probe in ("linear", "mlp"):
                    rows.append(
                        {
                            "subject": subject,
                            "source": source,
                            "target": target,
                            "probe": probe,
                            "metric": "auc",
                            "estimate": estimate(level - less, 0.02, 4000),
                            "chance": 0.5,
                            "control": {"mean": 0.5, "low": 0.48, "high": 0.52},
                            "n_fit": 8000,
                            "n_test": 4000,
                        }
                    )
    faces = {"target": "face", "probe": "linear", "metric": "recall@10", "chance": 0.0025, "control": None}
    for subject, level in (("defended", 0.004), ("undefended", 0.21)):
        more = {"estimate": estimate(level, 0.002, 4000), "n_fit": 8000, "n_test": 4000}
        rows.append({"subject": subject, "source": "representation"} | faces | more)
    return rows


def base(title: str) -> dict[str, Any]:
    lists = (
        "groups", "outcomes", "labels", "calibration", "scores", "thresholds", "leakage", "leakage_against",
        "findings", "warnings", "left_out", "events", "missing", "inputs",
    )  # fmt: skip
    return {
        "schema": 1,
        "title": title,
        "subject": "invented scores.csv",
        "plan": {
            "name": "invented-plan",
            "version": "1",
            "sha256": "12" * 32,
            "title": "An invented plan",
            "status": "in force in a country that does not exist",
            "status_as_of": "2026-11-22",
            "source": "The Invented Gazette, 1",
            "unverified": [],
            "wording": {"line": "This rule sets no threshold; the flag is the federal four-fifths guideline."},
            "groupings": [["sex"]],
            "primary_test": "fisher",
            "level": 0.95,
            "correction": "holm",
        },
        "about": {},
        "versions": {"fairhire": "0.1.0", "duckdb": "2.0.0"},
        "code": None,
        "seed": 0,
        "model": None,
        "rows": {"read": 2000, "counted": 2000, "people": 2000},
        "rates": ["selection"],
        "scoring": None,
        "threshold": None,
        "merged": {},
        "gate": {"verdict": "none", "written": None, "note": ""},
        "events_sha256": "ab" * 32,
    } | {name: [] for name in lists}


RACES = {
    "Asian": (9000, 4520),
    "Black or African American": (8000, 3960),
    "Hispanic or Latino": (11000, 5500),
    "Native American or Alaska Native": (600, 310),
    "Native Hawaiian or Pacific Islander": (1400, 690),
    "Two or more races": (3000, 1530),
    "White": (26000, 13200),
}


def clean_record() -> dict[str, Any]:
    """Make a large audit in which every group that is compared is clear of four fifths and every gate passed."""
    sexes: Counts = {("Female",): (29000, 14450), ("Male",): (31000, 15600)}
    both: Counts = {
        (sex, race): (n // 2 + lean, selected // 2 + lean // 2)
        for sex, lean in (("Female", -100), ("Male", 100))
        for race, (n, selected) in RACES.items()
    }
    record = base("Audit of invented scores.csv under An invented plan")
    record["groups"] = [
        group_table(("sex",), sexes, unknown=(1200, 590)),
        group_table(("race",), {(race,): counts for race, counts in RACES.items()}, unknown=(2100, 1040)),
        group_table(("sex", "race"), both, unknown=(2500, 1200)),
    ]
    record["groups"][0]["strata"] = strata(("Female",), alarm=False)
    record |= {
        "about": {"data_source": "Invented for a test.", "auditor": "Nobody", "audit_date": "2026-11-22"},
        "inputs": [{"name": "invented scores.csv", "sha256": "34" * 32, "rows": 61200}],
        "code": {"sha256": "56" * 32, "files": 170},
        "rows": {"read": 61300, "counted": 61200, "people": 61200},
        "threshold": 0.5,
        "merged": {"sex": {"Male ": "Male", "Male": "Male", "female": "Female"}},
        "leakage": leakage_rows(),
        "leakage_against": [
            {
                "source": source,
                "target": target,
                "probe": probe,
                "metric": "auc",
                "difference": estimate(-0.28, 0.03, 4000),
            }
            for source in ("representation", "score")
            for target in ("sex", "race=Asian")
            for probe in ("linear", "mlp")
        ],
        "findings": [
            {
                "check": "impact ratio",
                "grouping": ["sex"],
                "category": ["Female"],
                "measurement": record["groups"][0]["rows"][0]["impact_ratio"],
                "limit": 0.8,
                "verdict": "passed",
                "gate": True,
                "words": "the whole interval lies at or above 0.8",
            },
            {
                "check": "leakage",
                "grouping": None,
                "category": None,
                "measurement": estimate(0.53, 0.02, 4000),
                "limit": 0.6,
                "verdict": "passed",
                "gate": True,
                "words": "the whole interval lies at or under 0.6",
            },
        ],
        "gate": {
            "verdict": "passed",
            "written": "2026-10-01",
            "note": "the gates were written on 2026-10-01, before the run of 2026-11-20",
        },
        "left_out": [{"what": "rows without a decision", "n": 100, "why": "no outcome"}],
        "model": {
            "name": "invented",
            "model": "hirenet",
            "fusion": "late",
            "modalities": ["text", "audio", "video"],
            "adversary": "face",
            "strength": 1.0,
            "seed": 0,
            "config_sha256": "78" * 32,
            "weights_sha256": "9a" * 32,
            "corpus": "bc" * 32,
            "began": "2026-11-20",
        },
    }
    record["plan"]["checklist"] = [
        {"article": "9(8)", "what": "thresholds defined beforehand", "where": "Gates"},
        {"article": "14", "what": "human oversight", "where": "outside this document"},
    ]
    record["plan"]["unverified"] = ["The guideline's 2 % is of the workforce, not of the data."]
    record |= score_parts(["Female", "Male"], n=5000) | labelled(["Female", "Male"])
    return record


def undecided_record() -> dict[str, Any]:
    """Make a small audit that decides nothing: few people, one tiny group, unknown labels, fields missing."""
    record = base("Audit of invented small.csv under An invented plan")
    record["groups"] = [
        group_table(("sex",), {("Female",): (28, 9), ("Male",): (40, 16), ("Nonbinary",): (3, 2)}, unknown=(9, 4))
    ]
    record["groups"][0]["strata"] = strata(("Female",), alarm=True)
    record |= {
        "inputs": [{"name": "invented small.csv", "sha256": "34" * 32, "rows": 80}],
        "rows": {"read": 85, "counted": 80, "people": 78},
        "missing": [
            {"field": "distribution_date", "why": "6 RCNY 5-303: when the tool was first used", "published": True},
            {"field": "data_source", "why": "6 RCNY 5-303: source and explanation of the data", "published": True},
            {"field": "auditor", "why": "who audited, and paid by whom", "published": False},
        ],
        "findings": [
            {
                "check": "impact ratio",
                "grouping": ["sex"],
                "category": ["Female"],
                "measurement": record["groups"][0]["rows"][0]["impact_ratio"],
                "limit": 0.8,
                "verdict": "undecided",
                "gate": True,
                "words": "the interval holds 0.8",
            }
        ],
        "gate": {"verdict": "undecided", "written": None, "note": "when the gates were written is not known"},
        "warnings": [{"code": "stale-plan", "words": "The plan's status is more than a year old: check it."}],
        "left_out": [{"what": "rows of people who are not in the people table", "n": 5, "why": "no match"}],
    }
    return record
