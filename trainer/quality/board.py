"""A run's curves, as TensorBoard draws them."""

import os
import pathlib
from collections.abc import Mapping

import tensorflow as tf


class Writer:
    """Writes `train/` and `test/` below a folder, for `tensorboard --logdir`.

    `loss` and `accuracy` are in both, so that TensorBoard draws the two curves of each
    into one chart. Event files from before are deleted: a run that goes on records
    again what it had recorded, and leaves no step twice.

    Args:
      folder: where to write, such as DIR/tensorboard; made where missing.

    Raises:
      OSError: the folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self._writers = {}
        for name in ("train", "test"):
            path = pathlib.Path(folder) / name
            path.mkdir(parents=True, exist_ok=True)
            for events in path.glob("events.out.tfevents.*"):
                events.unlink()
            # Whoever watches the run sees new points at most five seconds late.
            writer = tf.summary.create_file_writer(os.fsencode(path), flush_millis=5000)
            self._writers[name] = writer

    def record(self, metrics: Mapping[str, float | None]) -> None:
        """Writes a line of metrics.jsonl: all but `step` and `epoch`, at `step`."""
        for name, value in metrics.items():
            if name in ("step", "epoch") or value is None:
                continue
            split = "test" if name.startswith("test_") else "train"
            with self._writers[split].as_default():
                tag = name.removeprefix("test_")
                tf.summary.scalar(tag, value, step=metrics["step"])

    def close(self) -> None:
        """Writes what is still in memory, and closes the files."""
        for writer in self._writers.values():
            writer.close()
