"""What a run may not begin without, what it counts and says aloud, and what only training people may teach."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fairhire.adversaries.face import PickTheFace, RegressTheFace
from fairhire.adversaries.label import GuessTheLabel, SensitiveLabels
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.data.split import split_by_candidate
from fairhire.errors import DataError, FairhireError, UsageError
from fairhire.interview import Answer, Interview
from fairhire.training import TrainConfig
from fairhire.training.prepare import prepare

Tiny = Callable[..., TrainConfig]
MakeCorpus = Callable[..., Corpus]


def refused(kind: type[FairhireError], corpus: Corpus, config: TrainConfig, **given: object) -> str:
    """Return what a refusal says, having checked that it is one line."""
    with pytest.raises(kind) as caught:
        prepare(corpus, config, **given)  # type: ignore[arg-type]
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


def labels_for(corpus: Corpus) -> SensitiveLabels:
    ids = corpus.interviews["id"].tolist()
    return SensitiveLabels(("f", "m"), {name: number % 2 for number, name in enumerate(ids)})


# --- refusals --------------------------------------------------------------------------------------------------------


def test_an_unknown_modality_is_a_wrong_use(corpus: Corpus, tiny: Tiny) -> None:
    said = refused(UsageError, corpus, tiny(modalities=("audio", "smell")))
    assert said == f"modality: expected one of audio, text ({corpus.path}), got 'smell'"
    assert UsageError.exit_code == 2


def test_several_modalities_need_a_fusion(corpus: Corpus, tiny: Tiny) -> None:
    assert "fusion: expected early, late or gated for 2 modalities, got none" in refused(
        UsageError, corpus, tiny(fusion="none")
    )
    assert prepare(corpus, tiny(fusion="early", modalities=("audio",))).model_config.fusion == "none"


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (lambda person, merit: True, r"expected hirable and not hirable interviews, got \d+ of one class"),
        (
            lambda p, merit: None if p % 2 else False,
            r"expected hirable and not hirable interviews, got \d+ of one class",
        ),
        (lambda person, merit: None, "expected labelled interviews with audio, text, got none"),
    ],
)
def test_one_class_only_is_unusable_data(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, verdict: Callable[[int, bool], bool | None], said: str
) -> None:
    corpus = make_corpus(tmp_path / "c", hirable=verdict)
    with pytest.raises(DataError, match=f"^{tmp_path}/c, train people: {said}$") as caught:
        prepare(corpus, tiny())
    assert caught.value.exit_code == 4


def test_one_class_on_validation_people_is_unusable_too(make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path) -> None:
    def part(number: int) -> str:
        return "train" if number < 15 else "validation"

    corpus = make_corpus(tmp_path / "c", people=20, splits=part, hirable=lambda p, merit: merit if p < 12 else True)
    assert "validation people: expected hirable and not" in refused(DataError, corpus, tiny(split="own"))


@pytest.mark.parametrize("adversary", ["face", "face-regression"])
def test_a_face_adversary_without_faces_is_refused(corpus: Corpus, tiny: Tiny, tmp_path: Path, adversary: str) -> None:
    copy = tmp_path / "c"
    shutil.copytree(corpus.path, copy)
    shutil.rmtree(copy / "biometrics")
    said = refused(DataError, Corpus(copy), tiny(adversary=adversary))
    assert said == f"{copy}: expected face embeddings in biometrics/ for --adversary {adversary}, found none"
    assert DataError.exit_code == 4
    prepare(Corpus(copy), tiny(adversary="none"))  # nobody else needs them


def test_faces_of_one_person_are_too_few(make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path) -> None:
    first = _of_part(tiny, 30, "train")[0]
    corpus = make_corpus(tmp_path / "c", faces=lambda person: person == first)
    assert "faces of at least 3 training candidates for --adversary face, got 1" in refused(
        DataError, corpus, tiny(adversary="face")
    )


def test_faces_of_training_people_alone_are_too_few_to_choose_with(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    # Found out here, not by the probe after the head start and the warm-up.
    judged = _of_part(tiny, 30, "validation")
    corpus = make_corpus(tmp_path / "c", faces=lambda person: person not in judged[2:])
    assert "faces of at least 3 validation candidates for --adversary face, got 2" in refused(
        DataError, corpus, tiny(adversary="face")
    )
    enough = make_corpus(tmp_path / "d", faces=lambda person: person not in judged[3:])
    assert prepare(enough, tiny(adversary="face")).targets == {"face"}


def _of_part(tiny: Tiny, people: int, part: str) -> list[int]:
    """Return the numbers of the people whom the default split puts in ``part``."""
    names = [f"c{number:03d}" for number in range(people)]
    parts = split_by_candidate(names, tiny().fractions, seed=tiny().seed)
    return np.flatnonzero(parts == part).tolist()


def test_equal_faces_teach_nothing_and_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    with CorpusWriter(tmp_path / "c", [Modality("audio", 1)]) as writer:
        for number in range(30):
            answer = Answer({"audio": np.full((2, 1), number, np.float32)})
            face = np.ones(4, np.float32)
            writer.add(Interview(f"i{number}", f"c{number:03d}", (answer,), hirable=bool(number % 2), face=face))
    assert "expected faces that differ" in refused(DataError, Corpus(tmp_path / "c"), tiny(adversary="face"))


def test_sensitive_labels_reach_the_label_adversary_alone(corpus: Corpus, tiny: Tiny) -> None:
    labels = labels_for(corpus)
    for adversary in ("none", "face", "face-regression"):
        said = refused(UsageError, corpus, tiny(adversary=adversary), sensitive_labels=labels)
        assert f"got adversary {adversary!r} with labels" in said
    assert "got adversary 'label' without labels" in refused(UsageError, corpus, tiny(adversary="label"))
    setting = prepare(corpus, tiny(adversary="label"), sensitive_labels=labels)
    assert isinstance(setting.attacks["label"](4), GuessTheLabel)
    assert setting.targets == {"label"}
    assert setting.remarks[0].startswith("the label adversary READS SENSITIVE LABELS (f, m) of ")


def test_sensitive_labels_of_one_category_among_training_people_are_refused(corpus: Corpus, tiny: Tiny) -> None:
    parts = prepare(corpus, tiny()).parts
    trained = corpus.interviews["id"].to_numpy(dtype=str)[parts == "train"]
    tested = corpus.interviews["id"].to_numpy(dtype=str)[parts == "test"]
    labels = SensitiveLabels(("f", "m"), {str(trained[0]): 0, str(trained[1]): 0, str(tested[0]): 1})
    assert "at least 2 categories among training interviews for --adversary label, got 2 of one category" in refused(
        DataError, corpus, tiny(adversary="label"), sensitive_labels=labels
    )


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("fold:1", "split: expected fold:i/k such as fold:1/5, got 'fold:1'"),
        ("fold:a/b", "split: expected fold:i/k such as fold:1/5, got 'fold:a/b'"),
        ("fold:6/5", "fold: expected 1/k to k/k with k of 2 or more, got 6/5"),
        ("official", "split: expected one of candidate, fold:i/k, got 'official'"),
    ],
)
def test_an_unknown_split_is_a_wrong_use(corpus: Corpus, tiny: Tiny, split: str, said: str) -> None:
    assert said in refused(UsageError, corpus, tiny(split=split))


def test_word_vectors_that_are_not_there_are_refused(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    assert "expected a file of word vectors, found none" in refused(
        DataError, corpus, tiny(), word_vectors=tmp_path / "none.vec"
    )


# --- who takes part --------------------------------------------------------------------------------------------------


def test_a_split_by_candidate_has_nobody_on_two_sides(corpus: Corpus, tiny: Tiny) -> None:
    setting = prepare(corpus, tiny())
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    sides = [set(people[setting.parts == part]) for part in ("train", "validation", "test")]
    assert sum(len(side) for side in sides) == len(set.union(*sides)) == 30
    assert not setting.remarks
    assert not setting.left_out


def test_a_fold_is_a_split_by_candidate_too(corpus: Corpus, tiny: Tiny) -> None:
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    tested = [set(people[prepare(corpus, tiny(split=f"fold:{i}/3")).parts == "test"]) for i in (1, 2, 3)]
    assert sum(len(side) for side in tested) == len(set.union(*tested)) == 30


@pytest.mark.parametrize("leaks", [True, False])
def test_a_split_with_one_person_on_two_sides_is_said_aloud(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, leaks: bool
) -> None:
    # Interviews 0 and 1 are of one person; 4 and 5 of another.
    def part(number: int) -> str:
        if number == (1 if leaks else 2):
            return "test"
        return "validation" if number % 4 == 3 else "train"

    setting = prepare(make_corpus(tmp_path / "c", splits=part), tiny(split="own"))
    said = "identity leak: with split 'own', 1 of 1 test candidates are also trained or chosen on; figures on its"
    assert any(remark.startswith(said) for remark in setting.remarks) == leaks


def test_those_without_label_or_recording_are_left_out_and_counted(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    corpus = make_corpus(
        tmp_path / "c",
        hirable=lambda person, merit: None if person in (1, 2, 3) else merit,
        recorded=lambda person: person not in (4, 6),
    )
    setting = prepare(corpus, tiny())
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    taking_part = set(people[setting.train]) | set(people[setting.validation])
    assert not taking_part & {"c001", "c002", "c003", "c004", "c006"}
    assert list(setting.left_out) == [
        {"what": "interviews", "n": 4, "why": "no hirable label: scored, not trained on"},  # c003 has two
        {"what": "interviews", "n": 3, "why": "nothing recorded in audio, text: no score"},  # c006 has two
    ]


def test_training_people_without_a_face_are_counted_and_teach_the_task_only(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    corpus = make_corpus(tmp_path / "c", faces=lambda person: person % 5 != 0)
    setting = prepare(corpus, tiny(adversary="face"))
    without = int((corpus.face_rows[setting.train] < 0).sum())
    assert 0 < without < len(setting.train)
    said = f"{without} of {len(setting.train)} training interviews have no face: they teach the task only"
    assert setting.remarks == (said,)
    assert prepare(corpus, tiny(adversary="none")).remarks == ()


# --- what is learned before the first step ---------------------------------------------------------------------------


def test_words_scales_and_faces_come_from_training_people_only(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path
) -> None:
    config = tiny(adversary="face")
    tested = set(_of_part(tiny, 30, "test") + _of_part(tiny, 30, "validation"))
    plain = make_corpus(tmp_path / "c")
    with CorpusWriter(tmp_path / "d", list(plain.modalities.values())) as writer:
        for interview in plain:
            if int(interview.candidate[1:]) in tested:
                answers = tuple(
                    Answer({"audio": answer.features["audio"] * 100}, ("rare", "rare"), "Odd words here?")
                    for answer in interview.answers
                )
                face = None if interview.face is None else interview.face * 9
                interview = Interview(interview.id, interview.candidate, answers, "p", "odd", interview.hirable, face)
            writer.add(interview)
    one, other = prepare(plain, config), prepare(Corpus(tmp_path / "d"), config)
    assert one.vocabulary == other.vocabulary
    assert "gladly" in one.vocabulary.words
    assert "rare" not in one.vocabulary.words
    for mine, theirs in zip(one.moments["audio"], other.moments["audio"], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    ours, others = one.attacks["face"](4), other.attacks["face"](4)
    assert isinstance(ours, PickTheFace)
    assert isinstance(others, PickTheFace)
    assert ours.target.mean.equal(others.target.mean)
    assert ours.target.components.equal(others.target.components)
    assert ours.target.scale == others.target.scale


def test_the_same_seed_gives_the_same_model_whatever_adversary_follows(corpus: Corpus, tiny: Tiny) -> None:
    torch.manual_seed(123)
    one = prepare(corpus, tiny()).new_model(4).state_dict()
    two = prepare(corpus, tiny(adversary="face")).new_model(4).state_dict()
    other = prepare(corpus, tiny()).new_model(5).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_faces_are_read_only_when_they_are_attacked(corpus: Corpus, tiny: Tiny) -> None:
    for adversary, kind in (("none", None), ("face", PickTheFace), ("face-regression", RegressTheFace)):
        setting = prepare(corpus, tiny(adversary=adversary))
        batch = setting.read(setting.train[:4])
        assert (batch.faces is not None) == ("face" in setting.targets) == (kind is not None)
        assert [type(attack(4)) for attack in setting.attacks.values()] == ([] if kind is None else [kind])


def test_word_vectors_are_taken_and_their_share_is_said(corpus: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "tiny.vec"
    path.write_text("2 3\ngladly 1 2 3\nzebra 4 5 6\n", encoding="utf-8")
    setting = prepare(corpus, tiny(), word_vectors=path)
    assert setting.model_config.word_dim == 3
    assert setting.remarks == (f"word vectors: 1 of the {len(setting.vocabulary) - 2} known words are in tiny.vec",)
    place = int(setting.vocabulary.ids(["gladly"])[0])
    assert setting.new_model(0).words.weight[place].tolist() == [1.0, 2.0, 3.0]


def test_a_model_reads_only_the_modalities_asked_for(corpus: Corpus, tiny: Tiny) -> None:
    setting = prepare(corpus, tiny(modalities=("text",)))
    assert dict(setting.model_config.modalities) == {"text": 1}
    assert set(setting.read(setting.train[:4]).features) == {"text"}
    assert dict(prepare(corpus, tiny()).model_config.modalities) == {"audio": 3, "text": 1}


def test_a_damaged_face_is_named_before_anything_is_trained(
    make_corpus: MakeCorpus, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(tmp_path / "c")
    known, place = corpus.embeddings("face")
    damaged = np.array(known)
    damaged[place[7], 2] = np.nan
    monkeypatch.setattr(type(corpus), "embeddings", lambda self, kind: (damaged, place))
    parts = prepare(corpus, tiny()).parts
    said = r"interview 'i007': expected a finite face embedding, got NaN or infinity$"
    if parts[7] == "test":
        pytest.fail("the test needs an interview that takes part")
    with pytest.raises(DataError, match=said):
        prepare(corpus, tiny(adversary="face"))
