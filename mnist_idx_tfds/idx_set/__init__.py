"""A set of four IDX files: images and labels, to train on and to test on.

Its files are found by their names, `finding.py`, and opened once, `opened.py`: images by
`images.py`, labels by `labels.py`, and the texts that may lie beside them by `texts.py`.
"""

from mnist_idx_tfds.idx_set.finding import Pair, find, is_set, named, pair_of
from mnist_idx_tfds.idx_set.images import (
    Images,
    holds_images,
    sha256,
    size_name,
    with_channels,
)
from mnist_idx_tfds.idx_set.opened import TRANSPOSE, IdxSet, Part, images_of
from mnist_idx_tfds.idx_set.texts import (
    NAMES_FILE,
    PICTURES_FILES,
    read_names,
    write_names,
    write_pictures,
)
