"""How long does a later pass over the training images take?

Ours keeps the decoded split in memory; the peer, TFDS's guide, see `guide.py`, keeps
it image by image. Both are in one process, where their passes alternate, because a
pass is so short that what the machine does at that moment would else decide.
TensorFlow alone consumes the batches, as in `fit`.
"""

import time

import numpy as np

from benchmarks import build, first_pass, guide, measure
from benchmarks.files import Setup

_FLOOR = 2.5


def run(setup: Setup) -> list[measure.Row]:
    """Passes in turn; the first of each fills its memory and is the warm-up."""
    build.prepare(setup)
    results, _ = measure.fresh(_passes, setup)
    return [
        measure.Row(
            "later_passes",
            results["ours"],
            results["peer"],
            _FLOOR,
            bound=_bound(setup.examples["train"]),
            notes="The bound is to copy the decoded images once, on one core.",
        )
    ]


def _passes(setup: Setup) -> dict[str, list[float]]:
    from trainer.data import pipeline, source

    builder = source.prepare(setup.data_dir, **setup.source)
    feed = pipeline.load(builder, feed="memory", batch_size=128, seed=0)
    drain_ours = first_pass.drain(feed.train)
    drain_peer = first_pass.drain(guide.pipeline(setup.data_dir))

    def ours(n: int) -> float:
        feed.set_epoch(n + 1)
        return _timed(drain_ours)

    return measure.in_turn(
        "later_passes",
        {"ours": ours, "peer": lambda n: _timed(drain_peer)},
        setup.pairs,
        warm_up=True,
    )


def _timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _bound(examples: int) -> float:
    images = np.ones((examples, 28, 28), np.uint8)
    copy = np.zeros_like(images)
    return min(_timed(lambda: np.copyto(copy, images)) for _ in range(5))
