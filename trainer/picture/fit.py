"""Images of any size, made into what a network was trained on.

For a network with one channel they are made as MNIST's images were: the ink is cropped,
scaled to fit a box of 20/28 of the field with its aspect kept, and placed with its
center of mass at the field's center; or, for one trained on packed pictures, as these
were. For one with three channels that was trained on others they are scaled to cover the
field with their aspect kept, and what sticks out is cut off on both sides.

Source of the first: Yann LeCun, "The MNIST database".
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from mnist_idx_tfds.pictures import reading
from trainer.errors import TrainerError

_BOX = 20 / 28  # Of the field, for the ink.
# Of the way from the paper to the strongest ink; below it shadows on the paper begin.
_INK = 0.6


class Fitted(NamedTuple):
    """An image as a network takes it.

    Attributes:
      pixels: uint8 `(height, width, channels)`.
      inverted: whether light and dark were exchanged.
    """

    pixels: np.ndarray
    inverted: bool


def fit(
    image: Image.Image,
    shape: tuple[int, int, int],
    invert: str = "auto",
    ink: bool = True,
) -> Fitted:
    """Makes an image one that a network takes; one of its very size stays as it is.

    Args:
      image: of mode "L" or "RGB".
      shape: height, width and channels, 1 or 3, that the network takes.
      invert: whether to exchange light and dark: "yes", "no", or "auto", which does so
        where ink is to be cropped and the border of the image is a light one.
      ink: whether to crop the ink as MNIST's recipe has it, or with three channels what
        sticks out, or to take the picture whole, as `mnist_idx_tfds.pack` does.

    Raises:
      TrainerError: ink is to be cropped, and there is none lighter than the border.
    """
    height, width, channels = shape
    image = image.convert("L" if channels == 1 else "RGB")
    is_fit = image.size == (width, height)
    crops_ink = ink and channels == 1 and not is_fit
    inverted = invert == "yes" or (
        invert == "auto" and crops_ink and _has_light_border(np.asarray(image))
    )
    if inverted:
        image = ImageOps.invert(image)
    if crops_ink:
        image = Image.fromarray(_center_ink(np.asarray(image), height, width))
    elif not ink:
        image = reading.fit(image, (height, width))
    elif not is_fit:
        image = ImageOps.fit(image, (width, height))
    return Fitted(np.asarray(image).reshape(shape), inverted)


def _has_light_border(pixels: np.ndarray) -> bool:
    return _border(pixels) > (int(pixels.min()) + int(pixels.max())) / 2


def _border(pixels: np.ndarray) -> float:
    """Returns the median of the outermost pixels of `(h, w)`."""
    sides = pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]
    return float(np.median(np.concatenate(sides)))


def _center_ink(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Makes a field like MNIST's of light ink on dark paper, uint8 `(h, w)`."""
    ink = pixels - np.float32(_border(pixels))
    peak = ink.max()
    if peak < 1:
        raise TrainerError(
            "ink: expected some that is lighter than the border, found none. Is the "
            "image empty, or --invert wrong?"
        )
    rows, columns = (np.flatnonzero((ink >= _INK * peak).any(axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].clip(0)
    scale = min(_BOX * height / ink.shape[0], _BOX * width / ink.shape[1])
    size = [max(1, round(scale * side)) for side in reversed(ink.shape)]
    box = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC))
    box = (box / box.max()).clip(0, 1)
    top, left = _start(box.sum(1), height), _start(box.sum(0), width)
    field = np.zeros((height, width), np.uint8)
    inside = np.s_[top : top + box.shape[0], left : left + box.shape[1]]
    field[inside] = np.rint(box * 255)
    return field


def _start(mass: np.ndarray, side: int) -> int:
    """Returns where the box begins, all of it inside a field of `side` pixels."""
    center = np.arange(len(mass)) @ mass / mass.sum()
    return int(np.clip(round(side / 2 - center), 0, side - len(mass)))
