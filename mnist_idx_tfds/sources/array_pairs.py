"""Which arrays are images and which their labels, by what people call them."""

import pathlib
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import arrays, parts
from mnist_idx_tfds.sources.arrays import Place
from mnist_idx_tfds.sources.source import shown

_KINDS = {
    **dict.fromkeys(
        ("x", "image", "images", "img", "imgs", "data", "pixels"), "images"
    ),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}
_PARTS = ("train", "training", "valid", "validation", "val", "dev", "test", "testing")
# Words written as one, such as `xtrain` and `trainX`.
_JOINED = {
    word: (kind, part)
    for kind in _KINDS
    for part in _PARTS
    for word in (kind + part, part + kind)
}
_EXPECTED = "x_train, y_train, x_test and y_test, or the like"
_HINT = "Save them under these names, with numpy.savez_compressed."


class Pair(NamedTuple):
    """Images and labels of one part, which is empty where no name says it."""

    part: str
    images: Place
    labels: Place


def in_pairs(path: pathlib.Path) -> tuple[list[Pair], list[str]]:
    """Returns images with their labels by part, and what to say of others.

    Args:
      path: an archive, or a folder of files that have an array each, or one of these.

    Raises:
      idx.IdxError: there are none to train on, or several sets.
    """
    places = _places(path)
    found: defaultdict[str, dict[tuple[str, tuple[str, ...]], Place]]
    found = defaultdict(dict)
    for place in places:
        kind, part, rest = _words(place.name)
        found[kind][part, rest] = place
    if not found["images"] and not found["labels"]:
        for pair in _by_number(places):
            found["images"][pair.part, ()] = pair.images
            found["labels"][pair.part, ()] = pair.labels
    pairs, notes = [], []
    for (part, rest), images in found["images"].items():
        labels = found["labels"].pop((part, rest), None)
        others = [key for key in found["labels"] if key[0] == part]
        if labels is None and len(others) == 1:
            labels = found["labels"].pop(others[0])
        if labels is None:
            count = (*arrays.read_header(images, "biuf").shape, 0)[0]
            what = f"{images}, {count:,} images, has no labels"
            notes.append(f"{path}: {what}, and is left out")
        else:
            pairs.append(Pair(part, images, labels))
    for alone in found["labels"].values():
        notes.append(f"{path}: {alone} has no images, and is left out")
    if any(not pair.part for pair in pairs) and len(pairs) > 1:
        pairs = [pair._replace(part=pair.part or "train") for pair in pairs]
    stated = [pair.part for pair in pairs]
    if len({*stated}) < len(stated):
        names = shown(f"{pair.images}" for pair in pairs)
        hint = "Give one of their files, or keep one set."
        raise idx.error(path, "arrays", "one set", names, hint)
    if not {"train", ""} & {*stated}:
        there = shown(f"{place}" for place in places) or "none"
        raise idx.error(path, "arrays", _EXPECTED, there, _HINT)
    order = ["", "train", "valid", "test"]
    return sorted(pairs, key=lambda pair: order.index(pair.part)), notes


def _places(path: pathlib.Path) -> list[Place]:
    """Returns where the arrays of a file or folder are, or those beside an only one."""
    if not path.is_dir():
        places = arrays.find(path)
        if len(places) != 1 or places[0].name != path.stem:
            return places
        rest = _words(path.stem)[2]
        beside = _places(path.parent)
        return [place for place in beside if _words(place.name)[2] == rest]
    return [
        place
        for file in sorted(path.iterdir())
        if file.suffix.lower() in arrays.SUFFIXES and not file.name.startswith(".")
        for place in arrays.find(file)
    ]


def _words(name: str) -> tuple[str, str, tuple[str, ...]]:
    """Returns what an array is by its name: its kind, its part, and other words."""
    kinds, found, rest = set(), set(), []
    for word in re.split(r"[\W_]+", name.lower()):
        kind, part = _JOINED.get(word, (word, word))
        if kind in _KINDS:
            kinds.add(_KINDS[kind])
        if part_of := parts.of(part):
            found.add(part_of)
        if kind not in _KINDS and not part_of:
            rest.append(word)
    if len(kinds) != 1 or len(found) > 1:
        return "", "", (name,)
    return kinds.pop(), "".join(found), tuple(rest)


def _by_number(places: Sequence[Place]) -> list[Pair]:
    """Returns what `numpy.savez(path, x, y)` or four such arrays hold, by their shapes."""
    numbered = sorted(p for p in places if re.fullmatch(r"arr_\d", p.name))
    if len(numbered) != len(places) or len(places) not in (2, 4):
        return []
    ranks = [len(arrays.read_header(place, "biufUS").shape) for place in numbered]
    images = [p for p, rank in zip(numbered, ranks, strict=True) if rank == max(ranks)]
    labels = [place for place in numbered if place not in images]
    if len(images) != len(labels):
        return []
    of = [""] if len(images) == 1 else ["train", "test"]
    return list(map(Pair, of, images, labels))
