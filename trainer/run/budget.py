"""How long to train where no flag says it."""

import math
from typing import NamedTuple

from trainer.network import architectures

# In images of 28 x 28 pixels.
_LEAST, _MOST = 100_000, 400_000
_PASSES = 16
_PIXELS = 28 * 28
_OVERHEAD = 100  # What an image takes beside its pixels, in these.
_EPOCHS = 20  # At most, so that small sets do not drown in lines.


class Budget(NamedTuple):
    """How long to train.

    Attributes:
      epochs: of the run.
      passes: over the training examples in an epoch.
      why: so long, for people.
    """

    epochs: int
    passes: int
    why: str


def of(examples: int, image_shape: tuple[int, int, int]) -> Budget:
    """Returns how long a set is trained on: sixteen passes, within bounds.

    What is seen in all is at least 100,000 and at most 400,000 images of 28 x 28 pixels,
    or as much of another size: a minute and four of them for the network `strong` on two
    cores. There is one pass at least, and no more than 20 epochs; they are of several
    passes then.

    Args:
      examples: number of training examples.
      image_shape: height, width and channels, in pixels.
    """
    images = min(max(_PASSES * examples, _LEAST), _MOST) / _cost(image_shape)
    passes = max(1, round(images / examples))
    passes_an_epoch = math.ceil(passes / _EPOCHS)
    epochs = max(1, round(passes / passes_an_epoch))
    return Budget(epochs, passes_an_epoch, "for so many images of this size")


def _cost(image_shape: tuple[int, int, int]) -> float:
    """Returns what an image takes, in those of 28 x 28 pixels."""
    height, width, _ = image_shape
    pixels = height * width
    # Of `strong`, which shrinks a large one; changing it goes by all of its pixels.
    seen = pixels / architectures.shrinkage(image_shape) ** 2
    return (_OVERHEAD + seen + pixels / 64) / (_OVERHEAD + _PIXELS + _PIXELS / 64)
