"""The folders of pictures that `unpack` makes, which give back the very set."""

import csv
import io
import pathlib
import re
from collections.abc import Sequence

from mnist_idx_tfds import class_folders, idx
from mnist_idx_tfds.sources import folders, pictured, split, table
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

FILE = "unpacked.csv"
SPLITS = ("train", "test")
_COLUMNS = ("label", "name", "folder")


def write(root: pathlib.Path, names: Sequence[str]) -> list[str]:
    """Writes the file that says which folder is which class.

    Args:
      root: folder that holds it, and `train` and `test`.
      names: of the classes, in the order of their labels.

    Returns:
      The names of the classes' folders, as far as file systems take those of the
      classes, each another in any case.
    """
    made = class_folders.names(names)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    lines.writerows(zip(range(len(names)), names, made, strict=True))
    (root / FILE).write_text(text.getvalue(), encoding="utf-8")
    return made


def open_source(root: pathlib.Path, options: Options) -> Source:
    """Finds the pictures of an unpacked set, as whoever has it may have moved them.

    Classes and their labels are those of `unpacked.csv`, also where a class has no
    pictures. The order is that of the numbers which the files have for a name; others
    come after them.

    Args:
      root: folder with `unpacked.csv`, `train` and `test`.
      options: how pictures are read.

    Raises:
      idx.IdxError: a folder is missing, or is not in `unpacked.csv`.
    """
    classes = _read(root / FILE)
    found: list[pictured.Picture] = []
    seen = folders.Seen(root)
    for part in SPLITS:
        for name, path in folders.class_folders(root / part).items():
            if name not in classes:
                expected = f"the folders of {FILE}"
                hint = "Add a line for it, with the next label, or remove it."
                raise idx.error(root / part, "folders", expected, f"{name!r} too", hint)
            found += [
                pictured.of(root, file, classes[name], part)
                for file in seen.pictures(path)
            ]
    found.sort(key=_position)
    names, notes = list(classes.values()), tuple(seen.said())
    return pictured.source(
        f"{root}", len(found), found, options, names=names, notes=notes, unused="keep"
    )


def _position(picture: pictured.Picture) -> tuple[int, int, str]:
    name = pathlib.Path(picture.path)
    numbered = bool(re.fullmatch(r"[0-9]+", name.stem))
    return not numbered, int(name.stem) if numbered else 0, name.name


def _read(path: pathlib.Path) -> dict[str, str]:
    """Returns the names of the classes by folder, in the order of their labels."""
    header = table.read_header(path)
    if header.columns != _COLUMNS:
        raise idx.error(path, "line 1", ",".join(_COLUMNS), f"{header}")
    classes: dict[str, str] = {}
    for number, (label, name, folder) in table.rows(header):
        split.check_name(f"{path}: line {number}", name)
        if label != f"{len(classes)}":
            field, expected = f"line {number}: label", f"{len(classes)}"
            raise idx.error(path, field, expected, label)
        for field, value, others in (
            ("name", name, classes.values()),
            ("folder", folder, classes),
        ):
            if value in others:
                expected = "another than in the lines before"
                where = f"line {number}: {field}"
                raise idx.error(path, where, expected, repr(value))
        classes[folder] = name
    return classes
