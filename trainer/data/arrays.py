"""Arrays of images and labels, as programs in Python have them."""

import os
import pathlib
from typing import Any

import numpy as np

from mnist_idx_tfds import idx, idx_set, new_set
from trainer.errors import TrainerError


def images(given: Any) -> np.ndarray:
    """Returns images as networks take them, uint8 `(n, height, width, channels)`.

    Args:
      given: numbers `(n, height, width)`, or with 1 or 3 channels last: whole ones from
        0 to 255, whatever their type.

    Raises:
      TrainerError: they are none.
    """
    array = np.asarray(given)
    rank_4 = array[..., np.newaxis] if array.ndim == 3 else array
    if rank_4.ndim != 4 or rank_4.shape[-1] not in (1, 3) or 0 in rank_4.shape:
        raise TrainerError(
            "images: expected an array (n, height, width), or with 1 or 3 channels last, "
            f"found one of shape {array.shape}"
        )
    if array.dtype != np.uint8:
        _check_pixels(rank_4)
    return rank_4.astype(np.uint8, copy=False)


def _check_pixels(array: np.ndarray) -> None:
    if array.dtype.kind not in "biuf":
        raise TrainerError(f"images: expected numbers, found {array.dtype}")
    low, high = array.min(), array.max()
    # In this form, what is not a number is refused, too.
    if not (low >= 0 and high <= 255 and (array == np.rint(array)).all()):
        raise TrainerError(
            f"images: expected whole numbers from 0 to 255, found others, {low:g} to "
            f"{high:g}. Pixels from 0 to 1 are to be multiplied by 255 and rounded."
        )


def labels(given: Any, count: int) -> np.ndarray:
    """Returns labels, one for each of so many images, of any type that sorts.

    Raises:
      TrainerError: there are not so many, or they are no labels.
    """
    array = np.asarray(given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (count,):
        raise TrainerError(
            f"labels: expected one for each of {count:,} images, found an array of "
            f"shape {np.shape(given)}"
        )
    if array.dtype == object:
        array = array.astype(str)
    return array


def pair(given: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `images` and `labels` do, of both in a tuple.

    Args:
      given: images and labels.
      name: of the argument, for errors.

    Raises:
      TrainerError: they are none.
    """
    try:
        pixels, numbers = given
    except (TypeError, ValueError) as e:
        raise TrainerError(
            f"{name}: expected a folder or (images, labels), found {type(given).__name__}"
        ) from e
    pixels = images(pixels)
    return pixels, labels(numbers, len(pixels))


def write(
    folder: str | os.PathLike[str],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> None:
    """Writes a set of four IDX files, whose classes have the labels as their names.

    Args:
      folder: made here.
      train: what `images` and `labels` return, to train on.
      test: the same, to evaluate on.

    Raises:
      TrainerError: a test label is not one of training, or a label is no name.
    """
    folder = pathlib.Path(folder)
    classes = np.unique(train[1])
    if unknown := sorted({*map(str, test[1])} - {*map(str, classes)}):
        raise TrainerError(
            f"test: expected labels that are trained on, found {unknown[0]!r}, too"
        )
    names = [str(label) for label in classes]
    for name in names:
        if not name.strip() or name != name.strip() or not name.isprintable():
            raise TrainerError(f"labels: expected names to print, found {name!r}")
    folder.mkdir()
    idx_set.write_names(folder / idx_set.NAMES_FILE, names)
    kind = np.dtype("u1" if len(classes) <= 256 else "i4")
    rank = 3 if train[0].shape[-1] == 1 else 4
    files = new_set.files(rank, kind)
    for part, (pixels, given) in (("train", train), ("test", test)):
        shaped = pixels[..., 0] if rank == 3 else pixels
        plain = {kind: files[part, kind].removesuffix(".gz") for kind in _KINDS}
        idx.save(folder / plain["images"], shaped)
        numbers = np.searchsorted(classes, given).astype(kind)
        idx.save(folder / plain["labels"], numbers)


_KINDS = ("images", "labels")
