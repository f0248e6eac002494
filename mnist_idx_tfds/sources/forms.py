"""Which form a source has, and the flags that are for it."""

import pathlib

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import (
    arrays,
    folders,
    kinds,
    npz,
    parquet,
    table,
    tables,
    tfds_set,
    unpacked,
)
from mnist_idx_tfds.sources import options as flags
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_EXPECTED = "a folder of pictures, or a file named .npz, .csv or .parquet"


def open_source(path: idx.PathLike | None, options: Options) -> Source:
    """Finds out what a source is, and opens it.

    Args:
      path: a folder, an archive of NumPy, or a table; None for `options.dataset`.
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
    if not found.is_file():  # To open it may take forever.
        raise idx.error(found, "source", _EXPECTED, "a pipe or a device")
    if table.may_be_table(found):
        return tables.open_source(table.of_parts(found, options.test_csv), options)
    if found.suffix.lower() in arrays.SUFFIXES:
        options.check(flags.NPZ)
        return npz.open_source(found, options)
    if found.suffix.lower() == ".parquet":
        options.check(flags.PARQUET)
        return parquet.open_source([found], options)
    what, hint = kinds.of(found)
    raise idx.error(found, "source", _EXPECTED, what or "another file", hint)


def _open_folder(root: pathlib.Path, options: Options) -> Source:
    if (root / unpacked.FILE).exists():
        options.check(flags.UNPACKED)
        return unpacked.open_source(root, options)
    if pieces := parquet.find_in(root):
        options.check(flags.PARQUET)
        return parquet.open_source(pieces, options)
    if npz.find_in(root):
        options.check(flags.NPZ)
        return npz.open_source(root, options)
    if source := tables.open_folder(root, options):
        return source
    options.check(flags.FOLDER)
    kinds.check_folder(root)
    return folders.open_source(root, options)
