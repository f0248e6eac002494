"""A network in the formats of TensorFlow Serving and LiteRT."""

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from trainer import files
from trainer.errors import TrainerError
from trainer.network import saved

LITE = "model.tflite"


def check(export_dir: str | os.PathLike[str]) -> None:
    """Makes the folder for `write` and tries to write there, before there is a network.

    Raises:
      TrainerError: as for `write`.
    """
    folder = pathlib.Path(export_dir).expanduser()
    with _draft(folder):
        for name in (LITE, saved.LABELS):
            if (folder / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")


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
    with _draft(folder) as draft:
        try:
            network.export(draft / "saved", format="tf_saved_model", verbose=False)
            converter = tf.lite.TFLiteConverter.from_saved_model(f"{draft / 'saved'}")
            lite = converter.convert()
        except (OSError, tf.errors.OpError):
            raise
        except Exception as e:  # Theirs have no class of their own.
            raise TrainerError(
                f"--export_dir={folder}: expected a network that can be exported, found "
                f"{type(e).__name__}: {_first_line(e)}. --verbosity=1 shows where."
            ) from e
        with files.replaced(folder / LITE) as file:
            file.write_bytes(lite)
        saved.write_labels(folder, label_names)
        version = folder / str(1 + max(_versions(folder), default=0))
        return (draft / "saved").rename(version)


@contextlib.contextmanager
def _draft(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a folder in the folder, gone afterwards, and says what fails in either."""
    try:
        f"{folder}".encode()
        folder.mkdir(parents=True, exist_ok=True)
        # Not a number, so that TensorFlow Serving does not look into it.
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as name:
            yield pathlib.Path(name)
    except UnicodeEncodeError as e:
        raise TrainerError(
            f"--export_dir={folder}: expected a path in UTF-8, since TensorFlow takes no "
            "other, found other bytes"
        ) from e
    except (OSError, tf.errors.OpError) as e:
        reason = getattr(e, "strerror", None) or _first_line(e).rpartition("; ")[2]
        raise TrainerError(
            f"--export_dir={folder}: expected a folder that can be written, found an "
            f"error: {reason.lower()}"
        ) from e


def _first_line(e: Exception) -> str:
    return str(e).strip().partition("\n")[0]


def _versions(folder: pathlib.Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
