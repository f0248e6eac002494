"""The records of a split, read from the files of TFDS and decoded."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mnist_idx_tfds import machine
from trainer.data.features import Features
from trainer.data.order import Order
from trainer.errors import TrainerError
from trainer.machine import shares

Decoder = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
READ_BATCH = 512  # Records that are read or decoded at once.
CORES = machine.cores()
_FILES_AT_ONCE = 8
_BYTES = tf.io.FixedLenFeature([], tf.string)
_NUMBER = tf.io.FixedLenFeature([], tf.int64)
_UNROLLED = 16  # Images decoded in one round of a loop, whose rounds are not free.

# The functions of the pipelines are plain TensorFlow; converting them would delay the
# start.
as_is = tf.autograph.experimental.do_not_convert


def read(
    builder: tfds.core.DatasetBuilder,
    split: str,
    order: Order | None = None,
    number: tf.Tensor | int = 0,
) -> tf.data.Dataset:
    """Serialized examples, with `order` from several files of the split in turn.

    Args:
      builder: a prepared data set.
      split: TFDS split.
      order: of an epoch; None for that of the files.
      number: of the pass within the epoch.
    """
    if builder.info.file_format == tfds.core.FileFormat.ARRAY_RECORD:
        return _array_records(builder, split)
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise TrainerError(
            f"{builder.info.full_name}: file format: expected tfrecord or "
            f"array_record, found {builder.info.file_format.value}. Build it again "
            "in one of these, in another --data_dir."
        )
    parts = builder.info.splits[split].file_instructions
    columns = [
        tf.constant([part.filename for part in parts]),
        tf.constant([part.skip for part in parts], tf.int64),
        tf.constant([part.take for part in parts], tf.int64),
    ]
    cycle = 1
    if order:
        picked = order.permutation(len(parts), number)
        columns = [tf.gather(column, picked) for column in columns]
        cycle = min(len(parts), _FILES_AT_ONCE)

    @as_is
    def one_file(filename, skip, take):
        return tf.data.TFRecordDataset(filename).skip(skip).take(take)

    files = tf.data.Dataset.from_tensor_slices(tuple(columns))
    return files.interleave(one_file, cycle_length=cycle)


def _array_records(builder: tfds.core.DatasetBuilder, split: str) -> tf.data.Dataset:
    source = builder.as_data_source(
        split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )

    def some(rows):
        return np.array(source.__getitems__(rows.tolist()), object)

    @as_is
    def records(rows):
        return tf.ensure_shape(tf.numpy_function(some, [rows], tf.string), [None])

    rows = tf.data.Dataset.range(len(source)).batch(READ_BATCH)
    return rows.map(records).unbatch()


@functools.cache
def decoder(features: Features) -> Decoder:
    """Returns a function from serialized examples `(n,)` to images and labels.

    TFDS parses and decodes examples one at a time, which takes several times longer.
    """
    shape = features.image_shape
    unrolled = shares.at_once(shape, _UNROLLED)
    # Of the two alone: what else an example has is not even parsed.
    spec = {features.image: _BYTES, features.label: _NUMBER}

    @as_is
    def decode_one(encoded):
        pixels = tf.io.decode_image(
            encoded, channels=shape[-1], expand_animations=False
        )
        return tf.ensure_shape(pixels, shape)

    @as_is
    def decode_some(encoded):
        return tf.stack([decode_one(one) for one in tf.unstack(encoded, unrolled)])

    def decode(records):
        example = tf.io.parse_example(records, spec)
        encoded = example[features.image]
        count = tf.size(encoded)
        padding = tf.repeat(encoded[:1], -count % unrolled)
        encoded = tf.reshape(tf.concat([encoded, padding], 0), [-1, unrolled])
        result = tf.TensorSpec((unrolled, *shape), tf.uint8)
        images = tf.map_fn(decode_some, encoded, fn_output_signature=result)
        images = tf.reshape(images, [-1, *shape])[:count]
        if features.transposed:
            images = tf.transpose(images, [0, 2, 1, 3])
        return images, example[features.label]

    # Traced once, though both splits of a run are decoded by it.
    return tf.function(decode, [tf.TensorSpec([None], tf.string)], autograph=False)


def labels(records: tf.Tensor, features: Features) -> np.ndarray:
    """Returns the labels of serialized examples, without decoding their images."""
    parsed = tf.io.parse_example(records, {features.label: _NUMBER})
    return parsed[features.label].numpy()


def unoptimized(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the same, as it is written down."""
    options = tf.data.Options()
    # Each iterator, two an epoch, would be optimized and tuned anew; that takes
    # longer than an epoch of MNIST from memory, and finds nothing to gain.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)
