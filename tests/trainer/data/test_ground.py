"""How much of images is plain ground."""

import numpy as np
import pytest
from tfds_sets import build

from trainer.data import ground
from trainer.data.split import Split


def strokes(random, n, paper, ink):
    """Returns images `(n, 20, 20)` of two lines on paper that is not quite even."""
    images = random.integers(paper - 4, paper + 5, (n, 20, 20))
    for image in images:
        row, column = random.integers(4, 14, 2)
        image[row : row + 3, 2:-2] = ink
        image[2:-2, column : column + 3] = ink
    return images


def scenes(random, n):
    """Returns images `(n, 20, 20)` whose brightness changes all over."""
    across = np.linspace(0, 120, 20)
    slopes = across * random.uniform(0.3, 1, (n, 1, 1)) + across[:, None]
    return slopes + random.integers(0, 15, (n, 20, 20))


@pytest.mark.parametrize(("paper", "ink"), [(5, 255), (240, 10), (128, 255)])
def test_of_what_is_drawn_most_is_ground(tmp_path, paper, ink):
    """White on black, black on white, and on gray."""
    assert ground.share(split(tmp_path, strokes(rng(), 30, paper, ink))) > 0.6


def test_of_what_changes_all_over_little_is(tmp_path):
    assert ground.share(split(tmp_path, scenes(rng(), 30))) < 0.25


def test_of_a_thing_before_a_plain_ground_that_is(tmp_path):
    images = scenes(rng(), 30)
    images[:, :, :4] = images[:, :, -4:] = 200
    assert ground.share(split(tmp_path, images)) == pytest.approx(0.4, abs=0.05)


def test_it_is_that_of_most_images(tmp_path):
    some = strokes(rng(), 10, 5, 255)
    most = np.concatenate([some, scenes(rng(), 20)])
    few = np.concatenate([some, scenes(rng(), 5)])
    assert ground.share(split(tmp_path / "most", most)) < 0.25
    assert ground.share(split(tmp_path / "few", few)) > 0.6


def rng():
    return np.random.default_rng(0)


def split(folder, images):
    arrays = images.astype(np.uint8), np.arange(len(images)) % 2
    return Split(build(folder, {"train": arrays, "test": arrays}), "train")
