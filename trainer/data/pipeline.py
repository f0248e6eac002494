"""From the splits of a data set to the batches of a run.

A split that fits in memory is read once, before the run, and each pass is a permutation
of it. A larger one is streamed: in each epoch its files in an order of their own, and
their records shuffled a large piece at a time. An epoch is one pass or more.
"""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from mnist_idx_tfds import machine
from trainer.data import augmentation, brightness, feeds, overlap, records
from trainer.data.order import Order
from trainer.data.split import Split
from trainer.errors import TrainerError
from trainer.machine import peers

# Memory that a split takes at its peak: its pixels as they are read, and once more as
# they are kept; later, these, and a piece and the order of an epoch.
_COPIES = 2.2
_BATCHES = 16  # Of the size of the largest, that a step and the next ones' making take.
_OTHER_BYTES = 1 << 30  # That the rest of a run needs, beside what is imported by now.
_SAMPLE = 10_000  # Examples that tell how bright a split is.


@dataclasses.dataclass(frozen=True)
class Data:
    """Two splits of a data set, and the batches of them that a run is fed with.

    Attributes:
      train: what is trained on.
      evaluation: what is evaluated on.
      held: what tells how sure the network may be; None where it is told otherwise.
      batch_size: training examples a step; an epoch's last step has the rest.
      eval_batch_size: evaluation examples a step, the same.
      passes: over the training examples in an epoch; of the last there may be a part.
      epoch_examples: training examples in an epoch.
      steps: training batches in an epoch.
      feed: "memory" or "stream", where an epoch's training examples come from.
      why_feed: for people, where there was not enough memory; else empty.
      augmentation: how much training images are changed at random, anew in each pass;
        None for not at all.
      pixels: of the training split.
      train_batches: one epoch, images uint8 `(batch, *image_shape)` and labels int64
        `(batch,)`, in an order of its own for each epoch. A last one that devices
        cannot share evenly is filled up, see `shares`; of several processes, each has
        its part of every batch.
      eval_batches: batches of the same form with every evaluation example once.
      eval_shared: the same, filled up and in parts like `train_batches`.
      set_epoch: tells `train_batches` which epoch the next iteration is, counted from 0.
    """

    train: Split
    evaluation: Split
    held: Split | None
    batch_size: int
    eval_batch_size: int
    passes: float
    epoch_examples: int
    steps: int
    feed: str
    why_feed: str
    augmentation: augmentation.Strength | None
    pixels: brightness.Pixels
    train_batches: tf.data.Dataset
    eval_batches: tf.data.Dataset
    eval_shared: tf.data.Dataset
    set_epoch: Callable[[int], Any]


def of(
    train: Split,
    evaluation: Split,
    *,
    batch_size: int,
    seed: int,
    held: Split | None = None,
    feed: str = "auto",
    passes: float = 1,
    augment: bool = False,
    devices: int = 1,
) -> Data:
    """Builds the pipelines, and reads the splits that are to be in memory.

    Args:
      train: split to train on.
      evaluation: split to evaluate on, of the same data set.
      batch_size: training examples a step; the last step of an epoch has the rest.
      seed: decides, with the epoch's number and the feed, the order of the training
        examples and how each is changed.
      held: split that is neither trained nor evaluated on.
      feed: "memory", "stream", or "auto" to decide by the split's size, and by the
        memory that is left.
      passes: over the training examples in an epoch, 1 at least.
      augment: whether to change training images at random, see `augmentation`.
      devices: that share each batch evenly.

    Raises:
      TrainerError: the splits have examples in common, or the data set is of a file
        format that cannot be read.
    """
    check_apart(train, evaluation)
    # Of a GPU they would have to be fetched from there for each batch.
    with tf.device("CPU:0"):
        order = Order(
            tf.constant(seed, tf.int64), tf.Variable(0, dtype=tf.int64), passes
        )
        eval_batch_size = evaluation.batch_size + -evaluation.batch_size % devices
        largest = max(batch_size, eval_batch_size)
        train_feed, why_feed = _choose(train, feed, largest)
        count = order.examples(train.examples)
        own = feeds.own_rows(count, batch_size, devices)
        if train_feed == "memory":
            arrays = train.arrays()
            # In pieces, since TensorFlow and NumPy copy what they take from the whole.
            most, piece = min(_SAMPLE, train.examples), train.batch_size
            pixels = brightness.pixels(
                arrays[0][start : min(start + piece, most)].numpy()
                for start in range(0, most, piece)
            )
            batches = feeds.shared(feeds.from_memory(arrays, batch_size, order), own)
        else:
            sample = records.unoptimized(train.batches(most=_SAMPLE))
            pixels = brightness.pixels(images.numpy() for images, _ in sample)
            batches = feeds.from_stream(train, batch_size, order, own)
        strength = None
        if augment:
            strength = augmentation.strength(train.examples, len(train.label_names))
            batches = feeds.augmented(batches, batch_size, order, strength)
        steps = -(-count // batch_size)
        if _choose(evaluation, feed, largest)[0] == "memory":
            eval_batches = feeds.batches(evaluation.arrays(), eval_batch_size)
        else:
            eval_batches = evaluation.batches(eval_batch_size).prefetch(2)
        eval_steps = -(-evaluation.examples // eval_batch_size)
        own = feeds.own_rows(evaluation.examples, eval_batch_size, devices)
        return Data(
            train=train,
            evaluation=evaluation,
            held=held,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            passes=passes,
            epoch_examples=count,
            steps=steps,
            feed=train_feed,
            why_feed=why_feed,
            augmentation=strength,
            pixels=pixels,
            train_batches=_counted(batches, steps),
            eval_batches=_counted(eval_batches, eval_steps),
            eval_shared=_counted(feeds.shared(eval_batches, own), eval_steps),
            set_epoch=order.epoch.assign,
        )


def check_apart(train: Split, evaluation: Split) -> None:
    """Raises an error for examples that are in both."""
    common = overlap.count(train.builder, evaluation.split, train.split)
    if not common:
        return
    splits = ", ".join(train.builder.info.splits)
    hint = (
        "Take parts that share none, such as --train_split='train[:85%]' "
        f"--eval_split='train[85%:]', or whole splits, of {splits}."
    )
    if part := re.fullmatch(r"(\w+)\[([^:]*):([^:]*)\]", evaluation.split):
        name, start, stop = part.groups()
        if start and not stop:
            hint = f"Write --train_split='{name}[:{start}]'."
        elif stop and not start:
            hint = f"Write --train_split='{name}[{stop}:]'."
    raise TrainerError(
        f"--eval_split={evaluation.split}: expected images that are not trained on, "
        f"found {common:,} of {evaluation.examples:,} in --train_split={train.split}, "
        f"too. {hint}"
    )


def _counted(batches: tf.data.Dataset, steps: int) -> tf.data.Dataset:
    """Tells Keras the number of steps, which tf.data cannot derive from the files."""
    return records.unoptimized(
        batches.apply(tf.data.experimental.assert_cardinality(steps))
    )


def _choose(split: Split, feed: str, batch_size: int) -> tuple[str, str]:
    """Returns the feed of a split, and why `auto` streams it; else the latter is empty."""
    if feed != "auto":
        return feed, ""
    if split.in_memory:
        return "memory", ""
    images = _COPIES * split.examples + _BATCHES * batch_size
    needed = images * math.prod(split.image_shape) + _OTHER_BYTES
    left = min(peers.all_say(machine.memory_left()))
    if needed <= left:
        return "memory", ""
    why = f"memory needs {needed / 2**30:.1f} GiB and has {left / 2**30:.1f} GiB"
    return "stream", why
