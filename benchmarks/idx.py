"""How long does it take to read the four files into arrays, gzip and plain?

Ours is `idx.load`, which checks what it reads; the peers are idx2numpy, and torchvision's
reader behind its `MNIST`, which takes plain files only, and so makes these of gzip files
first. Each reads all four and holds the arrays, five times in a new process without
TensorFlow, of which the median counts; imports do not. The files are in the page cache.
"""

import gzip
import pathlib
import shutil
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.files import Setup
from mnist_idx_tfds import idx, idx_set

_FLOOR = 1.0
_READS = 5
_BLOCK_BYTES = 1 << 16


def run(setup: Setup) -> list[measure.Row]:
    """Reads in turn."""
    plain, packed = _copies(setup)
    sides: dict[str, tuple[list[pathlib.Path], Callable]] = {}
    notes = [
        "The bound is to inflate the files, or to copy them from the page cache, into "
        "memory that is in use."
    ]
    for peer in (idx2numpy, torchvision):
        name = peer.__name__
        if note := measure.left_out(name, name):
            notes.append(note)
            continue
        sides[f"idx, gzip, {name}"] = packed, peer
        sides[f"idx, plain, {name}"] = plain, peer
    if not sides:
        measure.progress("idx", *notes[1:])
    return [
        _row(setup, part, paths, peer, " ".join(notes))
        for part, (paths, peer) in sides.items()
    ]


def ours(paths: list[pathlib.Path]) -> float:
    """Returns the seconds that we take."""
    return _seconds(idx.load, paths)


def idx2numpy(paths: list[pathlib.Path]) -> float:
    """Returns the seconds that idx2numpy takes, with Python's gzip where it must."""
    from idx2numpy import convert_from_file

    def read(path):
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
            return convert_from_file(stream)

    return _seconds(read, paths)


def torchvision(paths: list[pathlib.Path]) -> float:
    """Returns the seconds that torchvision takes."""
    from torchvision.datasets import utils
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    with tempfile.TemporaryDirectory(dir=paths[0].parent) as folder:

        def read(path):
            if path.suffix == ".gz":
                path = utils.extract_archive(path, folder)
            return read_sn3_pascalvincent_tensor(path)

        return _seconds(read, paths)


def _seconds(read: Callable[[pathlib.Path], Any], paths: list[pathlib.Path]) -> float:
    """Returns the median of the times to read all files."""
    seconds = []
    for _ in range(_READS):
        start = time.perf_counter()
        arrays = [read(path) for path in paths]
        seconds.append(time.perf_counter() - start)
        del arrays  # Before the next are made.
    return statistics.median(seconds)


def _copies(setup: Setup) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """Writes the four files, and returns them plain and as gzip files."""
    folder = setup.work / "idx"
    folder.mkdir()
    plain, packed = [], []
    for pair in idx_set.find(setup.idx_dir).values():
        for path in map(pathlib.Path, pair):
            array, name = idx.load(path), path.name.removesuffix(".gz")
            plain.append(folder / name)
            idx.save(plain[-1], array)
            packed.append(folder / f"{name}.gz")
            if path.suffix == ".gz":
                shutil.copy(path, packed[-1])  # As its publisher compressed it.
            else:
                idx.save(packed[-1], array)
    return plain, packed


def _row(
    setup: Setup, part: str, paths: list[pathlib.Path], peer: Callable, notes: str
) -> measure.Row:
    results = measure.in_turn(
        part,
        {
            "ours": lambda n: measure.fresh(ours, paths, tensorflow=False),
            "peer": lambda n: measure.fresh(peer, paths, tensorflow=False),
        },
        setup.pairs,
        setup.warm_up,
    )
    seconds = {side: [s for s, _ in results[side]] for side in results}
    return measure.Row(
        part,
        seconds["ours"],
        seconds["peer"],
        _FLOOR,
        bound=_seconds(_least, paths),
        notes=notes,
        memory=tuple(max(m for _, m in results[side]) for side in results),
    )


def _least(path: pathlib.Path) -> None:
    """Does what no reader can leave out."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    block = np.empty(_BLOCK_BYTES, np.uint8)
    with path.open("rb", buffering=0) as stream:
        while size := stream.readinto(block):
            if path.suffix == ".gz":
                inflate.decompress(block[:size])
