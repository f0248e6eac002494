"""How long does the first pass over the training images take, with nothing cached?

Ours is what `python -m trainer` trains from; the peer is TFDS's guide, see
`guide.py`. Each is in a new process, from the prepared data set's name to its last
batch; imports are not counted. TensorFlow alone consumes the batches, as in `fit`,
and the files are in the page cache.
"""

import pathlib
import struct
import time
import zlib

from benchmarks import build, guide, measure
from benchmarks.files import Setup, feed
from mnist_idx_tfds import machine

_FLOOR = 3.5


def run(setup: Setup) -> list[measure.Row]:
    """Passes in turn."""
    build.prepare(setup)
    results = measure.in_turn(
        "first_pass",
        {
            "ours": lambda n: measure.fresh(ours, setup.data_dir, setup.source),
            "peer": lambda n: measure.fresh(peer, setup.data_dir),
        },
        setup.pairs,
        setup.warm_up,
    )
    seconds = {side: [s for s, _ in results[side]] for side in results}
    return [
        measure.Row(
            "first_pass",
            seconds["ours"],
            seconds["peer"],
            _FLOOR,
            bound=bound(setup.data_dir),
            notes="The bound is to read the records from the page cache and to inflate "
            "their PNGs with zlib, shared by all cores.",
            memory=tuple(max(m for _, m in results[side]) for side in results),
        )
    ]


def ours(data_dir: str, source: dict[str, str | None]) -> float:
    """Returns the seconds to our last batch."""
    start = time.perf_counter()
    drain(feed(data_dir, source, batch_size=128).train_batches)()
    return time.perf_counter() - start


def peer(data_dir: str) -> float:
    """Returns the seconds to the guide's last batch."""
    from tensorflow_datasets.image_classification import mnist  # noqa: F401

    start = time.perf_counter()
    drain(guide.pipeline(data_dir))()
    return time.perf_counter() - start


def drain(dataset):
    """Returns a function that takes all batches of one pass and counts them."""
    import tensorflow as tf

    @tf.function
    @tf.autograph.experimental.do_not_convert
    def passed():
        return dataset.reduce(0, lambda count, batch: count + 1)

    return passed


def bound(data_dir: str) -> float:
    """Returns the seconds that all cores take to read and inflate our PNGs."""
    folder = pathlib.Path(data_dir, "mnist_idx_tfds")
    start = time.perf_counter()
    for path in folder.rglob("*-train.tfrecord*"):
        records, at = path.read_bytes(), 0
        while at < len(records):
            # A record: its length in eight bytes, their CRC in four, itself, its CRC.
            (size,) = struct.unpack_from("<Q", records, at)
            chunk = records.index(b"IDAT", at)
            (png,) = struct.unpack_from(">I", records, chunk - 4)
            zlib.decompress(memoryview(records)[chunk + 4 : chunk + 4 + png])
            at += 16 + size
    return (time.perf_counter() - start) / machine.cores()
