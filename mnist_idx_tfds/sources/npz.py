"""Arrays of images and of labels, named as people name them, in NumPy's files."""

import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mnist_idx_tfds import idx, pixel_range
from mnist_idx_tfds.pictures import colors
from mnist_idx_tfds.sources import array_pairs, arrays, split
from mnist_idx_tfds.sources.arrays import Array, Place
from mnist_idx_tfds.sources.options import WHITE_HINT, Options
from mnist_idx_tfds.sources.source import Item, Source

_EXACT = 2**53  # Floats above that are no counted numbers.
_ANY = Options()


class _Part(NamedTuple):
    """Images and their labels: rows of pixels with a size, or with the colors first."""

    array: Array
    size: tuple[int, int] | None
    colors_first: bool
    labels: list[str]
    split: str

    def chunks(self) -> Iterator[np.ndarray]:
        """Yields `(n, height, width)`, or with channels last, about 1 MiB each."""
        for chunk in self.array.chunks():
            if self.size:
                chunk = chunk.reshape(-1, *self.size)
            yield np.moveaxis(chunk, 1, -1) if self.colors_first else chunk


def find_in(root: pathlib.Path) -> bool:
    """Returns whether files of NumPy are all that a folder has of data."""
    there = [path for path in root.iterdir() if not path.name.startswith(".")]
    return not any(path.is_dir() for path in there) and any(
        path.suffix.lower() in arrays.SUFFIXES for path in there
    )


def open_source(path: idx.PathLike, options: Options = _ANY) -> Source:
    """Finds the arrays of a set; they are read a piece at a time.

    Args:
      path: an `.npz` file with images and labels, such as `x_train`, `y_train`,
        `x_test` and `y_test`, in any case and order of words; or a folder of such
        files, or one of them, that have an array each and the names of arrays.
      options: whether to keep colors, and the `shape` of images that are rows.

    Returns:
      The source; items keep their order.

    Raises:
      idx.IdxError: there are no such arrays, or one cannot be used.
    """
    root = pathlib.Path(path).expanduser()
    pairs, notes = array_pairs.in_pairs(root)
    if len(pairs) == 1:
        notes.append(f"{root}: {pairs[0].images} alone, a share of it is tested on")
    found: list[_Part] = []
    for pair in pairs:
        array = arrays.read_header(pair.images, "biuf")
        size, colors_first = _layout(array, options.shape)
        _check_like(found[0].array if found else array, array)
        labels = _labels(arrays.read_header(pair.labels, "biufUS"), array)
        found.append(_Part(array, size, colors_first, labels, pair.part))
    white = _white(root, found, options.white)
    notes += pixel_range.note(root, white)
    total = sum(len(part.labels) for part in found)
    items = _items(found, white, options.color)
    return Source(f"{root}", total, items, notes=tuple(notes))


def _layout(
    array: Array, size: tuple[int, int] | None
) -> tuple[tuple[int, int] | None, bool]:
    """Returns the size of images that are rows, and whether colors are first.

    Raises:
      idx.IdxError: it holds none.
    """
    found, place = array.shape, array.place
    if len(found) == 2 and min(found) > 0:
        side = math.isqrt(found[1])
        size = size or (side, side)
        if math.prod(size) != found[1]:
            expected = "rows of as many pixels as squares have"
            hint = "Say with --shape=HEIGHTxWIDTH which images these are, or save them "
            hint += "as (n, height, width)."
            raise arrays.error(place, expected, f"{found}", hint)
        return size, False
    if (
        len(found) not in (3, 4)
        or min(found) < 1
        or (len(found) == 4 and not {found[1], found[3]} & {1, 3})
    ):
        expected = "images, (n, height, width), with 1 or 3 channels, or rows"
        raise arrays.error(place, expected, f"{found}")
    return None, len(found) == 4 and found[3] not in (1, 3)


def _check_like(first: Array, array: Array) -> None:
    """Raises an `idx.IdxError` if images are of another form than the first."""
    if array.shape[1:] != first.shape[1:]:
        expected = f"images as those of {first.place}, {first.shape[1:]}"
        raise arrays.error(array.place, expected, f"{array.shape[1:]}")
    if array.dtype.kind != first.dtype.kind:
        expected = f"{first.dtype.name} as in {first.place}"
        raise arrays.error(array.place, expected, array.dtype.name)


def _labels(array: Array, images: Array) -> list[str]:
    """Returns the labels of a part as names."""
    place, shape = array.place, array.shape
    if len(shape) not in (1, 2) or 0 in shape:
        expected = "one label an image, (n,) or (n, 1), or one-hot ones"
        raise arrays.error(place, expected, f"{shape}")
    if shape[0] != images.shape[0]:
        expected = f"{images.shape[0]} labels, one for each of {images.place}"
        last = shape[0] == images.shape[-1]
        hint = "Do images come last? Use numpy.moveaxis(images, -1, 0)." * last
        raise arrays.error(place, expected, f"{shape[0]}", hint)
    values = np.concatenate(list(array.chunks()))
    if len(shape) == 2 and shape[1] > 1:
        return _one_hot(array, values)
    values = values.ravel()
    if array.dtype.kind == "f":
        odd = np.flatnonzero(~(np.abs(values) < _EXACT) | (values != np.rint(values)))
        if odd.size:
            found = f"{values[odd[0]]:g}"
            raise _error_at(place, int(odd[0]), "a whole number", found)
        values = values.astype(np.int64)
    if array.dtype.kind == "b":
        values = values.astype(np.uint8)
    if array.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "backslashreplace")
    try:
        names = [str(value).strip() for value in values.tolist()]
    except (ValueError, SystemError) as e:  # Of numbers that no character has.
        raise arrays.error(place, "text", "what is none", "Save numbers.") from e
    for item in [n for n, label in enumerate(names) if not label][:1]:
        raise _error_at(place, item, "a label", "an empty one")
    for label in set(names):
        split.check_name(f"{place.path}: {place}", label)
    return names


def _one_hot(array: Array, values: np.ndarray) -> list[str]:
    """Returns which column of each row is the one."""
    if array.dtype.kind in "biuf":
        ones = values == 1
        odd = (~ones & (values != 0)).any(1) | (ones.sum(1) != 1)
    if array.dtype.kind not in "biuf" or odd.any():
        expected = "one label an image, (n,) or (n, 1), or a one in each row of zeros"
        hint = "Only classes that exclude each other can be packed."
        found = f"{array.shape}"
        if array.dtype.kind in "biuf":
            found += f" with others in row {int(np.argmax(odd))}"
        raise arrays.error(array.place, expected, found, hint)
    return [str(n) for n in ones.argmax(1).tolist()]


def _error_at(place: Place, item: int, expected: str, found: str) -> idx.IdxError:
    return arrays.error(place._replace(name=f"{place}[{item}]"), expected, found)


def _white(path: pathlib.Path, parts_of: Sequence[_Part], given: int | None) -> int:
    """Returns what is white in all parts together; see `pixel_range`."""
    seen = pixel_range.Range()
    found = [part.array for part in parts_of]
    for array in found:
        for chunk in array.chunks():
            seen.see(chunk)
            if seen.sure and array.dtype == np.uint8 and not given:
                return 255
    names = ", ".join(f"{array.place}" for array in found)
    return seen.white(path, names, given, WHITE_HINT)


def _items(found: Sequence[_Part], white: int, color: bool) -> Iterator[Item]:
    for part in found:
        place, labelled = part.array.place, enumerate(part.labels)
        for chunk in part.chunks():
            images = colors.of_images(pixel_range.to_bytes(chunk, white), color)
            for image, (item, label) in zip(images, labelled, strict=False):
                origin = f"{place}[{item}]"
                yield Item(
                    pixels=image,
                    label=label,
                    split=part.split,
                    key=origin,
                    origin=f"{place.path.name} {origin}",
                    path=f"{place.path}: {origin}",
                )
