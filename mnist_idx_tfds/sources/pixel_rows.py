"""The rows of a CSV file of pixels, and the numbers in them, about 1 MiB at a time."""

import contextlib
import itertools
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import table
from mnist_idx_tfds.sources.options import WHITE_HINT
from mnist_idx_tfds.sources.source import shown

# All pixels of an image in one cell, in brackets or not.
_LIST = re.compile(r"[\[\]\d\s.,;eE+-]*")
_FEW = 4
_BLANKS = str.maketrans("[],;", "    ")


class File(NamedTuple):
    """A file, the part it is, and where in a row the pixels are, and all else.

    Attributes:
      header: of the file.
      whole: the part that it is as a whole, empty where one file has all.
      label: position of the labels, None where it is to be looked for.
      pixels: positions of the pixels in their order, or of the column that has them all.
      number: how many pixels there are.
      shape: that the names of columns say.
    """

    header: table.Header
    whole: str
    label: int | None
    pixels: list[int]
    number: int
    shape: tuple[int, int] | None

    @property
    def sides(self) -> list[int]:
        """The positions of the columns that are no pixels."""
        pixels = {*self.pixels}
        return [n for n in range(len(self.header.columns)) if n not in pixels]

    @property
    def between(self) -> str | None:
        """What is between pixels; None for blanks."""
        one_cell, delimiter = len(self.pixels) < self.number, self.header.delimiter
        return None if one_cell or delimiter == " " else delimiter


class Row(NamedTuple):
    """A line: its number from 1, what is no pixel in it, and the text of its pixels."""

    number: int
    sides: list[str]
    pixels: str


def listed(text: str) -> int:
    """Returns how many numbers a cell lists, 0 if it is no such list."""
    count = len(text.translate(_BLANKS).split()) if _LIST.fullmatch(text) else 0
    return count if count >= _FEW else 0


def chunks(file: File, floats: bool) -> Iterator[tuple[list[Row], np.ndarray]]:
    """Yields rows and their pixels, `(n, pixels)`, about 1 MiB at a time."""
    size = idx.per_chunk(8 * file.number)
    rows = read(file)
    while batch := list(itertools.islice(rows, size)):
        yield batch, _parse(file, batch, floats)


def read(file: File) -> Iterator[Row]:
    """Yields the rows of a file.

    Raises:
      idx.IdxError: a line is no row.
    """
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
        yield Row(number, sides, text)


def _simple_rows(header: table.Header, wanted: int) -> Iterator[Row]:
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
            yield Row(number, [values[0]], header.delimiter.join(values[1:]))
        else:
            table.check_length(path, number, line.count(between) + 1, wanted)
            label, _, rest = line.rstrip(b"\r\n").partition(between)
            yield Row(
                number, [table.decode(path, number, label)], rest.decode("latin-1")
            )


def _parse(file: File, rows: list[Row], floats: bool) -> np.ndarray:
    """Returns the pixels of rows, finite floats or integers, `(n, pixels)`."""
    known = str.maketrans("", "", f"0123456789-+ {file.between or ' '}")
    # What is no integer NumPy would take for one, with a warning.
    texts = [row.pixels for row in rows]
    empty = any(not text or text.isspace() for text in texts)
    if not empty and (floats or not any(text.translate(known) for text in texts)):
        dtype = np.float64 if floats else np.int64
        with contextlib.suppress(ValueError):
            values = np.loadtxt(
                texts, dtype, delimiter=file.between, comments=None, ndmin=2
            )
            shape = len(rows), file.number
            if values.shape == shape and (not floats or np.isfinite(values).all()):
                return values
    raise fault(file, rows, floats)


def fault(
    file: File, rows: list[Row], floats: bool, white: float = math.inf
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
                above = _is_pixel(cell.strip(), floats, 65535) and float(cell) > white
                cell = repr(cell) if cell.strip() else "nothing"
                hint = "Each column but the label is a pixel." * (not floats)
                hint = f"{hint} {WHITE_HINT}" if above else hint
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
