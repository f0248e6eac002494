"""A network made ready for `fit`: its loss, its optimizer, and how it computes."""

from typing import Any

import keras
from keras import ops

from trainer.data.pipeline import Data
from trainer.machine import shares
from trainer.machine.device import Device
from trainer.network import models, parallel, precision
from trainer.network.optimizer import adamw
from trainer.run import callbacks
from trainer.run.hyperparameters import Hyperparameters

# Steps in an execution, which ends with a wait for its logs, and before which no signal
# and no checkpoint is heard: about so many, so that a record ends with one.
_STEPS = 20
# Keras after this one makes a loop of an execution's steps on JAX, in which convolutions on a
# CPU take five times as long (jax-ml/jax #12868).
_LAST_WITHOUT_LOOP = (3, 15)


def compiled(
    network: keras.Model, how: Hyperparameters, data: Data, device: Device
) -> keras.Model:
    """Returns a model of the network's weights for `fit`, with its optimizer.

    The network itself is compiled so that it can be saved, and evaluated anywhere.
    """
    kind = models.of(how.model)
    # JAX computes nothing at speed without XLA. On a CPU TensorFlow is slower with it;
    # on a GPU it was not measured, and would compile anew for each shape.
    jit_compile = keras.backend.backend() == "jax"

    def judged() -> dict[str, Any]:
        return {
            "loss": "sparse_categorical_crossentropy",
            # Since "accuracy" would be another one where there is one class.
            "metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        }

    # Alike on every machine, and with an optimizer that has no state.
    network.compile("sgd", **judged(), jit_compile=jit_compile)
    if device.devices > 1:
        model = parallel.shared(
            network,
            device.devices,
            (data.batch_size, shares.last_size(data.epoch_examples, data.batch_size)),
            (
                data.eval_batch_size,
                shares.last_size(data.evaluation.examples, data.eval_batch_size),
            ),
        )
    else:
        parts = parallel.parts(kind, device.cores, how.batch_size)
        model = parallel.divided(network, parts, how.batch_size)
    total, measured = how.steps(data), judged()
    model.smoothing = kind.label_smoothing
    model.bfloat16 = how.precision == precision.BFLOAT16
    if model.smoothing or how.class_weight != "none":
        # For the log, whose loss is then that of examples as they are, as in evaluation.
        measured["metrics"].append(
            keras.metrics.SparseCategoricalCrossentropy(name=callbacks.CROSSENTROPY)
        )
    model.compile(
        optimizer=adamw(how.learning_rate, kind.decay(total), total, kind.muon),
        **measured,
        steps_per_execution=(
            1 if is_slow_loop(device) else min(execution(how.log_every), data.steps)
        ),
        jit_compile=jit_compile,
    )
    # Variables that the first step would make would have it traced a second time.
    model.optimizer.build(model.trainable_variables)
    labels, outputs = ops.zeros(1), ops.zeros((1, network.output_shape[-1]))
    model.compute_metrics(None, labels, outputs)
    if keras.backend.backend() == "jax":
        # Its `fit` would read a batch to build the loss with.
        model.compute_loss(None, labels, outputs)
    model.reset_metrics()
    return model


def execution(log_every: int) -> int:
    """Returns the steps in an execution, a divisor of those between records if there is.

    Args:
      log_every: as `Hyperparameters` has it.
    """
    if log_every < _STEPS:
        return log_every or _STEPS
    near = sorted(range(_STEPS // 2, 2 * _STEPS), key=lambda n: abs(n - _STEPS))
    return next((n for n in near if log_every % n == 0), _STEPS)


def is_slow_loop(device: Device) -> bool:
    """Whether Keras would make a loop of an execution's steps that slows them down."""
    version = tuple(map(int, keras.__version__.split(".")[:2]))
    is_jax = keras.backend.backend() == "jax"
    return is_jax and device.kind == "CPU" and version > _LAST_WITHOUT_LOOP
