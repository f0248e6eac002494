"""CSV files with the file name and the label of a picture in each row."""

import os
import pathlib
from collections.abc import Iterator

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import pictured, table
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_FILES = frozenset(
    {"file", "filename", "filepath", "path", "image", "imagename", "imagepath"}
    | {"imagefile", "img", "imgname", "imgpath", "imageid", "picture"}
)
_IDS = frozenset({"id", "name"})  # Where there is none of the others.


_ANY = Options()


def has_files(header: table.Header) -> bool:
    """Returns whether a column has the name of one of file names."""
    return any(table.plain(name) in _FILES | _IDS for name in header.columns)


def find_in(root: pathlib.Path, options: Options) -> list[pathlib.Path]:
    """Returns the CSV files in a folder whose first row names a picture of it."""
    found = []
    for path in sorted(root.iterdir()):
        if not table.is_table(path) or path.name.startswith(".") or path.is_dir():
            continue
        try:
            header = table.read_header(path)
            number, name, _ = next(_rows(header, options))
            if _Pictures(root).find(path, name, number).exists():
                found.append(path)
        except (idx.IdxError, StopIteration):
            continue  # It is another one, beside the folders of classes.
    return found


def open_source(
    path: idx.PathLike,
    options: Options = _ANY,
) -> Source:
    """Finds the pictures that one file names, or one to train on and one to test on.

    Args:
      path: a CSV file, plain or gzip, with a line of names and a picture in each line
        after it.
      options: `test_csv`, the file to test on; `file_column` and `label_column`, where
        they are not plain; `images_dir`, the folder that has the pictures, if not that
        of the CSV file; how pictures are read. A name is the path in that folder, or
        else the name of one file in it or below, which may end in `.png` or the like.

    Returns:
      The source. Items of two files keep their order.

    Raises:
      idx.IdxError: a file is not of this form.
    """
    found: list[pictured.Picture] = []
    notes = []
    for file, part in table.of_parts(path, options.test_csv):
        root = pathlib.Path(options.images_dir or file.parent)
        pictures = _Pictures(root.expanduser())
        header = table.read_header(file)
        before = len(found)
        for number, name, label in _rows(header, options):
            if not name.strip():
                expected = "the name of a picture"
                raise idx.error(file, f"line {number}: file", expected, repr(name))
            path_there = pictures.find(file, name.strip(), number)
            picture = pictured.of(pictures.root, f"{path_there}", label, part)
            if "\n" in picture.origin:
                # Others come back from a file of a name a line.
                expected = "a path without a line feed"
                found_there = repr(picture.origin)
                raise idx.error(file, f"line {number}: file", expected, found_there)
            found.append(picture)
        if len(found) == before:
            hint = "The file has no data."
            raise idx.error(file, "rows", "at least one picture", "none", hint)
        names = [header.columns[n] for n in _find(header, options)]
        notes.append(f"{file}: pictures by {names[0]!r}, classes by {names[1]!r}")
    items = pictured.items(found, options)
    return Source(f"{path}", len(found), items, notes=tuple(notes))


def _rows(header: table.Header, options: Options) -> Iterator[tuple[int, str, str]]:
    """Yields the number of each line, and the file name and the label in it."""
    file, label = _find(header, options)
    with idx.opened(header.path) as (stream, _):
        for number, values in table.rows(header, stream):
            checked = table.check_label(header.path, number, values[label])
            yield number, values[file], checked


def _find(header: table.Header, options: Options) -> tuple[int, int]:
    first = {table.plain(name) for name in header.columns} & _FILES
    known = first or _IDS
    file = table.column(header, options.file_column, known, "file", "file_column")
    return file, table.label_column(header, options.label_column)


class _Pictures:
    """The files of a folder and of those in it, by any of the names they go by."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self._by_name: dict[str, list[pathlib.Path]] | None = None

    def find(self, table_path: pathlib.Path, name: str, number: int) -> pathlib.Path:
        """Returns the path of the file that a row names, whether it is there or not."""
        direct = self.root / name
        if direct.is_file():
            return direct
        if self._by_name is None:
            self._by_name = {}
            for folder, folders, files in os.walk(self.root):
                folders[:] = sorted(f for f in folders if not f.startswith("."))
                for file in sorted(files):
                    path = pathlib.Path(folder, file)
                    for known in {path.name, path.stem}:
                        self._by_name.setdefault(known, []).append(path)
        base = name.replace("\\", "/").rpartition("/")[2]
        found = [p for p in self._by_name.get(base, ()) if not table.is_table(p)]
        if len(found) > 1:
            expected = f"one file in {self.root} that goes by {name!r}"
            names = " and ".join(f"{p.relative_to(self.root)}" for p in found[:2])
            hint = "Say with --images_dir which folder is meant."
            field = f"line {number}: file"
            raise idx.error(table_path, field, expected, names, hint)
        return found[0] if found else direct
