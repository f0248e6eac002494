"""From a data set on disk to the batches of a run.

A split that fits in memory is read once, before the run, and each pass is a permutation
of it. A larger one is streamed: in each epoch its files in an order of their own, and
their records shuffled a large piece at a time. An epoch is one pass or more.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

import mnist_idx_tfds
from mnist_idx_tfds import machine
from trainer.data import (
    augmentation,
    brightness,
    damage,
    features,
    feeds,
    records,
    source,
)
from trainer.data.order import Order
from trainer.errors import TrainerError
from trainer.machine import peers

# Memory that a split takes at its peak: its pixels as they are read, and once more as
# they are kept; later, these, and a piece and the order of an epoch.
_COPIES = 2.2
_OTHER_BYTES = 1 << 30  # That the rest of a run needs, beside what is imported by now.
_SAMPLE = 10_000  # Examples that tell how bright a split is.
_EVALUATION_BATCH = 1000


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
    pixels: brightness.Pixels
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
        damage.check_sizes(builder, split)
        _check_labelled(builder, split, flag)
    decode = records.decoder(builder)
    # Of a GPU they would have to be fetched from there for each batch.
    with tf.device("CPU:0"):
        order = Order(
            tf.constant(seed, tf.int64), tf.Variable(0, dtype=tf.int64), passes
        )
        train_feed, why_feed = _choose(builder, train_split, feed)
        own = feeds.own_rows(train_examples * passes, batch_size, devices)
        if train_feed == "memory":
            images, labels = _arrays(builder, train_split, decode)
            pixels = brightness.pixels([images[:_SAMPLE].numpy()])
            count_train = _counter(builder, train_split, labels)
            train = feeds.shared(
                feeds.from_memory((images, labels), batch_size, order), own
            )
        else:
            pixels = brightness.pixels(_sample(builder, train_split, decode))
            count_train = _counter(builder, train_split)
            train = feeds.from_stream(
                builder, train_split, decode, batch_size, order, own
            )
        strength = None
        if augment:
            strength = augmentation.strength(train_examples, len(found.label_names))
            train = feeds.augmented(train, batch_size, order, strength)
        evaluation_batch = _EVALUATION_BATCH + -_EVALUATION_BATCH % devices
        if _choose(builder, eval_split, feed)[0] == "memory":
            arrays = _arrays(builder, eval_split, decode)
            count_eval = _counter(builder, eval_split, arrays[1])
            evaluate = feeds.batches(arrays, evaluation_batch)
        else:
            count_eval = _counter(builder, eval_split)
            evaluate = records.decoded(
                records.read(builder, eval_split), decode, evaluation_batch
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
                feeds.shared(
                    evaluate, feeds.own_rows(eval_examples, evaluation_batch, devices)
                ),
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
    damage.check_sizes(builder, split)
    _check_labelled(builder, split, "--split")
    batches = records.decoded(
        records.read(builder, split), records.decoder(builder), _EVALUATION_BATCH
    )
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
    return records.unoptimized(
        batches.apply(tf.data.experimental.assert_cardinality(steps))
    )


def _check_labelled(builder: tfds.core.DatasetBuilder, split: str, flag: str) -> None:
    """Raises an error for a split whose labels are unknown, which TFDS has as -1."""
    if builder.name == mnist_idx_tfds.Builder.name:
        return  # Which has checked them; reading one takes up to 0.1 s.
    key = features.find(builder.info).label
    spec = {key: builder.info.features.tf_example_spec[key]}
    for record in records.read(builder, split).take(1):
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
    builder: tfds.core.DatasetBuilder, split: str, decode: Callable[..., Any]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads a split: images and labels, in the order of the files."""
    examples = builder.info.splits[split].num_examples
    parts, read = [], 0
    pauses = source.pauses()
    say_at = time.monotonic() + next(pauses)
    batches = records.decoded(records.read(builder, split), decode, records.READ_BATCH)
    for part in records.unoptimized(batches):
        parts.append(part)
        read += len(part[1])
        if time.monotonic() > say_at:
            print(f"reading {split}: {read:,} of {examples:,} images", flush=True)
            say_at = time.monotonic() + next(pauses)
    # To fill one array needs more: TensorFlow copies NumPy's more than once, and its own
    # with each part.
    images, labels = (tf.concat(column, 0) for column in zip(*parts, strict=True))
    return images, labels


def _sample(
    builder: tfds.core.DatasetBuilder, split: str, decode: Callable[..., Any]
) -> Iterator[np.ndarray]:
    """Yields the images of a split's first examples, a batch at a time."""
    first = records.read(builder, split).take(_SAMPLE)
    batches = records.decoded(first, decode, records.READ_BATCH)
    for images, _ in records.unoptimized(batches):
        yield images.numpy()


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

    def count_classes() -> np.ndarray:
        if labels is not None:
            return np.bincount(labels.numpy(), minlength=classes)
        spec = {found.label: builder.info.features.tf_example_spec[found.label]}
        counts = np.zeros(classes, np.int64)
        batches = records.read(builder, split).batch(records.READ_BATCH)
        for batch in records.unoptimized(batches):
            some = tf.io.parse_example(batch, spec)[found.label]
            counts += np.bincount(some, minlength=classes)
        return counts

    return count_classes
