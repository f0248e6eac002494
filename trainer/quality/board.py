"""A run's log for TensorBoard: the curves, and at the end what it got wrong."""

import io
import os
import pathlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from trainer.quality.measures import Evaluation, Mistake

_COLUMNS = 8  # Mistakes side by side.
_LABELLED = 30  # Classes that a confusion matrix has room to name.


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

    def images(self, evaluation: Evaluation, step: int) -> None:
        """Writes the confusion matrix and the most confident mistakes, if any."""
        pictures = {}
        if evaluation.confusion is not None:
            names = evaluation.label_names
            pictures["confusion"] = _confusion(evaluation.confusion, names)
        if evaluation.mistakes:
            pictures["mistakes"] = _mistakes(evaluation)
        with self._writers["test"].as_default():
            for tag, figure in pictures.items():
                tf.summary.image(tag, _pixels(figure)[None], step=step)

    def close(self) -> None:
        """Writes what is still in memory, and closes the files."""
        for writer in self._writers.values():
            writer.close()


def _confusion(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure((7, 6), layout="constrained")
    axes = figure.add_subplot()
    # Steeper near 0, where a share of 1 in 200 would look like none.
    picture = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.3, vmin=0, vmax=1))
    figure.colorbar(picture, label="share of the true class")
    axes.set(xlabel="predicted", ylabel="true")
    if len(names) <= _LABELLED:
        short = [_plain(name) for name in names]
        axes.set_xticks(range(len(names)), short, rotation="vertical")
        axes.set_yticks(range(len(names)), short)
    return figure


def _mistakes(evaluation: Evaluation) -> Figure:
    names, mistakes = evaluation.label_names, evaluation.mistakes
    rows = -(-len(mistakes) // _COLUMNS)
    figure = Figure((1.3 * _COLUMNS, 1.6 * rows), layout="constrained")
    for place, mistake in enumerate(mistakes, 1):
        axes = figure.add_subplot(rows, _COLUMNS, place)
        axes.imshow(_shown(mistake), cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        true, predicted = _plain(names[mistake.label]), _plain(names[mistake.predicted])
        axes.set_title(f"{true} as {predicted}\n{mistake.probability:.1%}", fontsize=8)
    return figure


def _shown(mistake: Mistake) -> np.ndarray:
    channels = mistake.image.shape[-1]
    return mistake.image[..., 0] if channels < 3 else mistake.image


def _plain(name: str) -> str:
    """Shortens a name, and keeps Matplotlib from reading it as a formula."""
    name = name if len(name) <= 12 else f"{name[:11]}…"
    return name.replace("$", r"\$")


def _pixels(figure: Figure) -> np.ndarray:
    """Returns a figure as uint8 `(height, width, 4)`."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font has not got is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(stream, format="rgba", dpi=100)
    width, height = (int(size) for size in figure.get_size_inches() * 100)
    return np.frombuffer(stream.getvalue(), np.uint8).reshape(height, width, 4)
