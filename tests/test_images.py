"""Image files made into what a network takes."""

import contextlib

import numpy as np
import pytest
from PIL import Image

from trainer import images
from trainer.errors import TrainerError

MNIST = (28, 28, 1)
COLOR = (20, 20, 3)


def drawing(ink=0, paper=255, size=(200, 150), box=(20, 30, 120, 80)):
    """A filled rectangle, (left, top, right, bottom), on paper; both uint8."""
    image = Image.new("L", size, paper)
    image.paste(ink, box)
    return image


def saved(path, image, **options):
    image.save(path, **options)
    return images.read(path)


def box(pixels):
    """Returns top, left, height and width of what is not black."""
    rows, columns = np.nonzero(pixels[..., 0])
    return (
        *(rows.min(), columns.min()),
        *(np.ptp(rows) + 1, np.ptp(columns) + 1),
    )


@pytest.mark.parametrize("paper", [0, 255])
def test_an_image_of_the_networks_size_stays_as_it_is(tmp_path, paper):
    """On light paper too: a network may have been trained on that."""
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = paper
    image = saved(tmp_path / "x.png", Image.fromarray(pixels))
    fitted = images.fit(image, MNIST)
    np.testing.assert_array_equal(fitted.pixels, pixels[..., None])
    assert not fitted.inverted


def test_ink_fills_a_box_of_20_of_28_with_its_aspect_kept():
    assert box(images.fit(drawing(), MNIST).pixels)[2:] == (10, 20)
    assert box(images.fit(drawing(), (56, 84, 1)).pixels)[2:] == (30, 60)


def test_small_ink_is_enlarged():
    assert box(images.fit(drawing(box=(9, 9, 11, 13)), MNIST).pixels)[2:] == (20, 10)


def test_the_center_of_mass_is_at_the_fields_center():
    """Of an L, whose box's center is elsewhere."""
    image = drawing(box=(20, 20, 40, 120))
    image.paste(0, (40, 100, 80, 120))
    pixels = images.fit(image, MNIST).pixels[..., 0].astype(float)
    for axis in (0, 1):
        center = np.arange(28) @ pixels.sum(1 - axis) / pixels.sum()
        assert abs(center - 14) <= 0.5


def test_no_ink_leaves_the_field():
    """However far its center of mass is from its box's center."""
    image = drawing(size=(400, 400), box=(20, 20, 300, 40))
    image.paste(0, (20, 20, 90, 90))
    assert box(images.fit(image, (20, 20, 1)).pixels)[3] == 14


def test_ink_is_white_on_black_however_pale_it_is():
    pixels = images.fit(drawing(ink=120, paper=170), MNIST).pixels
    assert (pixels.dtype, pixels.shape) == (np.uint8, MNIST)
    assert sorted(np.unique(pixels))[:: len(np.unique(pixels)) - 1] == [0, 255]


@pytest.mark.parametrize("paper", [130, 255])
def test_auto_inverts_dark_ink_on_light_paper(paper):
    light = images.fit(drawing(ink=20, paper=paper), MNIST)
    dark = images.fit(drawing(ink=paper, paper=20), MNIST)
    assert (light.inverted, dark.inverted) == (True, False)
    np.testing.assert_array_equal(light.pixels, dark.pixels)


def test_inverting_can_be_asked_for_and_forbidden():
    image = Image.fromarray(np.full((28, 28), 55, np.uint8))
    assert images.fit(image, MNIST, "yes").pixels.max() == 200
    assert images.fit(Image.new("RGB", (9, 9)), COLOR, "yes").pixels.min() == 255
    for paper, invert in ((255, "no"), (0, "yes")):
        with pytest.raises(TrainerError, match="or --invert wrong"):
            images.fit(drawing(ink=255 - paper, paper=paper), MNIST, invert)


@pytest.mark.parametrize("tone", [0, 200, 255])
def test_an_even_tone_has_no_ink(tone):
    with pytest.raises(TrainerError, match=r"expected some .* found none"):
        images.fit(Image.new("L", (40, 40), tone), MNIST)


def test_colors_are_scaled_to_cover_the_field_and_cut_on_both_sides():
    image = Image.new("RGB", (80, 40), "red")
    image.paste((0, 255, 0), (20, 0, 60, 40))
    fitted = images.fit(image, COLOR)
    assert fitted.pixels.shape == COLOR
    assert not fitted.inverted
    assert (fitted.pixels[:, 1:-1] == [0, 255, 0]).all()


def test_a_gray_image_has_three_equal_channels_for_a_network_of_three():
    pixels = images.fit(drawing(size=(20, 20)), COLOR).pixels
    assert pixels.shape == COLOR
    assert (np.ptp(pixels, axis=2) == 0).all()


def test_a_turned_photo_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by 90 degrees clockwise.
    image = Image.new("RGB", (30, 20), "white")
    image.paste("black", (0, 0, 15, 20))  # The left half, which is to be above.
    image = saved(tmp_path / "x.jpg", image, exif=exif)
    assert image.size == (20, 30)
    pixels = np.asarray(image)
    assert pixels[:10].mean() < 20 < 230 < pixels[20:].mean()


def test_transparent_paper_is_white(tmp_path):
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (10, 10, 20, 30))
    fitted = images.fit(saved(tmp_path / "x.png", image), MNIST)
    assert fitted.inverted
    assert box(fitted.pixels)[2:] == (20, 10)


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    values = (np.arange(784) * 83).astype(np.uint16).reshape(28, 28)
    image = saved(tmp_path / "x.png", Image.fromarray(values))
    np.testing.assert_array_equal(np.asarray(image), values // 257)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        (suffix, mode)
        for suffix, modes in {
            "png": ["1", "L", "LA", "P", "RGB", "RGBA"],
            "jpg": ["L", "RGB", "CMYK"],
            "gif": ["1", "L", "LA", "P", "RGB", "RGBA"],
            "bmp": ["1", "L", "P", "RGB", "RGBA"],
            "tiff": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"],
            "webp": ["L", "RGB", "RGBA"],
        }.items()
        for mode in modes
    ],
)
def test_every_mode_of_common_formats_is_read(tmp_path, suffix, mode):
    image = saved(tmp_path / f"x.{suffix}", drawing().convert(mode))
    fitted = images.fit(image, MNIST)
    assert fitted.inverted
    assert box(np.where(fitted.pixels > 50, fitted.pixels, 0))[2:] == (10, 20)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found none"),
        (b"hello\n", "found none"),
        (b"\x89PNG\r\n\x1a\n", "found none"),
        (None, "found an error: no such file or directory"),
    ],
)
def test_what_is_no_image_is_one_line(tmp_path, data, found):
    path = tmp_path / "x.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(TrainerError) as error:
        images.read(path)
    assert str(error.value) == f"{path}: file: expected an image, {found}"


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tiff", "webp", "jpg"])
def test_a_damaged_image_is_one_line_or_read(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    drawing().save(path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for _ in range(60):
        damaged = bytearray(data[: rng.integers(1, len(data) + 1)])
        for where in rng.integers(0, len(damaged), 3):
            damaged[where] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(TrainerError):
            images.read(path)
            continue
        with pytest.raises(TrainerError) as error:
            images.read(path)
        messages.append(str(error.value))
    expected = f"{path}: file: expected an image, found "
    assert messages
    assert all(m.startswith(expected) and "\n" not in m for m in messages)


def test_an_image_too_large_to_be_one_is_refused(tmp_path, monkeypatch):
    drawing().save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.raises(TrainerError, match="could be decompression bomb"):
        images.read(tmp_path / "x.png")
