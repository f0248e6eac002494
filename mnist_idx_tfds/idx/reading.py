"""Reading IDX files, plain or gzip-compressed whatever their names."""

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from etils import epath

from mnist_idx_tfds.idx import guess, text_damage
from mnist_idx_tfds.idx.format import (
    DTYPES,
    MAX_RANK,
    Header,
    IdxError,
    PathLike,
    error,
    magic_name,
    per_chunk,
    unreadable,
)

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_CHANGED = "The file changed while it was read; try again when it is complete."


def read_header(path: PathLike) -> Header:
    """Reads the header of an IDX file, and nothing after it.

    Returns:
      The header. The payload has not been looked at; see `check`.

    Raises:
      IdxError: the file cannot be read, or its header is not one of IDX.
    """
    with opened(path) as (stream, compressed):
        return _read_header(stream, path, compressed)


def check(path: PathLike) -> Header:
    """Reads a whole IDX file and verifies it, in memory that does not grow with it.

    Returns:
      The header, once the payload is known to be exactly as long as it says and,
      in a gzip file, to match the CRC and length at its end.

    Raises:
      IdxError: naming the first thing found wrong.
    """
    with opened(path) as (stream, compressed):
        header = _read_header(stream, path, compressed)
        for _ in _blocks(stream, path, header):
            pass
    return header


def load(path: PathLike, digest: "_Hash | None" = None) -> np.ndarray:
    """Reads a whole file into an array, verified as by `check` in the same pass.

    Memory holds the array once, and a block of 1 MiB.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.
      digest: one of `hashlib`, updated with the bytes of the file as they are read.

    Returns:
      An array of the file's shape and type, in this machine's byte order.

    Raises:
      IdxError: as `check`.
      MemoryError: the file is whole, but there is no room for its array.
    """
    with opened(path, digest) as (stream, compressed):
        header = _read_header(stream, path, compressed)
        try:
            array = np.empty(header.shape, header.dtype.newbyteorder("="))
        except (MemoryError, ValueError):  # Or larger than NumPy can address.
            for _ in _blocks(stream, path, header):
                pass  # If the header lies, that is what to say.
            raise
        values = array.ravel().view(np.uint8)
        end = 0
        for block in _blocks(stream, path, header):
            start, end = end, end + len(block)
            values[start:end] = np.frombuffer(block, np.uint8)
    if array.dtype != header.dtype:
        array.byteswap(inplace=True)
    return array


def open_memmap(path: PathLike) -> np.memmap:
    """Maps a plain file into memory, so that only what is used of it is read.

    Args:
      path: an IDX file on this machine, not compressed.

    Returns:
      A read-only array of the file's shape and type, big-endian as stored. Its header
      and its length are verified.

    Raises:
      IdxError: as `check`, or the file is gzip-compressed.
    """
    with opened(path) as (stream, compressed):
        header = _read_plain_header(stream, path, compressed)
        return np.memmap(stream, header.dtype, "r", stream.tell(), header.shape)


def read_range(path: PathLike, start: int, stop: int) -> np.ndarray:
    """Reads some items of a plain file, and nothing of those before and after.

    Args:
      path: an IDX file, not compressed, on any file system.
      start: the first of the items.
      stop: the one behind the last of them, no more than the file has.

    Returns:
      A read-only array of shape `(stop - start, *shape[1:])` and the stored dtype. The
      file's header and its length are verified.

    Raises:
      IdxError: as `check`, or the file is gzip-compressed.
    """
    with opened(path) as (stream, compressed):
        header = _read_plain_header(stream, path, compressed)
        stream.seek(stream.tell() + start * header.item_bytes)
        return _read_items(stream, path, header, stop - start)


def read(path: PathLike, chunk_items: int | None = None) -> Iterator[np.ndarray]:
    """Yields the array in consecutive pieces, after `check` has passed.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.
      chunk_items: items in each piece (the last may be shorter); by default as
        many as fit in 1 MiB, at least one.

    Yields:
      Read-only arrays of shape `(chunk_items, *shape[1:])` and the stored dtype.

    Raises:
      IdxError: as `check`, before anything is yielded.
      ValueError: `chunk_items` is less than 1.
    """
    if chunk_items is not None and chunk_items < 1:
        raise ValueError(f"chunk_items must be at least 1, not {chunk_items}.")
    yield from read_verified(path, check(path), chunk_items)


def read_verified(
    path: PathLike,
    header: Header,
    chunk_items: int | None = None,
    digest: "_Hash | None" = None,
) -> Iterator[np.ndarray]:
    """Yields as `read` does, of a file that `check` has passed.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.
      header: what `check` returned.
      chunk_items: as of `read`.
      digest: one of `hashlib`, updated with the bytes of the file as they are read, and
        with all of them once it ends.

    Raises:
      IdxError: the file has changed since in header or length, or cannot be read.
    """
    items = chunk_items or per_chunk(header.item_bytes)
    with opened(path, digest) as (stream, compressed):
        if _read_header(stream, path, compressed) != header:
            raise changed(path)
        for start in range(0, header.shape[0], items):
            count = min(items, header.shape[0] - start)
            yield _read_items(stream, path, header, count)
        if stream.read(1):
            raise changed(path)


def changed(path: PathLike) -> IdxError:
    """Returns the error for a file that is not the one that was looked at before."""
    return error(path, "file", "the one just checked", "another", _CHANGED)


@contextlib.contextmanager
def opened(
    path: PathLike, digest: "_Hash | None" = None
) -> Iterator[tuple[BinaryIO, bool]]:
    """Opens a plain or gzip file by its content, whatever its format.

    Args:
      path: the file.
      digest: one of `hashlib`, updated with the bytes of the file as they are read.

    Yields:
      A stream of what is in it, and whether it is compressed. What goes wrong with
      reading from it is an `IdxError`.
    """
    try:
        with epath.Path(path).open("rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            stream = cast(BinaryIO, _Digested(raw, digest) if digest else raw)
            try:
                if compressed:
                    stream = cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))
                yield stream, compressed
            except EOFError as e:
                found = f"the end of the file after {raw.tell()} bytes"
                hint = text_damage.cause(path) or guess.AGAIN
                raise error(path, "gzip stream", "its end marker", found, hint) from e
            except (gzip.BadGzipFile, zlib.error) as e:
                raise guess.gzip_error(path, e) from e
    except OSError as e:
        raise unreadable(path, e) from e


class _Digested:
    """A stream whose bytes go through a digest as they are read, from first to last."""

    def __init__(self, raw: BinaryIO, digest: "_Hash"):
        self._raw, self._digest = raw, digest

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self._digest.update(data)
        return data


def _read_header(stream: BinaryIO, path: PathLike, compressed: bool) -> Header:
    magic = stream.read(4)
    code, rank = (magic[2], magic[3]) if len(magic) == 4 else (0, 0)
    if magic[:2] != b"\0\0" or code not in DTYPES or not 1 <= rank <= MAX_RANK:
        expected = "0x00000803 for images, 0x00000801 for labels, or the like"
        found = magic_name(magic) if magic else "an empty file"
        hint = guess.of_start(path, magic + stream.read(508), compressed)
        raise error(path, "magic number", expected, found, hint)
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        expected = f"{4 * rank} bytes"
        raise error(path, "dimensions", expected, f"{len(sizes)}", guess.AGAIN)
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if 0 in shape:
        field = f"dimension {shape.index(0)}"
        found = " x ".join(map(str, shape))
        hint = text_damage.cause(path) or "The file has no data."
        raise error(path, field, "at least 1", f"0 in {found}", hint)
    return Header(DTYPES[code], shape, compressed)


def _read_plain_header(stream: BinaryIO, path: PathLike, compressed: bool) -> Header:
    """Reads the header of a plain file, and verifies how long the file is."""
    if compressed:
        hint = "Read it with idx.load, or run gunzip on it."
        raise error(path, "file", "a plain one", "a gzip file", hint)
    header = _read_header(stream, path, compressed)
    start = stream.tell()
    stream.seek(0, os.SEEK_END)
    if (found := stream.tell() - start) != header.payload_bytes:
        raise guess.payload_error(path, header, found)
    stream.seek(start)
    return header


def _blocks(stream: BinaryIO, path: PathLike, header: Header) -> Iterator[bytes]:
    """Yields the payload, which is right only if no error follows, in small pieces."""
    expected = header.payload_bytes
    found = 0
    # Past the end, where gzip verifies its CRC, but no more than a block past it,
    # whatever a gzip bomb holds.
    while found <= expected and (block := stream.read(_BLOCK_BYTES)):
        yield block[: expected - found]
        found += len(block)
    if found != expected:
        raise guess.payload_error(path, header, found)


def _read_items(
    stream: BinaryIO, path: PathLike, header: Header, count: int
) -> np.ndarray:
    """Returns the next items of a stream that was verified before."""
    wanted = count * header.item_bytes
    data = stream.read(wanted)
    if len(data) != wanted:
        found = f"{len(data)}"
        raise error(path, "payload", f"{wanted} bytes", found, _CHANGED)
    return np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])
