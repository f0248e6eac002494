"""How bright the images of a split are."""

import numpy as np

from trainer.data import brightness


def test_pixels_are_counted_with_memory_for_a_piece_of_them(monkeypatch):
    """Their values are the same, however they are cut into pieces and batches."""
    images = np.random.default_rng(0).integers(0, 256, (50, 5, 4, 1), np.uint8)
    expected = brightness.pixels([images])
    monkeypatch.setattr(brightness, "_COUNTED_BYTES", 7)
    assert brightness.pixels([images[:13], images[13:]]) == expected
