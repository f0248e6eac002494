"""What is wrong with the files of a data set that TFDS has prepared."""

import contextlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

from trainer import errors
from trainer.data.records import READ_BATCH
from trainer.errors import TrainerError

_RECORD_BYTES = 16  # That TFRecord adds to a record: its length, and two checksums.


@contextlib.contextmanager
def named(builder: tfds.core.DatasetBuilder) -> Iterator[None]:
    """Says of an error in reading a data set within which of its files is damaged.

    Raises:
      TrainerError: a file is not as TFDS wrote it, instead of TensorFlow's error.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise
    except tf.errors.OpError as e:
        for split in builder.info.splits.values():
            _check_records(builder, split, e)
        raise


def check_sizes(builder: tfds.core.DatasetBuilder, split: str) -> None:
    """Raises an error for files cut short, whose rest TensorFlow takes for all."""
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        return  # ArrayRecord's own reader sees it.
    used = {part.filename for part in builder.info.splits[split].file_instructions}
    for info in builder.info.splits.values():
        if used.isdisjoint(map(str, info.filepaths)):
            continue
        try:
            size = sum(path.stat().length for path in info.filepaths)
        except FileNotFoundError:
            size = None
        # Exact, unless another version of TFDS counted otherwise.
        if size != info.num_bytes + _RECORD_BYTES * info.num_examples:
            _check_records(builder, info)


def _check_records(
    builder: tfds.core.DatasetBuilder,
    split: tfds.core.SplitInfo,
    cause: Exception | None = None,
) -> None:
    """Reads all of a split, and raises an error that names a file which is not whole."""
    for path, expected in zip(split.filepaths, split.shard_lengths, strict=True):
        try:
            found = f"{_count_records(builder, path)}"
        except (tf.errors.OpError, RuntimeError) as e:  # The latter is ArrayRecord's.
            found = errors.first_line(e).rpartition("; ")[2].lower()
        if found != f"{expected}":
            raise TrainerError(
                f"{path}: records: expected {expected}, as TFDS wrote them, found "
                f"{found}. Delete {builder.data_dir} to build the data set again."
            ) from cause


def _count_records(builder: tfds.core.DatasetBuilder, path: epath.Path) -> int:
    if builder.info.file_format == tfds.core.FileFormat.TFRECORD:
        records = tf.data.TFRecordDataset(f"{path}")
        return int(records.reduce(np.int64(0), lambda count, _: count + 1))
    from array_record.python import array_record_module

    reader = array_record_module.ArrayRecordReader(f"{path}")
    for start in range(0, count := reader.num_records(), READ_BATCH):
        reader.read(start, min(start + READ_BATCH, count))
    return count
