"""An epoch's batches, from memory or streamed, and the part of a process in each."""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from trainer.data import augmentation
from trainer.data.order import Order
from trainer.data.records import CORES, as_is
from trainer.data.split import Split
from trainer.machine import peers, shares

# Images of a streamed split that are shuffled together, or taken from memory at once.
PIECE_BYTES = 1 << 26
# Images of a streamed split that one call decodes; a call takes time of its own.
_GROUP_BYTES = 1 << 22
# Batches that are made beside each other; to change one takes many times as much.
_BESIDE_BYTES = 1 << 26


def from_memory(
    arrays: tuple[tf.Tensor, tf.Tensor], batch_size: int, order: Order
) -> tf.data.Dataset:
    """Returns an epoch's batches of images and labels that are in memory.

    Args:
      arrays: images uint8 `(n, height, width, channels)` and labels int64 `(n,)`.
      batch_size: examples in each, but for the last of an epoch, with the rest.
      order: of the examples; each iteration is the epoch that it then says.
    """
    examples, *shape = arrays[0].shape
    # A batch at a time, calls would take longer than copying; all at once, the split
    # would be in memory twice.
    batches_at_once = max(1, PIECE_BYTES // (math.prod(shape) * batch_size))
    piece = batch_size * batches_at_once
    count = order.examples(examples)
    whole = count // batch_size * batch_size

    def gathered(rows):
        return [tf.gather(array, rows) for array in arrays]

    @as_is
    def epoch(_):
        rows = order.permutations(examples)

        @as_is
        def batches(start):
            picked = rows[start : tf.minimum(start + piece, whole)]
            return _whole_batches(gathered(picked), batch_size)

        pieces = tf.data.Dataset.range(0, whole, piece).flat_map(batches)
        if whole == count:
            return pieces
        last = tf.data.Dataset.from_tensors(tuple(gathered(rows[whole:])))
        return pieces.concatenate(last)

    return tf.data.Dataset.range(1).flat_map(epoch)


def from_stream(
    split: Split, batch_size: int, order: Order, own: Callable | None
) -> tf.data.Dataset:
    """Returns an epoch's batches of what is read as they are needed.

    Args:
      split: of a prepared data set.
      batch_size: as of `from_memory`.
      order: the same.
      own: as `own_rows` returns it; the other rows of a batch are not decoded.
    """
    shape, decode = split.image_shape, split.decode

    def examples(some_bytes):
        # Of whole batches, so that only the epoch's last one can be short.
        return max(1, some_bytes // (math.prod(shape) * batch_size)) * batch_size

    piece, group = examples(PIECE_BYTES), examples(_GROUP_BYTES)
    whole = int(order.passes)
    part = order.examples(split.examples) - whole * split.examples

    @as_is
    def groups(number, encoded):
        count = tf.size(encoded, tf.int64)
        picked = order.permutation(count, piece=number + 1)
        shuffled = tf.gather(encoded, picked)
        whole = count // batch_size * batch_size
        # A short batch is a group by itself.
        starts = [tf.range(0, whole, group), tf.range(whole, count, batch_size)]
        bounds = tf.concat([*starts, [count]], 0)
        slices = tf.data.Dataset.from_tensor_slices((bounds[:-1], bounds[1:]))
        return slices.map(as_is(lambda start, end: shuffled[start:end]))

    @as_is
    def batches(encoded):
        rows = tf.reshape(encoded, [-1, tf.minimum(tf.size(encoded), batch_size)])
        if own:
            rows = tf.gather(rows, own(tf.shape(rows)[1]), axis=1)
        images, labels = decode(tf.reshape(rows, [-1]))
        size = tf.shape(rows)[1]
        return tf.reshape(images, [-1, size, *shape]), tf.reshape(labels, [-1, size])

    @as_is
    def one_pass(number):
        return split.read(order, number)

    @as_is
    def epoch(_):
        encoded = tf.data.Dataset.range(whole).flat_map(one_pass)
        if part:
            last = one_pass(whole)
            # From anywhere on, or the first records would be seen more often.
            turned = last.skip(order.start(split.examples)).concatenate(last)
            encoded = encoded.concatenate(turned.take(part))
        return encoded.batch(piece).enumerate().flat_map(groups)

    # An epoch's order of files is looked up when its iteration begins.
    dataset = tf.data.Dataset.range(1).flat_map(epoch)
    calls = _calls(group * math.prod(shape))
    return dataset.map(batches, num_parallel_calls=calls).prefetch(2).unbatch()


def batches(arrays: Sequence[tf.Tensor], batch_size: int) -> tf.data.Dataset:
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


def own_rows(examples: int, batch_size: int, devices: int) -> Callable | None:
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


def shared(batches: tf.data.Dataset, own: Callable | None) -> tf.data.Dataset:
    """Leaves of each batch the rows that this process computes."""
    if own is None:
        return batches

    @as_is
    def share(*columns):
        rows = own(tf.size(columns[1]))
        return tuple(tf.gather(column, rows) for column in columns)

    return batches.map(share, num_parallel_calls=CORES).prefetch(2)


def augmented(
    batches: tf.data.Dataset,
    batch_size: int,
    order: Order,
    strength: augmentation.Strength,
) -> tf.data.Dataset:
    """Changes each image as a function of its place in the epoch, and so of the run."""

    @as_is
    def change(batch, columns):
        images, labels = columns
        seed = tf.stack([order.seed, order.epoch * (1 << 32) + batch])
        size = tf.size(labels)
        # Of all processes' rows, of which this one takes its own.
        numbers = augmentation.numbers(seed, peers.count() * size)
        own = numbers[peers.index() * size :][:size]
        return augmentation.warp(images, own, strength), labels

    calls = _calls(batch_size * math.prod(batches.element_spec[0].shape[1:]))
    return batches.enumerate().map(change, num_parallel_calls=calls).prefetch(2)


def _calls(batch_bytes: int) -> int:
    return max(1, min(CORES, _BESIDE_BYTES // batch_bytes))
