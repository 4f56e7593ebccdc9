"""Words come back with their times from every kind of transcript, none twice, and nothing but a transcript is read."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairhire.errors import DataError
from fairhire.media import words
from fairhire.media.words import Spoken, find_transcript, read_transcript, transcript_of


def read(name, content, **more):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_transcript(path, **more)


def refusal(name, content):
    with pytest.raises(DataError) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def webvtt(*cues):
    return "\n\n".join(["WEBVTT", *(f"{time}\n{text}" for time, text in cues)])


def whisper(*segments):
    return json.dumps({"segments": segments})


def word(text, start=None, end=None, **more):
    return {"word": text, "start": start, "end": end, **more}


def texts(transcript):
    return [piece.text for piece in transcript.pieces]


def times(transcript):
    return [(piece.start, piece.end) for piece in transcript.pieces]


# --------------------------------------------------------------------------------------------------------- every kind

WORD = st.text("abcÉßж漢0'’-.,?!", min_size=1, max_size=8)
CUE = st.tuples(
    st.integers(101, 90_000),  # ms of silence before; cues that touch may be rolling captions
    st.integers(0, 20_000),  # ms
    st.lists(st.tuples(WORD, st.sampled_from([" ", "\n", "  "])), min_size=1, max_size=6),
)


def laid_out(cues):
    """Return ``cues`` as (start ms, end ms, text)."""
    laid, now = [], 0
    for silence, lasts, said in cues:
        now += silence
        laid.append((now, now + lasts, "".join(text + blank for text, blank in said).strip()))
        now += lasts
    return laid


def clock(ms, point):
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def as_webvtt(laid):
    return webvtt(*((f"{clock(a, '.')} --> {clock(b, '.')} line:0", text) for a, b, text in laid))


def as_srt(laid):
    cues = (f"{n}\n{clock(a, ',')} --> {clock(b, ',')}\n{text}\n" for n, (a, b, text) in enumerate(laid, start=1))
    return "\n".join(cues).replace("\n", "\r\n")


def as_whisper(laid):
    return whisper(*({"start": a / 1000, "end": b / 1000, "text": f" {text}"} for a, b, text in laid))


def as_whisper_cpp(laid):
    return json.dumps({"transcription": [{"offsets": {"from": a, "to": b}, "text": text} for a, b, text in laid]})


KINDS = {
    "a.vtt": (as_webvtt, "webvtt"),
    "a.srt": (as_srt, "srt"),
    "a.json": (as_whisper, "whisper-json"),
    "b.json": (as_whisper_cpp, "whisper-json"),
}


@pytest.mark.parametrize("name", KINDS)
@given(cues=st.lists(CUE, min_size=1, max_size=8))
def test_the_same_words_come_back_each_within_its_cue(name, cues):
    write, source = KINDS[name]
    laid = laid_out(cues)
    transcript = read(name, write(laid))
    assert texts(transcript) == [said for *_, text in laid for said in text.split()]
    assert transcript.source == source
    within = [(a / 1000, b / 1000) for a, b, text in laid for _ in text.split()]
    assert all(a <= piece.start <= piece.end <= b for (a, b), piece in zip(within, transcript.pieces, strict=True))
    starts = [piece.start for piece in transcript.pieces]
    assert starts == sorted(starts)
    alone = all(len(text.split()) == 1 for *_, text in laid)
    assert not alone or transcript.times == "of words"


@given(said=st.lists(st.tuples(WORD, st.integers(0, 3000), st.integers(0, 3000)), min_size=1, max_size=9))
def test_times_of_words_come_back_as_they_were(said):
    now, stated = 0, []
    for text, silence, lasts in said:
        stated.append((text, (now + silence) / 1000, (now + silence + lasts) / 1000))
        now += silence + lasts
    transcript = read("a.json", whisper({"start": 0, "end": 9, "words": [word(" " + w, a, b) for w, a, b in stated]}))
    assert [(piece.text, piece.start, piece.end) for piece in transcript.pieces] == stated
    assert transcript.times == "of words"
    assert transcript.remarks == ()


def test_plain_text_has_words_and_no_times():
    transcript = read("a.TXT", "I am\nhere [speaking in\n French] (laughs) ♪\n<not audible>, ok")
    assert texts(transcript) == ["I", "am", "here", "[speaking in French]", "(laughs)", "♪", "<not audible>,", "ok"]
    assert set(times(transcript)) == {(None, None)}
    assert (transcript.source, transcript.times, transcript.remarks) == ("plain", "none", ())


def test_a_cue_is_spread_by_letters():
    transcript = read("a.vtt", webvtt(("00:10.000 --> 00:18.000", "I am — [so it is], yes!")))
    assert texts(transcript) == ["I", "am", "—", "[so it is],", "yes!"]
    at = [10 + 8 * letters / 12 for letters in (0, 1, 3, 3, 9, 12)]
    assert times(transcript) == [pytest.approx(span) for span in pairwise(at)]
    assert transcript.times == "spread over cues"


@pytest.mark.parametrize("content", ["", "\n \n", b"\xef\xbb\xbf"])
def test_nobody_saying_anything_is_a_transcript(content):
    for name in ("a.txt", "a.srt"):  # as Whisper writes them then
        transcript = read(name, content)
        assert (transcript.pieces, transcript.times, transcript.remarks) == ((), "none", ("an empty file",))
    for name, written in {"a.vtt": "WEBVTT\n", "a.json": whisper()}.items():
        assert (read(name, written).pieces, read(name, written).remarks) == ((), ())
    assert "expected WebVTT" in refusal("a.vtt", content)
    assert "expected JSON" in refusal("a.json", content)


def test_encodings_are_told_apart():
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert texts(read("a.txt", "naïve 漢".encode(encoding))) == ["naïve", "漢"]
    assert read("a.txt", "naïve".encode("utf-16")).remarks == ("decoded from UTF-16",)
    assert "expected text in UTF-8 (or UTF-16 with its mark), got byte 0xef at 2" in refusal(
        "a.txt", "naïve".encode("latin-1")
    )
    assert "got a NUL at character 1" in refusal("a.txt", "naive".encode("utf-16-le"))
    assert "got byte" in refusal("a.txt", b"\xff\xfe\x00\xd8a\x00")  # half a surrogate pair


def test_what_is_no_transcript_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="found no such file"):
        read_transcript(tmp_path / "a.vtt")
    assert "expected a transcript (.json, .vtt, .srt or .txt), got '.docx'" in refusal("a.docx", "hello")
    assert "expected WebVTT" in refusal("a.vtt", "1\n00:00:01,000 --> 00:00:02,000\nhello")
    assert "expected SRT" in refusal("a.srt", "WEBVTT\n\n00:01.000 --> 00:02.000\nhello")
    assert "1 cue without readable times" in refusal("a.srt", "1\nnow --> then\nhello")
    monkeypatch.setattr(words, "_LARGEST", 2**20)
    assert len(read("a.txt", "a" * 2**20).pieces) == 1
    assert "at most 1 MiB" in refusal("a.txt", "a" * (2**20 + 1))
    monkeypatch.setattr(words, "_LONGEST", 3)
    assert len(read("a.txt", "a b c").pieces) == 3
    assert "at most 3 words" in refusal("a.txt", "a b c d")


CAPTIONS = ["WEBVTT", "NOTE ", "STYLE\n", "REGION\n", "1", " --> ", "00:00:01,000", "00:01.000", "00:02.5", "99:99.999"]
TAGS = ["<v Ann>", "</v>", "<c.x>", "<00:00:01.500>", "<", ">", "&amp;", "&#", "&#xd800;", "[", "]", "{\\an8}"]
OBJECTS = ['{"segments":[', '{"start":', '"end":', '"text":"a b"', '"words":[', '{"word":" a"', "}", "]", ","]
SIGNS = ["\n", "\n\n", "\r", "\x00", "\u2028", "hello ", "9" * 30, "NaN", "-1", "1e999", "null"]
SCRAPS = st.lists(st.sampled_from([*CAPTIONS, *TAGS, *OBJECTS, *SIGNS]), max_size=40).map("".join).map(str.encode)


@pytest.mark.parametrize("name", ["a.vtt", "a.srt", "a.json", "a.txt"])
@given(content=st.binary(max_size=300) | SCRAPS)
@example(content=b"WEBVTT\n\n00:01.000 --> 00:02.000\n&#" + b"1" * 5000 + b";")
@example(content=b"[" * 100_000)
@example(content=b'{"segments":[{"start":' + b"1" * 5000 + b"}]}")
def test_any_bytes_are_a_transcript_or_one_line(name, content):
    try:
        transcript = read(name, content)
    except DataError as error:
        lines = str(error).splitlines()
    else:
        check(transcript)
        lines = ["none"]
    assert len(lines) == 1


def check(transcript):
    for piece in transcript.pieces:
        assert piece.text.encode()
        assert " ".join(piece.text.split()) == piece.text != ""
        assert (piece.start is None) == (piece.end is None)
        assert piece.start is None or 0 <= piece.start <= piece.end < float("inf")


# ----------------------------------------------------------------------------------------------------------- captions


def test_webvtt_is_read_to_its_corners():
    transcript = read(
        "a.vtt",
        "\ufeffWEBVTT - a title\nKind: captions\n\nNOTE 00:01.000 --> 00:02.000 is not yet\n\nSTYLE\n::cue {}\n\n"
        "REGION\nid:fred\n\nfirst\n00:01.000 --> 00:02.000 align:start\nR&amp;D <i>un</i>be<b.loud>liev</b>able\n\n"
        "NOTE\nhello\n\n1:00:00.000 --> 01:00:01.000\n<lang en>well&nbsp;said</lang> a < b "
        "&lt;laughs out loud&gt; <3\n",
    )
    assert texts(transcript) == ["R&D", "unbelievable", "well", "said", "a", "<", "b", "<laughs out loud>", "<3"]
    assert transcript.pieces[0].start == 1
    assert transcript.pieces[-1].end == 3601
    assert transcript.remarks == ("8 words of 9 shared a time with others, which was spread",)


def test_inline_times_are_times_of_words():
    timed = webvtt(("00:01.000 --> 00:03.000", "so<00:00:01.500><c> we</c><00:00:02.000><c> be</c><00:00:02.500>gan"))
    transcript = read("a.vtt", timed)
    assert transcript.pieces == (Spoken("so", 1, 1.5), Spoken("we", 1.5, 2), Spoken("began", 2, 3))
    assert transcript.times == "of words"
    shared = read("a.vtt", timed.replace("so<", "so here<"))
    assert shared.times == "spread over cues"
    assert shared.remarks == ("2 words of 4 shared a time with others, which was spread",)


def test_inline_times_that_cannot_be_are_ignored():
    transcript = read("a.vtt", webvtt(("00:01.000 --> 00:03.000", "a<00:00:02.000>b <00:00:01.500>c <00:00:09.000>d")))
    assert texts(transcript) == ["ab", "c", "d"]
    assert "2 inline times outside of its cue or going back, ignored" in transcript.remarks
    assert times(transcript)[-1][1] == 3


def test_srt_as_people_write_it():
    transcript = read(
        "a.srt",
        '\ufeff\r\n1 \r\n00:00:01,000 --> 00:00:02.000 X1:0\r\n{\\an8}<font color="red">Hello</font>,\r\n'
        "<i>you</i>\r\n\r\n"
        "00:00:03,000 --> 00:00:04,000\r\nwithout number\r\n\r\n3\r\n00:00:05,000 --> 00:00:06,000",
    )
    assert texts(transcript) == ["Hello,", "you", "without", "number"]
    assert [start for start, _ in times(transcript)][::2] == [1, 3]
    assert transcript.remarks == ("1 cue without words",)


def test_what_is_wrong_with_cues_is_repaired_and_counted():
    transcript = read(
        "a.vtt",
        webvtt(
            ("00:05.000 --> 00:06.000", "late"),
            ("00:01.000 --> 00:02.000", "early"),
            ("00:04.000 --> 00:03.000", "back"),
            ("00:99.000 --> 99:99.000", "never"),
            ("00:07.000 --> 00:08.000", ""),
        ),
    )
    assert transcript.pieces == (Spoken("early", 1, 2), Spoken("back", None, None), Spoken("late", 5, 6))
    assert transcript.times == "of words"
    assert transcript.remarks == (
        "1 cue could not be read",
        "1 cue without words",
        "1 time span negative, not finite or ending before it starts, taken as unknown",
        "1 cue of 4 out of order, put in order",
        "1 word of 3 without a time",
    )


VOICES = webvtt(
    ("00:01.000 --> 00:02.000", "<v.loud Ann  Lee>Why here?</v>"),
    ("00:03.000 --> 00:05.000", "<v Bob &amp; Co>Because.\n<v Ann Lee>Good."),
    ("00:06.000 --> 00:07.000", "unknown"),
)


def test_only_the_speaker_counts_where_voices_are_known():
    transcript = read("a.vtt", VOICES, speaker="bob & CO")
    assert texts(transcript) == ["Because."]
    assert times(transcript) == [(3, pytest.approx(3 + 2 * 7 / 11))]
    assert transcript.remarks == ("2 voices", "4 words not in the speaker's voice, left out")
    spoken = [word("Why", 0, 1, speaker="S0"), word("here", 1, 2), word("Well", 2, 3, speaker="S1")]
    diarised = whisper({"start": 0, "end": 3, "speaker": "S0", "words": spoken})
    assert texts(read("a.json", diarised, speaker="s1")) == ["Well"]
    assert texts(read("a.json", diarised, speaker="s0")) == ["Why", "here"]


def test_everybody_counts_where_the_speaker_is_no_voice():
    everybody = ["Why", "here?", "Because.", "Good.", "unknown"]
    assert texts(read("a.vtt", VOICES)) == everybody
    assert read("a.vtt", VOICES).remarks[0] == "2 voices"
    other = read("a.vtt", VOICES, speaker="Eve")
    assert texts(other) == everybody
    assert other.remarks[:2] == ("2 voices", "none of the voices is the speaker's; all were kept")
    silent = read("a.vtt", webvtt(("00:01.000 --> 00:02.000", "hello")), speaker="Eve")
    assert (texts(silent), silent.remarks) == (["hello"], ())


# ---------------------------------------------------------------------------------------------------- rolling captions

YOUTUBE = webvtt(
    ("00:00:00.160 --> 00:00:02.310 align:start", " \nhello<00:00:00.480><c> and</c><00:00:00.640><c> welcome</c>"),
    ("00:00:02.310 --> 00:00:02.320 align:start position:0%", "hello and welcome\n "),
    ("00:00:02.320 --> 00:00:04.000 align:start position:0%", "hello and welcome\nto<00:00:02.500><c> the</c>"),
    ("00:00:04.000 --> 00:00:04.010 align:start position:0%", "to the\n "),
    ("00:00:04.010 --> 00:00:06.000 align:start position:0%", "to the\nthe<00:00:05.000><c> show</c>"),
)  # fmt: skip


def test_youtubes_rolling_captions_do_not_double_words():
    transcript = read("a.vtt", YOUTUBE)
    assert transcript.pieces == (
        Spoken("hello", 0.16, 0.48),
        Spoken("and", 0.48, 0.64),
        Spoken("welcome", 0.64, 2.31),
        Spoken("to", 2.32, 2.5),
        Spoken("the", 2.5, 4.0),
        Spoken("the", 4.01, 5.0),  # said twice, indeed
        Spoken("show", 5.0, 6.0),
    )
    assert transcript.times == "of words"
    assert transcript.remarks == ("4 cues of 5 repeated words of the cue before, which count once",)


@given(
    lines=st.lists(st.lists(WORD, min_size=1, max_size=5).map(" ".join), min_size=4, max_size=12, unique=True),
    shown=st.integers(2, 4),
)
def test_lines_that_roll_up_are_read_once(lines, shown):
    windows = [lines[max(0, n - shown + 1) : n + 1] for n in range(len(lines))]
    srt = "\n\n".join(
        f"{n}\n{clock(2000 * n, ',')} --> {clock(2000 * n + 2000, ',')}\n" + "\n".join(window)
        for n, window in enumerate(windows)
    )
    transcript = read("a.srt", srt)
    assert texts(transcript) == " ".join(lines).split()
    spans = [(2 * n, 2 * n + 2) for n, line in enumerate(lines) for _ in line.split()]
    assert all(a <= piece.start <= piece.end <= b for (a, b), piece in zip(spans, transcript.pieces, strict=True))


def test_a_line_that_grows_is_read_once():
    said = ["and", "so", "it", "grows", "word", "by", "word"]
    grown = [(f"00:0{n}.000 --> 00:0{n + 1}.000", " ".join(said[: n + 1])) for n in range(len(said))]
    transcript = read("a.vtt", webvtt(*grown))
    assert transcript.pieces == tuple(Spoken(text, n, n + 1) for n, text in enumerate(said))
    assert transcript.times == "of words"


def test_what_was_said_twice_stays_twice():
    twice = [("00:01.000 --> 00:02.000", "Yes."), ("00:02.000 --> 00:03.000", "Yes.\nI do.")]
    assert texts(read("a.vtt", webvtt(*twice))) == ["Yes.", "Yes.", "I", "do."]
    talk = [(f"00:{n:02}.000 --> 00:{n + 1:02}.000", f"sentence number {n}") for n in range(10)]
    talk[5] = (talk[5][0], "sentence number 4\nand more")  # one cue of nine
    assert len(read("a.vtt", webvtt(*talk)).pieces) == 32
    apart = YOUTUBE.replace("00:00:02.310 -->", "00:00:02.315 -->").replace("00:00:02.310", "00:00:01.000")
    assert len(read("a.vtt", apart).pieces) < 13  # still rolling: the other cues touch
    far = [
        (f"00:{2 * n:02}.000 --> 00:{2 * n + 1:02}.000", "I said that\nand this"[: 11 + 9 * (n % 2)]) for n in range(8)
    ]
    assert len(read("a.vtt", webvtt(*far)).pieces) == 32  # a second apart: said again


# --------------------------------------------------------------------------------------------------------------- JSON


def test_words_of_whisper_are_put_together_as_they_were_written():
    openai = whisper({"words": [word(" A", 0, 1), word(" well", 1, 2), word("-known", 2, 3), word(" fact.", 4, 5)]})
    assert read("a.json", openai).pieces == (Spoken("A", 0, 1), Spoken("well-known", 1, 3), Spoken("fact.", 4, 5))
    whisperx = whisper({"words": [word("just", 0, 1), word("'cause", 1, 2), word("42."), word("漢", 3, 4)]})
    transcript = read("a.json", whisperx)
    assert texts(transcript) == ["just", "'cause", "42.", "漢"]
    assert times(transcript)[2] == (None, None)
    assert (transcript.times, transcript.remarks) == ("of words", ("1 word of 4 without a time",))


def test_a_remark_of_several_words_stays_one_piece():
    transcript = read("a.json", whisper({"words": [word(" [in", 0, 1), word(" audible]", 2, 3), word(" yes", 4, 5)]}))
    assert transcript.pieces == (Spoken("[in audible]", 0, 3), Spoken("yes", 4, 5))
    assert transcript.times == "of words"


def test_times_that_cannot_be_are_unknown():
    for start, end in [("NaN", "1"), ("0", "Infinity"), ("-1", "1"), ("2", "1"), ("0", "1e999"), ("0", "1" * 400)]:
        transcript = read("a.json", '{"segments":[{"start":%s,"end":%s,"text":"a b"}]}' % (start, end))  # noqa: UP031
        assert times(transcript) == [(None, None)] * 2
        assert transcript.times == "none"
        assert transcript.remarks == ("1 time span negative, not finite or ending before it starts, taken as unknown",)


def test_half_a_surrogate_pair_is_replaced():
    transcript = read("a.json", whisper({"start": 0, "end": 1, "text": "a \ud83d b \U0001f600"}))
    assert texts(transcript) == ["a", "\ufffd", "b", "\U0001f600"]
    assert transcript.remarks[1:] == ("1 word with half a character (a lone surrogate), replaced by U+FFFD",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "with 'segments' or 'transcription', got another"),
        ('{"text": "hello"}', "with 'segments' or 'transcription', got another"),
        ('{"segments": {}}', "segments: expected a list, got an object"),
        ('{"segments": [1]}', r"segments\[0\]: expected an object, got a number"),
        ('{"segments": [{"start": 0}]}', r"segments\[0\].text: expected text, got nothing"),
        ('{"segments": [{"text": "a", "start": true}]}', r"segments\[0\].start: expected a number, got true or false"),
        ('{"segments": [{"words": [{"word": 1}]}]}', r"segments\[0\].words\[0\].word: expected text, got a number"),
        ('{"transcription": [{"text": "a"}]}', r"transcription\[0\].offsets: expected an object, got nothing"),
    ],
)
def test_json_of_another_kind_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        read("a.json", content)


def test_what_a_recogniser_heard_becomes_a_transcript():
    heard = [[Spoken(" late", 5, 6)], [Spoken(" two words", 1.0, 3.0)], [Spoken(" wrong", 9.0, 8.0)], []]
    transcript = transcript_of(heard, source="faster-whisper", remarks=["first"])
    assert texts(transcript) == ["two", "words", "wrong", "late"]
    assert transcript.times == "spread over cues"
    assert transcript.remarks[0] == "first"
    assert "1 segment of 4 out of order, put in order" in transcript.remarks
    assert transcript_of([], source="faster-whisper").pieces == ()


# --------------------------------------------------------------------------------------------------------- which file


def lying(folder, *names):
    for name in names:
        (folder / name).write_text("", encoding="utf-8")
    return folder / "a.b.mp4"


def test_the_transcript_lies_beside_the_recording(tmp_path):
    recording = lying(tmp_path, "a.b.mp4", "a.b.x.mp4", "a.vtt", "b.vtt", "a.b.subtitles.vtt", "a.bvtt", "a.b.vtt.bak")
    assert find_transcript(recording) is None
    (tmp_path / "a.b.json").mkdir()
    found = []
    for name in ("a.b.en-GB.srt", "a.b.en-GB.vtt", "a.b.TXT", "a.b.srt", "a.b.Vtt"):
        lying(tmp_path, name)
        found.append(find_transcript(recording).name)
    assert found == ["a.b.en-GB.srt", "a.b.en-GB.vtt", "a.b.TXT", "a.b.srt", "a.b.Vtt"]


def test_two_languages_are_no_choice_of_ours(tmp_path):
    recording = lying(tmp_path, "a.b.mp4", "a.b.en.vtt", "a.b.de.srt")
    with pytest.raises(DataError, match=r"got several: \.de\.srt, \.en\.vtt$"):
        find_transcript(recording)
    lying(tmp_path, "a.b.de.mp4")  # whose transcript the second is
    assert find_transcript(recording).name == "a.b.en.vtt"
    lying(tmp_path, "a.b.txt")
    assert find_transcript(recording).name == "a.b.txt"
    with pytest.raises(DataError, match="expected a folder that can be read"):
        find_transcript(tmp_path / "nowhere" / "a.mp4")


def test_suffixes_that_differ_in_case_only_are_no_choice_of_ours(tmp_path):
    recording = lying(tmp_path, "a.b.mp4", "a.b.vtt", "a.b.VTT")
    if len(list(tmp_path.glob("a.b.[vV]*"))) < 2:
        pytest.skip("this file system knows no case")
    with pytest.raises(DataError, match=r"got several: \.VTT, \.vtt$"):
        find_transcript(recording)


# ------------------------------------------------------------------------------------------------ names before colons

DIALOGUE = [("ANNA", "I led a team."), ("Interviewer", "And then?"), (None, "Tell me."), ("ANNA", "We sold a lot.")]


def as_srt(cues):
    blocks = []
    for place, (name, said_words) in enumerate(cues):
        said = said_words if name is None else f"{name}: {said_words}"
        blocks.append(f"{place + 1}\n00:00:{2 * place:02},000 --> 00:00:{2 * place + 1:02},000\n{said}\n")
    return "\n".join(blocks)


def as_plain(cues):
    return "\n".join(said_words if name is None else f"{name}: {said_words}" for name, said_words in cues)


@pytest.mark.parametrize(("name", "write"), [("a.srt", as_srt), ("a.txt", as_plain)])
def test_names_before_what_is_said_are_voices_and_no_words(name, write):
    everybody = texts(read(name, write(DIALOGUE)))
    assert everybody == ["I", "led", "a", "team.", "And", "then?", "Tell", "me.", "We", "sold", "a", "lot."]
    mine = read(name, write(DIALOGUE), speaker="anna")
    assert texts(mine) == ["I", "led", "a", "team.", "We", "sold", "a", "lot."]
    assert any("not in the speaker's voice" in remark for remark in mine.remarks)
    if name == "a.srt":
        assert mine.pieces[4].start == pytest.approx(6, abs=0.2)


@pytest.mark.parametrize(("name", "write"), [("a.srt", as_srt), ("a.txt", as_plain)])
def test_a_colon_alone_makes_no_voice(name, write):
    said = [(None, "Well: I led a team."), (None, "One thing: it sold."), (None, "And more."), (None, "A lot.")]
    assert texts(read(name, write(said)))[0] == "Well:"
    assert len(texts(read(name, write(said)))) == 13
