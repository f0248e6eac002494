"""The IDX file format: one array a file, plain or gzip-compressed.

All integers are big-endian: two zero bytes, a type code, the rank (number of
dimensions), one uint32 a dimension, then the values in row-major order. The first
dimension counts the items, one image or one label each.

Source: Yann LeCun, "The MNIST database", section "The IDX file format".
"""

import contextlib
import dataclasses
import gzip
import math
import os
import string
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import numpy as np
from etils import epath

from mnist_idx_tfds import whole_files

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
TYPE_NAMES = {
    0x08: "ubyte",
    0x09: "byte",
    0x0B: "short",
    0x0C: "int",
    0x0D: "float",
    0x0E: "double",
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}
_MAX_RANK = 32  # NumPy 1 has no arrays of more dimensions.
_BLOCK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_CHANGED = "The file changed while it was read; try again when it is complete."
_AGAIN = "Is it a partial or damaged download? Get the file again."
_SHORT = "Is it a partial download, or is its header wrong?"
_SHORT_GZIP = "The gzip stream is whole, so its header is wrong or data was left out."

PathLike = str | os.PathLike[str]


class IdxError(ValueError):
    """A file, or a set of files, that cannot be used as IDX.

    The message is one line: file, field, expected, found, and what to do about it.
    """


def error(
    path: PathLike, field: str, expected: str, found: str, hint: str = ""
) -> IdxError:
    """Returns the `IdxError` whose message has the project's one form."""
    message = f"{path}: {field}: expected {expected}, found {found}."
    return IdxError(f"{message} {hint}".rstrip())


def unreadable(path: PathLike, cause: OSError) -> IdxError:
    """Returns the `IdxError` for a file that the system does not let us read."""
    found = f"an error: {(cause.strerror or str(cause)).lower()}"
    return error(path, "file", "a readable file", found)


@dataclasses.dataclass(frozen=True)
class Header:
    """What an IDX file says about itself.

    Attributes:
      dtype: type of the values, big-endian as stored.
      shape: dimensions, the number of items first.
      compressed: whether the file is gzip-compressed.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    compressed: bool = False

    @property
    def magic(self) -> bytes:
        """The four bytes that say type and rank."""
        return bytes([0, 0, _CODES[self.dtype], len(self.shape)])

    @property
    def item_bytes(self) -> int:
        """Size of one item, such as one image, in bytes."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def payload_bytes(self) -> int:
        """Size of all values in bytes."""
        return self.shape[0] * self.item_bytes


def magic_name(magic: bytes) -> str:
    """Returns a magic number as people write it: `0x00000803 (ubyte, rank 3)`."""
    text = f"0x{magic.hex()}"
    if len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in DTYPES:
        text += f" ({TYPE_NAMES[magic[2]]}, rank {magic[3]})"
    return text


def read_header(path: PathLike) -> Header:
    """Reads the header of an IDX file, and nothing after it.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.

    Returns:
      The header. The payload has not been looked at; see `check`.

    Raises:
      IdxError: the file cannot be read, or its header is not one of IDX.
    """
    with opened(path) as (stream, compressed):
        return _read_header(stream, path, compressed)


def check(path: PathLike) -> Header:
    """Reads a whole file and verifies it, in memory that does not grow with it.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.

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


def load(path: PathLike) -> np.ndarray:
    """Reads a whole file into an array, verified as by `check` in the same pass.

    Memory holds the array once, and a block of 1 MiB.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.

    Returns:
      An array of the file's shape and type, in this machine's byte order.

    Raises:
      IdxError: as `check`.
      MemoryError: the file is whole, but there is no room for its array.
    """
    with opened(path) as (stream, compressed):
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
    header = check(path)
    items = chunk_items or per_chunk(header.item_bytes)
    with opened(path) as (stream, compressed):
        if _read_header(stream, path, compressed) != header:
            raise error(path, "header", "the one just checked", "another", _CHANGED)
        for start in range(0, header.shape[0], items):
            count = min(items, header.shape[0] - start)
            yield _read_items(stream, path, header, count)


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


def per_chunk(item_bytes: int) -> int:
    """Returns how many items of a size are read, held or written at a time."""
    return max(1, _BLOCK_BYTES // max(1, item_bytes))


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
    if stored not in _CODES:
        names = ", ".join(known.name for known in _CODES)
        raise error(path, "type", f"one of {names}", dtype.name, hint)
    if not all(1 <= size < 2**32 for size in shape) or not 1 <= len(shape) <= _MAX_RANK:
        expected = f"1 to {_MAX_RANK}, each 1 to 2^32 - 1"
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


@contextlib.contextmanager
def opened(path: PathLike) -> Iterator[tuple[BinaryIO, bool]]:
    """Opens a plain or gzip file by its content, whatever its format.

    Args:
      path: the file.

    Yields:
      A stream of what is in it, and whether it is compressed. What goes wrong with
      reading from it is an `IdxError`.
    """
    try:
        with epath.Path(path).open("rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            try:
                stream = gzip.GzipFile(fileobj=raw) if compressed else raw
                yield cast(BinaryIO, stream), compressed
            except EOFError as e:
                found = f"the end of the file after {raw.tell()} bytes"
                raise error(path, "gzip stream", "its end marker", found, _AGAIN) from e
            except (gzip.BadGzipFile, zlib.error) as e:
                raise _gzip_error(path, e) from e
    except OSError as e:
        raise unreadable(path, e) from e


def _gzip_error(path: PathLike, cause: Exception) -> IdxError:
    """Says what Python's gzip reader found, by the part of the file it concerns."""
    reason = str(cause)
    if isinstance(cause, zlib.error):
        return error(path, "gzip data", "a valid stream", "damaged data", _AGAIN)
    if "CRC" in reason:
        return error(path, "gzip CRC", "that of the data", "another", _AGAIN)
    if "length" in reason:
        return error(path, "gzip length", "that of the data", "another", _AGAIN)
    if "Not a gzipped" in reason:
        hint = "Something was appended to the gzip file; get it again."
        return error(path, "gzip stream", "its end", "other bytes behind it", hint)
    return error(path, "gzip header", "a valid one", reason.lower(), _AGAIN)


def _read_header(stream: BinaryIO, path: PathLike, compressed: bool) -> Header:
    start = stream.read(512)
    magic = start[:4]
    code, rank = (magic[2], magic[3]) if len(magic) == 4 else (0, 0)
    if magic[:2] != b"\0\0" or code not in DTYPES or not 1 <= rank <= _MAX_RANK:
        expected = "0x00000803 for images, 0x00000801 for labels, or the like"
        found = magic_name(magic) if magic else "an empty file"
        raise error(path, "magic number", expected, found, _guess(start, compressed))
    end = 4 + 4 * rank
    if len(start) < end:
        found = f"{max(0, len(start) - 4)}"
        raise error(path, "dimensions", f"{4 * rank} bytes", found, _AGAIN)
    shape = tuple(int(size) for size in np.frombuffer(start[4:end], ">u4"))
    if 0 in shape:
        field = f"dimension {shape.index(0)}"
        found = " x ".join(map(str, shape))
        raise error(path, field, "at least 1", f"0 in {found}", "The file has no data.")
    stream.seek(end)
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
        raise _payload_error(path, header, found)
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
        raise _payload_error(path, header, found)


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


def _payload_error(path: PathLike, header: Header, found: int) -> IdxError:
    """Returns the error for a payload of another length than the header says."""
    expected = f"{header.payload_bytes} bytes ({' x '.join(map(str, header.shape))})"
    if found > header.payload_bytes:
        amount = "more than that"
        hint = "Is its header wrong, or was something appended?"
    else:
        amount = f"{found}"
        hint = _SHORT_GZIP if header.compressed else _SHORT
    if _looks_swapped(header):
        hint = "Its dimensions look little-endian; IDX is big-endian."
    return error(path, "payload", expected, amount, hint)


def _guess(start: bytes, compressed: bool) -> str:
    """Returns what a file that is not IDX seems to be, or an empty text."""
    if len(start) < 4:
        return _AGAIN
    if start[:2] == _GZIP_MAGIC:
        return "It is compressed twice: run gunzip on it once."
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return "This is a web page, not data: the link or login it came from failed."
    if start[:4] == b"PK\3\4":
        return "This is a zip archive: unpack it and use the files inside."
    if start[:6] == b"\x93NUMPY":
        return "This is a NumPy file: write it as IDX with mnist_idx_tfds.idx.save."
    if start[:7] == b"version":
        return "This is a Git LFS pointer: run git lfs pull."
    if start[2:4] == b"\0\0" and start[1:2] and start[1] in DTYPES:
        return "It is written little-endian; IDX is big-endian."
    if start[:2] == b"\0\0":
        return "Its third byte must be a type (08, 09, 0b to 0e), its fourth 1 to 32."
    if not start.strip(string.printable.encode()):
        return "This is text, not data: open it and see what it says."
    kind = "gzip-compressed data" if compressed else "data"
    return f"This is {kind} of another format; is it the right file?"


def _looks_swapped(header: Header) -> bool:
    """Whether the dimensions make sense only with their bytes in reverse order."""
    swapped = np.array(header.shape, np.uint32).byteswap()
    return max(header.shape) >= 1 << 24 and int(swapped.max()) < 1 << 24
