from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fairhire.data.first_impressions import CROP, SCORES, describe_crops, read
from fairhire.data.imported import Imported, ImportedInterview, write_imported
from fairhire.errors import DataError, UsageError

WriteCsv = Callable[..., Path]
Python2Pickle = Callable[..., bytes]

VIDEOS = {"A": "--Ymqszjv54", "B": "-6otZ7M-Mro", "C": "tt-EaApaHx4", "D": "o_kTWEEjtyw"}
A0, A1, A2 = (f"{VIDEOS['A']}.00{n}.mp4" for n in range(3))
B0, B3 = (f"{VIDEOS['B']}.00{n}.mp4" for n in (0, 3))
C3, C4, C5 = (f"{VIDEOS['C']}.00{n}.mp4" for n in (3, 4, 5))
D2 = f"{VIDEOS['D']}.002.mp4"

SPLITS = {"training": [A1, C4, B0, D2], "validation": [B3], "test": [C5, A0, C3, A2]}
INTERVIEW = {A0: 0.5, A1: 0.49, A2: 0.75, B0: 0.1, B3: 0.9, C3: 0.6279445727482679, C4: 0.3, C5: 0.7, D2: 0.0}
TRANSCRIPTS = {
    **dict.fromkeys(INTERVIEW, ""),
    A0: "There you go. See? [yelling 00:00:04].",
    A1: "I’m a caf\u00e9 owner [inaudible 00:00:14]",
    B0: "One answer twice",
    B3: "[crosstalk 00:00:01]",
    C3: "One answer twice",
}
OFFICIAL = [(A0, 2, 1), (A2, 2, 1), (C3, 3, 1), (C5, 3, 2)]  # clip, ethnicity, gender: the conflict of the README
CLIPS = ["clip", "youtube_id", "gender", "gender_source", "ethnicity", "ethnicity_source", "age_group"]
INFERRED = [
    (A0, VIDEOS["A"], 1, "official", 2, "official", 5),
    (A1, VIDEOS["A"], 1, "same_video", 2, "same_video", 5),
    (A2, VIDEOS["A"], 1, "official", 2, "official", 6),
    (B0, VIDEOS["B"], 2, "jcs", "", "", 3),
    (B3, VIDEOS["B"], 2, "jcs", "", "", 4),
    (C4, VIDEOS["C"], 2, "jcs", 3, "same_video", 8),
    (D2, VIDEOS["D"], 1, "jcs", 1, "same_video", ""),
]


def annotation(clips: list[str]) -> dict[str, dict[str, float]]:
    scores = {name: dict.fromkeys(clips, 0.25) for name in SCORES if name != "interview"}
    scores["interview"] = {clip: INTERVIEW[clip] for clip in reversed(clips)}  # the order is arbitrary: join by name
    return scores


@pytest.fixture
def source(tmp_path: Path, write_csv: WriteCsv, python2_pickle: Python2Pickle) -> Path:
    """Make a folder as the real one is, of nine clips of four videos."""
    folder = tmp_path / "fiv2"
    (folder / "original").mkdir(parents=True)
    for part, clips in SPLITS.items():
        data = python2_pickle(annotation(clips), numpy_under=["interview"])
        (folder / "original" / f"annotation_{part}.pkl").write_bytes(data)
        texts = {clip: TRANSCRIPTS[clip] for clip in sorted(clips)}
        (folder / "original" / f"transcription_{part}.pkl").write_bytes(python2_pickle(texts))
    official = [("VideoName", "YouTubeID", "Ethnicity", "Gender")]
    official += [(clip, clip[:11], ethnicity, gender) for clip, ethnicity, gender in OFFICIAL]
    write_csv(folder / "original" / "eth_gender_annotations_test.csv", official, separator=";")
    write_csv(folder / "clips.csv.gz", [CLIPS, *INFERRED])
    audio = [("clip", "chroma_stft", "mfcc1"), (A1, 0.31, -272.14), (D2, 0.5, 2), (B3, 0.25, 1e-3)]
    write_csv(folder / "audio_librosa26.csv.gz", audio)
    with zipfile.ZipFile(folder / "faces_test_64x64.zip", "w") as archive:
        for clip in SPLITS["test"]:
            archive.writestr(f"{clip}.jpg", jpeg(picture(clip)))
    return folder


def picture(clip: str, side: int = CROP) -> np.ndarray:
    rng = np.random.default_rng(list(clip.encode()))
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((side, side)))


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def rows(imported: Imported) -> dict[str, ImportedInterview]:
    return {row.interview.id: row for row in imported.interviews}


def left_out(imported: Imported) -> dict[str, int]:
    return {f"{item.what}: {item.why}": item.n for item in imported.left_out}


def people(imported: Imported) -> dict[str, list[str]]:
    return {str(row[0]): [str(cell) for cell in row[1:]] for row in imported.people.itertuples(index=False)}


def edit(path: Path, change: Callable[[Any], Any], python2_pickle: Python2Pickle) -> None:
    value = pickle.loads(path.read_bytes(), encoding="latin1")
    path.write_bytes(python2_pickle(change(value)))


# ---------------------------------------------------------------- clips, scores, words


def test_every_clip_is_an_interview_of_one_answer_named_as_in_the_source(source: Path, tmp_path: Path) -> None:
    imported = read(source)
    clips = rows(imported)
    assert list(clips) == sorted(INTERVIEW)
    assert {clip: row.targets["interview"] for clip, row in clips.items()} == INTERVIEW  # exactly, through 8 raw bytes
    assert all(row.targets["openness"] == 0.25 for row in clips.values())
    assert imported.targets == SCORES
    assert {row.interview.candidate for row in clips.values()} == set(VIDEOS.values())
    assert clips[A0].interview.candidate == VIDEOS["A"]
    assert all(len(row.interview.answers) == 1 for row in clips.values())
    corpus = write_imported(imported, tmp_path / "c")
    assert corpus.record["counts"] == {"interviews": 9, "answers": 9, "candidates": 4}
    assert corpus[0].id == min(INTERVIEW)
    assert "split 'official': 3 of 4 candidates stand in several parts (an identity leak)" in corpus.check()


def test_a_score_of_at_least_the_cut_is_hirable(source: Path) -> None:
    def hirable(cut: float) -> set[str]:
        return {clip for clip, row in rows(read(source, cut=cut)).items() if row.interview.hirable}

    assert hirable(0.5) == {A0, A2, B3, C3, C5}
    assert hirable(0.7) == {A2, B3, C5}
    assert hirable(0) == set(INTERVIEW)
    assert read(source).provenance["hirable"] == "interview score of 0.5 or more"


def test_the_official_split_keeps_its_parts(source: Path) -> None:
    split = {clip: row.splits["official"] for clip, row in rows(read(source)).items()}
    expected = {clip: {"training": "train"}.get(part, part) for part, clips in SPLITS.items() for clip in clips}
    assert split == expected


def test_transcripts_become_words_and_remarks_are_counted_not_kept(source: Path) -> None:
    imported = read(source)
    words = {clip: row.interview.answers[0].words for clip, row in rows(imported).items()}
    assert words[A0] == ("there", "you", "go", "see")
    assert words[A1] == ("i'm", "a", "café", "owner")
    assert words[B3] is None
    assert words[D2] is None
    notes = imported.provenance["notes"]
    assert "0 clips have no transcript, 4 an empty one, 1 one without words" in notes
    assert "1 transcripts repeat another clip's, some by an error of the release; kept" in notes
    assert left_out(imported)["transcriber's remarks: [inaudible 00:00:14] and the like were not said"] == 3


def test_the_leak_of_the_official_split_is_noted(source: Path) -> None:
    note = "official split: 2 of 2 test videos also have clips in training or validation (an identity leak)"
    assert note in read(source).provenance["notes"]


def test_original_files_without_anything_beside_them_are_enough(source: Path, tmp_path: Path) -> None:
    imported = read(source / "original")
    assert [modality.name for modality in imported.modalities] == ["text"]
    assert people(imported)[VIDEOS["A"]] == ["male", "Caucasian", "unknown"]
    write_imported(imported, tmp_path / "c").check()
    (source / "original" / "eth_gender_annotations_test.csv").unlink()
    assert people(read(source / "original"))[VIDEOS["A"]] == ["unknown"] * 3


def test_the_files_read_are_in_the_provenance(source: Path) -> None:
    files = read(source).provenance["files"]
    assert "original/annotation_test.pkl" in files
    assert set(files) == {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}


def test_a_clip_that_misses_scores_is_kept_and_counted(source: Path, python2_pickle: Python2Pickle) -> None:
    def change(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        del scores["interview"][B3]
        return scores

    edit(source / "original" / "annotation_validation.pkl", change, python2_pickle)
    imported = read(source)
    assert rows(imported)[B3].interview.hirable is None
    assert np.isnan(rows(imported)[B3].targets["interview"])
    assert rows(imported)[B3].targets["openness"] == 0.25
    assert "1 clips lack one of the six scores" in imported.provenance["notes"]


def test_transcripts_that_do_not_match_are_counted(source: Path, python2_pickle: Python2Pickle) -> None:
    path = source / "original" / "transcription_test.pkl"
    edit(path, lambda texts: {A0: texts[A0], "abcdefghijk.000.mp4": "who?"}, python2_pickle)
    imported = read(source)
    assert left_out(imported)["transcripts of clips without scores: nothing to learn from"] == 1
    assert "3 clips have no transcript, 2 an empty one, 1 one without words" in imported.provenance["notes"]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("annotation_test", lambda v: {**v, "ValueNeurotisicm": {}}, "expected the scores .*, got .*ValueNeurotisicm"),
        ("annotation_test", lambda v: {k: v[k] for k in v if k != "interview"}, "expected the scores"),
        (
            "annotation_test",
            lambda v: {**v, "interview": {C3: 1.5}},
            "expected a interview score from 0 to 1 for .*1.5",
        ),
        ("annotation_test", lambda v: {**v, "interview": {C3: float("nan")}}, "from 0 to 1 for .*nan"),
        ("annotation_test", lambda v: {**v, "interview": {C3: "good"}}, "from 0 to 1 for .*'good'"),
        ("annotation_test", lambda v: {**v, "interview": {"C3.mp4": 0.5}}, "expected clip names like .*got 'C3.mp4'"),
        ("annotation_test", lambda v: {**v, "interview": "all"}, "expected a dictionary, got str"),
        (
            "annotation_test",
            lambda v: {**v, "interview": {**v["interview"], A1: 0.5}},
            "one part, got .* in train as well",
        ),
        ("transcription_test", lambda v: {**v, C3: {}}, "expected a transcript for .*, got dict"),
    ],
)
def test_an_original_file_of_another_content_is_refused(
    source: Path, python2_pickle: Python2Pickle, name: str, change: Callable[[Any], Any], words: str
) -> None:
    edit(source / "original" / f"{name}.pkl", change, python2_pickle)
    with pytest.raises(DataError, match=words) as caught:
        read(source)
    assert "\n" not in str(caught.value)
    assert f"{name}.pkl" in str(caught.value)


@pytest.mark.parametrize("part", SPLITS)
@pytest.mark.parametrize("kind", ["annotation", "transcription"])
def test_a_missing_original_is_named(source: Path, kind: str, part: str) -> None:
    (source / "original" / f"{kind}_{part}.pkl").unlink()
    with pytest.raises(DataError, match=rf"expected a file {kind}_{part}\.pkl, found none"):
        read(source)


def test_an_original_that_wants_to_run_something_is_refused(source: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "trap"),)

    (source / "original" / "annotation_test.pkl").write_bytes(pickle.dumps({"interview": Trap()}, protocol=2))
    with pytest.raises(DataError, match=r"got the name 'posix\.mkdir'"):
        read(source)
    assert not (tmp_path / "trap").exists()


def test_choices_that_do_not_exist_are_refused(source: Path) -> None:
    for options, words in [
        ({"cut": 1.5}, "cut: expected a score from 0 to 1, got 1.5"),
        ({"clips": "some"}, "clips: expected all or with-faces, got 'some'"),
        ({"demographics": "guessed"}, "demographics: expected official or inferred, got 'guessed'"),
    ]:
        with pytest.raises(UsageError, match=words):
            read(source, **options)  # type: ignore[arg-type]


# ---------------------------------------------------------------- people


def test_only_official_labels_count_by_default_and_a_conflict_is_unknown(source: Path) -> None:
    imported = read(source)
    assert people(imported) == {
        VIDEOS["A"]: ["male", "Caucasian", "25-32"],  # two clips of 25-32, one of 33-45
        VIDEOS["B"]: ["unknown", "unknown", "unknown"],  # 14-18 and 19-24 once each
        VIDEOS["C"]: ["unknown", "African-American", "61+"],  # clip 003 male, clip 005 female
        VIDEOS["D"]: ["unknown", "unknown", "unknown"],
    }
    assert imported.people.columns.tolist() == ["candidate", "gender", "ethnicity", "age_group"]
    counted = left_out(imported)
    assert counted["gender of candidates: clips of one video disagree: unknown"] == 1
    assert counted["gender of candidates: no label: unknown"] == 2
    assert counted["ethnicity of candidates: no label: unknown"] == 2
    assert counted["age_group of candidates: two groups equally frequent in one video: unknown"] == 1
    assert imported.provenance["demographics"] == "official"


def test_inferred_labels_fill_gaps_and_never_overrule_official_ones(source: Path) -> None:
    imported = read(source, demographics="inferred")
    assert people(imported) == {
        VIDEOS["A"]: ["male", "Caucasian", "25-32"],
        VIDEOS["B"]: ["female", "unknown", "unknown"],
        VIDEOS["C"]: [
            "unknown",
            "African-American",
            "61+",
        ],  # official labels disagree: what others inferred is no help
        VIDEOS["D"]: ["male", "Asian", "unknown"],
    }
    assert imported.provenance["demographics"] == "inferred"


def test_inferred_labels_that_disagree_are_unknown(source: Path, write_csv: WriteCsv) -> None:
    table = [CLIPS, *INFERRED[:4], (B3, VIDEOS["B"], 1, "jcs", "", "", 3)]
    write_csv(source / "clips.csv.gz", table)
    imported = read(source, demographics="inferred")
    assert people(imported)[VIDEOS["B"]] == ["unknown", "unknown", "14-18"]
    assert left_out(imported)["gender of candidates: clips of one video disagree: unknown"] == 2


def test_inferred_labels_need_their_file(source: Path) -> None:
    (source / "clips.csv.gz").unlink()
    assert people(read(source))[VIDEOS["A"]] == ["male", "Caucasian", "unknown"]
    with pytest.raises(DataError, match=r"expected clips\.csv\.gz for inferred demographics, found none"):
        read(source, demographics="inferred")


def test_labels_of_the_development_clips_are_read_where_present(source: Path, write_csv: WriteCsv) -> None:
    table = [("VideoName", "YouTubeID", "Ethnicity", "Gender"), (B0, VIDEOS["B"], 1, 2)]
    write_csv(source / "original" / "eth_gender_annotations_dev.csv", table, separator=";")
    assert people(read(source))[VIDEOS["B"]] == ["female", "Asian", "unknown"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((A0, VIDEOS["A"], 4, 1), "row 1, column 'Ethnicity': expected one of 1, 2, 3, got '4'"),
        ((A0, VIDEOS["A"], 1, 0), "row 1, column 'Gender': expected one of 1, 2, got '0'"),
        ((A0, VIDEOS["B"], 1, 1), "row 1, column 'YouTubeID': expected the beginning of the clip's name"),
        ((A0[:-4], VIDEOS["A"], 1, 1), "expected clip names like"),
        ((A0, VIDEOS["A"], 1), "row 1: expected 4 cells, got 3"),
    ],
)
def test_a_bad_official_label_is_named(source: Path, write_csv: WriteCsv, row: tuple[object, ...], words: str) -> None:
    table = [("VideoName", "YouTubeID", "Ethnicity", "Gender"), row]
    write_csv(source / "original" / "eth_gender_annotations_test.csv", table, separator=";")
    with pytest.raises(DataError, match=words):
        read(source)


def test_an_official_file_separated_by_commas_is_refused(source: Path, write_csv: WriteCsv) -> None:
    table = [("VideoName", "YouTubeID", "Ethnicity", "Gender"), (A0, VIDEOS["A"], 1, 1)]
    write_csv(source / "original" / "eth_gender_annotations_test.csv", table)
    with pytest.raises(DataError, match="expected a column 'Gender', got 'VideoName,YouTubeID,Ethnicity,Gender'"):
        read(source)


# ---------------------------------------------------------------- audio, faces, video


class MeanColour:
    """A face encoder that a test can see through: an embedding is the crop's mean colour, minus what it learned."""

    def __init__(self) -> None:
        self.seen = 0

    def fit(self, crops: np.ndarray) -> MeanColour:
        self.seen = len(crops)
        return self

    def embed(self, crops: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (CROP, CROP, 3)
        assert crops.dtype == np.uint8
        return (crops.mean(axis=(1, 2)) / 255).astype(np.float32)

    def describe(self) -> Mapping[str, object]:
        return {"encoder": "mean colour", "crops": self.seen}


def test_audio_is_one_frame_where_the_table_has_the_clip(source: Path) -> None:
    imported = read(source)
    clips = rows(imported)
    assert clips[A1].interview.answers[0].features["audio"].tolist() == [[np.float32(0.31), np.float32(-272.14)]]
    with_audio = {clip for clip, row in clips.items() if "audio" in row.interview.answers[0].features}
    assert with_audio == {A1, D2, B3}
    audio = {modality.name: modality for modality in imported.modalities}["audio"]
    assert (audio.width, audio.units) == (2, "clip means by librosa: chroma_stft, mfcc1")


@pytest.mark.parametrize(
    ("row", "words"),
    [((A1, "nan", 1), "column 'chroma_stft': expected a finite number"), ((D2, 1, 1), "expected every value once")],
)
def test_a_bad_audio_row_is_named(source: Path, write_csv: WriteCsv, row: tuple[object, ...], words: str) -> None:
    write_csv(source / "audio_librosa26.csv.gz", [("clip", "chroma_stft", "mfcc1"), (D2, 0.5, 2), row])
    with pytest.raises(DataError, match=words):
        read(source)


def test_crops_become_video_and_with_an_encoder_faces(source: Path, tmp_path: Path) -> None:
    encoder = MeanColour()
    imported = read(source, face_encoder=encoder)
    clips = rows(imported)
    faces = {clip: row.interview.face for clip, row in clips.items() if row.interview.face is not None}
    assert set(faces) == set(SPLITS["test"])
    assert encoder.seen == 4
    for clip, face in faces.items():
        np.testing.assert_allclose(face, picture(clip).mean(axis=(0, 1)) / 255, atol=0.02)  # JPEG loses a little
        assert clips[clip].interview.answers[0].features["video"].shape == (4, 96)
    assert "video" not in clips[A1].interview.answers[0].features
    assert imported.provenance["face_encoder"] == {"encoder": "mean colour", "crops": 4}
    corpus = write_imported(imported, tmp_path / "c")
    assert corpus.faces.shape == (4, 3)
    assert "5 of 9 interviews have no face" in corpus.check()


def test_without_an_encoder_no_face_is_stored(source: Path, tmp_path: Path) -> None:
    imported = read(source)
    assert all(row.interview.face is None for row in imported.interviews)
    assert not write_imported(imported, tmp_path / "c").has_faces
    assert imported.provenance["face_encoder"] is None


def test_a_crop_that_shows_no_face_has_none_and_is_counted(source: Path) -> None:
    class Blind(MeanColour):
        def embed(self, crops: np.ndarray) -> np.ndarray:
            vectors = super().embed(crops)
            vectors[1] = 0
            return vectors

    imported = read(source, face_encoder=Blind())
    assert sum(row.interview.face is not None for row in imported.interviews) == 3
    assert left_out(imported)["face crops that show no face: the encoder found nothing in them"] == 1


def test_with_faces_keeps_only_clips_that_have_one(source: Path) -> None:
    imported = read(source, clips="with-faces", face_encoder=MeanColour())
    assert set(rows(imported)) == set(SPLITS["test"])
    assert imported.people["candidate"].tolist() == sorted((VIDEOS["A"], VIDEOS["C"]))
    assert [modality.name for modality in imported.modalities] == ["text", "video"]
    assert left_out(imported)["clips without a face crop: clips: with-faces was asked for"] == 5


def test_with_faces_needs_faces(source: Path) -> None:
    (source / "faces_test_64x64.zip").unlink()
    assert "video" not in {modality.name for modality in read(source).modalities}
    with pytest.raises(DataError, match=r"expected face crops .* of scored clips, found none"):
        read(source, clips="with-faces")


def test_crops_in_a_folder_read_like_crops_in_an_archive(source: Path) -> None:
    before = rows(read(source, face_encoder=MeanColour()))
    with zipfile.ZipFile(source / "faces_test_64x64.zip") as archive:
        archive.extractall(source / "faces")
    with pytest.raises(DataError, match="expected one face crop per clip, got a second of"):
        read(source)
    (source / "faces_test_64x64.zip").unlink()
    after = rows(read(source, face_encoder=MeanColour()))
    for clip in SPLITS["test"]:
        np.testing.assert_array_equal(before[clip].interview.face, after[clip].interview.face)


def test_crops_of_another_size_are_scaled_and_strangers_counted(source: Path) -> None:
    (source / "faces").mkdir()
    (source / "faces" / f"{B3}.jpg").write_bytes(jpeg(picture(B3, side=100)))
    (source / "faces" / "abcdefghijk.000.mp4.jpg").write_bytes(jpeg(picture("x")))
    imported = read(source, face_encoder=MeanColour())
    assert rows(imported)[B3].interview.face is not None
    assert left_out(imported)["face crops of clips without scores: no such interview"] == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "expected a whole JPEG image"),
        (b"GIF89a" + b"\0" * 99, "expected a whole JPEG image"),
        (jpeg(np.zeros((64, 64, 3), np.uint8))[:200], "expected a whole JPEG image"),
        (b"\xff" * ((1 << 20) + 1), "at most 1048576 bytes"),
        (jpeg(np.zeros((2, 2000, 3), np.uint8)), "at most 1024 pixels"),
    ],
)
@pytest.mark.parametrize("place", ["archive", "folder"])
def test_a_crop_that_is_no_picture_is_named(source: Path, data: bytes, words: str, place: str) -> None:
    name = f"{B3}.jpg"
    if place == "archive":
        with zipfile.ZipFile(source / "faces_test_64x64.zip", "a") as archive:
            archive.writestr(name, data)
    else:
        (source / "faces").mkdir()
        (source / "faces" / name).write_bytes(data)
    with pytest.raises(DataError, match=words) as caught:
        read(source)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_archive_is_refused(source: Path) -> None:
    path = source / "faces_test_64x64.zip"
    data = bytearray(path.read_bytes())
    for damage in (data[: len(data) // 2], b"", b"no archive", data.replace(jpeg(picture(C5))[40:60], b"\0" * 20)):
        path.write_bytes(damage)
        with pytest.raises(DataError, match=r"faces_test_64x64\.zip") as caught:
            read(source)
        assert "\n" not in str(caught.value)


def test_names_in_an_archive_cannot_reach_outside(source: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    with zipfile.ZipFile(source / "faces_test_64x64.zip", "a") as archive:
        archive.writestr(f"../../{B3}.jpg", jpeg(picture(B3)))
        archive.writestr("../../evil.txt", b"evil")
    assert "video" in rows(read(source))[B3].interview.answers[0].features
    assert set(tmp_path.rglob("*")) == before


# ---------------------------------------------------------------- what a crop is described by


def crops(n: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, CROP, CROP, 3), dtype=np.uint8)


def test_a_crop_is_four_finite_frames_that_depend_on_that_crop_alone() -> None:
    batch = crops()
    described = describe_crops(batch)
    assert described.shape == (5, 4, 96)
    assert described.dtype == np.float32
    assert np.isfinite(described).all()
    for one, frames in zip(batch, described, strict=True):
        np.testing.assert_allclose(describe_crops(one[None])[0], frames, rtol=1e-5, atol=1e-6)
    assert describe_crops(batch[:0]).shape == (0, 4, 96)


def test_a_frame_describes_its_quarter_of_the_crop() -> None:
    crop = crops(1)
    changed = crop.copy()
    changed[0, 50:, :] = 255 - changed[0, 50:, :]  # mirrored in grey, so that mean and spread stay about the same
    before, after = describe_crops(crop)[0], describe_crops(changed)[0]
    difference = np.abs(before - after)[:, 32:].max(axis=1)
    assert difference[3] > 0.5
    assert (difference[:3] < 0.2).all()
    np.testing.assert_allclose(before[:3, :32], after[:3, :32], atol=1e-5)


def test_edges_tell_stripes_apart_by_their_direction() -> None:
    stripes = np.tile((np.arange(CROP) // 4 % 2 * 200).astype(np.uint8), (CROP, 1))
    upright, level = (np.repeat(one[None, ..., None], 3, axis=-1) for one in (stripes, stripes.T))
    across, down = (describe_crops(one)[0, 0, :32].reshape(4, 8) for one in (upright, level))
    assert (across.argmax(axis=1) == 0).all()
    assert (down.argmax(axis=1) == 4).all()
    np.testing.assert_allclose(np.linalg.norm(describe_crops(upright)[0, :, :32], axis=1), 1, rtol=1e-5)


def test_exposure_does_not_count() -> None:
    crop = crops(1) // 2
    np.testing.assert_allclose(describe_crops(crop), describe_crops(crop + 60), atol=1e-4)


def test_a_crop_of_one_colour_is_described_by_zeros() -> None:
    assert not describe_crops(np.full((1, CROP, CROP, 3), 7, np.uint8)).any()


# ---------------------------------------------------------------- the real data


@pytest.mark.skipif("FAIRHIRE_DATA" not in os.environ, reason="needs the real data: set FAIRHIRE_DATA to their folder")
def test_the_real_clips_are_those_of_the_readme() -> None:
    imported = read(Path(os.environ["FAIRHIRE_DATA"]) / "fiv2", demographics="inferred", face_encoder=MeanColour())
    clips = rows(imported)
    assert len(clips) == 10_000
    parts = [row.splits["official"] for row in clips.values()]
    assert [parts.count(part) for part in ("train", "validation", "test")] == [6000, 2000, 2000]
    for part, videos in [("train", 2624), ("validation", 1484), ("test", 1455)]:
        found = {row.interview.candidate for row in clips.values() if row.splits["official"] == part}
        assert len(found) == videos
    assert len(imported.people) == 3060
    notes = imported.provenance["notes"]
    assert "0 clips lack one of the six scores" in notes
    assert "0 clips have no transcript, 11 an empty one, 7 one without words" in notes
    assert "15 transcripts repeat another clip's, some by an error of the release; kept" in notes
    features = [row.interview.answers[0].features for row in clips.values()]
    assert sum("audio" in one for one in features) == 7998
    assert sum("video" in one for one in features) == 2000
    assert not any("audio" in one and "video" in one for one in features)
    assert sum(row.interview.face is not None for row in clips.values()) == 2000
    hirable = sum(bool(row.interview.hirable) for row in clips.values())
    assert round(hirable / 10_000, 3) == 0.531
    official = people(read(Path(os.environ["FAIRHIRE_DATA"]) / "fiv2" / "original"))
    assert official["tt-EaApaHx4"][0] == "unknown"
    assert sum(row[0] != "unknown" for row in official.values()) == 1454
    assert sum(row[1] != "unknown" for row in official.values()) == 1455
