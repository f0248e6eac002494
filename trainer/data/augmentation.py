"""Training images moved, turned and scaled a little at random, anew in each pass."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_MANY = 500  # Examples a class.
_CHANGES = 4  # Shift in two directions, turn, zoom.


class Strength(NamedTuple):
    """The largest change of an image, in either direction.

    Attributes:
      shift: of its sides.
      turn: of a circle.
      zoom: of its size.
    """

    shift: float
    turn: float
    zoom: float


def strength(examples: int, classes: int) -> Strength:
    """Returns how much to change images: less where there are many of each class.

    Args:
      examples: number of training examples.
      classes: number of classes.
    """
    if examples > _MANY * classes:
        return Strength(shift=0.05, turn=0, zoom=0)
    return Strength(shift=0.08, turn=0.03, zoom=0.1)


def warp(images: tf.Tensor, numbers: tf.Tensor, most: Strength) -> tf.Tensor:
    """Returns the images after a random affine map each, never a mirror image.

    What comes in from outside of an image is filled with the median of its border.

    Args:
      images: uint8 `(n, height, width, channels)`.
      numbers: float32 `(n, 4)` of 0 to 1, as `numbers` has them; the same give the same map.
      most: the largest change.

    Returns:
      uint8 of the same shape.
    """
    _, height, width, _ = images.shape
    across, down, turn, zoom = tf.unstack(2 * numbers - 1, axis=1)
    angle = 2 * math.pi * most.turn * turn
    scale = 1 / (1 + most.zoom * zoom)
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    # From where in the old image a pixel of the new one comes, around the middle.
    x, y = (width - 1) / 2, (height - 1) / 2
    nothing = tf.zeros_like(cos)
    maps = [
        [cos, -sin, x - cos * x + sin * y + most.shift * width * across],
        [sin, cos, y - sin * x - cos * y + most.shift * height * down],
        [nothing, nothing],
    ]
    images = tf.cast(images, tf.float32)
    paper = border_median(images)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        # The operation fills with the same value in all images: with 0, less the paper.
        images=images - paper,
        transforms=tf.stack([value for row in maps for value in row], axis=1),
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    return tf.cast(tf.round(moved + paper), tf.uint8)


def changed(
    batches: tf.data.Dataset, most: Strength
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images after a random map each, the same ones in each run, and labels.

    Args:
      batches: of images and labels.
      most: the largest change.
    """
    for n, (images, labels) in enumerate(batches):
        seed = tf.constant([n, 0], tf.int64)
        yield warp(images, numbers(seed, len(labels)), most).numpy(), labels.numpy()


def numbers(seed: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """Returns random numbers for so many images, float32 `(count, 4)`, from 0 to 1.

    Those of fewer images are the first of more.

    Args:
      seed: of them all, int64 `(2,)`.
      count: number of images.
    """
    return tf.random.stateless_uniform([count, _CHANGES], seed, alg="philox")


def border_median(images: tf.Tensor) -> tf.Tensor:
    """Returns the lower median of each image's border, `(n, 1, 1, channels)`."""
    border = tf.concat(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    values = tf.transpose(border, [0, 2, 1])
    upper = tf.math.top_k(values, border.shape[1] // 2 + 1, sorted=True).values
    return upper[..., -1][:, tf.newaxis, tf.newaxis, :]
