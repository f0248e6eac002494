"""Tests of files as arrays: `load`, `save`, `open_memmap` and `read_range`."""

import gzip
import os
import pathlib
import resource
import subprocess
import sys

import idx_files
import numpy as np
import pytest
from idx_files import IMAGES, encode, gzip_member, header

from mnist_idx_tfds import idx

_TRUE = encode(IMAGES)
_IO = pathlib.Path("/proc/self/io")
_counts_reads = pytest.mark.skipif(not _IO.exists(), reason="Linux counts what is read")


def _write(tmp_path, data, name="file"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def _extremes(dtype):
    """Values of a type in this machine's byte order, the lowest and highest too."""
    limits = np.finfo(dtype) if dtype[1] == "f" else np.iinfo(dtype)
    native = np.dtype(dtype).newbyteorder("=")
    return np.array([[limits.min, limits.max, 0, 1, 100, 7]] * 2, native)


def _error(function, *args):
    with pytest.raises(idx.IdxError) as caught:
        function(*args)
    return str(caught.value)


def _bytes_read():
    """How many bytes this process has asked the system for."""
    return int(_IO.read_text().split()[1])


@pytest.mark.parametrize("pack", [bytes, gzip_member], ids=["plain", "gzip"])
@pytest.mark.parametrize("dtype", idx_files.CODES)
def test_every_type_is_loaded_in_native_byte_order(tmp_path, dtype, pack):
    array = _extremes(dtype)
    loaded = idx.load(_write(tmp_path, pack(encode(array, dtype))))
    np.testing.assert_array_equal(loaded, array, strict=True)
    assert loaded.dtype.isnative


@pytest.mark.parametrize("shape", [(1,), (5,), (1, 1, 1, 2), (2, *[1] * 31)])
def test_every_rank_is_loaded(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=">f4").reshape(shape)
    loaded = idx.load(_write(tmp_path, encode(array, ">f4")))
    np.testing.assert_array_equal(loaded, array, strict=False)
    assert loaded.shape == shape


def test_loaded_array_is_ones_own_to_change(tmp_path):
    path = _write(tmp_path, _TRUE)
    idx.load(path)[:] = 0
    assert path.read_bytes() == _TRUE


@pytest.mark.parametrize("fault", idx_files.FAULTS, ids=lambda fault: fault.name)
def test_fault_is_named_by_load_as_by_check(tmp_path, fault):
    path = _write(tmp_path, fault.make(_TRUE))
    assert _error(idx.load, path) == _error(idx.check, path) == f"{path}: {fault.says}"


@pytest.mark.parametrize("fault", idx_files.HEADER_FAULTS, ids=lambda fault: fault.name)
def test_header_fault_is_named_by_load_as_by_check_in_gzip_too(tmp_path, fault):
    path = _write(tmp_path, gzip_member(fault.make(_TRUE)))
    assert _error(idx.load, path) == _error(idx.check, path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda true: true + b"1", "payload: expected 1048576 bytes"),
        (lambda true: gzip_member(true) + b"1", "gzip stream: expected its end"),
        (lambda true: gzip_member(true, crc=1), "gzip CRC: expected that of"),
    ],
    ids=["byte after plain", "byte after gzip", "CRC"],
)
def test_load_verifies_the_end_if_the_data_end_with_a_block(tmp_path, make, says):
    path = _write(tmp_path, make(encode(np.zeros((1024, 1024)))))
    assert _error(idx.load, path).startswith(f"{path}: {says}")


@pytest.mark.parametrize("function", [idx.load, idx.open_memmap])
def test_unreadable_file_is_named(tmp_path, function):
    path = tmp_path / "missing"
    assert _error(function, path) == (
        f"{path}: file: expected a readable file, found an error: "
        "no such file or directory."
    )


@_counts_reads
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_load_reads_a_file_once(tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    random = np.random.default_rng(0)  # Which does not get smaller in gzip.
    idx.save(path, random.integers(0, 256, (64, 256, 256), np.uint8))
    before = _bytes_read()
    idx.load(path)
    assert 1 << 22 < _bytes_read() - before < 5 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_load_holds_the_array_once_whatever_the_file_says(tmp_path):
    """16 MiB more than the array is enough; a lie is told from a lack of memory."""
    zeros = gzip_member(bytes(1 << 20))
    files = {
        "plain": header(12, 16, 1 << 20) + bytes(64 << 20),
        "gzip": gzip_member(header(12, 16, 1 << 20)) + zeros * 64,
        "claims": header(8, 2**32 - 1, 28, 28) + bytes(7840),
        "beyond NumPy": header(14, *[2**32 - 1] * 3) + bytes(8),
        "gzip claims": gzip_member(header(8, 2**32 - 1, 28, 28)) + zeros * 2,
        "true": gzip_member(header(8, 128, 1 << 20)) + zeros * 128,
    }
    paths = [_write(tmp_path, data, name) for name, data in files.items()]
    root = pathlib.Path(idx.__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", _LIMITED, *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    plain, packed, claims, beyond, packed_claims, true = result.stdout.splitlines()
    assert plain == packed == "(16, 1048576) int32"
    assert "found 7840." in claims
    assert "found 8." in beyond
    assert f"found {2 << 20}." in packed_claims
    assert true == "no memory"


_LIMITED = """
import resource, sys
from mnist_idx_tfds import idx

pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (80 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    try:
        array = idx.load(path)
        print(array.shape, array.dtype)
        del array
    except idx.IdxError as error:
        print(error)
    except MemoryError:
        print("no memory")
"""


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", idx_files.CODES)
def test_saved_file_is_as_packed_by_hand(tmp_path, dtype, suffix):
    """Whatever the byte order in memory."""
    array = _extremes(dtype)
    for order in "<>":
        path = tmp_path / f"file{suffix}"
        idx.save(path, array.astype(array.dtype.newbyteorder(order)))
        data = path.read_bytes()
        assert (gzip.decompress(data) if suffix else data) == encode(array, dtype)


@pytest.mark.parametrize(
    "array",
    [
        IMAGES.T,
        IMAGES[::-3, :, ::2],
        np.asfortranarray(IMAGES),
        np.broadcast_to(IMAGES[0], (5, 4, 3)),
        np.arange(1200_000, dtype="i2"),
        np.zeros((2, 1_100_000), "u1"),
    ],
    ids=["transposed", "strided", "Fortran", "broadcast", "many chunks", "large items"],
)
def test_any_memory_layout_is_saved_and_loaded(tmp_path, array):
    idx.save(tmp_path / "file.gz", array)
    np.testing.assert_array_equal(idx.load(tmp_path / "file.gz"), array, strict=True)


def test_saving_twice_gives_the_same_bytes(tmp_path):
    """A gzip file holds neither a time nor the name that it was written to."""
    for name in ("one.gz", "another.gz"):
        idx.save(tmp_path / name, IMAGES)
    data = (tmp_path / "one.gz").read_bytes()
    assert data == (tmp_path / "another.gz").read_bytes()
    assert data[3:8] == bytes(5)  # The flags and the four bytes of the time.


def test_saved_file_may_be_read_by_those_who_may_read_others(tmp_path):
    idx.save(tmp_path / "saved", IMAGES)
    other = _write(tmp_path, b"", "other")
    assert (tmp_path / "saved").stat().st_mode == other.stat().st_mode


_TYPES = "type: expected one of uint8, int8, int16, int32, float32, float64, found"
_CONVERT = "Convert the array with astype to one of these that holds its values."
_DIMENSIONS = "dimensions: expected 1 to 32, each 1 to 2^32 - 1, found"


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(3, "u2"), f"{_TYPES} uint16. {_CONVERT}"),
        (np.zeros(3, "i8"), f"{_TYPES} int64. {_CONVERT}"),
        (np.zeros(3, "f2"), f"{_TYPES} float16. {_CONVERT}"),
        (np.zeros(3, "?"), f"{_TYPES} bool. {_CONVERT}"),
        (np.zeros(3, "c8"), f"{_TYPES} complex64. {_CONVERT}"),
        (np.array(["a"]), f"{_TYPES} str32. {_CONVERT}"),
        (np.array([None]), f"{_TYPES} object. {_CONVERT}"),
        ([1.5, 2**70], f"{_TYPES} object. {_CONVERT}"),
        (np.uint8(3), f"{_DIMENSIONS} ()."),
        (np.zeros((0, 28, 28), "u1"), f"{_DIMENSIONS} (0, 28, 28)."),
        (np.zeros((1,) * 33, "u1"), f"{_DIMENSIONS} {(1,) * 33}."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_idx_cannot_hold_is_not_saved(tmp_path, array, says):
    """And what was there before is there still, and nothing else."""
    path = _write(tmp_path, b"before")
    assert _error(idx.save, path, array) == f"{path}: {says}"
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_save_that_finds_no_room_leaves_what_was_there(tmp_path, suffix):
    path = _write(tmp_path, b"before", f"file{suffix}")
    array = np.random.default_rng(0).integers(0, 256, (32, 1 << 18), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard))
    try:
        message = _error(idx.save, path, array)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert message == (
        f"{path}: file: expected one that can be written, found an error: "
        "file too large."
    )
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing/file", "no such file or directory"), ("folder", "is a folder")],
)
def test_save_where_no_file_can_be_is_named(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    message = _error(idx.save, tmp_path / name, IMAGES)
    assert message.startswith(f"{tmp_path / name}: file: expected one that can be")
    assert message.endswith(f"found an error: {reason}.")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.parametrize("dtype", idx_files.CODES)
def test_every_type_is_mapped_as_stored(tmp_path, dtype):
    array = _extremes(dtype)
    mapped = idx.open_memmap(_write(tmp_path, encode(array, dtype)))
    assert (type(mapped), mapped.dtype) == (np.memmap, np.dtype(dtype))
    np.testing.assert_array_equal(mapped, array)


def test_mapped_file_cannot_be_changed(tmp_path):
    mapped = idx.open_memmap(_write(tmp_path, _TRUE))
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 0


@_counts_reads
def test_mapping_does_not_read_the_file(tmp_path):
    path = _write(tmp_path, header(8, 1 << 30))
    os.truncate(path, 8 + (1 << 30))
    before = _bytes_read()
    mapped = idx.open_memmap(path)
    assert mapped.shape == (1 << 30,)
    assert _bytes_read() - before < 1 << 16


def _read_first(path):
    return idx.read_range(path, 0, 1)


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (0, 4), (3, 7), (9, 10), (5, 5)])
def test_range_has_the_items_from_its_start_to_before_its_end(tmp_path, start, stop):
    items = idx.read_range(_write(tmp_path, _TRUE), start, stop)
    np.testing.assert_array_equal(items, IMAGES[start:stop], strict=True)


@pytest.mark.parametrize("dtype", idx_files.CODES)
def test_range_of_every_type_is_as_stored(tmp_path, dtype):
    array = _extremes(dtype)
    items = idx.read_range(_write(tmp_path, encode(array, dtype)), 1, len(array))
    np.testing.assert_array_equal(items, array[1:].astype(dtype), strict=True)


@_counts_reads
def test_range_does_not_read_what_is_before_or_after_it(tmp_path):
    path = _write(tmp_path, header(8, 1 << 30))
    os.truncate(path, 8 + (1 << 30))
    before = _bytes_read()
    assert len(idx.read_range(path, 1 << 29, (1 << 29) + 1000)) == 1000
    assert _bytes_read() - before < 1 << 16


@pytest.mark.parametrize(
    "fault",
    [f for f in idx_files.FAULTS if f.make(_TRUE)[:2] != b"\x1f\x8b"],
    ids=lambda fault: fault.name,
)
@pytest.mark.parametrize("function", [idx.open_memmap, _read_first])
def test_fault_of_a_plain_file_is_named_before_it_is_mapped(tmp_path, fault, function):
    path = _write(tmp_path, fault.make(_TRUE))
    assert _error(function, path) == f"{path}: {fault.says}"


@pytest.mark.parametrize("function", [idx.open_memmap, _read_first])
def test_gzip_file_is_not_mapped(tmp_path, function):
    """By its content, and with what to do instead."""
    path = _write(tmp_path, gzip_member(_TRUE))
    assert _error(function, path) == (
        f"{path}: file: expected a plain one, found a gzip file. "
        "Read it with idx.load, or run gunzip on it."
    )


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_mnist_is_loaded_as_published(mnist_idx_dir, split):
    for name in (f"{split}-images-idx3-ubyte.gz", f"{split}-labels-idx1-ubyte.gz"):
        path = mnist_idx_dir / name
        expected = idx_files.decode(path.read_bytes())
        np.testing.assert_array_equal(idx.load(path), expected, strict=True)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_torch_trains_from_a_folder_of_idx_files(tmp_path, suffix):
    torch = pytest.importorskip("torch")
    from mnist_idx_tfds import idx_set

    arrays = idx_files.write_set(tmp_path, suffix=suffix, label_dtype=">i4")
    pair = idx_set.find(tmp_path)["train"]
    tensors = [torch.from_numpy(idx.load(path)) for path in pair]
    data = torch.utils.data.TensorDataset(*tensors)
    ((images, labels),) = torch.utils.data.DataLoader(data, batch_size=10)
    np.testing.assert_array_equal(images.numpy(), arrays["train"][0])
    np.testing.assert_array_equal(labels.numpy(), arrays["train"][1])
