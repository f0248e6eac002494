"""Probabilities that hold, of a network that has learned smoothed labels.

Such a network is less sure than it is right, and of what it was trained on far surer than
of anything new. How sure it may be is told by images that it was trained on, changed
twice as strongly as in training: the factor of its logits that fits these best, times
what fitted new images best, next to that, on held-back parts of several sets.
"""

import keras
import numpy as np

from trainer.data import augmentation
from trainer.data.pipeline import Data
from trainer.network.models import Model

_BATCH = 50
_TRIED = 0.5 * 1.05 ** np.arange(43)  # Up to 3.9.
_MOST = 2.0  # Enough for 99.9% after labels smoothed by a tenth.


def factor(network: keras.Model, data: Data, kind: Model) -> float:
    """Returns by what to multiply a network's logits.

    Args:
      network: trained, on one device; ends in a dense layer with a softmax.
      data: what it was trained on.
      kind: of network; see its `new_images` and `asked`.
    """
    last = network.layers[-1]
    model = keras.Model(network.inputs[0], last.input)
    kernel, bias = map(keras.ops.convert_to_numpy, last.weights)
    split = data.train
    strength = augmentation.strength(split.examples, len(split.label_names))
    twice = augmentation.Strength(*(2 * most for most in strength))
    logits, truths = [], []
    some = split.batches(_BATCH, kind.asked)
    for images, labels in augmentation.changed(some, twice):
        x = keras.ops.convert_to_numpy(model(images, training=False))
        logits.append(x @ kernel + bias)
        truths.append(labels)
    z, y = np.concatenate(logits).astype(float), np.concatenate(truths)
    z -= z[np.arange(len(y)), y][:, None]  # Of its own class it is 0.
    most = z.max(axis=1, keepdims=True)
    losses = [
        (s * most[:, 0] + np.log(np.exp(s * (z - most)).sum(axis=1))).mean()
        for s in _TRIED
    ]
    return float(min(kind.new_images * _TRIED[np.argmin(losses)], _MOST))


def sharpen(network: keras.Model, times: float) -> None:
    """Multiplies a network's logits, and so leaves its answers as they were."""
    for weight in network.layers[-1].weights:
        weight.assign(weight * times)
