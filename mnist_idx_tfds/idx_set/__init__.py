"""A set of four IDX files: images and labels, to train on and to test on.

Its files are found by their names, `finding.py`, and opened once, `opened.py`: images by
`images.py`, labels by `labels.py`, and the texts that may lie beside them by `texts.py`.
"""

from mnist_idx_tfds.idx_set.finding import FILE_NAME, Pair, find, pair_of
from mnist_idx_tfds.idx_set.images import (
    Images,
    holds_images,
    sha256,
    size_name,
    with_channels,
)
from mnist_idx_tfds.idx_set.opened import IdxSet, Part
from mnist_idx_tfds.idx_set.texts import (
    NAMES_FILE,
    PICTURES_FILES,
    read_names,
    write_names,
    write_pictures,
)

__all__ = [
    "FILE_NAME",
    "NAMES_FILE",
    "PICTURES_FILES",
    "IdxSet",
    "Images",
    "Pair",
    "Part",
    "find",
    "holds_images",
    "pair_of",
    "read_names",
    "sha256",
    "size_name",
    "with_channels",
    "write_names",
    "write_pictures",
]
