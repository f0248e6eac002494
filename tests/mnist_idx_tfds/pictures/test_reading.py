"""Pictures as grayscale pixels."""

import numpy as np
import pytest
from PIL import Image

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import reading

PIXELS = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)
GRAY = Image.fromarray(PIXELS)


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
    pixels = reading.read(path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, PIXELS)


def test_a_photo_is_read(tmp_path):
    path = save(Image.new("RGB", (30, 20), (200, 200, 200)), tmp_path / "x.jpg")
    assert reading.read(path).shape == (20, 30)
    assert np.ptp(reading.read(path)) == 0
    assert abs(int(reading.read(path)[0, 0]) - 200) <= 1


def test_a_large_photo_is_shrunk_as_the_same_without_loss(tmp_path):
    """Although it is decoded at a fraction of its size."""
    pixels = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
    photo = Image.fromarray(pixels).resize((1000, 760))
    reduced = reading.load(save(photo, tmp_path / "x.jpg", quality=95), enough=60)
    assert reduced.size == (125, 95)
    lossy = reading.read(tmp_path / "x.jpg", (30, 30)).astype(int)
    lossless = reading.read(save(photo, tmp_path / "x.png"), (30, 30)).astype(int)
    assert np.abs(lossy - lossless).max() < 8


def test_content_not_name_decides_on_the_format(tmp_path):
    path = save(GRAY, tmp_path / "x.jpg", format="PNG")
    np.testing.assert_array_equal(reading.read(path), PIXELS)


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
        (Image.fromarray(np.array([[0x8080]], np.uint16)), {}, 128),
        (Image.fromarray(np.array([[0xFFFF]], np.uint16)), {}, 255),
    ],
    ids=[
        *("red", "green", "one bit", "palette", "transparent palette"),
        *("transparent", "opaque", "a fifth opaque", "gray with alpha"),
        *("transparent gray", "16 bits", "most of 16 bits"),
    ],
)
def test_any_kind_of_pixel_becomes_gray_on_white(tmp_path, image, options, gray):
    path = save(image, tmp_path / "x.png", **options)
    assert reading.read(path).tolist() == [[gray]]


def test_a_gray_map_of_16_bits_is_cut_to_8(tmp_path):
    (tmp_path / "x.pgm").write_bytes(b"P5 2 1 65535 \x80\x80\xff\xff")
    assert reading.read(tmp_path / "x.pgm").tolist() == [[128, 255]]


def test_a_picture_is_turned_as_its_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(GRAY, tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(reading.read(path), np.rot90(PIXELS, -1))


def test_the_first_frame_is_read(tmp_path):
    frames = [Image.new("L", (2, 2), 255)]
    path = save(GRAY, tmp_path / "x.tiff", save_all=True, append_images=frames)
    np.testing.assert_array_equal(reading.read(path), PIXELS)


def test_a_picture_of_the_size_asked_for_keeps_its_pixels(tmp_path):
    path = save(GRAY, tmp_path / "x.png")
    np.testing.assert_array_equal(reading.read(path, (2, 3)), PIXELS)


def test_colors_are_kept_if_asked_for_and_the_rest_is_that_of_the_border(tmp_path):
    image = np.full((4, 8, 3), (10, 200, 90), np.uint8)
    path = save(Image.fromarray(image), tmp_path / "x.png")
    np.testing.assert_array_equal(reading.read(path, color=True), image)
    expected = np.full((9, 6, 3), image[0, 0])
    np.testing.assert_array_equal(reading.read(path, (9, 6), color=True), expected)
    (found,) = reading.read_all([path], (9, 6), color=True)
    np.testing.assert_array_equal(found, expected)


def test_a_gray_picture_has_the_same_color_three_times(tmp_path):
    path = save(GRAY, tmp_path / "x.png")
    expected = np.stack([PIXELS] * 3, axis=-1)
    np.testing.assert_array_equal(reading.read(path, color=True), expected)


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
    np.testing.assert_array_equal(reading.read(path, size), np.full(size, 90))
    image[1:-1, 1:-1] = 200  # Inside, which the border's median does not see.
    image[shape[0] // 2, shape[1] // 2] = 200
    path = save(Image.fromarray(image), tmp_path / "x.png")
    pixels = reading.read(path, size)
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
        (b"Pf 1 1 -1.0 1234", "an error: floating-point pixels, whose range is not"),
    ],
    ids=["empty", "text", "EPS", "cut short", "floats"],
)
def test_what_is_no_picture_is_named(tmp_path, data, found):
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(idx.IdxError) as caught:
        reading.read(path)
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
            read = reading.read(tmp_path / "x.png")
        except idx.IdxError:
            refused += 1
        else:
            np.testing.assert_array_equal(read, pixels)
    assert refused > len(data) - 30


@pytest.mark.parametrize("limit", [4, 1], ids=["warned of", "refused"])
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    """Also where Pillow only warns."""
    path = save(GRAY, tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(idx.IdxError, match="decompression bomb"):
        reading.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(idx.IdxError, match="No such file or directory"):
        reading.read(tmp_path / "x.png")


@pytest.mark.parametrize("cores", [None, 1, 3])
def test_many_pictures_come_in_their_order_with_errors_among_them(tmp_path, cores):
    paths = []
    for n in range(200):
        paths.append(f"{tmp_path / str(n)}.png")
        if n % 7:
            Image.fromarray(np.full((1 + n % 3, 2), n, np.uint8)).save(paths[-1])
    read = list(reading.read_all(paths, None, cores))
    assert len(read) == len(paths)
    for n, (path, found) in enumerate(zip(paths, read, strict=True)):
        if n % 7:
            np.testing.assert_array_equal(found, reading.read(path))
        else:
            assert isinstance(found, idx.IdxError)
            assert str(found).startswith(f"{path}: image: expected a readable picture")


def test_no_more_pictures_are_read_ahead_than_the_cores_need(tmp_path):
    """Of any number; those that are not small are read one at a time."""
    Image.fromarray(np.zeros((1200, 1200), np.uint8)).save(tmp_path / "x.png")
    asked = []

    def paths():
        for n in range(100):
            asked.append(n)
            yield f"{tmp_path / 'x.png'}"

    read = reading.read_all(paths(), None, 2)
    for used in range(1, 20):
        next(read)
        assert len(asked) - used <= 4
    read.close()
    assert len(asked) < 30


def test_warnings_about_metadata_are_not_shown_whatever_the_core(tmp_path, recwarn):
    path = tmp_path / "x.jpg"
    cut_short = b"Exif\0\0MM\0*\0\0\0\x08\0\x05"
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(path, exif=cut_short)
    with pytest.warns(UserWarning, match="EXIF"):
        Image.open(path).close()
    recwarn.clear()
    for pixels in reading.read_all([f"{path}"] * 8, None, 2):
        assert pixels.shape == (2, 3)
    assert not recwarn.list
