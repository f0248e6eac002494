"""Items of sources whose images are files of pictures."""

import collections
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import reading
from mnist_idx_tfds.pictures.loading import File
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Item, Source

_PHOTO = 96  # Pixels of a side that do for photographs, see docs/own-pictures.md.
_LOSS = 1.5  # How much smaller than that, or than they are, pictures may become unsaid.


class Picture(NamedTuple):
    """A file, and the label, part and so on of the item that it is; see `Item`.

    Attributes:
      data: the bytes of the file, if it is not on a disk; `path` is what errors call it.
    """

    path: str
    label: str
    split: str
    origin: str
    group: str = ""
    data: bytes | None = None


def of(
    root: pathlib.Path, path: str, label: str, split: str, group: str = ""
) -> Picture:
    """Returns a picture whose origin is its path in a folder, if it is in that."""
    inside = pathlib.Path(path)
    if inside.is_relative_to(root):
        inside = inside.relative_to(root)
    return Picture(path, label, split, inside.as_posix(), group)


def source(
    name: str, total: int, pictures: Iterable[Picture], options: Options, **others: Any
) -> Source:
    """Returns a source of pictures, read in their order, and what is said of them.

    They are taken as they are read, by another thread; `others` are more of a `Source`.
    """
    seen = _Seen(options.size)
    items = _items(pictures, options, seen)
    return Source(name, total, items, remarks=lambda: seen.said(name), **others)


class _Seen:
    """How many of the pictures that were read are of a kind that is to be said."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self._sides: collections.Counter[int] = collections.Counter()
        self.animated = self.on_black = self.paged = self.pages = 0
        self.colored = False

    def see(self, read: reading.Read) -> None:
        self.animated += read.frames > 1
        self.on_black += read.on_black
        self.colored |= read.colored
        self._sides[read.side] += 1
        if len(read.pages) > 1:
            self.paged += 1
            self.pages += len(read.pages)

    def said(self, name: str) -> Iterator[str]:
        if self.paged:
            yield f"{name}: {self.paged:,} files have {self.pages:,} pages, an image each"
        if self.animated:
            yield f"{name}: of {self.animated:,} animations the first frame was taken"
        if self.on_black:
            yield (
                f"{name}: {self.on_black:,} pictures with white ink on nothing were put "
                "on black, not on white"
            )
        if lost := [*self._lost()]:
            yield f"{name}: {'; '.join(lost)}"

    def _lost(self) -> Iterator[str]:
        """Says what --color would keep, and a larger size that suits the pictures."""
        if self.colored:
            yield "colors became gray; --color keeps them"
        sides = sorted(self._sides.elements())
        middle = sides[len(sides) // 2] if sides else 0
        if self._size and _LOSS * max(self._size) < min(middle, _PHOTO):
            yield (
                f"half of the pictures have {middle:,} pixels a side or more: of photographs "
                f"--size={min(middle, _PHOTO)} keeps what a network sees"
            )


def _items(
    pictures: Iterable[Picture], options: Options, seen: _Seen
) -> Iterator[Item | idx.IdxError]:
    taken: collections.deque[Picture] = collections.deque()

    def files() -> Iterator[File]:
        for picture in pictures:
            taken.append(picture)
            yield picture.path if picture.data is None else (picture.path, picture.data)

    read_all = reading.read_all(files(), options.size, options.color, options.large)
    for read in read_all:
        path, label, split, origin, group, _ = taken.popleft()
        if isinstance(read, idx.IdxError):
            yield read
            continue
        seen.see(read)
        key = os.path.basename(path)
        for number, pixels in enumerate(read.pages, 1):
            page = f" page {number}" if len(read.pages) > 1 else ""
            yield Item(
                pixels=pixels,
                label=label,
                split=split,
                key=f"{key}{page}",
                origin=f"{origin}{page}",
                path=f"{path}{page}",
                group=group,
                range=read.range,
            )
