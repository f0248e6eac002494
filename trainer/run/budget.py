"""How long to train."""

import math
import re
from typing import NamedTuple

from trainer.network import architectures

# As `--dataset` has it, and as the first line of a run does.
_MNIST = re.compile(r"mnist_idx_tfds(/mnist)?([:/][\d.*]+)?")

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


def is_mnist(idx_dir: str | None, dataset: str | None) -> bool:
    """Whether these flags mean MNIST itself, which has the tutorial's network and length."""
    return not idx_dir and (not dataset or _MNIST.fullmatch(dataset) is not None)


def of(
    examples: int,
    image_shape: tuple[int, int, int],
    epochs: int | None = None,
    tutorials: int | None = None,
) -> Budget:
    """Returns how long a set is trained on.

    Where nobody says it, what is seen in all takes as long as sixteen passes over
    images of 28 x 28 pixels, but at least as 100,000 such images and at most as 400,000:
    a minute and four of them for the network `strong` on two cores. Passes are whole,
    which moves these bounds; there is one at least. Epochs are no more than 20, of
    several passes each then.

    Args:
      examples: number of training examples.
      image_shape: height, width and channels, in pixels.
      epochs: as a user asks for them, of one pass each.
      tutorials: those of the tutorial, where MNIST itself is trained on.
    """
    if epochs:
        return Budget(epochs, 1, "by --epochs")
    if tutorials:
        return Budget(tutorials, 1, "as in the tutorial")
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
