"""How long to train."""

import math
import re
from typing import NamedTuple

from trainer.errors import TrainerError
from trainer.network import models
from trainer.run.trial import Speed

# As `--dataset` has it, and as the first line of a run does.
_MNIST = re.compile(r"mnist_idx_tfds(/mnist)?([:/][\d.*]+)?")

_EPOCHS = 20  # At most, so that small sets do not drown in lines.
_EVALUATING = 0.1  # Of the time, at most, unless one evaluation takes more.


class Budget(NamedTuple):
    """How long to train.

    Attributes:
      epochs: of the run.
      passes: over the training examples in an epoch, 1 at least.
      why: so long, for people.
    """

    epochs: int
    passes: float
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


def in_time(
    minutes: float, left: float, speed: Speed, examples: int, batch_size: int
) -> Budget:
    """Returns how long a set is trained on in so much time.

    The last pass of an epoch is one in part, so that the time is used to its end.

    Args:
      minutes: as a user asks for them.
      left: of them, in seconds, for training and its evaluations.
      speed: of both.
      examples: number of training examples.
      batch_size: examples a step.

    Raises:
      TrainerError: it is too short for a pass.
    """
    one = speed.step * examples / batch_size
    most = left * _EVALUATING / max(speed.evaluation, 1e-9)
    epochs = int(min(_EPOCHS, max(1, most), left / (one + speed.evaluation)))
    if epochs < 1:
        needed = minutes + (one + speed.evaluation - left) / 60
        raise TrainerError(
            f"--minutes={minutes:g}: expected time for a pass over {examples:,} images, "
            f"found too little: one takes {one:,.0f} s here, beside what a run begins and "
            f"ends with. Give --minutes={math.ceil(1.2 * needed)}, or fewer images, such "
            "as --train_split='train[:10%]'."
        )
    passes = math.floor(100 * (left / epochs - speed.evaluation) / one) / 100
    rate = batch_size / speed.step
    return Budget(
        epochs, max(1, passes), f"by --minutes={minutes:g} at {rate:,.0f} images/s"
    )
