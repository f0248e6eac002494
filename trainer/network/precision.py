"""The arithmetic in which a network is trained: bfloat16, where a CPU computes in it.

Its numbers have the range of float32, and eight bits of precision. Weights, statistics and
what comes after the last features stay float32, and so does all that is not training.

Source: Kalamkar et al., "A study of bfloat16 for deep learning training", 2019.
"""

import contextlib
from collections.abc import Iterator

import keras

from trainer.machine.device import Device
from trainer.network.models import Model

BFLOAT16, FLOAT32 = "bfloat16", "float32"


def of(model: Model, device: Device) -> str:
    """Returns in which of the two a network is trained on a device."""
    return BFLOAT16 if model.bfloat16 and device.bfloat16 else FLOAT32


@contextlib.contextmanager
def in_bfloat16(layer: keras.Layer) -> Iterator[None]:
    """Within it, a layer that is called computes in bfloat16, of its float32 weights."""
    policy = layer.dtype_policy
    layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    try:
        yield
    finally:
        layer.dtype_policy = policy
