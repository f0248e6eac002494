"""A saved network, and the names of its classes in a file beside it."""

import os
import pathlib
import warnings
import zipfile
from collections.abc import Sequence

import keras
import numpy as np

from mnist_idx_tfds import idx_set
from trainer.errors import TrainerError

LABELS = idx_set.NAMES_FILE  # UTF-8, a line for each class, in the order of the labels.


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Reads a saved model, to predict with; nothing in the file is executed.

    Args:
      path: a `.keras` file, as a run with `--workdir` or Keras's `Model.save` writes.

    Returns:
      A model from images `(batch, height, width, channels)` to class probabilities
      `(batch, classes)`; not compiled.

    Raises:
      TrainerError: the file is not there, or is not such a model.
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        raise TrainerError(f"{path}: file: expected a .keras model, found no such file")
    # By its content, too, because Keras calls what is not a zip file not found.
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise TrainerError(
            f"{path}: format: expected a whole .keras file, as Keras 3 saves models, "
            "found none. Is it of another format, or cut short?"
        )
    try:
        with warnings.catch_warnings():
            # Layers whose weights are not in the file would keep random ones.
            warnings.filterwarnings("error", "Skipping nested container")
            network = keras.saving.load_model(path, compile=False)
    except Exception as e:  # There is no end to what damage makes Keras raise.
        reason = f"{type(e).__name__}: {e}".rpartition("Exception encountered: ")[2]
        reason = reason.splitlines()[0].partition(". ")[0]
        raise TrainerError(
            f"{path}: model: expected Keras's own layers with their weights, found "
            f"{reason.rstrip('.')}. It may be damaged, or hold code, which is not run."
        ) from e
    shapes = [
        [tensor.shape for tensor in getattr(network, side, None) or ()]
        for side in ("inputs", "outputs")
    ]
    if [[len(shape) for shape in side] for side in shapes] != [[4], [2]]:
        found = " to ".join(", ".join(map(str, side)) or "nothing" for side in shapes)
        raise TrainerError(
            f"{path}: shapes: expected (batch, height, width, channels) to (batch, "
            f"classes), found {found}. This is no classifier of images."
        )
    if not isinstance(network.output, keras.KerasTensor):  # A list or so of one.
        network = keras.Model(network.inputs[0], network.outputs[0])
    return network


def write_labels(folder: str | os.PathLike[str], names: Sequence[str]) -> None:
    """Writes `labels.txt`.

    Args:
      folder: where the network is saved.
      names: of the classes, in the order of their labels.

    Raises:
      OSError: the file cannot be written.
    """
    idx_set.write_names(pathlib.Path(folder) / LABELS, names)


def read_labels(folder: str | os.PathLike[str], num_classes: int) -> tuple[str, ...]:
    """Reads `labels.txt`; without it, classes go by their labels' numbers.

    Args:
      folder: where the network is saved.
      num_classes: how many classes the network has.

    Raises:
      TrainerError: the file is another network's.
      idx.IdxError: the file cannot be read.
    """
    path = pathlib.Path(folder) / LABELS
    if not path.exists():
        return tuple(map(str, range(num_classes)))
    names = tuple(idx_set.read_names(path))
    if len(names) != num_classes:
        raise TrainerError(
            f"{path}: names: expected {num_classes}, one for each class of the model, "
            f"found {len(names)}. Is it another model's? Without it, classes are numbers."
        )
    return names


def fitted(
    path: str | os.PathLike[str],
    network: keras.Model,
    model_names: Sequence[str],
    data: str,
    image_shape: tuple[int, int, int],
    data_names: Sequence[str],
) -> tuple[Sequence[str], np.ndarray]:
    """Checks that a network can be asked about a data set, and matches their classes.

    Args:
      path: as of `matched`.
      network: the network.
      model_names: as of `matched`.
      data: as of `matched`.
      image_shape: of the data set's images.
      data_names: as of `matched`.

    Returns:
      As `matched`.

    Raises:
      TrainerError: the images are of another shape, or as of `matched`.
    """
    taken = network.inputs[0].shape[1:]
    if any(t not in (None, g) for t, g in zip(taken, image_shape, strict=True)):
        found, expected = (
            "x".join("any" if size is None else str(size) for size in shape)
            for shape in (taken, image_shape)
        )
        raise TrainerError(
            f"{path}: images: expected {expected}, as in {data}, found a model of "
            f"{found}. Is it trained on other data?"
        )
    return matched(path, model_names, data_names, data)


def matched(
    path: str | os.PathLike[str],
    model_names: Sequence[str],
    data_names: Sequence[str],
    data: str,
) -> tuple[Sequence[str], np.ndarray]:
    """Finds the classes of a data set among those of a network.

    Classes go by name where both sides have names, and else by their labels.

    Args:
      path: of the network, for errors.
      model_names: names of its classes, or their labels as text.
      data_names: the same of the data set's.
      data: what the data set is called, for errors.

    Returns:
      Names for the network's classes, and the network's label for each of the data
      set's, int64 `(classes of the data set,)`.

    Raises:
      TrainerError: there is a class that the network does not know.
    """
    model, given = tuple(model_names), tuple(data_names)
    if _are_names(model) and _are_names(given):
        label_of = {name: label for label, name in enumerate(model)}
        if unknown := [name for name in given if name not in label_of]:
            more = f" and {len(unknown) - 3:,} more" if unknown[3:] else ""
            raise TrainerError(
                f"{path}: classes: expected a model that knows those of {data}, "
                f"found none of the name {', '.join(unknown[:3])}{more}. Is it trained "
                "on other data?"
            )
        return model, np.array([label_of[name] for name in given], np.int64)
    if len(given) > len(model):
        raise TrainerError(
            f"{path}: classes: expected {len(given):,}, as in {data}, found a "
            f"model of {len(model):,}. Is it trained on other data?"
        )
    names = model if _are_names(model) else given + model[len(given) :]
    return names, np.arange(len(given))


def _are_names(names: tuple[str, ...]) -> bool:
    """Whether classes have names, not only the labels that stand for them."""
    return names != tuple(map(str, range(len(names))))
