"""A split of a data set: opened and checked once, then asked for what it holds."""

import functools
import sys
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import mnist_idx_tfds
from mnist_idx_tfds import program
from trainer import signals
from trainer.data import damage, features, overlap, records, source
from trainer.data.order import Order
from trainer.errors import TrainerError
from trainer.machine import shares

_BATCH = 1000  # Images that are evaluated at once, unless they are large.


class Split:
    """A split of a prepared data set of images with a label each.

    Attributes:
      builder: of the data set.
      name: TFDS name of the data set, with configuration and version.
      split: TFDS split, such as "test" or "train[:85%]".
      features: which of an example's are read.
      image_shape: height, width and channels, in pixels.
      label_names: names of the classes, in the order of their labels.
      examples: number of examples, at least one.
      batch_size: examples that are evaluated at once.
      in_memory: what `arrays` has read.
    """

    def __init__(
        self, builder: tfds.core.DatasetBuilder, split: str, flag: str = "--split"
    ) -> None:
        """Opens a split; no more than one of its labels is read.

        Args:
          builder: a prepared data set.
          split: TFDS split.
          flag: that names it, for errors.

        Raises:
          TrainerError: there is no such split, it has no examples or no labels, or some
            twice, the data set is not one of images with a label each, or a file is damaged.
        """
        self.builder, self.split, self._flag = builder, split, flag
        self.name = builder.info.full_name
        self.features = features.find(builder.info)
        self.image_shape = self.features.image_shape
        self.label_names = self.features.label_names
        self.examples = self._count()
        self.batch_size = shares.at_once(self.image_shape, _BATCH)
        self.in_memory: tuple[tf.Tensor, tf.Tensor] | None = None
        with damage.named(builder):
            damage.check_sizes(builder, split)
            self._check_labelled()

    def read(
        self, order: Order | None = None, number: tf.Tensor | int = 0
    ) -> tf.data.Dataset:
        """Returns serialized examples, as `records.read` does."""
        return records.read(self.builder, self.split, order, number)

    @property
    def decode(self) -> records.Decoder:
        """A function from serialized examples `(n,)` to images and labels."""
        return records.decoder(self.features)

    def batches(self, batch_size: int | None = None, most: int = -1) -> tf.data.Dataset:
        """Returns images and labels in the order of the files.

        Args:
          batch_size: examples in each batch, but for the last, with the rest; None for
            what is read at once.
          most: examples in all; -1 for all that there are.
        """
        batch_size = batch_size or shares.at_once(self.image_shape, records.READ_BATCH)
        some = self.read().take(most).batch(batch_size)
        return some.map(self.decode, num_parallel_calls=records.CORES)

    def arrays(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads all images and labels into memory, once, in the order of the files."""
        if self.in_memory:
            return self.in_memory
        parts = program.progress(
            records.unoptimized(self.batches()),
            self.examples,
            f"reading {self.split}",
            "images",
            size=lambda part: len(part[1]),
            pauses=source.pauses(),
            to=sys.stdout,
        )
        # To fill one array needs more: TensorFlow copies NumPy's more than once, and its
        # own with each part.
        images, labels = (tf.concat(x, 0) for x in zip(*parts, strict=True))
        self.in_memory = images, labels
        return self.in_memory

    @functools.cached_property
    def class_counts(self) -> np.ndarray:
        """Examples of each class, int64 `(classes,)`; no image is decoded for it."""
        classes = len(self.label_names)
        if self.in_memory:
            return np.bincount(self.in_memory[1].numpy(), minlength=classes)
        counts = np.zeros(classes, np.int64)
        for batch in records.unoptimized(self.read().batch(records.READ_BATCH)):
            labels = records.labels(batch, self.features)
            counts += np.bincount(labels, minlength=classes)
        return counts

    def parted(self, count: int) -> "tuple[Split, Split]":
        """Returns the split without so many of its examples, and these: the last ones."""
        infos = self.builder.info.splits
        places = tfds.core.ReadInstruction.from_spec(self.split).to_absolute(infos)
        kept, taken, left = [], [], self.examples - count
        for place in places:
            start = place.from_ or 0
            stop = place.to or infos[place.splitname].num_examples
            middle = min(start + left, stop)
            left -= middle - start
            kept += [f"{place.splitname}[{start}:{middle}]"] * (start < middle)
            taken += [f"{place.splitname}[{middle}:{stop}]"] * (middle < stop)
        rest, last = (Split(self.builder, "+".join(x)) for x in (kept, taken))
        return rest, last

    def watched(
        self, doing: str, labels: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields batches, with a line every two seconds, up to a signal.

        Args:
          doing: what is done with them, such as "evaluating".
          labels: to give instead of each of the split's own, int64 `(classes,)`.

        Raises:
          signals.Interrupted: there was a signal.
          TrainerError: a file is damaged.
        """
        batches = records.unoptimized(self.batches(self.batch_size).prefetch(2))
        with damage.named(self.builder):
            for images, given in program.progress(
                batches, self.examples, doing, "images", size=lambda pair: len(pair[1])
            ):
                if signals.received():
                    raise signals.Interrupted
                yield images, given if labels is None else labels.take(given)

    def _count(self) -> int:
        try:
            parts = self.builder.info.splits[self.split].file_instructions
            takes = [part.take for part in parts]
            # Less than none of a slice that ends before it begins; TensorFlow reads all.
            examples = sum(takes) if min(takes, default=0) > 0 else 0
            reason = "it has no examples"
        except overlap.NO_SPLIT as e:
            examples, reason = 0, str(e).splitlines()[0]
        if not examples:
            raise self._error(
                f"{self._names}, or a part such as 'train[:85%]': {reason}"
            )
        if twice := overlap.repeats(self.builder, self.split):
            raise self._error(f"each example once, found {twice:,} named twice")
        return examples

    def _check_labelled(self) -> None:
        """Raises an error for labels that are unknown, which TFDS has as -1."""
        if self.builder.name == mnist_idx_tfds.Builder.name:
            return  # Which has checked them; reading one takes up to 0.1 s.
        for batch in self.read().take(1).batch(1):
            if records.labels(batch, self.features)[0] < 0:
                raise self._error(
                    "labels from 0, found -1, as TFDS has it for splits without labels. "
                    f"Choose one that has them, of {self._names}."
                )

    @property
    def _names(self) -> str:
        return ", ".join(self.builder.info.splits)

    def _error(self, expected: str) -> TrainerError:
        return TrainerError(f"{self._flag}={self.split}: expected {expected}")
