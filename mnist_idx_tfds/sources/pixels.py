"""Arrays of any kind, made into the bytes that IDX holds of images."""

import dataclasses
from collections.abc import Callable

import numpy as np

from mnist_idx_tfds import idx, idx_set
from mnist_idx_tfds.pictures import colors

_HINT = "Scale the pixels to 0 to 255, and save them as bytes (uint8)."
_DARK = 128  # Floats that go no higher than that are hardly of 0 to 255.


def of_images(images: np.ndarray, color: bool) -> np.ndarray:
    """Returns colors, or their luma, whichever they are given as.

    Args:
      images: uint8 of shape `(n, height, width)`, or with 1 or 3 channels last.
      color: whether to keep colors; of gray images they are three times the same.

    Returns:
      uint8 of shape `(n, height, width)`, or with colors `(n, height, width, 3)`.
    """
    if not color:
        return colors.to_gray(images)
    images = idx_set.with_channels(images)
    return np.broadcast_to(images, (*images.shape[:3], 3))


@dataclasses.dataclass
class Range:
    """The range of floats, as they are seen in pieces."""

    low: float = np.inf
    high: float = -np.inf
    whole: bool = True

    def see(self, values: np.ndarray) -> None:
        """Takes in floats of any shape; one that is no number makes the range so."""
        self.low = float(np.minimum(self.low, values.min()))
        self.high = float(np.maximum(self.high, values.max()))
        self.whole = self.whole and bool((values == np.rint(values)).all())

    def factor(self, path: idx.PathLike, field: str) -> int:
        """Returns what brings the floats to 0 to 255.

        Args:
          path: what an error names.
          field: what it names in that.

        Raises:
          idx.IdxError: it is not plain whether they are of 0 to 1 or of 0 to 255.
        """
        if self.low >= 0 and self.high <= 1:
            return 255
        if self.whole and self.low >= 0 and _DARK <= self.high <= 255:
            return 1
        expected = "floats of 0 to 1, or whole ones of 0 to 255"
        kind = "whole ones" if self.whole else "ones"
        found = f"{kind} of {self.low:g} to {self.high:g}"
        raise idx.error(path, field, expected, found, _HINT)


def to_bytes(
    values: np.ndarray,
    factor: int,
    path: idx.PathLike,
    field: Callable[[tuple[int, ...]], str],
) -> np.ndarray:
    """Returns values as uint8 of the same shape.

    Args:
      values: of a type of booleans, integers or floats.
      factor: of floats: see `Range`. Booleans become 0 and 255.
      path: what an error names.
      field: what an error calls the value at a position in `values`.

    Raises:
      idx.IdxError: an integer is not one of 0 to 255.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "b":
        return values * np.uint8(255)
    if values.dtype.kind == "f":
        return np.rint(values * float(factor)).astype(np.uint8)
    # One pass over the data where all is well.
    if values.min() < 0 or values.max() > 255:
        at = tuple(int(n) for n in np.argwhere((values < 0) | (values > 255))[0])
        found, expected = f"{values[at]}", "a pixel of 0 to 255"
        raise idx.error(path, field(at), expected, found, _HINT)
    return values.astype(np.uint8)
