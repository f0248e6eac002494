"""A network as it is trained: in parts side by side, or on several devices."""

import itertools
from typing import Any

import keras
from keras import ops

from trainer.machine import shares
from trainer.machine.device import Device
from trainer.network import normalization, precision
from trainer.network.models import Model
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


def parts(model: Model, cores: int, batch_size: int) -> int:
    """Returns in how many parts to compute a batch of a network, at least 1."""
    if not model.is_divided:
        return 1
    return max(1, min(cores, batch_size // _MIN_PART))


def divided(network: keras.Model, parts: int, batch_size: int) -> keras.Model:
    """Returns a model to train, which computes a batch in parts side by side.

    TensorFlow runs what does not depend on each other on several cores at once. With
    a part of the batch for each, they wait less for one another than when they share
    every operation of a network as small as these. The results are those of the whole:
    from the first dropout on, or in the last layer, there is one part again, so that
    random numbers are the same, and `normalization` has groups of its own.

    Args:
      network: from images to class probabilities. One whose layers are not in a row is
        computed as a whole, batch normalization, too.
      parts: of every batch, as `parts` says; 1 for none.
      batch_size: of most batches.

    Returns:
      Another model of the same form, with the network's own weights.
    """
    return _Trained(network, parts, batch_size)


class _Trained(Smoothed, keras.Model):
    bfloat16 = False  # Whether features are computed in it in training.

    def __init__(self, network: keras.Model, parts: int, batch_size: int):
        super().__init__(name=network.name)
        self.built = True  # Or JAX's `fit` would read a batch to build it with.
        row = _in_a_row(network.layers)
        self._whole = None if row else normalization.repeatable(network)
        if self._whole:
            return
        layers = network.layers[1:]  # Without that of the inputs.
        head = next(
            n
            for n, layer in enumerate(layers)
            if isinstance(layer, keras.layers.Dropout) or layer is layers[-1]
        )
        self._body, self._head = layers[:head], layers[head:]
        self._parts = parts
        self._groups = 1
        if any(map(_normalizes, layers)):
            self._groups = normalization.groups(batch_size)

    def call(self, images: Any, training: bool | None = None) -> Any:
        if self._whole:
            return self._whole(images, training=training)
        count, *shape = ops.shape(images)
        parts = self._parts
        even = parts * self._groups if training else parts
        if even > 1:
            # Filled up with images of the batch, so that none has a part in the
            # statistics that is not of it, and no part is empty.
            rows = ops.arange(count + -count % even) % count
            images = ops.take(images, rows, axis=0)
        if parts > 1:
            images = ops.unstack(ops.reshape(images, (parts, -1, *shape)))
            x = ops.concatenate([self._features(part, training) for part in images])
        else:
            x = self._features(images, training)
        if even > 1:
            x = x[:count]
        for layer in self._head:
            x = layer(x)
        return x

    def _features(self, x: Any, training: bool | None) -> Any:
        for layer in self._body:
            if training and _normalizes(layer):
                x = normalization.normalized(layer, x, self._groups)
            elif training and self.bfloat16:
                with precision.in_bfloat16(layer):
                    x = layer(x)
            else:
                x = layer(x)
        return x


def _in_a_row(layers: list[keras.layers.Layer]) -> bool:
    return all(b.input is a.output for a, b in itertools.pairwise(layers))


def _normalizes(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def shared(
    network: keras.Model, devices: int, train: tuple[int, int], test: tuple[int, int]
) -> keras.Model:
    """Returns a model whose steps cut off what batches were filled up with.

    So that their results are those of one device, batch normalization included.

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


class _Shared(_Trained):
    def __init__(
        self,
        network: keras.Model,
        devices: int,
        train: tuple[int, int],
        test: tuple[int, int],
    ):
        super().__init__(network, 1, train[0])
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
