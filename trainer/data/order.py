"""The order of the training examples."""

import math
from typing import NamedTuple

import tensorflow as tf


class Order(NamedTuple):
    """What the order of the training examples is a function of."""

    seed: tf.Tensor
    epoch: tf.Variable
    passes: float  # In an epoch; of the last one there may be a part.

    def examples(self, rows: int) -> int:
        """Returns how many examples an epoch has of so many rows."""
        return round(self.passes * rows)

    @property
    def permuted(self) -> int:
        """Passes that an epoch has a part of, or all."""
        return math.ceil(self.passes)

    def start(self, rows: int) -> tf.Tensor:
        """Returns a row that is another one in each epoch, all equally likely."""
        seed = tf.stack([self.seed, self.epoch])
        return tf.random.stateless_uniform([], seed, 0, rows, tf.int64)

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
        number = self.epoch * self.permuted + tf.cast(number, tf.int64)
        seed = tf.stack([self.seed, number * (1 << 32) + piece])
        return tf.random.experimental.stateless_shuffle(
            tf.range(tf.cast(rows, tf.int64)), seed
        )

    def permutations(self, rows: int) -> tf.Tensor:
        """Returns one for each pass of the epoch, int64 `(examples(rows),)`."""
        if self.passes == 1:  # In a loop it takes twice as long.
            return self.permutation(rows)
        orders = tf.map_fn(
            lambda number: self.permutation(rows, number),
            tf.range(self.permuted),
            fn_output_signature=tf.TensorSpec([rows], tf.int64),
        )
        return tf.reshape(orders, [-1])[: self.examples(rows)]
