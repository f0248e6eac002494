"""The networks by name, and how each is best trained."""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import keras

from trainer.errors import TrainerError
from trainer.network import adopted, imagenet, photo
from trainer.network.architectures import cnn, deep, shrinkage, strong

_LEAST_NORMALIZED = 3  # images; of two, the one is the other's negative.
_PIXELS = 28 * 28
_OVERHEAD = 100  # What an image takes beside its pixels, in these.
# Of the pixels of photographs, less is plain ground: of small ones, and of those that
# `strong` would shrink.
_GROUND, _GROUND_OF_LARGE = 0.25, 0.5


class Length(NamedTuple):
    """How long a network is trained on images of one's own, counted in images.

    Attributes:
      passes: over the training split, unless these are fewer or more than
      least: images in all, or
      most: images in all.
      cost: from an image's shape, in how many images it counts.
    """

    passes: int
    least: int
    most: int
    cost: Callable[[tuple[int, int, int]], float]


def _strong_cost(image_shape: tuple[int, int, int]) -> float:
    """Returns what an image takes, in those of 28 x 28 pixels."""
    height, width, _ = image_shape
    pixels = height * width
    # A large one is shrunk; changing it goes by all of its pixels.
    seen = pixels / shrinkage(image_shape) ** 2
    return (_OVERHEAD + seen + pixels / 64) / (_OVERHEAD + _PIXELS + _PIXELS / 64)


# A minute, and four of them, on two cores.
STRONG_LENGTH = Length(16, 100_000, 400_000, _strong_cost)


@dataclasses.dataclass(frozen=True)
class Model:
    """A network with the settings that it is trained with unless others are given.

    Attributes:
      build: from image shape, number of classes, and mean and deviation of the pixels,
        to the untrained network; of `FROM_MODEL`, see `adopted.adopt`.
      epochs: passes over the training split of MNIST; see `length` for others.
      batch_size: examples a step.
      learning_rate: AdamW's peak rate.
      weight_decay: AdamW's; see `decay`.
      label_smoothing: part of each label that is spread over all classes.
      new_images: what fits new images, next to training images that are changed twice
        as strongly, see `run.sharpening`; 0 for a network that is not sharpened by these.
      held: part of the training images that it is not trained on, which tell instead.
      asked: training images that it is shown at the end of a run, to tell what its
        answers are worth.
      augmented_from: passes over the training split in a run from which it learns more
        from images that are changed at random.
      most_decay_steps: steps of the longest run that has the full `weight_decay`.
      is_normalized: whether it has batch normalization, so that the images of a batch
        depend on each other.
      muon: whether kernels of convolutions are trained by Muon, see `optimizer`.
      bfloat16: whether it is trained in bfloat16 where the CPU computes in it.
      is_divided: whether a batch is computed in parts side by side, see `parallel`.
      length: of a run where no flag says it.
    """

    build: Callable[..., keras.Model]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float = 0.0
    new_images: float = 0.0
    held: float = 0.0
    asked: int = 1000
    augmented_from: int = 12
    most_decay_steps: float = math.inf
    is_normalized: bool = False
    muon: bool = False
    bfloat16: bool = False
    is_divided: bool = True
    length: Length = STRONG_LENGTH

    def decay(self, steps: int) -> float:
        """Returns AdamW's weight decay for a run: the longer, the less.

        Source: Wang and Aitchison, "How to set AdamW's weight decay as you scale model
        and dataset size", 2024.

        Args:
          steps: of the whole run.
        """
        return self.weight_decay * min(1, self.most_decay_steps / steps)

    @property
    def least_batch(self) -> int:
        """Fewest examples a step that it learns from."""
        return _LEAST_NORMALIZED if self.is_normalized else 1

    def check_batch_size(self, batch_size: int, name: str) -> None:
        """Raises an error for a step of fewer examples than it learns from.

        Args:
          batch_size: examples a step.
          name: of the network.

        Raises:
          TrainerError: there are too few.
        """
        if batch_size < self.least_batch:
            raise TrainerError(
                f"--batch_size: expected at least {self.least_batch} with --model={name}, "
                f"which normalizes the images of a step by each other, found {batch_size}."
            )


MODELS = {
    "cnn": Model(cnn, epochs=2, batch_size=48, learning_rate=1e-2, weight_decay=0.05),
    "deep": Model(
        deep, epochs=10, batch_size=128, learning_rate=2e-3, weight_decay=0.0
    ),
    "strong": Model(
        strong,
        epochs=10,
        batch_size=48,
        learning_rate=6e-3,
        weight_decay=0.3,
        label_smoothing=0.1,
        new_images=0.75,
        augmented_from=1,
        most_decay_steps=2200,
        is_normalized=True,
        muon=True,
        bfloat16=True,
        is_divided=False,
    ),
    "photo": Model(
        photo.photo,
        epochs=1,
        batch_size=32,
        learning_rate=2e-4,
        weight_decay=0.05,
        label_smoothing=0.1,
        held=0.025,
        asked=200,  # Each takes long.
        augmented_from=1,
        is_divided=False,
        length=Length(10, 10_000, 24_000, photo.cost),
    ),
}

# The name of whatever network a file has that is none of `MODELS`.
FROM_MODEL = "from_model"
_ADOPTED = Model(
    adopted.adopt,
    epochs=1,
    batch_size=32,
    learning_rate=3e-4,
    weight_decay=0.05,
    label_smoothing=0.1,
    asked=200,  # Each takes long.
    augmented_from=1,
    is_normalized=True,
    is_divided=False,
    length=Length(8, 9_000, 14_000, lambda image_shape: 1.0),
)


def of(name: str) -> Model:
    """Returns a network by its name, of `MODELS` or `FROM_MODEL`."""
    return MODELS.get(name, _ADOPTED)


def default(
    image_shape: tuple[int, int, int], ground: Callable[[], float]
) -> tuple[str, str]:
    """Returns the network for images of one's own, and what would help, if anything.

    Photographs are for `photo`, where its weights are to be had, others for `strong`.
    What is in color is taken for photographs, and what is gray goes by its ground.

    Args:
      image_shape: height, width and channels, in pixels.
      ground: returns the share of an image that is plain ground, 0 to 1.
    """
    if image_shape[2] == 1:
        most = _GROUND_OF_LARGE if shrinkage(image_shape) > 1 else _GROUND
        if ground() >= most:
            return "strong", ""
    if imagenet.found():
        return "photo", ""
    return "strong", "photographs gain by pip install 'mnist-idx-tfds[photo]'"
