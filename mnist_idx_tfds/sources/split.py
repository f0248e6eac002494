"""The labels of classes, what is tested on, and the order of the images."""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Placed(NamedTuple):
    """What decides where an item goes: its class's name, and as in `source.Item`."""

    label: str
    split: str
    key: str


def in_order(names: Iterable[str]) -> list[str]:
    """Returns names in the order of text, or of numbers if all are numbers."""
    names = list(names)
    numbers = all(_NUMBER.fullmatch(name) for name in names)
    return sorted(names, key=lambda name: (float(name) if numbers else 0.0, name))


def check_name(path: idx.PathLike, name: str) -> None:
    """Raises an `idx.IdxError` if a class's name would not come back from `labels.txt`."""
    if name != name.strip() or not name.isprintable() or not name:
        expected = "printable text without spaces around it"
        raise idx.error(path, "class name", expected, repr(name))


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
    source: Source,
    names: Sequence[str],
    placed: Sequence[Placed],
    options: Options,
) -> dict[str, list[int]]:
    """Chooses what to test on, where the source does not say it, and the order of all.

    Args:
      source: whose items they are.
      names: of the classes.
      placed: of all items.
      options: `test_share` of each class to test on: rounded, but at least one and not
        all, of a class with two items or more; `seed`, which with an item's class and
        key decides: the same item stays early or late in its class when others come and
        go.

    Returns:
      Positions in `placed` for `train` and `test`.

    Raises:
      idx.IdxError: nothing is left to test on, or of a class to train on.
    """

    def key(n: int) -> bytes:
        text = os.fsencode(f"{options.seed}/{placed[n].label}/{placed[n].key}")
        return hashlib.sha256(text).digest()

    given = source.ordered and all(item.split for item in placed)
    order = range(len(placed)) if given else sorted(range(len(placed)), key=key)
    number = {name: label for label, name in enumerate(names)}
    labels = [number[item.label] for item in placed]
    totals = np.bincount(labels, minlength=len(names))
    shares = np.rint(totals * options.test_share).astype(int)
    missing = np.minimum(np.maximum(shares, 1), totals - 1)
    splits: dict[str, list[int]] = {"train": [], "test": []}
    for n in order:
        chosen = placed[n].split
        if not chosen:
            chosen = "test" if missing[labels[n]] > 0 else "train"
            missing[labels[n]] -= 1
        splits[chosen].append(n)
    trained = {labels[n] for n in splits["train"]}
    for label, name in enumerate(names if source.unused != "keep" else ()):
        if label not in trained:
            hint = "Add some, or remove the class."
            field, expected = f"class {name!r}", "an image to train on"
            raise idx.error(source.name, field, expected, "none", hint)
    for part, order in splits.items():
        if not order:
            expected, hint = "a class with two images or more", "Add images."
            raise idx.error(source.name, f"{part} split", expected, "none", hint)
    return splits
