"""What is odd about the images of a set: copies, blank ones, how bright, how many."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from mnist_idx_tfds.findings.finding import (
    SHOWN,
    Finding,
    Place,
    class_name,
    have,
    percent,
)
from mnist_idx_tfds.findings.tally import Tally

_MANY = 0.01  # Share of the images from which copies and blank images are grave.
_POINTS = 0.05  # Half of a 95% Wilson interval that is wide,
_ACCURACY = 0.9  # at this accuracy; so, of a test part of fewer than 141 images.
_Z = 1.959963984540054  # Between it and its negative lies 95% of a normal distribution.
# Mean brightness differs grossly from this many gray levels on, and this many standard
# deviations of the images' own; inverted photographs are 1.7 of these apart.
_LEVELS, _DEVIATIONS = 25, 1
_DARK = 64  # Of 255; what no pixel reaches is hardly seen, and numbers of 0 to 16, say.


def find(train: Tally, test: Tally, names: Sequence[str] | None) -> Iterator[Finding]:
    """Yields what is odd; see `findings.find`."""
    yield from _of_brightness(train, test)
    yield from _of_copies(train, test, names)
    yield from _of_test_size(test)
    yield from _of_blank(train, test)
    yield from _of_gray(train, test)


def _of_brightness(train: Tally, test: Tally) -> Iterator[Finding]:
    highest = max(train.highest, test.highest)
    if 0 < highest < _DARK:
        yield Finding(
            "dark",
            True,
            f"no pixel is brighter than {highest} of 255: are they numbers of 0 to "
            f"{highest}, which should be scaled?",
            train.images + test.images,
        )
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


def _of_copies(
    train: Tally, test: Tally, names: Sequence[str] | None
) -> Iterator[Finding]:
    labels = np.concatenate([train.labels, test.labels])
    digests = np.concatenate([train.digests, test.digests])
    blank = np.concatenate([train.blank, train.images + test.blank])
    first, alike = _first_equal(digests), _first_equal(digests, labels)
    for positions in (first, alike):  # Blank ones are a finding of their own.
        positions[blank] = blank

    def places(
        which: np.ndarray, before: np.ndarray, with_labels: bool = False
    ) -> tuple[tuple[Place, ...], ...]:
        def place(n: int) -> Place:
            name = class_name(int(labels[n]), names) if with_labels else ""
            if n < train.images:
                return Place("train", n, name)
            return Place("test", n - train.images, name)

        return tuple((place(int(before[n])), place(int(n))) for n in which[:SHOWN])

    # One with another label than in training flatters nobody; see below.
    copies = np.flatnonzero(alike[train.images :] < train.images) + train.images
    if len(copies):
        share = len(copies) / test.images
        yield Finding(
            "shared_images",
            share >= _MANY,
            f"{len(copies):,} of {test.images:,} test images ({percent(share)}) "
            f"{'occurs' if len(copies) == 1 else 'occur'} in training, too, which "
            "flatters accuracy",
            len(copies),
            places(copies, alike),
        )
    order = np.arange(len(labels))
    for name, start, end in (
        ("training", 0, train.images),
        ("test", train.images, len(labels)),
    ):
        again = order[start:end][
            (first < order)[start:end] & (first >= start)[start:end]
        ]
        share = len(again) / (end - start)
        if share >= _MANY:
            yield Finding(
                "equal_images",
                False,
                f"{len(again):,} of {end - start:,} {name} images ({percent(share)}) "
                "are equal to one before, and count twice",
                len(again),
                places(again, first),
            )
    torn = np.flatnonzero(labels != labels[first])
    if len(torn):
        share = len(torn) / len(labels)
        yield Finding(
            "two_labels",
            share >= _MANY,
            f"{len(torn):,} of {len(labels):,} images ({percent(share)}) {have(len(torn))} "
            "another label than an equal image before",
            len(torn),
            places(torn, first, with_labels=True),
        )


def _first_equal(digests: np.ndarray, labels: np.ndarray | int = 0) -> np.ndarray:
    """Returns for each digest the position of the first that is equal, as its label is."""
    # Of 64 bits, of which two are as near as labels are only by chance.
    digests = digests + np.asarray(labels, np.int64)
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
            f"{len(places):,} of {images:,} images ({percent(share)}) {have(len(places))} "
            "all pixels of one value",
            len(places),
            tuple(places[:SHOWN]),
        )


def _of_gray(train: Tally, test: Tally) -> Iterator[Finding]:
    images = train.images + test.images
    gray = train.gray + test.gray
    if gray >= (1 - _MANY) * images:
        yield Finding(
            "gray_in_color",
            False,
            f"{gray:,} of {images:,} images in color are gray, or nearly: as gray ones "
            "they take a third of the memory, and less time",
            gray,
        )
