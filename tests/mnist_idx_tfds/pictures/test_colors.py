"""Colors, gray as Pillow makes them."""

import numpy as np
from PIL import Image

from mnist_idx_tfds.pictures import colors


def test_gray_is_the_luma_that_pillow_has():
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 40, 3), np.uint8)
    expected = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    np.testing.assert_array_equal(colors.to_gray(images), expected)


def test_one_channel_is_gray():
    images = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    np.testing.assert_array_equal(colors.to_gray(images[..., np.newaxis]), images)
