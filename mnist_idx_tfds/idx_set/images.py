"""One file of images of a set."""

import functools
import hashlib
from collections.abc import Iterator

import numpy as np
from etils import epath

from mnist_idx_tfds import idx, pixel_range

_CHANNELS = (1, 3)  # Of images of rank 4.
_IMAGES_ARE = (
    "Images must be unsigned bytes: gray, or of rank 4 with three colors last."
)
_SWAPPED = "This is a label file; are images and labels swapped?"


class Images:
    """A file of images, whose header is one of these; what is behind it, `check` sees.

    A process may give it to others, which read other parts of it.

    Args:
      path: the file.

    Attributes:
      path: the file.
      header: what it says of itself.
      transposed: whether rows are stored as columns, which reading exchanges again.
      white: the value that is white, which reading brings to 255; see `pixel_range`.

    Raises:
      idx.IdxError: the file does not hold images.
    """

    def __init__(self, path: idx.PathLike):
        self.path = epath.Path(path)
        self.header = image_header(path)
        self.transposed = False
        self.white = 255
        self._checked = False
        self._stamp = self._stat()

    def __len__(self) -> int:
        return self.header.shape[0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels, 1 or 3, of each image as it is read, in pixels."""
        _, height, width, *channels = self.header.shape
        if self.transposed:
            height, width = width, height
        return height, width, channels[0] if channels else 1

    @property
    def chunk_items(self) -> int:
        """Number of images that are read at a time, about 1 MiB of them."""
        return idx.per_chunk(self.header.item_bytes)

    def _stat(self) -> tuple[int, int]:
        found = self.path.stat()
        return int(found.length), int(found.mtime)

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the file as hexadecimal digits; `read` gives no other data then.

        Raises:
          idx.IdxError: the file cannot be read.
        """
        return sha256(self.path)

    def check(self) -> None:
        """Reads the file to its end, once.

        Raises:
          idx.IdxError: the first thing found wrong.
        """
        if not self._checked:
            if idx.check(self.path) != self.header:
                raise idx.changed(self.path)
            self._checked = True

    def read(self) -> Iterator[np.ndarray]:
        """Yields the images, once `check` has passed; memory holds one chunk.

        Yields:
          uint8 of shape `(chunk_items, height, width, channels)`, the last maybe fewer.

        Raises:
          idx.IdxError: as `check`, before anything is yielded; or, behind the last, that
            the bytes were not those of `sha256`, where that was asked for before.
        """
        self.check()
        digest = hashlib.sha256()
        yield from map(
            self._as_read,
            idx.read_verified(self.path, self.header, self.chunk_items, digest),
        )
        if self.__dict__.get("sha256", digest.hexdigest()) != digest.hexdigest():
            raise idx.changed(self.path)

    def read_range(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Yields some of the images, of a plain file, as `read` does.

        Args:
          start: the first of them.
          stop: the one behind the last of them, no more than there are.

        Raises:
          idx.IdxError: the file is not as long as its header says, before anything of it
            is yielded.
        """
        # Of a part, no digest tells; and the second that a file changed in is not all.
        if self._stat() != self._stamp:
            raise idx.changed(self.path)
        for first in range(start, stop, self.chunk_items):
            end = min(first + self.chunk_items, stop)
            yield self._as_read(idx.read_range(self.path, first, end))

    def stored(self) -> Iterator[np.ndarray]:
        """Yields the images as they are stored, `(n, height, width, channels)`.

        What is wrong with the file is an `idx.IdxError` where it is met: for those who
        need not see all of it.
        """
        try:
            yield from map(
                with_channels,
                idx.read_verified(self.path, self.header, self.chunk_items),
            )
        except idx.IdxError:
            idx.check(self.path)  # Which says what is wrong, and not that it changed.
            raise

    def _as_read(self, images: np.ndarray) -> np.ndarray:
        images = with_channels(images)
        if self.transposed:
            images = np.ascontiguousarray(images.swapaxes(1, 2))
        return pixel_range.to_bytes(images, self.white)


def sha256(path: epath.Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits.

    Raises:
      idx.IdxError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        raise idx.unreadable(path, e) from e


def holds_images(header: idx.Header) -> bool:
    """Returns whether a file's items are images: bytes, gray or in color."""
    rank = len(header.shape)
    channels_last = rank == 4 and header.shape[3] in _CHANNELS
    return header.dtype == np.uint8 and (rank == 3 or channels_last)


def image_header(path: idx.PathLike) -> idx.Header:
    """Returns the header of a file of images.

    Raises:
      idx.IdxError: the file does not hold images.
    """
    header = idx.read_header(path)
    if holds_images(header):
        return header
    if header.dtype == np.uint8 and len(header.shape) == 4:
        found = " x ".join(map(str, header.shape))
        first = header.shape[1] in _CHANNELS
        hint = "Write them as transposed by (0, 2, 3, 1)." if first else _IMAGES_ARE
        expected = "images x height x width x 3, the colors last"
        raise idx.error(path, "dimensions", expected, found, hint)
    hint = _SWAPPED if len(header.shape) == 1 else _IMAGES_ARE
    expected = idx.magic_name(bytes([0, 0, 8, 3]))
    found = idx.magic_name(header.magic)
    raise idx.error(path, "magic number", expected, found, hint)


def with_channels(images: np.ndarray) -> np.ndarray:
    """Returns images of a file as `(n, height, width, channels)`, whatever its rank."""
    return images[..., np.newaxis] if images.ndim == 3 else images


def size_name(shape: tuple[int, int, int]) -> str:
    """Returns the size of images for people, such as "28 x 28" or "32 x 32 in color"."""
    height, width, channels = shape
    return f"{height} x {width}{' in color' * (channels == 3)}"
