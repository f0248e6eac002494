"""From a data set on disk to the batches of a run.

A split that fits in memory is read once, decoded in batches, and each epoch is a
permutation of it. A larger one is streamed: in each epoch its files in an order of
their own, and their records shuffled a large piece at a time.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import mnist_idx_tfds
from trainer import device
from trainer.data import features, source
from trainer.errors import TrainerError

MEMORY_BYTES = 1 << 30  # Decoded images of a split that is kept in memory.
PIECE_BYTES = 1 << 26  # Images of a streamed split that are shuffled together.
_READ_BATCH = 512
_EVALUATION_BATCH = 1000
_FILES_AT_ONCE = 8
_CORES = device.cores()
_UNROLLED = 16  # Images decoded in one round of a loop, whose rounds are not free.

# The functions below are plain TensorFlow; converting them would delay the start.
_as_is = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set, ready to train on.

    Attributes:
      name: TFDS name with configuration and version.
      image_shape: height, width and channels, in pixels.
      label_names: names of the classes, in the order of their labels.
      train_split: TFDS split that is trained on.
      eval_split: TFDS split that is evaluated on.
      train_examples: number of training examples.
      eval_examples: number of evaluation examples.
      steps: training batches in an epoch.
      feed: "memory" or "stream", where an epoch's training examples come from.
      train: one epoch of batches, images uint8 `(batch, *image_shape)` and labels
        int64 `(batch,)`, in an order of its own for each epoch.
      evaluate: batches of the same form with every evaluation example once.
      set_epoch: tells `train` which epoch the next iteration is, counted from 0.
      findings: what is odd about the data set, a line each, see `source.findings`.
    """

    name: str
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]
    train_split: str
    eval_split: str
    train_examples: int
    eval_examples: int
    steps: int
    feed: str
    train: tf.data.Dataset
    evaluate: tf.data.Dataset
    set_epoch: Callable[[int], Any]
    findings: tuple[str, ...] = ()


def load(
    builder: tfds.core.DatasetBuilder,
    *,
    train_split: str = "train",
    eval_split: str = "test",
    feed: str = "auto",
    batch_size: int,
    seed: int,
) -> Data:
    """Builds the pipelines; no more than a label of each split is read by then.

    Args:
      builder: a prepared data set of images with a label each, see `features`.
      train_split: TFDS split to train on, such as "train[:85%]".
      eval_split: TFDS split to evaluate on.
      feed: "memory", "stream", or "auto" to decide by the split's size.
      batch_size: training examples a step; the last step of an epoch has the rest.
      seed: decides, with the epoch's number and the feed, the order of the training
        examples.

    Returns:
      The data set with its pipelines.

    Raises:
      TrainerError: the data set has no such splits, or is not one of images with a
        label each, or a split has no labels.
    """
    found = features.find(builder.info)
    train_examples = _count(builder, train_split, "--train_split")
    eval_examples = _count(builder, eval_split, "--eval_split")
    _check_labelled(builder, train_split, "--train_split")
    _check_labelled(builder, eval_split, "--eval_split")
    train_feed = _choose(builder, train_examples, feed)
    order = _Order(tf.constant(seed, tf.int64), tf.Variable(0, dtype=tf.int64))
    decode = _decoder(builder)
    from_feed = _from_memory if train_feed == "memory" else _from_stream
    train = from_feed(builder, train_split, decode, batch_size, order)
    cached = _choose(builder, eval_examples, feed) == "memory"
    evaluate = _evaluation(builder, eval_split, decode, cached=cached)
    return Data(
        name=builder.info.full_name,
        image_shape=found.image_shape,
        label_names=found.label_names,
        train_split=train_split,
        eval_split=eval_split,
        train_examples=train_examples,
        eval_examples=eval_examples,
        steps=-(-train_examples // batch_size),
        feed=train_feed,
        train=_counted(train, train_examples, batch_size),
        evaluate=evaluate,
        set_epoch=order.epoch.assign,
        findings=source.findings(builder),
    )


@dataclasses.dataclass(frozen=True)
class Split:
    """A split, ready to evaluate on.

    Attributes:
      name: TFDS name of the data set, with configuration and version.
      split: TFDS split.
      image_shape: height, width and channels, in pixels.
      label_names: names of the classes, in the order of their labels.
      examples: number of examples.
      batches: of the form of `Data.evaluate`, in the order of the files.
    """

    name: str
    split: str
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]
    examples: int
    batches: tf.data.Dataset


def load_split(builder: tfds.core.DatasetBuilder, split: str) -> Split:
    """Builds the pipeline of one split; no more than one of its labels is read.

    Args:
      builder: as for `load`.
      split: TFDS split, such as "test" or "train[:10%]".

    Raises:
      TrainerError: as for `load`.
    """
    found = features.find(builder.info)
    examples = _count(builder, split, "--split")
    _check_labelled(builder, split, "--split")
    return Split(
        name=builder.info.full_name,
        split=split,
        image_shape=found.image_shape,
        label_names=found.label_names,
        examples=examples,
        batches=_evaluation(builder, split, _decoder(builder), cached=False),
    )


def _evaluation(
    builder: tfds.core.DatasetBuilder, split: str, decode: Callable, *, cached: bool
) -> tf.data.Dataset:
    batches = _decoded(_records(builder, split), decode, _EVALUATION_BATCH)
    batches = batches.cache() if cached else batches
    examples = builder.info.splits[split].num_examples
    return _counted(batches.prefetch(2), examples, _EVALUATION_BATCH)


def _counted(
    batches: tf.data.Dataset, examples: int, batch_size: int
) -> tf.data.Dataset:
    """Tells Keras the number of steps, which tf.data cannot derive from the files."""
    steps = -(-examples // batch_size)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    options = tf.data.Options()
    # Each iterator, two an epoch, would be optimized and tuned anew; that takes
    # longer than an epoch of MNIST from memory, and finds nothing to gain.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)


class _Order(NamedTuple):
    """What the order of the training examples is a function of."""

    seed: tf.Tensor
    epoch: tf.Variable

    def permutation(self, rows: tf.Tensor, piece: tf.Tensor | int = 0) -> tf.Tensor:
        """Returns 0 to `rows - 1`, all orders equally likely, int64 `(rows,)`."""
        seed = tf.stack([self.seed, self.epoch * (1 << 32) + piece])
        return tf.random.experimental.stateless_shuffle(tf.range(rows), seed)


def _count(builder: tfds.core.DatasetBuilder, split: str, flag: str) -> int:
    """Returns the number of examples in a split, at least one."""
    reason = "it has no examples"
    try:
        if count := builder.info.splits[split].num_examples:
            return count
    except (ValueError, KeyError, AssertionError) as e:
        reason = str(e).splitlines()[0]
    names = ", ".join(builder.info.splits)
    raise TrainerError(
        f"{flag}={split}: expected {names}, or a part such as 'train[:85%]': {reason}"
    )


def _check_labelled(builder: tfds.core.DatasetBuilder, split: str, flag: str) -> None:
    """Raises an error for a split whose labels are unknown, which TFDS has as -1."""
    if builder.name == mnist_idx_tfds.Builder.name:
        return  # Which has checked them; reading one takes up to 0.1 s.
    key = features.find(builder.info).label
    spec = {key: builder.info.features.tf_example_spec[key]}
    for record in _records(builder, split).take(1):
        if tf.io.parse_single_example(record, spec)[key] < 0:
            names = ", ".join(builder.info.splits)
            raise TrainerError(
                f"{flag}={split}: expected labels from 0, found -1, as TFDS has it for "
                f"splits without labels. Choose one that has them, of {names}."
            )


def _choose(builder: tfds.core.DatasetBuilder, examples: int, feed: str) -> str:
    if feed != "auto":
        return feed
    image_bytes = math.prod(features.find(builder.info).image_shape)
    return "memory" if examples * image_bytes <= MEMORY_BYTES else "stream"


def _from_memory(
    builder: tfds.core.DatasetBuilder,
    split: str,
    decode: Callable,
    batch_size: int,
    order: _Order,
) -> tf.data.Dataset:
    examples = builder.info.splits[split].num_examples
    batches = _decoded(_records(builder, split), decode, _READ_BATCH)
    # One element, the whole split, which the cache hands out without copying it.
    whole = batches.rebatch(examples).cache()
    steps, rest = divmod(examples, batch_size)

    @_as_is
    def epoch(*columns):
        # All at once: a batch at a time, calls would take longer than copying. So
        # every batch is there before the first is asked for, and none to prefetch.
        picked = order.permutation(examples)
        columns = [tf.gather(column, picked) for column in columns]
        last = tuple(column[steps * batch_size :] for column in columns)
        if not steps:
            return tf.data.Dataset.from_tensors(last)
        full = tf.data.Dataset.from_tensor_slices(
            tuple(
                tf.reshape(
                    column[: steps * batch_size], [steps, batch_size, *column.shape[1:]]
                )
                for column in columns
            )
        )
        return full.concatenate(tf.data.Dataset.from_tensors(last)) if rest else full

    return whole.flat_map(epoch)


def _from_stream(
    builder: tfds.core.DatasetBuilder,
    split: str,
    decode: Callable,
    batch_size: int,
    order: _Order,
) -> tf.data.Dataset:
    image_bytes = math.prod(features.find(builder.info).image_shape)
    # Of whole batches, so that only the epoch's last one can be short.
    piece_batches = max(1, PIECE_BYTES // (image_bytes * batch_size))

    @_as_is
    def shuffled_piece(piece, records):
        picked = order.permutation(tf.size(records, tf.int64), piece + 1)
        shuffled = tf.gather(records, picked)
        return tf.data.Dataset.from_tensor_slices(shuffled).batch(batch_size)

    @_as_is
    def epoch(_):
        records = _records(builder, split, order)
        pieces = records.batch(piece_batches * batch_size).enumerate()
        return pieces.flat_map(shuffled_piece)

    # An epoch's order of files is looked up when its iteration begins.
    dataset = tf.data.Dataset.range(1).flat_map(epoch)
    return dataset.map(decode, num_parallel_calls=_CORES).prefetch(2)


def _records(
    builder: tfds.core.DatasetBuilder, split: str, order: _Order | None = None
) -> tf.data.Dataset:
    """Serialized examples, with `order` from several files of the split in turn."""
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
        picked = order.permutation(len(parts))
        columns = [tf.gather(column, picked) for column in columns]
        cycle = min(len(parts), _FILES_AT_ONCE)

    @_as_is
    def read(filename, skip, take):
        return tf.data.TFRecordDataset(filename).skip(skip).take(take)

    files = tf.data.Dataset.from_tensor_slices(tuple(columns))
    return files.interleave(read, cycle_length=cycle)


def _array_records(builder: tfds.core.DatasetBuilder, split: str) -> tf.data.Dataset:
    source = builder.as_data_source(
        split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )

    def read(rows):
        return np.array(source.__getitems__(rows.tolist()), object)

    @_as_is
    def records(rows):
        return tf.ensure_shape(tf.numpy_function(read, [rows], tf.string), [None])

    rows = tf.data.Dataset.range(len(source)).batch(_READ_BATCH)
    return rows.map(records).unbatch()


def _decoded(
    records: tf.data.Dataset, decode: Callable, batch_size: int
) -> tf.data.Dataset:
    return records.batch(batch_size).map(decode, num_parallel_calls=_CORES)


def _decoder(builder: tfds.core.DatasetBuilder) -> Callable:
    """Returns a function from serialized examples `(n,)` to images and labels.

    TFDS parses and decodes examples one at a time, which takes several times longer.
    """
    image, label, shape, _ = features.find(builder.info)
    # Of the two alone: what else an example has is not even parsed.
    spec = {key: builder.info.features.tf_example_spec[key] for key in (image, label)}

    @_as_is
    def decode_one(encoded):
        pixels = tf.io.decode_image(
            encoded, channels=shape[-1], expand_animations=False
        )
        return tf.ensure_shape(pixels, shape)

    @_as_is
    def decode_some(encoded):
        return tf.stack([decode_one(one) for one in tf.unstack(encoded, _UNROLLED)])

    def decode(records):
        example = tf.io.parse_example(records, spec)
        encoded = example[image]
        count = tf.size(encoded)
        padding = tf.repeat(encoded[:1], -count % _UNROLLED)
        encoded = tf.reshape(tf.concat([encoded, padding], 0), [-1, _UNROLLED])
        result = tf.TensorSpec((_UNROLLED, *shape), tf.uint8)
        images = tf.map_fn(decode_some, encoded, fn_output_signature=result)
        return tf.reshape(images, [-1, *shape])[:count], example[label]

    # Traced once, though both splits of a run are decoded by it.
    return tf.function(decode, [tf.TensorSpec([None], tf.string)], autograph=False)
