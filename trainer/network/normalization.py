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
    """
    parts = ops.reshape(x, (groups, -1, *x.shape[1:]))
    axes = list(range(1, len(x.shape)))
    mean, variance = ops.moments(parts, axes, keepdims=True)
    for moving, found in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        found = ops.mean(ops.reshape(found, (groups, -1)), axis=0)
        moving.assign(layer.momentum * moving + (1 - layer.momentum) * found)
    scale = layer.gamma * ops.rsqrt(variance + layer.epsilon)
    return ops.reshape(parts * scale + (layer.beta - mean * scale), ops.shape(x))
