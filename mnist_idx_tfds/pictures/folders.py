"""Folders of pictures, one for each class, and how they are split."""

import hashlib
import os
import pathlib
from typing import NamedTuple

import numpy as np

from mnist_idx_tfds import idx

_PASSED_OVER = ("desktop.ini", "Thumbs.db")  # As hidden as files get on Windows.
_FORM = "IMAGES_DIR/CLASS/PICTURE is the form."


class Example(NamedTuple):
    """A picture of a class; `split` is empty where it is not given by a folder."""

    path: str
    label: int
    split: str


def find(images_dir: idx.PathLike) -> tuple[list[str], list[Example]]:
    """Finds the pictures of each class.

    Hidden files and folders, and files beside the folders of classes, are passed over.

    Args:
      images_dir: folder with a folder for each class, or with `train` and `test`, which
        hold these; with `train` alone, that is the folder of the classes.

    Returns:
      Names of the classes in the order of their labels, which is that of the names, or
      of the numbers if all names are numbers; and the examples.

    Raises:
      idx.IdxError: the folder holds no classes, or one without pictures.
    """
    root = pathlib.Path(images_dir).expanduser()
    folders = _folders(root)
    if {"train", "test"} <= set(folders):
        if others := ", ".join(sorted(set(folders) - {"train", "test"})):
            expected, hint = "train and test alone", "Move the other folders away."
            raise idx.error(root, "folders", expected, f"{others} too", hint)
        given = folders
    else:
        given = {"": folders["train"] if set(folders) == {"train"} else root}
    classes = {split: _folders(folder) for split, folder in given.items()}
    first = classes.get("train") or classes[""]
    numbers = all(name.isdecimal() for name in first)
    names = sorted(first, key=lambda name: (int(name) if numbers else 0, name))
    examples = []
    for split, folder in given.items():
        for name, path in classes[split].items():
            if name not in first:
                hint = "It would have no examples to train on."
                expected = f"the classes of {given['train']}"
                raise idx.error(folder, "classes", expected, f"{name!r} too", hint)
            label = names.index(name)
            examples += [Example(file, label, split) for file in _pictures(path)]
    return names, examples


def split(
    images_dir: idx.PathLike,
    names: list[str],
    examples: list[Example],
    test_share: float,
    seed: int,
) -> dict[str, list[int]]:
    """Chooses what to test on, where no folder says it, and the order of all.

    Args:
      images_dir: what errors name.
      names: of the classes.
      examples: of all classes.
      test_share: share of each class to test on: rounded, but at least one and not all,
        of a class with two examples or more.
      seed: with the names of class and picture it decides; the same picture stays
        early or late in its class when others come and go.

    Returns:
      Positions in `examples` for `train` and `test`.

    Raises:
      idx.IdxError: nothing is left to test on, or of a class to train on.
    """

    def key(n: int) -> bytes:
        _, picture = os.path.split(examples[n].path)
        text = os.fsencode(f"{seed}/{names[examples[n].label]}/{picture}")
        return hashlib.sha256(text).digest()

    totals = np.bincount([example.label for example in examples], minlength=len(names))
    shares = np.rint(totals * test_share).astype(int)
    missing = np.minimum(np.maximum(shares, 1), totals - 1)
    splits: dict[str, list[int]] = {"train": [], "test": []}
    for n in sorted(range(len(examples)), key=key):
        _, label, chosen = examples[n]
        if not chosen:
            chosen = "test" if missing[label] > 0 else "train"
            missing[label] -= 1
        splits[chosen].append(n)
    trained = {examples[n].label for n in splits["train"]}
    for label, name in enumerate(names):
        if label not in trained:
            hint = "Add some, or remove the class."
            field, expected = f"class {name!r}", "a picture to train on"
            raise idx.error(images_dir, field, expected, "none that can be read", hint)
    if not splits["test"]:
        expected, hint = "a class with two pictures or more", "Add pictures."
        raise idx.error(images_dir, "test split", expected, "none", hint)
    return splits


def relative(images_dir: idx.PathLike, example: Example) -> str:
    """Returns the path of a picture in the folder that `find` found it in."""
    root = pathlib.Path(images_dir).expanduser()
    return pathlib.Path(example.path).relative_to(root).as_posix()


def _folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    expected = "a folder for each class"
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise idx.error(root, "folder", expected, found, _FORM)
    folders = {
        path.name: path
        for path in sorted(root.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    if not folders:
        raise idx.error(root, "folder", expected, "no folders", _FORM)
    for name in folders:
        # Others would not come back from a file of a name a line.
        if name != name.strip() or not name.isprintable():
            expected = "printable text without spaces around it"
            raise idx.error(root, "class name", expected, repr(name))
    return folders


def _pictures(folder: pathlib.Path) -> list[str]:
    with os.scandir(folder) as entries:
        visible = sorted(
            (entry.path, entry.name, entry.is_dir())
            for entry in entries
            if not entry.name.startswith(".") and entry.name not in _PASSED_OVER
        )
    for _, name, is_dir in visible:
        if is_dir:
            found = f"the folder {name}"
            raise idx.error(folder, "class", "pictures alone", found, _FORM)
        if "\n" in name:
            # Others come back from a file of a name a line.
            expected = "a name without a line feed"
            raise idx.error(folder, "picture", expected, repr(name), "Rename it.")
    if not visible:
        hint = "Remove the folder, or put pictures into it."
        raise idx.error(folder, "class", "at least one picture", "none", hint)
    return [path for path, _, _ in visible]
