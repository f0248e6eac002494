"""Parquet files with a picture and a label in each row, as Hugging Face has them."""

import contextlib
import json
import pathlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import folder
from mnist_idx_tfds.sources import columns, marks, parts, pictured
from mnist_idx_tfds.sources.marks import Mark
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source, reading, shown

if TYPE_CHECKING:
    import pyarrow

# One of several files that are a part.
_SHARD = re.compile(r"(.+)-\d+-of-(\d{1,9})\.parquet")
# Types of columns of texts and numbers.
_SIDE = re.compile("u?int|float|double|bool|null|(large_|dictionary<values=)?string")
_TOGETHER = 16  # Pictures in memory, as they are.
_BUFFER_BYTES = 1 << 20
_ANY = Options()


class _File(NamedTuple):
    """A file and what its columns are.

    Attributes:
      whole: the part that it is by its name, or empty.
      image: the column of pictures.
      classes: names of the classes of each column that has numbers for them.
      sides: columns of texts and numbers.
    """

    path: pathlib.Path
    whole: str
    image: str
    classes: dict[str, list[str]]
    sides: list[str]


def find_in(root: pathlib.Path) -> list[pathlib.Path]:
    """Returns the Parquet files of a folder, or of the only one in it that has any.

    Raises:
      idx.IdxError: several folders have some, which are no parts of one set; or of the
        files that a set is divided into, one is not there.
    """
    found = sorted(
        path
        for above in ("", "*/", "*/*/")
        for path in root.glob(f"{above}*.parquet")
        if not any(map(folder.is_litter, path.relative_to(root).parts))
    )
    sets = {
        path.parent if not parts.of(path.parent.name) else path.parent.parent
        for path in found
    }
    if len(sets) > 1:
        names = shown(sorted(path.relative_to(root).as_posix() for path in sets))
        raise idx.error(root, "folder", "one set", names, "Give one of these folders.")
    counts = Counter(
        (path.parent, match[1], match[2])
        for path in found
        if (match := _SHARD.fullmatch(path.name))
    )
    for (folder_of, name, of), count in counts.items():
        if count != int(of):
            field, expected = f"{name}-*-of-{of}.parquet", f"{int(of)} files"
            hint = "Get the others, too."
            raise idx.error(folder_of, field, expected, f"{count}", hint)
    return found


def open_source(files: Sequence[pathlib.Path], options: Options = _ANY) -> Source:
    """Finds the pictures and labels of files, which are read a few at a time.

    Args:
      files: Parquet files, each of which is of the part that its name says, or that a
        column says of each row.
      options: `label_column`, where it is not plain; how pictures are read.

    Returns:
      The source, with the names of classes that the files give; items of stated splits
      keep their order.

    Raises:
      idx.IdxError: a file is not of this form.
    """
    found = [_file(path) for path in files]
    tables, names = [], None
    for file in found:
        table = _table(file, options.label_column)
        tables.append(table)
        chosen = None
        if table.label is not None:
            chosen = file.classes.get(table.names[table.label])
        if file is not found[0] and chosen != names:
            expected = f"the classes of {found[0].path}"
            raise idx.error(file.path, "labels", expected, "others")
        names = chosen
    marked, notes = marks.find(tables, options)
    total = sum(mark is not None for rows in marked for mark in rows)
    name = f"{files[0] if len(files) == 1 else files[0].parent}"
    pictures = _pictures(found, marked)
    unused = "refuse" if names is None else "drop"
    return pictured.source(
        name, total, pictures, options, names=names, notes=notes, unused=unused
    )


def _file(path: pathlib.Path) -> _File:
    with _reading(path) as file:
        schema = file.schema_arrow
        features = _features(schema)
        typed = {field.name: f"{field.type}" for field in schema}
    images = [name for name, kind in features.items() if kind.get("_type") == "Image"]
    images = [name for name in images if name in typed] or [
        name
        for name, kind in typed.items()
        if kind in ("binary", "large_binary")
        or (kind.startswith("struct<") and "bytes: " in kind)
    ]
    if len(images) != 1:
        expected = "one of pictures, with their bytes"
        names = shown(images or (f"{name} ({kind})" for name, kind in typed.items()))
        raise idx.error(path, "columns", expected, names)
    classes = {
        name: [f"{text}" for text in kind["names"]]
        for name, kind in features.items()
        if kind.get("_type") == "ClassLabel" and isinstance(kind.get("names"), list)
    }
    sides = [name for name, kind in typed.items() if _SIDE.match(kind)]
    whole = parts.of(path.parent.name) or parts.within(path.stem) or ""
    return _File(path, whole, images[0], classes, sides)


def _features(schema: "pyarrow.Schema") -> dict[str, dict[str, Any]]:
    """Returns what Hugging Face says of the columns, if it does."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: kind for name, kind in found.items() if isinstance(kind, dict)}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _table(file: _File, given: str | None) -> columns.Table:
    """Returns all but the pictures of a file."""
    with _reading(file.path) as opened:
        read = opened.read(columns=file.sides)
        found = [
            _texts(file, name, read.column(name).to_pylist()) for name in file.sides
        ]
    label = columns.position(file.path, file.sides, given, "label_column")
    of_classes = [n for n, name in enumerate(file.sides) if name in file.classes]
    if label is None and len(file.classes) == len(of_classes) == 1:
        (label,) = of_classes
    return columns.Table(
        file.path,
        file.sides,
        list(zip(*found, strict=True)),
        lambda n: f"row {n}",
        file.whole,
        label,
        said=f"pictures by {file.image!r}, ",
    )


def _texts(file: _File, name: str, values: list[Any]) -> list[str]:
    """Returns a column as texts, of classes their names, empty where there is none."""
    names = file.classes.get(name)
    if names is None:
        return ["" if value is None else f"{value}" for value in values]
    texts = {None: "", -1: ""} | dict(enumerate(names))
    for row, value in enumerate(values):
        if value not in texts:
            expected = f"0 to {len(names) - 1}"
            raise idx.error(file.path, f"row {row}: {name}", expected, f"{value}")
    return [texts[value] for value in values]


def _pictures(
    files: Sequence[_File], marked: Sequence[Sequence[Mark | None]]
) -> Iterator[pictured.Picture]:
    for file, found in zip(files, marked, strict=True):
        row = 0
        with _reading(file.path) as opened:
            for batch in opened.iter_batches(_TOGETHER, columns=[file.image]):
                for value in batch.column(0).to_pylist():
                    if mark := found[row]:
                        yield _picture(file, row, value, mark)
                    row += 1


def _picture(file: _File, row: int, value: Any, mark: Mark) -> pictured.Picture:
    """Returns a picture that a row has, or that it names beside the file."""
    data, name = value, None
    if isinstance(value, dict):
        data, name = value.get("bytes"), value.get("path")
    origin = f"{file.path.name} row {row}"
    if data is None and name:
        return pictured.of(file.path.parent, f"{file.path.parent / name}", *mark)
    path = f"{file.path}: row {row}"
    return pictured.Picture(
        path, mark.label, mark.part, origin, mark.group, data or b""
    )


@contextlib.contextmanager
def _reading(path: pathlib.Path) -> Iterator[Any]:
    """Opens a file; what its reader finds wrong is an `idx.IdxError`."""
    from pyarrow import parquet  # Which takes half a second.

    how = {"buffer_size": _BUFFER_BYTES, "pre_buffer": False}
    with (
        reading(path, "file", "a Parquet file"),
        parquet.ParquetFile(path, **how) as file,
    ):
        yield file
