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
      labels: label of each image, uint16 `(images,)`; this and what follows is there
        when the last has gone by.
      digests: number that only equal images share, int64 `(images,)`.
      blank: positions of the images of a single value, in order.
    """

    labels: np.ndarray
    digests: np.ndarray
    blank: np.ndarray

    def __init__(self, split: str):
        self.split = split
        self.images = 0
        self.highest = 0
        self.gray = 0
        self._sum = self._squares = 0.0

    def watch(
        self, chunks: Iterable[tuple[np.ndarray, np.ndarray]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Passes the chunks of `idx_set.read` through, and takes note of them."""
        all_labels, digests, all_blank = [], [], []
        for images, labels in chunks:
            rows = images.reshape(len(images), -1)
            # Python's hash of bytes has 64 bits, keyed by the process.
            pixels = rows.view(f"V{rows.shape[1]}")[:, 0].tolist()
            digests.append(np.fromiter(map(hash, pixels), np.int64, len(pixels)))
            all_labels.append(labels.astype(np.uint16))
            channels = images.shape[-1]
            blank = (rows[:, channels:] == rows[:, :-channels]).all(axis=1)
            all_blank.append(self.images + np.flatnonzero(blank))
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
        self.labels, self.digests = np.concatenate(all_labels), np.concatenate(digests)
        self.blank = np.concatenate(all_blank)

    @property
    def brightness(self) -> tuple[float, float]:
        """Mean of the images' mean pixels, 0 to 255, and its standard deviation."""
        mean = self._sum / self.images
        return mean, math.sqrt(max(0.0, self._squares / self.images - mean**2))

    def counts(self, num_classes: int) -> np.ndarray:
        """Returns the number of images of each class, int64 `(num_classes,)`."""
        return np.bincount(self.labels, minlength=num_classes)
