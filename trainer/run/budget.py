"""How long to train."""

import math
import re
from typing import NamedTuple

from trainer.network import models

# As `--dataset` has it, and as the first line of a run does.
_MNIST = re.compile(r"mnist_idx_tfds(/mnist)?([:/][\d.*]+)?")

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
    length: models.Length = models.STRONG_LENGTH,
) -> Budget:
    """Returns how long a set is trained on.

    Where nobody says it, that follows from the network's `Length`. Passes are whole,
    which moves its bounds; there is one at least. Epochs are no more than 20, of
    several passes each then.

    Args:
      examples: number of training examples.
      image_shape: height, width and channels, in pixels.
      epochs: as a user asks for them, of one pass each.
      tutorials: those of the tutorial, where MNIST itself is trained on.
      length: of the network that is trained.
    """
    if epochs:
        return Budget(epochs, 1, "by --epochs")
    if tutorials:
        return Budget(tutorials, 1, "as in the tutorial")
    images = min(max(length.passes * examples, length.least), length.most)
    passes = max(1, round(images / length.cost(image_shape) / examples))
    passes_an_epoch = math.ceil(passes / _EPOCHS)
    epochs = max(1, round(passes / passes_an_epoch))
    return Budget(epochs, passes_an_epoch, "for so many images of this size")
