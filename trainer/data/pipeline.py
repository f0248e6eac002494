"""From a data set on disk to the batches of a run.

A split that fits in memory is read once, before the run, and each pass is a permutation
of it. A larger one is streamed: in each epoch its files in an order of their own, and
their records shuffled a large piece at a time. An epoch is one pass or more.
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

import mnist_idx_tfds
from mnist_idx_tfds import machine
from trainer import device, peers, shares
from trainer.data import augmentation, features, source
from trainer.errors import TrainerError

# Memory that a split takes at its peak: its pixels as they are read, and once more as
# they are kept; later, these, and a piece and the order of an epoch.
_COPIES = 2.2
_OTHER_BYTES = 1 << 30  # That the rest of a run needs, beside what is imported by now.
# Images of a streamed split that are shuffled together, or taken from memory at once.
PIECE_BYTES = 1 << 26
# Images of a streamed split that one call decodes; a call takes time of its own.
_GROUP_BYTES = 1 << 22
_SAMPLE = 10_000  # Examples that tell how bright a split is.
_COUNTED_BYTES = 1 << 20  # Pixels that are counted at once, in eight times the memory.
_READ_BATCH = 512
_EVALUATION_BATCH = 1000
_FILES_AT_ONCE = 8
_CORES = machine.cores()
_RECORD_BYTES = 16  # That TFRecord adds to a record: its length, and two checksums.
_UNROLLED = 16  # Images decoded in one round of a loop, whose rounds are not free.

# The functions below are plain TensorFlow; converting them would delay the start.
_as_is = tf.autograph.experimental.do_not_convert


class Pixels(NamedTuple):
    """How bright the images of a split are, for a network to bring them to one scale.

    Attributes:
      mean: of all values of the pixels, 0 to 255.
      deviation: their standard deviation; more than 0.
    """

    mean: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set, ready to train on.

    Attributes:
      name: TFDS name with configuration and version.
      data_dir: folder that TFDS has it in, among other data sets.
      image_shape: height, width and channels, in pixels.
      label_names: names of the classes, in the order of their labels.
      train_split: TFDS split that is trained on.
      eval_split: TFDS split that is evaluated on.
      train_examples: number of training examples.
      eval_examples: number of evaluation examples.
      batch_size: training examples a step; an epoch's last step has the rest.
      eval_batch_size: evaluation examples a step, the same.
      passes: over the training examples in an epoch.
      steps: training batches in an epoch.
      feed: "memory" or "stream", where an epoch's training examples come from.
      why_feed: for people, where there was not enough memory; else empty.
      augmentation: how much training images are changed at random, anew in each pass;
        None for not at all.
      pixels: of the training split.
      train: one epoch of batches, images uint8 `(batch, *image_shape)` and labels
        int64 `(batch,)`, in an order of its own for each epoch. A last one that
        devices cannot share evenly is filled up, see `shares`; of several processes,
        each has its part of every batch.
      evaluate: batches of the same form with every evaluation example once.
      evaluate_shared: the same, filled up and in parts like `train`.
      set_epoch: tells `train` which epoch the next iteration is, counted from 0.
      count_train: counts the training examples of each class, int64 `(classes,)`.
      count_eval: the same of the evaluation examples.
      findings: what is odd about the data set, a line each, see `source.findings`.
      idx_dir: folder of the IDX files that it was built from; None if it is not known.
    """

    name: str
    data_dir: str
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]
    train_split: str
    eval_split: str
    train_examples: int
    eval_examples: int
    batch_size: int
    eval_batch_size: int
    passes: int
    steps: int
    feed: str
    why_feed: str
    augmentation: augmentation.Strength | None
    pixels: Pixels
    train: tf.data.Dataset
    evaluate: tf.data.Dataset
    evaluate_shared: tf.data.Dataset
    set_epoch: Callable[[int], Any]
    count_train: Callable[[], np.ndarray]
    count_eval: Callable[[], np.ndarray]
    findings: tuple[str, ...] = ()
    idx_dir: str | None = None


def load(
    builder: tfds.core.DatasetBuilder,
    *,
    train_split: str = "train",
    eval_split: str = "test",
    feed: str = "auto",
    batch_size: int,
    seed: int,
    passes: int = 1,
    augment: bool = False,
    devices: int = 1,
) -> Data:
    """Builds the pipelines, and reads the splits that are to be in memory.

    Args:
      builder: a prepared data set of images with a label each, see `features`.
      train_split: TFDS split to train on, such as "train[:85%]".
      eval_split: TFDS split to evaluate on.
      feed: "memory", "stream", or "auto" to decide by the split's size, and by the
        memory that is left.
      batch_size: training examples a step; the last step of an epoch has the rest.
      seed: decides, with the epoch's number and the feed, the order of the training
        examples and how each is changed.
      passes: over the training examples in an epoch.
      augment: whether to change training images at random, see `augmentation`.
      devices: that share each batch evenly.

    Returns:
      The data set with its pipelines.

    Raises:
      TrainerError: the data set has no such splits, or is not one of images with a
        label each, or a split has no labels.
    """
    found = features.find(builder.info)
    train_examples = count(builder, train_split, "--train_split")
    eval_examples = count(builder, eval_split, "--eval_split")
    for flag, split in (("--train_split", train_split), ("--eval_split", eval_split)):
        _check_sizes(builder, split)
        _check_labelled(builder, split, flag)
    decode = _decoder(builder)
    # Of a GPU they would have to be fetched from there for each batch.
    with tf.device("CPU:0"):
        order = _Order(
            tf.constant(seed, tf.int64), tf.Variable(0, dtype=tf.int64), passes
        )
        train_feed, why_feed = _choose(builder, train_split, feed)
        own = _own_rows(train_examples * passes, batch_size, devices)
        if train_feed == "memory":
            images, labels = _arrays(builder, train_split, decode)
            pixels = _pixels([images[:_SAMPLE].numpy()])
            count_train = _counter(builder, train_split, labels)
            train = _shared(_from_memory((images, labels), batch_size, order), own)
        else:
            pixels = _pixels(_sample(builder, train_split, decode))
            count_train = _counter(builder, train_split)
            train = _from_stream(builder, train_split, decode, batch_size, order, own)
        strength = None
        if augment:
            strength = augmentation.strength(train_examples, len(found.label_names))
            train = _augmented(train, batch_size, order, strength)
        evaluation_batch = _EVALUATION_BATCH + -_EVALUATION_BATCH % devices
        if _choose(builder, eval_split, feed)[0] == "memory":
            arrays = _arrays(builder, eval_split, decode)
            count_eval = _counter(builder, eval_split, arrays[1])
            evaluate = _batches(arrays, evaluation_batch)
        else:
            count_eval = _counter(builder, eval_split)
            evaluate = _decoded(
                _records(builder, eval_split), decode, evaluation_batch
            ).prefetch(2)
        eval_steps = -(-eval_examples // evaluation_batch)
        steps = -(-passes * train_examples // batch_size)
        name = builder.info.full_name
        folder = epath.Path(builder.data_dir).resolve()
        return Data(
            name=name,
            data_dir=f"{folder.parents[name.count('/')]}",
            image_shape=found.image_shape,
            label_names=found.label_names,
            train_split=train_split,
            eval_split=eval_split,
            train_examples=train_examples,
            eval_examples=eval_examples,
            batch_size=batch_size,
            eval_batch_size=evaluation_batch,
            passes=passes,
            steps=steps,
            feed=train_feed,
            why_feed=why_feed,
            augmentation=strength,
            pixels=pixels,
            train=_counted(train, steps),
            evaluate=_counted(evaluate, eval_steps),
            evaluate_shared=_counted(
                _shared(evaluate, _own_rows(eval_examples, evaluation_batch, devices)),
                eval_steps,
            ),
            set_epoch=order.epoch.assign,
            count_train=count_train,
            count_eval=count_eval,
            findings=source.findings(builder),
            idx_dir=source.idx_dir(builder),
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
    examples = count(builder, split, "--split")
    _check_sizes(builder, split)
    _check_labelled(builder, split, "--split")
    batches = _decoded(_records(builder, split), _decoder(builder), _EVALUATION_BATCH)
    return Split(
        name=builder.info.full_name,
        split=split,
        image_shape=found.image_shape,
        label_names=found.label_names,
        examples=examples,
        batches=_counted(batches.prefetch(2), -(-examples // _EVALUATION_BATCH)),
    )


def count(builder: tfds.core.DatasetBuilder, split: str, flag: str) -> int:
    """Returns the number of examples in a split, at least one.

    Args:
      builder: a prepared data set.
      split: TFDS split, such as "test" or "train[:10%]".
      flag: that names the split, for the error.

    Raises:
      TrainerError: there is no such split, or nothing in it.
    """
    reason = "it has no examples"
    try:
        if examples := builder.info.splits[split].num_examples:
            return examples
    except (ValueError, KeyError, AssertionError) as e:
        reason = str(e).splitlines()[0]
    names = ", ".join(builder.info.splits)
    raise TrainerError(
        f"{flag}={split}: expected {names}, or a part such as 'train[:85%]': {reason}"
    )


def _counted(batches: tf.data.Dataset, steps: int) -> tf.data.Dataset:
    """Tells Keras the number of steps, which tf.data cannot derive from the files."""
    return _unoptimized(batches.apply(tf.data.experimental.assert_cardinality(steps)))


def _unoptimized(batches: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    # Each iterator, two an epoch, would be optimized and tuned anew; that takes
    # longer than an epoch of MNIST from memory, and finds nothing to gain.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)


@contextlib.contextmanager
def damage_named(builder: tfds.core.DatasetBuilder) -> Iterator[None]:
    """Says of an error in reading a data set which of its files is damaged.

    Args:
      builder: of the data set that is read within.

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


def _check_sizes(builder: tfds.core.DatasetBuilder, split: str) -> None:
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
            found = device.first_line(e).rpartition("; ")[2].lower()
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
    for start in range(0, count := reader.num_records(), _READ_BATCH):
        reader.read(start, min(start + _READ_BATCH, count))
    return count


class _Order(NamedTuple):
    """What the order of the training examples is a function of."""

    seed: tf.Tensor
    epoch: tf.Variable
    passes: int  # In an epoch.

    def permutation(
        self,
        rows: tf.Tensor | int,
        number: tf.Tensor | int = 0,
        piece: tf.Tensor | int = 0,
    ) -> tf.Tensor:
        """Returns 0 to `rows - 1`, all orders equally likely, int64 `(rows,)`.

        Args:
          rows: how many.
          number: of the pass within the epoch.
          piece: of the pass, counted from 1; 0 for the order of the whole.
        """
        number = self.epoch * self.passes + tf.cast(number, tf.int64)
        seed = tf.stack([self.seed, number * (1 << 32) + piece])
        return tf.random.experimental.stateless_shuffle(
            tf.range(tf.cast(rows, tf.int64)), seed
        )

    def permutations(self, rows: int) -> tf.Tensor:
        """Returns one for each pass of the epoch, int64 `(passes * rows,)`."""
        if self.passes == 1:  # In a loop it takes twice as long.
            return self.permutation(rows)
        orders = tf.map_fn(
            lambda number: self.permutation(rows, number),
            tf.range(self.passes),
            fn_output_signature=tf.TensorSpec([rows], tf.int64),
        )
        return tf.reshape(orders, [-1])


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


def _choose(
    builder: tfds.core.DatasetBuilder, split: str, feed: str
) -> tuple[str, str]:
    """Returns the feed of a split, and why `auto` streams it; else the latter is empty."""
    if feed != "auto":
        return feed, ""
    examples = builder.info.splits[split].num_examples
    pixels = examples * math.prod(features.find(builder.info).image_shape)
    needed = _COPIES * pixels + _OTHER_BYTES
    left = min(peers.all_say(machine.memory_left()))
    if needed <= left:
        return "memory", ""
    why = f"memory needs {needed / 2**30:.1f} GiB and has {left / 2**30:.1f} GiB"
    return "stream", why


def _arrays(
    builder: tfds.core.DatasetBuilder, split: str, decode: Callable
) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads a split: images and labels, in the order of the files."""
    examples = builder.info.splits[split].num_examples
    parts, read = [], 0
    pauses = source.pauses()
    say_at = time.monotonic() + next(pauses)
    for part in _unoptimized(_decoded(_records(builder, split), decode, _READ_BATCH)):
        parts.append(part)
        read += len(part[1])
        if time.monotonic() > say_at:
            print(f"reading {split}: {read:,} of {examples:,} images", flush=True)
            say_at = time.monotonic() + next(pauses)
    # To fill one array needs more: TensorFlow copies NumPy's more than once, and its own
    # with each part.
    images, labels = (tf.concat(column, 0) for column in zip(*parts, strict=True))
    return images, labels


def _batches(arrays: Sequence[tf.Tensor], batch_size: int) -> tf.data.Dataset:
    """Cuts arrays of a known length into batches, the last one of what is left."""
    whole, rest = divmod(arrays[0].shape[0], batch_size)
    batches = _whole_batches(
        [array[: whole * batch_size] for array in arrays], batch_size
    )
    if not rest:
        return batches
    last = tuple(array[whole * batch_size :] for array in arrays)
    return batches.concatenate(tf.data.Dataset.from_tensors(last))


def _whole_batches(arrays: Sequence[tf.Tensor], batch_size: int) -> tf.data.Dataset:
    cut = [tf.reshape(array, [-1, batch_size, *array.shape[1:]]) for array in arrays]
    return tf.data.Dataset.from_tensor_slices(tuple(cut))


def _from_memory(
    arrays: tuple[tf.Tensor, tf.Tensor], batch_size: int, order: _Order
) -> tf.data.Dataset:
    examples, *shape = arrays[0].shape
    # A batch at a time, calls would take longer than copying; all at once, the split
    # would be in memory twice.
    batches_at_once = max(1, PIECE_BYTES // (math.prod(shape) * batch_size))
    piece = batch_size * batches_at_once
    whole = order.passes * examples // batch_size * batch_size

    def gathered(rows):
        return [tf.gather(array, rows) for array in arrays]

    @_as_is
    def epoch(_):
        rows = order.permutations(examples)

        @_as_is
        def batches(start):
            picked = rows[start : tf.minimum(start + piece, whole)]
            return _whole_batches(gathered(picked), batch_size)

        pieces = tf.data.Dataset.range(0, whole, piece).flat_map(batches)
        if whole == order.passes * examples:
            return pieces
        last = tf.data.Dataset.from_tensors(tuple(gathered(rows[whole:])))
        return pieces.concatenate(last)

    return tf.data.Dataset.range(1).flat_map(epoch)


def _from_stream(
    builder: tfds.core.DatasetBuilder,
    split: str,
    decode: Callable,
    batch_size: int,
    order: _Order,
    own: Callable | None,
) -> tf.data.Dataset:
    shape = features.find(builder.info).image_shape

    def examples(some_bytes):
        # Of whole batches, so that only the epoch's last one can be short.
        return max(1, some_bytes // (math.prod(shape) * batch_size)) * batch_size

    piece, group = examples(PIECE_BYTES), examples(_GROUP_BYTES)

    @_as_is
    def groups(number, records):
        count = tf.size(records, tf.int64)
        picked = order.permutation(count, piece=number + 1)
        shuffled = tf.gather(records, picked)
        whole = count // batch_size * batch_size
        # A short batch is a group by itself.
        starts = [tf.range(0, whole, group), tf.range(whole, count, batch_size)]
        bounds = tf.concat([*starts, [count]], 0)
        slices = tf.data.Dataset.from_tensor_slices((bounds[:-1], bounds[1:]))
        return slices.map(_as_is(lambda start, end: shuffled[start:end]))

    @_as_is
    def batches(records):
        rows = tf.reshape(records, [-1, tf.minimum(tf.size(records), batch_size)])
        if own:
            rows = tf.gather(rows, own(tf.shape(rows)[1]), axis=1)
        images, labels = decode(tf.reshape(rows, [-1]))
        size = tf.shape(rows)[1]
        return tf.reshape(images, [-1, size, *shape]), tf.reshape(labels, [-1, size])

    @_as_is
    def one_pass(number):
        return _records(builder, split, order, number)

    @_as_is
    def epoch(_):
        records = tf.data.Dataset.range(order.passes).flat_map(one_pass)
        return records.batch(piece).enumerate().flat_map(groups)

    # An epoch's order of files is looked up when its iteration begins.
    dataset = tf.data.Dataset.range(1).flat_map(epoch)
    return dataset.map(batches, num_parallel_calls=_CORES).prefetch(2).unbatch()


def _own_rows(examples: int, batch_size: int, devices: int) -> Callable | None:
    """Returns a function from a batch's size to the rows that this process computes.

    Of a batch that devices cannot share evenly, some rows come again; see `shares`. None
    where a process has all of each batch as it is.
    """
    size = shares.last_size(examples, batch_size)
    full = shares.filled(size, batch_size, devices)
    if full == size and peers.count() == 1:
        return None

    def own(found):
        part = tf.where(found == size, full, found) // peers.count()
        return tf.range(peers.index() * part, (peers.index() + 1) * part) % found

    return own


def _shared(batches: tf.data.Dataset, own: Callable | None) -> tf.data.Dataset:
    """Leaves of each batch the rows that this process computes."""
    if own is None:
        return batches

    @_as_is
    def share(*columns):
        rows = own(tf.size(columns[1]))
        return tuple(tf.gather(column, rows) for column in columns)

    return batches.map(share, num_parallel_calls=_CORES).prefetch(2)


def _augmented(
    batches: tf.data.Dataset,
    batch_size: int,
    order: _Order,
    strength: augmentation.Strength,
) -> tf.data.Dataset:
    """Changes each image as a function of its place in the epoch, and so of the run."""

    @_as_is
    def change(batch, columns):
        images, labels = columns
        size = tf.size(labels, tf.int64)
        places = batch * batch_size + peers.index() * size + tf.range(size)
        seeds = augmentation.mixed(order.seed, order.epoch, places)
        return augmentation.warp(images, seeds, strength), labels

    numbered = batches.enumerate()
    return numbered.map(change, num_parallel_calls=_CORES).prefetch(2)


def _sample(
    builder: tfds.core.DatasetBuilder, split: str, decode: Callable
) -> Iterator[np.ndarray]:
    """Yields the images of a split's first examples, a batch at a time."""
    records = _records(builder, split).take(_SAMPLE)
    for images, _ in _unoptimized(_decoded(records, decode, _READ_BATCH)):
        yield images.numpy()


def _pixels(batches: Iterable[np.ndarray]) -> Pixels:
    """Counts the values of pixels, since as floats they would take much memory."""
    counts = np.zeros(256, np.int64)
    for images in batches:
        values = images.ravel()
        for start in range(0, values.size, _COUNTED_BYTES):
            piece = values[start : start + _COUNTED_BYTES]
            counts += np.bincount(piece, minlength=256)
    values, total = np.arange(256), counts.sum()
    mean = float(values @ counts / total)
    deviation = math.sqrt((values - mean) ** 2 @ counts / total)
    return Pixels(mean, deviation or 1.0)


def _counter(
    builder: tfds.core.DatasetBuilder, split: str, labels: tf.Tensor | None = None
) -> Callable[[], np.ndarray]:
    """Returns a function that counts a split's examples by class.

    Args:
      builder: a prepared data set.
      split: TFDS split.
      labels: all of the split's; None to read them, without decoding their images.
    """
    found = features.find(builder.info)
    classes = len(found.label_names)

    def count_classes():
        if labels is not None:
            return np.bincount(labels.numpy(), minlength=classes)
        spec = {found.label: builder.info.features.tf_example_spec[found.label]}
        counts = np.zeros(classes, np.int64)
        for records in _unoptimized(_records(builder, split).batch(_READ_BATCH)):
            some = tf.io.parse_example(records, spec)[found.label]
            counts += np.bincount(some, minlength=classes)
        return counts

    return count_classes


def _records(
    builder: tfds.core.DatasetBuilder,
    split: str,
    order: _Order | None = None,
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
