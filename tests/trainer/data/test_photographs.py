"""Whether images are photographs."""

import numpy as np
import pytest
from tfds_sets import build

from trainer.data import photographs
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
def test_what_is_drawn_on_paper_is_none(tmp_path, paper, ink):
    """White on black, black on white, and on gray."""
    assert not photographs.are_most(split(tmp_path, strokes(rng(), 30, paper, ink)))


def test_what_changes_all_over_is_one(tmp_path):
    assert photographs.are_most(split(tmp_path, scenes(rng(), 30)))


def test_a_thing_before_a_plain_ground_is_none(tmp_path):
    images = scenes(rng(), 30)
    images[:, :, :4] = images[:, :, -4:] = 200
    assert not photographs.are_most(split(tmp_path, images))


def test_most_images_decide(tmp_path):
    some = strokes(rng(), 10, 5, 255)
    most = np.concatenate([some, scenes(rng(), 20)])
    few = np.concatenate([some, scenes(rng(), 5)])
    assert photographs.are_most(split(tmp_path / "most", most))
    assert not photographs.are_most(split(tmp_path / "few", few))


def rng():
    return np.random.default_rng(0)


def split(folder, images):
    arrays = images.astype(np.uint8), np.arange(len(images)) % 2
    return Split(build(folder, {"train": arrays, "test": arrays}), "train")
