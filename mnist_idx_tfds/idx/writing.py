"""Writing IDX files, whole or not at all."""

import contextlib
import gzip
import os
from collections.abc import Iterable
from typing import BinaryIO, cast

import numpy as np

from mnist_idx_tfds import whole_files
from mnist_idx_tfds.idx.format import (
    CODES,
    MAX_RANK,
    Header,
    PathLike,
    error,
    per_chunk,
)


def write(
    path: PathLike,
    shape: tuple[int, ...],
    chunks: Iterable[np.ndarray],
    dtype: np.typing.DTypeLike = np.uint8,
) -> None:
    """Writes an IDX file; the same arrays always give the same bytes.

    Args:
      path: where to write, on this machine; a name that ends in `.gz` is
        gzip-compressed, without a time stamp or a file name inside. After an error,
        what was there before is there still.
      shape: dimensions of the whole array, the number of items first.
      chunks: arrays that follow each other along the first dimension.
      dtype: type of the values, one that IDX has.

    Raises:
      IdxError: the type is not one of IDX, a dimension is out of its range, an
        integer type cannot hold a value, or the chunks do not add up to `shape`.
      OSError: the file cannot be written.
    """
    _write(path, _new_header(path, shape, np.dtype(dtype)), chunks)


def save(path: PathLike, array: np.typing.ArrayLike) -> None:
    """Writes an array as an IDX file, which is there whole or not at all.

    The same array always gives the same bytes, those of `write`.

    Args:
      path: where to write, on this machine; a name that ends in `.gz` is
        gzip-compressed. After an error, what was there before is there still.
      array: one of a type that IDX has, in any byte order and memory layout.

    Raises:
      IdxError: the type is not one of IDX, a dimension is out of its range, or the
        file cannot be written.
    """
    array = np.asarray(array)
    hint = "Convert the array with astype to one of these that holds its values."
    header = _new_header(path, array.shape, array.dtype, hint)
    items = per_chunk(header.item_bytes)
    starts = range(0, header.shape[0], items)
    try:
        _write(path, header, (array[start : start + items] for start in starts))
    except OSError as e:
        found = f"an error: {(e.strerror or str(e)).lower()}"
        raise error(path, "file", "one that can be written", found) from e


def _new_header(
    path: PathLike, shape: tuple[int, ...], dtype: np.dtype, hint: str = ""
) -> Header:
    """Returns the header of a file to write; `hint` is for a type that IDX lacks."""
    # Not all types of other packages have a byte order.
    stored = dtype.newbyteorder(">") if dtype.kind in "iuf" else dtype
    if stored not in CODES:
        names = ", ".join(known.name for known in CODES)
        raise error(path, "type", f"one of {names}", dtype.name, hint)
    if not all(1 <= size < 2**32 for size in shape) or not 1 <= len(shape) <= MAX_RANK:
        expected = f"1 to {MAX_RANK}, each 1 to 2^32 - 1"
        raise error(path, "dimensions", expected, f"{tuple(shape)}")
    return Header(stored, tuple(shape))


def _write(path: PathLike, header: Header, chunks: Iterable[np.ndarray]) -> None:
    """Writes a file as a whole or not at all, compressed if its name ends in `.gz`."""
    dtype = header.dtype
    written = 0
    with whole_files.replaced(path) as draft, contextlib.ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(draft.open("wb"))
        if os.fspath(path).endswith(".gz"):
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0)
            stream = cast(BinaryIO, stack.enter_context(packed))
        stream.write(header.magic)
        stream.write(np.array(header.shape, ">u4").tobytes())
        for chunk in chunks:
            values = np.asarray(chunk, dtype)
            if dtype.kind != "f" and not np.array_equal(values, chunk):
                found = f"{np.min(chunk)} to {np.max(chunk)}"
                raise error(path, "values", f"ones that {dtype.name} can hold", found)
            written += values.nbytes
            stream.write(values.tobytes())
        if written != header.payload_bytes:
            expected = f"{header.payload_bytes} bytes for {header.shape}"
            raise error(path, "payload", expected, f"{written} bytes")
