"""Pictures in the usual formats, and the grayscale pixels that IDX holds of them."""

import os
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_idx_tfds import idx

# Not all that Pillow knows: for some it runs other programs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


def load(path: str | os.PathLike, enough: int | None = None) -> Image.Image:
    """Loads a picture as it is seen, turned the way that its EXIF data say.

    Transparency is put on white, as browsers show it, and 16 bits are cut to 8. Of an
    animation it is the first frame.

    Args:
      path: a BMP, GIF, JPEG, PNG, PNM, TIFF or WebP file.
      enough: pixels a side that suffice; a JPEG is decoded at a half to an eighth of its
        size, which is faster, where neither side gets below that. None for all.

    Returns:
      An image of mode "L" or "RGB".

    Raises:
      idx.IdxError: the file is not a whole picture, or one of more pixels than Pillow
        holds for harmless.
    """
    try:
        with warnings.catch_warnings():
            # Others are about metadata; damaged pixels are errors.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
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


def read(path: str | os.PathLike, size: tuple[int, int] | None = None) -> np.ndarray:
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
    # Twice the size, so that what is seen of it is made by `resize` alone.
    image = load(path, size and 2 * max(size))
    if image.mode != "L":
        image = image.convert("L")
    return _fit(image, size) if size else np.asarray(image)


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


def _fit(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    if (image.height, image.width) == size:
        return np.asarray(image)
    pixels = np.asarray(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    scale = min(size[0] / image.height, size[1] / image.width)
    height = min(size[0], max(1, round(image.height * scale)))
    width = min(size[1], max(1, round(image.width * scale)))
    fitted = np.full(size, np.median(border), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    fitted[top : top + height, left : left + width] = image.resize((width, height))
    return fitted
