"""Whether a file went through what is only for text: line ends, or a character set."""

import codecs
import math

from etils import epath

from mnist_idx_tfds.idx.format import DTYPES, MAX_RANK, PathLike

_BLOCK_BYTES = 1 << 20
_START_BYTES = 1 << 10
_CRLF = "Its line ends were changed to CRLF, as by Git or FTP for text"
_UTF8 = "It was written as text in UTF-8"
_AGAIN = "get it again, as binary."
_LOST = b"\xef\xbf\xbd"  # What stands in UTF-8 for a byte that was none.
_FEW = 3  # Line ends, or characters, that a file has by chance.


def cause(path: PathLike) -> str:
    """Returns what was done to a file that is not as it says, or an empty text.

    All of the file, which could be read before, is read with flat memory; so this is only
    for files that are wrong.
    """
    size = ends = windows_ends = wide = 0
    start, last = b"", b""
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    try:
        with epath.Path(path).open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                start = start or block[:_START_BYTES]
                if start[:1] not in (b"\0", b"\x1f"):
                    return ""  # It was neither IDX nor gzip before.
                size += len(block)
                ends += block.count(b"\n")
                windows_ends += block.count(b"\r\n") + (last + block[:1] == b"\r\n")
                last = block[-1:]
                try:
                    text = decoder.decode(block) if decoder else ""
                    wide += len(text) - len(text.encode("ascii", "ignore"))
                except UnicodeDecodeError:
                    decoder = None
    except OSError:
        return ""
    is_gzip = start[:2] == b"\x1f\x8b"
    if ends and ends == windows_ends:
        plain = _size(start.replace(b"\r\n", b"\n"))
        if plain == size - ends or (is_gzip and ends >= _FEW):
            return f"{_CRLF}: {_AGAIN}"
    if decoder and wide >= _FEW:
        lost = ", and bytes were lost" if _LOST in start else ""
        return f"{_UTF8}{lost}: {_AGAIN}"
    return ""


def _size(start: bytes) -> int | None:
    """Returns how large a plain file is by its header; None if that is none."""
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in DTYPES:
        return None
    end = 4 + 4 * start[3]
    if not 1 <= start[3] <= MAX_RANK or len(start) < end:
        return None
    shape = [int.from_bytes(start[n : n + 4], "big") for n in range(4, end, 4)]
    return end + math.prod(shape) * DTYPES[start[2]].itemsize
