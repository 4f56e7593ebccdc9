"""What a bench consists of, and settings that are refused before anything is done."""

from pathlib import Path

import pytest
from small_bench import quick

from fairhire.bench.systems import LADDER, BenchConfig, Job, OtherScores, jobs_of, modalities_of
from fairhire.errors import UsageError


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seeds": ()}, "seeds: expected every seed once and at least one, got []"),
        ({"seeds": (1, 1)}, "seeds: expected every seed once"),
        ({"folds": 1}, "folds: expected 2 or more, got 1"),
        ({"folds": 3, "training": quick(split="official")}, "folds: expected only with the split candidate"),
        ({"training": quick(adversary="face", epochs=9)}, "bench: expected models without an adversary, got 'face'"),
        ({"replicates": 10}, "replicates: expected 100 or more, got 10"),
    ],
)
def test_bad_settings_are_refused_in_one_line(settings, words):
    with pytest.raises(UsageError) as caught:
        BenchConfig(**settings)
    assert words in str(caught.value)


def test_every_modality_gets_the_whole_ladder_in_every_round(world):
    jobs = jobs_of(world, BenchConfig(training=quick(), seeds=(0, 3), folds=2))
    rounds = {job.round.name for job in jobs}
    assert rounds == {f"seed{seed}-fold{fold}of2" for seed in (0, 3) for fold in (1, 2)}
    for name in world.modalities:
        assert {job.system for job in jobs if job.group == name} == set(LADDER)
    assert {job.system for job in jobs if job.group == "fusion"} == {"early", "late", "gated", "stacked"}
    assert len({job.file for job in jobs}) == len(jobs)
    assert [job.cost for job in jobs] == sorted((job.cost for job in jobs), reverse=True)


def test_one_modality_needs_no_fusion_and_tables_are_jobs_too(world):
    config = BenchConfig(
        training=quick(modalities=("audio",)),
        features={"prosody": Path("x.csv")},
        others={"winner": OtherScores(Path("y.csv"), "score")},
    )
    groups = {job.group for job in jobs_of(world, config)}
    assert groups == {"audio", "features", "others"}


def test_an_unknown_modality_is_refused_and_one_that_nobody_has_left_out(world, tmp_path):
    with pytest.raises(UsageError, match="modality: expected one of text, audio, video"):
        modalities_of(world, BenchConfig(training=quick(modalities=("smell",))))


def test_names_that_differ_only_in_gaps_have_files_of_their_own():
    one = BenchConfig(training=quick()).rounds()[0]
    assert len({Job("features", name, one).file for name in ("a b", "a_b", "a/b", "a%b", "a%5Fb")}) == 5
    assert not set(Job("features", "a/b", one).file) & set("/ ")
