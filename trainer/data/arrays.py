"""Arrays of images and labels, as programs in Python have them."""

import os
import pathlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from mnist_idx_tfds import idx, idx_set, new_set
from trainer.errors import TrainerError

# Arguments that say which data set, or how it is stored.
SOURCES = ("idx_dir", "dataset", "manual_dir", "data_dir", "transpose")


def check_said(
    data: Any, given: Mapping[str, Any], foreign: Collection[str] = SOURCES
) -> None:
    """Checks that arguments say one data set, and that none is an empty text.

    Args:
      data: a folder, or arrays; None where `given` says it.
      given: other arguments by their names; None are those that are not given.
      foreign: those that have no place beside arrays.

    Raises:
      TrainerError: they do not.
    """
    for name, value in {"data": data, **given}.items():
        if isinstance(value, str) and not value:
            raise TrainerError(f"{name}: expected a value, found an empty one")
    what = "data=(images, labels)"
    if data is None and given.get("idx_dir") is None:
        return
    if data is None or isinstance(data, str | os.PathLike):
        what = "idx_dir=" if data is None else "a folder as data"
        foreign = SOURCES[data is None : 3]
    for name in foreign:
        if given.get(name) is not None:
            raise TrainerError(
                f"{name}: expected none with {what}, found {given[name]!r}"
            )


def images(given: Any) -> np.ndarray:
    """Returns images as networks take them, uint8 `(n, height, width, channels)`.

    Args:
      given: numbers `(n, height, width)`, or with 1 or 3 channels last: whole ones from
        0 to 255, whatever their type.

    Raises:
      TrainerError: they are none.
    """
    array = _array(given, "images")
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
    """Returns labels, one for each of so many images: texts, or whole numbers.

    Raises:
      TrainerError: there are not so many, or they are no labels.
    """
    array = _array(given, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (count,):
        raise TrainerError(
            f"labels: expected one for each of {count:,} images, found an array of "
            f"shape {np.shape(given)}"
        )
    if array.dtype == object:
        array = _one_type(array.tolist())
    if array.dtype.kind == "f":
        array = array.astype(np.float64)  # Where 2**53 has its place.
        if not ((abs(array) < 2**53) & (array == np.rint(array))).all():
            raise _no_labels()
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuUT":
        raise _no_labels()
    return array


def _one_type(given: list[Any]) -> np.ndarray:
    """Returns labels of Python as numbers, or as texts where one of them is."""
    is_text = [isinstance(one, str) for one in given]
    if not all(
        # What is missing is not equal to itself.
        text or (isinstance(one, Real | np.bool_) and one == one)
        for one, text in zip(given, is_text, strict=True)
    ):
        raise _no_labels()
    return np.array([*map(str, given)] if any(is_text) else given)


def _no_labels() -> TrainerError:
    return TrainerError("labels: expected names or whole numbers, found others")


def _array(given: Any, name: str) -> np.ndarray:
    if isinstance(given, Iterator):
        given = list(given)
    try:
        return np.asarray(given)
    except ValueError as e:  # Of a list.
        shapes = sorted({np.shape(one) for one in given})[:2]
        raise TrainerError(
            f"{name}: expected an array, or a list of what has one size, found "
            f"{' and '.join(map(str, shapes))}"
        ) from e


def named(given: np.ndarray, names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Returns which of a network's classes labels are.

    Args:
      given: what `labels` returns. Where no class has one of them as its name, whole
        numbers are positions, from 0.
      names: of the network's classes.

    Returns:
      Names, and which of these each label is, int64 `(n,)`.

    Raises:
      TrainerError: the network does not know one.
    """
    known, positions = np.unique(given, return_inverse=True)
    found = [*map(str, known)]
    are_positions = known.dtype.kind in "iu" and not {*found} & {*names}
    if are_positions and known[0] >= 0 and known[-1] < len(names):
        found = [names[label] for label in known]
    if unknown := [name for name in found if name not in names]:
        more = f" and {len(unknown) - 3:,} more" if unknown[3:] else ""
        raise TrainerError(
            f"labels: expected classes of the model, by name or, from 0 to "
            f"{len(names) - 1}, by position, found none of the name "
            f"{', '.join(unknown[:3])}{more}"
        )
    return found, positions


def pair(given: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `images` and `labels` do, of both in an argument of that name.

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
      TrainerError: a test label is not one of training, nor a test image of their
        shape, or a label is no name.
    """
    folder = pathlib.Path(folder)
    shapes = ["x".join(map(str, pixels.shape[1:])) for pixels, _ in (train, test)]
    if shapes[0] != shapes[1]:
        raise TrainerError(
            f"test: expected images of {shapes[0]}, as those that are trained on, found "
            f"some of {shapes[1]}"
        )
    classes = np.unique(train[1])
    if unknown := sorted({*map(str, test[1])} - {*map(str, classes)}):
        raise TrainerError(
            f"test: expected labels that are trained on, found {unknown[0]!r}, too"
        )
    names = [str(label) for label in classes]
    for name in names:
        if not name.strip() or name != name.strip() or not name.isprintable():
            raise TrainerError(f"labels: expected names to print, found {name!r}")
    label_of = {name: label for label, name in enumerate(names)}
    folder.mkdir()
    idx_set.write_names(folder / idx_set.NAMES_FILE, names)
    kind = np.dtype("u1" if len(classes) <= 256 else "i4")
    rank = 3 if train[0].shape[-1] == 1 else 4
    files = new_set.files(rank, kind)
    for part, (pixels, given) in (("train", train), ("test", test)):
        images_file, labels_file = (
            folder / files[part, what].removesuffix(".gz")
            for what in ("images", "labels")
        )
        idx.save(images_file, pixels[..., 0] if rank == 3 else pixels)
        # By name, since those to test on may be of another type.
        known, positions = np.unique(given, return_inverse=True)
        numbers = np.array([label_of[str(label)] for label in known], kind)
        idx.save(labels_file, numbers[positions])
