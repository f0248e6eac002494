"""A network as one graph of layers, whatever models it was put together of."""

import inspect
from typing import Any, NamedTuple

import keras

from trainer.errors import TrainerError


class Step(NamedTuple):
    """An operation of a graph, a layer mostly, and its symbolic tensors."""

    operation: keras.Operation
    input: Any
    output: Any

    @property
    def is_learned(self) -> bool:
        """Whether it has weights, other than to bring pixels to one scale."""
        known = keras.layers.Normalization, keras.layers.BatchNormalization
        weights = getattr(self.operation, "weights", ())
        return bool(weights) and not isinstance(self.operation, known)


class Graph(NamedTuple):
    """A copy of a network, in which models within it are their layers.

    Attributes:
      inputs: the symbolic images.
      steps: in an order in which they can be computed.
      last: the last step with weights, if there is one; those after it have none.
      tail: these, in order.
    """

    inputs: Any
    steps: tuple[Step, ...]
    last: Step | None
    tail: tuple[Step, ...]

    @property
    def outputs(self) -> Any:
        """The symbolic probabilities."""
        return self.steps[-1].output


def unfolded(network: keras.Model, images: Any = None) -> Graph:
    """Copies a network with its weights.

    Args:
      network: of one input and one output, made of Keras's own layers.
      images: symbolic ones to put it on; None for an input like its own.

    Raises:
      TrainerError: a model within it has several inputs or outputs.
      ValueError: the images are unfit for a layer; of Keras.
    """
    first = network.inputs[0]
    if images is None:
        images = keras.Input(batch_shape=first.shape, dtype=first.dtype, name="image")
    copies: dict[int, tuple[Any, Any]] = {}
    names: set[str] = set()
    steps: list[Step] = []

    def copy(operation: Any) -> Any:
        if isinstance(operation, keras.Model):
            return operation  # `call` looks into it.
        if id(operation) not in copies:
            config = operation.get_config()
            name, n = operation.name, 1
            while name in names:
                name, n = f"{operation.name}_{n}", n + 1
            names.add(name)
            copies[id(operation)] = (
                operation,
                type(operation).from_config(config | {"name": name}),
            )
        return copies[id(operation)][1]

    def put(model: keras.Model, x: Any, training: bool | None) -> Any:
        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if training is not None and _takes_training(operation):
                kwargs.setdefault("training", training)
            if isinstance(operation, keras.Model):
                return put(operation, args[0], kwargs.get("training"))
            output = operation(*args, **kwargs)
            steps.append(Step(operation, args[0] if args else None, output))
            return output

        counts = len(model.inputs), len(model.outputs)
        if counts != (1, 1):
            raise TrainerError(
                f"{model.name}: expected one input and one output of a model within a "
                f"network, found {counts[0]} and {counts[1]}"
            )
        # A Sequential, too, which is not cloned by its calls.
        functional = keras.Model(model.inputs[0], model.outputs[0])
        keras.models.clone_model(functional, x, copy, call)
        return steps[-1].output

    put(network, images, None)
    for operation, own in copies.values():
        if getattr(operation, "weights", ()):
            own.set_weights(operation.get_weights())
        if isinstance(own, keras.layers.Normalization):
            own.finalize_state()  # Which makes its constants of its weights.
    place = max((n for n, step in enumerate(steps) if step.is_learned), default=-1)
    last = steps[place] if place >= 0 else None
    return Graph(images, tuple(steps), last, tuple(steps[place + 1 :]))


def _takes_training(operation: Any) -> bool:
    return "training" in inspect.signature(operation.call).parameters
