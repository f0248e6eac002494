"""What happens between the steps of a run: records, checkpoints, and ends."""

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from trainer import signals
from trainer.errors import NotFiniteError
from trainer.machine import peers

Record = dict[str, Any]
# Metric of labels as they are and classes as frequent as they are, where the loss is not.
CROSSENTROPY = "crossentropy"


class WindowLog(keras.callbacks.Callback):
    """Records loss and accuracy over the steps since the last record.

    Keras's own batch logs are means since the epoch began, which lag behind what
    the model does now. This callback resets the metrics after each record instead;
    later callbacks, and Keras's history, see the means since the last record too.

    Args:
      write: is given each record, such as `{"step": 489, "epoch": 2, "loss": 0.0876,
        "accuracy": 0.9734, "learning_rate": 0.0091, "images_per_second": 21174.0}`.
        Steps are counted over the whole run, epochs from 1.
      examples: number of examples in an epoch.
      batch_size: examples a step; the last step of an epoch may have fewer.
      steps: in an epoch; where `fit` is given fewer, the first are behind it.
      every: steps between records, which come with the first execution to end there or
        later; the epoch's last step always has one.

    Raises:
      NotFiniteError: the loss is infinite or not a number.
    """

    def __init__(
        self,
        write: Callable[[Record], None],
        examples: int,
        batch_size: int,
        steps: int,
        every: int,
    ):
        super().__init__()
        self._write = write
        self._examples = examples
        self._batch_size = batch_size
        self._steps = steps
        self._every = every

    def on_epoch_begin(self, epoch, logs=None):
        self._skipped = self._steps - self.params["steps"]
        self._epoch = epoch
        self._step = self._recorded = self._skipped
        self._time = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        # Counts the step that ended; with several steps an execution, Keras gives
        # the last one's index even where the epoch ends before it.
        self._step = min(self._skipped + batch + 1, self._steps)
        self._logs = logs
        for name in {"loss", CROSSENTROPY} & logs.keys():
            _check_finite(logs[name], self._position())
        if self._step == self._steps or (
            self._step // self._every > self._recorded // self._every
        ):
            self.record()

    def record(self) -> None:
        """Records the steps since the last record, if there are any."""
        if self._step == self._recorded:
            return
        _sync(self.model)
        now = time.perf_counter()
        images = min(self._step * self._batch_size, self._examples)
        images -= self._recorded * self._batch_size
        self._write(
            {
                **self._position(),
                "loss": float(self._logs.get(CROSSENTROPY, self._logs["loss"])),
                "accuracy": float(self._logs["accuracy"]),
                "learning_rate": float(self.model.optimizer.learning_rate),
                "images_per_second": round(images / (now - self._time), 1),
            }
        )
        self._recorded, self._time = self._step, time.perf_counter()
        if self._step < self._steps:
            self.model.reset_metrics()

    def _position(self) -> Record:
        step = self._epoch * self._steps + self._step
        return {"step": step, "epoch": self._epoch + 1}


class EvaluationLog(keras.callbacks.Callback):
    """Records the evaluation that ends an epoch.

    Args:
      write: is given each record, such as `{"step": 469, "epoch": 1, "test_loss":
        0.0612, "test_accuracy": 0.9803}`.

    Raises:
      NotFiniteError: the loss is infinite or not a number.
    """

    def __init__(self, write: Callable[[Record], None]):
        super().__init__()
        self._write = write

    def on_epoch_end(self, epoch, logs=None):
        position = {"step": int(self.model.optimizer.iterations), "epoch": epoch + 1}
        _check_finite(logs["val_loss"], position)
        self._write(
            {
                **position,
                "test_loss": float(logs["val_loss"]),
                "test_accuracy": float(logs["val_accuracy"]),
            }
        )


class Checkpoint(keras.callbacks.Callback):
    """Saves after each epoch, every few minutes, and before a signal ends the run.

    It must come after the callbacks that record, so that no record is missing from
    what was saved.

    Args:
      save: saves a model; None where nothing is kept, or another process does it.
      record: ends a record early, because the metrics begin anew where a run goes on.
      seconds: between saves within an epoch.

    Raises:
      signals.Interrupted: a signal asked for it.
    """

    def __init__(
        self,
        save: Callable[[keras.Model], None] | None,
        record: Callable[[], None],
        seconds: float = 300,
    ):
        super().__init__()
        self._save = save
        self._record = record
        self._seconds = seconds

    def on_train_begin(self, logs=None):
        self._time = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        # The epoch's last step is followed by its evaluation, and saved with it.
        if batch + 1 >= self.params["steps"]:
            return
        is_due = time.perf_counter() - self._time > self._seconds
        is_stopped, is_due = _any(signals.received(), is_due)
        if is_stopped or is_due:
            self._record()
            self._checkpoint(is_stopped)

    def on_epoch_end(self, epoch, logs=None):
        (is_stopped,) = _any(signals.received())
        self._checkpoint(is_stopped)

    def _checkpoint(self, is_stopped):
        if self._save:
            self._save(self.model)
        self._time = time.perf_counter()
        if is_stopped:
            (is_kept,) = _any(self._save is not None)
            raise signals.Interrupted(
                f"stopped after step {int(self.model.optimizer.iterations):,}. "
                + (
                    "The same command goes on from there."
                    if is_kept
                    else "Nothing is kept without --workdir."
                )
            )


class StopAtAccuracy(keras.callbacks.Callback):
    """Ends the run after the first epoch whose evaluation reaches an accuracy.

    Args:
      accuracy: on the evaluation split, 0 to 1; None for no end before the last.
    """

    def __init__(self, accuracy: float | None):
        super().__init__()
        self._accuracy = accuracy

    def on_epoch_end(self, epoch, logs=None):
        if reaches(logs["val_accuracy"], self._accuracy):
            self.model.stop_training = True


def _sync(model: keras.Model) -> None:
    """Gives a model's variables their values of now, which JAX's `fit` has elsewhere."""
    if keras.backend.backend() == "jax":
        model.jax_state_sync()


def _any(*said: bool) -> list[bool]:
    """Whether each holds in any process; all of them ask at the same steps."""
    return [any(one) for one in zip(*peers.all_say(said), strict=True)]


def reaches(accuracy: float, target: float | None) -> bool:
    """Whether an accuracy is at least the target, if there is one."""
    # In float32, as Keras has it: 0.9915 would else be less than 0.9915.
    return target is not None and bool(np.float32(accuracy) >= np.float32(target))


def _check_finite(loss: float, position: Record) -> None:
    if not math.isfinite(loss):
        raise NotFiniteError(
            f"loss: expected a finite number, found {loss} at step "
            f"{position['step']:,} (epoch {position['epoch']}). A smaller "
            "--learning_rate may help."
        )
