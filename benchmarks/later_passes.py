"""How long does a later pass over the training images take?

Ours keeps the decoded split in memory; the peer, TFDS's guide, see `guide.py`, keeps
it image by image. Both are in one process, where their passes alternate, because a
pass is so short that what the machine does at that moment would else decide.
TensorFlow alone consumes the batches, 20 in a call, as `fit` does with a line of the
log every 20 steps: it asks for no batch past the last, unless the steps of a pass are
no multiple of 20. Of 60,000 images batches of 100 are one, batches of 128 are none.
"""

import time

import numpy as np

from benchmarks import build, guide, measure
from benchmarks.files import Setup

_BATCH_SIZES = (100, 128)
_BATCHES_A_CALL = 20
_FLOOR = 2.5


def run(setup: Setup) -> list[measure.Row]:
    """Passes in turn; the first of each fills its memory and is the warm-up."""
    build.prepare(setup)
    bound = _bound(setup.examples["train"])
    return [_row(setup, batch_size, bound) for batch_size in _BATCH_SIZES]


def _row(setup: Setup, batch_size: int, bound: float) -> measure.Row:
    results, _ = measure.fresh(_passes, setup, batch_size)
    return measure.Row(
        f"later_passes, batches of {batch_size}",
        results["ours"],
        results["peer"],
        _FLOOR,
        bound=bound,
        notes="The bound is to copy the decoded images once, on one core.",
    )


def _passes(setup: Setup, batch_size: int) -> dict[str, list[float]]:
    feed = setup.feed(feed="memory", batch_size=batch_size)
    take_ours = _taker(feed.train_batches, feed.steps)
    take_peer = _taker(guide.pipeline(setup.data_dir, batch_size), feed.steps)

    def ours(n: int) -> float:
        feed.set_epoch(n + 1)
        return _timed(take_ours)

    return measure.in_turn(
        f"later_passes, batches of {batch_size}",
        {"ours": ours, "peer": lambda n: _timed(take_peer)},
        setup.pairs,
        warm_up=True,
    )


def _taker(dataset, steps: int):
    """Returns a function that takes the batches of one pass as Keras's `fit` does."""
    import tensorflow as tf

    @tf.function
    def call(iterator):
        for _ in tf.range(_BATCHES_A_CALL):
            iterator.get_next_as_optional()

    def taken():
        iterator = iter(dataset)
        for _ in range(0, steps, _BATCHES_A_CALL):
            call(iterator)

    return taken


def _timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _bound(examples: int) -> float:
    images = np.ones((examples, 28, 28), np.uint8)
    copy = np.zeros_like(images)
    return min(_timed(lambda: np.copyto(copy, images)) for _ in range(5))
