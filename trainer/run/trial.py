"""How fast this machine trains: a short trial, for a run that is to end in time."""

import dataclasses
import time
from typing import Any, NamedTuple

import keras

from trainer import signals
from trainer.data.pipeline import Data
from trainer.machine import peers
from trainer.machine.device import Device
from trainer.network import parallel
from trainer.run import class_weights
from trainer.run.compiling import compiled
from trainer.run.hyperparameters import Hyperparameters
from trainer.run.loop import built

_STEPS = 2000  # Of an epoch of the trial, so that what an epoch takes is seldom in it.
_MOST = 1 << 20  # Images of an epoch, unless there are more in the split.
_EVALUATED = 3  # Batches that tell how long an evaluation takes.


class Speed(NamedTuple):
    """What a run takes, in seconds.

    Attributes:
      start: from nothing to the first step.
      step: of training.
      evaluation: of all evaluation examples.
    """

    start: float
    step: float
    evaluation: float


def passes(examples: int, batch_size: int) -> int:
    """Returns how many passes an epoch of the trial has, as of `pipeline.of`."""
    return max(1, min(_STEPS * batch_size, _MOST) // examples)


def measured(how: Hyperparameters, data: Data, device: Device, seconds: float) -> Speed:
    """Trains a network that is then forgotten; the first process's times are for all.

    Args:
      how: the run trains; how long has no part in it.
      data: the run is fed with, in an epoch of any length.
      device: to compute on.
      seconds: to train for, beside the start.

    Raises:
      TrainerError: as of `loop.run`.
      signals.Interrupted: SIGINT or SIGTERM.
    """
    begun = time.monotonic()
    parallel.distribute(device)
    network, _ = built(how, data)
    weights = class_weights.of(how.class_weight, data)
    model = compiled(
        network, dataclasses.replace(how, class_weight=weights.kind), data, device
    )
    watch = _Watch(seconds)
    with signals.held_back():
        model.fit(
            data.train_batches,
            epochs=1 << 20,
            shuffle=False,
            verbose=0,
            class_weight=weights.by_label,
            callbacks=[watch],
        )
        some = data.eval_shared.take(_EVALUATED)
        model.evaluate(some, verbose=0)  # Which makes ready for it.
        evaluated = time.monotonic()
        model.evaluate(some, verbose=0)
        evaluated = time.monotonic() - evaluated
    batches = -(-data.evaluation.examples // data.eval_batch_size)
    (first, first_end), *_, (last, last_end) = watch.ends
    step = (last_end - first_end) / (last - first)
    start = max(0, first_end - begun - first * step)
    evaluation = evaluated * max(1, batches / _EVALUATED)
    return Speed(*peers.first_says(lambda: [start, step, evaluation]))


class _Watch(keras.callbacks.Callback):
    """Ends a training after some seconds from the end of the first execution of steps.

    Attributes:
      ends: steps done, and the time, of each execution.
    """

    def __init__(self, seconds: float):
        super().__init__()
        self.ends: list[tuple[int, float]] = []
        self._seconds = seconds
        self._before = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        float(logs["loss"])  # JAX has not computed it before it is asked for.
        # The last of an epoch may have fewer steps than Keras says.
        step = self._before + min(batch + 1, self.params["steps"])
        self.ends.append((step, time.monotonic()))
        is_over = self.ends[-1][1] - self.ends[0][1] >= self._seconds
        is_over = is_over and len(self.ends) > 1
        if any(peers.all_say(is_over or signals.received())):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._before = self.ends[-1][0]
