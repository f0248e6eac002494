"""The convolutional network of TensorFlow.js's MNIST tutorial."""

import keras

from trainer.errors import TrainerError

_KERNEL = 5
_POOL = 2
_FILTERS = (8, 16)
_MIN_SIZE = 16  # pixels; below it nothing is left after the second pooling.


def cnn(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Builds the network, untrained: 5,994 parameters for MNIST.

    Args:
      image_shape: height, width and channels of an image, in pixels.
      num_classes: number of classes.

    Returns:
      A model from uint8 images `(batch, *image_shape)`, values 0 to 255, to float32
      class probabilities `(batch, num_classes)`.

    Raises:
      TrainerError: the images are too small for it.
    """
    height, width, _ = image_shape
    if min(height, width) < _MIN_SIZE:
        raise TrainerError(
            f"image size: expected at least {_MIN_SIZE} x {_MIN_SIZE} pixels for two "
            f"5x5 convolutions with pooling, found {height} x {width}. Pad or enlarge "
            "the images."
        )
    inputs = keras.Input(image_shape, dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for filters in _FILTERS:
        x = keras.layers.Conv2D(
            filters, _KERNEL, kernel_initializer=keras.initializers.VarianceScaling()
        )(x)
        x = keras.layers.MaxPooling2D(_POOL)(x)
        # After pooling: the same values, from a quarter of the work.
        x = keras.layers.ReLU()(x)
    x = keras.layers.Flatten()(x)
    outputs = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.VarianceScaling(),
        name="probabilities",
    )(x)
    return keras.Model(inputs, outputs, name="cnn")
