"""Which range pixels are of, judged over all parts of a set, and what makes bytes of it."""

import dataclasses
import math

import numpy as np

from mnist_idx_tfds import idx

# What is white in pixels of 1, 8, 12 and 16 bits.
_WHITES = (1, 255, 4095, 65535)
ROUNDED = 1e-5  # How much floats may be above their white by rounding.
_EXPECTED = "pixels of 0 to 1, 255, 4095 or 65535"
_HINT = "Scale the pixels to 0 to 255, and save them as bytes (uint8)."


@dataclasses.dataclass
class Range:
    """The range of pixels of any type, as they are seen in pieces.

    Attributes:
      low: the least value of all that were seen; NaN if one was no number.
      high: the greatest.
      whole: whether all are whole numbers.
      units: whether a piece had others, of 0 to 1 alone.
    """

    low: float = math.inf
    high: float = -math.inf
    whole: bool = True
    units: bool = False

    def see(self, values: np.ndarray) -> None:
        """Takes in booleans, integers or floats of any shape."""
        self.low = float(np.minimum(self.low, values.min()))
        self.high = float(np.maximum(self.high, values.max()))
        if values.dtype.kind == "f":
            whole = bool((values == np.rint(values)).all())
            self.whole = self.whole and whole
            self.units = self.units or bool(not whole and values.max() <= 1 + ROUNDED)

    @property
    def sure(self) -> bool:
        """Whether bytes, which go no higher than 255, need not be seen any further."""
        return self.low >= 0 and 128 <= self.high <= 255 and self.whole

    def white(
        self,
        path: idx.PathLike,
        field: str,
        given: int | None = None,
        hint: str = _HINT,
    ) -> int:
        """Returns the value that is white: 1, 255, 4095 or 65535, or what was given.

        Whole numbers are of the fewest bits that hold them, if they need all of these.

        Args:
          path: what an error names.
          field: what it names in that.
          given: what the user says that is white.
          hint: what an error says to do.

        Raises:
          idx.IdxError: it is not plain which value that is.
        """
        expected = f"pixels of 0 to {given}" if given else _EXPECTED
        if given and self.low >= 0 and self.high <= given:
            return given
        if self.low >= 0 and not given:
            if not self.whole and self.high <= 1 + ROUNDED:
                return 1
            if not self.whole and not self.units and 128 <= self.high <= 255:
                return 255
            for white in _WHITES:
                if self.whole and white / 2 < self.high <= white:
                    return white
        kind = "whole numbers" if self.whole else "numbers"
        found = f"{kind} of {self.low:g} to {self.high:g}"
        # No number is white where some are below black.
        hint = hint if self.low >= 0 else _HINT
        raise idx.error(path, field, expected, found, hint)


def to_bytes(values: np.ndarray, white: int) -> np.ndarray:
    """Returns pixels as uint8 of the same shape.

    Args:
      values: booleans, integers or floats of 0 to `white`.
      white: what is to be 255; see `Range.white`.
    """
    if white == 255 and values.dtype.kind != "f":
        return values.astype(np.uint8, copy=False)
    return np.rint(np.minimum(values * (255 / white), 255)).astype(np.uint8)


def note(path: idx.PathLike, white: int) -> tuple[str, ...]:
    """Returns the line that says how pixels were scaled, if they were."""
    if white == 255:
        return ()
    return (f"{path}: its pixels are of 0 to {white}, scaled to 0 to 255",)
