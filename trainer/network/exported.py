"""A network in the formats of TensorFlow Serving, LiteRT and ONNX."""

import contextlib
import importlib.util
import logging
import os
import pathlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from mnist_idx_tfds import whole_files
from trainer.errors import TrainerError
from trainer.network import card as cards
from trainer.network import lite, saved
from trainer.network.card import Card

LITE = "model.tflite"
INT8 = "model-int8.tflite"
ONNX = "model.onnx"
CARD_PROPERTY = "card"  # Of an ONNX file's metadata.
EXTRA = (
    f"assets.extra/{cards.MEMBER}"  # In a SavedModel, for what is not the network's.
)


def check(export_dir: str | os.PathLike[str], *, onnx: bool = False) -> None:
    """Makes the folder for `write` and tries to write there, before there is a network.

    Args:
      export_dir: as for `write`.
      onnx: as for `write`.

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
    with _draft(pathlib.Path(export_dir).expanduser()):
        pass


def write(
    network: keras.Model,
    card: Card,
    export_dir: str | os.PathLike[str],
    *,
    onnx: bool = False,
    calibration: np.ndarray | None = None,
    files: Mapping[str, bytes] | None = None,
) -> pathlib.Path:
    """Writes a version: a SavedModel, with a LiteRT file and the card beside it.

    All formats take images as the network does, any number of them at once, and all but
    the one in integers give the same probabilities. Each has the card, where others look
    for such: the SavedModel in `assets.extra`, LiteRT's files among their associated
    files, a zip behind the network, ONNX's in its `metadata_props`.

    Args:
      network: from uint8 images `(batch, height, width, channels)` to probabilities.
      card: of the network.
      export_dir: folder that gets a folder `N`, N being the number after the highest
        that is there, with `saved_model.pb`, `model.tflite` and `labels.txt` in it. It
        is there as a whole or not at all.
      onnx: whether it gets `model.onnx`, too.
      calibration: images of the training split, as for `lite.convert`, where it gets
        `model-int8.tflite`, too.
      files: what else it gets, by paths in it.

    Returns:
      The folder `N`.

    Raises:
      TrainerError: the folder cannot be written, or the network has a layer that cannot
        be exported.
    """
    folder = pathlib.Path(export_dir).expanduser()
    network = _as_it_answers(network)
    text = card.to_json()
    names = "".join(f"{name}\n" for name in card.label_names)
    with _draft(folder) as draft:
        version = draft / "version"
        with _unfit_named(folder, "SavedModel"):
            network.export(version, format="tf_saved_model", verbose=False)
        written = {**(files or {}), EXTRA: text.encode(), saved.LABELS: names.encode()}
        associated = {cards.MEMBER: text, saved.LABELS: names}
        with _unfit_named(folder, LITE):
            written[LITE] = lite.with_files(lite.convert(version), associated)
        if calibration is not None:
            with _unfit_named(folder, INT8):
                integers = lite.convert(version, calibration)
            written[INT8] = lite.with_files(integers, associated)
        if onnx:
            with _unfit_named(folder, ONNX):
                written[ONNX] = _onnx(network, text, draft / "converted")
        for name, data in written.items():
            (version / name).parent.mkdir(exist_ok=True)
            with whole_files.replaced(version / name) as file:
                file.write_bytes(data)
        return version.rename(folder / str(1 + max(_versions(folder), default=0)))


def _as_it_answers(network: keras.Model) -> keras.Model:
    """Returns a network that Keras does not export as it is in training.

    It does so with all that is behind a layer such as Resizing or RandomFlip, whose `call`
    has training=True where nothing says otherwise.
    """
    (first,) = network.inputs
    images = keras.Input(batch_shape=first.shape, dtype=first.dtype, name=first.name)
    return keras.Model(images, network(images, training=False), name=network.name)


def _onnx(network: keras.Model, card: str, draft: pathlib.Path) -> bytes:
    """Returns a network in ONNX's format, with its card, by way of a file."""
    import onnx

    # It only logs that it knows no operation for one, and writes that as it is.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # Of Keras's patch of tf2onnx for NumPy 2.
        warnings.filterwarnings("ignore", category=FutureWarning)
        network.export(draft, format="onnx", verbose=False)
    model = onnx.load_model(draft)
    onnx.helper.set_model_props(model, {CARD_PROPERTY: card})
    onnx.checker.check_model(model)
    return model.SerializeToString()


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
