"""What all CSV files have: text, a line of names, and rows as long as it."""

import codecs
import csv
import dataclasses
import io
import pathlib
import re
from collections.abc import Iterator, Sequence

from PIL import Image

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import columns

SUFFIXES = tuple(f".{kind}{gz}" for kind in ("csv", "tsv") for gz in ("", ".gz"))
# Of files that may be anything, and are one where the user says so.
_TEXTS = (".txt", ".lst", ".data")
_DELIMITERS = ",;\t|"
_SEP = re.compile(r'"?sep=(.)"?')  # A line that Excel writes for itself.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOST = 1 << 28  # Bytes of a first line; longer ones are of no text.

# A cell may hold all pixels of an image.
csv.field_size_limit(_MOST)
Image.init()
PICTURES = tuple(end for end, of in Image.EXTENSION.items() if of in Image.OPEN)
_ENDS = "|".join(re.escape(end) for end in sorted(PICTURES, key=len, reverse=True))
# A line of a list without a header: `path label`.
_LISTED = re.compile(rf"(\S.*?(?:{_ENDS}))[ \t]+(\S.*)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Header:
    """The names of a file's columns, and how its rows are written.

    Attributes:
      path: of the file.
      columns: their names, or `column 1` and so on where the file has none.
      delimiter: between values; a blank stands for any number of these.
      above: number of lines above the first row.
    """

    path: pathlib.Path
    columns: tuple[str, ...]
    delimiter: str
    above: int

    def __str__(self) -> str:
        return columns.summary(self.columns)


def is_table(path: pathlib.Path) -> bool:
    """Returns whether a file is a CSV by its name."""
    return path.name.lower().endswith(SUFFIXES)


def may_be_table(path: pathlib.Path) -> bool:
    """Returns whether a file can be one by its name."""
    return is_table(path) or path.suffix.lower() in _TEXTS


def is_file_name(text: str) -> bool:
    """Returns whether a value ends as the names of pictures do."""
    text = text.strip().lower()
    return text.endswith(PICTURES) and text not in PICTURES


def of_parts(
    path: idx.PathLike, test_path: idx.PathLike | None
) -> list[tuple[pathlib.Path, str]]:
    """Returns a file, or one to train on and one to test on, with the split of each."""
    if test_path is None:
        return [(pathlib.Path(path).expanduser(), "")]
    paths = (path, "train"), (test_path, "test")
    return [(pathlib.Path(file).expanduser(), part) for file, part in paths]


def lines(path: pathlib.Path) -> Iterator[bytes]:
    """Yields the lines of a file, plain or gzip, in UTF-8 if it is that or UTF-16.

    Raises:
      idx.IdxError: the file cannot be read.
    """
    if path.exists() and not path.is_file():
        raise idx.error(path, "file", "a file", "a folder, a pipe or a device")
    with idx.opened(path) as (stream, _):
        start = stream.read(2)
        stream.seek(0)
        if start not in _UTF_16:
            yield from stream
            return
        text = io.TextIOWrapper(stream, "utf-16", newline="\n")
        try:
            yield from map(str.encode, text)
        except UnicodeError as e:
            raise idx.error(path, "file", "UTF-16", "other bytes") from e


def read_header(path: pathlib.Path, named: bool = True) -> Header:
    """Reads the first lines of a CSV file, plain or gzip.

    A first line `sep=;` says the delimiter. Where the first row has the name of a
    picture, there is no line of names.

    Args:
      path: of the file.
      named: False if the first line is a row, whatever it has.

    Raises:
      idx.IdxError: the file cannot be read, or has no such line.
    """
    number, text, delimiter = 0, "", ""
    for number, line in enumerate(lines(path), 1):
        if len(line) > _MOST:
            break
        text = decode(path, number, line).removeprefix("\ufeff").rstrip("\r\n")
        if match := _SEP.fullmatch(text.strip()):
            delimiter = match[1]
        elif text.strip():
            break
    if not text.strip() or _SEP.fullmatch(text.strip()):
        expected = "a line with the names of columns"
        raise idx.error(path, "line 1", expected, "nothing", "The file has no data.")
    delimiter = delimiter or max(_DELIMITERS, key=text.count)
    if delimiter not in text and " " in text.strip():
        delimiter = " "
    values = cells(path, number, text, delimiter)
    names = tuple(value.strip() for value in values)
    if not named or any(map(is_file_name, names)):
        names = tuple(map(unnamed, range(len(names))))
        number -= 1
    return Header(path, names, delimiter, number)


def unnamed(n: int) -> str:
    """Returns what the column at a position is called where the file has no names."""
    return f"column {n + 1}"


def rows(header: Header) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of each line after the names, and its values.

    Lines that are blank are passed over.

    Raises:
      idx.IdxError: a line has more values than the first or fewer, or is no text.
    """
    path, wanted = header.path, len(header.columns)
    texts = (decode(path, n, line) for n, line in enumerate(lines(path), 1))
    if header.delimiter == " ":
        for number, text in enumerate(texts, 1):
            if number > header.above and text.strip():
                values = cells(path, number, text.strip(), " ")
                check_length(path, number, len(values), wanted)
                yield number, [*values]
        return
    for _ in range(header.above):
        next(texts)
    if not header.above:
        texts = (t.removeprefix("\ufeff") if n == 0 else t for n, t in enumerate(texts))
    reader = csv.reader(texts, delimiter=header.delimiter, strict=True)
    try:
        for values in reader:
            if any(map(str.strip, values)):
                number = header.above + reader.line_num
                check_length(path, number, len(values), wanted)
                yield number, values
    except csv.Error as e:
        field = f"line {header.above + reader.line_num}"
        raise idx.error(path, field, "a row of CSV", f"an error: {e}") from e


def cells(path: pathlib.Path, number: int, text: str, delimiter: str) -> Sequence[str]:
    """Returns the values of a line."""
    if delimiter == " ":
        listed = _LISTED.fullmatch(text.strip())
        if listed is None:
            return text.split()
        values = listed[2].split()
        numbers = len(values) > 1 and all(map(columns.NUMBER.fullmatch, values))
        return [listed[1], *values] if numbers else listed.groups()
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


def decode(path: pathlib.Path, number: int, line: bytes) -> str:
    """Returns the text of a line."""
    try:
        return line.decode()
    except UnicodeDecodeError as e:
        found, hint = f"the byte 0x{line[e.start]:02x}", "Save it as UTF-8."
        raise idx.error(path, f"line {number}", "UTF-8", found, hint) from e
