"""Which images are trained on and which tested on, and the order of the images."""

import collections
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import is_name, shown
from mnist_idx_tfds.sources import groups, parts
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Placed, Source

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_SHARE = 0.2


class Split(NamedTuple):
    """Positions of items for `train` and `test`, in their order, and what is to be said."""

    order: dict[str, list[int]]
    notes: list[str]


def in_order(names: Iterable[str]) -> list[str]:
    """Returns names in the order of text, or of numbers if all are numbers."""
    names = list(names)
    numbers = all(_NUMBER.fullmatch(name) for name in names)
    return sorted(names, key=lambda name: (float(name) if numbers else 0.0, name))


def check_name(path: idx.PathLike, name: str) -> None:
    """Raises an `idx.IdxError` if a class's name would not come back from `labels.txt`."""
    if not is_name(name):
        expected = "printable text without spaces around it"
        raise idx.error(path, "class name", expected, repr(name), "Rename it.")


def names_of(source: Source, placed: Sequence[Placed]) -> list[str]:
    """Returns the names of a source's classes in the order of their labels.

    Raises:
      idx.IdxError: one is no name, or has nothing to train on.
    """
    seen = {item.label for item in placed}
    names = in_order(seen) if source.names is None else source.names
    if source.unused == "drop":
        names = [name for name in names if name in seen]
    for name in names:
        check_name(source.name, name)
    return names


def split(
    source: Source, names: Sequence[str], placed: Sequence[Placed], options: Options
) -> Split:
    """Chooses what to test on, where the source does not say it, and the order of all.

    Equal images, and those of a group, go to one side.

    Of each class with two items or more, `options.test_share` is tested on: rounded, but
    at least one and not all. `options.seed` decides, with an item's class and key: the
    same item stays early or late in its class when others come and go.

    Raises:
      idx.IdxError: nothing is left to test on, or of a class to train on.
    """

    def key(n: int) -> bytes:
        text = os.fsencode(f"{options.seed}/{placed[n].label}/{placed[n].key}")
        return hashlib.sha256(text).digest()

    sides, notes = _given(source, placed)
    given = source.ordered and all(sides)
    order = range(len(placed)) if given else sorted(range(len(placed)), key=key)
    number = {name: label for label, name in enumerate(names)}
    labels = [number[item.label] for item in placed]
    if not all(sides):
        together = groups.Together(placed)
        sides = _chosen(together, labels, sides, order, options)
        notes += _untested(source, names, labels, sides)
        if together.apart:
            what = f"{together.apart:,} images that are equal to some of other groups"
            notes.append(f"{source.name}: {what} may be on the other side")
    elif options.test_share or options.group:
        flag = "--test_share" if options.test_share else "--group"
        notes.append(f"{source.name}: has its own split, so {flag} changes nothing")
    splits: dict[str, list[int]] = {"train": [], "test": []}
    for n in order:
        splits[sides[n]].append(n)
    trained = {labels[n] for n in splits["train"]}
    for label, name in enumerate(names if source.unused != "keep" else ()):
        if label not in trained:
            hint = "Add some, or remove the class."
            field, expected = f"class {name!r}", "an image to train on"
            raise idx.error(source.name, field, expected, "none", hint)
    for part, chosen in splits.items():
        if not chosen:
            expected, hint = "a class with two images or more", "Add images."
            if not all(item.split for item in placed) and len(placed) > len(names):
                expected += " that are not all equal or of one group"
            raise idx.error(source.name, f"{part} split", expected, "none", hint)
    return Split(splits, notes)


def _given(source: Source, placed: Sequence[Placed]) -> tuple[list[str], list[str]]:
    """Returns the side of each item that its part is for, and what is said of it."""
    counts = collections.Counter(item.split for item in placed)
    known = ("train", "valid", "test")
    there = parts.splits([part for part in known if counts[part]])
    sides = {"": ""} | there
    notes = []
    if (count := counts["valid"]) and (side := sides["valid"]):
        notes = [parts.note(source.name, f"the {count:,} of valid are", side)]
    return [sides[item.split] for item in placed], notes


def _chosen(
    together: groups.Together,
    labels: list[int],
    sides: list[str],
    order: Sequence[int],
    options: Options,
) -> list[str]:
    """Returns the side of each item, of those without one by their order."""
    members: dict[int, list[int]] = {}  # Labels of what is together, by its first.
    for n in order:
        if not sides[n]:
            members.setdefault(together.of(n), []).append(labels[n])
    totals = np.bincount(labels)
    shares = np.rint(totals * (options.test_share or _SHARE)).astype(int)
    missing = np.minimum(np.maximum(shares, 1), totals - 1).tolist()
    left = totals.tolist()  # To train on.
    for label, side in zip(labels, sides, strict=True):
        left[label] -= side == "test"
    tested = set()

    def test(cluster: int) -> None:
        tested.add(cluster)
        for label in members[cluster]:
            missing[label] -= 1
            left[label] -= 1

    def is_spare(cluster: int) -> bool:
        """Returns whether something to train on is left of each class without it."""
        counts = collections.Counter(members[cluster])
        return all(left[label] > count for label, count in counts.items())

    def is_wanted(cluster: int) -> bool:
        """Returns whether more of it is missing than is too much."""
        counts = collections.Counter(members[cluster])
        wanted = sum(min(n, max(0, missing[label])) for label, n in counts.items())
        return 2 * wanted > len(members[cluster])

    for cluster, its_labels in members.items():
        if len(its_labels) == 1:
            if missing[its_labels[0]] > 0:
                test(cluster)
        elif is_wanted(cluster) and is_spare(cluster):
            test(cluster)
    # A class of few large groups has one of them, if that is not all.
    has_test = {label for cluster in tested for label in members[cluster]}
    for cluster in sorted(members, key=lambda cluster: len(members[cluster])):
        wanted = {label for label in members[cluster] if missing[label] > 0}
        if cluster not in tested and wanted - has_test and is_spare(cluster):
            test(cluster)
            has_test.update(members[cluster])
    of = together.of
    return [
        side or ("test" if of(n) in tested else "train") for n, side in enumerate(sides)
    ]


def _untested(
    source: Source, names: Sequence[str], labels: list[int], sides: list[str]
) -> Iterator[str]:
    """Yields a line on classes of which several images could not be parted."""
    tested = {
        label for label, side in zip(labels, sides, strict=True) if side == "test"
    }
    totals = np.bincount(labels, minlength=len(names))
    alone = [names[int(n)] for n in np.flatnonzero(totals > 1) if n not in tested]
    if alone and tested:
        yield (
            f"{source.name}: nothing is tested on of {len(alone):,} classes whose images "
            f"are equal or of one group, such as {shown(alone[0])}"
        )
