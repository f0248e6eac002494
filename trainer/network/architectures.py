"""The networks that begin with nothing."""

import math

import keras

from trainer.errors import TrainerError

_MIN_SIZE = 16  # pixels; below it nothing is left of the tutorials' second pooling.
_LARGE = 40  # pixels; what has larger sides is shrunk to about this first.
_MOMENTUM = 0.9  # Of moving statistics; Keras's 0.99 is behind for 200 steps.
_RAW = (0.0, 255.0)
# Of the pixels that a tutorial's network sees; 1 is too much for their peak rates.
_SMALL_DEVIATION = 0.5


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


def shrinkage(image_shape: tuple[int, int, int]) -> int:
    """Returns by which factor `strong` divides the sides of an image first."""
    height, width, _ = image_shape
    return max(1, round(math.sqrt(height * width) / _LARGE))


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
