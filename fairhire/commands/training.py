"""Commands that train, predict, measure leakage, and tell the whole story at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairhire.commands.corpora import simulated_beside
from fairhire.commands.terminal import is_helper, is_quiet, print_table, progress, say, shown
from fairhire.errors import DataError, NotComputableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairhire.adversaries.label import SensitiveLabels
    from fairhire.auditing.leakage import LeakageResult
    from fairhire.data.corpus import Corpus
    from fairhire.runs import Run
    from fairhire.training import TrainConfig

__all__ = ["COMMANDS", "sensitive_labels_of", "three_numbers"]


def train_command(
    corpus: Annotated[
        Path | None, typer.Argument(metavar="CORPUS", help="A corpus; without one, the simulated corpus is made.")
    ] = None,
    adversary: Annotated[
        str,
        typer.Option(
            help="none, or what plays against the model: face, face-regression, face-ensemble, face-covariance or "
            "face-hsic; the same with voice; several joined by +; or label (a baseline)."
        ),
    ] = "none",
    erase: Annotated[
        str | None,
        typer.Option(
            help="What is taken out of the trained model: none, cut, face-leace, voice-leace, label-leace (a "
            "baseline), several joined by + [default: cut with a face or voice adversary, else none]."
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SITE",
            help="Where adversaries and erasers act: fused, a modality, 'NAME answers', modalities or answers; may be "
            "given again [default: fused, what the score is read from].",
        ),
    ] = None,
    offset: Annotated[
        str | None,
        typer.Option(
            help="What explains the label in the model's stead while it learns, and is left out afterwards: none, "
            "face, voice or face+voice [default: what the adversary looks for]."
        ),
    ] = None,
    cut_share: Annotated[
        float | None,
        typer.Option(
            help="Share of the variance beside the score that cut keeps, 0 to 1 [default: the most that hides the "
            "faces of validation people from a fresh probe]."
        ),
    ] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Use only this modality; may be given again (default: all of the corpus)."),
    ] = None,
    rating: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Learn this target of the corpus beside the label, where it was rated; may be given again; all: every "
            "target [default: none].",
        ),
    ] = None,
    rating_weight: Annotated[float, typer.Option(help="Weight of the ratings' mean loss beside the label's.")] = 1.0,
    model: Annotated[str, typer.Option(help="hirenet, hn-satt, hn-avg or bigru.")] = "hirenet",
    fusion: Annotated[str, typer.Option(help="How several modalities meet: none, early, late or gated.")] = "early",
    out: Annotated[
        Path | None, typer.Option(help="The run to write (default: runs/MODEL-ADVERSARY, and -ERASER if named).")
    ] = None,
    strength: Annotated[
        str,
        typer.Option(help="The adversary's strength (papers); one of several, as 0.3,1,3, is chosen without labels."),
    ] = "1",
    adversary_steps: Annotated[
        int, typer.Option(help="Steps of the adversary for one of the model; one was measured to leak more.")
    ] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the training people at most (ours).")] = 60,
    batch: Annotated[
        int | None, typer.Option(help="Interviews in a batch [default: 256, or a tenth of fewer than 2560, but 32].")
    ] = None,
    hidden: Annotated[int, typer.Option(help="GRU units per direction (ours; the paper's are unknown).")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Of the model's Adam (ours).")] = 0.001,
    patience: Annotated[int, typer.Option(help="Epochs without better weights before stopping early (ours).")] = 15,
    tolerance: Annotated[
        float, typer.Option(help="Share of the task score to give up for less leakage at most, 0 to 1 (ours).")
    ] = 0.1,
    select_by: Annotated[str, typer.Option(help="The task score that chooses weights: auc or f1.")] = "auc",
    threshold: Annotated[float, typer.Option(help="Selected means a score, 0 to 1, of this or more.")] = 0.5,
    split: Annotated[str, typer.Option(help="candidate, fold:i/k, or a split that the corpus brings.")] = "candidate",
    fractions: Annotated[
        str, typer.Option(help="Shares of people in train/validation/test (the paper's).")
    ] = "0.8/0.1/0.1",
    word_vectors: Annotated[
        Path | None,
        typer.Option(help="Word vectors as fastText or GloVe text (default: word embeddings are learnt)."),
    ] = None,
    label_table: Annotated[
        Path | None,
        typer.Option(help="SENSITIVE labels, a people table: for --adversary label and --erase label-leace only."),
    ] = None,
    label_attribute: Annotated[str | None, typer.Option(help="The column of that table to attack.")] = None,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="32-true or bf16-mixed.")] = "32-true",
    processes: Annotated[int, typer.Option(help="Processes that share every batch.")] = 1,
) -> None:
    """Train a model; run again with the same words after a crash, it goes on where it was."""
    from fairhire.data.corpus import Corpus
    from fairhire.training import TrainConfig, train

    config = TrainConfig(
        model=model,
        modalities=tuple(modality) if modality else None,
        ratings=tuple(rating or ()),
        rating_weight=rating_weight,
        fusion=fusion,
        adversary=adversary,
        erase=erase,
        sites=tuple(at) if at else ("fused",),
        cut_share=cut_share,
        offset=offset,
        strengths=_numbers(strength, ",", "strength"),
        adversary_steps=adversary_steps,
        select_by=select_by,
        threshold=threshold,
        split=split,
        fractions=three_numbers(fractions),
        seed=seed,
        device=device,
        precision=precision,
        processes=processes,
        epochs=epochs,
        batch=batch,
        hidden=hidden,
        learning_rate=learning_rate,
        patience=patience,
        tolerance=tolerance,
    )
    out = out or Path("runs") / "-".join([model, adversary, *([] if erase is None else [erase])])
    if not out.name:
        raise UsageError(f"--out: expected the name of a new folder, got {out}")
    opened = Corpus(corpus) if corpus else simulated_beside(out)
    labels = _sensitive_labels(opened, config, label_table, label_attribute)
    interviews = round(len(opened) * config.fractions[0])
    steps = max(1, round(interviews / config.batch_size(interviews))) * config.epochs * len(config.strengths)
    with progress("training", steps) as advance:
        run = train(opened, config, out, sensitive_labels=labels, word_vectors=word_vectors, advance=advance)
    if not is_helper():
        _print_run(run)


def predict_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A corpus with the same modalities.")],
    out: Annotated[Path, typer.Option(help="The scores table to write: .parquet or .csv.")],
    representation: Annotated[Path | None, typer.Option(help="Write the interview vectors there (.npy).")] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            help="Write what the model says beside the score there (.parquet or .csv) [default: not written]."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Score interviews with a trained model: the corpus's rows, in the corpus's order."""
    import numpy as np

    from fairhire.atomic import new_file
    from fairhire.data.corpus import Corpus
    from fairhire.runs import Run
    from fairhire.training import predict_with_ratings

    if out.suffix not in (".parquet", ".csv"):
        raise UsageError(f"--out: expected a name ending in .parquet or .csv, got {out}")
    if representation is not None and representation.suffix != ".npy":
        raise UsageError(f"--representation: expected a name ending in .npy, got {representation}")
    if ratings is not None and ratings.suffix not in (".parquet", ".csv"):
        raise UsageError(f"--ratings: expected a name ending in .parquet or .csv, got {ratings}")
    _check_device(device)
    opened, trained = Corpus(corpus), Run(run)
    if ratings is not None and not trained.provenance.get("ratings"):
        raise UsageError(f"--ratings: expected a run that was trained with --rating, got {run}")
    with progress("predicting", len(opened)) as advance:
        scores, rated = predict_with_ratings(trained, opened, device=device, advance=advance)
    if representation is not None:
        assert scores.representation is not None
        with new_file(representation) as path, path.open("wb") as file:
            np.save(file, scores.representation)
    if ratings is not None:
        rated.write(ratings)
    scores.write(out)
    missing = int((scores.decision < 0).sum())
    say(f"{len(scores) - missing} interviews scored, {missing} without anything the model reads (score left empty)")
    sys.stdout.write(f"{out}\n")


def _check_device(device: str) -> None:
    import torch

    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device: expected cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device: expected a machine with CUDA for cuda, got none; use --device cpu")


def _numbers(text: str, separator: str, name: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(separator))
    except ValueError:
        raise UsageError(f"--{name}: expected numbers separated by {separator!r}, got {text!r}") from None


def three_numbers(text: str) -> tuple[float, float, float]:
    """Return the three shares in ``text``, as 0.8/0.1/0.1; :class:`UsageError` for anything else."""
    numbers = _numbers(text, "/", "fractions")
    if len(numbers) != 3:
        raise UsageError(f"--fractions: expected three numbers such as 0.8/0.1/0.1, got {text!r}")
    return numbers


def _sensitive_labels(
    corpus: Corpus, config: TrainConfig, table: Path | None, attribute: str | None
) -> SensitiveLabels | None:
    """Return sensitive labels where a direct baseline asks for them, and only there."""
    if "label" not in config.targets:
        if table or attribute:
            raise UsageError(
                "--label-table, --label-attribute: expected only with --adversary label (or --erase label-leace), got "
                f"adversary {config.adversary!r}"
            )
        return None
    asked = "--adversary label" if config.adversary == "label" else f"--erase {config.erase}"
    return sensitive_labels_of(corpus, table, attribute, asked=asked)


def sensitive_labels_of(corpus: Corpus, table: Path | None, attribute: str | None, *, asked: str) -> SensitiveLabels:
    """Read sensitive labels for the direct baselines; the only way by which any can reach training."""
    if table is None or attribute is None:
        raise UsageError(f"{asked}: expected --label-table FILE and --label-attribute COLUMN, got neither or one")
    from fairhire.adversaries.label import SensitiveLabels
    from fairhire.auditing.demographics import UNKNOWN, read_demographics

    ids = corpus.interviews["id"].to_numpy(dtype=str)
    categories = read_demographics(table).of(attribute, corpus.interviews["candidate"].to_numpy(dtype=str))
    classes = sorted(set(categories[categories != UNKNOWN].tolist()))
    place = {name: number for number, name in enumerate(classes)}
    of = {str(i): place[str(c)] for i, c in zip(ids, categories, strict=True) if c != UNKNOWN}
    say(f"WARNING: a labelled baseline reads {attribute} of {len(of)} interviews; it is for comparison, no more")
    return SensitiveLabels(classes, of)


def _print_run(run: Run) -> None:
    """Print how a finished run does on test people, and what its adversary said of itself."""
    from fairhire.estimate import Estimate, task_metrics

    scores, chosen = run.scores, run.chosen
    for remark in run.provenance["remarks"]:
        say(f"note: {remark}")
    for item in run.provenance["left_out"]:
        say(f"left out: {item['n']} {item['what']}: {item['why']}")
    assert scores.hirable is not None
    test = (scores.split == "test") & (scores.hirable >= 0) & (scores.decision >= 0)
    if test.any():
        threshold = float(run.config["threshold"])
        metrics = task_metrics(
            scores.hirable[test], scores.score[test], persons=scores.candidates[test], threshold=threshold
        )
        people = len(set(scores.candidates[test]))
        print_table(
            f"{run.path}: {int(test.sum())} interviews of {people} test people, 95 % intervals by person",
            ["task", "estimate"],
            [[name.replace("_", " "), shown(value)] for name, value in metrics.items()],
        )
        auc = metrics["auc"]
        if isinstance(auc, Estimate) and auc.low <= 0.5:
            sys.stdout.write("on these people the scores cannot be told from chance: the AUC's interval reaches 0.5\n")
    _print_ratings(run)
    for record in run.provenance.get("erasures", []):
        sys.stdout.write(f"{_erased(record)}\n")
    if "adversary_accuracy" in chosen:
        sys.stdout.write(
            f"adversary accuracy {chosen['adversary_accuracy']:.4f}, chance {chosen['adversary_chance']:.4f} (epoch "
            f"{chosen['epoch']}, strength {chosen['strength']:g}). This is not leakage: an adversary at chance proves "
            f"nothing. Measure with: fairhire leakage {run.path} CORPUS --people PEOPLE.csv\n"
        )
    sys.stdout.write(f"{run.path}\n")


def _print_ratings(run: Run) -> None:
    """Print how every rating does on test people who have it, beside the mean of training people; nothing without."""
    import numpy as np

    from fairhire.estimate import rating_metrics

    ratings = run.ratings
    if ratings is None:
        return
    rows = []
    for place, name in enumerate(ratings.names):
        scale = run.provenance["ratings"][name]
        truth, predicted = ratings.annotated[:, place], ratings.predicted[:, place]
        test = (ratings.split == "test") & ~np.isnan(truth) & ~np.isnan(predicted)
        found = rating_metrics(
            truth[test],
            predicted[test],
            constant=scale["mean"],
            binary=scale["kind"] == "binary",
            persons=ratings.candidates[test],
        )
        for figure, value in found.items():
            if not figure.endswith("_constant"):
                constant = found.get(f"{figure}_constant")
                beside = "" if constant is None else shown(constant)
                rows.append([name, str(int(test.sum())), _FIGURES[figure], shown(value), beside])
    print_table(
        f"{run.path}: ratings of test people, 95 % intervals by person",
        ["rating", "annotated", "figure", "estimate", "always the training mean"],
        rows,
    )


_FIGURES = {"auc": "AUC", "mae": "MAE", "one_minus_mae": "1 - MAE", "r2": "R2", "pearson": "Pearson r"}


def _erased(record: Mapping[str, Any]) -> str:
    """Return in a sentence what an eraser left at a site, and whether faces are still found there."""
    words = (
        f"{record['eraser']} at {record['site']}: {record['rank_after']} of {record['width']} numbers are left ("
        f"effective rank {record['effective_rank_before']:.1f} before, {record['effective_rank_after']:.1f} after), "
        f"{100 * record['removed_share']:.1f} % of the variance is gone"
    )
    for kind in ("face", "voice"):
        before, after = (record.get(f"{kind}_retrieval_{when}") for when in ("before", "after"))
        if before and after:
            words += (
                f"; {kind} retrieval on {after['people']} validation people {before['auc']:.3f} before, "
                f"{after['auc']:.3f} after (mean-rank AUC, chance 0.5, standard error {after['standard_error']:.3f})"
            )
    return words


def leakage_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    corpus: Annotated[
        Path | None,
        typer.Argument(metavar="CORPUS", help="Its corpus, for its faces; without it face retrieval is left out."),
    ] = None,
    people: Annotated[Path | None, typer.Option(help="The people table: candidate, then protected attributes.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="The undefended run on the same corpus and split, to stand beside.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON there.")] = None,
    controls: Annotated[
        int, typer.Option(min=0, help="Permutations of every attribute among people, to show chance.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of probes, permutations and bootstrap.")] = 0,
) -> None:
    """Measure what fresh probes read of people from the scores and the representation of a run."""
    from importlib.metadata import version

    import numpy as np

    from fairhire.atomic import sha256, write_json
    from fairhire.auditing.demographics import read_demographics
    from fairhire.auditing.leakage import measure_run
    from fairhire.data.corpus import Corpus
    from fairhire.estimate import Undefined
    from fairhire.runs import Run

    if people is None:
        raise UsageError("--people: expected a people table (candidate, then protected attributes), got none")
    defended, demographics = Run(run), read_demographics(people)
    subject, rows = run.resolve().name, len(defended.scores)
    inputs = [(people, people, len(demographics)), (run, run / "provenance.json", rows)]
    if baseline is not None:
        inputs.append((baseline, baseline / "provenance.json", rows))
    for attribute, spellings in demographics.merged.items():
        say(
            f"{attribute}: " + ", ".join(f"{written!r} read as {category!r}" for written, category in spellings.items())
        )
    faces = face_mask = None
    if corpus is not None and (opened := Corpus(corpus)).has_faces:
        if not np.array_equal(opened.interviews["id"].to_numpy(dtype=str), defended.scores.ids):
            raise DataError(f"{corpus}: expected the interviews of {run}, got others")
        face_mask = opened.face_rows >= 0
        faces = np.asarray(opened.faces)[np.maximum(opened.face_rows, 0)]
        inputs.append((corpus, corpus / "corpus.json", len(opened)))
    result = measure_run(
        defended,
        demographics,
        faces=faces,
        face_mask=face_mask,
        baseline=None if baseline is None else Run(baseline),
        controls=controls,
        seed=seed,
        watch=progress,
    )
    _print_leakage(result, subject)
    sentence = _adversary_beside(defended, result, subject)
    if sentence:
        sys.stdout.write(f"{sentence}\n")
    if out is not None:
        record = result.to_dict()
        record["adversary"] = {key: defended.chosen.get(f"adversary_{key}") for key in ("accuracy", "chance")}
        record["disagreement"] = sentence
        record["inputs"] = [
            {"name": path.resolve().name, "sha256": sha256(file), "rows": rows} for path, file, rows in inputs
        ]
        record["versions"] = {name: version(name) for name in ("fairhire", "numpy", "scikit-learn")}
        write_json(out, record)
        sys.stdout.write(f"{out}\n")
    reasons = [row.estimate.reason for row in result.rows if isinstance(row.estimate, Undefined)]
    if len(reasons) == len(result.rows):
        why = reasons[0] if reasons else f"{people} leaves nothing to ask for"
        raise NotComputableError(f"leakage of {run}: nothing could be measured: {why}")


def _adversary_beside(run: Run, result: LeakageResult, subject: str) -> str | None:
    """Return the sentence that is due when the adversary and the fresh probes disagree."""
    from fairhire.auditing.leakage import false_success

    accuracy, chance = (run.chosen.get(f"adversary_{key}") for key in ("accuracy", "chance"))
    if accuracy is None or chance is None:
        return None
    return false_success(accuracy, chance, [row for row in result.rows if row.subject == subject])


def _print_leakage(result: LeakageResult, subject: str) -> None:
    """Print one line a question and probe, the baseline beside it where there is one."""
    rows = []
    beside = {(row.source, row.target, row.probe, row.metric): row for row in result.rows if row.subject != subject}
    change = {(one.source, one.target, one.probe, one.metric): one.difference for one in result.comparisons}
    for row in result.rows:
        if row.subject != subject:
            continue
        key = (row.source, row.target, row.probe, row.metric)
        control = "" if row.control is None else f"{row.control.mean:.3f}"
        cells = [row.source, row.target, row.probe, row.metric, shown(row.estimate), f"{row.chance:.3f}", control]
        if beside:
            cells += [shown(beside[key].estimate), shown(change[key])]
        rows.append([*cells, f"{row.n_fit}/{row.n_test}"])
    columns = ["source", "target", "fresh probe", "metric", "leakage", "chance", "shuffled"]
    columns += ["undefended", "difference"] if beside else []
    print_table(
        f"{subject}: leakage to fresh probes, judged on people unseen by model and probe; 95 % intervals by person",
        [*columns, "people fit/test"],
        rows,
    )
    for item in result.left_out:
        say(f"left out: {item.n} {item.what}: {item.why}")


def demo_command(
    out: Annotated[Path, typer.Option(help="The folder for corpus, runs and report.")] = Path("demo-report"),
    interviews: Annotated[int, typer.Option(help="Interviews to simulate.")] = 2400,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
) -> None:
    """Simulate biased interviews, train without and with the face adversary, and compare both in one report."""
    from fairhire.demo import run_demo

    sys.stdout.write(f"{run_demo(out, interviews=interviews, seed=seed, quiet=is_quiet())}\n")


COMMANDS = {
    "train": train_command,
    "predict": predict_command,
    "leakage": leakage_command,
    "demo": demo_command,
}
