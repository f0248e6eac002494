"""Where in an image a network looks for its answer.

Source: Zhou et al., "Learning Deep Features for Discriminative Localization", 2016, whose
class activation maps these are where a network ends in a mean over maps.
"""

from typing import Any

import keras
import numpy as np

from trainer.network import answers, graph
from trainer.network.graph import Graph

LEAST = 20  # Pixels of a side; in a smaller image one sees it without help.
_PARTS = 8  # Of each side of the maps, at most.
_BATCH = 16  # Images; their maps may be larger than they are.


def looked(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns what an answer loses without each part of the network's last maps.

    What is lost is of what goes into softmax, less the mean over the classes, which
    softmax does not see. Unlike gradients, this holds for layers of any kind behind the
    maps, and needs no more of a backend than the network does.

    Args:
      network: from images to class probabilities.
      images: uint8 `(n, height, width, channels)`.
      labels: of the answers, int `(n,)`.

    Returns:
      float32 `(n, rows, columns)` from 0, for nothing or a gain, to 1 for the part of an
      image without which its answer would have lost most.
    """
    whole = graph.unfolded(network)
    head, tail = _divided(whole, _scores(whole))
    found = []
    for start in range(0, len(images), _BATCH):
        part = slice(start, start + _BATCH)
        maps = answers.of(head, images[part])
        found.append(_lost(tail, maps, labels[part]))
    lost = np.maximum(np.concatenate(found), 0)
    most = lost.max(axis=(1, 2), keepdims=True)
    return lost / np.where(most > 0, most, 1)


def _lost(tail: keras.Model, maps: np.ndarray, labels: np.ndarray) -> np.ndarray:
    def margins(maps: np.ndarray) -> np.ndarray:
        scores = answers.of(tail, maps)
        return scores[np.arange(len(labels)), labels] - scores.mean(axis=1)

    rows, columns = (
        np.array_split(np.arange(side), min(side, _PARTS)) for side in maps.shape[1:3]
    )
    lost = np.empty((len(maps), len(rows), len(columns)), np.float32)
    whole = margins(maps)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            without = maps.copy()
            without[:, row[:, None], column] = 0
            lost[:, i, j] = whole - margins(without)
    return lost


def _scores(whole: Graph) -> Any:
    """Returns what goes into softmax, of a graph of its own."""
    step = whole.steps[-1]
    if isinstance(step.operation, keras.layers.Softmax):
        return step.input
    if getattr(step.operation, "activation", None) is keras.activations.softmax:
        step.operation.activation = keras.activations.linear
    return step.output


def _divided(whole: Graph, scores: Any) -> tuple[keras.Model, keras.Model]:
    """Returns a network up to its last maps, and from there to the scores."""
    maps = [whole.inputs, *(step.output for step in whole.steps)]
    for last in reversed(maps):
        if len(last.shape) == 4 and last.shape[1:3] != (1, 1):
            try:
                tail = keras.Model(last, scores)
            except ValueError:
                continue  # What other maps say goes past these.
            return keras.Model(whole.inputs, last), tail
    raise AssertionError("The images themselves are maps.")
