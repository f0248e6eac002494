"""A network in the formats of TensorFlow Serving, LiteRT and ONNX."""

import contextlib
import errno
import importlib.util
import logging
import os
import pathlib
import tempfile
import warnings
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from mnist_idx_tfds import whole_files
from trainer.errors import TrainerError
from trainer.network import lite, saved

LITE = "model.tflite"
INT8 = "model-int8.tflite"
ONNX = "model.onnx"


def check(
    export_dir: str | os.PathLike[str], *, onnx: bool = False, int8: bool = False
) -> None:
    """Makes the folder for `write` and tries to write there, before there is a network.

    Args:
      export_dir: as for `write`.
      onnx: as for `write`.
      int8: whether `write` will be given images to calibrate on.

    Raises:
      TrainerError: as for `write`.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise TrainerError(
            f"--export_dir={export_dir}: expected the backend TensorFlow, which writes "
            f"these formats, found {backend}. Without KERAS_BACKEND, python -m "
            "trainer.export writes the model.keras of any run."
        )
    if onnx and not importlib.util.find_spec("tf2onnx"):
        raise TrainerError(
            f"--onnx: expected the package tf2onnx, without which {ONNX} cannot be "
            "written, found none. It comes with pip install 'mnist-idx-tfds[onnx]'."
        )
    folder = pathlib.Path(export_dir).expanduser()
    with _draft(folder):
        written = {LITE: True, INT8: int8, ONNX: onnx, saved.LABELS: True}
        for name, is_written in written.items():
            if is_written and (folder / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")


def write(
    network: keras.Model,
    export_dir: str | os.PathLike[str],
    label_names: Sequence[str],
    *,
    onnx: bool = False,
    calibration: np.ndarray | None = None,
) -> pathlib.Path:
    """Writes a SavedModel, a LiteRT file and the names of the classes.

    All formats take images as the network does, any number of them at once, and all but
    the one in integers give the same probabilities. A version is there as a whole or
    not at all, and a file only where all of them could be written.

    Args:
      network: from uint8 images `(batch, height, width, channels)` to probabilities.
      export_dir: folder that gets `N/saved_model.pb`, N being the number after the
        highest that is there, `model.tflite` and `labels.txt`.
      label_names: names of the classes, in the order of their labels.
      onnx: whether it gets `model.onnx`, too.
      calibration: images of the training split, as for `lite.convert`, where it gets
        `model-int8.tflite`, too.

    Returns:
      The folder of the SavedModel.

    Raises:
      TrainerError: the folder cannot be written, or the network has a layer that cannot
        be exported.
    """
    folder = pathlib.Path(export_dir).expanduser()
    with _draft(folder) as draft:
        with _unfit_named(folder, "SavedModel"):
            network.export(draft / "saved", format="tf_saved_model", verbose=False)
        converted = {}
        with _unfit_named(folder, LITE):
            converted[LITE] = lite.convert(draft / "saved")
        if calibration is not None:
            with _unfit_named(folder, INT8):
                converted[INT8] = lite.convert(draft / "saved", calibration)
        if onnx:
            with _unfit_named(folder, ONNX):
                converted[ONNX] = _onnx(network, draft / "converted")
        for name, data in converted.items():
            with whole_files.replaced(draft / name) as file:
                file.write_bytes(data)
        saved.write_labels(draft, label_names)
        for name in (*converted, saved.LABELS):
            (draft / name).replace(folder / name)
        version = folder / str(1 + max(_versions(folder), default=0))
        return (draft / "saved").rename(version)


def _onnx(network: keras.Model, draft: pathlib.Path) -> bytes:
    """Returns a network in ONNX's format, by way of a file."""
    import onnx

    # It only logs that it knows no operation for one, and writes that as it is.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # Of Keras's patch of tf2onnx for NumPy 2.
        warnings.filterwarnings("ignore", category=FutureWarning)
        network.export(draft, format="onnx", verbose=False)
    onnx.checker.check_model(f"{draft}")
    return draft.read_bytes()


@contextlib.contextmanager
def _unfit_named(folder: pathlib.Path, name: str) -> Iterator[None]:
    """Says of what Keras or a converter raises that the network is unfit for a format."""
    try:
        yield
    except (OSError, tf.errors.OpError):
        raise
    except Exception as e:  # Theirs have no class of their own.
        raise TrainerError(
            f"--export_dir={folder}: {name}: expected a network that can be exported, "
            f"found {type(e).__name__}: {_first_line(e)}. --verbosity=1 shows where."
        ) from e


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
