"""Tests of the IDX reader and writer, one file at a time."""

import gzip
import itertools
import os
import pathlib
import re
import subprocess
import sys

import idx_files
import numpy as np
import pytest
from idx_files import IMAGES, encode, gzip_member, header

from mnist_idx_tfds import idx

_TRUE = encode(IMAGES)


def _write(tmp_path, data, name=idx_files.TRAIN_IMAGES):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def _values(path, chunk_items=None):
    return np.concatenate(list(idx.read(path, chunk_items)))


def _error(path):
    """The message of the error that reading the file gives before any data."""
    with pytest.raises(idx.IdxError) as caught:
        next(idx.read(path, chunk_items=1))
    message = str(caught.value)
    assert re.fullmatch(
        rf"{re.escape(str(path))}: [\w ]+: expected .+, found .+\.( .+[.?])?", message
    )
    return message


def _run(code, *args):
    """What the code prints in a Python of its own."""
    root = pathlib.Path(idx.__file__).parents[2]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize("pack", [bytes, gzip_member], ids=["plain", "gzip"])
@pytest.mark.parametrize("dtype", idx_files.CODES)
def test_every_type_is_read_back(tmp_path, dtype, pack):
    """All six types give their values and stored type, the extremes too."""
    limits = np.finfo(dtype) if dtype[1] == "f" else np.iinfo(dtype)
    array = np.array([[limits.min, limits.max, 0, 1, 100, 7]] * 2, dtype)
    path = _write(tmp_path, pack(encode(array, dtype)))
    values = np.concatenate(chunks := list(idx.read(path)))
    assert {chunk.dtype for chunk in chunks} == {np.dtype(dtype)}
    np.testing.assert_array_equal(values, array)


@pytest.mark.parametrize(
    "shape", [(1,), (5,), (3, 2), (2, 3, 4), (1, 1, 1, 2), (2, *[1] * 31)]
)
def test_every_rank_is_read_back(tmp_path, shape):
    """Labels, images and what else there is, up to rank 32."""
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.testing.assert_array_equal(_values(_write(tmp_path, encode(array))), array)


@pytest.mark.parametrize("name", ["a.gz", "train-images.idx3-ubyte", "IMAGES"])
@pytest.mark.parametrize("pack", [bytes, gzip_member], ids=["plain", "gzip"])
def test_content_not_name_decides_on_gzip(tmp_path, name, pack):
    """A plain file named .gz and a gzip file not named so are both read."""
    path = _write(tmp_path, pack(_TRUE), name)
    assert idx.read_header(path).compressed == (pack is gzip_member)
    np.testing.assert_array_equal(_values(path), IMAGES)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(gzip_member(_TRUE[:50]) + gzip_member(_TRUE[50:]), id="two"),
        pytest.param(
            b"".join(gzip_member(bytes([byte])) for byte in _TRUE), id="one a byte"
        ),
        pytest.param(gzip_member(b"") + gzip_member(_TRUE), id="empty first"),
        pytest.param(gzip_member(_TRUE) + gzip_member(b""), id="empty last"),
        pytest.param(gzip_member(_TRUE) + bytes(9), id="padded with zeros"),
        pytest.param(
            gzip_member(_TRUE, flags=28, fields=b"\2\0xyname\0comment\0"),
            id="extra field, name and comment",
        ),
    ],
)
def test_legal_gzip_variants_are_read(tmp_path, data):
    """Members one after another are one stream, whatever their headers hold."""
    np.testing.assert_array_equal(_values(_write(tmp_path, data)), IMAGES)


def test_header_says_what_the_file_does(tmp_path):
    """Type, shape, magic number and sizes come from the header."""
    data = gzip_member(encode(np.zeros((5, 3, 2)), ">i2"))
    read = idx.read_header(_write(tmp_path, data))
    assert read == idx.Header(np.dtype(">i2"), (5, 3, 2), compressed=True)
    assert read.magic == b"\0\0\x0b\3"
    assert (read.item_bytes, read.payload_bytes) == (12, 60)


def test_header_is_read_without_the_payload(tmp_path):
    """A header is all that `read_header` wants, and all that it verifies."""
    path = _write(tmp_path, _TRUE[:16])
    assert idx.read_header(path).shape == IMAGES.shape


def test_check_returns_the_header(tmp_path):
    path = _write(tmp_path, _TRUE)
    assert idx.check(path) == idx.Header(np.dtype("u1"), IMAGES.shape)


@pytest.mark.parametrize(
    ("chunk_items", "lengths"),
    [(1, [1] * 10), (3, [3, 3, 3, 1]), (10, [10]), (11, [10]), (None, [10])],
)
def test_chunks_are_of_the_size_asked_for(tmp_path, chunk_items, lengths):
    """Only the last chunk is shorter, and together they are the array."""
    chunks = list(idx.read(_write(tmp_path, _TRUE), chunk_items))
    assert [len(chunk) for chunk in chunks] == lengths
    np.testing.assert_array_equal(np.concatenate(chunks), IMAGES)


@pytest.mark.parametrize(
    ("shape", "lengths"), [((21, 100_000), [10, 10, 1]), ((2, 1_100_000), [1, 1])]
)
def test_default_chunks_fit_in_a_mebibyte(tmp_path, shape, lengths):
    """Unless a single item is larger than that."""
    array = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    chunks = list(idx.read(_write(tmp_path, gzip_member(encode(array)))))
    assert [len(chunk) for chunk in chunks] == lengths
    np.testing.assert_array_equal(np.concatenate(chunks), array)


@pytest.mark.parametrize("chunk_items", [0, -1])
def test_chunks_of_nothing_are_refused(tmp_path, chunk_items):
    path = _write(tmp_path, _TRUE)
    with pytest.raises(ValueError, match=f"at least 1, not {chunk_items}"):
        next(idx.read(path, chunk_items))


@pytest.mark.parametrize("fault", idx_files.FAULTS, ids=lambda fault: fault.name)
def test_fault_is_named(tmp_path, fault):
    """One line: file, field, expected, found and cause; and no data before it."""
    path = _write(tmp_path, fault.make(_TRUE))
    assert _error(path) == f"{path}: {fault.says}"


@pytest.mark.parametrize("fault", idx_files.HEADER_FAULTS, ids=lambda fault: fault.name)
def test_header_fault_is_named_in_gzip_too(tmp_path, fault):
    path = _write(tmp_path, gzip_member(fault.make(_TRUE)))
    fault_alone, _, _ = fault.says.partition(". ")  # Causes differ in gzip.
    assert _error(path).startswith(f"{path}: {fault_alone}. ")


def test_only_the_six_type_codes_are_accepted(tmp_path):
    """All others are shown as they were found, in hexadecimal."""
    for code in set(range(256)) - set(idx_files.CODES.values()):
        path = _write(tmp_path, header(code, 1, 1, 1) + bytes(1))
        assert "magic number: expected 0x00000803 for" in (error := _error(path))
        assert f"found 0x0000{code:02x}03." in error


@pytest.mark.parametrize("pack", [bytes, gzip_member], ids=["plain", "gzip"])
def test_file_cut_anywhere_is_refused(tmp_path, pack):
    """Every shorter beginning of a file is an error, and never data."""
    data = pack(_TRUE)
    for size in range(len(data)):
        _error(_write(tmp_path, data[:size]))
    np.testing.assert_array_equal(_values(_write(tmp_path, data)), IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip_member], ids=["plain", "gzip"])
def test_file_with_any_bit_flipped_is_read_for_what_it_is(tmp_path, pack):
    """A flipped bit is an error or gives what the reference decoder gives."""
    data = pack(encode(IMAGES[:2]))
    for position, bit in itertools.product(range(len(data)), range(8)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << bit
        path = _write(tmp_path, flipped)
        expected = idx_files.decode(bytes(flipped))
        if expected is None:
            _error(path)
        else:
            values = _values(path)
            np.testing.assert_array_equal(values, expected)
            assert values.dtype == expected.dtype


def test_last_byte_is_verified_before_the_first_is_given(tmp_path):
    """A fault after many chunks leaves none of them to be taken for data."""
    data = gzip_member(encode(np.zeros((5000, 28, 28))))
    assert "gzip length" in _error(_write(tmp_path, data[:-1] + b"\1"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda true: true + b"1", "payload: expected 1048576 bytes"),
        (lambda true: gzip_member(true) + b"1", "gzip stream: expected its end"),
        (lambda true: gzip_member(true, crc=1), "gzip CRC: expected that of"),
    ],
    ids=["byte after plain", "byte after gzip", "CRC"],
)
def test_end_is_verified_if_the_data_end_with_a_block(tmp_path, make, says):
    """A payload of a whole number of blocks read still has what follows looked at."""
    path = _write(tmp_path, make(encode(np.zeros((1024, 1024)))))
    assert _error(path).startswith(f"{path}: {says}")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file or directory"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.symlink_to("gone"), "no such file or directory"),
    ],
    ids=["missing", "a directory", "broken link"],
)
def test_unreadable_file_is_named(tmp_path, make, reason):
    path = tmp_path / idx_files.TRAIN_IMAGES
    make(path)
    assert _error(path) == (
        f"{path}: file: expected a readable file, found an error: {reason}."
    )


def test_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    """What was verified and is no longer there is not given as data."""
    path = _write(tmp_path, encode(np.zeros((1000, 100))))
    chunks = idx.read(path, chunk_items=1)
    next(chunks)
    os.truncate(path, 50_000)
    with pytest.raises(idx.IdxError, match=r"payload: .* The file changed"):
        list(chunks)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_memory_is_bounded_whatever_the_file_says(tmp_path):
    """64 MiB more is enough for huge claims, gzip bombs and large true files."""
    zeros = gzip_member(bytes(1 << 20))
    files = {
        "claims": header(8, 2**32 - 1, 28, 28) + bytes(7840),
        # Whoever reads a bomb to its end finds another fault there.
        "bomb": gzip_member(header(8, 10, 28, 28)) + zeros * 1024 + b"end",
        "both": gzip_member(header(8, 2**32 - 1, 28, 28)) + zeros * 128,
        "true": gzip_member(header(8, 128, 1 << 20)) + zeros * 128,
    }
    paths = [_write(tmp_path, data, name) for name, data in files.items()]
    claims, bomb, both, true, limit = _run(_LIMITED, *paths)
    count = 2**32 - 1
    assert f"payload: expected {count * 784} bytes" in claims
    assert "found 7840." in claims
    assert "payload: expected 7840 bytes (10 x 28 x 28), found more than" in bomb
    assert f"(4294967295 x 28 x 28), found {128 << 20}." in both
    assert true == "128 items"
    assert limit == "no more memory"


_LIMITED = """
import resource, sys
from mnist_idx_tfds import idx

def show(path):
    try:
        print(sum(len(chunk) for chunk in idx.read(path)), "items")
    except idx.IdxError as error:
        print(error)

pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    show(path)
try:
    bytes(96 << 20)
except MemoryError:
    print("no more memory")
"""


def test_import_does_not_import_tensorflow():
    """The format needs no TensorFlow, which takes seconds to import."""
    code = """
import sys
from mnist_idx_tfds import idx, idx_set
print("tensorflow" in sys.modules, idx.__name__ in sys.modules)
"""
    assert _run(code) == ["False True"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", idx_files.CODES)
def test_written_file_is_as_packed_by_hand(tmp_path, dtype, suffix):
    """Values in the machine's byte order are stored big-endian, in any type."""
    array = np.arange(24).reshape(4, 3, 2)
    native = np.dtype(dtype).newbyteorder("=")
    path = tmp_path / f"file{suffix}"
    idx.write(path, array.shape, [array[:1].astype(native), array[1:]], native)
    data = path.read_bytes()
    assert (gzip.decompress(data) if suffix else data) == encode(array, dtype)
    np.testing.assert_array_equal(_values(path), array)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    """A gzip file holds neither a time nor the name that it was written to."""
    written = []
    for name in ("one.gz", "another.gz"):
        idx.write(tmp_path / name, IMAGES.shape, [IMAGES])
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert written[0][3:8] == bytes(5)  # The flags and the four bytes of the time.


@pytest.mark.parametrize(
    ("shape", "chunks", "dtype", "message"),
    [
        (
            (2, 3),
            [np.zeros((1, 3))],
            "u1",
            "payload: expected 6 bytes for (2, 3), found 3 bytes.",
        ),
        (
            (2, 3),
            [np.zeros((2, 3)), np.zeros((1, 3))],
            "u1",
            "payload: expected 6 bytes for (2, 3), found 9 bytes.",
        ),
        (
            (1,),
            [np.zeros(1)],
            "u2",
            "type: expected one of uint8, int8, int16, int32, float32, float64, "
            "found uint16.",
        ),
        (
            (3,),
            [np.array([0, 300, 1])],
            "u1",
            "values: expected ones that uint8 can hold, found 0 to 300.",
        ),
        (
            (2,),
            [np.array([0.5, 1.0])],
            ">i4",
            "values: expected ones that int32 can hold, found 0.5 to 1.0.",
        ),
        (
            (2, 0),
            [],
            "u1",
            "dimensions: expected 1 to 32, each 1 to 2^32 - 1, found (2, 0).",
        ),
        (
            (2**32,),
            [],
            "u1",
            "dimensions: expected 1 to 32, each 1 to 2^32 - 1, found (4294967296,).",
        ),
        (
            (),
            [],
            "u1",
            "dimensions: expected 1 to 32, each 1 to 2^32 - 1, found ().",
        ),
    ],
    ids=[
        "too few",
        "too many",
        "type",
        "overflow",
        "fraction",
        "dimension 0",
        "dimension 2^32",
        "rank 0",
    ],
)
def test_what_idx_cannot_hold_is_not_written(tmp_path, shape, chunks, dtype, message):
    """The error names what was asked for; what was there is there still."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(idx.IdxError) as caught:
        idx.write(path, shape, chunks, dtype)
    assert str(caught.value) == f"{path}: {message}"
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (idx_files.TRAIN_IMAGES, (60_000, 28, 28)),
        (idx_files.TRAIN_LABELS, (60_000,)),
        (idx_files.TEST_IMAGES, (10_000, 28, 28)),
        (idx_files.TEST_LABELS, (10_000,)),
    ],
)
def test_mnist_is_read_as_published(mnist_idx_dir, name, shape):
    """Type, shape and every value of the real files."""
    path = mnist_idx_dir / name
    read = idx.read_header(path)
    assert (read.dtype, read.shape) == (np.uint8, shape)
    expected = idx_files.decode(path.read_bytes())
    np.testing.assert_array_equal(_values(path), expected)
