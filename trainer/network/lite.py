"""LiteRT files: written, with a network's own numbers or in integers, and run."""

import contextlib
import io
import os
import pathlib
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def convert(saved_model: pathlib.Path, calibration: np.ndarray | None = None) -> bytes:
    """Returns a network in LiteRT's format.

    Args:
      saved_model: folder of a SavedModel, from uint8 images to probabilities.
      calibration: images as it takes them, `(n, height, width, channels)`; with them,
        weights and activations are int8, in the range that they have on these images,
        and what comes out is uint8, the probabilities in 256ths. Pixels go in as
        before, whatever those of these images are.

    Raises:
      Exception: the network has what LiteRT has not, or has only in floats; of any
        class.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(f"{saved_model}")
    if calibration is None:
        return converter.convert()

    def batches() -> Iterator[list[np.ndarray]]:
        for image in calibration:
            yield [image[None]]

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = batches
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    with _chatter_hidden():
        data = converter.convert()
    tensors = _interpreter(model_content=data).get_tensor_details()
    floats = [t["name"] for t in tensors if t["dtype"] == np.float32]
    # The converter leaves what has no form in integers as it is. The first is the image,
    # whose pixels may be of another range than a byte's: it is made a float and scaled.
    if floats[1:]:
        count = len(floats) - 1
        raise ValueError(f"no form in integers of {count} tensors, such as {floats[1]}")
    return data


def with_files(model: bytes, files: Mapping[str, str]) -> bytes:
    """Returns a LiteRT file with others associated, which any reader of zips finds.

    Args:
      model: as `convert` returns it.
      files: their contents by their names.
    """
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def accuracies(
    paths: Sequence[pathlib.Path],
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    threads: int,
) -> list[float]:
    """Returns the accuracy of LiteRT files, in one pass over examples.

    Args:
      paths: of the files, as `convert` returns them.
      batches: images and labels, at least one.
      threads: to run a file with.
    """
    runners = [
        _interpreter(f"{path}", num_threads=threads).get_signature_runner()
        for path in paths
    ]
    examples, right = 0, np.zeros(len(paths), np.int64)
    for images, labels in batches:
        images, labels = np.asarray(images), np.asarray(labels)
        examples += len(labels)
        for n, runner in enumerate(runners):
            (image,) = runner.get_input_details()
            with _chatter_hidden():  # The first call says what it runs on.
                (outputs,) = runner(**{image: images}).values()
            right[n] += np.count_nonzero(outputs.argmax(axis=1) == labels)
    return (right / examples).tolist()


def _interpreter(*args: Any, **kwargs: Any) -> tf.lite.Interpreter:
    with warnings.catch_warnings():
        # That it will move to another package, which need not be here.
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        return tf.lite.Interpreter(*args, **kwargs)


@contextlib.contextmanager
def _chatter_hidden() -> Iterator[None]:
    """Keeps what the C++ code says of a success off standard error.

    It writes to the file descriptor, whatever the level of TensorFlow's log. What fails
    is an exception.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
