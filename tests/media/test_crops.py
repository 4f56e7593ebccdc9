"""What the reader of face crops promises: every picture or a reason, in order, and no surprise from a hostile file."""

import io
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fairhire.errors import DataError
from fairhire.media.crops import read_crops


def picture(shade=100, size=(24, 20), kind="PNG", mode="RGB", **options):
    """Return a picture whose red rises from left to right."""
    pixels = np.full((size[1], size[0], 3), shade, dtype=np.uint8)
    pixels[..., 0] = np.arange(size[0], dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format=kind, **options)
    return buffer.getvalue()


def write_zip(path, files, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def read_with_reasons(source):
    reasons = {}
    crops = dict(read_crops(source, on_unreadable=reasons.__setitem__))
    return crops, reasons


FILES = {
    "b.mp4.jpg": picture(kind="JPEG"),
    "a.000.mp4.png": picture(shade=7),
    "deep/er/C.JPEG": picture(kind="JPEG"),
    "notes.txt": b"not a picture, and not called one",
    ".hidden.png": b"not read",
    "__MACOSX/a.png": b"not read",
}


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_every_picture_is_read_once_in_order_of_its_name(tmp_path, write):
    crops = list(read_crops(write(tmp_path / "crops", FILES)))
    assert [name for name, _ in crops] == ["a.000.mp4", "b.mp4", "deep/er/C"]
    for _, pixels in crops:
        assert pixels.shape == (20, 24, 3)
        assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(crops[0][1][:, :, 0], np.tile(np.arange(24), (20, 1)))
    assert (crops[0][1][:, :, 1:] == 7).all()


def test_a_zip_file_and_a_folder_of_the_same_pictures_read_the_same(tmp_path):
    packed = list(read_crops(write_zip(tmp_path / "crops.zip", FILES, compression=zipfile.ZIP_DEFLATED)))
    loose = list(read_crops(write_folder(tmp_path / "crops", FILES)))
    for (name, pixels), (other_name, other) in zip(packed, loose, strict=True):
        assert name == other_name
        np.testing.assert_array_equal(pixels, other)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_every_common_kind_of_pixel_becomes_rgb(tmp_path, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    source = write_folder(tmp_path, {"a.png": picture(mode=mode, kind=kind)})
    [(_, pixels)] = read_crops(source)
    assert pixels.shape == (20, 24, 3)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path):
    source = write_folder(tmp_path, {"a.png": picture(mode="P", transparency=b"\x00\x80\xff")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(read_crops(source))) == 1


UNREADABLE = {
    "empty": (b"", "neither a JPEG nor a PNG"),
    "text": (b"<html>404</html>", "neither a JPEG nor a PNG"),
    "cut": (picture(kind="JPEG", size=(64, 64))[:-60], "truncated"),
    "gif": (picture(kind="GIF"), "neither a JPEG nor a PNG"),
    "tiny": (picture(size=(15, 64)), "15 x 64 pixels, fewer than 16"),
    "wide": (picture(size=(4097, 4097), mode="1"), "4097 x 4097 pixels, more than"),
}


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_unreadable_pictures_are_told_with_their_reason_and_the_rest_is_read(tmp_path, write):
    files = {f"{name}.jpg": content for name, (content, _) in UNREADABLE.items()}
    crops, reasons = read_with_reasons(write(tmp_path / "crops", {**files, "good.jpg": picture()}))
    assert list(crops) == ["good"]
    assert set(reasons) == set(UNREADABLE)
    for name, (_, why) in UNREADABLE.items():
        assert why in reasons[name]
        assert "\n" not in reasons[name]


def test_without_somebody_to_tell_the_first_unreadable_picture_raises(tmp_path):
    source = write_folder(tmp_path, {"a.png": picture(), "b.png": b"no"})
    reading = read_crops(source)
    assert next(reading)[0] == "a"
    with pytest.raises(DataError, match="b: expected a readable face crop, got: neither"):
        next(reading)


def test_sixteen_bit_pixels_are_refused_not_clipped_to_white(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((20, 20), 40_000, dtype=np.uint16)).save(buffer, format="PNG")
    crops, reasons = read_with_reasons(write_folder(tmp_path, {"a.png": buffer.getvalue()}))
    assert not crops
    assert "8 bits" in reasons["a"]


def png_of_size(width, height):
    """Return a PNG that says it is huge and holds next to nothing."""
    content = bytearray(picture())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("side", [5_000, 12_000, 60_000])
def test_a_picture_that_claims_an_absurd_size_is_not_unpacked(tmp_path, side):
    source = write_folder(tmp_path, {"a.png": png_of_size(side, side)})
    tracemalloc.start()
    crops, reasons = read_with_reasons(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not crops
    assert "pixels" in reasons["a"]
    assert peak < 4e6


def test_a_file_too_large_for_a_crop_is_not_read(tmp_path):
    bomb = bytes(17 * 2**20)
    for source in (
        write_zip(tmp_path / "a.zip", {"a.png": bomb}, compression=zipfile.ZIP_DEFLATED),
        write_folder(tmp_path / "folder", {"a.png": bomb}),
    ):
        crops, reasons = read_with_reasons(source)
        assert not crops
        assert "bytes, more than" in reasons["a"]


def test_a_zip_file_that_lies_about_a_size_is_not_unpacked_beyond_it(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": bytes(64 * 2**20)}, compression=zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    honest = (64 * 2**20).to_bytes(4, "little")
    assert content.count(honest) == 2
    path.write_bytes(content.replace(honest, (5000).to_bytes(4, "little")))
    tracemalloc.start()
    crops, reasons = read_with_reasons(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not crops
    assert "CRC" in reasons["a"]
    assert peak < 4e6


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_packing_without_a_bound_are_refused(tmp_path, method):
    crops, reasons = read_with_reasons(write_zip(tmp_path / "a.zip", {"a.png": picture()}, compression=method))
    assert not crops
    assert "packed by another method" in reasons["a"]


def test_an_encrypted_picture_is_counted_not_raised(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": picture()})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    crops, reasons = read_with_reasons(path)
    assert not crops
    assert "encrypted" in reasons["a"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path, "found neither"),
        (lambda path: path.write_bytes(b"PK but not really") and path, "not a zip file"),
        (lambda path: path.mkdir() or path, "found none"),
        (lambda path: write_zip(path, {"readme.txt": "x"}), "found none"),
        (lambda path: write_zip(path, {"a.png": picture(), "a.jpg": picture()}), "two called 'a'"),
    ],
)
def test_a_source_without_pictures_or_with_two_of_one_name_is_refused_in_one_line(tmp_path, make, why):
    source = make(tmp_path / "source")
    with pytest.raises(DataError, match=why) as caught:
        list(read_crops(source, on_unreadable=lambda name, why: None))
    assert "\n" not in str(caught.value)


@given(
    kind=st.sampled_from(["PNG", "JPEG"]),
    edits=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 200),
)
def test_no_damage_to_a_picture_raises_anything_but_a_reason(tmp_path_factory, kind, edits, cut):
    content = bytearray(picture(kind=kind, size=(40, 40)))
    for place, value in edits:
        content[place % len(content)] = value
    source = write_folder(tmp_path_factory.mktemp("damaged"), {"a.png": bytes(content[: len(content) - cut])})
    crops, reasons = read_with_reasons(source)
    assert len(crops) + len(reasons) == 1
    for pixels in crops.values():
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3


@given(edits=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8))
def test_no_damage_to_a_zip_file_raises_anything_but_a_data_error(tmp_path_factory, edits):
    path = write_zip(tmp_path_factory.mktemp("damaged") / "a.zip", {"a.png": picture(), "b.png": picture()})
    content = bytearray(path.read_bytes())
    for place, value in edits:
        content[place % len(content)] = value
    path.write_bytes(bytes(content))
    try:
        crops, reasons = read_with_reasons(Path(path))
    except DataError:
        return
    assert len(crops) + len(reasons) >= 1
