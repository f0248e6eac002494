"""The networks of TensorFlow.js's MNIST tutorials, and how each is best trained."""

import dataclasses
from collections.abc import Callable

import keras

from trainer.errors import TrainerError

_MIN_SIZE = 16  # pixels; below it nothing is left after either's second pooling.


@dataclasses.dataclass(frozen=True)
class Model:
    """A network with the settings that it is trained with unless others are given.

    Attributes:
      build: from image shape and number of classes to the untrained network.
      epochs: passes over the training split.
      batch_size: examples a step.
      learning_rate: AdamW's peak rate.
      weight_decay: AdamW's; dropout is enough for a network that has it.
    """

    build: Callable[[tuple[int, int, int], int], keras.Model]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float


def cnn(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Builds the small network, "MNIST training": 5,994 parameters for MNIST.

    Args:
      image_shape: height, width and channels of an image, in pixels.
      num_classes: number of classes.

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
    return _network("cnn", image_shape, num_classes, [*stack, layers.Flatten()])


def deep(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Builds the deeper network of mnist-node: 594,922 parameters for MNIST.

    Args:
      image_shape: height, width and channels of an image, in pixels.
      num_classes: number of classes.

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
    return _network("deep", image_shape, num_classes, stack)


MODELS = {
    "cnn": Model(cnn, epochs=2, batch_size=48, learning_rate=1e-2, weight_decay=0.05),
    "deep": Model(
        deep, epochs=10, batch_size=128, learning_rate=2e-3, weight_decay=0.0
    ),
}


def _network(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    stack: list[keras.layers.Layer],
) -> keras.Model:
    height, width, _ = image_shape
    if min(height, width) < _MIN_SIZE:
        raise TrainerError(
            f"image size: expected at least {_MIN_SIZE} x {_MIN_SIZE} pixels for two "
            f"rounds of convolution and pooling, found {height} x {width}. Pad or "
            "enlarge the images."
        )
    outputs = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=_variance_scaling(),
        name="probabilities",
    )
    x = inputs = keras.Input(image_shape, dtype="uint8", name="image")
    for layer in [keras.layers.Rescaling(1 / 255), *stack, outputs]:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def _variance_scaling() -> keras.initializers.Initializer:
    # One for each layer: a shared one would give layers the same values.
    return keras.initializers.VarianceScaling()
