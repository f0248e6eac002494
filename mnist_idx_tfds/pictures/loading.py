"""One file in any of the usual formats, as the pictures that are seen in it."""

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import reason

# The path of a file, or what errors call it and its bytes.
File = str | os.PathLike[str] | tuple[str, bytes]

Image.init()
# Not EPS: to read it, Pillow runs another program.
_FORMATS = tuple(name for name in Image.ID if name != "EPS")
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF", "FLI"})
# What else these have beside the picture is made of it, or is it made of.
_ONE = frozenset({"MPO", "PSD", "ICO", "ICNS"})
_REDUCED_OR_MASK = 0b101  # Of the tag NewSubfileType of TIFF.
_SEEN = 16  # Levels of gray between ink and paper that are seen.
_LARGE = 1 << 30


class Page(NamedTuple):
    """A picture as it is seen.

    Attributes:
      image: of mode "L" or "RGB", or of "F" where the file has more than 8 bits of gray,
        whose range it alone cannot tell.
      on_black: whether it is ink on nothing that would not be seen on white.
      frames: of the animation that it begins, else 1.
      side: the longer one of the file's picture, in pixels.
    """

    image: Image.Image
    on_black: bool
    frames: int
    side: int


def pages(
    file: File,
    enough: int | None,
    large: bool = False,
    ahead: Callable[[int], None] = lambda pixels: None,
    all_pages: bool = True,
) -> Iterator[Page]:
    """Loads the pages of a file; what is no TIFF or the like has one.

    Args:
      file: a regular file.
      enough: as of `reading.load`.
      large: whether to read pictures of more pixels than Pillow holds for harmless.
      ahead: is told how many pixels a page has before it is decoded.
      all_pages: whether to go on after the first.

    Raises:
      idx.IdxError: the file is not a whole picture.
    """
    path = file[0] if isinstance(file, tuple) else file
    try:
        if not isinstance(file, tuple) and is_pipe(file):
            raise ValueError("a pipe or a device, no file")
        source = io.BytesIO(file[1]) if isinstance(file, tuple) else file
        with Image.open(source, formats=_FORMATS) as image:
            _check_size(image, large)
            side = max(image.size)
            count = 1 if image.format in _ONE else getattr(image, "n_frames", 1)
            frames = count if image.format in _ANIMATED else 1
            if enough:
                image.draft(None, (enough, enough))
            taken = count if frames == 1 and all_pages else 1
            for number in range(taken):
                if number:
                    image.seek(number)
                    _check_size(image, large)
                    if getattr(image, "tag_v2", {}).get(254, 0) & _REDUCED_OR_MASK:
                        continue
                ahead(image.width * image.height)
                cut = _is_cut(image)
                page: Image.Image = image
                if taken == 1:  # As it is, without a copy.
                    ImageOps.exif_transpose(image, in_place=True)
                else:
                    page = ImageOps.exif_transpose(image)
                yield Page(*_plain(page, cut), frames, side)
    except Exception as e:  # Whatever a decoder makes of a damaged file.
        found = f"an error: {getattr(e, 'strerror', None) or reason(e)}"
        if isinstance(e, UnidentifiedImageError):
            found = "data of no known format"
        hint = ""
        if isinstance(e, Image.DecompressionBombError) and all_pages and not large:
            hint = "If you trust it: --large, with a small --size."  # Of `pack`.
        raise idx.error(path, "image", "a readable picture", found, hint) from e


@contextlib.contextmanager
def quiet(large: bool = False) -> Iterator[None]:
    """Ignores warnings, of all threads: they are about metadata, or made errors here.

    Args:
      large: as of `pages`; Pillow has one limit for all threads.
    """
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if large:
            Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path is that of a pipe or a device: to open it may take forever.

    Raises:
      OSError: there is nothing on this machine.
    """
    mode = os.stat(path).st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _check_size(image: Image.Image, large: bool) -> None:
    """Raises an error where Pillow only warns."""
    limit = _LARGE if large else Image.MAX_IMAGE_PIXELS
    pixels = image.width * image.height
    if limit and pixels > limit:
        raise Image.DecompressionBombError(
            f"Image size ({pixels} pixels) exceeds limit of {limit} pixels, could be "
            "decompression bomb DOS attack."
        )


def _is_cut(image: Image.Image) -> bool:
    """Returns whether Pillow takes the upper 8 of 16 bits, of an image not loaded yet."""
    return any(";16" in f"{tile[3]}" for tile in getattr(image, "tile", ()))


def _plain(image: Image.Image, cut: bool) -> tuple[Image.Image, bool]:
    """Returns the image in mode L, RGB or F, and whether it was put on black."""
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(np.asarray(image).astype(np.float32)), False
    image.load()  # Before the file is closed.
    if cut and np.asarray(image).max() < _SEEN:
        raise ValueError("colors of 16 bits, of which the upper 8 are all black")
    if image.has_transparency_data:
        return _on_paper(image.convert("RGBA"))
    if image.mode == "L":
        return image, False
    return image.convert("L" if image.mode == "1" else "RGB"), False


def _on_paper(image: Image.Image) -> tuple[Image.Image, bool]:
    """Puts a transparent picture on white, as browsers do, or on black to be seen."""
    for color in ("white", "black"):
        paper = Image.new("RGBA", image.size, color)
        seen = Image.alpha_composite(paper, image).convert("RGB")
        if color == "white":
            on_white = seen
        if np.ptp(np.asarray(seen.convert("L"))) >= _SEEN:
            return seen, color == "black"
    return on_white, False
