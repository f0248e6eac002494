"""Pictures in the usual formats, and the pixels that IDX holds of them."""

import contextlib
import functools
import itertools
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_idx_tfds import idx
from mnist_idx_tfds.threads import in_order

Result = TypeVar("Result")

Image.init()
# Not EPS: to read it, Pillow runs another program.
_FORMATS = tuple(name for name in Image.ID if name != "EPS")
# Small pictures are read in batches, which cost less than a task for each.
_MOST_TOGETHER = 32
_BATCH_PIXELS = 1 << 20
# Of smaller ones Python itself takes most of the time, in which threads only wait for
# each other.
_SMALL = 112 * 112


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
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    color: bool = False,
) -> np.ndarray:
    """Reads a picture as pixels: the luma of its colors, or these.

    Args:
      path: as of `load`.
      size: height and width to shrink or enlarge to, in pixels; None for the picture's
        own. The picture is whole and in its proportions, in the middle; the rest is
        filled with the median of its border.
      color: whether to keep colors; of a gray picture they are three times the same.

    Returns:
      uint8 of shape `(height, width)`, or with colors `(height, width, 3)`.

    Raises:
      idx.IdxError: as `load`.
    """
    with _quiet():
        return _pixels(_load(path, _enough(size)), size, color)


def read_all(
    paths: Iterable[str],
    size: tuple[int, int] | None = None,
    threads: int | None = None,
    color: bool = False,
) -> Iterator[np.ndarray | idx.IdxError]:
    """Reads pictures on all cores, in their order.

    Args:
      paths: of the pictures.
      size: as of `read`.
      threads: as of `use_all`.
      color: as of `read`.

    Yields:
      What `read` returns for each, or the error that it raises.
    """
    pixels = functools.partial(_pixels, size=size, color=color)
    read = use_all(paths, pixels, _enough(size), threads)
    # None would be of what is no picture.
    return cast(Iterator[np.ndarray | idx.IdxError], read)


def use_all(
    paths: Iterable[str],
    function: Callable[[Image.Image], Result],
    enough: int | None = None,
    threads: int | None = None,
    other: Callable[[str], bool] = lambda path: False,
) -> Iterator[Result | idx.IdxError | None]:
    """Loads pictures and calls a function of each on all cores, in their order.

    Memory holds a few pictures for each core, whatever their number.

    Args:
      paths: of the pictures; another thread takes them.
      function: of a picture as `load` returns it; several threads call it.
      enough: as of `load`.
      threads: as of `in_order`.
      other: whether a path is not that of a picture.

    Yields:
      What the function returns for each, or the error that `load` raises, or None for
      what is no picture.
    """
    remaining, largest = iter(paths), _BATCH_PIXELS
    one_at_a_time = threading.Lock()

    def batches() -> Iterator[list[str]]:
        while batch := list(itertools.islice(remaining, _together(largest))):
            yield batch

    def used(path: str) -> tuple[Result | idx.IdxError | None, int]:
        if other(path):
            return None, 1
        try:
            image = _load(path, enough)
        except idx.IdxError as e:
            return e, 1
        return function(image), image.width * image.height

    def work(batch: list[str]) -> list[tuple[Result | idx.IdxError | None, int]]:
        with one_at_a_time if largest < _SMALL else contextlib.nullcontext():
            return list(map(used, batch))

    # Filters of warnings are one for all threads.
    with _quiet():
        for done in in_order(work, batches(), threads):
            results, pixels = zip(*done, strict=True)
            yield from results
            largest = max(pixels)


def _together(pixels: int) -> int:
    """Returns how many pictures of a size are a batch."""
    return max(1, min(_MOST_TOGETHER, _BATCH_PIXELS // pixels))


def _enough(size: tuple[int, int] | None) -> int | None:
    # Twice the size, so that what is seen of it is made by `resize` alone.
    return size and 2 * max(size)


def _pixels(
    image: Image.Image, size: tuple[int, int] | None, color: bool
) -> np.ndarray:
    mode = "RGB" if color else "L"
    if image.mode != mode:
        image = image.convert(mode)
    return np.asarray(fit(image, size)) if size else np.asarray(image)


def fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Shrinks or enlarges a picture, whole and in its proportions, in the middle.

    Args:
      image: of mode "L" or "RGB".
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
    paper = np.median(border, axis=0).astype(int)
    fill = tuple(paper.tolist()) if paper.ndim else int(paper)
    fitted = Image.new(image.mode, size[::-1], fill)
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
