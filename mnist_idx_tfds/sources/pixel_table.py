"""CSV files with an image in each row: its label, and a column for each pixel."""

import contextlib
import itertools
import math
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import pixels, table
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Item, Source, shown

_PIXEL = re.compile(r"(pixel|px|p)?\d+|\d+x\d+")
_FEW = 4  # So many columns with such names are those of pixels.
_ANY = Options()
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_HINT = "Each column but the label is a pixel; scale these to 0 to 255."


class _File(NamedTuple):
    """A file, the split it is, and where in a row the label and the pixels are."""

    header: table.Header
    split: str
    label: int
    pixels: list[int]
    no_header: bool


class _Row(NamedTuple):
    """A line: its number from 1, its label, and the text of its pixels."""

    number: int
    label: str
    pixels: str


def is_pixels(header: table.Header) -> bool:
    """Returns whether the names of the columns are those of pixels."""
    names = map(table.plain, header.columns)
    return sum(bool(_PIXEL.fullmatch(name)) for name in names) >= _FEW


def open_source(
    path: idx.PathLike,
    options: Options = _ANY,
) -> Source:
    """Finds the columns of one file, or of one to train on and one to test on.

    Args:
      path: a CSV file, plain or gzip, with a line of names such as
        `label,pixel0,pixel1`, and an image in each line after it.
      options: `test_csv`, the file to test on; `label_column`, where it is not plain;
        `shape`, of images that are not square; `no_header`, of lines that begin with
        the label. If columns have the names of pixels, the pixels are these, else all
        but the labels.

    Returns:
      The source. Items of two files keep their order.

    Raises:
      idx.IdxError: a file is not of this form.
    """
    files = [
        _file(p, part, options.label_column, options.no_header)
        for p, part in table.of_parts(path, options.test_csv)
    ]
    first = files[0]
    for header, _, _, found, _ in files:
        if len(found) != len(first.pixels):
            expected = f"{len(first.pixels)} of pixels as in {first.header.path}"
            raise idx.error(header.path, "columns", expected, f"{len(found)}")
    shape = _shape(first.header, len(first.pixels), options.shape)
    counts, floats = zip(*map(_scan, files), strict=True)
    items = _items(files, shape, any(floats))
    return Source(f"{first.header.path}", sum(counts), items)


def _file(
    path: pathlib.Path, part: str, label_column: str | None, no_header: bool
) -> _File:
    """Finds the columns of a file."""
    header = table.read_header(path)
    if no_header:
        return _File(header, part, 0, list(range(1, len(header.columns))), True)
    if label_column is None and all(map(_NUMBER.fullmatch, header.columns)):
        expected, found = "names of columns, such as label,pixel0", f"{header}"
        hint = "If it is an image, too, and begins with its label, add --no_header."
        raise idx.error(path, "line 1", expected, found, hint)
    label = table.label_column(header, label_column)
    others = [n for n in range(len(header.columns)) if n != label]
    if is_pixels(header):
        names = [table.plain(name) for name in header.columns]
        others = [n for n in others if _PIXEL.fullmatch(names[n])]
    return _File(header, part, label, others, False)


def _shape(
    header: table.Header, count: int, shape: tuple[int, int] | None
) -> tuple[int, int]:
    """Returns height and width of images of so many pixels."""
    side = math.isqrt(count)
    if shape is None and count and side * side == count:
        return side, side
    if shape is None or math.prod(shape) != count:
        expected, hint = "a square number", "If images are not square: --shape="
        if shape:
            expected, hint = f"{shape[0]} x {shape[1]}", "Mend --shape="
        hint += "HEIGHTxWIDTH."
        raise idx.error(header.path, "pixels", expected, f"{count}", hint)
    return shape


def _scan(file: _File) -> tuple[int, bool]:
    """Returns the number of images, and whether their pixels are written as floats."""
    count, floats = 0, False
    with idx.opened(file.header.path) as (stream, _):
        for row in _rows(file, stream):
            count += 1
            floats = floats or "." in row.pixels
    if not count:
        hint = "The file has no data."
        raise idx.error(file.header.path, "rows", "at least one image", "none", hint)
    return count, floats


def _items(
    files: Sequence[_File], shape: tuple[int, int], floats: bool
) -> Iterator[Item]:
    factor = 1
    if floats:
        seen = pixels.Range()
        for file in files:
            for _, values in _chunks(file, floats):
                seen.see(values)
        factor = seen.factor(files[0].header.path, "pixels")
    for file in files:
        path, row = file.header.path, 0
        for rows, values in _chunks(file, floats):
            # Their range is known to be that of bytes.
            images = np.rint(values * factor).astype(np.uint8).reshape(-1, *shape)
            for (number, label, _), image in zip(rows, images, strict=True):
                origin, where = f"{path.name} line {number}", f"{path}: line {number}"
                yield Item(
                    pixels=image,
                    label=label,
                    split=file.split,
                    key=f"{row}",
                    origin=origin,
                    path=where,
                )
                row += 1


def _chunks(file: _File, floats: bool) -> Iterator[tuple[list[_Row], np.ndarray]]:
    """Yields rows and their pixels, `(n, pixels)`, about 1 MiB at a time."""
    size = idx.per_chunk(8 * len(file.pixels))
    with idx.opened(file.header.path) as (stream, _):
        rows = _rows(file, stream)
        while batch := list(itertools.islice(rows, size)):
            yield batch, _parse(file, batch, floats)


def _rows(file: _File, stream: BinaryIO) -> Iterator[_Row]:
    header, wanted = file.header, len(file.header.columns)
    path, between = header.path, header.delimiter.encode()
    label_first = file.label == 0 and len(file.pixels) == wanted - 1
    for number, line in enumerate(stream, 1):
        if (number == 1 and not file.no_header) or not line.strip():
            continue
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if b'"' not in line and label_first:  # It need not be taken apart.
            table.check_length(path, number, line.count(between) + 1, wanted)
            start, _, rest = line.rstrip(b"\r\n").partition(between)
            label, text = table.decode(path, number, start), rest.decode("latin-1")
        else:
            text = table.decode(path, number, line).rstrip("\r\n")
            cells = table.cells(path, number, text, header.delimiter)
            table.check_length(path, number, len(cells), wanted)
            label = cells[file.label]
            text = header.delimiter.join(cells[n] for n in file.pixels)
        yield _Row(number, table.check_label(path, number, label), text)


def _parse(file: _File, rows: list[_Row], floats: bool) -> np.ndarray:
    """Returns the pixels of rows, floats or integers of 0 to 255, `(n, pixels)`."""
    between = file.header.delimiter
    known = str.maketrans("", "", f"0123456789-+ {between}")
    values = None
    # What is no integer NumPy would take for one, with a warning.
    if floats or not any(row.pixels.translate(known) for row in rows):
        texts = [row.pixels for row in rows]
        dtype = np.float64 if floats else np.int64
        with contextlib.suppress(ValueError):
            values = np.loadtxt(texts, dtype, delimiter=between, comments=None, ndmin=2)
    if values is not None and values.shape == (len(rows), len(file.pixels)):
        if floats and np.isfinite(values).all():
            return values
        if not floats and values.min() >= 0 and values.max() <= 255:
            return values
    raise _fault(file, rows, floats)


def _fault(file: _File, rows: list[_Row], floats: bool) -> idx.IdxError:
    """Returns the error for the first pixel that is none."""
    header = file.header
    for number, _, text in rows:
        for n, cell in zip(file.pixels, text.split(header.delimiter), strict=True):
            if not _is_pixel(cell.strip(), floats):
                name = shown([header.columns[n]])
                if file.no_header:
                    name = f"column {n + 1}"
                expected = "a number" if floats else "a whole number of 0 to 255"
                found = repr(cell) if cell.strip() else "nothing"
                hint = "" if floats else _HINT
                where = f"line {number}: {name}"
                return idx.error(header.path, where, expected, found, hint)
    lines = f"lines {rows[0].number} to {rows[-1].number}"
    return idx.error(header.path, lines, "numbers", "what NumPy cannot read")


def _is_pixel(text: str, floats: bool) -> bool:
    try:
        return math.isfinite(float(text)) if floats else 0 <= int(text) <= 255
    except ValueError:
        return False
