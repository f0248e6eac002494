"""CSV files with the label and the pixels of an image in each row."""

import contextlib
import itertools
import math
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mnist_idx_tfds import idx, pixel_range
from mnist_idx_tfds.sources import columns, marks, pixel_columns, table
from mnist_idx_tfds.sources.marks import Mark, Marked
from mnist_idx_tfds.sources.options import WHITE_HINT, Options
from mnist_idx_tfds.sources.source import Item, Source, shown

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# All pixels of an image in one cell, in brackets or not.
_LIST = re.compile(r"[\[\]\d\s.,;eE+-]*")
_FEW = 4
_BLANKS = str.maketrans("[],;", "    ")
_ANY = Options()


class _File(NamedTuple):
    """A file, the part it is, and where in a row the pixels are, and all else.

    Where one column has all pixels, `pixels` has that alone, and `number` is how many they are.
    """

    header: table.Header
    whole: str
    label: int | None
    pixels: list[int]
    number: int
    shape: tuple[int, int] | None

    @property
    def sides(self) -> list[int]:
        pixels = {*self.pixels}
        return [n for n in range(len(self.header.columns)) if n not in pixels]

    @property
    def between(self) -> str | None:
        """What is between pixels; None for blanks."""
        one_cell, delimiter = len(self.pixels) < self.number, self.header.delimiter
        return None if one_cell or delimiter == " " else delimiter


class _Row(NamedTuple):
    """A line: its number from 1, what is no pixel in it, and the text of its pixels."""

    number: int
    sides: list[str]
    pixels: str


def is_pixels(header: table.Header) -> bool:
    """Returns whether columns are pixels by their names, or one has lists of numbers."""
    if pixel_columns.are_there(header.columns):
        return True
    for _, values in itertools.islice(table.rows(header), 1):
        return any(map(_is_list, values))
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
    sides, floats = zip(*map(_scan, found), strict=True)
    tables = [_table(f, rows) for f, rows in zip(found, sides, strict=True)]
    marked, notes = marks.find(tables, options)
    if options.no_header and options.label_column is None:
        _check_labels(found[0], marked[0])
    white = _white(found, any(floats), options.white)
    path = found[0].header.path
    notes += pixel_range.note(path, white)
    items = _items(found, marked, shape, any(floats), white)
    total = sum(mark is not None for rows in marked for mark in rows)
    return Source(f"{path}", total, items, notes=notes)


def _file(path: pathlib.Path, whole: str, options: Options) -> _File:
    """Finds the columns of a file."""
    header = table.read_header(path, named=not options.no_header)
    names = header.columns
    label = 0 if options.no_header else None
    if options.label_column is not None:
        label = columns.position(path, names, options.label_column, "label_column")
    if options.no_header:
        pixels = [n for n in range(len(names)) if n != label]
        return _File(header, whole, label, pixels, len(pixels), None)
    if label is None and all(map(_NUMBER.fullmatch, names)):
        expected, found = "names of columns, such as label,pixel0", f"{header}"
        hint = "If it is an image, too, add --no_header. If its label is not the first "
        hint += "value but the last, or numbers are names, add --label_column=-1 or 0."
        raise idx.error(path, "line 1", expected, found, hint)
    if not pixel_columns.are_there(names):
        for number, values in itertools.islice(table.rows(header), 1):
            lists = [n for n, value in enumerate(values) if _is_list(value)]
            if len(lists) == 1:
                count = len(values[lists[0]].translate(_BLANKS).split())
                return _File(header, whole, label, lists, count, None)
            if lists:
                expected, where = "one column of pixels", f"line {number}"
                raise idx.error(path, where, expected, shown(names[n] for n in lists))
    pixels, shape = pixel_columns.find(path, names, label)
    return _File(header, whole, label, pixels, len(pixels), shape)


def _as_in(first: _File, file: _File) -> _File:
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


def _shape(file: _File, shape: tuple[int, int] | None) -> tuple[int, int]:
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


def _scan(file: _File) -> tuple[list[_Row], bool]:
    """Returns what is no pixel, of all rows, and whether pixels are written as floats."""
    rows, floats = [], False
    for row in _rows(file):
        floats = floats or "." in row.pixels
        rows.append(row._replace(pixels=""))
    if not rows:
        hint = "The file has no data."
        raise idx.error(file.header.path, "rows", "at least one image", "none", hint)
    return rows, floats


def _table(file: _File, rows: list[_Row]) -> Marked:
    names = [file.header.columns[n] for n in file.sides]
    label = None if file.label is None else file.sides.index(file.label)
    found = columns.Table(
        file.header.path,
        names,
        [row.sides for row in rows],
        lambda n: f"line {rows[n].number}",
    )
    return Marked(found, file.whole, label)


def _check_labels(file: _File, marked: list[Mark | None]) -> None:
    """Raises an error where what begins a line seems to be a pixel."""
    labels = {mark.label for mark in marked if mark}
    if len(labels) == 1 and len(marked) > 1:
        expected = "labels in the first column, as no other is said"
        hint = "If they are in the last column, add --label_column=-1."
        found = f"{shown(labels)} in all lines"
        raise idx.error(file.header.path, "labels", expected, found, hint)


def _white(files: Sequence[_File], floats: bool, given: int | None) -> int:
    """Returns what is white in all files together; see `pixel_range`."""
    seen = pixel_range.Range()
    for file in files:
        for _, values in _chunks(file, floats):
            seen.see(values)
            if seen.sure and not floats and not given:
                return 255
    if seen.whole and not given and (seen.low < 0 or 255 < seen.high < 2048):
        # If one alone is out of the range of bytes, it is to be named.
        for file in files:
            for rows, values in _chunks(file, floats):
                if values.min() < 0 or values.max() > 255:
                    raise _fault(file, rows, floats, 255)
    return seen.white(files[0].header.path, "pixels", given, WHITE_HINT)


def _items(
    files: Sequence[_File],
    marked: list[list[Mark | None]],
    shape: tuple[int, int],
    floats: bool,
    white: int,
) -> Iterator[Item]:
    for file, found in zip(files, marked, strict=True):
        path, n = file.header.path, 0
        for rows, values in _chunks(file, floats):
            if values.min() < 0 or values.max() > white:
                raise _fault(file, rows, floats, white)
            images = pixel_range.to_bytes(values, white).reshape(-1, *shape)
            for row, image in zip(rows, images, strict=True):
                if mark := found[n]:
                    yield Item(
                        pixels=image,
                        label=mark.label,
                        split=mark.part,
                        group=mark.group,
                        key=f"{n}",
                        origin=f"{path.name} line {row.number}",
                        path=f"{path}: line {row.number}",
                    )
                n += 1


def _chunks(file: _File, floats: bool) -> Iterator[tuple[list[_Row], np.ndarray]]:
    """Yields rows and their pixels, `(n, pixels)`, about 1 MiB at a time."""
    size = idx.per_chunk(8 * file.number)
    rows = _rows(file)
    while batch := list(itertools.islice(rows, size)):
        yield batch, _parse(file, batch, floats)


def _rows(file: _File) -> Iterator[_Row]:
    header, wanted = file.header, len(file.header.columns)
    if file.sides == [0] and file.between and file.pixels == [*range(1, wanted)]:
        yield from _simple_rows(header, wanted)
        return
    between = file.between or " "
    for number, values in table.rows(header):
        sides = [values[n] for n in file.sides]
        if len(file.pixels) < file.number:
            text = values[file.pixels[0]].translate(_BLANKS)
        else:
            text = between.join([values[n] for n in file.pixels])
        yield _Row(number, sides, text)


def _simple_rows(header: table.Header, wanted: int) -> Iterator[_Row]:
    """Yields rows of labels and pixels, which need not be taken apart."""
    path, between = header.path, header.delimiter.encode()
    for number, line in enumerate(table.lines(path), 1):
        if number <= header.above or not line.strip():
            continue
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if b'"' in line:
            text = table.decode(path, number, line).rstrip("\r\n")
            values = table.cells(path, number, text, header.delimiter)
            table.check_length(path, number, len(values), wanted)
            yield _Row(number, [values[0]], header.delimiter.join(values[1:]))
        else:
            table.check_length(path, number, line.count(between) + 1, wanted)
            label, _, rest = line.rstrip(b"\r\n").partition(between)
            yield _Row(
                number, [table.decode(path, number, label)], rest.decode("latin-1")
            )


def _parse(file: _File, rows: list[_Row], floats: bool) -> np.ndarray:
    """Returns the pixels of rows, finite floats or integers, `(n, pixels)`."""
    known = str.maketrans("", "", f"0123456789-+ {file.between or ' '}")
    # What is no integer NumPy would take for one, with a warning.
    if floats or not any(row.pixels.translate(known) for row in rows):
        texts = [row.pixels for row in rows]
        dtype = np.float64 if floats else np.int64
        with contextlib.suppress(ValueError):
            values = np.loadtxt(
                texts, dtype, delimiter=file.between, comments=None, ndmin=2
            )
            shape = len(rows), file.number
            if values.shape == shape and (not floats or np.isfinite(values).all()):
                return values
    raise _fault(file, rows, floats)


def _fault(
    file: _File, rows: list[_Row], floats: bool, white: float = math.inf
) -> idx.IdxError:
    """Returns the error for the first pixel that is none, or none of 0 to `white`."""
    header = file.header
    for number, _, text in rows:
        found = text.split(file.between)
        if len(found) != file.number:
            expected = f"{file.number} numbers as in the first row"
            field = f"line {number}: {header.columns[file.pixels[0]]}"
            return idx.error(header.path, field, expected, f"{len(found)}")
        for n, cell in enumerate(found):
            if not _is_pixel(cell.strip(), floats, white):
                name = shown([header.columns[file.pixels[n % len(file.pixels)]]])
                expected = "a number" if floats else "a whole number"
                expected += f" of 0 to {white}" if white < math.inf else ""
                cell = repr(cell) if cell.strip() else "nothing"
                hint = "Each column but the label is a pixel." * (not floats)
                where = f"line {number}: {name}"
                return idx.error(header.path, where, expected, cell, hint)
    lines = f"lines {rows[0].number} to {rows[-1].number}"
    return idx.error(header.path, lines, "numbers", "what NumPy cannot read")


def _is_pixel(text: str, floats: bool, white: float) -> bool:
    try:
        value = float(text) if floats else int(text)
    except ValueError:
        return False
    if white < math.inf:
        return 0 <= value <= white
    return math.isfinite(value) if floats else -(1 << 63) <= value < 1 << 63


def _is_list(text: str) -> bool:
    return bool(_LIST.fullmatch(text)) and len(text.translate(_BLANKS).split()) >= _FEW
