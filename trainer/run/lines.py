"""What a run prints while it trains: one line a record."""

import time

from trainer.run.callbacks import Record


class Progress:
    """Prints records as lines for people.

    Args:
      epochs: of the run.
      steps: in an epoch.
      windows: whether to print records of steps too, not only those of epochs.

    Example:
      `epoch 1/4  step 40/469  loss 0.8965  accuracy 0.7484  22,840 images/s  9 s left`
      `epoch 1/4  test_loss 0.0957  test_accuracy 0.9711`
    """

    def __init__(self, epochs: int, steps: int, windows: bool):
        self._epochs = epochs
        self._steps = steps
        self._windows = windows
        self._first: tuple[int, float] | None = None

    def __call__(self, record: Record) -> None:
        """Prints a record, as `callbacks` makes them."""
        left = self._left(record["step"])
        if "loss" in record and not self._windows:
            return
        parts = [f"epoch {record['epoch']}/{self._epochs}"]
        if "loss" in record:
            step = record["step"] - (record["epoch"] - 1) * self._steps
            parts += [
                f"step {step}/{self._steps}",
                f"loss {record['loss']:.4f}",
                f"accuracy {record['accuracy']:.4f}",
                f"{record['images_per_second']:,.0f} images/s",
            ]
        else:
            parts += [
                f"test_loss {record['test_loss']:.4f}",
                f"test_accuracy {record['test_accuracy']:.4f}",
            ]
        print("  ".join(parts + left), flush=True)

    def _left(self, step: int) -> list[str]:
        """Returns the time left, unless there is none or it is not known yet."""
        now = time.monotonic()
        # From the first record on: what comes before it is not like the rest.
        self._first = self._first or (step, now)
        done = step - self._first[0]
        remaining = self._epochs * self._steps - step
        if not done or not remaining:
            return []
        return [f"{_duration(remaining / done * (now - self._first[1]))} left"]


def _duration(seconds: float) -> str:
    """Returns a time in two digits or so: `9 s`, `4 min`, `1 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
