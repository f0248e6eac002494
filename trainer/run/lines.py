"""What a run prints while it trains: one line a record."""

import contextlib
import io
import re
import shutil
import sys
import time
from collections.abc import Iterator
from typing import TextIO

import keras

from trainer.data.pipeline import Data
from trainer.machine.device import Device
from trainer.network import precision
from trainer.run.callbacks import Record
from trainer.run.hyperparameters import Hyperparameters

_BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
_FEW_STEPS = 100


def opening(
    how: Hyperparameters,
    data: Data,
    device: Device,
    network: str,
    weighed: str,
    why: str,
) -> str:
    """Returns what is trained how, on what, where and for how long.

    Args:
      how: to train.
      data: to train on.
      device: to compute on.
      network: its name, how many parameters it has, and where they are from.
      weighed: what is said of the classes' weights; may be empty.
      why: the run is as long as it is; may be empty.

    Returns:
      A line, and another one where steps are few.
    """
    train, told = data.train, ""
    if data.held:
        told = f", {data.held.examples:,} more to tell how sure it may be"
    parts = [
        device.description,
        _BACKENDS[keras.backend.backend()],
        f"{train.name}: {train.examples:,} training and {data.evaluation.examples:,} "
        f"evaluation images{told}, {'x'.join(map(str, train.image_shape))}, "
        f"{len(train.label_names)} classes, from {data.feed}"
        f"{data.why_feed and f' ({data.why_feed})'}",
        train.features.note,
        network,
        "" if how.precision == precision.FLOAT32 else f"trained in {how.precision}",
        "augmented" if data.augmentation else "",
        weighed,
        how.length(data) + (why and f", {why}"),
    ]
    few = ""
    if (total := how.steps(data)) < _FEW_STEPS:
        few = f"\n{total} steps in all are few to learn from: more --epochs make more."
    return "  ".join(filter(None, parts)) + few


# Beginnings of lines that no other line covers.
_STAYS = re.compile(
    r"odd: |\.\.\. |final |report |[Aa]ccuracy |[Bb]alanced accuracy |"
    r"\d+ steps in all are few "
)


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
        return [f"{duration(remaining / done * (now - self._first[1]))} left"]


class _OneLine(io.TextIOBase):
    """A stream whose lines take each other's place, but for what must be read.

    Args:
      stream: a terminal's, or a notebook's.
    """

    def __init__(self, stream: TextIO):
        super().__init__()
        self._stream = stream
        self._rest = ""
        self._shown = 0  # Letters that are to be covered.

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            stays = _STAYS.match(line) is not None
            cut = line if stays else line[: shutil.get_terminal_size().columns - 1]
            self._stream.write(f"\r{cut:{self._shown}}" + "\n" * stays)
            self._shown = 0 if stays else len(cut)
        self._stream.flush()
        return len(text)

    def end(self) -> None:
        """Leaves the last line as it is."""
        if self._shown:
            self._stream.write("\n")


@contextlib.contextmanager
def shown(verbose: bool) -> Iterator[None]:
    """Within it, what is printed is shown on one line, or not at all.

    Where output goes to a file, lines follow each other as ever.
    """
    if not verbose:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    elif sys.stdout.isatty() or "ipykernel" in sys.modules:
        line = _OneLine(sys.stdout)
        try:
            with contextlib.redirect_stdout(line):
                yield
        finally:
            line.end()
    else:
        yield


def duration(seconds: float) -> str:
    """Returns a time in two digits or so: `9 s`, `4 min`, `1 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
