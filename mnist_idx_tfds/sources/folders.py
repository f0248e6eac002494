"""Folders of pictures, one for each class."""

import os
import pathlib

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import pictured, split
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_PASSED_OVER = ("desktop.ini", "Thumbs.db")  # As hidden as files get on Windows.
_FORM = "IMAGES_DIR/CLASS/PICTURE is the form."


def open_source(images_dir: idx.PathLike, options: Options) -> Source:
    """Finds the pictures of each class.

    Hidden files and folders, and files beside the folders of classes, are passed over.

    Args:
      images_dir: folder with a folder for each class, or with `train` and `test`, which
        hold these; with `train` alone, that is the folder of the classes.
      options: how pictures are read.

    Returns:
      The source, to be shuffled even where it has splits: a folder has no order.

    Raises:
      idx.IdxError: the folder holds no classes, or one without pictures.
    """
    root = pathlib.Path(images_dir).expanduser()
    names, pictures = find(root)
    items = pictured.items(pictures, options)
    return Source(f"{root}", len(pictures), items, names, ordered=False)


def find(root: pathlib.Path) -> tuple[list[str], list[pictured.Picture]]:
    """Returns the names of the classes, and the pictures; see `open_source`."""
    folders = class_folders(root)
    if {"train", "test"} <= set(folders):
        if others := ", ".join(sorted(set(folders) - {"train", "test"})):
            expected, hint = "train and test alone", "Move the other folders away."
            raise idx.error(root, "folders", expected, f"{others} too", hint)
        given = folders
    else:
        given = {"": folders["train"] if set(folders) == {"train"} else root}
    classes = {part: class_folders(folder) for part, folder in given.items()}
    first = classes.get("train") or classes[""]
    pictures = []
    for part, folder in given.items():
        for name, path in classes[part].items():
            if name not in first:
                hint = "It would have no examples to train on."
                expected = f"the classes of {given['train']}"
                raise idx.error(folder, "classes", expected, f"{name!r} too", hint)
            found = files(path)
            if not found:
                hint = "Remove the folder, or put pictures into it."
                raise idx.error(path, "class", "at least one picture", "none", hint)
            pictures += [pictured.of(root, file, name, part) for file in found]
    return split.in_order(first), pictures


def class_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folders in a folder, by names that classes can have."""
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
        split.check_name(root, name)
    return folders


def files(folder: pathlib.Path) -> list[str]:
    """Returns the paths of all files that are not hidden, in the order of names."""
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
    return [path for path, _, _ in visible]


def is_litter(name: str) -> bool:
    """Returns whether a name is of what is hidden, or left there by a system."""
    return name.startswith(".") or name in _PASSED_OVER
