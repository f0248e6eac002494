"""Pictures in the usual formats, and the grayscale pixels that IDX holds of them."""

import os
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_idx_tfds import idx

Image.init()
# Not EPS: to read it, Pillow runs another program.
_FORMATS = tuple(name for name in Image.ID if name != "EPS")


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
    # Twice the size, so that what is seen of it is made by `resize` alone.
    image = load(path, size and 2 * max(size))
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
