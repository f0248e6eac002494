"""What seems to be the cause where a file is not IDX, or not what its header says."""

import string
import zlib

import numpy as np

from mnist_idx_tfds.idx import text_damage
from mnist_idx_tfds.idx.format import DTYPES, Header, IdxError, PathLike, error

AGAIN = "Is it a partial or damaged download? Get the file again."
_GZIP_MAGIC = b"\x1f\x8b"
_SHORT = "Is it a partial download, or is its header wrong?"
_SHORT_GZIP = "The gzip stream is whole, so its header is wrong or data was left out."


def gzip_error(path: PathLike, cause: Exception) -> IdxError:
    """Says what Python's gzip reader found, by the part of the file it concerns."""
    reason, again = str(cause), text_damage.cause(path) or AGAIN
    if isinstance(cause, zlib.error):
        return error(path, "gzip data", "a valid stream", "damaged data", again)
    if "CRC" in reason:
        return error(path, "gzip CRC", "that of the data", "another", again)
    if "length" in reason:
        return error(path, "gzip length", "that of the data", "another", again)
    if "Not a gzipped" in reason:
        hint = "Something was appended to the gzip file; get it again."
        return error(path, "gzip stream", "its end", "other bytes behind it", hint)
    return error(path, "gzip header", "a valid one", reason.lower(), again)


def payload_error(path: PathLike, header: Header, found: int) -> IdxError:
    """Returns the error for a payload of another length than the header says."""
    expected = f"{header.payload_bytes} bytes ({' x '.join(map(str, header.shape))})"
    if found > header.payload_bytes:
        amount = "more than that"
        hint = "Is its header wrong, or was something appended?"
    else:
        amount = f"{found}"
        hint = _SHORT_GZIP if header.compressed else _SHORT
    # Dimensions that make sense only with their bytes in reverse order.
    swapped = np.array(header.shape, np.uint32).byteswap()
    if max(header.shape) >= 1 << 24 and int(swapped.max()) < 1 << 24:
        hint = "Its dimensions look little-endian; IDX is big-endian."
    hint = text_damage.cause(path) or hint
    return error(path, "payload", expected, amount, hint)


def of_start(path: PathLike, start: bytes, compressed: bool) -> str:
    """Returns what a file that is not IDX, and begins like this, seems to be."""
    if len(start) < 4:
        return AGAIN
    if damage := text_damage.cause(path):
        return damage
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
