"""A network in the formats of TensorFlow Serving and LiteRT."""

import os
import pathlib
import tempfile
from collections.abc import Sequence

import keras
import tensorflow as tf

from trainer import files
from trainer.errors import TrainerError
from trainer.network import saved

LITE = "model.tflite"


def write(
    network: keras.Model, export_dir: str | os.PathLike[str], label_names: Sequence[str]
) -> pathlib.Path:
    """Writes a SavedModel, a LiteRT file and the names of the classes.

    Both take images as the network does, any number of them at once, and give the same
    probabilities. A version is there as a whole or not at all.

    Args:
      network: from uint8 images `(batch, height, width, channels)` to probabilities.
      export_dir: folder that gets `N/saved_model.pb`, N being the number after the
        highest that is there, `model.tflite` and `labels.txt`.
      label_names: names of the classes, in the order of their labels.

    Returns:
      The folder of the SavedModel.

    Raises:
      TrainerError: the folder cannot be written, or the network has a layer that cannot
        be exported.
    """
    folder = pathlib.Path(export_dir).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Not a number, so that TensorFlow Serving does not look into it.
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as draft:
            draft = pathlib.Path(draft)
            network.export(draft / "saved", format="tf_saved_model", verbose=False)
            lite = tf.lite.TFLiteConverter.from_saved_model(f"{draft / 'saved'}")
            content = lite.convert()
            with files.replaced(folder / LITE) as file:
                file.write_bytes(content)
            saved.write_labels(folder, label_names)
            version = folder / str(1 + max(_versions(folder), default=0))
            return (draft / "saved").rename(version)
    except (OSError, tf.errors.OpError) as e:
        reason = getattr(e, "strerror", None) or _first_line(e).rpartition("; ")[2]
        raise TrainerError(
            f"--export_dir={folder}: expected a folder that can be written, found an "
            f"error: {reason.lower()}"
        ) from e
    except Exception as e:  # Of Keras or the converter, for layers not known to them.
        raise TrainerError(
            f"--export_dir={folder}: expected a network that can be exported, found "
            f"{type(e).__name__}: {_first_line(e)}"
        ) from e


def _first_line(e: Exception) -> str:
    return str(e).strip().partition("\n")[0]


def _versions(folder: pathlib.Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
