"""A network that begins with what another one has learned."""

import os
from collections.abc import Sequence

import keras

from trainer.errors import TrainerError


def begin(
    network: keras.Model,
    label_names: Sequence[str],
    start: keras.Model,
    start_names: Sequence[str],
    path: str | os.PathLike[str],
) -> bool:
    """Gives a network the weights of another one, of the same architecture.

    Args:
      network: gets the weights. Its last layer keeps its own where the classes differ;
        the normalization of pixels is always its own.
      label_names: names of its classes, in the order of their labels.
      start: has the weights.
      start_names: names of its classes.
      path: of `start`, for errors.

    Returns:
      Whether the last layer is new.

    Raises:
      TrainerError: the networks differ.
    """
    shapes = [model.input_shape[1:] for model in (network, start)]
    if start.name != network.name or shapes[0] != shapes[1]:
        own, other = (
            f"{model.name} for images of {'x'.join(map(str, shape))}"
            for model, shape in zip((network, start), shapes, strict=True)
        )
        raise TrainerError(
            f"--from_model={path}: expected a network {own}, found {other}. Take --model="
            "of its name, and images of its size, or begin without it."
        )
    own_layers, layers = ([x for x in m.layers if x.weights] for m in (network, start))
    if len(own_layers) != len(layers):
        raise TrainerError(
            f"--from_model={path}: expected {len(own_layers)} layers with weights, as "
            f"{network.name} has them, found {len(layers)}. Is it of another version of "
            "the trainer?"
        )
    kept = tuple(label_names) == tuple(start_names)
    stop = None if kept else -1
    for own_layer, layer in zip(own_layers[:stop], layers[:stop], strict=True):
        _copy(own_layer, layer, path)
    return not kept


def _copy(to: keras.layers.Layer, layer: keras.layers.Layer, path: object) -> None:
    expected, found = ([tuple(w.shape) for w in side.weights] for side in (to, layer))
    if expected != found:
        raise TrainerError(
            f"--from_model={path}: {layer.name}: expected weights of shapes {expected}, "
            f"found {found}. Is it of another version of the trainer?"
        )
    for variable, value in zip(to.weights, layer.weights, strict=True):
        variable.assign(value.numpy())
