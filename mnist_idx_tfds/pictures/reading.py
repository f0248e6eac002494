"""Pictures in the usual formats, and the pixels that IDX holds of them."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

import numpy as np
from PIL import Image

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import loading, together
from mnist_idx_tfds.pictures.loading import File
from mnist_idx_tfds.pixel_range import Range, to_bytes

Result = TypeVar("Result")

_WHITES = (1, 255, 4095, 65535)
_SAMPLED = 64  # Rows and columns that are looked at for colors.
_COLORED = 16  # Levels between the channels of what has a color.


def load(path: str | os.PathLike[str], enough: int | None = None) -> Image.Image:
    """Loads a picture as it is seen, turned the way that its EXIF data say.

    Transparency is put on white, as browsers show it, or on black where nothing would be
    seen on white. Of more than 8 bits of gray, those that the picture needs become 8. Of
    an animation, or of pages, it is the first.

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
    with loading.quiet():
        return _load(path, enough)


def _load(
    path: File, enough: int | None, ahead: Callable[[int], None] = lambda pixels: None
) -> Image.Image:
    (page,) = loading.pages(path, enough, ahead=ahead, all_pages=False)
    if page.image.mode != "F":
        return page.image
    pixels = np.asarray(page.image)
    white = next((n for n in _WHITES if pixels.max() <= n), None)
    if white is None or not pixels.min() >= 0:
        expected = "pixels of 0 to 65535"
        found = f"ones of {pixels.min():g} to {pixels.max():g}"
        raise idx.error(cast(str, path), "image", expected, found)
    return Image.fromarray(to_bytes(pixels, white))


@dataclasses.dataclass(slots=True)
class Read:
    """What a file gives.

    Attributes:
      pages: uint8 of shape `(height, width)`, in color `(height, width, 3)`, or float32
        `(height, width)` where the file has more than 8 bits of gray.
      range: of such pixels, before pictures were brought to a size; else None.
      frames: of an animation, of which the first is the page.
      on_black: whether it is ink on nothing that would not be seen on white.
      colored: whether colors were made gray.
      side: the longer one of the first page before that, in pixels.
    """

    pages: list[np.ndarray]
    range: Range | None = None
    frames: int = 1
    on_black: bool = False
    colored: bool = False
    side: int = 0


def read_all(
    files: Iterable[File],
    size: tuple[int, int] | None = None,
    color: bool = False,
    large: bool = False,
) -> Iterator[Read | idx.IdxError]:
    """Reads pictures on all cores, in their order.

    Args:
      files: paths of the pictures, or what errors call them and their bytes.
      size: height and width to shrink or enlarge to, in pixels; None for the picture's
        own. The picture is whole and in its proportions, in the middle; the rest is
        filled with the median of its border.
      color: whether to keep colors, instead of their luma; of a gray picture they are
        three times the same.
      large: whether to read pictures of more pixels than Pillow holds for harmless.

    Yields:
      What each file gives, or the error that `load` raises.
    """
    # Twice the size, so that what is seen of it is made by `resize` alone.
    enough = size and 2 * max(size)

    def read(file: File, ahead: Callable[[int], None]) -> Read:
        found = Read([])
        for image, on_black, frames, side in loading.pages(file, enough, large, ahead):
            found.frames, found.on_black = frames, on_black
            found.side = found.side or side
            if image.mode == "F":
                found.range = found.range or Range()
                found.range.see(np.asarray(image))
            elif not color and image.mode == "RGB":
                found.colored = found.colored or _is_colored(image)
            found.pages.append(_pixels(image, size, color))
        return found

    def held(read: Read) -> int:
        return sum(page.nbytes for page in read.pages)

    with loading.quiet(large):
        yield from together.in_order(read, held, files)


def use_all(
    paths: Iterable[str],
    function: Callable[[Image.Image], Result],
    enough: int | None = None,
    other: Callable[[str], bool] = lambda path: False,
) -> Iterator[Result | idx.IdxError | None]:
    """Loads pictures and calls a function of each on all cores, in their order.

    Memory holds a few pictures for each core, whatever their number, and of large ones
    no more than a gibibyte.

    Args:
      paths: of the pictures; another thread takes them.
      function: of a picture as `load` returns it; several threads call it.
      enough: as of `load`.
      other: whether a path is not that of a picture.

    Yields:
      What the function returns for each, or the error that `load` raises, or None for
      what is no picture.
    """

    def used(path: str, ahead: Callable[[int], None]) -> Result | None:
        return None if other(path) else function(_load(path, enough, ahead))

    with loading.quiet():
        yield from together.in_order(used, lambda result: 0, paths)


def _pixels(
    image: Image.Image, size: tuple[int, int] | None, color: bool
) -> np.ndarray:
    mode = "F" if image.mode == "F" else "RGB" if color else "L"
    if image.mode != mode:
        image = image.convert(mode)
    return np.asarray(fit(image, size)) if size else np.asarray(image)


def _is_colored(image: Image.Image) -> bool:
    """Returns whether a few rows and columns of an image have colors."""
    pixels = np.asarray(image)
    steps = (max(1, side // _SAMPLED) for side in pixels.shape[:2])
    rows, columns = (slice(None, None, step) for step in steps)
    sample = pixels[rows, columns].astype(np.int16)
    return bool((sample.max(axis=-1) - sample.min(axis=-1) > _COLORED).any())


def fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Shrinks or enlarges a picture, whole and in its proportions, in the middle.

    Args:
      image: of mode "L", "RGB" or "F".
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
    paper = np.median(border, axis=0)
    if image.mode != "F":
        paper = paper.astype(int)
    fill = tuple(paper.tolist()) if paper.ndim else paper.item()
    fitted = Image.new(image.mode, size[::-1], fill)
    corner = (size[1] - width) // 2, (size[0] - height) // 2
    fitted.paste(image.resize((width, height)), corner)
    return fitted
