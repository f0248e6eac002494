"""CSV files with the label and the pixels of an image in each row."""

import itertools
import math
import pathlib
from collections.abc import Iterator, Sequence

from mnist_idx_tfds import idx, pixel_range
from mnist_idx_tfds.sources import columns, marks, pixel_columns, table
from mnist_idx_tfds.sources.marks import Mark
from mnist_idx_tfds.sources.options import WHITE_HINT, Options
from mnist_idx_tfds.sources.pixel_rows import File, chunks, fault, listed, read
from mnist_idx_tfds.sources.source import Item, Source, shown

_ANY = Options()


def is_pixels(header: table.Header) -> bool:
    """Returns whether columns are pixels by their names, or one has lists of numbers."""
    if pixel_columns.are_there(header.columns):
        return True
    for _, values in itertools.islice(table.rows(header), 1):
        return any(map(listed, values))
    return False


def open_source(
    files: Sequence[tuple[pathlib.Path, str]], options: Options = _ANY
) -> Source:
    """Finds the columns of files.

    Args:
      files: CSV files, plain or gzip, with a line of names such as
        `label,pixel0,pixel1`, and an image in each line after it, each with the part
        that it is as a whole, empty where one file has all.
      options: `label_column`, where it is not plain; `shape`, of images that are not
        square; `no_header`, where the first line is an image, too, and begins with the
        label. Columns that differ in numbers alone are pixels, else all but the labels;
        or one column has them all.

    Returns:
      The source. Items of stated splits keep their order.

    Raises:
      idx.IdxError: a file is not of this form.
    """
    found = [_file(path, whole, options) for path, whole in files]
    found = [_as_in(found[0], file) for file in found]
    shape = _shape(found[0], options.shape)
    tables, floats = zip(*map(_scan, found), strict=True)
    marked, notes = marks.find(tables, options)
    if options.no_header and options.label_column is None:
        _check_labels(found[0], marked[0])
    white = _white(found, any(floats), options.white)
    path = found[0].header.path
    notes += pixel_range.note(path, white)
    items = _items(found, marked, shape, any(floats), white)
    total = sum(mark is not None for rows in marked for mark in rows)
    return Source(f"{path}", total, items, notes=notes)


def _file(path: pathlib.Path, whole: str, options: Options) -> File:
    """Finds the columns of a file."""
    header = table.read_header(path, named=not options.no_header)
    names = header.columns
    label = columns.position(path, names, options.label_column, "label_column")
    if options.no_header:
        label = label or 0
        pixels = [n for n in range(len(names)) if n != label]
        return File(header, whole, label, pixels, len(pixels), None)
    if label is None and all(map(columns.NUMBER.fullmatch, names)):
        expected, found = "names of columns, such as label,pixel0", f"{header}"
        hint = "If it is an image, too, add --no_header. If its label is not the first "
        hint += "value but the last, or numbers are names, add --label_column=-1 or 0."
        raise idx.error(path, "line 1", expected, found, hint)
    if not pixel_columns.are_there(names):
        for number, values in itertools.islice(table.rows(header), 1):
            lists = [n for n, value in enumerate(values) if listed(value)]
            if len(lists) == 1:
                count = listed(values[lists[0]])
                return File(header, whole, label, lists, count, None)
            if lists:
                expected, where = "one column of pixels", f"line {number}"
                raise idx.error(path, where, expected, shown(names[n] for n in lists))
    pixels, shape = pixel_columns.find(path, names, label)
    return File(header, whole, label, pixels, len(pixels), shape)


def _as_in(first: File, file: File) -> File:
    """Returns a file with its pixels in the order of the first file's.

    Raises:
      idx.IdxError: it has not the same ones.
    """
    path, other = file.header.path, first.header.path
    if file.number != first.number:
        expected = f"{first.number} of pixels as in {other}"
        raise idx.error(path, "columns", expected, f"{file.number}")
    wanted, names = ([f.header.columns[n] for n in f.pixels] for f in (first, file))
    if pixel_columns.are_there(names) or len(names) < file.number or names == wanted:
        return file  # Their numbers are their order.
    if sorted(names) != sorted(wanted):
        more = [name for name in names if name not in wanted]
        expected = f"the columns of {other}"
        raise idx.error(path, "columns", expected, f"{shown(more[:3])} too")
    places = dict(zip(names, file.pixels, strict=True))
    return file._replace(pixels=[places[name] for name in wanted])


def _shape(file: File, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Returns height and width of a file's images."""
    count, side = file.number, math.isqrt(file.number)
    shape = shape or file.shape
    if shape is None and count and side * side == count:
        return side, side
    if shape is None or math.prod(shape) != count:
        expected, hint = "a square number", "If images are not square: --shape="
        if shape:
            expected, hint = f"{shape[0]} x {shape[1]}", "Mend --shape="
        hint += "HEIGHTxWIDTH."
        third = math.isqrt(count // 3)
        if not shape and 3 * third * third == count:
            hint = (
                f"Are these colors of {third} x {third}? Pack pictures or an .npz file."
            )
        raise idx.error(file.header.path, "pixels", expected, f"{count}", hint)
    return shape


def _scan(file: File) -> tuple[columns.Table, bool]:
    """Returns what is no pixel, of all rows, and whether pixels are written as floats."""
    numbers, rows, floats = [], [], False
    for row in read(file):
        floats = floats or "." in row.pixels
        numbers.append(row.number)
        rows.append(row.sides)
    table = columns.Table(
        file.header.path,
        [file.header.columns[n] for n in file.sides],
        rows,
        lambda n: f"line {numbers[n]}",
        file.whole,
        None if file.label is None else file.sides.index(file.label),
    )
    return table, floats


def _check_labels(file: File, marked: list[Mark | None]) -> None:
    """Raises an error where what begins a line seems to be a pixel."""
    labels = {mark.label for mark in marked if mark}
    if len(labels) == 1 and len(marked) > 1:
        expected = "labels in the first column, as no other is said"
        hint = "If they are in the last column, add --label_column=-1."
        found = f"{shown(labels)} in all lines"
        raise idx.error(file.header.path, "labels", expected, found, hint)


def _white(files: Sequence[File], floats: bool, given: int | None) -> int:
    """Returns what is white in all files together; see `pixel_range`."""
    seen = pixel_range.Range()
    for file in files:
        for _, values in chunks(file, floats):
            seen.see(values)
            if seen.sure and not floats and not given:
                return 255
    if seen.whole and not given and (seen.low < 0 or 255 < seen.high < 2048):
        # If one alone is out of the range of bytes, it is to be named.
        for file in files:
            for rows, values in chunks(file, floats):
                if values.min() < 0 or values.max() > 255:
                    raise fault(file, rows, floats, 255)
    return seen.white(files[0].header.path, "pixels", given, WHITE_HINT)


def _items(
    files: Sequence[File],
    marked: list[list[Mark | None]],
    shape: tuple[int, int],
    floats: bool,
    white: int,
) -> Iterator[Item]:
    for file, found in zip(files, marked, strict=True):
        path, numbered = file.header.path, enumerate(found)
        for rows, values in chunks(file, floats):
            if values.min() < 0 or values.max() > white + pixel_range.ROUNDED:
                raise fault(file, rows, floats, white)
            images = pixel_range.to_bytes(values, white).reshape(-1, *shape)
            for row, image, (n, mark) in zip(rows, images, numbered, strict=False):
                if mark:
                    yield Item(
                        pixels=image,
                        label=mark.label,
                        split=mark.part,
                        group=mark.group,
                        key=f"{n}",
                        origin=f"{path.name} line {row.number}",
                        path=f"{path}: line {row.number}",
                    )
