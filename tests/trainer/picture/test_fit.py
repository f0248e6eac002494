"""Image files made into what a network takes."""

import numpy as np
import pytest
from PIL import Image

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import reading
from trainer.errors import TrainerError
from trainer.picture import fit

MNIST = (28, 28, 1)
COLOR = (20, 20, 3)


def drawing(ink=0, paper=255, size=(200, 150), box=(20, 30, 120, 80)):
    """A filled rectangle, (left, top, right, bottom), on paper; both uint8."""
    image = Image.new("L", size, paper)
    image.paste(ink, box)
    return image


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
    Image.fromarray(pixels).save(tmp_path / "x.png")
    image = reading.load(tmp_path / "x.png")
    fitted = fit.fit(image, MNIST)
    np.testing.assert_array_equal(fitted.pixels, pixels[..., None])
    assert not fitted.inverted


def test_ink_fills_a_box_of_20_of_28_with_its_aspect_kept():
    assert box(fit.fit(drawing(), MNIST).pixels)[2:] == (10, 20)
    assert box(fit.fit(drawing(), (56, 84, 1)).pixels)[2:] == (30, 60)


def test_small_ink_is_enlarged():
    assert box(fit.fit(drawing(box=(9, 9, 11, 13)), MNIST).pixels)[2:] == (20, 10)


def test_the_center_of_mass_is_at_the_fields_center():
    """Of an L, whose box's center is elsewhere."""
    image = drawing(box=(20, 20, 40, 120))
    image.paste(0, (40, 100, 80, 120))
    pixels = fit.fit(image, MNIST).pixels[..., 0].astype(float)
    for axis in (0, 1):
        center = np.arange(28) @ pixels.sum(1 - axis) / pixels.sum()
        assert abs(center - 14) <= 0.5


def test_no_ink_leaves_the_field():
    """However far its center of mass is from its box's center."""
    image = drawing(size=(400, 400), box=(20, 20, 300, 40))
    image.paste(0, (20, 20, 90, 90))
    assert box(fit.fit(image, (20, 20, 1)).pixels)[3] == 14


def test_ink_is_white_on_black_however_pale_it_is():
    pixels = fit.fit(drawing(ink=120, paper=170), MNIST).pixels
    assert (pixels.dtype, pixels.shape) == (np.uint8, MNIST)
    assert sorted(np.unique(pixels))[:: len(np.unique(pixels)) - 1] == [0, 255]


@pytest.mark.parametrize("paper", [130, 255])
def test_auto_inverts_dark_ink_on_light_paper(paper):
    light = fit.fit(drawing(ink=20, paper=paper), MNIST)
    dark = fit.fit(drawing(ink=paper, paper=20), MNIST)
    assert (light.inverted, dark.inverted) == (True, False)
    np.testing.assert_array_equal(light.pixels, dark.pixels)


def test_inverting_can_be_asked_for_and_forbidden():
    image = Image.fromarray(np.full((28, 28), 55, np.uint8))
    assert fit.fit(image, MNIST, "yes").pixels.max() == 200
    assert fit.fit(Image.new("RGB", (9, 9)), COLOR, "yes").pixels.min() == 255
    for paper, invert in ((255, "no"), (0, "yes")):
        with pytest.raises(TrainerError, match="or --invert wrong"):
            fit.fit(drawing(ink=255 - paper, paper=paper), MNIST, invert)


@pytest.mark.parametrize("tone", [0, 200, 255])
def test_an_even_tone_has_no_ink(tone):
    with pytest.raises(TrainerError, match=r"expected some .* found none"):
        fit.fit(Image.new("L", (40, 40), tone), MNIST)


def test_a_gray_image_has_three_equal_channels_for_a_network_of_three():
    pixels = fit.fit(drawing(size=(20, 20)), COLOR).pixels
    assert pixels.shape == COLOR
    assert (np.ptp(pixels, axis=2) == 0).all()


def test_a_whole_picture_is_fitted_as_packed_ones_are(tmp_path):
    drawing(ink=10, paper=200).save(tmp_path / "x.png")
    image = reading.load(tmp_path / "x.png")
    fitted = fit.fit(image, MNIST, how="whole")
    assert not fitted.inverted
    (packed,) = next(reading.read_all([tmp_path / "x.png"], (28, 28))).pages
    np.testing.assert_array_equal(fitted.pixels[..., 0], packed)


@pytest.mark.parametrize("how", ["whole", "ink", None])
def test_so_is_a_picture_in_color_in_any_case(tmp_path, how):
    image = Image.new("RGB", (80, 40), "red")
    image.paste((0, 255, 0), (20, 0, 60, 40))
    image.save(tmp_path / "x.png")
    fitted = fit.fit(reading.load(tmp_path / "x.png"), COLOR, how=how)
    (packed,) = next(
        reading.read_all([tmp_path / "x.png"], COLOR[:2], color=True)
    ).pages
    np.testing.assert_array_equal(fitted.pixels, packed)


def test_where_nobody_knows_how_that_is_an_error_but_for_what_needs_no_fitting():
    with pytest.raises(fit.HowError) as error:
        fit.fit(drawing(), MNIST, how=None)
    expected = (
        "--fit: expected ink or whole for a picture of 200x150 and a network for 28"
    )
    assert str(error.value).startswith(expected)
    assert "\n" not in str(error.value)
    assert fit.fit(drawing(size=(28, 28)), MNIST, how=None).pixels.shape == MNIST


def strokes(ink, paper, box):
    """Rectangles of several shapes and places on plain paper, one in an image."""
    return [
        drawing(ink, paper, (90, 90), (left, top, left + box, top + height))
        for left, top, height in ((10, 10, 40), (30, 5, 70), (20, 40, 25), (5, 30, 55))
    ]


def test_images_that_were_made_of_their_ink_are_measured_as_such():
    made = [fit.fit(image, MNIST).pixels for image in strokes(0, 255, 30)]
    assert fit.measured(np.stack(made)) == "ink"


@pytest.mark.parametrize(
    ("ink", "paper"), [(0, 255), (255, 0)], ids=["dark ink", "light ink"]
)
def test_drawings_that_were_packed_whole_are_measured_as_such(ink, paper):
    """On dark paper they are like ink of another place and size."""
    made = [fit.fit(x, MNIST, how="whole").pixels for x in strokes(ink, paper, 30)]
    assert fit.measured(np.stack(made)) == "whole"


@pytest.mark.parametrize("shape", [(5, 28, 28, 1), (5, 28, 28, 3)])
def test_what_has_no_plain_ground_is_measured_as_whole(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert fit.measured(images) == "whole"


def test_images_without_anything_in_them_are_measured_as_whole():
    assert fit.measured(np.zeros((3, 28, 28, 1), np.uint8)) == "whole"


def test_the_published_digits_are_ink(mnist_idx_dir):
    images = next(idx.read(mnist_idx_dir / "train-images-idx3-ubyte.gz"))
    assert fit.measured(images[:200, ..., np.newaxis]) == "ink"


def test_a_shadow_on_the_paper_is_no_ink():
    """Which is up to half as dark as the ink, and reaches further."""
    shaded = drawing(ink=140, box=(5, 10, 190, 140))
    shaded.paste(0, (20, 30, 120, 80))
    assert box(fit.fit(shaded, MNIST).pixels > 200) == box(
        fit.fit(drawing(), MNIST).pixels > 200
    )
