"""Batch normalization over groups of one size, whatever computes a batch.

Of the same images a network learns less by heart where it is normalized by 24 of them than
by 48. The groups follow from the size of a batch alone, so that a run has the same result
on any number of cores or devices.

Source: Hoffer, Hubara and Soudry, "Train longer, generalize better", 2017.
"""

from typing import Any

import keras
from keras import ops

_SIZE = 24  # images
_MOST = 64  # groups; they are larger where there would be more.


def groups(batch_size: int) -> int:
    """Returns the number of groups in a batch, at least 1."""
    return max(1, min(batch_size // _SIZE, _MOST))


def normalized(layer: keras.layers.BatchNormalization, x: Any, groups: int) -> Any:
    """Returns what a layer makes of a batch in training, each group by its own images.

    The moving statistics move once, to the means of the groups' own.

    Args:
      layer: normalizes the last axis.
      x: `(n, ..., channels)`, where `n` is a multiple of `groups`.
      groups: number of them, one after the other in `x`.

    Returns:
      float32 of the same shape.
    """
    x = ops.cast(x, "float32")
    parts = ops.reshape(x, (groups, -1, *x.shape[1:]))
    axes = list(range(1, len(x.shape)))
    mean, variance = ops.moments(parts, axes, keepdims=True)
    found = (ops.mean(ops.reshape(v, (groups, -1)), axis=0) for v in (mean, variance))
    _move(layer, *found)
    scale = layer.gamma * ops.rsqrt(variance + layer.epsilon)
    return ops.reshape(parts * scale + (layer.beta - mean * scale), ops.shape(x))


def repeatable(network: keras.Model) -> keras.Model:
    """Returns a model of a network's layers whose training ends with the same bits.

    Keras's batch normalization uses what it gets three times. TensorFlow adds up the
    gradients of these in the order in which their memory comes free (its operation AddN),
    which depends on what else is computed; of two the order is all the same.

    Args:
      network: whose layers are not in a row, such as one with branches.
    """
    return keras.models.clone_model(network, clone_function=_used_twice)


def _used_twice(layer: keras.Layer) -> keras.Layer:
    is_usual = (
        isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
        and layer.gamma is not None
        and layer.beta is not None
        and layer.axis in (-1, 3)
    )
    return _UsedTwice(layer) if is_usual else layer


class _UsedTwice(keras.Layer):
    def __init__(self, layer: keras.layers.BatchNormalization):
        super().__init__(name=layer.name)
        self._layer = layer

    def call(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        layer = self._layer
        if not training or mask is not None:
            return layer(x, training=training, mask=mask)
        axes = list(range(len(x.shape) - 1))
        mean = ops.mean(x, axes, keepdims=True)
        centered = x - mean
        variance = ops.mean(ops.square(centered), axes, keepdims=True)
        _move(layer, ops.reshape(mean, (-1,)), ops.reshape(variance, (-1,)))
        return (
            centered * (layer.gamma * ops.rsqrt(variance + layer.epsilon)) + layer.beta
        )


def _move(layer: keras.layers.BatchNormalization, mean: Any, variance: Any) -> None:
    """Moves the statistics of a layer towards those of a batch."""
    for moving, found in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        moving.assign(layer.momentum * moving + (1 - layer.momentum) * found)
