"""Which form a source has, and the flags that are for it."""

import pathlib

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
from mnist_idx_tfds.sources import options as flags
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_EXPECTED = "a folder of pictures, or a file named .npz, .csv or .csv.gz"
_FEW_COLUMNS = 4  # No pixels have so few, where their names do not say so.


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
        options.check(flags.TFDS)
        return tfds_set.open_source(options)
    found = pathlib.Path(path).expanduser()
    if found.is_dir():
        return _open_folder(found, options)
    if not found.exists():
        raise idx.error(found, "source", _EXPECTED, "nothing", "Is the path right?")
    if table.is_table(found):
        return _open_table(found, options)
    if found.suffix.lower() == ".npz":
        options.check(flags.NPZ)
        return npz.open_source(found, options)
    raise idx.error(found, "source", _EXPECTED, "another file")


def _open_folder(root: pathlib.Path, options: Options) -> Source:
    if (root / unpacked.FILE).exists():
        options.check(flags.UNPACKED)
        return unpacked.open_source(root, options)
    tables = picture_table.find_in(root, options)
    if not any(path.is_dir() for path in root.iterdir()):
        # There is nothing else that it could be.
        tables = sorted(filter(table.is_table, root.iterdir()))
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        hint = "Give the one to train on as SOURCE, and the other as --test_csv."
        raise idx.error(root, "folder", "one CSV file", names, hint)
    if tables:
        return _open_table(tables[0], options)
    options.check(flags.FOLDER)
    return folders.open_source(root, options)


def _open_table(path: pathlib.Path, options: Options) -> Source:
    header = table.read_header(path)
    named = options.file_column is not None or picture_table.has_files(header)
    named = named or len(header.columns) <= _FEW_COLUMNS
    if options.no_header or pixel_table.is_pixels(header) or not named:
        options.check(flags.PIXELS)
        if options.color:
            raise idx.error("--color", "source", "one that has colors", flags.PIXELS)
        if options.no_header and options.label_column:
            expected, found = "a file with names of columns", "--no_header"
            raise idx.error("--label_column", "source", expected, found)
        return pixel_table.open_source(path, options)
    options.check(flags.PICTURES)
    return picture_table.open_source(path, options)
