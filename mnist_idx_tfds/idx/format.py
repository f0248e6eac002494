"""What an IDX file is: types, header, and the one form of what is wrong with one."""

import dataclasses
import math
import os
from typing import Any

import numpy as np

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
TYPE_NAMES = dict(
    zip(DTYPES, ("ubyte", "byte", "short", "int", "float", "double"), strict=True)
)
CODES = {dtype: code for code, dtype in DTYPES.items()}
MAX_RANK = 32  # NumPy 1 has no arrays of more dimensions.

_BLOCK_BYTES = 1 << 20

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
        return bytes([0, 0, CODES[self.dtype], len(self.shape)])

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


def per_chunk(item_bytes: int) -> int:
    """Returns how many items of a size are read, held or written at a time."""
    return max(1, _BLOCK_BYTES // max(1, item_bytes))
