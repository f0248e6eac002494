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


def examples(part: idx_set.Part, most: int | None) -> beam.PTransform:
    """Returns the transform from a pipeline to a split's keys and examples.

    Keys are positions in the files, as in a build without Beam. Plain files are read in
    ranges by many workers. Of gzip files, which must be read from their beginning, one
    worker reads both, and many encode what it read. Memory of a worker holds a chunk,
    about 1 MiB of images, beside what its runner keeps.

    Args:
      part: what a set has for the split, where all workers can read it.
      most: number of examples, the first, that are enough; None for all.

    Raises:
      idx.IdxError: a plain file's length is wrong. What is wrong with a gzip file is
        found by the worker, and ends the pipeline before anything is yielded; see
        `idx_error`.
    """
    images, labels = part.images, part.labels
    count = len(images) if most is None else min(most, len(images))
    if not images.header.compressed:
        # Workers verify it, too; but here the error does not come out of Beam's log.
        idx.read_range(images.path, 0, 0)
        items = max(1, _RANGE_BYTES // images.header.item_bytes)
        ranges = [
            (n, labels[n : min(n + items, count)]) for n in range(0, count, items)
        ]
        # Create spreads the ranges over the workers.
        chunks = beam.Create(ranges) | "Read" >> beam.FlatMap(_read_range, images)
    else:
        chunks = (
            beam.Create([labels[:count]])
            | "Read" >> beam.FlatMap(_read_first, images)
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


def _read_range(
    labelled: tuple[int, np.ndarray], images: idx_set.Images
) -> Iterator[_Chunk]:
    start, labels = labelled
    yield from _zip(images.read_range(start, start + len(labels)), labels, start)


def _read_first(labels: np.ndarray, images: idx_set.Images) -> Iterator[_Chunk]:
    yield from _zip(images.read(), labels, 0)


def _zip(
    chunks: Iterator[np.ndarray], labels: np.ndarray, key: int
) -> Iterator[_Chunk]:
    """Yields images with their labels, of the first images as many as these are.

    All are read, since only then is it known that the file did not change.
    """
    done = 0
    for images in chunks:
        end = min(done + len(images), len(labels))
        if end > done:
            yield key + done, images[: end - done], labels[done:end]
        done = end


def _encode(chunk: _Chunk) -> Iterator[tuple[int, dict[str, Any]]]:
    start, images, labels = chunk
    pairs = zip(png.encode(images), labels.tolist(), strict=True)
    for key, (image, label) in enumerate(pairs, start):
        yield key, {"image": image, "label": label}
