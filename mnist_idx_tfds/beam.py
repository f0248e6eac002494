"""The examples of a split, made by the workers of an Apache Beam pipeline.

Only for builds in which the user names Beam: whoever imports this module imports Beam.
Workers call functions of this module with paths and numbers; no builder is pickled.
"""

import re
import traceback
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from mnist_idx_tfds import idx, idx_set, png

# What a worker reads at a time, in chunks: an opened file for each, which takes long on
# a remote file system, and enough of them for many workers.
_RANGE_BYTES = 16 << 20

_Chunk = tuple[int, np.ndarray, np.ndarray]  # Key of the first; images; labels.


def examples(
    pair: idx_set.Pair, shape: tuple[int, int, int], num_classes: int, most: int | None
) -> beam.PTransform:
    """Returns the transform from a pipeline to a split's keys and examples.

    Keys are positions in the files, as in a build without Beam. Plain files are read in
    ranges by many workers. Of gzip files, which must be read from their beginning, one
    worker reads both, and many encode what it read. Memory of a worker holds a chunk,
    about 1 MiB of images, beside what its runner keeps.

    Args:
      pair: the split's two files, where all workers can read them.
      shape: height, width and channels that the images must have, in pixels.
      num_classes: labels must be 0 to `num_classes - 1`.
      most: number of examples, the first, that are enough; None for all.

    Raises:
      idx.IdxError: headers or labels are wrong, or a plain file's length is. What is
        wrong with a gzip file is found by the worker, and ends the pipeline before
        anything is yielded; see `idx_error`.
    """
    header = idx_set.check(pair, shape, num_classes)
    count = header.shape[0] if most is None else min(most, header.shape[0])
    if idx_set.is_plain(pair):
        # Workers verify it, too; but here the error does not come out of Beam's log.
        idx.read_range(pair.images, 0, 0)
        items = max(1, _RANGE_BYTES // header.item_bytes)
        ranges = [(n, min(n + items, count)) for n in range(0, count, items)]
        # Create spreads the ranges over the workers.
        chunks = beam.Create(ranges) | "Read" >> beam.FlatMap(_read_range, pair)
    else:
        chunks = (
            beam.Create([count])
            | "Read" >> beam.FlatMap(_read_first, pair, shape, num_classes)
            | "Spread" >> beam.Reshuffle()
        )
    return chunks | "EncodePng" >> beam.FlatMap(_encode)


def idx_error(cause: Exception) -> idx.IdxError | None:
    """Returns the `IdxError` of a worker that ended a pipeline, None if none did.

    Runners raise errors of their own, with the worker's traceback in their text, or the
    worker's with other words; to its message, Beam adds in which step it was.
    """
    text = "".join(traceback.format_exception_only(cause))
    found = re.search(r"\bIdxError: (.*) \[while running ", text)
    return idx.IdxError(found[1]) if found else None


def _read_range(bounds: tuple[int, int], pair: idx_set.Pair) -> Iterator[_Chunk]:
    start, stop = bounds
    for images, labels in idx_set.read_range(pair, start, stop):
        yield start, images, labels
        start += len(images)


def _read_first(
    count: int, pair: idx_set.Pair, shape: tuple[int, int, int], num_classes: int
) -> Iterator[_Chunk]:
    start = 0
    for images, labels in idx_set.read(pair, shape, num_classes):
        if start >= count:
            break
        yield start, images[: count - start], labels[: count - start]
        start += len(images)


def _encode(chunk: _Chunk) -> Iterator[tuple[int, dict[str, Any]]]:
    start, images, labels = chunk
    pairs = zip(png.encode(images), labels.tolist(), strict=True)
    for key, (image, label) in enumerate(pairs, start):
        yield key, {"image": image, "label": label}
