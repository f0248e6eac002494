"""A network that computes the parts of a batch side by side."""

from typing import Any

import keras
from keras import ops

from trainer.machine import shares
from trainer.machine.device import Device
from trainer.network.smoothing import Smoothed

_MIN_PART = 16  # examples; the operations of a smaller part take little less time.


def distribute(device: Device) -> None:
    """Has Keras share the batches of what is built from now on among devices."""
    distribution = None
    if device.names:
        distribution = keras.distribution.DataParallel(
            devices=list(device.names), auto_shard_dataset=False
        )
    keras.distribution.set_distribution(distribution)


def parts(cores: int, batch_size: int) -> int:
    """Returns the number of parts that `divided` makes of a batch, at least 1."""
    return max(1, min(cores, batch_size // _MIN_PART))


def divided(network: keras.Model, cores: int, batch_size: int) -> keras.Model:
    """Returns a model that computes a batch in as many parts as there are cores.

    TensorFlow runs what does not depend on each other on several cores at once. With
    a part of the batch for each, they wait less for one another than when they share
    every operation of a network as small as these.

    Args:
      network: from images to class probabilities, its last layer a dense one.
      cores: to compute on.
      batch_size: of most batches; others are divided alike.

    Returns:
      Another model of the same form, with the network's own weights.
    """
    count = parts(cores, batch_size)
    if count > 1:
        return _Divided(network, count)
    return _Whole(network.input, network.output, name=network.name)


class _Whole(Smoothed, keras.Model):
    pass


class _Divided(Smoothed, keras.Model):
    def __init__(self, network: keras.Model, parts: int):
        super().__init__(name=network.name)
        head = network.layers[-1]
        self._body = keras.Model(network.inputs, head.input)
        self._head = head
        self._parts = parts

    def call(self, images: Any, training: bool | None = None) -> Any:
        count, *shape = ops.shape(images)
        # Filled up, since not every operation takes an empty part; with images of the
        # batch, so that batch normalization sees no others.
        rows = ops.arange(count + -count % self._parts) % count
        parts = ops.reshape(ops.take(images, rows, axis=0), (self._parts, -1, *shape))
        parts = [self._body(part, training=training) for part in ops.unstack(parts)]
        # Of the whole batch, so that Keras finds the logits behind its softmax.
        return self._head(ops.concatenate(parts)[:count])


def shared(
    network: keras.Model, devices: int, train: tuple[int, int], test: tuple[int, int]
) -> keras.Model:
    """Returns a model whose steps cut off what batches were filled up with.

    So that their results are those of one device, the means of batch normalization
    included.

    Args:
      network: built after `distribute`.
      devices: number of them.
      train: number of examples in a training batch, and in the last one, before they
        were filled up.
      test: the same of the evaluation's.

    Returns:
      Another model of the same form, with the network's own weights, for JAX.
    """
    return _Shared(network, devices, train, test)


def alone(network: keras.Model) -> keras.Model:
    """Returns a copy of a network on one device of this process.

    What is built from now on is on one, too.
    """
    keras.distribution.set_distribution(None)
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


class _Shared(Smoothed, keras.Model):
    def __init__(
        self,
        network: keras.Model,
        devices: int,
        train: tuple[int, int],
        test: tuple[int, int],
    ):
        super().__init__(network.input, network.output, name=network.name)
        self._devices = devices
        self._sizes = {"train": train, "test": test}

    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, self._cut(data, "train"))

    def test_step(self, state: Any, data: Any) -> Any:
        return super().test_step(state, self._cut(data, "test"))

    def _cut(self, columns: Any, split: str) -> Any:
        batch_size, size = self._sizes[split]
        if columns[0].shape[0] != shares.filled(size, batch_size, self._devices):
            return columns
        return tuple(c if c is None else c[:size] for c in columns)
