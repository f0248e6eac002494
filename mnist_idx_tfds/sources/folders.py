"""Folders of pictures, one for each class."""

import os
import pathlib
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import shown
from mnist_idx_tfds.pictures import folder as listing
from mnist_idx_tfds.sources import folder_names, parts, pictured, split, table
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_FORM = "IMAGES_DIR/CLASS/PICTURE is the form. If a table has the labels, give that instead."


class Found(NamedTuple):
    """Names of the classes, the pictures of all, and lines on how they were found."""

    names: list[str]
    pictures: list[pictured.Picture]
    notes: tuple[str, ...]


def open_source(images_dir: idx.PathLike, options: Options) -> Source:
    """Finds the pictures of each class; see `find`.

    They are to be shuffled even where there are splits: a folder has no order.

    Raises:
      idx.IdxError: as `find`.
    """
    root = pathlib.Path(images_dir).expanduser()
    names, found, notes = find(root)
    return pictured.source(
        f"{root}", len(found), found, options, names=names, notes=notes, ordered=False
    )


def find(root: pathlib.Path) -> Found:
    """Finds the pictures of each class.

    The folder has a folder for each class, or folders by the usual names of the parts of
    a set, which hold these, or each class has such folders; a folder that only wraps
    another is looked through. Names that are equal after Unicode's NFC are one class.
    Pictures in folders in that of a class are of the class. What is hidden, or left there
    by a system, is passed over; what else is left out is said.

    Raises:
      idx.IdxError: the folder holds no classes, or one without pictures.
    """
    top, seen = _unwrapped(root), Seen(root)
    beside = {
        e.name: "" for at in (root, top) for e in listing.entries(at) if not e.is_dir()
    }
    if tables := [n for n in beside if table.is_table(pathlib.Path(n))]:
        seen.notes.append(
            f"{root}: folders are the classes, {shown(', '.join(tables))} left out"
        )
    if top != root:
        inside = top.relative_to(root).as_posix()
        seen.notes.append(f"{root}: its folders are those of {shown(inside)}")
    given = _parts(top, seen)
    classes = [
        (part, name, folder)
        for part, whole in given
        for name, folder in _classes(whole, seen)
    ]
    if not any(part for part, _ in given):
        classes = _parts_of_classes(classes, seen)
    trained = {name for part, name, _ in classes if part in ("", "train")}
    pictures = []
    for part, name, folder in classes:
        if name not in trained:
            _refuse_untrained(folder, name, trained)
        found = list(seen.pictures(folder))
        if not found:
            hint = "Remove the folder, or put pictures into it."
            other = next((e.name for e in listing.entries(folder)), "")
            what = f"none, but {shown(other)}" if other else "none"
            raise idx.error(folder, "class", "at least one picture", what, hint)
        pictures += [pictured.of(root, path, name, part) for path in found]
    return Found(split.in_order(trained), pictures, tuple(seen.said()))


def class_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folders in a folder, by names that classes can have."""
    expected = "a folder for each class"
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise idx.error(root, "folder", expected, found, _FORM)
    folders = {e.name: root / e.name for e in listing.entries(root) if e.is_dir()}
    if not folders:
        loose = len(_loose(root))
        found = f"files alone ({loose:,})" if loose else "no folders"
        raise idx.error(root, "folder", expected, found, _FORM)
    for name in folders:
        split.check_name(root, name)
    return folders


class Seen:
    """What was seen beside pictures of classes, to be said."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.notes: list[str] = []
        self._counts: dict[str, list[str]] = {}

    def count(self, what: str, paths: list[str]) -> None:
        """Keeps files that are to be counted in one line, which names the first."""
        self._counts.setdefault(what, []).extend(paths)

    def said(self) -> Iterator[str]:
        """Yields the lines."""
        yield from self.notes
        for what, paths in self._counts.items():
            if paths:
                first = shown(os.path.relpath(paths[0], self.root))
                yield f"{self.root}: {len(paths):,} {what} (such as {first})"

    def pictures(self, folder: pathlib.Path) -> Iterator[str]:
        """Yields the paths of the pictures in a class's folder, and in those in it."""

        def refuse(error: idx.IdxError) -> None:
            raise error

        for path in listing.walk(f"{folder}", refuse):
            *above, name = path.removeprefix(f"{folder}{os.sep}").split(os.sep)
            if odd := [step for step in (*above, name) if "\n" in step]:
                # Others come back from a file of a name a line.
                expected, found = "a name without a line feed", repr(odd[0])
                raise idx.error(folder, "picture", expected, found, "Rename it.")
            if listing.is_note(name):
                self.count("files left out that are no pictures", [path])
                continue
            if above:
                self.count("pictures in a folder within that of their class", [path])
            yield path


def _loose(folder: pathlib.Path) -> list[str]:
    """Returns the paths of what may be pictures in a folder itself."""
    found = (e for e in listing.entries(folder) if not listing.is_note(e.name))
    return [entry.path for entry in found if not entry.is_dir()]


def _has_pictures(folder: pathlib.Path) -> bool:
    """Returns whether files in a folder end as pictures do, not as `1` or `1.xml`."""
    return any(map(table.is_file_name, Seen(folder).pictures(folder)))


def _folders(folder: pathlib.Path) -> list[pathlib.Path]:
    return [folder / e.name for e in listing.entries(folder) if e.is_dir()]


def _unwrapped(root: pathlib.Path) -> pathlib.Path:
    """Returns the folder itself, or the one that it only wraps, with folders in it."""
    class_folders(root)
    top, seen = root, {os.path.realpath(root)}
    while not _loose(top):
        inner = [
            folder
            for folder in _folders(top)
            if folder.name.lower() not in folder_names.SAID or _has_pictures(folder)
        ]
        real = os.path.realpath(inner[0]) if inner else ""
        if (
            len(inner) != 1
            or not _folders(inner[0])
            or _loose(inner[0])
            or real in seen
        ):
            break
        top = inner[0]
        seen.add(real)
    return top


def _parts(root: pathlib.Path, seen: Seen) -> list[tuple[str, pathlib.Path]]:
    """Returns the folders that hold those of the classes, with the part each is."""
    folders = _folders(root)
    # By its name alone; of longer ones, as in `seg_train`, if classes are in them, too.
    named = {
        f: part for f in folders if (part := parts.of(f.name.rstrip("0123456789")))
    }
    if "train" not in named.values():
        named = {
            folder: part
            for folder in folders
            if (part := parts.within(folder.name)) and _folders(folder)
        }
    trained = [folder for folder, part in named.items() if part == "train"]
    if not trained:
        return [("", root)]
    if not any(map(_folders, trained)):
        if len(named) == 1 < len(folders):
            return [("", root)]  # One class of others may be called train.
        class_folders(trained[0])  # Says what is expected there.
    given: list[tuple[str, pathlib.Path]] = []
    for folder in folders:
        has_classes = _has_classes(folder)
        if (
            folder in named
            and _folders(folder)
            and (has_classes or named[folder] == "train")
        ):
            given.append((named[folder], _unwrapped(folder)))
        elif not any(Seen(root).pictures(folder)):
            seen.notes.append(f"{folder}: no pictures in it, left out")
        elif not has_classes:
            what = "pictures left out that are in no folder of a class"
            seen.count(what, list(Seen(root).pictures(folder)))
        else:
            expected = "train and test alone" if len(named) > 1 else "train alone"
            hint = "Move the other folders away."
            found = f"{folder.name} too"
            raise idx.error(root, "folders", expected, found, hint)
    return given


def _has_classes(folder: pathlib.Path) -> bool:
    """Returns whether folders in one of a part may be classes, and are no part again."""
    if not _folders(folder):
        return False
    return not all(
        parts.of(inner.name)
        or inner.name.lower() in {*folder_names.NO_CLASSES, folder.name.lower()}
        for inner in _folders(_unwrapped(folder))
    )


def _classes(folder: pathlib.Path, seen: Seen) -> Iterator[tuple[str, pathlib.Path]]:
    seen.count("pictures left out that are in no folder of a class", _loose(folder))
    found = class_folders(folder)
    if {name.lower() for name in found} <= folder_names.NO_CLASSES:
        names = shown(", ".join(found))
        raise idx.error(folder, "folder", "a folder for each class", names, _FORM)
    if len(found) > 1 and {name.lower() for name in found} <= folder_names.VARIANTS:
        expected, hint = "one folder of classes", "Give one of these folders."
        raise idx.error(folder, "folder", expected, shown(", ".join(found)), hint)
    for name, path in found.items():
        if name.lower() in folder_names.SAID and not _has_pictures(path):
            seen.notes.append(f"{path}: no pictures in it, left out")
            continue
        yield unicodedata.normalize("NFC", name), path


def _parts_of_classes(
    classes: list[tuple[str, str, pathlib.Path]], seen: Seen
) -> list[tuple[str, str, pathlib.Path]]:
    """Returns classes by the parts in each, as in `cat/train`, if all have these."""
    inner = [
        (parts.of(folder.name), name, folder)
        for _, name, whole in classes
        for folder in _folders(whole)
    ]
    known = [(part, name, folder) for part, name, folder in inner if part]
    has_train = {name for part, name, _ in known if part == "train"}
    if len(known) < len(inner) or has_train != {name for _, name, _ in classes}:
        return classes
    if any(_loose(whole) for _, _, whole in classes):
        return classes
    seen.notes.append(f"{seen.root}: the folders in those of the classes are its parts")
    return list(known)


def _refuse_untrained(folder: pathlib.Path, name: str, trained: set[str]) -> None:
    hint = "It would have no examples to train on."
    alike = [other for other in trained if other.casefold() == name.casefold()]
    if alike:
        hint = f"Rename it, if it is the class {shown(alike[0])}."
    expected = "the classes that are trained on"
    raise idx.error(folder.parent, "classes", expected, f"{name!r} too", hint)
