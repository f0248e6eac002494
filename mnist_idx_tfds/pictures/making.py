"""Pictures of pixels, the way back from `reading`."""

import numpy as np
from PIL import Image


def of_pixels(pixels: np.ndarray) -> Image.Image:
    """Returns the picture of an image's pixels, which Pillow has without one channel.

    Args:
      pixels: uint8 of shape `(height, width, channels)`.
    """
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
