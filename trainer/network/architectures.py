"""The networks, and how each is best trained."""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import keras

from trainer.errors import TrainerError
from trainer.network import photo

_MIN_SIZE = 16  # pixels; below it nothing is left of the tutorials' second pooling.
_LARGE = 40  # pixels; what has larger sides is shrunk to about this first.
_MOMENTUM = 0.9  # Of moving statistics; Keras's 0.99 is behind for 200 steps.
_LEAST_NORMALIZED = 3  # images; of two, the one is the other's negative.
_RAW = (0.0, 255.0)
_PIXELS = 28 * 28
_OVERHEAD = 100  # What an image takes beside its pixels, in these.
# Of the pixels that a tutorial's network sees; 1 is too much for their peak rates.
_SMALL_DEVIATION = 0.5


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


def shrinkage(image_shape: tuple[int, int, int]) -> int:
    """Returns by which factor `strong` divides the sides of an image first."""
    height, width, _ = image_shape
    return max(1, round(math.sqrt(height * width) / _LARGE))


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
        to the untrained network.
      epochs: passes over the training split of MNIST; see `length` for others.
      batch_size: examples a step.
      learning_rate: AdamW's peak rate.
      weight_decay: AdamW's; see `decay`.
      label_smoothing: part of each label that is spread over all classes.
      augmented_from: passes over the training split in a run from which it learns more
        from images that are changed at random.
      most_decay_steps: steps of the longest run that has the full `weight_decay`.
      is_normalized: whether it has batch normalization, so that the images of a batch
        depend on each other.
      length: of a run where no flag says it.
    """

    build: Callable[..., keras.Model]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float = 0.0
    augmented_from: int = 12
    most_decay_steps: float = math.inf
    is_normalized: bool = False
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


def cnn(
    image_shape: tuple[int, int, int],
    num_classes: int,
    pixels: tuple[float, float] = _RAW,
) -> keras.Model:
    """Builds the small network, "MNIST training": 5,994 parameters for MNIST.

    Args:
      image_shape: height, width and channels of an image, in pixels.
      num_classes: number of classes.
      pixels: mean and standard deviation of those that it will be trained on; the
        network brings them to 0 and 0.5.

    Returns:
      A model from uint8 images `(batch, *image_shape)`, values 0 to 255, to float32
      class probabilities `(batch, num_classes)`.

    Raises:
      TrainerError: the images are too small for it.
    """
    layers = keras.layers
    stack = []
    for filters in (8, 16):
        stack += [
            layers.Conv2D(filters, 5, kernel_initializer=_variance_scaling()),
            layers.MaxPooling2D(2),
            # After pooling: the same values, from a quarter of the work.
            layers.ReLU(),
        ]
    stack.append(layers.Flatten())
    return _network(
        "cnn",
        image_shape,
        num_classes,
        pixels,
        _large_enough(image_shape, stack),
        _SMALL_DEVIATION,
    )


def deep(
    image_shape: tuple[int, int, int],
    num_classes: int,
    pixels: tuple[float, float] = _RAW,
) -> keras.Model:
    """Builds the deeper network of mnist-node: 594,922 parameters for MNIST.

    Args:
      image_shape: height, width and channels of an image, in pixels.
      num_classes: number of classes.
      pixels: as of `cnn`.

    Returns:
      A model of the same form as `cnn`.

    Raises:
      TrainerError: the images are too small for it.
    """
    layers = keras.layers
    stack = []
    for filters in (32, 64):
        stack += [
            layers.Conv2D(
                filters, 3, activation="relu", kernel_initializer=_variance_scaling()
            ),
            layers.Conv2D(filters, 3, kernel_initializer=_variance_scaling()),
            layers.MaxPooling2D(2),
            layers.ReLU(),
        ]
    stack += [
        layers.Flatten(),
        layers.Dropout(0.25),
        layers.Dense(512, activation="relu", kernel_initializer=_variance_scaling()),
        layers.Dropout(0.5),
    ]
    return _network(
        "deep",
        image_shape,
        num_classes,
        pixels,
        _large_enough(image_shape, stack),
        _SMALL_DEVIATION,
    )


def strong(
    image_shape: tuple[int, int, int],
    num_classes: int,
    pixels: tuple[float, float] = _RAW,
) -> keras.Model:
    """Builds the network for other people's images: 658,346 parameters for MNIST.

    Four convolutions of 3 x 3 with batch normalization, in three blocks that end in
    pooling, and a dense layer. Large images are shrunk before the first.

    Args:
      image_shape: height, width and channels of an image, in pixels; any.
      num_classes: number of classes.
      pixels: as of `cnn`, but brought to 0 and 1.

    Returns:
      A model of the same form as `cnn`.
    """
    layers = keras.layers
    stack = []
    if (factor := shrinkage(image_shape)) > 1:
        stack.append(layers.AveragePooling2D(factor, padding="same"))
    for filters, convolutions in ((32, 1), (64, 2), (128, 1)):
        for n in range(1, convolutions + 1):
            stack.append(
                layers.Conv2D(
                    filters,
                    3,
                    padding="same",
                    use_bias=False,
                    kernel_initializer="he_normal",
                )
            )
            if n == convolutions:
                # Before what follows, which then has a quarter of the work.
                stack.append(layers.MaxPooling2D(2, padding="same"))
            stack += [layers.BatchNormalization(momentum=_MOMENTUM), layers.ReLU()]
    stack += [
        layers.Flatten(),
        layers.Dense(256, use_bias=False),
        layers.BatchNormalization(momentum=_MOMENTUM),
        layers.ReLU(),
        layers.Dropout(0.4),
    ]
    return _network("strong", image_shape, num_classes, pixels, stack)


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
        augmented_from=1,
        most_decay_steps=2200,
        is_normalized=True,
    ),
    "photo": Model(
        photo.photo,
        epochs=1,
        batch_size=32,
        learning_rate=1e-3,
        weight_decay=0.05,
        label_smoothing=0.1,
        augmented_from=1,
        is_normalized=True,
        length=Length(8, 9_000, 14_000, photo.cost),
    ),
}


def _large_enough(
    image_shape: tuple[int, int, int], stack: list[keras.layers.Layer]
) -> list[keras.layers.Layer]:
    """Returns the layers of a tutorial's network, unless images are too small for it."""
    height, width, _ = image_shape
    if min(height, width) < _MIN_SIZE:
        raise TrainerError(
            f"image size: expected at least {_MIN_SIZE} x {_MIN_SIZE} pixels for two "
            f"rounds of convolution and pooling, found {height} x {width}. Take "
            "--model=strong, or enlarge the images."
        )
    return stack


def _network(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    pixels: tuple[float, float],
    stack: list[keras.layers.Layer],
    to_deviation: float = 1.0,
) -> keras.Model:
    mean, deviation = pixels
    scale = to_deviation / deviation
    normalization = keras.layers.Rescaling(scale, -mean * scale)
    outputs = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=_variance_scaling(),
        name="probabilities",
    )
    x = inputs = keras.Input(image_shape, dtype="uint8", name="image")
    for layer in [normalization, *stack, outputs]:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def _variance_scaling() -> keras.initializers.Initializer:
    # One for each layer: a shared one would give layers the same values.
    return keras.initializers.VarianceScaling()
