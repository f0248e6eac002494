"""EfficientNet-Lite0, which has learned from the photographs of ImageNet.

Its batch normalization, whose statistics stay those of ImageNet, is a part of its
convolutions. So images of a batch do not depend on each other, and a step takes half the
time that it takes with statistics of the batch.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks", 2019, without squeeze and excitation, and with ReLU6.
"""

from typing import Any

import keras
import numpy as np

from trainer.network import imagenet

# Blocks of the same form: how many, kernel, stride of the first, expansion, channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _HEAD = 32, 1280
_EPSILON = 1e-3
_DROPOUT = 0.2
_LEAST, _MOST = 96, 160  # Pixels of a side, as the network sees an image.


def photo(
    image_shape: tuple[int, int, int],
    num_classes: int,
    pixels: tuple[float, float] | None = None,
) -> keras.Model:
    """Builds the network with what it has learned, and a last layer that knows nothing.

    Args:
      image_shape: height, width and channels of an image, in pixels.
      num_classes: number of classes.
      pixels: not used; its own are those of ImageNet.

    Returns:
      A model of the same form as `architectures.cnn`, with 3.4 million parameters.

    Raises:
      TrainerError: the weights are not to be had.
    """
    inputs = keras.Input(image_shape, dtype="uint8", name="image")
    x = keras.layers.GlobalAveragePooling2D()(features(inputs, side(image_shape)))
    x = keras.layers.Dropout(_DROPOUT)(x)
    outputs = keras.layers.Dense(
        num_classes,
        activation="softmax",
        # So that it is the features' part to change what all classes have alike.
        kernel_initializer="zeros",
        name="probabilities",
    )(x)
    network = keras.Model(inputs, outputs, name="photo")
    give_weights(network, imagenet.weights())
    return network


def cost(image_shape: tuple[int, int, int]) -> float:
    """Returns in how many images one counts: what it takes, next to 128 x 128 as it is seen.

    A smaller one counts as one, too: to be seen more often makes it known by heart.
    """
    return max(1.0, (side(image_shape) / 128) ** 2)


def side(image_shape: tuple[int, int, int]) -> int:
    """Returns to how many pixels a side images are brought: twice, of 96 to 160."""
    twice = 2 * max(image_shape[:2])
    return min(max(-(-twice // 32) * 32, _LEAST), _MOST)


def features(images: Any, pixels: int) -> Any:
    """Returns the tensor of the last maps, float32 `(batch, h, w, 1280)`.

    Args:
      images: symbolic uint8 images `(batch, height, width, 1 or 3)`.
      pixels: of a side, to which they are resized.
    """
    layers = keras.layers
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(images)
    if images.shape[-1] == 1:
        x = layers.Concatenate()([x, x, x])
    x = keras.ops.image.resize(x, (pixels, pixels))
    x = _activated(layers.Conv2D(_STEM, 3, 2, padding="same", name="stem")(x))
    block = 0
    for repeats, kernel, stride, expansion, channels in _STAGES:
        for repeat in range(repeats):
            name, entered = f"block{block}", x
            if expansion > 1:
                wide = expansion * x.shape[-1]
                x = _activated(layers.Conv2D(wide, 1, name=f"{name}_expand")(x))
            depthwise = layers.DepthwiseConv2D(
                kernel,
                stride if repeat == 0 else 1,
                padding="same",
                name=f"{name}_depthwise",
            )
            x = _activated(depthwise(x))
            x = layers.Conv2D(channels, 1, name=f"{name}_project")(x)
            if repeat:
                x = layers.Add()([x, entered])
            block += 1
    return _activated(layers.Conv2D(_HEAD, 1, name="head")(x))


def give_weights(network: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Gives a network of `features` the weights of `imagenet.weights`."""
    for layer in network.layers:
        if layer.name.startswith(("stem", "head", "block")) and layer.weights:
            layer.set_weights(_of_layer(layer, weights))


def _of_layer(layer: keras.Layer, weights: dict[str, np.ndarray]) -> list[np.ndarray]:
    place, _, part = layer.name.partition("_")
    if part:
        block = f"_blocks.{place.removeprefix('block')}._"
        number = {"expand": 0, "depthwise": 1, "project": 2}[part]
        convolution, normalization = f"{block}{part}_conv", f"{block}bn{number}"
    else:
        convolution = f"_conv_{place}"
        normalization = {"stem": "_bn0", "head": "_bn1"}[place]
    kinds = ("weight", "bias", "running_mean", "running_var")
    scale, offset, mean, variance = (weights[f"{normalization}.{k}"] for k in kinds)
    scale = scale / np.sqrt(variance + _EPSILON)
    kernel = weights[f"{convolution}.weight"] * scale[:, None, None, None]
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return [kernel.transpose(order), offset - mean * scale]


def _activated(x: Any) -> Any:
    return keras.layers.ReLU(6)(x)
