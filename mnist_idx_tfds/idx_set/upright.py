"""Whether images are stored on their side, rows for columns, as EMNIST's are."""

import itertools

import numpy as np

from mnist_idx_tfds.idx_set.images import Images

_MNIST = (60_000, 10_000)
# By the numbers of images that EMNIST's sets are published with, to train on and to test
# on: labels of digits and letters that are tall in any hand, 1, i, l and the like.
_TALL = {
    (697_932, 116_323): (1, 18, 21, 44, 47),  # ByClass and ByMerge.
    (112_800, 18_800): (1, 18, 21),  # Balanced.
    (124_800, 20_800): (9, 12),  # Letters.
    (88_800, 14_800): (9, 12),
    (240_000, 40_000): (1,),  # Digits.
    _MNIST: (1,),  # MNIST, as EMNIST has it.
}
_SHAPE = (28, 28, 1)
_ENOUGH = 50  # Tall ones that are looked at, which the first chunks have.
_CHUNKS = 8


def lies(images: dict[str, Images], labels: dict[str, np.ndarray]) -> bool:
    """Returns whether a set is one of EMNIST as published, whose images are transposed.

    It is one by its counts, and by what must be tall in it being wide; MNIST's counts,
    which other sets have, too, are not enough where the files are not called EMNIST's.
    Images are by part, and read as far as needed, as their labels are, `(n,)` each.
    """
    counts = [len(part) for part in images.values()]
    (part, stored), *_ = images.items()
    tall = next((_TALL[key] for key in _TALL if {*counts} <= {*key}), ())
    if any(image.shape != _SHAPE for image in images.values()):
        return False
    if {*counts} <= {*_MNIST} and "emnist" not in stored.path.name.lower():
        return False
    ratios: list[np.ndarray] = []
    start = 0
    for chunk in itertools.islice(stored.stored(), _CHUNKS):
        stop = start + len(chunk)
        which = np.isin(labels[part][start:stop], tall)
        ratios.append(_widths(chunk[which, ..., 0]))
        start = stop
        if sum(map(len, ratios)) >= _ENOUGH:
            break
    widths = np.concatenate(ratios)
    return widths.size > 0 and float(np.median(widths)) > 1


def _widths(images: np.ndarray) -> np.ndarray:
    """Returns how many times as wide as high the ink of each is, `(n,)`."""
    ink = images.astype(float)
    spreads = []
    for axis in (1, 2):
        sums = ink.sum(axis=axis)  # Of columns, then of rows.
        places = np.arange(sums.shape[1])
        mass = np.maximum(sums.sum(axis=1), 1)
        mean = (sums * places).sum(axis=1) / mass
        square = (sums * (places - mean[:, np.newaxis]) ** 2).sum(axis=1) / mass
        spreads.append(np.sqrt(square))
    return spreads[0] / np.maximum(spreads[1], 0.1)
