"""Recordings become a corpus, each once: killed and resumed, with failures, with more added; and nothing stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairhire.data.corpus import Corpus
from fairhire.errors import DataError, UsageError
from fairhire.extract import ExtractConfig, extract
from fairhire.extract.read import read_recording
from fairhire.extract.recordings import read_recordings
from fairhire.media.gestures import BOX_CHANNELS
from fairhire.media.speech import EGEMAPS_CHANNELS

CONFIG = ExtractConfig(face_frames=3)


@pytest.fixture(scope="session")
def made(answers, tmp_path_factory):
    """Return the corpus of all recordings, and what was said on the way."""
    out, told = tmp_path_factory.mktemp("made") / "corpus", []
    config = replace(CONFIG, functionals=True, voices="eigenvoices")
    return extract(answers, out, config, workers=2, tell=told.append), told


def test_a_corpus_that_check_accepts(made):
    extraction, _ = made
    corpus = extraction.corpus
    assert corpus.check()  # only remarks: nobody has a label, most have no words
    assert (extraction.read, extraction.failed, extraction.resumed) == (4, 0, 0)
    assert 6 < extraction.seconds < 7
    assert list(corpus.interviews["id"]) == ["anna", "bert", "cleo"]
    assert set(corpus.modalities) == {"text", "audio", "video"}
    audio, video = corpus.modalities["audio"], corpus.modalities["video"]
    assert (audio.width, audio.rate_hz, audio.channels, audio.binary) == (25, 4.0, EGEMAPS_CHANNELS, ())
    assert video.channels == (*(channel.name for channel in BOX_CHANNELS), "face_seen")
    assert video.binary == ("face_seen",)
    first = corpus[0].answers[0]
    assert first.words == ("i", "led", "a", "team", "gladly")
    assert (np.diff(first.word_times) > 0).all()
    assert first.word_times[0] == pytest.approx(0.2)
    assert 1.3 <= first.word_times[-1] <= 1.9
    assert [len(answer.features["audio"]) for answer in corpus[0].answers] == [7, 5]
    assert corpus[1].answers[0].words is None


def test_faces_and_voices_lie_apart_and_know_their_people(made):
    corpus = made[0].corpus
    assert len(corpus.faces) == len(corpus.voices) == 3
    assert stat.S_IMODE((corpus.path / "biometrics").stat().st_mode) == 0o700
    np.testing.assert_allclose(np.linalg.norm(corpus.faces, axis=1), 1, atol=1e-5)
    table = pd.read_csv(f"{corpus.path}.recordings.csv").set_index(["interview", "slot"])
    fit = table.loc["anna", "face_fit"]
    assert (fit > 0.5).all()  # both answers show the same person
    assert table.loc[("bert", 0), "face_fit"] != table.loc[("bert", 0), "face_fit"]  # no other answer to fit


def test_somebody_else_in_a_second_answer_is_seen_in_the_table(answers, mine, tmp_path):
    shutil.copy(answers / "cleo" / "1.mp4", mine / "anna" / "2.mp4")
    extract(mine, tmp_path / "out", replace(CONFIG, gestures="boxes"), workers=2)
    table = pd.read_csv(tmp_path / "out.recordings.csv").set_index(["interview", "slot"])
    assert (table.loc["anna", "face_fit"] < 0.3).all()


def test_the_pitch_of_each_is_found_and_the_functionals_written(made):
    corpus = made[0].corpus
    pitch = EGEMAPS_CHANNELS.index("F0semitoneFrom27.5Hz_sma3nz")
    heard = [np.median(corpus.frames("audio", row)[:, pitch]) for row in range(4)]
    expected = [12 * np.log2(hertz / 27.5) for hertz in (200, 210, 110, 150)]
    assert heard == pytest.approx(expected, abs=1.0)
    table = pd.read_parquet(f"{corpus.path}.functionals.parquet")
    assert list(table["interview"]) == ["anna", "bert", "cleo"]
    assert table.shape == (3, 89)


def test_the_table_of_recordings(made):
    table = pd.read_csv(f"{made[0].corpus.path}.recordings.csv")
    assert list(table["state"]) == ["read"] * 4
    assert list(table["seconds"]) == pytest.approx([2.0, 1.5, 1.5, 1.5], abs=0.1)
    assert (table["face_seen"] == table["pictures"]).all()
    assert (table["pictures"] == [8, 6, 6, 6]).all()
    assert (table["face_probability"] > 0.9).all()
    assert list(table["words"].fillna(0)) == [5, 0, 0, 0]
    assert table["words_from"][0] == "srt"
    assert table["remarks"][0] == "1 remarks of the transcriber left out"


def test_a_warning_before_templates_are_made_for_the_first_time(made, answers):
    extraction, told = made
    assert [sum(kind in line for line in told) for kind in ("face templates", "voice templates")] == [1, 1]
    assert all("BIPA" in line and "GDPR" in line for line in told)
    again: list[str] = []
    config = replace(CONFIG, functionals=True, voices="eigenvoices")
    extract(answers, extraction.corpus.path, config, tell=again.append)
    assert again == []


def test_nothing_biometric_stays_beside_the_corpus(made):
    path = made[0].corpus.path
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "corpus", "corpus.functionals.parquet", "corpus.people.csv", "corpus.recordings.csv",
    ]  # fmt: skip
    assert "/in/" not in (path / "corpus.json").read_text()
    assert (path.parent / "corpus.people.csv").read_text() == "candidate\nanna\nbert\ncleo\n"


def test_workers_do_not_change_the_corpus(made, answers, tmp_path):
    config = replace(CONFIG, functionals=True, voices="eigenvoices")
    one = extract(answers, tmp_path / "one", config, workers=1).corpus
    many = made[0].corpus
    assert one.record["checksums"] == many.record["checksums"]
    np.testing.assert_array_equal(one.faces, many.faces)


def test_called_again_it_has_nothing_to_do_and_other_settings_are_refused(answers, tmp_path):
    out = tmp_path / "out"
    light = ExtractConfig(faces="none", gestures="none")
    extract(answers, out, light)
    before = (out / "corpus.json").stat().st_mtime_ns
    again = extract(answers, out, light)
    assert (again.read, again.resumed) == (0, 4)
    assert (out / "corpus.json").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="other recordings, labels or settings"):
        extract(answers, out, replace(light, voice="raw"))
    shutil.copytree(answers, tmp_path / "more")
    with pytest.raises(UsageError, match="other recordings, labels or settings"):
        extract(tmp_path / "more", out, light)
    with pytest.raises(UsageError, match="expected the name of a corpus to make"):
        extract(answers, "", light)


def test_a_folder_of_something_else_is_never_touched(answers, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="found other files"):
        extract(answers, tmp_path / "out", CONFIG)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"
    assert not (tmp_path / "out.work").exists()


def test_a_recording_that_fails_stops_no_other_and_is_told(mine, tmp_path):
    (mine / "anna" / "2.mp4").write_bytes(b"no recording" * 50)
    (mine / "dora").mkdir()
    (mine / "dora" / "1.mp4").write_bytes(b"")
    out = tmp_path / "out"
    light = ExtractConfig(faces="none", gestures="none")
    found = extract(mine, out, light, workers=2)
    assert (found.read, found.failed) == (3, 2)
    table = pd.read_csv(tmp_path / "out.recordings.csv").set_index(["interview", "slot"])
    assert "expected a readable recording" in table.loc[("anna", 1), "reason"]
    assert table.loc[("anna", 1), "state"] == "failed"
    corpus = found.corpus
    assert list(corpus.interviews["id"]) == ["anna", "bert", "cleo"]  # of dora there is nothing
    assert [len(answer.features) for answer in corpus[0].answers] == [1, 0]  # the answer keeps its place, empty
    assert any(item["n"] == 1 and item["what"] == "interviews" for item in corpus.record["provenance"]["left_out"])
    # The rest is kept, its owner's alone, so that only the failed ones are tried again.
    work = tmp_path / "out.work"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    shutil.copy(mine / "anna" / "1.mp4", mine / "anna" / "2.mp4")
    mended = extract(mine, out, light)
    assert (mended.read, mended.failed, mended.resumed) == (1, 1, 3)
    assert len(mended.corpus[0].answers[1].features) == 1
    assert extract(mine, out, light, retry=True).failed == 1  # an empty file stays empty
    assert work.exists()
    assert extract(mine, out, light, keep_work=False).failed == 1  # there is nothing to read, and faces to delete
    assert not work.exists()


def test_a_table_of_people_that_was_filled_in_is_left_alone(mine, tmp_path):
    light = ExtractConfig(faces="none", gestures="none")
    (mine / "bert" / "1.mp4").write_bytes(b"x")
    extract(mine, tmp_path / "out", light)
    (tmp_path / "out.people.csv").write_text("candidate,gender\nanna,woman\n")
    extract(mine, tmp_path / "out", light, retry=True)
    assert (tmp_path / "out.people.csv").read_text() == "candidate,gender\nanna,woman\n"


def test_where_nothing_can_be_read_there_is_no_corpus(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"x")
    with pytest.raises(DataError, match=r"recording that can be read, got none of 1; .* tells why") as caught:
        extract(tmp_path / "in", tmp_path / "out", CONFIG)
    assert "a.mp4" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert "a.mp4" in pd.read_csv(tmp_path / "out.recordings.csv")["reason"][0]


def test_recordings_may_be_added_where_the_work_was_kept(mine, tmp_path):
    light = ExtractConfig(faces="none", gestures="none")
    shutil.move(mine / "cleo", tmp_path / "cleo")
    first = extract(mine, tmp_path / "out", light, keep_work=True)
    shutil.move(tmp_path / "cleo", mine / "cleo")
    more = extract(mine, tmp_path / "out", light)
    assert (first.read, more.read, more.resumed) == (3, 1, 3)
    assert list(more.corpus.interviews["id"]) == ["anna", "bert", "cleo"]
    assert not (tmp_path / "out.work").exists()


def test_killed_in_the_middle_it_goes_on(mine, tmp_path):
    for place in range(26):
        shutil.copytree(mine / "bert", mine / f"more{place}")
    out = tmp_path / "out"
    script = (
        "from fairhire.extract import ExtractConfig, extract\n"
        "if __name__ == '__main__':\n"
        f"    extract({str(mine)!r}, {str(out)!r}, ExtractConfig(faces='none', gestures='none'), workers=2)\n"
    )
    (tmp_path / "script.py").write_text(script)
    process = subprocess.Popen([sys.executable, str(tmp_path / "script.py")], stderr=subprocess.PIPE)
    parts = tmp_path / "out.work" / "parts"
    until = time.monotonic() + 60
    while not (parts.is_dir() and len(list(parts.glob("[!.]*.safetensors"))) >= 3):
        assert time.monotonic() < until
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (parts / ".half.safetensors").write_bytes(b"half")  # what a kill may leave
    done = {path.name: path.stat().st_mtime_ns for path in parts.glob("[!.]*.safetensors")}
    assert not out.exists()
    assert 3 <= len(done) < 30
    config = ExtractConfig(faces="none", gestures="none")
    resumed = extract(mine, out, config, workers=2, keep_work=True)
    assert resumed.resumed == len(done)  # each recording is read once
    assert resumed.read == 30 - len(done)
    assert {name: (parts / name).stat().st_mtime_ns for name in done} == done
    assert sorted(path.name for path in parts.iterdir()) == sorted(
        f"{one.key}.safetensors" for one in read_recordings(mine).recordings
    )
    assert len(extract(mine, tmp_path / "whole", config, workers=2).corpus) == len(resumed.corpus) == 29
    assert resumed.corpus.record["checksums"] == Corpus(tmp_path / "whole").record["checksums"]


def test_killed_between_tables_and_corpus_it_is_made_good(answers, tmp_path):
    light = ExtractConfig(faces="none", gestures="none", functionals=True)
    out = tmp_path / "out"
    extract(answers, out, light, keep_work=True)
    (tmp_path / "out.work" / "finished.json").unlink()  # as a kill leaves it
    for name in ("recordings.csv", "people.csv", "functionals.parquet"):
        (tmp_path / f"out.{name}").unlink()
    for half in (".out.abcdefgh", ".out.old.abcd_fgh"):
        (tmp_path / half / "out").mkdir(parents=True)
    (tmp_path / ".out.recordings.csv.abcdefgh.csv").write_text("half")
    (tmp_path / ".out.notours").mkdir()
    again = extract(answers, out, light)
    assert (again.read, again.resumed) == (0, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".out.notours", "out", "out.functionals.parquet", "out.people.csv", "out.recordings.csv",
    ]  # fmt: skip
    assert stat.S_IMODE((tmp_path / "out.functionals.parquet").stat().st_mode) == 0o600


def test_a_corpus_that_was_only_moved_aside_comes_back(answers, tmp_path):
    light = ExtractConfig(faces="none", gestures="none")
    extract(answers, tmp_path / "out", light, keep_work=True)
    (tmp_path / ".out.old.abcdefgh").mkdir()
    (tmp_path / "out").replace(tmp_path / ".out.old.abcdefgh" / "out")
    (tmp_path / "out.work" / "finished.json").unlink()
    assert extract(answers, tmp_path / "out", light).resumed == 4
    assert not (tmp_path / ".out.old.abcdefgh").exists()


def test_two_at_once_on_one_corpus_are_refused(answers, tmp_path):
    import fcntl

    light = ExtractConfig(faces="none", gestures="none")
    extract(answers, tmp_path / "other", light, keep_work=True)
    (tmp_path / "other" / "corpus.json").unlink()
    shutil.rmtree(tmp_path / "other")
    with (tmp_path / "other.work" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="the only extraction at work there, found another"):
            extract(answers, tmp_path / "other", light)
    assert extract(answers, tmp_path / "other", light).resumed == 4


def test_a_kill_before_the_first_word_blocks_nothing(answers, tmp_path):
    (tmp_path / "out.work").mkdir()  # made, and nothing written into it
    assert extract(answers, tmp_path / "out", ExtractConfig(faces="none", gestures="none")).read == 4


def test_other_labels_or_questions_are_another_corpus(answers, tmp_path):
    rows = {"recording": [answers / "bert" / "1.mp4", answers / "cleo" / "1.mp4"], "candidate": ["b", "c"]}
    light = ExtractConfig(faces="none", gestures="none")

    def of(**columns):
        pd.DataFrame(rows | columns).to_csv(tmp_path / "t.csv", index=False)
        return extract(tmp_path / "t.csv", tmp_path / "out", light, keep_work=True)

    of(hirable=["yes", "no"], question=["Why?", "Why?"])
    changed = of(hirable=["no", "yes"], question=["Who?", "Why?"])
    assert (changed.read, changed.resumed) == (0, 2)  # no recording is read again
    assert changed.corpus.interviews["hirable"].tolist() == [False, True]
    assert changed.corpus[0].answers[0].question == "Who?"
    shutil.rmtree(tmp_path / "out.work")
    with pytest.raises(UsageError, match="other recordings, labels or settings"):
        of(hirable=["yes", "yes"], question=["Who?", "Why?"])


def test_who_was_forgotten_does_not_come_back(answers, tmp_path):
    told: list[str] = []
    light = ExtractConfig(faces="none", gestures="none")
    found = extract(answers, tmp_path / "out", light, forgotten=lambda who: who == "anna", tell=told.append)
    assert list(found.corpus.interviews["id"]) == ["bert", "cleo"]
    assert told == ["note: 2 recordings of 1 candidates who were forgotten here are left out"]
    with pytest.raises(DataError, match="of somebody who was not forgotten, got none of 4"):
        extract(answers, tmp_path / "none", light, forgotten=lambda _who: True)


def test_after_biometrics_were_deleted_new_ones_are_announced(answers, tmp_path):
    config = ExtractConfig(faces="none", gestures="none", voices="eigenvoices")
    extract(answers, tmp_path / "out", config, keep_work=True)
    for part in (tmp_path / "out.work" / "parts").iterdir():
        part.unlink()
    (tmp_path / "out.work" / "finished.json").unlink()
    told: list[str] = []
    extract(answers, tmp_path / "out", config, tell=told.append)
    assert [line for line in told if "voice templates" in line]


def test_trouble_beside_one_recording_stops_no_other(mine, tmp_path):
    for language in ("en", "de"):
        (mine / "bert" / f"1.{language}.vtt").write_text("WEBVTT\n")
    (mine / "cleo" / "1.json").write_text('{"no": "whisper"}')
    (mine / "cleo" / "1.vtt").write_text("WEBVTT\n\n00:00.100 --> 00:09.000\nWell then\n")
    corpus = extract(mine, tmp_path / "out", ExtractConfig(faces="none", gestures="none")).corpus
    table = pd.read_csv(tmp_path / "out.recordings.csv").set_index("interview")
    assert "transcript" in table.loc["bert", "remarks"]
    assert table.loc["cleo", "words_from"] == "webvtt"  # the file that can be read
    assert "1.json" in table.loc["cleo", "remarks"]
    assert "1 of 2 words lie behind the recording's end" in table.loc["cleo", "remarks"]
    assert corpus[2].answers[0].words == ("well", "then")


def test_two_recordings_of_one_name_and_odd_file_names(mine, tmp_path):
    (mine / "caf\udce9").mkdir()
    shutil.copy(mine / "bert" / "1.mp4", mine / "caf\udce9" / "a.mp4")
    corpus = extract(mine, tmp_path / "out", ExtractConfig(faces="none", gestures="none")).corpus
    assert "caf\\udce9" in corpus.interviews["candidate"].tolist()
    shutil.copy(mine / "bert" / "1.mp4", mine / "bert" / "1.mov")
    with pytest.raises(DataError, match="expected one recording of each name, got 1 more"):
        extract(mine, tmp_path / "out2", ExtractConfig(faces="none", gestures="none"))


def test_a_script_without_a_guard_is_told_and_nothing_is_stored(answers, tmp_path):
    (tmp_path / "script.py").write_text(
        "from fairhire.extract import ExtractConfig, extract\n"
        f"extract({str(answers)!r}, {str(tmp_path / 'out')!r}, ExtractConfig(faces='none', gestures='none'))\n"
    )
    said = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False)
    assert "a script that starts them does so below `if __name__ == '__main__':`" in said.stderr
    assert not list((tmp_path / "out.work" / "failed").iterdir())


def test_how_long_it_is_is_known_whatever_is_described(answers, tmp_path):
    extract(answers, tmp_path / "out", ExtractConfig(faces="none", gestures="none", voice="none"))
    table = pd.read_csv(tmp_path / "out.recordings.csv")
    assert table["seconds"].tolist() == pytest.approx([2.0, 1.5, 1.5, 1.5], abs=0.1)
    assert table["picture_seconds"].tolist() == pytest.approx([2.0, 1.5, 1.5, 1.5], abs=0.01)


def test_gestures_of_openface_where_its_tables_lie_beside(mine, tmp_path):
    from fairhire.media.openface import OPENFACE_CHANNELS

    names = [channel.name for channel in OPENFACE_CHANNELS]
    rows = {"timestamp": np.arange(16) / 8, "confidence": 0.9, "success": 1} | dict.fromkeys(names, 0.5)
    pd.DataFrame(rows).to_csv(mine / "anna" / "1.openface.csv", index=False)
    told: list[str] = []
    boxes = extract(mine, tmp_path / "boxes", ExtractConfig(faces="none"), tell=told.append)
    assert boxes.gestures == "boxes"  # not all have a table
    assert "1 of 4 recordings have a table of OpenFace" in told[0]
    corpus = extract(mine, tmp_path / "out", ExtractConfig(faces="none", gestures="openface")).corpus
    assert corpus.modalities["video"].channels == (*names, "face_seen")
    assert "AU01_c" in corpus.modalities["video"].binary
    assert corpus.record["provenance"]["extraction"]["gestures"] == "openface"
    assert corpus.length("video").tolist() == [7, 0, 0, 0]
    table = pd.read_csv(tmp_path / "out.recordings.csv")
    assert "no table of OpenFace" in table["remarks"][1]


def test_labels_and_questions_of_a_table_reach_the_corpus(answers, tmp_path):
    pd.DataFrame(
        {
            "recording": [answers / "bert" / "1.mp4", answers / "cleo" / "1.mp4"],
            "candidate": ["b", "c"],
            "question": ["Why?", "Why?"],
            "position": "P",
            "job_title": "driver",
            "hirable": ["yes", "no"],
            "rating.calm": [3.5, None],
            "split": ["train", "test"],
        }
    ).to_csv(tmp_path / "t.csv", index=False)
    corpus = extract(tmp_path / "t.csv", tmp_path / "out", ExtractConfig(faces="none", gestures="none")).corpus
    assert corpus.interviews["hirable"].tolist() == [True, False]
    assert corpus.targets == ("calm",)
    assert corpus.splits == ("given",)
    assert (corpus[0].job_title, corpus[0].answers[0].question) == ("driver", "Why?")


def test_what_is_missing_is_said_before_the_first_recording_is_read(answers, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRHIRE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match=r"facenet: expected the weights at .*vggface2\.pt, found no file; fetch"):
        extract(answers, tmp_path / "out", ExtractConfig(faces="facenet"))
    assert not (tmp_path / "out.work").exists()


def test_a_file_without_sound_or_pictures_to_read_fails_and_one_of_them_is_enough(tmp_path):
    from tiny_media import write_person

    silent = write_person(tmp_path / "in" / "a.mp4", 1, pitch=None)
    config = replace(CONFIG, gestures="boxes")
    extraction = extract(tmp_path / "in", tmp_path / "out", config)
    assert set(extraction.corpus.modalities) == {"video"}
    assert "no sound" in pd.read_csv(tmp_path / "out.recordings.csv")["remarks"][0]
    (recording,) = read_recordings(tmp_path / "in").recordings
    content = read_recording(config, recording)
    assert json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["video"]["shape"][1] == 13
    assert silent.exists()
    empty = write_person(tmp_path / "in2" / "b.mp4", None, pitch=None)
    with pytest.raises(DataError, match="expected words, voice or gestures in one of 1 recordings, got none"):
        extract(tmp_path / "in2", tmp_path / "out2", config)
    assert Path(empty).exists()


def test_a_users_own_folder_that_is_named_like_a_temporary_one_stays(answers, tmp_path):
    (tmp_path / ".out.backup_1").mkdir()
    (tmp_path / ".out.backup_1" / "thesis.txt").write_text("mine")
    extract(answers, tmp_path / "out", ExtractConfig(faces="none", gestures="none"))
    assert (tmp_path / ".out.backup_1" / "thesis.txt").read_text() == "mine"
