"""Pictures in the usual formats, and the grayscale pixels that IDX holds of them."""

import collections
import contextlib
import itertools
import os
import warnings
from collections.abc import Iterable, Iterator
from concurrent import futures

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_idx_tfds import idx

Image.init()
# Not EPS: to read it, Pillow runs another program.
_FORMATS = tuple(name for name in Image.ID if name != "EPS")
_MOST_THREADS = 32
_AHEAD = 2  # Batches for each thread that are read, or to be, before they are used.
# Small pictures are read in batches, which cost less than a task for each.
_MOST_TOGETHER = 32
_BATCH_BYTES = 1 << 20


def load(path: str | os.PathLike[str], enough: int | None = None) -> Image.Image:
    """Loads a picture as it is seen, turned the way that its EXIF data say.

    Transparency is put on white, as browsers show it, and 16 bits are cut to 8. Of an
    animation it is the first frame.

    Args:
      path: a PNG, a JPEG, or a file of any other format that Pillow reads, but EPS.
      enough: pixels a side that suffice; a JPEG is decoded at a half to an eighth of its
        size, which is faster, where neither side gets below that. None for all.

    Returns:
      An image of mode "L" or "RGB".

    Raises:
      idx.IdxError: the file is not a whole picture, or one of more pixels than Pillow
        holds for harmless.
    """
    with _quiet():
        return _load(path, enough)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Ignores warnings, of all threads: they are about metadata, or made errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _load(path: str | os.PathLike[str], enough: int | None) -> Image.Image:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _check_size(image)
            if enough:
                image.draft(None, (enough, enough))
            ImageOps.exif_transpose(image, in_place=True)
            return _plain(image)
    except Exception as e:  # Whatever a decoder makes of a damaged file.
        if isinstance(e, UnidentifiedImageError):
            reason = "data of no known format"
        else:
            text = getattr(e, "strerror", None) or str(e) or type(e).__name__
            reason = f"an error: {text.splitlines()[0].rstrip('.')}"
        raise idx.error(path, "image", "a readable picture", reason) from e


def read(
    path: str | os.PathLike[str], size: tuple[int, int] | None = None
) -> np.ndarray:
    """Reads a picture as grayscale pixels: the luma of its colors.

    Args:
      path: as of `load`.
      size: height and width to shrink or enlarge to, in pixels; None for the picture's
        own. The picture is whole and in its proportions, in the middle; the rest is
        filled with the median of its border.

    Returns:
      uint8 of shape `(height, width)`.

    Raises:
      idx.IdxError: as `load`.
    """
    with _quiet():
        return _read(path, size)


def read_all(
    paths: Iterable[str], size: tuple[int, int] | None = None, cores: int | None = None
) -> Iterator[np.ndarray | idx.IdxError]:
    """Reads pictures on all cores, in their order.

    Memory holds a few pictures for each core, whatever their number.

    Args:
      paths: of the pictures.
      size: as of `read`.
      cores: number of threads; None for one a core, as far as this process has them.

    Yields:
      What `read` returns for each, or the error that it raises.
    """
    threads = cores or min(_MOST_THREADS, _cores())
    tasks: collections.deque[futures.Future[list[np.ndarray | idx.IdxError]]]
    tasks = collections.deque()
    pool = futures.ThreadPoolExecutor(threads)
    remaining, together = iter(paths), 1
    try:
        # Filters of warnings are one for all threads.
        with _quiet():
            while batch := list(itertools.islice(remaining, together)):
                tasks.append(pool.submit(_read_batch, batch, size))
                if len(tasks) == _AHEAD * threads:
                    yield from (done := tasks.popleft().result())
                    largest = max(getattr(pixels, "size", 1) for pixels in done)
                    together = max(1, min(_MOST_TOGETHER, _BATCH_BYTES // largest))
            while tasks:
                yield from tasks.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_batch(
    paths: list[str], size: tuple[int, int] | None
) -> list[np.ndarray | idx.IdxError]:
    read: list[np.ndarray | idx.IdxError] = []
    for path in paths:
        try:
            read.append(_read(path, size))
        except idx.IdxError as e:
            read.append(e)
    return read


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Not on macOS.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(path: str | os.PathLike[str], size: tuple[int, int] | None) -> np.ndarray:
    # Twice the size, so that what is seen of it is made by `resize` alone.
    image = _load(path, size and 2 * max(size))
    if image.mode != "L":
        image = image.convert("L")
    return np.asarray(fit(image, size)) if size else np.asarray(image)


def fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Shrinks or enlarges a picture, whole and in its proportions, in the middle.

    Args:
      image: of mode "L".
      size: height and width, in pixels; the rest is filled with the median of the
        picture's border. A picture of this size is returned as it is.
    """
    if (image.height, image.width) == size:
        return image
    pixels = np.asarray(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    scale = min(size[0] / image.height, size[1] / image.width)
    height = min(size[0], max(1, round(image.height * scale)))
    width = min(size[1], max(1, round(image.width * scale)))
    fitted = Image.new("L", size[::-1], int(np.median(border)))
    corner = (size[1] - width) // 2, (size[0] - height) // 2
    fitted.paste(image.resize((width, height)), corner)
    return fitted


def _check_size(image: Image.Image) -> None:
    """Raises an error where Pillow only warns."""
    limit, pixels = Image.MAX_IMAGE_PIXELS, image.width * image.height
    if limit and pixels > limit:
        raise Image.DecompressionBombError(
            f"Image size ({pixels} pixels) exceeds limit of {limit} pixels, could be "
            "decompression bomb DOS attack."
        )


def _plain(image: Image.Image) -> Image.Image:
    """Returns the image in mode L or RGB; Pillow alone would clip 16 bits to 8."""
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is not known")
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 0xFFFF:
            raise ValueError("pixels of more than 16 bits")
        return Image.fromarray((pixels // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    image.load()  # Before the file is closed.
    if image.mode == "L":
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
