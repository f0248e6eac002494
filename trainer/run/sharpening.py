"""Probabilities that hold, of a network that has learned smoothed labels.

Such a network is less sure than it is right, and of what it was trained on far surer than
of anything new. How sure it may be is told by images that were held back, or, where there
are none, by such that it was trained on, changed twice as strongly as in training: the
factor of its logits that fits these best, in the latter case times what fitted new
images best, next to that, on held-back parts of several sets.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from trainer.data import augmentation, records
from trainer.data.pipeline import Data
from trainer.data.split import Split
from trainer.network import answers
from trainer.network.models import Model

_HELD_FROM = 1000  # Images; of fewer each is needed to learn from.
_LEAST_HELD, _MOST_HELD = 50, 500  # Fewer leave it to chance, more tell no more.
_BATCH = 50
_TRIED = 0.5 * 1.05 ** np.arange(43)  # Up to 3.9.
_MOST = 2.0  # Enough for 99.9% after labels smoothed by a tenth.


def held_back(train: Split, kind: Model) -> tuple[Split, Split | None]:
    """Returns what to train on, and what tells the factor, where a network needs some.

    None is held back of few images, nor where a class would have no others.
    """
    if not kind.held or train.examples < _HELD_FROM:
        return train, None
    count = int(kind.held * train.examples)
    count = min(max(count, _LEAST_HELD), _MOST_HELD)
    rest, held = train.parted(count)
    if not rest.class_counts[held.class_counts > 0].all():
        return train, None
    return rest, held


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
    some, times = _asked(data, kind)
    logits, truths = [], []
    for images, labels in some:
        x = answers.of(model, np.asarray(images))
        logits.append(x @ kernel + bias)
        truths.append(np.asarray(labels))
    z, y = np.concatenate(logits).astype(float), np.concatenate(truths)
    z -= z[np.arange(len(y)), y][:, None]  # Of its own class it is 0.
    most = z.max(axis=1, keepdims=True)
    losses = [
        (s * most[:, 0] + np.log(np.exp(s * (z - most)).sum(axis=1))).mean()
        for s in _TRIED
    ]
    return float(min(times * _TRIED[np.argmin(losses)], _MOST))


def _asked(data: Data, kind: Model) -> tuple[Iterable[Any], float]:
    """Returns batches that tell the factor, and by what to multiply that."""
    if data.held:
        return records.unoptimized(data.held.batches(_BATCH)), 1
    split = data.train
    strength = augmentation.strength(split.examples, len(split.label_names))
    twice = augmentation.Strength(*(2 * most for most in strength))
    some = split.batches(_BATCH, kind.asked)
    return augmentation.changed(some, twice), kind.new_images


def sharpen(network: keras.Model, times: float) -> None:
    """Multiplies a network's logits, and so leaves its answers as they were."""
    for weight in network.layers[-1].weights:
        weight.assign(weight * times)
