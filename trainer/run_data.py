"""The data set that a model is asked about, that of its run or another, by its classes."""

import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from trainer import settings

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow_datasets as tfds

    from trainer.data.pipeline import Split


def prepare(
    recorded: dict[str, Any],
) -> tuple["tfds.core.DatasetBuilder", dict[str, Any]]:
    """Builds the data set that the flags of `cli.define_data` say, unless it is there.

    Where they say none, it is that of the model's run, or MNIST.

    Args:
      recorded: settings of the run; empty where they are not known.

    Returns:
      The builder, and what of the settings holds for it: all, or nothing.

    Raises:
      TrainerError: as `source.prepare`.
      idx.IdxError: as `source.prepare`.
    """
    from trainer.data import source

    f = flags.FLAGS
    # What is said of the run's data set does not hold for another.
    run = {} if f.dataset or f.idx_dir else recorded
    dataset = f.dataset or _dataset_of(run) or source.MNIST
    data_dir = f.data_dir or _data_dir_of(run)
    return source.prepare(data_dir, f.manual_dir, f.idx_dir, dataset), run


def fitted(
    path: pathlib.Path,
    network: "keras.Model",
    model_names: Sequence[str],
    split: "Split",
) -> tuple[Sequence[str], "np.ndarray"]:
    """Checks that a model can be asked what a split holds.

    Args:
      path: of the model, for errors.
      network: the model.
      model_names: names of its classes, or their labels as text.
      split: the split.

    Returns:
      Names for the model's classes, and the model's label for each of the split's,
      int64 `(classes of the split,)`.

    Raises:
      TrainerError: the images are of another shape, or there is a class that the
        model does not know.
    """
    from trainer.errors import TrainerError
    from trainer.network import saved

    taken, given = network.inputs[0].shape[1:], split.image_shape
    if any(t not in (None, g) for t, g in zip(taken, given, strict=True)):
        raise TrainerError(
            f"{path}: images: expected {by(given)}, as in {split.name}, found a model "
            f"of {by(taken)}. Is it trained on other data?"
        )
    return saved.matched(path, model_names, split.label_names, split.name)


def relabelled(
    batches: Iterable[tuple["np.ndarray", "np.ndarray"]], labels: "np.ndarray"
) -> Iterator[tuple["np.ndarray", "np.ndarray"]]:
    """Passes batches through, with the labels that `fitted` returns for theirs."""
    for images, given in batches:
        yield images, labels.take(given)


def watched(
    batches: Iterable[tuple["np.ndarray", "np.ndarray"]], examples: int, name: str
) -> Iterator[tuple["np.ndarray", "np.ndarray"]]:
    """Passes batches through, with a line every two seconds, up to a signal.

    Args:
      batches: images and labels.
      examples: in all of them.
      name: of what is done, such as "evaluating".

    Raises:
      signals.Interrupted: there was a signal.
    """
    from mnist_idx_tfds import program
    from trainer import signals

    for batch in program.progress(
        batches, examples, name, "images", size=lambda batch: len(batch[1])
    ):
        if signals.received():
            raise signals.Interrupted
        yield batch


def by(shape: Iterable[int | None]) -> str:
    """Returns a shape as people write it."""
    return "x".join("any" if size is None else str(size) for size in shape)


def _dataset_of(run: dict[str, Any]) -> str | None:
    """Returns the data set of the run that a model is from, as `source.prepare` has it."""
    name, _, version = str(run.get(settings.DATASET, "")).rpartition("/")
    return name and f"{name}:{version}"


def _data_dir_of(run: dict[str, Any]) -> str | None:
    """Returns the folder of that data set, if it is still there."""
    from etils import epath

    folder = str(run.get(settings.DATA_DIR) or "")
    return folder if folder and epath.Path(folder).is_dir() else None
