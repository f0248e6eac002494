"""Colors, and how they are made gray, as Pillow makes them."""

import numpy as np

# What Pillow computes: ITU-R 601-2 luma, in units of 2^-16.
_LUMA = (19595, 38470, 7471)


def of_images(images: np.ndarray, color: bool) -> np.ndarray:
    """Returns colors, or their luma, whichever they are given as.

    Args:
      images: uint8 of shape `(n, height, width)`, or with 1 or 3 channels last.
      color: whether to keep colors; of gray images they are three times the same.

    Returns:
      uint8 of shape `(n, height, width)`, or with colors `(n, height, width, 3)`.
    """
    if not color:
        return to_gray(images)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return np.broadcast_to(images, (*images.shape[:3], 3))


def to_gray(images: np.ndarray) -> np.ndarray:
    """Returns the luma of colors, as Pillow has it.

    Args:
      images: uint8 of shape `(n, height, width)`, or with 1 or 3 channels last.

    Returns:
      uint8 of shape `(n, height, width)`.
    """
    if images.ndim == 3:
        return images
    if images.shape[-1] == 1:
        return images[..., 0]
    luma = np.full(images.shape[:-1], 0x8000, np.uint32)
    for channel, weight in enumerate(_LUMA):
        luma += images[..., channel] * np.uint32(weight)
    return (luma >> 16).astype(np.uint8)
