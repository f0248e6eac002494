"""Does the network wait for the images to be changed?

Ours is a pass over the training images from memory, each changed at random, with
nothing else to do; the peer is the network `strong`, in steps on
images as they are. Both are in one
process, as in the trainer: the images are changed by the cores that the network leaves.
"""

import time

from benchmarks import build, measure
from benchmarks.files import Setup

_BATCH_SIZE = 48
_STEPS = 100  # Of the network, whose time for a pass is reckoned from them.
_FLOOR = 5


def run(setup: Setup) -> list[measure.Row]:
    """Passes of the feed and steps of the network in turn."""
    build.prepare(setup)
    results, _ = measure.fresh(_times, setup)
    return [
        measure.Row(
            "augmentation",
            results["ours"],
            results["peer"],
            _FLOOR,
            notes="The peer is the network that the images are changed for.",
            examples=setup.examples["train"],
        )
    ]


def _times(setup: Setup) -> dict[str, list[float]]:
    from trainer.network import architectures, optimizer, parallel

    plain, changed = (
        setup.feed(feed="memory", batch_size=_BATCH_SIZE, augment=augment)
        for augment in (False, True)
    )
    network = architectures.strong(plain.train.image_shape, 10, plain.pixels)
    model = parallel.divided(network, 1, _BATCH_SIZE)
    model.compile(
        optimizer.adamw(1e-3, 0, _STEPS),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    some = plain.train_batches.take(_STEPS)
    steps = min(_STEPS, plain.steps)

    def ours(n: int) -> float:
        changed.set_epoch(n)
        return _timed(
            lambda: changed.train_batches.reduce(0, lambda count, _: count + 1)
        )

    def peer(n: int) -> float:
        return _timed(lambda: model.fit(some, verbose=0)) * plain.steps / steps

    return measure.in_turn(
        "augmentation", {"ours": ours, "peer": peer}, setup.pairs, warm_up=True
    )


def _timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
