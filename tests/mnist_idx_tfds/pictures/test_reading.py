"""Pictures as grayscale pixels."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mnist_idx_tfds import idx, machine
from mnist_idx_tfds.pictures import reading

PIXELS = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)
GRAY = Image.fromarray(PIXELS)


def read(path, size=None, color=False):
    """The pixels of a picture alone."""
    (found,) = reading.read_all([path], size, color)
    if isinstance(found, idx.IdxError):
        raise found
    (pixels,) = found.pages
    return pixels


def save(image, path, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("bmp", {}),
        ("gif", {}),
        ("pgm", {}),
        ("png", {}),
        ("tiff", {}),
        ("webp", {"lossless": True}),
    ],
)
def test_every_lossless_format_gives_its_pixels(tmp_path, suffix, options):
    path = save(GRAY, tmp_path / f"x.{suffix}", **options)
    pixels = read(path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, PIXELS)


def test_a_photo_is_read(tmp_path):
    path = save(Image.new("RGB", (30, 20), (200, 200, 200)), tmp_path / "x.jpg")
    assert read(path).shape == (20, 30)
    assert np.ptp(read(path)) == 0
    assert abs(int(read(path)[0, 0]) - 200) <= 1


def test_a_large_photo_is_shrunk_as_the_same_without_loss(tmp_path):
    """Although it is decoded at a fraction of its size."""
    pixels = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
    photo = Image.fromarray(pixels).resize((1000, 760))
    reduced = reading.load(save(photo, tmp_path / "x.jpg", quality=95), enough=60)
    assert reduced.size == (125, 95)
    lossy = read(tmp_path / "x.jpg", (30, 30)).astype(int)
    lossless = read(save(photo, tmp_path / "x.png"), (30, 30)).astype(int)
    assert np.abs(lossy - lossless).max() < 8


def test_content_not_name_decides_on_the_format(tmp_path):
    path = save(GRAY, tmp_path / "x.jpg", format="PNG")
    np.testing.assert_array_equal(read(path), PIXELS)


def _palette():
    image = Image.new("P", (1, 1))
    image.putpalette([100, 100, 100])
    return image


@pytest.mark.parametrize(
    ("image", "options", "gray"),
    [
        (Image.new("RGB", (1, 1), (255, 0, 0)), {}, 76),
        (Image.new("RGB", (1, 1), (0, 255, 0)), {}, 150),
        (Image.new("1", (1, 1), 1), {}, 255),
        (_palette(), {}, 100),
        (_palette(), {"transparency": 0}, 255),
        (Image.new("RGBA", (1, 1), (0, 0, 0, 0)), {}, 255),
        (Image.new("RGBA", (1, 1), (0, 0, 0, 255)), {}, 0),
        (Image.new("RGBA", (1, 1), (0, 0, 0, 51)), {}, 204),
        (Image.new("LA", (1, 1), (10, 0)), {}, 255),
        (Image.new("L", (1, 1), 10), {"transparency": 10}, 255),
    ],
    ids=[
        *("red", "green", "one bit", "palette", "transparent palette"),
        *("transparent", "opaque", "a fifth opaque", "gray with alpha"),
        "transparent gray",
    ],
)
def test_any_kind_of_pixel_becomes_gray_on_white(tmp_path, image, options, gray):
    path = save(image, tmp_path / "x.png", **options)
    assert read(path).tolist() == [[gray]]


@pytest.mark.parametrize(
    ("values", "gray"),
    [
        (np.uint16([0, 0x8080, 0xFFFF]), [0, 128, 255]),
        (np.uint16([0, 3, 230]), [0, 3, 230]),
        (np.uint16([0, 273, 4095]), [0, 17, 255]),
        (np.uint16([0, 1, 0]), [0, 255, 0]),
        (np.float32([0, 0.2, 0.9]), [0, 51, 230]),
    ],
)
def test_a_picture_alone_of_more_than_8_bits_has_those_that_it_needs(
    tmp_path, values, gray
):
    path = save(Image.fromarray(values[np.newaxis]), tmp_path / "x.tiff")
    assert np.asarray(reading.load(path)).tolist() == [gray]
    pixels = read(path)
    assert (pixels.dtype, pixels.tolist()) == (np.float32, [values.tolist()])


@pytest.mark.parametrize("values", [np.int32([0, 65536]), np.float32([-1, 1])])
def test_a_picture_alone_of_another_range_is_refused(tmp_path, values):
    path = save(Image.fromarray(values[np.newaxis]), tmp_path / "x.tiff")
    with pytest.raises(idx.IdxError, match="expected pixels of 0 to 65535, found ones"):
        reading.load(path)


def test_the_range_of_pages_is_that_before_they_are_shrunk(tmp_path):
    pixels = np.zeros((20, 20), np.uint16)
    pixels[3, 3] = 4095
    save(Image.fromarray(pixels), tmp_path / "x.tiff")
    (found,) = reading.read_all([tmp_path / "x.tiff"], (2, 2))
    assert (found.range.low, found.range.high, found.range.whole) == (0, 4095, True)
    assert found.pages[0].max() < 1000


def test_a_picture_is_turned_as_its_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(GRAY, tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read(path), np.rot90(PIXELS, -1))


@pytest.mark.parametrize("suffix", ["gif", "png", "tiff"])
def test_frames_are_counted_and_pages_are_read(tmp_path, suffix):
    more = [Image.new("L", GRAY.size, gray) for gray in (255, 9)]
    path = save(GRAY, tmp_path / f"x.{suffix}", save_all=True, append_images=more)
    (found,) = reading.read_all([path])
    np.testing.assert_array_equal(found.pages[0], PIXELS)
    assert np.array_equal(np.asarray(reading.load(path).convert("L")), PIXELS)
    paged = suffix == "tiff"
    assert (found.frames, len(found.pages)) == ((1, 3) if paged else (3, 1))
    assert found.pages[-1].tolist() == ([[9] * 3] * 2 if paged else PIXELS.tolist())


def test_a_page_that_is_a_thumbnail_of_another_is_none(tmp_path):
    small = Image.new("L", (1, 1))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    path = save(GRAY, tmp_path / "x.tiff", save_all=True, append_images=[small])
    np.testing.assert_array_equal(read(path), PIXELS)


@pytest.mark.parametrize(
    ("ink", "paper", "on_black"), [(255, 0, True), (250, 0, True), (0, 255, False)]
)
def test_ink_on_nothing_is_seen(tmp_path, ink, paper, on_black):
    rgba = np.full((3, 3, 4), ink, np.uint8)
    rgba[..., 3] = 0
    rgba[1, 1, 3] = 255
    (found,) = reading.read_all([save(Image.fromarray(rgba), tmp_path / "x.png")])
    assert found.on_black == on_black
    assert found.pages[0][1, 1] == ink
    assert found.pages[0][0, 0] == paper


def test_colors_that_become_gray_are_told_from_gray(tmp_path):
    for number, color in enumerate([(90, 90, 90), (90, 95, 92), (90, 190, 90)]):
        save(Image.new("RGB", (300, 2), color), tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    assert [f.colored for f in reading.read_all(paths)] == [False, False, True]
    assert not any(f.colored for f in reading.read_all(paths, color=True))


def test_colors_of_16_bits_that_hold_8_are_refused(tmp_path):
    """Pillow would cut them to black."""

    def chunk(name, data):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    for low, high in ((b"\xff", b"\0"), (b"\0", b"\xff")):
        row = chunk(b"IDAT", zlib.compress(b"\0" + 3 * (high + low)))
        data = b"\x89PNG\r\n\x1a\n" + head + row + chunk(b"IEND", b"")
        (tmp_path / f"{high[0]}.png").write_bytes(data)
    assert read(tmp_path / "255.png").tolist() == [[255]]
    with pytest.raises(idx.IdxError, match="colors of 16 bits"):
        read(tmp_path / "0.png")


def test_a_picture_of_the_size_asked_for_keeps_its_pixels(tmp_path):
    path = save(GRAY, tmp_path / "x.png")
    np.testing.assert_array_equal(read(path, (2, 3)), PIXELS)


def test_colors_are_kept_if_asked_for_and_the_rest_is_that_of_the_border(tmp_path):
    image = np.full((4, 8, 3), (10, 200, 90), np.uint8)
    path = save(Image.fromarray(image), tmp_path / "x.png")
    np.testing.assert_array_equal(read(path, color=True), image)
    expected = np.full((9, 6, 3), image[0, 0])
    np.testing.assert_array_equal(read(path, (9, 6), color=True), expected)


def test_a_gray_picture_has_the_same_color_three_times(tmp_path):
    path = save(GRAY, tmp_path / "x.png")
    expected = np.stack([PIXELS] * 3, axis=-1)
    np.testing.assert_array_equal(read(path, color=True), expected)


@pytest.mark.parametrize(
    ("shape", "size", "rows", "columns"),
    [
        pytest.param((10, 20), (8, 8), slice(2, 6), slice(0, 8), id="wide"),
        pytest.param((20, 10), (8, 8), slice(0, 8), slice(2, 6), id="high"),
        pytest.param((2, 2), (4, 6), slice(0, 4), slice(1, 5), id="enlarged"),
        pytest.param((500, 1), (10, 9), slice(0, 10), slice(4, 5), id="thin"),
        pytest.param((7, 7), (1, 1), slice(0, 1), slice(0, 1), id="to one pixel"),
    ],
)
def test_a_picture_is_centred_in_its_proportions(tmp_path, shape, size, rows, columns):
    """With what is left filled as its border is: of one gray, all is of that gray."""
    image = np.full(shape, 90, np.uint8)
    path = save(Image.fromarray(image), tmp_path / "x.png")
    np.testing.assert_array_equal(read(path, size), np.full(size, 90))
    image[1:-1, 1:-1] = 200  # Inside, which the border's median does not see.
    image[shape[0] // 2, shape[1] // 2] = 200
    path = save(Image.fromarray(image), tmp_path / "x.png")
    pixels = read(path, size)
    assert pixels.shape == size
    outside = np.ones(size, bool)
    outside[rows, columns] = False
    assert (pixels[outside] == 90).all()
    inside = pixels[rows, columns]
    if min(shape) > 2:
        assert inside[inside.shape[0] // 2, inside.shape[1] // 2] > 90


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "data of no known format"),
        (b"Please log in.", "data of no known format"),
        # Pillow would start Ghostscript.
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "data of no known format",
        ),
        (b"P5 9 9 255 short", "an error: "),
    ],
    ids=["empty", "text", "EPS", "cut short"],
)
def test_what_is_no_picture_is_named(tmp_path, data, found):
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(idx.IdxError) as caught:
        read(path)
    expected = f"{path}: image: expected a readable picture, found {found}"
    assert str(caught.value).startswith(expected)
    assert str(caught.value).isprintable()


def test_a_png_cut_anywhere_is_refused_or_whole(tmp_path):
    """The pixels may be complete before the file's end is reached."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9, 9), np.uint8)
    data = save(Image.fromarray(pixels), tmp_path / "x.png").read_bytes()
    refused = 0
    for size in range(len(data)):
        (tmp_path / "x.png").write_bytes(data[:size])
        try:
            found = read(tmp_path / "x.png")
        except idx.IdxError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, pixels)
    assert refused > len(data) - 30


@pytest.mark.parametrize("limit", [4, 1], ids=["warned of", "refused"])
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    """Also where Pillow only warns."""
    path = save(GRAY, tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(idx.IdxError, match="decompression bomb"):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(idx.IdxError, match="No such file or directory"):
        read(tmp_path / "x.png")


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_many_pictures_come_in_their_order_with_errors_among_them(
    tmp_path, monkeypatch, cores
):
    monkeypatch.setattr(machine, "cores", lambda: cores)
    paths = []
    for n in range(200):
        paths.append(f"{tmp_path / str(n)}.png")
        if n % 7:
            Image.fromarray(np.full((1 + n % 3, 2), n, np.uint8)).save(paths[-1])
    all_found = list(reading.read_all(paths))
    assert len(all_found) == len(paths)
    for n, (path, found) in enumerate(zip(paths, all_found, strict=True)):
        if n % 7:
            np.testing.assert_array_equal(found.pages[0], read(path))
        else:
            assert isinstance(found, idx.IdxError)
            assert str(found).startswith(f"{path}: image: expected a readable picture")


def test_no_more_pictures_are_read_ahead_than_the_cores_need(tmp_path, monkeypatch):
    """Of any number; those that are not small are read one at a time."""
    monkeypatch.setattr(machine, "cores", lambda: 2)
    Image.fromarray(np.zeros((1200, 1200), np.uint8)).save(tmp_path / "x.png")
    asked = []

    def paths():
        for n in range(100):
            asked.append(n)
            yield f"{tmp_path / 'x.png'}"

    found = reading.read_all(paths())
    for used in range(1, 20):
        next(found)
        assert len(asked) - used <= 4
    found.close()
    assert len(asked) < 30


def test_warnings_about_metadata_are_not_shown_whatever_the_core(tmp_path, recwarn):
    path = tmp_path / "x.jpg"
    cut_short = b"Exif\0\0MM\0*\0\0\0\x08\0\x05"
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(path, exif=cut_short)
    with pytest.warns(UserWarning, match="EXIF"):
        Image.open(path).close()
    recwarn.clear()
    for found in reading.read_all([f"{path}"] * 8):
        assert found.pages[0].shape == (2, 3)
    assert not recwarn.list
