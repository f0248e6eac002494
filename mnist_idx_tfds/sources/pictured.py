"""Items of sources whose images are files of pictures."""

import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import reading
from mnist_idx_tfds.sources.source import Item


class Picture(NamedTuple):
    """A file, and the label, split and origin of the item that it is; see `Item`."""

    path: str
    label: str
    split: str
    origin: str


def of(root: pathlib.Path, path: str, label: str, split: str) -> Picture:
    """Returns a picture whose origin is its path in a folder, if it is in that."""
    inside = pathlib.Path(path)
    if inside.is_relative_to(root):
        inside = inside.relative_to(root)
    return Picture(path, label, split, inside.as_posix())


def items(
    name: str,
    pictures: Sequence[Picture],
    size: tuple[int, int] | None,
    skip_bad: bool,
    color: bool,
) -> Iterator[Item]:
    """Reads pictures; those that cannot be read are listed on standard error.

    Args:
      name: of the source, for errors.
      pictures: in the order to read them in.
      size: as of `reading.read`.
      skip_bad: leave out what cannot be read, instead of an error after the last.
      color: as of `reading.read`.

    Raises:
      idx.IdxError: some pictures cannot be read, or none.
    """
    bad = 0
    read = reading.read_all((picture.path for picture in pictures), size, color=color)
    for picture, pixels in zip(pictures, read, strict=True):
        if isinstance(pixels, idx.IdxError):
            print(pixels, file=sys.stderr)
            bad += 1
            continue
        key = os.path.basename(picture.path)
        _, label, split, origin = picture
        yield Item(pixels, label, split, key, origin, picture.path)
    if bad and (not skip_bad or bad == len(pictures)):
        expected = "ones that can be read"
        found = f"{bad:,} of {len(pictures):,} that cannot, listed above"
        hint = "Mend or remove them, or leave them out with --skip_bad."
        raise idx.error(name, "pictures", expected, found, hint)
