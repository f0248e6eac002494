"""What all CSV files have: a line of names, rows as long as it, columns to be found."""

import csv
import dataclasses
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources.source import shown

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_LABELS = frozenset({"label", "labels", "class", "classid", "target", "category", "y"})
_DELIMITERS = ",;\t"
_SHOWN = 6  # Names of columns in an error.


@dataclasses.dataclass(frozen=True)
class Header:
    """The first line of a file: the names of its columns, and what is between them."""

    path: pathlib.Path
    columns: tuple[str, ...]
    delimiter: str

    def __str__(self) -> str:
        names = shown(self.columns[:_SHOWN])
        more = len(self.columns) > _SHOWN
        return f"{names}{f', ... ({len(self.columns)} in all)' if more else ''}"


def is_table(path: pathlib.Path) -> bool:
    """Returns whether a file is a CSV by its name."""
    return path.name.lower().endswith(SUFFIXES)


def read_header(path: pathlib.Path) -> Header:
    """Reads the first line of a CSV file, plain or gzip.

    Raises:
      idx.IdxError: the file cannot be read, or has no such line.
    """
    with idx.opened(path) as (stream, _):
        line = stream.readline(1 << 20)
    text = decode(path, 1, line).removeprefix("\ufeff").rstrip("\r\n")
    if not text.strip():
        expected = "a line with the names of columns"
        raise idx.error(path, "line 1", expected, "nothing", "The file has no data.")
    delimiter = max(_DELIMITERS, key=text.count)
    names = tuple(name.strip() for name in cells(path, 1, text, delimiter))
    return Header(path, names, delimiter)


def of_parts(
    path: idx.PathLike, test_path: idx.PathLike | None
) -> list[tuple[pathlib.Path, str]]:
    """Returns a file, or one to train on and one to test on, with the split of each."""
    if test_path is None:
        return [(pathlib.Path(path).expanduser(), "")]
    paths = (path, "train"), (test_path, "test")
    return [(pathlib.Path(file).expanduser(), part) for file, part in paths]


def column(
    header: Header, name: str | None, known: Iterable[str], like: str, flag: str
) -> int:
    """Finds a column by its name.

    Args:
      header: of the file.
      name: as the user gave it; None to look for a known one.
      known: names without case, spaces, `_` and `-`.
      like: a known one, for errors.
      flag: to give the name with.

    Raises:
      idx.IdxError: there is not exactly one such column.
    """
    if name is not None:
        found = [n for n, other in enumerate(header.columns) if other == name]
        expected = f"one column named {name!r}"
    else:
        found = [n for n, other in enumerate(header.columns) if plain(other) in known]
        expected = f"one column named like {like!r}"
    if len(found) != 1:
        names = shown(header.columns[n] for n in found) or f"{header}"
        hint = f"Say which it is with --{flag}=NAME."
        raise idx.error(header.path, "columns", expected, names, hint)
    return found[0]


def label_column(header: Header, name: str | None) -> int:
    """Finds the column of the labels; see `column`."""
    return column(header, name, _LABELS, "label", "label_column")


def plain(name: str) -> str:
    """Returns a column's name without case, spaces, `_` and `-`."""
    return re.sub(r"[\s_-]", "", name).lower()


def rows(header: Header, stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of each line after the first, and its values.

    Lines that are blank are passed over.

    Raises:
      idx.IdxError: a line has more values than the first or fewer, or is not UTF-8.
    """
    path, wanted = header.path, len(header.columns)
    texts = (decode(path, n, line) for n, line in enumerate(stream, 1))
    reader = csv.reader(texts, delimiter=header.delimiter, strict=True)
    try:
        next(reader)
        for values in reader:
            if values:
                check_length(path, reader.line_num, len(values), wanted)
                yield reader.line_num, values
    except csv.Error as e:
        field = f"line {reader.line_num}"
        raise idx.error(path, field, "a row of CSV", f"an error: {e}") from e


def cells(path: pathlib.Path, number: int, text: str, delimiter: str) -> Sequence[str]:
    """Returns the values of a line."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as e:
        raise idx.error(path, f"line {number}", "a row of CSV", f"an error: {e}") from e


def check_length(path: pathlib.Path, number: int, found: int, wanted: int) -> None:
    """Raises an `idx.IdxError` if a line has another number of values than the first."""
    if found != wanted:
        expected = f"{wanted} values as in line 1"
        hint = "Is the file cut short, or is there another delimiter in it?"
        raise idx.error(path, f"line {number}", expected, f"{found}", hint)


def check_label(path: pathlib.Path, number: int, label: str) -> str:
    """Returns a label without spaces around it, if that is one."""
    label = label.strip()
    if not label or not label.isprintable():
        found = repr(label) if label else "nothing"
        raise idx.error(path, f"line {number}: label", "a class", found)
    return label


def decode(path: pathlib.Path, number: int, line: bytes) -> str:
    """Returns the text of a line."""
    try:
        return line.decode()
    except UnicodeDecodeError as e:
        found, hint = f"the byte 0x{line[e.start]:02x}", "Save it as UTF-8."
        raise idx.error(path, f"line {number}", "UTF-8", found, hint) from e
