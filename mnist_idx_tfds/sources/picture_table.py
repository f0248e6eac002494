"""CSV files with the file name and the label of a picture in each row."""

import itertools
import os
import pathlib
from collections import defaultdict
from collections.abc import Sequence

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import columns, marks, parts, pictured, table
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.row_pictures import Pictures, Row
from mnist_idx_tfds.sources.source import Source, shown

_ANY = Options()
_LOOKED_AT = 20  # Rows that tell what a column has.


def names_pictures(path: pathlib.Path, root: pathlib.Path, options: Options) -> bool:
    """Returns whether the first rows of a file name a picture of a folder."""
    try:
        one = _table(path, "", options, _LOOKED_AT)
    except idx.IdxError:
        return False  # It is another one.
    (file,) = one.used
    names = [row[file].strip() for row in one.rows]
    try:
        rows = [Row("", name, "") for name in names]
        if not any(Pictures(path, root, frozenset()).find(rows)):
            return False
    except idx.IdxError:
        return True  # It names more than one.
    others = (columns.plain(one.names[n]) for n in range(len(one.names)) if n != file)
    if one.label is None and columns.NO_CONTENT.issuperset(others):
        return False  # It says nothing of them, or their parts alone.
    if any(map(table.is_file_name, names)):
        return True  # Whether it says the class, `open_source` says.
    if columns.like(one.names, columns.FILES | columns.LABELS):
        return True
    try:
        labels, _ = one.labels()
    except idx.IdxError:
        return False
    # Else an `id` or `name`, and a number of anything.
    return not all(map(columns.NUMBER.fullmatch, labels))


def open_source(
    files: Sequence[tuple[pathlib.Path, str]], options: Options = _ANY
) -> Source:
    """Finds the pictures that files name.

    Args:
      files: CSV files, plain or gzip, with a line of names and a picture in each line
        after it, each with the part that it is as a whole, empty where one file has
        all.
      options: `file_column` and `label_column`, where they are not plain; `images_dir`,
        the folder that has the pictures, if not that of the CSV file; how pictures are
        read. See `row_pictures.Pictures` for which one a row means.

    Returns:
      The source. Items of stated splits keep their order.

    Raises:
      idx.IdxError: a file is not of this form.
    """
    tables = [_table(path, whole, options) for path, whole in files]
    marked, notes = marks.find(tables, options)
    base = _base(options, [one.path for one in tables])
    found: list[pictured.Picture] = []
    missing: list[idx.IdxError] = []
    for one, of_rows in zip(tables, marked, strict=True):
        root = pathlib.Path(options.images_dir or one.path.parent).expanduser()
        kept = [(n, mark) for n, mark in enumerate(of_rows) if mark]
        rows = [Row(one.where(n), _name(one, n), mark.part) for n, mark in kept]
        pictures = Pictures(one.path, root, _whole(one))
        paths = pictures.find(rows)
        _check_names(one, pictures, paths)
        for row, (_, mark), there in zip(rows, kept, paths, strict=True):
            if there is None:
                field, expected = f"{row.where}: file", f"a picture in {root}"
                missing.append(idx.error(one.path, field, expected, f"no {row.name}"))
            else:
                found.append(pictured.of(base, there, *mark))
    notes += _several(files[0][0], found)
    total = len(found) + len(missing)
    source = pictured.source(f"{files[0][0]}", total, found, options, notes=notes)
    return source._replace(items=itertools.chain(missing, source.items))


def _base(options: Options, paths: Sequence[pathlib.Path]) -> pathlib.Path:
    """Returns the folder that origins are paths in, so that no two are the same."""
    if options.images_dir:
        return pathlib.Path(options.images_dir).expanduser()
    try:
        return pathlib.Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:  # One is of the root, another of the working directory.
        return pathlib.Path()


def _check_names(
    one: columns.Table, pictures: Pictures, paths: Sequence[str | None]
) -> None:
    """Raises an error where the line of names is a row, and its picture would be lost."""
    (file,) = one.used
    name = one.names[file]
    if columns.plain(name) in columns.FILES | columns.IDS:
        return
    lost = pictures.named(name)
    if not lost or not lost.isdisjoint(paths):
        return
    found, hint = f"the picture {name!r}", "If it is a row, too, add --no_header."
    expected = "names of columns, such as file,label"
    raise idx.error(one.path, "line 1", expected, found, hint)


def _several(path: pathlib.Path, found: Sequence[pictured.Picture]) -> tuple[str, ...]:
    """Returns a line on pictures that rows give several labels.

    Raises:
      idx.IdxError: many have several, as where rows are objects in a picture.
    """
    labels: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for picture in found:
        labels[picture.origin][picture.label] = ""
    again = len(found) - len(labels)
    said = (f"odd: {path}: {again:,} rows name a picture again",) if again else ()
    several = {origin: names for origin, names in labels.items() if len(names) > 1}
    if not several:
        return said
    origin, names = next(iter(several.items()))
    what = f"{len(several):,} with several, such as {origin} ({shown(names)})"
    if 10 * len(several) > len(labels):
        hint = "Are its rows objects in pictures? Cut these out first."
        raise idx.error(path, "labels", "one for each picture", what, hint)
    return (*said, f"odd: {path}: {what}")


def _table(
    path: pathlib.Path, whole: str, options: Options, most: int | None = None
) -> columns.Table:
    """Returns the rows of a file; of `most` the first, and of these those that are good."""
    header = table.read_header(path, named=not options.no_header)
    read: list[tuple[int, list[str]]] = []
    try:
        for row in itertools.islice(table.rows(header), most):
            read.append(row)
    except idx.IdxError:
        if most is None:
            raise
    file = _file_column(header, read, options.file_column)
    label = columns.position(path, header.columns, options.label_column, "label_column")
    return columns.Table(
        path,
        header.columns,
        [row for _, row in read],
        lambda n: f"line {read[n][0]}",
        whole,
        label,
        frozenset({file}),
        f"pictures by {header.columns[file]!r}, ",
    )


def _whole(one: columns.Table) -> frozenset[str]:
    """Returns the parts whose folders a table may name pictures of; empty for any."""
    named = parts.within(one.path.name.partition(".")[0])
    if not one.whole and one.parts()[0] is not None:
        return frozenset()
    return frozenset(part for part in (one.whole, named) if part)


def _file_column(
    header: table.Header, rows: list[tuple[int, list[str]]], given: str | None
) -> int:
    """Returns the position of the column that names pictures."""
    names = header.columns
    position = columns.position(header.path, names, given, "file_column")
    if position is not None:
        return position
    found = columns.like(names, columns.FILES)
    if len(found) != 1:
        some = [row for _, row in rows[:_LOOKED_AT]]
        ending = [
            n
            for n in range(len(names))
            if some and all(table.is_file_name(row[n]) for row in some)
        ]
        found = ending or found or columns.like(names, columns.IDS)
        if not found and names[0] == table.unnamed(0):
            return 0
    if len(found) != 1:
        expected = "one column named like 'file'"
        shown = columns.summary([names[n] for n in found] or names)
        hint = "Say which it is with --file_column=NAME. If the first line is a row, "
        hint += "too, add --no_header."
        raise idx.error(header.path, "columns", expected, shown, hint)
    return found[0]


def _name(one: columns.Table, row: int) -> str:
    """Returns the name of a row's picture, if it can be one."""
    (file,) = one.used
    name, where = one.rows[row][file].strip(), f"{one.where(row)}: file"
    if not name:
        raise idx.error(one.path, where, "the name of a picture", "nothing")
    if "\n" in name or "\0" in name:
        # Others come back from a file of a name a line.
        raise idx.error(one.path, where, "a path without a line feed", repr(name))
    return name
