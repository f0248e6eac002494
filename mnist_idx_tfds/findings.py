"""What is odd about a set of images, before time is spent on it.

A finding is not an error: the set is whole and can be trained on, but the accuracy that
comes of it may not mean what it seems to.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

_SHOWN = 3  # Images or labels named in a message.
_MANY = 0.01  # Share of the images from which copies and blank images are grave.
_MAJORITY, _CRUSHING = 0.6, 0.9  # Shares of one class from which it is said, and grave.
_POINTS = 0.05  # Half of a 95% Wilson interval that is wide,
_ACCURACY = 0.9  # at this accuracy; so, of a test part of fewer than 141 images.
_Z = 1.959963984540054  # Between it and its negative lies 95% of a normal distribution.
# Mean brightness differs grossly from this many gray levels on, and this many standard
# deviations of the images' own; inverted photographs are 1.7 of these apart.
_LEVELS, _DEVIATIONS = 25, 1


class Place(NamedTuple):
    """An image of a set: split, position in its file from 0, label where it matters."""

    split: str
    index: int  # type: ignore[assignment]  # A tuple's method.
    label: int | None = None

    def __str__(self) -> str:
        label = "" if self.label is None else f" (label {self.label})"
        return f"{self.split} {self.index}{label}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that one should know before training on a set; as text, one line.

    Attributes:
      kind: the rule that it comes from, such as "unseen_labels".
      grave: whether accuracy on this set cannot be taken for what it says.
      message: what was found, with numbers, and what follows.
      count: images that it is about; of a rule about classes, classes.
      items: the first few of the images, those together that are the same.
    """

    kind: str
    grave: bool
    message: str
    count: int
    items: tuple[tuple[Place, ...], ...] = ()

    def __str__(self) -> str:
        items = [" = ".join(map(str, places)) for places in self.items]
        if items and self.count > len(items):
            items.append("...")
        return f"{self.message}: {', '.join(items)}" if items else self.message


class Tally:
    """What the rules need to know of a split: ten bytes an image, none of its pixels.

    Attributes:
      split: its name.
      images: number of images that went by.
    """

    def __init__(self, split: str):
        self.split = split
        self.images = 0
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


def find(train: Tally, test: Tally, num_classes: int) -> list[Finding]:
    """Returns what is odd about a set, the gravest first.

    Args:
      train: of the split to train on.
      test: of the split to test on.
      num_classes: labels are 0 to `num_classes - 1`.
    """
    found = [
        *_of_classes(train, test, num_classes),
        *_of_brightness(train, test),
        *_of_copies(train, test),
        *_of_test_size(test),
        *_of_blank(train, test),
    ]
    return sorted(found, key=lambda finding: not finding.grave)


def _of_classes(train: Tally, test: Tally, num_classes: int) -> Iterator[Finding]:
    in_train, in_test = train.counts(num_classes), test.counts(num_classes)
    if unseen := np.flatnonzero((in_test > 0) & (in_train == 0)).tolist():
        count = int(in_test[unseen].sum())
        places = np.flatnonzero(np.isin(test.labels, unseen))[:_SHOWN]
        yield Finding(
            "unseen_labels",
            True,
            f"{count:,} of {test.images:,} test images ({_percent(count / test.images)}) "
            f"{_have(count)} {_labels(unseen)}, which no training image has: no training can pass "
            f"{1 - count / test.images:.4f}",
            count,
            tuple((Place("test", int(n), int(test.labels[n])),) for n in places),
        )
    alone = [part for part in (train, test) if _is_one_class(part)]
    for part in alone:
        name = "training" if part is train else "test"
        follows = "there is nothing to learn"
        if part is test:
            follows = "accuracy says nothing of other classes"
        yield Finding(
            "one_class",
            True,
            f"all {part.images:,} {name} images have label {part.labels[0]}: {follows}",
            part.images,
        )
    largest = int(in_test.argmax())
    share = int(in_test[largest]) / test.images
    if share > _MAJORITY and test not in alone:
        yield Finding(
            "majority",
            share >= _CRUSHING,
            f"{in_test[largest]:,} of {test.images:,} test images ({_percent(share)}) "
            f"have label {largest}: always giving that answer has accuracy {share:.4f}",
            int(in_test[largest]),
        )
    if empty := np.flatnonzero((in_test == 0) & (in_train == 0)).tolist():
        yield Finding(
            "empty_classes",
            False,
            f"{len(empty):,} of {num_classes:,} classes {_have(len(empty))} no images: "
            f"{_labels(empty)}",
            len(empty),
        )
    if untested := np.flatnonzero((in_test == 0) & (in_train > 0)).tolist():
        yield Finding(
            "untested_classes",
            False,
            f"{len(untested):,} of {num_classes:,} classes {_have(len(untested))} training "
            f"images and no test image: {_labels(untested)}",
            len(untested),
        )


def _is_one_class(part: Tally) -> bool:
    labels = part.labels
    return bool((labels == labels[0]).all())


def _of_brightness(train: Tally, test: Tally) -> Iterator[Finding]:
    means, deviations = zip(train.brightness, test.brightness, strict=True)
    apart = abs(means[0] - means[1])
    # Of few images, the mean is itself uncertain.
    error = math.sqrt(1 / train.images + 1 / test.images)
    if apart > max(_LEVELS, max(deviations) * max(_DEVIATIONS, 4 * error)):
        inverted = abs(sum(means) - 255) < apart / 2
        yield Finding(
            "brightness",
            True,
            f"mean brightness is {means[0]:.0f} of 255 in training and {means[1]:.0f} in "
            f"test images: {'is one part inverted' if inverted else 'were they made alike'}?",
            test.images,
        )


def _of_copies(train: Tally, test: Tally) -> Iterator[Finding]:
    labels = np.concatenate([train.labels, test.labels])
    first = _first_equal(np.concatenate([train.digests, test.digests]))
    # Blank ones are a finding of their own.
    first[train.blank] = train.blank
    first[train.images + test.blank] = train.images + test.blank

    def places(which: np.ndarray, with_labels: bool) -> tuple[tuple[Place, ...], ...]:
        def place(n: int) -> Place:
            label = int(labels[n]) if with_labels else None
            is_test = n >= train.images
            return Place(
                *("test", n - train.images) if is_test else ("train", n), label
            )

        return tuple((place(int(first[n])), place(int(n))) for n in which[:_SHOWN])

    copies = np.flatnonzero(first[train.images :] < train.images) + train.images
    if len(copies):
        share = len(copies) / test.images
        yield Finding(
            "shared_images",
            share >= _MANY,
            f"{len(copies):,} of {test.images:,} test images ({_percent(share)}) "
            f"{'occurs' if len(copies) == 1 else 'occur'} in training, too, which "
            "flatters accuracy",
            len(copies),
            places(copies, with_labels=False),
        )
    torn = np.flatnonzero(labels != labels[first])
    if len(torn):
        share = len(torn) / len(labels)
        yield Finding(
            "two_labels",
            share >= _MANY,
            f"{len(torn):,} of {len(labels):,} images ({_percent(share)}) {_have(len(torn))} "
            "another label than an equal image before",
            len(torn),
            places(torn, with_labels=True),
        )


def _first_equal(digests: np.ndarray) -> np.ndarray:
    """Returns for each digest the position of the first that is equal to it."""
    order = np.argsort(digests, kind="stable")
    is_first = np.append(True, np.diff(digests[order]) != 0)
    first = np.empty_like(order)
    first[order] = order[np.flatnonzero(is_first)[np.cumsum(is_first) - 1]]
    return first


def _of_test_size(test: Tally) -> Iterator[Finding]:
    n = test.images
    half = _Z * math.sqrt(_ACCURACY * (1 - _ACCURACY) / n + (_Z / (2 * n)) ** 2)
    half /= 1 + _Z**2 / n
    if half > _POINTS:
        yield Finding(
            "small_test",
            False,
            f"{n:,} test image{'s' * (n > 1)} tell{'s' * (n == 1)} an accuracy of "
            f"{_ACCURACY} only to within {100 * half:.0f} points (95% interval)",
            n,
        )


def _of_blank(train: Tally, test: Tally) -> Iterator[Finding]:
    places = [
        (Place(part.split, int(n)),) for part in (train, test) for n in part.blank
    ]
    if places:
        images = train.images + test.images
        share = len(places) / images
        yield Finding(
            "blank_images",
            share >= _MANY,
            f"{len(places):,} of {images:,} images ({_percent(share)}) {_have(len(places))} "
            "all pixels of one value",
            len(places),
            tuple(places[:_SHOWN]),
        )


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _labels(labels: list[int]) -> str:
    shown = [str(label) for label in labels[:_SHOWN]]
    if len(labels) > _SHOWN:
        shown.append("...")
    return f"label{'s' * (len(labels) > 1)} {', '.join(shown)}"


def _percent(share: float) -> str:
    return "under 0.1%" if share < 0.001 else f"{share:.1%}"
