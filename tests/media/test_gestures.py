"""Smoothing keeps binary channels binary and fills gaps; five points tell how a head is held and moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.media.gestures import BOX_CHANNELS, FACE_SEEN, GESTURES, Channel, box_gestures, smooth
from fairhire.media.windows import Windows

WIDTH, HEIGHT = 640, 480
# Millimetres; x to the picture's right, y down, z away from the camera: eyes, nose, corners of the mouth.
HEAD = np.array([[-32, -35, 0], [32, -35, 0], [0, 0, -28], [-25, 36, -4], [25, 36, -4]], dtype=float)
PLAIN = Windows(1.0, 1.0)


def head(yaw=0.0, pitch=0.0, roll=0.0, at=(0.0, 0.0, 700.0)):
    """Return box (4,) and points (5, 2) of a head turned right, down and clockwise (degrees), at a place (mm)."""
    y, p, r = np.radians([yaw, pitch, roll])
    turn_down = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    turn_right = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    turn_clockwise = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = HEAD @ (turn_clockwise @ turn_right @ turn_down).T + np.array(at)
    pixels = 600 * points[:, :2] / points[:, 2:] + (WIDTH / 2, HEIGHT / 2)
    middle = 600 * np.array(at[:2]) / at[2] + (WIDTH / 2, HEIGHT / 2)
    half = 600 * np.array([70, 90]) / at[2]
    return np.concatenate([middle - half, middle + half]), pixels


def measure(*heads, step=1.0, windows=PLAIN, seen=None, sizes=(WIDTH, HEIGHT)):
    boxes, points = (np.array(part) for part in zip(*heads, strict=True))
    times = np.arange(len(heads)) * step
    return box_gestures(
        times,
        boxes,
        points,
        seen=np.ones(len(heads), dtype=bool) if seen is None else np.array(seen),
        sizes=np.tile(sizes, (len(heads), 1)),
        end=len(heads) * step,
        windows=windows,
    )


def channel(gestures, name):
    return gestures.values[:, [channel.name for channel in gestures.channels].index(name)]


def test_names_are_unique_and_every_source_has_a_sentence():
    names = [channel.name for channel in (*BOX_CHANNELS, FACE_SEEN)]
    assert len(set(names)) == len(names)
    assert tuple(GESTURES) == ("openface", "mediapipe", "boxes")
    assert all(sentence.endswith(".") for sentence in GESTURES.values())


# ---------------------------------------------------------------------------------------------------------- smoothing

TWO = (Channel("angle", "rad"), Channel("blink", "0 or 1", binary=True))


def smoothed(times, values, seen, end, windows=PLAIN):
    return smooth(
        np.array(times, dtype=float),
        np.array(values, dtype=float),
        seen=np.array(seen, dtype=bool),
        channels=TWO,
        end=end,
        windows=windows,
    )


def test_gaps_are_filled_by_a_line_and_by_the_nearest_and_told():
    gestures = smoothed([1.5, 5.5], [[1, 1], [5, 0]], [1, 1], 8.0)
    assert gestures.channels == (*TWO, FACE_SEEN)
    assert gestures.values[:, 0].tolist() == [1, 1, 2, 3, 4, 5, 5, 5]
    assert gestures.values[:, 1].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]  # the earlier one at equal distance
    assert gestures.values[:, 2].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
    assert gestures.seen == 0.25
    assert gestures.values.dtype == np.float32


def test_what_was_not_seen_does_not_count():
    gestures = smoothed([0.1, 0.2, 0.3], [[1, 1], [np.nan, np.inf], [3, 1]], [1, 0, 1], 1.0)
    assert gestures.values.tolist() == [[2, 1, 1]]
    assert gestures.seen == 1


@pytest.mark.parametrize(("active", "pictures", "shown"), [(1, 2, 1), (1, 3, 0), (2, 3, 1), (0, 1, 0), (3, 6, 1)])
def test_a_binary_channel_is_one_from_one_half_on(active, pictures, shown):
    times = np.arange(pictures) / 10
    gestures = smoothed(times, [[0, i < active] for i in range(pictures)], [1] * pictures, 1.0)
    assert gestures.values[0, 1] == shown


def test_a_face_that_was_never_seen_has_no_gestures():
    assert smoothed([0.1], [[1, 1]], [0], 1.0) is None
    assert smoothed([], np.empty((0, 2)), [], 1.0) is None
    assert smoothed([0.1], [[1, 1]], [1], 0.0) is None
    assert smoothed([1.2], [[1, 1]], [1], 1.5) is None  # after the last whole window


@given(
    data=st.lists(st.tuples(st.floats(0, 9.9), st.floats(-1e6, 1e6), st.booleans(), st.booleans()), max_size=40),
    windows=st.sampled_from([Windows(), PLAIN, Windows(0.6, 0.2)]),
)
def test_gestures_are_finite_and_binary_ones_stay_so(data, windows):
    data = sorted(data)
    gestures = smooth(
        np.array([row[0] for row in data], dtype=float),
        np.array([[row[1], row[2]] for row in data], dtype=float).reshape(-1, 2),
        seen=np.array([row[3] for row in data], dtype=bool),
        channels=TWO,
        end=10.0,
        windows=windows,
    )
    if gestures is None:
        assert not any(row[3] for row in data)
        return
    assert np.isfinite(gestures.values).all()
    assert np.isin(gestures.values[:, 1:], [0, 1]).all()
    assert gestures.seen == gestures.values[:, 2].mean(dtype=np.float64) > 0
    real = [row[1] for row in data if row[3]]
    assert gestures.values[:, 0].min() >= np.float32(min(real)) - 0.1
    assert gestures.values[:, 0].max() <= np.float32(max(real)) + 0.1


# ------------------------------------------------------------------------------------------------ box and five points


@pytest.mark.parametrize("roll", [-30, 0, 30])
@pytest.mark.parametrize("pitch", [-15, 0, 15])
def test_the_yaw_proxy_grows_with_yaw(roll, pitch):
    gestures = measure(*(head(yaw=yaw, pitch=pitch, roll=roll) for yaw in range(-40, 41, 4)))
    proxy = channel(gestures, "yaw_proxy")
    assert (np.diff(proxy) > 0.01).all()
    assert abs(proxy[10]) < 0.02
    np.testing.assert_allclose(proxy, -proxy[::-1], atol=0.02)


@pytest.mark.parametrize("roll", [-30, 0, 30])
def test_the_pitch_proxy_grows_with_pitch(roll):
    gestures = measure(*(head(pitch=pitch, roll=roll) for pitch in range(-30, 31, 5)))
    assert (np.diff(channel(gestures, "pitch_proxy")) > 0.01).all()


def test_roll_is_the_angle_and_leaves_the_proxies_alone():
    rolls = np.arange(-60, 61, 10)
    gestures = measure(*(head(yaw=20, pitch=10, roll=roll) for roll in rolls))
    np.testing.assert_allclose(np.diff(channel(gestures, "roll")), np.radians(10), atol=1e-3)
    for name in ("yaw_proxy", "pitch_proxy", "mouth_width"):
        assert np.ptp(channel(gestures, name)) < 1e-4, name
    assert abs(channel(measure(head(roll=25)), "roll")[0] - np.radians(25)) < 1e-6


@given(
    factor=st.floats(0.2, 4),
    x=st.floats(-300, 300),
    y=st.floats(-300, 300),
    yaw=st.floats(-40, 40),
    pitch=st.floats(-20, 20),
    roll=st.floats(-60, 60),
)
def test_size_and_place_do_not_change_how_a_head_is_held(factor, x, y, yaw, pitch, roll):
    box, points = head(yaw, pitch, roll)
    moved = measure((box * factor + [x, y, x, y], points * factor + [x, y]))
    here = measure((box, points))
    for name in ("roll", "yaw_proxy", "pitch_proxy", "mouth_width"):
        np.testing.assert_allclose(channel(moved, name), channel(here, name), atol=1e-5)
    assert channel(moved, "log_size") == pytest.approx(channel(here, "log_size") + np.log(factor), abs=1e-5)


def test_place_and_size_are_shares_of_the_picture():
    gestures = measure(head(at=(0, 0, 700)), head(at=(100, 50, 700)))
    assert channel(gestures, "centre_x").tolist() == pytest.approx([0, 600 / 7 / WIDTH])
    assert channel(gestures, "centre_y").tolist() == pytest.approx([0, 300 / 7 / HEIGHT])
    assert np.exp(channel(gestures, "log_size")).tolist() == pytest.approx([600 * 180 / 700 / HEIGHT] * 2)


def test_a_mirrored_picture_turns_left_and_right_round():
    box, points = head(yaw=25, pitch=10, roll=15, at=(60, 20, 700))
    mirrored_box = np.array([WIDTH - box[2], box[1], WIDTH - box[0], box[3]])
    mirrored = points[[1, 0, 2, 4, 3]] * [-1, 1] + [WIDTH, 0]
    here, there = measure((box, points)), measure((mirrored_box, mirrored))
    for name in ("centre_x", "roll", "yaw_proxy"):
        assert abs(channel(here, name)[0]) > 0.05
        np.testing.assert_allclose(channel(here, name), -channel(there, name), atol=1e-6)
    for name in ("centre_y", "log_size", "pitch_proxy", "mouth_width"):
        np.testing.assert_allclose(channel(here, name), channel(there, name), atol=1e-6)


def test_a_still_head_does_not_move_and_a_moving_one_does_at_its_speed():
    still = measure(*[head(yaw=10)] * 10, step=0.1)
    assert not still.values[:, 7:12].any()
    steps = np.arange(10)
    walking = measure(*(head(at=(18 * i, 0, 700)) for i in steps), step=0.1)
    assert channel(walking, "speed") == pytest.approx([1.0], abs=1e-5)  # a tenth of a face of 180 mm in 0.1 s
    nodding = measure(*(head(roll=(-1) ** i * 5) for i in steps), step=0.1)
    assert channel(nodding, "roll_rate") == pytest.approx([np.radians(100)], rel=1e-3)
    assert channel(nodding, "speed") == pytest.approx([0], abs=1e-6)
    nearing = measure(*(head(at=(0, 0, 700 * 0.9**i)) for i in steps), step=0.1)
    assert channel(nearing, "log_size_rate") == pytest.approx([-np.log(0.9) * 10], rel=1e-3)
    turning = measure(*(head(yaw=3 * i, pitch=2 * i) for i in steps), step=0.1)
    assert channel(turning, "yaw_proxy_rate")[0] > 0.1
    assert channel(turning, "pitch_proxy_rate")[0] > 0.1


def test_a_turn_past_half_a_circle_is_the_short_way_round():
    gestures = measure(head(roll=179), head(roll=-179), step=0.1)
    assert channel(gestures, "roll_rate") == pytest.approx([np.radians(20)], rel=1e-3)


def test_motion_across_a_long_gap_is_not_made_up():
    heads = [head(at=(18 * i, 0, 700)) for i in range(5)] + [head(at=(-300, 0, 700))] * 5
    times = np.array([0, 0.1, 0.2, 0.3, 0.4, 5.0, 5.1, 5.2, 5.3, 5.4])
    boxes, points = (np.array(part) for part in zip(*heads, strict=True))
    more = {"seen": np.ones(10, bool), "sizes": np.tile([WIDTH, HEIGHT], (10, 1)), "windows": PLAIN}
    gestures = box_gestures(times, boxes, points, end=6.0, **more)
    assert channel(gestures, "speed").tolist() == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.0], abs=1e-5)
    assert channel(gestures, "face_seen").tolist() == [1, 0, 0, 0, 0, 1]
    rare = box_gestures(np.arange(10) * 2.0, boxes, points, end=20.0, **more)
    assert not rare.values[:, 7:12].any()


def test_one_picture_seen_twice_has_no_speed():
    gestures = measure(head(), head(at=(18, 0, 700)), head(at=(36, 0, 700)), step=0.0)
    assert gestures is None  # no time passed at all
    boxes, points = (np.array(part) for part in zip(head(), head(at=(18, 0, 700)), strict=True))
    for times in ([0.5, 0.5], [0.5, 0.5 + 1e-12]):
        gestures = box_gestures(
            np.array(times),
            boxes,
            points,
            seen=np.ones(2, bool),
            sizes=np.tile([640, 480], (2, 1)),
            end=1,
            windows=PLAIN,
        )
        assert not gestures.values[:, 7:12].any()


def test_a_picture_of_another_size_is_no_motion():
    (box, points), double = head(yaw=5), 2.0
    gestures = box_gestures(
        np.array([0.0, 0.1]),
        np.array([box, box * double]),
        np.array([points, points * double]),
        seen=np.ones(2, bool),
        sizes=np.array([[WIDTH, HEIGHT], [2 * WIDTH, 2 * HEIGHT]]),
        end=1.0,
        windows=PLAIN,
    )
    np.testing.assert_allclose(gestures.values[:, 7:12], 0, atol=1e-6)


@pytest.mark.parametrize("kind", ["eyes", "mouth", "box", "nan", "inf", "huge"])
def test_a_face_without_a_direction_counts_as_not_seen(kind):
    box, points = head()
    if kind == "eyes":
        points[1] = points[0]
    elif kind == "mouth":
        points[3:] = points[:2].mean(axis=0)
    elif kind == "box":
        box[3] = box[1]
    elif kind == "huge":
        points[3] = 1e300
    else:
        points[2, 0] = float(kind)
    assert measure((box, points)) is None
    gestures = measure(head(), (box, points), head())
    assert channel(gestures, "face_seen").tolist() == [1, 0, 1]
    np.testing.assert_allclose(gestures.values[1, :-1], gestures.values[0, :-1], atol=1e-6)


def test_rows_that_were_not_seen_may_hold_anything():
    nothing = (np.full(4, np.nan), np.full((5, 2), np.nan))
    gestures = measure(nothing, head(), (np.zeros(4), np.zeros((5, 2))), seen=[False, True, False])
    assert gestures.seen == pytest.approx(1 / 3)
    assert np.isfinite(gestures.values).all()
    assert measure(nothing, seen=[False]) is None
    assert gestures.channels == (*BOX_CHANNELS, FACE_SEEN)
