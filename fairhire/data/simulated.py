"""The built-in corpus: made-up interviews whose recruiters are biased by a known amount, for tests, demos and teaching.

How the made-up world works, and which dial of :class:`SimulationConfig` moves it:

- **Who somebody is** (``leak``). A person is a latent identity: gender, ethnicity, age and twelve more numbers. A
  face embedding shows it almost perfectly, a voice embedding gender, age and half of the rest. Words (favourite
  interjections), audio (pitch, voice quality, formants) and video (head, brow, lips) show a part of it, blurred by
  the session's microphone, camera and mood. The dial scales that part; at 0 no word and no frame depends on who
  somebody is. Some people come back for several interviews.
- **How good the answers are.** An answer touches four aspects (planning, negotiation, numbers, care) and wanders off in
  between. How well each is handled is drawn anew and does not depend on identity. It shows in the manner, pace and
  force: in adverbs, in the audio's speech rate and loudness, in the video's movement.
- **What counts** (``context``). A question asks for one aspect, and only that aspect of its answer counts; a position
  weighs two kinds of question and hardly the others; and what is a good manner depends on what is spoken of: brisk
  planning, firm negotiation, patient calculation, gentle care. At 0 none of that holds: all aspects of all answers
  count alike, and brisk is good everywhere. In between, the weights and directions are blended.
- **What recruiters say** (``bias``). Each adds own noise and the group effects times the dial to the merit, and calls
  hirable whoever lies above the median. At 0 labels do not depend on gender, ethnicity or age.

The world (faces, voices, words, effects) is the same for every seed; people, answers and positions are drawn. Every
draw belongs to one interview or person, so asking for more interviews, another bias or another leak leaves everything
else as it was. All figures here are our choices, none is from a paper.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.data.corpus import Modality
from fairhire.data.imported import Imported, ImportedInterview
from fairhire.errors import UsageError
from fairhire.interview import TEXT, Answer, Interview

__all__ = ["RATING", "SimulationConfig", "simulate"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATING = "rating"
"""The corpus's continuous target: the recruiters' mean rating, squashed into 0 to 1."""

_MODALITIES = {
    TEXT: Modality(TEXT, 1, units="words"),
    "audio": Modality(
        "audio",
        12,
        4.0,
        "simulated, standardised: pitch, jitter, shimmer, harmonicity, formant 1, formant 2, speech rate, softness, "
        "intonation 1 to 4",
    ),
    "video": Modality(
        "video",
        10,
        4.0,
        "simulated, standardised: head yaw, head pitch, brow height, lip width, movement speed, openness, "
        "gesture 1 to 4",
    ),
}

# ---------------------------------------------------------------- people

_GENDERS = {"woman": 0.5, "man": 0.5}
_ETHNICITIES = {"Asian": 0.15, "Black": 0.25, "White": 0.6}
_AGE_GROUPS = {"under 30": 0.35, "30 to 49": 0.45, "50 and over": 0.2}
_EFFECTS = {  # what bias 1 adds to a rating, in standard deviations of merit
    "woman": -0.36,
    "man": 0.36,
    "Asian": -0.05,
    "Black": -0.25,
    "White": 0.1,
    "under 30": 0.05,
    "30 to 49": 0.0,
    "50 and over": -0.1,
}
_IDENTITY = 16  # numbers of a latent identity: gender, ethnicity (2), age, and 12 that nobody names
_GENDER_AT = np.array([-1.0, 1.0])
_ETHNICITY_AT = np.array([[1.6, 0.0], [-0.8, 1.4], [-0.1, -0.6]])
_AGE_AT = np.array([-1.2, 0.2, 1.6])
_WITHIN_GROUP = 0.25  # standard deviation around the group's place
_HEARD = np.array([1.5, 0.3, 0.3, 1.0, *[1.0] * 6, *[0.0] * 6])  # of the identity's numbers, what a voice shows
_VOICE_NOISE = 0.35  # of a voice between two interviews
_FACE_NOISE = 0.25  # between two interviews of a person, beside a map of standard deviation about 0.6

# ---------------------------------------------------------------- answers

_ASPECTS = ("work", "people")
_FILLER = -1
_DENSITY = (0.15, 0.9)  # share of an answer that is not filler, from the most long-winded to the tersest
_EVEN_DENSITY = 0.6  # and of every answer without context
_UNIMPORTANT = 0.15  # weight of a question that the position hardly looks at, beside 1
_FORM = 0.03  # share of a performance's variance that is the candidate's form of the day, the same in all answers
_WORDS_A_SENTENCE = 8
_SEGMENT_NOISE = {TEXT: 0.3, "audio": 0.3, "video": 0.4}  # of a performance as one modality shows it
_ACROSS = 0.5  # standard deviation of the manner across an aspect's own direction
_DRIFT = 1.0  # and of the manner of filler
_TURN = np.pi / 3  # between the good manners of two aspects
_MANNER = 1.8
_MARKER = 2.0
_MARKERS = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])  # channels that show what is spoken of, by aspect
_FRAME_NOISE = 0.5
_SESSION_NOISE = (1.0, 0.15, 0.15)  # of a whole interview: channels of identity, manner, markers

_NOUNS = (
    ("schedule", "deadline", "budget", "forecast", "spreadsheet", "rollout"),
    ("customer", "colleague", "complaint", "newcomer", "supplier", "conflict"),
)
_FILLER_NOUNS = ("weather", "office", "journey", "canteen", "building", "coffee")
_SUBJECTS = ("i", "we", "my team", "then i", "there we")
_VERBS = ("handled", "treated", "approached", "managed")
_FILLER_VERBS = ("remember", "recall", "mentioned", "noticed")
_PACE = (("hesitantly", "sluggishly"), ("slowly", "gradually"), ("quickly", "promptly"), ("instantly", "immediately"))
_WARMTH = (("harshly", "bluntly"), ("firmly", "coolly"), ("gently", "kindly"), ("warmly", "tenderly"))
_GRADES = np.array([NormalDist().inv_cdf(share) for share in (0.25, 0.5, 0.75)])
_STYLE = ("um", "like", "honestly", "basically", "perhaps", "frankly", "well", "actually", "somehow", "anyway")
_STYLE_SHARE = 0.7  # of sentences that open with an interjection

_QUESTIONS = (  # the last words tell the kind most plainly
    (
        "how do you plan a difficult task",
        "tell us about a deadline and the task behind it",
        "describe how you check the figures of a task",
        "which decision of yours saved a task",
    ),
    (
        "how do you help an unhappy person",
        "tell us about a conflict and the other person",
        "describe how you welcome a new person",
        "which words of yours calmed a person",
    ),
)
_FAMILIES = (  # the kind of question that counts, and the jobs
    (0, ("financial analyst", "budget analyst", "logistics analyst", "purchasing analyst")),
    (1, ("sales advisor", "customer advisor", "travel advisor", "insurance advisor")),
)
_LEVELS = ("junior", "senior", "lead", "deputy", "")

# ---------------------------------------------------------------- how identity shows

_WORLD = 1907_11062  # seeds what is the same in every simulated corpus


def _loadings(rows: int, scales: tuple[float, float, float, float], key: int) -> Floats:
    """Return how strongly each of ``rows`` channels shows each number of an identity, (rows, 16).

    ``scales`` are for gender, ethnicity, age and each of the remaining numbers.
    """
    gender, ethnicity, age, rest = scales
    columns = np.array([gender, ethnicity, ethnicity, age, *[rest] * (_IDENTITY - 4)])
    drawn: Floats = np.random.default_rng([_WORLD, key]).standard_normal((rows, _IDENTITY))
    scaled: Floats = drawn / np.linalg.norm(drawn, axis=0) * columns
    return scaled


_SHOWS = {  # the voice tells gender best, the picture ethnicity and who it is, words least
    TEXT: _loadings(len(_STYLE), (1.5, 1.2, 1.0, 0.5), 0),
    "audio": _loadings(6, (1.4, 1.0, 0.8, 0.4), 1),
    "video": _loadings(4, (1.2, 1.4, 1.0, 0.5), 2),
}


@dataclass(frozen=True)
class SimulationConfig:
    """What to simulate; every default is our choice.

    ``interviews`` of ``questions`` answers each, for ``positions`` positions. ``bias`` scales the group effects in
    the recruiters' ratings (0: none; 1: women are called hirable about 0.6 times as often as men). ``leak`` times
    ``leak_text``, ``leak_audio``, ``leak_video`` scales how much the modality shows of who somebody is (0:
    nothing). ``context`` from 0 (everything counts alike) to 1 (the question and the job decide what counts).
    ``raters`` recruiters of own ``noise`` (in standard deviations of merit) vote on each interview, ties are
    hirable. ``returning`` is the share of interviews by somebody seen before, ``missing`` the share of answers
    without a given modality, ``missing_faces`` of interviews without a face (``missing_voices``: a voice).
    ``words`` and ``frames`` (4 a second) are the shortest and longest answer, words about; ``face_width`` is d,
    ``voice_width`` that of a voice embedding.

    Raises :class:`UsageError` for a value outside its range.
    """

    interviews: int = 1000
    seed: int = 0
    bias: float = 1.0
    leak: float = 1.0
    leak_text: float = 1.0
    leak_audio: float = 1.0
    leak_video: float = 1.0
    context: float = 1.0
    noise: float = 0.6
    raters: int = 3
    questions: int = 5
    positions: int = 40
    returning: float = 0.15
    missing: float = 0.02
    missing_faces: float = 0.01
    missing_voices: float = 0.01
    words: tuple[int, int] = (32, 48)
    frames: tuple[int, int] = (30, 60)
    face_width: int = 64
    voice_width: int = 32
    modalities: tuple[str, ...] = (TEXT, "audio", "video")

    def __post_init__(self) -> None:
        for name, least in (
            ("interviews", 1),
            ("seed", 0),
            ("raters", 1),
            ("questions", 1),
            ("positions", 1),
            ("face_width", 2),
            ("voice_width", 2),
        ):
            if getattr(self, name) < least:
                raise UsageError(f"simulation, {name}: expected {least} or more, got {getattr(self, name)}")
        for name in ("bias", "leak", "leak_text", "leak_audio", "leak_video", "noise"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise UsageError(f"simulation, {name}: expected a number, 0 or more, got {getattr(self, name)}")
        for name in ("context", "returning", "missing", "missing_faces", "missing_voices"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"simulation, {name}: expected 0 to 1, got {getattr(self, name)}")
        shortest = {"words": len(_ASPECTS) * _WORDS_A_SENTENCE, "frames": len(_ASPECTS)}
        for name, least in shortest.items():
            low, high = getattr(self, name)
            if not least <= low <= high:
                raise UsageError(f"simulation, {name}: expected two numbers, {least} <= low <= high, got {low}, {high}")
        unknown = set(self.modalities) - set(_MODALITIES)
        if unknown or not self.modalities or len(set(self.modalities)) != len(self.modalities):
            raise UsageError(
                f"simulation, modalities: expected some of {', '.join(_MODALITIES)}, each once, "
                f"got {', '.join(self.modalities) or 'none'}"
            )

    def leaks(self, modality: str) -> float:
        """Return how strongly ``modality`` shows who somebody is."""
        own: float = getattr(self, f"leak_{modality}")
        return self.leak * own


def simulate(config: SimulationConfig) -> Imported:
    """Return a simulated corpus, its frames drawn one interview at a time while they are read.

    The same configuration gives the same interviews; more ``interviews`` leave the earlier ones as they were.
    ``people`` has ``gender``, ``ethnicity`` and ``age_group``; ``truth`` has for every interview its ``merit``
    (standard normal, independent of who the candidate is) and ``hirable_unbiased``, what the same recruiters would
    have said without the group effects.
    """
    positions = _draw_positions(config)
    people = _draw_people(config)
    applications = _draw_applications(config, positions, people)
    return Imported(
        modalities=tuple(_MODALITIES[name] for name in config.modalities),
        interviews=(_draw_interview(config, row, positions, people, applications) for row in range(config.interviews)),
        people=people.table,
        targets=(RATING,),
        truth=pd.DataFrame(
            {
                "interview": [_interview_id(row) for row in range(config.interviews)],
                "merit": applications.merit,
                "hirable_unbiased": applications.hirable_unbiased,
            }
        ),
        provenance={"source": "simulated", "simulation": asdict(config)},
    )


# ---------------------------------------------------------------- the tables: few numbers an interview, drawn at once


@dataclass(frozen=True)
class _Position:
    """A job title and what is asked: one aspect and one wording a question; ``weights`` (Q,) sum to 1."""

    title: str
    aspects: Ints
    questions: tuple[str, ...]
    weights: Floats


@dataclass(frozen=True)
class _People:
    """Who there is: ``identity`` (K, 16), ``effect`` (K,) on a rating at bias 1, ``of`` (N,) person of an interview."""

    identity: Floats
    effect: Floats
    of: Ints
    table: pd.DataFrame


@dataclass(frozen=True)
class _Applications:
    """Per interview: position (N,), performance (N, Q, aspects), merit, rating and the two verdicts (N,)."""

    position: Ints
    performance: Floats
    merit: Floats
    rating: Floats
    hirable: NDArray[np.bool_]
    hirable_unbiased: NDArray[np.bool_]
    recorded: NDArray[np.bool_]
    has_face: NDArray[np.bool_]
    has_voice: NDArray[np.bool_]


def _stream(config: SimulationConfig, name: str, *key: int) -> np.random.Generator:
    """Return random numbers of their own for one purpose, so that no dial shifts another purpose's draws."""
    return np.random.default_rng([config.seed, *name.encode(), *key])


def _draw_positions(config: SimulationConfig) -> list[_Position]:
    rng = _stream(config, "positions")
    positions = []
    for number in range(config.positions):
        kind, jobs = _FAMILIES[number % len(_FAMILIES)]
        rounds = -(-config.questions // len(_ASPECTS))
        aspects = np.concatenate([rng.permutation(len(_ASPECTS)) for _ in range(rounds)])[: config.questions]
        asked = tuple(_QUESTIONS[aspect][rng.integers(len(_QUESTIONS[aspect]))] for aspect in aspects)
        title = f"{_LEVELS[rng.integers(len(_LEVELS))]} {jobs[rng.integers(len(jobs))]}".strip()
        important = np.where(aspects == kind, 1.0, _UNIMPORTANT)
        weights = config.context * important + 1 - config.context
        weights /= weights.sum()
        positions.append(_Position(title, aspects, asked, weights))
    return positions


def _draw_people(config: SimulationConfig) -> _People:
    n = config.interviews
    draw = _stream(config, "who").random((n, 2))
    of = np.zeros(n, dtype=np.int64)
    known = 0
    for row in range(n):
        if row and draw[row, 0] < config.returning:
            of[row] = of[int(draw[row, 1] * row)]  # somebody of an earlier interview
        else:
            of[row] = known
            known += 1
    groups = _stream(config, "groups").random((known, 3))
    gender, ethnicity, age = (
        np.searchsorted(np.cumsum(list(shares.values()))[:-1], groups[:, column], side="right")
        for column, shares in enumerate((_GENDERS, _ETHNICITIES, _AGE_GROUPS))
    )
    identity = _stream(config, "identity").standard_normal((known, _IDENTITY))
    identity[:, :4] *= _WITHIN_GROUP
    identity[:, 0] += _GENDER_AT[gender]
    identity[:, 1:3] += _ETHNICITY_AT[ethnicity]
    identity[:, 3] += _AGE_AT[age]
    table = pd.DataFrame(
        {
            "candidate": [_candidate_id(person) for person in range(known)],
            "gender": np.array(list(_GENDERS))[gender],
            "ethnicity": np.array(list(_ETHNICITIES))[ethnicity],
            "age_group": np.array(list(_AGE_GROUPS))[age],
        }
    )
    effect = sum(table[name].map(_EFFECTS).to_numpy(np.float64) for name in ("gender", "ethnicity", "age_group"))
    return _People(identity, np.asarray(effect), of, table)


def _draw_applications(config: SimulationConfig, positions: list[_Position], people: _People) -> _Applications:
    n = config.interviews
    position = (_stream(config, "applied").random(n) * len(positions)).astype(np.int64)
    own = _stream(config, "performance").standard_normal((n, config.questions, len(_ASPECTS)))
    form = _stream(config, "form").standard_normal((n, 1, 1))
    performance = _FORM**0.5 * form + (1 - _FORM) ** 0.5 * own
    counts = np.stack([place.weights[:, None] * _counts(config)[place.aspects] for place in positions])[position]
    deviation = (_FORM + (1 - _FORM) * (counts**2).sum(axis=(1, 2))) ** 0.5  # the weights sum to 1
    merit = (counts * performance).sum(axis=(1, 2)) / deviation
    noise = config.noise * _stream(config, "raters").standard_normal((n, config.raters))
    unbiased = merit[:, None] + noise
    ratings = unbiased + (config.bias * people.effect[people.of])[:, None]
    recorded = _stream(config, "missing").random((n, config.questions, len(_MODALITIES))) >= config.missing
    recorded = recorded[:, :, [list(_MODALITIES).index(name) for name in config.modalities]]
    recorded[~recorded.any(axis=(1, 2)), 0] = True  # an interview holds at least one answer
    return _Applications(
        position=position,
        performance=performance,
        merit=merit,
        rating=1 / (1 + np.exp(-ratings.mean(axis=1))),
        hirable=_vote(ratings, _median_rating(config)),
        hirable_unbiased=_vote(unbiased, 0.0),
        recorded=recorded,
        has_face=_stream(config, "faceless").random(n) >= config.missing_faces,
        has_voice=_stream(config, "voiceless").random(n) >= config.missing_voices,
    )


def _counts(config: SimulationConfig) -> Floats:
    """Return what each aspect counts in the answer to a question for an aspect, (asked, aspect), rows sum to 1."""
    return config.context * np.eye(len(_ASPECTS)) + (1 - config.context) / len(_ASPECTS)


def _vote(ratings: Floats, cut: float) -> NDArray[np.bool_]:
    """Return the majority of the raters (N, raters); ties are hirable, as in HireNet's data (papers section 1.2)."""
    votes: NDArray[np.bool_] = 2 * (ratings > cut).sum(axis=1) >= ratings.shape[1]
    return votes


def _median_rating(config: SimulationConfig) -> float:
    """Return the median of one rater's rating over all people there could be, so that no label depends on N."""
    spread = NormalDist(0, (1 + config.noise**2) ** 0.5)
    mixture = [
        (g * e * a, config.bias * (_EFFECTS[gender] + _EFFECTS[ethnicity] + _EFFECTS[age]))
        for gender, g in _GENDERS.items()
        for ethnicity, e in _ETHNICITIES.items()
        for age, a in _AGE_GROUPS.items()
    ]
    low, high = min(effect for _, effect in mixture), max(effect for _, effect in mixture)
    for _ in range(60):
        middle = (low + high) / 2
        if sum(share * spread.cdf(middle - effect) for share, effect in mixture) < 0.5:
            low = middle
        else:
            high = middle
    return (low + high) / 2


# ---------------------------------------------------------------- one interview


def _draw_interview(
    config: SimulationConfig, row: int, positions: list[_Position], people: _People, applications: _Applications
) -> ImportedInterview:
    person = int(people.of[row])
    identity = people.identity[person]
    position = positions[applications.position[row]]
    performance = applications.performance[row]
    spoken: dict[str, list[Any]] = {}
    for name in config.modalities:
        rng = _stream(config, name, row)
        if name == TEXT:
            spoken[name] = _speak(config, rng, performance, identity)
        else:
            spoken[name] = _record(config, name, rng, performance, identity)
    answers = []
    for slot, question in enumerate(position.questions):
        kept = {
            name: spoken[name][slot]
            for column, name in enumerate(config.modalities)
            if applications.recorded[row, slot, column]
        }
        words = kept.pop(TEXT, None)
        answers.append(Answer(kept, words, question))
    interview = Interview(
        id=_interview_id(row),
        candidate=_candidate_id(person),
        answers=tuple(answers),
        position=f"p{applications.position[row]:03d}",
        job_title=position.title,
        hirable=bool(applications.hirable[row]),
        face=_face(config, row, identity) if applications.has_face[row] else None,
        voice=_voice(config, row, identity) if applications.has_voice[row] else None,
    )
    return ImportedInterview(interview, targets={RATING: float(applications.rating[row])})


def _face(config: SimulationConfig, row: int, identity: Floats) -> NDArray[np.float32]:
    """Return a face embedding (d,) of length 1: a fixed bent map of the identity, and a little of the day."""
    weights = np.random.default_rng([_WORLD, config.face_width]).standard_normal((config.face_width, _IDENTITY))
    return _embed(weights, identity, _FACE_NOISE, _stream(config, "face", row))


def _voice(config: SimulationConfig, row: int, identity: Floats) -> NDArray[np.float32]:
    """Return a voice embedding (dv,) of length 1: as a face, of what a voice shows of somebody, and noisier."""
    fixed = np.random.default_rng([_WORLD, config.voice_width, 1])
    weights = fixed.standard_normal((config.voice_width, _IDENTITY)) * _HEARD
    return _embed(weights, identity, _VOICE_NOISE, _stream(config, "voice", row))


def _embed(weights: Floats, identity: Floats, noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    embedding = np.tanh(weights @ identity / _IDENTITY**0.5) + noise * rng.standard_normal(len(weights))
    scaled: NDArray[np.float32] = (embedding / np.linalg.norm(embedding)).astype(np.float32)
    return scaled


def _lay_out(rng: np.random.Generator, lengths: Ints, context: float) -> tuple[Ints, Ints, Ints]:
    """Return for answers of ``lengths`` (Q,) pieces what each piece is about: answer, segment and aspect, each (sum,).

    An answer runs through all aspects in random order, at least a piece each, with filler (-1) around and between.
    """
    n, aspects = len(lengths), len(_ASPECTS)
    order = np.full((n, 2 * aspects + 1), _FILLER)
    order[:, 1::2] = rng.permuted(np.tile(np.arange(aspects), (n, 1)), axis=1)
    low, high = _DENSITY
    density = (low * (high / low) ** rng.random((n, 1))) ** context * _EVEN_DENSITY ** (1 - context)
    about = np.where(order == _FILLER, (1 - density) / (aspects + 1), density / aspects)
    share = about * rng.uniform(0.5, 1.5, order.shape)
    ends = np.cumsum(share, axis=1)
    ends = np.round(ends / ends[:, -1:] * (lengths - aspects)[:, None]).astype(np.int64)
    pieces = np.diff(ends, axis=1, prepend=0) + (order != _FILLER)
    segments = np.repeat(np.arange(order.size), pieces.ravel())
    return segments // order.shape[1], segments, order.ravel()[segments]


def _show(
    config: SimulationConfig, rng: np.random.Generator, performance: Floats, modality: str, segments: int
) -> tuple[Floats, Floats]:
    """Return the manner, pace and force, of every aspect (Q, aspects, 2) and of every possible segment's filler.

    A well-handled aspect moves the manner along the aspect's own direction; across it, chance moves it as much, so
    that the manner alone, without what is spoken of, says little.
    """
    noise = _SEGMENT_NOISE[modality]
    shown = (performance + noise * rng.standard_normal(performance.shape)) / (1 + noise**2) ** 0.5
    along = _directions(config)
    across = _ACROSS * (1 - along**2) ** 0.5
    manner = along * shown[:, :, None] + across * rng.standard_normal((*performance.shape, 2))
    return manner, config.context * _DRIFT * rng.standard_normal((segments, 2))


def _directions(config: SimulationConfig) -> Floats:
    """Return each aspect's good manner (aspects, 2): pace for all without context, a quarter turn apart with it."""
    angles = config.context * _TURN * np.arange(len(_ASPECTS))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _record(
    config: SimulationConfig, modality: str, rng: np.random.Generator, performance: Floats, identity: Floats
) -> list[NDArray[np.float32]]:
    """Return the frames (T, D) of every answer: who speaks, how, about what, and noise."""
    low, high = config.frames
    lengths = rng.integers(low, high + 1, len(performance))
    answer, segment, aspect = _lay_out(rng, lengths, config.context)
    manner, drift = _show(config, rng, performance, modality, len(performance) * (2 * len(_ASPECTS) + 1))
    about = aspect != _FILLER
    width = _MODALITIES[modality].width
    shows = _SHOWS[modality]
    own = len(shows)  # the first channels show who speaks, the next two how, the last four about what
    session = np.repeat(_SESSION_NOISE, [own, 2, _MARKERS.shape[1]])
    frames = _FRAME_NOISE * rng.standard_normal((len(aspect), width)) + session * rng.standard_normal(width)
    frames[:, :own] += config.leaks(modality) * (shows @ identity)
    frames[:, own : own + 2] += _MANNER * np.where(about[:, None], manner[answer, aspect], drift[segment])
    frames[:, own + 2 :] += _MARKER * np.where(about[:, None], _MARKERS[aspect], 0.0)
    return np.split(frames.astype(np.float32), np.cumsum(lengths)[:-1])


def _speak(
    config: SimulationConfig, rng: np.random.Generator, performance: Floats, identity: Floats
) -> list[tuple[str, ...]]:
    """Return the words of every answer, a sentence a piece: what is handled, at what pace and with what force."""
    low, high = config.words
    lengths = rng.integers(low // _WORDS_A_SENTENCE, high // _WORDS_A_SENTENCE + 1, len(performance))
    answer, segment, aspect = _lay_out(rng, lengths, config.context)
    manner, drift = _show(config, rng, performance, TEXT, len(performance) * (2 * len(_ASPECTS) + 1))
    shown = np.where((aspect != _FILLER)[:, None], manner[answer, aspect], drift[segment])
    grades = np.searchsorted(_GRADES, shown)
    taste = config.leaks(TEXT) * (_SHOWS[TEXT] @ identity) + rng.standard_normal(len(_STYLE))
    habit = np.exp(taste - taste.max())
    style = np.searchsorted(np.cumsum(habit / habit.sum())[:-1], rng.random(len(aspect)))
    spoken = rng.random(len(aspect)) < _STYLE_SHARE
    picks = rng.random((len(aspect), 5))
    answers: list[list[str]] = [[] for _ in performance]
    for piece, about in enumerate(aspect):
        words = answers[answer[piece]]
        verbs, nouns = (_FILLER_VERBS, _FILLER_NOUNS) if about == _FILLER else (_VERBS, _NOUNS[about])
        pace, warmth = _PACE[grades[piece, 0]], _WARMTH[grades[piece, 1]]
        subject, verb, noun, fast, warm = (
            options[int(pick * len(options))]
            for pick, options in zip(picks[piece], (_SUBJECTS, verbs, nouns, pace, warmth), strict=True)
        )
        if spoken[piece]:
            words.append(_STYLE[style[piece]])
        words += [*subject.split(), verb, "the", noun, fast, "and", warm]
    return [tuple(words) for words in answers]


def _interview_id(row: int) -> str:
    return f"i{row:06d}"


def _candidate_id(person: int) -> str:
    return f"c{person:06d}"
