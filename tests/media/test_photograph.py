"""A photograph is read upright, and nothing but one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fairhire.errors import DataError
from fairhire.media import photograph as module
from fairhire.media.photograph import read_photograph


def picture(width=60, height=40):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2] = (200, 10, 10)  # red above
    return Image.fromarray(pixels)


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "PNG"])
def test_pixels_come_as_they_are(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    picture().save(path)
    read = read_photograph(path)
    assert (read.width, read.height, read.seconds) == (60, 40, 0.0)
    assert read.pixels.dtype == np.uint8
    assert abs(read.pixels[:15, :, 0].mean() - 200) < 6
    np.testing.assert_array_equal(read.rgb(), read.pixels)
    np.testing.assert_array_equal(read.rgb(600), read.pixels)  # never made larger
    assert read.rgb(30).shape == (20, 30, 3)


def test_a_phone_held_upright_is_turned_as_its_note_says(tmp_path):
    note = Image.Exif()
    note[0x0112] = 6  # to be turned a quarter clockwise
    picture().save(tmp_path / "a.jpg", exif=note)
    read = read_photograph(tmp_path / "a.jpg")
    assert (read.width, read.height) == (40, 60)
    assert read.pixels[:, 25:, 0].mean() > 180  # what was above is at the right
    assert read.pixels[:, :15, 0].mean() < 20


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK", "LA"])
def test_other_colours_become_red_green_and_blue(tmp_path, mode):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture().convert("L").convert(mode).save(path) if mode == "LA" else picture().convert(mode).save(path)
    assert read_photograph(path).pixels.shape == (40, 60, 3)


def test_too_many_pixels_or_bytes_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    picture().save(tmp_path / "a.png")
    monkeypatch.setattr(module, "_MAX_PIXELS", 60 * 40 - 1)
    with pytest.raises(DataError, match="60 x 40 pixels, more than 2399"):
        read_photograph(tmp_path / "a.png")
    monkeypatch.setattr(module, "_MAX_BYTES", 10)
    with pytest.raises(DataError, match="bytes, more than 10"):
        read_photograph(tmp_path / "a.png")


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_damage_is_one_line(tmp_path_factory, junk, place):
    content = io.BytesIO()
    picture().save(content, "PNG")
    whole = content.getvalue()
    place %= len(whole)
    path = tmp_path_factory.mktemp("odd") / "a.png"
    for damaged in (junk, whole[:place] + junk + whole[place + len(junk) :], whole[:place]):
        path.write_bytes(damaged)
        try:
            said = str(read_photograph(path).pixels.shape)
        except DataError as error:
            said = str(error)
        assert "\n" not in said
    with pytest.raises(DataError, match="no such file"):
        read_photograph(path.with_name("b.png"))
