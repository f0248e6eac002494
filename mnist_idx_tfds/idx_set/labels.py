"""One file of labels of a set."""

import hashlib

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.idx_set.images import Images

_TYPES = [np.dtype(name) for name in ("u1", "i1", ">i2", ">i4")]
_LABELS_ARE = "Labels must be integers, one for each image."
_SWAPPED = "This is an image file; are images and labels swapped?"
# A label file read with the wrong byte order or type shows as absurd labels; no
# data set that fits these files has more classes than this.
_MAX_CLASSES = 1 << 16


def read(path: idx.PathLike, images: Images) -> tuple[np.ndarray, str]:
    """Reads a file of labels to its end.

    Args:
      path: the file.
      images: those that are labelled.

    Returns:
      The labels, integers as wide as in the file, `(n,)`, and the file's SHA-256 as
      hexadecimal digits.

    Raises:
      idx.IdxError: it does not hold labels, or not one for each of the images, or one is
        out of all reason.
    """
    header = idx.read_header(path)
    if len(header.shape) != 1 or header.dtype not in _TYPES:
        hint = _SWAPPED if len(header.shape) in (3, 4) else _LABELS_ARE
        expected = idx.magic_name(bytes([0, 0, 8, 1]))
        found = idx.magic_name(header.magic)
        raise idx.error(path, "magic number", expected, found, hint)
    if header.shape[0] != len(images):
        expected = f"{len(images)}, one for each image in {images.path.name}"
        hint = "Are the two files from one set and one split?"
        raise idx.error(path, "label count", expected, f"{header.shape[0]}", hint)
    digest = hashlib.sha256()
    labels = idx.load(path, digest)
    if labels.shape != header.shape:
        raise idx.changed(path)
    check_range(path, labels, _MAX_CLASSES)
    return labels, digest.hexdigest()


def check_range(path: idx.PathLike, labels: np.ndarray, num_classes: int) -> None:
    """Raises an error if there is a label that is not 0 to `num_classes - 1`."""
    for label in (int(labels.min()), int(labels.max())):
        if not 0 <= label < num_classes:
            expected = f"0 to {num_classes - 1}"
            hint = "Do the labels belong to these images, and is their type right?"
            raise idx.error(path, "label", expected, f"{label}", hint)
