"""Image files of any kind, made into what a network was trained on.

For a network with one channel they are made as MNIST's images were: the ink is cropped,
scaled to fit a box of 20/28 of the field with its aspect kept, and placed with its
center of mass at the field's center. For one with three channels they are scaled to
cover the field with their aspect kept, and what sticks out is cut off on both sides.

Source of the first: Yann LeCun, "The MNIST database".
"""

import os
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

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


def read(path: str | os.PathLike) -> Image.Image:
    """Reads an image file, upright and on white; of several frames the first.

    Args:
      path: a PNG, a JPEG or any other file that Pillow reads.

    Returns:
      An image of mode "L" or "RGB".

    Raises:
      TrainerError: the file cannot be read, or is not such an image.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it can deal with; what it cannot is an error.
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                image = ImageOps.exif_transpose(opened)
            return _plain(image)
    except Exception as e:  # There is no end to what damage makes Pillow raise.
        reason = getattr(e, "strerror", None) or str(e) or type(e).__name__
        found = f"an error: {reason.lower()}"
        if isinstance(e, UnidentifiedImageError):
            found = "none"
        raise TrainerError(f"{path}: file: expected an image, found {found}") from e


def fit(
    image: Image.Image, shape: tuple[int, int, int], invert: str = "auto"
) -> Fitted:
    """Makes an image one that a network takes; one of its very size stays as it is.

    Args:
      image: of mode "L" or "RGB".
      shape: height, width and channels, 1 or 3, that the network takes.
      invert: whether to exchange light and dark: "yes", "no", or "auto", which does so
        where ink is to be cropped and the border of the image is a light one.

    Raises:
      TrainerError: ink is to be cropped, and there is none lighter than the border.
    """
    height, width, channels = shape
    image = image.convert("L" if channels == 1 else "RGB")
    is_fit = image.size == (width, height)
    crops_ink = channels == 1 and not is_fit
    inverted = invert == "yes" or (
        invert == "auto" and crops_ink and _has_light_border(np.asarray(image))
    )
    if inverted:
        image = ImageOps.invert(image)
    if crops_ink:
        image = _center_ink(np.asarray(image), height, width)
    elif not is_fit:
        image = ImageOps.fit(image, (width, height))
    return Fitted(np.asarray(image).reshape(shape), inverted)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits; Pillow's own conversion would make all above 255 white.
        values = np.clip(np.asarray(image, np.int64), 0, 65535)
        return Image.fromarray((values // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")


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
