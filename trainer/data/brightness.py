"""How bright the images of a split are."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_COUNTED_BYTES = 1 << 20  # Pixels that are counted at once, in eight times the memory.


class Pixels(NamedTuple):
    """How bright the images of a split are, for a network to bring them to one scale.

    Attributes:
      mean: of all values of the pixels, 0 to 255.
      deviation: their standard deviation; more than 0.
    """

    mean: float
    deviation: float


def pixels(batches: Iterable[np.ndarray]) -> Pixels:
    """Counts the values of pixels, since as floats they would take much memory."""
    counts = np.zeros(256, np.int64)
    for images in batches:
        values = images.ravel()
        for start in range(0, values.size, _COUNTED_BYTES):
            piece = values[start : start + _COUNTED_BYTES]
            counts += np.bincount(piece, minlength=256)
    values, total = np.arange(256), counts.sum()
    mean = float(values @ counts / total)
    deviation = math.sqrt((values - mean) ** 2 @ counts / total)
    return Pixels(mean, deviation or 1.0)
