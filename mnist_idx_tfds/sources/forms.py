"""Which form a source has, and the flags that are for it."""

import pathlib
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import (
    folders,
    npz,
    picture_table,
    pixel_table,
    table,
    tfds_set,
    unpacked,
)
from mnist_idx_tfds.sources.source import Source

_PICTURES = "a CSV file of file names"
_PIXELS = "a CSV file of pixels"
_EXPECTED = "a folder of pictures, or a file named .npz, .csv or .csv.gz"
_FEW_COLUMNS = 4  # No pixels have so few, where their names do not say so.
# What each flag is for.
_FLAGS = {
    "test_csv": (_PIXELS, _PICTURES),
    "label_column": (_PIXELS, _PICTURES),
    "file_column": (_PICTURES,),
    "images_dir": (_PICTURES,),
    "shape": (_PIXELS,),
    "no_header": (_PIXELS,),
    "data_dir": ("--dataset",),
    "train_split": ("--dataset",),
    "test_split": ("--dataset",),
}


class Options(NamedTuple):
    """How to read a source, beside its path; each is for some forms only.

    Attributes:
      size: height and width that pictures are read for.
      skip_bad: leave out pictures that cannot be read.
      color: keep colors; not for CSV files of pixels, which have none.
      dataset: name of a data set of TFDS, instead of a path.
      test_csv: as `test_path` of the readers of CSV files.
      label_column: as of the readers of CSV files; as the others, of one reader.
      file_column: as `columns.file` of `picture_table.open_source`.
      images_dir: as of `picture_table.open_source`.
      shape: as of `pixel_table.open_source`.
      no_header: as of `pixel_table.open_source`.
      data_dir: as of `tfds_set.open_source`.
      train_split: as of `tfds_set.open_source`.
      test_split: as of `tfds_set.open_source`.
    """

    size: tuple[int, int] | None = None
    skip_bad: bool = False
    color: bool = False
    dataset: str | None = None
    test_csv: str | None = None
    label_column: str | None = None
    file_column: str | None = None
    images_dir: str | None = None
    shape: tuple[int, int] | None = None
    no_header: bool = False
    data_dir: str | None = None
    train_split: str | None = None
    test_split: str | None = None


def open_source(path: idx.PathLike | None, options: Options) -> Source:
    """Finds out what a source is, and opens it.

    Args:
      path: a folder of pictures, an archive of NumPy, or a CSV file; None for
        `options.dataset`.
      options: how to read it.

    Raises:
      idx.IdxError: it has none of these forms, a flag is for another one, or what the
        form's reader finds wrong.
    """
    if path is None:
        name = options.dataset or ""
        _check_flags(options, "--dataset")
        splits = options.train_split, options.test_split
        return tfds_set.open_source(name, options.data_dir, *splits, options.color)
    found = pathlib.Path(path).expanduser()
    if found.is_dir():
        return _open_folder(found, options)
    if not found.exists():
        raise idx.error(found, "source", _EXPECTED, "nothing", "Is the path right?")
    if table.is_table(found):
        return _open_table(found, options)
    if found.suffix.lower() == ".npz":
        _check_flags(options, "an .npz file")
        return npz.open_source(found, options.color)
    raise idx.error(found, "source", _EXPECTED, "another file")


def _open_folder(root: pathlib.Path, options: Options) -> Source:
    if (root / unpacked.FILE).exists():
        _check_flags(options, "a folder that unpack made")
        return unpacked.open_source(root, options.size, options.skip_bad, options.color)
    columns = picture_table.Columns(options.file_column, options.label_column)
    tables = picture_table.find_in(root, columns)
    if not any(path.is_dir() for path in root.iterdir()):
        # There is nothing else that it could be.
        tables = sorted(filter(table.is_table, root.iterdir()))
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        hint = "Give the one to train on as SOURCE, and the other as --test_csv."
        raise idx.error(root, "folder", "one CSV file", names, hint)
    if tables:
        return _open_table(tables[0], options)
    _check_flags(options, "a folder of classes")
    return folders.open_source(root, options.size, options.skip_bad, options.color)


def _open_table(path: pathlib.Path, options: Options) -> Source:
    header = table.read_header(path)
    named = options.file_column is not None or picture_table.has_files(header)
    named = named or len(header.columns) <= _FEW_COLUMNS
    if options.no_header or pixel_table.is_pixels(header) or not named:
        _check_flags(options, _PIXELS)
        if options.color:
            raise idx.error("--color", "source", "one that has colors", _PIXELS)
        if options.no_header and options.label_column:
            expected, found = "a file with names of columns", "--no_header"
            raise idx.error("--label_column", "source", expected, found)
        return pixel_table.open_source(
            path,
            options.test_csv,
            label_column=options.label_column,
            shape=options.shape,
            no_header=options.no_header,
        )
    _check_flags(options, _PICTURES)
    return picture_table.open_source(
        path,
        options.test_csv,
        columns=picture_table.Columns(options.file_column, options.label_column),
        images_dir=options.images_dir,
        size=options.size,
        skip_bad=options.skip_bad,
        color=options.color,
    )


def _check_flags(options: Options, form: str) -> None:
    """Raises an error at a flag that says nothing about a form."""
    for flag, forms in _FLAGS.items():
        if getattr(options, flag) and form not in forms:
            raise idx.error(f"--{flag}", "source", " or ".join(forms), form)
