"""One file of labels of a set."""

import hashlib
from collections.abc import Iterable

import numpy as np
from etils import epath

from mnist_idx_tfds import idx
from mnist_idx_tfds.idx_set.images import Images

_TYPES = [np.dtype(name) for name in ("u1", "i1", ">i2", ">i4")]
_ARE = "Labels must be integers, one for each image."
_ROWS_ARE = "Rows of labels must be one-hot, of one column, or those of QMNIST."
_SWAPPED = "This is an image file; are images and labels swapped?"
_OTHERS = "Do the labels belong to these images, and is their type right?"
# A label file read with the wrong type shows as absurd labels; no data set that fits
# these files has more classes than this.
_MAX_CLASSES = 1 << 16
_QMNIST = (8, 4, 48)  # Columns; the one of NIST's class; that of digit 0.


def read(path: epath.Path, images: Images) -> tuple[np.ndarray, str, str]:
    """Reads a file of labels to its end.

    Args:
      path: the file: integers, `(n,)` or `(n, 1)`, or a row for each image, one-hot or
        as QMNIST has them, the class first.
      images: those that are labelled.

    Returns:
      The labels, integers, `(n,)`; the file's SHA-256 as hexadecimal digits; and a line
      on the rows, if they are taken from such.

    Raises:
      idx.IdxError: it does not hold labels, or not one for each of the images, or one is
        out of all reason.
    """
    header = idx.read_header(path)
    rank = len(header.shape)
    if rank > 2 or (rank == 1 and header.dtype not in _TYPES):
        raise _no_labels(path, header)
    if header.shape[0] != len(images):
        expected = f"{len(images)}, one for each image in {images.path.name}"
        hint = "Are the two files from one set and one split?"
        raise idx.error(path, "label count", expected, f"{header.shape[0]}", hint)
    digest = hashlib.sha256()
    values = idx.load(path, digest)
    if values.shape != header.shape:
        raise idx.changed(path)
    labels, note = _of_rows(values) if rank == 2 else (values, "")
    if labels is None or labels.dtype.kind == "f":
        raise _no_labels(path, header)
    if note:
        note = f"{path.name}: labels are {note}"
    _check_order(path, labels)
    check_range(path, labels, _MAX_CLASSES)
    return labels, digest.hexdigest(), note


def check_range(path: idx.PathLike, labels: np.ndarray, num_classes: int) -> None:
    """Raises an error if there is a label that is not 0 to `num_classes - 1`."""
    for label in (int(labels.min()), int(labels.max())):
        if not 0 <= label < num_classes:
            expected = f"0 to {num_classes - 1}"
            raise idx.error(path, "label", expected, f"{label}", _OTHERS)


def codes(labels: Iterable[np.ndarray]) -> np.ndarray | None:
    """Returns the labels there are, in order, if they are codes of letters or digits."""
    values = np.unique(np.concatenate([*labels]))
    # Of other classes than these, so many first ones would have no image at all.
    is_code = (values <= ord("z")) | (values >= ord("\u0370"))
    if len(values) < 2 or values[0] < ord("0") or not is_code.all():
        return None
    return values if all(chr(value).isalnum() for value in values) else None


def _of_rows(rows: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Returns the labels that rows `(n, columns)` say, and how; None if they do not."""
    columns, nist, zero = _QMNIST
    if rows.shape[1] == 1:
        return rows[:, 0], ""
    is_one = rows == 1
    if (is_one | (rows == 0)).all() and (is_one.sum(axis=1) == 1).all():
        dtype = np.min_scalar_type(rows.shape[1])
        return is_one.argmax(axis=1).astype(dtype), "places of the 1 in one-hot rows"
    if rows.shape[1] == columns and (rows[:, nist] == rows[:, 0] + zero).all():
        return rows[:, 0], "the first of QMNIST's columns"
    return None, ""


def _check_order(path: idx.PathLike, labels: np.ndarray) -> None:
    """Raises an error if the labels make sense only with their bytes in reverse order."""
    if labels.itemsize == 1:
        return
    swapped = labels.byteswap()
    high = int(swapped.max())
    absurd = int(labels.min()) < 0 or int(labels.max()) >= 4 * (high + 1)
    # At least half of the classes occur, as hardly by chance.
    if absurd and swapped.min() >= 0 and high < 2 * len(np.unique(swapped)):
        found = f"{int(labels.min())} to {int(labels.max())}"
        hint = f"In little-endian byte order they are {int(swapped.min())} to {high}; "
        hint += "IDX is big-endian. Save them with mnist_idx_tfds.idx.save."
        raise idx.error(path, "byte order", "big-endian labels", found, hint)


def _no_labels(path: idx.PathLike, header: idx.Header) -> idx.IdxError:
    expected = idx.magic_name(bytes([0, 0, 8, 1]))
    found = idx.magic_name(header.magic)
    hint = _SWAPPED if len(header.shape) in (3, 4) else _ARE
    if len(header.shape) == 2:
        found, hint = f"{found}, {' x '.join(map(str, header.shape))}", _ROWS_ARE
    return idx.error(path, "magic number", expected, found, hint)
