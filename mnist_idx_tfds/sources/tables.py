"""CSV files: whether they are of pixels or of file names, and which of a folder's."""

import pathlib
import re
from collections.abc import Sequence

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import (
    columns,
    folder_names,
    parts,
    picture_table,
    pixel_table,
    row_pictures,
    table,
)
from mnist_idx_tfds.sources import options as flags
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source, shown

_FEW_COLUMNS = 4  # No pixels have so few, where their names do not say so.
_SUBMISSION = re.compile(r"submission", re.IGNORECASE)  # Its labels are invented.
Files = Sequence[tuple[pathlib.Path, str]]


def open_source(files: Files, options: Options) -> Source:
    """Opens CSV files, each with the part that it is, empty where one file has all.

    Raises:
      idx.IdxError: a flag is for another form, or what the form's reader finds wrong.
    """
    for path, _ in files:
        if _SUBMISSION.search(path.name):
            hint = "The labels of a sample submission are invented."
            raise idx.error(path, "file", "one with labels", "a submission", hint)
    header = table.read_header(files[0][0], named=not options.no_header)
    if _has_pixels(header, options):
        options.check(flags.PIXELS)
        if options.color:
            raise idx.error("--color", "source", "one that has colors", flags.PIXELS)
        return pixel_table.open_source(files, options)
    options.check(flags.PICTURES)
    return picture_table.open_source(files, options)


def open_folder(root: pathlib.Path, options: Options) -> Source | None:
    """Opens the CSV files of a folder that are a set; None if it has none.

    These name pictures of the folder or have pixels, or there is nothing but CSV files.
    With several, each is a part by its name.

    Raises:
      idx.IdxError: as `open_source`, or it is not plain which files are the set.
    """
    found = _find_in(root, options)
    if found:
        files = _chosen(root, found, options)
    elif files := _in_parts(root, options):
        found = [path for path, _ in files]
    else:
        return None
    header = table.read_header(files[0][0], named=not options.no_header)
    is_pixels = _has_pixels(header, options)
    if not is_pixels and _classes_are_folders(root, header, options):
        return None
    source = open_source(files, options)
    if len(files) > 1:
        source = source._replace(name=f"{root}")
    names = shown(path.name for path, _ in files)
    notes = [*source.notes]
    beside = {*found, *filter(table.is_table, root.iterdir())}
    unused = sorted(path.name for path in beside - {path for path, _ in files})
    if others := shown(name for name in unused if not name.startswith(".")):
        notes.append(f"{root}: {names} taken, {others} not")
    left = row_pictures.count_in(root) - source.total
    if left > 0 and not options.images_dir and not is_pixels:
        notes.append(f"{root}: {left:,} pictures are not in {names}, and are left out")
    return source._replace(notes=tuple(notes))


def _classes_are_folders(
    root: pathlib.Path, header: table.Header, options: Options
) -> bool:
    """Returns whether folders in those of the parts are classes, not a file's column.

    Raises:
      idx.IdxError: it is not plain, as folders beside the file may be the classes.
    """
    if options.label_column is not None or header.columns[0] == table.unnamed(0):
        return False
    if columns.like(header.columns, columns.LABELS):
        return False
    inside = [folder for folder in sorted(root.iterdir()) if folder.is_dir()]
    if any(len(_classes(f)) > 1 for f in inside if parts.of(f.name) == "train"):
        return True
    if len(names := _classes(root)) > 1:
        expected, found = "one column named like 'label'", f"{header}"
        hint = "If one has the labels, add --label_column=NAME. If folders such as "
        hint += f"{shown(names[:2])} are the classes, move this file away."
        raise idx.error(header.path, "columns", expected, found, hint)
    return False


def _classes(root: pathlib.Path) -> list[str]:
    """Returns the names of the folders with pictures in a folder that may be classes."""
    return [
        folder.name
        for folder in sorted(filter(pathlib.Path.is_dir, root.iterdir()))
        if not folder_names.is_no_class(folder.name)
        and not parts.within(folder.name)
        and row_pictures.count_in(folder)
    ]


def _in_parts(root: pathlib.Path, options: Options) -> Files:
    """Returns the tables that the folders of the parts have of their own pictures."""
    found = [
        (path, part)
        for folder in sorted(filter(pathlib.Path.is_dir, root.iterdir()))
        if (part := parts.of(folder.name))
        for path in sorted(filter(_may_be_one, folder.iterdir()))
        if picture_table.names_pictures(path, folder, options)
    ]
    return found if "train" in (part for _, part in found) else []


def _find_in(root: pathlib.Path, options: Options) -> list[pathlib.Path]:
    """Returns the CSV files of a folder that name pictures of it, or have pixels."""
    there = sorted(filter(_may_be_one, root.iterdir()))
    found = [p for p in there if picture_table.names_pictures(p, root, options)]
    if not found:
        # Each may be in a folder of its own name.
        below = sorted(filter(_may_be_one, root.glob("*/*.csv*")))
        found = [path for path in there or below if _is_labelled(path)]
    if not found and not any(path.is_dir() for path in root.iterdir()):
        # There is nothing else that it could be.
        found = [path for path in there if table.is_table(path)]
    if options.test_csv is None:
        return found
    test = pathlib.Path(options.test_csv).expanduser().resolve()
    return [path for path in found if path.resolve() != test]


def _may_be_one(path: pathlib.Path) -> bool:
    if path.name.startswith(".") or _SUBMISSION.search(path.name):
        return False
    return table.may_be_table(path) and path.is_file()


def _is_labelled(path: pathlib.Path) -> bool:
    """Returns whether a file has pixels and labels by the names of its columns."""
    try:
        header = table.read_header(path)
        has_labels = columns.like(header.columns, columns.LABELS)
        return bool(has_labels) and pixel_table.is_pixels(header)
    except idx.IdxError:
        return False  # It is another one.


def _chosen(
    root: pathlib.Path, found: Sequence[pathlib.Path], options: Options
) -> Files:
    """Returns an only file, or those that are parts by their names."""
    if len(found) == 1:
        return table.of_parts(found[0], options.test_csv)
    named = [(path, parts.within(path.name.partition(".")[0])) for path in found]
    files = [(path, part) for path, part in named if part]
    stated = [part for _, part in files]
    if "train" in stated and len({*stated}) == len(stated):
        if options.test_csv is not None:
            train = files[stated.index("train")][0]
            return table.of_parts(train, options.test_csv)
        if len(stated) > 1:
            return files
    hint = "Give the one to train on as SOURCE, and one to test on, if there is one, "
    hint += "as --test_csv."
    names = shown(path.name for path in found)
    raise idx.error(root, "folder", "one CSV file", names, hint)


def _has_pixels(header: table.Header, options: Options) -> bool:
    if options.file_column is not None:
        return False
    names = header.columns
    first = next((row for _, row in table.rows(header)), [])
    if options.no_header:
        texts = sum(not columns.NUMBER.fullmatch(value.strip()) for value in first)
        return texts < 2 and len(names) > _FEW_COLUMNS
    if pixel_table.is_pixels(header):
        return True
    if len(names) <= _FEW_COLUMNS or columns.like(names, columns.FILES):
        return False
    others = {*range(len(names))} - {*columns.like(names, columns.NO_CONTENT)}
    others -= {*columns.like(names, columns.LABELS)}
    # Pixels of other names are all numbers.
    return all(columns.NUMBER.fullmatch(first[n].strip()) for n in others if first)
