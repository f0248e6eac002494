"""Items of sources whose images are files of pictures."""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import reading
from mnist_idx_tfds.sources.options import Options
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
    pictures: Sequence[Picture], options: Options
) -> Iterator[Item | idx.IdxError]:
    """Reads pictures in their order; yields the error of each that cannot be read."""
    paths = (picture.path for picture in pictures)
    read = reading.read_all(paths, options.size, color=options.color)
    for picture, pixels in zip(pictures, read, strict=True):
        if isinstance(pixels, idx.IdxError):
            yield pixels
            continue
        yield Item(
            pixels=pixels,
            label=picture.label,
            split=picture.split,
            key=os.path.basename(picture.path),
            origin=picture.origin,
            path=picture.path,
        )
