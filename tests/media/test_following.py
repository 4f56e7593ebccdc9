"""The candidate is followed through an answer: among others, before posters, lost and found, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from drawn_people import draw_person, wall
from media_made import Track, can_encode, speech, talking, write_recording
from PIL import Image
from small_run import one_thread

from fairhire.media import following
from fairhire.media.faces import DetectedFaces, FaceDetector
from fairhire.media.following import SIDE, Follower, aligned
from fairhire.media.video import pictures

FEATURES = np.array([(-0.19, -0.12), (0.19, -0.12), (0.0, 0.06), (-0.16, 0.26), (0.16, 0.26)])  # shares of the height


@dataclass
class Shot:
    """Stands for a picture of a recording."""

    seconds: float
    pixels: np.ndarray

    @property
    def width(self):
        return self.pixels.shape[1]

    @property
    def height(self):
        return self.pixels.shape[0]

    def rgb(self, longest=None):
        scale = 1.0 if longest is None else min(1.0, longest / max(self.width, self.height))
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        return np.asarray(Image.fromarray(self.pixels).resize(size, Image.Resampling.BOX))


@dataclass
class Somebody:
    """A face of the test: a pattern that is the person's own, in which a mouth opens, here or elsewhere."""

    person: int
    at: tuple[float, float] = (0.5, 0.5)
    tall: float = 0.5
    mouth: float = 0.0
    sure: float = 0.99
    turn: float = 0.0

    def box(self, size):
        x, y, tall = self.at[0] * size[0], self.at[1] * size[1], self.tall * size[1]
        return np.array([x - 0.4 * tall, y - 0.5 * tall, x + 0.4 * tall, y + 0.5 * tall])

    def points(self, size):
        x, y, tall = self.at[0] * size[0], self.at[1] * size[1], self.tall * size[1]
        return FEATURES * tall + (x, y) + np.array([[0, 0], [0, 0], [self.turn * 0.1 * tall, 0], [0, 0], [0, 0]])


def scene(seconds, *people, size=(160, 120), noise=0.0, brighter=0):
    """Return a picture with ``people`` in it and what a detector says of it."""
    canvas = Image.fromarray(wall(size))
    for one in people:
        rng = np.random.default_rng([5, one.person])
        pattern = rng.integers(30, 226, (10, 8, 3))
        pattern[7, 3:5] = 255 * one.mouth
        left, top, right, bottom = (round(edge) for edge in one.box(size))
        face = Image.fromarray(pattern.astype(np.uint8)).resize((right - left, bottom - top), Image.Resampling.BICUBIC)
        canvas.paste(face, (left, top))
    grain = np.random.default_rng(round(seconds * 1000)).normal(0, noise, (size[1], size[0], 3)) if noise else 0
    pixels = np.clip(np.asarray(canvas) + grain + brighter, 0, 255).astype(np.uint8)
    boxes = np.array([one.box(size) for one in people], np.float32).reshape(-1, 4)
    points = np.array([one.points(size) for one in people], np.float32).reshape(-1, 5, 2)
    return Shot(seconds, pixels), DetectedFaces(boxes, points, np.array([one.sure for one in people], np.float32))


def follow(shots, follower=None):
    follower = follower or Follower()
    for shot, faces in shots:
        follower.see(shot, faces, (shot.width, shot.height))
    return follower


def opened(place):
    return 0.5 + 0.5 * np.sin(2.3 * place)


def detected(detector, shots):
    found = detector.detect([shot.pixels for shot in shots])
    return list(zip(shots, found, strict=True))


@pytest.fixture(scope="module")
def detector():
    with one_thread():
        yield FaceDetector()


# ---------------------------------------------------------------------------------------------------- one and others


def test_one_person_is_followed_all_the_time():
    people = [Somebody(1, at=(0.5 + 0.02 * np.sin(i), 0.5), mouth=opened(i), sure=0.95 + 0.002 * i) for i in range(20)]
    follower = follow(scene(i / 2, one) for i, one in enumerate(people))
    followed = follower.finish(5)
    assert follower.samples == 20
    assert followed.seen.all()
    np.testing.assert_array_equal(followed.times, np.arange(20) / 2)
    np.testing.assert_allclose(followed.boxes, [one.box((160, 120)) for one in people], rtol=1e-5)
    np.testing.assert_allclose(followed.points, [one.points((160, 120)) for one in people], rtol=1e-5)
    np.testing.assert_array_equal(followed.sizes, [(160, 120)] * 20)
    assert followed.probability == pytest.approx(0.969, abs=1e-4)
    assert followed.size == pytest.approx(60, rel=1e-5)
    assert followed.others == 0
    assert not followed.still


def test_nobody_is_nobody():
    assert Follower().finish(5) is None
    follower = follow(scene(i / 2) for i in range(6))
    assert follower.finish(5) is None
    assert follower.samples == 6


def test_somebody_seen_once_is_the_candidate_and_no_photograph():
    followed = follow([scene(0.0), scene(0.5, Somebody(1)), scene(1.0)]).finish(5)
    assert followed.seen.tolist() == [False, True, False]
    assert not followed.still
    assert len(followed.crops) == 1


@pytest.mark.parametrize("first", [True, False])
def test_of_two_people_the_larger_is_the_candidate(first):
    near = [Somebody(1, at=(0.3, 0.5), tall=0.5, mouth=opened(i)) for i in range(10)]
    far = [Somebody(2, at=(0.8, 0.4), tall=0.3, mouth=opened(2 * i)) for i in range(10)]
    pairs = zip(near, far, strict=True) if first else zip(far, near, strict=True)
    followed = follow(scene(i / 2, *pair) for i, pair in enumerate(pairs)).finish(5)
    np.testing.assert_allclose(followed.boxes, [one.box((160, 120)) for one in near], rtol=1e-5)
    assert followed.others == 10


def test_whoever_is_there_for_longer_is_the_candidate_and_passers_by_are_counted():
    shots = []
    for i in range(20):
        people = [Somebody(1, at=(0.35, 0.5), tall=0.4, mouth=opened(i))]
        if 8 <= i < 12:
            people.append(Somebody(2, at=(0.8, 0.45), tall=0.6, mouth=opened(i)))
        shots.append(scene(i / 2, *people))
    followed = follow(shots).finish(5)
    assert followed.seen.all()
    assert followed.size == pytest.approx(48, rel=1e-5)
    assert followed.others == 4


def test_two_people_side_by_side_are_not_taken_for_each_other():
    """Whatever order the detector names them in, and when one of them is not seen for a moment."""
    shots = []
    for i in range(16):
        people = [Somebody(1, at=(0.3, 0.5), tall=0.5, mouth=opened(i))]
        if i not in (5, 6):
            people.insert(i % 2, Somebody(2, at=(0.7, 0.5), tall=0.45, mouth=opened(2 * i)))
        if i == 9:
            people = people[-1:] if people[-1].person == 2 else people[:1]
        shots.append(scene(i / 2, *people))
    followed = follow(shots).finish(5)
    assert followed.seen.tolist() == [i != 9 for i in range(16)]
    np.testing.assert_allclose(followed.boxes[followed.seen, 0], 48 - 24, rtol=1e-5)
    assert followed.others == 14


# ---------------------------------------------------------------------------------------------------------- posters


@pytest.mark.parametrize("noise", [0.0, 3.0, 6.0])
def test_a_poster_is_not_chosen_when_somebody_moves(noise):
    poster = Somebody(7, at=(0.75, 0.4), tall=0.6)
    shots = [
        scene(i / 2, poster, Somebody(1, at=(0.3, 0.5), mouth=0.3 + 0.2 * opened(i)), noise=noise) for i in range(12)
    ]
    followed = follow(shots).finish(5)
    assert followed.size == pytest.approx(60, rel=1e-5)  # the poster would be 72
    assert followed.seen.all()
    assert followed.others == 12
    assert not followed.still


def test_a_larger_person_is_chosen_where_both_move():
    shots = [
        scene(
            i / 2, Somebody(7, at=(0.75, 0.4), tall=0.6, mouth=opened(i)), Somebody(1, at=(0.3, 0.5), mouth=opened(i))
        )
        for i in range(12)
    ]
    assert follow(shots).finish(5).size == pytest.approx(72, rel=1e-5)


@pytest.mark.parametrize("noise", [0.0, 3.0, 6.0])
def test_a_poster_alone_is_chosen_and_said_to_be_still(noise):
    followed = follow(scene(i / 2, Somebody(7), noise=noise) for i in range(8)).finish(5)
    assert followed.seen.all()
    assert followed.still


def test_changing_light_is_no_movement():
    followed = follow(scene(i / 2, Somebody(7), brighter=6 * (i % 3)) for i in range(8)).finish(5)
    assert followed.still


def test_only_a_mouth_that_moves_is_enough_to_be_alive():
    followed = follow(scene(i / 2, Somebody(7, mouth=opened(i)), noise=3.0) for i in range(8)).finish(5)
    assert not followed.still


def test_somebody_whose_camera_froze_for_a_while_is_alive():
    shots = [scene(i / 2, Somebody(1, mouth=opened(min(i, 7))), noise=0.0) for i in range(14)]
    assert not follow(shots).finish(5).still


def test_a_drawn_poster_in_a_recording_is_left_for_the_one_who_talks(tmp_path, detector):
    if not can_encode("libx264", "aac"):
        pytest.skip("this build of FFmpeg does not encode libx264")
    size, said = (320, 240), speech(4.0)
    poster = draw_person(2, size=size, centre=(0.72, 0.45), tall=0.55)
    rng = np.random.default_rng(0)
    drawn = talking(1, said, 16_000, np.arange(32) / 8, size, centre=(0.27, 0.5), tall=0.42, onto=poster)
    grainy = (np.clip(one + rng.normal(0, 3, one.shape), 0, 255).astype(np.uint8) for one in drawn)
    path = write_recording(tmp_path / "poster.mp4", pictures=grainy, seconds=4, fps=8, size=size, tracks=[Track(said)])
    shots = [Shot(picture.seconds, picture.rgb()) for picture in pictures(path, 2.0)]
    followed = follow(detected(detector, shots)).finish(3)
    assert followed.seen.sum() >= 7
    assert (followed.boxes[followed.seen, 2] < 160).all()  # the left half
    assert followed.others >= 6
    assert not followed.still
    alone = [Shot(i / 2, np.clip(poster + rng.normal(0, 3, poster.shape), 0, 255).astype(np.uint8)) for i in range(6)]
    assert follow(detected(detector, alone)).finish(3).still


# ---------------------------------------------------------------------------------------------------- lost and found


@pytest.mark.parametrize("back", [(0.5, 0.5), (0.7, 0.45)])
def test_who_leaves_and_comes_back_is_one_candidate(back):
    shots = []
    for i in range(30):
        people = [] if 10 <= i < 20 else [Somebody(1, at=(0.5, 0.5) if i < 10 else back, mouth=opened(i))]
        shots.append(scene(i / 2, *people))
    followed = follow(shots).finish(6)
    assert followed.seen.tolist() == [not 10 <= i < 20 for i in range(30)]
    assert followed.others == 0
    assert {crop.seconds < 5 for crop in followed.crops} == {True, False}


@pytest.mark.parametrize("later", [12, 26])
def test_another_person_who_comes_later_is_not_joined(later):
    shots = []
    for i in range(20 + later):
        person = Somebody(1, mouth=opened(i)) if i < 16 else Somebody(2, mouth=opened(i))
        shots.append(scene(i / 2, *([] if 16 <= i < 21 else [person])))
    followed = follow(shots).finish(6)
    first = later == 12  # whoever is there for longer
    assert followed.seen.tolist() == [(i < 16) if first else (i >= 21) for i in range(20 + later)]
    assert followed.others == (later - 1 if first else 16)


def test_who_is_lost_for_a_moment_stays_in_one_track():
    follower = follow(scene(i / 2, *([] if i % 3 == 2 else [Somebody(1, mouth=opened(i))])) for i in range(12))
    assert len(follower._tracks + follower._open) == 1
    assert follower.finish(5).seen.tolist() == [i % 3 != 2 for i in range(12)]


def test_drawn_people_are_told_apart_when_one_follows_another(detector):
    shots = []
    for i in range(18):
        who = None if 5 <= i < 10 else (3 if i < 5 else 11)  # others are drawn too much alike
        look = {} if who is None else {"centre": (0.5 + 0.01 * np.sin(i), 0.48), "mouth_open": 0.4 * opened(i)}
        shots.append(Shot(i / 2, wall((320, 240)) if who is None else draw_person(who, **look)))
    followed = follow(detected(detector, shots)).finish(4)
    assert followed.seen.tolist() == [i >= 10 for i in range(18)]
    same = [Shot(one.seconds, shots[i + 10].pixels if i < 5 else one.pixels) for i, one in enumerate(shots)]
    assert follow(detected(detector, same)).finish(4).seen.tolist() == [not 5 <= i < 10 for i in range(18)]


# ------------------------------------------------------------------------------------------------------------- sizes


def test_pictures_may_change_their_size_on_the_way():
    sizes = [(160, 120) if i < 6 else (320, 240) if i < 12 else (80, 60) for i in range(18)]
    people = [Somebody(1, mouth=opened(i)) for i in range(18)]
    follower = follow(scene(i / 2, one, size=sizes[i]) for i, one in enumerate(people))
    followed = follower.finish(4)
    assert len(follower._tracks + follower._open) == 1
    assert followed.seen.all()
    np.testing.assert_array_equal(followed.sizes, sizes)
    np.testing.assert_allclose(
        followed.boxes, [one.box(size) for one, size in zip(people, sizes, strict=True)], rtol=1e-5
    )


def test_a_poster_stays_still_when_the_pictures_change_their_size():
    large, _ = scene(0.0, Somebody(7), size=(320, 240))
    shots = []
    for i in range(8):
        size = (160, 120) if i % 4 < 2 else (320, 240)
        _, faces = scene(0.0, Somebody(7), size=size)
        shots.append((Shot(i / 2, large.rgb(size[0])), faces))
    assert follow(shots).finish(5).still


def test_faces_found_in_a_smaller_picture_are_placed_in_the_whole_one():
    size = (640, 480)
    follower = Follower()
    for i in range(4):
        one = Somebody(1, mouth=opened(i))
        shot, _ = scene(i / 2, one, size=size)
        _, faces = scene(i / 2, one, size=(320, 240))
        follower.see(shot, faces, (320, 240))
    followed = follower.finish(2)
    np.testing.assert_allclose(followed.boxes, [one.box(size)] * 4, rtol=1e-5)
    np.testing.assert_allclose(followed.points, [one.points(size)] * 4, rtol=1e-5)
    assert followed.size == pytest.approx(240, rel=1e-5)


# ------------------------------------------------------------------------------------------------------------- crops


@pytest.mark.parametrize("roll", [-15.0, -7.0, 0.0, 7.0, 15.0])
@pytest.mark.parametrize(("size", "tall"), [((160, 120), 0.7), ((320, 240), 0.6), ((1280, 720), 0.5)])
def test_crops_are_upright_and_of_one_size(detector, roll, size, tall):
    pixels = draw_person(2, size=size, tall=tall, roll=roll)
    small = np.asarray(Image.fromarray(pixels).resize((320, round(320 * size[1] / size[0])), Image.Resampling.BOX))
    (faces,) = detector.detect([small])
    assert len(faces) == 1
    crop = aligned(Shot(0.0, pixels), faces.points[0].astype(np.float64) * size[0] / 320)
    assert crop.shape == (SIDE, SIDE, 3)
    assert crop.dtype == np.uint8
    (again,) = detector.detect([crop])
    assert len(again) == 1
    eyes = again.points[0, :2] / SIDE
    np.testing.assert_allclose(eyes, [(0.35, 0.40), (0.65, 0.40)], atol=5.5 / SIDE)


@pytest.mark.parametrize("degrees", [-60, 0, 35, 180])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_a_crop_undoes_any_turn_and_size_exactly(degrees, scale):
    """Points are placed by a known similarity; the crop shows what lies there."""
    size = 800
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ys, xs = np.mgrid[:size, :size] + 0.5
    into = np.linalg.inv(matrix) @ np.stack([xs.ravel() - size / 2, ys.ravel() - size / 2])
    red, green = np.clip(into.reshape(2, size, size) + SIDE / 2, 0, 255)  # a picture that tells each point's place
    pixels = np.stack([red, green, 0 * red], axis=2).astype(np.uint8)
    places = np.array([(0.35, 0.40), (0.65, 0.40), (0.50, 0.57), (0.37, 0.74), (0.63, 0.74)]) * SIDE
    points = (places - SIDE / 2) @ matrix.T + size / 2
    crop = aligned(Shot(0.0, pixels), points).astype(float)
    inside = slice(40, 120)
    expected = np.mgrid[:SIDE, :SIDE] + 0.5
    np.testing.assert_allclose(crop[inside, inside, 0], expected[1][inside, inside], atol=2.5)
    np.testing.assert_allclose(crop[inside, inside, 1], expected[0][inside, inside], atol=2.5)


def test_a_face_at_the_edge_has_a_crop_and_points_on_top_of_each_other_have_none():
    shot, faces = scene(0.0, Somebody(1, at=(0.02, 0.1)))
    assert aligned(shot, faces.points[0].astype(np.float64)).shape == (SIDE, SIDE, 3)
    assert aligned(shot, np.full((5, 2), 50.0)) is None


def test_a_face_without_a_crop_is_nobody():
    shot, faces = scene(0.0, Somebody(1))
    flat = DetectedFaces(faces.boxes, np.full((1, 5, 2), 50, np.float32), faces.probability)
    assert follow([(Shot(i / 2, shot.pixels), flat) for i in range(5)]).finish(3) is None


@pytest.mark.parametrize("asked", [1, 3, 5, 32])
def test_at_most_as_many_crops_as_asked_spread_over_time(asked):
    followed = follow(scene(i / 2, Somebody(1, mouth=opened(i))) for i in range(24)).finish(asked)
    seconds = [crop.seconds for crop in followed.crops]
    assert len(seconds) == min(asked, 24)
    assert seconds == sorted(seconds)
    assert [int(at / 12 * len(seconds)) for at in seconds] == list(range(len(seconds)))
    assert all(crop.pixels.shape == (SIDE, SIDE, 3) and crop.pixels.dtype == np.uint8 for crop in followed.crops)


def test_the_best_crops_are_kept():
    people = [Somebody(1, mouth=opened(i), turn=0.0 if i % 4 == 2 else 2.0) for i in range(16)]
    followed = follow(scene(i / 2, one) for i, one in enumerate(people)).finish(4)
    assert [crop.seconds for crop in followed.crops] == [1.0, 3.0, 5.0, 7.0]  # those that look into the camera
    assert all(crop.quality == pytest.approx(0.99 * 60 / 80, rel=1e-3) for crop in followed.crops)


def test_a_blurred_crop_is_less_sharp():
    shot, faces = scene(0.0, Somebody(1))
    blurred = np.asarray(Image.fromarray(shot.pixels).reduce(6).resize(shot.pixels.shape[1::-1]))
    sharp, soft = (follow([(one, faces)]).finish(1).crops[0] for one in (shot, Shot(0.0, blurred)))
    assert soft.sharpness < 0.6 * sharp.sharpness
    flat = follow([(Shot(0.0, np.full((120, 160, 3), 90, np.uint8)), faces)]).finish(1).crops[0]
    assert flat.sharpness == 0


# ------------------------------------------------------------------------------------------------------------ memory


def held(follower):
    return sum(len(track.crops) for track in follower._tracks + follower._open)


def test_memory_is_bounded_however_long_somebody_talks():
    shapes = [scene(0.0, Somebody(1, mouth=opened(i)), size=(80, 60)) for i in range(20)]
    follower = Follower()
    most = 0
    for i in range(3000):
        shot, faces = shapes[i % 20]
        follower.see(Shot(i / 2, shot.pixels), faces, (80, 60))
        most = max(most, held(follower))
    assert most <= 33
    followed = follower.finish(5)
    assert followed.seen.all()
    assert len(followed.times) == 3000
    seconds = [crop.seconds for crop in followed.crops]
    assert [int(at / 1500 * 5) for at in seconds] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(followed.boxes, np.tile(faces.boxes, (3000, 1)))


def test_a_flicker_of_mistakes_neither_fills_the_memory_nor_becomes_the_candidate():
    rng = np.random.default_rng(3)
    follower = Follower()
    for i in range(600):
        mistake = Somebody(100 + i, at=tuple(rng.uniform(0.1, 0.9, 2)), tall=float(rng.uniform(0.1, 0.9)), sure=0.91)
        people = [mistake, *([Somebody(1, at=(0.5, 0.5), tall=0.3, mouth=opened(i))] if 200 <= i < 240 else [])]
        shot, faces = scene(0.0, *people, size=(80, 60))
        follower.see(Shot(0.5 * i, shot.pixels), faces, (80, 60))
    assert held(follower) < 200
    followed = follower.finish(5)
    # A mistake may hide the candidate once, where it happens to lie in the same place.
    assert followed.seen[200:240].sum() >= 36
    assert followed.seen.sum() <= followed.seen[195:245].sum() + 3
    assert followed.size == pytest.approx(18, rel=0.1)


def test_a_flicker_alone_gives_no_more_than_a_moment():
    rng = np.random.default_rng(4)
    shots = (
        scene(i * 3.0, Somebody(i, at=tuple(rng.uniform(0.1, 0.9, 2)), tall=0.4), size=(80, 60)) for i in range(300)
    )
    follower = follow(shots)
    assert len(follower._tracks) <= 21
    assert follower.finish(5).seen.sum() <= 3


def test_many_who_come_and_go_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(following, "_ENDED", 12)
    monkeypatch.setattr(following, "_BUDGET", 30)
    follower = Follower()
    for i in range(900):
        passing = Somebody(i // 15, at=(0.2, 0.5), tall=0.3, mouth=opened(i))
        people = [Somebody(1000, at=(0.7, 0.5), tall=0.5, mouth=opened(i)), *([passing] if i % 15 < 8 else [])]
        shot, faces = scene(i / 2, *people, size=(80, 60))
        follower.see(shot, faces, (80, 60))
        assert len(follower._tracks) <= 12
        assert sum(len(track.crops) for track in follower._tracks) <= 30
        assert all(track.crops for track in follower._tracks)
    followed = follower.finish(5)
    assert followed.seen.all()
    assert followed.others == 480
