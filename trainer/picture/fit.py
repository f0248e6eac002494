"""Images of any size, made into what a network was trained on.

A picture is taken whole, as `mnist_idx_tfds.pack` does; or its ink is, as MNIST's images
were made: it is cropped, scaled to fit a box of 20/28 of the field with its aspect kept,
and placed with its center of mass at the field's center. The second is for networks with
one channel whose training images were made so, which `measured` finds out.

Source of the second: Yann LeCun, "The MNIST database".
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from mnist_idx_tfds.pictures import reading
from trainer.errors import TrainerError

_BOX = 20 / 28  # Of the field, for the ink.
# Of the way from the paper to the strongest ink; below it shadows on the paper begin.
_INK = 0.6
_ENLARGED = 3  # Times, so that there is something to crop and to scale.
# Of what there is in an image beside its ground, the part in which one that was made
# from it anew may differ. MNIST's differ in 0.19, Fashion-MNIST's in 0.65.
_CHANGED = 0.4


class HowError(TrainerError):
    """How a picture is to be fitted must be said, since nobody knows it."""


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
    how: str | None = "ink",
) -> Fitted:
    """Makes an image one that a network takes; one of its very size stays as it is.

    Args:
      image: of mode "L" or "RGB".
      shape: height, width and channels, 1 or 3, that the network takes.
      invert: whether to exchange light and dark: "yes", "no", or "auto", which does so
        where ink is to be cropped and the border of the image is a light one.
      how: "ink" to crop the ink as MNIST's recipe has it, "whole" to take the whole
        picture, as `mnist_idx_tfds.pack` does and always with three channels; None
        where nobody knows.

    Raises:
      HowError: `how` would decide, and is None.
      TrainerError: ink is to be cropped, and there is none lighter than the border.
    """
    height, width, channels = shape
    image = image.convert("L" if channels == 1 else "RGB")
    is_fit = image.size == (width, height)
    if how is None and channels == 1 and not is_fit:
        raise HowError(
            f"--fit: expected ink or whole for a picture of {image.width}x{image.height} "
            f"and a network for {width}x{height}, since the model's file does not say "
            "how its images were made, found none. Give --fit=ink for what is drawn "
            "and was cropped and centered as MNIST's digits are, else --fit=whole."
        )
    crops_ink = how == "ink" and channels == 1 and not is_fit
    inverted = invert == "yes" or (
        invert == "auto" and crops_ink and _has_light_border(np.asarray(image))
    )
    if inverted:
        image = ImageOps.invert(image)
    if crops_ink:
        image = Image.fromarray(_center_ink(np.asarray(image), height, width))
    else:
        image = reading.fit(image, (height, width))
    return Fitted(np.asarray(image).reshape(shape), inverted)


def measured(images: np.ndarray) -> str:
    """Returns how pictures are best made into images like these: "ink" or "whole".

    It is ink where the ink of these images, enlarged, gives nearly the same images
    again: then they were made so, of a plain ground, light ink, and its size and place.

    Args:
      images: some that a network is trained on, uint8 `(n, height, width, channels)`.
    """
    if images.shape[-1] != 1:
        return "whole"
    height, width, _ = shape = images.shape[1:]
    size = _ENLARGED * width, _ENLARGED * height
    changed = []
    for pixels in images[..., 0]:
        there = np.abs(pixels - np.float32(_border(pixels))).sum()
        image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        try:
            again = fit(image, shape).pixels[..., 0]
        except TrainerError:  # Without ink.
            continue
        changed.append(np.abs(again - pixels.astype(np.float32)).sum() / max(there, 1))
    return "ink" if changed and np.median(changed) < _CHANGED else "whole"


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
