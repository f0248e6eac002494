"""What a run prints while it trains."""

import time

import keras


class WindowLog(keras.callbacks.Callback):
    """Prints loss and accuracy over the steps since the last line.

    Keras's own batch logs are means since the epoch began, which lag behind what
    the model does now. This callback resets the metrics after each line instead,
    and puts the epoch's means back into the logs of `on_epoch_end`; it must come
    first in the list, so that other callbacks see those.

    Args:
      examples: number of examples in an epoch.
      batch_size: examples a step; the last step of an epoch may have fewer.
      log_every: steps between lines; the epoch's last step always has one.

    Example:
      `epoch 1/4  step 20/469  loss 0.8312  accuracy 0.7422  31,204 images/s`
    """

    def __init__(self, examples: int, batch_size: int, log_every: int):
        super().__init__()
        self._examples = examples
        self._batch_size = batch_size
        self._log_every = log_every
        self._steps = -(-examples // batch_size)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._seen = 0
        self._sums = {}
        self._time = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        # Counts the step that ended; with several steps an execution, Keras gives
        # the last one's index even where the epoch ends before it.
        step = min(batch + 1, self._steps)
        if step % self._log_every and step != self._steps:
            return
        seen = min(step * self._batch_size, self._examples)
        now = time.perf_counter()
        count = seen - self._seen
        for name in ("loss", "accuracy"):
            self._sums[name] = self._sums.get(name, 0.0) + logs[name] * count
        print(
            f"epoch {self._epoch + 1}/{self.params['epochs']}"
            f"  step {step}/{self._steps}"
            f"  loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}"
            f"  {count / (now - self._time):,.0f} images/s",
            flush=True,
        )
        self._seen, self._time = seen, now
        if step < self._steps:
            self.model.reset_metrics()

    def on_epoch_end(self, epoch, logs=None):
        for name, total in self._sums.items():
            logs[name] = total / self._seen


class EvaluationLog(keras.callbacks.Callback):
    """Prints the evaluation that ends an epoch.

    Example:
      `epoch 1/4  test_loss 0.0612  test_accuracy 0.9803`
    """

    def on_epoch_end(self, epoch, logs=None):
        print(
            f"epoch {epoch + 1}/{self.params['epochs']}"
            f"  test_loss {logs['val_loss']:.4f}"
            f"  test_accuracy {logs['val_accuracy']:.4f}",
            flush=True,
        )
