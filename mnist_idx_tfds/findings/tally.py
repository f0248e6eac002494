"""What the rules need to know of a part of a set."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

_GRAY = 4  # Levels between the colors of a pixel that is as good as gray.


class Tally:
    """What the rules need to know of a split: ten bytes an image, none of its pixels.

    Attributes:
      split: its name.
      images: number of images that went by.
      highest: brightest value of all.
      gray: number of images in color that are as good as gray.
    """

    def __init__(self, split: str):
        self.split = split
        self.images = 0
        self.highest = 0
        self.gray = 0
        self._labels: list[np.ndarray] = []
        self._digests: list[np.ndarray] = []
        self._blank: list[np.ndarray] = []
        self._sum = self._squares = 0.0

    def watch(
        self, chunks: Iterable[tuple[np.ndarray, np.ndarray]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Passes the chunks of `idx_set.read` through, and takes note of them."""
        for images, labels in chunks:
            rows = images.reshape(len(images), -1)
            # Python's hash of bytes has 64 bits, keyed by the process.
            pixels = rows.view(f"V{rows.shape[1]}")[:, 0].tolist()
            self._digests.append(np.fromiter(map(hash, pixels), np.int64, len(pixels)))
            self._labels.append(labels.astype(np.uint16))
            channels = images.shape[-1]
            blank = (rows[:, channels:] == rows[:, :-channels]).all(axis=1)
            self._blank.append(self.images + np.flatnonzero(blank))
            self.highest = max(self.highest, int(images.max()))
            if channels > 1 and 2 * self.gray >= self.images:  # Most were, so far.
                red, green, blue = np.moveaxis(images, -1, 0)
                apart = np.maximum(np.maximum(red, green), blue)
                apart = apart - np.minimum(np.minimum(red, green), blue)
                self.gray += int((apart <= _GRAY).all(axis=(1, 2)).sum())
            means = rows.sum(axis=1) / rows.shape[1]
            self._sum += float(means.sum())
            self._squares += float(np.square(means).sum())
            self.images += len(images)
            yield images, labels

    @property
    def labels(self) -> np.ndarray:
        """Label of each image, uint16 `(images,)`."""
        return np.concatenate(self._labels)

    @property
    def digests(self) -> np.ndarray:
        """Number that only equal images share, int64 `(images,)`."""
        return np.concatenate(self._digests)

    @property
    def blank(self) -> np.ndarray:
        """Positions of the images of a single value, in order."""
        return np.concatenate(self._blank)

    @property
    def brightness(self) -> tuple[float, float]:
        """Mean of the images' mean pixels, 0 to 255, and its standard deviation."""
        mean = self._sum / self.images
        return mean, math.sqrt(max(0.0, self._squares / self.images - mean**2))

    def counts(self, num_classes: int) -> np.ndarray:
        """Returns the number of images of each class, int64 `(num_classes,)`."""
        return np.bincount(self.labels, minlength=num_classes)
