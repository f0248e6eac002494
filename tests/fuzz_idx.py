"""Coverage-guided fuzzing of the reader against the reference decoder.

    pip install atheris
    python tests/fuzz_idx.py CORPUS_DIR -max_total_time=660

Inputs that reach new code are kept in the folder, which begins with small true files.
The first failure ends the run and is written to a file; given that instead of the
folder, the program shows it again. Options are libFuzzer's.
"""

import pathlib
import sys
import tempfile

import atheris

_TESTS = pathlib.Path(__file__).parent
sys.path[:0] = map(str, (_TESTS / "helpers", _TESTS / "mnist_idx_tfds" / "idx"))

# Coverage is counted in what is imported here for the first time.
with atheris.instrument_imports(include=["mnist_idx_tfds.idx", "gzip"]):
    import idx_files
    import numpy as np
    from test_idx_fuzz import assert_read_as_decoded

    from mnist_idx_tfds.idx import reading


# Four times what a run takes: what grows with an input that lies shows.
_RSS_LIMIT_MB = 512
_CHUNK_ITEMS = (None, 1, 2, 7)


def _two_members(data: bytes) -> bytes:
    half = len(data) // 2
    return idx_files.gzip_member(data[:half]) + idx_files.gzip_member(data[half:])


def _flagged(data: bytes) -> bytes:
    """Takes the flags and fields of a gzip header, and what is behind it, from data."""
    flags, size, rest = data[:1], data[1:2], data[2:]
    end = size[0] % 16 if size else 0
    fields, rest = rest[:end], rest[end:]
    return idx_files.gzip_member(rest, flags=flags[0] if flags else 0, fields=fields)


# How the file is made from the input behind its first byte. No mutation would find the
# CRC that lets the reader get past gzip, so most of these write it.
_PACKS = (
    bytes,
    idx_files.gzip_member,
    _two_members,
    _flagged,
    lambda data: b"\x1f\x8b\x08" + data,
)


def file_bytes(data: bytes) -> tuple[bytes, int | None]:
    """Returns the file that an input stands for, and the `chunk_items` to read it with."""
    mode = data[0] if data else 0
    pack = _PACKS[mode % len(_PACKS)]
    return pack(data[1:]), _CHUNK_ITEMS[mode // len(_PACKS) % len(_CHUNK_ITEMS)]


def _write_seeds(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for dtype in idx_files.CODES:
        for shape in ((5,), (3, 2), (2, 3, 2), (1, 2, 1, 2)):
            array = np.arange(np.prod(shape)).reshape(shape)
            true = idx_files.encode(array, dtype)
            files = {
                "plain": b"\0" + true,
                "gzip": b"\1" + true,
                "members": b"\2" + true,
                "fields": b"\3\x1c\x0a\2\0xyname\0c\0" + true,
                "raw": b"\4" + idx_files.gzip_member(true)[3:],
            }
            for name, data in files.items():
                (folder / f"seed-{name}-{len(shape)}-{true[2]}").write_bytes(data)


def main() -> None:
    """Fuzzes until libFuzzer ends it."""
    reading._BLOCK_BYTES = 16  # So that small files are read in many blocks.
    if len(sys.argv) > 1 and not (corpus := pathlib.Path(sys.argv[1])).is_file():
        _write_seeds(corpus)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "file"
        atheris.Setup(
            [*sys.argv, f"-rss_limit_mb={_RSS_LIMIT_MB}"],
            lambda data: assert_read_as_decoded(path, *file_bytes(data)),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
