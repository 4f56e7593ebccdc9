"""Commands that judge: audit, its documents, comparison, signature, and the plans by which audits are made."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fairhire.commands.terminal import EXIT_CODES, need_command, print_table, progress, say
from fairhire.errors import DataError, GateFailed, NotComputableError, UsageError

if TYPE_CHECKING:
    from fairhire.perform import Faces
    from fairhire.report.result import AuditResult

__all__ = ["COMMANDS", "plans_app"]

_MOST_SEED = 2**32 - 1

plans_app = typer.Typer(help="List and show the plans by which audits are made.", epilog=EXIT_CODES)


def audit_command(
    subject: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SCORES|RUN]",
            help="A scores table (.csv, .parquet, or a folder of Parquet files), or a finished run.",
            show_default=False,
        ),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            help="The people table: candidate, then protected attributes; without it --grouping names columns."
        ),
    ] = None,
    plan: Annotated[str, typer.Option(help="A plan of `fairhire plans list`, or an own TOML file.")] = "four-fifths",
    out: Annotated[Path, typer.Option(help="The folder to write: AUDIT.json, audit.html, .pdf, .md, …")] = Path(
        "audit"
    ),
    counts: Annotated[
        Path | None, typer.Option(help="Instead of scores: a table attribute,category,n,selected (default: none).")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="For leakage: the undefended run on the same corpus and split (default: none).")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="For face retrieval: the run's corpus, for its faces (default: no retrieval).")
    ] = None,
    representation: Annotated[
        Path | None,
        typer.Option(help="For leakage of a table: vectors (.npy), row by row with the scores (default: none)."),
    ] = None,
    grouping: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A[,B]", help="Ask for this attribute or intersection; may be given again (default: the plan's)."
        ),
    ] = None,
    score_column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="As decision=passed; may be given again (default: our names)."),
    ] = None,
    people_column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="As candidate=applicant_id; may be given again (default: our names)."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Selected means a score, 0 to 1, of this or more (default: the table decides).")
    ] = None,
    score_range: Annotated[str, typer.Option(metavar="LOW,HIGH", help="The scale of the scores.")] = "0,1",
    per: Annotated[
        str, typer.Option(help="candidate: one row a candidate and position; interview: a candidate may have several.")
    ] = "candidate",
    missing: Annotated[
        str, typer.Option(help="Rows without an outcome: refuse, or leave-out (they are counted).")
    ] = "refuse",
    split: Annotated[
        str | None, typer.Option(help="Count only rows of this split (default: test for a run, all for a table).")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Count only rows of this day and later (default: all)."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Count only rows of this day and earlier (default: all)."),
    ] = None,
    period_of: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="Count only rows dated in the plan's reporting period that holds this day (default: all).",
        ),
    ] = None,
    unknown: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD", help="A further word for an unknown category; may be given again (default: the plan's)."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ATTRIBUTE:WRITTEN=CATEGORY",
            help="Read a spelling as a category, as race:Caucasian=White; may be given again (default: as written).",
        ),
    ] = None,
    smallest_share: Annotated[
        float | None,
        typer.Option(
            min=0, max=0.49, help="Leave groups under this share of the known out of ratios (default: the plan's)."
        ),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="A TOML file of what the plan requires to be said: auditor, dates, data (default: none)."),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=TEXT", help="One such field; beats the file; may be given again (default: none)."),
    ] = None,
    legal_basis: Annotated[
        str | None, typer.Option(help="Why these attributes may be processed; plan france asks for it (default: none).")
    ] = None,
    controls: Annotated[int, typer.Option(min=0, help="For leakage: permutations among people, to show chance.")] = 5,
    junit: Annotated[
        Path | None, typer.Option(help="Write the gates' verdicts as JUnit XML there, for CI (default: nowhere).")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="What to print: table, json, markdown, csv or junit; the files are written anyway."
        ),
    ] = "table",
    seed: Annotated[int, typer.Option(min=0, max=_MOST_SEED, help="Of bootstrap, probes and permutations.")] = 0,
) -> None:
    """Audit scores or a run under a plan, and write one document with everything that was found."""
    from fairhire.atomic import write_text
    from fairhire.auditing.intake import Intake
    from fairhire.perform import audit
    from fairhire.report.junit import junit as junit_of
    from fairhire.report.result import refuse_foreign
    from fairhire.runs import Run

    refuse_foreign(out)  # before the work, not after it
    _one_of("--per", per, ("candidate", "interview"))
    _one_of("--missing", missing, ("refuse", "leave-out"))
    _one_of("--format", form, ("table", "json", "markdown", "csv", "junit"))
    if junit is not None:
        _spare(junit, "--junit", (subject, people, counts, baseline, corpus, representation, about), suffixes=(".xml",))
    intake = Intake(
        score_columns=_pairs("--score-column", score_column),
        people_columns=_pairs("--people-column", people_column),
        threshold=threshold,
        score_range=_range(score_range),
        per=_literal(per),
        missing="refuse" if missing == "refuse" else "leave out",
        split=split,
        dates=_window(since, until) if period_of is None else _period(plan, period_of, since or until),
        unknown=tuple(unknown or ()),
        labels=_labels(label),
    )
    opened: Any = subject
    if subject is not None and (subject / "provenance.json").exists():
        opened = Run(subject)
    result = audit(
        opened,
        people=people,
        plan=plan,
        counts=counts,
        baseline=baseline,
        representation=representation,
        intake=intake,
        about={**_facts(about), **_pairs("--fact", fact)},
        legal_basis=legal_basis,
        smallest_share=smallest_share,
        groupings=[tuple(name.strip() for name in one.split(",")) for one in grouping or ()],
        faces=None if corpus is None else _faces(corpus, opened),
        controls=controls,
        seed=seed,
        watch=progress,
    )
    written = result.write(out)
    if junit is not None:
        write_text(junit, junit_of(result.record))
    _say_what_the_calendar_says(plan, result.record["about"])
    _say_notes(result)
    _print_audit(result, form)
    say(f"{written / 'audit.html'}")
    sys.stdout.flush()
    _end(result)


def report_command(
    record: Annotated[Path, typer.Argument(metavar="AUDIT.json", help="The record of an audit.")],
    form: Annotated[
        str,
        typer.Option(
            "--format", help="html, pdf, json, md, csv, junit, summary (what a law asks to publish) or model-card."
        ),
    ] = "html",
    out: Annotated[Path | None, typer.Option(help="Where to write it (default: beside the record).")] = None,
) -> None:
    """Make a document from the record of an audit: page, paper, text, table, summary or model card."""
    from fairhire.atomic import new_file
    from fairhire.report import render_summary
    from fairhire.report.junit import junit as junit_of
    from fairhire.report.result import AuditResult

    _one_of("--format", form, tuple(_DOCUMENTS))
    result = AuditResult.from_json(record)
    makers: dict[str, Callable[[], str | bytes]] = {
        "html": result.to_html,
        "pdf": result.to_pdf,
        "json": result.to_json,
        "md": result.to_markdown,
        "csv": result.to_csv,
        "junit": lambda: junit_of(result.record),
        "summary": lambda: render_summary(result.record),
        "model-card": result.to_model_card,
    }
    path = out or record.parent / _DOCUMENTS[form]
    _spare(path, "--out", (record,), suffixes=(Path(_DOCUMENTS[form]).suffix,))
    content = makers[form]()
    with new_file(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
    sys.stdout.write(f"{path}\n")


_DOCUMENTS = {
    "html": "audit.html",
    "pdf": "audit.pdf",
    "json": "AUDIT.canonical.json",
    "md": "audit.md",
    "csv": "groups.csv",
    "junit": "junit.xml",
    "summary": "summary.html",
    "model-card": "model-card.md",
}


def compare_command(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A run, a scores table or an AUDIT.json: the earlier one.")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="The later one, of the same kind.")],
    people: Annotated[
        Path | None, typer.Option(help="The people table, for runs and scores tables: candidate, then attributes.")
    ] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="Compare by this attribute; may be given again (default: all).")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Rows of this split only (default: test for runs, all for tables).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON there (default: nowhere).")] = None,
    seed: Annotated[int, typer.Option(min=0, max=_MOST_SEED, help="Of the bootstrap.")] = 0,
) -> None:
    """Compare two runs, scores tables or audits: the change with its interval, paired where the people are the same."""
    from fairhire.atomic import write_json
    from fairhire.auditing.compare import compare_records, compare_scores
    from fairhire.auditing.demographics import read_demographics
    from fairhire.report.record import read_record

    if out is not None:
        _spare(out, "--out", (first, second, people), suffixes=(".json",))
    if first.suffix == ".json" and second.suffix == ".json":
        result = compare_records(read_record(first), read_record(second))
    elif people is None:
        raise UsageError("--people: expected a people table for runs and scores tables, got none")
    else:
        demographics = read_demographics(people)
        result = compare_scores(
            _rows_of(first, split),
            _rows_of(second, split),
            demographics,
            attributes=tuple(attribute or demographics.attributes),
            seed=seed,
        )
    record = result.to_dict()
    if out is not None:
        write_json(out, record)
    for sentence in result.words:
        sys.stdout.write(f"{sentence}\n")
    print_table(
        f"{second} minus {first}",
        ["quantity", "attribute", "group", "first", "second", "change", "scale", "reading"],
        [
            [
                str(row["quantity"]),
                " x ".join(row["grouping"] or ()),
                " x ".join(row["category"] or ()),
                _cell(row["first"]),
                _cell(row["second"]),
                _cell(row["change"]),
                row["scale"],
                row["reading"],
            ]
            for row in record["rows"]
        ],
    )
    for item in record["left_out"]:
        say(f"left out: {item['n']} {item['what']}: {item['why']}")
    if out is not None:
        sys.stdout.write(f"{out}\n")
    if all("undefined" in row["change"] for row in record["rows"]):
        raise NotComputableError(f"{first} and {second}: nothing could be compared")


def sign_command(
    record: Annotated[
        Path | None, typer.Argument(metavar="AUDIT.json", help="The record of an audit.", show_default=False)
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The private key (Ed25519, PEM); no default.")] = None,
    signer: Annotated[
        str | None, typer.Option(help="Who answers for the record: a name, as it is to be read; no default.")
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(
            help="The record before this one, to whose signature this one is chained (default: none, a first record)."
        ),
    ] = None,
    signed_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601 with offset (default: this machine's clock, UTC).")
    ] = None,
    new_key: Annotated[
        Path | None,
        typer.Option(
            help="Make a private key there, and its public key beside it as .pub, and sign nothing (default: none)."
        ),
    ] = None,
) -> None:
    """Sign a record: a small file AUDIT.json.sig beside it, which `fairhire verify` checks."""
    from datetime import UTC, datetime

    from fairhire.report.record import new_key as make_key
    from fairhire.report.record import sign

    if new_key is not None:
        if record is not None or key is not None:
            raise UsageError("--new-key: expected alone, got a record or a key to sign with too")
        make_key(new_key)
        sys.stdout.write(f"{new_key}\n{new_key}.pub\n")
        return
    if record is None or key is None or not signer:
        raise UsageError("sign: expected AUDIT.json, --key KEY and --signer NAME (or --new-key KEY), got less")
    when = signed_at or datetime.now(UTC).isoformat(timespec="seconds")
    sys.stdout.write(f"{sign(record, key, signer=signer, previous=previous, signed_at=when)}\n")


def verify_command(
    record: Annotated[Path, typer.Argument(metavar="AUDIT.json", help="The record of an audit.")],
    public_key: Annotated[
        Path | None,
        typer.Option(
            help="The public key of the signer you trust (PEM; default: the one in the signature, which proves less)."
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="The record before this one, to check the chain (default: as far as it lies beside)."),
    ] = None,
) -> None:
    """Check that a record is what was signed; every doubt ends in exit code 5."""
    from fairhire.report.record import verify

    for line in verify(record, public_key=public_key, previous=previous).words:
        sys.stdout.write(f"{line}\n")


@plans_app.callback(invoke_without_command=True)
def _plans(context: typer.Context) -> None:
    need_command(context)


@plans_app.command("list", epilog=EXIT_CODES)
def plans_list() -> None:
    """List the plans that come with fairhire: name, version, status and its date."""
    from fairhire.auditing.plan import plan_names, read_plan

    rows = []
    for name in plan_names():
        plan = read_plan(name)
        rows.append([plan.name, plan.version, plan.status_as_of.isoformat(), plan.title])
    print_table("plans; see one with: fairhire plans show NAME", ["name", "version", "status of", "title"], rows)


@plans_app.command("show", epilog=EXIT_CODES)
def plans_show(name: Annotated[str, typer.Argument(metavar="NAME", help="A plan's name, or a TOML file.")]) -> None:
    """Print what a plan asks, requires and holds against its gates, with sources and what is unverified."""
    from fairhire.auditing.plan import read_plan

    sys.stdout.write(read_plan(name).describe())


COMMANDS = {
    "audit": audit_command,
    "report": report_command,
    "compare": compare_command,
    "sign": sign_command,
    "verify": verify_command,
}


def _one_of(option: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise UsageError(f"{option}: expected one of {', '.join(known)}, got {given!r}")


def _spare(path: Path, option: str, inputs: Sequence[Path | None], *, suffixes: Sequence[str]) -> None:
    """Refuse to write where something of the user's lies: an input, a folder, or a file of another kind."""
    if any(given is not None and given.resolve() == path.resolve() for given in inputs):
        raise UsageError(f"{option}: expected another file than those that are read, got {path}")
    if path.is_dir():
        raise UsageError(f"{option}: expected the name of a file, got the folder {path}")
    if path.exists() and path.suffix not in suffixes:
        raise UsageError(f"{option}: expected a new file or one ending in {suffixes[0]}, found {path} there already")


def _literal(per: str) -> Literal["candidate", "interview"]:
    return "interview" if per == "interview" else "candidate"


def _pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UsageError(f"{option}: expected NAME=VALUE, got {text!r}")
        if name.strip() in pairs:
            raise UsageError(f"{option}: expected one value for {name.strip()}, got two")
        pairs[name.strip()] = value.strip()
    return pairs


def _labels(given: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """Return {attribute: {as written: category}}."""
    labels: dict[str, dict[str, str]] = {}
    for text in given or ():
        attribute, colon, rest = text.partition(":")
        written, equals, category = rest.rpartition("=")
        if not (colon and equals and attribute.strip() and category.strip()):
            raise UsageError(f"--label: expected ATTRIBUTE:WRITTEN=CATEGORY, got {text!r}")
        if (before := labels.setdefault(attribute.strip(), {}).get(written)) not in (None, category.strip()):
            raise UsageError(f"--label: expected one category for {written!r}, got {before!r} and {category.strip()!r}")
        labels[attribute.strip()][written] = category.strip()
    return labels


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition(",")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise UsageError(f"--score-range: expected two numbers such as 0,100, got {text!r}") from None
    if not ends[0] < ends[1]:
        raise UsageError(f"--score-range: expected LOW below HIGH, got {text!r}")
    return ends


def _window(since: str | None, until: str | None) -> Any:
    from datetime import date

    if since is None and until is None:
        return None
    ends = []
    for option, text, otherwise in (("--since", since, date.min), ("--until", until, date.max)):
        try:
            ends.append(otherwise if text is None else date.fromisoformat(text))
        except ValueError:
            raise UsageError(f"{option}: expected a day such as 2026-11-22, got {text!r}") from None
    return ends[0], ends[1]


def _period(plan: str, day: str, other: str | None) -> tuple[Any, Any]:
    from datetime import date

    from fairhire.auditing.plan import read_plan, reporting_window

    if other is not None:
        raise UsageError(f"--period-of: expected alone, got --since or --until {other} too")
    try:
        return reporting_window(read_plan(plan), date.fromisoformat(day))
    except ValueError:
        raise UsageError(f"--period-of: expected a day such as 2026-11-22, got {day!r}") from None


def _say_what_the_calendar_says(plan: str, about: Mapping[str, str]) -> None:
    """Warn of a plan or an audit that has grown old; on the terminal only, since a record has no clock."""
    from datetime import date

    from fairhire.auditing.cautions import cautions
    from fairhire.auditing.plan import read_plan

    for caution in cautions(
        read_plan(plan),
        names=(),
        attributes=(),
        about=about,
        today=date.today(),
        gate_written=None,
        run_began=None,
        legal_basis=None,
    ):
        if caution.code in ("stale-plan", "audit-too-old"):
            say(f"warning: {caution.words}")
    for name, day in {"plan written": read_plan(plan).written.isoformat(), **about}.items():
        if _is_day(day) and date.fromisoformat(day) > date.today():
            say(f"warning: {name.replace('_', ' ')} on {day}, which has not come yet")


def _is_day(text: str) -> bool:
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _facts(path: Path | None) -> dict[str, str]:
    """Read the auditor's statements: a flat TOML file of texts and dates."""
    import tomllib

    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--about: expected a TOML file, found no {path}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"--about {path}: expected a readable TOML file, got {error}") from None
    for name, value in content.items():
        if isinstance(value, (dict, list)):
            raise UsageError(f"--about {path}, {name}: expected a text, got {type(value).__name__}")
    return {name: str(value) for name, value in content.items()}


def _faces(path: Path, run: Any) -> Faces:
    import numpy as np

    from fairhire.data.corpus import Corpus
    from fairhire.perform import Faces
    from fairhire.runs import Run

    if not isinstance(run, Run):
        raise UsageError("--corpus: expected only with a run, got a table of scores")
    corpus = Corpus(path)
    if not corpus.has_faces:
        raise DataError(f"{path}: expected a corpus with faces, got one without")
    if not np.array_equal(corpus.interviews["id"].to_numpy(dtype=str), run.scores.ids):
        raise DataError(f"{path}: expected the interviews of {run.path}, got others")
    return Faces(np.asarray(corpus.faces)[np.maximum(corpus.face_rows, 0)], corpus.face_rows >= 0)


def _rows_of(path: Path, split: str | None) -> Any:
    """Return the scores of a run or a table, of one split only where that is asked for or usual."""
    from dataclasses import replace

    from fairhire.runs import Run
    from fairhire.scores import read_scores

    is_run = (path / "provenance.json").exists()
    scores = Run(path).scores if is_run else read_scores(path)
    wanted = split or ("test" if is_run else None)
    if wanted is None:
        return scores
    rows = scores.split == wanted
    if not rows.any():
        raise DataError(f"{path}: expected rows of the split {wanted}, got none")
    return replace(
        scores,
        ids=scores.ids[rows],
        candidates=scores.candidates[rows],
        position=scores.position[rows],
        split=scores.split[rows],
        score=scores.score[rows],
        decision=scores.decision[rows],
        hirable=None if scores.hirable is None else scores.hirable[rows],
        representation=None if scores.representation is None else scores.representation[rows],
    )


def _say_notes(result: AuditResult) -> None:
    for attribute, spellings in result.record["merged"].items():
        words = ", ".join(f"{written!r} read as {category!r}" for written, category in spellings.items())
        say(f"{attribute}: {words}")
    for item in result.record["left_out"]:
        say(f"left out: {item['n']} {item['what']}: {item['why']}")
    for caution in result.record["warnings"]:
        say(f"warning: {caution['words']}")
    for item in result.record["missing"]:
        blocks = "; no summary can be published without it" if item["published"] else ""
        say(f"not said with --about or --fact: {item['field']} ({item['why']}{blocks})")


def _print_audit(result: AuditResult, form: str) -> None:
    from fairhire.report.junit import junit as junit_of

    if form == "json":
        sys.stdout.write(f"{result.to_json()}\n")
    elif form == "markdown":
        sys.stdout.write(result.to_markdown())
    elif form == "csv":
        sys.stdout.write(result.to_csv())
    elif form == "junit":
        sys.stdout.write(junit_of(result.record))
    else:
        for table in result.record["groups"]:
            print_table(_title(table), _COLUMNS, [_group_cells(row) for row in table["rows"]])
        _print_gates(result)


_COLUMNS = ["group", "n", "selected", "rate", "impact ratio", "method", "four fifths", "interval says", "p (Holm)"]


def _title(table: Mapping[str, Any]) -> str:
    unknown = table["unknown"]["n"] if table["unknown"].get("stated", True) else "a number not stated"
    rate = "selected" if table["rate"] == "selection" else "above the median"
    return f"{' x '.join(table['grouping'])}, {rate}; {unknown} of unknown category, counted and left out"


def _group_cells(row: Mapping[str, Any]) -> list[str]:
    below = {None: "", True: "below", False: "not below"}[row["below_four_fifths"]]
    if row["verdict"] == "benchmark":
        below = "benchmark"
    return [
        " x ".join(row["category"]),
        str(row["n"]),
        str(row["selected"]),
        _cell(row["rate"]),
        _cell(row["impact_ratio"]) if row["verdict"] != "benchmark" else "1",
        row["impact_ratio"].get("method", ""),
        below,
        row["reading"] or "",
        _probability(row["p_holm"]),
    ]


def _probability(p: float | None) -> str:
    if p is None:
        return ""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _print_gates(result: AuditResult) -> None:
    rows = [
        [item["check"], " x ".join(item["grouping"] or ()), " x ".join(item["category"] or ()),
         _cell(item["measurement"]), "" if item["limit"] is None else f"{item['limit']:g}", item["verdict"]]
        for item in result.record["findings"]
        if item["gate"]
    ]  # fmt: skip
    if rows:
        print_table("gates", ["check", "grouping", "group", "measured", "limit", "verdict"], rows)
    sys.stdout.write(f"{result.record['gate']['note']}\n")


def _cell(measurement: Any) -> str:
    if measurement is None:
        return ""
    if "undefined" in measurement:
        return f"undefined: {measurement['undefined']}"
    if "low" not in measurement:
        return f"{measurement['value']:.3f}"
    return f"{measurement['value']:.3f} [{measurement['low']:.3f}, {measurement['high']:.3f}]"


def _end(result: AuditResult) -> None:
    """End with the exit code that the gates, or the lack of anything computable, ask for."""
    judged = [item for item in result.record["findings"] if item["gate"]]
    failed = [item for item in judged if item["verdict"] == "failed"]
    open_ = [item for item in judged if item["verdict"] in ("undecided", "not computable")]
    if result.exit_code == GateFailed.exit_code:
        raise GateFailed(
            f"failed: {len(failed)} of {len(judged)} verdicts of the plan's gates; the first: {failed[0]['words']}"
        )
    if result.exit_code == NotComputableError.exit_code and open_:
        raise NotComputableError(
            f"undecided: {len(open_)} of {len(judged)} verdicts of the plan's gates; the first: {open_[0]['words']}"
        )
    if result.exit_code == NotComputableError.exit_code:
        raise NotComputableError("no impact ratio could be computed; the tables say why")
